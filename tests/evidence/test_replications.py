import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rin.evidence import replications
from rin.evidence.paper import CITATION, COMPARISONS, SOURCES
from rin.evidence.replications import (
    AUC_POINTS,
    POOLED_ERRORS,
    REPLICATIONS,
    like_for_like,
    moderators,
    pooled_groups,
    standard_error,
)
from rin.files import REPOSITORY, read_facts

each = pytest.mark.parametrize("one", REPLICATIONS, ids=lambda one: f"{one.study}-{one.data}")
#: Estimate and standard error of all groups, and of the shift by frozen layers, by metafor (AUC
#: points).
METAFOR = {"All groups": (-1.0169728, 3.2276849), "frozen layers": (-4.1489927, 2.7909964)}
READ = read_facts(replications.__file__)
FIELDS, SEARCH = READ["fields"], READ["search"]
#: Types of the fields that have no default, or one of another type.
UNSTATED = dict.fromkeys(["study", "place", "data", "metric", "ahead"], (str,))
UNSTATED |= {f"{source}{end}": (float, int) for source in SOURCES for end in ("", "_sd")}
BOTH = [one for one in REPLICATIONS if None not in (one.radimagenet, one.imagenet)]


@each
def test_every_record_has_a_citable_source_and_says_what_was_compared(one):
    hosts = r"(github\.com|openreview\.net)"
    pattern = rf"^(10\.\d{{4,}}/\S+|PMID \d{{8}}|arXiv \d{{4}}\.\d{{5}}|{hosts}/\S+)"
    assert re.match(pattern, one.place)
    assert CITATION.doi not in one.place, "the authors' own report is no replication"
    assert all((one.study, one.data, one.network, one.metric))
    assert one.ahead in ("RadImageNet", "ImageNet", "parity")
    assert one.release in ("TensorFlow", "PyTorch", "own", "not stated")
    assert one.scaling in ("official", "without 1/255", "other", "own", "not stated")
    assert vars(one).keys() == FIELDS.keys()
    kinds = {name: {type(default), *UNSTATED.get(name, ())} for name, default in FIELDS.items()}
    assert [name for name, value in vars(one).items() if type(value) not in kinds[name]] == []
    assert set(one.tasks) <= set(COMPARISONS)
    assert (one in BOTH and one.like_for_like) or one.remark


@pytest.mark.parametrize("one", BOTH, ids=lambda one: f"{one.study}-{one.data}")
def test_direction_follows_from_the_numbers_unless_the_source_finds_no_difference(one):
    if one.ahead == "parity":
        # Only a test of the source's own can overrule two different numbers.
        assert "P = " in one.remark
    else:
        higher = "RadImageNet" if one.radimagenet > one.imagenet else "ImageNet"
        assert one.ahead == higher
        assert one.radimagenet != one.imagenet


@each
def test_scores_lie_in_the_range_of_their_metric_with_a_spread_of_both_or_neither(one):
    top = {100: 1, 1: 100}.get(AUC_POINTS.get(one.metric), 100)
    # An AUC far below chance is a slip of the pen.
    least = 0.45 * top if one.metric in AUC_POINTS else 0
    for value in (one.radimagenet, one.imagenet):
        assert value is None or least < value <= top
    assert (one.radimagenet_sd is None) == (one.imagenet_sd is None) == (one.folds == 0)
    assert one.folds == 0 or (one in BOTH and min(one.radimagenet_sd, one.imagenet_sd) > 0)


@each
def test_values_of_a_quoted_record_stand_in_its_quotation(one):
    quote = one.quote.replace(",", ".")
    digits = 2 if "±" in quote or "0," not in one.quote else 4
    for value in (one.radimagenet, one.imagenet):
        assert not quote or any(f"{value:.{n}f}" in quote for n in (digits, 3, 4))


@each
def test_a_record_of_another_group_says_what_was_read_and_what_an_error_needs(one):
    if one.group in {row.group for row in REPLICATIONS if row.quote}:
        assert one.quote
        assert one.certainty != "paper"
        assert one.needs
        assert (one.source_p and f"test: {one.source_p}" in one.remark) or not one.source_p


def test_no_record_stands_twice():
    keys = {(one.study, one.data, one.setting) for one in REPLICATIONS}
    assert len(keys) == len(REPLICATIONS)


def test_like_for_like_has_a_row_for_each_comparison_with_both_aucs():
    table = like_for_like()
    expected = [one for one in BOTH if one.like_for_like and one.metric in AUC_POINTS]
    assert len(table) == len(expected) == 35
    # A frozen backbone under different heads differs by 15 points and is left out.
    assert table["estimate"].max() < 10
    breast = table[table["task"] == "breast"]
    assert breast["estimate"].tolist() == [-2.3, -17.4, -5.01]
    assert breast["ci_low"].isna().tolist() == [False, False, True]
    assert set(table.loc[table["own_weights"], "study"]) == {"Juodelyte 2024 (MedMNIST)"}
    assert set(table.loc[table["scaling_missing"], "study"]) == {"Juodelyte 2023"}


def test_intervals_of_others_are_welchs():
    one = like_for_like().set_index("label").loc["breast US (BUSI), fine-tuned"]
    half = (one["ci_high"] - one["ci_low"]) / 2
    p_at_the_end = stats.ttest_ind_from_stats(half, 4.2, 5, 0, 3.8, 5, equal_var=False).pvalue
    assert p_at_the_end == pytest.approx(0.05)


def of_study(name, setting=""):
    return next(
        one for one in REPLICATIONS if one.study.startswith(name) and setting in one.setting
    )


@pytest.mark.parametrize(
    ("study", "source", "error"),
    [
        # (.762 − .714) / 3.92 and (.699 − .639) / 3.92, at right angles
        ("Bone", "intervals of both", 0.0196),
        ("Lumbar", "printed", 0.0228),
        ("Tibial", "interval of the difference", (0.136 + 0.109) / 3.92),
        ("DermaMNIST", "errors of both", (0.018**2 + 0.023**2) ** 0.5),
        ("FedMammoBench", "numbers of cases", 0.0209),
        ("Okazaki", "", float("nan")),
    ],
)
def test_a_standard_error_is_that_of_what_the_source_prints(study, source, error):
    found_source, found, _ = standard_error(of_study(study))
    assert found_source == source
    assert found == pytest.approx(error, abs=5e-5, nan_ok=True)


@pytest.mark.parametrize(
    ("p", "over", "low", "high", "side"),
    [
        ("P < .001", "", -1, 9, "RadImageNet"),  # the source's own test goes first
        ("P = .30", "", 1, 9, "neither"),
        ("P < .001", "settings", 1, 9, ""),
        ("", "", 1, 9, "RadImageNet"),
        ("", "", -1, 9, "neither"),
    ],
)
def test_a_side_is_that_of_the_sources_test_or_else_of_the_interval(p, over, low, high, side):
    row = SimpleNamespace(
        source_p=p, source_p_over=over, ci_low=low, ci_high=high, error_from="printed", estimate=4
    )
    assert replications._side(row) == side


def test_only_printed_errors_are_pooled_over_groups_and_counts_are_a_sensitivity():
    pooled = pooled_groups()
    assert pooled["k"].tolist()[:5] == [7, 4, 3, 3, 7]
    assert pooled.iloc[5:][["k", "groups", "df"]].to_numpy().tolist() == [
        [17, 4, 3],
        [15, 4, 3],  # without Kermany
        [19, 5, 4],  # with errors from counts
    ]
    errors = like_for_like().query("error_from != ''")["error_from"]
    assert {*errors} - {*POOLED_ERRORS} == {"numbers of cases"}
    assert pooled.eval("ci_low < 0 < ci_high").all()


def test_pooling_over_groups_equals_metafors():
    # rma.mv(y, V, random = ~ 1 | group / id, test = "t"), with mods for the shift, gives estimates
    # and errors; the degrees of freedom are those of four groups. V correlates comparisons on the
    # same images by one half.
    found = pd.concat([pooled_groups(), moderators()])
    cells = found.loc[[*METAFOR], ["estimate", "standard_error"]]
    np.testing.assert_allclose(cells, [*METAFOR.values()], atol=1e-3)


def test_moderators_leave_out_what_is_not_stated():
    found = moderators()
    # Bone tumours: neither layers nor scaling are stated.
    assert found["df"].to_dict() == {"frozen layers": 2, "inputs without 1/255": 2}  # four groups
    assert found.eval("ci_low < 0 < ci_high").all()


def test_the_search_adds_up_and_methods_say_it():
    assert sum(SEARCH["excluded"].values()) + SEARCH["kept"] == SEARCH["sources"]
    methods = (REPOSITORY / "book/methods.md").read_text(encoding="utf-8")
    section = " ".join(methods.partition("(replication-search)=")[2].split())
    numbers = [SEARCH[name] for name in ("shown", "opened", "sources", "kept", "with_error")]
    numbers += SEARCH["excluded"].values()
    assert [n for n in numbers if not re.search(rf"(?<!\d){n}(?!\d)", section)] == []
    assert SEARCH["date"] in section

import re
from collections import Counter

import pytest
from scipy import stats

from rin.evidence.paper import CITATION, COMPARISONS
from rin.evidence.replications import (
    AUC_POINTS,
    FOLLOW_UPS,
    REPLICATIONS,
    like_for_like,
    pooled_fine_tuned,
)
from rin.files import REPOSITORY

each = pytest.mark.parametrize("one", REPLICATIONS, ids=lambda one: f"{one.study}-{one.data}")
BOTH = [one for one in REPLICATIONS if None not in (one.radimagenet, one.imagenet)]


@each
def test_every_record_has_a_citable_source_and_says_what_was_compared(one):
    pattern = r"^(10\.\d{4,}/\S+|arXiv \d{4}\.\d{5}|github\.com/\w+/\S+|openreview\.net/\S+)"
    assert re.match(pattern, one.place)
    assert CITATION.doi not in one.place, "the authors' own report is no replication"
    assert all((one.study, one.data, one.network, one.metric))
    assert one.ahead in ("RadImageNet", "ImageNet", "parity")
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


def test_follow_ups_stand_in_the_bibliography_with_shares_and_areas_in_range():
    bibliography = (REPOSITORY / "book/references.bib").read_text()
    assert all(f"{{{key}," in bibliography for key in FOLLOW_UPS)
    hidden, sources = FOLLOW_UPS["juodelyte2023"], FOLLOW_UPS["juodelyte2024"]
    for both, chance in hidden["agreement"].values():
        assert 0 < chance < both < 1
    for found in sources.values():
        assert 0 < found["auc"][1] < found["auc"][0] < 50, "misled: below chance"
        # Five against five: eight degrees of freedom, and permutations of no less than 2 of 252.
        assert (abs(found["t"]) > stats.t.ppf(0.975, 8)) == (found["p"] == 0.0079)


def test_no_record_stands_twice():
    keys = [(one.study, one.data, one.setting) for one in REPLICATIONS]
    assert max(Counter(keys).values()) == 1


def test_two_studies_say_themselves_how_often_imagenet_was_ahead():
    tuned = Counter(one.ahead for one in REPLICATIONS if one.setting == "fine-tuned")
    mnist = [one for one in REPLICATIONS if one.data.startswith("MedMNIST")]
    assert tuned == {"ImageNet": 6, "RadImageNet": 1}
    assert Counter(one.ahead for one in mnist) == {"ImageNet": 10, "RadImageNet": 2}
    assert all(one.own_weights for one in mnist)


def test_every_metric_of_an_auc_has_its_factor():
    assert {one.metric for one in REPLICATIONS if "AUC" in one.metric} == set(AUC_POINTS)


def test_like_for_like_has_a_row_for_each_comparison_with_both_aucs():
    table = like_for_like()
    expected = [one for one in BOTH if one.like_for_like and one.metric in AUC_POINTS]
    assert len(table) == len(expected) == 28
    assert table["ahead"].tolist() == [one.ahead for one in expected]
    # A frozen backbone under different heads differs by 15 points and is left out.
    assert table["estimate"].max() < 10
    breast = table[table["task"] == "breast"]
    assert breast["estimate"].tolist() == [-2.3, -17.4, -5.01]
    assert breast["ci_low"].isna().tolist() == [False, False, True]
    assert set(table.loc[table["scaling_missing"], "study"]) == {"Juodelyte 2023"}


def test_intervals_of_others_are_welchs():
    one = like_for_like().set_index("label").loc["breast US (BUSI), fine-tuned"]
    half = (one["ci_high"] - one["ci_low"]) / 2
    p_at_the_end = stats.ttest_ind_from_stats(half, 4.2, 5, 0, 3.8, 5, equal_var=False).pvalue
    assert p_at_the_end == pytest.approx(0.05)


def test_pooled_comparisons_depend_on_what_they_ask():
    pooled = pooled_fine_tuned()
    found = pooled[["estimate", "ci_low", "ci_high"]].round(1)
    assert found.loc["the paper's questions"].tolist() == [-0.2, -1.6, 1.2]
    assert pooled["k"].to_dict() == {"the paper's questions": 4, "other questions": 3, "all": 7}
    assert found.loc["all", "ci_high"] < 0 < found.loc["the paper's questions", "ci_high"]
    assert pooled["scaling_missing"].all()

import numpy as np
import pandas as pd
import pytest
from fake_analyses import analyses
from fake_tasks import INITS, inputs, scored
from scipy import stats

from rin.report import across
from rin.report import analyses as gathered
from rin.report.tidy import scenario_means
from rin.stats import scenario_aucs
from rin.stats.analyses import KEYS

NAN = float("nan")


def folds(sizes):
    """Split table; per fold the number of training, validation and test images."""
    rows = [
        (f"{fold}-{part}-{k}", fold, part)
        for fold, counts in enumerate(sizes)
        for part, n in zip(("train", "validation", "test"), counts, strict=True)
        for k in range(n)
    ]
    return pd.DataFrame(rows, columns=["case_id", "fold", "part"])


def task_inputs(task, sizes=((30, 4, 6), (20, 4, 6)), **settings):
    one = inputs(task, **settings)
    one.folds = folds(sizes)
    return one


@pytest.fixture(scope="module")
def breast():
    return gathered.analyses_of(
        task_inputs("breast", provenance="real"), scored("breast", 2), INITS, replicates=50
    )


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.02, "a"),
        (-0.02, -0.01, "b"),
        (-0.01, 0.02, "unclear"),
        (0.0, 0.02, "unclear"),
        (-0.02, 0.0, "unclear"),
        (NAN, 0.02, "none"),
        (-0.01, NAN, "none"),
    ],
)
def test_conclusion_follows_the_side_of_zero_on_which_the_interval_lies(low, high, expected):
    assert gathered.conclusion(low, high) == expected


def test_conclusion_is_comparable_only_where_the_interval_holds_zero_and_the_test_shows_it():
    assert gathered.conclusion(-0.01, 0.01, within_margin=True) == "comparable"
    assert gathered.conclusion(0.001, 0.002, within_margin=True) == "a"
    assert gathered.conclusion(-0.002, -0.001, within_margin=True) == "b"
    assert gathered.conclusion(NAN, NAN, within_margin=True) == "none"


def test_analyses_of_a_task_hold_every_analysis_with_the_conclusion_of_its_interval(breast):
    table = breast.table
    assert table["analysis"].tolist() == list(KEYS)
    ahead_a, ahead_b = table["ci_low"] > 0, table["ci_high"] < 0
    assert ((table["conclusion"] == "a") == ahead_a).all()
    assert ((table["conclusion"] == "b") == ahead_b).all()
    assert ((table["conclusion"] == "none") == table["ci_low"].isna()).all()
    assert breast.recommended["analysis"] == "clustered_contrast"
    assert breast.row("unpaired_t")["published"]


def test_analyses_of_a_task_count_the_test_patients_of_the_rarer_class():
    table = scored("breast", 2)
    table.loc[table["case_id"].str.endswith(("-1", "-3")), "label"] = 0
    trained = table.assign(part="train", patient_id=table["patient_id"] + "x", fold=7)
    one = gathered.analyses_of(
        task_inputs("breast"), pd.concat([table, trained]), INITS, replicates=50
    )
    # Two folds of 15 patients with one case of each class; two of each fold lose their positive.
    assert one.fewest_patients == 26


def test_analyses_of_a_task_give_effect_sizes_of_the_scenarios_areas(breast):
    means = scenario_means(scenario_aucs(scored("breast", 2)))
    wide = means.pivot(index="scenario", columns="init", values="auc")
    difference = wide[INITS[0]] - wide[INITS[1]]
    assert breast.effects.cohen_dz == pytest.approx(difference.mean() / difference.std())


def test_analyses_of_a_task_test_equivalence_of_the_recommended_analysis(breast):
    row = breast.recommended
    error = (row["ci_high"] - row["ci_low"]) / (2 * stats.norm.ppf(0.975))
    half_width = stats.norm.ppf(0.95) * error
    assert row["equivalence_high"] == pytest.approx(row["estimate"] + half_width)
    assert row["margin"] == breast.margin


def test_analyses_of_a_task_use_the_split_for_the_correction_over_folds():
    few, many = (
        gathered.analyses_of(
            task_inputs("breast", sizes), scored("breast", 2), INITS, replicates=50
        ).row("nadeau_bengio")
        for sizes in (((60, 4, 6), (60, 4, 6)), ((6, 4, 6), (6, 4, 6)))
    )
    assert few["estimate"] == many["estimate"]
    assert few["ci_high"] - few["ci_low"] < many["ci_high"] - many["ci_low"]


def test_analyses_of_one_fold_say_why_the_correction_over_folds_is_missing():
    one_fold = scored("breast", 2).query("fold == 0")
    one = gathered.analyses_of(task_inputs("breast", [(30, 4, 6)]), one_fold, INITS, replicates=50)
    row = one.row("nadeau_bengio")
    assert row["conclusion"] == "none"
    assert "fold" in row["remark"]
    assert one.recommended["conclusion"] != "none"


def test_analyses_of_a_wide_margin_call_an_unclear_difference_comparable():
    wide = gathered.analyses_of(
        task_inputs("breast"), scored("breast", 2, lead=0.0), INITS, margin=0.5, replicates=50
    )
    assert wide.recommended["conclusion"] == "comparable"
    assert wide.recommended["equivalent"]


def test_analyses_of_a_task_that_the_paper_does_not_have_name_nothing_published():
    own = gathered.analyses_of(
        task_inputs("knees", title="Own knees"), scored("knees", 3), INITS, replicates=50
    )
    assert own.title == "Own knees"
    assert own.published is None
    assert own.published_ends is None
    assert not own.called_comparable


def test_all_analyses_come_in_the_order_of_the_paper(monkeypatch):
    tables = {task: scored(task, seed) for seed, task in enumerate(["acl", "knees", "breast"])}
    monkeypatch.setattr(across, "predictions", lambda study, one: tables[one.task.name])
    monkeypatch.setattr(gathered, "task_analyses", fast_task_analyses(gathered.task_analyses))
    study = type("Study", (), {"profile": type("Profile", (), {"inits": (*INITS, "random")})})
    found = gathered.all_analyses(study, {task: task_inputs(task) for task in tables})
    assert [one.task for one in found] == ["breast", "acl", "knees"]
    assert all(one.inits == INITS for one in found)


def fast_task_analyses(function):
    return lambda *args, **settings: function(*args, **(settings | {"replicates": 50}))


def test_published_ends_are_as_printed_and_turn_with_the_order_of_the_inits():
    printed = analyses("thyroid").published_ends
    assert printed == (9.4, 2.6, 16.2)
    assert analyses("thyroid").published_names == ("RadImageNet", "ImageNet")
    turned = analyses("thyroid", inits=("imagenet", "radimagenet"))
    assert turned.published_ends == (-9.4, -16.2, -2.6)
    assert turned.published_names == ("ImageNet", "RadImageNet")


def test_published_ends_beside_random_weights_are_none():
    assert analyses("thyroid", inits=("radiologic", "random")).published_ends is None


def test_names_of_starts_keep_the_capitals_of_released_weights():
    assert analyses().names == ("radiologic", "photographic")
    assert analyses(inits=("radimagenet", "imagenet")).names == ("RadImageNet", "ImageNet")


def test_row_of_an_analysis_is_found_by_its_key():
    assert np.isnan(analyses().row("nadeau_bengio")["estimate"])
    assert analyses().row("paired_t")["estimate"] == 0.03

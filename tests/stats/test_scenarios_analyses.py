import math

import numpy as np
import pandas as pd
import pytest
from made_predictions import make_predictions
from scipy import stats

from rin.errors import InputError
from rin.stats.delong import delong_test
from rin.stats.hypothesis import EQUIVALENCE_MARGIN, equivalence_p, mixed_model, nadeau_bengio
from rin.stats.scenarios import init_differences, scenario_aucs, task_analyses

INITS = ("radimagenet", "imagenet")
NUMBERS = ["estimate", "ci_low", "ci_high", "statistic", "df", "p_value"]


def analysed(predictions, **settings):
    settings = {"test_train_ratio": 0.25} | settings
    return task_analyses(predictions, *INITS, **settings).set_index("analysis")


@pytest.fixture(scope="module")
def predictions():
    return make_predictions(n_scenarios=3, n_folds=3)


@pytest.fixture(scope="module")
def table(predictions):
    return analysed(predictions)


def test_task_analyses_have_one_row_an_analysis_in_order(table):
    assert tuple(table.index) == ORDER
    assert table.columns.tolist() == [
        "name", *NUMBERS, "standard_error", "remark", "recommended", "equivalent"
    ]  # fmt: skip


def test_estimates_are_one_number_but_for_scores_put_together(table):
    same = table["estimate"].drop(["delong_stacked", "delong_mean_scores"])
    assert same.to_numpy() == pytest.approx(table.loc["paired_t", "estimate"], rel=1e-12)


@pytest.mark.parametrize(
    ("analysis", "unit"), [("delong_contrast", "case_id"), ("clustered_contrast", "patient_id")]
)
def test_contrasts_are_the_recommended_comparison_with_cases_or_patients_as_units(
    predictions, table, analysis, unit
):
    found = init_differences(predictions.assign(patient_id=predictions[unit]), *INITS).iloc[0]
    difference, error = found["estimate"], found["standard_error"]
    expected = [difference, found["ci_low"], found["ci_high"], difference / error, math.inf]
    expected += [found["p_value"], error]
    assert table.loc[analysis, [*NUMBERS, "standard_error"]].tolist() == pytest.approx(expected)


def test_bootstrap_over_patients_agrees_with_the_clustered_contrast():
    # Draws shared by both folds would give a wider interval.
    predictions = make_predictions(n_scenarios=2, n_folds=2, n_cases=120)
    table = analysed(predictions)
    again = analysed(predictions.sample(frac=1, random_state=3))
    pd.testing.assert_frame_equal(again, table)
    ours, formula = table.loc["cluster_bootstrap"], table.loc["clustered_contrast"]
    assert ours["standard_error"] == pytest.approx(formula["standard_error"], rel=0.1)
    assert ours["ci_low"] == pytest.approx(formula["ci_low"], abs=0.01)
    assert ours["ci_high"] == pytest.approx(formula["ci_high"], abs=0.01)
    assert math.isnan(ours["statistic"])
    assert math.isnan(ours["df"])


def test_bootstrap_p_is_twice_the_smaller_share_of_replicates_beyond_zero():
    surely = make_predictions(n_scenarios=2, n_folds=1, n_cases=60)
    surely["score"] = np.where(surely["init"] == "radimagenet", surely["label"], surely["score"])
    for inits in (INITS, INITS[::-1]):
        table = task_analyses(surely, *inits, test_train_ratio=0.25).set_index("analysis")
        assert table.loc["cluster_bootstrap", "p_value"] == pytest.approx(2 / 1001)


def of_folds(aucs):
    means = aucs.groupby(["init", "fold"])["auc"].mean()
    return nadeau_bengio(means["radimagenet"] - means["imagenet"], 0.25).to_row() | {"remark": ""}


@pytest.mark.parametrize(
    ("analysis", "test"),
    [("nadeau_bengio", of_folds), ("mixed_model", lambda aucs: mixed_model(aucs, *INITS))],
)
def test_analyses_of_folds_and_of_runs_are_those_of_their_areas(
    predictions, table, analysis, test
):
    expected = test(scenario_aucs(predictions))
    assert table.loc[analysis, NUMBERS].tolist() == pytest.approx([expected[n] for n in NUMBERS])
    assert table.loc[analysis, "remark"] == expected["remark"]


def test_equivalence_of_each_row_takes_its_standard_error_and_df(table):
    for _, row in table.iterrows():
        df = math.inf if math.isnan(row["df"]) else row["df"]
        p_value = equivalence_p(row["estimate"], row["standard_error"], df, EQUIVALENCE_MARGIN)
        assert row["equivalent"] == (p_value < 0.05)


def impossible(table, analysis):
    row = table.loc[analysis]
    assert row[[*NUMBERS, "standard_error"]].isna().all()
    assert not row["equivalent"]
    return row["remark"]


def test_one_scenario_leaves_no_t_test_of_scenarios():
    table = analysed(make_predictions(n_scenarios=1, n_folds=3))
    for analysis in ("unpaired_t", "paired_t"):
        assert impossible(table, analysis) == "One scenario has no spread to test."
    assert table.loc["clustered_contrast", "estimate"] == pytest.approx(
        table.loc["nadeau_bengio", "estimate"]
    )


def test_one_fold_leaves_no_test_of_folds():
    table = analysed(make_predictions(n_scenarios=3, n_folds=1))
    assert impossible(table, "nadeau_bengio") == "One fold has no spread to test."
    assert table.drop(index="nadeau_bengio")["p_value"].notna().all()


def test_one_patient_with_all_positives_leaves_no_patient_level_analysis(predictions):
    positive = (predictions["fold"] == 1) & (predictions["label"] == 1)
    table = analysed(
        predictions.assign(patient_id=predictions["patient_id"].where(~positive, "only"))
    )
    for analysis in ("clustered_contrast", "cluster_bootstrap"):
        assert impossible(table, analysis).startswith("In fold 1 all positive cases belong to one")
    assert table.loc["delong_contrast", "p_value"] > 0


def test_single_positive_case_leaves_no_analysis_of_cases():
    table = analysed(make_predictions(n_scenarios=2, n_folds=1, n_cases=3))
    remark = "A class has a single case, which shows no spread."
    assert impossible(table, "delong_contrast") == remark
    assert impossible(table, "delong_mean_scores") == remark
    assert impossible(table, "clustered_contrast").startswith("In fold 0 all positive")


def test_equal_inits_find_no_difference_in_any_analysis(predictions):
    half = predictions[predictions["init"] == "imagenet"]
    both = pd.concat([half, half.assign(init="radimagenet")])
    table = analysed(both).drop(index="mixed_model")
    assert (table["estimate"] == 0).all()
    certain = table.drop(index="unpaired_t")
    assert (certain[["ci_low", "ci_high", "standard_error"]] == 0).all(axis=None)
    assert (certain["p_value"] == 1).all()
    assert certain["equivalent"].all()


def test_perfect_and_reversed_scenarios_leave_no_doubt_about_patients(predictions):
    sign = np.where(predictions["init"] == "radimagenet", 1, -1)
    table = analysed(predictions.assign(score=sign * predictions["label"]))
    for analysis in ("paired_t", "delong_contrast", "clustered_contrast"):
        assert table.loc[analysis, "estimate"] == pytest.approx(1)
        assert table.loc[analysis, "statistic"] == math.inf
        assert table.loc[analysis, "p_value"] == 0
    assert impossible(table, "mixed_model").startswith("The AUCs leave no residual")


@pytest.mark.parametrize(
    ("spoil", "settings", "message"),
    [
        (lambda p: p.assign(label=p["label"].where(p["fold"] != 2, 0)), {}, "fold 2.*one class"),
        (lambda p: p, {"test_train_ratio": -1}, "test_train_ratio"),
    ],
)
def test_task_analyses_of_bad_input_raise_input_error(predictions, spoil, settings, message):
    with pytest.raises(InputError, match=message):
        analysed(spoil(predictions), **settings)


ORDER = (
    "unpaired_t", "paired_t", "delong_stacked", "delong_mean_scores", "delong_contrast",
    "clustered_contrast", "cluster_bootstrap", "nadeau_bengio", "mixed_model",
)  # fmt: skip


@pytest.mark.parametrize(
    ("analysis", "test"), [("unpaired_t", stats.ttest_ind), ("paired_t", stats.ttest_rel)]
)
def test_t_tests_of_scenarios_are_those_of_their_areas_averaged_over_folds(
    predictions, table, analysis, test
):
    aucs = scenario_aucs(predictions).groupby(["init", "scenario"])["auc"].mean()
    a, b = (aucs[init].to_numpy() for init in INITS)
    found = test(a, b)
    interval = found.confidence_interval()
    expected = [(a - b).mean(), interval.low, interval.high, found.statistic, found.df]
    assert table.loc[analysis, NUMBERS].tolist() == pytest.approx([*expected, found.pvalue])
    assert table.loc[analysis, "standard_error"] == pytest.approx(expected[0] / found.statistic)


@pytest.mark.parametrize(
    ("analysis", "index"),
    [
        ("delong_stacked", ["case_id", "label", "scenario"]),  # every prediction a new case
        ("delong_mean_scores", ["case_id", "label"]),
    ],
)
def test_delong_of_stacked_and_of_mean_scores(predictions, table, analysis, index):
    rows = predictions[predictions["part"] == "test"]
    wide = rows.pivot_table(index=index, columns="init", values="score")
    test = delong_test(wide.index.get_level_values("label"), *(wide[init] for init in INITS))
    expected = [test.estimate, test.ci_low, test.ci_high, test.statistic, math.inf, test.p_value]
    assert table.loc[analysis, NUMBERS].tolist() == pytest.approx(expected)

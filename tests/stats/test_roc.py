import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats import mean_roc, scenario_aucs


def one_run(labels, scores):
    return pd.DataFrame(
        {
            "task": "breast",
            "fold": 0,
            "scenario": "s",
            "init": "random",
            "seed": 0,
            "case_id": np.arange(len(labels)).astype(str),
            "part": "test",
            "label": labels,
            "score": scores,
        }
    )


def curve(predictions, method, **options):
    table = mean_roc(predictions, **options)
    return table[table["method"] == method].set_index(["init", "position"])


def test_vertical_of_four_untied_cases_is_the_staircase():
    rates = curve(one_run([1, 0, 1, 0], [4, 3, 2, 1]), "vertical", n_points=5)["tpr"]
    assert rates.tolist() == [0.5, 0.5, 1, 1, 1]


def test_threshold_of_four_untied_cases_calls_one_more_case_each_step():
    rates = curve(one_run([1, 0, 1, 0], [4, 3, 2, 1]), "threshold", n_points=5)
    assert rates["fpr"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert rates["tpr"].tolist() == [0, 0.5, 0.5, 1, 1]


def test_constant_scores_give_the_diagonal_by_both_methods():
    table = mean_roc(one_run([1, 0, 1, 0, 0], [7] * 5), n_points=9)
    np.testing.assert_allclose(table["tpr"], table["position"], atol=1e-12)
    np.testing.assert_allclose(table["fpr"], table["position"], atol=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=12))
@settings(max_examples=60, deadline=None)
def test_threshold_rates_at_whole_ranks_equal_the_mean_over_orders_of_ties(cases):
    labels, scores = np.array(cases).T
    assume(labels.any() and not labels.all())
    n = len(labels)
    rates = curve(one_run(labels, scores), "threshold", n_points=n + 1)
    for k in range(n + 1):
        # Cases above the k-th score are called; those tied with it share what is left.
        cut = np.sort(scores)[::-1][max(k - 1, 0)]
        tied = scores == cut
        share = (k - (scores > cut).sum()) / tied.sum()
        called = (scores > cut) + share * tied
        assert rates["tpr"].iloc[k] == pytest.approx(called[labels == 1].mean(), abs=1e-12)
        assert rates["fpr"].iloc[k] == pytest.approx(called[labels == 0].mean(), abs=1e-12)


def test_area_under_vertical_mean_curve_is_mean_scenario_auc(predictions):
    rates = curve(predictions, "vertical", n_points=10_001)["tpr"]
    mean_aucs = scenario_aucs(predictions).groupby("init")["auc"].mean()
    for init, auc in mean_aucs.items():
        area = np.trapezoid(rates[init], rates[init].index)
        assert area == pytest.approx(auc, abs=1e-3)


def test_mean_and_sd_are_over_scenarios_after_folds_are_averaged(predictions):
    pooled = curve(predictions, "vertical", n_points=5)
    test = predictions[(predictions["part"] == "test") & (predictions["init"] == "imagenet")]
    scenarios = np.array(
        [
            np.mean(
                [curve(fold, "vertical", n_points=5)["tpr"] for _, fold in rows.groupby("fold")],
                axis=0,
            )
            for _, rows in test.groupby("scenario")
        ]
    )
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr"], scenarios.mean(axis=0))
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr_sd"], scenarios.std(axis=0, ddof=1))
    assert (pooled["fpr_sd"] == 0).all() and (pooled["n_scenarios"] == 3).all()


def test_mean_roc_gives_tidy_columns(predictions):
    table = mean_roc(predictions, n_points=5)
    assert table.columns.tolist() == [
        "task", "init", "method", "position", "fpr", "tpr", "fpr_sd", "tpr_sd", "n_scenarios"
    ]  # fmt: skip
    assert len(table) == 2 * 2 * 5


def test_mean_roc_of_one_class_names_the_run():
    with pytest.raises(InputError, match="init random, seed 0, labels: one class only"):
        mean_roc(one_run([1, 1], [1, 2]))


def test_mean_roc_with_one_point_raises_input_error(predictions):
    with pytest.raises(InputError, match="n_points"):
        mean_roc(predictions, n_points=1)

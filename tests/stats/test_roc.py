import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from made_predictions import one_run
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats.roc import mean_roc


def curve(predictions, method, **options):
    table = mean_roc(predictions, **options)
    return table[table["method"] == method].set_index(["init", "position"])


def test_vertical_of_four_untied_cases_is_the_staircase():
    rates = curve(one_run([1, 0, 1, 0], [4, 3, 2, 1]), "vertical", n_points=5)["tpr"]
    assert rates.tolist() == [0.5, 0.5, 0.75, 1, 1]  # the jump at 0.5 counts with its middle


@pytest.mark.parametrize("method", ["threshold", "rank"])
def test_one_run_of_four_untied_cases_calls_one_more_case_each_step(method):
    rates = curve(one_run([1, 0, 1, 0], [4, 3, 2, 1]), method, n_points=5)
    assert rates["fpr"].tolist() == [0, 0, 0.5, 0.5, 1]
    assert rates["tpr"].tolist() == [0, 0.5, 0.5, 1, 1]


def test_constant_scores_give_the_diagonal_by_vertical_and_rank_and_its_ends_by_threshold():
    table = mean_roc(one_run([1, 0, 1, 0, 0], [7] * 5), n_points=9)
    ends = table[table["method"] == "threshold"]
    assert ends["fpr"].tolist() == ends["tpr"].tolist() == [0] + [1] * 8
    table = table[table["method"] != "threshold"]
    np.testing.assert_allclose(table["tpr"], table["position"], atol=1e-12)
    np.testing.assert_allclose(table["fpr"], table["position"], atol=1e-12)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=12))
@settings(max_examples=25, deadline=None)
def test_rank_rates_at_whole_ranks_equal_the_mean_over_orders_of_ties(cases):
    labels, scores = np.array(cases).T
    assume(labels.any() and not labels.all())
    n = len(labels)
    rates = curve(one_run(labels, scores), "rank", n_points=n + 1)
    for k in range(n + 1):
        # Cases above the k-th score are called; those tied with it share what is left.
        cut = np.sort(scores)[::-1][max(k - 1, 0)]
        tied = scores == cut
        share = (k - (scores > cut).sum()) / tied.sum()
        called = (scores > cut) + share * tied
        assert rates["tpr"].iloc[k] == pytest.approx(called[labels == 1].mean(), abs=1e-12)
        assert rates["fpr"].iloc[k] == pytest.approx(called[labels == 0].mean(), abs=1e-12)


def test_threshold_curve_equals_rates_counted_at_quantiles_of_all_scores(predictions):
    rates = curve(predictions, "threshold", n_points=7)
    test = predictions[predictions["part"] == "test"]
    for init, rows in test.groupby("init"):
        falling = sorted(rows["score"], reverse=True)
        for step in range(1, 7):
            cut = falling[int(np.ceil(step * len(falling) / 6)) - 1]
            called = rows.assign(called=rows["score"] >= cut)
            shares = called.groupby(["label", "scenario", "fold"])["called"].mean()
            for label, name in ((0, "fpr"), (1, "tpr")):
                scenarios = shares[label].groupby("scenario").mean()
                ours = rates.loc[init].iloc[step]
                assert ours[name] == pytest.approx(scenarios.mean(), abs=1e-12)
                assert ours[f"{name}_sd"] == pytest.approx(scenarios.std(ddof=1), abs=1e-12)


def test_mean_and_sd_are_over_scenarios_after_folds_are_averaged(predictions):
    pooled = curve(predictions, "vertical", n_points=5)
    test = predictions[(predictions["part"] == "test") & (predictions["init"] == "imagenet")]
    runs = {
        run: curve(rows, "vertical", n_points=5)["tpr"].to_numpy()
        for run, rows in test.groupby(["scenario", "fold"])
    }
    scenarios = pd.DataFrame(runs).T.groupby(level=0).mean()
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr"], scenarios.mean())
    np.testing.assert_allclose(pooled.loc["imagenet", "tpr_sd"], scenarios.std())
    assert (pooled["fpr_sd"] == 0).all() and (pooled["n_scenarios"] == 3).all()


def test_mean_roc_of_one_class_names_the_run():
    with pytest.raises(InputError, match="init a, seed 0, labels: one class only"):
        mean_roc(one_run([1, 1], [1, 2]))


def areas_of(predictions, n_points):
    """Trapezoids under each mean curve, by init and method."""
    curves = mean_roc(predictions, n_points=n_points).groupby(["init", "method"])
    return {key: np.trapezoid(rows["tpr"], rows["fpr"]) for key, rows in curves}


def test_scenarios_on_different_scales_average_to_less_at_common_thresholds_only():
    plain = one_run([0, 0, 1, 1], [1, 2, 3, 4])  # perfect, as is the other one
    other = plain.assign(scenario="t", score=1000 * plain["score"])
    areas = areas_of(pd.concat([plain, other]), 9)
    assert (areas["a", "vertical"], areas["a", "rank"]) == (1, 1)
    # Through (0, 1/2), (1/2, 1/2) and (1/2, 1): one scenario is called before the other begins.
    assert areas["a", "threshold"] == pytest.approx(0.75)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 9)), min_size=1, max_size=30))
@settings(max_examples=25, deadline=None)
def test_vertical_area_equals_the_auc_where_the_grid_holds_every_jump(cases):
    labels, scores = np.array([*cases, (True, 4)], int).T
    labels, scores = np.append(labels, 0), np.append(scores, -1)  # the lowest is negative
    area = areas_of(one_run(labels, scores), (labels == 0).sum() + 1)["a", "vertical"]
    assert area == pytest.approx(roc_auc_score(labels, scores), abs=1e-12)

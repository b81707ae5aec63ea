import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from rin.errors import InputError
from rin.stats import auc_ci, delong_test
from rin.stats.bootstrap import bootstrap_areas, percentile_interval
from rin.stats.delong import clustered_auc_ci, clustered_test
from rin.stats.simulate import (
    MEASURES,
    METHODS,
    bootstrap_intervals,
    normal_intervals,
    simulate_coverage,
    simulate_test_sets,
)

SMALL = {"patients": 10, "images": 3, "replicates": 8, "seed": 4}


def table_of(correlations=(0.0, 0.5), **changed):
    return simulate_coverage(correlations, **{**SMALL, **changed})


def picked(table, method, measure):
    rows = table[(table["method"] == method) & (table["measure"] == measure)]
    return rows.set_index("correlation")


def test_scores_have_the_moments_of_the_model():
    sets = simulate_test_sets(
        0.6, patients=40, images=2, replicates=4000, seed=0, effect=0.1, alike=(0.9, 0.3)
    )
    a, b = sets.scores[:, 0], sets.scores[:, 1]
    separations = (stats.norm.ppf(0.9) * 2**0.5, stats.norm.ppf(0.8) * 2**0.5)
    assert sets.areas == (pytest.approx(0.9), pytest.approx(0.8))
    for scores, separation in zip((a, b), separations, strict=True):
        assert scores[:, sets.labels].mean() == pytest.approx(separation, abs=0.02)
        assert scores[:, ~sets.labels].mean() == pytest.approx(0, abs=0.02)
        assert scores[:, 0].var() == pytest.approx(1, abs=0.07)
    for label in (0, 79):  # both classes
        own, other = (label, label + 1) if label == 0 else (label, label - 1)
        stranger = 4 if label == 0 else 70
        correlation = np.corrcoef([a[:, own], a[:, other], a[:, stranger], b[:, own], b[:, other]])
        # The same predictor: 0.6 within a patient, 0 between two of them.
        assert correlation[0, 1] == pytest.approx(0.6, abs=0.04)
        assert correlation[0, 2] == pytest.approx(0, abs=0.05)
        # Two predictors: 0.6 · 0.9 + 0.4 · 0.3 on one image, 0.6 · 0.9 on two of a patient.
        assert correlation[0, 3] == pytest.approx(0.66, abs=0.04)
        assert correlation[0, 4] == pytest.approx(0.54, abs=0.04)


def test_scores_are_the_formula_of_the_normal_numbers_drawn():
    u, e = np.split(
        np.random.default_rng([4, 400_000_000]).standard_normal((8, 2, 10, 4)), [1], axis=3
    )
    sets = simulate_test_sets(0.4, **SMALL, effect=0, alike=(0.6, 0.28))
    positive = np.arange(10)[:, None] < 5
    expected = 2**0.5 * stats.norm.ppf(0.8) * positive + 0.4**0.5 * u[:, 0] + 0.6**0.5 * e[:, 0]
    np.testing.assert_allclose(sets.scores[:, 0], expected.reshape(8, 30))
    u[:, 1] = 0.6 * u[:, 0] + 0.8 * u[:, 1]
    e[:, 1] = 0.28 * e[:, 0] + 0.96 * e[:, 1]
    expected = 2**0.5 * stats.norm.ppf(0.8) * positive + 0.4**0.5 * u[:, 1] + 0.6**0.5 * e[:, 1]
    np.testing.assert_allclose(sets.scores[:, 1], expected.reshape(8, 30))


@pytest.mark.parametrize("kind", ["patient", "lesion"])
def test_mean_estimate_is_the_area_in_closed_form(kind):
    sets = simulate_test_sets(0.8, patients=20, images=4, replicates=4000, seed=2, labels=kind)
    intervals = normal_intervals(sets)
    mean = intervals[intervals["method"] == "naive"].groupby("measure")["estimate"].mean()
    separations = 2**0.5 * stats.norm.ppf(sets.areas)
    # By lesion, one pair in 20 compares two images of a patient, which differ by image effects.
    within = stats.norm.cdf(separations / (2 * 0.2) ** 0.5)
    share = 1 / 20 if kind == "lesion" else 0
    first, second = (1 - share) * np.array(sets.areas) + share * within
    assert mean["auc"] == pytest.approx(second, abs=0.005)
    assert mean["difference"] == pytest.approx(first - second, abs=0.005)


def test_labels_by_patient_do_not_vary_within_one_and_by_lesion_do():
    whole = simulate_test_sets(0.2, **SMALL).labels.reshape(10, 3)
    mixed = simulate_test_sets(0.2, **SMALL, labels="lesion").labels.reshape(10, 3)
    np.testing.assert_array_equal(whole.sum(axis=1), 5 * [3] + 5 * [0])
    np.testing.assert_array_equal(mixed.sum(axis=1), 5 * [2, 1])
    np.testing.assert_array_equal(
        simulate_test_sets(0.2, **SMALL).clusters, np.repeat(range(10), 3)
    )


def test_longer_run_begins_with_the_shorter_and_other_correlations_do_not_matter():
    short = simulate_test_sets(0.4, **SMALL).scores
    long = simulate_test_sets(0.4, **{**SMALL, "replicates": 12}).scores
    np.testing.assert_array_equal(long[:8], short)
    assert (simulate_test_sets(0.4, **{**SMALL, "seed": 5}).scores != short).all()
    both, alone = table_of([0.0, 0.5]), table_of([0.5])
    pd.testing.assert_frame_equal(both[both["correlation"] == 0.5].reset_index(drop=True), alone)


@pytest.mark.parametrize("kind", ["patient", "lesion"])
def test_intervals_are_those_of_the_library_test_set_by_test_set(kind):
    sets = simulate_test_sets(0.5, **SMALL, labels=kind)
    ours = normal_intervals(sets, level=0.9)
    columns = ["estimate", "low", "high", "variance"]
    logit = {"level": 0.9, "scale": "logit"}
    for i, (a, b) in enumerate(sets.scores):
        rows = ours.groupby(["method", "measure"]).nth(i).set_index(["method", "measure"])[columns]
        expected = {
            ("naive", "auc"): auc_ci(sets.labels, b, level=0.9),
            ("clustered", "auc"): clustered_auc_ci(sets.labels, b, sets.clusters, level=0.9),
            ("clustered_logit", "auc"): clustered_auc_ci(sets.labels, b, sets.clusters, **logit),
            ("naive", "difference"): delong_test(sets.labels, a, b, level=0.9),
            ("clustered", "difference"): clustered_test(
                sets.labels, a, b, sets.clusters, level=0.9
            ),
        }
        for key, result in expected.items():
            estimate = result.auc if key[1] == "auc" else result.difference
            values = [estimate, result.ci_low, result.ci_high, result.variance]
            np.testing.assert_allclose(rows.loc[key], values, rtol=1e-10, atol=1e-14)
    truths = ours["measure"].map({"auc": 0.8, "difference": 0.05})
    np.testing.assert_allclose(ours["truth"], truths)


def test_bootstrap_intervals_are_percentiles_over_patients():
    sets = simulate_test_sets(0.5, **SMALL)
    ours = bootstrap_intervals(sets, 2, 50, seed=9, level=0.9)
    own = np.random.SeedSequence(9).generate_state(2)[1]
    areas = bootstrap_areas(sets.labels, sets.scores[1], sets.clusters, replicates=50, seed=own)
    for measure, draws in {"auc": areas[:, 1], "difference": areas[:, 0] - areas[:, 1]}.items():
        row = ours[ours["measure"] == measure].iloc[1]
        np.testing.assert_allclose([row["low"], row["high"]], percentile_interval(draws, 0.9))
    assert ours["estimate"].iloc[1] == pytest.approx(auc_ci(sets.labels, sets.scores[1, 1]).auc)
    assert ours["estimate"].iloc[3] == pytest.approx(
        delong_test(sets.labels, *sets.scores[1]).difference
    )
    longer = bootstrap_intervals(sets, 3, 50, seed=9, level=0.9)
    assert longer["low"].iloc[1] == ours["low"].iloc[1]


def test_table_counts_what_the_intervals_hold():
    table = table_of([0.5], bootstrapped=4, resamples=20, level=0.8)
    sets = simulate_test_sets(0.5, **SMALL)
    intervals = pd.concat(
        [
            normal_intervals(sets, level=0.8),
            bootstrap_intervals(sets, 4, 20, SMALL["seed"], level=0.8),
        ]
    )
    assert set(zip(table["method"], table["measure"], strict=True)) == {
        (method, measure) for method in METHODS for measure in MEASURES
    } - {("clustered_logit", "difference")}
    for row in table.itertuples():
        own = intervals[(intervals["method"] == row.method) & (intervals["measure"] == row.measure)]
        held = ((own["low"] <= row.truth) & (own["high"] >= row.truth)).sum()
        assert row.coverage == held / len(own)
        assert (row.low, row.high) == proportion_confint(held, len(own), method="wilson")
        assert row.mean_width == pytest.approx((own["high"] - own["low"]).mean())
        assert row.replicates == (4 if row.method == "bootstrap" else 8)
    assert table["coverage"].between(0.3, 0.99).any()


def test_design_effect_is_one_for_the_naive_and_unknown_for_the_bootstrap():
    table = table_of(bootstrapped=2, resamples=20)
    np.testing.assert_allclose(table.loc[table["method"] == "naive", "design_effect"], 1)
    assert table.loc[table["method"] == "bootstrap", "design_effect"].isna().all()
    sets = simulate_test_sets(0.5, **SMALL)
    variances = normal_intervals(sets).groupby(["method", "measure"])["variance"].mean()
    expected = variances["clustered", "auc"] / variances["naive", "auc"]
    assert picked(table, "clustered", "auc").loc[0.5, "design_effect"] == pytest.approx(expected)


def test_clustered_interval_keeps_its_level_and_the_naive_one_does_not():
    table = simulate_coverage(
        [0.0, 0.6], patients=80, images=4, replicates=600, seed=1, bootstrapped=60, resamples=200
    )
    for measure in MEASURES:
        naive, clustered = (picked(table, method, measure) for method in ("naive", "clustered"))
        assert naive.loc[0.0, "coverage"] > 0.92
        assert naive.loc[0.6, "high"] < 0.85
        assert (clustered["coverage"] > 0.92).all() and (clustered["coverage"] < 0.98).all()
        assert picked(table, "bootstrap", measure).loc[0.6, "high"] > 0.93


def test_perfect_area_has_no_logit_interval_and_counts_as_not_holding():
    table = simulate_coverage([0.0], patients=4, images=1, replicates=60, seed=1)
    sets = simulate_test_sets(0.0, patients=4, images=1, replicates=60, seed=1)
    intervals = normal_intervals(sets)
    logit = intervals[intervals["method"] == "clustered_logit"]
    perfect = logit["estimate"] == 1
    assert perfect.any() and logit.loc[perfect, "low"].isna().all()
    held = logit["low"].le(0.8) & logit["high"].ge(0.8)
    assert picked(table, "clustered_logit", "auc").loc[0.0, "coverage"] == held.mean() < 0.8


def test_difficulty_that_both_predictors_share_cancels_from_their_difference():
    shared = table_of([0.6], patients=60, replicates=100, alike=(1.0, 0.2))
    own = table_of([0.6], patients=60, replicates=100, alike=(0.5, 0.5))
    effects = [
        picked(table, "clustered", "difference").loc[0.6, "design_effect"]
        for table in (shared, own)
    ]
    assert effects[0] < 1.15 and effects[1] > 1.7


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"correlations": [1.0]}, "correlation: 1.0 is out of range"),
        ({"correlations": [-0.1]}, "correlation: -0.1 is out of range"),
        ({"patients": 3}, "patients: 3"),
        ({"images": 0}, "images: 0"),
        ({"replicates": 0}, "replicates: 0"),
        ({"effect": 0.2}, "effect: 0.2 is out of range.*below 0.20"),
        ({"effect": -0.1}, "effect: -0.1"),
        ({"alike": (1.1, 0)}, "alike: "),
        ({"labels": "image"}, "unknown labels 'image'"),
        ({"level": 95}, "not a confidence level"),
        ({"bootstrapped": 9}, "9 of 8 test sets"),
        ({"bootstrapped": -1}, "-1 of 8 test sets"),
    ],
)
def test_setting_out_of_range_is_an_error(changed, message):
    with pytest.raises(InputError, match=message):
        table_of(**changed)

"""Planning: against the formulas of one and of two normal tests, and simulated studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.power import TTestPower, normal_sample_size_one_tail

from rin.errors import InputError
from rin.stats import pair_differences, pretraining_differences, simulation
from rin.stats.planning import (
    patients_for_equivalence,
    patients_needed,
    pretraining_power,
)


def spread_of(**changes):
    """What a headline says of its pairs, by default without any spread but the patients'."""
    none = {"sd_backbone": 0.0, "sd_seed": 0.0, "sd_pretraining": 0.0}
    return none | {"patients_sd": 0.01, "patients_correlation": 0.0} | changes


@pytest.mark.parametrize("difference", [pytest.param(0.02, marks=pytest.mark.slow), 0.04])
def test_power_where_backbones_differ_is_that_of_a_t_test_of_backbones(difference):
    """Next to backbones' SD nothing else counts, so their means are tested on their df."""
    spread = spread_of(sd_backbone=0.03, patients_sd=1e-4)
    design = {"backbones": 6, "pretrainings": 3}
    found = pretraining_power(difference, spread, **design, replicates=4000)
    expected = TTestPower().power(difference / 0.03, 6, 0.05, df=5)
    assert found == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("patients", [pytest.param(1.0, marks=pytest.mark.slow), 4.0])
def test_power_where_patients_decide_is_near_that_of_a_z_test(patients):
    """Many pairs, alike but for the patients that all share: more patients, more power."""
    spread = spread_of(patients_sd=0.02, patients_correlation=0.9)
    design = {"backbones": 8, "pretrainings": 3, "patients": patients}
    found = pretraining_power(0.03, spread, **design, replicates=2000)
    error = 0.02 * ((0.9 + 0.1 / 24) / patients) ** 0.5
    assert found == pytest.approx(stats.norm.sf(1.96 - 0.03 / error), abs=0.05)


def test_power_counts_the_spread_of_folds_which_pairs_share_or_have_alone():
    plan = {"backbones": 8, "pretrainings": 3}
    alone = pretraining_power(0.02, spread_of(sd_pretraining=0.05), **plan)
    assert pretraining_power(0.02, spread_of(sd_training=0.05), **plan) == alone
    # The shared part moves all pairs, so that only patients seem to spread.
    found = pretraining_power(0.05, spread_of(sd_fold=0.05), **plan)
    least = stats.norm.isf(0.025) * 0.01 / 24**0.5
    expected = stats.norm(0.05, 0.05).sf(least) + stats.norm(0.05, 0.05).cdf(-least)
    assert found == pytest.approx(expected, abs=0.03)


def test_power_takes_the_spread_of_a_headline():
    predictions = simulation.simulate_predictions(pretrainings=3)
    headline = pretraining_differences(predictions, "a", "b").set_index("task")
    pairs = pair_differences(predictions, "a", "b").groupby("task")["standard_error"]
    sd = (pairs.apply(lambda errors: (errors**2).mean())) ** 0.5
    assert headline["patients_sd"].to_dict() == pytest.approx(sd.to_dict())
    powers = [
        pretraining_power(size, headline.loc["breast"], backbones=8, pretrainings=2)
        for size in (0.001, 0.05, 0.2)
    ]
    assert powers == sorted(powers)
    assert powers[0] < 0.1
    assert powers[2] > 0.9


def test_power_is_unknown_where_the_spread_is():
    unknown = ({"sd_pretraining": np.nan}, {"patients_sd": np.nan}, {"backbones": 1})
    for changes in unknown:
        spread = spread_of(**changes)
        assert np.isnan(pretraining_power(0.02, spread, backbones=3, pretrainings=2))
    inseparable = spread_of(sd_backbone=np.nan, sd_seed=np.nan, sd_pretraining=0.02)
    plan = {"backbones": 3, "pretrainings": 2}
    expected = pretraining_power(0.02, spread_of(sd_pretraining=0.02), **plan)
    assert pretraining_power(0.02, inseparable, **plan) == expected
    for backbones, said in ((0, "backbones"), (1, "1 pair")):
        with pytest.raises(InputError, match=said):
            pretraining_power(0.02, spread_of(), backbones=backbones, pretrainings=1)


@given(st.floats(10, 1e4), st.floats(1e-3, 0.3), st.floats(0.005, 0.3))
def test_planned_patients_reach_the_power_and_the_sign_does_not_matter(n, error, margin):
    needed = patients_needed(margin, n, error)
    assert needed == pytest.approx(normal_sample_size_one_tail(margin, 0.8, 0.025, error * n**0.5))
    assert needed == patients_needed(-margin, n, error)
    there = stats.norm(margin, error * (n / needed) ** 0.5)  # but for a lead the other way
    assert there.sf(stats.norm.isf(0.025) * there.std()) == pytest.approx(0.8)
    alike = patients_for_equivalence(margin, n, error)
    error = error * (n / alike) ** 0.5
    edge = margin - stats.norm.isf(0.05) * error  # both tests find an estimate within ± edge
    assert 1 - 2 * stats.norm.sf(edge / error) == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (lambda: patients_needed(0.1, 0, 1.0), "n_measured: 0"),
        (lambda: patients_needed(0.1, 10, float("nan")), "standard_error: nan"),
        (lambda: patients_for_equivalence(-0.1, 10, 1.0), "margin: -0.1"),
    ],
)
def test_impossible_plans_are_one_clear_error(plan, said):
    with pytest.raises(InputError, match=said):
        plan()

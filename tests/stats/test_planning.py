"""Planning: against the formulas of one and of two normal tests, and simulated studies."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from rin.errors import InputError
from rin.stats.delong import delong_covariance, delong_test
from rin.stats.hypothesis import equivalence_p
from rin.stats.planning import (
    binormal_sensitivity,
    patients_for_equivalence,
    patients_needed,
    pretraining_power,
)


def pilot_of(labels, scores):
    """The difference, the number of positive cases, and the standard error of the difference."""
    aucs, covariance = delong_covariance(labels, scores)
    difference = np.array([1, -1])
    error = (difference @ covariance @ difference) ** 0.5
    return difference @ aucs, np.sum(labels), error


def studies(rng, shift, n, count):
    """Draw paired scores of n positive and n negative cases, correlated within a case."""
    labels = np.repeat([1, 0], n)
    for _ in range(count):
        shared = rng.normal(size=2 * n)
        first = labels * shift + shared + rng.normal(size=2 * n)
        yield labels, np.array([first, labels * 1.0 + shared + rng.normal(size=2 * n)])


@pytest.mark.parametrize(("shift", "margin"), [(1.6, None), (1.0, 0.08)])
def test_stated_power_is_that_of_simulated_studies(shift, margin):
    rng = np.random.default_rng(7)
    difference, *pilot = pilot_of(*next(studies(rng, shift, 20_000, 1)))
    n = patients_for_equivalence(margin, *pilot) if margin else patients_needed(difference, *pilot)
    tests = [delong_test(y, *x) for y, x in studies(rng, shift, round(n), 1000)]
    if margin:
        found = [
            equivalence_p(test.estimate, test.standard_error, test.df, margin) < 0.05
            for test in tests
        ]
    else:
        found = [test.p_value < 0.05 for test in tests]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


@pytest.mark.parametrize("separable", [True, False])
def test_power_with_the_pretraining_as_the_unit_is_that_of_simulated_studies(separable):
    rng = np.random.default_rng(8)
    spread = {"sd_backbone": 0.02 if separable else np.nan, "sd_pretraining": 0.03}
    design = {"backbones": 6, "pretrainings": 3, "patients": 2}
    stated = pretraining_power(0.04, spread, 0.01, **design)
    shape = 20_000, 6, 3
    # Of what cannot be separated all is between backbones; patients move all pairs alike.
    between = rng.normal(0, 0.02 if separable else 0.03, shape[:2])
    within = rng.normal(0, 0.03 if separable else 0.0, shape).mean(axis=2)
    means = 0.04 + between + within
    estimate = means.mean(axis=1) + rng.normal(0, 0.01 / 2**0.5, shape[0])
    # The t test of the model knows the variance over patients and estimates the rest.
    error = (means.var(axis=1, ddof=1) / 6 + 0.01**2 / 2) ** 0.5
    found = np.mean(2 * stats.t(5).sf(abs(estimate / error)) < 0.05)
    assert found == pytest.approx(stated, abs=0.03)


def test_power_grows_with_backbones_and_is_unknown_where_the_spread_is():
    spread = {"sd_backbone": 0.01, "sd_pretraining": 0.02}
    powers = [
        pretraining_power(0.02, spread, 0.005, backbones=n, pretrainings=2) for n in (3, 6, 12)
    ]
    assert powers == sorted(powers)
    unknown = dict.fromkeys(spread, np.nan)
    assert np.isnan(pretraining_power(0.02, unknown, 0.005, backbones=3, pretrainings=2))
    with pytest.raises(InputError, match="backbones"):
        pretraining_power(0.02, spread, 0.005, backbones=1, pretrainings=2)


@pytest.mark.parametrize(("auc", "specificity"), [(0.85, 0.9), (0.6, 0.8), (0.97, 0.95)])
def test_binormal_sensitivity_is_that_of_two_normal_classes(auc, specificity):
    apart = 2**0.5 * stats.norm.ppf(auc)
    positive, negative = stats.norm(apart), stats.norm(0)
    area = integrate.quad(lambda x: positive.sf(x) * negative.pdf(x), -9, 9)[0]
    assert area == pytest.approx(auc)  # the classes have this AUC
    found = binormal_sensitivity(auc, specificity)
    assert found == pytest.approx(positive.sf(negative.ppf(specificity)))
    assert binormal_sensitivity(0.5, specificity) == pytest.approx(1 - specificity)


@given(st.floats(10, 1e4), st.floats(1e-3, 0.3), st.floats(0.005, 0.3))
def test_planned_patients_reach_the_power_and_the_sign_does_not_matter(n, error, margin):
    needed = patients_needed(margin, n, error)
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
        (lambda: patients_needed(0.1, 0, 1.0), "patients: 0"),
        (lambda: patients_needed(0.1, 10, float("nan")), "standard_error: nan"),
        (lambda: patients_needed(0, 10, 1.0), "difference: 0"),
        (lambda: patients_for_equivalence(-0.1, 10, 1.0), "margin: -0.1"),
        (lambda: patients_for_equivalence(0.1, -3, 1.0), "patients: -3"),
        (lambda: binormal_sensitivity(1.0), "auc: 1.0"),
        (lambda: binormal_sensitivity(0.8, 0), "specificity: 0"),
    ],
)
def test_impossible_plans_are_one_clear_error(plan, said):
    with pytest.raises(InputError, match=said):
        plan()

"""Planning: pROC's power of two paired curves, and simulated studies."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats.delong import delong_covariance, delong_test
from rin.stats.hypothesis import equivalence
from rin.stats.planning import (
    Pilot,
    equivalence_power,
    patients_for_equivalence,
    patients_needed,
)

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "planning.json").read_text())


def pilot_of(labels, scores):
    """The difference and pROC's pilot: were the AUCs equal, both had the first's variance."""
    aucs, ((var_a, cov), (_, var_b)) = delong_covariance(labels, scores)
    pilot = Pilot(np.sum(labels), var_a + var_b - 2 * cov, 2 * var_a - 2 * cov)
    return aucs[0] - aucs[1], pilot


@pytest.mark.parametrize("case", GOLDEN, ids=lambda case: f"{len(case['labels'])} cases")
def test_paired_plan_equals_proc(case):
    difference, pilot = pilot_of(case["labels"], np.array([case["a"], case["b"]]))
    needed = patients_needed(pilot, difference, power=0.9, level=0.99)
    assert needed == pytest.approx(case["ncases"], rel=1e-9)
    needed = patients_needed(pilot, difference, power=case["power"])
    assert needed == pytest.approx(pilot.patients, rel=1e-9)


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
    difference, pilot = pilot_of(*next(studies(rng, shift, 20_000, 1)))
    pilot = Pilot(pilot.patients, pilot.variance)
    n = patients_for_equivalence(pilot, margin) if margin else patients_needed(pilot, difference)
    tests = [delong_test(y, *x) for y, x in studies(rng, shift, round(n), 1000)]
    if margin:
        both = [equivalence(test.estimate, test.standard_error, test.df, margin) for test in tests]
        found = [test.equivalent for test in both]
    else:
        found = [test.p_value < 0.05 for test in tests]
    assert np.mean(found) == pytest.approx(0.8, abs=0.05)


@given(
    st.floats(10, 1e4),
    st.floats(1e-6, 1e-1),
    st.floats(1e-6, 1e-1),
    st.floats(0.005, 0.3),
    st.floats(0.51, 0.99),
)
def test_plans_are_each_others_inverse_and_ignore_the_sign(n, variance, null, difference, power):
    pilot = Pilot(n, variance, null)
    needed = patients_needed(pilot, -difference, power=power)
    assert needed == patients_needed(pilot, difference, power=power)
    alike = patients_for_equivalence(pilot, difference, difference / 3, power=power)
    found = equivalence_power(pilot, alike, difference, -difference / 3)
    assert found == pytest.approx(power, abs=1e-6)


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (lambda: Pilot(0, 1.0), "patients: 0"),
        (lambda: Pilot(10, float("nan")), "variance: nan"),
        (lambda: patients_needed(Pilot(10, 1.0), 0), "difference: 0"),
        (lambda: patients_needed(Pilot(10, 1.0), 0.1, power=1), "power: 1"),
        (lambda: patients_for_equivalence(Pilot(10, 1.0), 0.1, 0.1), "not within"),
        (lambda: equivalence_power(Pilot(10, 1.0), -3, 0.1), "patients: -3"),
    ],
)
def test_impossible_plans_are_one_clear_error(plan, said):
    with pytest.raises(InputError, match=said):
        plan()

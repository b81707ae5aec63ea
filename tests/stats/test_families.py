"""Every table of several tests adjusts its P values, by Holm, over the family that it names."""

from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.multitest import multipletests

from rin.stats import (
    equivalence_tests,
    init_differences,
    pair_differences,
    pairwise_differences,
    pretraining_differences,
    published_differences,
    simulation,
)

SCORES = simulation.simulate_predictions(pretrainings=2)
THREE = pd.concat([SCORES, SCORES.query("init == 'b'").eval("init = 'c'\nscore = score ** 3 / 9")])
UNITS = pretraining_differences(SCORES, "a", "b")
INITS = init_differences(SCORES, "a", "b")

#: Tables, and the columns whose levels are a family each; by default all rows are one.
TABLES = {
    "scenarios": (INITS, "group"),
    "pairs": (pair_differences(SCORES, "a", "b"), "task"),
    "pretrainings": (UNITS, None),
    "homogeneity": (UNITS.drop(columns=["p_value", "p_holm"]), None),
    "each with each": (pairwise_differences(THREE, ["a", "b", "c"]), None),
    "equivalence": (equivalence_tests(INITS, [0.05, 0.1]), "margin"),
    "published": (published_differences(UNITS, {"breast": 0.1, "thyroid": 0.2}), None),
}


@patch("gc.collect", int)  # which statsmodels calls each time
@pytest.mark.parametrize(("table", "within"), TABLES.values(), ids=TABLES)
def test_p_values_are_adjusted_over_their_family(table, within):
    p_value, p_holm = ("p_value", "p_holm") if "p_value" in table else ("q_p", "q_holm")
    for _, family in table.groupby(within or [0] * len(table)):
        assert len(family) > 1
        expected = multipletests(family[p_value], method="holm")[1]
        np.testing.assert_allclose(family[p_holm], expected)

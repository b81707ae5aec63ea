import json
from pathlib import Path

import pytest

from rin.errors import InputError
from rin.stats.synthesis import random_effects, three_level

CASES = json.loads((Path(__file__).parents[1] / "golden" / "synthesis.json").read_text())


def close(found, expected):
    # Variances of zero are found to rounding only.
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{len(case['y'])} estimates")
def test_pooled_estimates_equal_metafor(case):
    y, v, cluster = case["y"], case["v"], case["cluster"]
    close(random_effects(y, v), case["random_effects"])
    close(three_level(y, v, cluster), case["three_level"])


@pytest.mark.parametrize(
    ("y", "v"),
    [([1.0], [1.0]), ([1.0, 2.0], [1.0]), ([1, 2], [1, 0]), ([1, float("nan")], [1, 1])],
)
def test_estimates_that_cannot_be_pooled_are_refused(y, v):
    with pytest.raises(InputError, match="estimates, variances"):
        random_effects(y, v)

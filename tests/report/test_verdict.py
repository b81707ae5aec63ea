"""The standard verdict, on made rows: one case after the other."""

import pandas as pd
import pytest

from rin.report.verdict import add_verdicts, includes_zero, verdict

CLEAR = {"p_holm": 0.04, "excluded": True, "auc_a": 0.8, "auc_b": 0.8}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"estimate": 0.03}, "ahead"),
        ({"estimate": -0.03}, "behind"),
        ({"estimate": 0.01, "p_holm": 0.05}, "within 5 points"),
        ({"estimate": 0.01, "p_holm": 0.05, "excluded": False}, "not clear"),
        ({"p_holm": 0.9, "excluded": False, "auc_b": 0.69}, "too little learnt"),
    ],
)
def test_verdict_in_each_case(changed, said):
    assert verdict(CLEAR | changed) == said


def test_a_difference_is_excluded_only_by_arms_that_learnt_after_holm():
    """Each of x and y excludes 5 points alone, neither among three; z has learnt too little."""
    rows = pd.DataFrame({"task": ["x", "y", "z"], "estimate": 0.01, "df": float("inf"),
                         "standard_error": [0.022, 0.022, 0.01], "p_holm": 1.0})  # fmt: skip
    networks = pd.DataFrame({"task": ["z", "y", "x"], "group": "all", "auc_b": 0.8,
                             "auc_a": [0.69, 0.71, 0.71]})  # fmt: skip
    table = add_verdicts(rows, networks).set_index("task")
    assert table["verdict"].to_dict() == {
        "x": "not clear",
        "y": "not clear",
        "z": "too little learnt",
    }
    alone = add_verdicts(rows[1:2], networks)
    assert alone["verdict"].item() == "within 5 points"


def test_an_interval_includes_zero_between_its_ends():
    rows = pd.DataFrame({"ci_low": [-1, 1, -2], "ci_high": [1, 2, -1]})
    assert includes_zero(rows).tolist() == [True, False, False]

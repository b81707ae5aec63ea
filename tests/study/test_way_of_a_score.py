"""A score goes the shortest way from its file to the sentence that rests on it."""

import sys

import pandas as pd
import pytest

import rin
from rin.stats import init_differences, pretraining_differences
from rin.study import open_reference, results

FOLDER = str(rin.__path__[0])


def holds_scores(value):
    return isinstance(value, pd.DataFrame) and "score" in value


def functions_with_scores(work):
    """Return the functions of the package that take or return a table of scores meanwhile."""
    found = {}

    def look(frame, event, returned):
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(FOLDER):
            return
        values = [returned]
        if event == "call":
            values = [value for name, value in frame.f_locals.items() if name != "self"]
        if "<" not in code.co_name and any(map(holds_scores, values)):
            found[code.co_qualname] = None

    sys.setprofile(look)
    try:
        work()
    finally:
        sys.setprofile(None)
    return [*found]


@pytest.mark.parametrize("estimate", [init_differences, pretraining_differences])
def test_score_passes_ten_functions_at_most_from_its_file_to_an_estimate(estimate):
    results._read_table.cache_clear()

    def work():
        runs = open_reference()
        estimate(runs.predictions(task="breast"), *runs.inits)

    passed = functions_with_scores(work)
    assert {"_read_table", "Results.predictions", estimate.__name__} <= {*passed}
    assert len(passed) <= 10, f"{len(passed)} functions: {', '.join(passed)}"

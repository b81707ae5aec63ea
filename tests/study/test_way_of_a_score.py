"""A score goes the shortest way from its file to the sentence that rests on it."""

import sys

import pandas as pd
import pytest

import rin
from rin.stats import init_differences, pretraining_differences
from rin.study import open_reference, results

FOLDER = str(rin.__path__[0])


@pytest.mark.parametrize("estimate", [init_differences, pretraining_differences])
def test_score_passes_ten_functions_at_most_from_its_file_to_an_estimate(estimate):
    results._read_table.cache_clear()
    passed = set()

    def look(frame, event, returned):
        """Note the functions of the package that take or return a table of scores."""
        code = frame.f_code
        if event not in ("call", "return") or not code.co_filename.startswith(FOLDER):
            return
        values = [returned] if event == "return" else frame.f_locals.values()
        tables = [value for value in values if isinstance(value, pd.DataFrame)]
        if "<" not in code.co_name and any("score" in table for table in tables):
            passed.add(code.co_qualname)

    sys.setprofile(look)
    try:
        runs = open_reference()
        estimate(runs.predictions(task="breast"), *runs.inits)
    finally:
        sys.setprofile(None)
    assert {"_read_table", "Results.predictions", estimate.__name__} <= passed
    assert len(passed) <= 10, f"{len(passed)} functions: {', '.join(passed)}"

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report.examples import example_cases, most_accurate_scenario

CASES = ["n1", "p1", "p2", "n2", "p3"]
LABELS = [0, 1, 1, 0, 1]
INITS = ("radiologic", "photographic")


def run(scenario, init, scores, fold=0):
    """One run as `rin.study.cam_arrays` yields it; each map's cells tell case and class."""
    named = {"scenario": scenario, "init": init, "fold": fold}
    rows = pd.DataFrame({"case_id": CASES, "label": LABELS, "score": scores}).assign(**named)
    cells = 10 * np.arange(len(CASES))[:, None] + np.arange(2)
    maps = np.broadcast_to(cells[:, None, None, :], (len(CASES), 3, 3, 2)).astype("float32")
    return rows, maps


@pytest.fixture
def runs():
    """Two scenarios, two folds; in fold 0 of "good" both inits agree on n1 and p2 only."""
    return [
        run("good", "radiologic", [0.9, 0.9, 0.9, 0.1, 0.9], fold=1),
        run("poor", "radiologic", [0.9, 0.1, 0.1, 0.9, 0.1]),
        run("good", "radiologic", [0.2, 0.3, 0.8, 0.9, 0.7]),
        run("good", "photographic", [0.1, 0.9, 0.6, 0.2, 0.5]),
    ]


def test_most_accurate_scenario_counts_right_calls_over_inits_and_folds(runs):
    assert most_accurate_scenario(runs) == "good"
    assert most_accurate_scenario([*runs, run("best", "random", [0, 1, 1, 0, 1])]) == "best"


def test_most_accurate_scenario_takes_a_score_of_one_half_for_negative():
    half, sure = run("half", "random", [0.5] * 5), run("sure", "random", [0.6] * 5)
    assert most_accurate_scenario([half, sure]) == "sure"


def test_example_cases_puts_positive_first_and_agreed_before_others(runs):
    chosen = example_cases(runs, "good", INITS, set(CASES))
    assert chosen.cases["case_id"].tolist() == ["p2", "p1", "n1", "n2"]


def test_example_cases_shows_scores_of_each_init_in_the_first_fold(runs):
    cases = example_cases(runs, "good", INITS, set(CASES)).cases
    assert cases["score_radiologic"].tolist() == [0.8, 0.3, 0.2, 0.9]
    assert cases["score_photographic"].tolist() == [0.6, 0.9, 0.1, 0.2]


def test_example_cases_maps_are_those_of_the_predicted_class(runs):
    maps = example_cases(runs, "good", INITS, set(CASES)).maps
    assert maps["radiologic"].shape == (4, 3, 3)
    assert maps["radiologic"][:, 0, 0].tolist() == [21, 10, 0, 31]
    assert maps["photographic"][:, 0, 0].tolist() == [21, 11, 0, 30]


def test_example_cases_leaves_out_cases_that_are_not_eligible(runs):
    chosen = example_cases(runs, "good", INITS, {"n2", "p1", "p3"}, per_class=1)
    assert chosen.cases["case_id"].tolist() == ["p1", "n2"]


def test_example_cases_when_none_is_eligible_raises(runs):
    with pytest.raises(InputError, match="has a lesion"):
        example_cases(runs, "good", INITS, {"elsewhere"})

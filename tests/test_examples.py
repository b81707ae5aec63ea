"""The functions of the API reference: their docstrings, examples that run, a place in the book."""

import doctest
import inspect
import re
import sys

import pytest

import rin.stats
import rin.study
from rin.files import REPOSITORY
from rin.stats import simulation

FUNCTIONS = {name: getattr(rin.stats, name) for name in dir(rin.stats)
             if inspect.isfunction(getattr(rin.stats, name))}  # fmt: skip
FUNCTIONS |= {
    name: function
    for name, function in inspect.getmembers(simulation, inspect.isfunction)
    if function.__module__ == simulation.__name__ and not name.startswith("_")
}
ENTRY_POINTS = dict(inspect.getmembers(rin.study, inspect.isfunction))
#: What `Results` has for readers, or notebooks and the command line alone call.
UNLISTED = ("augment_layer", "open_backbone", "plan_pretraining", "pretrained",
            "pretraining_histories", "pretraining_predictions", "profile_names",
            "run_fine_tuning", "run_pretraining", "start_keras")  # fmt: skip
for name in UNLISTED:
    del ENTRY_POINTS[name]
DESCRIBED = FUNCTIONS | ENTRY_POINTS
#: The examples of what begins or follows a training run in tests/study, on a finished study.
TRAINING = {"find_run", "run_study"}
API = (REPOSITORY / "book" / "api.md").read_text(encoding="utf-8")
LISTED = re.findall(r"^\.\. auto(?:function|class):: (\w+)$", API, flags=re.MULTILINE)


@pytest.mark.parametrize("name", sorted(DESCRIBED.keys() - TRAINING))
def test_function_has_an_example_that_gives_what_it_says(name, capsys):
    function = DESCRIBED[name]
    (example,) = doctest.DocTestFinder(recurse=False).find(
        function, name, sys.modules[function.__module__]
    )
    assert example.examples, f"{name} has no example"
    failed = doctest.DocTestRunner().run(example).failed
    assert not failed, capsys.readouterr().out


@pytest.mark.parametrize("name", ENTRY_POINTS)
def test_entry_point_says_what_it_raises_and_has_an_example(name):
    text = inspect.getdoc(ENTRY_POINTS[name])
    assert "\nRaises\n------\nInputError\n    " in text
    assert "\nExamples\n--------\n>>> " in text


def test_reference_lists_every_function_of_statistics_once():
    assert len(LISTED) == len(set(LISTED))
    assert {name for name in LISTED if not hasattr(rin.study, name)} == FUNCTIONS.keys()


def test_reference_lists_every_entry_point_of_studies():
    assert {name for name in LISTED if hasattr(rin.study, name)} == ENTRY_POINTS.keys() | {
        "Results"
    }

"""The functions of the API reference: parameters in numpydoc's form, and examples that run."""

import doctest
import inspect
import re
from importlib import import_module

import pytest

import rin.stats
import rin.study
from rin.files import REPOSITORY
from rin.stats import simulation

LISTED = [
    getattr(import_module(module), name)
    for module, below in re.findall(
        r"(?s)currentmodule:: (\S+)\n(.*?)```", (REPOSITORY / "book/api.md").read_text("utf-8")
    )
    for name in re.findall(r"auto(?:function|class):: (\w+)", below)
]
DESCRIBED = {one.__name__: one for one in LISTED if inspect.isfunction(one)}
#: What `Results` has for readers, or notebooks and the command line alone call.
UNLISTED = {"augment_layer", "open_backbone", "plan_pretraining", "pretraining_results",
            "pretraining_histories", "pretraining_predictions", "profile_names",
            "run_pretraining", "start_keras"}  # fmt: skip
#: The examples of what begins or follows a training run in tests/study, on a finished study.
TRAINING = {"find_run", "run_study"}
for_each = pytest.mark.parametrize("name", DESCRIBED)


@pytest.mark.parametrize("name", sorted(DESCRIBED.keys() - TRAINING))
def test_function_has_an_example_that_gives_what_it_says(name, capsys):
    function = DESCRIBED[name]
    (example,) = doctest.DocTestFinder(recurse=False).find(function, name)
    assert example.examples, f"{name} has no example"
    failed = doctest.DocTestRunner().run(example).failed
    assert not failed, capsys.readouterr().out


@for_each
def test_documented_function_gives_type_and_meaning_of_every_parameter(name):
    text = inspect.getdoc(DESCRIBED[name])
    section = re.search(r"(?s)Parameters\n-+\n(.*?)(\n\n\w+\n-|\Z)", text)
    given = re.findall(r"(?m)^([*\w, ]+) : \S.*\n    \S", section[1] if section else "")
    names = [name.strip("*") for names in given for name in names.split(", ")]
    assert names == [*inspect.signature(DESCRIBED[name]).parameters]
    assert "\nReturns\n-------\n" in text
    if hasattr(rin.study, name):
        assert "\nRaises\n------\nInputError\n    " in text
        assert "\nExamples\n--------\n>>> " in text


def test_reference_lists_every_function_of_statistics_and_every_entry_point_of_studies_once():
    members = [
        each
        for module in (rin.stats, rin.study, simulation)
        for each in inspect.getmembers(module, inspect.isfunction)
        if module is not simulation or each[1].__module__ == module.__name__
    ]
    public = {name for name, _ in members if not name.startswith("_")}
    expected = public - UNLISTED | {"Results"}
    assert sorted(one.__name__ for one in LISTED) == sorted(expected)

"""Documented functions give each parameter in numpydoc's form: `name : type`, a description."""

import inspect
import re
from importlib import import_module
from pathlib import Path

import pytest

API = (Path(__file__).parents[1] / "book" / "api.md").read_text("utf-8")
DOCUMENTED = [
    (module, name)
    for module, below in re.findall(r"currentmodule:: (\S+)\n(.*?)```", API, re.DOTALL)
    for name in re.findall(r"autofunction:: (\w+)", below)
]


@pytest.mark.parametrize(("module", "name"), DOCUMENTED)
def test_documented_function_gives_type_and_meaning_of_every_parameter(module, name):
    function = getattr(import_module(module), name)
    section = re.search(r"Parameters\n-+\n(.*?)(\n\n\w+\n-|\Z)", inspect.getdoc(function), re.S)
    given = re.findall(r"(?m)^([*\w, ]+) : \S.*\n    \S", section[1] if section else "")
    names = [name.strip("*") for names in given for name in names.split(", ")]
    assert names == [*inspect.signature(function).parameters]
    assert "\nReturns\n-------\n" in inspect.getdoc(function)

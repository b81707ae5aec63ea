"""What the book promises has a command, page or function, and a quick test that shows it."""

import ast
import importlib

import pytest
import typer
from capabilities import CAPABILITIES, HEADING, section

from rin.cli import app
from rin.files import REPOSITORY


def commands_below(name, command):
    """Every command below one, as it is typed."""
    if not hasattr(command, "commands"):
        return [name]
    below = command.commands.items()
    return [typed for word, part in below for typed in commands_below(f"{name} {word}", part)]


COMMANDS = commands_below("rin", typer.main.get_command(app))


def resolves(use):
    """Whether a command, a page or a name of the package is there."""
    kind, _, rest = use.partition(" ")
    if kind == "rin":
        return use in COMMANDS
    if kind == "make":
        return f"\n{rest}:" in (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    if kind == "page":
        return any(
            (REPOSITORY / path).is_file() for path in (f"notebooks/{rest}.py", f"book/{rest}.md")
        )
    module, _, name = use.rpartition(".")
    path = REPOSITORY.joinpath(*use.split("."))
    is_module = path.is_dir() or path.with_suffix(".py").is_file()
    return is_module or hasattr(importlib.import_module(module), name)


@pytest.mark.parametrize("capability", CAPABILITIES, ids=lambda shown: shown["capability"])
def test_capability_has_a_use_that_is_there_and_a_quick_test_that_shows_it(capability):
    assert resolves(capability["use"]), f"nothing is called {capability['use']}"
    file, _, name = capability["test"].partition("::")
    text = (REPOSITORY / "tests" / file).read_text(encoding="utf-8")
    assert "\npytestmark = pytest.mark.slow" not in text
    # A slow test may stand beside the quick one that is named here.
    assert [
        each
        for each in ast.parse(text).body
        if isinstance(each, ast.FunctionDef)
        and each.name.startswith("test_")
        and name in ("", each.name)
        and "pytest.mark.slow" not in map(ast.unparse, each.decorator_list)
    ]


def test_every_command_is_the_use_of_a_capability():
    assert sorted({*COMMANDS} - {capability["use"] for capability in CAPABILITIES}) == []


def test_api_reference_says_what_the_list_says_and_readme_links_to_it():
    """Write it anew with `python tests/capabilities.py`."""
    reference = (REPOSITORY / "book/api.md").read_text(encoding="utf-8")
    stated = HEADING + reference.partition(HEADING)[2].partition("\n## ")[0]
    assert stated == section()
    assert "](book/api.md#what-you-get)" in (REPOSITORY / "README.md").read_text(encoding="utf-8")


def test_readme_fits_on_a_few_screens():
    assert len((REPOSITORY / "README.md").read_text(encoding="utf-8").splitlines()) <= 120

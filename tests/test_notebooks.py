"""The notebooks' common form; what they compute is tested where it is written."""

import ast
import re
from pathlib import Path

import jupytext
import pytest

from rin.report.book import CHAPTERS, notebook_parameters

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.py"))
CHAPTER = {chapter.source: chapter for chapter in CHAPTERS}

for_each = pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)


def parameter_cells(path):
    cells = jupytext.read(path).cells
    return [cell.source for cell in cells if "parameters" in cell.metadata.get("tags", [])]


def test_there_are_as_many_notebooks_as_chapters():
    assert {path.stem for path in NOTEBOOKS} == set(CHAPTER)


@for_each
def test_code_cells_parse(path):
    for cell in jupytext.read(path).cells:
        if cell.cell_type == "code":
            ast.parse(cell.source)


@for_each
def test_one_cell_holds_typed_and_commented_parameters_only(path):
    if not CHAPTER[path.stem].parameters:
        assert parameter_cells(path) == []
        return
    (source,) = parameter_cells(path)
    nodes = ast.parse(source).body
    lines = source.splitlines()
    assert len(nodes) == len(lines)
    for node, line in zip(nodes, lines, strict=True):
        assert isinstance(node, ast.AnnAssign), f"no type: {line}"
        assert re.search(r"  # \S.+", line), f"no comment: {line}"


@for_each
def test_defaults_have_the_type_that_is_annotated(path):
    source = "\n".join(parameter_cells(path))
    defaults = {node.target.id: ast.literal_eval(node.value) for node in ast.parse(source).body}
    for name, kind in notebook_parameters(path).items():
        assert isinstance(defaults[name], kind)


@for_each
def test_parameters_are_those_of_the_chapter(path):
    assert tuple(notebook_parameters(path)) == CHAPTER[path.stem].parameters


@for_each
def test_opens_with_title_question_and_command(path):
    opening = jupytext.read(path).cells[0]
    assert opening.cell_type == "markdown"
    assert re.match(r"# \S", opening.source)
    assert re.search(r"\bcommand\b.*`make book", opening.source, flags=re.IGNORECASE)
    if path.stem != "cover":
        assert re.search(r"\*\*What this page answers\.\*\* .*\?", opening.source, flags=re.DOTALL)

"""The notebooks' common form; what they compute is tested where it is written."""

import ast
import json
import re
import sys
from functools import cache
from pathlib import Path

import jupytext
import pytest
from jupytext.cli import jupytext as jupytext_command
from papermill.__main__ import papermill as papermill_command

from rin.report.execution import notebook_parameters
from rin.report.pages import NOTEBOOKS as TABLE

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.py"))
OF_TASKS = {notebook.source for notebook in TABLE if notebook.of}
# Names of the values that the book hands to a notebook.
STUDY = {"profile", "data_root", "results"}


def name(path):
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


for_each = pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
for_each_with_results = pytest.mark.parametrize(
    "path", [path for path in NOTEBOOKS if path.parent.name in ("results", "evidence")], ids=name
)


read = cache(jupytext.read)


def cells(path, kind):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def tags(cell):
    return set(cell.metadata.get("tags", []))


@for_each
def test_one_cell_at_most_holds_parameters_typed_commented_and_handed_on_by_the_book(path):
    parameters = notebook_parameters(path)
    assert parameters.keys() <= {"task", *STUDY}
    assert "task" in parameters or name(path) not in OF_TASKS
    sources = [cell.source for cell in cells(path, "code") if "parameters" in tags(cell)]
    assert len(sources) <= 1
    source = "".join(sources)
    nodes, lines = ast.parse(source).body, source.splitlines()
    for node, line in zip(nodes, lines, strict=True):
        assert isinstance(node, ast.AnnAssign), f"no type: {line}"
        assert re.search(r"  # \S.+", line), f"no comment: {line}"
        assert isinstance(ast.literal_eval(node.value), parameters[node.target.id])


@for_each
def test_opens_with_its_title_and_ends_with_how_to_run_it(path):
    first, *_ = cells(path, "markdown")
    assert re.match(r"# \S", first.source)
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    section = re.search(r"(?ms)^## Run this page$(.*)", text)
    assert section, "no section 'Run this page'"
    assert f"notebooks/{name(path)}.py" in section.group(1)


@for_each
def test_only_parameters_are_removed_from_sight(path):
    removed = [cell for cell in cells(path, "code") if "remove-input" in tags(cell)]
    assert all("parameters" in tags(cell) for cell in removed)
    assert not [cell for cell in cells(path, "code") if "remove-cell" in tags(cell)]


@for_each
def test_imports_at_most_ten_names_from_the_report(path):
    nodes = [node for cell in cells(path, "code") for node in ast.walk(ast.parse(cell.source))]
    taken = [
        alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("rin.report")
        for alias in node.names
    ]
    assert len(taken) <= 10, taken


@for_each_with_results
def test_at_least_half_of_the_code_of_a_result_is_visible(path):
    code = [cell for cell in cells(path, "code") if "parameters" not in tags(cell)]
    folded = [cell for cell in code if tags(cell) & {"hide-input", "hide-cell", "remove-input"}]
    assert len(folded) <= len(code) / 2, f"{len(folded)} of {len(code)} cells are folded"


@for_each
def test_no_table_or_figure_is_made_and_not_shown(path):
    """A notebook shows the last expression of a cell, and no other."""
    made = {"book_table", "picture", "pictures"}
    for cell in cells(path, "code"):
        for node in ast.parse(cell.source).body[:-1]:
            match node:
                case ast.Expr(ast.Call(ast.Name(called) | ast.Attribute(attr=called))):
                    assert called not in made


def test_plain_tools_run_a_notebook_from_its_own_folder(tmp_path, monkeypatch):
    # What Jupyter does with a notebook, and papermill in a terminal; `rin` is not asked.
    source = ROOT / "notebooks" / "results" / "task_published.py"
    made, done = str(tmp_path / "task.ipynb"), tmp_path / "out.ipynb"
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share" / "jupyter"))
    jupytext_command(["--to", "ipynb", str(source), "--output", made])
    arguments = [made, str(done), "-p", "task", "thyroid", "--cwd", str(source.parent)]
    papermill_command(arguments, standalone_mode=False)
    computed = json.loads(done.read_text(encoding="utf-8"))
    assert all(not cell.get("metadata", {}).get("papermill", {}).get("exception")
               for cell in computed["cells"])  # fmt: skip
    assert 'task = "thyroid"' in done.read_text(encoding="utf-8").replace('\\"', '"')

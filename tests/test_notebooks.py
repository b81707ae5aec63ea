"""The notebooks' common form; what they compute is tested where it is written."""

import ast
import json
import re
import sys
import textwrap
import tomllib
from functools import cache
from pathlib import Path

import jupytext
import pytest
from jupytext.cli import jupytext as jupytext_command
from papermill.__main__ import papermill as papermill_command

from rin.report.execution import notebook_parameters

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.py"))
# Names of the values that the book hands to a notebook.
STUDY = {"profile", "data_root", "results"}


def name(path):
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


for_each = pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
read = cache(jupytext.read)


def cells(path, kind):
    return [cell for cell in read(path).cells if cell.cell_type == kind]


def tags(cell):
    return set(cell.metadata.get("tags", []))


@for_each
def test_one_cell_at_most_holds_parameters_typed_commented_and_handed_on_by_the_book(path):
    parameters = notebook_parameters(path)
    assert parameters.keys() <= {"task", "beside", *STUDY}
    sources = [cell.source for cell in cells(path, "code") if "parameters" in tags(cell)]
    assert len(sources) <= 1
    source = "".join(sources)
    nodes = ast.parse(source).body
    lines = [line for line in source.splitlines() if not line.startswith("#")]
    for node, line in zip(nodes, lines, strict=True):
        assert isinstance(node, ast.AnnAssign), f"no type: {line}"
        assert re.search(r"  # \S.+", line), f"no comment: {line}"
        assert ast.unparse(node.annotation) == type(parameters[node.target.id]).__name__


@for_each
def test_opens_with_its_title_and_says_how_to_run_it(path):
    first, *_ = cells(path, "markdown")
    assert re.match(r"# \S", first.source)
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    assert f"`rin run notebooks/{name(path)}.py" in " ".join(text.split())


@for_each
def test_links_have_a_text_and_nothing_is_folded_that_only_the_book_unfolds(path):
    """Jupyter shows a link without a text as nothing, and a directive of Sphinx as its source."""
    for cell in read(path).cells:
        assert "[](" not in cell.source
        assert ":::" not in cell.source


@for_each
def test_only_parameters_are_removed_from_sight(path):
    removed = [cell for cell in cells(path, "code") if "remove-input" in tags(cell)]
    assert all("parameters" in tags(cell) for cell in removed)
    assert not [cell for cell in cells(path, "code") if "remove-cell" in tags(cell)]


@for_each
def test_saving_in_jupyterlab_changes_nothing(path):
    """What Lab and its extensions note in a notebook is left out of the text."""
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {
        "display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"
    }  # fmt: skip
    notebook.metadata["language_info"] = {"name": "python", "version": "3.99.0"}
    for cell in notebook.cells:
        cell.metadata |= {"editable": True, "slideshow": {"slide_type": ""}, "execution": {}}
    assert jupytext.writes(notebook, fmt="py:percent") == text


@for_each
def test_first_cell_says_where_the_package_comes_from(path):
    first, *_ = cells(path, "code")
    line = first.source.splitlines()[0]
    extras = re.fullmatch(r"# rin is the package .*: pip install -e '\.\[(.+)\]' there", line)
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert {*extras[1].split(",")} <= project["optional-dependencies"].keys()


@for_each
def test_what_the_book_folds_is_folded_in_jupyterlab_too(path):
    """Otherwise a sentence stands twice there: in its cell, and below it."""
    for cell in cells(path, "code"):
        folds = cell.metadata.get("jupyter", {})
        assert ("hide-input" in tags(cell)) == bool(folds.get("source_hidden"))
        assert ("hide-output" in tags(cell)) == bool(folds.get("outputs_hidden"))


def counted_lines(cell):
    """How many lines a cell has, without imports, sentences and empty lines."""
    lines = set()
    for node in ast.parse(cell.source).body:
        kind = node.value if isinstance(node, ast.Expr) else node
        sentence = isinstance(kind, ast.Call) and "Markdown" in ast.unparse(kind)[:17]
        if not sentence and not isinstance(kind, ast.Import | ast.ImportFrom):
            lines |= set(range(node.lineno, node.end_lineno + 1))
    source = cell.source.splitlines()
    return sum(bool(source[line - 1].strip()) for line in lines)


def working_cells(path):
    return [cell for cell in cells(path, "code") if "parameters" not in tags(cell)]


@for_each
def test_a_page_has_few_lines(path):
    """What is folded, as figures and sentences are, is the page's own affair."""
    shown = [cell for cell in working_cells(path) if "hide-input" not in tags(cell)]
    counts = [counted_lines(cell) for cell in shown]
    assert max(counts, default=0) <= 25
    assert sum(counts) <= 120


#: What a page takes from elsewhere than `rin.stats`, to show it by hand and assert both equal.
INFERENCE = r"scipy\.stats|statsmodels|pingouin|\.(?:ppf|isf|cdf|sf|sem|ndtri?)\(|1\.96|1\.645"
BY_HAND = {"pipeline/statistics", "evidence/audit"}


@for_each
def test_intervals_and_p_values_are_those_of_the_tested_package(path):
    found = {*re.findall(INFERENCE, "\n".join(cell.source for cell in cells(path, "code")))}
    assert bool(found) is (name(path) in BY_HAND), "take an interval or P value from rin.stats"


def names_in_use(source):
    """Names that code imports from this package, and attributes of these."""
    tree = ast.parse(source)
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == "rin"
        for alias in node.names
    }
    attributes = {
        (*imported[node.value.id], node.attr)
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in imported
    }
    return {*imported.values()} | attributes


def test_the_book_uses_few_names_of_the_package():
    """A stranger meets few concepts: what many pages need has one name, and one place."""
    sources = ["\n".join(cell.source for cell in cells(path, "code")) for path in NOTEBOOKS]
    used = set.union(*map(names_in_use, sources))
    assert len(used) <= 140


OF_RESULTS = [path for path in NOTEBOOKS if path.parent.name == "results"]


@for_each
def test_no_table_or_figure_is_made_and_not_shown(path):
    """A notebook shows the last expression of a cell, and no other, nor one within an `if`."""
    for cell in cells(path, "code"):
        statements = ast.parse(cell.source).body
        for node in ast.walk(ast.Module(statements, [])):
            match node:
                case ast.Expr(ast.Call(ast.Name(called) | ast.Attribute(attr=called))):
                    assert node is statements[-1] or called not in {"book_table", "picture"}


TOLD = [path for path in NOTEBOOKS if path.parent.name not in ("pipeline", "use")]


def conditional_sentences(source):
    """Conditions within f-strings of a sentence."""
    return [
        ast.unparse(part)
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Markdown"
        for text in ast.walk(node)
        if isinstance(text, ast.JoinedStr)
        for part in ast.walk(text)
        if isinstance(part, ast.IfExp | ast.BoolOp)
    ]


@pytest.mark.parametrize("path", TOLD, ids=name)
def test_sentences_of_results_hold_no_condition(path):
    found = [one for cell in cells(path, "code") for one in conditional_sentences(cell.source)]
    assert found == []


@for_each
def test_changes_to_try_are_three_with_their_code(path):
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    _, found, changes = text.partition("## Try it")
    if found:
        assert re.findall(r"(?m)^(\d)\. ", changes) == ["1", "2", "3"]
        assert len(changes_to_try(path)) == 3


def changes_to_try(path):
    """Return the code of the changes that a page proposes."""
    *_, last = cells(path, "markdown")
    return [textwrap.dedent(code) for code in re.findall(r"(?s)```python\n(.*?)```", last.source)]


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("path", [path for path in OF_RESULTS if changes_to_try(path)], ids=name)
def test_changes_to_try_run_after_the_page(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"display": lambda shown: None}
    for cell in cells(path, "code"):
        exec(cell.source, names)
    for code in changes_to_try(path):
        *_, last = ast.parse(code).body
        exec(code, names)
        assert eval(ast.unparse(last.value), names) is not None


@for_each
def test_code_wraps_at_80_columns(path):
    long = [
        line for cell in working_cells(path) for line in cell.source.splitlines() if len(line) > 80
    ]
    assert not long


@for_each
def test_no_value_is_glued_and_no_role_but_citations_and_references_is_left(path):
    """Jupyter and papermill show the text of a notebook as it is."""
    known = r"\{(?!cite|numref|ref|bibliography|note|math)[a-z]+(:[a-z]+)?\}`"
    for cell in read(path).cells:
        assert "glue" not in cell.source
        assert not re.search(known, cell.source)


RESULTS = [path for path in NOTEBOOKS if path.parent.name == "results" or path.stem == "findings"]


@pytest.mark.parametrize("path", RESULTS, ids=name)
def test_no_result_is_typed_into_prose(path):
    aside = r"`[^`]*`|\$[^$]*\$|\[[^\]]*\]\([^)]*\)"
    result = r"\d+(?:[.,]\d+)*\s*(?:%|(?:points?|patients|images|networks|tasks|cases)\b)|[−+]\d"
    for cell in cells(path, "markdown"):
        typed = {*re.findall(result, re.sub(aside, "", cell.source))}
        levels = {"5%", "90%"}  # of significance, and of the interval of two such tests
        assert typed <= levels | {"6%"}, "but a level, and the radius of a measure"


def unguarded(source):
    """Whether code ends in sentences with numbers, and claims nothing about these."""
    calls = {ast.unparse(node.func): node for node in ast.walk(ast.parse(source))
             if isinstance(node, ast.Call)}  # fmt: skip
    parts = ast.walk(calls.get("Markdown", ast.Pass()))
    return any(isinstance(part, ast.FormattedValue) for part in parts) and "claim" not in calls


@pytest.mark.parametrize("path", RESULTS, ids=name)
def test_sentences_with_numbers_are_guarded_by_a_claim_in_their_cell(path):
    assert not [cell.source for cell in cells(path, "code") if unguarded(cell.source)]


@pytest.mark.parametrize("path", RESULTS, ids=name)
def test_figures_are_numbered_and_captioned(path):
    drawn = [node for cell in cells(path, "code") for node in ast.walk(ast.parse(cell.source))
             if isinstance(node, ast.Call) and ast.unparse(node.func) == "picture"]  # fmt: skip
    titles = [ast.unparse(call.args[1]).strip("f'\"") for call in drawn]
    expected = [f"Figure {number}. " for number in range(1, len(drawn) + 1)]
    assert [title[: len("Figure 1. ")] for title in titles] == expected
    assert all(len(call.args) == 3 for call in drawn)


@for_each
def test_a_sentence_is_the_end_of_a_folded_cell(path):
    for cell in cells(path, "code"):
        if re.search(r"^Markdown\(", cell.source, re.M):
            assert "hide-input" in tags(cell)
            assert re.match(r"Markdown\(", ast.unparse(ast.parse(cell.source).body[-1]))


@pytest.mark.slow
def test_plain_tools_run_a_notebook_from_its_own_folder(tmp_path, monkeypatch):
    # What Jupyter does with a notebook, and papermill in a terminal; `rin` is not asked.
    source = ROOT / "notebooks" / "findings.py"
    made, done = str(tmp_path / "task.ipynb"), tmp_path / "out.ipynb"
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share" / "jupyter"))
    jupytext_command(["--to", "ipynb", str(source), "--output", made])
    arguments = [made, str(done), "-p", "profile", "demo", "--cwd", str(source.parent)]
    papermill_command(arguments, standalone_mode=False)
    computed = json.loads(done.read_text(encoding="utf-8"))
    assert all(not cell.get("metadata", {}).get("papermill", {}).get("exception")
               for cell in computed["cells"])  # fmt: skip
    assert 'profile = "demo"' in done.read_text(encoding="utf-8").replace('\\"', '"')

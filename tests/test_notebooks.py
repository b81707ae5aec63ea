"""The notebooks' common form; what they compute is tested where it is written."""

import ast
import re
import textwrap
import tomllib

import jupytext
import pytest
from notebook_cells import FOLDER, NOTEBOOKS, name, prose, read, sources, tags

from rin.report.execution import notebook_parameters


def for_each(*parts):
    """Run a test for each notebook, or each of these parts; the cover is one of the results."""
    chosen = [path for path in NOTEBOOKS if not parts or part_of(path) in parts]
    return pytest.mark.parametrize("path", chosen, ids=name)


def part_of(path):
    return {"findings": "results", "study": "evidence"}.get(path.stem, path.parent.name)


def calls(source, function):
    """Return every call of a function in some code."""
    return [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == function
    ]


@for_each()
def test_one_cell_at_most_holds_parameters_typed_commented_and_handed_on_by_the_book(path):
    defaults = notebook_parameters(path)
    assert defaults.keys() <= {"task", "beside", "profile", "data_root", "results"}
    held = [cell.source for cell in read(path).cells if "parameters" in tags(cell)]
    assert len(held) <= 1
    for line in "".join(held).splitlines():
        if not line.startswith("#"):
            stated = re.fullmatch(r"(\w+): (\w+) = .+  # \S.+", line)
            assert stated, f"no type or no comment: {line}"
            assert stated[2] == type(defaults[stated[1]]).__name__


@for_each()
def test_opens_with_its_title_and_says_how_to_run_it(path):
    assert re.match(r"# \S", prose(path))
    assert f"`rin run notebooks/{name(path)}.py" in " ".join(prose(path).split())


@for_each()
def test_nothing_is_left_that_only_the_book_shows(path):
    """Jupyter shows a link without a text as nothing, and roles and directives as their source."""
    role = r"\{(?!cite|numref|ref|bibliography|note|math)[a-z]+(?::[a-z]+)?\}`"
    assert not re.findall(rf"\[\]\(|:::|glue|{role}", path.read_text(encoding="utf-8"))


@for_each()
def test_saving_in_jupyterlab_changes_nothing(path):
    """What Lab and its extensions note in a notebook is left out of the text."""
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    kernel = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}
    notebook.metadata |= {"kernelspec": kernel, "language_info": {"name": "python"}}
    for cell in notebook.cells:
        cell.metadata |= {"editable": True, "slideshow": {"slide_type": ""}, "execution": {}}
    assert jupytext.writes(notebook, fmt="py:percent") == text


@for_each()
def test_first_cell_says_where_the_package_comes_from(path):
    first, *_ = sources(path, "code")
    line = first.splitlines()[0]
    extras = re.fullmatch(r"# rin is the package .*: pip install -e '\.\[(.+)\]' there", line)
    stated = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))
    assert {*extras[1].split(",")} <= stated["project"]["optional-dependencies"].keys()


@for_each()
def test_only_parameters_are_removed_from_sight_and_what_the_book_folds_is_folded_in_lab(path):
    """Otherwise a sentence stands twice there: in its cell, and below it."""
    for cell in read(path).cells:
        folds = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert ("hide-input" in tags(cell)) == folds
        # No "hide-output" among them: none looks behind a second “Show code”.
        assert tags(cell) in ({"parameters", "remove-input"}, {"hide-input"}, set())


@for_each()
def test_a_page_has_few_lines(path):
    """What is folded, as figures and sentences are, is the page's own affair."""
    shown = sources(path, "code", "parameters", "hide-input")
    counts = [sum(bool(line.strip()) for line in source.splitlines()) for source in shown]
    most = {"pipeline": 100, "evidence": 45}.get(part_of(path), 120)
    assert max(counts, default=0) <= 25
    assert sum(counts) <= (45 if path.stem == "findings" else most)


def test_cover_has_question_answers_figure_advice_and_links_before_any_code():
    parameters, *shown = read(FOLDER / "findings.py").cells[1:5]
    assert "parameters" in tags(parameters)
    assert all(cell.cell_type == "markdown" or "hide-input" in tags(cell) for cell in shown)
    opens = ("**Do radiologic images", "Figure 1. ", "**If you choose weights")
    assert all(text in cell.source for text, cell in zip(opens, shown, strict=True))
    links = re.findall(r"\]\(([^)]*)\)", shown[-1].source.rpartition("\n\n")[2])
    pages = ("evidence/audit", "use/run_it", "use/your_images", "methods.md#cite")
    assert all(page in link for page, link in zip(pages, links, strict=True))


#: What a page takes from elsewhere than `rin.stats`, to show it by hand and assert both equal.
INFERENCE = r"scipy\.stats|statsmodels|pingouin|\.(?:ppf|isf|cdf|sf|sem|ndtri?)\(|1\.96|1\.645"
BY_HAND = {"pipeline/statistics", "evidence/audit"}


@for_each()
def test_intervals_and_p_values_are_those_of_the_tested_package(path):
    found = {*re.findall(INFERENCE, "\n".join(sources(path, "code")))}
    assert bool(found) is (name(path) in BY_HAND), "take an interval or P value from rin.stats"


def names_in_use(source):
    """Names that code imports from this package, and attributes of these."""
    tree = [*ast.walk(ast.parse(source))]
    imported = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree
        if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("rin.")
        for alias in node.names
    }
    attributes = {
        (*imported[node.value.id], node.attr)
        for node in tree
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") in imported
    }
    return {*imported.values()} | attributes


def test_the_book_uses_few_names_of_the_package():
    """A stranger meets few concepts: what many pages need has one name, and one place."""
    used = set.union(*(names_in_use("\n".join(sources(path, "code"))) for path in NOTEBOOKS))
    assert len(used) <= 140


@for_each()
def test_no_table_or_figure_is_made_and_not_shown(path):
    """A notebook shows the last expression of a cell, and no other, nor one within an `if`."""
    for source in sources(path, "code"):
        statements = ast.parse(source).body
        for node in ast.walk(ast.Module(statements, [])):
            match node:
                case ast.Expr(ast.Call(ast.Name(called) | ast.Attribute(attr=called))):
                    assert node is statements[-1] or called not in {"book_table", "picture"}


@for_each("results", "evidence")
def test_sentences_of_results_hold_no_condition(path):
    said = [call for source in sources(path, "code") for call in calls(source, "Markdown")]
    parts = [part for call in said for part in ast.walk(call)]
    assert not [part for part in parts if isinstance(part, ast.IfExp | ast.BoolOp)]


def changes_to_try(path):
    """Return the code of the changes that a page proposes."""
    *_, last = sources(path, "markdown")
    return [textwrap.dedent(code) for code in re.findall(r"(?s)```python\n(.*?)```", last)]


@for_each()
def test_changes_to_try_are_three_with_their_code(path):
    _, found, changes = prose(path).partition("## Try it")
    if found:
        assert re.findall(r"(?m)^(\d)\. ", changes) == ["1", "2", "3"]
        assert len(changes_to_try(path)) == 3


@pytest.mark.slow
@pytest.mark.timeout(900)
@for_each("results")
def test_changes_to_try_run_after_the_page(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"display": lambda shown: None}
    for source in sources(path, "code") if changes_to_try(path) else ():
        exec(source, names)
    for code in changes_to_try(path):
        *_, last = ast.parse(code).body
        exec(code, names)
        assert eval(ast.unparse(last.value), names) is not None


@for_each()
def test_code_wraps_at_80_columns(path):
    code = "\n".join(sources(path, "code", "parameters"))
    assert not [line for line in code.splitlines() if len(line) > 80]


@for_each("results")
def test_no_result_is_typed_into_prose(path):
    aside = r"`[^`]*`|\$[^$]*\$|\[[^\]]*\]\([^)]*\)"
    result = r"\d+(?:[.,]\d+)*\s*(?:%|(?:points?|patients|images|networks|tasks|cases)\b)|[−+]\d"
    levels = {"5%", "90%"}  # of significance, and of the interval of two such tests
    typed = {*re.findall(result, re.sub(aside, "", prose(path)))}
    assert typed <= levels | {"6%", "5 points"}, "but a level, a radius, and the name of a verdict"


@for_each("results")
def test_sentences_with_numbers_are_guarded_by_a_claim_in_their_cell(path):
    for source in sources(path, "code"):
        parts = [part for call in calls(source, "Markdown") for part in ast.walk(call)]
        has_numbers = any(isinstance(part, ast.FormattedValue) for part in parts)
        assert not has_numbers or calls(source, "claim"), source


@for_each("results")
def test_figures_are_numbered_and_captioned(path):
    drawn = [call for source in sources(path, "code") for call in calls(source, "picture")]
    for number, call in enumerate(drawn, start=1):
        _, title, _ = call.args
        assert ast.unparse(title).strip("f'\"").startswith(f"Figure {number}. ")


@for_each()
def test_a_sentence_is_the_end_of_a_folded_cell(path):
    for cell in read(path).cells:
        if cell.cell_type == "code" and re.search(r"(?m)^Markdown\(", cell.source):
            assert "hide-input" in tags(cell)
            assert re.match(r"Markdown\(", ast.unparse(ast.parse(cell.source).body[-1]))

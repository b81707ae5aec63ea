"""The pages that show the pipeline live: what they show, what they invite to, and that it runs.

A variation is stated as “`old code` becomes `new code`”, an exercise has a folded solution; here
each is done as a reader would do it.
"""

import re
from importlib.util import find_spec
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rin.report.execution import Job
from rin.study import (
    consolidate,
    find_run,
    open_workspace,
    run_fine_tuning,
    run_pretraining,
    run_study,
)

PIPELINE = Path(__file__).resolve().parents[2] / "notebooks" / "pipeline"
PROFILE = Path(__file__).with_name("tiny_live.yaml")
PAGES = ("curation", "pretraining", "fine_tuning", "gradcam", "statistics")
AS_PRINTED = "as_printed = True"
#: AUC from which a task counts as learnt, and AUC up to which it counts as hardly learnt.
LEARNT, HARDLY = 0.80, 0.65
# Of drawing: figures are folded.
DRAWING = r"width=|legend|alt=|xlabel|ylabel|\bpicture\(|\bsns\.|\bplt\.|annotate"

for_each = pytest.mark.parametrize("page", PAGES)


def read(page):
    return jupytext.read(PIPELINE / f"{page}.py")


def of_kind(page, kind):
    return [cell for cell in read(page).cells if cell.cell_type == kind]


def prose(page):
    return "\n".join(cell.source for cell in of_kind(page, "markdown"))


def visible_lines(page):
    folded = {"hide-input", "remove-input"}
    cells = [c for c in of_kind(page, "code") if not folded & {*c.metadata.get("tags", [])}]
    return [line for cell in cells for line in cell.source.splitlines() if line.strip()]


def variations(page):
    """Return the old and new code of each variation that a page states."""
    return re.findall(r"`([^`]+)`\s+becomes\s+`([^`]+)`", prose(page))


def solutions(page):
    """Return the code of each folded solution of a page."""
    folded = re.findall(
        r"(?s)<details><summary>Solution</summary>\n(.*?)\n</details>", prose(page)
    )
    return [re.search(r"(?s)```python\n(.*?)```", text)[1] for text in folded]


@for_each
def test_live_page_shows_at_most_a_hundred_lines_and_none_of_drawing(page):
    lines = visible_lines(page)
    assert len(lines) <= 100
    assert not [line for line in lines if re.search(DRAWING, line)]


@for_each
def test_live_page_has_three_exercises_with_folded_solutions_that_check_themselves(page):
    _, _, exercises = prose(page).partition("## Exercises")
    assert re.findall(r"(?m)^(\d)\. ", exercises) == ["1", "2", "3"]
    assert len(solutions(page)) == 3
    assert all("assert " in solution for solution in solutions(page))


@for_each
def test_live_page_states_three_variations_or_more_of_code_that_it_has_once(page):
    code = "\n".join(cell.source for cell in of_kind(page, "code"))
    assert len(variations(page)) >= 3
    for old, new in variations(page):
        assert code.count(old) == 1, old
        assert old != new


@pytest.fixture(scope="module")
def run_page(tmp_path_factory):
    """Runs a page with changed code, over results that all of them share."""
    folder = tmp_path_factory.mktemp("live")
    run_study(open_workspace(PROFILE, results=folder / "results"))

    def run(page, changes=(), more=()):
        notebook = read(page)
        for cell in notebook.cells:
            for old, new in changes if cell.cell_type == "code" else ():
                cell.source = cell.source.replace(old, new)
        notebook.cells += [nbformat.v4.new_code_cell(source) for source in more]
        source, output = folder / f"{page}.py", folder / "done.ipynb"
        jupytext.write(notebook, source, fmt="py:percent")
        values = {"profile": str(PROFILE), "results": str(folder / "results")}
        if page == "statistics":
            values = {}
        Job(source, output, values).run()
        return nbformat.read(output, nbformat.NO_CONVERT)

    return run


def said(notebook):
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    return " ".join(output.get("data", {}).get("text/markdown", "") for output in outputs)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@for_each
def test_solutions_of_a_live_page_run_on_what_it_computed(run_page, page):
    run_page(page, more=solutions(page))


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    ("page", "number"), [(page, n) for page in PAGES for n in range(len(variations(page)))]
)
def test_variation_of_a_live_page_runs_to_its_end(run_page, page, number):
    changed = run_page(page, [variations(page)[number], (AS_PRINTED, "as_printed = False")])
    if page in ("pretraining", "fine_tuning"):
        assert "as_printed=False" in said(changed)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", ["pretraining", "fine_tuning"])
def test_changed_line_that_is_not_owned_up_to_is_found(run_page, page):
    with pytest.raises(Exception, match="apart"):
        run_page(page, variations(page)[:1])


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("page", ["pretraining", "fine_tuning"])
def test_page_on_another_framework_than_the_kept_runs_says_so_and_runs_on(
    run_page, page, monkeypatch
):
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    text = said(run_page(page))
    assert "here jax, kept: tensorflow" in text


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_pages_by_hand_agree_with_the_package_on_jax(tmp_path, monkeypatch):
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    profile = str(PROFILE.with_name("small_live.yaml"))
    for page in PAGES[1:4]:  # those that need a framework
        values = {"profile": profile, "results": str(tmp_path / "results")}
        Job(PIPELINE / f"{page}.py", tmp_path / f"{page}.ipynb", values).run()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_networks_of_the_default_book_learn_and_transfer_what_they_learnt(tmp_path):
    workspace = open_workspace("demo", results=tmp_path)
    networks = run_pretraining(workspace).set_index("init")
    assert (networks["top1"] >= 0.70).all()
    run_fine_tuning(workspace)
    by_hand = find_run(workspace, "breast", init="radiologic").scenario.name
    runs = consolidate(workspace)
    scores = [runs.predictions(study, "breast") for study in ("main", "from_random")]
    table = pd.concat(scores).drop_duplicates(["scenario", "init", "case_id"])
    table = table[table["scenario"] == by_hand]
    assert (table.groupby("init").size() >= 200).all()
    aucs = table.groupby("init")[["label", "score"]].apply(
        lambda rows: roc_auc_score(rows["label"], rows["score"])
    )
    assert aucs["radiologic"] >= LEARNT
    assert aucs["random"] <= HARDLY

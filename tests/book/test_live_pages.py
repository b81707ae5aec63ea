"""The pages that show the pipeline live: what they show, what they invite to, and that it runs.

A variation is stated as “`old code` becomes `new code`”, an exercise has a folded solution; here
each is done as a reader would do it.
"""

import re
from copy import deepcopy
from importlib.util import find_spec
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import pytest
from notebook_cells import FOLDER, prose, read, sources
from sklearn.metrics import roc_auc_score

from rin.report.execution import Job
from rin.study import (
    consolidate,
    find_run,
    open_workspace,
    run_pretraining,
    run_study,
)

PROFILE = Path(__file__).with_name("tiny_live.yaml")
PAGES = {path.stem: path for path in sorted((FOLDER / "pipeline").glob("*.py"))}
TRAINING = ("pretraining", "fine_tuning")
AS_PRINTED = "as_printed = True"
#: AUC from which a task counts as learnt, and AUC up to which it counts as hardly learnt.
LEARNT, HARDLY = 0.80, 0.65
# Of drawing: figures are folded.
DRAWING = r"width=|legend|alt=|xlabel|ylabel|\bpicture\(|\bsns\.|\bplt\.|annotate"

pytestmark = pytest.mark.timeout(3600)
for_each = pytest.mark.parametrize("page", PAGES)
for_training = pytest.mark.parametrize("page", TRAINING)


def variations(page):
    """Return the old and new code of each variation that a page states."""
    return re.findall(r"`([^`]+)`\s+becomes\s+`([^`]+)`", prose(PAGES[page]))


def solutions(page):
    """Return the code of each folded solution of a page."""
    folded = r"(?s)<details><summary>Solution</summary>\n(.*?)\n</details>"
    texts = re.findall(folded, prose(PAGES[page]))
    return [re.search(r"(?s)```python\n(.*?)```", text)[1] for text in texts]


@for_each
def test_live_page_shows_no_line_of_drawing(page):
    shown = "\n".join(sources(PAGES[page], "code", "hide-input", "remove-input"))
    assert not [line for line in shown.splitlines() if re.search(DRAWING, line)]


@for_each
def test_live_page_has_three_exercises_with_folded_solutions_that_check_themselves(page):
    _, _, exercises = prose(PAGES[page]).partition("## Exercises")
    assert re.findall(r"(?m)^(\d)\. ", exercises) == ["1", "2", "3"]
    assert len(solutions(page)) == 3
    assert all("assert " in solution for solution in solutions(page))


@for_each
def test_live_page_states_three_variations_or_more_of_code_that_it_has_once(page):
    code = "\n".join(sources(PAGES[page], "code"))
    assert len(variations(page)) >= 3
    for old, new in variations(page):
        assert code.count(old) == 1, old
        assert old != new


@pytest.fixture(scope="module")
def run_page(tmp_path_factory):
    """Runs a page with changed code, over results that all of them share; returns what it says."""
    folder = tmp_path_factory.mktemp("live")
    values = {"profile": str(PROFILE), "results": str(folder / "results")}
    run_study(open_workspace(PROFILE, results=folder / "results"))

    def run(page, changes=(), more=()):
        notebook = deepcopy(read(PAGES[page]))
        for cell in notebook.cells:
            for old, new in changes if cell.cell_type == "code" else ():
                cell.source = cell.source.replace(old, new)
        notebook.cells += map(nbformat.v4.new_code_cell, more)
        source, output = folder / f"{page}.py", folder / "done.ipynb"
        jupytext.write(notebook, source, fmt="py:percent")
        Job(source, output, {} if page == "statistics" else values).run()
        cells = nbformat.read(output, nbformat.NO_CONVERT).cells
        outputs = [output for cell in cells for output in cell.get("outputs", [])]
        return " ".join(output.get("data", {}).get("text/markdown", "") for output in outputs)

    return run


@pytest.mark.slow
@for_each
def test_solutions_of_a_live_page_run_on_what_it_computed(run_page, page):
    run_page(page, more=solutions(page))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("page", "change"), [(page, change) for page in PAGES for change in variations(page)]
)
def test_variation_of_a_live_page_runs_to_its_end(run_page, page, change):
    said = run_page(page, [change, (AS_PRINTED, "as_printed = False")])
    assert page not in TRAINING or ": False." in said


@pytest.mark.slow
@for_training
def test_changed_line_that_is_not_owned_up_to_is_found(run_page, page):
    with pytest.raises(Exception, match="apart"):
        run_page(page, variations(page)[:1])


@pytest.fixture
def on_jax(monkeypatch):
    if find_spec("jax") is None:
        pytest.skip("jax is not installed")
    monkeypatch.setenv("KERAS_BACKEND", "jax")
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")


@pytest.mark.slow
@pytest.mark.usefixtures("on_jax")
@for_training
def test_page_on_another_framework_than_the_kept_runs_says_so_and_runs_on(run_page, page):
    assert "(by hand: jax, the package's: tensorflow)" in run_page(page)


@pytest.mark.slow
@pytest.mark.usefixtures("on_jax")
def test_pages_by_hand_agree_with_the_package_on_jax(tmp_path):
    profile = PROFILE.with_name("small_live.yaml")
    for page in (*TRAINING, "gradcam"):
        values = {"profile": str(profile), "results": str(tmp_path / "results")}
        Job(PAGES[page], tmp_path / f"{page}.ipynb", values).run()


@pytest.mark.slow
def test_networks_of_the_default_book_learn_and_transfer_what_they_learnt(tmp_path):
    workspace = open_workspace("demo", results=tmp_path)
    assert (run_pretraining(workspace)["top1"] >= 0.70).all()
    run_study(workspace)
    by_hand = find_run(workspace, "breast", init="radiologic").scenario.name
    runs = consolidate(workspace)
    scores = [runs.predictions(study, "breast") for study in ("main", "from_random")]
    table = pd.concat(scores).drop_duplicates(["scenario", "init", "case_id"])
    by_init = table[table["scenario"] == by_hand].groupby("init")
    assert (by_init.size() >= 200).all()
    aucs = by_init[["label", "score"]].apply(
        lambda rows: roc_auc_score(rows["label"], rows["score"])
    )
    assert aucs["radiologic"] >= LEARNT
    assert aucs["random"] <= HARDLY

"""The README repeats results of the reference run and the paper: they must be what these give."""

import re
import runpy
from functools import partial
from io import StringIO
from types import SimpleNamespace

import pandas as pd
import pytest

from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import like_for_like, other_groups, pooled_groups
from rin.files import REPOSITORY
from rin.models.backbones import BACKBONES
from rin.report.analyses import PAPERS, analyses, committed_analyses
from rin.report.format import format_estimate, format_number
from rin.report.verdict import points
from rin.stats import pretraining_differences
from rin.study import open_reference

README = (REPOSITORY / "README.md").read_text(encoding="utf-8")
TABLES = (REPOSITORY / "book/checklist.md").read_text(encoding="utf-8")
METHODS = " ".join((REPOSITORY / "book/methods.md").read_text(encoding="utf-8").split())
WORDS, CHECKLIST = " ".join(README.split()), " ".join(TABLES.split())
NUMBER_WORDS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip


@pytest.fixture(scope="module")
def larger():
    return open_reference("fine_tuned_224")


def test_readme_and_cover_have_the_tables_of_the_runs(runs):
    script = SimpleNamespace(**runpy.run_path(REPOSITORY / ".ci/readme_numbers.py"))
    rows = committed_analyses()
    table = script.table_of(runs, rows)
    assert script.renewed(README, table) == README, "python .ci/readme_numbers.py"
    made = script.evidence_of(rows).to_csv(index=False, float_format="%.9g")
    kept = pd.read_csv(script.EVIDENCE)
    pd.testing.assert_frame_equal(kept, pd.read_csv(StringIO(made)), rtol=1e-6)
    with pytest.raises(SystemExit, match="0 tables"):
        script.renewed(README.replace(script.END, ""), table)


def of_covid19(run):
    """Return what the analyses read of a run, of one task alone."""
    scores = partial(run.predictions, task="covid19")
    kept = {name: getattr(run, name) for name in ("inits", "facts", "records")}
    return SimpleNamespace(tasks=["covid19"], predictions=scores, **kept)


def test_kept_analyses_of_a_task_are_those_of_the_runs(runs, larger):
    found = analyses(of_covid19(runs), of_covid19(larger))
    kept = committed_analyses().query("task == 'covid19'").reset_index(drop=True)
    same = found.columns.drop(["p_holm", "verdict"])  # which the other tasks move
    pd.testing.assert_frame_equal(kept[same], found[same], check_dtype=False, rtol=1e-6)


@pytest.mark.slow
def test_kept_analyses_of_all_tasks_are_those_of_the_runs(runs, larger):
    found = analyses(runs, larger)
    pd.testing.assert_frame_equal(committed_analyses(), found, check_dtype=False, rtol=1e-6)


def test_readme_says_what_paper_and_others_found():
    ends = [comparison.estimate for comparison in COMPARISONS.values()]
    assert f"ahead on all {NUMBER_WORDS[len(ends)]} tasks, by {min(ends)} to {max(ends)}" in WORDS
    zero = sum(c.ci_low <= 0 <= c.ci_high for c in COMPARISONS.values())
    assert f"{NUMBER_WORDS[zero].capitalize()} of its intervals include zero" in WORDS
    same = pooled_groups().loc["… the paper's questions"]
    assert f"average {format_estimate(same, digits=1)} points" in WORDS
    one_group = like_for_like().query("folds > 0 and of_the_paper")
    tuned = one_group["setting"] == "fine-tuned"
    assert (tuned.sum(), one_group["scaling_missing"].all()) == (same["k"], True)
    assert f"lowest is {format_number(one_group['estimate'].min(), 1)}." in WORDS
    single = other_groups().query("metric == 'AUC'")["estimate"]
    high, low = (format_number(end, 1, signed=True) for end in (single.max(), single.min()))
    assert f"range from {high} (bone tumours) to {low} (supernumerary teeth)" in WORDS


def test_readme_says_how_large_the_differences_are_and_what_undoes_the_largest():
    rows = committed_analyses().set_index(["analysis", "task"])
    units = rows.loc[PAPERS]
    assert f"no task by more than {100 * units['estimate'].abs().max():.1f} points" in WORDS
    assert (units["p_holm"] > 0.05).all()
    assert units["estimate"].idxmax() == "covid19"
    longer, brief = "… until validation stops", "… pretraining cut short"
    assert f"longer fine-tuning, {points(rows.loc[longer, 'covid19'])}" in WORDS
    assert f"radiologic pretraining, {points(rows.loc[brief, 'covid19'])}" in WORDS


def test_readme_says_what_the_positive_control_gave():
    control = open_reference("open_added").predictions("control")
    arms = "radiologic_long", "radiologic"
    rows = pretraining_differences(control, *arms, fixed_backbones=True).set_index("task")
    assert (rows["ci_low"] < 0).all()
    assert f"gives {points(rows.loc['breast'])} on breast lesions" in WORDS
    assert f"and {points(rows.loc['pneumonia'])} on pneumonia" in WORDS
    assert rows["pairs"].eq(4).all()


def test_checklist_names_sizes_and_how_far_pretraining_had_got(runs):
    trained = {task: runs.facts.task(task).split["train"] for task in runs.tasks}
    of_paper = [n for task, n in trained.items() if task in COMPARISONS]
    sizes = f"{min(of_paper)} to {max(of_paper)}"
    assert f"the tasks of the paper train on {sizes} images" in CHECKLIST
    histories = runs.tables["pretraining_histories"].sort_values("epoch")
    whole = histories[histories["init"].isin(runs.inits)]  # not the brief pretraining
    network = whole.groupby(["init", "backbone", "pretraining"])["val_accuracy"]
    rise = 100 * network.apply(lambda accuracy: accuracy.iloc[-1] - accuracy.iloc[-2])
    assert rise.min() >= 0
    assert f"still rose by up to {rise.max():.1f} points" in CHECKLIST


def test_methods_and_checklist_name_backbones_and_tested_images_of_the_reference_run(runs):
    backbones = [*runs.predictions()["backbone"].unique()]
    others = [name for name in backbones if name not in BACKBONES]
    assert len(backbones) - len(others) == len(BACKBONES)
    breast = runs.facts.task("breast")
    assert f"(breast: {breast.split['test']} of {breast.dataset.used})" in METHODS
    cited = [rf"{name} \{{cite:p\}}`\w+`" for name in others]
    named = f"{', '.join(cited[:-1])} and {cited[-1]}"
    assert re.search(rf"The committed run has these, {named}\.", METHODS)
    most = NUMBER_WORDS[runs.predictions()["pretraining"].max()]
    said = f"rests on {NUMBER_WORDS[len(backbones)]} backbones and one to {most} pretrainings"
    assert said in CHECKLIST


@pytest.mark.parametrize(("name", "last"), [("CLAIM 2024", 44), ("TRIPOD+AI", 27)])
def test_checklist_has_every_item_by_its_number_and_links_what_is_reported(name, last):
    section = TABLES.partition(f"## {name}")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| ([\d][^|]*) \| ([^|]*) \| (.*) \|$", section)
    numbers = {int(number) for row in rows for number in re.findall(r"\d+", row[0])}
    assert numbers == {*range(1, last + 1)}
    states = [state for *_, state in rows]
    assert all(state.startswith(("reported", "partly", "missing", "not app")) for state in states)
    assert all("](" in state for state in states if state.startswith("reported"))

"""The README repeats results of the reference run and the paper: they must be what these give."""

import importlib.util
import re
from pathlib import Path

import pytest

from rin.data.manifest import find_task
from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import like_for_like, other_groups
from rin.models.backbones import BACKBONES
from rin.report import words
from rin.report.banner import is_another_cut
from rin.report.format import format_estimate, format_number
from rin.stats import (
    against_published,
    equivalence_tests,
    init_differences,
    pair_differences,
    pretraining_differences,
)
from rin.stats.synthesis import random_effects
from rin.study import open_reference

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
WORDS = re.sub(r"\s+", " ", README)
CHECKLIST, METHODS = (
    re.sub(r"\s+", " ", (ROOT / "book" / f"{name}.md").read_text(encoding="utf-8"))
    for name in ("checklist", "methods")
)
NUMBER_WORDS = (
    "none", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten",
)  # fmt: skip


@pytest.fixture(scope="module")
def runs():
    return open_reference("open")


@pytest.fixture(scope="module")
def over_pretrainings(runs):
    return pretraining_differences(runs.predictions(), *runs.inits)


def starred(estimate, p_holm):
    mark = "*" if p_holm < 0.05 else ""
    return format_estimate(estimate, unit="points") + mark


@pytest.fixture(scope="module")
def published(over_pretrainings):
    """The paper's differences beside those of its tasks."""
    stated = {task: COMPARISONS[task].estimate / 100 for task in over_pretrainings["task"]
              if task in COMPARISONS}  # fmt: skip
    return against_published(over_pretrainings, stated).set_index("task")


@pytest.fixture(scope="module")
def within_five(over_pretrainings):
    """Whether a difference of five points or more is excluded, by task."""
    return equivalence_tests(over_pretrainings, [0.05]).set_index("task")["equivalent"]


def test_readme_has_the_numbers_that_its_script_writes(runs):
    place = ROOT / ".ci" / "readme_numbers.py"
    spec = importlib.util.spec_from_file_location("readme_numbers", place)
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    blocks = script.blocks_of(runs)
    assert script.renewed(README, blocks) == README, "python .ci/readme_numbers.py --write"
    other = README.replace("Satterthwaite's", "Satterthwaite’s")
    assert script.renewed(other, blocks) == README
    with pytest.raises(SystemExit, match="0 blocks of the name limits"):
        script.renewed(README.replace("<!-- end of limits -->", ""), blocks)


def test_readme_repeats_every_difference_of_the_reference_run(
    runs, over_pretrainings, published, within_five
):
    scores = runs.predictions()
    four = pretraining_differences(
        scores[scores["backbone"].isin(BACKBONES)], *runs.inits, fixed_backbones=True
    )
    networks = init_differences(scores, *runs.inits)
    networks = networks[networks["group"] == "all"].set_index("task")
    four = four.set_index("task").loc[over_pretrainings["task"]]
    for found, of_four in zip(over_pretrainings.itertuples(), four.itertuples(), strict=True):
        of_networks, facts = networks.loc[found.task], runs.facts(found.task)
        nameless = " †" if facts.dataset.independence == "image" else ""
        excluded = ["±5 points"] if within_five[found.task] else []
        if found.task in published.index and published.loc[found.task, "outside"]:
            excluded.append(f"the paper's +{COMPARISONS[found.task].estimate:.1f}")
        cells = [
            find_task(found.task)[1].title.partition(",")[0] + nameless,
            str(facts.split["train"]),
            str(of_networks["n_cases"]),
            starred(found, found.p_holm),
            starred(of_four, of_four.p_holm),
            starred(of_networks, of_networks["p_holm"]),
            " and ".join(excluded) or "–",
        ]
        assert f"| {' | '.join(cells)} |" in README


def test_readme_leads_with_what_the_reference_run_excludes(
    over_pretrainings, published, within_five
):
    n, total = within_five.sum(), NUMBER_WORDS[len(within_five)]
    clear = (over_pretrainings["p_holm"] < 0.05).sum()
    ahead = f"Radiologic pretraining is ahead on {NUMBER_WORDS[clear]} of {total} tasks"
    said = f"A difference of 5 points or more is excluded on {NUMBER_WORDS[n]} of {total} tasks"
    summary = WORDS.partition("**Our own run on real open images:** ")[2]
    assert summary.startswith(said)
    assert (ahead in summary) == bool(clear)
    assert (
        "looked at each time, for which neither P values nor exclusions allow" in summary
    ) == clear
    outside, of_paper = published["outside"].sum(), NUMBER_WORDS[len(published)]
    said = f"outside the 95% interval on {NUMBER_WORDS[outside]} of {of_paper} tasks"
    assert f"The paper's own difference, taken as exact, lies {said}" in summary
    unclear = (published.loc[published["outside"], "p_holm"] >= 0.05).all()
    assert ("adjusted for all tasks, P is .05 or more), with other weights" in WORDS) == unclear
    assert "with other weights and partly other images" in WORDS
    # Where none is clear, intervals that exclude zero are told apart from the others.
    chosen = "p_holm >= 0.05" if clear else "ci_low <= 0 and ci_high >= 0"
    unclear = over_pretrainings.query(chosen)["estimate"]
    low, high = (
        format_number(100 * end, 1, signed=True) for end in (unclear.min(), unclear.max())
    )
    assert f"(estimates {low} to {high}" in summary


def test_readme_says_what_the_intervals_of_the_reference_run_are_of(runs, over_pretrainings):
    df = over_pretrainings["df"]
    assert f"Satterthwaite's {df.min():.1f} to {df.max():.1f} degrees of freedom" in WORDS
    (seeds,) = over_pretrainings["seeds"].unique()
    (backbones,) = over_pretrainings["backbones"].unique()
    (pairs,) = over_pretrainings["pairs"].unique()
    in_words = dict(enumerate(NUMBER_WORDS)).get(seeds, seeds)
    said = f"nested in {NUMBER_WORDS[backbones]} backbones and crossed with {in_words}"
    assert f"its units are {pairs} pairs of networks" in WORDS
    assert f"{said} seeds" in WORDS
    assert f"over {6 * backbones} scenarios of {NUMBER_WORDS[backbones]} backbones" in WORDS
    of_init = 100 * runs.pretraining().groupby("init")["top1"].mean()
    assert f"classify {of_init['radiologic']:.0f}% of its test images" in WORDS
    assert f"those of the photographic one {of_init['photographic']:.0f}%" in WORDS


def test_readme_names_what_limits_the_reference_run(runs):
    facts = {task: runs.facts(task) for task in runs.tasks}
    trained = {task: fact.split["train"] for task, fact in facts.items()}
    of_paper = [n for task, n in trained.items() if task in COMPARISONS]
    sizes = f"{min(of_paper)} to {max(of_paper)}"
    assert set(trained) - set(COMPARISONS) == {"busbra"}
    assert f"fine-tuned on {sizes} (BUS-BRA: {trained['busbra']:,})" in WORDS
    assert f"the tasks of the paper train on {sizes} images" in CHECKLIST
    assert "US" in runs.reference.facts.corpora[0].modality
    assert "ultrasound among them" in WORDS
    cuts = [task for task, fact in facts.items() if is_another_cut(fact)]
    others = sum(fact.substitute_for is not None for fact in facts.values()) - len(cuts)
    said = f"{NUMBER_WORDS[others]} of the {NUMBER_WORDS[len(facts)]} tasks use open substitutes"
    assert said in WORDS
    assert cuts == ["thyroid"]
    assert "thyroid nodules crops of the paper's own" in WORDS


def test_readme_and_checklist_say_how_far_pretraining_had_got(runs):
    histories = runs.reference.tables["pretraining_histories"].sort_values("epoch")
    whole = histories[histories["init"].isin(runs.inits)]  # not the brief pretraining
    network = whole.groupby(["init", "backbone", "pretraining"])["val_accuracy"]
    rise = 100 * network.apply(lambda accuracy: accuracy.iloc[-1] - accuracy.iloc[-2])
    assert rise.min() >= 0
    said = f"still rose by up to {rise.max():.1f} points"
    assert said in WORDS
    assert said in CHECKLIST
    (epochs,) = network.size().unique()
    assert f"for {NUMBER_WORDS[epochs]} epochs, in the last of which" in WORDS


def test_methods_and_checklist_name_the_backbones_of_the_reference_run(runs):
    backbones = [*runs.predictions()["backbone"].unique()]
    others = [name for name in backbones if name not in BACKBONES]
    assert len(backbones) - len(others) == len(BACKBONES)
    cited = [rf"{name} \{{cite:p\}}`\w+`" for name in others]
    named = f"{', '.join(cited[:-1])} and {cited[-1]}"
    assert re.search(rf"The reference run has these, {named}\.", METHODS)
    most = NUMBER_WORDS[runs.predictions()["pretraining"].max()]
    said = f"rests on {NUMBER_WORDS[len(backbones)]} backbones and one to {most} pretrainings"
    assert said in " ".join(CHECKLIST.split())


def test_methods_name_the_share_of_breast_images_that_are_tested(runs):
    facts = runs.facts("breast")
    assert f"(breast: {facts.split['test']} of {facts.dataset.used})" in METHODS


def test_readme_says_how_far_two_pretrainings_are_apart(runs):
    pairs = pair_differences(runs.predictions(), *runs.inits)
    differences = pairs.groupby(["task", "backbone"])["estimate"]
    farthest = 100 * (differences.max() - differences.min()).max()
    assert f"its difference moved by up to {farthest:.1f} points" in WORDS
    of_backbone = pairs.groupby("backbone")["pretraining"].nunique()
    least, most = of_backbone.min(), of_backbone.max()
    assert least < most
    often = f"{NUMBER_WORDS[least]} to {NUMBER_WORDS[most]} times"
    assert f"each backbone was pretrained {often} on either corpus" in WORDS


def test_readme_sums_up_the_paper_and_the_other_group():
    ends = [comparison.estimate for comparison in COMPARISONS.values()]
    assert f"on all {len(ends)} tasks, by {min(ends)} to {max(ends)} AUC points" in WORDS
    zero = sum(c.ci_low <= 0 <= c.ci_high for c in COMPARISONS.values())
    assert f"{zero} of its {len(ends)} printed intervals include zero" in WORDS
    others = like_for_like()
    tuned = others[(others["setting"] == "fine-tuned") & (others["folds"] > 0)]
    assert tuned["scaling_missing"].all()
    variance = (tuned["radimagenet_sd"] ** 2 + tuned["imagenet_sd"] ** 2) / tuned["folds"]
    pooled = random_effects(tuned["estimate"], variance)
    mean = format_estimate(pooled, digits=1)
    assert (
        f"{pooled['k']} fully fine-tuned comparisons with standard deviations average {mean}"
        in WORDS
    )
    assert tuned["study"].nunique() == 1
    assert f"The public code of all {pooled['k']} lacks the scaling" in WORDS
    assert "skin photographs, histology and mammograms among them" in WORDS
    others = sorted(tuned.loc[~tuned["of_the_paper"], "data"])
    kinds = [name.partition(" (")[0] for name in others]
    assert kinds == ["histology", "mammograms", "skin photographs"]
    own_questions = tuned["of_the_paper"]
    pooled = random_effects(tuned["estimate"][own_questions], variance[own_questions])
    mean = format_estimate(pooled, digits=1)
    weight = 1 / (variance[own_questions] + pooled["tau2"])
    of_chest = weight[tuned["task"] == "pneumonia"].sum() / weight.sum()
    assert f"The {pooled['k']} on the paper's own questions average {mean}" in WORDS
    assert f"with {100 * of_chest:.0f}% of the weight on chest radiographs" in WORDS
    assert words.directions(other_groups()) in WORDS


@pytest.mark.parametrize(("name", "last"), [("CLAIM 2024", 44), ("TRIPOD+AI", 27)])
def test_checklist_has_every_item_by_its_number_and_links_what_is_reported(name, last):
    text = (ROOT / "book" / "checklist.md").read_text(encoding="utf-8")
    section = text.partition(f"## {name}")[2].partition("\n## ")[0]
    rows = re.findall(r"(?m)^\| ([\d][^|]*) \| ([^|]*) \| (.*) \|$", section)
    numbers = {int(number) for cell, *_ in rows for number in re.findall(r"\d+", cell)}
    assert numbers == set(range(1, last + 1))
    words = ("reported", "partly", "missing", "not applicable")
    assert [status for *_, status in rows if not status.startswith(words)] == []
    reported = [status for *_, status in rows if status.startswith("reported")]
    assert [status for status in reported if "](" not in status] == []

"""The README repeats results of the reference run and the paper: they must be what these give."""

import re
from pathlib import Path

import pytest

from rin.data.manifest import find_task
from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import like_for_like
from rin.report.format import format_estimate, format_number
from rin.stats import init_differences, pair_differences, pretraining_differences
from rin.stats.synthesis import random_effects
from rin.study import open_reference

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
WORDS = re.sub(r"\s+", " ", README)


@pytest.fixture(scope="module")
def runs():
    return open_reference("open")


@pytest.fixture(scope="module")
def over_pretrainings(runs):
    return pretraining_differences(runs.predictions(), *runs.inits)


def starred(estimate, p_holm):
    mark = "*" if p_holm < 0.05 else ""
    return format_estimate(estimate, unit="points") + mark


def test_readme_repeats_both_differences_of_the_reference_run(runs, over_pretrainings):
    networks = init_differences(runs.predictions(), *runs.inits)
    networks = networks[networks["group"] == "all"].set_index("task")
    for found in over_pretrainings.itertuples():
        of_networks = networks.loc[found.task]
        cells = [
            find_task(found.task)[1].title.partition(",")[0],
            str(runs.reference.facts.task(found.task).split["train"]),
            str(of_networks["n_cases"]),
            starred(found, found.p_holm),
            starred(of_networks, of_networks["p_holm"]),
        ]
        assert f"| {' | '.join(cells)} |" in README


def test_readme_sums_up_the_reference_run(runs, over_pretrainings):
    ends = [
        format_number(100 * over_pretrainings["estimate"].agg(end), 1, signed=True)
        for end in ("min", "max")
    ]
    tasks = len(over_pretrainings)
    assert f"mean differences of {ends[0]} to {ends[1]} points on {tasks} tasks" in WORDS
    zero = (over_pretrainings["ci_low"] <= 0) & (over_pretrainings["ci_high"] >= 0)
    assert f"{(~zero).sum()} of the {tasks} intervals exclude zero" in WORDS
    (df,) = over_pretrainings["df"].unique()
    assert f"on {df:.0f} degrees of freedom" in WORDS
    of_init = 100 * runs.pretraining().groupby("init")["top1"].mean()
    assert f"classify {of_init['radiologic']:.0f}% of its test images" in WORDS
    assert f"those of the photographic one {of_init['photographic']:.0f}%" in WORDS


def test_readme_compares_the_reference_run_with_the_earlier_one(over_pretrainings):
    first = open_reference("first")
    earlier = pretraining_differences(first.predictions(), *first.inits).set_index("task")
    now = over_pretrainings.set_index("task")["estimate"]
    turned = (now * earlier["estimate"].reindex(now.index) < 0).sum()
    assert f"had the opposite sign on {turned} of the {len(now)} tasks" in WORDS
    networks = init_differences(first.predictions(task="breast"), *first.inits).iloc[0]
    points = format_estimate(networks, unit="points")
    said = f"the difference on breast lesions was {points[:-1]}; new patients)"
    assert f"{said}, and is {format_number(100 * now['breast'], 1, signed=True)} now" in WORDS


def test_readme_says_how_far_two_pretrainings_are_apart(runs):
    pairs = pair_differences(runs.predictions(), *runs.inits)
    differences = pairs.groupby(["task", "backbone"])["estimate"]
    farthest = 100 * (differences.max() - differences.min()).max()
    assert f"its difference moved by up to {farthest:.1f} points" in WORDS
    of_backbone = pairs.groupby("backbone")["pretraining"].nunique()
    assert set(of_backbone) == {2} and len(of_backbone) == 4
    assert "each backbone was pretrained twice on either corpus" in WORDS


def test_readme_sums_up_the_paper_and_the_other_group():
    ends = [comparison.estimate for comparison in COMPARISONS.values()]
    assert f"on all {len(ends)} tasks, by {min(ends)} to {max(ends)} AUC points" in WORDS
    zero = sum(c.ci_low <= 0 <= c.ci_high for c in COMPARISONS.values())
    assert f"{zero} of its {len(ends)} printed intervals include zero" in WORDS
    others = like_for_like()
    tuned = others[others["setting"] == "fine-tuned"]
    assert tuned["scaling_missing"].all()
    variance = (tuned["radimagenet_sd"] ** 2 + tuned["imagenet_sd"] ** 2) / tuned["folds"]
    pooled = random_effects(tuned["estimate"], variance)
    mean = format_estimate(pooled, digits=1)
    assert (
        f"{pooled['k']} fully fine-tuned comparisons with standard deviations average {mean}"
        in WORDS
    )
    own_questions = tuned["of_the_paper"]
    pooled = random_effects(tuned["estimate"][own_questions], variance[own_questions])
    mean = format_estimate(pooled, digits=1)
    weight = 1 / (variance[own_questions] + pooled["tau2"])
    of_chest = weight[tuned["task"] == "pneumonia"].sum() / weight.sum()
    assert f"the {pooled['k']} on the paper's own questions average {mean}" in WORDS
    assert f"with {100 * of_chest:.0f}% of the weight on chest radiographs" in WORDS

"""The README repeats results of the reference run and the paper: they must be what these give."""

import re
from pathlib import Path

import pytest

from rin.data.manifest import find_task
from rin.evidence.paper import COMPARISONS
from rin.evidence.replications import like_for_like
from rin.report.format import format_estimate, format_number, listed
from rin.stats import init_differences
from rin.stats.synthesis import random_effects
from rin.study import open_reference

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")
WORDS = re.sub(r"\s+", " ", README)
GROUPS = ("all", "freeze_all", "unfreeze_top10", "unfreeze_all")


@pytest.fixture(scope="module")
def found():
    runs = open_reference("open")
    return init_differences(runs.predictions(), *runs.inits)


@pytest.fixture(scope="module")
def titles(found):
    return {task: find_task(task)[1].title.partition(",")[0] for task in found["task"].unique()}


def test_readme_repeats_the_differences_of_the_reference_run(found, titles):
    for task, rows in found.groupby("task", sort=False):
        rows = rows.set_index("group").loc[list(GROUPS)]
        cells = [
            format_estimate(row, unit="points") + "*" * (row.p_holm < 0.05)
            for row in rows.itertuples()
        ]
        line = " | ".join([titles[task], str(rows["n_cases"].iloc[0]), *cells])
        assert f"| {line} |" in README


def test_readme_sums_up_the_reference_run(found, titles):
    overall = found[found["group"] == "all"]
    ends = [
        format_number(100 * overall["estimate"].agg(end), 1, signed=True) for end in ("min", "max")
    ]
    of_all = f"of {ends[0]} to {ends[1]} points on {len(overall)} tasks"
    assert f"{of_all}, clear on {(overall['p_holm'] < 0.05).sum()}" in WORDS
    clear = found[(found["p_holm"] < 0.05) & (found["group"] != "all")]
    sides = clear["estimate"] > 0, clear["estimate"] < 0
    ahead, behind = (listed(titles[t] for t in clear.loc[side, "task"].unique()) for side in sides)
    assert f"clearly ahead on {ahead} and clearly behind on {behind}" in WORDS


def test_readme_sums_up_the_paper_and_the_other_groups():
    ends = [one.difference for one in COMPARISONS.values()]
    assert f"on all {len(ends)} tasks, by {min(ends)} to {max(ends)} AUC points" in WORDS
    zero = sum(one.ci_low <= 0 <= one.ci_high for one in COMPARISONS.values())
    assert f"{zero} of the {len(ends)} printed intervals include zero" in WORDS
    others = like_for_like()
    ahead = (others["ahead"] == "RadImageNet").sum()
    assert f"{len(others)} of them by one group, put it ahead in {ahead}." in WORDS
    tuned = others[others["setting"] == "fine-tuned"]
    variance = (tuned["radimagenet_sd"] ** 2 + tuned["imagenet_sd"] ** 2) / tuned["folds"]
    found = random_effects(tuned["estimate"], variance)
    mean = format_estimate(found, digits=1)
    assert f"The {found['k']} with full fine-tuning and SDs average {mean} points" in WORDS

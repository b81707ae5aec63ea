"""Sentences that read a reference run, made from the numbers that they read.

They say what was run, what each interval supports, and what does not follow from it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import pandas as pd

from rin import paper
from rin.report.analyses import CONCLUSIONS, ENOUGH_PATIENTS, TaskAnalyses
from rin.report.analyses_tables import conclusion_words, holm_of_recommended
from rin.report.format import (
    format_estimate,
    format_interval,
    format_mean_sd,
    format_number,
    format_p,
    task_title,
)
from rin.report.reference import reference_tasks
from rin.report.reference_own import OwnRun
from rin.report.style import init_style
from rin.stats.scenarios import scenario_aucs
from rin.study.reference import ReferenceRun, grid_predictions

_POINTS = 100
_ALPHA = 0.05
_CHANCE = 0.5
NONE_YET = (
    "The book holds no reference run yet: finish a study on real images (`rin study --profile open "
    "--data-root FOLDER`), then write one with `rin reference write open --data-root FOLDER`."
)


def what_reading(reference: ReferenceRun) -> str:
    """Return what the reference run is: runs, time, and what is kept of it."""
    facts = reference.facts
    parts = [f"{one.runs:,} runs of {stage} ({_time(one.seconds)})"
             for stage, one in facts.work.items()]  # fmt: skip
    grid = reference.runs["grid"].notna()
    return (
        f"The reference run “{facts.name}” is the profile of that name on real images: "
        f"{' and '.join(parts)}, times added up, on {facts.hardware.text}. "
        f"{int(grid.sum()):,} of its runs are the grids of {_tasks(len(reference.tasks))}. Kept "
        f"are {len(reference.scores):,} scores of test images and {len(reference.overlap):,} "
        "overlaps of maps with lesions, without any image. All that this page states is computed "
        "from them when it is made."
    )


def limits_reading(reference: ReferenceRun, found: Sequence[TaskAnalyses]) -> str:
    """Return what the numbers cannot carry: tests, images, trainings, substitutes, patients."""
    facts = reference.facts
    tests = [int(one.row("delong_contrast")["n_units"]) for one in found]
    sizes = [facts.task(one.task).size for one in found]
    grid = reference.runs[reference.runs["grid"].notna()]
    folds = grid.groupby("task")["fold"].nunique().max()
    few = sum(one.few_patients for one in found)
    text = (
        f"A reduced study: {_range(tests)} test images a task ({folds} "
        f"{'fold' if folds == 1 else 'folds'}), pictures of {_range(sizes)} pixels a side, "
        f"{_range(grid['epochs'])} epochs of fine-tuning. {_pretraining(reference)}"
    )
    if few:
        text += (
            f"In {_tasks(few)} a class has fewer than {ENOUGH_PATIENTS} test patients, too few to "
            "trust an interval. "
        )
    replaced = [one for one in found if one.images.replaced]
    if replaced:
        named = "; ".join(
            f"{one.title}: {one.images.title} instead of {one.images.replaced}" for one in replaced
        )
        text += f"In {_tasks(len(replaced))} the images are not those of the paper: {named}. "
    unnamed = [one.title for one in found
               if facts.task(one.task).dataset.independence != "patient"]  # fmt: skip
    if unnamed:
        text += (
            f"No patients are named for {_tasks(len(unnamed))} ({'; '.join(unnamed)}): each image "
            "or examination counts there as a patient, so intervals are too short where a patient "
            "gave several. "
        )
    if folds == 1:
        text += (
            "With one split and one training of each run, nothing here tells how much another "
            "split or another training would move the numbers. "
        )
    return text.strip()


def _pretraining(reference: ReferenceRun) -> str:
    table = reference.pretraining
    if table.empty or not {"images", "epochs", "classes"} <= set(table.columns):
        return ""
    return (
        f"Weights were pretrained for {_range(table['epochs'])} epochs on "
        f"{_range(table['images'])} images of {_range(table['classes'])} classes; RadImageNet has "
        f"{paper.DATABASE['images'].value:,} of {paper.DATABASE['labels'].value}. "
    )


def pretraining_reading(reference: ReferenceRun) -> str:
    """Return how well the pretrained networks name the classes of their own corpus."""
    table = reference.pretraining
    if table.empty:
        return "No network was pretrained for this reference run: its weights are released ones."
    parts = []
    for init, rows in table.groupby("init", sort=False):
        low, high = rows["top1"].min(), rows["top1"].max()
        parts.append(
            f"{init_style(init).short} {format_number(low)} to {format_number(high)} over "
            f"{len(rows)} {'backbone' if len(rows) == 1 else 'backbones'}"
        )
    chance = ""
    if "classes" in table:
        chance = f"; naming one of {_range(table['classes'])} classes by chance gives about "
        chance += format_number(1 / table["classes"].max())
    return f"Share of test images of the corpus that are named rightly: {'; '.join(parts)}{chance}."


def difference_reading(one: TaskAnalyses, p_holm: float) -> str:
    """Return what the reference run says of one task, and how the published interval lies to it."""
    pooled, row = one.pooled, one.recommended
    a, b = one.names
    low, high = _POINTS * row["ci_low"], _POINTS * row["ci_high"]
    estimate = _POINTS * row["estimate"]
    supported = conclusion_words(row["conclusion"], one.names, one.margin)
    text = (
        f"{one.images.caution}{one.title}: {a} {format_mean_sd(pooled.mean_a, pooled.sd_a)}, {b} "
        f"{format_mean_sd(pooled.mean_b, pooled.sd_b)} over {pooled.n_scenarios} scenarios. "
    )
    if row["conclusion"] == "none":
        text += "The difference cannot be tested here."
    else:
        text += (
            f"Difference {format_number(estimate, 1, signed=True)} points, 95% CI "
            f"{format_interval(low, high, 1)} ({format_p(row['p_value'])}; after Holm "
            f"{format_p(p_holm)}): {supported}."
        )
    ends = one.published_ends
    if ends is None:
        return f"{text} Nothing published stands beside it."
    text += f" The paper prints {format_estimate(*ends, 1)}."
    if row["conclusion"] == "none":
        return text
    if low <= ends[0] <= high:
        return f"{text} The interval here holds the published difference."
    return (
        f"{text} The interval here does not hold the published difference; other weights, other "
        "image sizes and other test images were compared, so neither number refutes the other."
    )


def differences_reading(found: Sequence[TaskAnalyses]) -> str:
    """Return how many tasks support which conclusion, before and after Holm."""
    counts = Counter(one.recommended["conclusion"] for one in found)
    adjusted = holm_of_recommended(found)
    parts = [
        f"{conclusion_words(key, found[0].names, found[0].margin)} in {counts[key]}"
        for key in CONCLUSIONS
        if counts[key]
    ]
    below = sum(p < _ALPHA for p in adjusted.values())
    text = (
        f"One at a time, the intervals of {_tasks(len(found))} support: {', '.join(parts)}. After "
        f"Holm’s adjustment over the tasks, P is below .05 in {below}. "
    )
    if counts["unclear"]:
        text += (
            "“No clear difference” does not say that there is none: the intervals show how large "
            "one could be. "
        )
    return text.strip()


def chance_reading(reference: ReferenceRun, titles: Mapping[str, str]) -> str:
    """Return how many areas of the grids are no better than chance, on which tasks, and by what.

    Parameters
    ----------
    titles
        Of the tasks, by name.
    """
    tables = [scenario_aucs(grid_predictions(reference, task)) for task in reference.tasks]
    areas = pd.concat(tables, ignore_index=True)
    low = areas[areas["auc"] <= _CHANCE]
    if low.empty:
        return f"All {len(areas):,} areas of the grids are above {_CHANCE}."
    backbones = low["scenario"].str.partition("-")[0]
    parts = []
    for task, found in backbones.groupby(low["task"], sort=False):
        counts = ", ".join(f"{name} {n}" for name, n in found.value_counts().items())
        parts.append(f"{titles[task]} {len(found)} of {(areas['task'] == task).sum()} ({counts})")
    below = int((low["ci_high"] < _CHANCE).sum())
    return (
        f"Of the {len(areas):,} areas of the grids, {len(low)} are at or below {_CHANCE}: "
        f"{'; '.join(parts)}. In {below} of them the interval, one of {len(areas):,} and not "
        f"adjusted, ends below {_CHANCE}. All count like the others in the means above and widen "
        "the SDs: to leave them out once they are seen would be a choice."
    )


def own_reading(own: OwnRun, reference: ReferenceRun) -> str:
    """Return what the reader's own study adds beside the reference run, and on which images."""
    if own.missing:
        return (
            f"The profile {own.profile} of this book has {own.missing:,} unfinished runs, so none "
            "of its own stands here."
        )
    if own.same:
        return (
            f"This book’s own profile, {own.profile}, holds the very runs of the reference run, so "
            "its rows repeat them and confirm nothing."
        )
    shared = [one for one in own.found if one.task in reference.tasks]
    if not shared:
        return f"This book’s own profile, {own.profile}, shares no task with the reference run."
    counts = Counter(one.images.word for one in shared)
    named = ", ".join(f"{n} on {word} images" for word, n in counts.items())
    text = (
        f"This book’s own profile, {own.profile}, shares {_tasks(len(shared))} with the reference "
        f"run: {named}. "
    )
    if counts["stand-in"]:
        text += "What rests on stand-ins shows that the pipeline works, and is not a finding. "
    if set(own.found[0].inits) != set(reference.facts.inits):
        names = " and ".join(init_style(init).label for init in own.found[0].inits)
        text += f"It compares other weights: {names}. "
    return text.strip()


def random_reading(gains: pd.DataFrame, titles: Mapping[str, str]) -> str:
    """Return in how many comparisons pretraining is ahead of random weights, by interval and P.

    Parameters
    ----------
    gains
        As `rin.report.from_random.gains_over_random`.
    titles
        Of the tasks, by name.
    """
    above, below = int((gains["ci_low"] > 0).sum()), int((gains["ci_high"] < 0).sum())
    held = gains[(gains["p_holm"] < _ALPHA) & (gains["difference"] > 0)]
    text = (
        f"Of {len(gains)} comparisons of a pretraining with random weights, the interval lies "
        f"above zero in {above}, below it in {below}, and holds it in "
        f"{len(gains) - above - below}. After Holm’s adjustment over all of them, pretraining is "
        f"ahead with P < .05 in {len(held)}"
    )
    if len(held):
        pairs = [
            f"{init_style(row.init).short.lower()} on {titles[row.task]}"
            for row in held.itertuples()
        ]
        text += f" ({'; '.join(pairs)})"
    return (
        f"{text}. The tests take images as independent and put the scores of all folds into one "
        "ranking; each network was trained once."
    )


def task_titles(reference: ReferenceRun) -> dict[str, str]:
    """Return the titles of a reference run's tasks by name."""
    return {name: task_title(one.task) for name, one in reference_tasks(reference).items()}


def _time(seconds: float) -> str:
    return f"{seconds / 3600:.1f} h" if seconds >= 3600 else f"{seconds / 60:.0f} min"


def _tasks(n: int) -> str:
    return f"{n} task" if n == 1 else f"{n} tasks"


def _range(values: Sequence[float]) -> str:
    ends = dict.fromkeys(f"{int(end):,}" for end in (min(values), max(values)))
    return " to ".join(ends)

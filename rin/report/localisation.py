"""What the page on localisation shows of each task with marked lesions, gathered once.

From recorded class activation maps to examples and Dice scores; the counterpart of the paper's
Figure 5.  Overlap is computed by `rin.explain.overlap`, tests by `rin.stats`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin import paper
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import (
    baseline_table,
    dice_table,
    has_lesion,
    init_dice,
    mean_lesion_size,
    scenario_dice,
)
from rin.report.across import Images, images_of, paper_order, published_arms
from rin.report.examples import example_cases, most_accurate_scenario
from rin.report.format import format_interval, format_mean_sd, format_number, format_p, task_title
from rin.report.scoreboard import under_p
from rin.report.style import init_style
from rin.report.tables import dice_beside_table, dice_comparison
from rin.study import Study, TaskInputs, cam_arrays

if TYPE_CHECKING:
    from rin.stats import PairedT


@dataclass(frozen=True)
class Localisation:
    """One task with marked lesions, and what two inits make of them.

    Attributes
    ----------
    task, title, images
        As in `rin.report.across.TaskResult`.
    published
        Dice scores that the paper states; None for a task without any.
    marked_by
        "outline" or "box": how the dataset marks lesions.
    inits
        (a, b).
    pictures, outlines, maps, cases, positive_class, threshold
        The examples, as `rin.report.figures_cam.cam_panel` takes them.
    scenario
        Scenario of the examples.
    summary, baselines
        Tables of `init_dice` and `baseline_table`.
    test
        Paired comparison of the inits over images.
    map_sides
        Smallest and largest side of the maps, in cells.
    """

    task: str
    title: str
    images: Images
    published: paper.PublishedDice | None
    marked_by: str
    inits: tuple[str, str]
    pictures: np.ndarray
    outlines: np.ndarray
    maps: Mapping[str, np.ndarray]
    cases: pd.DataFrame
    positive_class: str
    threshold: int
    scenario: str
    summary: pd.DataFrame
    baselines: pd.DataFrame
    test: PairedT
    map_sides: tuple[int, int]

    @property
    def published_means(self) -> dict[str, float]:
        """Published mean Dice beside each init of the same kind, as the caption states it."""
        one = self.published
        arms = published_arms(self.inits) if one else {}
        return {init: getattr(one, f"caption_{arm}") for init, arm in arms.items()}

    @property
    def reading(self) -> str:
        """The sentences that read the task's row."""
        means = self.summary.set_index("init").loc[list(self.inits)]
        stated = ", ".join(
            f"{init_style(init).short.lower()} {format_mean_sd(row['mean'], row['sd'], 3)}"
            for init, row in means.iterrows()
        )
        test = self.test
        best = self.baselines.loc[self.baselines["dice"].idxmax()]
        text = (
            f"{self.images.caution}Mean Dice ± SD over scenarios: {stated}; "
            f"difference over {test.n} images "
            f"{format_number(test.mean_difference, 3, signed=True)} "
            f"{format_interval(test.ci_low, test.ci_high, 3)}, {format_p(test.p_value)}. "
            f"The better baseline, {best['baseline']}, reaches {format_number(best['dice'], 3)}. "
        )
        if self.published is None:
            article = "an" if self.marked_by == "outline" else "a"
            return text + (
                "The paper states no Dice score for this task; its images mark each lesion by "
                f"{article} {self.marked_by}."
            )
        one = self.published
        return text + (
            f"Published: {format_number(one.caption_radimagenet, 3)} and "
            f"{format_number(one.caption_imagenet, 3)}."
        )


def localisation(study: Study, inputs: TaskInputs, *, per_class: int = 1) -> Localisation:
    """Return what a task's maps show; the first two inits of the profile are compared.

    Parameters
    ----------
    study, inputs
        The study and a task whose images have masks.
    per_class
        Examples of each class, fewer where there are not enough.

    Raises
    ------
    InputError
        When runs are missing, or no test case of the first fold has a lesion.
    """
    a, b = study.profile.inits[:2]
    threshold = paper.SETTINGS["gradcam_threshold"].value
    store, masks = inputs.store, inputs.store.masks()
    case_ids, with_lesion = store.cases["case_id"].to_numpy(), has_lesion(masks)
    runs = [run for run in cam_arrays(study, inputs) if run[0]["init"].iloc[0] in (a, b)]
    scenario = most_accurate_scenario(runs)
    examples = example_cases(
        runs, scenario, (a, b), set(case_ids[with_lesion]), per_class=per_class
    )
    place = [int(np.flatnonzero(case_ids == case)[0]) for case in examples.cases["case_id"]]
    overlap = dice_table(runs, case_ids, masks, threshold=threshold)
    lesions = masks[with_lesion]
    sides = [maps.shape[1] for _, maps in runs]
    return Localisation(
        task=inputs.task.name,
        title=task_title(inputs.task),
        images=images_of(inputs),
        published=paper.DICE.get(inputs.task.paper_task),
        marked_by=inputs.manifest.mask_kind,
        inits=(a, b),
        pictures=store.images()[place],
        outlines=masks[place],
        maps={init: to_uint8(maps, store.size) for init, maps in examples.maps.items()},
        cases=examples.cases.assign(label=store.cases["label"].to_numpy()[place]),
        positive_class=inputs.task.positive_class,
        threshold=threshold,
        scenario=scenario,
        summary=init_dice(scenario_dice(overlap)),
        baselines=baseline_table(lesions, mean_lesion_size(lesions)),
        test=dice_comparison(overlap, a, b),
        map_sides=(min(sides), max(sides)),
    )


def localisations(study: Study, inputs: Mapping[str, TaskInputs]) -> list[Localisation]:
    """Return every task whose images have masks, in the order of the paper."""
    return [
        localisation(study, inputs[task])
        for task in paper_order(inputs)
        if inputs[task].store.masks() is not None
    ]


def dice_scoreboard(results: Sequence[Localisation], inits: Sequence[str]) -> pd.DataFrame:
    """Return published and recomputed Dice scores of all tasks, as text.

    Parameters
    ----------
    results
        Tasks that were run; the paper's tasks that were not show dashes. Normality stands on
        the page of each task.
    inits
        (a, b).
    """
    empty = pd.DataFrame(columns=["task", "init", "mean", "sd"])
    table = dice_beside_table(
        pd.concat([one.summary for one in results]) if results else empty,
        {one.task: one.test for one in results},
        list(inits),
        titles={one.task: one.title for one in results if one.task not in paper.DICE},
    )
    table = table.drop(columns=[("Recomputed", "P, Shapiro")])
    for column in [("Published", "P"), ("Recomputed", "P, paired t")]:
        table[column] = table[column].map(under_p)
    return table

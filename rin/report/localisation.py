"""What the pages on localisation show of a task with marked lesions, gathered once.

From recorded class activation maps to examples, scores of overlap, baselines and tests; the
counterpart of the paper's Figure 5.  Overlap is computed by `rin.explain.overlap`, tests by
`rin.stats`; tables and sentences are made from what is gathered here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin import paper
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import (
    MEASURES,
    Overlap,
    baseline_scores,
    baseline_table,
    has_lesion,
    init_overlap,
    lesion_sizes,
    measure_overlap,
    others_lesion_size,
    scenario_overlap,
)
from rin.report.across import Images, images_of, paper_order, published_arms
from rin.report.examples import Examples, example_cases, most_accurate_scenario
from rin.report.format import format_interval, format_mean_sd, format_number, format_p, task_title
from rin.report.localisation_tests import (
    BESIDE,
    RECOMMENDED,
    against_baselines,
    dice_comparison,
    overlap_tests,
)
from rin.report.style import init_style
from rin.study import Study, TaskInputs, cam_arrays

if TYPE_CHECKING:
    from rin.stats import PairedT


@dataclass(frozen=True)
class RecordedMaps:
    """Maps of a task's two inits with the masks of its images.

    Attributes
    ----------
    inits
        (a, b).
    runs
        Pairs as `rin.study.cam_arrays` yields them, of these inits.
    case_ids, masks
        Every case of the dataset, and its mask.
    sizes
        Height and width of the lesions of all other patients on average, per case, in pixels.
    threshold
        Gray level above which a map counts as lesion.
    """

    inits: tuple[str, str]
    runs: list[tuple[pd.DataFrame, np.ndarray]]
    case_ids: np.ndarray
    masks: np.ndarray
    sizes: np.ndarray
    threshold: int


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
    overlap
        Every measure for every image and run.
    means
        Table of `init_overlap`: mean and SD over scenarios of every measure.
    baseline_means
        Table of `baseline_table` over the tested images with a lesion.
    test
        Paired comparison of the inits' Dice scores over images, as published.
    tests, against
        Tables of `overlap_tests` and `against_baselines`.
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
    overlap: Overlap
    means: pd.DataFrame
    baseline_means: pd.DataFrame
    test: PairedT
    tests: pd.DataFrame
    against: pd.DataFrame
    map_sides: tuple[int, int]

    @property
    def summary(self) -> pd.DataFrame:
        """Dice at the paper's threshold, as `init_dice`: `init`, `mean`, `sd`."""
        return self.means[self.means["measure"] == "dice"].drop(columns="measure")

    @property
    def baselines(self) -> pd.DataFrame:
        """Baselines that have a Dice score: `baseline`, `dice`."""
        return self.baseline_means.dropna(subset=["dice"])[["baseline", "dice"]]

    @property
    def published_means(self) -> dict[str, float]:
        """Published mean Dice beside each init of the same kind, as the caption states it."""
        one = self.published
        arms = published_arms(self.inits) if one else {}
        return {init: getattr(one, f"caption_{arm}") for init, arm in arms.items()}

    def tested(self, measure: str, analysis: str = RECOMMENDED) -> pd.Series:
        """Return the row of `tests` of one measure and analysis."""
        rows = self.tests.set_index(["measure", "analysis"])
        return rows.loc[(measure, analysis)]

    @property
    def difference(self) -> str:
        """The difference in Dice with patients as the units, its interval and P, in words."""
        test = self.tested("dice")
        if test["remark"]:
            return f"their difference cannot be tested ({test['remark']})"
        return (
            f"difference over {self.test.n} images in {test['n']} patients "
            f"{format_number(test['estimate'], 3, signed=True)} "
            f"{format_interval(test['ci_low'], test['ci_high'], 3)}, {format_p(test['p_value'])}"
        )

    @property
    def reading(self) -> str:
        """The sentences that read the task's row."""
        means = self.summary.set_index("init").loc[list(self.inits)]
        stated = ", ".join(
            f"{init_style(init).short.lower()} {format_mean_sd(row['mean'], row['sd'], 3)}"
            for init, row in means.iterrows()
        )
        best = self.baselines.loc[self.baselines["dice"].idxmax()]
        text = (
            f"{self.images.caution}Mean Dice ± SD over scenarios: {stated}; {self.difference}. "
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


def recorded_maps(study: Study, inputs: TaskInputs) -> RecordedMaps:
    """Read the maps of the first two inits of the profile, and what they are compared with.

    Raises
    ------
    InputError
        When runs are missing, or fewer than two patients of the dataset have a lesion.
    """
    a, b = study.profile.inits[:2]
    cases, masks = inputs.store.cases, inputs.store.masks()
    return RecordedMaps(
        inits=(a, b),
        runs=[run for run in cam_arrays(study, inputs) if run[0]["init"].iloc[0] in (a, b)],
        case_ids=cases["case_id"].to_numpy(),
        masks=masks,
        sizes=others_lesion_size(lesion_sizes(masks), cases["patient_id"].to_numpy()),
        threshold=paper.SETTINGS["gradcam_threshold"].value,
    )


def localise(recorded: RecordedMaps, inputs: TaskInputs, *, per_class: int = 1) -> Localisation:
    """Return what a task's maps show; the two inits are compared.

    Parameters
    ----------
    recorded
        Maps of the task.
    inputs
        The task, whose images have masks.
    per_class
        Examples of each class, fewer where there are not enough.

    Raises
    ------
    InputError
        When no test case of the first fold has a lesion.
    """
    a, b = recorded.inits
    store, threshold = inputs.store, recorded.threshold
    examples, scenario = _examples(recorded, per_class)
    place = _places(recorded, examples.cases["case_id"])
    overlap = measure_overlap(recorded.runs, recorded.case_ids, recorded.masks, threshold=threshold)
    scores = _baselines(recorded, overlap)
    sides = [maps.shape[1] for _, maps in recorded.runs]
    return Localisation(
        task=inputs.task.name,
        title=task_title(inputs.task),
        images=images_of(inputs),
        published=paper.DICE.get(inputs.task.paper_task),
        marked_by=inputs.manifest.mask_kind,
        inits=(a, b),
        pictures=store.images()[place],
        outlines=recorded.masks[place],
        maps={init: to_uint8(maps, store.size) for init, maps in examples.maps.items()},
        cases=examples.cases.assign(label=store.cases["label"].to_numpy()[place]),
        positive_class=inputs.task.positive_class,
        threshold=threshold,
        scenario=scenario,
        overlap=overlap,
        means=init_overlap(scenario_overlap(overlap.table, list(MEASURES)), list(MEASURES)),
        baseline_means=baseline_table(scores),
        test=dice_comparison(overlap.table, a, b),
        tests=overlap_tests(overlap.table, a, b, list(BESIDE)),
        against=against_baselines(overlap.table, scores, (a, b), list(BESIDE)),
        map_sides=(min(sides), max(sides)),
    )


def _examples(recorded: RecordedMaps, per_class: int) -> tuple[Examples, str]:
    with_lesion = set(recorded.case_ids[has_lesion(recorded.masks)])
    scenario = most_accurate_scenario(recorded.runs)
    found = example_cases(recorded.runs, scenario, recorded.inits, with_lesion, per_class=per_class)
    return found, scenario


def _places(recorded: RecordedMaps, cases: pd.Series) -> np.ndarray:
    """Return the rows of cases in the dataset."""
    return pd.Index(recorded.case_ids).get_indexer(cases)


def _baselines(recorded: RecordedMaps, overlap: Overlap) -> pd.DataFrame:
    """Score the baselines on every tested image with a lesion."""
    cases = pd.unique(overlap.table["case_id"])
    place = _places(recorded, cases)
    scores = baseline_scores(
        recorded.masks[place], recorded.sizes[place], tolerance=overlap.tolerance
    )
    return scores.assign(case_id=cases[scores["image"]])


def localisation(study: Study, inputs: TaskInputs, *, per_class: int = 1) -> Localisation:
    """Return what a task's maps show: `localise` of `recorded_maps`."""
    return localise(recorded_maps(study, inputs), inputs, per_class=per_class)


def localisations(study: Study, inputs: Mapping[str, TaskInputs]) -> list[Localisation]:
    """Return every task whose images have masks, in the order of the paper."""
    return [
        localisation(study, inputs[task])
        for task in paper_order(inputs)
        if inputs[task].store.masks() is not None
    ]

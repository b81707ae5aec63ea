"""Grad-CAM overlap of a reference run: what its maps and the marked lesions have in common."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from rin import paper
from rin.explain.overlap import init_overlap, scenario_overlap
from rin.report.across import Images, published_arms
from rin.report.format import (
    MISSING,
    format_estimate,
    format_interval,
    format_mean_sd,
    format_number,
    format_p,
    task_title,
)
from rin.report.localisation_tests import PUBLISHED, RECOMMENDED, against_baselines, overlap_tests
from rin.report.reference import reference_images, reference_tasks
from rin.report.style import init_style
from rin.study.reference import ReferenceRun, baseline_rows, overlap_table

_DICE = ["dice"]


@dataclass(frozen=True)
class ReferenceOverlap:
    """Dice at the paper's threshold of one task of a reference run; differences are a − b.

    Attributes
    ----------
    title, images
        Of the task.
    published
        Dice scores that the paper states; None for a task without any.
    inits
        (a, b).
    means
        Mean and SD over scenarios per init, as `rin.explain.overlap.init_overlap`.
    tests, against
        As `rin.report.localisation_tests.overlap_tests` and `against_baselines`.
    n_images, n_patients
        Test images with a marked lesion, and their patients.
    """

    title: str
    images: Images
    published: paper.PublishedDice | None
    inits: tuple[str, str]
    means: pd.DataFrame
    tests: pd.DataFrame
    against: pd.DataFrame
    n_images: int
    n_patients: int

    def tested(self, analysis: str = RECOMMENDED) -> pd.Series:
        """Return the row of one analysis of the difference."""
        return self.tests.set_index("analysis").loc[analysis]


def reference_overlaps(reference: ReferenceRun) -> list[ReferenceOverlap]:
    """Return what maps and lesions have in common, for every task with marked lesions.

    Notes
    -----
    Checked against `rin.report.localisation.localise` of the same maps.
    """
    a, b = reference.facts.inits
    found = []
    for name, one in reference_tasks(reference).items():
        table = overlap_table(reference, name)
        table = table[table["init"].isin((a, b))]
        if table.empty:
            continue
        beside = baseline_rows(reference, name)
        found.append(
            ReferenceOverlap(
                title=task_title(one.task),
                images=reference_images(reference.facts.task(name)),
                published=paper.DICE.get(one.task.paper_task),
                inits=(a, b),
                means=init_overlap(scenario_overlap(table, _DICE), _DICE),
                tests=overlap_tests(table, a, b, _DICE),
                against=against_baselines(table, beside, (a, b), _DICE),
                n_images=table["case_id"].nunique(),
                n_patients=table["patient_id"].nunique(),
            )
        )
    return found


def overlap_beside_table(found: Sequence[ReferenceOverlap]) -> pd.DataFrame:
    """Return published Dice scores and those of a reference run, as text."""
    rows = {}
    for one in found:
        if one.published is not None:
            p = one.published
            rows[one.title, "Published"] = {
                "Mean Dice": f"RadImageNet {format_number(p.caption_radimagenet, 3)}; "
                f"ImageNet {format_number(p.caption_imagenet, 3)}",
                "Difference (95% CI)": format_number(
                    p.caption_radimagenet - p.caption_imagenet, 3, signed=True
                ),
                "P, paired t": p.p_text,
                "P, patients": MISSING,
            }
        means = one.means.set_index("init")
        stated = [
            f"{init_style(init).short} "
            f"{format_mean_sd(means.loc[init, 'mean'], means.loc[init, 'sd'], 3)}"
            for init in one.inits
        ]
        test = one.tested()
        ends = test["estimate"], test["ci_low"], test["ci_high"]
        rows[one.title, "Reference run"] = {
            "Mean Dice": "; ".join(stated),
            "Difference (95% CI)": format_estimate(*ends, 3) if not test["remark"] else MISSING,
            "P, paired t": format_p(one.tested(PUBLISHED)["p_value"]),
            "P, patients": format_p(test["p_value"]),
        }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["Task", "Source"])
    return table


def overlap_reading(one: ReferenceOverlap) -> str:
    """Return the sentences that read a task's Dice scores, as plain text."""
    means = one.means.set_index("init")
    stated = ", ".join(
        f"{init_style(init).short.lower()} "
        f"{format_mean_sd(means.loc[init, 'mean'], means.loc[init, 'sd'], 3)}"
        for init in one.inits
    )
    text = f"{one.title}: mean Dice ± SD over scenarios {stated}. {_difference(one)} "
    text += " ".join(_beside(row) for row in one.against.itertuples())
    if one.published is None:
        return f"{text} The paper states no Dice score for this task."
    arms = published_arms(one.inits)
    led = [getattr(one.published, f"caption_{arms[i]}") for i in one.inits if i in arms]
    if len(led) < 2:
        return text
    text += f" The paper prints {format_number(led[0], 3)} and {format_number(led[1], 3)}"
    test = one.tested()
    if not (test["ci_low"] > 0 or test["ci_high"] < 0):
        return f"{text}; whether the difference here has the same sign cannot be told."
    same = "the same" if (led[0] - led[1]) * test["estimate"] > 0 else "the opposite"
    return f"{text}; the difference here, between other weights, has {same} sign."


def _difference(one: ReferenceOverlap) -> str:
    test = one.tested()
    if test["remark"]:
        return f"Their difference cannot be tested ({test['remark']})."
    zero = test["ci_low"] <= 0 <= test["ci_high"]
    told = "which holds zero: no clear difference" if zero else "which excludes zero"
    return (
        f"Over {one.n_images} images in {one.n_patients} patients they differ by "
        f"{format_number(test['estimate'], 3, signed=True)}, 95% CI "
        f"{format_interval(test['ci_low'], test['ci_high'], 3)}, {told} "
        f"({format_p(test['p_value'])}, patients as the units)."
    )


def _beside(row: object) -> str:
    name = init_style(row.init).short
    if row.estimate != row.estimate:
        return f"{name} cannot be tested against the {row.baseline}."
    place = "above" if row.ci_low > 0 else "below" if row.ci_high < 0 else "not told apart from"
    return (
        f"{name} is {place} the {row.baseline}, which looks at no image "
        f"({format_number(row.baseline_mean, 3)}; difference "
        f"{format_number(row.estimate, 3, signed=True)} "
        f"{format_interval(row.ci_low, row.ci_high, 3)})."
    )

"""Tables about the study itself: counts, splits, budgets, time, pooled comparisons.

As in `rin.report.tables`, cells are text and ready to read unless said otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from rin.paper import COMPARISONS, ClassCount
from rin.report.format import (
    MISSING,
    format_interval,
    format_mean_sd,
    format_number,
    format_p,
    task_title,
)
from rin.report.style import UNFREEZING_LABEL

if TYPE_CHECKING:
    from IPython.display import Markdown

    from rin.data.manifest import DatasetManifest
    from rin.stats import PooledComparison
    from rin.study import TaskInputs

PARTS = ("train", "validation", "test")
_POINTS = 100


def published_sentence(paper_task: str | None) -> Markdown:
    """Return what the paper states about a task, as a sentence.

    Parameters
    ----------
    paper_task
        Key of `rin.paper.COMPARISONS`; None for a task that the paper does not have.
    """
    from IPython.display import Markdown

    if paper_task is None:
        return Markdown("The paper does not have this task, so nothing published stands beside it.")
    one = COMPARISONS[paper_task]
    return Markdown(
        "The paper, with other weights and larger images, states "
        f"{format_mean_sd(one.auc_radimagenet, one.sd_radimagenet)} for RadImageNet and "
        f"{format_mean_sd(one.auc_imagenet, one.sd_imagenet)} for ImageNet, a difference of "
        f"{format_number(one.difference, 1)} points "
        f"{format_interval(one.ci_low, one.ci_high, 1)} ({one.places[0]})."
    )


def class_count_table(
    manifest: DatasetManifest, cases: pd.DataFrame, published: Sequence[ClassCount]
) -> pd.DataFrame:
    """Return the number of images of each class: stated by the paper, the authors, counted.

    Parameters
    ----------
    manifest
        Of the dataset; gives the authors' counts by original class.
    cases
        Case table (`label`, `source_class`).
    published
        `rin.paper.CLASS_COUNTS` of the task.
    """
    stated = {count.group: count.images for count in published}
    rows = {}
    for label, members in cases.groupby("label", sort=True):
        rows[f"{label} (label)"] = {
            "Paper": stated.get(label, MISSING),
            "Authors": MISSING,
            "Counted": len(members),
        }
        for source, found in members.groupby("source_class", sort=True):
            rows[f"{source} (as published)"] = {
                "Paper": MISSING,
                "Authors": manifest.counts.authors.get(source, MISSING),
                "Counted": len(found),
            }
    rows["all"] = {
        "Paper": stated.get("all", MISSING),
        "Authors": MISSING,
        "Counted": len(cases),
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Class").astype(str)


def split_table(folds: pd.DataFrame, labels: pd.Series) -> pd.DataFrame:
    """Return how many cases, and how many positive ones, each part of each fold holds.

    Parameters
    ----------
    folds
        Split table (case_id, fold, part).
    labels
        0 or 1, indexed by case_id.
    """
    joined = folds.assign(label=labels.loc[folds["case_id"]].to_numpy())
    counts = joined.groupby(["fold", "part"])["label"].agg(["size", "sum"])
    text = counts["size"].astype(str) + " (" + counts["sum"].astype(str) + ")"
    return text.unstack("part")[list(PARTS)].rename_axis(index="Fold", columns=None)


def block_table(records: pd.DataFrame) -> pd.DataFrame:
    """Return mean seconds a run and peak memory of each block.

    Parameters
    ----------
    records
        Table of `rin.study.run_records`.
    """
    grouped = records.groupby(["backbone", "unfreezing"], sort=False)
    table = grouped.agg(seconds=("seconds", "mean"), memory=("peak_memory_gb", "max"))
    table = table.rename(index=UNFREEZING_LABEL, level="unfreezing")
    table = pd.DataFrame(
        {
            "Seconds a run": table["seconds"].map("{:.1f}".format),
            "Peak memory, GB": table["memory"].map("{:.1f}".format),
        }
    )
    return table.rename_axis(["Backbone", "Unfreezing"])


def task_table(inputs: Mapping[str, TaskInputs], records: pd.DataFrame) -> pd.DataFrame:
    """Return images, folds, runs and worker's time of each task.

    Parameters
    ----------
    inputs
        What each task reads, by task name.
    records
        Table of `rin.study.run_records` over the same tasks.
    """
    rows = {}
    for task, one in inputs.items():
        own = records[records["task"] == task]
        rows[task_title(one.task)] = {
            "Images": f"{len(one.store.cases):,}",
            "Provenance": "open substitute" if one.substitute_for else one.provenance,
            "Folds": one.folds["fold"].nunique(),
            "Runs": len(own),
            "Minutes": f"{own['seconds'].sum() / 60:.1f}",
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def pooled_rows(pooled: PooledComparison) -> pd.DataFrame:
    """Return the three pooled differences as numbers for `difference_forest`.

    Columns: `name`, `difference`, `ci_low`, `ci_high`; areas in 0-1.
    """
    tests = {
        "Mean of scenarios, unpaired t": pooled.unpaired,
        "Mean of scenarios, paired t": pooled.paired,
    }
    rows = [(name, test.mean_difference, test.ci_low, test.ci_high) for name, test in tests.items()]
    delong = pooled.delong
    rows.append(("Mean scores, DeLong", delong.difference, delong.ci_low, delong.ci_high))
    return pd.DataFrame(rows, columns=["name", "difference", "ci_low", "ci_high"])


def pooled_table(pooled: PooledComparison) -> pd.DataFrame:
    """Return the three pooled differences as text, in AUC points."""
    rows = pooled_rows(pooled)
    units = ["scenarios, as if independent", "scenarios, in pairs", "test cases"]
    p_values = [pooled.unpaired.p_value, pooled.paired.p_value, pooled.delong.p_value]
    return pd.DataFrame(
        {
            "Unit": units,
            "Difference, points": [
                format_number(_POINTS * d, 1, signed=True) for d in rows["difference"]
            ],
            "95% CI": [
                format_interval(_POINTS * low, _POINTS * high, 1)
                for low, high in zip(rows["ci_low"], rows["ci_high"], strict=True)
            ],
            "P": [format_p(p) for p in p_values],
        },
        index=pd.Index(rows["name"], name="Pooled by"),
    )

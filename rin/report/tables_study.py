"""Tables about the study itself: counts, splits, budgets, time, published sentences.

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
    task_title,
)
from rin.report.style import UNFREEZING_LABEL

if TYPE_CHECKING:
    from IPython.display import Markdown

    from rin.data.manifest import DatasetManifest
    from rin.study import TaskInputs

PARTS = ("train", "validation", "test")


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

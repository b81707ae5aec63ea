"""Sentences, with their cases, for the pages on published evidence; tested on made-up rows."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pandas as pd

from rin.data.manifest import find_task
from rin.errors import counted
from rin.models.weights_file import EXTREME
from rin.study.opened import TaskFacts


def wrong_names(n: int, total: int) -> str:
    """Return how often the probe named a wrong preprocessing."""
    times = "in none" if not n else f"in {n}"
    return f"A wrong one was named {times} of the {total} cases."


def files_named(hits: int, total: int, interval: Sequence[float]) -> str:
    """Return in how many files the preprocessing was named correctly, with an interval."""
    low, high = (f"{100 * end:.0f}" for end in interval)
    return (
        f"the correct preprocessing was named for {hits} of {total} files (Wilson's 95% interval "
        f"of the share: {low} to {high}%)"
    )


def extreme_variances(files: pd.DataFrame) -> str:
    """Return a definition of extreme variances, and the files that have them: `file`, `remark`."""
    return (
        f"A layer is reported where its largest running variance is more than {EXTREME:,.0f} "
        "times the median of its channels, or of all layers of its file. The first layer, whose "
        "variances depend on the scale of the inputs, is compared with its own channels alone. "
        f"{_searched(files)}"
    )


def _searched(files: pd.DataFrame) -> str:
    if files.empty:
        return "No file of weights is at hand here, so none was searched."
    searched, extreme = f"{counted(len(files), 'files')} searched", files[files["remark"] != ""]
    if extreme.empty:
        return f"{searched}: no such layer."
    remarks = [f"{row.file} has {row.remark}." for row in extreme.itertuples()]
    return " ".join([f"{searched}.", *remarks])


def sizes_compared(sizes: Mapping[str, Any]) -> str:
    """Return how many networks a run compares: `sizes` has pairs, backbones and pretrainings."""
    n, backbones = int(sizes["pairs"]), counted(int(sizes["backbones"]), "backbones")
    pairs = f"{counted(n, 'pairs of networks')} {'was' if n == 1 else 'were'} compared"
    times = counted(int(sizes["pretrainings"]), "pretrainings")
    return f"On each task {pairs}, of {backbones} with at most {times} each on either source."


def ultrasound_tasks(tasks: Iterable[TaskFacts]) -> str:
    """Return how many of some tasks are on ultrasound images."""
    modalities = [find_task(task.name)[0].modality for task in tasks]
    return f"{counted(modalities.count('US'), 'of its tasks are')} on ultrasound images."


def copies_missed(overlap: pd.DataFrame) -> str:
    """Return how many planted copies the search found; `overlap` has a row per task and corpus."""
    low, high = overlap["copies_found"].min(), overlap["copies_found"].max()
    ends = " to ".join(dict.fromkeys((f"{low}", f"{high}")))
    missed = "no copy" if low == overlap["copies"].max() else "a few copies"
    return (
        f"Of {overlap['copies'].max()} reduced copies of a task, {ends} were found, so {missed} "
        "may have been missed."
    )

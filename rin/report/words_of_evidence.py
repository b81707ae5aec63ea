"""Sentences, with their cases, for the pages on published evidence; tested on made-up rows."""

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from rin.data.manifest import find_task
from rin.errors import counted
from rin.study.opened import TaskFacts


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

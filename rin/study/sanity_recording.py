"""What a run records of its maps as its weights go random; see `rin.training.cascade`.

A run that is asked to, by its `sanity_cases`, compares the maps of some test cases with lesions
before and after each step of the cascade, and keeps the maps of the first two for pictures.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.data.store import ImageStore
from rin.errors import InputError
from rin.explain.sanity import similarity_table
from rin.study.plan import Run

if TYPE_CHECKING:
    from rin.training.trainer import CompiledBlock

TABLE, MAPS = "sanity.parquet", "sanity_maps.npy"
#: Cases whose maps are kept for pictures.
PICTURED = 2


@dataclass(frozen=True)
class SanityRecord:
    """Similarity of the maps of one run, and some of the maps.

    Attributes
    ----------
    table
        One row a case and step: case_id, patient_id, target (the class, 0 or 1, that the trained
        network predicts, whose map is compared), depth (0 when the head alone is random), group
        (the layers that this step put back) and the columns of
        `rin.explain.sanity.similarity_table`; the same ending in `_other` compare with the next
        recorded case, the last with the first: what maps of one class share whatever the image.
    maps
        float32 (1 + steps, cases, h, w), before the ReLU: of the class `target` of the first
        cases, trained and then after each step.
    """

    table: pd.DataFrame
    maps: np.ndarray

    def write(self, folder: Path) -> None:
        """Write both into the folder of a run."""
        self.table.to_parquet(folder / TABLE, index=False)
        np.save(folder / MAPS, self.maps)


def sanity_rows(run: Run, store: ImageStore, test: np.ndarray) -> np.ndarray:
    """Return which rows of a store a run records: its first test cases with a lesion.

    Parameters
    ----------
    test
        Rows of the test part.

    Raises
    ------
    InputError
        When no test case has a lesion.
    """
    if not run.sanity_cases:
        return test[:0]
    masks = store.masks()
    marked = [row for row in test if masks[row].any()]
    if not marked:
        raise InputError(
            "no test case has a lesion, so there is no map to check",
            where=f"{run.task}, fold {run.fold}",
            remedy="Take more cases, or leave the sanity section out of the profile.",
        )
    return np.array(marked[: run.sanity_cases])


def record_sanity(
    run: Run, block: CompiledBlock, store: ImageStore, labels: np.ndarray, rows: np.ndarray
) -> SanityRecord | None:
    """Return what a run records of its trained block, or None where it records nothing.

    Parameters
    ----------
    block
        Trained; left as it was.
    labels
        int labels of all cases of the store.
    rows
        As `sanity_rows` returns them.
    """
    if not len(rows):
        return None
    from rin.training.batches import Part
    from rin.training.cascade import cascade_maps

    part, each = Part(store.images(), labels, rows), np.arange(len(rows))
    target = block.predict(part, run.settings.batch)[0].argmax(axis=1)
    cascade = cascade_maps(block, part, run.settings.batch, run.seed)
    maps, others = (
        cascade.maps[:, cases, :, :, target].swapaxes(0, 1) for cases in (each, np.roll(each, -1))
    )
    named = store.cases.iloc[rows][["case_id", "patient_id"]].reset_index(drop=True)
    tables = []
    for depth, group in enumerate(cascade.groups):
        own = similarity_table(maps[0], maps[1 + depth], run.settings.size)
        other = similarity_table(maps[0], others[1 + depth], run.settings.size).add_suffix("_other")
        other = other if len(rows) > 1 else other * np.nan
        steps = named.assign(target=target, depth=depth, group=group)
        tables.append(pd.concat([steps, own, other], axis=1))
    return SanityRecord(pd.concat(tables, ignore_index=True), maps[:, :PICTURED].copy())

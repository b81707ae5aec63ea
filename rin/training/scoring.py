"""Testing a pretrained network: how sure it is of each test image, and what it sees in it."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
import pandas as pd

from rin.files import write_atomically
from rin.training.batches import Part
from rin.training.trainer import CompiledBlock

#: Images whose features are in memory at once.
CHUNK = 8192


def score(
    block: CompiledBlock,
    test: Part,
    batch: int,
    names: np.ndarray,
    features: Path | None = None,
) -> pd.DataFrame:
    """Return what a network says of every test image.

    Parameters
    ----------
    block
        Trained; outputs beyond the names are not counted.
    test
        The images.
    batch
        Images a step.
    names
        Class names by label.
    features
        Where the pooled features of the backbone go, float32 (n, channels) as `.npy`.

    Returns
    -------
    pandas.DataFrame
        Columns row, truth, predicted, in_top5, confidence, truth_probability, in the order of
        the part.  With five classes or fewer, `in_top5` leaves out the least likely one.
    """
    tables = []
    with ExitStack() as opened:
        file = None
        for start in range(0, len(test.rows), CHUNK):
            rows = test.rows[start : start + CHUNK]
            probabilities, pooled = block.embed(Part(test.images, test.labels, rows), batch)
            tables.append(read_probabilities(probabilities[:, : len(names)], test.labels[rows]))
            if features is not None:
                file = file or _begin(opened, features, (len(test.rows), pooled.shape[1]))
                file.write(np.ascontiguousarray(pooled, "float32").tobytes())
    table = pd.concat(tables, ignore_index=True)
    table.insert(0, "row", test.rows)
    return table.assign(truth=names[table["truth"]], predicted=names[table["predicted"]])


def read_probabilities(probabilities: np.ndarray, truth: np.ndarray) -> pd.DataFrame:
    """Return truth, predicted (labels), in_top5, confidence and truth_probability of each image.

    Parameters
    ----------
    probabilities
        float (n, classes).
    truth
        int labels (n,).
    """
    k, each = min(5, probabilities.shape[1] - 1), np.arange(len(truth))
    predicted, own = probabilities.argmax(axis=1), probabilities[each, truth]
    return pd.DataFrame(
        {
            "truth": truth,
            "predicted": predicted,
            "in_top5": (probabilities > own[:, np.newaxis]).sum(axis=1) < k,
            "confidence": probabilities[each, predicted],
            "truth_probability": own,
        }
    )


def _begin(opened: ExitStack, path: Path, shape: tuple[int, int]) -> IO[bytes]:
    """Open a `.npy` file whose rows follow; it gets its name when the stack closes."""
    file = opened.enter_context(opened.enter_context(write_atomically(path)).open("wb"))
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file

"""Rows of an array on disk, read without mapping them into memory.

Pages that a memory map touches stay with the process: after one pass over a store, all of
it counts as resident.  Rows that are read leave nothing behind but the batch, and a file
that is shorter than it says is an error instead of the end of the process.
"""

from __future__ import annotations

import mmap
import os

import numpy as np

from rin.errors import InputError


def read_rows(images: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return `images[rows]` as an array in memory.

    Parameters
    ----------
    images
        Array (n, ...); of a read-only memory map the file is read, not the map.
    rows
        int (k,), 0 to n - 1 in any order; neighbours are read together.

    Returns
    -------
    numpy.ndarray
        (k, ...), of the type of `images`.

    Raises
    ------
    InputError
        When the file cannot be read or ends before a row does.
    """
    if not _is_whole_file(images):
        return np.asarray(images[rows])
    rows = np.asarray(rows)
    read = np.empty((len(rows), *images.shape[1:]), images.dtype)
    if read.size == 0:
        return read
    if rows.min() < 0 or rows.max() >= len(images):
        raise IndexError(f"rows {rows.min()} to {rows.max()} of {len(images)}")
    flat, size = read.reshape(-1).view(np.uint8), read[0].nbytes
    breaks = np.flatnonzero(np.diff(rows) != 1) + 1
    try:
        file = os.open(images.filename, os.O_RDONLY)
        try:
            for first, end in zip([0, *breaks], [*breaks, len(rows)], strict=True):
                place = images.offset + int(rows[first]) * size
                _fill(file, flat[first * size : end * size], place)
        finally:
            os.close(file)
    except OSError as error:
        raise InputError(
            f"the stored images cannot be read ({error})",
            where=images.filename,
            remedy="Check the disk, or delete the store's folder: the next run decodes again.",
        ) from error
    return read


def _is_whole_file(images: np.ndarray) -> bool:
    """Whether an array is a whole read-only map of a file, and not a part of one."""
    return (
        isinstance(images, np.memmap)
        and isinstance(images.base, mmap.mmap)
        and images.mode == "r"
        and images.filename is not None
        and images.flags.c_contiguous
    )


def _fill(file: int, target: np.ndarray, place: int) -> None:
    """Read bytes from a place in a file until the target is full."""
    done = 0
    while done < len(target):
        count = os.preadv(file, [target[done:]], place + done)
        if count == 0:
            raise OSError(f"it ends {len(target) - done} bytes too early")
        done += count

"""Slices of volumes in NumPy files: ``volume.npy#k`` is the k-th picture of a stack.

A volume is uint8 (slices, h, w) in NumPy's own format (NEP 1), read without pickles, from a
folder or an archive.  Of a file only the slice asked for is read; members of archives have to
be unpacked whole, so the last few are kept.
"""

import io
import math
import os
import threading
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

import numpy as np

from rin.data.tree import SEPARATOR, VOLUME, read_bytes
from rin.errors import InputError

MARK = "#"
_HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}
# NumPy parses headers as Python literals, which before 3.11.8 fails at random where threads do so
# at once (python/cpython#106905).
_PARSING = threading.Lock()
_BROKEN = (OSError, ValueError, EOFError, OverflowError, SyntaxError, TypeError)


def slice_locator(locator: str, number: int) -> str:
    """Return the locator of a slice, counted from 0, of the volume at ``locator``."""
    return f"{locator}{MARK}{number}"


def is_slice(locator: str) -> bool:
    """Tell whether a locator names a slice of a volume."""
    volume, mark, _ = locator.rpartition(MARK)
    return bool(mark) and volume.lower().endswith(VOLUME)


def n_slices(root: Path, locator: str) -> int:
    """Return the number of slices of a volume; of a file, only its header is read.

    Raises
    ------
    InputError
        As :func:`read_slice`.
    """
    place = Path(root) / locator
    if SEPARATOR in locator:
        content = read_bytes(root, locator)
        return _shape(io.BytesIO(content), len(content), place)[0]
    return _file_shape(place)[0]


def read_slice(root: Path, locator: str) -> np.ndarray:
    """Read one slice of a volume.

    Returns
    -------
    numpy.ndarray
        uint8 (h, w), 0 to 255.

    Raises
    ------
    InputError
        A missing, empty or truncated file, one that is no NumPy array or holds Python
        objects, an array that is not uint8 (slices, h, w), or a slice that the volume lacks.
    """
    name, _, text = locator.rpartition(MARK)
    place = Path(root) / name
    volume = _member(root, name) if SEPARATOR in name else _file(place)
    if not text.isdecimal() or int(text) >= len(volume):
        raise InputError(
            f"there is no slice {text!r} in a volume of {len(volume)}",
            where=place,
            remedy=f"Slices are counted from 0 to {len(volume) - 1}.",
        )
    return np.array(volume[int(text)], order="C")


def _file(place: Path) -> np.ndarray:
    _file_shape(place)
    try:
        with _PARSING:
            return np.load(place, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError) as error:
        raise _refusal(place, f"the volume cannot be read ({error})") from error


def _file_shape(place: Path) -> tuple[int, int, int]:
    try:
        with place.open("rb") as file:
            return _shape(file, place.stat().st_size, place)
    except OSError as error:
        raise _refusal(place, f"the volume cannot be read ({error})") from error


def _member(root: Path, locator: str) -> np.ndarray:
    archive = Path(root) / locator.partition(SEPARATOR)[0]
    try:
        stat = archive.stat()
    except OSError as error:
        raise _refusal(archive, f"the archive cannot be read ({error})") from error
    return _unpacked(os.fspath(root), locator, stat.st_mtime_ns, stat.st_size)


@lru_cache(maxsize=4)
def _unpacked(root: str, locator: str, _modified: int, _size: int) -> np.ndarray:
    content = read_bytes(Path(root), locator)
    _shape(io.BytesIO(content), len(content), Path(root) / locator)
    with _PARSING:
        return np.load(io.BytesIO(content), allow_pickle=False)


def _shape(file: BinaryIO, size: int, place: Path) -> tuple[int, int, int]:
    """Return the shape that the header states, checked against type and size of the file."""
    if not size:
        raise _refusal(place, "the file is empty")
    try:
        read_header = _HEADERS[np.lib.format.read_magic(file)]
        with _PARSING:
            shape, _, dtype = read_header(file)
    except KeyError as error:
        raise _refusal(place, f"version {error} of the array format is not used here") from error
    except _BROKEN as error:
        raise _refusal(place, f"the file is no NumPy array ({error})") from error
    if dtype.hasobject:
        raise _refusal(place, "the array holds Python objects, which run code when they are read")
    if dtype != np.uint8 or len(shape) != 3 or min(shape) < 1:
        stated = " x ".join(map(str, shape)) or "a single number"
        raise InputError(
            f"the array is {stated} of {dtype} instead of slices x height x width of uint8",
            where=place,
            remedy="Window the volume to 8 bits, as its publication says, and save it so.",
        )
    whole = file.tell() + math.prod(shape)
    if size < whole:
        raise _refusal(place, f"the file is truncated: {size} bytes instead of {whole}")
    return shape


def _refusal(place: Path, problem: str) -> InputError:
    remedy = "Fetch the file again from the dataset's home."
    return InputError(problem, where=place, remedy=remedy)

"""Volumes in NIfTI: header, slices and masks, in the planes in which radiologists read them.

A file is ``.nii`` or ``.nii.gz``, NIfTI-1 or -2 in one piece, of whole or floating-point numbers.
Its header states the orientation of voxels in the patient: slices are shown as usual, axial ones
from below with the patient's right on the left, coronal and sagittal ones with the head up.  A
header is trusted only as far as its file contains what it states.

`rin.data.layouts.slices` decides which slices of a volume are taken; NumPy arrays and frames of
TIFF and DICOM are read by `rin.data.pixels` and `rin.data.dicom`.
"""

import gzip
import io
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple, cast

import numpy as np

from rin.data.tree import MALFORMED, SEPARATOR, read_bytes
from rin.errors import InputError, as_input_error

ENDINGS = (".nii", ".nii.gz")
#: Planes in the order of the axes across them: from left to right, from back to front, up.
PLANES = ("sagittal", "coronal", "axial")
#: Largest volume in bytes as it is stored, and largest offset of its voxels in the file.
MAX_BYTES, MAX_OFFSET = 2**30, 2**24
#: Most values in a mask, zero included; more values are those of a picture.
MOST_LABELS = 32
_REMEDY = "Export or convert it again, as one volume of .nii or .nii.gz."
_SIZES = {348: "Nifti1Header", 540: "Nifti2Header"}


class Header(NamedTuple):
    """The header of a NIfTI file: shape, type and offset of the voxels, and their affine (4 x 4).

    The affine is in millimetres.  Values are scaled by ``slope`` and ``intercept`` unless these
    are 1 and 0.
    """

    shape: tuple[int, ...]
    dtype: np.dtype
    offset: int
    affine: np.ndarray
    slope: float
    intercept: float

    @property
    def axes(self) -> np.ndarray:
        """The patient's axis and the direction of each stored axis, as nibabel gives them."""
        from nibabel.orientations import io_orientation

        return io_orientation(self.affine)

    def slices(self, plane: str) -> int:
        """Return the number of slices in a plane."""
        return self.shape[self._stored(plane)]

    def spacing(self, plane: str) -> float:
        """Return the distance between the slices of a plane, in millimetres."""
        return float(np.linalg.norm(self.affine[:3, self._stored(plane)]))

    def _stored(self, plane: str) -> int:
        return [*self.axes[:, 0]].index(PLANES.index(plane))


def is_nifti(locator: str) -> bool:
    """Return whether a name is that of a NIfTI file."""
    return locator.lower().endswith(ENDINGS)


def read_header(root: Path, locator: str) -> Header:
    """Return the header of a NIfTI file; InputError if it is not a single volume."""
    from nibabel.spatialimages import HeaderDataError  # slow to load

    with _opened(root, locator) as file:
        try:
            return _header(file)
        except HeaderDataError as error:
            raise ValueError(str(error)) from error


def read_slice(root: Path, locator: str, plane: str, number: int) -> np.ndarray:
    """Return the values of a slice as it is shown, (h, w), whole or floating-point numbers."""
    header, stored = _loaded(root, locator)
    refuse_beyond(number, header.slices(plane), Path(root, locator))
    values = _cut(stored, header, plane, number)
    slope, intercept = header.slope, header.intercept
    if (slope, intercept) == (1, 0):
        return np.ascontiguousarray(values)
    # A larger scale, as in a damaged header, would overflow the whole numbers.
    whole = all(scale.is_integer() and abs(scale) < 2**31 for scale in (slope, intercept))
    if values.dtype.kind in "ui" and whole:
        return values.astype(np.int64) * int(slope) + int(intercept)
    return values * slope + intercept


def read_mask_slice(
    root: Path, locator: str, plane: str, number: int, values: tuple[int, ...]
) -> np.ndarray:
    """Return the pixels that a mask marks in a slice, bool (h, w), by :func:`marked_by_labels`."""
    header, marked = _marked(root, locator, values)
    refuse_beyond(number, header.slices(plane), Path(root, locator))
    return np.ascontiguousarray(_cut(marked, header, plane, number))


def marked_slices(root: Path, locator: str, plane: str, values: tuple[int, ...]) -> np.ndarray:
    """Return which slices of a mask mark anything, bool (n,)."""
    header, marked = _marked(root, locator, values)
    seen = _oriented(marked, header)
    axis = PLANES.index(plane)
    return np.asarray(seen.any(axis=tuple({0, 1, 2} - {axis})))


def refuse_beyond(number: int, n: int, where: Path) -> None:
    """Raise InputError if a volume of ``n`` slices, perhaps replaced, lacks slice ``number``."""
    if number >= n:
        problem = f"slice {number} is requested, of {n}"
        remedy = "Restore the file whose slices were counted, or count them again."
        raise InputError(problem, where=where, remedy=remedy)


def read_labels(root: Path, locator: str) -> list[int]:
    """Return the values of a mask other than zero, sorted."""
    return labels_among(_loaded(root, locator)[1], Path(root, locator))


def marked_by_labels(values: np.ndarray, lesion: tuple[int, ...], where: Path) -> np.ndarray:
    """Return which values of a mask are of the lesion, or above zero if none are given: bool.

    InputError if they are the values of a picture.
    """
    labels_among(values, where)
    return np.isin(values, lesion) if lesion else values > 0


def labels_among(values: np.ndarray, where: Path) -> list[int]:
    """Return the values of a mask other than zero, sorted; InputError for those of a picture."""
    if values.dtype == bool:
        return [1]
    labels = np.unique(values)
    problem = ""
    if not np.isfinite(labels).all():
        problem = "the mask contains values that are not numbers"
    elif len(labels) > MOST_LABELS or (labels < 0).any():
        problem = "the mask contains values of a picture"
    if problem:
        remedy = "Name the right file; a mask is zero outside the lesion."
        raise InputError(problem, where=where, remedy=remedy)
    return [int(label) for label in labels if label]


def is_elsewhere(header: Header, other: Header) -> bool:
    """Return whether two volumes of one shape are more than half a voxel apart in the patient."""
    ends = np.array(np.meshgrid(*[(0, side - 1) for side in header.shape])).reshape(3, -1)
    corners = np.vstack([ends, np.ones(ends.shape[1])])
    apart = np.linalg.norm((header.affine - other.affine)[:3] @ corners, axis=0).max()
    return bool(apart > 0.5 * min(header.spacing(plane) for plane in PLANES))


def _cut(values: np.ndarray, header: Header, plane: str, number: int) -> np.ndarray:
    whole = _oriented(values, header)
    # The patient's right is on the left; front and head are on top.
    return np.take(whole, number, axis=PLANES.index(plane))[::-1, ::-1].T


def _oriented(values: np.ndarray, header: Header) -> np.ndarray:
    """Return a view whose axes run to the patient's right, to the front and up."""
    from nibabel.orientations import apply_orientation

    return apply_orientation(values, header.axes)


@contextmanager
def _opened(root: Path, locator: str) -> Iterator[IO[bytes]]:
    """Open a NIfTI file in a folder or an archive; it is unpacked as it is read."""
    place, _, member = locator.partition(SEPARATOR)
    kinds = (*MALFORMED, MemoryError)
    problem = "the file is not a readable NIfTI volume"
    with as_input_error(problem, where=Path(root, locator), remedy=_REMEDY, kinds=kinds):
        packed = io.BytesIO(read_bytes(root, locator)) if member else None
        with packed or Path(root, place).open("rb") as file:
            is_packed = file.read(2) == b"\x1f\x8b"
            file.seek(0)
            yield cast("IO[bytes]", gzip.GzipFile(fileobj=file) if is_packed else file)


def _header(file: IO[bytes]) -> Header:
    """Read a header; raise an error, mostly ValueError, unless it states one volume of numbers."""
    import nibabel  # slow to load
    from nibabel.orientations import io_orientation

    content = file.read(540)
    size = next((n for n in _SIZES if n.to_bytes(4, "little") == content[:4]), 0)
    size = size or next((n for n in _SIZES if n.to_bytes(4, "big") == content[:4]), 0)
    if not size or len(content) < size:
        raise ValueError(f"it begins with {content[:8]!r}, and ends after {len(content)} bytes")
    kind = getattr(nibabel, _SIZES[size])
    header = kind.from_fileobj(io.BytesIO(content[:size]), check=False)
    if header["magic"].item()[:3] not in (b"n+1", b"n+2"):
        raise ValueError("it is half of a pair of files, or older than NIfTI")
    silent = logging.Logger("nifti", logging.CRITICAL)  # errors that are repaired are harmless
    header.check_fix(logger=silent, error_level=40)
    shape = [int(side) for side in header.get_data_shape()]
    while len(shape) > 3 and shape[-1] == 1:
        shape.pop()
    if len(shape) > 3:
        sides = " x ".join(map(str, shape))
        raise ValueError(f"it has {len(shape)} dimensions, {sides}: save one volume by itself")
    shape = [*shape, 1, 1, 1][:3]
    dtype, offset = header.get_data_dtype(), float(header["vox_offset"])
    if min(shape) < 1:
        raise ValueError(f"it is empty: {' x '.join(map(str, shape))} voxels")
    if dtype.kind not in "uif":
        raise ValueError(f"its voxels are {dtype}, not integers or floats")
    if (n_bytes := int(np.prod(shape, dtype=object)) * dtype.itemsize) > MAX_BYTES:
        raise ValueError(f"its header states {n_bytes:,} bytes, over the limit of {MAX_BYTES:,}")
    if not size <= offset <= MAX_OFFSET:
        raise ValueError(f"its voxels begin at byte {offset:g}")
    affine = header.get_best_affine()
    if not np.isfinite(affine).all() or np.isnan(io_orientation(affine)).any():
        raise ValueError("its header does not state where the voxels are in the patient")
    slope, intercept = header.get_slope_inter()
    slope, intercept = float(1 if slope is None else slope), float(intercept or 0)
    return Header(tuple(shape), dtype, int(offset), affine, slope, intercept)


# Several threads read slices of one volume; the lock ensures that it is unpacked only once.
_LOADING = threading.Lock()


def _loaded(root: Path, locator: str) -> tuple[Header, np.ndarray]:
    """Return the header and the values of a volume as they are stored, (x, y, z)."""
    with _LOADING:
        return _load(Path(root), locator, *_state(root, locator))


def _marked(root: Path, locator: str, lesion: tuple[int, ...]) -> tuple[Header, np.ndarray]:
    """Return the header of a mask and the voxels that it marks, bool (x, y, z) as stored."""
    with _LOADING:
        return _load_mask(Path(root), locator, lesion, *_state(root, locator))


def _state(root: Path, locator: str) -> tuple[int, int]:
    """Return the time of change and the size of a file."""
    path = Path(root) / locator.partition(SEPARATOR)[0]
    with as_input_error("it is not there", where=path, remedy=_REMEDY, kinds=OSError):
        stat = path.stat()
    return stat.st_ctime_ns, stat.st_size


@lru_cache(maxsize=3)
def _load(root: Path, locator: str, _changed: int, _size: int) -> tuple[Header, np.ndarray]:
    header = read_header(root, locator)
    with _opened(root, locator) as file:
        if len(file.read(header.offset)) < header.offset:
            raise ValueError("it ends before its voxels")
        needed = int(np.prod(header.shape)) * header.dtype.itemsize
        content = file.read(needed)
        if len(content) < needed:
            raise ValueError(f"it contains {len(content):,} of the {needed:,} bytes of its voxels")
    values = np.frombuffer(content, header.dtype).reshape(header.shape, order="F")
    return header, values.astype(header.dtype.newbyteorder("="), copy=False)


@lru_cache(maxsize=8)
def _load_mask(
    root: Path, locator: str, lesion: tuple[int, ...], _changed: int, _size: int
) -> tuple[Header, np.ndarray]:
    header, values = _load(root, locator, _changed, _size)
    return header, marked_by_labels(values, lesion, Path(root, locator))

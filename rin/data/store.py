"""Image stores: a dataset decoded once to one size, as memory-mapped uint8 arrays.

A store is a folder with ``images.npy``, ``masks.npy`` (where there are masks),
``cases.parquet`` and ``store.json``.  It is written under a temporary name and renamed when
whole; its digest covers what it was made of and how.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rin.data.cases import validate_cases
from rin.data.datasets import Dataset
from rin.data.pixels import read_gray, read_mask, read_rgb
from rin.errors import InputError, unknown

STORE_VERSION = 1
RESIZES = ("stretch", "pad")
BATCH = 256
IMAGES, MASKS, CASES, NOTE = "images.npy", "masks.npy", "cases.parquet", "store.json"


@dataclass(frozen=True)
class ImageStore:
    """An image store on disk; rows of the arrays follow the rows of ``cases``.

    ``digest`` identifies content and making; ``provenance`` is "real" or "stand-in".
    """

    path: Path
    size: int
    resize: str
    color: bool
    digest: str
    provenance: str
    cases: pd.DataFrame

    def images(self) -> np.memmap:
        """Return the images, read-only uint8 (n, size, size), or (n, size, size, 3) in colour."""
        return _open_array(self.path / IMAGES)

    def masks(self) -> np.memmap | None:
        """Return the masks, read-only bool (n, size, size), or None for a dataset without."""
        return _open_array(self.path / MASKS) if (self.path / MASKS).exists() else None


def build_store(
    dataset: Dataset,
    size: int,
    *,
    folder: Path,
    resize: str = "stretch",
    color: bool = False,
    workers: int | None = None,
) -> ImageStore:
    """Decode and resize every picture of a dataset, or reopen the store that did so before.

    Parameters
    ----------
    size
        Side of the square images, pixels.
    folder
        Where stores are kept; the store is a folder in it.
    resize
        ``stretch`` scales both sides to ``size``, as the paper does; ``pad`` scales the longer
        side, keeps the aspect ratio and centres the picture on black.  Images are bilinear
        with antialiasing, masks nearest-neighbour on the same geometry.
    color
        Three channels (uint8 (n, size, size, 3)) instead of one.
    workers
        Decoding threads; by default one per core, at most eight.

    Raises
    ------
    InputError
        Unknown ``resize``, a picture that cannot be read, or a folder that cannot be written.
    """
    if resize not in RESIZES:
        raise unknown("resize", resize, RESIZES)
    if size < 1:
        raise InputError(f"size {size} is not positive", where="size", remedy="Give pixels, >= 1.")
    made_of = [STORE_VERSION, dataset.digest, dataset.provenance, size, resize, color]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    target = Path(folder) / f"{dataset.manifest.name}-{size}-{resize}-{digest[:12]}"
    if target.is_dir() and not _damage(target):
        return open_store(target)
    note = {
        "version": STORE_VERSION,
        "dataset": dataset.manifest.name,
        "provenance": dataset.provenance,
        "size": size,
        "resize": resize,
        "color": color,
        "digest": digest,
    }
    try:
        _write_whole(dataset, target, note, workers)
    except OSError as error:
        raise InputError(
            f"the image store cannot be written ({error})",
            where=folder,
            remedy="Free some space, or name a folder that can be written.",
        ) from error
    return open_store(target)


def open_store(path: Path) -> ImageStore:
    """Open a store that :func:`build_store` wrote.

    Raises
    ------
    InputError
        No store, one of another version, or one whose files are missing or truncated.
    """
    path = Path(path)
    problem = _damage(path)
    if problem:
        raise InputError(
            problem,
            where=path,
            remedy="Delete this folder; the next run decodes the pictures again.",
        )
    note = json.loads((path / NOTE).read_text("utf-8"))
    cases = pd.read_parquet(path / CASES)
    cases["masks"] = [tuple(masks) for masks in cases["masks"]]
    fields = {key: note[key] for key in ("size", "resize", "color", "digest", "provenance")}
    return ImageStore(path=path, cases=validate_cases(cases, where=str(path)), **fields)


def resize_picture(pixels: np.ndarray, size: int, resize: str, nearest: bool = False) -> np.ndarray:
    """Return pixels, uint8 (h, w) or (h, w, 3), or bool (h, w), scaled to a square of ``size``.

    Geometry as in :func:`build_store`; the type is kept.
    """
    method = Image.Resampling.NEAREST if nearest else Image.Resampling.BILINEAR
    height, width = pixels.shape[:2]
    longest = max(height, width)
    inner = (size, size)
    if resize == "pad":
        inner = tuple(max(1, round(side * size / longest)) for side in (height, width))
    picture = Image.fromarray(pixels.astype(np.uint8)).resize(inner[::-1], method)
    square = np.zeros((size, size, *pixels.shape[2:]), dtype=np.uint8)
    top, left = (size - inner[0]) // 2, (size - inner[1]) // 2
    square[top : top + inner[0], left : left + inner[1]] = np.asarray(picture)
    return square.astype(pixels.dtype)


def _write_whole(dataset: Dataset, target: Path, note: dict, workers: int | None) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        shape = (len(dataset.cases), note["size"], note["size"])
        threads = workers or min(8, os.cpu_count() or 1)
        read = _image_reader(dataset, note)
        channels = (3,) if note["color"] else ()
        _write_array(unfinished / IMAGES, _mapped(read, dataset.cases, threads), shape + channels)
        if dataset.manifest.masks:
            read = _mask_reader(dataset, note)
            _write_array(unfinished / MASKS, _mapped(read, dataset.cases, threads), shape, bool)
        dataset.cases.assign(masks=dataset.cases["masks"].map(list)).to_parquet(unfinished / CASES)
        sizes = {item.name: item.stat().st_size for item in sorted(unfinished.iterdir())}
        (unfinished / NOTE).write_text(json.dumps(note | {"bytes": sizes}, indent=1) + "\n")
        unfinished.chmod(0o755)
        _put_in_place(unfinished, target)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _put_in_place(unfinished: Path, target: Path) -> None:
    if target.is_dir() and _damage(target):
        shutil.rmtree(target)
    try:
        os.rename(unfinished, target)  # noqa: PTH104 - fails where the target has content
    except OSError:
        # Another writer of the same store may have been faster; its store is as good.
        if _damage(target):
            raise


def _image_reader(dataset: Dataset, note: dict) -> Callable[[tuple], np.ndarray]:
    read = read_rgb if note["color"] else read_gray
    return lambda case: resize_picture(read(dataset.root, case.image), note["size"], note["resize"])


def _mask_reader(dataset: Dataset, note: dict) -> Callable[[tuple], np.ndarray]:
    def read(case: tuple) -> np.ndarray:
        mask = read_mask(dataset.root, case.masks, (case.height, case.width))
        return resize_picture(mask, note["size"], note["resize"], nearest=True)

    return read


def _mapped(
    read: Callable[[tuple], np.ndarray], cases: pd.DataFrame, threads: int
) -> Iterator[Sequence[np.ndarray]]:
    # Batches bound the memory: a plain map would run ahead of a slow disk.
    rows = list(cases.itertuples(index=False))
    with ThreadPoolExecutor(threads) as pool:
        for start in range(0, len(rows), BATCH):
            yield list(pool.map(read, rows[start : start + BATCH]))


def _write_array(
    path: Path, batches: Iterator[Sequence[np.ndarray]], shape: tuple, dtype: type = np.uint8
) -> None:
    # Ordinary writes, not a memory map: a full disk then raises instead of killing the process.
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for batch in batches:
            file.write(np.stack(batch).astype(dtype, copy=False).tobytes())


def _open_array(path: Path) -> np.memmap:
    try:
        return np.load(path, mmap_mode="r")
    except (OSError, ValueError) as error:
        raise InputError(
            f"the stored array cannot be opened ({error})",
            where=path,
            remedy="Delete the store's folder; the next run decodes the pictures again.",
        ) from error


def _damage(path: Path) -> str | None:
    """Return what is wrong with a store's folder, or None."""
    if not (path / NOTE).is_file():
        return f"there is no image store here ({NOTE} is missing)"
    try:
        note = json.loads((path / NOTE).read_text("utf-8"))
        version, sizes = note["version"], dict(note["bytes"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        return f"{NOTE} cannot be read ({error})"
    if version != STORE_VERSION:
        return f"the store has version {version}; this code reads {STORE_VERSION}"
    for name, size in sizes.items():
        found = (path / name).stat().st_size if (path / name).is_file() else 0
        if found != size:
            return f"{name} holds {found} bytes instead of {size}"
    return None

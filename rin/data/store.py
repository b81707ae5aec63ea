"""Image stores: a dataset decoded once to one size, as memory-mapped uint8 arrays.

A store is a folder with ``images.npy``, ``masks.npy`` (where there are masks),
``cases.parquet`` and ``store.json``.  It is written under another name, from rows that
:mod:`rin.data.inspection` keeps, and renamed when whole; a build that was stopped goes on where
it stood.  The digest covers what the store was made of and how.
"""

import hashlib
import json
import math
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from rin.data.dataset import Dataset, validate_cases
from rin.data.inspection import LOCK, keep_rows, refuse_bad, row_files
from rin.data.pixels import RESIZES
from rin.errors import InputError, named, unknown

STORE_VERSION = 2
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
    workers: int | None = None,
) -> ImageStore:
    """Keep every picture of a dataset at one size, or reopen the store that did so before.

    Rows that the opening of the dataset left are taken; other pictures are decoded, and must be
    the very ones that were then seen.  Pictures have three channels where the manifest says so.
    Of two processes that build one store, the second waits for the first and reopens it.

    ``size`` is the side of the square images in pixels; the store is a folder in ``folder``;
    ``resize`` is ``stretch``, as in the paper, or ``pad`` (:func:`rin.data.pixels.resize_picture`);
    ``workers`` are decoding processes, by default one per core.  InputError for pictures that
    cannot be read or were replaced (named together), or a folder that cannot be written or is
    too full.
    """
    if resize not in RESIZES:
        raise unknown("resize", resize, RESIZES)
    if size < 1:
        raise InputError(f"size {size} is not positive", where="size", remedy="Give pixels, >= 1.")
    color = dataset.manifest.color
    made_of = [STORE_VERSION, dataset.digest, dataset.provenance, size, resize, color]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    target = Path(folder) / f"{dataset.manifest.name}-{size}-{resize}-{digest[:12]}"
    if target.is_dir() and not _damage(target):
        return open_store(target)
    note = {"version": STORE_VERSION, "dataset": dataset.manifest.name, "digest": digest}
    note |= {"provenance": dataset.provenance, "size": size, "resize": resize, "color": color}
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            if _damage(target):
                _write_whole(dataset, target, note, workers)
    except OSError as error:
        raise InputError(
            f"the image store cannot be written ({error})",
            where=folder,
            remedy="Free some space, or name a folder that can be written.",
        ) from error
    return open_store(target)


def open_store(path: Path) -> ImageStore:
    """Open a store that :func:`build_store` wrote; InputError where there is none that is whole."""
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


def _write_whole(dataset: Dataset, target: Path, note: dict, workers: int | None) -> None:
    square, where = (note["size"], note["resize"]), dataset.root / dataset.location
    cases = dataset.cases.assign(mask_digest=dataset.cases["case_id"].map(dataset.mask_digests))
    unfinished = target.with_name(f".{target.name}.unfinished")
    dataset.records.mkdir(parents=True, exist_ok=True)
    # Of two stores of one dataset, the second waits, as both take from the same rows.
    with FileLock(dataset.records / LOCK):
        kept, bad = keep_rows(
            dataset.root,
            cases,
            dataset.manifest,
            folder=dataset.records,
            workers=workers,
            square=square,
        )
        refuse_bad(bad, len(cases), where)
        _refuse_replaced(cases["case_id"][kept["file"].isna().to_numpy()], where)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        _write_arrays(unfinished, kept, _arrays(dataset, note))
        for file in row_files(dataset.records, square):
            file.unlink()
    dataset.cases.assign(masks=dataset.cases["masks"].map(list)).to_parquet(unfinished / CASES)
    sizes = {file.name: file.stat().st_size for file in sorted(unfinished.iterdir())}
    (unfinished / NOTE).write_text(json.dumps(note | {"bytes": sizes}, indent=1) + "\n")
    if target.exists():
        shutil.rmtree(target)
    unfinished.rename(target)


def _write_arrays(
    folder: Path, kept: pd.DataFrame, arrays: dict[str, tuple[tuple[int, ...], type]]
) -> None:
    """Write the arrays from kept rows, file by file, and delete what was taken."""
    with ExitStack() as opened:
        # Ordinary writes, not a memory map: a full disk then raises instead of killing.
        files = []
        for name, (row, dtype) in arrays.items():
            file = opened.enter_context((folder / name).open("wb"))
            header = {"descr": np.dtype(dtype).str, "fortran_order": False}
            np.lib.format.write_array_header_1_0(file, header | {"shape": (len(kept), *row)})
            files.append((file, file.tell(), math.prod(row)))
        for source, rows in kept.assign(place=range(len(kept))).groupby("file"):
            block = np.load(source, mmap_mode="r")
            for number, place in zip(rows["row"], rows["place"], strict=True):
                content = block[number].tobytes()
                for file, start, size in files:
                    file.seek(start + place * size)
                    file.write(content[:size])
                    content = content[size:]
            for file, *_ in files:
                file.flush()
                os.fsync(file.fileno())
            Path(source).unlink()


def _refuse_replaced(replaced: pd.Series, where: Path) -> None:
    if len(replaced):
        told = named([*replaced], ", ")
        raise InputError(
            f"{len(replaced)} pictures were replaced after the dataset was opened ({told})",
            where=where,
            remedy="Leave the files as they are and run again; all that changed is then read anew.",
        )


def _arrays(dataset: Dataset, note: dict) -> dict[str, tuple[tuple[int, ...], type]]:
    """Return shape of a row, and type, of each array of a store."""
    square = (note["size"], note["size"])
    arrays = {IMAGES: (square + (3,) * note["color"], np.uint8)}
    return arrays | ({MASKS: (square, bool)} if dataset.manifest.masks else {})


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

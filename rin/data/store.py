"""Image stores: a dataset decoded once to one size, as memory-mapped uint8 arrays.

A store is a folder with ``images.npy``, ``masks.npy`` (where there are masks),
``cases.parquet`` and ``store.json``.  It grows chunk by chunk under another name and is
renamed when whole; a build that was stopped goes on where it stood.  The digest covers what
the store was made of and how.
"""

import errno
import hashlib
import json
import math
import os
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain
from pathlib import Path

import numpy as np
import pandas as pd
from filelock import FileLock

from rin.data.chunks import map_threads, run_chunks
from rin.data.dataset import Dataset, validate_cases
from rin.data.inspection import (
    BAD_COLUMNS,
    CONTENT,
    kept_rows,
    refuse_bad,
    store_row,
)
from rin.data.pixels import RESIZES, read_mask, read_picture
from rin.errors import InputError, named, unknown

STORE_VERSION = 2
CHUNK = 1024
CHUNK_BYTES = 64 * 2**20
IMAGES, MASKS, CASES, NOTE = "images.npy", "masks.npy", "cases.parquet", "store.json"
DONE = "done"
REPLACED = "it is not the picture that was seen when the dataset was opened"


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


@dataclass(frozen=True)
class _Chunk:
    """Consecutive rows of a store to be written, and what is needed to read them."""

    root: Path
    folder: Path
    first: int
    cases: tuple[tuple, ...]
    row_bytes: dict[str, int]
    size: int
    resize: str
    color: bool
    window: tuple[float, float] | None
    masks: bool

    def __len__(self) -> int:
        return len(self.cases)

    @property
    def done(self) -> Path:
        return self.folder / DONE / f"{self.first}-{self.first + len(self)}"


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

    Parameters
    ----------
    size
        Side of the square images, pixels.
    folder
        Where stores are kept; the store is a folder in it.
    resize
        ``stretch``, as in the paper, or ``pad`` (:func:`rin.data.pixels.resize_picture`).
    workers
        Decoding processes, or threads for a small store; by default one per core.

    Raises
    ------
    InputError
        Unknown ``resize``, pictures that cannot be read or were replaced since the dataset was
        opened (named together, after all others were written), or a folder that cannot be
        written or is too full.
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
    unfinished = target.with_name(f".{target.name}.unfinished")
    chunks = _chunks(dataset, unfinished, note)
    missing = [chunk for chunk in chunks if not chunk.done.exists()]
    if len(missing) == len(chunks):
        shutil.rmtree(unfinished, ignore_errors=True)
        (unfinished / DONE).mkdir(parents=True)
        for name, (row, dtype) in _arrays(dataset, note).items():
            _make_array(unfinished / name, (len(dataset.cases), *row), dtype)
    _refuse_full_disk(unfinished, missing)
    title = f"Storing {dataset.manifest.name} at {note['size']} px"
    parts = run_chunks(_write_chunk, missing, workers=workers, title=title)
    bad = pd.DataFrame(sorted(chain.from_iterable(parts)), columns=BAD_COLUMNS)
    where = dataset.root / dataset.location
    _refuse_replaced(bad[bad["problem"] == REPLACED], where)
    refuse_bad(bad, len(dataset.cases), where)
    (unfinished / NOTE).unlink(missing_ok=True)
    dataset.cases.assign(masks=dataset.cases["masks"].map(list)).to_parquet(unfinished / CASES)
    sizes = {item.name: item.stat().st_size for item in unfinished.iterdir() if item.is_file()}
    (unfinished / NOTE).write_text(json.dumps(note | {"bytes": sizes}, indent=1) + "\n")
    if target.exists():
        shutil.rmtree(target)
    unfinished.rename(target)
    shutil.rmtree(target / DONE)
    for file in kept_rows(dataset.records, (note["size"], note["resize"]))["file"].unique():
        Path(file).unlink(missing_ok=True)


def _refuse_replaced(replaced: pd.DataFrame, where: Path) -> None:
    if len(replaced):
        told = named([*replaced["case_id"]], ", ")
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


def _chunks(dataset: Dataset, folder: Path, note: dict) -> list[_Chunk]:
    arrays = _arrays(dataset, note)
    row_bytes = {name: math.prod(row) for name, (row, _) in arrays.items()}
    rows = max(1, min(CHUNK, CHUNK_BYTES // sum(row_bytes.values())))
    columns = dataset.cases[["case_id", "image", "masks", "height", "width", "digest"]].assign(
        mask_digest=dataset.cases["case_id"].map(dataset.mask_digests)
    )
    content = pd.MultiIndex.from_frame(columns[CONTENT])
    kept = kept_rows(dataset.records, (note["size"], note["resize"])).reindex(content)
    columns = columns.assign(file=kept["file"].to_numpy(), row=kept["row"].to_numpy())
    return [
        _Chunk(
            root=dataset.root,
            folder=folder,
            first=first,
            cases=tuple(columns.iloc[first : first + rows].itertuples(index=False, name=None)),
            row_bytes=row_bytes,
            size=note["size"],
            resize=note["resize"],
            color=note["color"],
            window=dataset.manifest.window,
            masks=dataset.manifest.masks,
        )
        for first in range(0, len(columns), rows)
    ]


def _make_array(path: Path, shape: tuple[int, ...], dtype: type) -> None:
    header = {"descr": np.dtype(dtype).str, "fortran_order": False, "shape": shape}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + math.prod(shape))


def _refuse_full_disk(folder: Path, missing: list[_Chunk]) -> None:
    # Better now than after hours; a disk that fills up meanwhile raises in the writing.
    needed = sum(len(chunk) * sum(chunk.row_bytes.values()) for chunk in missing)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(errno.ENOSPC, f"{needed} bytes are needed and {free} are free")


def _write_chunk(chunk: _Chunk, threads: int) -> list[tuple[str, str, str]]:
    """Write the rows of a chunk in their place, and return the bad cases."""
    bad = []
    with ExitStack() as opened:
        # Ordinary writes, not a memory map: a full disk then raises instead of killing.
        files = {}
        for name in chunk.row_bytes:
            start = np.load(chunk.folder / name, mmap_mode="r").offset
            files[name] = opened.enter_context((chunk.folder / name).open("r+b"))
            files[name].seek(start + chunk.first * chunk.row_bytes[name])
        read = partial(_read_row, chunk, _kept({case[-2] for case in chunk.cases}))
        for row in map_threads(read, chunk.cases, threads):
            if isinstance(row, bytes):
                start = 0
                for name, file in files.items():
                    file.write(row[start : start + chunk.row_bytes[name]])
                    start += chunk.row_bytes[name]
            else:
                bad.append(row)
        for file in files.values():
            file.flush()
            os.fsync(file.fileno())
    if not bad:
        chunk.done.touch()
    return bad


def _read_row(
    chunk: _Chunk, kept: dict[str, np.ndarray], case: tuple
) -> bytes | tuple[str, str, str]:
    """Return the bytes of a row, or which case is bad, where and why."""
    case_id, image, masks, height, width, digest, mask_digest, file, number = case
    if file in kept:
        return kept[file][int(number)].tobytes()
    try:
        pixels = read_picture(chunk.root, image, chunk.color, chunk.window)
        same = _digest(pixels) == digest and pixels.shape[:2] == (height, width)
        mask = read_mask(chunk.root, masks, (height, width)) if same and masks else None
        if not same or ("" if mask is None else _digest(mask)) != mask_digest:
            return case_id, str(chunk.root / image), REPLACED
    except InputError as error:
        return case_id, error.where, error.problem
    return store_row(pixels, mask, chunk.masks, (chunk.size, chunk.resize)).tobytes()


def _digest(pixels: np.ndarray) -> str:
    return hashlib.sha256(pixels.tobytes()).hexdigest()


def _kept(files: set) -> dict[str, np.ndarray]:
    """Return the rows that are kept in files; one that is gone or torn is left out."""
    kept = {}
    for file in files:
        # Without a file it is NaN.
        if isinstance(file, str):
            with suppress(OSError, ValueError, EOFError):
                kept[file] = np.load(file, mmap_mode="r")
    return kept


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

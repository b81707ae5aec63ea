"""The one pass that decodes a dataset: size, digest, hash and store row from the same bytes.

What was seen is kept on disk, chunk by chunk, under a key of the file and of how it was read: a
pass that was stopped goes on where it stood, and a dataset whose files have not changed is not
decoded again.  Rows for a store are kept beside it until :mod:`rin.data.store` has taken them.
"""

import errno
import hashlib
import json
import shutil
from contextlib import suppress
from functools import partial
from itertools import chain, compress, islice, starmap
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from filelock import FileLock

from rin.data.chunks import map_threads, run_chunks
from rin.data.dicom import patient_of
from rin.data.layouts.found import FoundCase
from rin.data.leakage import picture_hash
from rin.data.manifest import DatasetManifest
from rin.data.pixels import is_shape, read_mask, read_picture, resize_picture
from rin.data.tree import fingerprints
from rin.errors import InputError, named

INSPECTION_VERSION = 1
CHUNK = 1024
CHUNK_BYTES = 64 * 2**20
LOCK = ".lock"
HASH_SIZE = 256
#: Rows for a store are kept of datasets up to this size; a larger one is decoded once more.
ROW_BYTES = 2**30
BAD_COLUMNS = ["case_id", "place", "problem"]
CONTENT = ["digest", "mask_digest", "width", "height"]
SEEN = pa.schema(
    {
        "key": pa.string(),
        "header_patient": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "digest": pa.string(),
        "mask_digest": pa.string(),
        "hash": pa.string(),
        "blank": pa.bool_(),
    }
)


def inspect_cases(
    root: Path,
    found: list[FoundCase],
    manifest: DatasetManifest,
    *,
    folder: Path,
    workers: int | None = None,
    square: tuple[int, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look at every picture and mask of some cases, or remember what was seen before.

    ``root`` is the data root of the cases' locators; inspections are kept in ``folder``, those of
    this dataset in a folder in it.  ``workers`` are processes, by default one per core.  ``square``
    is size in pixels and way of resizing of the store that will be built: the rows of pictures that
    are decoded now are then kept for it.

    Returns
    -------
    cases : pandas.DataFrame
        One row per readable case, in the order of ``found``, with the columns of a case table
        but the label (:func:`rin.data.dataset.validate_cases`), and ``mask_digest`` (of the
        merged mask, empty without masks).  The patient is that of the header where the case has
        none; ``hash`` is that of the picture stretched to 256 x 256.
    bad : pandas.DataFrame
        ``case_id``, ``place`` and ``problem`` of each case that cannot be read.  These are
        tried anew each time.
    """
    folder = record_folder(folder, manifest)
    keys = _keys(root, found)
    seen, bad = _remembered(folder), []
    if (seen.index.get_indexer(keys) < 0).any():
        try:
            folder.mkdir(parents=True, exist_ok=True)
            # A second process waits here, and then finds everything seen.
            with FileLock(folder / LOCK):
                missing = np.flatnonzero(_remembered(folder).index.get_indexer(keys) < 0)
                if square and len(missing) * square[0] ** 2 * (3 * manifest.color + 2) > ROW_BYTES:
                    square = None
                todo = [(found[row], keys[row]) for row in missing]
                title = f"Inspecting {manifest.name}"
                bad = _look(root, todo, manifest, folder, workers, square, title)
        except OSError as error:
            raise InputError(
                f"the inspection of {manifest.name} cannot be kept ({error})",
                where=folder,
                remedy="Free some space, or name a folder that can be written. "
                "What was seen is kept.",
            ) from error
        seen = _remembered(folder)
    return _table(found, keys, seen), pd.DataFrame(bad, columns=BAD_COLUMNS)


def record_folder(folder: Path, manifest: DatasetManifest) -> Path:
    """Return the folder that keeps the inspections of a dataset, below that of all."""
    settings = json.dumps([INSPECTION_VERSION, manifest.color, manifest.window, HASH_SIZE])
    return Path(folder) / f"{manifest.name}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


def keep_rows(
    root: Path,
    cases: pd.DataFrame,
    manifest: DatasetManifest,
    *,
    folder: Path,
    workers: int | None = None,
    square: tuple[int, str],
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Make sure that the rows of a store are kept, and return where, and the bad cases.

    Pictures whose rows are not there are decoded.  ``cases`` is the case table with a column
    ``mask_digest``, ``folder`` that of the dataset's inspections; the rest is as of
    :func:`inspect_cases`.  Returned are ``file`` and ``row`` in the order of the cases, missing
    for a picture that is no longer the one of the table.
    """
    row_bytes = square[0] ** 2 * (1 + 2 * manifest.color + manifest.masks)
    content = pd.MultiIndex.from_frame(cases[CONTENT])
    kept = _kept_rows(folder, square, row_bytes)
    lost = cases[~content.isin(kept.index)]
    if lost.empty:
        return kept.reindex(content), pd.DataFrame(columns=BAD_COLUMNS)
    free = shutil.disk_usage(folder).free
    if len(lost) * row_bytes > free:
        problem = f"{len(lost) * row_bytes} bytes are needed and {free} are free"
        raise OSError(errno.ENOSPC, problem)
    columns = ["case_id", "patient_id", "source_class", "image", "masks"]
    found = list(starmap(FoundCase, lost[columns].itertuples(index=False, name=None)))
    todo = list(zip(found, _keys(root, found), strict=True))
    title = f"Storing {manifest.name} at {square[0]} px"
    bad = _look(root, todo, manifest, folder, workers, square, title)
    kept = _kept_rows(folder, square, row_bytes)
    return kept.reindex(content), pd.DataFrame(bad, columns=BAD_COLUMNS)


def _kept_rows(folder: Path, square: tuple[int, str], row_bytes: int) -> pd.DataFrame:
    """Return ``file`` and ``row`` of the rows that are kept whole, by content.

    The index is digest, mask digest, width and height of a picture, on which alone a row depends.
    """
    tables = [pd.DataFrame(columns=[*CONTENT, "file", "row"])]
    for file in row_files(folder, square):
        record = folder / f"{file.name.removesuffix(f'-{_ending(square)}')}.parquet"
        with suppress(OSError, ValueError, EOFError):
            seen = pq.read_table(record, columns=CONTENT).to_pandas()
            if np.load(file, mmap_mode="r").shape == (len(seen), row_bytes):
                tables.append(seen.assign(file=str(file), row=range(len(seen))))
    return pd.concat(tables).drop_duplicates(CONTENT).set_index(CONTENT)


def row_files(folder: Path, square: tuple[int, str]) -> list[Path]:
    """Return the files in which rows of stores of one size are kept."""
    return sorted(folder.glob(f"*-{_ending(square)}"))


def _ending(square: tuple[int, str]) -> str:
    return f"{square[0]}-{square[1]}.npy"


def refuse_bad(bad: pd.DataFrame, count: int, where: str | Path) -> None:
    """Raise InputError where cases, of ``count`` in all, are bad; the first ten are named."""
    if bad.empty:
        return
    told = named((bad["place"] + ": " + bad["problem"]).tolist())
    raise InputError(
        f"{len(bad)} of {count} cases cannot be read: {told}",
        where=where,
        remedy="Fetch these files again, or list the cases under known_bad in the manifest, "
        "with the reason. What was done for the others is kept.",
    )


def _keys(root: Path, found: list[FoundCase]) -> list[str]:
    """Return a key per case that changes with its name, its files and what is asked of them."""
    masks = [[mask for mask in case.masks if not is_shape(mask)] for case in found]
    image_marks = fingerprints(root, (case.image for case in found))
    mask_marks = iter(fingerprints(root, chain.from_iterable(masks)))
    keys = []
    for case, mark, files in zip(found, image_marks, masks, strict=True):
        asked = "header" if case.patient_id is None else ""
        own_marks = islice(mask_marks, len(files))
        parts = [case.case_id, asked, case.image, mark, *case.masks, *own_marks]
        keys.append(hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest())
    return keys


def _remembered(folder: Path) -> pd.DataFrame:
    """Return all that was seen before, indexed by key."""
    tables = [SEEN.empty_table()]
    for path in sorted(folder.glob("*.parquet")):
        try:
            tables.append(pq.read_table(path).cast(SEEN))
        except (OSError, ValueError) as error:
            raise InputError(
                f"the record of an inspection cannot be read ({error})",
                where=path,
                remedy="Delete this file; the next run looks at its pictures again.",
            ) from error
    seen = pa.concat_tables(tables).to_pandas().set_index("key")
    return seen if seen.index.is_unique else seen[~seen.index.duplicated()]


def _look(
    root: Path,
    todo: list[tuple[FoundCase, str]],
    manifest: DatasetManifest,
    folder: Path,
    workers: int | None,
    square: tuple[int, str] | None,
    title: str,
) -> list[tuple[str, str, str]]:
    """Look at cases with their keys, and return the bad ones."""
    side = square[0] if square else 0
    step = max(1, min(CHUNK, CHUNK_BYTES // max(1, 4 * side**2)))
    jobs = [todo[start : start + step] for start in range(0, len(todo), step)]
    work = partial(_inspect_chunk, root, manifest, folder, square)
    return sorted(chain.from_iterable(run_chunks(work, jobs, workers=workers, title=title)))


def _inspect_chunk(
    root: Path,
    manifest: DatasetManifest,
    folder: Path,
    square: tuple[int, str] | None,
    job: list[tuple[FoundCase, str]],
    threads: int,
) -> list[tuple[str, str, str]]:
    """Look at some cases with their keys, keep what was seen, and return the bad ones."""
    seen, rows, bad = [], [], []
    cases = [case for case, _ in job]
    looks = list(map_threads(partial(_inspect, root, manifest, square), cases, threads))
    # A file that was replaced meanwhile would be remembered under the key of the old one.
    for (case, key), now, look in zip(job, _keys(root, cases), looks, strict=True):
        if not isinstance(look, dict):
            bad.append(look)
        elif key != now:
            bad.append((case.case_id, str(root / case.image), "it changed while it was read"))
        else:
            rows.append(look.pop("row"))
            seen.append(look | {"key": key})
    if seen:
        name = hashlib.blake2b("".join(key for _, key in job).encode(), digest_size=16).hexdigest()
        unfinished = folder / f"{name}.tmp"
        if square:
            with unfinished.open("wb") as file:
                np.save(file, np.stack(rows))
            unfinished.replace(folder / f"{name}-{_ending(square)}")
        pq.write_table(pa.Table.from_pylist(seen, schema=SEEN), unfinished)
        unfinished.replace(folder / f"{name}.parquet")
    return bad


def _inspect(
    root: Path, manifest: DatasetManifest, square: tuple[int, str] | None, case: FoundCase
) -> dict | tuple[str, str, str]:
    try:
        return _measure(root, manifest, square, case)
    except InputError as error:
        return case.case_id, error.where, error.problem
    except Exception as error:
        error.add_note(f"while reading {case.image}")
        raise


def _measure(
    root: Path, manifest: DatasetManifest, square: tuple[int, str] | None, case: FoundCase
) -> dict:
    """Return all that one decoding of a picture and its masks tells."""
    pixels = read_picture(root, case.image, manifest.color, manifest.window)
    height, width = pixels.shape[:2]
    mask = read_mask(root, case.masks, (height, width)) if case.masks else None
    bits, blank = picture_hash(resize_picture(pixels, HASH_SIZE, "stretch"))
    return {
        "row": square and store_row(pixels, mask, manifest.masks, square),
        "header_patient": patient_of(root, case.image) if case.patient_id is None else "",
        "width": width,
        "height": height,
        "digest": hashlib.sha256(pixels.tobytes()).hexdigest(),
        "mask_digest": "" if mask is None else hashlib.sha256(mask.tobytes()).hexdigest(),
        "hash": bits,
        "blank": blank,
    }


def store_row(
    pixels: np.ndarray, mask: np.ndarray | None, masks: bool, square: tuple[int, str]
) -> np.ndarray:
    """Return the row of a store, uint8 (bytes,): the picture, then its mask where there are masks.

    Images are bilinear with antialiasing, masks nearest-neighbour on the same geometry.
    """
    parts = [resize_picture(pixels, *square)]
    if masks:
        mask = np.zeros(pixels.shape[:2], bool) if mask is None else mask
        parts.append(resize_picture(mask, *square, nearest=True))
    return np.concatenate([part.ravel().view(np.uint8) for part in parts])


def _table(found: list[FoundCase], keys: list[str], seen: pd.DataFrame) -> pd.DataFrame:
    place = seen.index.get_indexer(keys)
    rows = seen.iloc[place[place >= 0]]
    good = list(compress(found, place >= 0))
    patients = zip(good, rows["header_patient"], strict=True)
    columns = ["width", "height", "digest", "mask_digest", "hash", "blank"]
    return pd.DataFrame(
        {
            "case_id": [case.case_id for case in good],
            "patient_id": [
                header if case.patient_id is None else case.patient_id for case, header in patients
            ],
            "source_class": [case.source_class for case in good],
            "image": [case.image for case in good],
            "masks": [case.masks for case in good],
            **{name: rows[name].array for name in columns},
        }
    )

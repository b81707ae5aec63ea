"""What is known of pictures and kept on disk: case tables, inspections, image stores.

One pass decodes a dataset: size, digest, hash and store row come from the same bytes.  What was
seen is kept, chunk by chunk, under a key of the file and of how it was read, so a pass that was
stopped goes on, and what has not changed is not decoded again.

A store is a dataset at one size: a folder with ``images.npy``, ``masks.npy`` (where there are
masks), ``cases.parquet`` and ``store.json``, renamed when whole.
"""

import errno
import hashlib
import io
import json
import math
import os
import shutil
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain, islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
import pandera.pandas as pa
import pyarrow
import pyarrow.parquet as pq
from filelock import FileLock

from rin.data.chunks import map_threads, run_chunks
from rin.data.leakage import picture_hash
from rin.data.manifest import DatasetManifest, Finding
from rin.data.pixels import RESIZES, is_shape, read_mask, read_picture, resize_picture
from rin.data.tree import fingerprints
from rin.errors import InputError, explained, look_up, named
from rin.files import MAKE_ROOM, is_whole, read_sealed, sealed, sha256_of, sync, write_atomically
from rin.tables import CASES


def validate_cases(cases: pd.DataFrame, where: str = "case table") -> pd.DataFrame:
    """Return the case table, checked; InputError where a column or an entry is not as stated.

    Columns are those of `rin.tables.CASES`, then text columns that the layout keeps.
    """
    try:
        kept = [name for name in cases.columns[len(CASES.columns) :] if name not in CASES.columns]
        return CASES.add_columns(dict.fromkeys(kept, pa.Column(str))).validate(cases, lazy=True)
    except pa.errors.SchemaErrors as error:
        failed = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates()
        problem = f"the case table is not valid:\n{failed.head(10).to_string(index=False)}"
        remedy = "Case ids must be unique; the columns are described in rin.tables."
        raise InputError(problem, where=where, remedy=remedy) from error


@dataclass(frozen=True)
class Dataset:
    """A dataset that was opened, looked at and checked.

    ``digest`` covers ids, labels, pixels, masks and kept columns, wherever the files lie.
    ``mask_digests`` is indexed by case id; ``records`` is the folder of its inspections.
    """

    manifest: DatasetManifest
    root: Path
    location: str
    provenance: str
    cases: pd.DataFrame
    findings: tuple[Finding, ...]
    digest: str
    mask_digests: pd.Series
    records: Path


INSPECTION_VERSION = 2
CHUNK = 1024
CHUNK_BYTES = 64 * 2**20
LOCK = ".lock"
HASH_SIZE = 256
#: Rows for a store are kept of datasets up to this size; a larger one is decoded once more.
ROW_BYTES = 2**30
BAD_COLUMNS = ["case_id", "place", "problem"]
#: On these alone a row of a store depends.
CONTENT = ["digest", "mask_digest", "width", "height"]
MEASURED = dict.fromkeys(["width", "height"], pyarrow.int32())
MEASURED |= dict.fromkeys(["digest", "mask_digest", "hash"], pyarrow.string())
MEASURED |= {"blank": pyarrow.bool_()}
SEEN = pyarrow.schema(dict.fromkeys(["key", "header_patient"], pyarrow.string()) | MEASURED)


def _channels(manifest: DatasetManifest) -> int:
    """Return the bytes of a pixel of the dataset's pictures."""
    return 3 if manifest.color else 1


@dataclass(frozen=True)
class _Inspection:
    """How pictures are inspected: below which root, for which dataset, and where that is kept.

    ``square`` is size in pixels and way of resizing of the rows that are kept, None for no rows.
    """

    root: Path
    manifest: DatasetManifest
    folder: Path
    square: tuple[int, str] | None

    @property
    def ending(self) -> str:
        """End of the names of the files that keep rows."""
        return f"{self.square[0]}-{self.square[1]}.npy"

    @property
    def row_bytes(self) -> int:
        """Length of a row: a picture, then any mask."""
        layers = _channels(self.manifest)
        if self.manifest.masks:
            layers += 1
        return self.square[0] ** 2 * layers

    def inspect_all(self, cases: pd.DataFrame, workers: int | None, title: str) -> pd.DataFrame:
        """Inspect cases with their keys, and return the bad ones."""
        side = self.square[0] if self.square else 0
        step = max(1, min(CHUNK, CHUNK_BYTES // max(1, 4 * side**2)))
        jobs = [cases.iloc[start : start + step] for start in range(0, len(cases), step)]
        results = run_chunks(self.inspect_chunk, jobs, workers=workers, title=title)
        return pd.DataFrame(sorted(chain.from_iterable(results)), columns=BAD_COLUMNS)

    def inspect_chunk(self, chunk: pd.DataFrame, threads: int) -> list[tuple[str, str, str]]:
        """Inspect some cases with their keys, keep the records, and return the bad cases."""
        records, bad = [], []
        cases = [*chunk.itertuples(index=False)]
        readings = map_threads(self.inspect, cases, threads)
        # A file that was replaced meanwhile would be remembered under the key of the old one.
        for case, key, reading in zip(cases, _keys(self.root, chunk), readings, strict=True):
            if "problem" in reading:
                bad.append((case.case_id, reading["place"], reading["problem"]))
            elif case.key != key:
                place = str(self.root / case.image)
                bad.append((case.case_id, place, "it changed while it was read"))
            else:
                records.append(reading | {"key": key})
        if records:
            joined = "".join(chunk["key"]).encode()
            self._keep(hashlib.blake2b(joined, digest_size=16).hexdigest(), records)
        return bad

    def _keep(self, name: str, records: list[dict]) -> None:
        """Write the records of a chunk, and the rows of a store that they hold."""
        table, written = pyarrow.Table.from_pylist(records, schema=SEEN), io.BytesIO()
        if self.square:
            with write_atomically(self.folder / f"{name}-{self.ending}") as draft:
                np.save(draft, np.stack([record["row"] for record in records]))
                table = table.replace_schema_metadata({self.ending: sha256_of(draft)})
        pq.write_table(table, written)
        digest = hashlib.sha256(written.getvalue()).hexdigest()[:16]
        with write_atomically(self.folder / f"{name}.{digest}.parquet") as draft:
            draft.write_bytes(written.getvalue())

    def inspect(self, case: NamedTuple) -> dict:
        """Return the record of a case by one decoding of picture and masks.

        Where they cannot be read, it has ``place`` and ``problem`` alone.
        """
        root, manifest, header_patient = self.root, self.manifest, ""
        try:
            pixels = read_picture(root, case.image, manifest.color, manifest.window)
            if pd.isna(case.patient_id):
                from rin.data.dicom import patient_of  # pydicom is slow to load

                header_patient = patient_of(root, case.image)
            height, width = pixels.shape[:2]
            mask = read_mask(root, case.masks, (height, width)) if case.masks else None
            bits, blank = picture_hash(resize_picture(pixels, HASH_SIZE, "stretch"))
            return {
                "row": self.square and self.store_row(pixels, mask),
                "header_patient": header_patient,
                "width": width,
                "height": height,
                "digest": hashlib.sha256(pixels.tobytes()).hexdigest(),
                "mask_digest": "" if mask is None else hashlib.sha256(mask.tobytes()).hexdigest(),
                "hash": bits,
                "blank": blank,
            }
        except InputError as error:
            return {"place": error.where, "problem": error.problem}
        except Exception as error:
            error.add_note(f"while reading {case.image}")
            raise

    def store_row(self, pixels: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
        """Return the row of a store, uint8 (bytes,): the picture, then any mask."""
        parts = [resize_picture(pixels, *self.square)]
        if self.manifest.masks:
            mask = np.zeros(pixels.shape[:2], bool) if mask is None else mask
            parts.append(resize_picture(mask, *self.square, nearest=True))
        return np.concatenate([part.ravel().view(np.uint8) for part in parts])

    def rows(self) -> pd.DataFrame:
        """Return ``file`` and ``row`` of the rows that are kept whole, by their `CONTENT`."""
        tables = [pd.DataFrame(columns=[*CONTENT, "file", "row"])]
        for path in sorted(self.folder.glob("*.parquet")):
            file = self.folder / f"{path.name.partition('.')[0]}-{self.ending}"
            with suppress(OSError, ValueError, EOFError):
                table = _whole_record(path)
                digest = (table.schema.metadata or {}).get(self.ending.encode(), b"").decode()
                if not is_whole(file, digest):
                    continue  # the pictures are decoded again
                seen = table.select(CONTENT).to_pandas()
                if np.load(file, mmap_mode="r").shape == (len(seen), self.row_bytes):
                    tables.append(seen.assign(file=str(file), row=range(len(seen))))
        return pd.concat(tables).drop_duplicates(CONTENT).set_index(CONTENT)


def inspect_cases(
    root: Path,
    cases: pd.DataFrame,
    manifest: DatasetManifest,
    *,
    folder: Path,
    workers: int | None = None,
    square: tuple[int, str] | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Look at every picture and mask of some cases, or remember what was seen before.

    Inspections are kept in a folder in ``folder``; ``workers`` are processes, by default one per
    core.  With ``square``, size in pixels and way of resizing, rows for a store of it are kept.
    Returned are the readable cases, measured, and ``case_id``, ``place`` and ``problem`` of
    others.
    """
    folder = record_folder(folder, manifest)
    keys = _keys(root, cases)
    seen, bad = _remembered(folder), pd.DataFrame(columns=BAD_COLUMNS)
    if (seen.index.get_indexer(keys) < 0).any():
        problem = f"the inspection of {manifest.name} cannot be written"
        remedy = f"{MAKE_ROOM} What was seen is kept."
        with explained(problem, where=folder, remedy=remedy, kinds=OSError):
            folder.mkdir(parents=True, exist_ok=True)
            # A second process waits here, and then finds everything seen.
            with FileLock(folder / LOCK):
                new = _remembered(folder).index.get_indexer(keys) < 0
                inspection = _Inspection(root, manifest, folder, square)
                if square and new.sum() * inspection.row_bytes > ROW_BYTES:
                    inspection = replace(inspection, square=None)
                todo = cases.assign(key=keys)[new]
                bad = inspection.inspect_all(todo, workers, f"Inspecting {manifest.name}")
        seen = _remembered(folder)
    place = seen.index.get_indexer(keys)
    rows, readable = seen.iloc[place[place >= 0]], cases[place >= 0].reset_index(drop=True)
    patients = readable["patient_id"].fillna(rows["header_patient"].reset_index(drop=True))
    measured = {name: rows[name].array for name in MEASURED}
    return readable.assign(patient_id=patients.astype(str), **measured), bad


def record_folder(folder: Path, manifest: DatasetManifest) -> Path:
    """Return the folder that keeps the inspections of a dataset."""
    settings = json.dumps([INSPECTION_VERSION, manifest.color, manifest.window, HASH_SIZE])
    return Path(folder) / f"{manifest.name}-{hashlib.sha256(settings.encode()).hexdigest()[:12]}"


def refuse_bad(bad: pd.DataFrame, count: int, where: str | Path) -> None:
    """Raise InputError where cases, of ``count`` in all, are bad; the first ten are named."""
    if len(bad):
        alike = bad.groupby("problem", sort=False)["place"]
        listing = named([f"{named([*places], ', ')}: {problem}" for problem, places in alike])
        raise InputError(
            f"{len(bad)} of {count} cases cannot be read: {listing}",
            where=where,
            remedy="Export or fetch these files again, or list the cases under known_bad in the "
            "manifest, with the reason. What was done for the others is kept.",
        )


def _keys(root: Path, cases: pd.DataFrame) -> list[str]:
    """Return a key per case that changes with its name, its files and what is read of them."""
    mask_files = [[mask for mask in masks if not is_shape(mask)] for masks in cases["masks"]]
    files = ([image, *masks] for image, masks in zip(cases["image"], mask_files, strict=True))
    marks = iter(fingerprints(root, chain.from_iterable(files)))
    keys = []
    for case, masks in zip(cases.itertuples(index=False), mask_files, strict=True):
        read = "header" if pd.isna(case.patient_id) else ""
        parts = [case.case_id, read, case.image, next(marks)]
        parts += [*case.masks, *islice(marks, len(masks))]
        keys.append(hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest())
    return keys


def _remembered(folder: Path) -> pd.DataFrame:
    """Return all that was seen before, indexed by key."""
    tables = [SEEN.empty_table()]
    for path in sorted(folder.glob("*.parquet")):
        with suppress(ValueError):  # what is damaged is looked at again
            tables.append(_whole_record(path).cast(SEEN))
    seen = pyarrow.concat_tables(tables).to_pandas().set_index("key")
    return seen if seen.index.is_unique else seen[~seen.index.duplicated()]


def _whole_record(path: Path) -> pyarrow.Table:
    """Return the record of a chunk; ValueError where it is not as it was written."""
    content, (_, digest, _) = path.read_bytes(), path.name.split(".")
    if hashlib.sha256(content).hexdigest()[:16] != digest:
        raise ValueError(f"{path.name} is damaged")
    return pq.read_table(pyarrow.BufferReader(content))


def replaced_pictures(manifest: DatasetManifest, before: Path, now: Path) -> list[str]:
    """Return digests of pictures that two folders of inspections hold differently."""
    first, second = (_remembered(record_folder(folder, manifest)) for folder in (before, now))
    both = first.index.intersection(second.index)
    columns = ["digest", "mask_digest"]
    same = (first.loc[both, columns] == second.loc[both, columns]).all(axis=1)
    return first.loc[both, "digest"][~same].tolist()


#: Raise it where stores are made otherwise: older ones then count no longer.
STORE_VERSION = 2
RUN_AGAIN = "Leave the files as they are and run again; all that changed is then read anew."
IMAGES, MASKS, TABLE, NOTE = "images.npy", "masks.npy", "cases.parquet", "store.json"


@dataclass(frozen=True)
class ImageStore:
    """An image store on disk, whose ``digest`` covers content and making.

    Rows of the arrays follow the rows of ``cases``; ``provenance`` is real or stand-in.
    """

    path: Path
    size: int
    resize: str
    color: bool
    digest: str
    provenance: str
    cases: pd.DataFrame

    def __reduce__(self) -> tuple:
        """Cross the border of a process as a path; what was found whole is not read again."""
        return open_store, (self.path, False)

    def images(self) -> np.memmap:
        """Return the images, read-only uint8 (n, size, size), or (n, size, size, 3) in colour."""
        return np.load(self.path / IMAGES, mmap_mode="r")

    def masks(self) -> np.memmap | None:
        """Return the masks, read-only bool (n, size, size), or None for a dataset without."""
        masks = self.path / MASKS
        return np.load(masks, mmap_mode="r") if masks.exists() else None


def build_store(
    dataset: Dataset,
    size: int,
    *,
    folder: Path,
    resize: str = "stretch",
    workers: int | None = None,
) -> ImageStore:
    """Keep every picture of a dataset at one size, or reopen the store that did so before.

    ``size`` is the side in pixels; the store is a folder in ``folder``.  InputError for pictures
    that cannot be read or are not those that the opening of the dataset saw.
    """
    look_up("resize", resize, RESIZES)
    color = dataset.manifest.color
    made_of = [STORE_VERSION, dataset.digest, dataset.provenance, size, resize, color]
    digest = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()
    target = Path(folder) / f"{dataset.manifest.name}-{size}-{resize}-{digest[:12]}"
    with suppress(InputError):
        return open_store(target)
    note = {"digest": digest, "provenance": dataset.provenance}
    note |= {"size": size, "resize": resize, "color": color}
    problem = "the image store cannot be written"
    with explained(problem, where=folder, remedy=MAKE_ROOM, kinds=OSError):
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            with suppress(InputError):
                return open_store(target)
            _write_whole(dataset, target, note, workers)
    return open_store(target)


def open_store(path: Path, check: bool = True) -> ImageStore:
    """Open a store that :func:`build_store` wrote; InputError where there is none that is whole.

    With ``check``, its files must be what was written: they are read, once a process.
    """
    path = Path(path)
    remedy = "Delete this folder; the next run decodes the pictures again."
    kinds = (OSError, ValueError, KeyError)
    problem = f"the store that {NOTE} describes is not whole"
    with explained(problem, where=path, remedy=remedy, kinds=kinds):
        note = read_sealed(path / NOTE)
        fields = {key: note[key] for key in ("size", "resize", "color", "digest", "provenance")}
        for name, digest in note["sha256"].items():
            if not (path / name).is_file():
                raise ValueError(f"{name} is missing")
            if check and not is_whole(path / name, digest):
                raise ValueError(f"{name} was changed after it was written")
        cases = _read_cases(path, note["sha256"][TABLE]).copy()
    return ImageStore(path=path, cases=cases, **fields)


@lru_cache(maxsize=64)
def _read_cases(path: Path, sha256: str) -> pd.DataFrame:
    """Return the checked case table of a store; a study opens the same ones again and again."""
    cases = pd.read_parquet(path / TABLE)
    cases["masks"] = [tuple(masks) for masks in cases["masks"]]
    return validate_cases(cases, where=str(path))


def _write_whole(dataset: Dataset, target: Path, note: dict, workers: int | None) -> None:
    root, manifest, where = dataset.root, dataset.manifest, dataset.root / dataset.location
    inspection = _Inspection(root, manifest, dataset.records, (note["size"], note["resize"]))
    cases = dataset.cases.assign(mask_digest=dataset.cases["case_id"].map(dataset.mask_digests))
    content = pd.MultiIndex.from_frame(cases[CONTENT])
    square = (note["size"], note["size"])
    picture = (*square, _channels(manifest)) if manifest.color else square
    arrays = {IMAGES: (picture, np.uint8)}
    if manifest.masks:
        arrays[MASKS] = (square, bool)
    unfinished = target.with_name(f".{target.name}.unfinished")
    dataset.records.mkdir(parents=True, exist_ok=True)
    # Of two stores of one dataset, the second waits, as both take from the same rows.
    with FileLock(dataset.records / LOCK):
        lost = cases[~content.isin(inspection.rows().index)]
        if len(lost):
            needed = len(lost) * inspection.row_bytes
            if needed > (free := shutil.disk_usage(dataset.records).free):
                raise OSError(errno.ENOSPC, f"{needed} bytes are needed and {free} are free")
            title = f"Storing {manifest.name} at {note['size']} px"
            bad = inspection.inspect_all(lost.assign(key=_keys(root, lost)), workers, title)
            refuse_bad(bad, len(cases), where)
        kept = inspection.rows().reindex(content)
        replaced = cases["case_id"][kept["file"].isna().to_numpy()]
        if len(replaced):
            problem = f"{len(replaced)} pictures were replaced after the dataset was opened"
            problem = f"{problem} ({named([*replaced], ', ')})"
            raise InputError(problem, where=where, remedy=RUN_AGAIN)
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir()
        _write_arrays(unfinished, kept, arrays)
        for file in dataset.records.glob(f"*-{inspection.ending}"):
            file.unlink()
    dataset.cases.assign(masks=dataset.cases["masks"].map(list)).to_parquet(unfinished / TABLE)
    files = sorted(unfinished.iterdir())
    note |= {"sha256": {file.name: sha256_of(file) for file in files}}
    (unfinished / NOTE).write_text(sealed(note))
    for path in (*files, unfinished / NOTE, unfinished):
        sync(path)
    if target.exists():
        shutil.rmtree(target)
    unfinished.rename(target)
    sync(target.parent)


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

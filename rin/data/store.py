"""Results of reading pictures that are kept on disk: inspections and image stores.

One pass decodes a dataset: size, digest, hash and store row come from the same bytes.  The results
are kept, chunk by chunk, under a key of the file and of how it was read, so that a stopped pass
resumes, and unchanged files are not decoded again.

A store is a dataset at one size: a folder, either whole or absent, with `images.npy`,
`masks.npy` (if there are masks), `cases.parquet` and `store.json`.
"""

import hashlib
import json
import math
import shutil
import warnings
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
from filelock import FileLock

from rin.data.chunks import map_chunks
from rin.data.kept_rows import add_rows, load_rows, whole_files
from rin.data.leakage import picture_hash
from rin.data.manifest import DatasetManifest, Finding
from rin.data.masks import read_mask
from rin.data.pixels import is_shape, read_picture, resize_picture
from rin.data.tree import fingerprints, is_dicom
from rin.errors import InputError, amount, as_input_error, join_first_ten
from rin.files import (
    MAKE_ROOM,
    altered_files,
    digest_of,
    read_checksummed_json,
    replace_folder,
    sha256_of,
    to_checksummed_json,
)

#: Whether pictures are real, or made up by a stand-in.
Provenance = Literal["real", "stand-in"]


@dataclass(frozen=True)
class Dataset:
    """A dataset that was opened, inspected and checked.

    `cases` has the columns of `rin.tables.CASES`, then text columns that the layout keeps.
    `digest` covers ids, labels, pixels, masks and kept columns, but not the place of the files.
    `mask_digests` is indexed by case id; `index` is the folder that keeps the inspections.
    `part` says which part of a published dataset it is, an empty string for the whole.
    """

    manifest: DatasetManifest
    root: Path
    location: str
    provenance: Provenance
    cases: pd.DataFrame
    findings: tuple[Finding, ...]
    digest: str
    mask_digests: pd.Series
    index: Path
    part: str = ""


INSPECTION_VERSION = 8
CHUNK = 1024
CHUNK_BYTES = 64 * 2**20
LOCK = ".lock"
HASH_SIZE = 256
#: Most pixels of store rows that an inspection keeps; a larger dataset is decoded once more.
ROW_PIXELS = 2**30
BAD_COLUMNS = ["case_id", "place", "problem"]
#: A row of a store depends on these columns alone.
CONTENT = ["digest", "mask_digest", "width", "height"]
MEASURED = [*CONTENT, "hash", "blank", "wrapped", "darkest", "brightest", "mean_grey"]
#: What is kept of each inspected case.
_NOTHING_SEEN: dict[str, Any] = {
    "key": "",
    "header_patient": "",
    "digest": "",
    "mask_digest": "",
    "hash": "",
    "width": 0,
    "height": 0,
    "blank": False,
    "wrapped": False,
    "darkest": 0,
    "brightest": 0,
    "mean_grey": 0.0,
}
#: Side in pixels, and way of resizing, of the pictures of a store.
StoreShape = tuple[int, str]


def inspect_case(
    root: Path, manifest: DatasetManifest, square: StoreShape | None, case: Any
) -> dict[str, Any]:
    """Decode the picture and the masks of a case that has a key, once.

    Return what is kept under the key; with a `square`, also `images` and `masks`, its row of
    each array of a store.  Of a case that cannot be read, return `BAD_COLUMNS`.
    """
    try:
        pixels = read_picture(root, case.image, manifest.color, manifest.window)
        header_patient = ""
        wrapped = False
        if is_dicom(case.image) or pd.isna(case.patient_id):
            from rin.data.dicom import holds_wrapped, patient_of  # pydicom is slow to load

            header_patient = patient_of(root, case.image) if pd.isna(case.patient_id) else ""
            wrapped = holds_wrapped(root, case.image)
        height, width = pixels.shape[:2]
        mask = read_mask(root, case.masks, (height, width), case.image)
        bits, blank = picture_hash(resize_picture(pixels, HASH_SIZE, "stretch"))
        # Otherwise a new file would be kept under the key of the file that it replaced.
        if keys_of(root, [case]) != [case.key]:
            raise InputError(
                "it changed while it was read", where=root / case.image, remedy=RUN_AGAIN
            )
    except InputError as error:
        return {"case_id": case.case_id, "place": error.where, "problem": error.problem}
    except Exception as error:
        error.add_note(f"while reading {case.image}")
        raise
    seen = {
        "key": case.key,
        "header_patient": header_patient,
        "width": width,
        "height": height,
        "digest": digest_of(pixels.tobytes()),
        "mask_digest": digest_of(mask.tobytes()) if case.masks else "",
        "hash": bits,
        "blank": blank,
        "wrapped": wrapped,
        "darkest": int(pixels.min()),
        "brightest": int(pixels.max()),
        "mean_grey": float(pixels.mean()),
    }
    if square:
        seen["images"] = resize_picture(pixels, *square).tobytes()
        if manifest.masks:
            seen["masks"] = resize_picture(mask, *square).tobytes()
    return seen


def keys_of(root: Path, cases: Sequence[Any]) -> list[str]:
    """Return a key per case that changes with its name, its files and what is read from them."""
    files = [[case.image, *(m for m in case.masks if not is_shape(m))] for case in cases]
    marks = iter(fingerprints(root, chain.from_iterable(files)))
    keys = []
    for case, of_case in zip(cases, files, strict=True):
        read = "header" if pd.isna(case.patient_id) else ""
        parts = [case.case_id, read, case.image, *case.masks, *islice(marks, len(of_case))]
        keys.append(hashlib.blake2b("\0".join(parts).encode(), digest_size=16).hexdigest())
    return keys


def _inspect_all(
    root: Path,
    manifest: DatasetManifest,
    square: StoreShape | None,
    cases: pd.DataFrame,
    folder: Path,
) -> pd.DataFrame:
    """Inspect cases that have keys, keep the results in a folder, and return the bad cases."""
    side = square[0] if square else 1
    step = min(CHUNK, max(1, CHUNK_BYTES // (4 * side**2)))
    inspect = partial(inspect_case, root, manifest, square)
    bad = []
    for rows in map_chunks(
        inspect, list(cases.itertuples(index=False)), step, title=f"Reading {manifest.name}"
    ):
        bad += [row for row in rows if "problem" in row]
        good = pd.DataFrame([row for row in rows if "problem" not in row])
        if len(good):
            if square:
                add_rows(
                    _row_folder(folder, square, manifest),
                    good.filter([*CONTENT, "images", "masks"]),
                )
            add_rows(folder, good[list(_NOTHING_SEEN)])
    return pd.DataFrame(bad, columns=BAD_COLUMNS)


def _row_folder(folder: Path, square: StoreShape, manifest: DatasetManifest) -> Path:
    return folder / f"{square[0]}-{square[1]}{'-masks' * manifest.masks}"


def _kept_rows(folder: Path) -> pd.DataFrame:
    """Return `CONTENT`, `file` and `row` of each kept row of a store."""
    tables = [pd.DataFrame(columns=[*CONTENT, "file", "row"])]
    for file in whole_files(folder):
        content = pd.read_parquet(file, columns=CONTENT)
        tables.append(content.assign(file=str(file), row=range(len(content))))
    return pd.concat(tables).drop_duplicates(CONTENT)


def inspect_cases(
    root: Path,
    cases: pd.DataFrame,
    manifest: DatasetManifest,
    *,
    folder: Path,
    square: StoreShape | None = None,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Inspect every picture and mask of some cases, or reuse earlier inspections.

    Inspections are kept in a folder within `folder`; with `square`, rows of such a store are
    kept, too.  Return the readable cases with the columns `MEASURED` added, and `case_id`,
    `place` and `problem` of the other cases.
    """
    folder = record_folder(folder, manifest)
    keys = pd.Index(keys_of(root, list(cases.itertuples(index=False))))
    seen = _earlier_inspections(folder)
    bad = pd.DataFrame(columns=BAD_COLUMNS)
    if not keys.isin(seen["key"]).all():
        with as_input_error(
            f"the inspection of {manifest.name} cannot be written",
            where=folder,
            remedy=f"{MAKE_ROOM} Results so far are kept.",
        ):
            folder.mkdir(parents=True, exist_ok=True)
            # A second process waits here, and then finds all inspections.
            with FileLock(folder / LOCK):
                new = cases.assign(key=keys)[~keys.isin(_earlier_inspections(folder)["key"])]
                if square and len(new) * square[0] ** 2 > ROW_PIXELS:
                    square = None
                bad = _inspect_all(root, manifest, square, new, folder)
        seen = _earlier_inspections(folder)
    readable = cases.assign(key=keys).merge(seen, on="key")
    patients = readable["patient_id"].fillna(readable["header_patient"]).astype(str)
    return readable.assign(patient_id=patients)[[*cases.columns, *MEASURED]], bad


def record_folder(folder: Path, manifest: DatasetManifest) -> Path:
    """Return the folder that keeps the inspections of a dataset."""
    settings = json.dumps([INSPECTION_VERSION, manifest.color, manifest.window, True, HASH_SIZE])
    return folder / f"{manifest.name}-{digest_of(settings)[:12]}"


def _earlier_inspections(folder: Path) -> pd.DataFrame:
    """Return all earlier inspections, one a key; damaged ones count as absent."""
    return load_rows(folder, _NOTHING_SEEN).drop_duplicates("key")


def refuse_bad(
    bad: pd.DataFrame, count: int, where: str | Path, manifest: DatasetManifest
) -> None:
    """Raise InputError, naming the first ten, if any of `count` cases are bad."""
    if bad.empty:
        return
    alike = bad.groupby("problem", sort=False)["place"]
    listing = join_first_ten(
        [f"{join_first_ten([*places], ', ')}: {problem}" for problem, places in alike]
    )
    remedy = (
        "Fetch these files again, or list the cases in the manifest's known_bad, with the reason."
    )
    if manifest.access == "not public":
        remedy = "Export these files again, or move them away, with the rows that name them."
    raise InputError(
        f"{len(bad)} of {count} cases cannot be read: {listing}",
        where=where,
        remedy=f"{remedy} Work on the other cases is kept.",
    )


#: Bump it when stores are made differently: older stores are then not used any more.
STORE_VERSION = 2
RUN_AGAIN = "Leave the files as they are and run again; changed files are then read again."
IMAGES = "images.npy"
MASKS = "masks.npy"
TABLE = "cases.parquet"
NOTE = "store.json"


@dataclass(frozen=True)
class ImageStore:
    """An image store on disk, whose `digest` covers its content and how it was made.

    Rows of the arrays are in the order of `cases`; `provenance` is real or stand-in.
    """

    path: Path
    size: int
    resize: str
    color: bool
    digest: str
    provenance: Provenance
    cases: pd.DataFrame

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the store as its path; another process does not check the files again."""
        return open_store, (self.path, False)

    def images(self) -> np.memmap:
        """Return the images, read-only uint8 (n, size, size), or (n, size, size, 3) in colour."""
        return np.load(self.path / IMAGES, mmap_mode="r")

    def masks(self) -> np.memmap | None:
        """Return the masks, read-only bool (n, size, size), or None if the dataset has none."""
        masks = self.path / MASKS
        return np.load(masks, mmap_mode="r") if masks.exists() else None


def build_store(
    dataset: Dataset, size: int, *, folder: Path, resize: str = "stretch"
) -> ImageStore:
    """Store every picture of a dataset at one size, or reopen the store if it exists.

    `size` is the side in pixels; the store is a folder in `folder`.  InputError for pictures
    that cannot be read, or that were replaced after the dataset was opened.  Pictures that differ
    from those of an earlier store of the same cases are named in a warning.
    """
    manifest = dataset.manifest
    records = record_folder(dataset.index, manifest)
    made_of = [STORE_VERSION, dataset.digest, dataset.provenance, size, resize, manifest.color]
    if not manifest.masks and dataset.cases["masks"].map(len).any():
        made_of.append("no masks")
    digest = digest_of(json.dumps(made_of))
    target = folder / f"{manifest.name}-{size}-{resize}-{digest[:12]}"
    with suppress(InputError):
        return open_store(target)
    note = {
        "digest": digest,
        "provenance": dataset.provenance,
        "size": size,
        "resize": resize,
        "color": manifest.color,
    }
    with as_input_error("the image store cannot be written", where=folder, remedy=MAKE_ROOM):
        records.mkdir(parents=True, exist_ok=True)
        # A second store of the same dataset waits, as both are made from the same kept rows.
        with FileLock(records / LOCK):
            with suppress(InputError):
                return open_store(target)
            if others := _changed_pictures(dataset, target):
                warnings.warn(
                    f"{amount(len(others), 'pictures')} of {manifest.name} changed since a "
                    f"store was made of them ({join_first_ten(others, ', ')}): runs that read "
                    "the former ones do not count; restore them if that was no intention.",
                    stacklevel=2,
                )
            with replace_folder(target) as draft:
                _write_arrays(draft, manifest, size, _rows_of(dataset, records, (size, resize)))
                shutil.rmtree(_row_folder(records, (size, resize), manifest))
                dataset.cases.to_parquet(draft / TABLE)
                note["sha256"] = {file.name: sha256_of(file) for file in sorted(draft.iterdir())}
                (draft / NOTE).write_text(to_checksummed_json(note))
    return open_store(target)


def _changed_pictures(dataset: Dataset, target: Path) -> list[str]:
    """Return the cases whose pictures differ from those of an earlier store of all these cases."""
    now = dataset.cases.set_index("case_id")["digest"]
    for path in sorted(target.parent.glob(f"{target.name.rpartition('-')[0]}-*/{TABLE}")):
        with suppress(OSError, ValueError):  # a torn store, which is made anew
            before = pd.read_parquet(path, columns=["case_id", "digest"]).set_index("case_id")
            if before.index.equals(now.index):
                changed = (before["digest"] != now).to_numpy()
                # If all differ, they are read otherwise, as in colour.
                return [] if changed.all() else now.index[changed].tolist()
    return []


def open_store(path: Path, check: bool = True) -> ImageStore:
    """Open a store that :func:`build_store` wrote; InputError if it is absent or not whole.

    With `check`, its files are read, once per process, and must be as they were written.
    """
    with as_input_error(
        f"the store that {NOTE} describes is incomplete",
        where=path,
        remedy="Delete this folder; the next run decodes the pictures again.",
        kinds=(OSError, ValueError, KeyError),
    ):
        note = read_checksummed_json(path / NOTE)
        digests = note.pop("sha256")
        if altered := altered_files(path, digests) if check else []:
            raise ValueError(f"{altered[0]} is missing, or was changed after it was written")
        cases = pd.read_parquet(path / TABLE)
        cases["masks"] = [tuple(masks) for masks in cases["masks"]]
    return ImageStore(path=path, cases=cases, **note)


def _rows_of(dataset: Dataset, records: Path, square: StoreShape) -> pd.DataFrame:
    """Return the file and row of each case's kept row; pictures without one are decoded."""
    root = dataset.root
    manifest = dataset.manifest
    cases = dataset.cases.assign(mask_digest=dataset.cases["case_id"].map(dataset.mask_digests))
    where = root / dataset.location
    rows = _row_folder(records, square, manifest)
    kept = cases.merge(_kept_rows(rows), "left", CONTENT)
    lost = cases[kept["file"].isna().to_numpy()]
    if len(lost):
        lost = lost.assign(key=keys_of(root, list(lost.itertuples(index=False))))
        bad = _inspect_all(root, manifest, square, lost, records)
        refuse_bad(bad, len(cases), where, manifest)
        kept = cases.merge(_kept_rows(rows), "left", CONTENT)
    replaced = kept["case_id"][kept["file"].isna()]
    if len(replaced):
        raise InputError(
            f"{amount(len(replaced), 'pictures were replaced after the dataset was opened')} "
            f"({join_first_ten(list(replaced), ', ')})",
            where=where,
            remedy=RUN_AGAIN,
        )
    return kept


def _write_arrays(folder: Path, manifest: DatasetManifest, size: int, kept: pd.DataFrame) -> None:
    """Write the arrays of a store from kept rows; delete the files of these one by one."""
    arrays = [("images", "|u1", (size, size, 3) if manifest.color else (size, size))]
    if manifest.masks:
        arrays.append(("masks", "|b1", (size, size)))
    with ExitStack() as opened:
        files = {}
        for name, kind, shape in arrays:
            # Ordinary writes, not a memory map: a full disk then raises an error, not a signal.
            file = opened.enter_context((folder / f"{name}.npy").open("wb"))
            header = {"descr": kind, "fortran_order": False, "shape": (len(kept), *shape)}
            np.lib.format.write_array_header_1_0(file, header)
            files[name] = file, file.tell(), math.prod(shape)
        for source, rows in kept.assign(place=range(len(kept))).groupby("file"):
            contents = pd.read_parquet(source)
            for name, (file, start, length) in files.items():
                for row, place in zip(rows["row"], rows["place"], strict=True):
                    file.seek(start + length * place)
                    file.write(contents[name][row])
            Path(source).unlink()

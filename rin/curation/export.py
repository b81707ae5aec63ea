"""From archive to pictures: every selected image de-identified, as DICOM and as PNG.

Images are worked on in chunks; what a chunk made is noted on disk, so a killed export goes on
where it stood, and an image whose file and pseudonyms are unchanged is not exported again.
Nothing here has a name that tells more than a pseudonymous UID does.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydicom import dcmread

from rin.curation.deidentify import (
    Pseudonyms,
    burned_in_risk,
    deidentify,
    display_window,
    export_png,
    write_dicom,
)
from rin.curation.making import making_of_images
from rin.data import dicom
from rin.data.chunks import map_threads, run_chunks
from rin.errors import InputError

CHUNK = 128
NAMED_BAD = 10
DICOM_FOLDER, PICTURE_FOLDER = "deidentified", "pictures"
NOTES, NEW_NOTES = "exported.parquet", "exported"
NOTE = pa.schema(
    {
        "mark": pa.string(),
        "uid": pa.string(),
        "risk": pa.string(),
        "width": pa.int32(),
        "height": pa.int32(),
        "png_sha256": pa.string(),
        "png_bytes": pa.int64(),
        "dicom_bytes": pa.int64(),
    }
)


@dataclass(frozen=True)
class _Chunk:
    """Images to be exported: (mark, pseudonymous UID, path, modality, region) each."""

    root: Path
    output: Path
    key: bytes = field(repr=False)
    images: tuple[tuple[str, str, str, str, str], ...]

    def __len__(self) -> int:
        return len(self.images)


def export_images(
    images: pd.DataFrame, root: Path, output: Path, pseudonyms: Pseudonyms, workers: int | None
) -> pd.DataFrame:
    """Export images that are not exported yet, and forget those that are not asked for any more.

    Parameters
    ----------
    images
        Selected images: `sop_uid`, `path` below `root`, `modality`, `region`, and `bytes` and
        `modified_ns` of the file, by which a change is seen.
    output
        Gets `deidentified/<uid>.dcm`, `pictures/<uid>.png` and the notes of what was done.
    pseudonyms
        Those of the archive's key.
    workers
        As in :func:`rin.data.chunks.run_chunks`.

    Returns
    -------
    pandas.DataFrame
        Rows as in `images`: `uid` (pseudonymous SOP instance UID), `risk` (why the image may
        show a name, else ""; such an image is not written), `width`, `height`, `png_sha256`.

    Raises
    ------
    InputError
        Images that cannot be read or de-identified: one error for all of them, after the
        others are exported.
    """
    for name in (DICOM_FOLDER, PICTURE_FOLDER, NEW_NOTES):
        (output / name).mkdir(parents=True, exist_ok=True)
    uids = [pseudonyms.uid(uid) for uid in images["sop_uid"]]
    marks = _marks(images, pseudonyms)
    done = _whole(_noted(output), output)
    new = ~pd.Index(marks).isin(done["mark"])
    columns = (marks, uids, images["path"], images["modality"], images["region"])
    jobs = [job for job, is_new in zip(zip(*columns, strict=True), new, strict=True) if is_new]
    chunks = [
        _Chunk(root, output, pseudonyms.key, tuple(jobs[start : start + CHUNK]))
        for start in range(0, len(jobs), CHUNK)
    ]
    bad = []
    for problems in run_chunks(_export_chunk, chunks, workers=workers, title="De-identifying"):
        bad += problems
    if bad:
        raise _refusal(sorted(bad), len(images), root)
    notes = _noted(output).set_index("mark").loc[marks].reset_index()
    _keep(notes, output)
    return notes.drop(columns="mark")


def all_there(output: Path) -> bool:
    """Tell whether every file is there that the last export noted, and no other."""
    if not all((output / name).exists() for name in (NOTES, DICOM_FOLDER, PICTURE_FOLDER)):
        return False
    notes = _noted(output)
    written = int((notes["risk"] == "").sum())
    counts = [len([*(output / name).iterdir()]) for name in (DICOM_FOLDER, PICTURE_FOLDER)]
    return counts == [written] * 2 and len(_whole(notes, output)) == len(notes)


def _marks(images: pd.DataFrame, pseudonyms: Pseudonyms) -> list[str]:
    """Return for each image what changes with its file, its pseudonyms or its making."""
    key = hashlib.blake2b(pseudonyms.key, digest_size=16).hexdigest()
    columns = ["sop_uid", "path", "bytes", "modified_ns", "modality", "region"]
    made_of = images[columns].astype(str).agg("\0".join, axis=1) if len(images) else []
    return [
        hashlib.blake2b(
            f"{making_of_images()}\0{key}\0{text}".encode("utf-8", "surrogatepass"),
            digest_size=16,
        ).hexdigest()
        for text in made_of
    ]


def _noted(output: Path) -> pd.DataFrame:
    """Return all notes, the newest of an image last."""
    paths = sorted((output / NEW_NOTES).glob("*.parquet"))
    tables = [NOTE.empty_table()]
    for path in [output / NOTES, *paths]:
        try:
            tables += [pq.read_table(path).cast(NOTE)] if path.exists() else []
        except (OSError, ValueError) as error:
            raise InputError(
                f"the note of an export cannot be read ({error})",
                where=path,
                remedy="Delete this file; the next run exports its images again.",
            ) from error
    notes = pa.concat_tables(tables).to_pandas()
    return notes.drop_duplicates("mark", keep="last", ignore_index=True)


def _whole(notes: pd.DataFrame, output: Path) -> pd.DataFrame:
    """Return the notes of images that are at risk, or of which both files are there as noted."""
    at_risk = notes["risk"] != ""
    found = pd.Series(True, index=notes.index)
    for folder, ending, column in (
        (DICOM_FOLDER, ".dcm", "dicom_bytes"),
        (PICTURE_FOLDER, ".png", "png_bytes"),
    ):
        with os.scandir(output / folder) as entries:
            sizes = {entry.name: entry.stat().st_size for entry in entries}
        found &= (notes["uid"] + ending).map(sizes) == notes[column]
    return notes[at_risk | found]


def _keep(notes: pd.DataFrame, output: Path) -> None:
    """Keep these notes, and delete every exported file that they do not name."""
    table = pa.Table.from_pandas(notes.sort_values("mark"), schema=NOTE, preserve_index=False)
    new = sorted((output / NEW_NOTES).iterdir())
    if (
        new
        or not (output / NOTES).exists()
        or pq.read_metadata(output / NOTES).num_rows != len(notes)
    ):
        unfinished = output / f".{NOTES}.part"
        pq.write_table(table, unfinished)
        unfinished.replace(output / NOTES)
    for path in new:
        path.unlink()
    written = notes.loc[notes["risk"] == "", "uid"]
    for folder, ending in ((DICOM_FOLDER, ".dcm"), (PICTURE_FOLDER, ".png")):
        kept = set(written + ending)
        with os.scandir(output / folder) as entries:
            strays = [entry.path for entry in entries if entry.name not in kept]
        for path in strays:
            Path(path).unlink()


def _export_chunk(chunk: _Chunk, threads: int) -> list[tuple[str, str]]:
    """Export the images of a chunk, note them, and return path and problem of the bad ones."""
    notes, bad = [], []
    for result in map_threads(partial(_export, chunk), chunk.images, threads):
        (notes if isinstance(result, dict) else bad).append(result)
    if notes:
        made = hashlib.blake2b("".join(n["mark"] for n in notes).encode(), digest_size=16)
        target = chunk.output / NEW_NOTES / f"{made.hexdigest()}.parquet"
        unfinished = target.with_suffix(".part")
        pq.write_table(pa.Table.from_pylist(notes, schema=NOTE), unfinished)
        unfinished.replace(target)
    return bad


def _export(chunk: _Chunk, image: tuple[str, str, str, str, str]) -> dict | tuple[str, str]:
    mark, uid, path, modality, region = image
    note = {"mark": mark, "uid": uid, "width": 0, "height": 0}
    note |= {"png_sha256": "", "png_bytes": 0, "dicom_bytes": 0}
    try:
        dataset = dcmread(chunk.root / path)
        risk = burned_in_risk(dataset)
        if risk:
            return note | {"risk": risk}
        made = deidentify(dataset, Pseudonyms(chunk.key))
    except InputError as error:
        return path, error.problem
    except dicom.BROKEN as error:
        return path, f"the file cannot be read ({' '.join(str(error).split())[:300]})"
    png = chunk.output / PICTURE_FOLDER / f"{uid}.png"
    dcm = chunk.output / DICOM_FOLDER / f"{uid}.dcm"
    try:
        width, height = export_png(made, png, display_window(modality, region))
    except InputError as error:
        return path, error.problem
    write_dicom(made, dcm)
    content = png.read_bytes()
    return note | {
        "risk": "",
        "width": width,
        "height": height,
        "png_sha256": hashlib.sha256(content).hexdigest(),
        "png_bytes": len(content),
        "dicom_bytes": dcm.stat().st_size,
    }


def _refusal(bad: Iterable[tuple[str, str]], count: int, root: Path) -> InputError:
    bad = list(bad)
    named = "; ".join(f"{path}: {problem}" for path, problem in bad[:NAMED_BAD])
    more = f"; and {len(bad) - NAMED_BAD} more" if len(bad) > NAMED_BAD else ""
    return InputError(
        f"{len(bad)} of {count} images cannot be exported: {named}{more}",
        where=root,
        remedy="Export these files from the archive again, or take them out of its folder. "
        "What was done for the others is kept.",
    )

"""From archive to pictures: every selected image de-identified, as DICOM and as PNG.

Images are worked on in chunks; what a chunk made is noted on disk, so a killed export goes on
where it stood, and an image whose file, pseudonyms and making are unchanged is not exported
again.  What a result was made with is told by a digest of code, tables and libraries, without
anybody having to think of a version number.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydicom import dcmread

import rin
from rin.curation.burned_in import burned_in_risk
from rin.curation.deidentify import (
    Pseudonyms,
    deidentify,
    display_window,
    export_png,
    write_dicom,
)
from rin.curation.taxonomy import taxonomy_file
from rin.data import dicom
from rin.data.chunks import map_threads, run_chunks
from rin.errors import InputError, named
from rin.files import sha256_of, write_atomically

CHUNK = 128
DICOM_FOLDER, PICTURE_FOLDER = "deidentified", "pictures"
NOTES, NEW_NOTES = "exported.parquet", "exported"
#: Libraries that decide headers and pixels of an export.
LIBRARIES = ("dicom-anonymizer", "numpy", "pillow", "pydicom")
#: Modules and tables that decide what an exported image holds; exclusions say what a capture is.
DECIDING = (
    *("curation/burned_in.py", "curation/deidentify.py", "curation/exclusions.py"),
    *("curation/exclusions.yaml", "curation/export.py", "curation/kept_attributes.yaml"),
    *("curation/taxonomy.py", "curation/taxonomy.yaml", "data/dicom.py"),
)
PACKAGE = Path(rin.__file__).parent
#: Folders of exported files, the end of their names, and the column that notes their size.
EXPORTED = ((DICOM_FOLDER, ".dcm", "dicom_bytes"), (PICTURE_FOLDER, ".png", "png_bytes"))
_TEXT, _NUMBER, _SIZE = pa.string(), pa.int32(), pa.int64()
NOTE = pa.schema(
    dict.fromkeys(("mark", "uid", "risk"), _TEXT)
    | {"width": _NUMBER, "height": _NUMBER, "png_sha256": _TEXT}
    | {"png_bytes": _SIZE, "dicom_bytes": _SIZE}
)


def export_images(
    images: pd.DataFrame, root: Path, output: Path, pseudonyms: Pseudonyms, workers: int | None
) -> pd.DataFrame:
    """Export images that are not exported yet, and forget those that are not asked for any more.

    Parameters
    ----------
    images
        `sop_uid`, `path` below `root`, `modality`, `region`, and `bytes` and `modified_ns` of the
        file, by which a change is seen.
    output
        Gets `deidentified/<uid>.dcm`, `pictures/<uid>.png` and the notes of what was done.

    Returns
    -------
    pandas.DataFrame
        Rows as in `images`: `uid` (pseudonymous SOP instance UID), `risk` (why the image may
        show a name, else ""; such an image is not written), `width`, `height`, `png_sha256`.

    Raises
    ------
    InputError
        Images that cannot be read or de-identified, together and after the others are exported.
    """
    for name in (DICOM_FOLDER, PICTURE_FOLDER, NEW_NOTES):
        (output / name).mkdir(parents=True, exist_ok=True)
    uids = [pseudonyms.uid(uid) for uid in images["sop_uid"]]
    marks = _marks(images, pseudonyms)
    known = set(_whole(_noted(output), output)["mark"])
    columns = (marks, uids, images["path"], images["modality"], images["region"])
    jobs = [job for job in zip(*columns, strict=True) if job[0] not in known]
    chunks = [tuple(jobs[start : start + CHUNK]) for start in range(0, len(jobs), CHUNK)]
    work = partial(_export_chunk, root, output, pseudonyms)
    done = run_chunks(work, chunks, workers=workers, title="De-identifying")
    bad = [problem for problems in done for problem in problems]
    if bad:
        told = named([f"{path}: {problem}" for path, problem in sorted(bad)])
        raise InputError(
            f"{len(bad)} of {len(images)} images cannot be exported: {told}",
            where=root,
            remedy="Export these files from the archive again, or take them out of its folder. "
            "What was done for the others is kept.",
        )
    notes = _noted(output).set_index("mark").loc[marks].reset_index()
    _keep(notes, output)
    return notes.drop(columns="mark")


def all_there(output: Path) -> bool:
    """Tell whether every file is there that the last export noted, and no other."""
    if not all((output / name).exists() for name in (NOTES, DICOM_FOLDER, PICTURE_FOLDER)):
        return False
    notes = _noted(output)
    written = int((notes["risk"] == "").sum())
    counts = {len(_sizes(output / name)) for name in (DICOM_FOLDER, PICTURE_FOLDER)}
    return counts == {written} and len(_whole(notes, output)) == len(notes)


def digest_of_image_code() -> str:
    """Return a digest of what decides an exported image, its source and the key aside."""
    return _digest(PACKAGE / name for name in DECIDING)


def digest_of_corpus_code() -> str:
    """Return a digest of what decides a curated corpus, archive and plan aside.

    All of curation and of the data package count, and the table of classes.
    """
    own = [*(PACKAGE / "curation").glob("*.py"), *(PACKAGE / "curation").glob("*.yaml")]
    data = [*(PACKAGE / "data").glob("*.py"), *(PACKAGE / "data/layouts").glob("*.py")]
    return _digest([*sorted(own), *sorted(data), taxonomy_file()])


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        # A file that another process is replacing at this moment counts as absent.
        with suppress(FileNotFoundError):
            digest.update(f"{file.name}\0{sha256_of(file)}\0".encode())
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    return digest.hexdigest()


def _marks(images: pd.DataFrame, pseudonyms: Pseudonyms) -> list[str]:
    """Return for each image what changes with its file, its pseudonyms or its making."""
    key = hashlib.blake2b(pseudonyms.key, digest_size=16).hexdigest()
    code = digest_of_image_code()
    columns = ["sop_uid", "path", "bytes", "modified_ns", "modality", "region"]
    rows = images[columns].astype(str).itertuples(index=False)
    texts = ["\0".join([code, key, *row]).encode("utf-8", "surrogatepass") for row in rows]
    return [hashlib.blake2b(text, digest_size=16).hexdigest() for text in texts]


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


def _sizes(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries}


def _whole(notes: pd.DataFrame, output: Path) -> pd.DataFrame:
    """Return the notes of images that are at risk, or of which both files are there as noted."""
    found = pd.Series(True, index=notes.index)
    for folder, ending, column in EXPORTED:
        found &= (notes["uid"] + ending).map(_sizes(output / folder)) == notes[column]
    return notes[(notes["risk"] != "") | found]


def _keep(notes: pd.DataFrame, output: Path) -> None:
    """Keep these notes, and delete every exported file that they do not name."""
    kept, new = output / NOTES, sorted((output / NEW_NOTES).iterdir())
    if new or not kept.exists() or pq.read_metadata(kept).num_rows != len(notes):
        table = pa.Table.from_pandas(notes.sort_values("mark"), schema=NOTE, preserve_index=False)
        with write_atomically(kept) as draft:
            pq.write_table(table, draft)
    for path in new:
        path.unlink()
    written = notes.loc[notes["risk"] == "", "uid"]
    for folder, ending, _ in EXPORTED:
        for name in _sizes(output / folder).keys() - set(written + ending):
            (output / folder / name).unlink()


def _export_chunk(
    root: Path, output: Path, pseudonyms: Pseudonyms, images: tuple[tuple, ...], threads: int
) -> list[tuple[str, str]]:
    """Export the images of a chunk, note them, and return path and problem of the bad ones."""
    notes, bad = [], []
    for result in map_threads(partial(_export, root, output, pseudonyms), images, threads):
        (notes if isinstance(result, dict) else bad).append(result)
    if notes:
        made = hashlib.blake2b("".join(n["mark"] for n in notes).encode(), digest_size=16)
        unfinished = output / NEW_NOTES / f"{made.hexdigest()}.part"
        pq.write_table(pa.Table.from_pylist(notes, schema=NOTE), unfinished)
        unfinished.replace(unfinished.with_suffix(".parquet"))
    return bad


def _export(
    root: Path, output: Path, pseudonyms: Pseudonyms, image: tuple[str, str, str, str, str]
) -> dict | tuple[str, str]:
    """Export an image: its mark, pseudonymous UID, path, modality and region."""
    mark, uid, path, modality, region = image
    note = dict.fromkeys(NOTE.names, 0) | {"mark": mark, "uid": uid, "risk": "", "png_sha256": ""}
    dcm, png = (output / folder / f"{uid}{ending}" for folder, ending, _ in EXPORTED)
    try:
        dataset = dcmread(root / path)
        if risk := burned_in_risk(dataset):
            return note | {"risk": risk}
        made = deidentify(dataset, pseudonyms)
    except dicom.BROKEN as error:
        return path, dicom.problem_of(error)
    try:
        # A full disk is nobody's broken file: it ends the export.
        width, height = export_png(made, png, display_window(modality, region))
    except InputError as error:
        return path, error.problem
    write_dicom(made, dcm)
    return note | {
        "width": width,
        "height": height,
        "png_sha256": sha256_of(png),
        "png_bytes": png.stat().st_size,
        "dicom_bytes": dcm.stat().st_size,
    }

"""From archive to pictures: every selected image de-identified, as DICOM and as PNG.

Images are exported in chunks, and the results of each chunk are noted, so that a killed export
resumes where it was.  An image is not exported again if its file, its pseudonyms and its making (a
digest of code, tables and libraries) are unchanged, and its picture has its noted SHA-256.
"""

import io
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image
from pydicom import dcmread, dcmwrite

from rin.curation.burned_in import DOUBTFUL, burned_in_risk, published_risk
from rin.curation.deidentify import Pseudonyms, deidentify, display_window, picture_of
from rin.curation.index import MARK
from rin.curation.problems import Problem, Reading, Readings, read_files
from rin.curation.taxonomy import taxonomy_file
from rin.data import dicom
from rin.data.kept_rows import load_rows, replace_rows
from rin.data.tree import walk
from rin.errors import redact
from rin.files import digest_of, is_whole, sha256_of, write_atomically

DICOM_FOLDER = "deidentified"
PICTURE_FOLDER = "pictures"
NOTES = "exported"
#: Fields of an image's note; `mark` changes with all that determines it, or if a file is touched.
_NOTE = {
    "mark": "",
    "uid": "",
    "risk": "",
    "png_sha256": "",
    "width": 0,
    "height": 0,
    "dicom_bytes": 0,
}
#: Libraries that determine the headers and pixels of an export.
LIBRARIES = ("dicom-anonymizer", "numpy", "onnxruntime", "pillow", "pydicom", "rapidocr")
#: Code and tables that determine an export.
PACKAGE = Path(__file__).parents[1]
_DECIDING = ("curation/*.py", "curation/*.yaml", "data/*.py", "data/*.yaml", "data/layouts/*.py")


def export_images(
    images: pd.DataFrame, root: Path, output: Path, pseudonyms: Pseudonyms
) -> Readings:
    """Export images that are not exported yet.

    `images` has the columns `sop_uid`, those of `index.MARK` (`path` is relative to `root`),
    `modality`, `region`, and `cleared`: whether a reviewer found no text in a doubtful image.
    `deidentified/<uid>.dcm`, `pictures/<uid>.png` and the notes are written to `output`.  Return
    the images that can be read and de-identified, with the columns of their notes, and the
    problems with the others.  Among the columns are `uid` (pseudonymous SOP instance UID), `risk`
    (why the image may show a name, else ""; such an image is not written), `width`, `height`.
    """
    for folder in (DICOM_FOLDER, PICTURE_FOLDER, NOTES):
        (output / folder).mkdir(parents=True, exist_ok=True)
    made_with = (pseudonyms.key, digest_of_code())
    stated = images[["sop_uid", "modality", "region", "cleared", *MARK]]
    rows = stated.itertuples(index=False, name=None)
    marks = [digest_of(repr((made_with, row))) for row in rows]
    images = images.assign(mark=pd.Series(marks, images.index, dtype=str))
    notes = load_rows(output / NOTES, _NOTE)
    whole = notes.loc[[_is_exported(output, note) for note in notes.itertuples()]]
    jobs = images[~images["mark"].isin(whole["mark"])].to_dict("records")
    known, problems = read_files(
        partial(_export, root, output, pseudonyms), jobs, "De-identifying", whole, output / NOTES
    )
    known = known.drop_duplicates("mark").set_index("mark")
    return images.join(known, on="mark", how="inner"), problems


def forget_others(output: Path, exported: pd.DataFrame) -> None:
    """Remove all images but those of `export_images` from an export and from its notes."""
    replace_rows(output / NOTES, exported[[*_NOTE]])
    written = exported.loc[exported["risk"] == "", "uid"]
    kept = {path for uid in written for path in _files_of(output, uid)}
    for folder in (output / DICOM_FOLDER, output / PICTURE_FOLDER):
        for path in {folder / name for name in walk(folder, links=True)} - kept:
            path.unlink()


def digest_of_code() -> str:
    """Return a digest of all that determines a corpus beside archive and plan."""
    files = [file for place in _DECIDING for file in PACKAGE.glob(place)]
    stated = [f"{file.name} {sha256_of(file)}" for file in [*sorted(files), taxonomy_file()]]
    stated += [f"{name} {version(name)}" for name in LIBRARIES]
    return digest_of("\n".join(stated))


def _is_exported(output: Path, note: Any) -> bool:
    """Return whether the image of a note is at risk, or its two files are there as noted.

    Pictures are compared by their SHA-256, as they are shared, and DICOM files by their size.
    """
    if note.risk != "":
        return True
    with suppress(FileNotFoundError):
        dcm, png = _files_of(output, note.uid)
        return dcm.stat().st_size == note.dicom_bytes and is_whole(png, note.png_sha256)
    return False


def _files_of(output: Path, uid: str) -> tuple[Path, Path]:
    return output / DICOM_FOLDER / f"{uid}.dcm", output / PICTURE_FOLDER / f"{uid}.png"


def _export(root: Path, output: Path, names: Pseudonyms, image: dict[str, Any]) -> Reading:
    """Export an image; return its note, or the problem with its file."""
    uid = names.uid(image["sop_uid"])
    note = {**_NOTE, "mark": image["mark"], "uid": uid}
    try:
        dataset = dcmread(dicom.DicomFile(io.BytesIO((root / image["path"]).read_bytes())))
        accepted = ("", DOUBTFUL) if image["cleared"] else ("",)
        risk = burned_in_risk(dataset)
        if risk in accepted:
            made = deidentify(dataset, names)
            gray = picture_of(made, display_window(image["modality"], image["region"]))
            risk = published_risk(gray, dicom.decode(made))
    except dicom.BROKEN as error:
        return Problem(image["path"], redact(error))
    if risk not in accepted:
        return [{**note, "risk": risk}]
    # Errors of writing, as with a full disk, are not those of a broken file: they end the export.
    dcm, png = _files_of(output, uid)
    with write_atomically(png) as draft:
        Image.fromarray(gray).save(draft, "PNG")
    with write_atomically(dcm) as draft:
        dcmwrite(draft, made, enforce_file_format=True)
    note["height"], note["width"] = gray.shape
    return [{**note, "png_sha256": sha256_of(png), "dicom_bytes": dcm.stat().st_size}]

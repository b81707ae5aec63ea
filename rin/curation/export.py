"""From archive to pictures: every selected image de-identified, as DICOM and as PNG.

Images are exported in chunks, and the results of each chunk are noted, so that a killed export
resumes where it was.  An image is not exported again if its file, its pseudonyms and its making (a
digest of code, tables and libraries) are unchanged.  A touched file is compared by its SHA-256,
and each picture with its noted SHA-256.
"""

import hashlib
import io
import os
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image
from pydicom import dcmread, dcmwrite

from rin.curation.burned_in import DOUBTFUL, burned_in_risk, published_risk
from rin.curation.deidentify import Pseudonyms, deidentify, display_window, picture_of
from rin.curation.index import MARK
from rin.curation.problems import Problem
from rin.curation.taxonomy import taxonomy_file
from rin.data import dicom
from rin.data.chunks import map_chunks
from rin.data.kept_rows import add_rows, load_rows, replace_rows
from rin.errors import unquoted
from rin.files import sha256_of, write_atomically

CHUNK = 128
DICOM_FOLDER, PICTURE_FOLDER, NOTES = "deidentified", "pictures", "exported"
#: Fields of an image's note: `making` changes with everything but its file, pseudonyms included,
#: `mark` also when the file is touched, and `file_sha256` with the content of the file.
_NOTE = dict.fromkeys(("mark", "making", "file_sha256", "uid", "risk", "png_sha256"), "")
_NOTE |= {"width": 0, "height": 0, "dicom_bytes": 0}
#: Libraries that determine the headers and pixels of an export.
LIBRARIES = ("dicom-anonymizer", "numpy", "onnxruntime", "pillow", "pydicom", "rapidocr")
PACKAGE = Path(__file__).parents[1]


def export_images(
    images: pd.DataFrame, root: Path, output: Path, pseudonyms: Pseudonyms
) -> tuple[pd.DataFrame, list[Problem]]:
    """Export images that are not exported yet.

    `images` has the columns `sop_uid`, those of `index.MARK` (`path` is relative to `root`),
    `modality`, `region`, and `cleared`: whether a reviewer found no text in a doubtful image.
    `deidentified/<uid>.dcm`, `pictures/<uid>.png` and the notes are written to `output`.  Return
    the notes on the images that can be read and de-identified, with the index of these, and the
    problems with the others.  Columns of the notes are, among others, `uid` (pseudonymous SOP
    instance UID), `risk` (why the image may show a name, else ""; such an image is not written),
    `width` and `height`.
    """
    for folder in (DICOM_FOLDER, PICTURE_FOLDER, NOTES):
        (output / folder).mkdir(parents=True, exist_ok=True)
    made_with = hashlib.sha256(pseudonyms.key + digest_of_code().encode()).hexdigest()
    making = _digests(images[["sop_uid", "modality", "region", "cleared"]], made_with)
    images = images.assign(making=making)
    images["mark"] = _digests(images[["making", *MARK]])
    tables, problems = [_whole_notes(load_rows(output / NOTES, _NOTE), output)], []
    before = {note["making"]: note for note in tables[0].to_dict("records")}
    columns = ["mark", "making", "sop_uid", "path", "modality", "region", "cleared"]
    missing = images.loc[~images["mark"].isin(tables[0]["mark"]), columns].to_dict("records")
    jobs = [image | {"noted": before.get(image["making"])} for image in missing]
    work = partial(_export, root, output, pseudonyms)
    for chunk in map_chunks(work, jobs, CHUNK, title="De-identifying"):
        problems += [problem for _, problem in chunk if problem]
        if made := [note for note, _ in chunk if note]:
            tables.append(pd.DataFrame(made))
            add_rows(output / NOTES, tables[-1])
    known = pd.concat(tables).drop_duplicates("mark").set_index("mark")
    exported = images.loc[images["mark"].isin(known.index), "mark"]
    noted = known.loc[exported].reset_index().set_axis(exported.index)
    return noted, problems


def forget_others(output: Path, noted: pd.DataFrame) -> None:
    """Remove all images but those of the given notes from an export and from its notes."""
    replace_rows(output / NOTES, noted)
    written = noted.loc[noted["risk"] == "", "uid"]
    for folder, ending in ((DICOM_FOLDER, ".dcm"), (PICTURE_FOLDER, ".png")):
        for name in _sizes(output / folder).keys() - set(written + ending):
            (output / folder / name).unlink()


def digest_of_code(package: Path = PACKAGE) -> str:
    """Return a digest of all that determines a corpus beside archive and plan."""
    places = ("curation/*.py", "curation/*.yaml", "data/*.py", "data/*.yaml")
    places += ("data/layouts/*.py",)
    digest = hashlib.sha256()
    for file in [*sorted(chain(*map(package.glob, places))), taxonomy_file()]:
        # A file that another process is replacing at this moment counts as absent.
        with suppress(FileNotFoundError):
            digest.update(f"{file.name}\0{sha256_of(file)}\0".encode())
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    return digest.hexdigest()


def _digests(columns: pd.DataFrame, *more: str) -> list[str]:
    """Return a digest of each row together with the texts in `more`."""
    rows = columns.astype(str).itertuples(index=False, name=None)
    return [hashlib.sha256("\0".join([*more, *row]).encode()).hexdigest() for row in rows]


def _sizes(folder: Path) -> dict[str, int]:
    """Return the size of every file in a folder; links do not count, as an export has none."""
    with os.scandir(folder) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
        return {entry.name: entry.stat().st_size for entry in files}


def _whole_notes(notes: pd.DataFrame, output: Path) -> pd.DataFrame:
    """Return the notes of images that are at risk, or whose two files are present as noted.

    Pictures are compared by their SHA-256, as they are shared, and DICOM files by their size.
    """
    folder = output / PICTURE_FOLDER
    digests = {name: sha256_of(folder / name) for name in _sizes(folder)}
    pictures = (notes["uid"] + ".png").map(digests)
    instances = (notes["uid"] + ".dcm").map(_sizes(output / DICOM_FOLDER))
    whole = (pictures == notes["png_sha256"]) & (instances == notes["dicom_bytes"])
    return notes[(notes["risk"] != "") | whole]


def _export(
    root: Path, output: Path, names: Pseudonyms, image: dict[str, Any]
) -> tuple[dict[str, Any] | None, Problem | None]:
    """Export an image; return its note, or the problem with its file.

    Nothing is written if the file was exported with the same content, according to `noted`.
    """
    uid, noted = names.uid(image["sop_uid"]), image["noted"]
    note = _NOTE | {"mark": image["mark"], "making": image["making"], "uid": uid}
    try:
        content = (root / image["path"]).read_bytes()
        note["file_sha256"] = hashlib.sha256(content).hexdigest()
        if noted and noted["file_sha256"] == note["file_sha256"]:
            return noted | {"mark": image["mark"]}, None
        dataset = dcmread(dicom.DicomFile(io.BytesIO(content)))
        accepted = ("", DOUBTFUL) if image["cleared"] else ("",)
        if (risk := burned_in_risk(dataset)) not in accepted:
            return note | {"risk": risk}, None
        made = deidentify(dataset, names)
        gray = picture_of(made, display_window(image["modality"], image["region"]))
        if (risk := published_risk(gray, dicom.decode(made))) not in accepted:
            return note | {"risk": risk}, None
    except dicom.BROKEN as error:
        return None, Problem(image["path"], unquoted(error))
    # Errors of writing, as with a full disk, are not those of a broken file: they end the export.
    png, dcm = output / PICTURE_FOLDER / f"{uid}.png", output / DICOM_FOLDER / f"{uid}.dcm"
    with write_atomically(png) as draft:
        Image.fromarray(gray).save(draft, "PNG")
    with write_atomically(dcm) as draft:
        dcmwrite(draft, made, enforce_file_format=True)
    note["height"], note["width"] = gray.shape
    return note | {"png_sha256": sha256_of(png), "dicom_bytes": dcm.stat().st_size}, None

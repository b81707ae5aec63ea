"""From archive to pictures: every selected image de-identified, as DICOM and as PNG.

Images are worked on in chunks; what a chunk made is noted in a file beside the pictures, so a
killed export goes on where it stood, and an image whose file, pseudonyms and making (a digest of
code, tables and libraries) are unchanged is not exported again.
"""

import hashlib
import json
import os
from collections.abc import Collection, Iterable
from contextlib import suppress
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path
from typing import Any

import pandas as pd
from PIL import Image
from pydicom import dcmread

import rin
from rin.curation import deidentify
from rin.curation.burned_in import DOUBTFUL, burned_in_risk
from rin.curation.deidentify import Pseudonyms
from rin.curation.index import Problem, refuse_files
from rin.curation.taxonomy import taxonomy_file
from rin.data import dicom
from rin.data.chunks import map_chunks
from rin.errors import unquoted
from rin.files import sha256_of, write_atomically

CHUNK = 128
DICOM_FOLDER, PICTURE_FOLDER = "deidentified", "pictures"
#: A line an image: a digest of the note, and the note as JSON.
NOTES = "exported.jsonl"
#: What is noted of an image, by its `mark`, which changes with its file, pseudonyms and making.
NOTED = ("mark", "uid", "risk", "width", "height", "png_sha256", "png_bytes", "dicom_bytes")
#: Libraries that decide headers and pixels of an export.
LIBRARIES = ("dicom-anonymizer", "numpy", "onnxruntime", "pillow", "pydicom", "rapidocr")
#: Modules and tables that decide what an exported image holds; exclusions say what a capture is.
DECIDING = (
    *("curation/burned_in.py", "curation/burned_in.yaml", "curation/exclusions.yaml"),
    *("curation/deidentify.py", "curation/deidentify.yaml"),
    *("curation/export.py", "curation/kept_attributes.yaml", "curation/taxonomy.py"),
    *("curation/taxonomy.yaml", "data/dicom.py"),
)
PACKAGE = Path(rin.__file__).parent
#: Folders of exported files, the end of their names, and the column that notes their size.
EXPORTED = ((DICOM_FOLDER, ".dcm", "dicom_bytes"), (PICTURE_FOLDER, ".png", "png_bytes"))


def export_images(
    images: pd.DataFrame,
    root: Path,
    output: Path,
    pseudonyms: Pseudonyms,
    workers: int | None,
    cleared: Collection[str] = (),
) -> pd.DataFrame:
    """Export images that are not exported yet, and forget those that are not asked for any more.

    `images` holds `sop_uid`, `path` below `root`, `modality`, `region`, and `bytes` and
    `modified_ns` of the file, by which a change is seen; `cleared` are the SOP UIDs of doubtful
    ones that a reviewer saw to be free of text.  `output` gets `deidentified/<uid>.dcm`,
    `pictures/<uid>.png` and the notes.  Returned are, in rows as in `images`, `uid` (pseudonymous
    SOP instance UID), `risk` (why the image may show a name, else ""; such an image is not
    written), `width`, `height` and `png_sha256`.  InputError lists the images that cannot be read
    or de-identified, together and after the others are exported.
    """
    for folder, *_ in EXPORTED:
        (output / folder).mkdir(parents=True, exist_ok=True)
    images = images.assign(cleared=images["sop_uid"].isin(cleared))
    images["mark"] = _marks(images, pseudonyms)
    missing = images[~images["mark"].isin(_whole(read_notes(output), output)["mark"])]
    columns = ["mark", "sop_uid", "path", "modality", "region", "cleared"]
    jobs = list(missing[columns].itertuples(index=False, name=None))
    work, problems = partial(_export, root, output, pseudonyms), []
    with (output / NOTES).open("a", encoding="utf-8") as notes:
        for done in map_chunks(work, jobs, CHUNK, workers=workers, title="De-identifying"):
            problems += [problem for _, problem in done if problem]
            notes.writelines(_line(note) for note, _ in done if note)
            notes.flush()
    refuse_files(
        root,
        problems,
        f"{len(problems)} of {len(images)} images cannot be exported",
        "Export these files from the archive again, or take them out of its folder. What was "
        "done for the others is kept.",
    )
    noted = read_notes(output).set_index("mark").loc[images["mark"]].reset_index()
    with write_atomically(output / NOTES) as draft:
        draft.write_text("".join(map(_line, noted.to_dict("records"))), "utf-8")
    written = noted.loc[noted["risk"] == "", "uid"]
    for folder, ending, _ in EXPORTED:
        for name in _sizes(output / folder).keys() - set(written + ending):
            (output / folder / name).unlink()
    return noted


def all_there(output: Path) -> bool:
    """Tell whether every file is there that the last export noted, and no other."""
    noted = read_notes(output)
    counts = {len(_sizes(output / folder)) for folder, *_ in EXPORTED}
    return counts == {(noted["risk"] == "").sum()} and len(_whole(noted, output)) == len(noted)


def digest_of_image_code() -> str:
    """Return a digest of what decides an exported image, its source and the key aside."""
    return _digest(PACKAGE / name for name in DECIDING)


def digest_of_corpus_code() -> str:
    """Return a digest of what decides a curated corpus, archive and plan aside."""
    places = ("curation/*.py", "curation/*.yaml", "data/*.py", "data/layouts/*.py")
    return _digest([*sorted(chain(*map(PACKAGE.glob, places))), taxonomy_file()])


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
    columns = ["sop_uid", "path", "bytes", "modified_ns", "modality", "region", "cleared"]
    rows = images[columns].astype(str).itertuples(index=False)
    return [_digest_of("\0".join([code, key, *row])) for row in rows]


def read_notes(output: Path) -> pd.DataFrame:
    """Return the notes that are as they were written, the last of each image."""
    notes = []
    if (output / NOTES).is_file():
        for line in (output / NOTES).read_text("utf-8", "replace").splitlines():
            digest, _, text = line.partition(" ")
            if digest == _digest_of(text):
                notes.append(json.loads(text))
    return pd.DataFrame(notes, columns=NOTED).drop_duplicates("mark", keep="last")


def _line(note: dict[str, Any]) -> str:
    # The line end comes first, so that what a killed process left unfinished ends there.
    text = json.dumps(note)
    return f"\n{_digest_of(text)} {text}"


def _digest_of(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _sizes(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries}


def _whole(notes: pd.DataFrame, output: Path) -> pd.DataFrame:
    """Return the notes of images that are at risk, or of which both files are there as noted."""
    whole = pd.Series(True, index=notes.index)
    for folder, ending, column in EXPORTED:
        whole &= (notes["uid"] + ending).map(_sizes(output / folder)) == notes[column]
    return notes[(notes["risk"] != "") | whole]


def _export(
    root: Path, output: Path, names: Pseudonyms, image: tuple
) -> tuple[dict[str, Any] | None, Problem | None]:
    """Export an image; return its note, or what is wrong with its file."""
    mark, sop_uid, path, modality, region, cleared = image
    uid = names.uid(sop_uid)
    note = {"mark": mark, "uid": uid, "risk": "", "width": 0, "height": 0}
    note |= {"png_sha256": "", "png_bytes": 0, "dicom_bytes": 0}
    dcm, png = (output / folder / f"{uid}{ending}" for folder, ending, _ in EXPORTED)
    try:
        dataset = dcmread(root / path)
        risk = burned_in_risk(dataset)
        if risk and not (cleared and risk == DOUBTFUL):
            return note | {"risk": risk}, None
        made = deidentify.deidentify(dataset, names)
        gray = deidentify.picture_of(made, deidentify.display_window(modality, region))
    except dicom.BROKEN as error:
        return None, Problem(path, unquoted(error))
    # A full disk is nobody's broken file: it ends the export.
    with write_atomically(png) as draft:
        Image.fromarray(gray).save(draft, "PNG")
    deidentify.write_dicom(made, dcm)
    note["height"], note["width"] = gray.shape
    note |= {"png_bytes": png.stat().st_size, "dicom_bytes": dcm.stat().st_size}
    return note | {"png_sha256": sha256_of(png)}, None

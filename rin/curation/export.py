"""From archive to pictures: every selected image de-identified, as DICOM and as PNG.

Images are worked on in chunks; what a chunk made is noted in a small database beside the pictures,
so a killed export goes on where it stood, and an image whose file, pseudonyms and making (a digest
of code, tables and libraries) are unchanged is not exported again.
"""

import hashlib
import os
import sqlite3
from collections.abc import Collection, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from functools import partial
from importlib.metadata import version
from itertools import chain
from pathlib import Path

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
from rin.errors import explained, unquoted
from rin.files import sha256_of, write_atomically

CHUNK = 128
DICOM_FOLDER, PICTURE_FOLDER = "deidentified", "pictures"
NOTES = "exported.sqlite"
#: What is noted of an image, by its `mark`, which changes with its file, pseudonyms and making.
NOTED = ("mark", "uid", "risk", "width", "height", "png_sha256", "png_bytes", "dicom_bytes", "seal")
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
    marks = _marks(images, pseudonyms)
    with _notes(output) as notes:
        known = set(_whole(_read(notes), output)["mark"])
        columns = images[["sop_uid", "path", "modality", "region", "cleared"]]
        columns = columns.itertuples(index=False)
        jobs = [(mark, *row) for mark, row in zip(marks, columns, strict=True) if mark not in known]
        work, bad = partial(_export, root, output, pseudonyms), []
        for done in map_chunks(work, jobs, CHUNK, workers=workers, title="De-identifying"):
            bad += [result for result in done if isinstance(result[1], str)]
            made = [(mark, *note) for mark, note in done if not isinstance(note, str)]
            made = [(*note, _seal(note)) for note in made]
            with notes:
                values = ", ".join("?" * len(NOTED))
                notes.executemany(f"INSERT OR REPLACE INTO exported VALUES ({values})", made)
        refuse_files(
            root,
            [Problem(*pair) for pair in bad],
            f"{len(bad)} of {len(images)} images cannot be exported",
            "Export these files from the archive again, or take them out of its folder. What was "
            "done for the others is kept.",
        )
        noted = _read(notes).set_index("mark")
        with notes:
            stale = [(mark,) for mark in noted.index.difference(marks)]
            notes.executemany("DELETE FROM exported WHERE mark = ?", stale)
    noted = noted.loc[marks].reset_index(drop=True)
    written = noted.loc[noted["risk"] == "", "uid"]
    for folder, ending, _ in EXPORTED:
        for name in _sizes(output / folder).keys() - set(written + ending):
            (output / folder / name).unlink()
    return noted


def all_there(output: Path) -> bool:
    """Tell whether every file is there that the last export noted, and no other."""
    if not all((output / name).exists() for name in (NOTES, DICOM_FOLDER, PICTURE_FOLDER)):
        return False
    with _notes(output) as notes:
        noted = _read(notes)
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
    texts = ["\0".join([code, key, *row]).encode("utf-8", "surrogatepass") for row in rows]
    return [hashlib.blake2b(text, digest_size=16).hexdigest() for text in texts]


@contextmanager
def _notes(output: Path) -> Iterator[sqlite3.Connection]:
    """Open the notes of an export, which are made on first use."""
    problem = "the notes of an export cannot be read or written"
    remedy = "Free some space, or delete this file; the next run exports its images again."
    failing = explained(problem, where=output / NOTES, remedy=remedy, kinds=sqlite3.DatabaseError)
    with failing, closing(sqlite3.connect(output / NOTES)) as notes:
        there = [name for _, name, *_ in notes.execute("PRAGMA table_info(exported)")]
        if there not in ([], [*NOTED]):  # of another version, whose images are exported anew anyway
            notes.execute("DROP TABLE exported")
        columns = ", ".join(NOTED).replace("mark", "mark PRIMARY KEY")
        notes.execute(f"CREATE TABLE IF NOT EXISTS exported ({columns})")
        yield notes


def _read(notes: sqlite3.Connection) -> pd.DataFrame:
    """Return the notes that are as they were written."""
    rows = notes.execute("SELECT * FROM exported").fetchall()
    return pd.DataFrame([row for row in rows if row[-1] == _seal(row[:-1])], columns=NOTED)


def _seal(note: tuple) -> str:
    return hashlib.blake2b(repr(note).encode(), digest_size=16).hexdigest()


def _sizes(folder: Path) -> dict[str, int]:
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries}


def _whole(notes: pd.DataFrame, output: Path) -> pd.DataFrame:
    """Return the notes of images that are at risk, or of which both files are there as noted."""
    whole = pd.Series(True, index=notes.index)
    for folder, ending, column in EXPORTED:
        whole &= (notes["uid"] + ending).map(_sizes(output / folder)) == notes[column]
    return notes[(notes["risk"] != "") | whole]


def _export(root: Path, output: Path, names: Pseudonyms, image: tuple) -> tuple[str, tuple | str]:
    """Export an image; return its mark and its note, or its path and what is wrong with it."""
    mark, sop_uid, path, modality, region, cleared = image
    uid = names.uid(sop_uid)
    dcm, png = (output / folder / f"{uid}{ending}" for folder, ending, _ in EXPORTED)
    try:
        dataset = dcmread(root / path)
        risk = burned_in_risk(dataset)
        if risk and not (cleared and risk == DOUBTFUL):
            return mark, (uid, risk, 0, 0, "", 0, 0)
        made = deidentify.deidentify(dataset, names)
        gray = deidentify.picture_of(made, deidentify.display_window(modality, region))
    except dicom.BROKEN as error:
        return path, unquoted(error)
    # A full disk is nobody's broken file: it ends the export.
    with write_atomically(png) as draft:
        Image.fromarray(gray).save(draft, "PNG")
    deidentify.write_dicom(made, dcm)
    sizes = png.stat().st_size, dcm.stat().st_size
    return mark, (uid, "", *gray.shape[::-1], sha256_of(png), *sizes)

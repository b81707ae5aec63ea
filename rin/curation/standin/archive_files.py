"""Writing the stand-in archive to disk: all of it, or nothing.

``dicom/<patient>/<study>/<series>/<instance>.dcm``, ``reports/<accession>.txt``,
``label_map.csv`` for terms of the site's own, ``truth.csv``, and the note that marks it as a
stand-in.  Equal arguments make equal bytes.
"""

import csv
import hashlib
import json
import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from pydicom import dcmwrite

from rin.curation.standin.report_texts import site_term, write_report
from rin.curation.standin.studies import Study, plan_studies
from rin.curation.standin.study_files import StudyFiles, study_files
from rin.data.layouts.found import STAND_IN_NOTE
from rin.errors import InputError

VERSION = 1
SMALLEST, LARGEST = 48, 512
#: One finding in so many is named in a term of the site's own.
SITE_TERMS = 8
TRUTH = "truth.csv"
LABEL_MAP = "label_map.csv"


def write_archive(folder: Path, *, studies: int, size: int, seed: int) -> Path:
    """Write a stand-in archive, unless the folder already holds this one.

    Parameters
    ----------
    folder
        The archive: a folder that does not exist, is empty, or holds the same archive.
    studies
        Number of studies, at least 30.  15 classes in seven regions of CT, MR and ultrasound;
        of 320 studies each class has at least 18 patients, of 96 at least 5.
    size
        Width of the pictures in pixels, 48 to 512; a multiple of four.
    seed
        From 0; another seed is another archive.

    Returns
    -------
    Path
        ``folder``.

    Raises
    ------
    InputError
        Arguments out of range, another content in the folder, or a folder that cannot be
        written.

    Notes
    -----
    Images and documents were checked with dciodvfy, dcentvfy, dcmpschk, dsrdump and highdicom.
    """
    folder = Path(folder)
    made_of = {"stand_in": "outpatient archive", "version": VERSION, "studies": studies}
    made_of |= {"size": size, "seed": seed}
    _check(studies, size, seed)
    if _holds(folder, made_of):
        return folder
    try:
        _write_whole(folder, made_of)
    except OSError as error:
        raise InputError(
            f"the stand-in archive cannot be written ({error})",
            where=folder,
            remedy="Free some space, or name a folder that can be written.",
        ) from error
    return folder


def _check(studies: int, size: int, seed: int) -> None:
    for name, value, low, high in (
        ("studies", studies, 30, 100_000),
        ("size", size, SMALLEST, LARGEST),
        ("seed", seed, 0, 2**32 - 1),
    ):
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise InputError(
                f"{name} is {value!r}",
                where="stand-in archive",
                remedy=f"Give a whole number from {low} to {high}.",
            )
    if size % 4:
        raise InputError(
            f"size is {size}", where="stand-in archive", remedy="Give a multiple of four."
        )


def _holds(folder: Path, made_of: dict) -> bool:
    """Tell whether a folder holds this very archive; raise where it holds something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        note = json.loads((folder / STAND_IN_NOTE).read_text("utf-8"))
        same = {name: note.get(name) for name in made_of} == made_of
    except (OSError, ValueError, AttributeError):
        same = False
    if not same:
        raise InputError(
            "the folder holds something else than the archive asked for",
            where=folder,
            remedy="Name another folder, or delete this one if it is not needed.",
        )
    return True


def _write_whole(folder: Path, made_of: dict) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        plan = plan_studies(made_of["studies"], made_of["seed"])
        (unfinished / "reports").mkdir()
        counts: Counter[str] = Counter(studies=len(plan))
        terms: dict[str, tuple[str, str]] = {}
        for study in plan:
            named = _named_findings(study, terms)
            files = study_files(study, made_of["size"], made_of["seed"], named)
            counts.update(_write_study(unfinished, files))
            report = write_report(study, made_of["seed"])
            place = unfinished / "reports" / f"{study.accession}.txt"
            place.write_text(report, encoding="utf-8", newline="\n")
        _write_tables(unfinished, plan, terms)
        note = made_of | {"counts": dict(sorted(counts.items()))}
        (unfinished / STAND_IN_NOTE).write_text(json.dumps(note, indent=1) + "\n", "utf-8")
        unfinished.chmod(0o755)
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _named_findings(study: Study, terms: dict[str, tuple[str, str]]) -> list[str]:
    """Return what the reader writes about each finding, and note terms of the site's own."""
    named = []
    for label in study.marked:
        digest = hashlib.sha256(f"{study.study_uid} {label}".encode()).digest()
        if digest[0] % SITE_TERMS:
            named.append(f"{study.region}: {label}")
        else:
            named.append(site_term(study.region, label))
            terms[named[-1]] = (study.region, label)
    return named


def _write_study(root: Path, files: StudyFiles) -> Counter[str]:
    """Write the instances of a study and return how many there are of each sort."""
    for one in files.everything():
        place = root / "dicom" / one.PatientID / one.StudyInstanceUID / one.SeriesInstanceUID
        place.mkdir(parents=True, exist_ok=True)
        dcmwrite(place / f"{one.SOPInstanceUID}.dcm", one, enforce_file_format=True)
    return files.counts()


def _write_tables(root: Path, plan: list[Study], terms: dict[str, tuple[str, str]]) -> None:
    truth = [
        (one.accession, int(one.normal), one.kind, one.region, ";".join(one.labels)) for one in plan
    ]
    header = ("accession_number", "normal", "kind", "region", "label")
    _write_table(root / TRUTH, header, truth)
    translated = [(term, *terms[term]) for term in sorted(terms)]
    _write_table(root / LABEL_MAP, ("finding", "region", "label"), translated)


def _write_table(path: Path, header: tuple[str, ...], rows: Iterable[tuple]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)

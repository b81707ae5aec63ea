"""A stand-in outpatient archive: DICOM studies, reports and key images, as a PACS exports them.

It has the layout of a real export and is read by the same code.  It shows that curation works
and how good the search of the reports is on wording that is known; it says nothing about
medicine.  ``dicom/<patient>/<study>/<series>/<instance>.dcm``, ``reports/<accession>.txt``,
``label_map.csv`` for terms of the site's own, ``truth.csv``, and the note that marks it as a
stand-in.  Equal arguments make equal bytes.
"""

import hashlib
import json
from collections import Counter
from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmwrite

from rin.curation.standin import images
from rin.curation.standin.documents import dose_report, key_selection, outlined
from rin.curation.standin.images import Series, display, draw_slices, key_slices, outline_points
from rin.curation.standin.phantoms import Drawing
from rin.curation.standin.reports import site_term, write_report
from rin.curation.standin.studies import Study, plan_studies
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.standins.writers import write_json, write_table, write_whole
from rin.errors import InputError

VERSION = 1
#: Fewest and most studies, pixels across, and the range of seeds.
RANGES = {"studies": (30, 100_000), "size": (48, 512), "seed": (0, 2**32 - 1)}
#: One finding in so many is named in a term of the site's own.
SITE_TERMS = 8
TRUTH = "truth.csv"
LABEL_MAP = "label_map.csv"
#: What the instances of a study are.
SORTS = (
    *("diagnostic", "localizers", "projections", "clips", "captures"),
    *("dose_reports", "key_selections", "outlines"),
)
#: Series numbers.
LOCALIZER, MAIN, CLIP, PROJECTION, CAPTURE = 1, 2, 3, 4, 99
KEY_SELECTIONS, OUTLINES, DOSE = 501, 502, 997
#: Shares of the studies that bring them.
CAPTURES, DOSES, PROJECTIONS, CLIPS, COLOR = 0.25, 0.6, 0.2, 0.25, 0.25
#: Ultrasound: whether a name is burned in, what BurnedInAnnotation says, and the share of each.
BURNED = ((True, "YES", 0.25), (True, "", 0.25), (False, "NO", 0.2), (False, "", 0.3))


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
    """
    folder = Path(folder)
    asked = {"studies": studies, "size": size, "seed": seed}
    _check(asked)
    made_of = {"stand_in": "outpatient archive", "version": VERSION} | asked
    if not _holds(folder, made_of):
        write_whole(folder, "archive", lambda unfinished: _write(unfinished, made_of))
    return folder


def _check(asked: dict[str, int]) -> None:
    for name, value in asked.items():
        low, high = RANGES[name]
        whole = isinstance(value, int) and not isinstance(value, bool)
        if not whole or not low <= value <= high or (name == "size" and value % 4):
            unit = "multiple of four" if name == "size" else "whole number"
            raise InputError(
                f"{name} is {value!r}",
                where="stand-in archive",
                remedy=f"Give a {unit} from {low} to {high}.",
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


def _write(root: Path, made_of: dict) -> None:
    seed = made_of["seed"]
    plan = plan_studies(made_of["studies"], seed)
    counts = Counter(studies=len(plan))
    terms: dict[str, tuple[str, str]] = {}
    (root / "reports").mkdir()
    for study in plan:
        named = _named_findings(study, terms)
        for sort, instances in study_instances(study, made_of["size"], seed, named).items():
            counts[sort] += len(instances)
            for dataset in instances:
                levels = dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID
                place = root.joinpath("dicom", *levels)
                place.mkdir(parents=True, exist_ok=True)
                path = place / f"{dataset.SOPInstanceUID}.dcm"
                dcmwrite(path, dataset, enforce_file_format=True)
        report = root / "reports" / f"{study.accession}.txt"
        report.write_text(write_report(study, seed), encoding="utf-8", newline="\n")
    truth = [(s.accession, int(s.normal), s.kind, s.region, ";".join(s.labels)) for s in plan]
    write_table(root / TRUTH, ("accession_number", "normal", "kind", "region", "label"), truth)
    translated = [(term, *terms[term]) for term in sorted(terms)]
    write_table(root / LABEL_MAP, ("finding", "region", "label"), translated)
    write_json(root / STAND_IN_NOTE, made_of | {"counts": dict(sorted(counts.items()))})


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


def study_instances(
    study: Study, size: int, seed: int, named: list[str]
) -> dict[str, list[Dataset]]:
    """Make the instances of a study, by what they are (`SORTS`), as they would leave a PACS.

    ``named`` is what the reader writes about each finding that is marked.
    """
    rng = np.random.default_rng([8, seed, study.number])
    found: dict[str, list[Dataset]] = {sort: [] for sort in SORTS}
    drawings = draw_slices(study, size, seed)
    main = Series(study, MAIN, f"{study.region} diagnostic", study.modality)
    if study.modality == "US":
        _add_ultrasound(rng, main, drawings, found)
    else:
        scout = images.draw_localizer(study, size, seed)
        _add_sectional(rng, main, drawings, scout, found)
    if rng.random() < CAPTURES:
        series = Series(study, CAPTURE, "Screen save", study.modality)
        screen = display(drawings[len(drawings) // 2], study.region)
        found["captures"].append(images.capture(series, screen))
    _add_readings(study, drawings, named, found)
    return found


def _add_sectional(
    rng: np.random.Generator,
    main: Series,
    drawings: list[Drawing],
    scout: np.ndarray,
    found: dict[str, list[Dataset]],
) -> None:
    """Add the CT or MR images of a study; CT with dose reports and projections."""
    study = main.study
    first = Series(study, LOCALIZER, "Localizer", study.modality)
    if study.modality == "MR":
        found["diagnostic"] += images.mr_slices(main, drawings)
        found["localizers"].append(images.mr_localizer(first, scout))
        return
    found["diagnostic"] += images.ct_slices(main, drawings)
    found["localizers"].append(images.ct_localizer(first, scout))
    if rng.random() < PROJECTIONS:
        series = Series(study, PROJECTION, "MIP", "CT")
        found["projections"].append(images.ct_projection(series, drawings))
    if rng.random() < DOSES:
        found["dose_reports"].append(dose_report(Series(study, DOSE, "Dose report", "SR")))


def _add_ultrasound(
    rng: np.random.Generator,
    main: Series,
    drawings: list[Drawing],
    found: dict[str, list[Dataset]],
) -> None:
    study = main.study
    chosen = rng.choice(len(BURNED), p=[share for *_, share in BURNED])
    burned, said, _ = BURNED[chosen]
    text = f"{study.patient.name} {study.day:%d.%m.%Y}" if burned else ""
    # A grayscale presentation state may not refer to a colour image.
    color = rng.random() < COLOR
    marked = {index for label in study.marked for index in key_slices(drawings, label)}
    for index, drawing in enumerate(drawings):
        rgb = color and index not in marked
        image = images.us_image(main, index + 1, drawing, text=text, burned_in=said, color=rgb)
        found["diagnostic"].append(image)
    if rng.random() < CLIPS:
        found["clips"].append(images.us_clip(Series(study, CLIP, "Clip", "US"), drawings))


def _add_readings(
    study: Study, drawings: list[Drawing], named: list[str], found: dict[str, list[Dataset]]
) -> None:
    """Add what the reader marked: a selection per finding, an outline per key image."""
    selections = Series(study, KEY_SELECTIONS, "Key images", "KO")
    states = Series(study, OUTLINES, "Outlines", "PR")
    for number, (label, words) in enumerate(zip(study.marked, named, strict=True), start=1):
        chosen = key_slices(drawings, label)
        marked = [found["diagnostic"][index] for index in chosen]
        found["key_selections"].append(key_selection(selections, number, words, marked))
        for index, image in zip(chosen, marked, strict=True):
            points = outline_points(drawings[index].lesions[label])
            state = outlined(states, len(found["outlines"]) + 1, image, points, words)
            found["outlines"].append(state)

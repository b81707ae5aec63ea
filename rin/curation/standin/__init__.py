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
from numpy.random import default_rng
from pydicom import Dataset, dcmwrite

from rin.curation.standin import instances
from rin.curation.standin.instances import (
    Series,
    display,
    draw_localizer,
    draw_slices,
    key_slices,
)
from rin.curation.standin.studies import WORDS, Study, plan_studies, write_report
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.standins.writers import write_json, write_table, write_whole
from rin.errors import InputError

VERSION = 2
#: Fewest and most studies, pixels across, and the range of seeds.
RANGES = {"studies": (30, 100_000), "size": (48, 512), "seed": (0, 2**32 - 1)}
#: One finding in so many is named in a term of the site's own.
SITE_TERMS = 8
#: What the instances of a study are.
SORTS = (
    *("diagnostic", "localizers", "projections", "clips", "captures"),
    *("dose_reports", "key_selections", "outlines"),
)
#: Shares of the studies that bring them.
CAPTURES, DOSES, PROJECTIONS, CLIPS, COLOR = 0.25, 0.6, 0.2, 0.25, 0.25
#: Ultrasound: whether a name is burned in, what BurnedInAnnotation says, and the share of each.
BURNED = ((True, "YES", 0.25), (True, "", 0.25), (False, "NO", 0.2), (False, "", 0.3))


def write_archive(folder: Path, *, studies: int, size: int, seed: int) -> Path:
    """Write a stand-in archive, unless the folder already holds this one, and return the folder.

    Another content of the folder is refused, as are arguments out of `RANGES`.  There are 15
    classes in seven regions of CT, MR and ultrasound; of 320 studies each class has at least 18
    patients, of 96 at least 5.
    """
    folder = Path(folder)
    asked = {"studies": studies, "size": size, "seed": seed}
    for name, value in asked.items():
        low, high = RANGES[name]
        step = 4 if name == "size" else 1
        if type(value) is not int or not low <= value <= high or value % step:
            unit = "multiple of four" if name == "size" else "whole number"
            raise InputError(
                f"{name} is {value!r}",
                where="stand-in archive",
                remedy=f"Give a {unit} from {low} to {high}.",
            )
    made_of = {"stand_in": "outpatient archive", "version": VERSION} | asked
    if not _holds(folder, made_of):
        write_whole(folder, "archive", lambda unfinished: _write(unfinished, made_of))
    return folder


def _holds(folder: Path, made_of: dict) -> bool:
    """Tell whether a folder holds this very archive; raise where it holds something else."""
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    try:
        note = json.loads((folder / STAND_IN_NOTE).read_text("utf-8"))
        same = made_of.items() <= note.items()
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
        for sort, found in study_instances(study, made_of["size"], seed, named).items():
            counts[sort] += len(found)
            for dataset in found:
                levels = dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID
                place = root.joinpath("dicom", *levels)
                place.mkdir(parents=True, exist_ok=True)
                path = place / f"{dataset.SOPInstanceUID}.dcm"
                dcmwrite(path, dataset, enforce_file_format=True)
        report = root / "reports" / f"{study.accession}.txt"
        report.write_text(write_report(study, seed), encoding="utf-8", newline="\n")
    truth = [(s.accession, int(s.normal), s.kind, s.region, ";".join(s.labels)) for s in plan]
    write_table(
        root / "truth.csv", ("accession_number", "normal", "kind", "region", "label"), truth
    )
    translated = [(term, *terms[term]) for term in sorted(terms)]
    write_table(root / "label_map.csv", ("finding", "region", "label"), translated)
    write_json(root / STAND_IN_NOTE, made_of | {"counts": dict(sorted(counts.items()))})


def _named_findings(study: Study, terms: dict[str, tuple[str, str]]) -> list[str]:
    """Return what the reader writes about each finding, and note terms of the site's own."""
    named = []
    for label in study.marked:
        digest = hashlib.sha256(f"{study.study_uid} {label}".encode()).digest()
        if digest[0] % SITE_TERMS:
            named.append(f"{study.region}: {label}")
        else:
            named.append(WORDS["regions"][study.region]["findings"][label]["site_term"])
            terms[named[-1]] = (study.region, label)
    return named


def study_instances(
    study: Study, size: int, seed: int, named: list[str]
) -> dict[str, list[Dataset]]:
    """Make the instances of a study, by what they are (`SORTS`), as they would leave a PACS.

    ``named`` is what the reader writes about each finding that is marked.
    """
    rng = default_rng([8, seed, study.number])
    found: dict[str, list[Dataset]] = {sort: [] for sort in SORTS}
    drawings = draw_slices(study, size, seed)
    key = {label: key_slices(drawings, label) for label in study.marked}
    modality = study.facts["modality"]
    main = Series(study, 2, f"{study.region} diagnostic", modality)
    if modality == "US":
        burned, said, _ = BURNED[rng.choice(len(BURNED), p=[share for *_, share in BURNED])]
        text = f"{study.patient.name} {study.day:%d.%m.%Y}" if burned else ""
        # A grayscale presentation state may not refer to a colour image.
        gray = {index for indices in key.values() for index in indices}
        colored = set(range(len(drawings))) - gray if rng.random() < COLOR else ()
        found["diagnostic"] = [
            instances.sonogram(main, index, drawing, text, said, index in colored)
            for index, drawing in enumerate(drawings)
        ]
        if rng.random() < CLIPS:
            found["clips"].append(instances.clip(Series(study, 3, "Clip", "US"), drawings))
    else:
        places = study.facts["gap"] * (np.arange(len(drawings)) - (len(drawings) - 1) / 2)
        found["diagnostic"] = [
            instances.section(main, number, drawing.values, place=float(place))
            for number, (drawing, place) in enumerate(zip(drawings, places, strict=True), start=1)
        ]
        first, scout = Series(study, 1, "Localizer", modality), draw_localizer(study, size, seed)
        found["localizers"].append(instances.section(first, 1, scout, "localizer"))
        if modality == "CT" and rng.random() < PROJECTIONS:
            highest = np.max([drawing.values for drawing in drawings], axis=0)
            series = Series(study, 4, "MIP", "CT")
            found["projections"].append(instances.section(series, 1, highest, "projection"))
        if modality == "CT" and rng.random() < DOSES:
            report = instances.dose_report(Series(study, 997, "Dose report", "SR"))
            found["dose_reports"].append(report)
    if rng.random() < CAPTURES:
        screen = display(drawings[len(drawings) // 2], study.region)
        series = Series(study, 99, "Screen save", modality)
        found["captures"].append(instances.capture(series, screen))
    selections = Series(study, 501, "Key images", "KO")
    states = Series(study, 502, "Outlines", "PR")
    for number, (label, words) in enumerate(zip(study.marked, named, strict=True), start=1):
        marked = [found["diagnostic"][index] for index in key[label]]
        selection = instances.key_selection(selections, number, words, marked)
        found["key_selections"].append(selection)
        for index, image in zip(key[label], marked, strict=True):
            mask, place = drawings[index].lesions[label], len(found["outlines"]) + 1
            found["outlines"].append(instances.outlined(states, place, image, mask, words))
    return found

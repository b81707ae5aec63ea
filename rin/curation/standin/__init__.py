"""A stand-in outpatient archive: DICOM studies, reports and key images, as a PACS exports them.

It shows that curation works, and how good the search of reports is on known wording; it says
nothing about medicine.  It contains ``dicom/<patient>/<study>/<series>/<instance>.dcm``,
``reports/<accession>.txt``, ``label_map.csv`` for the site's own terms, ``truth.csv``, and the
note that marks it as a stand-in.  Equal arguments make equal bytes.

It also contains localizers, and ultrasound with burned-in text, which curation has to distinguish
from diagnostic images.  The headers (headers.yaml) name people, as those of a real export do.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import default_rng
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, dcmwrite
from scipy.ndimage import binary_dilation
from skimage import measure

from rin.curation.standin.studies import CLASSES, REGIONS, WORDS, Study, plan_studies, write_report
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.standins.phantoms import Phantom, to_uint8
from rin.data.standins.writers import (
    fill,
    make_uid,
    new_instance,
    set_pixels,
    write_json,
    write_table,
    write_whole,
)
from rin.files import read_facts

#: Bump it when files or their content change.
VERSION = 6
#: Ultrasound: whether a name is burned in, and what BurnedInAnnotation says, in turn.
BURNED = ((True, "YES"), (True, ""), (False, "NO"), (False, ""))
TEMPLATES = read_facts(__file__, "headers.yaml")
TEXT_HEIGHT = 11


def write_archive(folder: Path, *, studies: int, size: int, seed: int) -> Path:
    """Write a stand-in archive, unless the folder exists already, and return the folder.

    The folder appears only when whole.  It has 15 classes in seven regions of CT, MR and
    ultrasound.  There must be at least 30 `studies`; `size`, the width of pictures in pixels, must
    be at least 48 and a multiple of four.
    """

    def write(root: Path) -> None:
        plan = plan_studies(studies, seed)
        (root / "reports").mkdir()
        for study in plan:
            for dataset in study_instances(study, size, seed):
                levels = dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID
                path = root.joinpath("dicom", *levels, f"{dataset.SOPInstanceUID}.dcm")
                path.parent.mkdir(parents=True, exist_ok=True)
                dcmwrite(path, dataset, enforce_file_format=True)
            report = root / "reports" / f"{study.accession}.txt"
            report.write_text(write_report(study, seed), encoding="utf-8")
        truth = [(s.accession, int(s.normal), s.kind, s.region, ";".join(s.labels)) for s in plan]
        columns = ("accession_number", "normal", "kind", "region", "label")
        write_table(root / "truth.csv", columns, truth)
        terms = [
            (words["site_term"], region, label)
            for region, written in WORDS["regions"].items()
            for label, words in written["findings"].items()
        ]
        write_table(root / "label_map.csv", ("finding", "region", "label"), terms)
        write_json(root / STAND_IN_NOTE, {"stand_in": "outpatient archive"})

    write_whole(folder, "archive", write)
    return folder


def study_instances(study: Study, size: int, seed: int) -> list[Dataset]:
    """Return the instances of a study, diagnostic images first, as they would leave a PACS."""
    drawings = draw_slices(study, size, seed)
    make = _sonogram if study.facts["modality"] == "US" else _section
    images = [make(study, number, values) for number, (values, _) in enumerate(drawings, start=1)]
    instances = list(images)
    if make is _section:
        instances.append(_section(study, 1, drawings[len(drawings) // 2][0], "localizers"))
    for number, (label, words) in enumerate(study.named.items(), start=1):
        # At most three slices, those that show most of the lesion.
        areas = [np.sum(lesions.get(label, 0)) for _, lesions in drawings]
        largest = np.argsort(areas, kind="stable")[:-4:-1].tolist()
        key = sorted(index for index in largest if areas[index])
        marked = [images[index] for index in key]
        note = _make(study, "key_selections", number, "key selection", words=words, images=marked)
        for image in marked:
            item = {"RelationshipType": "CONTAINS", "ValueType": "IMAGE"}
            item["ReferencedSOPSequence"] = _references([image])
            note.ContentSequence.append(fill(Dataset(), **item))
        instances.append(note)
        for place, index in enumerate(key, start=len(instances)):
            instances.append(
                _outline_state(study, place, images[index], drawings[index][1][label], words)
            )
    return instances


def draw_slices(study: Study, size: int, seed: int) -> list[tuple[ndarray, dict[str, ndarray]]]:
    """Draw the diagnostic slices of a study, ``size`` pixels wide; ultrasound is 4:3.

    Return each in physical values, float32 (h, w), and the mask of each lesion, bool (h, w).
    Studies of one patient share anatomy and lesions; findings change nothing but the lesions.
    """
    who = (seed, study.patient, list(REGIONS).index(study.region))
    shape = (3 * size // 4 if study.facts["modality"] == "US" else size, size)
    drawings = []
    for index in range(study.slices):
        anatomy = default_rng([2, *who])
        texture = default_rng([3, *who, study.number, index])
        height = 0.8 * ((2 * index + 1) / study.slices - 1)
        phantom = Phantom(study.facts["body"], shape, anatomy, texture, height)
        lesions = {}
        for name in study.findings:
            drawn_by = (4, *who, CLASSES.index((study.region, name)))
            rng = default_rng([5, *drawn_by])
            # Each lesion is largest near the middle of the study; a knee's is in all slices.
            middle = round((study.slices - 1) * rng.uniform(0.35, 0.65))
            share = np.sqrt(max(0.0, 1 - ((index - middle) / rng.uniform(1.1, 2.2)) ** 2))
            share = 1.0 if study.region == "knee" else share
            if share > 0.7:
                lesions[name] = phantom.add_lesion(
                    study.facts["lesions"][name], default_rng(drawn_by), 1.5, share
                )
        drawings.append((phantom.scan(), lesions))
    return drawings


def _fill_template(template: Any, fields: dict[str, Any]) -> Any:
    """Return a template with its braces filled and its mappings turned into datasets."""
    if isinstance(template, str):
        if re.fullmatch(r"\{[^{}:!]+\}", template):
            return Formatter().get_field(template[1:-1], (), fields)[0]
        return template.format(**fields)
    if isinstance(template, list):
        return [_fill_template(part, fields) for part in template]
    if isinstance(template, dict):
        return fill(
            Dataset(), **{name: _fill_template(part, fields) for name, part in template.items()}
        )
    return template


def _make(study: Study, sort: str, number: int, *templates: str, **fields: Any) -> Dataset:
    """Return instance ``number``, from 1, of a series, with the elements of templates."""
    series = {"modality": study.facts["modality"], **TEMPLATES["series"][sort]}
    series_uid = make_uid("series", study.study_uid, str(series["number"]))
    fields |= {
        "references": _references(fields.get("images", ())),
        "series": series,
        "study": study,
        "number": number,
        "taken": study.start + timedelta(minutes=series["number"] % 50, seconds=7 * number),
        "series_uid": series_uid,
        "instance_uid": make_uid("instance", series_uid, str(number)),
    }
    elements = {}
    for template in ("header", *templates):
        elements |= TEMPLATES[template]
    return new_instance(
        **{name: _fill_template(value, fields) for name, value in elements.items()}
    )


def _section(study: Study, number: int, values: ndarray, sort: str = "diagnostic") -> Dataset:
    """Return a CT (Hounsfield units) or MR image (0 to 1) in the study's plane."""
    facts = study.facts
    half = round(facts["field"] / 2, 3)
    image = _make(
        study,
        sort,
        number,
        "image",
        "plane",
        facts["plane"],
        facts["modality"],
        sort,
        half=half,
        less=-half,
        place=round(facts["gap"] * (number - (study.slices + 1) / 2), 3),
        spacing=round(facts["field"] / values.shape[1], 6),
        thickness=min(5.0, facts["gap"]),
        frame=make_uid("frame of reference", study.study_uid),
    )
    slope, start, kind, bits = (
        (2000, 0, "u2", 12) if facts["modality"] == "MR" else (1, 1024, "i2", 16)
    )
    stored = np.clip(np.rint(slope * values) + start, 0, 4095).astype(kind)
    return set_pixels(fill(image, **facts["elements"]), stored, bits)


def _sonogram(study: Study, number: int, values: ndarray) -> Dataset:
    """Return an ultrasound image, with any burned-in text in a bar at the top."""
    pixels = to_uint8(values)
    height, width = pixels.shape
    image = _make(
        study,
        "diagnostic",
        number,
        "image",
        "US",
        right=width - 1,
        bottom=height - 1,
        spacing=study.facts["field"] / height,
    )
    fill(image, **study.facts["elements"])
    is_burned, said = BURNED[study.number % len(BURNED)]
    if said:
        image.BurnedInAnnotation = said
    if is_burned:
        pixels[:TEXT_HEIGHT] = 0
        picture = Image.fromarray(pixels)
        # With a fixed bitmap font, equal texts give equal pixels everywhere.
        line = f"{study.name} {study.day:%d.%m.%Y}"
        font = ImageFont.load_default_imagefont()
        ImageDraw.Draw(picture).text((1, 0), line, fill=255, font=font)
        pixels = np.asarray(picture)
    return set_pixels(image, pixels, 8)


def _outline_state(
    study: Study, number: int, image: Dataset, mask: ndarray, words: str
) -> Dataset:
    """Return the presentation state that outlines a mask on an image.

    The outline is closed, one pixel outside the mask, and given as columns and rows: the middle of
    pixel (r, c) is at (c + 0.5, r + 0.5), as in PS3.3 Table C.10-5.
    """
    contours = measure.find_contours(np.pad(binary_dilation(mask), 1), 0.5)
    outline = measure.approximate_polygon(max(contours, key=len) - 1, 0.4) + 0.5
    points = np.clip(outline[:, ::-1], 0, mask.shape[::-1])
    return _make(
        study,
        "outlines",
        number,
        "outline",
        words=words,
        points=points.ravel().round(2).tolist(),
        n_points=len(points),
        images=[image],
    )


def _references(images: Sequence[Dataset]) -> list[Dataset]:
    return [
        fill(
            Dataset(),
            ReferencedSOPClassUID=image.SOPClassUID,
            ReferencedSOPInstanceUID=image.SOPInstanceUID,
        )
        for image in images
    ]

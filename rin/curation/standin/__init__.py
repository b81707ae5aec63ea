"""A stand-in outpatient archive: DICOM studies, reports and key images, as a PACS exports them.

It shows that curation works and how good the search of the reports is on wording that is known; it
says nothing about medicine.  ``dicom/<patient>/<study>/<series>/<instance>.dcm``,
``reports/<accession>.txt``, ``label_map.csv`` for terms of the site's own, ``truth.csv``, and the
note that marks it as a stand-in.  Equal arguments make equal bytes.

Localizers, screen captures, projections and text burned into ultrasound are there as well:
curation has to tell them from diagnostic images.  The headers (headers.yaml) name people as those
of a real export do, in standard and private elements.
"""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import default_rng
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset, dcmwrite
from scipy.ndimage import binary_dilation
from skimage.measure import approximate_polygon, find_contours

from rin.curation.standin.studies import CLASSES, FACTS, REGIONS, Study, plan_studies, write_report
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.standins import writers
from rin.data.standins.phantoms import Phantom, to_uint8
from rin.data.standins.writers import fill, make_uid, new_instance, set_pixels
from rin.files import read_yaml

#: To be raised when files or their content change.
VERSION = 4
#: Shares of the studies that bring them.
CAPTURES, DOSES, PROJECTIONS, CLIPS, COLOR = 0.25, 0.6, 0.2, 0.25, 0.25
#: Ultrasound: whether a name is burned in, what BurnedInAnnotation says, and the share of each.
BURNED = ((True, "YES", 0.25), (True, "", 0.25), (False, "NO", 0.2), (False, "", 0.3))
TEMPLATES = read_yaml(Path(__file__).with_name("headers.yaml"))
TEXT_HEIGHT = 11
#: Templates that every image takes.
IMAGE = ("procedure", "content", "part")


def write_archive(folder: Path, *, studies: int, size: int, seed: int) -> Path:
    """Write a stand-in archive, unless the folder is there already, and return the folder.

    It appears only when whole.  There are 15 classes in seven regions of CT, MR and ultrasound, in
    30 `studies` or more, with pictures of `size` pixels, 48 or more in steps of four.
    """
    folder = Path(folder)

    def write(root: Path) -> None:
        plan = plan_studies(studies, seed)
        counts = Counter(studies=len(plan))
        (root / "reports").mkdir()
        for study in plan:
            for sort, instances in study_instances(study, size, seed).items():
                counts[sort] += len(instances)
                for dataset in instances:
                    levels = dataset.PatientID, dataset.StudyInstanceUID, dataset.SeriesInstanceUID
                    path = root.joinpath("dicom", *levels, f"{dataset.SOPInstanceUID}.dcm")
                    path.parent.mkdir(parents=True, exist_ok=True)
                    dcmwrite(path, dataset, enforce_file_format=True)
            report = root / "reports" / f"{study.accession}.txt"
            report.write_text(write_report(study, seed), encoding="utf-8", newline="\n")
        truth = [(s.accession, int(s.normal), s.kind, s.region, ";".join(s.labels)) for s in plan]
        columns = ("accession_number", "normal", "kind", "region", "label")
        writers.write_table(root / "truth.csv", columns, truth)
        said = {(words, s.region, label) for s in plan for label, words in s.named.items()}
        terms = sorted(term for term in said if term[0] != ": ".join(term[1:]))
        writers.write_table(root / "label_map.csv", ("finding", "region", "label"), terms)
        made_of = {"stand_in": "outpatient archive", "version": VERSION, "studies": studies}
        made_of |= {"size": size, "seed": seed, "counts": dict(sorted(counts.items()))}
        writers.write_json(root / STAND_IN_NOTE, made_of)

    if not folder.is_dir():
        writers.write_whole(folder, "archive", write)
    return folder


def study_instances(study: Study, size: int, seed: int) -> dict[str, list[Dataset]]:
    """Make the instances of a study, by series (of headers.yaml), as they would leave a PACS."""
    rng = default_rng([8, seed, study.number])
    series: dict[str, list[Dataset]] = {sort: [] for sort in TEMPLATES["series"]}
    drawings = draw_slices(study, size, seed)
    key = {label: key_slices(drawings, label) for label in study.marked}
    modality = study.facts["modality"]
    if modality == "US":
        burned, said, _ = BURNED[rng.choice(len(BURNED), p=[share for *_, share in BURNED])]
        text = f"{study.patient.name} {study.day:%d.%m.%Y}" if burned else ""
        # A grayscale presentation state may not refer to a colour image.
        gray = {index for indices in key.values() for index in indices}
        colored = set(range(len(drawings))) - gray if rng.random() < COLOR else ()
        series["diagnostic"] = [
            sonogram(study, index, drawing, text, said, index in colored)
            for index, drawing in enumerate(drawings)
        ]
        if rng.random() < CLIPS:
            frames = np.stack([display(drawing, study.region) for drawing in drawings])
            series["clips"].append(ultrasound(study, "clips", 1, frames))
    else:
        gap, middle = study.facts["gap"], (len(drawings) - 1) / 2
        series["diagnostic"] = [
            section(study, "diagnostic", index + 1, drawing.values, gap * (index - middle))
            for index, drawing in enumerate(drawings)
        ]
        scout = drawings[len(drawings) // 2].values
        series["localizers"].append(section(study, "localizers", 1, scout))
        if modality == "CT" and rng.random() < PROJECTIONS:
            highest = np.max([drawing.values for drawing in drawings], axis=0)
            series["projections"].append(section(study, "projections", 1, highest))
        if modality == "CT" and rng.random() < DOSES:
            report = make(
                study, "dose_reports", 1, "content", "document", "dose report", tid="10011"
            )
            series["dose_reports"].append(report)
    if rng.random() < CAPTURES:
        screen = display(drawings[len(drawings) // 2], study.region)
        screen = burn_text(screen, f"{study.patient.name} {study.patient.patient_id}")
        capture = make(study, "captures", 1, *IMAGE, "capture")
        series["captures"].append(set_pixels(capture, screen, 8))
    for number, (label, words) in enumerate(study.named.items(), start=1):
        marked = [series["diagnostic"][index] for index in key[label]]
        series["key_selections"].append(key_selection(study, number, words, marked))
        for index, image in zip(key[label], marked, strict=True):
            mask, place = drawings[index].lesions[label], len(series["outlines"]) + 1
            series["outlines"].append(outlined(study, place, image, mask, words))
    return series


class Drawing(NamedTuple):
    """A slice in physical values, float32 (h, w), and per lesion where it lies, bool (h, w)."""

    values: ndarray
    lesions: dict[str, ndarray]


def draw_slices(study: Study, size: int, seed: int) -> list[Drawing]:
    """Draw the diagnostic slices of a study, ``size`` pixels wide; ultrasound is three to four.

    Studies of one patient share anatomy and lesions; without its findings, a study looks the same
    but for the lesions.
    """
    who = (seed, study.patient.number, list(REGIONS).index(study.region))
    shape = (3 * size // 4 if study.facts["modality"] == "US" else size, size)
    drawings = []
    for index in range(study.slices):
        anatomy, texture = default_rng([2, *who]), default_rng([3, *who, study.visit, index])
        height = 0.8 * ((2 * index + 1) / study.slices - 1)
        phantom = Phantom(study.facts["body"], shape, anatomy, texture, height)
        lesions = {}
        for name in study.findings:
            drawn_by = (4, *who, list(CLASSES).index((study.region, name)))
            rng = default_rng([5, *drawn_by])
            # Each lesion is largest about the middle of the study, but the knee's are all there.
            middle = round((study.slices - 1) * rng.uniform(0.35, 0.65))
            share = np.sqrt(max(0.0, 1 - ((index - middle) / rng.uniform(1.1, 2.2)) ** 2))
            share = 1.0 if study.region == "knee" else share
            if share > 0.7:
                lesion = study.facts["lesions"][name]
                lesions[name] = phantom.add_lesion(lesion, default_rng(drawn_by), 1.5, share)
        shown = {name: mask for name, mask in lesions.items() if mask.any()}
        drawings.append(Drawing(phantom.scan(), shown))
    return drawings


def key_slices(drawings: Sequence[Drawing], name: str) -> list[int]:
    """Return the slices, at most three, that show most of a lesion, in order."""
    areas = [drawing.lesions.get(name, np.zeros(1)).sum() for drawing in drawings]
    shown = [index for index in np.argsort(areas, kind="stable")[::-1] if areas[index] > 0]
    return sorted(int(index) for index in shown[:3])


def display(drawing: Drawing, region: str) -> ndarray:
    """Return a drawing as it stands on a screen, uint8 (h, w)."""
    return to_uint8(drawing.values, REGIONS[region].get("window"))


def filled(template: Any, fields: dict[str, Any]) -> Any:
    """Fill the braces of a template; of mappings within lists, make datasets."""
    if isinstance(template, str):
        if re.fullmatch(r"\{[^{}:!]+\}", template):
            return Formatter().get_field(template[1:-1], (), fields)[0]
        return template.format(**fields)
    if isinstance(template, list):
        return [filled(part, fields) for part in template]
    if isinstance(template, dict):
        return fill(Dataset(), **{name: filled(part, fields) for name, part in template.items()})
    return template


def make(study: Study, sort: str, number: int, *templates: str, **fields: Any) -> Dataset:
    """Return instance ``number``, from 1, of a series, with the elements of templates."""
    patient, series = study.patient, {"modality": study.facts["modality"]}
    series |= {k: filled(v, {"study": study}) for k, v in TEMPLATES["series"][sort].items()}
    first = study.start + timedelta(minutes=series["number"] % 50)
    series_uid = make_uid("series", study.study_uid, str(series["number"]))
    fields |= {
        "series": series,
        "study": study,
        "number": number,
        "age": study.day.year - patient.born.year,
        "weight": 55 + patient.number * 13 % 45,
        "house": 1 + patient.number % 98,
        "site": FACTS["sites"][study.number % 2],
        "referrer": FACTS["referrers"][study.number % 4],
        "operator": FACTS["operators"][study.number % 3],
        "first": first,
        "taken": first + timedelta(seconds=7 * number),
        "series_uid": series_uid,
        "instance_uid": make_uid("instance", series_uid, str(number)),
    }
    dataset = new_instance()
    for template in ("header", *templates):
        for keyword, value in TEMPLATES[template].items():
            setattr(dataset, keyword, filled(value, fields))
    if "part" in templates and study.region == "knee":
        dataset.Laterality = "RL"[patient.number % 2]
    block = dataset.private_block(0x0029, study.scanner["private"], create=True)
    block.add_new(0x10, "LO", f"{patient.name} {study.accession}")
    block.add_new(0x11, "OB", f"PAT={patient.patient_id};DOB={patient.born}".encode())
    block.add_new(0x12, "SQ", [fill(Dataset(), PatientName=patient.name)])
    return dataset


def section(study: Study, sort: str, number: int, values: ndarray, mm: float = 0.0) -> Dataset:
    """Return a CT (Hounsfield units) or MR image (0 to 1), so far along its normal."""
    facts, half = study.facts, round(study.facts["field"] / 2, 3)
    modality, odd = facts["modality"], study.number % 2
    full = 900 + study.number * 211 % 2600
    image = make(
        *(study, sort, number, *IMAGE, "plane", facts["plane"], modality, sort),
        half=half,
        less=-half,
        place=round(mm, 3),
        spacing=round(facts["field"] / values.shape[1], 6),
        thickness=min(5.0, facts["gap"]),
        frame=make_uid("frame of reference", study.study_uid),
        current=120 + study.number % 90,
        center=full // 2,
        full=full,
    )
    fill(image, **facts["elements"])
    if modality == "MR":
        return set_pixels(image, np.clip(np.rint(full * values), 0, 4095).astype(np.uint16), 12)
    # Every second study stores 16 signed bits, the others 12 unsigned ones; scanners differ.
    stored = np.clip(np.rint(values) + 1024, 0, 4095).astype(np.uint16 if odd else np.int16)
    return set_pixels(image, stored, 12 if odd else 16)


def sonogram(
    study: Study, index: int, drawing: Drawing, text: str, burned_in: str, color: bool
) -> Dataset:
    """Return an ultrasound image, its text, if any, in a bar at the top, yellow in colour."""
    pixels = display(drawing, study.region)
    if text:
        pixels = burn_text(pixels, text)
    if color:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        if text:
            # The bar holds 0 and 255 alone: without blue, its text is yellow.
            pixels[: max(1, pixels.shape[1] // 160) * TEXT_HEIGHT, :, 2] = 0
    said = {"BurnedInAnnotation": burned_in} if burned_in else {}
    return ultrasound(study, "diagnostic", index + 1, pixels, **said)


def ultrasound(study: Study, sort: str, number: int, pixels: ndarray, **elements: str) -> Dataset:
    """Return an ultrasound image, (h, w) or (h, w, 3), or a clip (frames, h, w)."""
    facts = study.facts
    height, width = pixels.shape[1:] if sort == "clips" else pixels.shape[:2]
    area = {"right": width - 1, "bottom": height - 1, "spacing": facts["field"] / height}
    image = make(study, sort, number, *IMAGE, "US", sort, **area)
    return set_pixels(fill(image, **facts["elements"], **elements), pixels, 8)


def burn_text(pixels: ndarray, line: str) -> ndarray:
    """Return uint8 pixels (h, w) with a line of white text on a black bar across their top."""
    scale = max(1, pixels.shape[1] // 160)
    bar = Image.new("L", (pixels.shape[1] // scale, TEXT_HEIGHT), 0)
    plain = line.encode("latin-1", "replace").decode("latin-1")
    # Of a fixed bitmap font, equal texts give equal pixels everywhere.
    ImageDraw.Draw(bar).text((1, 0), plain, fill=255, font=ImageFont.load_default_imagefont())
    text = np.kron(np.asarray(bar), np.ones((scale, scale), dtype=np.uint8))
    burned = pixels.copy()
    burned[: len(text), : text.shape[1]] = text
    return burned


def outlined(study: Study, number: int, image: Dataset, mask: ndarray, words: str) -> Dataset:
    """Return the presentation state that outlines a mask on an image.

    The outline is closed, a pixel wide of the mask, as columns and rows: the middle of pixel
    (r, c) stands at (c + 0.5, r + 0.5), as PS3.3 Table C.10-5 has it.
    """
    contours = find_contours(np.pad(binary_dilation(mask), 1).astype(np.float32), 0.5)
    outline = approximate_polygon(max(contours, key=len) - 1, 0.4) + 0.5
    points = np.clip(outline[:, ::-1], 0, mask.shape[::-1])
    return make(
        *(study, "outlines", number, "procedure", "part", "outline"),
        words=words,
        points=[round(float(value), 2) for value in points.ravel()],
        n_points=len(points),
        images=[image],
        references=_references([image]),
    )


def key_selection(study: Study, number: int, words: str, images: Sequence[Dataset]) -> Dataset:
    """Return the Key Object Selection document of one finding on images of one series."""
    document = make(
        *(study, "key_selections", number, "content", "document", "key selection"),
        tid="2010",
        words=words,
        images=images,
        references=_references(images),
    )
    for image in images:
        item = fill(Dataset(), RelationshipType="CONTAINS", ValueType="IMAGE")
        document.ContentSequence.append(fill(item, ReferencedSOPSequence=_references([image])))
    return document


def _references(images: Sequence[Dataset]) -> list[Dataset]:
    names = {"ReferencedSOPClassUID": "SOPClassUID", "ReferencedSOPInstanceUID": "SOPInstanceUID"}
    return [
        fill(Dataset(), **{name: image[source].value for name, source in names.items()})
        for image in images
    ]

"""DICOM instances of the stand-in archive: images, and what readers and scanners leave beside them.

Localizers, screen captures, projections and text burned into ultrasound are there as well:
curation has to tell them from diagnostic images.  A reader who marks a finding leaves a Key Object
Selection document that names the images and says in words what they show, and a Grayscale Softcopy
Presentation State per image with the outline drawn on it.  The headers name people as those of a
real export do, in standard and private elements; their elements stand in headers.yaml.  Nothing
depends on the clock: equal studies make equal instances.
"""

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from string import Formatter
from typing import Any, NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import default_rng
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.uid import (
    CTImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
    XRayRadiationDoseSRStorage,
)
from scipy.ndimage import binary_dilation
from skimage.measure import approximate_polygon, find_contours

from rin.curation.standin.studies import CLASSES, FACTS, REGIONS, Study
from rin.data.standins.phantoms import Phantom, resized, to_uint8
from rin.data.standins.writers import fill, make_uid, new_instance, set_pixels
from rin.files import read_yaml

TEMPLATES = read_yaml(Path(__file__).with_name("headers.yaml"))
TEXT_HEIGHT, SCAN_MM = 11, 320.0
TARGETS = {"lung": "816094009 SCT Chest", "abd": "818981001 SCT Abdomen"}
#: The element that holds the value of a content item, by ValueType.
VALUES = {"TEXT": "TextValue", "PNAME": "PersonName", "UIDREF": "UID", "DATETIME": "DateTime"}
#: Templates that every image takes.
IMAGE = ("procedure", "content", "part")


class Drawing(NamedTuple):
    """A slice in physical values, float32 (h, w), and per lesion where it lies, bool (h, w)."""

    values: ndarray
    lesions: dict[str, ndarray]


def draw_slices(study: Study, size: int, seed: int, *, healthy: bool = False) -> list[Drawing]:
    """Draw the diagnostic slices of a study, ``size`` pixels wide; ultrasound is three to four.

    Studies of one patient share anatomy and lesions; ``healthy`` leaves the lesions out, and the
    slices differ there alone.
    """
    who = (seed, study.patient.number, list(REGIONS).index(study.region))
    shape = (3 * size // 4 if study.facts["modality"] == "US" else size, size)
    drawings = []
    for index in range(study.slices):
        anatomy, texture = default_rng([2, *who]), default_rng([3, *who, study.visit, index])
        height = 0.8 * ((2 * index + 1) / study.slices - 1)
        phantom = Phantom(study.facts["body"], shape, anatomy, texture, height)
        found = {}
        for name in () if healthy else study.findings:
            own = (4, *who, list(CLASSES).index((study.region, name)))
            rng = default_rng([5, *own])
            # Each lesion is largest about the middle of the study, but the knee's are all there.
            middle = round((study.slices - 1) * rng.uniform(0.35, 0.65))
            share = np.sqrt(max(0.0, 1 - ((index - middle) / rng.uniform(1.1, 2.2)) ** 2))
            share = 1.0 if study.region == "knee" else share
            if share > 0.7:
                lesion = study.facts["lesions"][name]
                found[name] = phantom.add_lesion(lesion, default_rng(own), 1.5, share)
        shown = {name: mask for name, mask in found.items() if mask.any()}
        drawings.append(Drawing(phantom.scan(), shown))
    return drawings


def key_slices(drawings: Sequence[Drawing], name: str) -> list[int]:
    """Return the slices, at most three, that show most of a lesion, in order."""
    areas = [drawing.lesions.get(name, np.zeros(1)).sum() for drawing in drawings]
    shown = [index for index in np.argsort(areas, kind="stable")[::-1] if areas[index] > 0]
    if not shown:
        raise ValueError(f"no slice shows {name}")
    return sorted(int(index) for index in shown[:3])


def display(drawing: Drawing, region: str) -> ndarray:
    """Return a drawing as it stands on a screen, uint8 (h, w)."""
    return to_uint8(drawing.values, REGIONS[region].get("window"))


def draw_localizer(study: Study, size: int, seed: int) -> ndarray:
    """Draw the scout of a CT or MR study, 0 to 1, float32: a frontal view with scan lines."""
    rng = default_rng([6, seed, study.number])
    values = Phantom(study.facts["scout"], (size, size), rng, rng).scan()
    values[:: max(2, size // 12), size // 10 : -size // 10] += 0.12
    return np.clip(values, 0, 1)


class Series(NamedTuple):
    """A series of a study: its number, what it holds, and its modality."""

    study: Study
    number: int
    description: str
    modality: str


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


def make(series: Series, sop_class: str, number: int, *templates: str, **fields: Any) -> Dataset:
    """Return instance ``number``, from 1, of a series, with the elements of templates."""
    study, patient = series.study, series.study.patient
    first = study.start + timedelta(minutes=series.number % 50)
    series_uid = make_uid("series", study.study_uid, str(series.number))
    fields |= {
        "series": series,
        "study": study,
        "patient": patient,
        "facts": study.facts,
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
    dataset = new_instance(sop_class)
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


def section(
    series: Series, number: int, values: ndarray, sort: str = "", place: float = 0.0
) -> Dataset:
    """Return a CT or MR image, ``place`` mm along the normal of its plane.

    ``values`` are Hounsfield units, of a localizer and of MR 0 to 1; ``sort`` is empty,
    ``localizer`` (a frontal projection) or ``projection``.
    """
    study, facts = series.study, series.study.facts
    half, place = round(facts["field"] / 2, 3), round(place, 3)
    orientation, position = {
        "axial": ([1, 0, 0, 0, 1, 0], [-half, -half, place]),
        "sagittal": ([0, 1, 0, 0, 0, -1], [place, -half, half]),
        "frontal": ([1, 0, 0, 0, 0, -1], [-half, place, half]),
    }["frontal" if sort == "localizer" else facts["plane"]]
    modality, odd = facts["modality"], study.number % 2
    full = 900 + study.number * 211 % 2600
    image = make(
        series,
        CTImageStorage if modality == "CT" else MRImageStorage,
        number,
        *IMAGE,
        "plane",
        modality,
        *([f"{modality} {sort}"] if sort else []),
        orientation=orientation,
        position=position,
        place=place,
        spacing=round(facts["field"] / values.shape[1], 6),
        thickness=min(5.0, facts["gap"]),
        frame=make_uid("frame of reference", study.study_uid),
        current=120 + study.number % 90,
        tesla="3" if odd else "1.5",
        lying="FFS" if study.region == "knee" else "HFS",
        center=full // 2,
        full=full,
    )
    if modality == "CT" or not sort:
        fill(image, **facts["elements"])
    if modality == "MR":
        return set_pixels(image, np.clip(np.rint(full * values), 0, 4095).astype(np.uint16), 12)
    # Every second study stores 16 signed bits, the others 12 unsigned ones; scanners differ.
    hounsfield = 1500 * values - 900 if sort == "localizer" else values
    stored = np.clip(np.rint(hounsfield) + 1024, 0, 4095).astype(np.uint16 if odd else np.int16)
    return set_pixels(image, stored, 12 if odd else 16)


def sonogram(
    series: Series, index: int, drawing: Drawing, text: str, burned_in: str, color: bool
) -> Dataset:
    """Return an ultrasound image of 8 bits, with text in a bar at the top, yellow in colour.

    ``burned_in`` stands in BurnedInAnnotation, where it is not empty.
    """
    pixels = display(drawing, series.study.region)
    if text:
        pixels = burn_text(pixels, text)
    if color:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        if text:
            # The bar holds 0 and 255 alone: without blue, its text is yellow.
            pixels[: max(1, pixels.shape[1] // 160) * TEXT_HEIGHT, :, 2] = 0
    said = {"BurnedInAnnotation": burned_in} if burned_in else {}
    return _ultrasound(series, index + 1, pixels, pixels.shape[:2], **said)


def clip(series: Series, drawings: list[Drawing]) -> Dataset:
    """Return the ultrasound images of a study as one clip of several frames."""
    frames = np.stack([display(drawing, series.study.region) for drawing in drawings])
    return _ultrasound(series, 1, frames, frames.shape[1:], "US clip")


def _ultrasound(
    series: Series, number: int, pixels: ndarray, shape: tuple, *templates: str, **elements: str
) -> Dataset:
    facts, (height, width) = series.study.facts, shape
    area = {"right": width - 1, "bottom": height - 1, "spacing": facts["field"] / height}
    storage = UltrasoundMultiFrameImageStorage if templates else UltrasoundImageStorage
    image = make(series, storage, number, *IMAGE, "US", *templates, **area)
    return set_pixels(fill(image, **facts["elements"], **elements), pixels, 8)


def capture(series: Series, screen: ndarray) -> Dataset:
    """Return a secondary capture of a screen, made smaller, with lines on who the patient is."""
    study, (height, width) = series.study, screen.shape
    pixels = np.full((height, width), 20, dtype=np.uint8)
    small = resized(screen, (2 * height // 3, 2 * width // 3))
    pixels[height - small.shape[0] :, width - small.shape[1] :] = np.clip(small, 0, 255)
    lines = (study.patient.name, study.patient.patient_id, f"{study.day:%d.%m.%Y}")
    for number, line in enumerate(lines):
        pixels = burn_text(pixels, line, top=number * TEXT_HEIGHT)
    image = make(series, SecondaryCaptureImageStorage, 1, *IMAGE, "capture")
    return set_pixels(image, pixels, 8)


def burn_text(pixels: ndarray, line: str, top: int = 0) -> ndarray:
    """Return uint8 pixels (h, w) with a line of white text on a black bar across the picture.

    The font is Pillow's fixed bitmap one, so equal texts give equal pixels everywhere.
    """
    scale = max(1, pixels.shape[1] // 160)
    bar = Image.new("L", (pixels.shape[1] // scale, TEXT_HEIGHT), 0)
    plain = line.encode("latin-1", "replace").decode("latin-1")
    ImageDraw.Draw(bar).text((1, 0), plain, fill=255, font=ImageFont.load_default_imagefont())
    text = np.kron(np.asarray(bar), np.ones((scale, scale), dtype=np.uint8))
    burned = pixels.copy()
    target = burned[top * scale : (top + TEXT_HEIGHT) * scale, : text.shape[1]]
    target[:] = text[: target.shape[0]]
    return burned


def outline_points(mask: ndarray) -> list[tuple[float, float]]:
    """Return a closed outline around a mask, a pixel wide of it, as (column, row).

    The middle of pixel (r, c) stands at (c + 0.5, r + 0.5), as PS3.3 Table C.10-5 has it.
    """
    contours = find_contours(np.pad(binary_dilation(mask), 1).astype(np.float32), 0.5)
    outline = approximate_polygon(max(contours, key=len) - 1, 0.4) + 0.5
    inside = np.clip(outline[:, ::-1], 0, mask.shape[::-1])
    return [(round(float(x), 2), round(float(y), 2)) for x, y in inside]


def outlined(series: Series, number: int, image: Dataset, mask: ndarray, words: str) -> Dataset:
    """Return the presentation state that outlines a mask on an image, in the image's window."""
    points = outline_points(mask)
    state = make(
        series,
        GrayscaleSoftcopyPresentationStateStorage,
        number,
        *("procedure", "part", "outline"),
        words=words,
        points=[value for point in points for value in point],
        n_points=len(points),
        images=[image],
        references=_references([image]),
    )
    area = state.DisplayedAreaSelectionSequence[0]
    if "PixelSpacing" in image:
        area.PresentationPixelSpacing = image.PixelSpacing
    else:
        area.PresentationPixelAspectRatio = [1, 1]
    if "RescaleSlope" in image:
        for keyword in ("RescaleIntercept", "RescaleSlope", "RescaleType"):
            setattr(state, keyword, image[keyword].value)
    if "WindowCenter" in image:
        window = fill(Dataset(), WindowCenter=image.WindowCenter, WindowWidth=image.WindowWidth)
        state.SoftcopyVOILUTSequence = [window]
    return state


def key_selection(series: Series, number: int, words: str, images: Sequence[Dataset]) -> Dataset:
    """Return the Key Object Selection document of one finding on images of one series."""
    fields = {"words": words, "images": images, "references": _references(images)}
    concept = "113000 DCM Of Interest"
    document = make(
        series,
        KeyObjectSelectionDocumentStorage,
        number,
        *("content", "document", "key selection"),
        tid="2010",
        **fields,
    )
    items = filled(TEMPLATES["key content"], fields | {"study": series.study})
    return _with_content(document, concept, items + [("IMAGE", "", image) for image in images])


def dose_report(series: Series) -> Dataset:
    """Return the dose report of a CT study with one spiral acquisition."""
    study = series.study
    current, dose = 120 + study.number % 90, 4.0 + study.number % 9
    fields = {
        "study": study,
        "device": make_uid("device", study.scanner["serial"]),
        "end": study.start + timedelta(seconds=90),
        "dose": dose,
        "product": round(dose * SCAN_MM / 10, 1),
        "target": TARGETS[study.region],
        "event": make_uid("irradiation", study.study_uid),
        "length": SCAN_MM,
        "peak": current + 40,
        "current": current,
    }
    templates = ("content", "document", "dose report")
    report = make(series, XRayRadiationDoseSRStorage, 1, *templates, tid="10011")
    concept = "113701 DCM X-Ray Radiation Dose Report"
    return _with_content(report, concept, filled(TEMPLATES["dose content"], fields))


def _with_content(document: Dataset, concept: str, items: Sequence[Sequence]) -> Dataset:
    content = [_content(*item) for item in items]
    return fill(document, ConceptNameCodeSequence=[_code(concept)], ContentSequence=content)


def _content(
    kind: str,
    concept: str,
    value: Any = None,
    relation: str = "CONTAINS",
    items: Sequence[Sequence] = (),
) -> Dataset:
    """Return a content item.

    The value is a concept for CODE, the number and its unit in UCUM for NUM, an image for IMAGE.
    """
    item = fill(Dataset(), RelationshipType=relation, ValueType=kind)
    if concept:
        item.ConceptNameCodeSequence = [_code(concept)]
    if kind == "CODE":
        item.ConceptCodeSequence = [_code(value)]
    elif kind == "NUM":
        number, unit = value
        # Units in braces count things, and their meaning is what stands in the braces.
        named = {"CodeValue": unit, "CodeMeaning": unit.strip("{}")}
        units = [fill(Dataset(), CodingSchemeDesignator="UCUM", **named)]
        measured = fill(Dataset(), NumericValue=str(number), MeasurementUnitsCodeSequence=units)
        item.MeasuredValueSequence = [measured]
    elif kind == "IMAGE":
        item.ReferencedSOPSequence = _references([value])
    elif kind == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    else:
        setattr(item, VALUES[kind], value)
    if items:
        item.ContentSequence = [_content(*inner) for inner in items]
    return item


def _code(text: str) -> Dataset:
    """Return a coded concept from its value, scheme and meaning, parted by blanks."""
    value, scheme, meaning = text.split(" ", 2)
    return fill(Dataset(), CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def _references(images: Sequence[Dataset]) -> list[Dataset]:
    names = {"ReferencedSOPClassUID": "SOPClassUID", "ReferencedSOPInstanceUID": "SOPInstanceUID"}
    return [
        fill(Dataset(), **{name: image[own].value for name, own in names.items()})
        for image in images
    ]

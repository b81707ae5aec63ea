"""Images of the stand-in archive, as DICOM: CT, MR and ultrasound slices, and what is no diagnosis.

Slices come from the phantom of the region.  Localizers, screen captures, projections and text
burned into ultrasound are there as well: curation has to tell them from diagnostic images.
Geometry is that of the region: axial CT and brain, sagittal knee and spine, calibrated ultrasound.
The headers name people as those of a real export do, in standard and private elements.  Nothing
depends on the clock: equal studies make equal headers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)
from scipy.ndimage import binary_dilation, gaussian_filter
from skimage.measure import approximate_polygon, find_contours

from rin.curation.standin import phantoms
from rin.curation.standin.phantoms import Cut, Drawing, Lesion
from rin.curation.standin.studies import (
    OPERATORS,
    REFERRERS,
    REGIONS,
    SITES,
    Study,
    class_weights,
)
from rin.data.standins.phantoms import oval, own_axes, resized, smooth_noise
from rin.data.standins.writers import fill, make_uid
from rin.strict_yaml import read_yaml

PHANTOMS: dict[str, Callable[[Cut], Drawing]] = {
    "lung": phantoms.draw_chest,
    "abd": phantoms.draw_abdomen,
    "brain": phantoms.draw_brain,
    "knee": phantoms.draw_knee,
    "spine": phantoms.draw_spine,
    "usthyroid": phantoms.draw_thyroid,
    "usabd": phantoms.draw_upper_abdomen,
}
#: The display window (center, width) in Hounsfield units.
WINDOWS = {"lung": (-600, 1500), "abd": (40, 400)}
#: Field of view and distance of slices in millimeters.
FIELD = {"lung": 360.0, "abd": 380.0, "brain": 230.0, "knee": 150.0, "spine": 280.0}
GAP = {"lung": 25.0, "abd": 20.0, "brain": 12.0, "knee": 9.0, "spine": 5.0}
SAGITTAL = ("knee", "spine")
#: Sequence name, repetition, echo and inversion times (ms) of the MR protocols.
PROTOCOLS = {
    "brain": ("FLAIR ax", 9000, 120, 2500),
    "knee": ("PD sag", 3000, 30, None),
    "spine": ("T2 sag", 3600, 100, None),
}
AIR, DEPTH_CM = -1024, 6.0
TEMPLATES = read_yaml(Path(__file__).with_name("headers.yaml"))
SLICE, SCOUT = ["ORIGINAL", "PRIMARY"], ["ORIGINAL", "PRIMARY", "LOCALIZER"]
TEXT_HEIGHT = 11
MOST_KEY_IMAGES = 3


def draw_slices(study: Study, size: int, seed: int, *, healthy: bool = False) -> list[Drawing]:
    """Draw the diagnostic slices of a study, ``size`` pixels wide; ultrasound is three to four.

    Studies of one patient share the anatomy, and later visits the lesions too; ``healthy``
    leaves the lesions out, and the slices differ there alone.
    """
    who = (seed, study.patient.number, list(REGIONS).index(study.region))
    height = 3 * size // 4 if study.modality == "US" else size
    return [
        PHANTOMS[study.region](
            Cut(
                anatomy=np.random.default_rng([2, *who]),
                texture=np.random.default_rng([3, *who, study.visit, index]),
                height=(2 * index + 1) / study.slices - 1,
                shape=(height, size),
                lesions=() if healthy else _lesions(study, who, index),
            )
        )
        for index in range(study.slices)
    ]


def _lesions(study: Study, who: tuple[int, ...], index: int) -> list[Lesion]:
    """Return the lesions that a slice cuts, each about the middle of the study."""
    classes = list(class_weights())
    found = []
    for label in study.findings:
        own = (4, *who, classes.index((study.region, label)))
        rng = np.random.default_rng([5, *own])
        middle = round((study.slices - 1) * rng.uniform(0.35, 0.65))
        share = 1 - ((index - middle) / rng.uniform(1.1, 2.2)) ** 2
        # The knee's ligament and menisci are found where they are, not about a middle.
        share = 1.0 if study.region == "knee" else np.sqrt(max(0.0, share))
        if share > 0.5:
            found.append(Lesion(label, float(share), own))
    return found


def key_slices(drawings: Sequence[Drawing], label: str) -> list[int]:
    """Return the slices, at most three, that show most of a lesion; in order.

    Raises
    ------
    ValueError
        No slice shows it.
    """
    areas = [drawing.lesions.get(label, np.zeros(1)).sum() for drawing in drawings]
    shown = [index for index in np.argsort(areas, kind="stable")[::-1] if areas[index] > 0]
    if not shown:
        raise ValueError(f"no slice shows {label}")
    return sorted(int(index) for index in shown[:MOST_KEY_IMAGES])


def outline_points(mask: np.ndarray) -> list[tuple[float, float]]:
    """Return a closed outline around a mask, a pixel wide of it, as (column, row).

    Coordinates are those of PS3.3 Table C.10-5: the top left corner of the first pixel is
    (0, 0), so the middle of pixel (r, c) stands at (c + 0.5, r + 0.5).
    """
    contours = find_contours(np.pad(binary_dilation(mask), 1).astype(np.float32), 0.5)
    outline = approximate_polygon(max(contours, key=len) - 1, 0.4) + 0.5
    height, width = mask.shape
    return [
        (round(float(np.clip(x, 0, width)), 2), round(float(np.clip(y, 0, height)), 2))
        for y, x in outline
    ]


def display(drawing: Drawing, region: str) -> np.ndarray:
    """Return a drawing as it stands on a screen, uint8 (h, w)."""
    values = drawing.values
    if region in WINDOWS:
        center, width = WINDOWS[region]
        values = (values - center) / width + 0.5
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def draw_localizer(study: Study, size: int, seed: int) -> np.ndarray:
    """Draw the scout of a CT or MR study, 0 to 1, float32: a coarse outline with scan lines."""
    rng = np.random.default_rng([6, seed, study.number])
    shape = (size, size)
    axes = own_axes(shape, rng.normal(0, 0.04, 2))
    values = np.zeros(shape, dtype=np.float32)
    half = {"brain": (0.7, 0.6), "knee": (1.3, 0.4)}.get(study.region, (1.3, 0.62))
    values[oval(axes, (0, 0), half, 3)] = 0.5
    values[oval(axes, (0, 0), (half[0] * 0.9, half[1] * 0.16), 4)] += 0.25
    if study.region == "lung":
        for side in (-1, 1):
            values[oval(axes, (-0.1, 0.3 * side), (0.6, 0.2), 2.5)] = 0.18
    values += 0.05 * smooth_noise(rng, shape, 0.06 * size)
    values = gaussian_filter(values, 0.012 * size) + 0.03 * smooth_noise(rng, shape, 0.6)
    values[:: max(2, size // 12), size // 10 : -size // 10] += 0.12
    return np.clip(values, 0, 1).astype(np.float32)


def burn_text(pixels: np.ndarray, line: str, top: int = 0) -> np.ndarray:
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


@dataclass(frozen=True)
class Series:
    """A series of a study: its number, what it holds, and its modality."""

    study: Study
    number: int
    description: str
    modality: str


def filled(template: Any, fields: dict[str, Any]) -> Any:
    """Fill the braces of a template of headers.yaml; of mappings within lists, make datasets."""
    if isinstance(template, str):
        return template.format(**fields)
    if isinstance(template, list):
        return [filled(part, fields) for part in template]
    if isinstance(template, dict):
        return fill(Dataset(), **{name: filled(part, fields) for name, part in template.items()})
    return template


def add(dataset: Dataset, template: str, study: Study, **fields: Any) -> Dataset:
    """Set the elements of a template of headers.yaml in a dataset and return it."""
    _, part, description = REGIONS[study.region]
    fields |= {"study": study, "part": part, "description": description}
    for keyword, value in TEMPLATES[template].items():
        setattr(dataset, keyword, filled(value, fields))
    return dataset


def header(series: Series, sop_class: str, number: int, **elements: Any) -> Dataset:
    """Return the header of instance ``number``, from 1, with elements that its SOP class adds."""
    study, patient = series.study, series.study.patient
    maker, model, station, serial, software, creator = study.scanner
    site, address = SITES[study.number % len(SITES)]
    first = study.start + timedelta(minutes=series.number % 50)
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    add(
        dataset,
        "header",
        study,
        series=series,
        patient=patient,
        age=study.day.year - patient.born.year,
        weight=55 + patient.number * 13 % 45,
        house=1 + patient.number % 98,
        referrer=REFERRERS[study.number % len(REFERRERS)],
        operator=OPERATORS[study.number % len(OPERATORS)],
        first=first,
        taken=first + timedelta(seconds=7 * number),
        **{"maker": maker, "model": model, "station": station, "serial": serial},
        **{"software": software, "site": site, "address": address},
    )
    dataset.SOPClassUID = sop_class
    dataset.SeriesInstanceUID = make_uid("series", study.study_uid, str(series.number))
    dataset.SOPInstanceUID = make_uid("instance", dataset.SeriesInstanceUID, str(number))
    dataset.InstanceNumber = number
    block = dataset.private_block(0x0029, creator, create=True)
    block.add_new(0x10, "LO", f"{patient.name} {study.accession}")
    block.add_new(0x11, "OB", f"PAT={patient.patient_id};DOB={patient.born}".encode())
    block.add_new(0x12, "SQ", [fill(Dataset(), PatientName=patient.name)])
    return fill(dataset, **elements)


def _set_pixels(dataset: Dataset, stored: np.ndarray, bits: int) -> Dataset:
    """Store pixels: (h, w) gray, (h, w, 3) RGB, or (frames, h, w) gray; sign as their type."""
    photometric = "RGB" if stored.ndim == 3 and stored.shape[-1] == 3 else "MONOCHROME2"
    stored = np.ascontiguousarray(stored)
    dataset.set_pixel_data(stored, photometric, bits, generate_instance_uid=False)
    return dataset


def ct_slices(series: Series, drawings: list[Drawing]) -> list[Dataset]:
    """Return axial CT images, in Hounsfield units by rescale.

    Every second study stores 16 signed bits, the others 12 unsigned ones; scanners differ.
    """
    places = _places(series.study, len(drawings))
    return [
        _ct_image(series, number, drawing.values, [*SLICE, "AXIAL"], place)
        for number, (drawing, place) in enumerate(zip(drawings, places, strict=True), start=1)
    ]


def ct_localizer(series: Series, picture: np.ndarray) -> Dataset:
    """Return the scout of a CT study, a frontal projection; ``picture`` runs from 0 to 1."""
    scout = _ct_image(series, 1, 1500 * picture - 900, SCOUT, 0.0, "frontal")
    # A projection adds up attenuation; it is in no Hounsfield units.
    return fill(scout, RescaleType="US")


def ct_projection(series: Series, drawings: list[Drawing]) -> Dataset:
    """Return the maximum intensity projection of a CT series, a derived image."""
    highest = np.max([drawing.values for drawing in drawings], axis=0)
    image = _ct_image(series, 1, highest, ["DERIVED", "SECONDARY", "AXIAL", "MIP"], 0.0)
    return fill(image, DerivationDescription="Maximum intensity projection")


def _ct_image(
    series: Series,
    number: int,
    hounsfield: np.ndarray,
    image_type: list[str],
    place: float,
    plane: str = "axial",
) -> Dataset:
    study = series.study
    image = add(
        header(series, CTImageStorage, number, ImageType=image_type),
        "ct",
        study,
        current=120 + study.number % 90,
        kernel="B60" if study.region == "lung" else "B30",
        window=WINDOWS[study.region],
    )
    if study.region == "abd":
        image.ContrastBolusAgent = "Iodinated contrast 370"
    _place(image, study, hounsfield.shape, place, plane)
    signed = study.number % 2 == 0
    stored = np.clip(np.rint(hounsfield) - AIR, 0, 4095)
    return _set_pixels(
        image, stored.astype(np.int16 if signed else np.uint16), 16 if signed else 12
    )


def mr_slices(series: Series, drawings: list[Drawing]) -> list[Dataset]:
    """Return MR images of 12 bits; the full scale differs from study to study."""
    places = _places(series.study, len(drawings))
    return [
        _mr_image(series, number, drawing.values, place)
        for number, (drawing, place) in enumerate(zip(drawings, places, strict=True), start=1)
    ]


def mr_localizer(series: Series, picture: np.ndarray) -> Dataset:
    """Return the scout of an MR study; ``picture`` runs from 0 to 1."""
    return _mr_image(series, 1, picture, 0.0, scout=True)


def _mr_image(
    series: Series, number: int, signal: np.ndarray, place: float, *, scout: bool = False
) -> Dataset:
    study = series.study
    name, *times = PROTOCOLS[study.region]
    repetition, echo, inversion = (8, 4, None) if scout else times
    full = 900 + study.number * 211 % 2600
    image = header(
        series, MRImageStorage, number, ImageType=SCOUT if scout else [*SLICE, "M", "ND"]
    )
    add(
        image,
        "mr",
        study,
        repetition=repetition,
        echo=echo,
        field="3" if study.number % 2 else "1.5",
        protocol=name,
        position="FFS" if study.region == "knee" else "HFS",
        center=full // 2,
        width=full,
    )
    image.ImageType = SCOUT if scout else [*SLICE, "M", "ND"]
    image.ScanningSequence = "GR" if scout else ["SE", "IR"] if inversion else "SE"
    image.SequenceVariant = "SP" if scout else "SK"
    if inversion:
        image.InversionTime = str(inversion)
    _describe_part(image, study)
    plane = "frontal" if scout else "sagittal" if study.region in SAGITTAL else "axial"
    _place(image, study, signal.shape, place, plane)
    stored = np.clip(np.rint(full * signal), 0, 4095).astype(np.uint16)
    return _set_pixels(image, stored, 12)


def us_image(
    series: Series, number: int, drawing: Drawing, *, text: str, burned_in: str, color: bool
) -> Dataset:
    """Return an ultrasound image of 8 bits.

    Where not empty, ``text`` is burned into a bar at the top and ``burned_in`` stands in
    BurnedInAnnotation; ``color`` stores RGB, the text in yellow.
    """
    image = header(series, UltrasoundImageStorage, number)
    pixels = display(drawing, series.study.region)
    if text:
        pixels = burn_text(pixels, text)
    _describe_ultrasound(image, series.study, pixels.shape)
    if burned_in:
        image.BurnedInAnnotation = burned_in
    if color:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        if text:
            # The bar holds 0 and 255 alone: without blue, its text is yellow.
            pixels[: max(1, pixels.shape[1] // 160) * TEXT_HEIGHT, :, 2] = 0
    return _set_pixels(image, pixels, 8)


def us_clip(series: Series, drawings: list[Drawing]) -> Dataset:
    """Return the images of a study as one clip of several frames."""
    clip = header(series, UltrasoundMultiFrameImageStorage, 1)
    frames = np.stack([display(drawing, series.study.region) for drawing in drawings])
    _describe_ultrasound(clip, series.study, frames.shape[1:])
    fill(clip, FrameTime="40", FrameIncrementPointer=0x00181063)
    return _set_pixels(clip, frames, 8)


def capture(series: Series, screen: np.ndarray) -> Dataset:
    """Return a secondary capture of a screen, made smaller, with lines on who the patient is."""
    study = series.study
    height, width = screen.shape
    pixels = np.full((height, width), 20, dtype=np.uint8)
    small = resized(screen, (2 * height // 3, 2 * width // 3))
    pixels[height - small.shape[0] :, width - small.shape[1] :] = np.clip(small, 0, 255)
    lines = (study.patient.name, study.patient.patient_id, f"{study.day:%d.%m.%Y}")
    for number, line in enumerate(lines):
        pixels = burn_text(pixels, line, top=number * TEXT_HEIGHT)
    image = add(header(series, SecondaryCaptureImageStorage, 1), "capture", study)
    _describe_part(image, study)
    return _set_pixels(image, pixels, 8)


def _describe_part(image: Dataset, study: Study) -> None:
    image.BodyPartExamined = REGIONS[study.region][1]
    if study.region == "knee":
        image.Laterality = "RL"[study.patient.number % 2]


def _describe_ultrasound(image: Dataset, study: Study, shape: tuple[int, int]) -> None:
    thyroid = study.region == "usthyroid"
    exam, probe = ("THYROID", "L12") if thyroid else ("ABDOMINAL", "C5")
    add(image, "ultrasound", study, exam=exam, probe=probe)
    spacing = (DEPTH_CM if thyroid else 3 * DEPTH_CM) / shape[0]
    area = image.SequenceOfUltrasoundRegions[0]
    area.RegionLocationMaxX1, area.RegionLocationMaxY1 = shape[1] - 1, shape[0] - 1
    area.PhysicalDeltaX = area.PhysicalDeltaY = spacing


def _places(study: Study, count: int) -> list[float]:
    """Return the places of slices along their normal, in millimeters."""
    return [GAP[study.region] * (index - (count - 1) / 2) for index in range(count)]


def _place(image: Dataset, study: Study, shape: tuple[int, int], place: float, plane: str) -> None:
    """Add acquisition and image plane (axial, sagittal, frontal), ``place`` mm along its normal."""
    field, gap, at = FIELD[study.region], GAP[study.region], round(place, 3)
    half, spacing = round(field / 2, 3), round(field / shape[1], 6)
    orientation, position = {
        "axial": ([1, 0, 0, 0, 1, 0], [-half, -half, at]),
        "sagittal": ([0, 1, 0, 0, 0, -1], [at, -half, half]),
        "frontal": ([1, 0, 0, 0, 0, -1], [-half, at, half]),
    }[plane]
    fill(
        image,
        AcquisitionNumber=1,
        AcquisitionDate=image.ContentDate,
        AcquisitionTime=image.ContentTime,
        ImageOrientationPatient=orientation,
        ImagePositionPatient=position,
        PixelSpacing=[spacing, spacing],
        SliceThickness=str(min(5.0, gap)),
        SpacingBetweenSlices=str(gap),
        SliceLocation=str(at),
        FrameOfReferenceUID=make_uid("frame of reference", study.study_uid),
        PositionReferenceIndicator=None,
    )

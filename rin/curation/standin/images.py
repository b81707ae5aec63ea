"""DICOM images of the stand-in archive: CT, MR and ultrasound slices, scouts and captures.

Each function returns whole datasets, ready to be written.  Geometry is that of the scanned
region: axial CT and brain, sagittal knee and spine, calibrated ultrasound.
"""

import numpy as np
from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    CTImageStorage,
    MRImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)

from rin.curation.standin.headers import Series, header, set_pixels
from rin.curation.standin.phantom import Drawing
from rin.curation.standin.pictures import WINDOWS, burn_text, display, draw_capture
from rin.curation.standin.studies import REGIONS, Study
from rin.data.standins.dicom_files import make_uid

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
AIR = -1024
DEPTH_CM = 6.0


def ct_slices(series: Series, drawings: list[Drawing]) -> list[Dataset]:
    """Return axial CT images, in Hounsfield units by rescale.

    Every second study stores 16 signed bits, the others 12 unsigned ones; scanners differ.
    """
    return [
        _ct_image(series, number, drawing.values, ["ORIGINAL", "PRIMARY", "AXIAL"], place)
        for number, (drawing, place) in enumerate(
            zip(drawings, _places(series.study, len(drawings)), strict=True), start=1
        )
    ]


def ct_localizer(series: Series, picture: np.ndarray) -> Dataset:
    """Return the scout of a CT study, a frontal projection; ``picture`` runs from 0 to 1."""
    one = _ct_image(series, 1, 1500 * picture - 900, ["ORIGINAL", "PRIMARY", "LOCALIZER"], 0.0)
    # A projection adds up attenuation; it is in no Hounsfield units.
    one.RescaleType = "US"
    _place(one, series.study, picture.shape, 0.0, sagittal=False, frontal=True)
    return one


def ct_projection(series: Series, drawings: list[Drawing]) -> Dataset:
    """Return the maximum intensity projection of a CT series, a derived image."""
    highest = np.max([drawing.values for drawing in drawings], axis=0)
    one = _ct_image(series, 1, highest, ["DERIVED", "SECONDARY", "AXIAL", "MIP"], 0.0)
    one.DerivationDescription = "Maximum intensity projection"
    return one


def mr_slices(series: Series, drawings: list[Drawing]) -> list[Dataset]:
    """Return MR images of 12 bits; the full scale differs from study to study."""
    places = _places(series.study, len(drawings))
    kind = ["ORIGINAL", "PRIMARY", "M", "ND"]
    return [
        _mr_image(series, number, drawing.values, kind, place)
        for number, (drawing, place) in enumerate(zip(drawings, places, strict=True), start=1)
    ]


def mr_localizer(series: Series, picture: np.ndarray) -> Dataset:
    """Return the scout of an MR study; ``picture`` runs from 0 to 1."""
    kind = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    one = _mr_image(series, 1, picture, kind, 0.0)
    one.ScanningSequence, one.SequenceVariant = "GR", "SP"
    one.RepetitionTime, one.EchoTime = "8", "4"
    if "InversionTime" in one:
        del one.InversionTime
    _place(one, series.study, picture.shape, 0.0, sagittal=False, frontal=True)
    return one


def us_image(
    series: Series, number: int, drawing: Drawing, *, text: str, burned_in: str, color: bool
) -> Dataset:
    """Return an ultrasound image of 8 bits.

    Parameters
    ----------
    text
        Burned into a bar at the top, where not empty.
    burned_in
        BurnedInAnnotation: YES, NO, or empty for none.
    color
        Store RGB, the text in yellow.
    """
    one = header(series, UltrasoundImageStorage, number)
    pixels = display(drawing, series.study.region)
    if text:
        pixels = burn_text(pixels, text)
    _describe_ultrasound(one, series.study, pixels.shape)
    if burned_in:
        one.BurnedInAnnotation = burned_in
    if color:
        pixels = np.repeat(pixels[:, :, None], 3, axis=2)
        if text:
            # The bar holds 0 and 255 alone: without blue, its text is yellow.
            pixels[: max(1, pixels.shape[1] // 160) * 11, :, 2] = 0
    set_pixels(one, pixels, 8)
    return one


def us_clip(series: Series, drawings: list[Drawing]) -> Dataset:
    """Return the images of a study as one clip of several frames."""
    one = header(series, UltrasoundMultiFrameImageStorage, 1)
    frames = np.stack([display(drawing, series.study.region) for drawing in drawings])
    _describe_ultrasound(one, series.study, frames.shape[1:])
    one.FrameTime = "40"
    one.FrameIncrementPointer = 0x00181063
    set_pixels(one, frames, 8)
    return one


def capture(series: Series, screen: np.ndarray) -> Dataset:
    """Return a secondary capture of a screen, with the patient's name on it."""
    study = series.study
    one = header(series, SecondaryCaptureImageStorage, 1)
    one.ConversionType = "WSD"
    one.SecondaryCaptureDeviceManufacturer = "Erfunden Workstations"
    _describe_part(one, study)
    one.PatientOrientation = None
    lines = (study.patient.name, study.patient.patient_id, f"{study.day:%d.%m.%Y}")
    set_pixels(one, draw_capture(screen, lines), 8)
    one.BurnedInAnnotation = "YES"
    return one


def _ct_image(
    series: Series, number: int, hounsfield: np.ndarray, kind: list[str], place: float
) -> Dataset:
    study = series.study
    one = header(series, CTImageStorage, number)
    one.ImageType = kind
    one.AcquisitionNumber = 1
    one.AcquisitionDate, one.AcquisitionTime = one.ContentDate, one.ContentTime
    one.KVP = "120"
    one.XRayTubeCurrent = str(120 + study.number % 90)
    one.ProtocolName = f"{REGIONS[study.region][2]} routine"
    one.ConvolutionKernel = "B60" if study.region == "lung" else "B30"
    if study.region == "abd":
        one.ContrastBolusAgent = "Iodinated contrast 370"
    one.PatientPosition = "HFS"
    one.BodyPartExamined = REGIONS[study.region][1]
    one.RescaleIntercept, one.RescaleSlope, one.RescaleType = str(AIR), "1", "HU"
    center, width = WINDOWS[study.region]
    one.WindowCenter, one.WindowWidth = str(center), str(width)
    _place(one, study, hounsfield.shape, place, sagittal=False)
    signed = study.number % 2 == 0
    stored = np.clip(np.rint(hounsfield) - AIR, 0, 4095)
    set_pixels(one, stored.astype(np.int16 if signed else np.uint16), 16 if signed else 12)
    return one


def _mr_image(
    series: Series, number: int, signal: np.ndarray, kind: list[str], place: float
) -> Dataset:
    study = series.study
    name, repetition, echo, inversion = PROTOCOLS[study.region]
    one = header(series, MRImageStorage, number)
    one.ImageType = kind
    one.AcquisitionNumber = 1
    one.AcquisitionDate, one.AcquisitionTime = one.ContentDate, one.ContentTime
    one.ScanningSequence = ["SE", "IR"] if inversion else "SE"
    one.SequenceVariant = "SK"
    one.ScanOptions = None
    one.MRAcquisitionType = "2D"
    one.RepetitionTime, one.EchoTime, one.EchoTrainLength = str(repetition), str(echo), "12"
    if inversion:
        one.InversionTime = str(inversion)
    one.MagneticFieldStrength = "3" if study.number % 2 else "1.5"
    one.ProtocolName = name
    one.PatientPosition = "FFS" if study.region == "knee" else "HFS"
    _describe_part(one, study)
    full = 900 + study.number * 211 % 2600
    one.WindowCenter, one.WindowWidth = str(full // 2), str(full)
    _place(one, study, signal.shape, place, sagittal=study.region in SAGITTAL)
    stored = np.clip(np.rint(full * signal), 0, 4095).astype(np.uint16)
    set_pixels(one, stored, 12)
    return one


def _describe_part(one: Dataset, study: Study) -> None:
    one.BodyPartExamined = REGIONS[study.region][1]
    if study.region == "knee":
        one.Laterality = "RL"[study.patient.number % 2]


def _describe_ultrasound(one: Dataset, study: Study, shape: tuple[int, int]) -> None:
    exam = "THYROID" if study.region == "usthyroid" else "ABDOMINAL"
    one.ImageType = ["ORIGINAL", "PRIMARY", exam, "0001"]
    one.BodyPartExamined = REGIONS[study.region][1]
    one.PatientOrientation = None
    one.LossyImageCompression = "00"
    one.TransducerData = ["L12" if study.region == "usthyroid" else "C5", "", ""]
    area = Dataset()
    area.RegionSpatialFormat, area.RegionDataType, area.RegionFlags = 1, 1, 0
    area.RegionLocationMinX0, area.RegionLocationMinY0 = 0, 0
    area.RegionLocationMaxX1, area.RegionLocationMaxY1 = shape[1] - 1, shape[0] - 1
    area.PhysicalUnitsXDirection = area.PhysicalUnitsYDirection = 3
    deep = DEPTH_CM if study.region == "usthyroid" else 3 * DEPTH_CM
    area.PhysicalDeltaX = area.PhysicalDeltaY = deep / shape[0]
    one.SequenceOfUltrasoundRegions = Sequence([area])


def _places(study: Study, count: int) -> list[float]:
    """Return the places of slices along their normal, in millimeters."""
    return [GAP[study.region] * (index - (count - 1) / 2) for index in range(count)]


def _place(
    one: Dataset,
    study: Study,
    shape: tuple[int, int],
    place: float,
    *,
    sagittal: bool,
    frontal: bool = False,
) -> None:
    """Add the image plane: an axial one unless said otherwise, ``place`` along its normal."""
    field = FIELD[study.region]
    half, spacing = round(field / 2, 3), round(field / shape[1], 6)
    if sagittal:
        one.ImageOrientationPatient = [0, 1, 0, 0, 0, -1]
        one.ImagePositionPatient = [round(place, 3), -half, half]
    elif frontal:
        one.ImageOrientationPatient = [1, 0, 0, 0, 0, -1]
        one.ImagePositionPatient = [-half, round(place, 3), half]
    else:
        one.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
        one.ImagePositionPatient = [-half, -half, round(place, 3)]
    one.PixelSpacing = [spacing, spacing]
    one.SliceThickness = str(min(5.0, GAP[study.region]))
    one.SpacingBetweenSlices = str(GAP[study.region])
    one.SliceLocation = str(round(place, 3))
    one.FrameOfReferenceUID = make_uid("frame of reference", study.study_uid)
    one.PositionReferenceIndicator = None

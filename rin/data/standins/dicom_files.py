"""Writing of DICOM files for the stand-ins: secondary captures of radiographs, and CT slices.

The headers hold what the published files hold and a reader needs; nothing in them depends on
the time or the machine, so equal pictures make equal files.
"""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    generate_uid,
)

AIR = -1024
JPEG_QUALITY = 92


def make_uid(*parts: str) -> str:
    """Return a UID that depends on the parts alone."""
    return generate_uid(entropy_srcs=["radimagenet stand-in", *parts])


def write_radiograph(
    path: Path,
    pixels: np.ndarray,
    patient: str,
    *,
    view: str,
    spacing: float,
    jpeg: bool,
    inverted: bool,
) -> None:
    """Write a radiograph, uint8 (h, w), as the pneumonia challenge does: a secondary capture.

    Parameters
    ----------
    view
        ViewPosition, AP or PA.
    spacing
        Millimeters per pixel.
    jpeg
        Compress as JPEG baseline, else store as it is.
    inverted
        Store as MONOCHROME1, where less is brighter.
    """
    header = _header(SecondaryCaptureImageStorage, path.stem, patient, "CR", "CHEST", spacing)
    header.ConversionType = "WSD"
    header.ViewPosition = view
    photometric = "MONOCHROME1" if inverted else "MONOCHROME2"
    stored = 255 - pixels if inverted else pixels
    header.set_pixel_data(stored, photometric, bits_stored=8, generate_instance_uid=False)
    if jpeg:
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG", quality=JPEG_QUALITY)
        header.PixelData = encapsulate([coded.getvalue()])
        header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        header.LossyImageCompression = "01"
        header.LossyImageCompressionMethod = "ISO_10918_1"
    _write(path, header)


def write_ct_slice(
    path: Path,
    hounsfield: np.ndarray,
    patient: str,
    *,
    height: float,
    spacing: float,
    signed: bool,
) -> None:
    """Write a CT slice, Hounsfield units of -1024 to 3071, with slope 1 and intercept -1024.

    Parameters
    ----------
    height
        Place along the axis of the patient, in millimeters.
    spacing
        Millimeters per pixel.
    signed
        Store 16 signed bits, else 12 unsigned ones; scanners differ in this.
    """
    header = _header(CTImageStorage, path.stem, patient, "CT", "HEAD", spacing)
    header.ImagePositionPatient = [0.0, 0.0, round(height, 2)]
    header.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    header.RescaleSlope = 1
    header.RescaleIntercept = AIR
    header.RescaleType = "HU"
    header.WindowCenter = 30
    header.WindowWidth = 80
    stored = np.clip(np.rint(hounsfield) - AIR, 0, 4095)
    kind, bits = (np.int16, 16) if signed else (np.uint16, 12)
    stored = stored.astype(kind)
    header.set_pixel_data(stored, "MONOCHROME2", bits, generate_instance_uid=False)
    _write(path, header)


def _header(
    sop_class: str, name: str, patient: str, modality: str, body_part: str, spacing: float
) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    header.SOPClassUID = sop_class
    header.SOPInstanceUID = make_uid("image", name)
    header.StudyInstanceUID = make_uid("study", patient)
    header.SeriesInstanceUID = make_uid("series", patient)
    header.StudyDate = "19010101"
    header.Modality = modality
    header.BodyPartExamined = body_part
    header.PatientID = patient
    header.PatientName = patient
    header.PixelSpacing = [round(spacing, 3), round(spacing, 3)]
    return header


def _write(path: Path, header: Dataset) -> None:
    dcmwrite(path, header, enforce_file_format=True)

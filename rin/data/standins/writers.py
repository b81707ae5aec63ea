"""How stand-ins are written: whole folders, tables, pictures, radiographs and CT slices.

Nothing written depends on the time or the machine, so equal pictures make equal files.
"""

import csv
import io
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

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

from rin.errors import InputError

AIR = -1024
JPEG_QUALITY = 92


def write_whole(target: Path, what: str, fill: Callable[[Path], None]) -> None:
    """Let ``fill`` write into a new folder, which takes its name when it is whole.

    Raises
    ------
    InputError
        The folder cannot be written; nothing of it is left.
    """
    unfinished = None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
        fill(unfinished)
        unfinished.chmod(0o755)
        try:
            os.rename(unfinished, target)  # noqa: PTH104 - fails where the target has content
        except OSError:
            if not target.is_dir():
                raise
    except OSError as error:
        raise InputError(
            f"the stand-in {what} cannot be written ({error})",
            where=target,
            remedy="Free some space, or name a folder that can be written.",
        ) from error
    finally:
        if unfinished:
            shutil.rmtree(unfinished, ignore_errors=True)


def in_parallel(write: Callable, cases: Iterable[tuple]) -> list:
    """Return what ``write`` returns for the arguments of each case, in their order."""
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda case: write(*case), cases))


def write_table(path: Path, columns: Iterable[str], rows: Iterable[Iterable]) -> None:
    """Write a CSV table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(columns)
        table.writerows(rows)


def write_json(path: Path, content: Any) -> None:
    """Write JSON, a field a line."""
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def make_uid(*parts: str) -> str:
    """Return a UID that depends on the parts alone."""
    return generate_uid(entropy_srcs=["radimagenet stand-in", *parts])


def fill(dataset: Dataset, **elements: Any) -> Dataset:
    """Set elements of a dataset by keyword and return it; a list of datasets is a sequence."""
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


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

    ``view`` is AP or PA and ``spacing`` in mm; ``jpeg`` compresses, and ``inverted`` stores as
    MONOCHROME1, where less is brighter.
    """
    header = _header(SecondaryCaptureImageStorage, path.stem, patient, "CR", "CHEST", spacing)
    fill(header, ConversionType="WSD", ViewPosition=view)
    photometric = "MONOCHROME1" if inverted else "MONOCHROME2"
    stored = 255 - pixels if inverted else pixels
    header.set_pixel_data(stored, photometric, bits_stored=8, generate_instance_uid=False)
    if jpeg:
        coded = io.BytesIO()
        Image.fromarray(stored).save(coded, "JPEG", quality=JPEG_QUALITY)
        header.PixelData = encapsulate([coded.getvalue()])
        header.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        fill(header, LossyImageCompression="01", LossyImageCompressionMethod="ISO_10918_1")
    dcmwrite(path, header, enforce_file_format=True)


def write_ct_slice(
    path: Path, hounsfield: np.ndarray, patient: str, *, height: float, spacing: float, signed: bool
) -> None:
    """Write a CT slice, Hounsfield units of -1024 to 3071, with slope 1 and intercept -1024.

    ``height`` along the patient and ``spacing`` are in mm; ``signed`` stores 16 signed bits,
    else 12 unsigned ones, for scanners differ in this.
    """
    header = fill(
        _header(CTImageStorage, path.stem, patient, "CT", "HEAD", spacing),
        ImagePositionPatient=[0.0, 0.0, round(height, 2)],
        ImageOrientationPatient=[1, 0, 0, 0, 1, 0],
        RescaleSlope=1,
        RescaleIntercept=AIR,
        RescaleType="HU",
        WindowCenter=30,
        WindowWidth=80,
    )
    stored = np.clip(np.rint(hounsfield) - AIR, 0, 4095).astype(np.int16 if signed else np.uint16)
    bits = 16 if signed else 12
    header.set_pixel_data(stored, "MONOCHROME2", bits, generate_instance_uid=False)
    dcmwrite(path, header, enforce_file_format=True)


def _header(
    sop_class: str, name: str, patient: str, modality: str, body_part: str, spacing: float
) -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return fill(
        header,
        SOPClassUID=sop_class,
        SOPInstanceUID=make_uid("image", name),
        StudyInstanceUID=make_uid("study", patient),
        SeriesInstanceUID=make_uid("series", patient),
        StudyDate="19010101",
        Modality=modality,
        BodyPartExamined=body_part,
        PatientID=patient,
        PatientName=patient,
        PixelSpacing=[round(spacing, 3), round(spacing, 3)],
    )

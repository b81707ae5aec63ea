"""Tiny exports for the tests of the archive: files of four pixels, and reports."""

from pathlib import Path

import numpy as np
from pydicom import Dataset, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    KeyObjectSelectionDocumentStorage,
)

UID = "1.2.826.0.1.3680043.8.498"


def header(study="1", series="1", image="1", patient="P1", accession=None, **elements):
    """An image of study `1.1`, series `1.1.1` and so on, unless elements say otherwise."""
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.SOPClassUID = CTImageStorage
    dataset.PatientID = patient
    dataset.StudyInstanceUID = f"{UID}.{study}"
    dataset.SeriesInstanceUID = f"{UID}.{study}.{series}"
    dataset.SOPInstanceUID = f"{UID}.{study}.{series}.{image}"
    dataset.AccessionNumber = f"A{study}" if accession is None else accession
    dataset.StudyDate = "20100203"
    dataset.StudyDescription = "CT CHEST"
    dataset.Modality = "CT"
    dataset.BodyPartExamined = "CHEST"
    dataset.SeriesDescription = "AXIAL"
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    dataset.InstanceNumber = image if image.isdecimal() else "1"
    pixels = np.arange(4, dtype=np.uint8).reshape(2, 2)
    dataset.set_pixel_data(pixels, "MONOCHROME2", 8, generate_instance_uid=False)
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def document(study="1", **elements):
    """A key object selection of a study: no picture, modality KO, no body part, no accession."""
    dataset = header(study, "9", "1", accession="", **elements)
    dataset.SOPClassUID = KeyObjectSelectionDocumentStorage
    dataset.Modality = "KO"
    for name in ("BodyPartExamined", "Rows", "Columns", "PixelData", "PhotometricInterpretation"):
        del dataset[name]
    return dataset


def write(root: Path, dataset: Dataset, name: str = "") -> Path:
    path = root / (name or f"dicom/{dataset.SOPInstanceUID.removeprefix(UID)[1:]}.dcm")
    path.parent.mkdir(parents=True, exist_ok=True)
    dcmwrite(path, dataset, enforce_file_format=True)
    return path


def write_report(root: Path, number: str, impression: str, findings: str = "") -> Path:
    path = root / f"reports/{number}.txt"
    path.parent.mkdir(parents=True, exist_ok=True)
    text = f"EXAM: CT\n\nFINDINGS:\n{findings}\n\nIMPRESSION:\n{impression}\n"
    path.write_text(text, encoding="utf-8")
    return path


def write_studies(root: Path, impressions: dict[str, str], findings: dict[str, str] | None = None):
    """One image and one report a study; the study's number is the key."""
    for study, impression in impressions.items():
        write(root, header(study, patient=f"P{study}"))
        write_report(root, f"A{study}", impression, (findings or {}).get(study, ""))
    return root

"""DICOM files for the tests: small images, documents of readers, and whole exports with reports."""

from pathlib import Path

import numpy as np
from pydicom import Dataset, Sequence, dcmwrite
from pydicom.dataset import FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

UID = "1.2.826.0.1.3680043.8.498"
SQUARE = [(2.5, 2.5), (6.5, 2.5), (6.5, 5.5), (2.5, 5.5), (2.5, 2.5)]


PIXELS = np.arange(4, dtype=np.uint8).reshape(2, 2)


def header(
    study="1",
    series="1",
    image="1",
    patient="P1",
    accession=None,
    *,
    pixels=PIXELS,
    bits=None,
    **elements,
):
    """An image of study `1.1`, series `1.1.1` and so on; an element that is None is left out."""
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
    if pixels is not None:
        kind = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
        stored = bits or 8 * pixels.dtype.itemsize
        dataset.set_pixel_data(pixels, kind, stored, generate_instance_uid=False)
    for name, value in elements.items():
        if value is None:
            delattr(dataset, name)
        else:
            setattr(dataset, name, value)
    return dataset


def code(value, scheme="DCM", meaning="any"):
    one = Dataset()
    one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, scheme, meaning
    return Sequence([one])


def reference(uid):
    one = Dataset()
    one.ReferencedSOPClassUID, one.ReferencedSOPInstanceUID = CTImageStorage, uid
    return one


def uid_of(study="1", series="1", image="1"):
    return f"{UID}.{study}.{series}.{image}"


def key_note(finding, images, *, number="1", study="1", title="113000", **elements):
    """A selection of some images, by UID; no finding leaves its description out."""
    one = document(study, "8", number, KeyObjectSelectionDocumentStorage, "KO", **elements)
    one.ConceptNameCodeSequence = code(title)
    items = []
    if finding is not None:
        item = Dataset()
        item.ValueType, item.ConceptNameCodeSequence = "TEXT", code("113012")
        item.TextValue = finding
        items.append(item)
    for uid in images:
        item = Dataset()
        item.ValueType, item.ReferencedSOPSequence = "IMAGE", Sequence([reference(uid)])
        items.append(item)
    one.ContentSequence = Sequence(items)
    return one


def graphic(points=SQUARE, kind="POLYLINE", units="PIXEL", filled="N"):
    one = Dataset()
    one.GraphicType, one.GraphicAnnotationUnits = kind, units
    one.GraphicDimensions, one.NumberOfGraphicPoints = 2, len(points)
    one.GraphicData = [value for point in points for value in point]
    one.GraphicFilled = filled
    return one


def presentation(image, graphics=None, *, number="1", study="1", said="", **elements):
    """A presentation state that draws on an image, by UID."""
    one = document(study, "9", number, GrayscaleSoftcopyPresentationStateStorage, "PR", **elements)
    one.ContentDescription = said
    annotation = Dataset()
    annotation.ReferencedImageSequence = Sequence([reference(image)])
    annotation.GraphicObjectSequence = Sequence([graphic()] if graphics is None else graphics)
    one.GraphicAnnotationSequence = Sequence([annotation])
    return one


def document(study="1", series="9", number="1", sop_class=None, modality="KO", **elements):
    """A key object selection, or another document: no picture, no body part."""
    one = header(study, series, number, **elements)
    one.SOPClassUID, one.Modality = sop_class or KeyObjectSelectionDocumentStorage, modality
    for name in ("BodyPartExamined", "Rows", "Columns", "PixelData", "PhotometricInterpretation"):
        del one[name]
    return one


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

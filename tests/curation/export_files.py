"""DICOM files for the tests: small images, documents of readers, whole exports with reports."""

from pathlib import Path

import numpy as np
import pandas as pd
from pydicom import Dataset, Sequence, dcmwrite
from pydicom.uid import (
    CTImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from rin.curation.index import read_archive
from rin.curation.problems import PROBLEMS
from rin.data.standins.writers import fill, new_instance

UID = "1.2.826.0.1.3680043.8.498"
SQUARE = [(2.5, 2.5), (6.5, 2.5), (6.5, 5.5), (2.5, 5.5), (2.5, 2.5)]
PIXELS = np.arange(4, dtype=np.uint8).reshape(2, 2)
#: Four pixels are too few to outline something.
LARGER = np.arange(80, dtype=np.uint8).reshape(8, 10)


def uid_of(study="1", series="1", image="1"):
    return f"{UID}.{study}.{series}.{image}"


def item(**elements):
    return fill(Dataset(), **elements)


def header(
    study="1", series="1", image="1", patient="P1", accession=None, *, pixels=PIXELS, bits=None,
    **elements,
):  # fmt: skip
    """An image of study `1.1`, series `1.1.1` and so on; an element that is None is left out."""
    dataset = new_instance(
        SOPClassUID=CTImageStorage,
        PatientID=patient,
        StudyInstanceUID=f"{UID}.{study}",
        SeriesInstanceUID=f"{UID}.{study}.{series}",
        SOPInstanceUID=uid_of(study, series, image),
        AccessionNumber=f"A{study}" if accession is None else accession,
        StudyDate="20100203",
        StudyDescription="CT CHEST",
        Modality="CT",
        BodyPartExamined="CHEST",
        SeriesDescription="AXIAL",
        ImageType=["ORIGINAL", "PRIMARY", "AXIAL"],
        InstanceNumber=image if image.isdecimal() else "1",
    )
    if pixels is not None:
        kind = "RGB" if pixels.ndim == 3 else "MONOCHROME2"
        stored = bits or 8 * pixels.dtype.itemsize
        dataset.set_pixel_data(pixels, kind, stored, generate_instance_uid=False)
    for name in [name for name, value in elements.items() if value is None]:
        delattr(dataset, name)
        del elements[name]
    return fill(dataset, **elements)


def document(study="1", series="9", number="1", sop_class=None, modality="KO", **elements):
    """A key object selection, or another document: no picture, no body part."""
    one = header(study, series, number, pixels=None, BodyPartExamined=None, **elements)
    sop_class = sop_class or KeyObjectSelectionDocumentStorage
    return fill(one, SOPClassUID=sop_class, Modality=modality)


def code(value):
    return [item(CodeValue=value, CodingSchemeDesignator="DCM", CodeMeaning="any")]


def references(*uids):
    return Sequence(
        item(ReferencedSOPClassUID=CTImageStorage, ReferencedSOPInstanceUID=uid) for uid in uids
    )


def key_note(finding, images, *, number="1", study="1", title="113000", **elements):
    """A selection of some images, by UID; no finding leaves its description out."""
    items = [item(ValueType="IMAGE", ReferencedSOPSequence=references(uid)) for uid in images]
    if finding is not None:
        items.insert(
            0, item(ValueType="TEXT", ConceptNameCodeSequence=code("113012"), TextValue=finding)
        )
    elements |= {"ConceptNameCodeSequence": code(title), "ContentSequence": items}
    return document(study, "8", number, **elements)


def graphic(points=SQUARE, kind="POLYLINE", units="PIXEL", filled="N"):
    return item(
        GraphicType=kind,
        GraphicAnnotationUnits=units,
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points),
        GraphicData=[value for point in points for value in point],
        GraphicFilled=filled,
    )


def presentation(image, graphics=None, *, number="1", study="1", said="", **elements):
    """A presentation state that draws on an image, by UID."""
    drawn = [graphic()] if graphics is None else graphics
    annotation = item(ReferencedImageSequence=references(image), GraphicObjectSequence=drawn)
    elements |= {"ContentDescription": said, "GraphicAnnotationSequence": [annotation]}
    return document(
        study, "9", number, GrayscaleSoftcopyPresentationStateStorage, "PR", **elements
    )


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


def listed(folder: Path) -> pd.DataFrame:
    """The list of the files that could not be used, beside an index."""
    return pd.read_csv(folder / PROBLEMS, dtype=str, keep_default_na=False, encoding="utf-8-sig")


def indexed(folder: Path, *datasets):
    """The archive of what lies in a folder `export`, and of some more."""
    for dataset in datasets:
        write(folder / "export", dataset)
    return read_archive(folder / "export", folder / "index")

"""DICOM documents of the stand-in archive: key object selections, presentation states, CT dose.

A reader who marks a finding leaves two things: a Key Object Selection document (PS3.16 TID
2010) that names the images and says in words what they show, and a Grayscale Softcopy
Presentation State per image with the outline drawn on it.  Dose reports follow TID 10011.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from pydicom import Dataset
from pydicom.uid import (
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
    XRayRadiationDoseSRStorage,
)

from rin.curation.standin.images import TEMPLATES, Series, add, filled, header
from rin.data.standins.writers import fill, make_uid

LAYER = "FINDINGS"
CONTEXT = "HAS OBS CONTEXT"
TARGETS = {"lung": "816094009 SCT Chest", "abd": "818981001 SCT Abdomen"}
SCAN_MM = 320.0
#: The element that holds the value of a content item, by ValueType.
VALUES = {"TEXT": "TextValue", "PNAME": "PersonName", "UIDREF": "UID", "DATETIME": "DateTime"}


def code(text: str) -> Dataset:
    """Return a coded concept from its value, scheme and meaning, parted by blanks."""
    value, scheme, meaning = text.split(" ", 2)
    return fill(Dataset(), CodeValue=value, CodingSchemeDesignator=scheme, CodeMeaning=meaning)


def content(
    kind: str,
    concept: str,
    value: Any = None,
    relation: str = "CONTAINS",
    items: Sequence[Sequence] = (),
) -> Dataset:
    """Return a content item of a structured report.

    Parameters
    ----------
    kind
        ValueType: CODE, NUM, IMAGE, CONTAINER or one of `VALUES`.
    concept
        Concept name as `code` reads it, empty for none.
    value
        A concept for CODE, the number and its unit in UCUM for NUM, an image for IMAGE.
    relation
        RelationshipType.
    items
        Content items in this one, each the arguments of this function.
    """
    item = fill(Dataset(), RelationshipType=relation, ValueType=kind)
    if concept:
        item.ConceptNameCodeSequence = [code(concept)]
    if kind == "CODE":
        item.ConceptCodeSequence = [code(value)]
    elif kind == "NUM":
        number, unit = value
        # Units in braces count things, and their meaning is what stands in the braces.
        units = fill(
            Dataset(), CodeValue=unit, CodingSchemeDesignator="UCUM", CodeMeaning=unit.strip("{}")
        )
        item.MeasuredValueSequence = [
            fill(Dataset(), NumericValue=str(number), MeasurementUnitsCodeSequence=[units])
        ]
    elif kind == "IMAGE":
        item.ReferencedSOPSequence = [_reference(value)]
    elif kind == "CONTAINER":
        item.ContinuityOfContent = "SEPARATE"
    else:
        setattr(item, VALUES[kind], value)
    if items:
        item.ContentSequence = [content(*inner) for inner in items]
    return item


def _document(
    series: Series, sop_class: str, number: int, concept: str, items: list[Dataset], template: str
) -> Dataset:
    """Return a structured report: a container of items, which follows a template of PS3.16."""
    document = header(series, sop_class, number)
    # The steps and staff that made the images are not those of the document.
    del document.RequestAttributesSequence, document.OperatorsName
    del document.PerformedProcedureStepStartDate, document.PerformedProcedureStepStartTime
    tree = content("CONTAINER", concept)
    tree.ContentSequence = items
    del tree.RelationshipType
    document.update(tree)
    return add(document, "document", series.study, tid=template)


def key_selection(
    series: Series, number: int, description: str, images: Sequence[Dataset]
) -> Dataset:
    """Return the Key Object Selection document of one finding on images of this study.

    ``description`` is what the reader wrote: ``region: label``, or a term of the site's own.
    """
    items = [
        content("CODE", "121005 DCM Observer Type", "121006 DCM Person", CONTEXT),
        content("PNAME", "121008 DCM Person Observer Name", series.study.reader, CONTEXT),
        content("TEXT", "113012 DCM Key Object Description", description),
        *(content("IMAGE", "", image) for image in images),
    ]
    evidence = fill(
        Dataset(),
        StudyInstanceUID=series.study.study_uid,
        ReferencedSeriesSequence=_by_series(images, "ReferencedSOPSequence"),
    )
    sop_class, concept = KeyObjectSelectionDocumentStorage, "113000 DCM Of Interest"
    document = _document(series, sop_class, number, concept, items, "2010")
    return fill(document, CurrentRequestedProcedureEvidenceSequence=[evidence])


def dose_report(series: Series) -> Dataset:
    """Return the dose report of a CT study with one spiral acquisition."""
    study, serial = series.study, series.study.scanner[3]
    current, dose = 120 + study.number % 90, 4.0 + study.number % 9
    fields = {
        "study": study,
        "device": make_uid("device", serial),
        "serial": serial,
        "begin": study.start,
        "end": study.start + timedelta(seconds=90),
        "dose": dose,
        "product": round(dose * SCAN_MM / 10, 1),
        "target": TARGETS[study.region],
        "event": make_uid("irradiation", study.study_uid),
        "length": SCAN_MM,
        "peak": current + 40,
        "current": current,
    }
    items = [content(*item) for item in filled(TEMPLATES["dose report"], fields)]
    concept = "113701 DCM X-Ray Radiation Dose Report"
    report = _document(series, XRayRadiationDoseSRStorage, 1, concept, items, "10011")
    return fill(
        report,
        PerformedProcedureCodeSequence=[],
        CompletionFlag="COMPLETE",
        VerificationFlag="UNVERIFIED",
    )


def outlined(
    series: Series, number: int, image: Dataset, points: list[tuple[float, float]], title: str
) -> Dataset:
    """Return the presentation state that outlines a finding on an image.

    ``points`` are a closed outline as (column, row); the top left corner of the image is
    (0, 0), PS3.3 Table C.10-5.  ``title`` is the ContentDescription.
    """
    state = header(series, GrayscaleSoftcopyPresentationStateStorage, number)
    line = fill(
        Dataset(),
        GraphicAnnotationUnits="PIXEL",
        GraphicDimensions=2,
        NumberOfGraphicPoints=len(points),
        GraphicData=[value for point in points for value in point],
        GraphicType="POLYLINE",
        GraphicFilled="N",
    )
    annotation = fill(
        Dataset(),
        GraphicLayer=LAYER,
        ReferencedImageSequence=[_reference(image)],
        GraphicObjectSequence=[line],
    )
    fill(
        state,
        ContentLabel="FINDING",
        ContentDescription=title,
        ContentCreatorName=series.study.reader,
        PresentationCreationDate=state.ContentDate,
        PresentationCreationTime=state.ContentTime,
        BodyPartExamined=image.BodyPartExamined,
        ReferencedSeriesSequence=_by_series([image], "ReferencedImageSequence"),
        GraphicAnnotationSequence=[annotation],
        GraphicLayerSequence=[fill(Dataset(), GraphicLayer=LAYER, GraphicLayerOrder=1)],
    )
    del state.ContentDate, state.ContentTime
    if "Laterality" in image:
        state.Laterality = image.Laterality
    _display_like(state, image)
    return state


def _display_like(state: Dataset, image: Dataset) -> None:
    """Show the whole image in its own rescale and window."""
    area = fill(
        Dataset(),
        DisplayedAreaTopLeftHandCorner=[1, 1],
        DisplayedAreaBottomRightHandCorner=[image.Columns, image.Rows],
        PresentationSizeMode="SCALE TO FIT",
    )
    if "PixelSpacing" in image:
        area.PresentationPixelSpacing = image.PixelSpacing
    else:
        area.PresentationPixelAspectRatio = [1, 1]
    fill(state, DisplayedAreaSelectionSequence=[area], PresentationLUTShape="IDENTITY")
    if "RescaleSlope" in image:
        for keyword in ("RescaleIntercept", "RescaleSlope", "RescaleType"):
            setattr(state, keyword, image[keyword].value)
    if "WindowCenter" in image:
        window = fill(Dataset(), WindowCenter=image.WindowCenter, WindowWidth=image.WindowWidth)
        state.SoftcopyVOILUTSequence = [window]


def _by_series(images: Sequence[Dataset], listed: str) -> list[Dataset]:
    """Return references to images, grouped by series; ``listed`` is the keyword of the list."""
    groups: dict[str, list[Dataset]] = {}
    for image in images:
        groups.setdefault(image.SeriesInstanceUID, []).append(_reference(image))
    return [
        fill(Dataset(), SeriesInstanceUID=uid, **{listed: found}) for uid, found in groups.items()
    ]


def _reference(image: Dataset) -> Dataset:
    return fill(
        Dataset(),
        ReferencedSOPClassUID=image.SOPClassUID,
        ReferencedSOPInstanceUID=image.SOPInstanceUID,
    )

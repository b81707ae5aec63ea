"""Key object selections and presentation states for tests, as small as readers accept them."""

from export_files import UID, header
from pydicom import Dataset, Sequence
from pydicom.uid import (
    CTImageStorage,
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

SQUARE = [(2.5, 2.5), (6.5, 2.5), (6.5, 5.5), (2.5, 5.5), (2.5, 2.5)]


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
    one = _document(study, "8", number, KeyObjectSelectionDocumentStorage, "KO", **elements)
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
    one = _document(study, "9", number, GrayscaleSoftcopyPresentationStateStorage, "PR", **elements)
    one.ContentDescription = said
    annotation = Dataset()
    annotation.ReferencedImageSequence = Sequence([reference(image)])
    annotation.GraphicObjectSequence = Sequence([graphic()] if graphics is None else graphics)
    one.GraphicAnnotationSequence = Sequence([annotation])
    return one


def _document(study, series, number, sop_class, modality, **elements):
    one = header(study, series, number, **elements)
    one.SOPClassUID, one.Modality = sop_class, modality
    for name in ("BodyPartExamined", "Rows", "Columns", "PixelData", "PhotometricInterpretation"):
        del one[name]
    return one

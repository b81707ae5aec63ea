"""DICOM documents of the stand-in archive: key object selections and presentation states.

A reader who marks a finding leaves two things: a Key Object Selection document (PS3.16 TID
2010) that names the images and says in words what they show, and a Grayscale Softcopy
Presentation State per image with the outline drawn on it.
"""

from collections.abc import Sequence as Sequences

from pydicom import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage, KeyObjectSelectionDocumentStorage

from rin.curation.standin.headers import Series, header, reader_of

#: Code values of the DICOM ontology (DCM).
OF_INTEREST = ("113000", "DCM", "Of Interest")
DESCRIPTION = ("113012", "DCM", "Key Object Description")
LAYER = "FINDINGS"


def code(value: str, scheme: str, meaning: str) -> Dataset:
    """Return a coded concept."""
    one = Dataset()
    one.CodeValue, one.CodingSchemeDesignator, one.CodeMeaning = value, scheme, meaning
    return one


def content(kind: str, relation: str, concept: tuple[str, str, str] | None = None) -> Dataset:
    """Return a content item of a structured report, without its value.

    Parameters
    ----------
    kind
        ValueType, such as TEXT.
    relation
        RelationshipType, such as CONTAINS; empty for the root.
    """
    one = Dataset()
    if relation:
        one.RelationshipType = relation
    one.ValueType = kind
    if concept:
        one.ConceptNameCodeSequence = Sequence([code(*concept)])
    return one


def container(
    concept: tuple[str, str, str], items: list[Dataset], relation: str = "CONTAINS"
) -> Dataset:
    """Return a container with content items in it."""
    one = content("CONTAINER", relation, concept)
    one.ContinuityOfContent = "SEPARATE"
    one.ContentSequence = Sequence(items)
    return one


def coded(
    concept: tuple[str, str, str], value: tuple[str, str, str], relation: str = "CONTAINS"
) -> Dataset:
    """Return a content item whose value is a code."""
    one = content("CODE", relation, concept)
    one.ConceptCodeSequence = Sequence([code(*value)])
    return one


def as_root(one: Dataset, tree: Dataset, template: str) -> None:
    """Lay a container into a dataset as its content tree, which follows a template of PS3.16."""
    named = Dataset()
    named.MappingResource, named.TemplateIdentifier = "DCMR", template
    tree.ContentTemplateSequence = Sequence([named])
    if "RelationshipType" in tree:
        del tree.RelationshipType
    one.update(tree)


def add_request(one: Dataset) -> None:
    """Name the request that a document answers."""
    request = Dataset()
    request.StudyInstanceUID = one.StudyInstanceUID
    request.ReferencedStudySequence = Sequence()
    request.AccessionNumber = one.AccessionNumber
    request.PlacerOrderNumberImagingServiceRequest = None
    request.FillerOrderNumberImagingServiceRequest = None
    request.RequestedProcedureID = one.RequestAttributesSequence[0].RequestedProcedureID
    request.RequestedProcedureDescription = one.StudyDescription
    request.RequestedProcedureCodeSequence = Sequence()
    one.ReferencedRequestSequence = Sequence([request])
    # The steps and staff that made the images are not those of the document.
    for keyword in (
        "RequestAttributesSequence",
        "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime",
        "OperatorsName",
    ):
        delattr(one, keyword)
    one.ReferencedPerformedProcedureStepSequence = Sequence()


def key_selection(
    series: Series, number: int, description: str, images: Sequences[Dataset]
) -> Dataset:
    """Return the Key Object Selection document of one finding.

    Parameters
    ----------
    description
        What the reader wrote: ``region: label``, or a term of the site's own.
    images
        Key images, all of this study.
    """
    one = header(series, KeyObjectSelectionDocumentStorage, number)
    add_request(one)
    evidence = Dataset()
    evidence.StudyInstanceUID = one.StudyInstanceUID
    evidence.ReferencedSeriesSequence = _by_series(images, "ReferencedSOPSequence")
    one.CurrentRequestedProcedureEvidenceSequence = Sequence([evidence])
    who = content("PNAME", "HAS OBS CONTEXT", ("121008", "DCM", "Person Observer Name"))
    who.PersonName = reader_of(series.study)
    words = content("TEXT", "CONTAINS", DESCRIPTION)
    words.TextValue = description
    items = [
        coded(("121005", "DCM", "Observer Type"), ("121006", "DCM", "Person"), "HAS OBS CONTEXT"),
        who,
        words,
    ]
    for image in images:
        item = content("IMAGE", "CONTAINS")
        item.ReferencedSOPSequence = Sequence([_reference(image)])
        items.append(item)
    as_root(one, container(OF_INTEREST, items), "2010")
    return one


def outlined(
    series: Series, number: int, image: Dataset, points: list[tuple[float, float]], title: str
) -> Dataset:
    """Return the presentation state that outlines a finding on an image.

    Parameters
    ----------
    points
        Closed outline as (column, row); the top left corner of the image is (0, 0), PS3.3
        Table C.10-5.
    title
        ContentDescription.
    """
    one = header(series, GrayscaleSoftcopyPresentationStateStorage, number)
    one.ContentLabel = "FINDING"
    one.ContentDescription = title
    one.PresentationCreationDate, one.PresentationCreationTime = one.ContentDate, one.ContentTime
    del one.ContentDate, one.ContentTime
    one.ContentCreatorName = reader_of(series.study)
    one.BodyPartExamined = image.BodyPartExamined
    if "Laterality" in image:
        one.Laterality = image.Laterality
    one.ReferencedSeriesSequence = _by_series([image], "ReferencedImageSequence")
    _display_like(one, image)
    line = Dataset()
    line.GraphicAnnotationUnits = "PIXEL"
    line.GraphicDimensions = 2
    line.NumberOfGraphicPoints = len(points)
    line.GraphicData = [value for point in points for value in point]
    line.GraphicType = "POLYLINE"
    line.GraphicFilled = "N"
    annotation = Dataset()
    annotation.GraphicLayer = LAYER
    annotation.ReferencedImageSequence = Sequence([_reference(image)])
    annotation.GraphicObjectSequence = Sequence([line])
    one.GraphicAnnotationSequence = Sequence([annotation])
    layer = Dataset()
    layer.GraphicLayer, layer.GraphicLayerOrder = LAYER, 1
    one.GraphicLayerSequence = Sequence([layer])
    return one


def _display_like(one: Dataset, image: Dataset) -> None:
    """Show the whole image in its own rescale and window."""
    area = Dataset()
    area.DisplayedAreaTopLeftHandCorner = [1, 1]
    area.DisplayedAreaBottomRightHandCorner = [image.Columns, image.Rows]
    area.PresentationSizeMode = "SCALE TO FIT"
    if "PixelSpacing" in image:
        area.PresentationPixelSpacing = image.PixelSpacing
    else:
        area.PresentationPixelAspectRatio = [1, 1]
    one.DisplayedAreaSelectionSequence = Sequence([area])
    if "RescaleSlope" in image:
        one.RescaleIntercept, one.RescaleSlope = image.RescaleIntercept, image.RescaleSlope
        one.RescaleType = image.RescaleType
    if "WindowCenter" in image:
        window = Dataset()
        window.WindowCenter, window.WindowWidth = image.WindowCenter, image.WindowWidth
        one.SoftcopyVOILUTSequence = Sequence([window])
    one.PresentationLUTShape = "IDENTITY"


def _by_series(images: Sequences[Dataset], listed: str) -> Sequence:
    """Return references to images, grouped by series; ``listed`` is the keyword of the list."""
    found = []
    for uid in dict.fromkeys(image.SeriesInstanceUID for image in images):
        one = Dataset()
        one.SeriesInstanceUID = uid
        same = [_reference(image) for image in images if image.SeriesInstanceUID == uid]
        setattr(one, listed, Sequence(same))
        found.append(one)
    return Sequence(found)


def _reference(image: Dataset) -> Dataset:
    one = Dataset()
    one.ReferencedSOPClassUID = image.SOPClassUID
    one.ReferencedSOPInstanceUID = image.SOPInstanceUID
    return one

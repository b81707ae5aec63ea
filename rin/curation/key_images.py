"""The labelled images of an archive: those that readers marked, and those of normal studies.

A Key Object Selection (PS3.16, TID 2010) titled "Of Interest" chooses images and names a finding.
Grayscale Softcopy Presentation States outline findings: workstations write them when a reader
draws, in pixels of the picture, so that they fit ultrasound too, which has no frame of reference
for RTSTRUCT contours.

A finding is written ``REGION: LABEL``, spelt as in the taxonomy, or is a term of the site that a
table translates.  Nothing is guessed: a misspelling is an error that shows similar labels.  An
image to which two notes give two labels has two rows, as some images of RadImageNet do.  If an
image has one finding, all outlines on the image belong to it; if it has two, an outline must name
its finding.  Of several outlines of a finding, the largest is kept.
"""

import io
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from pydicom import Dataset, dcmread
from pydicom.uid import (
    GrayscaleSoftcopyPresentationStateStorage,
    KeyObjectSelectionDocumentStorage,
)

from rin.curation.index import MARK
from rin.curation.problems import UNCLEAR, Problem, Reading, Readings, read_files
from rin.curation.spreadsheets import plain, read_rows, refuse_rows
from rin.curation.taxonomy import REGION_OF, REGIONS, load_taxonomy
from rin.data import dicom
from rin.data.pixels import POLYGON, rasterise, shape_text
from rin.errors import InputError, did_you_mean, redact

COLUMNS = [
    "sop_uid", "study_uid", "patient_id", *MARK, "modality",
    "region", "label", "roi", "document",
]  # fmt: skip
#: Code and scheme of titles and content items.
OF_INTEREST = ("113000", "DCM")
DESCRIPTION = ("113012", "DCM")
#: Columns of a label map, and the class of a term that is left out.
HEADER = ("finding", "region", "label")
LEFT_OUT = ("", "")
Class = tuple[str, str]
#: Columns of a note on an image, and of a closed outline: a polygon as in `rin.data.pixels`.
NOTE = ["document", "finding", "region", "label", "sop_uid"]
OUTLINE = ["sop_uid", "said", "polygon"]
#: Kinds of readers' documents that are read.
DOCUMENTS = (KeyObjectSelectionDocumentStorage, GrayscaleSoftcopyPresentationStateStorage)
#: Largest number of characters in a ContentDescription.
LONGEST = 64
#: Corners of the polygon that replaces a circle or an ellipse; largest gap of a closed line.
CORNERS = 48
_CLOSED = 1e-3


def read_key_images(root: Path, files: pd.DataFrame, label_map: Path | None = None) -> Readings:
    """Read all key object selections and outlines among the `files` of an archive.

    `label_map` is the path for `read_label_map`.  Return one row per image and label with the
    columns `COLUMNS`; `document` is the path of the selection, `roi` a polygon as in
    :mod:`rin.data.pixels`, or an empty string.  Selections with another title, and graphics that
    outline nothing, are ignored.  The second result is the problems with documents that cannot be
    read or trusted: they have no finding or an unknown one, a finding of another modality than the
    image's, or an image of another patient.  None of their images is among the rows.
    """
    pairs = load_taxonomy()[["region", "label"]].itertuples(index=False, name=None)
    classes = {": ".join(pair): pair for pair in pairs}
    terms = read_label_map(label_map, classes) if label_map else {}
    paths = sorted(files.loc[files["sop_class"].isin(DOCUMENTS), "path"])
    read = partial(_read, root, classes, terms)
    empty = pd.DataFrame(columns=[*NOTE, *OUTLINE[1:]], dtype=str)
    marks, problems = read_files(read, paths, "Reading the readers' marks", empty)
    rows = marks[NOTE].dropna().merge(files, on="sop_uid")
    problems += _contradictions(rows, files.set_index("path")["patient_id"])
    # Not in the other order: an image of a good and of a bad document is kept.
    good = rows[~rows["document"].isin([problem.path for problem in problems])]
    images = good[good["rule"] == ""].drop_duplicates(["sop_uid", "region", "label"])
    images["roi"] = _regions_of_interest(images, marks[OUTLINE].dropna())
    return images[COLUMNS], problems


def diagnostic_images(files: pd.DataFrame, study_uids: Iterable[str]) -> pd.DataFrame:
    """Return all diagnostic images of the normal studies with these study instance UIDs.

    No rule excludes them, and their body part, or else that of their study, has a class; blanks,
    hyphens, underscores and case are ignored.  `roi` and `document` are empty; the label is
    "normal", or the organ for ultrasound, which has no such class.
    """
    files = files[files["study_uid"].isin(study_uids) & (files["rule"] == "")]
    # Several body parts of a study are joined by a backslash, and name no class.
    part = files["body_part"].where(files["body_part"] != "", files["study_body_part"])
    part = part.str.replace(r"[\s_-]", "", regex=True).str.upper()
    pairs = [REGION_OF.get(image, LEFT_OUT) for image in zip(files["modality"], part, strict=True)]
    classes = pd.DataFrame(pairs, files.index, ["region", "label"])
    files = files.assign(**classes, roi="", document="")
    return files.loc[files["region"] != "", COLUMNS]


def read_label_map(path: Path, classes: dict[str, Class]) -> dict[str, Class]:
    """Read the table of a site's own terms: CSV with the columns finding, region, label.

    Return region and label by term, without differences of case and blanks; they are `LEFT_OUT`
    if the row leaves both empty.
    """
    terms = {}
    problems = {}
    for row, finding, *target in read_rows(path, HEADER).itertuples():
        term = _fold_case(finding)
        target = tuple(target)
        if not term:
            problems[row] = "it has no finding"
        elif target not in {*classes.values(), LEFT_OUT}:
            label = ": ".join(filter(None, target))
            problems[row] = f"{label} is not a class{did_you_mean(label, classes)}"
        elif terms.setdefault(term, target) != target:
            problems[row] = f"{finding!r} is there twice, with different translations"
    refuse_rows(
        path,
        problems,
        "Use regions and labels of data_manifests/radimagenet_labels.csv; leave both empty "
        "for findings without a class.",
    )
    return terms


def _fold_case(text: str) -> str:
    """Return a term without differences of case and blanks."""
    return plain(text).casefold()


def _read(root: Path, classes: dict[str, Class], terms: dict[str, Class], path: str) -> Reading:
    """Return the notes or the outlines of a document, or the problem with it."""
    try:
        with dicom.DicomFile(io.FileIO(root / path)) as opened:
            dataset = dcmread(opened)
        if dataset.SOPClassUID == KeyObjectSelectionDocumentStorage:
            return _notes(path, dataset, classes, terms)
        return _outlines(dataset)
    except dicom.BROKEN as error:
        return Problem(path, redact(error))


def _contradictions(rows: pd.DataFrame, owners: pd.Series) -> list[Problem]:
    """Return the problems of notes that do not fit their images; `owners` are patients by path."""
    problems = []
    for row in rows.itertuples():
        modality = REGIONS[row.region]["modality"]
        if row.patient_id != owners[row.document]:
            what = "it names an image of another patient"
        elif row.rule == "" and row.modality != modality:
            said = f"{row.region}: {row.label} is a class of {modality}"
            what = f"{said}, but an image is {row.modality}"
        else:
            continue
        problems.append(Problem(row.document, what, row.path, UNCLEAR))
    return problems


def _regions_of_interest(images: pd.DataFrame, outlines: pd.DataFrame) -> list[str]:
    """Return the largest outline of each image's finding as a polygon, or an empty string."""
    images = images.assign(place=images.index, alone=~images.duplicated("sop_uid", keep=False))
    largest = dict.fromkeys(images.index, (0, ""))
    for pair in images.merge(outlines, on="sop_uid").itertuples():
        # A description may have room for only the beginning of a finding.
        said, finding = (_fold_case(text)[:LONGEST].rstrip() for text in (pair.said, pair.finding))
        if pair.alone or said == finding:
            with suppress(InputError):  # an outline that covers no pixel is skipped
                area = int(rasterise(pair.polygon, (pair.rows, pair.columns)).sum())
                largest[pair.place] = max(largest[pair.place], (area, pair.polygon))
    return [text for _, text in largest.values()]


def _notes(
    path: str, dataset: Dataset, classes: dict[str, Class], terms: dict[str, Class]
) -> Reading:
    """Return a `NOTE` on each image of a key object selection, or why its finding is unclear."""
    if OF_INTEREST not in _concepts(dataset):
        return []
    finding = ""
    images = []
    for item in dataset.get("ContentSequence") or ():
        if item.get("ValueType") == "TEXT" and DESCRIPTION in _concepts(item):
            finding = finding or plain(item.get("TextValue"))
        if item.get("ValueType") == "IMAGE":
            references = item.get("ReferencedSOPSequence") or ()
            images += [str(reference.ReferencedSOPInstanceUID) for reference in references]
    spelled = ": ".join(part.strip() for part in finding.split(":", 1))
    target = terms.get(_fold_case(finding)) or classes.get(spelled)
    if target == LEFT_OUT or not images:
        return []
    if not target:
        what = "it states no finding (no Key Object Description)"
        if finding:
            what = f"its finding is not a class of the taxonomy{did_you_mean(spelled, classes)}"
        return Problem(path, what, kind=UNCLEAR)
    region, label = target
    note = {"document": path, "finding": finding, "region": region, "label": label}
    return [{**note, "sop_uid": uid} for uid in dict.fromkeys(images)]


def _concepts(dataset: Dataset) -> list[tuple[str, str]]:
    codes = dataset.get("ConceptNameCodeSequence") or ()
    return [(code.get("CodeValue"), code.get("CodingSchemeDesignator")) for code in codes]


def _outlines(dataset: Dataset) -> list[dict[str, str]]:
    """Return an `OUTLINE` for each outline that a presentation state draws on an image."""
    said = plain(dataset.get("ContentDescription"))
    shown = [
        image
        for series in dataset.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedImageSequence") or ()
    ]
    outlines = []
    for annotation in dataset.get("GraphicAnnotationSequence") or ():
        # An annotation that names no images is on all images of the state.
        images = annotation.get("ReferencedImageSequence") or shown
        for graphic in annotation.get("GraphicObjectSequence") or ():
            if polygon := _outline_of(graphic):
                uids = [str(reference.ReferencedSOPInstanceUID) for reference in images]
                outlines += [{"sop_uid": uid, "said": said, "polygon": polygon} for uid in uids]
    return outlines


def _outline_of(graphic: Dataset) -> str:
    """Return the polygon that a graphic draws, or an empty string if it outlines nothing.

    PIXEL coordinates (PS3.3, C.10.5) have their origin in the top left corner of the first
    pixel, so that its middle is 0.5, 0.5; outlines here have pixel indices, so half a pixel is
    subtracted.  A circle (centre, a point on it) and an ellipse (ends of both axes) become
    polygons; a spline becomes the polygon of its points, as the standard leaves its course to the
    writer.  An open line is a measurement or an arrow.
    """
    data = np.asarray(graphic.get("GraphicData"), dtype=float)
    kind = graphic.get("GraphicType")
    if graphic.get("GraphicAnnotationUnits") != "PIXEL" or data.size % 2:
        return ""
    points = data.reshape(-1, 2) - 0.5
    if kind in ("POLYLINE", "INTERPOLATED") and len(points):
        if np.abs(points[0] - points[-1]).max() <= _CLOSED:
            points = points[:-1]
        elif graphic.get("GraphicFilled") != "Y":
            return ""
    elif (kind, len(points)) in (("CIRCLE", 2), ("ELLIPSE", 4)):
        middle = points[0]
        axis = points[1] - points[0]
        other = axis[::-1] * (-1, 1)
        if kind == "ELLIPSE":
            middle = points.mean(axis=0)
            axis, other = (points[1::2] - points[::2]) / 2
        if axis[0] * other[1] == axis[1] * other[0]:
            return ""
        turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)[:, None]
        points = middle + np.cos(turn) * axis + np.sin(turn) * other
    else:
        return ""
    with suppress(InputError):  # of fewer than three points, or of one that is not finite
        return shape_text(POLYGON, points.round(3))
    return ""

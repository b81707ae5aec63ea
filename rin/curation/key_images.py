"""Which images of an archive show what: those that readers marked, and those of normal studies.

The paper took the images that the reading radiologist chose, with the label and the region of
interest given to them, and of normal studies all diagnostic images.  Here a Key Object Selection
(PS3.16, TID 2010) titled "Of Interest" chooses and names; notes with other titles, such as those
that reject an image for its quality, choose nothing.  Grayscale Softcopy Presentation States
outline: workstations write them when a reader draws, in pixels of the picture, so that they fit
ultrasound too, which has no frame of reference for contours of the RTSTRUCT kind.

A finding reads ``REGION: LABEL`` as the taxonomy spells them, or is a term of the site that a
table translates.  Nothing is guessed: a slip of the pen is an error that shows what is near.  An
image that two notes give two labels stands there twice, once per label, as some images of
RadImageNet do.  Where an image has one finding, all outlines on it belong to it; where it has
two, an outline must say whose it is.  Of several outlines of a finding the largest is kept.
"""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from pydicom import Dataset, dcmread
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage, KeyObjectSelectionDocumentStorage
from sqlalchemy import Column, select

from rin.curation.exclusions import file_query, rule_of
from rin.curation.index import Archive, in_slices, instances, read_table, studies
from rin.curation.taxonomy import REGIONS, REMEDY, read_rows, region_of
from rin.data import dicom
from rin.data.chunks import map_threads, run_chunks
from rin.data.pixels import polygon_text, rasterise
from rin.errors import InputError, named

COLUMNS = (
    *("sop_uid", "study_uid", "series_uid", "patient_id", "path", "modality", "region", "label"),
    *("roi", "document"),
)
#: Documents that one job reads.
CHUNK = 500
#: Code and scheme of titles and content items.
OF_INTEREST = ("113000", "DCM")
DESCRIPTION = ("113012", "DCM")
#: Columns of a label map, and the class of a term that is left out.
HEADER = ("finding", "region", "label")
LEFT_OUT = ("", "")
#: A ContentDescription holds no more characters of a finding.
DESCRIPTION_LENGTH = 64
#: Corners of the polygon that stands for a circle or an ellipse.
CORNERS = 48
_CLOSED = 1e-3
Points = tuple[tuple[float, float], ...]


class KeyNote(NamedTuple):
    """A Key Object Selection document: title (code, scheme), description, SOP UIDs of images."""

    path: str
    title: tuple[str, str]
    description: str
    images: tuple[str, ...]


class Outline(NamedTuple):
    """A closed outline on an image, (x, y) in pixels by index: 0, 0 is the first one's middle."""

    image: str
    description: str
    points: Points


class Drawn(NamedTuple):
    """The outlines of a presentation state, and what else it holds, in words, an entry each."""

    path: str
    outlines: tuple[Outline, ...]
    ignored: tuple[str, ...]


class Unreadable(NamedTuple):
    """A document that cannot be read."""

    path: str
    problem: str


class KeyImages(NamedTuple):
    """Key images (a row per image and label), and how many were passed over for what reason."""

    images: pd.DataFrame
    remarks: dict[str, int]


def read_key_images(
    archive: Archive,
    taxonomy: pd.DataFrame,
    label_map: Path | None = None,
    workers: int | None = None,
) -> KeyImages:
    """Read all key object selections and outlines of an archive.

    Parameters
    ----------
    taxonomy
        Table of :func:`rin.curation.taxonomy.load_taxonomy`.
    label_map
        Table of the site's own terms (see `read_label_map`).
    workers
        Processes that read documents; by default one per core.

    Returns
    -------
    KeyImages
        `images` has the columns `COLUMNS`, sorted by `sop_uid` and label; `document` is the path
        of the selection, `roi` a polygon as :mod:`rin.data.pixels` reads it, or empty.

    Raises
    ------
    InputError
        One error for all documents that cannot be read or trusted: no or an unknown finding,
        a finding of another modality than the image's, an image of another patient.
    """
    terms = read_label_map(label_map, taxonomy) if label_map else {}
    remarks: Counter[str] = Counter()
    notes = _documents(archive, KeyObjectSelectionDocumentStorage, _note, workers)
    drawn = _documents(archive, GrayscaleSoftcopyPresentationStateStorage, _drawn, workers)
    problems = [f"{d.path}: {d.problem}" for d in notes + drawn if isinstance(d, Unreadable)]
    chosen = _chosen(notes, terms, taxonomy, remarks, problems)
    wanted = {uid for note, _ in chosen for uid in note.images}
    files = _files(archive, instances.c.sop_uid, wanted).set_index("sop_uid")
    owners = _files(archive, instances.c.path, [note.path for note, _ in chosen])
    owner_of = dict(zip(owners["path"], owners["patient_id"], strict=True))
    rows = _rows(chosen, files, owner_of, remarks, problems)
    if problems:
        raise InputError(
            f"{len(problems)} documents of readers cannot be used: {named(sorted(problems))}",
            where=archive.root,
            remedy="Correct them in the archive, or translate the site's own terms with a label "
            "map (columns finding,region,label; empty region and label leave a finding out).",
        )
    images = pd.DataFrame(rows, columns=[*COLUMNS[:-2], "document", "finding"])
    images = images.drop_duplicates(["sop_uid", "region", "label"]).reset_index(drop=True)
    states = [state for state in drawn if isinstance(state, Drawn)]
    images["roi"] = _regions_of_interest(images, states, files, remarks)
    twice = images["sop_uid"].duplicated()
    remarks["image under two labels"] = images.loc[twice, "sop_uid"].nunique()
    found = {reason: count for reason, count in sorted(remarks.items()) if count}
    images = images.sort_values(["sop_uid", "region", "label"], ignore_index=True)
    return KeyImages(images[list(COLUMNS)], found)


def diagnostic_images(archive: Archive, study_uids: Iterable[str]) -> pd.DataFrame:
    """Return all diagnostic images of studies that are normal, by study instance UID.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, `roi` and `document` empty.  Images that a rule of
        :mod:`rin.curation.exclusions` hits, and those without a class of their body part,
        are not there.  The label is "normal"; of ultrasound, which has no such class, the organ.
    """
    files = _files(archive, studies.c.study_uid, study_uids)
    files = files[rule_of(files) == ""].copy()
    # A study of several body parts joins them by a backslash, and then says none of an image.
    own = files["study_body_part"].where(~files["study_body_part"].str.contains("\\", regex=False))
    part = files["series_body_part"].where(files["series_body_part"] != "", own.fillna(""))
    shown = list(zip(files["modality"], part, files["study_description"], strict=True))
    known = {each: region_of(*each) or LEFT_OUT for each in set(shown)}
    files["region"] = [known[each][0] for each in shown]
    files["label"] = [known[each][1] for each in shown]
    files = files[files["region"] != ""].assign(roi="", document="")
    return files.sort_values("sop_uid", ignore_index=True)[list(COLUMNS)]


def read_label_map(path: Path, taxonomy: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Read the table of a site's own terms: CSV with the columns finding, region, label.

    Returns
    -------
    dict
        Term without differences of case and blanks to region and label, or to `LEFT_OUT` where
        the line leaves both empty.
    """
    known = set(zip(taxonomy["region"], taxonomy["label"], strict=True)) | {LEFT_OUT}
    terms: dict[str, tuple[str, str]] = {}
    bad = []
    rows = read_rows(path, HEADER, "label map", REMEDY)
    for number, row in enumerate(rows.itertuples(index=False), start=2):
        term, target = _folded(row.finding), (row.region.strip(), row.label.strip())
        if not term:
            bad.append(f"row {number} has no finding")
        elif target not in known:
            bad.append(f"row {number}: {_told(target)} is no class{_near(target, taxonomy)}")
        elif terms.setdefault(term, target) != target:
            bad.append(
                f"row {number}: {row.finding.strip()!r} stands there twice, translated otherwise"
            )
    if bad:
        raise InputError(
            f"{len(bad)} rows of the label map are not valid: {named(bad)}",
            where=path,
            remedy="Use regions and labels of data_manifests/radimagenet_labels.csv; leave both "
            "empty for findings without a class.",
        )
    return terms


def _folded(text: str) -> str:
    """Return a term without differences of case and blanks."""
    return " ".join(text.split()).casefold()


def _told(target: tuple[str, str]) -> str:
    return ": ".join(part for part in target if part) or "''"


def _documents(archive: Archive, sop_class: str, read: Callable, workers: int | None) -> list:
    """Read all documents of a class, in the order of their paths."""
    query = select(instances.c.path).where(instances.c.sop_class == str(sop_class))
    paths = sorted(read_table(archive, query)["path"])
    jobs = [tuple(paths[start : start + CHUNK]) for start in range(0, len(paths), CHUNK)]
    work = partial(_read_documents, archive.root, read)
    chunks = run_chunks(work, jobs, workers=workers, title="Reading what readers marked")
    return sorted((document for chunk in chunks for document in chunk), key=lambda d: d.path)


def _read_documents(root: Path, read: Callable, paths: tuple[str, ...], threads: int) -> list:
    def document(path: str) -> KeyNote | Drawn | Unreadable:
        try:
            return read(path, dcmread(root / path))
        except dicom.BROKEN as error:
            return Unreadable(path, " ".join(str(error).split())[:300] or type(error).__name__)

    return list(map_threads(document, paths, threads))


def _files(archive: Archive, column: Column, values: Iterable[str]) -> pd.DataFrame:
    """Return the files of which a column has one of many values, as the rules look at them."""
    parts = [
        read_table(archive, file_query().where(column.in_(some)))
        for some in list(in_slices(values)) or [[]]
    ]
    return pd.concat(parts, ignore_index=True)


def _class_of(
    finding: str, terms: dict[str, tuple[str, str]], taxonomy: pd.DataFrame
) -> tuple[str, str] | str:
    """Return region and label of a finding, `LEFT_OUT`, or in words what is wrong with it."""
    if not finding:
        return "it says no finding (no Key Object Description)"
    if _folded(finding) in terms:
        return terms[_folded(finding)]
    region, colon, label = (part.strip() for part in finding.partition(":"))
    known = (taxonomy["region"] == region) & (taxonomy["label"] == label)
    if colon and known.any():
        return region, label
    return f"{finding!r} is no class of the taxonomy{_near((region, label), taxonomy)}"


def _near(target: tuple[str, str], taxonomy: pd.DataFrame) -> str:
    """Return the classes whose names are most like one that is unknown, in words."""
    names = taxonomy["region"] + ": " + taxonomy["label"]
    spelled = dict(zip(names.str.casefold(), names, strict=True))
    likely = difflib.get_close_matches(_told(target).casefold(), spelled, n=3, cutoff=0.6)
    return "; near: " + ", ".join(spelled[name] for name in likely) if likely else ""


def _chosen(
    notes: list[KeyNote | Unreadable],
    terms: dict[str, tuple[str, str]],
    taxonomy: pd.DataFrame,
    remarks: Counter[str],
    problems: list[str],
) -> list[tuple[KeyNote, tuple[str, str]]]:
    """Return the notes that choose images, with their classes."""
    chosen = []
    for note in notes:
        if isinstance(note, Unreadable):
            continue
        if note.title != OF_INTEREST:
            remarks[f"selection with another title ({note.title[0] or 'none'})"] += 1
        elif not note.images:
            remarks["selection without images"] += 1
        elif isinstance(found := _class_of(note.description, terms, taxonomy), str):
            problems.append(f"{note.path}: {found}")
        elif found == LEFT_OUT:
            remarks["finding left out by the label map"] += 1
        else:
            chosen.append((note, found))
    return chosen


def _rows(
    chosen: list[tuple[KeyNote, tuple[str, str]]],
    files: pd.DataFrame,
    owner_of: dict[str, str],
    remarks: Counter[str],
    problems: list[str],
) -> list[tuple]:
    """Return a row per image and label."""
    known = {file.Index: file for file in files.assign(rule=rule_of(files)).itertuples()}
    rows = []
    for note, (region, label) in chosen:
        modality = REGIONS[region].modality
        for uid in note.images:
            file = known.get(uid)
            if file is None:
                remarks["key image that is not in the archive"] += 1
            elif file.patient_id != owner_of[note.path]:
                problems.append(f"{note.path}: it names an image of another patient, {file.path}")
            elif file.rule:
                remarks[f"key image left out: {file.rule}"] += 1
            elif file.modality != modality:
                what = f"{region}: {label} is a class of {modality}"
                problems.append(f"{note.path}: {what}, and {file.path} is {file.modality}")
            else:
                ids = (uid, file.study_uid, file.series_uid, file.patient_id, file.path)
                rows.append((*ids, modality, region, label, note.path, note.description))
    return rows


def _regions_of_interest(
    images: pd.DataFrame, drawn: list[Drawn], files: pd.DataFrame, remarks: Counter[str]
) -> list[str]:
    """Return the largest outline of each image's finding as a polygon, or an empty text."""
    findings = images.groupby("sop_uid")["finding"].agg(list).to_dict()
    outlines: dict[str, list[Outline]] = {}
    for state in drawn:
        remarks.update(f"annotation ignored: {reason}" for reason in state.ignored)
        for outline in state.outlines:
            if outline.image in findings:
                outlines.setdefault(outline.image, []).append(outline)
            else:
                remarks["outline of an image that is no key image"] += 1
    for uid, on_image in outlines.items():
        if len(findings[uid]) > 1:
            lost = sum(not _named(outline, findings[uid]) for outline in on_image)
            remarks["outline that does not say which finding of its image it is"] += lost
    texts = []
    for uid, finding in zip(images["sop_uid"], images["finding"], strict=True):
        own = outlines.get(uid, [])
        if len(findings[uid]) > 1:
            own = [outline for outline in own if _named(outline, [finding])]
        shape = int(files.at[uid, "rows"]), int(files.at[uid, "columns"])
        texts.append(_largest(own, shape, remarks))
    return texts


def _named(outline: Outline, findings: list[str]) -> bool:
    """Tell whether an outline's description is one of the findings, as far as it has room."""
    said = _folded(outline.description)[:DESCRIPTION_LENGTH]
    known = [_folded(finding)[:DESCRIPTION_LENGTH].rstrip() for finding in findings]
    return bool(said) and said in known


def _largest(outlines: list[Outline], shape: tuple[int, int], remarks: Counter[str]) -> str:
    shapes = []
    for outline in outlines:
        try:
            text = polygon_text(outline.points)
            rasterise(text, shape)
        except InputError:
            remarks["outline that covers no pixel of its image"] += 1
            continue
        x, y = np.array(outline.points).T
        # The area, by the shoelace formula.
        shapes.append((abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2, text))
    remarks["smaller outline of the same finding"] += max(0, len(shapes) - 1)
    return max(shapes)[1] if shapes else ""


def _note(path: str, dataset: Dataset) -> KeyNote:
    items = list(dataset.get("ContentSequence") or ())
    texts = [
        " ".join(str(item.get("TextValue") or "").split())
        for item in items
        if item.get("ValueType") == "TEXT" and _concept(item) == DESCRIPTION
    ]
    images = [
        str(reference.ReferencedSOPInstanceUID)
        for item in items
        if item.get("ValueType") == "IMAGE"
        for reference in item.get("ReferencedSOPSequence") or ()
    ]
    described = next((text for text in texts if text), "")
    return KeyNote(path, _concept(dataset), described, tuple(dict.fromkeys(images)))


def _concept(dataset: Dataset) -> tuple[str, str]:
    for code in dataset.get("ConceptNameCodeSequence") or ():
        return str(code.get("CodeValue") or ""), str(code.get("CodingSchemeDesignator") or "")
    return "", ""


class _NoOutline(Exception):  # noqa: N818
    """Why a graphic outlines nothing."""


def _drawn(path: str, dataset: Dataset) -> Drawn:
    words = " ".join(str(dataset.get("ContentDescription") or "").split())
    shown = [
        image
        for series in dataset.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedImageSequence") or ()
    ]
    outlines, ignored = [], []
    for annotation in dataset.get("GraphicAnnotationSequence") or ():
        ignored += ["text annotation"] * len(annotation.get("TextObjectSequence") or ())
        # An annotation that names no images is on all of the state's.
        own = annotation.get("ReferencedImageSequence") or shown
        for graphic in annotation.get("GraphicObjectSequence") or ():
            for image in [str(each.ReferencedSOPInstanceUID) for each in own] or [""]:
                try:
                    points = _closed_outline(graphic, dataset, image)
                    if not image:
                        raise _NoOutline("outline without an image")
                    outlines.append(Outline(image, words, points))
                except _NoOutline as reason:
                    ignored.append(str(reason))
    return Drawn(path, tuple(outlines), tuple(ignored))


def _closed_outline(graphic: Dataset, state: Dataset, image: str) -> Points:
    """Return the outline that a graphic draws on an image, or raise why it draws none.

    PIXEL coordinates (PS3.3, C.10.5) have their origin in the top left corner of the first
    pixel, so that its middle is 0.5, 0.5; outlines here name pixels by index, so half a pixel
    goes off.  DISPLAY coordinates are shares of the displayed area, whose corners are pixels
    counted from 1.  Circles and ellipses become polygons; a spline is taken by its points, as
    the standard leaves its course to the writer.  An open line is a measurement or an arrow.
    """
    kind = str(graphic.get("GraphicType") or "")
    data = np.asarray(graphic.get("GraphicData"), dtype=float).ravel()
    if kind == "POINT":
        raise _NoOutline("point")
    if kind not in ("POLYLINE", "INTERPOLATED", "CIRCLE", "ELLIPSE"):
        raise _NoOutline("graphic of an unknown type")
    if graphic.get("GraphicDimensions", 2) != 2 or len(data) % 2 or not np.isfinite(data).all():
        raise _NoOutline("graphic that is not a list of points")
    points = _in_pixels(data.reshape(-1, 2), graphic, state, image)
    if kind in ("CIRCLE", "ELLIPSE"):
        points = _round(points, kind)
    else:
        closed = len(points) > 1 and np.abs(points[0] - points[-1]).max() <= _CLOSED
        if not closed and graphic.get("GraphicFilled") != "Y":
            raise _NoOutline("open line")
        points = points[:-1] if closed else points
        if len(points) < 3:
            raise _NoOutline("line that encloses nothing")
    return tuple((round(float(x), 3), round(float(y), 3)) for x, y in points)


def _in_pixels(points: np.ndarray, graphic: Dataset, state: Dataset, image: str) -> np.ndarray:
    """Return points by index of pixel."""
    units = str(graphic.get("GraphicAnnotationUnits") or "")
    if units == "PIXEL":
        return points - 0.5
    if units != "DISPLAY":
        raise _NoOutline("graphic in unknown units")
    if int(state.get("ImageRotation") or 0) % 360 or state.get("ImageHorizontalFlip") == "Y":
        raise _NoOutline("graphic in units of a turned display")
    for area in state.get("DisplayedAreaSelectionSequence") or ():
        named = [i.ReferencedSOPInstanceUID for i in area.get("ReferencedImageSequence") or ()]
        if not named or image in named:
            # The area reaches from the outer corner of its first pixel to that of its last.
            first = np.array(area.DisplayedAreaTopLeftHandCorner, dtype=float) - 1
            last = np.array(area.DisplayedAreaBottomRightHandCorner, dtype=float)
            return first + points * (last - first) - 0.5
    raise _NoOutline("graphic in units of an unknown display")


def _round(points: np.ndarray, kind: str) -> np.ndarray:
    """Return the polygon of a circle (middle, a point of it) or an ellipse (ends of both axes)."""
    if len(points) != (2 if kind == "CIRCLE" else 4):
        raise _NoOutline("circle or ellipse of another number of points")
    if kind == "CIRCLE":
        middle, axis = points[0], points[1] - points[0]
        other = np.array([-axis[1], axis[0]])
    else:
        middle = points.mean(axis=0)
        axis, other = (points[1] - points[0]) / 2, (points[3] - points[2]) / 2
    if not abs(axis[0] * other[1] - axis[1] * other[0]) > 0:
        raise _NoOutline("line that encloses nothing")
    turn = np.linspace(0, 2 * np.pi, CORNERS, endpoint=False)[:, None]
    return middle + np.cos(turn) * axis + np.sin(turn) * other

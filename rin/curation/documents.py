"""What readers leave in an archive: key object selections, and outlines in presentation states.

A Key Object Selection document (PS3.16, TID 2010) says in words what its images show.  A
Grayscale Softcopy Presentation State holds what was drawn on an image: it is what workstations
write when a reader outlines a finding, in pixels of the picture, and so fits ultrasound too,
which has no frame of reference for contours of the RTSTRUCT kind.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage, KeyObjectSelectionDocumentStorage

from rin.curation.graphics import closed_outline
from rin.data import dicom
from rin.data.chunks import map_threads, run_chunks

KEY_NOTES = str(KeyObjectSelectionDocumentStorage)
OUTLINES = str(GrayscaleSoftcopyPresentationStateStorage)
#: Documents that one job reads.
CHUNK = 500
#: Code and scheme of titles and content items.
OF_INTEREST = ("113000", "DCM")
DESCRIPTION = ("113012", "DCM")


@dataclass(frozen=True)
class KeyNote:
    """A Key Object Selection document: title (code, scheme), description, SOP UIDs of images."""

    path: str
    title: tuple[str, str]
    description: str
    images: tuple[str, ...]


@dataclass(frozen=True)
class Outline:
    """A closed outline on an image, (x, y) in pixels by index: 0, 0 is the first one's middle."""

    path: str
    image: str
    description: str
    points: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class Drawn:
    """The outlines of a presentation state, and what else it holds, in words, one entry each."""

    path: str
    outlines: tuple[Outline, ...]
    ignored: tuple[str, ...]


@dataclass(frozen=True)
class Unreadable:
    """A document that cannot be read."""

    path: str
    problem: str


@dataclass(frozen=True)
class _Job:
    root: Path
    sop_class: str
    paths: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.paths)


def read_documents(
    root: Path, sop_class: str, paths: list[str], workers: int | None = None
) -> list[KeyNote | Drawn | Unreadable]:
    """Read documents of one class, in the order of their paths.

    Parameters
    ----------
    sop_class
        `KEY_NOTES` or `OUTLINES`.
    workers
        As in :func:`rin.data.chunks.run_chunks`.
    """
    paths = sorted(paths)
    jobs = [
        _Job(root, sop_class, tuple(paths[start : start + CHUNK]))
        for start in range(0, len(paths), CHUNK)
    ]
    chunks = run_chunks(_read, jobs, workers=workers, title="Reading what readers marked")
    return sorted((one for chunk in chunks for one in chunk), key=lambda one: one.path)


def _read(job: _Job, threads: int) -> list[KeyNote | Drawn | Unreadable]:
    return list(map_threads(partial(_read_one, job.root, job.sop_class), job.paths, threads))


def _read_one(root: Path, sop_class: str, path: str) -> KeyNote | Drawn | Unreadable:
    try:
        dataset = dcmread(root / path)
        return _note(path, dataset) if sop_class == KEY_NOTES else _drawn(path, dataset)
    except dicom.BROKEN as error:
        return Unreadable(path, " ".join(str(error).split())[:300] or type(error).__name__)


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


def _drawn(path: str, dataset: Dataset) -> Drawn:
    words = " ".join(str(dataset.get("ContentDescription") or "").split())
    outlines, ignored = [], []
    for annotation in dataset.get("GraphicAnnotationSequence") or ():
        ignored += ["text annotation"] * len(annotation.get("TextObjectSequence") or ())
        images = list(_annotated(annotation, dataset))
        for graphic in annotation.get("GraphicObjectSequence") or ():
            for image in images or [""]:
                points = closed_outline(graphic, dataset, image)
                if isinstance(points, str):
                    ignored.append(points)
                elif not image:
                    ignored.append("outline without an image")
                else:
                    outlines.append(Outline(path, image, words, points))
    return Drawn(path, tuple(outlines), tuple(ignored))


def _annotated(annotation: Dataset, dataset: Dataset) -> Iterator[str]:
    """Yield the images of an annotation: its own, or where it names none all of the state's."""
    own = annotation.get("ReferencedImageSequence")
    listed = own or [
        image
        for series in dataset.get("ReferencedSeriesSequence") or ()
        for image in series.get("ReferencedImageSequence") or ()
    ]
    yield from (str(image.ReferencedSOPInstanceUID) for image in listed)

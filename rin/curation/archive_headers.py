"""From the DICOM files of an export to the rows of its index.

Headers alone are read, and of these a score of elements.  That a file is whole is checked
without reading its pixels: its last element must end within it.
"""

import io
import os
import struct
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath

from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian

from rin.curation.archive_files import FileJob, Problem
from rin.data.chunks import map_threads
from rin.data.dicom import BROKEN

#: Suffixes of files that say of themselves that they are DICOM.
CLAIMING = frozenset({".dcm", ".dicom"})

_PREFIX = b"DICM"
_PIXEL_TAGS = {(0x7FE0, element) for element in (0x0008, 0x0009, 0x0010)}
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"}
_UNDEFINED = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
_REQUIRED = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPInstanceUID",
    "SOPClassUID",
)
_TAGS = (
    *_REQUIRED,
    *("SpecificCharacterSet", "AccessionNumber", "StudyDate", "StudyDescription", "Modality"),
    *("SeriesDescription", "BodyPartExamined", "ImageType", "InstanceNumber", "Rows", "Columns"),
    *("NumberOfFrames", "PhotometricInterpretation", "BurnedInAnnotation"),
)


@dataclass(frozen=True, slots=True)
class Header:
    """What the index keeps of one DICOM file; texts are empty where an element is missing."""

    patient_id: str
    study_uid: str
    accession_number: str
    study_date: str
    study_description: str
    series_uid: str
    modality: str
    series_description: str
    body_part: str
    sop_uid: str
    sop_class: str
    image_type: str
    instance_number: int | None
    rows: int
    columns: int
    frames: int
    photometric: str
    burned_in: str
    path: str
    bytes: int
    modified_ns: int


def read_headers(job: FileJob, threads: int) -> list[Header | Problem | None]:
    """Read the headers of some files, in their order.

    Returns
    -------
    list
        For each file its `Header`; a `Problem` where it says that it is DICOM (by its suffix or
        the DICM prefix) but is broken, cut short or without one of the identifiers; None where
        it is no DICOM file.
    """
    return list(map_threads(partial(_read, job.root), job.paths, threads))


def _read(root: Path, path: str) -> Header | Problem | None:
    try:
        with _Opened(io.FileIO(root / path)) as opened:
            stat = os.fstat(opened.fileno())
            claims = PurePosixPath(path).suffix.lower() in CLAIMING
            if not claims and opened.read(132)[128:] != _PREFIX:
                return None
            opened.seek(0)
            return _header(_whole_header(opened, stat.st_size), path, stat)
    except BROKEN as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return Problem(path, text[:300])


class _Opened(io.BufferedReader):
    """A file that remembers whether the head of an element was cut: pydicom stops there mutely."""

    cut = False

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.cut = self.cut or (size == 8 and 0 < len(content) < 8)
        return content


def _whole_header(opened: _Opened, size: int) -> Dataset:
    """Return the header of a file, or raise where the file is shorter than it says."""
    dataset = dcmread(opened, stop_before_pixels=True, specific_tags=list(_TAGS))
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # What is cut short cannot be inflated.
        return dataset
    raws = (element for element in dataset.values() if isinstance(element, RawDataElement))
    short = [raw.tag for raw in raws if len(raw.value or b"") != raw.length]
    if opened.tell() > size or opened.cut or short:
        raise ValueError("the file is cut short within its header")
    order = "<" if dataset.original_encoding[1] else ">"
    # A file that ends before its Rows is known for a picture by its class.
    picture = "Rows" in dataset or "Image Storage" in UID(dataset.get("SOPClassUID", "")).name
    if not _pixels_are_whole(opened, size, order, picture=picture):
        raise ValueError("the file is cut short: it ends before its pixels do")
    return dataset


def _pixels_are_whole(file: _Opened, size: int, order: str, *, picture: bool) -> bool:
    """Tell whether the pixels, at whose head a file stands, end within it."""
    head = file.read(8)
    if len(head) < 8 or struct.unpack(f"{order}HH", head[:4]) not in _PIXEL_TAGS:
        return not picture
    if head[4:6] in _LONG_VRS:
        head += file.read(4)
    (length,) = struct.unpack(f"{order}L", head[-4:])
    if length != _UNDEFINED:
        return file.tell() + length <= size
    # Compressed: items follow one another until a delimiter.
    while len(item := file.read(8)) == 8:
        group, element, length = struct.unpack(f"{order}HHL", item)
        if (group, element) != _ITEM:
            return True
        file.seek(length, os.SEEK_CUR)
    return False


def _header(dataset: Dataset, path: str, stat: os.stat_result) -> Header:
    missing = [name for name in _REQUIRED if not _text(dataset, name)]
    if missing:
        raise ValueError(f"no {', '.join(missing)} in its header")
    rows = _number(dataset, "Rows") or 0
    return Header(
        patient_id=_text(dataset, "PatientID"),
        study_uid=_text(dataset, "StudyInstanceUID"),
        accession_number=_text(dataset, "AccessionNumber"),
        study_date=_text(dataset, "StudyDate"),
        study_description=_text(dataset, "StudyDescription"),
        series_uid=_text(dataset, "SeriesInstanceUID"),
        modality=_text(dataset, "Modality"),
        series_description=_text(dataset, "SeriesDescription"),
        body_part=_text(dataset, "BodyPartExamined"),
        sop_uid=_text(dataset, "SOPInstanceUID"),
        sop_class=_text(dataset, "SOPClassUID"),
        image_type=_text(dataset, "ImageType"),
        instance_number=_number(dataset, "InstanceNumber"),
        rows=rows,
        columns=_number(dataset, "Columns") or 0,
        frames=(_number(dataset, "NumberOfFrames") or 1) if rows else 0,
        photometric=_text(dataset, "PhotometricInterpretation"),
        burned_in=_text(dataset, "BurnedInAnnotation"),
        path=path,
        bytes=stat.st_size,
        modified_ns=stat.st_mtime_ns,
    )


def _text(dataset: Dataset, name: str) -> str:
    """Return an element as text, several values joined by a backslash; empty where missing."""
    value = dataset.get(name)
    several = isinstance(value, MultiValue)
    text = "\\".join(map(str, value)) if several else str("" if value is None else value)
    if "\0" in text:
        raise ValueError(f"{name} {text!r} holds a NUL character")
    return text.strip()


def _number(dataset: Dataset, name: str) -> int | None:
    value = dataset.get(name)
    return None if value in (None, "") else int(value)

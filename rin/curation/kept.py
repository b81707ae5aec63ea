"""What a de-identified header may keep: attributes by name, each with the values it may have.

All else is dropped, known or unknown, so that nothing survives because nobody thought of it.
Kept are what an image needs to be displayed and measured, references between images, and dates
(moved).  Text is kept only as a word of a closed list; free text never.  Numbers that are
written as text could spell an identifier and so must lie in the attribute's plausible range;
they are rounded to six significant digits.  A number within the range is taken for what it says.

The lists hold defined terms of PS3.3 for CT, MR and US images and values that vendors use.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from dicomanonymizer.dicomfields_selector import dicom_anonymization_database_selector
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.tag import BaseTag, Tag

from rin.curation.taxonomy import BODY_PARTS

#: Edition of PS3.15 whose Table E.1-1 is used.
EDITION = "dicomfields_2026c"


@dataclass(frozen=True)
class Words:
    """Text of which every value is one of a closed list."""

    known: frozenset[str]


@dataclass(frozen=True)
class Numbers:
    """Numbers from `low` to `high`, as text or binary."""

    low: float
    high: float


@dataclass(frozen=True)
class Uids:
    """UIDs, replaced by their pseudonyms; those of the standard stay."""


@dataclass(frozen=True)
class Dates:
    """Dates, moved by the patient's shift; of date-times the date alone is kept."""


@dataclass(frozen=True)
class Items:
    """A sequence, of which the attributes `kept` stay."""

    kept: tuple[tuple[str, Rule], ...]


@dataclass(frozen=True)
class Table:
    """Numbers of a look-up table, as many as its descriptor says, and all rising or falling."""


Rule = Words | Numbers | Uids | Dates | Items | Table


def _words(text: str) -> Words:
    return Words(frozenset(text.split()))


_YES_NO = _words("YES NO")
_LENGTH = Numbers(0, 10_000)
_REFERENCE = Items((("ReferencedSOPClassUID", Uids()), ("ReferencedSOPInstanceUID", Uids())))
_LOOK_UP = (("LUTDescriptor", Numbers(-32_768, 65_535)), ("LUTData", Table()))
_RESCALE = Words(frozenset({"HU", "US", "OD", "MGML", "Z_EFF", "ED", "EDW", "HU_MOD", "PCT"}))
_ULTRASOUND_REGION = (
    *((f"Region{name}", Numbers(0, 2**16)) for name in ("SpatialFormat", "DataType", "Flags")),
    *((f"RegionLocationM{end}", _LENGTH) for end in ("inX0", "inY0", "axX1", "axY1")),
    *((f"PhysicalUnits{axis}Direction", Numbers(0, 12)) for axis in "XY"),
    *((f"PhysicalDelta{axis}", Numbers(-1000, 1000)) for axis in "XY"),
)

KEPT: dict[str, Rule] = {
    # What it is, and what it belongs to.
    **dict.fromkeys(
        ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID"), Uids()
    ),
    "FrameOfReferenceUID": Uids(),
    "ReferencedImageSequence": _REFERENCE,
    "SourceImageSequence": _REFERENCE,
    **dict.fromkeys(
        ("StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"),
        Dates(),
    ),
    "Modality": _words("CT MR US CR DX MG PT NM XA RF SC OT"),
    "ImageType": _words(
        "ORIGINAL DERIVED PRIMARY SECONDARY AXIAL LOCALIZER MPR MIP MINIP REFORMATTED AVERAGE "
        "PROJECTION VOLUME DIFFUSION ADC M P R I M_FFE M_SE M_IR ND NORM DIS2D DIS3D MFSPLIT FM "
        "FS W F IP OP OTHER NONE RESAMPLED"
    ),
    **dict.fromkeys(("InstanceNumber", "AcquisitionNumber", "SeriesNumber"), Numbers(0, 99_999)),
    "BodyPartExamined": Words(frozenset(BODY_PARTS)),
    **dict.fromkeys(("Laterality", "ImageLaterality"), _words("L R B U")),
    "PatientPosition": _words("HFP HFS HFDR HFDL FFDR FFDL FFP FFS LFP LFS RFP RFS"),
    # How it was made.
    "ScanningSequence": _words("SE IR GR EP RM"),
    "SequenceVariant": _words("SK MTC SS TRSS SP MP OSP NONE"),
    "ScanOptions": _words("PER RG CG PPG FC PFF PFP SP FS CT HELICAL AXIAL NONE"),
    "MRAcquisitionType": _words("1D 2D 3D"),
    "KVP": Numbers(10, 500),
    "XRayTubeCurrent": Numbers(0, 5000),
    **dict.fromkeys(("RepetitionTime", "EchoTime", "InversionTime"), Numbers(0, 100_000)),
    "EchoTrainLength": Numbers(0, 10_000),
    "FlipAngle": Numbers(0, 360),
    "MagneticFieldStrength": Numbers(0, 30),
    "GantryDetectorTilt": Numbers(-90, 90),
    # Where it lies.
    **dict.fromkeys(("SliceThickness", "SpacingBetweenSlices"), Numbers(-1000, 1000)),
    "PixelSpacing": Numbers(0, 100),
    "ReconstructionDiameter": _LENGTH,
    **dict.fromkeys(("ImagePositionPatient", "SliceLocation"), Numbers(-10_000, 10_000)),
    "ImageOrientationPatient": Numbers(-1, 1),
    "SequenceOfUltrasoundRegions": Items(_ULTRASOUND_REGION),
    # Its pixels, and how they become gray.
    **dict.fromkeys(("Rows", "Columns"), Numbers(1, 65_535)),
    "SamplesPerPixel": Numbers(1, 4),
    **dict.fromkeys(("BitsAllocated", "BitsStored"), Numbers(1, 64)),
    "HighBit": Numbers(0, 63),
    **dict.fromkeys(("PixelRepresentation", "PlanarConfiguration"), Numbers(0, 1)),
    "NumberOfFrames": Numbers(1, 99_999),
    "PhotometricInterpretation": _words(
        "MONOCHROME1 MONOCHROME2 RGB YBR_FULL YBR_FULL_422 YBR_ICT YBR_RCT"
    ),
    "PixelAspectRatio": Numbers(1, 10_000),
    "RescaleIntercept": Numbers(-1e6, 1e6),
    "RescaleSlope": Numbers(0, 1e6),
    "RescaleType": _RESCALE,
    "WindowCenter": Numbers(-1e6, 1e6),
    "WindowWidth": Numbers(0, 1e6),
    "VOILUTFunction": _words("LINEAR LINEAR_EXACT SIGMOID"),
    "ModalityLUTSequence": Items((*_LOOK_UP, ("ModalityLUTType", _RESCALE))),
    "VOILUTSequence": Items(_LOOK_UP),
    "PresentationLUTShape": _words("IDENTITY INVERSE"),
    "LossyImageCompression": _words("00 01"),
    "LossyImageCompressionRatio": Numbers(1, 10_000),
    "LossyImageCompressionMethod": _words(
        "ISO_10918_1 ISO_14495_1 ISO_15444_1 ISO_15444_15 ISO_13818_2 ISO_14496_10"
    ),
    "BurnedInAnnotation": _YES_NO,
    "RecognizableVisualFeatures": _YES_NO,
}

#: Attributes that an image must have (type 2) and that the profile empties.
EMPTIED = (
    "AccessionNumber", "PatientBirthDate", "PatientSex", "ReferringPhysicianName", "StudyID",
    "StudyTime",
)  # fmt: skip


@cache
def profile_tags() -> frozenset[BaseTag]:
    """Return the attributes on which the Basic Application Level Confidentiality Profile acts.

    Table E.1-1 of PS3.15, as `dicomanonymizer` follows it; repeating groups (curves, overlays)
    are not among them, as no attribute of a repeating group is ever kept.
    """
    table = dicom_anonymization_database_selector(EDITION)["ALL_TAGS"]
    return frozenset(Tag(*entry) for entry in table if len(entry) == 2)


@cache
def kept_tags(
    names: tuple[tuple[str, Rule], ...],
) -> tuple[tuple[BaseTag, tuple[str, ...], Rule], ...]:
    """Return tag, possible VRs and rule of attributes, without those that the profile forbids.

    The profile acts on UIDs, dates and sequences of references too; rules for these carry its
    action out, those of text and numbers would keep what it removes.
    """
    found = []
    for name, rule in names:
        tag = Tag(tag_for_keyword(name))
        if tag not in profile_tags() or isinstance(rule, Uids | Dates | Items):
            found.append((tag, tuple(dictionary_VR(tag).split(" or ")), rule))
    return tuple(found)

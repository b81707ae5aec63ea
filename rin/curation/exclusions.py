"""Which files of a study are no diagnostic images: rules as data, and how many files each hits.

A file is left out by the first rule that hits it, in the order of `EXCLUSIONS`; what text may
be burned into its pixels is asked later, of the pixels (:mod:`rin.curation.burned_in`).  Clips
and other images of several frames are left out as a limit of this corpus of single pictures,
not because they were useless.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import pandas as pd
from pydicom.uid import (
    CTImageStorage,
    EnhancedCTImageStorage,
    EnhancedMRImageStorage,
    MRImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    UltrasoundMultiFrameImageStorage,
)
from sqlalchemy import Select, select

from rin.curation.index import Archive, instances, read_table, series, studies
from rin.curation.taxonomy import MODALITIES
from rin.data.dicom import COLOR, GRAY

DOSE_REPORTS = (
    "1.2.840.10008.5.1.4.1.1.88.67",
    "1.2.840.10008.5.1.4.1.1.88.68",
    "1.2.840.10008.5.1.4.1.1.88.73",
    "1.2.840.10008.5.1.4.1.1.88.76",
)
SECONDARY_CAPTURES = (
    SecondaryCaptureImageStorage,
    MultiFrameSingleBitSecondaryCaptureImageStorage,
    MultiFrameGrayscaleByteSecondaryCaptureImageStorage,
    MultiFrameGrayscaleWordSecondaryCaptureImageStorage,
    MultiFrameTrueColorSecondaryCaptureImageStorage,
)
SINGLE = (CTImageStorage, MRImageStorage, UltrasoundImageStorage)
SEVERAL = (EnhancedCTImageStorage, EnhancedMRImageStorage, UltrasoundMultiFrameImageStorage)

_DOSE = re.compile(r"\bdose\s*(?:report|info|record)|\bpatient protocol\b", re.IGNORECASE)
_SCOUT_TYPE = r"(?:^|\\)(?:LOCALIZER|SCOUT)(?:\\|$)"
_SCOUT = re.compile(
    r"(?<![a-z])(?:scouts?|locali[sz]ers?|loc|survey|topograms?|surview|scano(?:gram)?|pilot)(?![a-z])"
    r"|(?<![a-z0-9])(?:3|three)[ -]?(?:plane|pl)(?![a-z])",
    re.IGNORECASE,
)
_DERIVED_TYPE = (
    r"^[^\\]*\\SECONDARY(?:\\|$)"
    r"|\\(?:MIP|MINIP|MPR|CPR|VRT|SSD|REFORMATTED|PROJECTION IMAGE|SCREEN SAVE)(?:\\|$)"
)


@dataclass(frozen=True)
class Exclusion:
    """A rule: its name, why what it hits is left out, and how it tells.

    `hits` takes the table of `file_table` and returns one bool a row.
    """

    name: str
    reason: str
    hits: Callable[[pd.DataFrame], pd.Series]


def _among(column: str, values: tuple[str, ...]) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda files: files[column].isin(list(values))


def _dose(files: pd.DataFrame) -> pd.Series:
    named = files["series_description"].str.contains(_DOSE)
    return files["sop_class"].isin(DOSE_REPORTS) | named


def _scout(files: pd.DataFrame) -> pd.Series:
    typed = files["image_type"].str.upper().str.contains(_SCOUT_TYPE, regex=True)
    return typed | files["series_description"].str.contains(_SCOUT)


def _derived(files: pd.DataFrame) -> pd.Series:
    return files["image_type"].str.upper().str.contains(_DERIVED_TYPE, regex=True)


def _odd_pixels(files: pd.DataFrame) -> pd.Series:
    empty = (files["rows"] < 1) | (files["columns"] < 1)
    return empty | ~files["photometric"].isin([*GRAY, *COLOR])


EXCLUSIONS: tuple[Exclusion, ...] = (
    Exclusion(
        "dose report",
        "It reports radiation dose, as a document or as a picture of one.",
        _dose,
    ),
    Exclusion(
        "secondary capture",
        "It is a picture of a screen or a scanned page, and often shows names.",
        _among("sop_class", SECONDARY_CAPTURES),
    ),
    Exclusion(
        "document",
        "It is no CT, MR or ultrasound image: a key object selection, a presentation state, a "
        "structured report or another object.",
        lambda files: ~files["sop_class"].isin([*SINGLE, *SEVERAL]),
    ),
    Exclusion(
        "other modality",
        "Its series is of none of the three modalities.",
        lambda files: ~files["modality"].isin(list(MODALITIES)),
    ),
    Exclusion(
        "localizer",
        "It is a scout, localizer, survey or topogram, which plans the scan.",
        _scout,
    ),
    Exclusion(
        "derived screen",
        "It was computed from other images: a projection, a reformat or a rendering (a second "
        "value of its image type that says so, not the first: compression makes DERIVED too).",
        _derived,
    ),
    Exclusion(
        "several frames",
        "It is a clip or a stack in one file; only single pictures are taken.",
        lambda files: (files["frames"] > 1) | files["sop_class"].isin(SEVERAL),
    ),
    Exclusion(
        "odd pixels",
        "It has no pixels, or pixels that are neither gray nor RGB or YBR colour.",
        _odd_pixels,
    ),
)
#: Name of each rule to its reason.
RULES: dict[str, str] = {rule.name: rule.reason for rule in EXCLUSIONS}


def file_query() -> Select:
    """Return the query of what the rules and the choice of images look at, a row a file."""
    return (
        select(
            instances.c.sop_uid,
            instances.c.path,
            instances.c.sop_class,
            instances.c.image_type,
            instances.c.rows,
            instances.c.columns,
            instances.c.frames,
            instances.c.photometric,
            series.c.series_uid,
            series.c.modality,
            series.c.description.label("series_description"),
            series.c.body_part.label("series_body_part"),
            studies.c.study_uid,
            studies.c.patient_id,
            studies.c.body_part.label("study_body_part"),
            studies.c.description.label("study_description"),
        )
        .join(series, series.c.series_uid == instances.c.series_uid)
        .join(studies, studies.c.study_uid == series.c.study_uid)
        .order_by(instances.c.sop_uid)
    )


def rule_of(files: pd.DataFrame) -> pd.Series:
    """Return for each file of `file_query` the first rule that hits it, else an empty text."""
    rule = pd.Series("", index=files.index, dtype=object)
    for exclusion in reversed(EXCLUSIONS):
        rule = rule.mask(exclusion.hits(files).astype(bool), exclusion.name)
    return rule


def excluded_images(archive: Archive) -> pd.DataFrame:
    """Return all files of an archive that are no diagnostic images.

    Returns
    -------
    pandas.DataFrame
        `sop_uid`, `path`, `rule` (a name of `RULES`); a file is there once, at most.
    """
    files = read_table(archive, file_query())
    files["rule"] = rule_of(files)
    return files.loc[files["rule"] != "", ["sop_uid", "path", "rule"]].reset_index(drop=True)

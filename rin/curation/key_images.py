"""Which images of an archive show what: those that readers marked, and those of normal studies.

The paper took the images that the reading radiologist chose, with the label and the region of
interest given to them, and of normal studies all diagnostic images.  Here a Key Object
Selection titled "Of Interest" chooses and names, and the presentation states outline; notes
with other titles, such as those that reject an image for its quality, choose nothing.

An image that two notes give two labels stands there twice, once per label, as some images of
RadImageNet do; whoever wants one label an image has to choose.  Of several outlines of one
finding on one image the largest is its region of interest.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
from sqlalchemy import Column, select

from rin.curation.body_parts import region_of
from rin.curation.documents import (
    KEY_NOTES,
    OF_INTEREST,
    OUTLINES,
    KeyNote,
    Unreadable,
    read_documents,
)
from rin.curation.exclusions import file_query, rule_of
from rin.curation.finding_terms import LEFT_OUT, class_of, listed, read_label_map
from rin.curation.index import Archive, instances, read_table, studies
from rin.curation.regions_of_interest import regions_of_interest
from rin.curation.taxonomy import REGIONS
from rin.errors import InputError

COLUMNS = (
    "sop_uid", "study_uid", "series_uid", "patient_id", "path", "modality", "region", "label",
    "roi", "document",
)  # fmt: skip
#: Values of one query; databases limit them.
SLICE = 500


@dataclass(frozen=True)
class KeyImages:
    """Key images, and how many documents or images were passed over for what reason.

    Attributes
    ----------
    images
        Columns `COLUMNS`; one row per image and label, sorted by `sop_uid` and label.
    remarks
        What a reader of the table should know, none of it an error, with its count.
    """

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
        Table of the site's own terms (:mod:`rin.curation.finding_terms`).
    workers
        Processes that read documents; by default one per core.

    Returns
    -------
    KeyImages
        `document` is the path of the selection; `roi` is a polygon as :mod:`rin.data.pixels`
        reads it, empty where nothing is outlined.

    Raises
    ------
    InputError
        One error for all documents that cannot be read or trusted: no or an unknown finding,
        a finding of another modality than the image's, an image of another patient.
    """
    terms = read_label_map(label_map, taxonomy) if label_map else {}
    remarks: Counter[str] = Counter()
    notes = _documents(archive, KEY_NOTES, workers)
    drawn = _documents(archive, OUTLINES, workers)
    bad = [f"{one.path}: {one.problem}" for one in (*notes, *drawn) if isinstance(one, Unreadable)]
    chosen, problems = _chosen(notes, terms, taxonomy, remarks)
    wanted = {uid for note, _ in chosen for uid in note.images}
    files = _files(archive, instances.c.sop_uid, wanted).set_index("sop_uid")
    owners = _owners(archive)
    rows, more = _rows(chosen, files, owners, remarks)
    problems = bad + problems + more
    if problems:
        raise InputError(
            listed(f"{len(problems)} documents of readers cannot be used", sorted(problems)),
            where=archive.root,
            remedy="Correct them in the archive, or translate the site's own terms with a label "
            "map (columns finding,region,label; empty region and label leave a finding out).",
        )
    images = pd.DataFrame(rows, columns=[*COLUMNS[:-2], "document", "finding"])
    images = images.drop_duplicates(["sop_uid", "region", "label"]).reset_index(drop=True)
    states = [one for one in drawn if not isinstance(one, Unreadable)]
    images["roi"] = regions_of_interest(images, states, files, remarks)
    twice = images.loc[images["sop_uid"].duplicated(), "sop_uid"].nunique()
    remarks["image under two labels"] = twice
    found = {reason: count for reason, count in sorted(remarks.items()) if count}
    images = images.sort_values(["sop_uid", "region", "label"], ignore_index=True)
    return KeyImages(images[list(COLUMNS)], found)


def diagnostic_images(archive: Archive, study_uids: Iterable[str]) -> pd.DataFrame:
    """Return all diagnostic images of studies that are normal.

    Parameters
    ----------
    study_uids
        Study instance UIDs; what is normal is told by :mod:`rin.curation.reports`.

    Returns
    -------
    pandas.DataFrame
        Columns `COLUMNS`, `roi` and `document` empty.  Images that a rule of
        :mod:`rin.curation.exclusions` hits, and those without a class of their body part,
        are not there.  The label is "normal"; of ultrasound, which has no such class, the organ.
    """
    files = _diagnostic(archive, study_uids)
    files = files[files["region"] != ""].assign(roi="", document="")
    return files.sort_values("sop_uid", ignore_index=True)[list(COLUMNS)]


def _diagnostic(archive: Archive, study_uids: Iterable[str]) -> pd.DataFrame:
    """Return the diagnostic images of studies with region and label, empty where unknown."""
    files = _files(archive, studies.c.study_uid, study_uids)
    files = files[rule_of(files) == ""].copy()
    # A study of several body parts joins them by a backslash, and then says none of an image.
    own = files["study_body_part"].where(~files["study_body_part"].str.contains("\\", regex=False))
    part = files["series_body_part"].where(files["series_body_part"] != "", own.fillna(""))
    shown = list(zip(files["modality"], part, files["study_description"], strict=True))
    known = {one: region_of(*one) or LEFT_OUT for one in set(shown)}
    files["body_part"] = part
    files["region"] = [known[one][0] for one in shown]
    files["label"] = [known[one][1] for one in shown]
    return files


def _documents(archive: Archive, sop_class: str, workers: int | None) -> list:
    query = select(instances.c.path).where(instances.c.sop_class == sop_class)
    paths = list(read_table(archive, query)["path"])
    return read_documents(archive.root, sop_class, paths, workers)


def _owners(archive: Archive) -> pd.Series:
    """Return the patient of each key object selection, by its path."""
    query = file_query().where(instances.c.sop_class == KEY_NOTES)
    return read_table(archive, query).set_index("path")["patient_id"]


def _files(archive: Archive, column: Column, values: Iterable[str]) -> pd.DataFrame:
    """Return the files of which a column has one of many values, as the rules look at them."""
    known = sorted(set(values))
    parts = [
        read_table(archive, file_query().where(column.in_(known[start : start + SLICE])))
        for start in range(0, max(1, len(known)), SLICE)
    ]
    return pd.concat(parts, ignore_index=True)


def _chosen(
    notes: list[KeyNote | Unreadable],
    terms: dict[str, tuple[str, str]],
    taxonomy: pd.DataFrame,
    remarks: Counter[str],
) -> tuple[list[tuple[KeyNote, tuple[str, str]]], list[str]]:
    """Return the notes that choose images, with their classes, and what is wrong with others."""
    chosen, problems = [], []
    for note in notes:
        if isinstance(note, Unreadable):
            continue
        if note.title != OF_INTEREST:
            remarks[f"selection with another title ({note.title[0] or 'none'})"] += 1
            continue
        if not note.images:
            remarks["selection without images"] += 1
            continue
        found = class_of(note.description, terms, taxonomy)
        if isinstance(found, str):
            problems.append(f"{note.path}: {found}")
        elif found == LEFT_OUT:
            remarks["finding left out by the label map"] += 1
        else:
            chosen.append((note, found))
    return chosen, problems


def _rows(
    chosen: list[tuple[KeyNote, tuple[str, str]]],
    files: pd.DataFrame,
    owners: pd.Series,
    remarks: Counter[str],
) -> tuple[list[tuple], list[str]]:
    """Return a row per image and label, and which notes cannot be trusted."""
    rules = rule_of(files)
    known = {file.Index: (file, rules[file.Index]) for file in files.itertuples()}
    rows, problems = [], []
    for note, (region, label) in chosen:
        for uid in note.images:
            if uid not in known:
                remarks["key image that is not in the archive"] += 1
                continue
            file, rule = known[uid]
            if file.patient_id != owners[note.path]:
                problems.append(f"{note.path}: it names an image of another patient, {file.path}")
            elif rule:
                remarks[f"key image left out: {rule}"] += 1
            elif file.modality != REGIONS[region].modality:
                problems.append(
                    f"{note.path}: {region}: {label} is a class of {REGIONS[region].modality}, and "
                    f"{file.path} is {file.modality}"
                )
            else:
                ids = (uid, file.study_uid, file.series_uid, file.patient_id, file.path)
                rows.append((*ids, file.modality, region, label, note.path, note.description))
    return rows, problems

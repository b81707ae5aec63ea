"""Which images of an archive become a corpus: key images with findings, and normal studies whole.

The order is the paper's: a query flags studies whose impression says "normal", the impressions
are screened, a radiologist confirms them, and all diagnostic images of a normal study are taken;
of every other study the images that a reader marked.  Every image of the archive that is not
taken is counted under the reason.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import select

from rin.curation.exclusions import excluded_images
from rin.curation.index import Archive, instances, read_table, series
from rin.curation.key_images import diagnostic_images, read_key_images
from rin.curation.reports import normal_studies, query_normal, screen, write_review_queue
from rin.curation.taxonomy import load_taxonomy

#: Reasons for which images that no rule excludes are not taken either.
NOT_MARKED = "no key image"
NOT_NORMAL = "study neither normal nor marked"
NO_CLASS = "normal study without a class"


@dataclass(frozen=True)
class Selection:
    """What was chosen from an archive.

    Attributes
    ----------
    images
        One row an image, by SOP instance UID: `sop_uid`, `study_uid`, `patient_id`, `path`,
        `modality`, `region`, `name` (label of the taxonomy), `label` (`region-name`), `roi`,
        `kind` ("key" or "normal"), `bytes`, `modified_ns`.
    left_out
        Images of the archive by the reason for which they are not among `images`.
    screened
        Flagged studies with the verdict of the screening.
    confirmed_by
        Normal studies, by who confirmed them: "radiologist" or "rules".
    contradicted
        Studies that count as confirmed, and in which a reader marked a finding; not normal.
    several_findings
        Images that were marked with several findings; each is kept under its rarest one.
    """

    images: pd.DataFrame
    left_out: dict[str, int]
    screened: pd.DataFrame
    confirmed_by: dict[str, int]
    contradicted: int
    several_findings: int


def select_images(
    archive: Archive,
    *,
    label_map: Path | None,
    reviewed: Path | None,
    queue: Path,
    workers: int | None = None,
) -> Selection:
    """Choose the images of a corpus.

    Parameters
    ----------
    label_map
        Table from a site's own terms to regions and labels, or None.
    reviewed
        The review queue as a radiologist filled it in, or None: then the rules alone confirm.
    queue
        Where the review queue is written.
    workers
        Processes that read documents; by default one per core.

    Raises
    ------
    InputError
        As :mod:`rin.curation.reports` and :mod:`rin.curation.key_images`.
    """
    screened = screen(query_normal(archive))
    write_review_queue(screened, queue)
    normal = normal_studies(screened, reviewed)
    marked = read_key_images(archive, load_taxonomy(), label_map, workers).images
    contradicted = normal["study_uid"].isin(marked["study_uid"])
    normal = normal[~contradicted]
    whole = diagnostic_images(archive, list(normal["study_uid"]))
    files = _files(archive)
    excluded = excluded_images(archive).drop_duplicates("sop_uid").set_index("sop_uid")["rule"]
    found = pd.concat([marked.assign(kind="key"), whole.assign(kind="normal")], ignore_index=True)
    found = found[~found["sop_uid"].isin(excluded.index)]
    found = found.rename(columns={"label": "name"})
    found["label"] = found["region"] + "-" + found["name"]
    labels = found.groupby("sop_uid")["label"].nunique()
    images = _one_each(found).merge(files[["sop_uid", "bytes", "modified_ns"]], on="sop_uid")
    left = files[~files["sop_uid"].isin(images["sop_uid"])]
    return Selection(
        images=images,
        left_out=_reasons(left, excluded, marked["study_uid"], normal["study_uid"]),
        screened=screened,
        confirmed_by=normal["confirmed_by"].value_counts().sort_index().to_dict(),
        contradicted=int(contradicted.sum()),
        several_findings=int((labels > 1).sum()),
    )


def _files(archive: Archive) -> pd.DataFrame:
    columns = (instances.c.sop_uid, instances.c.bytes, instances.c.modified_ns, series.c.study_uid)
    query = select(*columns).join(series, series.c.series_uid == instances.c.series_uid)
    return read_table(archive, query)


def _one_each(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row an image: that of the rarest label, and of several rows the first."""
    order = found.assign(images=found["label"].map(found["label"].value_counts()))
    order = order.sort_values(["sop_uid", "images", "label", "document"], kind="stable")
    columns = ["sop_uid", "study_uid", "patient_id", "path", "modality", "region", "name"]
    columns += ["label", "roi", "kind"]
    return order.drop_duplicates("sop_uid")[columns].reset_index(drop=True)


def _reasons(
    left: pd.DataFrame, excluded: pd.Series, marked: pd.Series, normal: pd.Series
) -> dict[str, int]:
    """Count the images that are not taken; an image has one reason."""
    study = left["study_uid"]
    own = np.select([study.isin(marked), study.isin(normal)], [NOT_MARKED, NO_CLASS], NOT_NORMAL)
    rule = left["sop_uid"].map(excluded)
    return rule.where(rule.notna(), own).value_counts().sort_index().to_dict()

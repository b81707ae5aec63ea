"""From a PACS export to a corpus in RadImageNet's layout: the whole of curation, in one call.

`curate` indexes the archive, chooses images, exports them without identifiers
(:mod:`rin.curation.export`), divides them by patient and writes the corpus with its card and
Croissant metadata (:mod:`rin.curation.corpus`).  Killed at any moment and called again it goes on
where it stood, and called once more it finds everything done.

Images are chosen in the paper's order: a query flags studies whose impression says "normal", the
impressions are screened, a radiologist confirms them, and all diagnostic images of a normal study
are taken; of every other study the images that a reader marked.  Every image of the archive that
is not taken is counted under the reason.

Below ``output``, only the folder ``shared`` may leave the house: everything else holds, or
leads back to, identifiers of the archive.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock
from sqlalchemy import URL, select

from rin.curation import corpus
from rin.curation.corpus import CARD, COLUMNS, FEWEST_PATIENTS, FOLDER
from rin.curation.deidentify import Pseudonyms, load_key
from rin.curation.exclusions import RULES, excluded_images
from rin.curation.export import PICTURE_FOLDER, all_there, digest_of_corpus_code, export_images
from rin.curation.index import (
    Archive,
    archive_counts,
    files,
    instances,
    open_archive,
    read_table,
    series,
)
from rin.curation.key_images import diagnostic_images, read_key_images
from rin.curation.reports import normal_studies, query_normal, screen, write_review_queue
from rin.curation.taxonomy import load_taxonomy
from rin.errors import InputError
from rin.files import write_atomically

INDEX, KEY, QUEUE = "archive.sqlite", "pseudonym.key", "review_queue.csv"
LOCK = ".curation.lock"
SHARED = "shared"
IMAGES, EXCLUDED, SCREENED = "images.parquet", "excluded.parquet", "screened.parquet"
NOTE = "curated.json"
#: Reasons for which images that no rule excludes are not in the corpus either, and what they say.
NOT_MARKED = "no key image"
NOT_NORMAL = "study neither normal nor marked"
NO_CLASS = "normal study without a class"
AT_RISK = "burned-in text"
RARE = "rare class"
REASONS = RULES | {
    NOT_MARKED: "A reader marked other images of this study.",
    NOT_NORMAL: "No image of the study is marked, and it is not confirmed as normal.",
    NO_CLASS: "The study is normal, and the taxonomy has no class for its body part.",
    AT_RISK: "The pixels may show a name",
    RARE: f"The class has fewer than {FEWEST_PATIENTS} patients, too few to be divided.",
}


@dataclass(frozen=True, kw_only=True)
class CurationPlan:
    """What is curated, how, and where it goes."""

    #: Folder of the export, and folder of everything that is made, which is not inside it.
    archive: Path
    output: Path
    #: Of the split.
    seed: int
    #: URL of the archive's index; empty for an SQLite file in `output`.
    database: str = ""
    #: Table of a site's own terms (columns `finding`, `region`, `label`), if readers use any.
    label_map: Path | None = None
    #: The review queue as a radiologist filled it in; without it the rules alone confirm.
    reviewed: Path | None = None
    #: Of the reports.
    encoding: str = "utf-8"
    #: Secret of the pseudonyms; None reads the key file in `output`, made on first use.
    key: bytes | None = field(default=None, repr=False)
    #: Processes; by default one per core.
    workers: int | None = None

    @property
    def url(self) -> str:
        """URL of the archive's index."""
        file = URL.create("sqlite", database=str(Path(self.output) / INDEX))
        return self.database or file.render_as_string()


@dataclass(frozen=True)
class CuratedCorpus:
    """A corpus that was curated from an archive.

    Attributes
    ----------
    root
        The folder that may leave the house: a data root for the manifest `curated_archive`.
    provenance
        "real" or "stand-in".
    images
        One row an image, by file name: `filename`, `label` ("lung-Nodule"), `modality`,
        `region`, `name` (label of the taxonomy), `patient_id` and `study_id` (pseudonyms),
        `roi`, `width`, `height`, `burned_in_risk` (empty: others are left out), `kind` ("key"
        or "normal"), `part` (train, validation or test).
    excluded
        Images of the archive that are not in the corpus: `rule`, `images`, `kept_out_because`.
    screened
        Flagged studies with the verdict of the screening, under the archive's own identifiers:
        it never leaves the house.
    counts
        Patients, studies, series, instances and reports of the archive.
    confirmed_by
        Normal studies by who confirmed them.
    """

    root: Path
    provenance: str
    images: pd.DataFrame
    excluded: pd.DataFrame
    screened: pd.DataFrame = field(repr=False)
    counts: dict[str, int]
    confirmed_by: dict[str, int]

    @property
    def folder(self) -> Path:
        """The corpus itself."""
        return self.root / FOLDER

    @property
    def card(self) -> dict[str, Any]:
        """The dataset card."""
        return json.loads((self.folder / CARD).read_text("utf-8"))


def index_archive(plan: CurationPlan) -> Archive:
    """Index the archive of a plan, as far as it is not indexed yet, and open it."""
    archive, output = Path(plan.archive), Path(plan.output)
    if output.resolve().is_relative_to(archive.resolve()):
        raise InputError(
            "the output lies inside the archive, and would be read as a part of it",
            where=output,
            remedy="Name another folder for the output.",
        )
    output.mkdir(parents=True, exist_ok=True)
    return open_archive(archive, plan.url, encoding=plan.encoding, workers=plan.workers)


def curate(plan: CurationPlan) -> CuratedCorpus:
    """Make a corpus from an archive, as far as that is not done.

    It is byte for byte the same, however often the work was stopped; a changed plan changes only
    what it must: pictures that are exported stay.

    Raises
    ------
    InputError
        What is wrong with the archive, its reports, key images or label map; images that
        cannot be exported, all together and after the others are; no two classes with three
        patients; an output that cannot be written.
    """
    output = Path(plan.output)
    try:
        archive = index_archive(plan)
        with FileLock(output / LOCK):
            made_of = _made_of(plan, archive)
            if not _is_current(output, made_of):
                _curate(plan, archive, output, made_of)
    except OSError as error:
        raise InputError(
            f"the work of curation cannot be kept ({error})",
            where=output,
            remedy="Free some space, or name a folder that can be written. What was done is kept.",
        ) from error
    return read_corpus(output)


def read_corpus(output: Path) -> CuratedCorpus:
    """Read what `curate` made; an InputError says that there is nothing, or only a part of it."""
    output = Path(output)
    root = output / SHARED
    try:
        note = json.loads((output / NOTE).read_text("utf-8"))
        card = json.loads((root / FOLDER / CARD).read_text("utf-8"))
        images, excluded, screened = (
            pd.read_parquet(output / name) for name in (IMAGES, EXCLUDED, SCREENED)
        )
        if note["digest"] != card["digest"]:
            raise ValueError("card and tables are of two corpora")
        counts, confirmed = dict(note["counts"]), dict(note["confirmed_by"])
        provenance = str(note["provenance"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"there is no curated corpus that is whole ({error})",
            where=output,
            remedy="Curate the archive again; what was done is kept.",
        ) from error
    return CuratedCorpus(
        root, provenance, images[list(COLUMNS)], excluded, screened, counts, confirmed
    )


class Selection(NamedTuple):
    """What was chosen from an archive."""

    #: One row an image: `sop_uid`, `study_uid`, `patient_id`, `path`, `modality`, `region`, `name`
    #: (of the taxonomy), `label` (`region-name`), `roi`, `kind`, `bytes`, `modified_ns`.
    images: pd.DataFrame
    #: How many images are not among them, by reason.
    left_out: dict[str, int]
    #: Flagged studies with the verdict of the screening.
    screened: pd.DataFrame
    #: Normal studies, by who confirmed them: "radiologist" or "rules".
    confirmed_by: dict[str, int]
    #: Studies that count as confirmed, and in which a reader marked a finding; not normal.
    contradicted: int
    #: Images that were marked with several findings; each is kept under its rarest one.
    several_findings: int


def select_images(
    archive: Archive,
    *,
    label_map: Path | None,
    reviewed: Path | None,
    queue: Path,
    workers: int | None,
) -> Selection:
    """Choose the images of a corpus, and write the review queue to `queue`."""
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


def excluded_table(
    left_out: Mapping[str, int], risks: pd.Series, *, rare_images: int
) -> pd.DataFrame:
    """Return the images that a corpus lacks, a row a reason, most images first.

    Parameters
    ----------
    left_out
        Images by rule, of those that were never selected.
    risks
        For each image that was left out because text may be burned in, what suggests it.
    rare_images
        Images of classes with too few patients.

    Returns
    -------
    pandas.DataFrame
        `rule`, `images` (how many), `kept_out_because`.
    """
    rows = [(rule, images, REASONS[rule]) for rule, images in left_out.items()]
    rows += [
        (AT_RISK, images, f"{REASONS[AT_RISK]}: {reason}.")
        for reason, images in risks.value_counts().items()
    ]
    rows += [(RARE, rare_images, REASONS[RARE])] if rare_images else []
    table = pd.DataFrame(rows, columns=["rule", "images", "kept_out_because"])
    return table.astype({"images": int}).sort_values(
        ["images", "rule"], ascending=[False, True], kind="stable", ignore_index=True
    )


def _made_of(plan: CurationPlan, archive: Archive) -> str:
    """Return a digest of all that decides the corpus: files, plan, tables, code and libraries."""
    query = select(files.c.path, files.c.bytes, files.c.modified_ns, files.c.encoding)
    listed = read_table(archive, query).sort_values("path").to_csv(index=False)
    digest = hashlib.sha256(listed.encode("utf-8", "surrogatepass"))
    for table in (plan.label_map, plan.reviewed):
        content = Path(table).read_bytes() if table is not None and Path(table).is_file() else b""
        digest.update(f"\0{table is None} {len(content)}\0".encode() + content)
    digest.update(hashlib.sha256(_key(plan)).digest())
    digest.update(repr((plan.seed, archive.provenance, digest_of_corpus_code())).encode())
    return digest.hexdigest()


def _key(plan: CurationPlan) -> bytes:
    return load_key(Path(plan.output) / KEY) if plan.key is None else plan.key


def _is_current(output: Path, made_of: str) -> bool:
    """Tell whether the very corpus that is asked for is there, and whole."""
    try:
        note = json.loads((output / NOTE).read_text("utf-8"))
        if note["made_of"] != made_of:
            return False
        texts = note["texts"]
    except (OSError, ValueError, KeyError, TypeError):
        return False
    if not all((output / name).is_file() for name in (QUEUE, IMAGES, EXCLUDED, SCREENED)):
        return False
    images = pd.read_parquet(output / IMAGES)
    return corpus.is_whole(output / SHARED / FOLDER, images, texts) and all_there(output)


def _curate(plan: CurationPlan, archive: Archive, output: Path, made_of: str) -> None:
    selection = select_images(
        archive,
        label_map=plan.label_map,
        reviewed=plan.reviewed,
        queue=output / QUEUE,
        workers=plan.workers,
    )
    pseudonyms = Pseudonyms(_key(plan))
    exported = export_images(selection.images, archive.root, output, pseudonyms, plan.workers)
    images = _pseudonymous(selection.images, exported, pseudonyms)
    at_risk = images["burned_in_risk"] != ""
    risks, images = images.loc[at_risk, "burned_in_risk"], images[~at_risk]
    rare = corpus.rare_classes(images)
    is_rare = images["label"].isin(rare.index)
    excluded = excluded_table(selection.left_out, risks, rare_images=int(is_rare.sum()))
    images = corpus.arrange(images[~is_rare], plan.seed)
    counts = archive_counts(archive)
    card = corpus.corpus_card(
        images,
        excluded,
        selection,
        provenance=archive.provenance,
        archive=counts,
        rare=list(rare.index),
        seed=plan.seed,
    )
    target = output / SHARED / FOLDER
    texts = corpus.write_corpus(output, output / PICTURE_FOLDER, images, card, target)
    tables = {IMAGES: images, EXCLUDED: excluded, SCREENED: selection.screened}
    for name, table in tables.items():
        with write_atomically(output / name) as draft:
            table.reset_index(drop=True).to_parquet(draft)
    note = {"made_of": made_of, "digest": card["digest"], "provenance": archive.provenance}
    note |= {"counts": counts, "confirmed_by": selection.confirmed_by, "texts": texts}
    # The note comes last: it says that all is whole.
    with write_atomically(output / NOTE) as draft:
        draft.write_text(json.dumps(note, indent=1) + "\n", "utf-8")


def _pseudonymous(
    selected: pd.DataFrame, exported: pd.DataFrame, pseudonyms: Pseudonyms
) -> pd.DataFrame:
    """Return the images as the corpus knows them: no column holds an identifier."""
    kept = selected[["label", "modality", "region", "name", "roi", "kind"]].reset_index(drop=True)
    told = exported.rename(columns={"risk": "burned_in_risk"}).reset_index(drop=True)
    patients = {known: pseudonyms.patient(known) for known in selected["patient_id"].unique()}
    studies = {known: pseudonyms.uid(known) for known in selected["study_uid"].unique()}
    return pd.concat([kept, told], axis=1).assign(
        patient_id=selected["patient_id"].map(patients).to_numpy(),
        study_id=selected["study_uid"].map(studies).to_numpy(),
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

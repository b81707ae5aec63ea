"""From a PACS export to a corpus in RadImageNet's layout: the whole of curation, in one call.

Killed at any moment and called again, `curate` goes on where it stood, and called once more it
finds everything done.  Images are chosen in the paper's order: a query flags studies whose
impression says "normal", the impressions are screened, a radiologist confirms them, and all
diagnostic images of a normal study are taken; of every other study the images that a reader
marked.  Every image of the archive that is not taken is counted under the reason.

Below ``output``, only the folder ``shared`` may leave the house: everything else holds, or
leads back to, identifiers of the archive.
"""

from __future__ import annotations

import hashlib
import json
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
from rin.curation.export import PICTURE_FOLDER, all_there, digest_of_corpus_code, export_images
from rin.curation.index import (
    RULES,
    Archive,
    archive_counts,
    archive_files,
    files,
    open_archive,
    read_table,
)
from rin.curation.key_images import diagnostic_images, read_key_images
from rin.curation.reports import normal_studies, query_normal, screen, write_review_queue
from rin.curation.taxonomy import load_taxonomy
from rin.errors import InputError
from rin.files import write_atomically

INDEX, KEY, QUEUE = "archive.sqlite", "pseudonym.key", "review_queue.csv"
LOCK = ".curation.lock"
SHARED = "shared"
IMAGES, SCREENED = "images.parquet", "screened.parquet"
NOTE = "curated.json"
#: Columns of the table of what is left out.
EXCLUDED = ["rule", "images", "kept_out_because"]
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


class CuratedCorpus(NamedTuple):
    """A corpus that was curated from an archive."""

    #: Folder of the corpus itself, and its dataset card.
    folder: Path
    card: dict[str, Any]
    #: One row an image, by file name: `filename`, `label` ("lung-Nodule"), `modality`, `region`,
    #: `name` (label of the taxonomy), `patient_id` and `study_id` (pseudonyms), `roi`, `width`,
    #: `height`, `burned_in_risk` (empty: others are left out), `kind` ("key" or "normal"), `part`.
    images: pd.DataFrame
    #: Images of the archive that are not in the corpus: `rule`, `images`, `kept_out_because`.
    excluded: pd.DataFrame
    #: Flagged studies with the verdict of the screening, under the archive's own identifiers: it
    #: never leaves the house.
    screened: pd.DataFrame
    #: Patients, studies, series, instances and reports of the archive.
    counts: dict[str, int]
    #: Normal studies by who confirmed them.
    confirmed_by: dict[str, int]

    @property
    def root(self) -> Path:
        """The folder that may leave the house: a data root for the manifest `curated_archive`."""
        return self.folder.parent

    @property
    def provenance(self) -> str:
        """Whether the archive is "real" or a "stand-in"."""
        return self.card["provenance"]

    def __repr__(self) -> str:
        """Show no report."""
        return f"CuratedCorpus({self.root}, {len(self.images)} images)"


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
    what it must: pictures that are exported stay.  InputError says what is wrong with the archive,
    its reports, key images or label map, and names images that cannot be exported, after the others
    are; also where no two classes have three patients, or the output cannot be written.
    """
    output = Path(plan.output)
    try:
        archive = index_archive(plan)
        with FileLock(output / LOCK):
            names = Pseudonyms(load_key(output / KEY) if plan.key is None else plan.key)
            made_of = _made_of(plan, archive, names)
            if not _is_current(output, made_of):
                _curate(plan, archive, names, made_of)
            return _read_corpus(output)
    except OSError as error:
        raise InputError(
            f"the work of curation cannot be kept ({error})",
            where=output,
            remedy="Free some space, or name a folder that can be written. What was done is kept.",
        ) from error


def _read_corpus(output: Path) -> CuratedCorpus:
    folder = output / SHARED / FOLDER
    card = json.loads((folder / CARD).read_text("utf-8"))
    selection = card["selection"]
    return CuratedCorpus(
        folder=folder,
        card=card,
        images=pd.read_parquet(output / IMAGES)[list(COLUMNS)],
        excluded=pd.DataFrame(card["excluded"], columns=EXCLUDED),
        screened=pd.read_parquet(output / SCREENED),
        counts=selection["archive"],
        confirmed_by=selection["normal studies"]["confirmed by"],
    )


def select_images(
    plan: CurationPlan, archive: Archive, screened: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series, dict[str, Any], int]:
    """Choose the images of a corpus, with the studies that the query flags and their verdicts.

    Returned are the images, with the columns of key images, `name` (of the taxonomy), `label`
    (`region-name`), `kind`, `bytes` and `modified_ns`; for each of the others why it is not among
    them, a key of `REASONS`; what the card says of the normal studies; and how many images were
    marked with several findings, of which each is kept under its rarest one.
    """
    normal = normal_studies(screened, plan.reviewed)
    files = archive_files(archive)
    marked = read_key_images(archive.root, files, load_taxonomy(), plan.label_map, plan.workers)
    contradicted = normal["study_uid"].isin(marked["study_uid"])
    normal = normal[~contradicted]
    whole = diagnostic_images(files, normal["study_uid"])
    found = pd.concat([marked.assign(kind="key"), whole.assign(kind="normal")], ignore_index=True)
    found = found.rename(columns={"label": "name"})
    found["label"] = found["region"] + "-" + found["name"]
    labels = found.groupby("sop_uid")["label"].nunique()
    images = one_each(found).merge(files[["sop_uid", "bytes", "modified_ns"]], on="sop_uid")
    left = files[~files["sop_uid"].isin(images["sop_uid"])]
    told = {
        "flagged": len(screened),
        "screened": screened["verdict"].value_counts().sort_index().to_dict(),
        "confirmed by": normal["confirmed_by"].value_counts().sort_index().to_dict(),
        "confirmed, but with a finding that a reader marked": int(contradicted.sum()),
    }
    left_out = reasons(left, marked["study_uid"], normal["study_uid"])
    return images, left_out, told, int((labels > 1).sum())


def one_each(found: pd.DataFrame) -> pd.DataFrame:
    """Return one row an image: that of the rarest label, and of several rows the first."""
    order = found.assign(images=found["label"].map(found["label"].value_counts()))
    order = order.sort_values(["sop_uid", "images", "label", "document"], kind="stable")
    return order.drop_duplicates("sop_uid").drop(columns="images").reset_index(drop=True)


def reasons(left: pd.DataFrame, marked: pd.Series, normal: pd.Series) -> pd.Series:
    """Return why each image is not taken; it has one reason, and rules come first."""
    rule, study = left["rule"], left["study_uid"]
    cases = [rule != "", study.isin(marked), study.isin(normal)]
    return pd.Series(np.select(cases, [rule, NOT_MARKED, NO_CLASS], NOT_NORMAL), dtype=object)


def excluded_rows(reasons: pd.Series, risks: pd.Series) -> list[dict[str, Any]]:
    """Return the images that a corpus lacks, a row (`EXCLUDED`) a reason, most images first.

    `reasons` holds a key of `REASONS` for each of them but those with text burned in, of which
    `risks` says what suggests it.
    """
    why = [reasons.map(REASONS), REASONS[AT_RISK] + ": " + risks + "."]
    rules = [reasons, pd.Series(AT_RISK, risks.index)]
    lost = pd.DataFrame({"rule": pd.concat(rules), "kept_out_because": pd.concat(why)})
    rows = lost.groupby(["rule", "kept_out_because"]).size().reset_index(name="images")
    order = rows.sort_values("images", ascending=False, kind="stable")
    return order[EXCLUDED].to_dict("records")


def _made_of(plan: CurationPlan, archive: Archive, names: Pseudonyms) -> str:
    """Return a digest of all that decides the corpus: files, plan, tables, code and libraries."""
    query = select(files.c.path, files.c.bytes, files.c.modified_ns, files.c.encoding)
    listed = read_table(archive, query).sort_values("path").to_csv(index=False)
    digest = hashlib.sha256(listed.encode("utf-8", "surrogatepass"))
    for table in (plan.label_map, plan.reviewed):
        content = Path(table).read_bytes() if table is not None and Path(table).is_file() else b""
        digest.update(f"\0{table is None} {len(content)}\0".encode() + content)
    digest.update(hashlib.sha256(names.key).digest())
    digest.update(repr((plan.seed, archive.provenance, digest_of_corpus_code())).encode())
    return digest.hexdigest()


def _is_current(output: Path, made_of: str) -> bool:
    """Tell whether the very corpus that is asked for is there, and whole."""
    try:
        note = json.loads((output / NOTE).read_text("utf-8"))
        images, _ = (pd.read_parquet(output / name) for name in (IMAGES, SCREENED))
        return (
            note["made_of"] == made_of
            and (output / QUEUE).is_file()
            and corpus.is_whole(output / SHARED / FOLDER, images, note["texts"])
            and all_there(output)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _curate(plan: CurationPlan, archive: Archive, names: Pseudonyms, made_of: str) -> None:
    output = Path(plan.output)
    screened = screen(query_normal(archive))
    write_review_queue(screened, output / QUEUE)
    chosen, left_out, normal, several_findings = select_images(plan, archive, screened)
    exported = export_images(chosen, archive.root, output, names, plan.workers)
    # As the corpus knows them: no column holds an identifier.
    images = chosen[["label", "modality", "region", "name", "roi", "kind"]].assign(
        patient_id=chosen["patient_id"].map(names.patient),
        study_id=chosen["study_uid"].map(names.uid),
    )
    images = images.join(exported.rename(columns={"risk": "burned_in_risk"}))
    risks = images["burned_in_risk"]
    images, risks = images[risks == ""], risks[risks != ""]
    few = images.groupby("label")["patient_id"].transform("nunique") < FEWEST_PATIENTS
    rare = sorted(set(images.loc[few, "label"]))
    left_out = pd.concat([left_out, pd.Series(RARE, images.index[few])])
    images = corpus.arrange(images[~few], plan.seed)
    card = corpus.corpus_card(
        images,
        excluded=excluded_rows(left_out, risks),
        normal=normal,
        several_findings=several_findings,
        provenance=archive.provenance,
        archive=archive_counts(archive),
        rare=rare,
        seed=plan.seed,
    )
    target = output / SHARED / FOLDER
    texts = corpus.write_corpus(output, output / PICTURE_FOLDER, images, card, target)
    for name, table in ((IMAGES, images), (SCREENED, screened)):
        with write_atomically(output / name) as draft:
            table.to_parquet(draft)
    # The note comes last: it says that all is whole.
    note = {"made_of": made_of, "texts": texts}
    with write_atomically(output / NOTE) as draft:
        draft.write_text(json.dumps(note, indent=1) + "\n", "utf-8")

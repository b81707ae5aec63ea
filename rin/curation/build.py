"""From a PACS export to a corpus in RadImageNet's layout: the whole of curation, in one call.

`curate` indexes the archive, chooses images (:mod:`rin.curation.selection`), exports them
without identifiers (:mod:`rin.curation.export`), divides them by patient and writes the corpus
(:mod:`rin.curation.corpus_files`) with its card and Croissant metadata.  Killed at any moment
and called again it goes on where it stood, and called once more it finds everything done.

Below ``output``, only the folder ``shared`` may leave the house: everything else holds, or
leads back to, identifiers of the archive.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock
from sqlalchemy import URL

from rin.curation import corpus_files
from rin.curation.archive import Archive, archive_counts, open_archive
from rin.curation.corpus_card import corpus_card
from rin.curation.corpus_files import CARD, COLUMNS, CROISSANT, FOLDER
from rin.curation.croissant import check_croissant, croissant_text
from rin.curation.deidentify import Pseudonyms, load_key
from rin.curation.export import PICTURE_FOLDER, export_images
from rin.curation.reasons import excluded_table
from rin.curation.selection import Selection, select_images
from rin.errors import InputError

SHARED = "shared"
INDEX, KEY, QUEUE = "archive.sqlite", "pseudonym.key", "review_queue.csv"
IMAGES, EXCLUDED, SCREENED = "images.parquet", "excluded.parquet", "screened.parquet"
NOTE, LOCK = "curated.json", ".curation.lock"


@dataclass(frozen=True, kw_only=True)
class CurationPlan:
    """What is curated, how, and where it goes.

    Attributes
    ----------
    archive
        Folder of the export.
    output
        Folder of everything that is made; not inside the archive.
    database
        URL of the archive's index; empty for an SQLite file in `output`.
    label_map
        Table from a site's own terms of findings to regions and labels (columns `finding`,
        `region`, `label`), or None where readers use the taxonomy's.
    reviewed
        The review queue as a radiologist filled it in, or None: the rules alone then confirm.
    encoding
        Of the reports.
    seed
        Of the split.
    key
        Secret of the pseudonyms; None reads the key file in `output`, made on first use.
    workers
        Processes; by default one per core.
    """

    archive: Path
    output: Path
    seed: int
    database: str = ""
    label_map: Path | None = None
    reviewed: Path | None = None
    encoding: str = "utf-8"
    key: bytes | None = field(default=None, repr=False)
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
    """Index the archive of a plan, as far as it is not indexed yet, and open it.

    Raises
    ------
    InputError
        As :func:`rin.curation.archive.open_archive`, and for an output inside the archive.
    """
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

    Parameters
    ----------
    plan
        A changed plan changes only what it must: pictures that are exported stay.

    Returns
    -------
    CuratedCorpus
        Byte for byte the same, however often the work was stopped.

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
            _curate(plan, archive, output)
    except OSError as error:
        raise InputError(
            f"the work of curation cannot be kept ({error})",
            where=output,
            remedy="Free some space, or name a folder that can be written. What was done is kept.",
        ) from error
    return read_corpus(output)


def read_corpus(output: Path) -> CuratedCorpus:
    """Read what `curate` made.

    Raises
    ------
    InputError
        There is nothing, or only a part of it.
    """
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


def _curate(plan: CurationPlan, archive: Archive, output: Path) -> None:
    selection = select_images(archive, plan.label_map, plan.reviewed, output / QUEUE)
    pseudonyms = Pseudonyms(load_key(output / KEY) if plan.key is None else plan.key)
    exported = export_images(selection.images, archive.root, output, pseudonyms, plan.workers)
    images = _pseudonymous(selection.images, exported, pseudonyms)
    at_risk, images = images[images["burned_in_risk"] != ""], images[images["burned_in_risk"] == ""]
    rare = corpus_files.rare_classes(images)
    is_rare = images["label"].isin(rare.index)
    excluded = excluded_table(
        selection.left_out, at_risk["burned_in_risk"], rare_images=int(is_rare.sum())
    )
    images = corpus_files.arrange(images[~is_rare], plan.seed)
    counts = archive_counts(archive)
    card = corpus_card(
        images,
        excluded,
        selection,
        provenance=archive.provenance,
        archive=counts,
        rare=list(rare.index),
        seed=plan.seed,
        digest=corpus_files.content_digest(images),
    )
    _write_shared(output, images, card)
    _write_internal(output, images, excluded, selection, card, counts)


def _pseudonymous(
    selected: pd.DataFrame, exported: pd.DataFrame, pseudonyms: Pseudonyms
) -> pd.DataFrame:
    """Return the images as the corpus knows them: no column holds an identifier."""
    kept = selected[["label", "modality", "region", "name", "roi", "kind"]].reset_index(drop=True)
    told = exported.rename(columns={"risk": "burned_in_risk"}).reset_index(drop=True)
    people = {
        "patient_id": _each(pseudonyms.patient, selected["patient_id"]),
        "study_id": _each(pseudonyms.uid, selected["study_uid"]),
    }
    return pd.concat([kept, told], axis=1).assign(**people)


def _each(pseudonym: Callable[[str], str], known: pd.Series) -> list[str]:
    made = {one: pseudonym(one) for one in known.unique()}
    return [made[one] for one in known]


def _write_shared(output: Path, images: pd.DataFrame, card: dict[str, Any]) -> None:
    """Write the folder that may leave the house, unless this very one is there."""
    target = output / SHARED / FOLDER
    texts = corpus_files.tables(images) | {CARD: json.dumps(card, indent=1) + "\n"}
    if card["provenance"] == "stand-in":
        texts |= corpus_files.stand_in_note(images)
    if target.is_dir() and corpus_files.is_whole(target, images, texts):
        return
    folder = corpus_files.write_folder(output, output / PICTURE_FOLDER, images, texts)
    tables = {name: text for name, text in texts.items() if name.endswith(".csv")}
    (folder / CROISSANT).write_text(croissant_text(card, tables), "utf-8", newline="\n")
    check_croissant(folder / CROISSANT)
    corpus_files.publish(folder, target)


def _write_internal(
    output: Path,
    images: pd.DataFrame,
    excluded: pd.DataFrame,
    selection: Selection,
    card: dict[str, Any],
    counts: dict[str, int],
) -> None:
    for name, table in ((IMAGES, images), (EXCLUDED, excluded), (SCREENED, selection.screened)):
        unfinished = output / f".{name}.part"
        table.reset_index(drop=True).to_parquet(unfinished)
        unfinished.replace(output / name)
    note = {"digest": card["digest"], "provenance": card["provenance"]}
    note |= {"counts": counts, "confirmed_by": selection.confirmed_by}
    unfinished = output / f".{NOTE}.part"
    unfinished.write_text(json.dumps(note, indent=1) + "\n", "utf-8")
    unfinished.replace(output / NOTE)

"""From a PACS export to a corpus in RadImageNet's layout: the whole of curation, in one call.

`curate` indexes the archive, chooses images (:mod:`rin.curation.selection`), exports them
without identifiers (:mod:`rin.curation.export`), divides them by patient and writes the corpus
(:mod:`rin.curation.corpus_files`) with its card and Croissant metadata.  Killed at any moment
and called again it goes on where it stood, and called once more it finds everything done.

Below ``output``, only the folder ``shared`` may leave the house: everything else holds, or
leads back to, identifiers of the archive.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
from filelock import FileLock
from sqlalchemy import URL, select

from rin.curation import corpus_files
from rin.curation.corpus_card import corpus_card
from rin.curation.corpus_files import CARD, CROISSANT, FOLDER
from rin.curation.croissant import check_croissant, croissant_text
from rin.curation.curated import (
    EXCLUDED,
    IMAGES,
    SCREENED,
    SHARED,
    CuratedCorpus,
    read_corpus,
    read_note,
    write_note,
)
from rin.curation.deidentify import Pseudonyms, load_key
from rin.curation.export import PICTURE_FOLDER, all_there, export_images
from rin.curation.index import Archive, archive_counts, files, open_archive, read_table
from rin.curation.making import making_of_all
from rin.curation.reasons import excluded_table
from rin.curation.selection import select_images
from rin.errors import InputError

__all__ = ["CuratedCorpus", "CurationPlan", "curate", "index_archive", "read_corpus"]

INDEX, KEY, QUEUE = "archive.sqlite", "pseudonym.key", "review_queue.csv"
LOCK = ".curation.lock"


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


def index_archive(plan: CurationPlan) -> Archive:
    """Index the archive of a plan, as far as it is not indexed yet, and open it.

    Raises
    ------
    InputError
        As :func:`rin.curation.index.open_archive`, and for an output inside the archive.
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


def _made_of(plan: CurationPlan, archive: Archive) -> str:
    """Return a digest of all that decides the corpus: files, plan, code and libraries."""
    query = select(files.c.path, files.c.bytes, files.c.modified_ns, files.c.encoding)
    listed = read_table(archive, query).sort_values("path").to_csv(index=False)
    digest = hashlib.sha256(listed.encode("utf-8", "surrogatepass"))
    for table in (plan.label_map, plan.reviewed):
        content = Path(table).read_bytes() if table is not None and Path(table).is_file() else b""
        digest.update(f"\0{table is None} {len(content)}\0".encode() + content)
    digest.update(hashlib.sha256(_key(plan)).digest())
    digest.update(repr((plan.seed, archive.provenance, making_of_all())).encode())
    return digest.hexdigest()


def _key(plan: CurationPlan) -> bytes:
    return load_key(Path(plan.output) / KEY) if plan.key is None else plan.key


def _is_current(output: Path, made_of: str) -> bool:
    """Tell whether the very corpus that is asked for is there, and whole."""
    note = read_note(output)
    if note.get("made_of") != made_of or not (output / QUEUE).is_file():
        return False
    if not all((output / name).is_file() for name in (IMAGES, EXCLUDED, SCREENED)):
        return False
    images = pd.read_parquet(output / IMAGES)
    whole = corpus_files.is_whole(output / SHARED / FOLDER, images, note["texts"])
    return whole and all_there(output)


def _curate(plan: CurationPlan, archive: Archive, output: Path, made_of: str) -> None:
    tables = {"label_map": plan.label_map, "reviewed": plan.reviewed, "queue": output / QUEUE}
    selection = select_images(archive, **tables, workers=plan.workers)
    pseudonyms = Pseudonyms(_key(plan))
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
    note = {"made_of": made_of, "digest": card["digest"], "provenance": archive.provenance}
    note |= {"counts": counts, "confirmed_by": selection.confirmed_by}
    note["texts"] = _write_shared(output, images, card)
    kept = {IMAGES: images, EXCLUDED: excluded, SCREENED: selection.screened}
    write_note(output, note, kept)


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


def _write_shared(output: Path, images: pd.DataFrame, card: dict[str, Any]) -> dict[str, str]:
    """Write the folder that may leave the house, unless this very one is there.

    Returns the SHA-256 of each of its texts, by file name.
    """
    target = output / SHARED / FOLDER
    texts = corpus_files.tables(images) | {CARD: json.dumps(card, indent=1) + "\n"}
    if card["provenance"] == "stand-in":
        texts |= corpus_files.stand_in_note(images)
    known = read_note(output).get("texts", {}).get(CROISSANT, "")
    digests = corpus_files.digests(texts) | {CROISSANT: known}
    if corpus_files.is_whole(target, images, digests):
        return digests
    folder = corpus_files.write_folder(output, output / PICTURE_FOLDER, images, texts)
    tables = {name: text for name, text in texts.items() if name.endswith(".csv")}
    made = {CROISSANT: croissant_text(card, tables)}
    (folder / CROISSANT).write_text(made[CROISSANT], "utf-8", newline="\n")
    check_croissant(folder / CROISSANT)
    corpus_files.publish(folder, target)
    return digests | corpus_files.digests(made)

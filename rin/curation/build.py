"""From a PACS export to a corpus in RadImageNet's layout: the whole of curation, in one call.

All diagnostic images of normal studies are taken, and of every other study the images that a
reader marked.  Every image of the archive that is not taken is counted under its reason.

Pictures are numbered within their region in the order of their pseudonymous UIDs, which are made
with a key, so neither the number nor the order shows which pictures belong to one patient or day.
Equal corpora have equal cards, which contain no time, no name of a machine and no identifier of
the archive.

Below ``output``, only the folder ``shared`` may leave the institution: everything else contains,
or leads back to, identifiers of the archive.
"""

import json
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock

from rin import __version__
from rin.curation import burned_in, deidentify, export, index
from rin.curation.deidentify import Pseudonyms, load_key
from rin.curation.index import Archive
from rin.curation.key_images import diagnostic_images, read_key_images
from rin.curation.problems import KINDS, PROBLEMS, UNREADABLE, Problem, refuse_files
from rin.curation.radiology_reports import normal_studies, screen, write_review_queue
from rin.data.croissant import file_object, write_croissant
from rin.data.dataset import unify_patient_ids
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.layouts.table import RADIMAGENET_TABLES
from rin.data.splits import PARTS, SHARES, split_corpus
from rin.data.standins.writers import write_json
from rin.data.tree import walk
from rin.errors import InputError, as_input_error, require
from rin.files import (
    MAKE_ROOM,
    digest_of,
    read_facts,
    replace_folder,
    sha256_of,
    write_atomically,
)

INDEX = "index"
KEY = "pseudonym.key"
#: Queues for human review: reports that may be normal, and images that may show text.
QUEUE = "review_queue.csv"
IMAGE_QUEUE = "image_queue.csv"
QUEUES = QUEUE, IMAGE_QUEUE
IMAGES = "images.parquet"
LOCK = ".curation.lock"
NOTE = "curated.json"
SHARED = "shared"
FOLDER = "radimagenet_curated"
PICTURES = "radiology_ai"
#: Files and folders beside the shared folder, which only their owner may read.
PRIVATE = (
    INDEX, KEY, QUEUE, IMAGE_QUEUE, PROBLEMS, IMAGES, LOCK, NOTE,
    export.DICOM_FOLDER, export.PICTURE_FOLDER, export.NOTES,
)  # fmt: skip
PATIENTS = "patients.csv"
CARD = "dataset_card.json"
#: A class needs a patient to train on, one to validate with and one to test on.
FEWEST_PATIENTS = 3
COLUMNS = [
    "filename", "label", "modality", "region", "name", "patient_id", "study_id", "roi",
    "width", "height", "kind", "part",
]  # fmt: skip
#: Columns of the table of excluded images.
EXCLUDED = ("rule", "images", "kept_out_because")
#: Reasons, explained in card.yaml, why images that no rule excludes are not in the corpus either.
NOT_MARKED = "no key image"
NOT_NORMAL = "study neither normal nor marked"
NO_CLASS = "normal study without a class"
AT_RISK = "burned-in text"
RARE = "rare class"
_TEXTS = read_facts(__file__, "card.yaml")
#: Texts of the corpus' Croissant description, with braces for facts of its card.
_CROISSANT = read_facts(__file__, "croissant.yaml")
REASONS = index.RULES | KINDS | _TEXTS["left out"]


@dataclass(frozen=True, kw_only=True)
class CurationPlan:
    """What is curated, how, and where the corpus is written."""

    #: Folder of the export, and folder of all output, which is not inside the former.
    archive: Path
    output: Path
    #: Seed of the split.
    seed: int
    #: Table of a site's own terms (columns `finding`, `region`, `label`), if readers use any.
    label_map: Path | None = None
    #: The review queue as a radiologist filled it in; without it, the rules alone decide.
    reviewed: Path | None = None
    #: Kinds of problems (`problems.KINDS`): files with such a problem are left out, and counted.
    leave_out: tuple[str, ...] = ()
    #: Secret key of the pseudonyms; None for the key file in `output`, made on first use.
    key: bytes | None = field(default=None, repr=False)


class CuratedCorpus(NamedTuple):
    """A corpus that was curated from an archive: its folder, and its dataset card.

    `images` has a row an image, by file name: `filename`, `label` ("lung-Nodule"), `modality`,
    `region`, `name` (label of the taxonomy), `patient_id` and `study_id` (pseudonyms), `roi`,
    `width`, `height`, `kind` ("key" or "normal"), `part`.  `excluded` counts the images that are
    not in the corpus.
    """

    folder: Path
    card: dict[str, Any]
    images: pd.DataFrame
    excluded: pd.DataFrame

    @property
    def root(self) -> Path:
        """The folder that may be shared: a data root for the manifest `curated_archive`."""
        return self.folder.parent

    def __repr__(self) -> str:
        """Return a text without the tables."""
        return f"CuratedCorpus({self.root}, {len(self.images)} images)"


def index_archive(plan: CurationPlan) -> Archive:
    """Index the files of a plan's archive that are not indexed yet, and open the archive.

    InputError for files with problems that the plan does not leave out.
    """
    with lock_privately(plan):
        archive = index.read_archive(plan.archive, plan.output / INDEX)
        refuse_files(archive.root, archive.problems, plan.output, plan.leave_out)
        return archive


def curate(plan: CurationPlan) -> CuratedCorpus:
    """Make a corpus from an archive, or complete it after an interruption.

    It is the same, byte for byte, however often the work was killed.  InputError if the label map
    or a review is wrong, if the output cannot be written, or if no two classes have three
    patients.  Files of the archive with problems that the plan does not leave out are listed in
    one error, from all stages, after everything else is done.
    """
    output = plan.output
    folder = output / SHARED / FOLDER
    if not (output / NOTE).is_file():  # neither is needed to read a corpus that exists
        require("dicomanonymizer", "rapidocr")
    with (
        as_input_error(
            "the work of curation cannot be saved",
            where=output,
            remedy=f"{MAKE_ROOM} Work done so far is kept.",
        ),
        lock_privately(plan),
    ):
        archive = index.read_archive(plan.archive, output / INDEX)
        names = Pseudonyms(load_key(output / KEY) if plan.key is None else plan.key)
        cleared = burned_in.cleared_images(output / IMAGE_QUEUE, archive.root)
        state = partial(_state, plan, archive, names, cleared)
        is_current = False
        with suppress(OSError, ValueError):  # nothing was made yet, or a part of it is lost
            is_current = (output / NOTE).read_text() == state()
        if not is_current:
            _curate(plan, archive, names, cleared)
            with write_atomically(output / NOTE) as draft:
                draft.write_text(state())
        card = json.loads((folder / CARD).read_text("utf-8"))
        return CuratedCorpus(
            folder,
            card,
            images=pd.read_parquet(output / IMAGES)[COLUMNS],
            excluded=pd.DataFrame(card["excluded"], columns=EXCLUDED),
        )


@contextmanager
def lock_privately(plan: CurationPlan) -> Iterator[None]:
    """Lock a plan's output, and make curation's files in it readable by their owner alone.

    Other files there, or behind a link, are the user's own.  InputError if the output would become
    a part of the archive.
    """
    output = plan.output
    if output.resolve().is_relative_to(plan.archive.resolve()):
        raise InputError(
            "the output is inside the archive, and would be read as part of it",
            where=output,
            remedy="Name another folder for the output.",
        )
    before = os.umask(0o077)
    try:
        output.mkdir(parents=True, exist_ok=True)
        with FileLock(output / LOCK):
            for place in map(output.joinpath, PRIVATE):
                if place.exists() and not place.is_symlink():
                    place.chmod(0o700 if place.is_dir() else 0o600)
            (output / PROBLEMS).unlink(missing_ok=True)
            yield
    finally:
        os.umask(before)


def select_images(
    plan: CurationPlan, archive: Archive, screened: pd.DataFrame
) -> tuple[pd.DataFrame, np.ndarray, pd.Series, list[Problem]]:
    """Choose the images of a corpus, using the studies that were `screened`.

    Return the images, with the columns of key images, `name` (of the taxonomy), `label`
    (`region-name`) and `kind`; the reason why each other image is not among them, a key of
    `REASONS`; who confirmed each normal study; and the problems with readers' documents.
    """
    files = archive.files
    marked, problems = read_key_images(archive.root, files, plan.label_map)
    normal = normal_studies(screened, plan.reviewed or plan.output / QUEUE)
    # A document with a problem may contain a finding, so its study is not normal either.
    unclear = files.loc[files["path"].isin([problem.path for problem in problems]), "study_uid"]
    normal = normal[~normal.index.isin([*marked["study_uid"], *unclear])]
    whole = diagnostic_images(files, normal.index)
    tables = [marked.assign(kind="key"), whole.assign(kind="normal")]
    candidates = pd.concat(tables, ignore_index=True).rename(columns={"label": "name"})
    candidates["label"] = candidates["region"] + "-" + candidates["name"]
    # Of several labels of an image, the rarest one counts, or the first of several such.
    candidates["images"] = candidates.groupby("label")["label"].transform("size")
    candidates = candidates.sort_values(["sop_uid", "images", "label", "document"])
    images = candidates.drop_duplicates("sop_uid")
    left = files[~files["sop_uid"].isin(images["sop_uid"])]
    study = left["study_uid"]
    cases = [left["rule"] != "", study.isin(marked["study_uid"]), study.isin(normal.index)]
    left_out = np.select(cases, [left["rule"], NOT_MARKED, NO_CLASS], NOT_NORMAL)
    return images, left_out, normal, problems


def _state(plan: CurationPlan, archive: Archive, names: Pseudonyms, cleared: set[str]) -> str:
    """Return a digest of all that determines a corpus, and of a curation's files.

    Files, plan, tables, code and libraries determine it.  Of images that are not shared, the sizes
    alone count.
    """
    output = plan.output
    tables = archive.files, archive.reports
    stated = [
        names.key,
        [pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes() for table in tables],
        [path and sha256_of(path) for path in (plan.label_map, plan.reviewed)],
        [(output / queue).is_file() and sha256_of(output / queue) for queue in QUEUES],
        plan.seed,
        archive.provenance,
        export.digest_of_code(),
        sorted(cleared),
        sorted(plan.leave_out),
        sorted(archive.dropped.items()),
    ]
    unshared = (export.DICOM_FOLDER, export.PICTURE_FOLDER)
    folders = (*unshared, SHARED, export.NOTES)
    files = [f"{folder}/{name}" for folder in folders for name in walk(output / folder)]
    for name in sorted([*files, IMAGES]):
        file = output / name
        content = file.stat().st_size if name.startswith(unshared) else sha256_of(file)
        stated.append((name, content))
    return digest_of(repr(stated))


def _curate(plan: CurationPlan, archive: Archive, names: Pseudonyms, cleared: set[str]) -> None:
    output = plan.output
    refuse = partial(refuse_files, archive.root, folder=output, leave_out=plan.leave_out)
    screened = screen(archive.reports)
    write_review_queue(screened, output / QUEUE)
    try:
        chosen, left_out, confirmed, unclear = select_images(plan, archive, screened)
    except InputError:
        refuse(archive.problems)  # they come first, as they may have caused this error
        raise
    chosen["cleared"] = chosen["sop_uid"].isin(cleared)
    exported, unread = export.export_images(chosen, archive.root, output, names)
    refuse([*archive.problems, *unclear, *unread])
    export.forget_others(output, exported)
    # Nothing shows later that 007 and 7 are one patient, who must not be in two parts.
    exported, _ = unify_patient_ids(exported.assign(case_id=exported["sop_uid"]))
    doubtful = (exported["risk"] == burned_in.DOUBTFUL) | exported["cleared"]
    burned_in.write_image_queue(exported[doubtful], output / IMAGE_QUEUE, archive.root)
    # The columns of the corpus: none contains an identifier.
    images = exported[
        ["label", "modality", "region", "name", "roi", "kind", "uid", "risk", "width", "height"]
    ].assign(
        patient_id=exported["patient_id"].map(names.patient),
        study_id=exported["study_uid"].map(names.uid),
    )
    is_at_risk = images["risk"] != ""
    patients = images[~is_at_risk].groupby("label")["patient_id"].nunique()
    rare = images["label"].map(patients) < FEWEST_PATIENTS
    images["rule"] = np.select([is_at_risk, rare], [AT_RISK, RARE], "")
    excluded = Counter([*left_out, *[UNREADABLE] * len(unread), *images["rule"]])
    del excluded[""]
    images = arrange(images[images["rule"] == ""], plan.seed)
    dropped = archive.dropped | {problem.path: problem.kind for problem in [*unclear, *unread]}
    left_out_files = Counter(dropped.values())
    card = corpus_card(images, plan, archive) | {
        "normal studies": {
            "how": _TEXTS["normal studies"],
            "flagged": len(screened),
            "confirmed by": confirmed.value_counts().to_dict(),
        },
        "excluded": [
            {"rule": rule, "images": n, "kept_out_because": REASONS[rule]}
            for rule, n in excluded.most_common()
        ],
        "files left out": {
            kind: {"files": left_out_files[kind], "because": reason}
            for kind, reason in KINDS.items()
            if kind in left_out_files
        },
    }
    write_corpus(output, images, card)
    with write_atomically(output / IMAGES) as draft:
        images.to_parquet(draft)


def arrange(images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Number images, and divide them 75/10/15 by patient.

    `images` has the columns `uid` (pseudonymous), `label`, `modality`, `region`, `name`,
    `patient_id` and any others to be kept.  Return it sorted by file name, with the columns
    `filename` and `part` added.
    """
    if images.empty:
        raise InputError(
            "no image is left for a corpus",
            where="curation",
            remedy="Look at the table of excluded images; a corpus needs key images or normal "
            f"studies of at least two classes with {FEWEST_PATIENTS} patients each.",
        )
    ordered = images.sort_values(["region", "uid"], ignore_index=True)
    number = ordered.groupby("region").cumcount() + 1
    names = ordered["region"] + number.map("{:06d}".format) + ".png"
    folders = ordered[["modality", "region", "name"]].agg("/".join, axis=1)
    ordered.insert(0, "filename", PICTURES + "/" + folders + "/" + names)
    cases = ordered.rename(columns={"filename": "case_id"})
    groups = cases.set_index("case_id")["patient_id"]
    ordered["part"] = split_corpus(cases, groups, seed, where="curation").to_numpy()
    return ordered.sort_values("filename", ignore_index=True)


def write_corpus(output: Path, images: pd.DataFrame, card: dict[str, Any]) -> None:
    """Write the folder that may leave the institution, which everybody may read."""
    tables = {PATIENTS: images[["filename", "patient_id", "study_id", "roi"]]}
    for part, name in RADIMAGENET_TABLES.items():
        tables[name] = images.loc[images["part"] == part, ["filename", "label"]]
    shared = output / SHARED
    shared.mkdir(exist_ok=True)
    if not shared.is_symlink():
        shared.chmod(0o755)
    with replace_folder(shared / FOLDER) as folder:
        for uid, name in zip(images["uid"], images["filename"], strict=True):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            picture = output / export.PICTURE_FOLDER / f"{uid}.png"
            try:
                os.link(picture, folder / name)
            except OSError:
                # No hard links are possible here, or there are too many of one file.
                shutil.copyfile(picture, folder / name)
        for name, table in tables.items():
            table.to_csv(folder / name, index=False)
        write_json(folder / CARD, card)
        describe_corpus(folder, card, tables)
        if card["provenance"] == "stand-in":
            write_json(folder / STAND_IN_NOTE, {"stand_in": "outpatient archive, curated"})
        # Only of files just written: other files there, and behind links, are the user's own.
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)


def describe_corpus(folder: Path, card: dict[str, Any], tables: Iterable[str]) -> None:
    """Write the Croissant description of a corpus, whose CSV files are `tables`.

    It contains no identifier and no time: equal corpora have equal descriptions.
    """
    divided = ", ".join(f"{counts['images']} {part}" for part, counts in card["parts"].items())
    facts = card | {"divided": divided}
    stated = {name: text.format(**facts) for name, text in _CROISSANT["stated"].items()}
    files = [file_object(folder / name) for name in sorted(tables)]
    content = "".join(file["sha256"] for file in files)
    stated["version"] = f"1.0.0+{digest_of(content)[:12]}"
    files += _CROISSANT["pictures"]
    write_croissant(folder, stated, files, _CROISSANT["records"])


def corpus_card(images: pd.DataFrame, plan: CurationPlan, archive: Archive) -> dict[str, Any]:
    """Return the card of a corpus, except for how its images were chosen."""
    made = _TEXTS["de-identification"].items()
    stated = deidentify.WINDOWS | {"not_looked_for": burned_in.UNSEARCHED}
    return {
        "title": _TEXTS["title"],
        "provenance": archive.provenance,
        "notice": _TEXTS["notice"][archive.provenance],
        "licence": _TEXTS["licence"][archive.provenance],
        "cite": _TEXTS["cite"],
        "made by": f"rin {__version__}",
        "all": _counts(images) | {"classes": images["label"].nunique()},
        "parts": {part: _counts(images[images["part"] == part]) for part in PARTS},
        "classes": {label: _counts(of_class) for label, of_class in images.groupby("label")},
        "split": {
            "unit": "patient",
            "shares": dict(zip(PARTS, SHARES, strict=True)),
            "seed": plan.seed,
        },
        "archive": {
            "patients": archive.files["patient_id"].nunique(),
            "studies": archive.files["study_uid"].nunique(),
            "series": archive.files["series_uid"].nunique(),
            "instances": len(archive.files),
            "reports": len(archive.reports),
        },
        "de-identification": {
            "profile": deidentify.METHOD_CODES,
            **{about: text.format(**stated) for about, text in made},
        },
        "must not be used for": _TEXTS["must not be used for"],
    }


def _counts(images: pd.DataFrame) -> dict[str, int]:
    patients = images["patient_id"].nunique()
    return {"images": len(images), "patients": patients, "studies": images["study_id"].nunique()}

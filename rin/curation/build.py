"""From a PACS export to a corpus in RadImageNet's layout: the whole of curation, in one call.

All diagnostic images of normal studies are taken, and of every other study those that a reader
marked.  Every image of the archive that is not taken is counted under the reason.

Pictures are numbered within their region in the order of their pseudonymous UIDs, which a key
made, so neither the number nor the order tells which belong to one patient or day.  The card is
equal for equal corpora: no clock, no name of a machine, and no identifier of the archive.

Below ``output``, only the folder ``shared`` may leave the house: everything else holds, or
leads back to, identifiers of the archive.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from filelock import FileLock
from sqlalchemy import URL, select

from rin import __version__
from rin.curation import burned_in, deidentify, export, index
from rin.curation.deidentify import Pseudonyms, load_key
from rin.curation.index import Archive
from rin.curation.key_images import diagnostic_images, read_key_images
from rin.curation.radiology_reports import normal_studies, query_normal, screen, write_review_queue
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.layouts.table import RADIMAGENET_TABLES
from rin.data.splits import PARTS, SHARES, divide
from rin.data.tree import walk
from rin.errors import InputError, unquoted
from rin.files import read_yaml, sha256_of, write_atomically

INDEX, KEY = "archive.sqlite", "pseudonym.key"
#: What somebody has to look at: reports that may be normal, and images that may show text.
QUEUE, IMAGE_QUEUE = "review_queue.csv", "image_queue.csv"
IMAGES, SCREENED = "images.parquet", "screened.parquet"
LOCK, NOTE = ".curation.lock", "curated.json"
SHARED, FOLDER, PICTURES = "shared", "radimagenet_curated", "radiology_ai"
PATIENTS, CARD, CROISSANT = "patients.csv", "dataset_card.json", "croissant.json"
UNFINISHED, REPLACED = ".unfinished", ".replaced"
#: A class needs a patient to train on, one to validate with and one to test on.
FEWEST_PATIENTS = 3
COLUMNS = (
    *("filename", "label", "modality", "region", "name", "patient_id", "study_id", "roi"),
    *("width", "height", "burned_in_risk", "kind", "part"),
)
#: Columns of the table of what is left out.
EXCLUDED = ["rule", "images", "kept_out_because"]
#: Reasons for which images that no rule excludes are not in the corpus either, as card.yaml says.
NOT_MARKED, NOT_NORMAL = "no key image", "study neither normal nor marked"
NO_CLASS, AT_RISK, RARE = "normal study without a class", "burned-in text", "rare class"
_TEXTS = read_yaml(Path(__file__).with_name("card.yaml"))
REASONS = index.RULES | {
    name: text.format(fewest=FEWEST_PATIENTS) for name, text in _TEXTS["left out"].items()
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

    @property
    def root(self) -> Path:
        """The folder that may leave the house: a data root for the manifest `curated_archive`."""
        return self.folder.parent

    def __repr__(self) -> str:
        """Show no report."""
        return f"CuratedCorpus({self.root}, {len(self.images)} images)"


def index_archive(plan: CurationPlan) -> Archive:
    """Index the archive of a plan, as far as it is not indexed yet, and open it."""
    archive, output = Path(plan.archive), Path(plan.output)
    if output.resolve().is_relative_to(archive.resolve()):
        problem = "the output lies inside the archive, and would be read as a part of it"
        remedy = "Name another folder for the output."
        raise InputError(problem, where=output, remedy=remedy)
    url = plan.database or URL.create("sqlite", database=str(output / INDEX)).render_as_string()
    with private(output):
        return index.open_archive(archive, url, encoding=plan.encoding, workers=plan.workers)


def curate(plan: CurationPlan) -> CuratedCorpus:
    """Make a corpus from an archive, as far as that is not done.

    It is byte for byte the same, however often the work was killed.  InputError says what is wrong
    with the archive, its reports, key images or label map, or that the output cannot be written;
    it names images that cannot be exported, after the others are, and says where no two classes
    have three patients.
    """
    output = Path(plan.output)
    try:
        archive = index_archive(plan)
        with private(output), FileLock(output / LOCK):
            names = Pseudonyms(load_key(output / KEY) if plan.key is None else plan.key)
            cleared = burned_in.cleared_images(output / IMAGE_QUEUE, archive.root)
            made_of = _made_of(plan, archive, names, cleared)
            if not _is_current(output, made_of):
                _curate(plan, archive, names, made_of, cleared)
                for path in (output / SHARED, *(output / SHARED).rglob("*")):
                    path.chmod(0o755 if path.is_dir() else 0o644)
            folder = output / SHARED / FOLDER
            card = json.loads((folder / CARD).read_text("utf-8"))
            images = pd.read_parquet(output / IMAGES)[list(COLUMNS)]
            excluded = pd.DataFrame(card["excluded"], columns=EXCLUDED)
            screened = pd.read_parquet(output / SCREENED)
            return CuratedCorpus(folder, card, images, excluded, screened)
    except OSError as error:
        problem = f"the work of curation cannot be kept ({unquoted(error)})"
        remedy = "Free some space, or name a folder that can be written. What was done is kept."
        raise InputError(problem, where=output, remedy=remedy) from error


@contextmanager
def private(output: Path) -> Iterator[None]:
    """Close to others whatever lies beside the folder to share, and what is made in the block."""
    before = os.umask(0o077)
    try:
        output.mkdir(parents=True, exist_ok=True)
        for place in output.iterdir():
            if place.name != SHARED and not place.is_symlink():
                with suppress(FileNotFoundError):  # the index's journal comes and goes
                    place.chmod(0o700 if place.is_dir() else 0o600)
        yield
    finally:
        os.umask(before)


def select_images(
    plan: CurationPlan, archive: Archive, screened: pd.DataFrame
) -> tuple[pd.DataFrame, pd.Series, dict[str, Any]]:
    """Choose the images of a corpus, with the studies that the query flags and their verdicts.

    Returned are the images, with the columns of key images, `name` (of the taxonomy), `label`
    (`region-name`), `kind`, `bytes` and `modified_ns`; for each of the others why it is not among
    them, a key of `REASONS`; and what `corpus_card` tells of the choice.
    """
    normal = normal_studies(screened, plan.reviewed)
    files = index.archive_files(archive)
    marked = read_key_images(archive.root, files, plan.label_map, plan.workers)
    contradicted = normal["study_uid"].isin(marked["study_uid"])
    normal = normal[~contradicted]
    whole = diagnostic_images(files, normal["study_uid"])
    candidates = pd.concat(
        [marked.assign(kind="key"), whole.assign(kind="normal")], ignore_index=True
    )
    candidates = candidates.rename(columns={"label": "name"})
    candidates["label"] = candidates["region"] + "-" + candidates["name"]
    labels = candidates.groupby("sop_uid")["label"].nunique()
    images = one_label_each(candidates).merge(
        files[["sop_uid", "bytes", "modified_ns"]], on="sop_uid"
    )
    left = files[~files["sop_uid"].isin(images["sop_uid"])]
    normal_told = {
        "how": _TEXTS["normal studies"],
        "flagged": len(screened),
        "screened": screened["verdict"].value_counts().sort_index().to_dict(),
        "confirmed by": normal["confirmed_by"].value_counts().sort_index().to_dict(),
        "confirmed, but with a finding that a reader marked": int(contradicted.sum()),
    }
    left_out = reasons(left, marked["study_uid"], normal["study_uid"])
    return images, left_out, {"normal studies": normal_told, "several": int((labels > 1).sum())}


def one_label_each(candidates: pd.DataFrame) -> pd.DataFrame:
    """Return one row an image: that of the rarest label, and of several rows the first."""
    order = candidates.assign(images=candidates["label"].map(candidates["label"].value_counts()))
    order = order.sort_values(["sop_uid", "images", "label", "document"], kind="stable")
    return order.drop_duplicates("sop_uid").drop(columns="images").reset_index(drop=True)


def reasons(left: pd.DataFrame, marked: pd.Series, normal: pd.Series) -> pd.Series:
    """Return why each image is not taken; it has one reason, and rules come first."""
    rule, study = left["rule"], left["study_uid"]
    cases = [rule != "", study.isin(marked), study.isin(normal)]
    return pd.Series(np.select(cases, [rule, NOT_MARKED, NO_CLASS], NOT_NORMAL), dtype=object)


def _made_of(
    plan: CurationPlan, archive: Archive, names: Pseudonyms, cleared: Collection[str]
) -> str:
    """Return a digest of all that decides the corpus: files, plan, tables, code and libraries."""
    files = index.files.c
    query = select(files.path, files.bytes, files.modified_ns, files.encoding)
    listed = index.read_table(archive, query).sort_values("path").to_csv(index=False)
    digest = hashlib.sha256(listed.encode("utf-8", "surrogatepass"))
    for table in (plan.label_map, plan.reviewed):
        content = Path(table).read_bytes() if table is not None and Path(table).is_file() else b""
        digest.update(f"\0{table is None} {len(content)}\0".encode() + content)
    digest.update(hashlib.sha256(names.key).digest())
    code = export.digest_of_corpus_code()
    digest.update(repr((plan.seed, archive.provenance, code, sorted(cleared))).encode())
    return digest.hexdigest()


def _is_current(output: Path, made_of: str) -> bool:
    """Tell whether the very corpus that is asked for is there, and whole."""
    try:
        note = json.loads((output / NOTE).read_text("utf-8"))
        images = pd.read_parquet(output / IMAGES)
        return (
            note["made_of"] == made_of
            and all(
                sha256_of(output / name) == note["tables"][name] for name in (IMAGES, SCREENED)
            )
            and all((output / name).is_file() for name in (QUEUE, IMAGE_QUEUE))
            and is_corpus_whole(output / SHARED / FOLDER, images, note["texts"])
            and export.all_there(output)
        )
    except (OSError, ValueError, KeyError, TypeError):
        return False


def _curate(
    plan: CurationPlan,
    archive: Archive,
    names: Pseudonyms,
    made_of: str,
    cleared: Collection[str],
) -> None:
    output = Path(plan.output)
    screened = screen(query_normal(archive))
    write_review_queue(screened, output / QUEUE)
    chosen, left_out, counts_by_step = select_images(plan, archive, screened)
    exported = export.export_images(chosen, archive.root, output, names, plan.workers, cleared)
    doubtful = (exported["risk"] == burned_in.DOUBTFUL) | chosen["sop_uid"].isin(cleared)
    burned_in.write_image_queue(chosen[doubtful], output / IMAGE_QUEUE, archive.root)
    # As the corpus knows them: no column holds an identifier.
    images = chosen[["label", "modality", "region", "name", "roi", "kind"]].assign(
        patient_id=chosen["patient_id"].map(names.patient),
        study_id=chosen["study_uid"].map(names.uid),
    )
    images = images.join(exported.rename(columns={"risk": "burned_in_risk"}))
    images["rule"] = np.where(images["burned_in_risk"] == "", "", AT_RISK)
    patients = images[images["rule"] == ""].groupby("label")["patient_id"].nunique()
    rare = patients.index[patients < FEWEST_PATIENTS].tolist()
    images.loc[(images["rule"] == "") & images["label"].isin(rare), "rule"] = RARE
    excluded = excluded_rows(pd.concat([left_out.to_frame("rule"), images[images["rule"] != ""]]))
    images = arrange(images[images["rule"] == ""].drop(columns="rule"), plan.seed)
    counts_by_step |= {"rare": rare, "excluded": excluded}
    card = corpus_card(images, plan, archive, counts_by_step)
    texts = write_corpus(output, images, card)
    for name, table in ((IMAGES, images), (SCREENED, screened)):
        with write_atomically(output / name) as draft:
            table.to_parquet(draft)
    # The note comes last: it says that all is whole.
    digests = {name: sha256_of(output / name) for name in (IMAGES, SCREENED)}
    note = {"made_of": made_of, "texts": texts, "tables": digests}
    with write_atomically(output / NOTE) as draft:
        draft.write_text(json.dumps(note, indent=1) + "\n", "utf-8")


def excluded_rows(left_out: pd.DataFrame) -> list[dict[str, Any]]:
    """Return how many images are left out for each reason, most first.

    `left_out` is a row an image: `rule`, a key of `REASONS`, and its `burned_in_risk`, if any.
    """
    sentences = [
        f"{REASONS[rule]}: {risk}." if rule == AT_RISK else REASONS[rule]
        for rule, risk in zip(left_out["rule"], left_out["burned_in_risk"], strict=True)
    ]
    left_out = left_out.assign(kept_out_because=sentences)
    counts = left_out.groupby(["rule", "kept_out_because"]).size()
    rows = counts.reset_index(name="images")[EXCLUDED]
    return rows.sort_values("images", ascending=False, kind="stable").to_dict("records")


def arrange(images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Number images, and divide them 75/10/15 by patient.

    `images` holds `uid` (pseudonymous), `label`, `modality`, `region`, `name`, `patient_id` and
    whatever else is kept; they are returned by file name, with `filename` and `part` added.
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
    groups = pd.Series(ordered["patient_id"].to_numpy(), index=ordered["filename"])
    ordered["part"] = divide(cases, groups, seed, where="curation").to_numpy()
    return ordered.sort_values("filename", ignore_index=True)


def tables(images: pd.DataFrame) -> dict[str, str]:
    """Return the corpus's CSV tables as text, by file name."""
    texts = {}
    for part, name in RADIMAGENET_TABLES.items():
        rows = images.loc[images["part"] == part, ["filename", "label"]]
        texts[name] = rows.to_csv(index=False, lineterminator="\n")
    side = images[["filename", "patient_id", "study_id", "roi"]]
    return texts | {PATIENTS: side.to_csv(index=False, lineterminator="\n")}


def content_digest(images: pd.DataFrame) -> str:
    """Return a SHA-256 of what the tables say and what the pictures show."""
    text = images[[*COLUMNS, "png_sha256"]].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def is_corpus_whole(folder: Path, images: pd.DataFrame, texts: Mapping[str, str]) -> bool:
    """Tell whether a folder holds these pictures (by size), these texts (by SHA-256), no more."""
    names = walk(folder) if folder.is_dir() else ()
    sizes = {name: (folder / name).stat().st_size for name in names}
    pictures = dict(zip(images["filename"], images["png_bytes"], strict=True))
    if sizes.keys() != {*pictures, *texts}:
        return False
    digests = {name: sha256_of(folder / name) for name in texts}
    return digests == dict(texts) and pictures.items() <= sizes.items()


def write_corpus(output: Path, images: pd.DataFrame, card: Mapping[str, Any]) -> dict[str, str]:
    """Write the folder that may leave the house, if need be; return the SHA-256 of its texts."""
    pictures, target = output / export.PICTURE_FOLDER, output / SHARED / FOLDER
    texts = tables(images)
    texts |= {CROISSANT: croissant_text(card, texts), CARD: json.dumps(card, indent=1) + "\n"}
    if card["provenance"] == "stand-in":
        counts = images["label"].value_counts().sort_index().to_dict()
        note = {"stand_in": "outpatient archive, curated", "images": counts, "masks": {}}
        texts[STAND_IN_NOTE] = json.dumps(note, indent=1) + "\n"
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    if is_corpus_whole(target, images, digests):
        return digests
    folder = output / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    for inner in {"", *images["filename"].str.rpartition("/")[0]}:
        (folder / inner).mkdir(parents=True, exist_ok=True)
    for uid, name in zip(images["uid"], images["filename"], strict=True):
        _link(pictures / f"{uid}.png", folder / name)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
    target.parent.mkdir(parents=True, exist_ok=True)
    replaced = output / REPLACED
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    folder.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)
    return digests


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # No hard links here, or too many of one file: the same bytes, copied.
        shutil.copyfile(source, target)


def corpus_card(
    images: pd.DataFrame, plan: CurationPlan, archive: Archive, counts_by_step: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the card of a corpus.

    `counts_by_step` are "normal studies", "excluded" images, how many images had "several"
    findings, and the "rare" classes with too few patients for the split.
    """
    kinds = images["kind"].value_counts()
    classes = ("label", "nunique")
    parts = {part: ("part", lambda values, part=part: (values == part).sum()) for part in PARTS}
    outlined = parts | {"regions of interest": ("roi", lambda outlines: (outlines != "").sum())}
    (totals,) = _counted(images.assign(all=""), "all", classes=classes)
    sizes = dict.fromkeys(PARTS, dict.fromkeys(("images", "patients", "studies"), 0))
    sizes |= {row.pop("part"): row for row in _counted(images, "part")}
    profile = {f"DCM {code}": meaning for code, meaning in deidentify.METHOD_CODES.items()}
    made = _TEXTS["de-identification"].items()
    stated = deidentify.WINDOWS | {"not_looked_for": burned_in.NOT_LOOKED_FOR}
    return {
        "title": _TEXTS["title"],
        "provenance": archive.provenance,
        "notice": _TEXTS["notice"][archive.provenance],
        "licence": _TEXTS["licence"][archive.provenance],
        "cite": _TEXTS["cite"],
        "digest": content_digest(images),
        "totals": {name: n for name, n in totals.items() if name != "all"},
        "modalities": _counted(images, "modality", classes=classes),
        "regions": _counted(images, "modality", "region", classes=classes),
        "classes": _counted(images, "label", "modality", "region", "name", **outlined),
        "parts": sizes,
        "split": {
            "unit": "patient",
            "shares": dict(zip(PARTS, SHARES, strict=True)),
            "seed": plan.seed,
            "smallest class": f"{FEWEST_PATIENTS} patients",
            "classes left out": counts_by_step["rare"],
        },
        "selection": {
            "archive": index.archive_counts(archive),
            "normal studies": counts_by_step["normal studies"],
            "key images": int(kinds.get("key", 0)),
            "images of normal studies": int(kinds.get("normal", 0)),
            "images with several findings, kept under the rarest": counts_by_step["several"],
        },
        "excluded": counts_by_step["excluded"],
        "de-identification": {"profile": profile}
        | {about: text.format(**stated) for about, text in made},
        "must not be used for": _TEXTS["must not be used for"],
        "versions": {"rin": __version__} | {name: version(name) for name in export.LIBRARIES},
    }


def _counted(images: pd.DataFrame, *by: str, **more: tuple) -> list[dict[str, Any]]:
    """Return a row a group: its names, what it counts, and more of it."""
    counts = {"images": ("uid", "size"), "patients": ("patient_id", "nunique")}
    counts |= {"studies": ("study_id", "nunique")}
    return images.groupby([*by]).agg(**counts | more).reset_index().to_dict("records")


def croissant_text(card: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Return the Croissant metadata of a corpus as JSON-LD, from its card and its CSV tables."""
    stated = ", ".join(f"{counts['images']} {part}" for part, counts in card["parts"].items())
    metadata = read_yaml(Path(__file__).with_name("croissant.yaml"))
    metadata |= {
        "description": metadata["description"].format(card=card, stated=stated),
        "citeAs": card["cite"],
        "license": card["licence"],
        "version": f"1.0.0+{card['digest'][:12]}",
    }
    for entry in metadata["distribution"]:
        if "sha256" in entry:
            entry["sha256"] = hashlib.sha256(texts[entry["name"]].encode()).hexdigest()
    return json.dumps(metadata, indent=1) + "\n"

"""The curated corpus on disk, in RadImageNet's own layout, with its card and Croissant metadata.

Pictures are numbered within their region in the order of their pseudonymous UIDs, which a key
made, so neither the number nor the order tells which belong to one patient or day.  The folder
is put together under another name and renamed when whole; pictures are linked, not copied,
where the file system can.  The card is plain data, equal for equal corpora: no clock, no name of
a machine, and no identifier of the archive.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from rin import __version__
from rin.curation.deidentify import LUNG_WINDOW, METHOD_CODES, SOFT_TISSUE_WINDOW
from rin.curation.export import LIBRARIES
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.layouts.table import RADIMAGENET_TABLES
from rin.data.splits import PARTS, SHARES, divide
from rin.data.tree import walk
from rin.errors import InputError
from rin.files import read_yaml, sha256_of

FOLDER = "radimagenet_curated"
PICTURES = "radiology_ai"
PATIENTS = "patients.csv"
CARD, CROISSANT = "dataset_card.json", "croissant.json"
UNFINISHED, REPLACED = ".unfinished", ".replaced"
#: A class needs a patient to train on, one to validate with and one to test on.
FEWEST_PATIENTS = 3
COLUMNS = (
    *("filename", "label", "modality", "region", "name", "patient_id", "study_id", "roi"),
    *("width", "height", "burned_in_risk", "kind", "part"),
)
_TEXTS = read_yaml(Path(__file__).with_name("card.yaml"))


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
    return _sha256(images[[*COLUMNS, "png_sha256"]].to_csv(index=False, lineterminator="\n"))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def is_whole(folder: Path, images: pd.DataFrame, texts: Mapping[str, str]) -> bool:
    """Tell whether a folder holds these pictures (by size), these texts (by SHA-256), no more."""
    names = walk(folder) if folder.is_dir() else ()
    sizes = {name: (folder / name).stat().st_size for name in names}
    pictures = dict(zip(images["filename"], images["png_bytes"], strict=True))
    if sizes.keys() != {*pictures, *texts}:
        return False
    found = {name: sha256_of(folder / name) for name in texts}
    return found == dict(texts) and pictures.items() <= sizes.items()


def write_corpus(
    output: Path, pictures: Path, images: pd.DataFrame, card: Mapping[str, Any], target: Path
) -> dict[str, str]:
    """Write the folder that may leave the house, unless this very one is there.

    It is put together in `output`, on the file system of `target`, from `pictures`, the folder of
    `<uid>.png`; returned is the SHA-256 of each of its texts, by file name.
    """
    texts = tables(images)
    texts |= {CROISSANT: croissant_text(card, texts), CARD: json.dumps(card, indent=1) + "\n"}
    if card["provenance"] == "stand-in":
        counts = images["label"].value_counts().sort_index().to_dict()
        note = {"stand_in": "outpatient archive, curated", "images": counts, "masks": {}}
        texts[STAND_IN_NOTE] = json.dumps(note, indent=1) + "\n"
    digests = {name: _sha256(text) for name, text in texts.items()}
    if is_whole(target, images, digests):
        return digests
    folder = output / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    for inner in {"", *images["filename"].str.rpartition("/")[0]}:
        (folder / inner).mkdir(parents=True, exist_ok=True)
    for uid, name in zip(images["uid"], images["filename"], strict=True):
        _link(pictures / f"{uid}.png", folder / name)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
    check_croissant(folder / CROISSANT)
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
    images: pd.DataFrame,
    *,
    excluded: list[dict[str, Any]],
    normal: dict[str, Any],
    several_findings: int,
    provenance: str,
    archive: dict[str, int],
    rare: list[str],
    seed: int,
) -> dict[str, Any]:
    """Return the card of a corpus.

    `excluded`, `normal` and `several_findings` tell how :mod:`rin.curation.build` chose the images,
    `archive` what was there, and `rare` which classes had too few patients for the split.
    """
    kinds = images["kind"].value_counts()
    classes = ("label", "nunique")
    parts = {part: ("part", lambda own, part=part: (own == part).sum()) for part in PARTS}
    outlined = parts | {"regions of interest": ("roi", lambda own: (own != "").sum())}
    (totals,) = _counted(images.assign(all=""), "all", classes=classes)
    sizes = dict.fromkeys(PARTS, dict.fromkeys(("images", "patients", "studies"), 0))
    sizes |= {row.pop("part"): row for row in _counted(images, "part")}
    return {
        "title": _TEXTS["title"],
        "provenance": provenance,
        "notice": _TEXTS["notice"][provenance],
        "licence": _TEXTS["licence"][provenance],
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
            "seed": seed,
            "smallest class": f"{FEWEST_PATIENTS} patients",
            "classes left out": rare,
        },
        "selection": {
            "archive": archive,
            "normal studies": {"how": _TEXTS["normal studies"]} | normal,
            "key images": int(kinds.get("key", 0)),
            "images of normal studies": int(kinds.get("normal", 0)),
            "images with several findings, kept under the rarest": several_findings,
        },
        "excluded": excluded,
        "de-identification": {
            "profile": {f"DCM {code}": meaning for code, meaning in METHOD_CODES.items()},
            **{
                about: text.format(lung=LUNG_WINDOW, soft=SOFT_TISSUE_WINDOW)
                for about, text in _TEXTS["de-identification"].items()
            },
        },
        "must not be used for": _TEXTS["must not be used for"],
        "versions": {"rin": __version__} | {name: version(name) for name in LIBRARIES},
    }


def _counted(images: pd.DataFrame, *by: str, **more: tuple) -> list[dict[str, Any]]:
    """Return a row a group: its names, what it counts, and more of it."""
    counts = {"images": ("uid", "size"), "patients": ("patient_id", "nunique")}
    counts |= {"studies": ("study_id", "nunique")}
    return images.groupby([*by]).agg(**counts | more).reset_index().to_dict("records")


def check_croissant(path: Path) -> None:
    """Raise `InputError` unless the reference implementation reads a metadata file as valid."""
    import mlcroissant

    try:
        mlcroissant.Dataset(jsonld=str(path))
    except (mlcroissant.ValidationError, ValueError, KeyError) as error:
        raise InputError(
            f"it is no valid Croissant metadata ({error})",
            where=path,
            remedy="Report it with the names of the classes; what was shared before is kept.",
        ) from error


def croissant_text(card: Mapping[str, Any], texts: Mapping[str, str]) -> str:
    """Return the Croissant metadata of a corpus as JSON-LD, from its card and its CSV tables."""
    totals, parts = card["totals"], card["parts"]
    stated = ", ".join(f"{counts['images']} {part}" for part, counts in parts.items())
    metadata = read_yaml(Path(__file__).with_name("croissant.yaml"))
    metadata |= {
        "description": f"{card['title']}. Provenance: {card['provenance']}. {card['notice']} "
        f"{totals['images']} images of {totals['patients']} patients in {totals['classes']} "
        f"classes, divided by patient ({stated}). Labels are region and finding. "
        "dataset_card.json beside it tells how images were chosen and de-identified.",
        "citeAs": card["cite"],
        "license": card["licence"],
        "version": f"1.0.0+{card['digest'][:12]}",
    }
    for entry in metadata["distribution"]:
        if "sha256" in entry:
            entry["sha256"] = _sha256(texts[entry["name"]])
    return json.dumps(metadata, indent=1) + "\n"

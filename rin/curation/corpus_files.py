"""The curated corpus on disk, in RadImageNet's own layout: names, parts, tables, pictures.

Pictures are numbered within their region in the order of their pseudonymous UIDs, which a key
made, so neither the number nor the order tells which belong to one patient or day.  The folder
is put together under another name and renamed when whole; pictures are linked, not copied,
where the file system can.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.layouts.radimagenet import TABLES
from rin.data.splits import divide
from rin.errors import InputError

FOLDER = "radimagenet_curated"
PICTURES = "radiology_ai"
PATIENTS = "patients.csv"
CARD, CROISSANT = "dataset_card.json", "croissant.json"
UNFINISHED, REPLACED = ".unfinished", ".replaced"
#: A class needs a patient to train on, one to validate with and one to test on.
FEWEST_PATIENTS = 3
COLUMNS = (
    "filename", "label", "modality", "region", "name", "patient_id", "study_id", "roi", "width",
    "height", "burned_in_risk", "kind", "part",
)  # fmt: skip


def rare_classes(images: pd.DataFrame) -> pd.Series:
    """Return the patients of each class that has fewer than `FEWEST_PATIENTS`, by label."""
    patients = images.groupby("label")["patient_id"].nunique()
    return patients[patients < FEWEST_PATIENTS]


def arrange(images: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Number and divide images.

    Parameters
    ----------
    images
        `uid` (pseudonymous), `label`, `modality`, `region`, `name`, `patient_id` and whatever
        else is to be kept.
    seed
        Seed of the split 75/10/15 by patient.

    Returns
    -------
    pandas.DataFrame
        The images, by file name, with `filename` and `part` added.

    Raises
    ------
    InputError
        No images, one class only, or classes that share too few patients.
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
    for part, name in TABLES.items():
        rows = images.loc[images["part"] == part, ["filename", "label"]]
        texts[name] = rows.to_csv(index=False, lineterminator="\n")
    side = images[["filename", "patient_id", "study_id", "roi"]]
    return texts | {PATIENTS: side.to_csv(index=False, lineterminator="\n")}


def content_digest(images: pd.DataFrame) -> str:
    """Return a SHA-256 of what the tables say and what the pictures show."""
    columns = [*COLUMNS, "png_sha256"]
    text = images[columns].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode()).hexdigest()


def digests(texts: Mapping[str, str]) -> dict[str, str]:
    """Return the SHA-256 of each text."""
    return {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}


def is_whole(folder: Path, images: pd.DataFrame, texts: Mapping[str, str]) -> bool:
    """Tell whether a folder holds these pictures, these texts, and nothing else.

    Parameters
    ----------
    images
        `filename`, and the size `png_bytes` of each picture.
    texts
        SHA-256 of each text, by file name.
    """
    if not folder.is_dir():
        return False
    sizes = _sizes(folder)
    pictures = dict(zip(images["filename"], images["png_bytes"], strict=True))
    if sizes.keys() != {*pictures, *texts}:
        return False
    found = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in texts}
    return found == dict(texts) and all(sizes[name] == size for name, size in pictures.items())


def write_folder(
    output: Path, pictures: Path, images: pd.DataFrame, texts: Mapping[str, str]
) -> Path:
    """Put the corpus together in `output` under another name, and return that folder.

    Parameters
    ----------
    pictures
        Folder of the exported pictures, `<uid>.png` each.
    texts
        Content of the files beside the pictures, by name.
    """
    folder = output / UNFINISHED
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for inner in images["filename"].str.rpartition("/")[0].unique():
        (folder / inner).mkdir(parents=True)
    for uid, name in zip(images["uid"], images["filename"], strict=True):
        _link(pictures / f"{uid}.png", folder / name)
    for name, text in texts.items():
        (folder / name).write_text(text, "utf-8", newline="\n")
    return folder


def publish(folder: Path, target: Path) -> None:
    """Rename a finished folder to its place; what stood there goes."""
    target.parent.mkdir(parents=True, exist_ok=True)
    replaced = folder.with_name(REPLACED)
    shutil.rmtree(replaced, ignore_errors=True)
    if target.exists():
        target.rename(replaced)
    folder.rename(target)
    shutil.rmtree(replaced, ignore_errors=True)


def stand_in_note(images: pd.DataFrame) -> dict[str, str]:
    """Return the note that marks a stand-in, as file name and text."""
    counts = images["label"].value_counts().sort_index().to_dict()
    note = {"stand_in": "outpatient archive, curated", "images": counts, "masks": {}}
    return {STAND_IN_NOTE: json.dumps(note, indent=1) + "\n"}


def _sizes(folder: str | Path, inside: str = "") -> dict[str, int]:
    """Return the size of every file below a folder, by its name from there."""
    found = {}
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir():
                found |= _sizes(entry.path, f"{inside}{entry.name}/")
            else:
                found[inside + entry.name] = entry.stat().st_size
    return found


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError:
        # No hard links here, or too many of one file: the same bytes, copied.
        shutil.copyfile(source, target)

"""Tables of a curated corpus: Table E1 with images and patients, and the split by patient.

Numbers first (`label_rows`, `region_rows`, `part_rows`), which the figures draw, then the same as
text.  Public counts of the paper's database stand beside, the full set and its subset apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rin.curation.taxonomy import MODALITIES, REGIONS
from rin.errors import InputError
from rin.paper import SETTINGS
from rin.report.curation_tables import NORMAL, whole
from rin.report.format import MISSING

if TYPE_CHECKING:
    from IPython.display import Markdown

_PARTS = {"train": "Training", "validation": "Validation", "test": "Test"}


def label_rows(images: pd.DataFrame, taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Count the images and patients of every class of the taxonomy, as numbers.

    Parameters
    ----------
    images
        Of the corpus: `region`, `name`, `patient_id`, `kind`.
    taxonomy
        Table of `rin.curation.taxonomy.load_taxonomy`.

    Returns
    -------
    pandas.DataFrame
        One row a class, in the order of the taxonomy: `modality`, `region`, `label`, `images`,
        `normal` (those of normal studies), `patients` (0 where the class does not occur),
        `public` (Int64) and `kind`: the public count and of what.

    Raises
    ------
    InputError
        Images of a class that is not in the taxonomy.
    """
    found = images.assign(normal=images["kind"] == NORMAL).groupby(["region", "name"])
    found = found.agg(
        images=("kind", "size"), normal=("normal", "sum"), patients=("patient_id", "nunique")
    )
    places = pd.MultiIndex.from_frame(taxonomy[["region", "label"]])
    strange = found.index.difference(places)
    if len(strange):
        named = ", ".join("/".join(one) for one in strange[:5])
        raise InputError(
            f"classes that the taxonomy does not have: {named}",
            where="images of the corpus",
            remedy="Map them to one of its labels in the label map, and curate again.",
        )
    counts = found.reindex(places, fill_value=0)
    return pd.DataFrame(
        {
            "modality": taxonomy["modality"].to_numpy(),
            "region": taxonomy["region"].to_numpy(),
            "label": taxonomy["label"].to_numpy(),
            **{name: counts[name].to_numpy() for name in ("images", "normal", "patients")},
            "public": taxonomy["images"].array,
            "kind": taxonomy["kind"].to_numpy(),
        }
    )


def region_rows(images: pd.DataFrame, taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Count classes, images and patients of every region, as numbers.

    Returns
    -------
    pandas.DataFrame
        One row a region, in the order of the database: `modality`, `region`, `title`, `classes`
        (of the taxonomy), `occurring`, `images`, `patients`.
    """
    labels = label_rows(images, taxonomy).assign(classes=1)
    labels["occurring"] = (labels["images"] > 0).astype(int)
    sums = labels.groupby("region")[["classes", "occurring", "images"]].sum()
    patients = images.groupby("region")["patient_id"].nunique()
    rows = sums.reindex(list(REGIONS))
    rows["patients"] = patients.reindex(rows.index, fill_value=0)
    rows.insert(0, "title", [REGIONS[name].title for name in rows.index])
    rows.insert(0, "modality", [REGIONS[name].modality for name in rows.index])
    return rows.rename_axis("region").reset_index()


def corpus_region_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `region_rows` as text, with the images of the open subset beside."""
    subset = [REGIONS[name].subset_images for name in rows["region"]]
    table = {
        "Modality": rows["modality"].map(MODALITIES),
        "Region": rows["title"],
        "Classes, paper's map": rows["classes"].map(whole),
        "Classes here": rows["occurring"].map(whole),
        "Images here": rows["images"].map(whole),
        "Patients here": rows["patients"].map(whole),
        "Images, public subset": [whole(n) for n in subset],
    }
    return pd.DataFrame(table)


def corpus_label_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `label_rows` as text: a class a row, public counts in two columns, never added."""
    public = {kind: rows["public"].where(rows["kind"] == kind) for kind in ("full set", "subset")}
    there = rows["images"] > 0
    table = {
        "Modality": rows["modality"].map(MODALITIES),
        "Region": [REGIONS[name].title for name in rows["region"]],
        "Class": rows["label"],
        "Images here": rows["images"].where(there).map(whole),
        "Patients here": rows["patients"].where(there).map(whole),
        "Full set, public": public["full set"].map(whole),
        "Subset, public": public["subset"].map(whole),
    }
    return pd.DataFrame(table)


def part_rows(images: pd.DataFrame) -> pd.DataFrame:
    """Count images, patients and classes of each part of the split, as numbers, indexed by part."""
    parts = images.groupby("part")
    table = pd.DataFrame(
        {
            "images": parts.size(),
            "patients": parts["patient_id"].nunique(),
            "classes": parts["label"].nunique(),
        }
    )
    return table.reindex(list(_PARTS), fill_value=0)


def part_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `part_rows` as text, with shares beside those that the paper states."""
    stated = dict(zip(rows.index, SETTINGS["pretraining_split_percent"].value, strict=True))
    table = {
        "Paper, %": [f"{stated[part]}" for part in rows.index],
        "Patients": rows["patients"].map(whole),
        "Patients, %": _percents(rows["patients"]),
        "Images": rows["images"].map(whole),
        "Images, %": _percents(rows["images"]),
        "Classes": rows["classes"].map(whole),
    }
    return pd.DataFrame(table).rename(index=_PARTS).rename_axis("Part")


def part_reading(images: pd.DataFrame) -> Markdown:
    """Return the sentence that says whether the parts share patients and lack classes."""
    from IPython.display import Markdown

    rows = part_rows(images)
    parts = images.groupby("patient_id")["part"].nunique()
    shared, classes = int((parts > 1).sum()), images["label"].nunique()
    lacking = [_PARTS[part].lower() for part in rows.index if rows.loc[part, "classes"] < classes]
    told = f"all {classes} classes occur in every part"
    if lacking:
        told = f"of {classes} classes, some are missing in {' and '.join(lacking)}"
    return Markdown(
        f"Patients in more than one part: {whole(shared)}; {told}. Patients, not images, are "
        "divided, and some have many images, so the shares of images differ from those of patients."
    )


def label_reading(rows: pd.DataFrame) -> Markdown:
    """Return the sentence that reads `label_rows`: how many classes occur, and how unequal."""
    from IPython.display import Markdown

    there = rows[rows["images"] > 0].sort_values("images", kind="stable")
    if there.empty:
        return Markdown("The corpus holds no image.")
    least, most = there.iloc[0], there.iloc[-1]
    return Markdown(
        f"{len(there)} of {len(rows)} labels occur here, with {least['images']:,} "
        f"({_named(least)}) to {most['images']:,} images ({_named(most)}); "
        f"{_share_of(there['normal'].sum(), there['images'].sum())} of the images are of normal "
        "studies; in ultrasound these are classes named after organs. Public counts are "
        "of the full set for a few classes and of a subset for others; they are lower bounds of "
        "different things, and are never added."
    )


def _named(row: pd.Series) -> str:
    return f"{REGIONS[row['region']].title.lower()}, {row['label']}"


def _percents(counts: pd.Series) -> list[str]:
    return [_share_of(count, counts.sum()).removesuffix(" %") for count in counts]


def _share_of(part: int, total: int) -> str:
    return f"{100 * part / total:.1f} %" if total else MISSING

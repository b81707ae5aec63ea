"""The classes of the RadImageNet database: modality, anatomic region, label.

``data_manifests/radimagenet_labels.csv`` holds all 165 labels as they are spelled in the
database.  The paper lists them in its supplement (Table E1) only; the names here are those of
the class map printed in ``test_model.ipynb`` of github.com/MedAI-Clemson/radimagenet (commit
c0b4540).  Image counts per class are mostly not public.  Two kinds exist and are never added:
counts of the *full set*, and counts of a *subset* (Hugging Face ``raidium/RadImageNet-VQA``,
arXiv 2512.17396, training and validation part), which are lower bounds.
"""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from rin.data.manifest import manifest_folder
from rin.errors import InputError
from rin.paper import DATABASE

FILE = "radimagenet_labels.csv"
COLUMNS = ("modality", "region", "label", "images", "kind", "source")
KINDS = ("full set", "subset", "none")
#: Modality as the file writes it, to the paper's name.
MODALITIES = {"CT": "CT", "MR": "MRI", "US": "US"}


@dataclass(frozen=True)
class Region:
    """An anatomic region of one modality.

    Attributes
    ----------
    name
        Folder name in the database.
    modality
        Key of `MODALITIES`.
    title
        Region in words.
    subset_images
        Images of the region in the open subset, labels shared by regions included; None where
        no count is public.
    """

    name: str
    modality: str
    title: str
    subset_images: int | None = None


REGIONS: dict[str, Region] = {
    region.name: region
    for region in (
        Region("abd", "CT", "Abdomen and pelvis"),
        Region("lung", "CT", "Chest"),
        Region("mriabd", "MR", "Abdomen and pelvis", 82_563),
        Region("af", "MR", "Ankle and foot", 162_517),
        Region("brain", "MR", "Brain", 40_001),
        Region("hip", "MR", "Hip", 46_477),
        Region("knee", "MR", "Knee", 161_744),
        Region("shoulder", "MR", "Shoulder", 47_206),
        Region("spine", "MR", "Spine", 64_267),
        Region("usabd", "US", "Abdomen and pelvis"),
        Region("usthyroid", "US", "Thyroid"),
    )
}

_TEXT = pa.Column(str, pa.Check.str_matches(r"^\S(.*\S)?$"))
_SCHEMA = pa.DataFrameSchema(
    {
        "modality": pa.Column(str, pa.Check.isin(list(MODALITIES))),
        "region": pa.Column(str, pa.Check.isin(list(REGIONS))),
        "label": _TEXT,
        "images": pa.Column(str, pa.Check.str_matches(r"^([1-9]\d{0,8})?$")),
        "kind": pa.Column(str, pa.Check.isin(KINDS)),
        "source": _TEXT,
    },
    checks=[
        pa.Check(
            lambda rows: rows["modality"] == rows["region"].map(_modality_of),
            name="region of the modality",
        ),
        pa.Check(
            lambda rows: (rows["kind"] == "none") == (rows["images"] == ""),
            name="kind 'none' without a count, another kind with one",
        ),
    ],
    unique=["region", "label"],
    strict=True,
    ordered=True,
)


def load_taxonomy(path: Path | None = None) -> pd.DataFrame:
    """Read and check the classes of the database.

    Parameters
    ----------
    path
        CSV file in UTF-8, with or without byte-order mark; by default the one among the
        manifests.

    Returns
    -------
    pandas.DataFrame
        One row a class, in the order of the file: `modality`, `region`, `label` (text),
        `images` (Int64, missing where no count is public), `kind` ("full set", "subset",
        "none"), `source`.

    Raises
    ------
    InputError
        A file that is missing or no CSV, an unknown modality, region or kind, a region of
        another modality, a repeated class, a count without its kind, or numbers of labels,
        regions and modalities other than those of the paper.
    """
    path = Path(path or manifest_folder() / FILE)
    rows = pd.DataFrame(_read_rows(path), columns=list(COLUMNS), dtype=str)
    try:
        checked = _SCHEMA.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise InputError(
            f"lines that are not valid:\n{_complaints(rows, error.failure_cases)}",
            where=path,
            remedy="Known modalities, regions and kinds stand in rin.curation.taxonomy.",
        ) from error
    taxonomy = checked.assign(images=pd.to_numeric(checked["images"]).astype("Int64"))
    _check_totals(taxonomy, path)
    return taxonomy


def region_counts(taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Count the classes of each region.

    Parameters
    ----------
    taxonomy
        Table of `load_taxonomy`.

    Returns
    -------
    pandas.DataFrame
        One row a region, in the order of `REGIONS`: `modality`, `region`, `title`, `classes`,
        and, per kind of count, how many classes have one: `full_set`, `subset`, `none`.
    """
    kinds = pd.crosstab(taxonomy["region"], taxonomy["kind"]).reindex(
        index=list(REGIONS), columns=list(KINDS), fill_value=0
    )
    counts = kinds.rename(columns={"full set": "full_set"}).reset_index()
    regions = [REGIONS[name] for name in counts["region"]]
    counts.insert(0, "modality", [region.modality for region in regions])
    counts.insert(2, "title", [region.title for region in regions])
    counts.insert(3, "classes", kinds.sum(axis=1).to_numpy())
    counts.columns.name = None
    return counts


def totals(taxonomy: pd.DataFrame) -> dict[str, int]:
    """Return the numbers of labels, regions and modalities, named as in `rin.paper.DATABASE`."""
    return {
        "labels": len(taxonomy),
        "regions": taxonomy["region"].nunique(),
        "modalities": taxonomy["modality"].nunique(),
    }


def _modality_of(region: str) -> str | None:
    return REGIONS[region].modality if region in REGIONS else None


def _read_rows(path: Path) -> list[list[str]]:
    """Return the rows below the header, each as long as the header."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except OSError as error:
        raise InputError(
            f"cannot be read ({error.strerror})", where=path, remedy="Name a CSV file of classes."
        ) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"not a CSV file in UTF-8 ({error})", where=path, remedy="Save it as CSV in UTF-8."
        ) from error
    if tuple(header) != COLUMNS:
        raise InputError(
            f"the columns are {', '.join(header) or 'missing'}",
            where=path,
            remedy=f"The first line must read {','.join(COLUMNS)}.",
        )
    for line, row in enumerate(rows, start=2):
        if len(row) != len(COLUMNS):
            raise InputError(
                f"line {line} has {len(row)} of {len(COLUMNS)} fields",
                where=path,
                remedy="Give every class one line; quote fields that hold commas.",
            )
    return rows


def _complaints(rows: pd.DataFrame, failed: pd.DataFrame) -> str:
    """Return what is wrong, a line of the file each; ten at most."""
    found = {}
    for place, check in zip(failed["index"], failed["check"], strict=True):
        found.setdefault(int(place), []).append(str(check))
    shown = []
    for place in sorted(found)[:10]:
        line = ",".join(rows.iloc[place])
        shown.append(f"  line {place + 2}, {line}: {'; '.join(dict.fromkeys(found[place]))}")
    return "\n".join([*shown, *(["  and more"] if len(found) > 10 else [])])


def _check_totals(taxonomy: pd.DataFrame, path: Path) -> None:
    """Hold the numbers of labels, regions and modalities against the paper's."""
    stated = {name: DATABASE[name].value for name in ("labels", "regions", "modalities")}
    for name, found in totals(taxonomy).items():
        expected = stated[name] if isinstance(stated[name], int) else len(stated[name])
        if found != expected:
            raise InputError(
                f"{found} {name}, where the paper states {expected}",
                where=path,
                remedy=f"Compare it with data_manifests/{FILE} of the repository.",
            )

"""The classes of the RadImageNet database: modality, anatomic region, label; and body parts.

``data_manifests/radimagenet_labels.csv`` holds all 165 labels as they are spelled in the
database.  The paper lists them in its supplement (Table E1) only; the names here are those of
the class map printed in ``test_model.ipynb`` of github.com/MedAI-Clemson/radimagenet (commit
c0b4540).  Image counts per class are mostly not public.  Two kinds exist and are never added:
counts of the *full set*, and counts of a *subset* (Hugging Face ``raidium/RadImageNet-VQA``,
arXiv 2512.17396, training and validation part), which are lower bounds.  Regions, and the class
of a normal image by its body part, stand in ``taxonomy.yaml``.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from rin.data.manifest import manifest_folder
from rin.errors import InputError
from rin.paper import DATABASE
from rin.strict_yaml import read_yaml

FILE = "radimagenet_labels.csv"
COLUMNS = ("modality", "region", "label", "images", "kind", "source")
KINDS = ("full set", "subset", "none")
#: Modality as the file writes it, to the paper's name.
MODALITIES = {"CT": "CT", "MR": "MRI", "US": "US"}
_FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))


@dataclass(frozen=True)
class Region:
    """An anatomic region of one modality, with its images in the open subset, if known."""

    name: str
    modality: str
    title: str
    subset_images: int | None = None


REGIONS = {name: Region(name, **facts) for name, facts in _FACTS["regions"].items()}

#: Modality and body part to region and label of a normal image.
REGION_OF: dict[tuple[str, str], tuple[str, str]] = {
    (modality, part): tuple(name.split("/"))
    for modality, classes in _FACTS["normal_classes"].items()
    for name, parts in classes.items()
    for part in parts.split()
}
#: Body parts that a de-identified header may name.
BODY_PARTS = {part for _, part in REGION_OF} | {*_FACTS["other_body_parts"].split()}
_WORDS = {part: part for part in BODY_PARTS} | _FACTS["spoken"]
_ANY_WORD = re.compile(
    r"(?<![A-Z])(" + "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True)) + r")(?![A-Z])"
)

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
        CSV file; by default the one among the manifests.

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
    path = Path(path or taxonomy_file())
    rows = pd.DataFrame(read_rows(path, COLUMNS), columns=list(COLUMNS), dtype=str)
    try:
        checked = _SCHEMA.validate(rows, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise InputError(
            listed("lines that are not valid", _complaints(rows, error.failure_cases)),
            where=path,
            remedy="Known modalities, regions and kinds stand in rin.curation.taxonomy.",
        ) from error
    taxonomy = checked.assign(images=pd.to_numeric(checked["images"]).astype("Int64"))
    counted = {
        "labels": len(taxonomy),
        "regions": taxonomy["region"].nunique(),
        "modalities": taxonomy["modality"].nunique(),
    }
    for name, found in counted.items():
        stated = DATABASE[name].value
        expected = stated if isinstance(stated, int) else len(stated)
        if found != expected:
            raise InputError(
                f"{found} {name}, where the paper states {expected}",
                where=path,
                remedy=f"Compare it with data_manifests/{FILE} of the repository.",
            )
    return taxonomy


def taxonomy_file() -> Path:
    """Return the table of the database's classes."""
    return manifest_folder() / FILE


def region_counts(taxonomy: pd.DataFrame) -> pd.DataFrame:
    """Count the classes of each region.

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


def region_of(modality: str, body_part: str, description: str = "") -> tuple[str, str] | None:
    """Return region and label of a normal image, or None where the table does not say.

    Parameters
    ----------
    body_part
        Body Part Examined; blanks, hyphens, underscores and case do not count.
    description
        Read only where `body_part` is empty; it must name body parts of a single class.
    """
    part = re.sub(r"[\s_-]", "", body_part).upper()
    if part:
        return REGION_OF.get((modality, part))
    parts = {_WORDS[word] for word in _ANY_WORD.findall(description.upper())}
    found = {REGION_OF.get((modality, part)) for part in parts}
    return found.pop() if len(found) == 1 else None


def read_rows(path: Path, columns: Sequence[str]) -> list[list[str]]:
    """Return the rows of a CSV file in UTF-8 (a byte-order mark does not matter).

    Raises
    ------
    InputError
        No such file, no CSV, other columns, or a row of another length.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"it cannot be read as CSV in UTF-8 ({error})",
            where=path,
            remedy=f"Save it as CSV in UTF-8, with the columns {','.join(columns)}.",
        ) from error
    if [name.strip() for name in header] != list(columns):
        raise InputError(
            f"the columns are {', '.join(header) or 'missing'}",
            where=path,
            remedy=f"The first line must read {','.join(columns)}.",
        )
    for line, row in enumerate(rows, start=2):
        if row and len(row) != len(columns):
            raise InputError(
                f"line {line} has {len(row)} of {len(columns)} fields",
                where=path,
                remedy="Give every line all fields; quote those that hold commas.",
            )
    return [row for row in rows if row]


def listed(problem: str, lines: list[str]) -> str:
    """Return a problem with its lines below, ten at most."""
    more = ["  and more"] if len(lines) > 10 else []
    return "\n".join([f"{problem}:", *(f"  {line}" for line in lines[:10]), *more])


def _modality_of(region: str) -> str | None:
    return REGIONS[region].modality if region in REGIONS else None


def _complaints(rows: pd.DataFrame, failed: pd.DataFrame) -> list[str]:
    """Return what is wrong, a line of the file each."""
    found: dict[int, list[str]] = {}
    for place, check in zip(failed["index"], failed["check"], strict=True):
        found.setdefault(int(place), []).append(str(check))
    return [
        f"line {place + 2}, {','.join(rows.iloc[place])}: {'; '.join(dict.fromkeys(checks))}"
        for place, checks in sorted(found.items())
    ]

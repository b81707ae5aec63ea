"""The classes of the RadImageNet database: modality, anatomic region, label; and body parts.

``data_manifests/radimagenet_labels.csv`` has all 165 labels as the database spells them, from the
class map printed in ``test_model.ipynb`` of github.com/MedAI-Clemson/radimagenet (commit c0b4540).
Image counts are of the *full set*, or of a *subset* (Hugging Face ``raidium/RadImageNet-VQA``,
arXiv 2512.17396, training and validation part), which are lower bounds; the two are never added.
"""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pandas as pd

from rin.files import manifest_folder, read_facts

_FACTS = read_facts(__file__)


@dataclass(frozen=True)
class Region:
    """An anatomic region of one modality."""

    name: str
    modality: str
    title: str


REGIONS = {name: Region(name, **facts) for name, facts in _FACTS["regions"].items()}

#: Region and label of a normal image, by modality and body part.
REGION_OF = {
    (modality, part): tuple(name.split("/"))
    for modality, classes in _FACTS["normal_classes"].items()
    for name, parts in classes.items()
    for part in parts.split()
}
#: Body parts that a de-identified header may name.
BODY_PARTS = {part for _, part in REGION_OF} | {*_FACTS["other_body_parts"].split()}
_WORDS = {part: part for part in BODY_PARTS} | _FACTS["spoken"]
_LONGEST_FIRST = "|".join(sorted(map(re.escape, _WORDS), key=len, reverse=True))
_ANY_WORD = re.compile(rf"(?<![A-Z])({_LONGEST_FIRST})(?![A-Z])")


def load_taxonomy() -> pd.DataFrame:
    """Read the classes of the database; `kind` says of what set `images` counts them."""
    counts = {"dtype": {"images": "Int64"}, "na_values": {"images": ""}}
    return pd.read_csv(taxonomy_file(), keep_default_na=False, **counts)


def taxonomy_file() -> Path:
    """Return the table of the database's classes."""
    return manifest_folder() / "radimagenet_labels.csv"


@cache
def region_of(modality: str, body_part: str, description: str = "") -> tuple[str, str] | None:
    """Return region and label of a normal image, or None if the table does not have any.

    Blanks, hyphens, underscores and case of `body_part` (Body Part Examined) are ignored; if it is
    empty, `description` must name body parts of a single class.
    """
    part = re.sub(r"[\s_-]", "", body_part).upper()
    if part:
        return REGION_OF.get((modality, part))
    parts = {_WORDS[word] for word in _ANY_WORD.findall(description.upper())}
    regions = {REGION_OF.get((modality, part)) for part in parts}
    return regions.pop() if len(regions) == 1 else None

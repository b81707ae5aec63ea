"""The classes of the RadImageNet database: modality, anatomic region, label; and body parts.

``data_manifests/radimagenet_labels.csv`` has all 165 labels as the database spells them, from the
class map printed in ``test_model.ipynb`` of github.com/MedAI-Clemson/radimagenet (commit c0b4540).
Image counts are of the *full set*, or of a *subset* (Hugging Face ``raidium/RadImageNet-VQA``,
arXiv 2512.17396, training and validation part), which are lower bounds; the two are never added.
"""

from pathlib import Path

import pandas as pd

from rin.files import manifest_folder, read_facts

_FACTS = read_facts(__file__)


#: `modality` and `title` of each anatomic region.
REGIONS = _FACTS["regions"]
#: Region and label of a normal image, by modality and body part.
REGION_OF = {
    (modality, part): tuple(name.split("/"))
    for modality, classes in _FACTS["normal_classes"].items()
    for name, parts in classes.items()
    for part in parts.split()
}
#: Body parts that a de-identified header may name.
BODY_PARTS = {part for _, part in REGION_OF} | {*_FACTS["other_body_parts"].split()}


def load_taxonomy() -> pd.DataFrame:
    """Read the classes of the database; `kind` says of what set `images` counts them."""
    return pd.read_csv(
        taxonomy_file(),
        keep_default_na=False,
        dtype={"images": "Int64"},
        na_values={"images": ""},
    )


def taxonomy_file() -> Path:
    """Return the table of the database's classes."""
    return manifest_folder() / "radimagenet_labels.csv"

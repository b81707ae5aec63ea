"""Why images of an archive are not in its corpus, in words, and how many they are."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from rin.curation.corpus_files import FEWEST_PATIENTS
from rin.curation.exclusions import RULES
from rin.curation.selection import NO_CLASS, NOT_MARKED, NOT_NORMAL

COLUMNS = ["rule", "images", "kept_out_because"]
AT_RISK = "burned-in text"
RARE = "rare class"
OWN = {
    NOT_MARKED: "A reader marked other images of this study.",
    NOT_NORMAL: "No image of the study is marked, and it is not confirmed as normal.",
    NO_CLASS: "The study is normal, and the taxonomy has no class for its body part.",
    AT_RISK: "The pixels may show a name",
    RARE: f"The class has fewer than {FEWEST_PATIENTS} patients, too few to be divided.",
}


def excluded_table(
    left_out: Mapping[str, int], risks: pd.Series, *, rare_images: int
) -> pd.DataFrame:
    """Return the images that a corpus lacks, one row a reason.

    Parameters
    ----------
    left_out
        Images by rule, of those that were never selected.
    risks
        For each image that was left out because text may be burned in, what suggests it.
    rare_images
        Images of classes with too few patients.

    Returns
    -------
    pandas.DataFrame
        `rule`, `images` (how many), `kept_out_because`; most images first.
    """
    told = {**RULES, **OWN}
    rows = [(rule, images, told[rule]) for rule, images in left_out.items()]
    for reason, images in risks.value_counts().items():
        rows.append((AT_RISK, images, f"{OWN[AT_RISK]}: {reason}."))
    if rare_images:
        rows.append((RARE, rare_images, OWN[RARE]))
    table = pd.DataFrame(rows, columns=COLUMNS).astype({"images": int})
    order = table.sort_values(["images", "rule"], ascending=[False, True], kind="stable")
    return order.reset_index(drop=True)

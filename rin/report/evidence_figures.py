"""Figures of the pages on published evidence and of the page on the study, one function each.

Each function takes tables and returns a `rin.report.page.Picture`; labels, order and alternative
texts are here, and no statistics.
"""

import numpy as np
import pandas as pd
import seaborn as sns

from rin.curation.taxonomy import MODALITIES, REGIONS
from rin.report.lines import panel_titles
from rin.report.page import Picture, picture
from rin.report.style import KIND_STYLE
from rin.report.widths import NARROW, two_widths


def regions_bars(taxonomy: pd.DataFrame) -> Picture:
    """Draw the number of classes of each region, and of its images in the open subset."""
    regions = pd.DataFrame([vars(region) for region in REGIONS.values()])
    regions["Region"] = region_names(regions["name"])
    regions["Classes"] = regions["name"].map(taxonomy.groupby("region").size())
    regions["Images, open subset"] = regions["subset_images"]
    rows = regions.melt("Region", ["Classes", "Images, open subset"]).dropna()
    alt = "Classes of each region, and images of seven regions of MRI"
    return picture(_bars(rows), alt)


@two_widths
def _bars(rows: pd.DataFrame, *, narrow: bool = False) -> np.ndarray:
    size = {"height": 3.8, "aspect": 0.9}
    if narrow:
        size = {"height": 2.6, "aspect": NARROW / 2.6, "col_wrap": 1}
    grid = sns.catplot(
        rows, kind="bar", x="value", y="Region", col="variable", sharex=False,
        color=KIND_STYLE["published"].color, **size,
    )  # fmt: skip
    for ax in grid.axes.flat:
        ax.bar_label(ax.containers[0], fmt="{:,.0f}", padding=3, fontsize=8 if narrow else 9)
        ax.set(xlabel="", xticks=[])
        ax.margins(x=0.6 if narrow else 0.2)
    grid.set_axis_labels("", "")
    return panel_titles(grid, narrow)


def region_names(regions: pd.Series) -> pd.Series:
    """Return readable names of regions of the database: ``MRI, ankle and foot``."""
    names = {
        name: f"{MODALITIES[region.modality]}, {region.title.lower()}"
        for name, region in REGIONS.items()
    }
    return regions.map(names)

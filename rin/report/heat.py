"""Heat maps of differences: one number a cell, in the colour of the higher side."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rin.report.format import UNITS, format_number
from rin.report.style import INK, init_style


def heat(
    differences: pd.DataFrame,
    inits: Sequence[str] = (),
    *,
    clear: pd.DataFrame | None = None,
) -> Axes:
    """Draw a table of differences of AUCs with its index at the left and its columns below.

    Fractions are shown as points (0-100).  Colours, those of two `inits` (a, b) for differences
    a − b, are full from ±0.15 on; `clear` is True where a cell gets a star.
    """
    factor, digits = UNITS["points"]
    differences = differences.astype(float)
    shown = factor * differences
    colors = [init_style(init).color for init in inits[::-1]] or ["#B5762A", "#7B5AA6"]
    texts = shown.map(lambda value: format_number(value, digits, signed=True))
    texts = texts.where(shown.notna(), "")
    if clear is not None:
        texts = texts.where(clear.reindex_like(shown).ne(True), texts + "*")
    _, ax = plt.subplots(figsize=(8, 0.7 + 0.42 * len(shown)))
    cmap = sns.blend_palette([colors[0], "#F7F7F7", colors[-1]], as_cmap=True)
    sns.heatmap(
        differences, annot=texts, fmt="", vmin=-0.15, vmax=0.15, cmap=cmap,
        cbar=False, linewidths=1, ax=ax, annot_kws={"size": 10, "color": INK},
    )  # fmt: skip
    labels = [fill(str(name), 11, break_long_words=False) for name in shown.columns]
    ax.set_xticks(ax.get_xticks(), labels, rotation=0)
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9)  # eleven letters fit a column
    return ax

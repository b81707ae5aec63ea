"""Heat maps of differences: one number a cell, in the colour of the higher side."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rin.report.format import format_number
from rin.report.style import init_style


def heat(
    points: pd.DataFrame,
    inits: Sequence[str] = (),
    *,
    clear: pd.DataFrame | None = None,
    limit: float = 20,
) -> Axes:
    """Draw a table of differences (AUC points) with its index at the left and its columns below.

    Cells are coloured from −`limit` to `limit`: in the colours of two `inits` (a, b) for
    differences a − b, else in purple and brown.  `clear`, of the same shape, is True where a cell
    gets a star; cells without a number stay empty.
    """
    colors = [init_style(init).color for init in inits[::-1]] or ["#B5762A", "#7B5AA6"]
    texts = points.map(lambda value: format_number(value, 1, signed=True))
    texts = texts.where(points.notna(), "")
    if clear is not None:
        marked = clear.reindex(index=points.index, columns=points.columns).eq(True)
        texts = texts + marked.map(lambda star: "*" if star else "")
    _, ax = plt.subplots(figsize=(8, 0.7 + 0.42 * len(points)))
    cmap = sns.blend_palette([colors[0], "#F7F7F7", colors[-1]], as_cmap=True)
    look = {"size": 10, "color": "#222222"}
    sns.heatmap(
        points.astype(float), annot=texts, fmt="", vmin=-limit, vmax=limit, cmap=cmap, cbar=False,
        linewidths=1, ax=ax, annot_kws=look,
    )  # fmt: skip
    labels = [fill(str(name), 11, break_long_words=False) for name in points.columns]
    ax.set_xticks(ax.get_xticks(), labels, rotation=0)
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)
    ax.tick_params(axis="x", labelsize=9)  # eleven letters fit a column
    return ax

"""Heat maps of differences: one number per cell, in the colour of the higher side."""

from collections.abc import Sequence
from textwrap import fill

import matplotlib.pyplot as plt
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rin.report.format import UNITS, format_number
from rin.report.style import INK, init_style
from rin.report.widths import NARROW, two_widths


@two_widths
def heat(
    differences: pd.DataFrame,
    inits: Sequence[str] = (),
    *,
    clear: pd.DataFrame | None = None,
    narrow: bool = False,
) -> Axes:
    """Draw a table of differences of AUCs with its index at the left and its columns below.

    Fractions are shown as points (0-100).  Colours, those of two `inits` (a, b) for differences a
    − b, are full from ±0.15; `clear` is True for cells with a star.  In a `narrow` figure, the
    name of a row is above its cells, which take the whole width.
    """
    factor, digits = UNITS["points"]
    differences = differences.astype(float)
    shown = factor * differences
    colors = [init_style(init).color for init in inits[::-1]] or ["#B5762A", "#7B5AA6"]
    texts = shown.map(lambda value: format_number(value, digits, signed=True))
    texts = texts.where(shown.notna(), "")
    if clear is not None:
        texts = texts.where(clear.reindex_like(shown).ne(True), texts + "*")
    if narrow:
        return _narrow_heat(differences, texts, colors)
    _, ax = plt.subplots(figsize=(8, 0.7 + 0.42 * len(shown)))
    _cells(ax, differences, texts, colors, size=10)
    labels, long = _heads(shown, 12)  # so many letters fit a column
    tilted = {"rotation": 25, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(ax.get_xticks(), labels, size=8.5, **tilted if long else {"rotation": 0})
    return ax


def _heads(table: pd.DataFrame, letters: int) -> tuple[list[str], bool]:
    """Return the names of columns in lines of so many letters, and whether a word is longer."""
    whole = {"break_long_words": False, "break_on_hyphens": False}
    labels = [fill(str(name), letters, **whole) for name in table.columns]
    longest = max((len(word) for label in labels for word in label.split()), default=0)
    return labels, longest > letters


def _cells(
    ax: Axes, values: pd.DataFrame, texts: pd.DataFrame, colors: Sequence[str], size: float
) -> None:
    cmap = sns.blend_palette([colors[0], "#F7F7F7", colors[-1]], as_cmap=True)
    sns.heatmap(
        values, annot=texts, fmt="", vmin=-0.15, vmax=0.15, cmap=cmap,
        cbar=False, linewidths=1, ax=ax, annot_kws={"size": size, "color": INK},
    )  # fmt: skip
    ax.set(xlabel="", ylabel="")
    ax.tick_params(length=0)


def _narrow_heat(values: pd.DataFrame, texts: pd.DataFrame, colors: Sequence[str]) -> Axes:
    """Draw rows of cells below their names: every other row of the map is blank for a name."""
    n, columns = len(values), len(values.columns)
    blank = values.set_axis(range(0, 2 * n, 2)) * float("nan")
    spaced = pd.concat([blank, values.set_axis(range(1, 2 * n, 2))]).sort_index()
    words = texts.set_axis(range(1, 2 * n, 2)).reindex(spaced.index).fillna("")
    labels, long = _heads(values, 48 // columns)
    _, ax = plt.subplots(figsize=(NARROW, 0.7 + 0.46 * n), layout="constrained")
    _cells(ax, spaced, words, colors, size=8.5 if columns <= 6 else 7)
    heads = {"rotation": 90 if long else 0, "size": 8}
    ax.set_xticks([place + 0.5 for place in range(columns)], labels, **heads)
    ax.set_yticks([])
    for place, name in enumerate(values.index):
        ax.text(0, 2 * place + 0.9, str(name), size=8.5, va="bottom", gid="row", parse_math=False)
    return ax

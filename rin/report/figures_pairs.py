"""The pairs that an area under the ROC curve counts, one square a pair."""

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap

from rin.errors import InputError
from rin.report.style import FAINT, INK

_COLORS = ListedColormap(["#F2C9B6", "#EFEFEF", "#BBDCC4"])  # lost, tied, won
_WORDS = {0.0: "0", 0.5: "½", 1.0: "1"}


def pair_grid(pairs: pd.DataFrame, *, title: str = "", ax: Axes | None = None) -> Axes:
    """Draw every pair of a positive and a negative case: won, tied or lost.

    Parameters
    ----------
    pairs
        1, 0.5 or 0 for each pair; rows positive cases, columns negative cases. Row and column
        labels are written beside the squares.
    title
        Above the squares.

    Raises
    ------
    InputError
        A value other than 0, 0.5 and 1.
    """
    if not pairs.isin(list(_WORDS)).all(axis=None):
        raise InputError(
            "a pair is neither won, tied nor lost", where="pairs", remedy="Pass 1, 0.5 or 0."
        )
    size = (1.5 + 0.48 * pairs.shape[1], 1.2 + 0.42 * len(pairs))
    ax = ax or plt.subplots(figsize=size)[1]
    ax.pcolormesh(pairs.to_numpy(), cmap=_COLORS, vmin=0, vmax=1, edgecolor="white", linewidth=2)
    for row, values in enumerate(pairs.to_numpy()):
        for column, value in enumerate(values):
            ax.text(column + 0.5, row + 0.5, _WORDS[value], ha="center", va="center", color=INK)
    ax.set_xticks([place + 0.5 for place in range(pairs.shape[1])], pairs.columns)
    ax.set_yticks([place + 0.5 for place in range(len(pairs))], pairs.index)
    ax.invert_yaxis()
    ax.set(xlabel="Negative case", ylabel="Positive case", title=title)
    ax.tick_params(length=0, colors=INK)
    for spine in ax.spines.values():
        spine.set(visible=False, color=FAINT)
    return ax

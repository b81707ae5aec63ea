"""Figures of mean ROC curves, by each way of averaging, with SDs in both directions.

Every function takes tidy tables whose numbers are already computed, draws them, and
returns the axes.
"""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import unknown
from rin.report.format import format_number
from rin.report.style import FAINT, init_style
from rin.report.tidy import check_one_each

METHOD_LABEL = {
    "vertical": "At equal false-positive rates",
    "threshold": "At equal score thresholds",
    "rank": "At equal shares called positive",
}
_CROSSES = 8  # points of a curve that carry a cross; more would hide it


def mean_roc_method(
    curves: pd.DataFrame,
    areas: pd.DataFrame,
    inits: Sequence[str],
    method: str,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean ROC curves of one way of averaging, with SDs and areas.

    Parameters
    ----------
    curves
        One task of `rin.stats.roc.mean_roc`: `init`, `method`, `position`, `fpr`, `tpr`,
        `fpr_sd`, `tpr_sd` (all 0–1). Crosses span one SD to each side in both directions;
        the band joins their outer corners, cut at 0 and 1. SDs that are NaN are not drawn.
    areas
        One task of `rin.stats.roc.mean_roc_areas`: `init`, `method`, `area`, `mean_auc`.
    inits
        Sources in the order of the legend.
    method
        "vertical", "threshold" or "rank".
    """
    if method not in METHOD_LABEL:
        raise unknown("method", method, list(METHOD_LABEL))
    curves = curves[curves["method"] == method]
    check_one_each(curves, ["init", "position"])
    ax = ax or plt.subplots(figsize=(4.2, 4.4))[1]
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_chance")
    lines = areas[areas["method"] == method].set_index("init")
    for init in inits:
        style, rows = init_style(init), curves[curves["init"] == init].sort_values("position")
        _band(ax, rows, style.color)
        label = f"{style.short}: area {format_number(lines.loc[init, 'area'], 3)}"
        ax.plot(rows["fpr"], rows["tpr"], style.linestyle, color=style.color, label=label)
    ax.set(xlabel="False-positive rate", ylabel="True-positive rate", title=METHOD_LABEL[method])
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01), aspect="equal")
    ax.grid()
    ax.legend(loc="lower right", fontsize=9)
    return ax


def _band(ax: Axes, rows: pd.DataFrame, color: str) -> None:
    """Shade between the outer corners of the SDs, and draw some of the SDs as crosses."""
    rows = rows.dropna(subset=["fpr_sd", "tpr_sd"])
    if rows.empty:
        return
    x, y, dx, dy = (rows[name].to_numpy() for name in ("fpr", "tpr", "fpr_sd", "tpr_sd"))
    corners = np.clip([np.r_[x - dx, (x + dx)[::-1]], np.r_[y + dy, (y - dy)[::-1]]], 0, 1)
    ax.fill(*corners, color=color, alpha=0.18, linewidth=0)
    some = np.unique(np.linspace(0, len(rows) - 1, _CROSSES + 2).round().astype(int))[1:-1]
    ax.errorbar(
        x[some], y[some], xerr=dx[some], yerr=dy[some], fmt="none", ecolor=color, elinewidth=1.1
    )

"""Curves from tidy tables, one row a point: ROC, learning, and lines with bands, their mark."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import look_up
from rin.report.style import FAINT, check_columns, check_one_each, init_style, kind_style, rows_of

_PANEL = (4.2, 4.0)  # inches
_UNITS = {"loss": "Cross-entropy (nats)", "accuracy": "Accuracy (0–1)"}


def curve(
    rows: pd.DataFrame,
    inits: Sequence[str],
    *,
    x: str,
    y: str,
    band: tuple[str, str] | None = None,
    labels: Mapping[str, str] = MappingProxyType({}),
    ax: Axes | None = None,
) -> Axes:
    """Draw a line an init, with a faint band where `band` names its lower and upper column.

    `rows` has one row a point: `init` (an init or kind of `rin.report.style`), `x`, `y` and the
    columns of the band.  The legend has the order of `inits`, and the texts of `labels` where
    they are not the style's own.
    """
    check_columns(rows, ["init", x, y, *(band or ())])
    ax = ax or plt.subplots(figsize=_PANEL)[1]
    for init in inits:
        style, of_init = kind_style(init), rows_of(rows, init).sort_values(x, kind="stable")
        if band:
            ends = of_init[band[0]], of_init[band[1]]
            ax.fill_between(of_init[x], *ends, color=style.color, alpha=0.14, linewidth=0)
        label = labels.get(init, style.label)
        ax.plot(of_init[x], of_init[y], style.linestyle, color=style.color, label=label)
    ax.grid()
    return ax


def mean_roc(curves: pd.DataFrame, inits: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Draw the mean ROC curve of the scenarios per init, with SDs of its true-positive rate.

    `curves` is one task of `rin.stats.mean_roc` (`init`, `fpr`, `tpr`, `tpr_sd`, 0–1).  ± 1 SD, cut
    at 0 and 1, are bars at five rates, as bands of several inits would cover each other.
    """
    check_columns(curves, ["init", "fpr", "tpr", "tpr_sd"])
    rows = curves.sort_values("fpr")
    check_one_each(rows, ["init", "fpr"])
    ax = ax or plt.subplots(figsize=_PANEL)[1]
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_chance")
    for place, init in enumerate(inits):
        of_init = rows_of(rows, init)
        points = of_init.iloc[np.searchsorted(of_init["fpr"], [0.1, 0.3, 0.5, 0.7, 0.9])]
        at = points["fpr"] + 0.016 * (place - (len(inits) - 1) / 2)
        ends = ((points["tpr"] + sign * points["tpr_sd"]).clip(0, 1) for sign in (-1, 1))
        look = {"color": init_style(init).color, "linewidth": 1.2, "alpha": 0.8, "gid": "sd"}
        ax.vlines(at, *ends, **look)
    curve(rows, inits, x="fpr", y="tpr", ax=ax)
    ax.set(xlabel="False-positive rate", ylabel="True-positive rate", aspect="equal")
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    ax.legend(loc="lower right", fontsize=9.5)
    return ax


def learning_curves(
    history: pd.DataFrame, inits: Sequence[str], *, metric: str = "loss", ax: Axes | None = None
) -> Axes:
    """Draw a metric of training (dashed) and validation (full) over the epochs, per init.

    `history` has one row an init and epoch: `init`, `epoch` (from 1), `<metric>`, `val_<metric>`.
    A few single epochs far above the others would flatten all of them: the axis then ends above
    the others, and a triangle with its value marks each at the upper edge.
    """
    known = [c for c in history if f"val_{c}" in history]
    look_up("metric", metric, known)
    ax = ax or plt.subplots(figsize=(6.4, 3.8))[1]
    drawn = pd.concat([rows_of(history, init) for init in inits])
    values = drawn[[metric, f"val_{metric}"]].to_numpy(dtype=float)
    finite = values[np.isfinite(values)]
    low, usual, highest = finite.min(), np.quantile(finite, 0.95), finite.max()
    spread = usual - low
    high = highest if highest <= usual + spread else usual + 0.25 * spread
    room = 0.04 * (high - low or 1)
    low, top = low - room, high + room
    for init in inits:
        style, of_init = init_style(init), rows_of(history, init).sort_values("epoch")
        parts = ((metric, "--", "training"), (f"val_{metric}", "-", "validation"))
        for column, dash, part in parts:
            ax.plot(of_init["epoch"], of_init[column], dash, color=style.color, linewidth=1.8,
                    marker="o", markersize=3.5, label=f"{style.short}, {part}")  # fmt: skip
            for row in of_init[of_init[column] > top].itertuples():
                ax.plot(row.epoch, top, "^", color=style.color, clip_on=False, gid="cut", zorder=4)
    cut = int((values > top).sum())
    ax.set(xlabel="Epoch", ylabel=_UNITS.get(metric, metric), ylim=(low, top))
    if cut:
        ax.set_title(
            f"▲ {cut} of {values.size} values above, up to {np.nanmax(values):.3g}", loc="right",
            fontsize=9.5, fontweight="normal",
        )  # fmt: skip
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid()
    ax.legend(fontsize=9.5)
    return ax

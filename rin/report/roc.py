"""Curves: ROC, reliability, precision against recall, net benefit, learning.

Every function draws one axes from a tidy table with one row a point, each init in its colour.
`curve` is the mark below them: lines with bands.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import unknown
from rin.report.format import format_number
from rin.report.style import (
    FAINT,
    INK,
    check_columns,
    check_one_each,
    init_style,
    kind_style,
    rows_of,
)

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
        style, own = kind_style(init), rows_of(rows, init).sort_values(x, kind="stable")
        if band:
            ends = own[band[0]], own[band[1]]
            ax.fill_between(own[x], *ends, color=style.color, alpha=0.14, linewidth=0)
        label = labels.get(init, style.label)
        ax.plot(own[x], own[y], style.linestyle, color=style.color, label=label)
    ax.grid()
    return ax


def mean_roc(curves: pd.DataFrame, inits: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Draw the mean ROC curve of the scenarios per init, with SDs of its true-positive rate.

    `curves` is one task of `rin.stats.mean_roc` (`init`, `method`, `fpr`, `tpr`, `tpr_sd`, 0–1);
    the vertical averages are drawn.  ± 1 SD, cut at 0 and 1, is a band of a single init; of
    several, bars at five false-positive rates, as their bands would cover each other.
    """
    check_columns(curves, ["init", "method", "fpr", "tpr", "tpr_sd"])
    rows = rows_of(curves, "vertical", "method").sort_values("fpr")
    check_one_each(rows, ["init", "fpr"])
    rows = rows.assign(
        low=(rows["tpr"] - rows["tpr_sd"]).clip(0, 1),
        high=(rows["tpr"] + rows["tpr_sd"]).clip(0, 1),
    )
    ax = ax or plt.subplots(figsize=_PANEL)[1]
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_chance")
    band = ("low", "high") if len(inits) == 1 else None
    for place, init in enumerate(() if band else inits):
        own = rows_of(rows, init)
        some = own.iloc[np.searchsorted(own["fpr"], [0.1, 0.3, 0.5, 0.7, 0.9])]
        at = some["fpr"] + 0.016 * (place - (len(inits) - 1) / 2)
        ax.vlines(at, some["low"], some["high"], color=init_style(init).color, linewidth=1.2,
                  alpha=0.8, gid="sd")  # fmt: skip
    curve(rows, inits, x="fpr", y="tpr", band=band, ax=ax)
    ax.set(xlabel="False-positive rate", ylabel="True-positive rate", aspect="equal")
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    ax.legend(loc="lower right", fontsize=9.5)
    return ax


def reliability(curves: pd.DataFrame, inits: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Draw how often cases of a predicted probability are positive, with intervals.

    Of one task of `rin.stats.beyond_curves` the curve "reliability": `x` (mean probability of a
    bin), `y` (share positive), `low`, `high` (NaN: no interval), and `share` (of all cases) as
    the mark's area.  Marks of several inits stand side by side.
    """
    rows = rows_of(curves, "reliability", "curve")
    check_columns(rows, ["x", "y", "low", "high", "share"])
    ax = ax or plt.subplots(figsize=_PANEL)[1]
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_calibrated")
    for place, init in enumerate(inits):
        style, own = init_style(init), rows_of(rows, init).sort_values("x")
        x = own["x"] + 0.012 * (place - (len(inits) - 1) / 2)
        ax.vlines(x, own["low"], own["high"], color=style.color, linewidth=1.5, alpha=0.7)
        ax.plot(x, own["y"], style.linestyle, color=style.color, linewidth=1, alpha=0.6)
        ax.scatter(
            x, own["y"], s=18 + 240 * own["share"].fillna(0), color=style.color, alpha=0.85,
            edgecolor="white", linewidth=0.8, label=style.short, zorder=3,
        )  # fmt: skip
    ax.set(xlabel="Predicted probability", ylabel="Share positive", aspect="equal")
    ax.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03))
    ax.grid()
    legend = ax.legend(loc="upper left", title="area: share of cases", title_fontsize=9)
    for handle in legend.legend_handles:
        handle.set_sizes([36])
    return ax


def precision_recall(
    curves: pd.DataFrame,
    inits: Sequence[str],
    *,
    prevalence: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw precision against recall per init, with bands and the level of calling all positive.

    The curve "precision_recall": `x` recall, `y` precision, `low`, `high`; the point at recall 0,
    where a single score decides, is not drawn.  `prevalence` is the share of positives (0–1).
    """
    rows = rows_of(curves, "precision_recall", "curve")
    ax = curve(rows[rows["x"] > 0], inits, x="x", y="y", band=("low", "high"), ax=ax)
    if prevalence is not None:
        label = f"all called positive ({format_number(prevalence)})"
        ax.axhline(prevalence, color=INK, linewidth=1, linestyle=":", label=label)
    ax.set(xlabel="Recall (sensitivity)", ylabel="Precision (positive predictive value)")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    ax.legend(loc="lower left", fontsize=9.5)
    return ax


def decision(
    curves: pd.DataFrame,
    inits: Sequence[str],
    *,
    threshold: float | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the net benefit of deciding by the scores, beside treating all and treating none.

    The curves "decision" and "treat_all": `x` threshold probability, `y` net benefit a case,
    `low`, `high`; `threshold`, which the text reads, is marked.  Net benefits fall without bound
    towards a threshold of 1: the axis ends below zero at half the height above it.
    """
    rows, everyone = (rows_of(curves, name, "curve") for name in ("decision", "treat_all"))
    ax = curve(rows, inits, x="x", y="y", band=("low", "high"), ax=ax)
    everyone = rows_of(everyone, inits[0]).sort_values("x")
    ax.plot(everyone["x"], everyone["y"], color=INK, linewidth=1, linestyle="--", label="treat all")
    ax.axhline(0, color=INK, linewidth=1, linestyle=":", label="treat none")
    if threshold is not None:
        ax.axvline(threshold, color=FAINT, linewidth=1, zorder=1)
    top = 1.1 * max(0.05, everyone["y"].max(), rows[["y", "high"]].max().max())
    ax.set(xlabel="Threshold probability", ylabel="Net benefit", xlim=(0, 1), ylim=(-top / 2, top))
    ax.legend(loc="upper right", fontsize=9.5)
    return ax


def learning_curves(
    history: pd.DataFrame,
    inits: Sequence[str],
    *,
    metric: str = "loss",
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric of training (dashed) and validation (full) over the epochs, per init.

    `history` has one row an init and epoch: `init`, `epoch` (from 1), `<metric>`, `val_<metric>`.
    A few single epochs far above the others would flatten all of them: the axis then ends above
    the others, and a triangle with its value marks each at the upper edge.
    """
    known = [c for c in history if f"val_{c}" in history]
    if metric not in known:
        raise unknown("metric", metric, known)
    ax = ax or plt.subplots(figsize=(6.4, 3.8))[1]
    drawn = pd.concat([rows_of(history, init) for init in inits])
    values = drawn[[metric, f"val_{metric}"]].to_numpy(dtype=float)
    low, top = _ends(values[np.isfinite(values)])
    for init in inits:
        style, own = init_style(init), rows_of(history, init).sort_values("epoch")
        parts = ((metric, "--", "training"), (f"val_{metric}", "-", "validation"))
        for column, dash, part in parts:
            ax.plot(own["epoch"], own[column], dash, color=style.color, linewidth=1.8,
                    marker="o", markersize=3.5, label=f"{style.short}, {part}")  # fmt: skip
            for row in own[own[column] > top].itertuples():
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


def _ends(values: np.ndarray) -> tuple[float, float]:
    """Return the axis' ends: around all values, or around all but a few high ones."""
    low, usual, highest = values.min(), np.quantile(values, 0.95), values.max()
    spread = usual - low
    high = highest if highest <= usual + spread else usual + 0.25 * spread
    room = 0.04 * (high - low or 1)
    return low - room, high + room

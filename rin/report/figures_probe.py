"""Figures of the page on probing weights: how far each candidate is off."""

from __future__ import annotations

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes

from rin.models.fingerprint_verdict import CANDIDATES, FLOOR, LARGEST_DIVERGENCE, scaling_of
from rin.report.style import FAINT, INK, backbone_marker, init_style

#: Smaller divergences are drawn here, for the axis is logarithmic.
LEAST = FLOOR / 5


def divergence_dots(measurements: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw the divergence of every candidate for files that were trained under one contract.

    Parameters
    ----------
    measurements
        Rows of `rin.study.probe.probe_measurements` with one `trained_with`.  Filled marks are
        images of the corpus of the training, open ones other datasets; a marker is a backbone.
    ax
        Where to draw; a new figure by default.
    """
    if ax is None:
        ax = plt.subplots(figsize=(3.6, 3.6))[1]
    (truth,) = measurements["trained_with"].unique()
    names = [candidate.name for candidate in CANDIDATES]
    table = measurements.assign(
        scaling=measurements["candidate"].map(scaling_of),
        shown=measurements["divergence"].clip(lower=LEAST),
    )
    if truth in names:
        ax.axhspan(names.index(truth) - 0.45, names.index(truth) + 0.45, color="#E8F4EA", zorder=0)
    color = init_style("radiologic").color
    for place, ((backbone, seen), rows) in enumerate(table.groupby(["backbone", "seen"])):
        shift = (place % 8 - 3.5) * 0.07
        at = [names.index(name) + shift for name in rows["scaling"]]
        fill = color if seen else "none"
        ax.scatter(rows["shown"], at, marker=backbone_marker(backbone), s=26,
                   facecolors=fill, edgecolors=color if seen else INK, linewidths=0.8)  # fmt: skip
    ax.axvline(LARGEST_DIVERGENCE, color=FAINT, linewidth=1, linestyle=":")
    ax.set_xscale("log")
    ax.set(yticks=range(len(names)), yticklabels=names, xlabel="divergence, nats")
    ax.set_ylim(len(names) - 0.4, -0.6)
    ax.grid(axis="x")
    ax.set_title(f"trained with {truth}" if truth in names else f"{truth} weights", fontsize=10)
    return ax


def marker_legend(measurements: pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw what the marks of `divergence_dots` mean."""
    if ax is None:
        ax = plt.subplots(figsize=(3.6, 1.6))[1]
    color = init_style("radiologic").color
    for backbone in measurements["backbone"].unique():
        ax.plot([], [], backbone_marker(backbone), color=INK, markersize=6, label=backbone)
    ax.plot([], [], "o", color=color, label="corpus of the training")
    ax.plot([], [], "o", color=INK, markerfacecolor="none", label="other datasets")
    ax.legend(loc="center", ncols=2, fontsize=8)
    ax.set_axis_off()
    return ax

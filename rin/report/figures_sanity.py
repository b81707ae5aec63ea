"""Figures of the sanity check: similarity against depth of randomisation, and strips of maps.

Maps and means are computed before; nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.explain.sanity import MEASURES
from rin.report.figures_cam import show_image
from rin.report.style import FAINT, init_style

_COLUMNS = 4  # pictures side by side in a strip, as a phone shows them


def similarity_lines(
    summary: pd.DataFrame, inits: Sequence[str], *, title: str = "", ax: Axes | None = None
) -> Axes:
    """Draw one measure of one backbone against the depth of randomisation, a line an init.

    Parameters
    ----------
    summary
        One task, backbone and measure of `rin.report.sanity_tables.similarity_summary`.  Bands are
        the intervals; dotted lines compare with another image.
    inits
        Sources, in the order of the legend.
    """
    ax = ax or plt.subplots(figsize=(3.3, 2.7))[1]
    (measure,) = summary["measure"].unique()
    for init in inits:
        rows, style = summary[summary["init"] == init].sort_values("depth"), init_style(init)
        # The trained network agrees with itself.
        depth, mean = np.append(-1, rows["depth"]), np.append(1.0, rows["mean"])
        ax.plot(depth, mean, "o-", color=style.color, markersize=4, label=style.short)
        ax.fill_between(rows["depth"], rows["low"], rows["high"], color=style.color, alpha=0.18,
                        linewidth=0)  # fmt: skip
        ax.plot(rows["depth"], rows["other"], ":", color=style.color, linewidth=1.5)
    steps = summary.drop_duplicates("depth").sort_values("depth")
    names = ["none", *(group.removeprefix("stage ") for group in steps["group"])]
    ax.set_xticks([-1, *steps["depth"]], names)
    lowest = -1.05 if measure.startswith("spearman") else min(-0.05, summary["low"].min())
    ax.set(xlabel="random down to stage", ylabel=MEASURES[measure], ylim=(lowest, 1.05))
    ax.axhline(0, color=FAINT, linewidth=1)
    ax.set_title(title, fontsize=11)
    ax.grid(axis="y")
    ax.legend(fontsize=9, loc="best")
    return ax


def cascade_strip(
    image: np.ndarray,
    mask: np.ndarray,
    cams: np.ndarray,
    steps: Sequence[str],
    init: str,
    *,
    threshold: int,
) -> np.ndarray:
    """Draw one case's image and its maps as the weights go random, in rows of four.

    Parameters
    ----------
    image, mask
        uint8 (h, w), and bool or 0/1 (h, w): outlined in cyan.
    cams
        uint8 (steps, h, w), as `rin.explain.gradcam.to_uint8` makes them.
    steps
        What is random: "trained", "head", and the stages.
    init
        Source, named above the maps.
    threshold
        Gray level whose contour is drawn in white.

    Returns
    -------
    numpy.ndarray
        Axes, the image's first.
    """
    rows = -(-(1 + len(cams)) // _COLUMNS)
    axes = plt.subplots(rows, _COLUMNS, figsize=(3.6, 1.12 * rows + 0.25), squeeze=False)[1].ravel()
    show_image(image, axes[0], mask)
    axes[0].set_title("image", fontsize=8.5, fontweight="normal", pad=2)
    for ax, cam, step in zip(axes[1:], cams, steps, strict=False):
        show_image(image, ax, mask)
        ax.imshow(cam, cmap="inferno", alpha=0.5, vmin=0, vmax=255)
        if (cam > threshold).any() and (cam <= threshold).any():
            ax.contour(cam, [threshold], colors="white", linewidths=1, linestyles="--")
        ax.set_title(step, fontsize=8.5, fontweight="normal", pad=2)
    for ax in axes[1 + len(cams) :]:
        ax.set_visible(False)
    style = init_style(init)
    axes[0].figure.suptitle(style.short, color=style.color, fontsize=10, x=0.02, ha="left")
    return axes

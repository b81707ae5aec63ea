"""Figures of overlap worked out by hand: grids of numbers, and small maps beside their lesions.

Each picture is a figure of its own, large enough that its numbers are read on a phone.  Nothing is
computed here.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from rin.report.figures_cam import OUTLINE
from rin.report.format import MISSING
from rin.report.worked_overlap import THRESHOLD, Case, Worked

_GRID = (3.3, 3.4)  # inches
_LESION = "#007E8A"  # the outline's hue, dark enough for white ground


def number_grid(
    values: Sequence[Sequence[float]],
    title: str,
    *,
    mask: np.ndarray | None = None,
    above: float | None = None,
) -> Axes:
    """Draw a grid of numbers, each cell as dark as its number is large; negative ones are white.

    Parameters
    ----------
    values
        Rows of numbers.
    title
        Above the grid.
    mask
        bool of the same shape: the lesion, drawn as an outline.
    above
        Numbers above it are set in bold, within a red frame.
    """
    grid = np.array([[float(value) for value in row] for row in values])
    ax = plt.subplots(figsize=_GRID)[1]
    ax.imshow(grid, cmap="Blues", vmin=0, vmax=1.9 * max(grid.max(), 1))  # ink stays readable
    for (y, x), value in np.ndenumerate(grid):
        called = above is not None and value > above
        ax.text(
            x, y, f"{value:.0f}".replace("-", "−"), ha="center", va="center",
            fontsize=8.5 if len(grid) > 4 else 13, fontweight="bold" if called else "normal",
        )  # fmt: skip
    if above is not None:
        outline(ax, grid > above, color="#B3261E", width=2.2)
    if mask is not None:
        outline(ax, mask, color=_LESION, width=2.8, style="--")
    ax.set_title(title, fontsize=11)
    ax.set_axis_off()
    return ax


def outline(ax: Axes, region: np.ndarray, *, color: str, width: float, style: str = "-") -> None:
    """Draw the border of a region along the edges of its pixels."""
    padded = np.pad(region.astype(int), 1)
    for y, x in np.argwhere(np.diff(padded, axis=0)):
        ax.plot([x - 1.5, x - 0.5], [y - 0.5] * 2, color=color, linewidth=width, linestyle=style)
    for y, x in np.argwhere(np.diff(padded, axis=1)):
        ax.plot([x - 0.5] * 2, [y - 1.5, y - 0.5], color=color, linewidth=width, linestyle=style)


def case_picture(case: Case, worked: Worked, number: int) -> Axes:
    """Draw a case: its map, its lesion's outline, the region above the threshold, its scores."""
    ax = plt.subplots(figsize=(3.3, 3.9))[1]
    picture = np.array(worked.picture)
    ax.imshow(picture, cmap="inferno", vmin=0, vmax=255)
    outline(ax, picture > THRESHOLD, color="white", width=2.4, style=(0, (2, 1)))
    outline(ax, case.lesion, color=OUTLINE, width=3)
    ax.set_title(f"{number}  {case.name}", fontsize=11.5)
    scores = [("Dice", worked.dice), ("pointing", worked.pointing), ("AP", worked.precision)]
    text = " · ".join(f"{name} {decimal(value)}" for name, value in scores)
    ax.text(0.5, -0.03, text, transform=ax.transAxes, ha="center", va="top", fontsize=10.5)
    ax.set_axis_off()
    return ax


def decimal(value: Fraction | None) -> str:
    """Return a fraction with two decimals, or a dash where there is none."""
    return MISSING if value is None else f"{float(value):.2f}"

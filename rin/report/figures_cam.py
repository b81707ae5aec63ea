"""Figures of localisation: activation maps beside outlines, and Dice scores.

The parts of the paper's Figure 5. Maps and scores are computed before; nothing is
computed here.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.report.format import format_mean_sd
from rin.report.style import FAINT, INK, init_style

OUTLINE = "#00E5FF"  # reads on gray images and on the overlay's colours alike


def show_image(image: np.ndarray, ax: Axes, mask: np.ndarray | None = None) -> Axes:
    """Show a gray image (h, w), uint8, with the outline of its mask where it has one."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    if mask is not None and np.any(mask):
        ax.contour(np.asarray(mask, dtype=float), [0.5], colors=OUTLINE, linewidths=1.6)
    ax.set_axis_off()
    return ax


def cam_panel(
    images: np.ndarray,
    masks: np.ndarray,
    cams: Mapping[str, np.ndarray],
    cases: pd.DataFrame,
    *,
    positive_class: str,
    threshold: int,
    side: float = 2.55,
    bar: str = "right",
) -> np.ndarray:
    """Draw cases in rows: the image with its lesion, then one overlay per init.

    Parameters
    ----------
    images
        uint8 (n, h, w).
    masks
        bool or 0/1 (n, h, w); outlined in cyan on every picture.
    cams
        From init to uint8 (n, h, w), as `rin.explain.gradcam.to_uint8` makes them.
    cases
        One row per image: `case_id`, `label` (text), and per init a column `score_<init>`
        with the probability of the positive class.
    positive_class
        Name of the class that scores speak for.
    threshold
        Gray level whose contour is drawn in white: what Dice takes for lesion.
    side
        Width of one picture in inches; longer names of cases are shortened to it.
    bar
        Side of the colour bar, "right" or "bottom".

    Returns
    -------
    numpy.ndarray
        Axes (n, 1 + number of inits).
    """
    n, columns = len(images), 1 + len(cams)
    below = bar == "bottom"
    size = (side * columns + 0.5 * (not below), (side + 0.4) * n + 0.6 * below + 0.1)
    figure, axes = plt.subplots(n, columns, figsize=size, squeeze=False)
    shown = None
    for row, (line, case) in enumerate(zip(axes, cases.itertuples(index=False), strict=True)):
        show_image(images[row], line[0], masks[row])
        name = _shortened(case.case_id, int(9.5 * side))
        line[0].set_title(f"{name}\n{case.label}", fontsize=10, fontweight="normal")
        for ax, (init, maps) in zip(line[1:], cams.items(), strict=True):
            show_image(images[row], ax, masks[row])
            shown = ax.imshow(maps[row], cmap="inferno", alpha=0.5, vmin=0, vmax=255)
            if (maps[row] > threshold).any() and (maps[row] <= threshold).any():
                ax.contour(maps[row], [threshold], colors="white", linewidths=1.2, linestyles="--")
            score = getattr(case, f"score_{init}")
            title = f"{init_style(init).short}\n{positive_class}: {score:.2f}"
            ax.set_title(title, fontsize=10, fontweight="normal", color=init_style(init).color)
    scale = figure.colorbar(
        shown, ax=axes, shrink=0.6, pad=0.02, location=bar, label="Activation (0–255)",
        aspect=40 if below else 20,
    )  # fmt: skip
    (scale.ax.axvline if below else scale.ax.axhline)(
        threshold, color="white", linestyle="--", linewidth=1.2
    )
    return axes


def _shortened(name: str, length: int) -> str:
    """Keep both ends of a name, as ids of one dataset differ at either."""
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def dice_bars(
    summary: pd.DataFrame,
    baselines: pd.DataFrame,
    inits: Sequence[str],
    *,
    published: Mapping[str, float] = MappingProxyType({}),
    compact: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw the mean Dice over scenarios per init with its SD, and baselines as lines.

    Parameters
    ----------
    summary
        One row per init: `init`, `mean`, `sd` (0–1), as `rin.explain.overlap.init_dice`.
    baselines
        `baseline`, `dice`, as `rin.explain.overlap.baseline_table`; may be empty.
    inits
        Sources from left to right.
    published
        From init to the mean that the paper states, drawn as an open circle beside its bar.
    compact
        For a small panel of many: numbers below short names.
    """
    ax = ax or plt.subplots(figsize=(5.6, 4.0))[1]
    rows = summary.set_index("init").loc[list(inits)]
    styles = [init_style(init) for init in inits]
    places = np.arange(len(inits))
    width = 0.45 if published else 0.55
    ax.bar(places, rows["mean"], width=width, color=[style.color for style in styles])
    ax.errorbar(places, rows["mean"], rows["sd"], fmt="none", color=INK, capsize=6, linewidth=1.6)
    names = [style.label.replace(" (", "\n(") for style in styles]
    for place, mean, sd in zip(places, rows["mean"], rows["sd"], strict=True):
        if compact:
            names[place] = f"{styles[place].short}\n{format_mean_sd(mean, sd)}"
            continue
        ax.annotate(
            format_mean_sd(mean, sd), (place, mean + np.nan_to_num(sd)), xytext=(0, 5),
            textcoords="offset points", ha="center", fontsize=10,
            bbox={"facecolor": "white", "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip
    for baseline, value, dash in zip(
        baselines["baseline"], baselines["dice"], ["--", ":", "-."], strict=False
    ):
        ax.axhline(value, color=FAINT, linestyle=dash, linewidth=1.5)
        # Above the highest line and below the others, so that close ones keep their names apart.
        above = value == baselines["dice"].max()
        ax.annotate(
            f"{baseline}\n{value:.2f}", (1.01, value), xycoords=("axes fraction", "data"),
            va="bottom" if above else "top", fontsize=9.5, color=INK,
        )  # fmt: skip
    top = max([*(rows["mean"] + rows["sd"].fillna(0)), *baselines["dice"], *published.values()])
    for init, mean in published.items():
        _published_dice(ax, list(inits).index(init) + 0.42, mean, below=mean > top / 2)
    ax.set(ylabel="Dice score (0–1)", ylim=(0, 1.15 * top), xlim=(-0.6, len(inits) - 0.4))
    ax.set_xticks(places, names)
    ax.grid(axis="y")
    return ax


def _published_dice(ax: Axes, place: float, mean: float, *, below: bool) -> None:
    ax.plot(
        place, mean, "o", markerfacecolor="white", markeredgecolor=FAINT, markersize=6,
        markeredgewidth=1.6, zorder=4,
    )  # fmt: skip
    ax.annotate(
        f"published {mean:.3f}", (place, mean), xytext=(0, -7 if below else 7),
        textcoords="offset points", rotation=90, ha="center", va="top" if below else "bottom",
        fontsize=8, color="#5F5F5F",
    )  # fmt: skip

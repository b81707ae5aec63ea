"""Images and arrays: activation maps beside outlines, mean maps around lesions, tables of heat.

Maps and scores are computed before. Pixels of a data set are shown where the reader has them and
are never kept; mean maps around lesions hold none.
"""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.patches import Rectangle

from rin.errors import InputError, unknown
from rin.report.style import check_columns, init_style

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
    side: float = 2.4,
) -> np.ndarray:
    """Draw cases in rows: the image with its lesion, then one overlay an init.

    Parameters
    ----------
    images
        uint8 (n, h, w).
    masks
        bool or 0/1 (n, h, w); outlined on every image.
    cams
        From init to uint8 (n, h, w), as `rin.explain.gradcam.to_uint8` makes them.
    cases
        One row an image: `case_id`, `label` (text), and per init a column `score_<init>` with the
        probability of the positive class.
    positive_class
        Name of the class that scores speak for.
    threshold
        Gray level whose contour is drawn in white: what Dice takes for lesion.
    side
        Width of one image in inches; longer names of cases are shortened to it.

    Returns
    -------
    numpy.ndarray
        Axes (n, 1 + number of inits).
    """
    check_columns(cases, ["case_id", "label", *(f"score_{init}" for init in cams)])
    n, columns = len(images), 1 + len(cams)
    size = (side * columns + 0.7, (side + 0.4) * n + 0.1)
    figure, axes = plt.subplots(n, columns, figsize=size, squeeze=False)
    shown = None
    for at, (line, case) in enumerate(zip(axes, cases.itertuples(index=False), strict=True)):
        show_image(images[at], line[0], masks[at])
        name = _shortened(str(case.case_id), int(9.5 * side))
        line[0].set_title(f"{name}\n{case.label}", fontsize=10, fontweight="normal")
        for ax, (init, maps) in zip(line[1:], cams.items(), strict=True):
            show_image(images[at], ax, masks[at])
            shown = ax.imshow(maps[at], cmap="inferno", alpha=0.5, vmin=0, vmax=255)
            if (maps[at] > threshold).any() and (maps[at] <= threshold).any():
                ax.contour(maps[at], [threshold], colors="white", linewidths=1.2, linestyles="--")
            style, score = init_style(init), getattr(case, f"score_{init}")
            title = f"{style.short}\n{positive_class}: {score:.2f}"
            ax.set_title(title, fontsize=10, fontweight="normal", color=style.color)
    scale = figure.colorbar(shown, ax=axes, shrink=0.6, pad=0.02, label="Activation (0–255)")
    scale.ax.axhline(threshold, color="white", linestyle="--", linewidth=1.2)
    return axes


def _shortened(name: str, length: int) -> str:
    """Keep both ends of a name, as ids of one dataset differ at either."""
    half = (length - 1) // 2
    return name if len(name) <= length else f"{name[:half]}…{name[-half:]}"


def lesion_maps(
    maps: Mapping[tuple[str, str], np.ndarray],
    labels: Mapping[str, str],
    *,
    box: tuple[float, float, float, float] = (1 / 3, 1 / 3, 2 / 3, 2 / 3),
    label: str = "Mean activation (0–255)",
    side: float = 2.1,
) -> np.ndarray:
    """Draw the mean activation around the lesion: a row an init, a column a regime.

    Parameters
    ----------
    maps
        From (init, regime) to an array (h, w), all on one scale; a pair may be missing.
    labels
        From regime to its title, from left to right.
    box
        Left, top, right and bottom of the lesion's box as fractions of the map; outlined.
    label
        Of the colour bar, which all maps share.
    side
        Width of one map in inches.

    Returns
    -------
    numpy.ndarray
        Axes (inits, regimes).
    """
    inits = list(dict.fromkeys(init for init, _ in maps))
    if not inits:
        raise InputError("no maps", where="maps", remedy="Pass at least one array.")
    for _, regime in maps:
        if regime not in labels:
            raise unknown("regime", regime, list(labels))
    shape = len(inits), len(labels)
    size = (side * shape[1] + 1.1, (side + 0.1) * shape[0] + 0.3)
    figure, axes = plt.subplots(*shape, figsize=size, squeeze=False)
    every = np.stack([np.asarray(values, dtype=float) for values in maps.values()])
    low, high = np.nanmin(every), np.nanmax(every)
    shown = None
    for line, init in zip(axes, inits, strict=True):
        for ax, regime in zip(line, labels, strict=True):
            ax.set(xticks=[], yticks=[])
            ax.spines[:].set_visible(False)
            if (init, regime) in maps:
                values = maps[init, regime]
                shown = ax.imshow(values, cmap="viridis", vmin=low, vmax=high)
                _box(ax, box, values.shape)
            if ax in axes[0]:
                ax.set_title(labels[regime], loc="center", fontsize=10.5, fontweight="normal")
        style = init_style(init)
        line[0].set_ylabel(style.short, color=style.color, fontsize=11)
    figure.colorbar(shown, ax=axes, shrink=0.8, pad=0.02, label=label).outline.set_visible(False)
    return axes


def _box(ax: Axes, box: tuple[float, float, float, float], shape: tuple[int, int]) -> None:
    left, top, right, bottom = np.array(box) * np.tile(shape[::-1], 2) - 0.5
    for width, color in ((3.2, "black"), (1.6, "white")):  # reads on every colour of the map
        frame = {"fill": False, "linewidth": width, "edgecolor": color, "gid": "box"}
        ax.add_patch(Rectangle((left, top), right - left, bottom - top, **frame))


def heat_table(
    values: pd.DataFrame,
    *,
    label: str,
    xlabel: str = "",
    ylabel: str = "",
    limits: tuple[float, float] | None = None,
    colors: Sequence[str | tuple[float, ...]] = ("white", "#8FC4E8"),
    texts: pd.DataFrame | str = "{:.0f}",
    ax: Axes | None = None,
) -> Axes:
    """Draw a table as heat with its numbers in the cells, such as a confusion matrix.

    Parameters
    ----------
    values
        Rows and columns as shown; cells that are NaN stay empty.
    label
        What a cell is, with its unit, for the colour bar.
    limits
        Of the colours; those of the values by default.
    colors
        From the lowest to the highest value; dark text must read on all of them.
    texts
        The cells' texts, or a format of their numbers; none are written where a table of numbers
        has more than 16 columns.
    """
    rows, columns = values.shape
    side = 7.2 if columns > 6 else 5.4
    ax = ax or plt.subplots(figsize=(side, max(1.6, side * 0.8 * rows / columns) + 0.8))[1]
    low, high = limits or (np.nanmin(values), np.nanmax(values))
    shades = LinearSegmentedColormap.from_list("shades", colors)
    shown = ax.imshow(values.astype(float), cmap=shades, vmin=low, vmax=high, aspect="auto")
    if isinstance(texts, str):
        texts = values.map(lambda value: texts.format(value) if columns <= 16 else "")
    for (row, column), text in np.ndenumerate(texts.to_numpy()):
        if not np.isnan(values.iat[row, column]):
            ax.text(column, row, text, ha="center", va="center", fontsize=9.5, gid="cell")
    longest = max(len(part) for name in values.columns for part in str(name).split("\n"))
    turned = {"rotation": 60, "ha": "right", "rotation_mode": "anchor"}
    ax.set_xticks(range(columns), values.columns, **turned if longest * columns > 80 else {})
    ax.set_yticks(range(rows), values.index)
    ax.set_xticks(np.arange(0.5, columns - 1), minor=True)
    ax.set_yticks(np.arange(0.5, rows - 1), minor=True)
    ax.grid(which="minor", color="white", linewidth=2 if columns <= 16 else 0)
    ax.tick_params(which="both", length=0)
    ax.spines[:].set_visible(False)
    ax.set(xlabel=xlabel, ylabel=ylabel)
    ax.figure.colorbar(shown, ax=ax, pad=0.02, label=label).outline.set_visible(False)
    return ax


def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    side: float = 1.9,
) -> np.ndarray:
    """Draw gray images with their titles, at most four a line; return the axes."""
    columns = max(1, min(4, len(images)))
    lines = max(1, -(-len(images) // columns))
    size = {"figsize": (side * columns, (side + 0.3) * lines)}
    axes = plt.subplots(lines, columns, squeeze=False, **size)[1].ravel()
    outlines = [None] * len(images) if masks is None else masks
    for ax, image, title, mask in zip(axes, images, titles, outlines, strict=False):
        show_image(image, ax, mask).set_title(title, fontsize=9.5, fontweight="normal")
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return axes[: len(images)]

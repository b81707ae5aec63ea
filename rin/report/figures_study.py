"""Figures of the material and of the whole study: samples, training, published numbers."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import unknown
from rin.report.figures_cam import show_image
from rin.report.style import FAINT, INK, WIDTH, init_style

_SOURCES = {"published": ("o", "white", FAINT), "recomputed": ("s", INK, INK)}
_PARTS = {"": ("-", "training"), "val_": ("--", "validation")}


def sample_sheet(images: np.ndarray, masks: np.ndarray | None, cases: pd.DataFrame) -> np.ndarray:
    """Show sample images with lesion outlines, one row per class.

    Parameters
    ----------
    images
        uint8 (n, h, w).
    masks
        bool or 0/1 (n, h, w), or None for datasets without masks.
    cases
        One row per image: `case_id`, `source_class`. Classes come in order of their
        first case.

    Returns
    -------
    numpy.ndarray
        Axes (classes, largest number of cases of a class); empty places are hidden.
    """
    classes = list(dict.fromkeys(cases["source_class"]))
    columns = int(cases["source_class"].value_counts().max())
    side = WIDTH / columns
    _, axes = plt.subplots(
        len(classes), columns, figsize=(WIDTH, (side + 0.3) * len(classes)), squeeze=False
    )
    for ax in axes.flat:
        ax.set_axis_off()
    for line, name in zip(axes, classes, strict=True):
        members = np.flatnonzero(cases["source_class"] == name)
        line[0].annotate(
            name, (-0.04, 0.5), xycoords="axes fraction", rotation=90, ha="right", va="center",
            fontweight="bold",
        )  # fmt: skip
        for ax, place in zip(line, members, strict=False):
            show_image(images[place], ax, None if masks is None else masks[place])
            ax.set_title(_short(cases["case_id"].iloc[place]), fontsize=9.5, fontweight="normal")
    return axes


def _short(case_id: str, most: int = 18) -> str:
    """Return the end of an identifier that would not fit over its image."""
    return case_id if len(case_id) <= most else f"…{case_id[-most + 1 :]}"


def learning_curves(
    history: pd.DataFrame,
    inits: Sequence[str],
    *,
    metric: str = "accuracy",
    ax: Axes | None = None,
) -> Axes:
    """Draw a metric of training and validation over the epochs, per init.

    Parameters
    ----------
    history
        One row per init and epoch: `init`, `epoch` (from 1), `<metric>`,
        `val_<metric>`, as Keras names them.
    inits
        Sources in the order of the legend.
    metric
        "accuracy" (0–1), "loss" (cross-entropy, nats) or another column.
    """
    known = [c for c in history if f"val_{c}" in history]
    if metric not in known:
        raise unknown("metric", metric, known)
    ax = ax or plt.subplots(figsize=(6.4, 4.0))[1]
    for init in inits:
        rows, style = history[history["init"] == init], init_style(init)
        for prefix, (dash, part) in _PARTS.items():
            ax.plot(
                rows["epoch"], rows[prefix + metric], dash, color=style.color, marker="o",
                markersize=4, label=f"{style.short}, {part}",
            )  # fmt: skip
    units = {"loss": "Cross-entropy (nats)", "accuracy": "Accuracy (0–1)"}
    ax.set(xlabel="Epoch", ylabel=units.get(metric, metric))
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.grid()
    ax.legend()
    return ax


def published_beside(
    table: pd.DataFrame, *, xlabel: str, ax: Axes | None = None, reference: float | None = None
) -> Axes:
    """Draw published and recomputed estimates with their intervals, one line each.

    Parameters
    ----------
    table
        `name` (such as a task), `source` ("published" or "recomputed"), `estimate`,
        `low`, `high`; ends may be NaN where no interval exists.
    xlabel
        What is estimated, with its unit.
    reference
        Value marked by a vertical line, such as no difference.
    """
    names = list(dict.fromkeys(table["name"]))
    ax = ax or plt.subplots(figsize=(WIDTH, 1.2 + 0.5 * len(names)))[1]
    for source in dict.fromkeys(table["source"]):
        if source not in _SOURCES:
            raise unknown("source", source, list(_SOURCES))
        marker, face, edge = _SOURCES[source]
        rows = table[table["source"] == source]
        shift = -0.16 if source == "published" else 0.16
        heights = rows["name"].map(names.index).to_numpy() + shift
        ax.hlines(heights, rows["low"], rows["high"], color=edge, linewidth=2)
        ax.plot(
            rows["estimate"], heights, marker, markerfacecolor=face, markeredgecolor=edge,
            markersize=8, markeredgewidth=2, label=source,
        )  # fmt: skip
    if reference is not None:
        ax.axvline(reference, color=INK, linewidth=1)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel=xlabel, ylim=(len(names) - 0.4, -0.6))
    ax.grid(axis="x")
    ax.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=2)
    return ax

"""Images: activation maps beside outlines, and rows of images."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import expit

from rin.explain.gradcam import to_uint8
from rin.explain.overlap import PAPER_THRESHOLD
from rin.report.style import init_style
from rin.report.widths import NARROW, two_widths
from rin.stats import scenario_aucs
from rin.study import Results

OUTLINE = "#00E5FF"  # visible on grey images and on the overlay's colours
# Names of cases come from files: a dollar sign in a name does not start a formula.
_PLAIN = {"fontweight": "normal", "parse_math": False}


def show_image(image: np.ndarray, ax: Axes, mask: np.ndarray | None = None) -> Axes:
    """Show a grey image (h, w), uint8, with the outline of its mask, if any."""
    ax.imshow(image, cmap="gray", vmin=0, vmax=255)
    if mask is not None and np.any(mask):
        ax.contour(np.asarray(mask, dtype=float), [0.5], colors=OUTLINE, linewidths=1.6)
    ax.set_axis_off()
    return ax


@two_widths
def example_maps(
    runs: Results,
    task: str,
    cams: Sequence[tuple[pd.DataFrame, np.ndarray]],
    *,
    stand_ins: bool = False,
    narrow: bool = False,
) -> np.ndarray:
    """Draw one image of each class with the maps of both inits, from runs on this computer.

    `cams` contains the maps of one scenario's runs (`rin.study.fine_tuning.cam_arrays`); those of
    the first fold are drawn, and images that both networks classify correctly are preferred.  The
    white contour is at `PAPER_THRESHOLD`.  With `stand_ins`, titles say so instead of naming
    files.  In a `narrow` figure the images are side by side, and their maps are below them.
    """
    predictions, maps, chosen = _of_first_fold(runs, task, cams)
    rows = predictions[runs.inits[0]]
    inputs = runs.workspace.inputs(task)
    store, positive = inputs.store, inputs.task.positive_class
    places = pd.Index(store.cases["case_id"]).get_indexer(rows.loc[chosen, "case_id"])
    images, masks = store.images()[places], store.masks()[places]
    lines, columns = len(chosen), 1 + len(runs.inits)
    size, title_size = (2.4 * columns + 0.7, 2.8 * lines + 0.1), 10
    shape = lines, columns
    if narrow:
        width, title_size, shape = NARROW / lines, 8, shape[::-1]
        size = NARROW, 1.2 * width * columns + 0.6
    figure, panels = plt.subplots(*shape, figsize=size, squeeze=False)
    axes = panels.T if narrow else panels
    for line, image, mask in zip(axes, images, masks, strict=True):
        for ax in line:
            show_image(image, ax, mask)
    for ax, case in zip(axes[:, 0], store.cases.iloc[places].itertuples(), strict=True):
        name = "Stand-in image" if stand_ins else str(case.case_id)
        if len(name) > 22:  # ids may differ at both ends
            name = f"{name[:10]}…{name[-10:]}"
        ax.set_title(f"{name}\n{case.label}", fontsize=title_size, **_PLAIN)
    for init, column in zip(runs.inits, axes.T[1:], strict=True):
        scores, style = predictions[init].loc[chosen, "score"].to_numpy(), init_style(init)
        overlays = to_uint8(maps[init][chosen, :, :, (scores > 0).astype(int)], store.size)
        for ax, overlay, probability in zip(column, overlays, expit(scores), strict=True):
            colors = ax.imshow(overlay, cmap="inferno", alpha=0.5, vmin=0, vmax=255)
            if overlay.min() <= PAPER_THRESHOLD < overlay.max():
                look = {"colors": "white", "linestyles": "--", "linewidths": 1.2}
                ax.contour(overlay, [PAPER_THRESHOLD], **look)
            title = f"{style.short}\n{positive}: {probability:.2f}"
            ax.set_title(title, fontsize=title_size, color=style.color, **_PLAIN)
    where = {"location": "bottom"} if narrow else {"pad": 0.02}
    scale = figure.colorbar(colors, ax=panels, shrink=0.6, label="Activation (0–255)", **where)
    line = scale.ax.axvline if narrow else scale.ax.axhline
    line(PAPER_THRESHOLD, color="white", linestyle="--", linewidth=1.2)
    return axes


def best_scenario(runs: Results, task: str) -> str:
    """Return the name of the scenario with the largest mean AUC."""
    aucs = scenario_aucs(runs.predictions(task=task))
    return str(aucs.groupby("scenario")["auc"].mean().idxmax())


def _of_first_fold(
    runs: Results, task: str, cams: Sequence[tuple[pd.DataFrame, np.ndarray]]
) -> tuple[dict[str, pd.DataFrame], dict[str, np.ndarray], pd.Index]:
    """Return the predictions and maps of the first fold by init, and one row per class."""
    predictions, maps = {}, {}
    for rows, of_run in cams:
        init, fold = rows[["init", "fold"]].iloc[0]
        if fold == 0:
            predictions[init], maps[init] = rows, of_run
    rows = predictions[runs.inits[0]]
    with_lesion = rows["case_id"].isin(runs.overlap(task)["case_id"])
    correct = [(predictions[init]["score"] > 0) == (rows["label"] == 1) for init in runs.inits]
    rows = rows.assign(correct=np.all(correct, axis=0))[with_lesion]
    ordered = rows.sort_values("correct", ascending=False, kind="stable")
    return predictions, maps, ordered.groupby("label").head(1).index


@two_widths
def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    masks: Sequence[np.ndarray | None] | None = None,
    *,
    narrow: bool = False,
) -> np.ndarray:
    """Draw images, grey or in colour, with their titles, at most four per line; return the axes.

    In a `narrow` figure there are at most two per line.
    """
    columns = max(1, min(2 if narrow else 4, len(images)))
    lines = max(1, -(-len(images) // columns))
    width = min(1.9, NARROW / columns) if narrow else 1.9
    size = {"figsize": (width * columns, 1.16 * width * lines)}
    axes = plt.subplots(lines, columns, squeeze=False, **size)[1].ravel()
    outlines = [None] * len(images) if masks is None else masks
    for ax, image, title, mask in zip(axes, images, titles, outlines, strict=False):
        show_image(image, ax, mask).set_title(title, fontsize=8.5 if narrow else 9.5, **_PLAIN)
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return axes[: len(images)]

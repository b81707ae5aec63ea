"""Images: activation maps beside outlines, and rows of images."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from scipy.special import expit

from rin.explain.gradcam import to_uint8
from rin.explain.overlap import PAPER_THRESHOLD
from rin.report.style import init_style
from rin.stats import scenario_aucs
from rin.study import Runs
from rin.study.fine_tuning import cam_arrays
from rin.tables import require_columns

OUTLINE = "#00E5FF"  # reads on grey images and on the overlay's colours alike
# Names of cases come from files: a dollar sign in them starts no formula.
_PLAIN = {"fontweight": "normal", "parse_math": False}


def show_image(image: np.ndarray, ax: Axes, mask: np.ndarray | None = None) -> Axes:
    """Show a grey image (h, w), uint8, with the outline of its mask where it has one."""
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
) -> np.ndarray:
    """Draw cases in rows: the image with its lesion, then one overlay an init; return the axes.

    `images` are uint8 (n, h, w), `masks` bool or 0/1 of that shape, `cams` from init to uint8 (n,
    h, w) as of `rin.explain.gradcam.to_uint8`.  `cases` has a row an image: `case_id`, `label`
    (text), and per init `score_<init>`, the probability of the positive class.  The white
    contour is at `PAPER_THRESHOLD`, what Dice takes for lesion.
    """
    needed = ["case_id", "label", *(f"score_{init}" for init in cams)]
    require_columns(cases, needed, where="cases")
    n, columns, side = len(images), 1 + len(cams), 2.4
    size = (side * columns + 0.7, (side + 0.4) * n + 0.1)
    figure, axes = plt.subplots(n, columns, figsize=size, squeeze=False)
    for at, (line, case) in enumerate(zip(axes, cases.itertuples(index=False), strict=True)):
        show_image(images[at], line[0], masks[at])
        name = str(case.case_id)
        if len(name) > 22:  # ids differ at either end
            name = f"{name[:10]}…{name[-10:]}"
        line[0].set_title(f"{name}\n{case.label}", fontsize=10, **_PLAIN)
        for ax, (init, maps) in zip(line[1:], cams.items(), strict=True):
            show_image(images[at], ax, masks[at])
            shown = ax.imshow(maps[at], cmap="inferno", alpha=0.5, vmin=0, vmax=255)
            above = maps[at] > PAPER_THRESHOLD
            if above.any() and not above.all():
                ax.contour(
                    maps[at], [PAPER_THRESHOLD], colors="white", linewidths=1.2, linestyles="--"
                )
            style, score = init_style(init), getattr(case, f"score_{init}")
            title = f"{style.short}\n{positive_class}: {score:.2f}"
            ax.set_title(title, fontsize=10, color=style.color, **_PLAIN)
    scale = figure.colorbar(shown, ax=axes, shrink=0.6, pad=0.02, label="Activation (0–255)")
    scale.ax.axhline(PAPER_THRESHOLD, color="white", linestyle="--", linewidth=1.2)
    return axes


def example_maps(runs: Runs, task: str) -> np.ndarray:
    """Draw one image of each class with the maps of both inits, of runs on this computer.

    The maps are of the scenario with the largest mean AUC, in its first fold; an image that both
    networks classify correctly comes first.  Return the axes, as `cam_panel`.
    """
    aucs = scenario_aucs(runs.predictions(task=task)).groupby("scenario")["auc"].mean()
    predictions, maps = {}, {}
    for rows, of_run in cam_arrays(runs.study, task):
        init, scenario, fold = rows[["init", "scenario", "fold"]].iloc[0]
        if scenario == aucs.idxmax() and fold == 0:
            predictions[init], maps[init] = rows, of_run
    inputs, rows = runs.study.inputs(task), predictions[runs.inits[0]]
    with_lesion = rows["case_id"].isin(runs.overlap(task)["case_id"])
    correct = [(predictions[init]["score"] > 0) == (rows["label"] == 1) for init in runs.inits]
    rows = rows.assign(correct=np.all(correct, axis=0))[with_lesion]
    ordered = rows.sort_values("correct", ascending=False, kind="stable")
    shown = ordered.groupby("label").head(1).index
    store = inputs.store
    place = pd.Index(store.cases["case_id"]).get_indexer(rows.loc[shown, "case_id"])
    cases, cams = store.cases.iloc[place][["case_id", "label"]], {}
    for init in runs.inits:
        scores = predictions[init].loc[shown, "score"].to_numpy()
        of_call = maps[init][shown, :, :, (scores > 0).astype(int)]
        cams[init] = to_uint8(of_call, store.size)
        cases = cases.assign(**{f"score_{init}": expit(scores)})
    return cam_panel(
        store.images()[place],
        store.masks()[place],
        cams,
        cases,
        positive_class=inputs.task.positive_class,
    )


def image_row(
    images: Sequence[np.ndarray],
    titles: Sequence[str],
    masks: Sequence[np.ndarray | None] | None = None,
) -> np.ndarray:
    """Draw grey images with their titles, at most four a line; return the axes."""
    columns = max(1, min(4, len(images)))
    lines = max(1, -(-len(images) // columns))
    size = {"figsize": (1.9 * columns, 2.2 * lines)}
    axes = plt.subplots(lines, columns, squeeze=False, **size)[1].ravel()
    outlines = [None] * len(images) if masks is None else masks
    for ax, image, title, mask in zip(axes, images, titles, outlines, strict=False):
        show_image(image, ax, mask).set_title(title, fontsize=9.5, **_PLAIN)
    for ax in axes[len(images) :]:
        ax.set_axis_off()
    return axes[: len(images)]

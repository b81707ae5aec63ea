"""Figures and sentences of the pages that show the pipeline live, from curation to statistics.

A page computes a table in cells that a reader would write; what it looks like, and what is said
where numbers have cases, is here.
"""

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rin.explain.gradcam import to_uint8
from rin.report.forest import forest
from rin.report.maps import OUTLINE, image_row
from rin.report.page import Picture, claim, picture
from rin.report.style import FAINT, UNFREEZING_LABEL, init_style
from rin.report.widths import NARROW, two_widths
from rin.study import Workspace
from rin.study.fine_tuning import cam_arrays
from rin.study.profile import RANDOM, SCENARIOS

#: Where the legend of a wide figure is.
_BESIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1)}

#: AUCs from which a task counts as learnt, and up to which as hardly learnt.
LEARNT, HARDLY = 0.80, 0.65
_FRAMEWORKS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def agreement(
    apart: float, unit: str, *, as_printed: bool, stored: str | None, backend: str
) -> str:
    """Return how far what was done by hand is from what the package did, or why none compares.

    `apart` is the largest difference in a `unit`, `stored` the framework that trained the kept
    run, None where it is not known.
    """
    if not as_printed:
        return f"A line was changed: nothing is checked. The {unit} differ by up to {apart:.2g}."
    if stored != backend:
        made, here = (_FRAMEWORKS.get(name, "another framework") for name in (stored, backend))
        return (
            f"The kept run was trained by {made} and this page runs on {here}, whose sums round "
            "otherwise from the first step: the two are not compared. With a `results` folder of "
            "its own the page trains both alike."
        )
    return f"By hand and by the package the {unit} differ by at most {apart:.0e}."


def transfer(aucs: Mapping[str, float], images: int) -> str:
    """Return what one scenario shows of transfer, from its AUC on test images by init.

    `aucs` has the pretrained inits and `random`, as fractions.
    """
    pretrained = {init: auc for init, auc in aucs.items() if init != RANDOM}
    listed = " and ".join(
        f"{auc:.2f} from {init_style(init).word} weights" for init, auc in pretrained.items()
    )
    start = f"On {images} test images the AUC is {listed}"
    if RANDOM not in aucs:
        return f"{start}. This profile trains none from random weights."
    start += f", and {aucs[RANDOM]:.2f} from random ones"
    best, random = max(pretrained.values()), aucs[RANDOM]
    if best >= LEARNT and random <= HARDLY:
        return (
            f"{start}. Images, steps and learning rate were the same: what a network has seen "
            "before decides whether so few images suffice. That is transfer learning."
        )
    if best > random:
        return f"{start}. Pretraining helps, but the contrast is too weak to show much."
    return f"{start}. These networks have learnt too little to show transfer."


def transfer_figure(aucs: pd.DataFrame) -> Picture:
    """Draw the AUC of every scenario by what it starts from; a line a scenario.

    `aucs` has a row a scenario and init: `scenario`, `init` and `auc` (0-1).
    """
    order = [init for init in (RANDOM, "photographic", "radiologic") if init in {*aucs["init"]}]
    order += sorted({*aucs["init"]} - {*order})
    rows = aucs.assign(
        place=[order.index(init) for init in aucs["init"]],
        layers=[UNFREEZING_LABEL[SCENARIOS[name].unfreezing] for name in aucs["scenario"]],
    )
    _, ax = plt.subplots(figsize=(5.4, 3.4))
    columns = {"x": "place", "y": "auc", "hue": "layers", "units": "scenario"}
    sns.lineplot(rows, **columns, estimator=None, marker="o", ax=ax)
    ax.axhline(0.5, color=FAINT, linestyle=":")
    words = [init_style(init).word for init in order]
    ax.set(xticks=range(len(order)), xticklabels=words, xlabel="First weights", ylabel="Test AUC")
    sns.move_legend(ax, "upper left", bbox_to_anchor=(1, 1), title="Layers trained")
    return picture(ax, "Test AUC of every scenario by its first weights", width="34rem")


def classes_row(images: np.ndarray, labels: Sequence[str]) -> Picture:
    """Show images of each class."""
    alt = "Two images of each class as the networks see them"
    return picture(image_row(images, labels), alt, width="36rem")


def accuracies(scores: pd.DataFrame, what: str) -> Picture:
    """Draw shares of images with their intervals, a group a backbone and a line an init.

    `scores` is indexed by `init` and `backbone`, with `estimate`, `ci_low` and `ci_high`.
    """
    rows = scores.reset_index().rename(columns={"backbone": "group", "init": "kind"})
    names = {init: init_style(init).short for init in rows["kind"]}
    axis = {"unit": "points", "limits": (0, 100), "zero": None, "xlabel": f"{what}, % (95% CI)"}
    ax = forest(rows, label="kind", names=names, legend=False, **axis)
    return picture(ax, f"{what} of each network, with its 95% interval")


def confusion(shares: pd.DataFrame) -> Picture:
    """Draw a confusion matrix in percent of each row: true classes down, predicted across."""
    ax = sns.heatmap(shares, cmap="Purples", annot=len(shares) <= 12, fmt=".0f")
    ax.set(xlabel="Predicted class", ylabel="True class")
    return picture(ax, "Confusion matrix, percent of each row", width="36rem")


def outlined_image(grey: np.ndarray, points: np.ndarray, title: str) -> Picture:
    """Show a grey image with an outline, (n, 2) columns and rows."""
    figure, ax = plt.subplots(figsize=(3.4, 3.6))
    ax.imshow(grey, cmap="gray")
    ax.plot(*points.T, color=OUTLINE)
    ax.set(title=title, xticks=[], yticks=[])
    return picture(figure, "A key image with the outline of its reader", width="20rem")


def accepted_by(confirmed: Mapping[str, int]) -> str:
    """Return how many normal studies were accepted, by whom: `rules`, `radiologist`."""
    who = " and ".join(confirmed) or "rules"
    alone = "" if "radiologist" in confirmed else " alone; no radiologist confirmed them"
    return f"{sum(confirmed.values()):,} were accepted by {who}{alone}"


def files_left(steps: pd.Series) -> Picture:
    """Draw how many files are left after each step of curation."""
    ax = sns.barplot(x=steps, y=steps.index, color=FAINT)
    ax.bar_label(ax.containers[0], fmt="{:,.0f}", padding=4)
    ax.set(xlabel="Files", ylabel="", xlim=(0, 1.15 * steps.max()))
    return picture(ax, "Files that are left after each step of curation", width="32rem")


def images_by_region(images: pd.DataFrame, titles: Mapping[str, str]) -> Picture:
    """Draw how many key and normal images each region of a corpus has."""
    kinds = {"key": "key images", "normal": "of normal studies"}
    shown = images.sort_values("region").replace(kinds | dict(titles))
    ax = sns.countplot(shown, y="region", hue="kind")
    ax.set(xlabel="Images", ylabel="")
    sns.move_legend(ax, "best", title="")
    return picture(ax, "Key and normal images of the corpus, by region", width="32rem")


def map_with_largest_value(workspace: Workspace, task: str) -> Picture:
    """Show the map of largest value of all runs of a task beside its image, with the mask."""
    tested, maps = max(cam_arrays(workspace, task), key=lambda run: run[1].max())
    claim("a map has a positive value", maps.max() > 0)
    place, _, _, label = np.unravel_index(maps.argmax(), maps.shape)
    case, inputs = tested.iloc[place], workspace.inputs(task)
    store = inputs.store
    position = pd.Index(store.cases["case_id"]).get_loc(case["case_id"])
    class_of = dict(zip(inputs.labels, store.cases["label"], strict=True))
    overlay = to_uint8(maps[[place], ..., label], store.size)[0]
    titles = [case["case_id"], f"map of “{class_of[label]}”"]
    masks = [store.masks()[position]] * 2
    axes = image_row([store.images()[position], overlay], titles, masks)
    axes[0].figure.suptitle(f"{case['init']}, {case['scenario']}", fontsize=9.5)
    return picture(axes, "A test image with its mask, and its map", width="24rem")


def best_maps(images: np.ndarray, maps: np.ndarray, masks: np.ndarray) -> Picture:
    """Show two images and their maps, (2, h, w) each, with the outlines of their lesions."""
    titles = ["image 1", "image 2", "map 1", "map 2"]
    axes = image_row([*images, *maps], titles, [*masks] * 2)
    return picture(axes, "The two images with the highest Dice scores, and their maps")


def dice_strip(by_scenario: pd.Series, baselines: pd.Series, inits: Collection[str]) -> Picture:
    """Draw the Dice score of every scenario, by layers and init; baselines as dotted lines."""
    axes = _dice_axes(by_scenario, baselines, inits)
    return picture(axes, "Dice score of every scenario, by layers trained and initialisation")


@two_widths
def _dice_axes(
    by_scenario: pd.Series, baselines: pd.Series, inits: Collection[str], *, narrow: bool = False
) -> Axes:
    palette = {init: init_style(init).color for init in inits}
    columns = {"x": "dice", "y": "unfreezing", "hue": "init", "palette": palette}
    rows = by_scenario.reset_index().replace({"unfreezing": UNFREEZING_LABEL})
    _, ax = plt.subplots(figsize=(NARROW, 3.4) if narrow else (6.4, 4.2))
    sns.stripplot(rows, **columns, dodge=True, ax=ax)
    for baseline, score in baselines.items():
        ax.axvline(score, color="0.4", linestyle=":")
        ax.text(score, -0.55, baseline, rotation=20, fontsize=7 if narrow else 9)
    ax.set(xlabel="Mean Dice score of a scenario (0–1)", ylabel="")
    place = {"loc": "upper center", "bbox_to_anchor": (0.4, -0.2), "ncols": 2}
    sns.move_legend(ax, **(place if narrow else _BESIDE), title="")
    return ax


def won_pairs(pairs: pd.DataFrame) -> Picture:
    """Draw pairs of a positive (down) and a negative case: won (1), tied (0.5) or lost (0)."""
    ax = sns.heatmap(pairs, annot=True, cbar=False, cmap="Purples", vmax=1.5)
    ax.set(xlabel="Negative case", ylabel="Positive case")
    return picture(ax, "Pairs of cases: won, tied or lost by model A", width="24rem")


def coverage_lines(coverage: pd.DataFrame) -> Picture:
    """Draw how often intervals contain the truth, by `correlation`, `units` and `measure`."""
    return picture(_coverage_axes(coverage), "Share of 95% intervals that contain the truth")


@two_widths
def _coverage_axes(coverage: pd.DataFrame, *, narrow: bool = False) -> np.ndarray:
    panels = {"row" if narrow else "col": "measure", "height": 2.2 if narrow else 3.2}
    lines = sns.relplot(
        coverage, x="correlation", y="coverage", hue="units", **panels,
        kind="line", errorbar=None, marker="o",
    )  # fmt: skip
    lines.refline(y=0.95)
    end = ("axes fraction", "data")
    lines.axes.flat[-1].annotate("95%", (1.01, 0.95), xycoords=end, va="center")
    lines.set_axis_labels("Correlation of images", "Intervals with the truth")
    lines.set_titles("{row_name}" if narrow else "{col_name}").legend.set_title("")
    if narrow:
        sns.move_legend(lines, "lower center", ncols=2, title="")
        n_panels = len(lines.axes.flat)
        lines.figure.set_size_inches(NARROW, 2.2 * n_panels + 0.6)
        lines.figure.tight_layout(rect=(0, 0.45 / (2.2 * n_panels + 0.6), 0.94, 1))
    return lines.axes

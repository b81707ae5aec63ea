"""Figures, tables and sentences of the pages that show the pipeline live, curation to statistics.

A page computes a table in cells as a reader would write them; this module contains how the table
looks, and sentences with cases.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import HTML
from matplotlib.axes import Axes
from pandas.io.formats.style import Styler

from rin.curation.taxonomy import REGIONS
from rin.data.manifest import find_task
from rin.errors import counted
from rin.evidence.paper import DATABASE, RELEASED_ACCURACY
from rin.report import words_of_results
from rin.report.banner import pretraining_banner, provenance_line
from rin.report.forest import forest
from rin.report.format import book_table, format_estimate
from rin.report.maps import OUTLINE, image_row
from rin.report.page import Picture, picture
from rin.report.style import FAINT, UNFREEZING_LABEL, init_style
from rin.report.widths import NARROW, in_the_look, two_widths
from rin.study import Results, Workspace
from rin.study.corpora import real_archive
from rin.study.profile import RANDOM, SCENARIOS
from rin.study.workspace import find_manifest

if TYPE_CHECKING:
    from rin.curation.build import CuratedCorpus

#: Where the legend of a wide figure is.
_BESIDE = {"loc": "upper left", "bbox_to_anchor": (1, 1)}

#: AUC from which a task counts as learnt, and AUC up to which it counts as hardly learnt.
LEARNT, HARDLY = 0.80, 0.65
_FRAMEWORKS = {"tensorflow": "TensorFlow", "jax": "JAX", "torch": "PyTorch"}


def agreement(
    apart: float, unit: str, *, as_printed: bool, stored: str | None, backend: str
) -> str:
    """Return how far results by hand are from those of the package, or why they are not compared.

    `apart` is the largest difference, in a `unit`; `stored` is the framework that trained the kept
    run, None if unknown; `backend` is the framework of this page.
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
    """Return what one scenario shows about transfer, from its AUC on test images by init.

    `aucs` has the pretrained inits and, if trained, `random`, as fractions.
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


def on_one_task(
    row: Any, inits: tuple[str, str], title: str, *, stand_ins: Collection[str]
) -> str:
    """Return the result of a live task: mean AUCs, their difference, and what it is based on.

    `row` is the row of `rin.stats.init_differences` for all scenarios.
    """
    (a, b), scenarios = inits, counted(int(row["n_scenarios"]), "scenarios")
    return (
        f"On “{title}”, over {scenarios}, the mean AUC is {row['auc_a']:.3f} with "
        f"{init_style(a).word} and {row['auc_b']:.3f} with {init_style(b).word} weights; the "
        f"difference is **{format_estimate(row, unit='points')}** AUC points "
        f"({words_of_results.example_of_test(row, inits, stand_ins=stand_ins)}). It is based on "
        f"{row['n_cases']:.0f} test images of {row['n_patients']:.0f} patients."
    )


def after_one_epoch(backbone: str, init: str, accuracy: float) -> str:
    """Return how well a network classifies after one epoch, and the size of the paper's corpus."""
    return (
        f"On the validation part top-1 of {backbone}, {init}, is {accuracy:.2f} after this one "
        "epoch, with running averages that lag behind. RadImageNet was pretrained on "
        f"{DATABASE['images'].value:,} images of {DATABASE['patients'].value:,} patients, which "
        "are available on request only."
    )


def learnt(scores: pd.DataFrame) -> str:
    """Return how well pretrained networks classify test images, beside the released networks.

    `scores` is indexed by `init` and `backbone`, with `images`, `estimate`, `classes`, `seconds`.
    """
    accuracies = scores["estimate"].groupby("init", sort=False).mean()
    means = " and ".join(
        f"{top1:.0%} ({init_style(init).word}; by guessing "
        f"{1 / scores.loc[init, 'classes'].max():.0%})"
        for init, top1 in accuracies.items()
    )
    released = [network.top1 for network in RELEASED_ACCURACY.values()]
    return (
        f"On {scores['images'].min()} or more test images of each corpus, which no training step "
        f"saw, the networks classify on average {means} correctly. The released RadImageNet "
        f"networks reach {min(released):.1f} to {max(released):.1f}%, on other images and "
        f"{DATABASE['labels'].value} classes. The {len(scores)} trainings took "
        f"{scores['seconds'].sum() / 60:.1f} minutes of one worker's time."
    )


def alike_neighbours(nearest: pd.DataFrame, inits: Collection[str]) -> str:
    """Return how often the nearest image has the same class, for each init's best network.

    `nearest` is indexed by `init` and `backbone`, with the columns of
    `rin.study.nearest_of_class`; an init that it lacks has no class with two patients.
    """
    best = nearest.loc[nearest.groupby("init", sort=False)["estimate"].idxmax()]
    shares = " and ".join(
        f"{row.estimate:.0%} of {counted(row.images, 'images')} of "
        f"{counted(row.patients, 'patients')} ({init_style(row.Index[0]).word}; "
        f"{row.chance:.0%} by chance)"
        for row in best.itertuples()
    )
    unmatched = sorted({*inits} - {*best.index.unique("init")})
    return (
        "In each corpus's best network the nearest image is of the same class for "
        f"{shares}. The corpora have different classes, so their shares are not compared."
        + "".join(f" No {init} test class has two patients." for init in unmatched)
    )


def mean_overlap(
    by_scenario: pd.Series, baselines: pd.Series, images: int, inits: tuple[str, str]
) -> str:
    """Return the mean Dice score of each init over its scenarios, and the best baseline's."""
    means = by_scenario.groupby("init").mean()
    listed = " and ".join(f"{means[init]:.3f} ({init_style(init).word})" for init in inits)
    return (
        f"Over all scenarios the mean Dice score is {listed} on {images} test images with a "
        f"lesion; an image-blind baseline ({baselines.idxmax()}) reaches {baselines.max():.3f}."
    )


def pretraining_line(runs: Results) -> HTML:
    """Return the line of provenance of one's own pretraining, empty before there is any."""
    return pretraining_banner(runs) or HTML("")


def archive_line(workspace: Workspace) -> HTML:
    """Return the line of provenance of a corpus that is curated from an archive."""
    real = real_archive(workspace)
    kind, name = ("real", real.name) if real else ("stand-in", "written by a program")
    return provenance_line([kind], [f"profile {workspace.profile.name}"], {"Archive": name})


def task_with_masks(workspace: Workspace, task: str = "") -> str:
    """Return a task with masks of lesions: `task`, or a profile's live task, or its first one."""
    listed = [task] if task else [workspace.profile.live_task, *workspace.profile.tasks]
    return next(name for name in listed if find_manifest(workspace, *find_task(name)).masks)


@in_the_look
def transfer_figure(aucs: pd.DataFrame) -> Picture:
    """Draw the AUC of every scenario by its first weights, with one line per scenario.

    `aucs` has one row per scenario and init: `scenario`, `init` and `auc` (0-1).
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
    """Draw shares of images with their intervals, one group per backbone and one line per init.

    `scores` is indexed by `init` and `backbone`, with `estimate`, `ci_low` and `ci_high`.
    """
    rows = scores.reset_index().rename(columns={"backbone": "group", "init": "kind"})
    names = {init: init_style(init).short for init in rows["kind"]}
    axis = {"unit": "points", "limits": (0, 100), "zero": None, "xlabel": f"{what}, % (95% CI)"}
    ax = forest(rows, label="kind", names=names, legend=False, **axis)
    return picture(ax, f"{what} of each network, with its 95% interval")


@in_the_look
def confusion(shares: pd.DataFrame) -> Picture:
    """Draw a confusion matrix in percent of each row: true classes down, predicted across."""
    ax = sns.heatmap(shares, cmap="Purples", annot=len(shares) <= 12, fmt=".0f")
    ax.set(xlabel="Predicted class", ylabel="True class")
    return picture(ax, "Confusion matrix, percent of each row", width="36rem")


@in_the_look
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


def files_by_step(corpus: CuratedCorpus) -> pd.Series:
    """Return the number of files of an archive that are left after each step of curation."""
    from rin.curation.build import AT_RISK, RARE
    from rin.curation.index import RULES

    left_out = corpus.excluded.groupby("rule")["images"].sum()
    held, kept = corpus.card["archive"]["instances"], len(corpus.images)
    unlettered = kept + left_out.get(RARE, 0)
    return pd.Series(
        {
            "files in the archive": held,
            "diagnostic images": held - left_out[left_out.index.isin(RULES)].sum(),
            "key, or of normal studies": unlettered + left_out.get(AT_RISK, 0),
            "without burned-in text": unlettered,
            "in the corpus": kept,
        }
    )


@in_the_look
def files_left(steps: pd.Series) -> Picture:
    """Draw the number of files that are left after each step of curation."""
    ax = sns.barplot(x=steps, y=steps.index, color=FAINT)
    ax.bar_label(ax.containers[0], fmt="{:,.0f}", padding=4)
    ax.set(xlabel="Files", ylabel="", xlim=(0, 1.15 * steps.max()))
    return picture(ax, "Files that are left after each step of curation", width="32rem")


@in_the_look
def images_by_region(images: pd.DataFrame) -> Picture:
    """Draw the number of key images and of normal images of each region of a corpus."""
    titles = {name: f"{region.title}, {region.modality}" for name, region in REGIONS.items()}
    kinds = {"key": "key images", "normal": "of normal studies"}
    shown = images.sort_values("region").replace(kinds | titles)
    ax = sns.countplot(shown, y="region", hue="kind")
    ax.set(xlabel="Images", ylabel="")
    sns.move_legend(ax, "best", title="")
    return picture(ax, "Key and normal images of the corpus, by region", width="32rem")


def curated(corpus: CuratedCorpus) -> str:
    """Return sentences on what became of the studies and files of an archive."""
    held, flagged = corpus.card["archive"], corpus.screened
    confirmed = corpus.card["normal studies"]["confirmed by"]
    return (
        f"Of {held['studies']:,} studies the query flags {len(flagged):,} as normal. The rules "
        f"judge {(flagged['verdict'] == 'normal').sum():,} of them to be normal, and "
        f"{accepted_by(confirmed)}. After exclusions, de-identification and export, "
        f"{len(corpus.images):,} of {held['instances']:,} files form a corpus of "
        f"{corpus.images['label'].nunique()} classes in the layout of RadImageNet, split by "
        f"patient. RadImageNet itself has {DATABASE['images'].value:,} images of "
        f"{DATABASE['labels'].value} classes."
    )


def rules_table(rules: pd.DataFrame) -> Styler:
    """Return a table of the verdicts of the rules for reports on some impressions."""
    return book_table(rules, "The rules at work, on invented reports", prose=True)


def excluded_table(excluded: pd.DataFrame) -> Styler:
    """Return a table of how many files each rule excludes from a corpus, and why, most first."""
    shown = excluded.sort_values("images", ascending=False)
    shown.columns = ["Rule", "Files", "Why"]
    return book_table(shown, "Files that are not in the corpus, by rule", prose=True)


def deidentified_table(card: Mapping[str, Any]) -> Styler:
    """Return a table of the de-identification that a dataset card states."""
    done = pd.Series(card["de-identification"], name="Done").drop("profile")
    return book_table(done.to_frame(), "From the dataset card", prose=True)


def best_maps(images: np.ndarray, maps: np.ndarray, masks: np.ndarray) -> Picture:
    """Show two images and their maps, (2, h, w) each, with the outlines of their lesions."""
    titles = ["image 1", "image 2", "map 1", "map 2"]
    axes = image_row([*images, *maps], titles, [*masks] * 2)
    return picture(axes, "The two images with the highest Dice scores, and their maps")


def dice_strip(by_scenario: pd.Series, baselines: pd.Series, inits: Collection[str]) -> Picture:
    """Draw the Dice score of every scenario, by layers and init, and baselines as dotted lines."""
    axes = _dice_axes(by_scenario, baselines, inits)
    return picture(axes, "Dice score of every scenario, by layers trained and initialisation")


@two_widths
def _dice_axes(
    by_scenario: pd.Series, baselines: pd.Series, inits: Collection[str], *, narrow: bool = False
) -> Axes:
    palette = {init: init_style(init).color for init in inits}
    columns = {"x": "dice", "y": "unfreezing", "hue": "init", "palette": palette}
    rows = by_scenario.reset_index()
    rows["unfreezing"] = rows["unfreezing"].map(UNFREEZING_LABEL)
    _, ax = plt.subplots(figsize=(NARROW, 3.4) if narrow else (6.4, 4.2))
    sns.stripplot(rows, **columns, dodge=True, ax=ax)
    for baseline, score in baselines.items():
        ax.axvline(score, color="0.4", linestyle=":")
        ax.text(score, -0.55, baseline, rotation=20, fontsize=7 if narrow else 9)
    ax.set(xlabel="Mean Dice score of a scenario (0–1)", ylabel="")
    place = {"loc": "upper center", "bbox_to_anchor": (0.4, -0.2), "ncols": 2}
    sns.move_legend(ax, **(place if narrow else _BESIDE), title="")
    return ax


@in_the_look
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

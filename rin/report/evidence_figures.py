"""Figures of the pages on published evidence and of the page on the study, one function each.

Each function takes tables and returns a `rin.report.page.Picture`; labels, order and alternative
texts are here, and no statistics.
"""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown
from matplotlib.axes import Axes

from rin.curation.taxonomy import MODALITIES, REGIONS
from rin.evidence import paper
from rin.evidence.audit import TaskAudit, published_intervals
from rin.evidence.claims import task_names
from rin.models.probe import LARGEST_DIVERGENCE, scaling_of
from rin.report.forest import forest
from rin.report.heat import heat
from rin.report.lines import panel_titles
from rin.report.page import Picture, picture
from rin.report.style import KIND_STYLE, UNFREEZING_LABEL
from rin.report.widths import NARROW, two_widths

_ENDS = ("ImageNet", "RadImageNet")
_DIFFERENCE = "RadImageNet − ImageNet, AUC points (95% CI)"
#: The paper's questions that others asked too; a key may join two tasks.
QUESTIONS = {
    "thyroid": "Thyroid nodules, US",
    "breast": "Breast lesions, US",
    "acl/meniscus": "Knee MRI (ligament and meniscus)",
    "pneumonia": "Pneumonia, chest radiography",
}


def published_forest(audits: Collection[TaskAudit]) -> Picture:
    """Draw each published interval, and below it the interval that the published SDs imply."""
    intervals = pd.concat(
        published_intervals(audit.published).assign(label=audit.published.title)
        for audit in audits
    )
    half_widths = (intervals["ci_high"] - intervals["ci_low"]) / 2
    notes = half_widths.map("±{:.2f}".format).groupby(intervals["label"])
    axes = forest(
        intervals.assign(note=notes.transform("   ".join)),
        xlabel=_DIFFERENCE,
        ends=_ENDS,
        note_title="printed   implied",
    )
    alt = "Published interval of each task's difference and, below it, the unpaired t interval of "
    return picture(axes, f"{alt}the published SDs: nearly equal")


def analyses_heat(
    analyses: pd.DataFrame,
    adjusted: pd.DataFrame,
    inits: Sequence[str],
    titles: Mapping[str, str],
    *,
    tested: bool = True,
) -> Picture:
    """Draw differences of several analyses (`name`) by task; a star where adjusted P is below .05.

    `analyses` are rows of `rin.stats.task_analyses` with their `task`; `adjusted` has a P value
    for each cell of the figure.  Without `tested`, as for stand-ins, there are no stars.
    """
    grid = analyses.pivot_table(index="name", columns="task", values="estimate", sort=False)
    grid = grid.dropna(how="all")
    clear = (adjusted < 0.05).reindex_like(grid) if tested else None
    axes = heat(_titled(grid, titles), inits, clear=_titled(clear, titles))
    return picture(axes, "Difference by several analyses of the same predictions, by task")


def levels_heat(
    levels: pd.DataFrame, titles: Mapping[str, str], *, tested: bool = True
) -> Picture | Markdown:
    """Draw differences between ways of unfreezing and between backbones (`level_differences`)."""
    if levels.empty:
        return Markdown("*This run has one way of unfreezing and one network: none to compare.*")
    names = levels["level"].replace(UNFREEZING_LABEL) + " − "
    rows = levels.assign(label=names + levels["other"].replace(UNFREEZING_LABEL))
    grid = rows.pivot_table(index="label", columns="task", values="estimate", sort=False)
    grid = grid[[task for task in titles if task in grid]]
    clear = None
    if tested:
        adjusted = rows.pivot_table(index="label", columns="task", values="p_holm", sort=False)
        clear = _titled((adjusted < 0.05).reindex_like(grid), titles)
    axes = heat(_titled(grid, titles), clear=clear)
    return picture(axes, "Differences by layers trained and by network, for each task")


def _titled(grid: pd.DataFrame | None, titles: Mapping[str, str]) -> pd.DataFrame | None:
    """Return a table whose columns, tasks, are renamed to their titles up to the comma."""
    short = {task: title.partition(",")[0] for task, title in titles.items()}
    return None if grid is None else grid.rename(columns=short)


def other_groups_forest(others: pd.DataFrame) -> Picture:
    """Draw the comparisons by other groups, study by study."""
    rows = others.assign(kind="independent")
    rows["label"] += (", " + rows["metric"]).where(rows["metric"] != "AUC", "")
    axes = forest(
        rows,
        label="label",
        group="study",
        limits=(-32, 20),
        xlabel="RadImageNet − ImageNet, points (95% CI)",
        ends=_ENDS,
    )
    alt = "Six studies by other groups: one right of zero, one left of it, the others around it"
    return picture(axes, alt)


def questions_forest(alike: pd.DataFrame) -> Picture:
    """Draw the paper's estimates on its questions beside the estimates of other studies."""
    published = pd.DataFrame(
        [
            {"task": key, "label": "The paper" + _which(task, key), "kind": "published"}
            | {name: getattr(row, name) for name in ("estimate", "ci_low", "ci_high")}
            for key in QUESTIONS
            for task, row in paper.COMPARISONS.items()
            if task in key.split("/")
        ]
    )
    same = alike[alike["task"].isin(QUESTIONS)].assign(kind="independent")
    setting = (", " + same["setting"]).where(same["setting"] != "", "")
    same["label"] = same["study"].str.partition(" (")[0] + setting + _marks(same)
    order = {key: number for number, key in enumerate(QUESTIONS)}
    rows = pd.concat([published, same]).sort_values("task", key=lambda key: key.map(order),
                                                    kind="stable")  # fmt: skip
    axes = forest(
        rows,
        group="task",
        label="label",
        names=QUESTIONS,
        limits=(-35, 20),
        xlabel=_DIFFERENCE,
        ends=_ENDS,
    )
    alt = "Difference in AUC points by question: the paper's estimates are right of zero, "
    return picture(axes, f"{alt}independent studies around it or left")


def _which(task: str, key: str) -> str:
    return f", {task_names([task])}" if "/" in key else ""


def _marks(rows: pd.DataFrame) -> pd.Series:
    """Return † for inputs that lack the scaling, ‡ for weights that a study trained itself."""
    missing = rows["scaling_missing"].map({True: " †", False: ""})
    return missing + rows["own_weights"].map({True: " ‡", False: ""})


def further_questions_forest(alike: pd.DataFrame, others: pd.DataFrame) -> Picture:
    """Draw the comparisons of the first group on questions that the paper does not ask."""
    of_group = ~alike["of_the_paper"] & ~alike["study"].isin(others["study"])
    rows = alike[of_group].assign(kind="independent")
    rows["label"] = rows["label"].str.removeprefix("MedMNIST ") + _marks(rows)
    axes = forest(rows, label="label", group="study", xlabel=_DIFFERENCE, ends=_ENDS)
    return picture(axes, "Difference in AUC points on questions that the paper does not ask")


def divergence_forest(measured: pd.DataFrame) -> Picture:
    """Draw each candidate's divergence from stored averages, by the preprocessing of training.

    `measured` are rows of `Results.probe`; median and range over files and datasets.
    """
    label = measured["candidate"].map(scaling_of).rename("label")
    trained = ("Trained with " + measured["trained_with"]).rename("group")
    divergence = np.log10(measured["divergence"]).groupby([trained, label, measured["seen"]])
    rows = divergence.agg(estimate="median", ci_low="min", ci_high="max").reset_index()
    rows["kind"] = rows["seen"].map({True: "recomputed", False: "published"})
    axes = _divergences(rows.assign(note=""))
    return picture(axes, "Divergence of each candidate, by the preprocessing of training")


def _divergences(rows: pd.DataFrame) -> Axes:
    axes = forest(
        rows,
        zero=float(np.log10(LARGEST_DIVERGENCE)),
        legend=False,
        xlabel="Divergence from the stored averages (log scale)",
    )
    axes.set_xticks([-2, 0, 2, 4], ["0.01", "1", "100", "10,000"])
    return axes


def regions_bars(taxonomy: pd.DataFrame) -> Picture:
    """Draw the number of classes of each region, and of its images in the open subset."""
    regions = pd.DataFrame([vars(region) for region in REGIONS.values()])
    regions["Region"] = region_names(regions["name"])
    regions["Classes"] = regions["name"].map(taxonomy.groupby("region").size())
    regions["Images, open subset"] = regions["subset_images"]
    rows = regions.melt("Region", ["Classes", "Images, open subset"]).dropna()
    alt = "Classes of each region, and images of seven regions of MRI"
    return picture(_bars(rows), alt)


@two_widths
def _bars(rows: pd.DataFrame, *, narrow: bool = False) -> np.ndarray:
    size = {"height": 3.8, "aspect": 0.9}
    if narrow:
        size = {"height": 2.6, "aspect": NARROW / 2.6, "col_wrap": 1}
    grid = sns.catplot(
        rows, kind="bar", x="value", y="Region", col="variable", sharex=False,
        color=KIND_STYLE["published"].color, **size,
    )  # fmt: skip
    for ax in grid.axes.flat:
        ax.bar_label(ax.containers[0], fmt="{:,.0f}", padding=3, fontsize=8 if narrow else 9)
        ax.set(xlabel="", xticks=[])
        ax.margins(x=0.6 if narrow else 0.2)
    grid.set_axis_labels("", "")
    return panel_titles(grid, narrow)


def region_names(regions: pd.Series) -> pd.Series:
    """Return readable names of regions of the database: ``MRI, ankle and foot``."""
    names = {
        name: f"{MODALITIES[region.modality]}, {region.title.lower()}"
        for name, region in REGIONS.items()
    }
    return regions.map(names)

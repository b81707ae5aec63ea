"""What makes the difference of two initialisations move: one task, several defensible analyses."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
import pandas as pd

from rin.files import shipped_folder
from rin.models.backbones import BACKBONES
from rin.report.figures import legend, panels
from rin.report.style import INK, SETTINGS, kind_style
from rin.report.verdict import add_verdicts
from rin.stats import init_differences, pretraining_differences
from rin.study.choices import choose_settings
from rin.study.results import Results

#: The first analysis, which is the headline, and that of the run at 224 pixels.
PAPERS = "The paper's four backbones"
LARGER = "ResNet50, 224 pixels"
COLUMNS = ["analysis", "kind", "task", "pairs", "train", "test", "independence", "auc_a", "auc_b"]
COLUMNS += ["estimate", "ci_low", "ci_high", "standard_error", "df", "p_holm", "verdict"]


def analyses(run: Results, larger: Results) -> pd.DataFrame:
    """Return the difference on each task by each analysis: one row per task and analysis.

    Columns are those of an estimate, `task`, `analysis`, `kind` (`pretrainings`, whose interval is
    over pairs of networks and patients, or `networks`, over patients alone), `auc_a`, `auc_b`, the
    images of the task and, for pretrainings, the `verdict` of `rin.report.verdict`.
    `larger` is the run of one backbone that was fine-tuned at 224 pixels.
    """
    scores = run.predictions()
    chosen = choose_settings(scores, pd.concat(map(run.records, run.tasks)))
    of_pretraining = {
        PAPERS: scores[scores["backbone"].isin(BACKBONES)],
        "All eight backbones": scores,
        "… all layers trained": scores.query("unfreezing == 'unfreeze_all'"),
        "… settings by validation": chosen.assign(unfreezing="chosen"),
        LARGER: larger.predictions(),
    }
    for fold in sorted(scores["fold"].unique())[1:]:
        of_pretraining[f"… other images, fold {fold}"] = scores[scores["fold"] == fold]
    longer = run.predictions("convergence")
    brief = run.predictions("equal_accuracy")
    brief["init"] = brief["init"].astype(str).str.removesuffix("_brief")
    networks = ["task", "scenario", "pretraining"]
    of_networks = {
        "ResNet50 and DenseNet121": longer.query("level == 'fixed'"),
        "… until validation stops": longer.query("level == 'converged'"),
        "ResNet50 and MobileNet": scores.merge(brief[networks].drop_duplicates()),
        "… pretraining cut short": brief,
        "… and equally accurate": brief.query("backbone == 'MobileNet'"),
    }
    rows = []
    for name, some in {**of_pretraining, **of_networks}.items():
        estimates = init_differences(some, *run.inits).query("group == 'all'")
        estimates = estimates.assign(kind="networks")
        if name in of_pretraining:
            fixed = name == PAPERS
            units = pretraining_differences(some, *run.inits, fixed_backbones=fixed)
            estimates = add_verdicts(units, estimates).assign(kind="pretrainings")
        images = {
            task.name: task.split | {"independence": task.dataset.independence}
            for task in (larger if name == LARGER else run).facts.tasks
        }
        rows.append(estimates.assign(analysis=name).join(pd.DataFrame(images).T, on="task"))
    return pd.concat(rows, ignore_index=True)[COLUMNS]


def committed_analyses() -> pd.DataFrame:
    """Return the table of `analyses` that comes with the book; tests compare it with the runs."""
    return pd.read_csv(shipped_folder("book/reference_runs") / "analyses.csv")


@mpl.rc_context(SETTINGS)
def analyses_panels(rows: pd.DataFrame, names: Mapping[str, str]) -> np.ndarray:
    """Draw the rows of `analyses`, a panel per task of `names`, in the order of both."""
    order = [*dict.fromkeys(rows["analysis"])]
    figure, axes = panels(names.values(), 0.17 * (len(order) + 2), wrap=2)
    styles = {kind: kind_style(kind) for kind in rows["kind"].unique()}
    for ax, task in zip(axes.flat, names, strict=False):
        for kind, part in rows[rows["task"] == task].groupby("kind", sort=False):
            low, middle, high = (100 * part[c] for c in ("ci_low", "estimate", "ci_high"))
            look = {"color": styles[kind].color, "fmt": styles[kind].marker}
            heights = part["analysis"].map(order.index)
            ax.errorbar(middle, heights, xerr=[middle - low, high - middle], **look)
        ax.axvline(0, color=INK, linewidth=0.8, zorder=1)
        ax.tick_params(axis="y", length=0)
        ax.spines["left"].set_visible(False)
    axes.flat[0].set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5))
    limit = max(21, 105 * rows[["ci_low", "ci_high"]].abs().max(axis=None))
    axes.flat[0].set(xlim=(-limit, limit), xticks=[-15, 0, 15])
    legend(figure, {s.label: {"color": s.color, "marker": s.marker} for s in styles.values()})
    figure.supxlabel("AUC points, radiologic − photographic (95% CI)")
    return axes

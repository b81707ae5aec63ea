"""Line plots: AUCs of scenarios from one initialisation to the other, calibration, ROC curves."""

from collections.abc import Mapping, Sequence
from textwrap import fill

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rin.errors import InputError, look_up
from rin.report.style import CYCLE, FAINT, UNFREEZING_LABEL, init_style
from rin.report.widths import NARROW, two_widths
from rin.tables import require_columns

#: Colours of the layers that are trained; blue and orange are reserved for initialisations.
_COLORS = dict(zip(UNFREEZING_LABEL.values(), CYCLE, strict=False))


@two_widths
def slopes(
    aucs: pd.DataFrame,
    inits: Sequence[str],
    panel: str,
    *,
    wrap: int = 3,
    lowest: float | None = None,
    narrow: bool = False,
) -> np.ndarray[Axes]:
    """Draw one line per scenario, from the second of two inits to the first, in panels.

    `aucs` has one row per panel, scenario and init: `scenario`, `unfreezing`, `init`, `auc` (0-1)
    and the column that `panel` names; panels are in the order of its values.  Colours show the
    layers that were trained.  The axis starts at `lowest`, by default at the lowest AUC.
    """
    needed = ["scenario", "unfreezing", "init", "auc", panel]
    require_columns(aucs, needed, where="aucs")
    rows = aucs[aucs["init"].isin(inits)]
    counts = rows.groupby([panel, "scenario", "init"], observed=True).size().unstack()
    if not (counts.reindex(columns=list(inits)) == 1).all(axis=None):
        problem = "scenarios without exactly one AUC from either init"
        remedy = "Average folds and seeds, and leave out scenarios of one init."
        raise InputError(problem, where="aucs", remedy=remedy)
    left_to_right = [*reversed(inits)]
    rows = rows.assign(
        place=[left_to_right.index(init) for init in rows["init"]],
        layers=[look_up("unfreezing", name, UNFREEZING_LABEL) for name in rows["unfreezing"]],
    )
    size = {"height": 2.5, "aspect": 1.1}
    if narrow:
        columns = min(2, rows[panel].nunique())
        size = {"height": 1.6, "aspect": NARROW / 1.6 / columns}
    grid = sns.relplot(
        rows, kind="line", x="place", y="auc", hue="layers", palette=_COLORS,
        hue_order=[name for name in _COLORS if name in set(rows["layers"])],
        units="scenario", estimator=None, marker="o", markersize=4, linewidth=1.2,
        col=panel, col_wrap=min(2 if narrow else wrap, rows[panel].nunique()),
        facet_kws={"legend_out": False}, **size,
    )  # fmt: skip
    for ax in grid.axes.flat:  # `refline` would lay out all panels again
        ax.axhline(0.5, color=FAINT, linestyle=":", linewidth=1)
    grid.set_axis_labels("", "AUC (dotted: chance)", size=8 if narrow else 9)
    panel_titles(grid, narrow)
    side = 0.25 if narrow else 0.5
    words = [init_style(init).word for init in left_to_right]
    grid.set(xlim=(-side, 1 + side), xticks=[0, 1], xticklabels=words)
    if narrow:  # the second word below the first, as panels are narrower than both
        grid.set(xticklabels=[words[0], f"\n{words[1]}"])
        grid.tick_params(axis="x", labelsize=7.5)
    if lowest is not None:
        grid.set(ylim=(lowest, 1))
    legend_below(grid, ncols=3)
    return grid.axes


def legend_below(grid: sns.FacetGrid, *, ncols: int = 2, title: str = "") -> None:
    """Move the legend of a grid below its panels."""
    sns.move_legend(grid, "upper center", ncols=ncols, title=title, bbox_to_anchor=(0.5, 0.03))


def panel_titles(grid: sns.FacetGrid, narrow: bool) -> np.ndarray[Axes]:
    """Write a title above each panel, on a phone in short lines."""
    grid.set_titles("{col_name}", size=8.5 if narrow else 10.5)
    columns = len({round(ax.get_position().x0, 2) for ax in grid.axes.flat})
    for ax in grid.axes.flat if narrow and columns > 1 else ():
        title = ax.get_title(loc="left") or ax.get_title()
        ax.set_title(fill(title, 40 // columns - 1), size=8.5)
    return grid.axes


@two_widths
def calibration(
    curves: pd.DataFrame,
    inits: Sequence[str],
    panel: str,
    *,
    colors: Mapping[str, str] | None = None,
    narrow: bool = False,
) -> np.ndarray[Axes]:
    """Draw reliability curves of some inits, with one panel per value of the column `panel`.

    `curves` is a table of `rin.stats.clinical_curves`; on the dotted line, calibration is perfect.
    `colors` are needed for models that are not inits of the study.
    """
    rows = curves[curves["curve"] == "reliability"]
    colors = colors or {init: init_style(init).color for init in inits}
    grid = sns.relplot(
        rows, kind="line", x="x", y="estimate", hue="init", col=panel, estimator=None, marker="o",
        palette=dict(colors), facet_kws={"legend_out": False},
        **panels_below(narrow, height=3.2),
    )  # fmt: skip
    for ax in grid.axes.flat:
        ax.axline((0, 0), slope=1, color=FAINT, linestyle=":", linewidth=1)
    grid.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    grid.set_axis_labels("Predicted probability", "Share positive")
    legend_below(grid)
    return panel_titles(grid, narrow)


def panels_below(
    narrow: bool, *, height: float, aspect: float = 1.0, wrap: int = 0, low: float = 2.1
) -> dict:
    """Return size and layout of panels: on a phone one below the other, each of height `low`."""
    if narrow:
        return {"height": low, "aspect": NARROW / low, "col_wrap": 1}
    return {"height": height, "aspect": aspect} | ({"col_wrap": wrap} if wrap else {})


@two_widths
def clinical(
    curves: pd.DataFrame, inits: Sequence[str], *, narrow: bool = False
) -> np.ndarray[Axes]:
    """Draw calibration and net benefit of two inits (`rin.stats.clinical_curves`).

    The column `networks` names the networks of a curve; the first are drawn as a solid line.
    """
    names = {"reliability": "Calibration", "decision": "Net benefit"}
    size = panels_below(narrow, height=3.2)
    apart = {"sharey": False, "sharex": False, "legend_out": False}
    grid = sns.relplot(
        curves[curves["curve"].isin(names)].replace({"curve": names}), kind="line", x="x",
        y="estimate", col="curve", col_order=names.values(), hue="init", estimator=None,
        style="networks" if curves["networks"].nunique() > 1 else None,
        palette={init: init_style(init).color for init in inits}, facet_kws=apart, **size,
    )  # fmt: skip
    everyone = curves[curves["curve"] == "treat_all"]
    _, everyone = next(iter(everyone.groupby(["networks", "init"])))  # it is the same for all
    line = {"color": FAINT, "ls": "--"}
    reliability, benefit = grid.axes_dict.values()
    reliability.axline((0, 0), slope=1, **line)
    benefit.plot(everyone["x"], everyone["estimate"], **line)
    grid.set_titles("{col_name}", size=8.5 if narrow else 12)
    reliability.set(xlabel="Probability (dashed: ideal)", ylabel="Share positive")
    benefit.set(ylim=(-0.3, 1), xlabel="Threshold (dashed: treat all)", ylabel="Net benefit")
    grid.tight_layout()
    legend_below(grid)
    return grid.axes

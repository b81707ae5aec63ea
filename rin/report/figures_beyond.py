"""Figures beyond the area: calibration, sensitivity, precision against recall, net benefit.

A panel a start, each on a figure of its own, so that a phone stacks what a wide screen sets side
by side.  Bands and bars are the intervals of the table; the other start's curve runs thin through
each panel, in its own colour.  Nothing is computed here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.report.beyond_tables import curve_rows
from rin.report.figures_roc import mean_roc_method
from rin.report.format import format_number
from rin.report.panels import Panel, panel_row
from rin.report.style import FAINT, INK, init_style
from rin.report.tidy import check_one_each
from rin.stats.beyond import DIFFERENCE

if TYPE_CHECKING:
    from IPython.display import HTML

    from rin.report.across import Images

_PANEL = (3.3, 3.3)  # inches; a panel fills a phone's width at about this size
_WITH_STRIP = (3.3, 4.2)
_RATES = {"xlim": (-0.02, 1.02), "ylim": (-0.02, 1.02)}


def beyond_row(axes: Sequence[Axes], images: Images, *, title: str, alt: str, reading: str) -> HTML:
    """Return panels side by side, with what the images were and the sentences that read them.

    Parameters
    ----------
    axes
        One a panel, each on a figure of its own; the figures are closed.
    images
        As `rin.report.across.images_of` returns them; their caution opens the reading.
    title
        What the row shows.
    alt
        The same for readers who do not see it, to which a panel's own title is added.
    reading
        Sentences below the row.
    """
    detail = images.title + (f" instead of {images.replaced}" if images.replaced else "")
    panels = [Panel(ax.figure, f"{alt}: {ax.get_title(loc='left')}") for ax in axes]
    return panel_row(
        panels, title=title, origin=images.origin, word=images.text, detail=detail,
        reading=images.caution + reading,
    )  # fmt: skip


def mean_roc_panels(
    curves: pd.DataFrame, areas: pd.DataFrame, inits: Sequence[str], method: str
) -> list[Axes]:
    """Draw the mean ROC curve of each init by one way of averaging, with SDs and its area.

    Parameters
    ----------
    curves, areas, method
        As in `rin.report.figures_roc.mean_roc_method`.
    inits
        Sources from left to right.
    """
    rows, axes = areas[areas["method"] == method].set_index("init"), []
    for init in inits:
        ax = plt.subplots(figsize=_PANEL)[1]
        mean_roc_method(curves, areas, [init], method, ax=ax)
        ax.set_title("")
        ax.get_legend().remove()
        _title(ax, init)
        area, mean = (format_number(rows.loc[init, name], 3) for name in ("area", "mean_auc"))
        _note(ax, f"area {area}\nmean of areas {mean}", 1.0, 0.0, ha="right", va="bottom")
        axes.append(ax)
    return axes


def reliability_panels(
    curves: pd.DataFrame, shares: pd.DataFrame, inits: Sequence[str]
) -> list[Axes]:
    """Draw how often cases of a predicted probability are positive, and where cases lie.

    Parameters
    ----------
    curves
        One task of `rin.stats.beyond_curves.beyond_curves`: `init`, `curve` ("reliability"), `x`
        (mean probability of a bin), `y` (share of positive cases in it), `low`, `high` (NaN where
        no interval can be given); all 0–1.
    shares
        `rin.report.beyond_tables.score_shares`: `init`, `left`, `right`, `share`.
    inits
        Sources from left to right.

    Returns
    -------
    list of Axes
        The upper axes of each figure; the lower ones show the shares as bars.
    """
    axes = []
    for init in inits:
        sizes = {"figsize": _WITH_STRIP, "height_ratios": [4, 1]}
        figure, (ax, strip) = plt.subplots(2, 1, sharex=True, **sizes)
        ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_right")
        color = init_style(init).color
        for one in curve_rows(curves, "reliability", init).itertuples():
            ax.plot([one.x] * 2, [one.low, one.high], color=color, linewidth=1.2, alpha=0.6)
        _curves(ax, curves, "reliability", init, inits, marker="o", markersize=4.5)
        bars = shares[shares["init"] == init]
        strip.bar(bars["left"], bars["share"], bars["right"] - bars["left"], align="edge",
                  color=color, edgecolor="white", linewidth=0.5)  # fmt: skip
        strip.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
        strip.set(xlabel="Predicted probability", ylabel="Cases")
        strip.grid()
        ax.set(ylabel="Share positive", **_RATES)
        figure.align_ylabels()
        axes.append(ax)
    top = max(ax.figure.axes[1].get_ylim()[1] for ax in axes)
    for ax in axes:
        ax.figure.axes[1].set_ylim(0, top)
    return axes


def precision_recall_panels(
    curves: pd.DataFrame, inits: Sequence[str], *, prevalence: float
) -> list[Axes]:
    """Draw precision against recall per init, with its band and the level of chance.

    Parameters
    ----------
    curves
        As in `reliability_panels`, `curve` "precision_recall": `x` recall, `y` precision.  The
        point at recall 0, where a single score decides, is not drawn.
    inits
        Sources from left to right.
    prevalence
        Share of positive cases (0–1): the precision of calling everyone positive.
    """
    curves = curves[(curves["curve"] == "precision_recall") & (curves["x"] > 0)]
    axes = []
    for init in inits:
        ax = plt.subplots(figsize=_PANEL)[1]
        ax.axhline(prevalence, color=INK, linewidth=1, linestyle=":")
        _band(ax, curves, "precision_recall", init)
        _curves(ax, curves, "precision_recall", init, inits)
        _note(ax, f"all called positive: {format_number(prevalence)}", 0.02, prevalence)
        ax.set(xlabel="Recall (sensitivity)", ylabel="Precision", **_RATES)
        axes.append(ax)
    return axes


def decision_panels(curves: pd.DataFrame, inits: Sequence[str], *, threshold: float) -> list[Axes]:
    """Draw the net benefit of deciding by the scores, of treating all and of treating none.

    Parameters
    ----------
    curves
        As in `reliability_panels`, `curve` "decision": `x` threshold probability, `y` net benefit
        per case; and `curve` "treat_all", which is the same for every init.
    inits
        Sources from left to right.
    threshold
        The threshold that the text reads, marked in each panel.

    Notes
    -----
    Net benefits fall without bound as the threshold nears 1, so panels end below as far from zero
    as they end above.
    """
    ends = curves.loc[curves["curve"] == "decision", ["y", "high"]].max()
    top = 1.1 * max(ends.max(), 0.05)
    axes = []
    for init in inits:
        ax = plt.subplots(figsize=_PANEL)[1]
        ax.axvline(threshold, color=FAINT, linewidth=1)
        ax.axhline(0, color=INK, linewidth=1, linestyle=":")
        everyone = curve_rows(curves, "treat_all", init)
        ax.plot(everyone["x"], everyone["y"], color=INK, linewidth=1, linestyle="--")
        _band(ax, curves, "decision", init)
        _curves(ax, curves, "decision", init, inits)
        _note(ax, "treat none", 0.99, 0, ha="right", va="bottom")
        lowest = everyone[everyone["y"] > -0.7 * top].iloc[-1]
        _note(ax, "treat all ", lowest["x"], lowest["y"], ha="right")
        ax.set(xlabel="Threshold probability", ylabel="Net benefit", xlim=(0, 1), ylim=(-top, top))
        axes.append(ax)
    return axes


def measure_panels(
    measures: pd.DataFrame,
    inits: tuple[str, str],
    names: Mapping[str, str],
    *,
    unit: str,
    group: str,
) -> list[Axes]:
    """Draw some measures of both inits with their intervals, and their paired differences.

    Parameters
    ----------
    measures
        One task of `rin.stats.beyond.beyond_area`: `init` (or `DIFFERENCE`), `measure`,
        `estimate`, `ci_low`, `ci_high`.
    inits
        (a, b); differences are a − b.
    names
        From measure to its label, from top to bottom.
    unit, group
        What the measures are and what the labels are, such as "Sensitivity" and "Specificity".

    Returns
    -------
    list of Axes
        Two, each on a figure of its own: values, and differences around zero.
    """
    check_one_each(measures, ["init", "measure"])
    table = measures.set_index(["init", "measure"])
    axes = [plt.subplots(figsize=(3.3, 1.6 + 0.5 * len(names)))[1] for _ in range(2)]
    offsets = np.linspace(-0.16, 0.16, len(inits))
    for place, measure in enumerate(names):
        for init, offset in zip(inits, offsets, strict=True):
            style = init_style(init)
            label = style.short if place == 0 else None
            _estimate(axes[0], table.loc[(init, measure)], place + offset, style.color, label)
        label = " − ".join(init_style(init).short for init in inits) if place == 0 else None
        _estimate(axes[1], table.loc[(DIFFERENCE, measure)], place, INK, label)
    axes[1].axvline(0, color=FAINT, linewidth=1)
    for ax, title in zip(axes, (unit, "Difference"), strict=True):
        ax.set_title(title, loc="left")
        ax.set_xlabel(f"{title} (95% CI)")
    for ax in axes:
        ax.set_yticks(range(len(names)), list(names.values()))
        ax.set(ylim=(len(names) - 0.45, -0.55), ylabel=group)
        ax.grid(axis="x")
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        ax.figure.legend(loc="outside lower center", ncols=2, handletextpad=0.2)
    return axes


def _estimate(
    ax: Axes, row: pd.Series, height: float, color: str, label: str | None = None
) -> None:
    ax.plot([row["ci_low"], row["ci_high"]], [height] * 2, color=color, linewidth=2)
    ax.plot(row["estimate"], height, "o", color=color, markersize=6, label=label)


def _curves(
    ax: Axes, curves: pd.DataFrame, curve: str, own: str, inits: Sequence[str], **marks: object
) -> None:
    """Draw every init's curve, its own thick and last, under a title in its colour."""
    for init in sorted(inits, key=lambda init: init == own):
        rows, style = curve_rows(curves, curve, init), init_style(init)
        look = {"linewidth": 2, **marks} if init == own else {"linewidth": 0.9}
        ax.plot(rows["x"], rows["y"], style.linestyle, color=style.color, label=init, **look)
    _title(ax, own)
    ax.grid()


def _title(ax: Axes, init: str) -> None:
    style = init_style(init)
    ax.set_title(style.short, loc="left", color=style.color)


def _band(ax: Axes, curves: pd.DataFrame, curve: str, init: str) -> None:
    rows = curve_rows(curves, curve, init)
    band = {"color": init_style(init).color, "alpha": 0.18, "linewidth": 0}
    ax.fill_between(rows["x"], rows["low"], rows["high"], **band)


def _note(ax: Axes, text: str, x: float, y: float, **place: str) -> None:
    place = {"ha": "left", "va": "top"} | place
    up = 3 if place["va"] == "bottom" else -3
    box = {"facecolor": "white", "edgecolor": "none", "alpha": 0.75, "pad": 0.8}
    ax.annotate(
        text, (x, y), xytext=(0, up), textcoords="offset points", fontsize=9, bbox=box, **place
    )

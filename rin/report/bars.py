"""Bars and dots: means with SDs or intervals by group and initialisation, and counts.

Values are computed before; labels stand above the error bars or beside the axis, never on a mark.
"""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter, StrMethodFormatter

from rin.errors import InputError, unknown
from rin.report.format import format_number
from rin.report.style import INK, KIND_STYLE, WIDTH, check_columns, check_one_each, kind_style

_DASHES = ("--", ":", "-.", (0, (6, 2, 1, 2)))
_MARKS = ("bars", "dots")


def bars(
    rows: pd.DataFrame,
    *,
    ylabel: str,
    baselines: pd.DataFrame | None = None,
    marks: str = "bars",
    digits: int = 2,
    values: bool = True,
    legend: bool = True,
    ax: Axes | None = None,
) -> Axes:
    """Draw values by group (along the axis) and init (by colour), with error bars.

    Parameters
    ----------
    rows
        `group` (text below; in the order of the table), `init` (an init or kind of
        `rin.report.style`), `value`; optional `sd`, or `low` and `high`: the error bars; optional
        `published`: open circles beside.
    ylabel
        What the values are, with their unit.
    baselines
        `group`, `baseline`, `value`: short lines across a group, named in the legend.
    marks
        "bars" (from zero) or "dots".
    digits
        Decimals of the values.
    values
        Whether values stand above their error bars.
    legend
        Whether inits and baselines are named, above the axes.
    """
    check_columns(rows, ["group", "init", "value"])
    check_one_each(rows, ["group", "init"])
    rows = rows.reset_index(drop=True)
    if marks not in _MARKS:
        raise unknown("marks", marks, list(_MARKS))
    groups, inits = (list(dict.fromkeys(rows[name])) for name in ("group", "init"))
    ax = ax or plt.subplots(figsize=(min(WIDTH, max(6.4, 2 + 1.6 * len(groups))), 3.6))[1]
    width = 0.8 / len(inits)
    ends, centres = _ends(rows), _centres(rows, groups, inits, width)
    for place, init in enumerate(inits):
        style, own = kind_style(init), rows[rows["init"] == init]
        x = centres[own.index]
        if marks == "bars":
            ax.bar(x, own["value"], width=0.86 * width, color=style.color, label=style.label)
        else:
            ax.plot(x, own["value"], style.marker, color=style.color, markersize=7,
                    label=style.label)  # fmt: skip
        span = ends.loc[own.index]
        ax.vlines(x, span["low"], span["high"], color=INK if marks == "bars" else style.color,
                  linewidth=1.5)  # fmt: skip
        tops = np.fmax(span["high"], own["value"])
        for at, value, top in zip(x, own["value"], tops, strict=True):
            if values:
                ax.annotate(
                    format_number(value, digits), (at, top), xytext=(0, 4), fontsize=9.5,
                    textcoords="offset points", ha="center", va="bottom", gid="value", zorder=5,
                    bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.5},
                )  # fmt: skip
        if "published" in own:
            paper = KIND_STYLE["published"]
            ax.plot(
                x + 0.43 * width, own["published"], "o", markersize=6, markerfacecolor="white",
                markeredgecolor=paper.color, markeredgewidth=1.5, gid="published", zorder=6,
                label=paper.label if place == 0 else None,
            )  # fmt: skip
    levels = [] if baselines is None else _baselines(ax, baselines, groups)
    levels += rows["published"].tolist() if "published" in rows else []
    ax.set_xticks(range(len(groups)), groups)
    ax.set(ylabel=ylabel, xlim=(-0.55, len(groups) - 0.45))
    if marks == "bars":
        low = min(0, ends["low"].min())
        highest = np.nanmax([*ends["high"], *rows["value"], *levels])
        ax.set_ylim(1.05 * low, 1.12 * highest or 1)
    else:
        ax.margins(y=0.12)
    ax.tick_params(axis="x", length=0)
    ax.grid(axis="y")
    if legend:
        names = [kind_style(init).label for init in inits]  # first, then what is beside them
        handles = sorted(
            ax.get_legend_handles_labels()[0], key=lambda one: one.get_label() not in names
        )
        ax.legend(
            handles=handles, loc="lower left", bbox_to_anchor=(0, 1), ncols=2, borderaxespad=0.3
        )
    return ax


def _centres(
    rows: pd.DataFrame, groups: Sequence[str], inits: Sequence[str], width: float
) -> pd.Series:
    """Return where each row stands: side by side around its group, without gaps."""
    ranked = rows.assign(rank=rows["init"].map(inits.index)).sort_values("rank")
    members = ranked.groupby("group", sort=False)["rank"]
    return ranked["group"].map(groups.index) + width * (
        members.cumcount() - (members.transform("size") - 1) / 2
    )


def _ends(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `low` and `high` of the error bars; NaN where there are none."""
    if "low" in rows and "high" in rows:
        return rows[["low", "high"]]
    sd = rows.get("sd", np.nan)
    return pd.DataFrame({"low": rows["value"] - sd, "high": rows["value"] + sd})


def _baselines(ax: Axes, baselines: pd.DataFrame, groups: Sequence[str]) -> list[float]:
    check_columns(baselines, ["group", "baseline", "value"])
    names = list(dict.fromkeys(baselines["baseline"]))
    for row in baselines.itertuples():
        if row.group not in groups:
            raise unknown("group", row.group, groups)
        at, dash = groups.index(row.group), _DASHES[names.index(row.baseline) % len(_DASHES)]
        ax.hlines(row.value, at - 0.46, at + 0.46, color=INK, linestyle=dash, linewidth=1.4,
                  gid="baseline", zorder=3)  # fmt: skip
    for name, dash in zip(names, _DASHES * len(names), strict=False):
        ax.plot([], [], color=INK, linestyle=dash, linewidth=1.4, label=name)
    return baselines["value"].tolist()


def counts(
    rows: pd.DataFrame,
    *,
    xlabel: str,
    columns: Mapping[str, str] = MappingProxyType({"count": ""}),
    color: str = "#5F5F5F",
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """Draw counts from left to right, a line a label: bars for one column, marks for several.

    Parameters
    ----------
    rows
        `label` and the columns of counts, from top to bottom.
    xlabel
        What is counted.
    columns
        From column to its words in the legend.
    log
        Whether the axis is logarithmic; zeros then have no mark.
    """
    check_columns(rows, ["label", *columns])
    if rows.empty:
        raise InputError("no rows", where="rows", remedy="Pass at least one count.")
    ax = ax or plt.subplots(figsize=(7.2, 0.9 + 0.27 * len(rows)))[1]
    heights = np.arange(len(rows))
    if len(columns) == 1:
        (column,) = columns
        ax.barh(heights, rows[column], height=0.7, color=color)
        for height, value in zip(heights, rows[column], strict=True):
            ax.annotate(f"{value:,.0f}", (value, height), xytext=(4, 0), va="center",
                        textcoords="offset points", fontsize=9.5, gid="value")  # fmt: skip
        ax.margins(x=0.12)
    else:
        for place, (column, words) in enumerate(columns.items()):
            ax.plot(
                rows[column].where(rows[column] > 0) if log else rows[column], heights,
                "oDs^v"[place % 5], color=color, label=words, markersize=6.5,
                markerfacecolor=color if place == 0 else "white",
            )  # fmt: skip
        ax.legend(loc="lower left", bbox_to_anchor=(0, 1), ncols=len(columns), borderaxespad=0.2)
    if log:
        ax.set_xscale("log")
        low, high = ax.get_xlim()
        ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5) if high < 300 * low else (1,)))
        ax.xaxis.set_minor_formatter(NullFormatter())
    else:
        ax.set_xlim(0, None)
    ax.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
    ax.set_yticks(heights, rows["label"].astype(str))
    ax.set(ylim=(len(rows) - 0.4, -0.6), xlabel=xlabel)
    ax.tick_params(axis="y", length=0)
    ax.grid(axis="x")
    return ax

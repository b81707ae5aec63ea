"""Forest plots: estimates with their intervals, one line per comparison, around zero."""

from collections.abc import Mapping
from textwrap import fill
from types import MappingProxyType

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.errors import InputError
from rin.report.figures import legend
from rin.report.format import ESTIMATE_AND_INTERVAL, UNITS, format_estimate
from rin.report.style import INK, SETTINGS, WIDTH, kind_style

_LINE = 0.23  # inches
_LETTERS = 26  # in a line of a label
# Heights, in lines of the figure: a further row on a line, a heading, a further line of a label.
_FURTHER = 0.42
_HEADING = 1.35
_WRAPPED = 0.65


@mpl.rc_context(SETTINGS)
def forest(
    rows: pd.DataFrame,
    *,
    unit: str = "",
    names: Mapping[str, str] = MappingProxyType({}),
    ends: tuple[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    zero: float | None = 0.0,
) -> Axes:
    """Draw estimates with their intervals from top to bottom.

    `rows` is a table of `rin.stats`, or any table with `estimate`, `ci_low`, `ci_high` (NaN: no
    interval); `unit` "points" draws fractions as points (0-100).  Texts at the left are in the
    column `label`, otherwise `task`, and headings in `group`, if there is one; `names` maps values
    of both to the names shown, such as tasks to titles.  Consecutive rows with the same label and
    group share a line.  Optional columns: `kind` (a kind or init of `rin.report.style`), `p_holm`
    (marks are open where it is not below .05), `note` (text at the right instead of estimate and
    interval; on a shared line, that of the last row).

    `ends` name the meaning of values left and right of zero; marks beyond `limits`, by default
    those of the data, end in an arrow; `zero` is the position of the vertical line, if any.
    """
    rows = _prepare_rows(rows, unit, names)
    note_title = ""
    if "note" not in rows:
        digits = UNITS[unit][1]
        rows["note"] = format_estimate(rows, digits=digits, signed=zero is not None)
        shown = rows.groupby("line")["kind"].agg(["nunique", "last"])
        if shown["nunique"].min() > 1 and shown["last"].nunique() == 1:
            note_title = kind_style(shown["last"].iat[0]).label  # on every line, of several
    ax = _lines(rows, note_title)
    if zero is not None:
        ax.axvline(zero, color=INK, linewidth=1, zorder=1)
    kinds = rows["kind"].unique()
    for kind in kinds:
        _mark(ax, rows[rows["kind"] == kind], kind, limits)
    ax.set(xlim=limits)
    ax.set_xlabel("AUC points (95% CI)" if unit else "Estimate (95% CI)")
    ax.locator_params("x", nbins=6, steps=[1, 2, 5, 10])
    ax.grid(axis="x")
    if ends:
        texts = {"right": (-5, f"← {ends[0]}"), "left": (5, f"{ends[1]} →")}
        for side, (shift, name) in texts.items():
            ax.annotate(
                name,
                (zero or 0, 1),
                (shift, 3),
                xycoords=ax.get_xaxis_transform(),
                textcoords="offset points",
                ha=side,
                gid="end",
            )
    styles = map(kind_style, kinds if len(kinds) > 1 else ())
    marks = {style.label: {"color": style.color, "marker": style.marker} for style in styles}
    if "p_holm" in rows:
        dot = {"color": INK, "marker": "o", "linestyle": ""}
        marks |= {"adjusted P < .05": dot, "adjusted P ≥ .05": dot | {"markerfacecolor": "white"}}
    if marks:
        legend(ax.figure, marks, ncols=2)
    return ax


def _lines(rows: pd.DataFrame, note_title: str) -> Axes:
    """Return axes with the labels of lines at their left, and their numbers at the right."""
    lines = rows.groupby("line").agg({"label": "first", "note": "last", "height": "mean"})
    half = _WRAPPED / 2 * lines["label"].str.count("\n")
    top = rows["height"].iat[0] - (1.6 if rows["headed"].iat[0] else 0.6) - half.iat[0]
    bottom = rows["height"].iat[-1] + 0.6 + half.iat[-1]
    _, ax = plt.subplots(figsize=(WIDTH, 0.9 + _LINE * (bottom - top)), layout="constrained")
    ax.set(ylim=(bottom, top))
    notes = ax.secondary_yaxis("right")
    ax.set_yticks(lines["height"], lines["label"], parse_math=False)
    notes.set_yticks(lines["height"], lines["note"], parse_math=False)
    for side in (ax, notes):
        side.tick_params(axis="y", length=0, pad=5)
        side.spines[["left", "right"]].set_visible(False)
    if note_title:
        ax.annotate(
            note_title,
            (1, 1),
            (5, 15),
            xycoords="axes fraction",
            textcoords="offset points",
            fontweight="bold",
            gid="note-title",
        )
    for row in rows[rows["headed"]].itertuples():
        above = row.height - 1 - _WRAPPED / 2 * row.label.count("\n")
        ax.annotate(
            row.group,
            (0.01, above),
            xycoords=("figure fraction", "data"),
            va="center",
            in_layout=False,  # headings are on lines of their own: they may extend over the axes
            fontweight="bold",
            backgroundcolor="white",
            gid="heading",
        )
    return ax


def _prepare_rows(rows: pd.DataFrame, unit: str, names: Mapping[str, str]) -> pd.DataFrame:
    """Return the rows in the unit shown, with their texts, line and height (in lines)."""
    label = "label" if "label" in rows else "task"
    if rows.empty:
        raise InputError("no rows", where="rows", remedy="Pass at least one estimate.")
    shown = pd.DataFrame({"group": "", "kind": "recomputed"} | dict(rows.reset_index(drop=True)))
    shown[[*ESTIMATE_AND_INTERVAL]] *= UNITS[unit][0]
    shown["label"] = [fill(str(names.get(value, value)), _LETTERS) for value in rows[label]]
    groups = shown["group"].fillna("").map(lambda value: names.get(value, value))
    shown["group"] = pd.Categorical(groups, groups.unique())
    shown = shown.sort_values("group", kind="stable", ignore_index=True)
    changed = shown[["label", "group"]] != shown[["label", "group"]].shift()
    starts = changed.any(axis=1)
    shown["headed"] = changed["group"] & (shown["group"] != "")
    shown["line"] = starts.cumsum()
    half = _WRAPPED / 2 * shown["label"].str.count("\n")
    space = np.where(starts, 1 + half + half.shift(fill_value=0), _FURTHER)
    shown["height"] = (space + _HEADING * shown["headed"]).cumsum()
    return shown


def _mark(ax: Axes, rows: pd.DataFrame, kind: str, limits: tuple[float, float] | None) -> None:
    """Draw the rows of one kind; marks beyond the limits end in an arrow."""
    style = kind_style(kind)
    heights = rows["height"]
    ax.hlines(heights, rows["ci_low"], rows["ci_high"], style.color, linewidth=1.5, zorder=2)
    filled = rows["ci_low"].notna()
    if "p_holm" in rows:
        filled &= rows["p_holm"] < 0.05
    ax.scatter(
        rows["estimate"],
        heights,
        s=24,
        c=np.where(filled, style.color, "white"),
        marker=style.marker,
        edgecolor=style.color,
        linewidth=1.3,
        zorder=4,
    )
    if limits:
        ends = rows[[*ESTIMATE_AND_INTERVAL]].agg(["min", "max"], axis=1)
        for limit, end, marker, sign in zip(limits, ends, "<>", (-1, 1), strict=True):
            beyond = heights[sign * ends[end] > sign * limit]
            ax.scatter(
                np.full(len(beyond), limit),
                beyond,
                s=34,
                c=style.color,
                marker=marker,
                clip_on=False,
                zorder=3,
                gid="cut",
            )

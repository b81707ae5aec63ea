"""Forest plots: estimates with their intervals, one line per comparison, around zero."""

from collections.abc import Mapping
from textwrap import fill
from types import MappingProxyType

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from rin.errors import InputError, look_up
from rin.report.format import ESTIMATE_AND_INTERVAL, UNITS, format_estimate
from rin.report.style import INK, kind_style
from rin.report.widths import NARROW, two_widths
from rin.tables import require_columns

_WIDTH, _LINE, _NARROW_LINE = 7.5, 0.25, 0.165  # inches
_LETTERS, _NARROW_LETTERS = 44, 46  # in a line of a label
# Heights, in lines of the figure: a further row on a line, a heading, a further line of a label.
_FURTHER, _HEADING, _WRAPPED = 0.42, 1.35, 0.6
#: Letters up to which a label and its numbers share a line of a narrow figure.
_TOGETHER = 46


@two_widths
def forest(
    rows: pd.DataFrame,
    *,
    unit: str = "",
    label: str | None = None,
    group: str | None = None,
    names: Mapping[str, str] = MappingProxyType({}),
    xlabel: str = "",
    digits: int = 1,
    ends: tuple[str, str] | None = None,
    limits: tuple[float, float] | None = None,
    zero: float | None = 0.0,
    tested: bool = True,
    note_title: str = "",
    legend: bool = True,
    narrow: bool = False,
) -> Axes:
    """Draw estimates with their intervals from top to bottom.

    `rows` is a table of `rin.stats`, or any table with `estimate`, `ci_low`, `ci_high` (NaN: no
    interval); `unit` "points" draws fractions as points (0-100).  `label` is the column of the
    texts at the left (by default `label`, otherwise `task`), `group` the column of the headings
    (by default `group`, if there is one); `names` maps values of both columns to the names shown,
    such as tasks to titles.  Consecutive rows with the same label and group share a line. Optional
    columns: `kind` (a kind or init of `rin.report.style`), `p_holm` (marks are open where it is
    not below .05), `note` (text at the right instead of estimate and interval; on a shared line,
    that of the last row).  Without `tested`, as for stand-ins, `p_holm` is not shown.

    `ends` name the meaning of values left and right of zero; marks beyond `limits`, by default
    those of the data, end in an arrow; `zero` is the position of the vertical line, if any.  In a
    `narrow` figure, labels and numbers are above the marks.
    """
    rows = _prepared(rows, unit, label, group, names, _NARROW_LETTERS if narrow else _LETTERS)
    if not tested:
        rows = rows.drop(columns="p_holm", errors="ignore")
    if "note" not in rows:
        rows["note"] = format_estimate(rows, digits=digits, signed=zero is not None)
        note_title = note_title or _kind_of_numbers(rows)
    figure, ax = (_stacked if narrow else _beside)(rows, note_title)
    if zero is not None:
        ax.axvline(zero, color=INK, linewidth=1, zorder=1)
    for kind in rows["kind"].unique():
        _mark(ax, rows[rows["kind"] == kind], kind, limits)
    ax.set(xlim=limits)
    xlabel = xlabel or {"points": "AUC points (95% CI)"}.get(unit, "Estimate (95% CI)")
    ax.set_xlabel(fill(xlabel, _NARROW_LETTERS) if narrow else xlabel)
    ax.locator_params("x", steps=[1, 2, 5, 10])
    ax.grid(axis="x")
    if ends:
        above = {"xycoords": "axes fraction", "textcoords": "offset points"}
        above |= {"gid": "end", "fontsize": 8.5 if narrow else 9.5}
        left, right = ends
        ax.annotate(f"← {left}", (0, 1), (0, 3), ha="left", **above)
        ax.annotate(f"{right} →", (1, 1), (0, 3), ha="right", **above)
    if legend and (handles := _handles(rows)):
        figure.legend(handles=handles, loc="outside upper left", ncols=1 if narrow else 2)
    return ax


def _beside(rows: pd.DataFrame, note_title: str) -> tuple[Figure, Axes]:
    """Return axes with the labels of lines at their left, and their numbers at the right."""
    lines = rows.groupby("line").agg({"label": "first", "note": "last", "height": "mean"})
    top = rows["height"].iat[0] - (1.6 if rows["headed"].iat[0] else 0.6)
    bottom = rows["height"].iat[-1] + 0.6
    size = _WIDTH, 1.1 + _LINE * (bottom - top)
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set(ylim=(bottom, top))
    notes = ax.secondary_yaxis("right")
    ax.set_yticks(lines["height"], lines["label"], parse_math=False)
    notes.set_yticks(lines["height"], lines["note"], parse_math=False)
    for side in (ax, notes):
        side.tick_params(axis="y", length=0, pad=8)
        side.spines[["left", "right"]].set_visible(False)
    if note_title:
        above = {"xycoords": "axes fraction", "textcoords": "offset points", "fontsize": 9.5}
        ax.annotate(note_title, (1, 1), (8, 3), fontweight="bold", gid="note-title", **above)
    # Headings are on lines of their own, so they may extend over the axes.
    over_all = {"xycoords": ("figure fraction", "data"), "va": "center", "in_layout": False}
    over_all |= {"fontweight": "bold", "backgroundcolor": "white", "gid": "heading"}
    for row in rows[rows["headed"]].itertuples():
        ax.annotate(row.group, (0.01, row.height - 1), **over_all)
    return figure, ax


def _stacked(rows: pd.DataFrame, note_title: str) -> tuple[Figure, Axes]:
    """Return narrow axes with the labels and numbers of each line above its marks.

    Sets the height of every row, which depends on the number of lines of text.
    """
    texts, heights, place = [], [], 0.0
    if note_title:
        place += 1
        texts.append(
            (f"Numbers: {note_title}", place, {"x": 1, "ha": "right", "gid": "note-title"})
        )
    for _, line in rows.groupby("line", sort=False):
        if line["headed"].iat[0]:
            heading = fill(str(line["group"].iat[0]), _NARROW_LETTERS - 10)
            place += 1.4
            texts.append((heading, place, {"fontweight": "bold", "gid": "heading"}))
            place += heading.count("\n") + 0.1
        label, note = line["label"].iat[0], line["note"].iat[-1]
        place += 1.1
        texts.append((label, place, {"gid": "label"}))
        place += label.count("\n")
        if "\n" in label or len(label) + len(note) > _TOGETHER:
            place += 1
        texts.append((note, place, {"x": 1, "ha": "right", "gid": "note"}))
        for _ in range(len(line)):
            place += 0.9
            heights.append(place)
        place += 0.2
    rows["height"] = heights
    size = NARROW, 0.8 + _NARROW_LINE * (place + 0.6)
    figure, ax = plt.subplots(figsize=size, layout="constrained")
    ax.set(ylim=(place + 0.6, 0), yticks=[])
    ax.spines[["left", "right"]].set_visible(False)
    ax.locator_params("x", nbins=6)
    look = {"x": 0, "ha": "left", "va": "center", "parse_math": False, "zorder": 5}
    look |= {"transform": ax.get_yaxis_transform(), "linespacing": 1.25}
    paper = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
    for text, height, place_and_role in texts:
        middle = height + text.count("\n") / 2
        ax.text(**look | place_and_role, y=middle, s=text, bbox=paper)
    return figure, ax


def _prepared(
    rows: pd.DataFrame,
    unit: str,
    label: str | None,
    group: str | None,
    names: Mapping[str, str],
    letters: int,
) -> pd.DataFrame:
    """Return the rows in the unit shown, with their texts, line and height (in lines)."""
    label = label or ("label" if "label" in rows else "task")
    group = group or ("group" if "group" in rows else None)
    needed = [label, *([group] if group else []), *ESTIMATE_AND_INTERVAL]
    require_columns(rows, needed, where="rows")
    if rows.empty:
        raise InputError("no rows", where="rows", remedy="Pass at least one estimate.")
    factor, _ = look_up("unit", unit, UNITS)
    shown = rows.reset_index(drop=True)
    shown[[*ESTIMATE_AND_INTERVAL]] *= factor
    shown["label"] = [fill(str(names.get(value, value)), letters) for value in rows[label]]
    shown["group"] = ""
    if group:
        groups = rows[group].fillna("").map(lambda value: names.get(value, value))
        shown["group"] = pd.Categorical(groups, groups.unique())
        shown = shown.sort_values("group", kind="stable", ignore_index=True)
    if "kind" not in shown:
        shown["kind"] = "recomputed"
    starts = (shown[["label", "group"]] != shown[["label", "group"]].shift()).any(axis=1)
    shown["headed"] = (shown["group"] != shown["group"].shift()) & (shown["group"] != "")
    shown["line"] = starts.cumsum()
    wrapped = _WRAPPED * shown["label"].str.count("\n")
    space = np.where(starts, 1 + wrapped, _FURTHER) + _HEADING * shown["headed"]
    shown["height"] = space.cumsum()
    return shown


def _kind_of_numbers(rows: pd.DataFrame) -> str:
    """Return the kind whose numbers are at the right if every line has several kinds, else ""."""
    kinds = rows.groupby("line")["kind"].agg(["nunique", "last"])
    shared = kinds["nunique"].min() > 1 and kinds["last"].nunique() == 1
    return kind_style(kinds["last"].iat[0]).label if shared else ""


def _mark(ax: Axes, rows: pd.DataFrame, kind: str, limits: tuple[float, float] | None) -> None:
    """Draw the rows of one kind; marks beyond the limits end in an arrow."""
    style, heights = kind_style(kind), rows["height"]
    ax.hlines(heights, rows["ci_low"], rows["ci_high"], style.color, linewidth=1.8, zorder=2)
    filled = rows["ci_low"].notna()
    if "p_holm" in rows:
        filled &= rows["p_holm"] < 0.05
    faces = np.where(filled, style.color, "white")
    look = {"s": 36, "marker": style.marker, "edgecolor": style.color, "linewidth": 1.5}
    ax.scatter(rows["estimate"], heights, c=faces, zorder=4, **look)
    if limits:
        left = heights[rows[["estimate", "ci_low"]].min(axis=1) < limits[0]]
        right = heights[rows[["estimate", "ci_high"]].max(axis=1) > limits[1]]
        look = {"s": 49, "c": style.color, "gid": "cut", "clip_on": False, "zorder": 3}
        ax.scatter(np.full(len(left), limits[0]), left, marker="<", **look)
        ax.scatter(np.full(len(right), limits[1]), right, marker=">", **look)


def _handles(rows: pd.DataFrame) -> list[Line2D]:
    """Return the legend's handles: kinds, if there are several, and filled and open marks."""
    look = {"markersize": 6, "markeredgewidth": 1.5, "linewidth": 1.8}
    handles, kinds = [], rows["kind"].unique()
    for style in map(kind_style, kinds if len(kinds) > 1 else ()):
        marks = {"color": style.color, "marker": style.marker, "label": style.label}
        handles.append(Line2D([], [], **marks, **look))
    if "p_holm" in rows:
        look |= {"linewidth": 0, "color": INK, "marker": "o"}
        handles.append(Line2D([], [], label="adjusted P < .05", markerfacecolor=INK, **look))
        handles.append(Line2D([], [], label="adjusted P ≥ .05", markerfacecolor="white", **look))
    return handles

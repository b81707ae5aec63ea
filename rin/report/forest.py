"""Forest plots: estimates with their intervals, one line a comparison, around zero."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.textpath import TextPath

from rin.errors import InputError, look_up
from rin.report.format import ESTIMATE_AND_INTERVAL, MISSING, UNITS, format_estimate
from rin.report.style import INK, Style, kind_style
from rin.tables import require_columns

_LINE, _MANY = 0.25, 0.11  # inches: a line, each further row in it
_TEXT, _SMALL = 10.5, 9.5  # points
_STEP = 0.42  # of a line: rows that share one lie this far apart
_AXIS, _HEAD, _KEY = 0.62, 0.24, 0.22  # inches: ticks and label, heading, a line of the legend


class _Line(NamedTuple):
    """One line of the figure: rows that share a label, or a heading without rows."""

    label: str
    rows: pd.DataFrame
    height: float
    units: float
    note: str = ""


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
    note_title: str = "",
    legend: bool = True,
    width: float = 7.6,
) -> Axes:
    """Draw estimates with their intervals from top to bottom.

    `rows` is a table of `rin.stats` as it is, or any with `estimate`, `ci_low`, `ci_high` (NaN
    ends: no interval, an open mark without whiskers); `unit` "points" draws fractions as points
    (0-100).  `label` names the column of the text at the left (by default `label`, else `task`),
    `group` that of the headings (by default `group`, where there is one; its rows are brought
    together); `names` says what is shown for a value of either, as for tasks their titles.
    Following rows of equal label and group share a line.  Optional columns: `kind` (a kind or init
    of `rin.report.style`), `clear` (bool; else, where there is a `p_holm`, whether it is below
    .05; marks that are not clear are open), `note` (text at the right instead of estimate and
    interval, which have `digits`, and a sign unless `zero` is None; of a shared line the last
    one, whose kind `note_title` says by itself where all lines are shared).

    `ends` say what values left and right of zero mean; what lies beyond `limits`, by default those
    of the data, ends in an arrow; `zero` is where the vertical line stands, if any; `width` is in
    inches, the height follows from the rows.
    """
    rows = _prepared(rows, unit, label, group, names)
    xlabel = xlabel or {"points": "AUC points (95% CI)"}.get(unit, "Estimate (95% CI)")
    styles = {kind: kind_style(kind) for kind in rows["kind"].unique()}
    lines = list(_lines(rows, digits, signed=zero is not None))
    if "note" not in rows:
        note_title = note_title or _kind_of_numbers(lines)
    # Headings stand on lines of their own, so they may reach over the axes.
    left = 10 + max(_width(line.label) for line in lines if len(line.rows))
    right = 12 + max(_width(text) for text in [*(line.note for line in lines), note_title])
    inner = max(width - 0.1 - (left + right) / 72, 1.5)
    # Ends that are too long for one line above the axes stand on two.
    of_ends = sum(_width(end, size=_SMALL) + 12 for end in ends or ())
    lift = 13 if of_ends > 72 * inner else 0
    head = (_HEAD if ends or note_title else 0.05) + lift / 72
    deepest = sum(line.units for line in lines)
    handles = _handles(rows, styles) if legend else []
    ax = _axes(width, deepest * _LINE, (left / 72, inner), head, handles)
    if limits is None:
        values = rows[[*ESTIMATE_AND_INTERVAL]].to_numpy(dtype=float)
        values = [*values[np.isfinite(values)], *([] if zero is None else [zero])]
        room = 0.04 * ((max(values) - min(values)) or 1)
        limits = min(values) - room, max(values) + room
    ax.set(xlim=limits, ylim=(deepest, 0), yticks=[], xlabel=xlabel)
    if zero is not None:
        ax.axvline(zero, color=INK, linewidth=1, zorder=1)
    for line in lines:
        _write(ax, line, left)
        n = len(line.rows)
        step = _STEP if line.rows[["ci_low", "ci_high"]].notna().any(axis=None) else 0.0
        offsets = step * (np.arange(n) - (n - 1) / 2)
        for (_, row), offset in zip(line.rows.iterrows(), offsets, strict=True):
            _mark(ax, row, line.height + offset, styles[row["kind"]], limits)
    above = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    above |= {"fontsize": _SMALL}
    if note_title:
        ax.annotate(note_title, (1, 1), xytext=(8, 3), fontweight="bold", **above)
    if ends:
        left_end, right_end = ends
        ax.annotate(f"← {left_end}", (0, 1), xytext=(0, 3 + lift), ha="left", gid="end", **above)
        ax.annotate(f"{right_end} →", (1, 1), xytext=(0, 3), ha="right", gid="end", **above)
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    return ax


def _prepared(
    rows: pd.DataFrame, unit: str, label: str | None, group: str | None, names: Mapping[str, str]
) -> pd.DataFrame:
    """Return the rows in the unit shown, with label, group, kind and, if it is known, clear."""
    label = label or ("label" if "label" in rows else "task")
    group = group or ("group" if "group" in rows else None)
    needed = [label, *([group] if group else []), *ESTIMATE_AND_INTERVAL]
    require_columns(rows, needed, where="rows")
    if rows.empty:
        raise InputError("no rows", where="rows", remedy="Pass at least one estimate.")
    factor, _ = look_up("unit", unit, UNITS)
    shown = rows.reset_index(drop=True)
    shown[[*ESTIMATE_AND_INTERVAL]] *= factor
    shown["label"] = rows[label].map(lambda value: names.get(value, value)).to_list()
    shown["group"] = ""
    if group:
        groups = rows[group].fillna("").map(lambda value: names.get(value, value))
        shown["group"] = pd.Categorical(groups, groups.unique())
        shown = shown.sort_values("group", kind="stable", ignore_index=True)
    if "kind" not in shown:
        shown["kind"] = "recomputed"
    if "clear" not in shown and "p_holm" in shown:
        shown["clear"] = shown["p_holm"] < 0.05
    return shown


def _axes(
    width: float, height: float, across: tuple[float, float], head: float, handles: list[Line2D]
) -> Axes:
    """Return axes on a figure of their own, from `across[0]` and as wide as `across[1]` inches."""
    columns = 1
    if handles:
        widest = max(_width(str(key.get_label()), size=_SMALL) for key in handles) / 72 + 0.55
        columns = max(1, min(len(handles), int(width / widest)))
    whole = height + head + _KEY * -(-len(handles) // columns) + _AXIS
    figure = plt.figure(figsize=(width, whole), layout="none")
    left, inner = across[0] / width, across[1] / width
    ax = figure.add_axes((left, _AXIS / whole, inner, height / whole))
    if handles:
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0, 1), ncols=columns,
            borderaxespad=0, borderpad=0.1, fontsize=_SMALL, handletextpad=0.5, columnspacing=1.2,
        )  # fmt: skip
    return ax


def _lines(rows: pd.DataFrame, digits: int, *, signed: bool) -> Iterator[_Line]:
    """Yield headings and lines with the height of their middle, in lines from the top."""
    changes = (rows[["label", "group"]] != rows[["label", "group"]].shift()).any(axis=1)
    top, current = 0.0, ""
    for _, members in rows.groupby(changes.cumsum(), sort=False):
        group, label = members["group"].iloc[0], str(members["label"].iloc[0])
        if group not in ("", current):
            space = 1.0 if top == 0 else 1.35
            yield _Line(group, rows.iloc[:0], top + space - 0.45, space)
            top += space
        current = group
        # Points without intervals hide nothing of each other.
        with_intervals = members[["ci_low", "ci_high"]].notna().any(axis=None)
        further = len(members) - 1 if with_intervals else 0
        units = max(1 + further * _MANY / _LINE, 1 + 0.75 * label.count("\n"))
        last = members.iloc[-1]
        numbers = format_estimate(last, digits=digits, signed=signed)
        note = last.get("note", np.nan)
        note = note if isinstance(note, str) else numbers.removesuffix(f" {MISSING}")
        yield _Line(label, members, top + units / 2, units, note)
        top += units


def _kind_of_numbers(lines: list[_Line]) -> str:
    """Return whose numbers stand at the right where every line has marks of several kinds."""
    kinds = [line.rows["kind"] for line in lines if len(line.rows)]
    if min(map(pd.Series.nunique, kinds)) == 1:
        return ""
    last = {of_line.iloc[-1] for of_line in kinds}
    return kind_style(last.pop()).label if len(last) == 1 else ""


def _width(text: str, size: float = _TEXT) -> float:
    """Return the width of a text in points."""
    lines = [line.replace("$", "S") for line in text.split("\n") if line.strip()]
    paths = (TextPath((0, 0), line, size=size) for line in lines)
    return 1.05 * max((path.get_extents().x1 for path in paths), default=0.0)


def _write(ax: Axes, line: _Line, left: float) -> None:
    """Write a line's label (or a heading) at its left and its note at its right, all as text."""
    look = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
    look |= {"fontsize": _TEXT, "parse_math": False}
    if len(line.rows):
        ax.annotate(line.label, (0, line.height), xytext=(4 - left, 0), gid="label", **look)
        ax.annotate(line.note, (1, line.height), xytext=(8, 0), gid="note", **look)
    else:
        box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4}
        bold = {"fontweight": "bold", "gid": "heading", "bbox": box}
        ax.annotate(line.label, (0, line.height), xytext=(-left, 0), **bold, **look)


def _mark(
    ax: Axes, row: pd.Series, height: float, style: Style, limits: tuple[float, float]
) -> None:
    """Draw one estimate with its interval; what lies beyond the limits ends in an arrow."""
    estimate, low, high = row[[*ESTIMATE_AND_INTERVAL]]
    whole = not (np.isnan(low) or np.isnan(high))
    if whole:
        ax.plot(np.clip([low, high], *limits), [height] * 2, color=style.color, linewidth=1.8,
                solid_capstyle="butt", gid="interval", zorder=2)  # fmt: skip
    overshoots = np.nanmin([low, estimate]) < limits[0], np.nanmax([high, estimate]) > limits[1]
    for limit, arrow, cut in zip(limits, "<>", overshoots, strict=True):
        if cut:
            look = {"color": style.color, "markersize": 7, "gid": "cut", "zorder": 3}
            ax.plot(limit, height, arrow, clip_on=False, **look)
    if limits[0] <= estimate <= limits[1]:
        face = style.color if whole and row.get("clear", True) else "white"
        ax.plot(
            estimate, height, style.marker, markersize=6, markeredgecolor=style.color,
            markerfacecolor=face, markeredgewidth=1.5, gid="estimate", zorder=4,
        )  # fmt: skip


def _handles(rows: pd.DataFrame, styles: dict[str, Style]) -> list[Line2D]:
    """Return what the legend names: kinds where there are several, filled and open marks."""
    look = {"markersize": 6, "markeredgewidth": 1.5, "linewidth": 1.8}
    handles = []
    if len(styles) > 1:
        for style in styles.values():
            marks = {"color": style.color, "marker": style.marker, "label": style.label}
            handles.append(Line2D([], [], **marks, **look))
    if "clear" in rows:
        look |= {"linewidth": 0, "color": INK, "marker": "o"}
        for label, face in ("adjusted P < .05", INK), ("adjusted P ≥ .05", "white"):
            handles.append(Line2D([], [], label=label, markerfacecolor=face, **look))
    return handles

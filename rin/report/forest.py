"""Forest plots: estimates with their intervals, one line a comparison, around zero.

One mark for the cover, the audit, independent studies, regimes and analyses. A table comes in
with everything computed; the height of the figure follows from the number of its lines.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import wrap

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.textpath import TextPath

from rin.errors import InputError
from rin.report.format import MISSING, format_interval, format_number
from rin.report.style import INK, KindStyle, check_columns, kind_style

_LINE, _MANY = 0.25, 0.11  # inches: a line, each further row in it
_TEXT, _SMALL = 10.5, 9.5  # points
_STEP = 0.42  # of a line: rows that share one lie this far apart
_WORDS = 0.75  # of a line: a line of a label
_AXIS, _HEAD, _KEY = 0.62, 0.24, 0.22  # inches: ticks and label, heading, a line of the legend


@dataclass(frozen=True)
class _Line:
    """One line of the figure: a heading without rows, or rows that share a label."""

    label: str
    rows: pd.DataFrame | None
    height: float
    units: float


def forest(
    rows: pd.DataFrame,
    *,
    xlabel: str,
    ends: tuple[str, str] | None = None,
    margin: float | None = None,
    limits: tuple[float, float] | None = None,
    zero: float | None = 0.0,
    digits: int = 1,
    note_title: str = "",
    clear_labels: tuple[str, str] = ("adjusted P < .05", "adjusted P ≥ .05"),
    stacked: bool = False,
    legend: bool = True,
    width: float = 7.6,
    ax: Axes | None = None,
) -> Axes:
    """Draw estimates with their intervals from top to bottom.

    Parameters
    ----------
    rows
        `label`, `estimate`, `low`, `high` (one unit; NaN ends: no interval, an open mark without
        whiskers). Following rows of equal label and group share a line. Optional: `group`
        (heading above its rows), `kind` (a kind or init of `rin.report.style`; "pooled" is a
        diamond as wide as its interval), `clear` (bool; an open mark where False), `note` (text
        at the right instead of estimate and interval; of a shared line the last one), `weight`
        (the mark's area).
    xlabel
        What the estimates are, with their unit.
    ends
        What values left and right of zero mean, such as ("photographic ahead", …).
    margin
        Values from −margin to margin are shaded, as too small to matter.
    limits
        Of the axis; those of the data by default. What lies beyond them ends in an arrow.
    zero
        Where the vertical line stands; None for no line.
    digits, note_title
        Decimals and heading of the notes.
    clear_labels
        What a filled and an open mark mean, for the legend; used with a column `clear`.
    stacked
        Labels and notes above their lines, for narrow screens.
    legend
        Whether several kinds, and filled and open marks, are named above.
    width
        Of the figure in inches, where no `ax` is given; its height follows from the rows.

    Raises
    ------
    InputError
        Without rows, for missing columns, and for an unknown kind.
    """
    check_columns(rows, ["label", "estimate", "low", "high"])
    if rows.empty:
        raise InputError("no rows", where="rows", remedy="Pass at least one estimate.")
    rows = rows.reset_index(drop=True)
    rows = rows if "kind" in rows else rows.assign(kind="recomputed")
    styles = {kind: kind_style(kind) for kind in rows["kind"].unique()}
    weights = rows.get("weight", pd.Series(np.nan, index=rows.index)).astype(float)
    rows = rows.assign(size=(4 + 5 * np.sqrt(weights / weights.max())).fillna(6))
    if stacked:
        rows = rows.assign(label=[_wrapped(one, width, digits) for _, one in rows.iterrows()])
    lines = list(_lines(rows, stacked))
    notes = ["" if line.rows is None else _note(line.rows, digits) for line in lines]
    deepest = sum(line.units for line in lines)
    handles = _handles(rows, styles, clear_labels) if legend else []
    # Headings stand on lines of their own, so they may reach over the axes.
    left = 0 if stacked else 10 + max(_width(one.label) for one in lines if one.rows is not None)
    right = 0 if stacked else 12 + max(_width(text) for text in [*notes, note_title])
    across = width - 0.1 if ax is None else ax.get_position().width * ax.figure.get_figwidth()
    inner = max(across - (left + right) / 72, 1.5)
    # Ends that are too long for one line above the axes stand on two.
    lift = 13 * (sum(_width(end, size=_SMALL) + 12 for end in ends or ()) > 72 * inner)
    if ax is None:
        head = (_HEAD if ends or note_title else 0.05) + lift / 72
        ax = _axes(width, deepest * _LINE, (left / 72, inner), head, handles)
    elif handles:
        ax.legend(handles=handles, loc="lower left", bbox_to_anchor=(0, 1.06), fontsize=_SMALL)
    limits = limits or _limits(rows, zero)
    ax.set(xlim=limits, ylim=(deepest, 0), yticks=[], xlabel=xlabel)
    if margin is not None:
        ax.axvspan(-margin, margin, color="#ECECEC", zorder=0)
    if zero is not None:
        ax.axvline(zero, color=INK, linewidth=1, zorder=1)
    for line, note in zip(lines, notes, strict=True):
        _write(ax, line, note, left, stacked)
        if line.rows is None:
            continue
        step = 0.0 if line.rows[["low", "high"]].isna().all(axis=None) else _STEP
        offsets = step * (np.arange(len(line.rows)) - (len(line.rows) - 1) / 2)
        for (_, row), offset in zip(line.rows.iterrows(), offsets, strict=True):
            _mark(ax, row, line.height + offset, styles[row["kind"]], limits)
    above = {"xycoords": "axes fraction", "textcoords": "offset points", "va": "bottom"}
    if note_title and not stacked:
        ax.annotate(
            note_title, (1, 1), xytext=(8, 3), fontsize=_SMALL, fontweight="bold", **above
        )  # fmt: skip
    for place, side, text, up in (0, "left", "← {0}", 3 + lift), (1, "right", "{1} →", 3):
        if ends:
            ax.annotate(text.format(*ends), (place, 1), xytext=(0, up), ha=side, fontsize=_SMALL,
                        gid="end", **above)  # fmt: skip
    ax.grid(axis="x")
    ax.spines["left"].set_visible(False)
    return ax


def _axes(
    width: float,
    height: float,
    across: tuple[float, float],
    head: float,
    handles: list[Line2D],
) -> Axes:
    """Return axes on a figure of their own, from `across[0]` and as wide as `across[1]` inches."""
    columns = 1
    if handles:
        widest = max(_width(str(one.get_label()), size=_SMALL) for one in handles) / 72 + 0.55
        columns = max(1, min(len(handles), int(width / widest)))
    top = head + _KEY * -(-len(handles) // columns)
    whole = height + top + _AXIS
    figure = plt.figure(figsize=(width, whole), layout="none")
    left, inner = across[0] / width, across[1] / width
    ax = figure.add_axes((left, _AXIS / whole, inner, height / whole))
    if handles:
        figure.legend(
            handles=handles, loc="upper left", bbox_to_anchor=(0, 1), ncols=columns,
            borderaxespad=0, borderpad=0.1, fontsize=_SMALL, handletextpad=0.5, columnspacing=1.2,
        )  # fmt: skip
    return ax


def _lines(rows: pd.DataFrame, stacked: bool) -> Iterator[_Line]:
    """Yield headings and lines with the height of their middle, in lines from the top."""
    groups = rows["group"] if "group" in rows else pd.Series("", index=rows.index)
    groups = groups.fillna("")
    changes = (rows["label"] != rows["label"].shift()) | (groups != groups.shift())
    top, current = 0.0, ""
    for _, members in rows.groupby(changes.cumsum(), sort=False):
        group = groups.loc[members.index[0]]
        if group != current and group:
            space = 1.0 if top == 0 else 1.35
            yield _Line(group, None, top + space - 0.45, space)
            top += space
        current = group
        # Points without intervals hide nothing of each other, so they share one line.
        many = 0 if members[["low", "high"]].isna().all(axis=None) else len(members) - 1
        label = str(members["label"].iloc[0])
        marks = 1 + many * _MANY / _LINE
        words = _WORDS * (1 + label.count("\n"))
        units = marks + words if stacked else max(marks, words + 1 - _WORDS)
        yield _Line(label, members, top + units - (marks if stacked else units) / 2, units)
        top += units


def _width(text: str, size: float = _TEXT) -> float:
    """Return the width of a text in points."""
    lines = [line.replace("$", "S") for line in text.split("\n") if line.strip()]
    paths = (TextPath((0, 0), line, size=size) for line in lines)
    return 1.05 * max((path.get_extents().x1 for path in paths), default=0.0)


def _write(ax: Axes, line: _Line, note: str, left: float, stacked: bool) -> None:
    """Write a line's label (or a heading) at its left and its note at its right, or above it."""
    heading = line.rows is None
    above = stacked and not heading
    height = line.height - above * (0.45 + _WORDS * (1 + line.label.count("\n")) / 2)
    look = {"xycoords": ("axes fraction", "data"), "textcoords": "offset points", "va": "center"}
    box = {"facecolor": "white", "edgecolor": "none", "pad": 0.4} if stacked or heading else None
    shift = -left + (0 if heading or stacked else 4)
    ax.annotate(
        line.label, (0, height), xytext=(shift, 0), fontsize=_TEXT, bbox=box,
        fontweight="bold" if heading else "normal", gid="heading" if heading else "label", **look,
    )  # fmt: skip
    if note:
        ax.annotate(
            note, (1, height), xytext=(0 if stacked else 8, 0), fontsize=_TEXT, gid="note",
            ha="right" if stacked else "left", bbox=box, **look,
        )  # fmt: skip


def _mark(
    ax: Axes, row: pd.Series, height: float, style: KindStyle, limits: tuple[float, float]
) -> None:
    """Draw one estimate with its interval; what lies beyond the limits ends in an arrow."""
    low, high, estimate = row["low"], row["high"], row["estimate"]
    whole = not (np.isnan(low) or np.isnan(high))
    face = style.color if whole and row.get("clear", True) else "white"
    diamond = whole and row["kind"] == "pooled"
    if diamond:
        top, bottom = (estimate, height - 0.3), (estimate, height + 0.3)
        corners = [(low, height), top, (high, height), bottom]
        look = {"edgecolor": style.color, "facecolor": face, "zorder": 3, "gid": "pooled"}
        ax.add_patch(Polygon(corners, **look))
    elif whole:
        ax.plot(np.clip([low, high], *limits), [height] * 2, color=style.color, linewidth=1.8,
                solid_capstyle="butt", gid="interval", zorder=2)  # fmt: skip
    beyond = np.nanmin([low, estimate]) < limits[0], np.nanmax([high, estimate]) > limits[1]
    for limit, arrow, cut in zip(limits, "<>", beyond, strict=True):
        if cut:
            ax.plot(limit, height, arrow, color=style.color, markersize=7, clip_on=False,
                    gid="cut", zorder=3)  # fmt: skip
    if not diamond and limits[0] <= estimate <= limits[1]:
        ax.plot(
            estimate, height, style.marker, markersize=row["size"], markeredgecolor=style.color,
            markerfacecolor=face, markeredgewidth=1.5, gid="estimate", zorder=4,
        )  # fmt: skip


def _wrapped(row: pd.Series, width: float, digits: int) -> str:
    """Return a label in lines that leave room for the note beside them (stacked)."""
    label, note = str(row["label"]), _note(row.to_frame().T, digits)
    room = 72 * (width - 0.2) - _width(note) - 12
    return "\n".join(wrap(label, max(12, int(len(label) * room / max(_width(label), 1)))))


def _note(rows: pd.DataFrame, digits: int) -> str:
    row = rows.iloc[-1]
    if isinstance(row.get("note"), str):
        return row["note"]
    value = format_number(row["estimate"], digits, signed=True)
    interval = format_interval(row["low"], row["high"], digits)
    return value if interval == MISSING else f"{value} {interval}"


def _limits(rows: pd.DataFrame, zero: float | None) -> tuple[float, float]:
    values = rows[["estimate", "low", "high"]].to_numpy(dtype=float)
    values = [*values[np.isfinite(values)], *([] if zero is None else [zero])]
    room = 0.04 * ((max(values) - min(values)) or 1)
    return min(values) - room, max(values) + room


def _handles(
    rows: pd.DataFrame, styles: dict[str, KindStyle], clear_labels: tuple[str, str]
) -> list[Line2D]:
    """Return what the legend names: kinds where there are several, filled and open marks."""
    look = {"markersize": 6, "markeredgewidth": 1.5, "linewidth": 1.8}
    handles = [
        Line2D([], [], color=one.color, marker=one.marker, label=one.label, **look)
        for one in styles.values()
    ] * (len(styles) > 1)
    if "clear" in rows:
        look |= {"linewidth": 0, "color": INK, "marker": "o"}
        for label, face in zip(clear_labels, (INK, "white"), strict=True):
            handles.append(Line2D([], [], label=label, markerfacecolor=face, **look))
    return handles

"""Tables of the audit: one row a task, cells as text with the range that rounding allows."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pandas as pd

from rin.report.audit_words import p_range_words, p_words, range_words
from rin.report.format import format_interval, format_number
from rin.stats.audit_rounding import Bounds
from rin.stats.audit_tasks import TaskAudit, holm_bounds
from rin.stats.audit_tests import WIDTHS


def width_table(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return printed half-widths beside those of the unpaired t interval, in points."""
    return _rows(
        audits,
        {
            "Printed half-width": lambda one: format_number(one.published_half_width, 2),
            "Its range": lambda one: range_words(one.half_width, 2),
            "Unpaired t": lambda one: format_number(one.implied_half_width, 2),
            "Range of that": lambda one: range_words(one.implied, 2),
            "Within rounding": lambda one: _word(one.agrees),
        },
    )


def formula_table(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return, for each formula of the width, in how many tasks it fits within rounding."""
    rows = [
        (name, sum(one.half_width.meets(one.widths[name]) for one in audits)) for name in WIDTHS
    ]
    cells = [{"Formula": name, "Fits": f"{fits} of {len(audits)}"} for name, fits in rows]
    return pd.DataFrame(cells)


def p_table(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return stated P values beside those that SDs and intervals imply, and Holm's."""
    adjusted = dict(zip((one.task for one in audits), holm_bounds(audits), strict=True))
    return _rows(
        audits,
        {
            "Stated P": lambda one: f"< {p_words(one.stated_p)}",
            "Interval holds zero": lambda one: _word(one.contains_zero),
            "P by SDs": lambda one: p_range_words(one.p_by_sds),
            "P by interval, t": lambda one: p_range_words(one.p_by_interval),
            "P by interval, normal": lambda one: p_range_words(one.p_by_normal),
            "P by SDs, Holm": lambda one: p_range_words(adjusted[one.task]),
        },
    )


def centre_table(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return the stated difference, the middle of its interval and that of the means."""
    return _rows(
        audits,
        {
            "Stated, points": lambda one: format_number(one.stated_difference, 1),
            "Interval": lambda one: format_interval(one.published_low, one.published_high, 1),
            "Its middle": lambda one: range_words(one.middle, 2),
            "Of the means": lambda one: range_words(one.means),
            "Stated = middle": lambda one: _word(one.difference.meets(one.middle)),
            "Stated = of the means": lambda one: _word(one.difference.meets(one.means)),
            "Middle = of the means": lambda one: _word(one.middle.meets(one.means)),
        },
    )


def pairing_table(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return correlations that the stated P value needs, and those that the width implies."""
    return _rows(
        audits,
        {
            "Needed for the stated P": lambda one: _needed(one.needed_correlation),
            "Implied by the width": lambda one: range_words(one.width_correlation, 2),
        },
    )


def delong_table(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return printed half-widths beside the largest that a DeLong interval can have."""
    return _rows(
        audits,
        {
            "Printed half-width": lambda one: range_words(one.half_width, 2),
            "Most, printed areas": lambda one: format_number(one.delong_limit, 2),
            "Most, any areas": lambda one: format_number(one.delong_limit_any, 2),
            "Wider than possible": lambda one: _word(one.too_wide_for_delong),
        },
    )


def interval_rows(audits: Sequence[TaskAudit]) -> pd.DataFrame:
    """Return the table that `rin.report.figures_audit.audit_intervals` draws, in points.

    One row a task: `name`, `difference`, `low`, `high` as printed, `implied` half-width,
    `implied_low` and `implied_high` its range, `holds_zero`.
    """
    rows = [
        {
            "name": one.title,
            "difference": one.stated_difference,
            "low": one.published_low,
            "high": one.published_high,
            "implied": one.implied_half_width,
            "implied_low": one.implied.low,
            "implied_high": one.implied.high,
            "holds_zero": one.contains_zero,
        }
        for one in audits
    ]
    return pd.DataFrame(rows)


def _rows(
    audits: Sequence[TaskAudit], cells: dict[str, Callable[[TaskAudit], str]]
) -> pd.DataFrame:
    rows = {one.title: {name: cell(one) for name, cell in cells.items()} for one in audits}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def _needed(bounds: Bounds) -> str:
    if bounds.low >= 1:
        return "none is enough"
    if bounds.high >= 1:
        return f"{format_number(bounds.low, 2)} to none is enough"
    return range_words(bounds, 2)


def _word(yes: bool) -> str:
    return "yes" if yes else "no"

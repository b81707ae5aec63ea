"""Tables of the book: published numbers beside recomputed ones, and the 24 scenarios.

Cells are text, ready to read; computed numbers come from `rin.stats`, published ones
from `rin.paper`. AUCs lie in 0–1, differences between sources in AUC points (0–100) as
the paper prints them.
"""

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING

import pandas as pd

from rin import paper
from rin.errors import InputError, unknown
from rin.report.format import (
    MISSING,
    format_estimate,
    format_interval,
    format_mean_sd,
    format_number,
    format_p,
)
from rin.report.style import UNFREEZING_LABEL, init_style, rate_label
from rin.report.tidy import check_one_each

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

    from rin.stats.paired import PairedT
    from rin.stats.scenarios import PooledComparison

_PERCENT = 100
_INTERVAL = re.compile(r"\([−\d.]+, [−\d.]+\)|± [\d.]+")


def published_beside_table(comparisons: Mapping[str, "PooledComparison"]) -> pd.DataFrame:
    """Return every task of the paper with its published and recomputed comparison.

    The DeLong columns compare scores averaged over the scenarios, an ensemble, so that
    interval need not surround the difference of the mean AUCs.

    Parameters
    ----------
    comparisons
        From the paper's task key to the recomputed comparison; tasks without one show
        dashes. All compare the same two inits.

    Returns
    -------
    pandas.DataFrame
        Text; one row per task, two levels of columns: published, recomputed.

    Raises
    ------
    InputError
        For a task that the paper does not have, or comparisons of different inits.
    """
    inits = _common_inits(comparisons)
    rows = {}
    for task, published in paper.COMPARISONS.items():
        cells = {("Published", k): v for k, v in _published_cells(published).items()}
        recomputed = _recomputed_cells(comparisons.get(task), inits)
        rows[published.title] = cells | {("Recomputed", k): v for k, v in recomputed.items()}
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def _published_cells(published: paper.PublishedComparison) -> dict[str, str]:
    ends = published.ci_low, published.ci_high
    return {
        "RadImageNet": format_mean_sd(published.auc_radimagenet, published.sd_radimagenet),
        "ImageNet": format_mean_sd(published.auc_imagenet, published.sd_imagenet),
        "Difference, points (95% CI)": format_estimate(published.difference, *ends, digits=1),
        "P": published.p_text,
    }


def _recomputed_cells(
    comparison: "PooledComparison | None", inits: tuple[str, str]
) -> dict[str, str]:
    names = [init_style(init).short for init in inits]
    columns = [*names, "Difference, points", "95% CI, unpaired t", "95% CI, paired t",
               "95% CI, DeLong of mean scores", "P, DeLong of mean scores"]  # fmt: skip
    if comparison is None:
        return dict.fromkeys(columns, MISSING)
    intervals = [
        format_interval(_PERCENT * one.ci_low, _PERCENT * one.ci_high, 1)
        for one in (comparison.unpaired, comparison.paired, comparison.delong)
    ]
    cells = [
        format_mean_sd(comparison.mean_a, comparison.sd_a),
        format_mean_sd(comparison.mean_b, comparison.sd_b),
        format_number(comparison.gain_points, 1, signed=True),
        *intervals,
        format_p(comparison.delong.p_value),
    ]
    return dict(zip(columns, cells, strict=True))


def _common_inits(comparisons: Mapping[str, "PooledComparison"]) -> tuple[str, str]:
    for task in comparisons:
        if task not in paper.COMPARISONS:
            raise unknown("task", task, list(paper.COMPARISONS))
    pairs = sorted({(one.init_a, one.init_b) for one in comparisons.values()})
    if len(pairs) > 1:
        raise InputError(
            f"inits differ: {pairs}", where="comparisons", remedy="Make one table per pair."
        )
    return pairs[0] if pairs else ("radimagenet", "imagenet")


def published_beside_points(comparisons: Mapping[str, "PooledComparison"]) -> pd.DataFrame:
    """Return the table for `rin.report.figures.published_beside`, in AUC points.

    Columns: `name`, `source`, `estimate`, `low`, `high`. Intervals are of one kind on
    both sides: the unpaired t interval over scenarios, whose widths the published ones have
    within rounding.
    """
    _common_inits(comparisons)
    rows = []
    for task, published in paper.COMPARISONS.items():
        ends = published.difference, published.ci_low, published.ci_high
        rows.append((published.title, "published", *ends))
        if task in comparisons:
            test = comparisons[task].unpaired
            ends = (test.mean_difference, test.ci_low, test.ci_high)
            rows.append((published.title, "recomputed", *(_PERCENT * end for end in ends)))
    return pd.DataFrame(rows, columns=["name", "source", "estimate", "low", "high"])


def scenario_table(differences: pd.DataFrame, inits: tuple[str, str]) -> pd.DataFrame:
    """Return one row per scenario: both AUCs, their difference with DeLong's CI, P values.

    Parameters
    ----------
    differences
        One task of `rin.stats.scenarios.compare_inits`, by way of
        `rin.report.tidy.with_conditions`.
    inits
        (a, b), as compared.
    """
    check_one_each(differences, ["scenario"])
    names = [f"AUC, {init_style(init).short}" for init in inits]
    rows = [
        {
            "Backbone": row.backbone,
            "Unfreezing": UNFREEZING_LABEL[row.unfreezing],
            "Learning rate": rate_label(row.learning_rate),
            names[0]: format_number(row.auc_a, 3),
            names[1]: format_number(row.auc_b, 3),
            "Difference (95% CI)": format_estimate(row.difference, row.ci_low, row.ci_high),
            "P": format_p(row.p_value),
            "P, Holm": format_p(row.p_holm),
        }
        for row in differences.itertuples()
    ]
    return pd.DataFrame(rows)


def dice_beside_table(
    summaries: pd.DataFrame,
    tests: Mapping[str, "PairedT"],
    inits: Sequence[str],
    *,
    titles: Mapping[str, str] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return published and recomputed Dice scores: the paper's two tasks, and any other.

    Parameters
    ----------
    summaries
        Table of `rin.explain.overlap.init_dice`: task, init, mean, sd.
    tests
        From task to `rin.report.localisation_tests.dice_comparison`.
    inits
        Sources whose means are shown.
    titles
        Of further tasks in `tests`, for which the paper states no Dice score.

    Returns
    -------
    pandas.DataFrame
        Text; one row per task. Tasks not recomputed, or not published, show dashes.
    """
    rows = {}
    found = summaries.set_index(["task", "init"])
    for task in [*paper.DICE, *titles]:
        cells = _published_dice_cells(paper.DICE.get(task))
        for init in inits:
            here = found.loc[(task, init)] if (task, init) in found.index else None
            text = MISSING if here is None else format_mean_sd(here["mean"], here["sd"], 3)
            cells["Recomputed", init_style(init).short] = text
        test = tests.get(task)
        cells["Recomputed", "P, paired t"] = format_p(test.p_value) if test else MISSING
        cells["Recomputed", "P, Shapiro"] = format_p(test.shapiro_p) if test else MISSING
        rows[titles.get(task) or paper.COMPARISONS[task].title] = cells
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def _published_dice_cells(one: paper.PublishedDice | None) -> dict[tuple[str, str], str]:
    columns = [("Published", name) for name in ("RadImageNet", "ImageNet", "Gain, %", "P")]
    if one is None:
        return dict.fromkeys(columns, MISSING)
    cells = [
        format_number(one.caption_radimagenet, 3),
        format_number(one.caption_imagenet, 3),
        format_number(one.gain_percent, 1, signed=True),
        one.p_text,
    ]
    return dict(zip(columns, cells, strict=True))


def book_table(table: pd.DataFrame, caption: str, *, prose: bool = False) -> "Styler":
    """Return a table dressed for the book: caption above, headings ruled, text to the left.

    A plain running index is hidden.  Cells of `prose` tables wrap; others stay on one line.
    A table without rows says so in one.  Intervals, ``(low, high)``, are not broken.
    """
    if table.empty:
        table = pd.DataFrame({"": ["none"]})
    left = [("text-align", "left"), ("padding", "0.25em 0.8em")]
    styles = [
        {"selector": "caption", "props": [("caption-side", "top"), ("font-weight", "600")]},
        {"selector": "th, td", "props": left},
        {"selector": "thead tr:last-child th", "props": [("border-bottom", "2px solid #8A8A8A")]},
    ]
    table = table.map(
        lambda cell: _INTERVAL.sub(_unbroken, cell) if isinstance(cell, str) else cell
    )
    styler = table.style.format(escape="html").set_caption(caption).set_table_styles(styles)
    for axis in ("index", "columns"):  # names of tasks and classes come from files
        styler = styler.format_index(escape="html", axis=axis)
    if prose:
        styler = styler.set_table_attributes('class="rin-prose"')
    return styler.hide(axis="index") if isinstance(table.index, pd.RangeIndex) else styler


def _unbroken(interval: re.Match) -> str:
    return interval[0].replace(" ", "\u00a0")

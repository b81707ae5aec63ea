"""Tables of the pages that set analyses side by side.

Functions ending in ``_rows`` return numbers for `rin.report.figures_analyses`; the others return
text, ready to read.  Differences are a − b in AUC points (0-100).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from rin.report.analyses import CONCLUSIONS, TaskAnalyses
from rin.report.analyses import conclusion as supported
from rin.report.format import (
    MISSING,
    format_estimate,
    format_interval,
    format_number,
    format_p,
)
from rin.stats.pooling import holm_over_tasks

_POINTS = 100
_DIFFERENCE = "Difference, points (95% CI)"
_ENDS = ("estimate", "ci_low", "ci_high")
PUBLISHED = "Published"
#: Where a row of `beside_rows` comes from, in words.
SOURCES = {
    "published": PUBLISHED,
    "recomputed": "Here, the published way",
    "recommended": "Here, recommended",
}
#: Analyses whose intervals are compared with that of the recommended one.
WIDTHS = ("unpaired_t", "paired_t", "delong_stacked", "delong_contrast", "cluster_bootstrap")


def conclusion_words(conclusion: str, names: tuple[str, str], margin: float) -> str:
    """Return a key of `CONCLUSIONS` in words.

    Parameters
    ----------
    conclusion
        The key.
    names
        What a and b are called.
    margin
        Largest difference that counts as comparable, areas in 0-1.
    """
    words = (
        f"{names[0]} ahead",
        f"{names[1]} ahead",
        f"comparable within {margin_words(margin)}",
        "no clear difference",
        "cannot be computed here",
    )
    return dict(zip(CONCLUSIONS, words, strict=True))[conclusion]


def margin_words(margin: float) -> str:
    """Return a margin of areas (0-1) as ``±2 points``."""
    return f"±{_POINTS * margin:.3g} points"


def analysis_rows(one: TaskAnalyses) -> pd.DataFrame:
    """Return one task's analyses as numbers, from the published way on.

    Returns
    -------
    pandas.DataFrame
        `name`, `estimate`, `low`, `high` (AUC points), `conclusion`, `published`,
        `recommended`.
    """
    table = one.table
    return pd.DataFrame(
        {
            "name": table["name"],
            "estimate": _POINTS * table["estimate"],
            "low": _POINTS * table["ci_low"],
            "high": _POINTS * table["ci_high"],
            "conclusion": table["conclusion"],
            "published": table["published"],
            "recommended": table["recommended"],
        }
    )


def analysis_table(one: TaskAnalyses) -> pd.DataFrame:
    """Return one task's analyses as text: units, difference with interval, P, what it supports.

    Analyses that cannot be computed show dashes; `analysis_sentences` says why, and of whom each
    speaks.
    """
    rows = {}
    for row in one.table.to_dict("records"):
        rows[marked_name(row)] = {
            "Units": row["unit"],
            _DIFFERENCE: _estimate(row),
            "P": format_p(row["p_value"]),
            "Supports": conclusion_words(row["conclusion"], one.names, one.margin),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Analysis")


def marked_name(row: Mapping[str, object]) -> str:
    """Return the name of an analysis, and whether it is the published way or recommended."""
    marks = ["published way"] * bool(row["published"]) + ["recommended"] * bool(row["recommended"])
    return f"{row['name']} ({', '.join(marks)})" if marks else str(row["name"])


def beside_rows(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return published, recomputed and recommended differences of every task as numbers.

    Returns
    -------
    pandas.DataFrame
        `title`, `source` ("published", "recomputed": unpaired t over scenarios, or
        "recommended"), `estimate`, `low`, `high` (AUC points), `conclusion`, `supports` in words,
        `p` as text (as printed, or of the test), and `p_holm`: of the recommended analysis,
        adjusted over the tasks, NaN elsewhere.
    """
    rows = []
    adjusted = holm_of_recommended(found)
    for one in found:
        if (ends := one.published_ends) is not None:
            key = supported(*ends[1:])
            words = conclusion_words(key, one.published_names, one.margin)
            rows.append((one.title, "published", *ends, key, words, one.published.p_text, np.nan))
        ways = {"recomputed": one.row("unpaired_t"), "recommended": one.recommended}
        for source, row in ways.items():
            ends = [_POINTS * row[name] for name in _ENDS]
            key, p_text = row["conclusion"], format_p(row["p_value"])
            words = conclusion_words(key, one.names, one.margin)
            p_holm = adjusted[one.task] if source == "recommended" else np.nan
            rows.append((one.title, source, *ends, key, words, p_text, p_holm))
    columns = ["title", "source", "estimate", "low", "high", "conclusion", "supports", "p"]
    return pd.DataFrame(rows, columns=[*columns, "p_holm"])


def holm_of_recommended(found: Sequence[TaskAnalyses]) -> dict[str, float]:
    """Return, per task, the recommended analysis' P value adjusted over the tasks."""
    if not found:
        return {}
    own = holm_over_tasks({one.task: one.table[one.table["recommended"]] for one in found})
    return dict(zip(own["task"], own["p_holm"], strict=True))


def beside_table(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return published, recomputed and recommended differences of every task as text."""
    rows = {
        (row.title, SOURCES[row.source]): {
            _DIFFERENCE: format_estimate(row.estimate, row.low, row.high, 1),
            "P": row.p,
            "P, Holm": format_p(row.p_holm),
            "The interval supports": row.supports,
        }
        for row in beside_rows(found).itertuples()
    }
    table = pd.DataFrame.from_dict(rows, orient="index")
    table.index = pd.MultiIndex.from_tuples(table.index, names=["Task", "Analysis"])
    return table


def matrix_rows(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return what each analysis supports on each task, for `conclusion_matrix`.

    Returns
    -------
    pandas.DataFrame
        `title`, `name` of the analysis ("Published" first, where the paper has the task),
        `estimate` (AUC points), `conclusion`, `recommended`.
    """
    rows = []
    for one in found:
        if (ends := one.published_ends) is not None:
            rows.append((one.title, PUBLISHED, ends[0], supported(*ends[1:]), False))
        for row in one.table.to_dict("records"):
            points = _POINTS * row["estimate"]
            rows.append((one.title, row["name"], points, row["conclusion"], row["recommended"]))
    return pd.DataFrame(rows, columns=["title", "name", "estimate", "conclusion", "recommended"])


def conclusion_counts(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return how many tasks each analysis supports which conclusion on, as numbers.

    Returns
    -------
    pandas.DataFrame
        One row per analysis, by its key; one column per key of `CONCLUSIONS`.
    """
    table = pd.concat([one.table[["analysis", "conclusion"]] for one in found])
    counts = pd.crosstab(table["analysis"], table["conclusion"])
    order = found[0].table["analysis"]
    return counts.reindex(index=order, columns=list(CONCLUSIONS), fill_value=0)


def effects_table(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return the effect sizes of the scenarios' areas, one row a task, as text."""
    rows = {}
    for one in found:
        sizes = one.effects
        rows[one.title] = {
            "Scenarios": f"{sizes.n}",
            "Cohen’s d": format_number(sizes.cohen_d, 2, signed=True),
            "Hedges’ g": format_number(sizes.hedges_g, 2, signed=True),
            "dz (95% CI)": format_estimate(sizes.cohen_dz, sizes.dz_low, sizes.dz_high, 2),
            "CLES": format_number(sizes.cles, 2),
            "Share ahead": format_number(sizes.share_ahead, 2),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def equivalence_table(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return the tests of equivalence of the recommended analysis, one row a task, as text."""
    rows = {}
    for one in found:
        test = one.recommended
        cells = [MISSING] * 3 + [conclusion_words("none", one.names, one.margin)]
        if not math.isnan(test["equivalence_p"]):
            ends = (_POINTS * test[f"equivalence_{end}"] for end in ("low", "high"))
            cells = [
                format_interval(*ends, 1),
                format_p(test["equivalence_p"]),
                f"±{format_number(_POINTS * test['smallest_margin'], 1)}",
                "comparable" if test["equivalent"] else "not shown",
            ]
        columns = ["90% CI, points", "P, TOST", "Smallest margin, points",
                   f"Within {margin_words(one.margin)}"]  # fmt: skip
        rows[one.title] = dict(zip(columns, cells, strict=True))
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def width_ratio(one: TaskAnalyses, analysis: str) -> float:
    """Return the width of an analysis' interval over that of the recommended one.

    NaN where either cannot be computed, or where the recommended one has no width.
    """
    widths = [row["ci_high"] - row["ci_low"] for row in (one.row(analysis), one.recommended)]
    return float(widths[0] / widths[1]) if widths[1] > 0 else float("nan")


def width_table(found: Sequence[TaskAnalyses]) -> pd.DataFrame:
    """Return how wide other intervals are, in units of the recommended one's, as text."""
    rows = {
        one.title: {"Recommended, points": _width(one.recommended)}
        | {
            one.row(analysis)["name"]: f"× {ratio:.2f}" if ratio == ratio else MISSING
            for analysis in WIDTHS
            for ratio in [width_ratio(one, analysis)]
        }
        for one in found
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def _width(row: Mapping[str, float]) -> str:
    return format_number(_POINTS * (row["ci_high"] - row["ci_low"]), 1)


def _estimate(row: Mapping[str, float]) -> str:
    """Return estimate and interval in points; a dash where there is neither."""
    if math.isnan(row["estimate"]):
        return MISSING
    return format_estimate(*(_POINTS * row[name] for name in _ENDS), 1)

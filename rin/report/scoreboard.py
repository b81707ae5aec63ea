"""The scoreboard of the cover: every task of the paper, as published and as run here.

Three narrow tables rather than a wide one, so that each can be read on a phone: what the paper
states, what was found here and on which images, and how sure one can be.  Cells are text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from rin import paper
from rin.replications import DIRECTIONS, REPLICATIONS
from rin.report.across import TaskResult
from rin.report.format import (
    MISSING,
    format_estimate,
    format_interval,
    format_mean_sd,
    format_number,
    format_p,
)
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.stats import holm
from rin.stats.audit_tasks import audit_tasks

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

_POINTS = 100
#: Independent comparisons of like with like on one of the paper's tasks.
_COUNTED = [one for one in REPLICATIONS if one.tasks and one.like_for_like]
_AHEAD = {name: name for name in DIRECTIONS} | {"parity": "neither", "none stated": "not stated"}
_DIFFERENCE = "Difference (95% CI)"
# A title covers what scrolls under it, so it needs a colour of its own, and so does the table.
_PAPER = [("background-color", "white"), ("color", "#1A1A1A")]
_TITLE = [
    *_PAPER,
    ("position", "sticky"),
    ("left", "0"),
    ("z-index", "1"),
    ("white-space", "normal"),
    ("min-width", "8em"),
    ("max-width", "10em"),
]


def published_scoreboard() -> pd.DataFrame:
    """Return what the paper states, one row a task, and what others found.

    Returns
    -------
    pandas.DataFrame
        Text. Images, mean area ± SD of both sources, difference in AUC points, P as printed,
        and how many independent comparisons of like with like found which weights ahead.
    """
    rows = []
    for task, one in paper.COMPARISONS.items():
        stated = {count.group: count.images for count in reversed(paper.CLASS_COUNTS[task])}
        ends = one.difference, one.ci_low, one.ci_high
        cells = {
            "Images": f"{stated['all']:,}",
            "RadImageNet": format_mean_sd(one.auc_radimagenet, one.sd_radimagenet),
            "ImageNet": format_mean_sd(one.auc_imagenet, one.sd_imagenet),
            _DIFFERENCE: format_estimate(*ends, digits=1),
            "P": under_p(one.p_text),
            "Independent comparisons": _independent(task),
        }
        rows.append((one.title, cells))
    return _table(rows)


def _independent(task: str) -> str:
    """Return how many independent comparisons of a task there are, and which weights led."""
    found = [one.direction for one in _COUNTED if task in one.tasks]
    led = [
        f"{_AHEAD[name]}\N{NO-BREAK SPACE}{found.count(name)}"
        for name in DIRECTIONS
        if name in found
    ]
    return f"{len(found)}: {', '.join(led)}" if found else MISSING


def scoreboard(
    results: Sequence[TaskResult], inits: tuple[str, str], weights: Mapping[str, str]
) -> pd.DataFrame:
    """Return what was found here, one row a task; tasks of the paper not run show dashes.

    Parameters
    ----------
    results
        Tasks that were run, as `rin.report.across.task_results`.
    inits
        (a, b), as compared.
    weights
        From init to where its weights come from, as `rin.report.across.weights_words`.

    Returns
    -------
    pandas.DataFrame
        Images with their provenance, mean area ± SD of both inits, difference in AUC points
        with the interval of the paired scenarios, weights.
    """
    origin = " / ".join(dict.fromkeys(weights[init] for init in inits))
    names = [init_style(init).short for init in inits]
    columns = ["Images", *names, _DIFFERENCE, "Weights"]
    rows = []
    for title, one in _every(results):
        cells = [MISSING] * len(columns)
        if one is not None:
            c = one.pooled
            ends = _POINTS * c.paired.ci_low, _POINTS * c.paired.ci_high
            cells = [
                one.images.text,
                format_mean_sd(c.mean_a, c.sd_a),
                format_mean_sd(c.mean_b, c.sd_b),
                format_estimate(c.gain_points, *ends, digits=1),
                origin,
            ]
        rows.append((title, dict(zip(columns, cells, strict=True))))
    return _table(rows)


def significance_table(results: Sequence[TaskResult]) -> pd.DataFrame:
    """Return the tests of the tasks that were run, with P values adjusted over the tasks.

    Two questions, two families of tests: does the difference hold over the choice of
    scenario (paired t over scenarios), and over other patients (DeLong's test of the scores
    averaged over scenarios).

    Returns
    -------
    pandas.DataFrame
        Text; two levels of columns.
    """
    tests = [(one.pooled.paired, one.pooled.delong) for one in results]
    paired, delong = (holm([pair[k].p_value for pair in tests]) for k in (0, 1))
    rows = []
    for one, (t, d), p_t, p_d in zip(results, tests, paired, delong, strict=True):
        interval = format_interval(_POINTS * d.ci_low, _POINTS * d.ci_high, 1)
        cells = {
            ("", "Images"): one.images.word,
            ("Scenarios, paired t", "P"): under_p(format_p(t.p_value)),
            ("Scenarios, paired t", "Holm"): under_p(format_p(p_t)),
            ("Mean scores, DeLong", _DIFFERENCE): (
                f"{format_number(_POINTS * d.difference, 1, signed=True)} {interval}"
            ),
            ("Mean scores, DeLong", "P"): under_p(format_p(d.p_value)),
            ("Mean scores, DeLong", "Holm"): under_p(format_p(p_d)),
        }
        rows.append((one.title, cells))
    return _table(rows)


def scoreboard_counts(results: Sequence[TaskResult]) -> dict[str, int]:
    """Return the counts that the sentences of the cover state.

    Returns
    -------
    dict
        `n_published`, and of them `n_published_ahead` with a difference above zero and
        `n_published_zero` whose interval holds zero; `n_independent` comparisons by others,
        `n_independent_ahead` with the RadImageNet weights ahead; `n_tasks` run here, and of them
        `n_ahead`, `n_paired` and `n_delong` (adjusted P below .05), `n_real`,
        `n_substitute`, `n_stand_in`.
    """
    stated = list(paper.COMPARISONS.values())
    alpha = paper.SETTINGS["alpha"].value
    origins = [one.images.origin for one in results]
    paired = holm([one.pooled.paired.p_value for one in results])
    delong = holm([one.pooled.delong.p_value for one in results])
    return {
        "n_published": len(stated),
        "n_published_ahead": sum(one.difference > 0 for one in stated),
        "n_published_zero": sum(one.contains_zero for one in audit_tasks()),
        "n_independent": len(_COUNTED),
        "n_independent_ahead": sum(one.direction == "RadImageNet" for one in _COUNTED),
        "n_tasks": len(results),
        "n_ahead": sum(one.pooled.difference > 0 for one in results),
        "n_paired": int((paired < alpha).sum()),
        "n_delong": int((delong < alpha).sum()),
        "n_real": origins.count("real"),
        "n_substitute": origins.count("substitute"),
        "n_stand_in": origins.count("stand-in"),
    }


def board(table: pd.DataFrame, caption: str, *, wrap: Sequence[str] = ()) -> Styler:
    """Return a table of this module dressed for the cover.

    Parameters
    ----------
    table
        One row a task. Titles wrap, and stay in sight when a phone scrolls the rest sideways.
    caption
        Stands above.
    wrap
        Columns whose cells may wrap, which keeps the table within the width of a page.
    """
    names = [column[-1] if isinstance(column, tuple) else column for column in table.columns]
    styles = [
        {"selector": "", "props": [("font-size", "0.82rem"), *_PAPER]},
        {"selector": "th, td", "props": [("padding", "0.25em 0.4em"), ("white-space", "nowrap")]},
        {"selector": "th:first-child", "props": _TITLE},
    ]
    styles += [
        {"selector": f"td.col{place}, th.col{place}.level{table.columns.nlevels - 1}",
         "props": [("white-space", "normal"), ("min-width", "6em")]}
        for place, name in enumerate(names)
        if name in wrap
    ]  # fmt: skip
    dressed = book_table(table.rename_axis(index=None), caption)
    return dressed.set_table_styles(styles, overwrite=False)


def under_p(text: str) -> str:
    """Return a P value as it stands in a column headed P: ``.03`` or ``< .001``."""
    return text.removeprefix("P ").removeprefix("= ")


def _every(results: Sequence[TaskResult]) -> list[tuple[str, TaskResult | None]]:
    """Return each task of the paper with its result or None, then the other tasks."""
    own = {one.task: one for one in results if _is_the_papers(one)}
    rows = [(stated.title, own.get(task)) for task, stated in paper.COMPARISONS.items()]
    return rows + [(one.title, one) for one in results if one.task not in own]


def _is_the_papers(one: TaskResult) -> bool:
    return one.published is not None and one.task == one.published.task


def _table(rows: Sequence[tuple[str, Mapping]]) -> pd.DataFrame:
    titles = pd.Index([title for title, _ in rows])
    table = pd.DataFrame([cells for _, cells in rows], index=titles)
    if table.columns.map(type).isin([tuple]).any():
        table.columns = pd.MultiIndex.from_tuples(table.columns)
    return table

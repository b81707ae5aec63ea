"""What the page on factors shows of one factor, in order: the same for every set of predictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from rin.errors import InputError
from rin.report.factors import LEVEL_PHRASES, LEVEL_WORDS, FactorResult
from rin.report.factors_readings import (
    basis_reading,
    caution,
    change_readings,
    effect_readings,
    fed_readings,
    headline,
    shared_reading,
)
from rin.report.factors_tables import arrow_rows, change_table, effects_table, forest_rows
from rin.report.figures_factors import effects_forest, factor_arrows, resize_pair
from rin.report.panels import picture
from rin.report.tables import book_table
from rin.study import TaskInputs

if TYPE_CHECKING:
    from IPython.display import HTML, Markdown
    from pandas.io.formats.style import Styler

NOT_STUDIED = "This profile does not study this factor."


def factor_section(result: FactorResult | None) -> list[HTML | Markdown]:
    """Return the section of one factor, from top to bottom; display it with ``display(*…)``.

    What it comes to, a figure of areas and one of effects a task, and a sentence for every mean
    over scenarios.

    Parameters
    ----------
    result
        The factor, or None where a profile does not study it.
    """
    if result is None:
        return [_markdown(NOT_STUDIED)]
    shown = [
        _markdown(f"**What it comes to.** {headline(result)}"),
        _markdown(basis_reading(result)),
    ]
    if result.factor == "preprocessing":
        shown += [_list(fed_readings(result)), _markdown(shared_reading(result))]
    for task in result.titles:
        shown += _figures(result, task)
    for title, sentences in (
        ("On each start", effect_readings(result)),
        ("On the difference between the starts", change_readings(result)),
    ):
        shown += [_markdown(f"**{title}**"), _list(sentences)] if sentences else []
    shown.append(_markdown(f"{_families(result)} {caution(result)}"))
    return [one for one in shown if one.data.strip()]


def factor_details(result: FactorResult | None) -> list[Markdown | Styler]:
    """Return the tables of one factor: means over scenarios, then every scenario alone.

    Parameters
    ----------
    result
        As for `factor_section`.
    """
    if result is None:
        return [_markdown(NOT_STUDIED)]
    return [
        book_table(make(result, rows), f"{caption}, {which}")
        for which, rows in (
            ("means over scenarios", result.regimes),
            ("scenario by scenario", result.scenarios),
        )
        for make, caption in (
            (effects_table, "Effect on each start"),
            (change_table, "Effect on the difference between the starts"),
        )
    ]


def resize_example(
    inputs: Mapping[tuple[str, str], TaskInputs], task: str
) -> list[HTML | Markdown]:
    """Return the image of a task that is farthest from square, stretched and padded, and words.

    Parameters
    ----------
    inputs
        As `rin.study.factors.factor_inputs` returns for ``resize``.
    task
        One of its tasks.

    Raises
    ------
    InputError
        The stores of both levels do not hold the same cases.
    """
    stores = [inputs[level, task].store for level in ("stretch", "pad")]
    cases = stores[0].cases
    if cases["case_id"].tolist() != stores[1].cases["case_id"].tolist():
        raise InputError(
            "the stores of both levels hold other cases", where=task, remedy="Build them anew."
        )
    longer = np.log(cases["width"] / cases["height"]).abs()
    row = int(longer.to_numpy().argmax())
    axes = resize_pair(*(store.images()[row] for store in stores))
    one, square = cases.iloc[row], (cases["width"] == cases["height"]).mean()
    alt = "One image twice: stretched to a square, and padded to one with black bars"
    text = (
        f"The image of the task that is farthest from square, {one['width']} × {one['height']} "
        "pixels. Stretching fills the square and changes shapes; padding keeps shapes and fills "
        "the rest with black. "
        f"{100 * square:.0f} % of the task's images are square, and for those both are the same."
    )
    return [picture(axes[0].figure, alt, width="26rem"), _markdown(text)]


def _figures(result: FactorResult, task: str) -> list[HTML | Markdown]:
    title, shown = result.titles[task], []
    before, after = (LEVEL_WORDS[level] for level in result.levels)
    rows = arrow_rows(result, task)
    alt = f"{title}: area of every scenario and start, {before} and {after}"
    shown.append(picture(factor_arrows(rows, (before, after)).figure, alt, width="32rem"))
    moved = rows[~rows["same"]]
    down = int((moved["after"] < moved["before"]).sum())
    start, end = (LEVEL_PHRASES[level] for level in result.levels)
    shown.append(
        _markdown(
            f"{title}: an arrow leads from the area of a network {start} to that of one {end}; "
            f"{down} of {len(moved)} point to a smaller area."
        )
    )
    effects = forest_rows(result, task)
    if len(effects):
        alt = f"{title}: effect on each start and on their difference, with intervals"
        shown.append(picture(effects_forest(effects).figure, alt, width="32rem"))
    return shown


def _families(result: FactorResult) -> str:
    counts = result.regimes.groupby("quantity")["p_value"].count()
    return (
        f"Holm's families are the {counts['effect']} effects on a start and the "
        f"{counts['interaction']} on the difference; those of single scenarios, in the tables, "
        "are families of their own."
    )


def _list(sentences: list[str]) -> Markdown:
    return _markdown("\n".join(f"- {one}" for one in sentences))


def _markdown(text: str) -> Markdown:
    from IPython.display import Markdown

    return Markdown(text)

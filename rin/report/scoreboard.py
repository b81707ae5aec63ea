"""The scoreboard of the cover: every task, its published difference and ours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import pandas as pd

from rin import paper
from rin.report.format import MISSING, format_interval, format_mean_sd, format_number
from rin.report.style import init_style

if TYPE_CHECKING:
    from rin.stats import PooledComparison

_POINTS = 100


def scoreboard(comparisons: Mapping[str, PooledComparison], inits: tuple[str, str]) -> pd.DataFrame:
    """Return one row a task: published and recomputed areas and differences, as text.

    Parameters
    ----------
    comparisons
        From the paper's task key, or the title of a task that the paper does not have, to
        the recomputed comparison; what is missing on either side shows dashes.
    inits
        (a, b), as compared here.

    Returns
    -------
    pandas.DataFrame
        Differences in AUC points with the 95% interval over scenarios: unpaired t as
        published, paired t as the design calls for here.
    """
    names = " / ".join(init_style(init).short for init in inits)
    rows = {}
    for task in dict.fromkeys([*paper.COMPARISONS, *comparisons]):
        published, here = paper.COMPARISONS.get(task), comparisons.get(task)
        rows[published.title if published else task] = _published(published) | _here(here, names)
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def _published(one: paper.PublishedComparison | None) -> dict[str, str]:
    columns = ("Published: RadImageNet / ImageNet", "Difference")
    if one is None:
        return dict.fromkeys(columns, MISSING)
    areas = _areas((one.auc_radimagenet, one.sd_radimagenet), (one.auc_imagenet, one.sd_imagenet))
    return dict(
        zip(columns, (areas, _difference(one.difference, one.ci_low, one.ci_high)), strict=True)
    )


def _here(one: PooledComparison | None, names: str) -> dict[str, str]:
    columns = (f"Here: {names}", "Difference here")
    if one is None:
        return dict.fromkeys(columns, MISSING)
    areas = _areas((one.mean_a, one.sd_a), (one.mean_b, one.sd_b))
    ends = _POINTS * one.paired.ci_low, _POINTS * one.paired.ci_high
    return dict(zip(columns, (areas, _difference(one.gain_points, *ends)), strict=True))


def _areas(a: tuple[float, float], b: tuple[float, float]) -> str:
    return f"{format_mean_sd(*a)} / {format_mean_sd(*b)}"


def _difference(points: float, low: float, high: float) -> str:
    return f"{format_number(points, 1, signed=True)} {format_interval(low, high, 1)}"

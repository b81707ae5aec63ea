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
        From the paper's task key to the recomputed comparison; other tasks show dashes.
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
    for task, published in paper.COMPARISONS.items():
        here = comparisons.get(task)
        rows[published.title] = {
            "Published: RadImageNet / ImageNet": _areas(
                (published.auc_radimagenet, published.sd_radimagenet),
                (published.auc_imagenet, published.sd_imagenet),
            ),
            "Difference": _difference(published.difference, published.ci_low, published.ci_high),
            f"Here: {names}": MISSING
            if here is None
            else _areas((here.mean_a, here.sd_a), (here.mean_b, here.sd_b)),
            "Difference here": MISSING
            if here is None
            else _difference(
                here.gain_points, _POINTS * here.paired.ci_low, _POINTS * here.paired.ci_high
            ),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def _areas(a: tuple[float, float], b: tuple[float, float]) -> str:
    return f"{format_mean_sd(*a)} / {format_mean_sd(*b)}"


def _difference(points: float, low: float, high: float) -> str:
    return f"{format_number(points, 1, signed=True)} {format_interval(low, high, 1)}"

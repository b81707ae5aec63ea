"""Tables of what others found: independent comparisons of the two kinds of weights.

Numbers come from `rin.replications` as their sources print them; counting directions says how
often one was ahead, not by how much, nor whether it matters.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import pandas as pd

from rin.paper import COMPARISONS, PublishedComparison
from rin.replications import AUC_POINTS, DIRECTIONS, REPLICATIONS, Replication
from rin.report.format import MISSING, format_number
from rin.report.tables import book_table

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler

OTHER = "Other questions"
AHEAD = {
    "RadImageNet": "RadImageNet ahead",
    "ImageNet": "ImageNet ahead",
    "parity": "no difference found",
    "none stated": "not stated",
}
_COLUMN = {"RadImageNet": "RadImageNet", "ImageNet": "ImageNet", "parity": "No difference",
           "none stated": "Not stated"}  # fmt: skip


def task_replications() -> dict[str, list[Replication]]:
    """Return the records of each of the paper's tasks that has any, by title; others last.

    A record that touches two tasks stands under both.
    """
    groups = {
        published.title: [one for one in REPLICATIONS if task in one.tasks]
        for task, published in COMPARISONS.items()
    }
    groups[OTHER] = [one for one in REPLICATIONS if not one.tasks]
    return {title: records for title, records in groups.items() if records}


def replication_table(groups: Mapping[str, Sequence[Replication]]) -> Styler:
    """Return one row a comparison, grouped by task, dressed for the book.

    Parameters
    ----------
    groups
        All or some of `task_replications`.
    """
    rows = {
        (title, number): _row(one)
        for title, records in groups.items()
        for number, one in enumerate(records)
    }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis(["Task", ""])
    caption = "RadImageNet and ImageNet weights compared by others; ± is the SD over folds"
    styler = book_table(table, caption, prose=True).hide(level=1, axis="index")
    for column, width in (("Study", 12), ("Network", 12), ("Remark", 18), ("Source", 20)):
        styler = styler.set_properties(subset=[column], **{"min-width": f"{width}rem"})
    return styler


def direction_counts(run_here: Collection[str] = ()) -> dict[str, int]:
    """Return how many comparisons of like with like went which way, for sentences.

    Parameters
    ----------
    run_here
        Names of the paper's tasks that a study runs.

    Returns
    -------
    dict
        `n_fair` and `n_unlike` comparisons of like with like and others, `n_studies`, `n_group`
        comparisons of the group that made most of them,
        `n_radimagenet`, `n_imagenet`, `n_parity`; `n_stated` that state both areas, `n_below` of
        them with less than one AUC point between; `n_asked` tasks of the paper that others
        asked, `n_run` of them that are run here.
    """
    asked = {task for one in REPLICATIONS for task in one.tasks}
    fair = [one for one in REPLICATIONS if one.like_for_like]
    points = _stated_points(fair)
    return {
        "n_fair": len(fair),
        "n_unlike": len(REPLICATIONS) - len(fair),
        "n_studies": _studies(fair),
        # Studies of one group have one name, with what tells them apart in brackets.
        "n_group": max(Counter(one.study.split(" (")[0] for one in fair).values()),
        "n_radimagenet": _number(fair, "RadImageNet"),
        "n_imagenet": _number(fair, "ImageNet"),
        "n_parity": _number(fair, "parity"),
        "n_stated": len(points),
        "n_below": sum(abs(value) < 1 for value in points),
        "n_asked": len(asked),
        "n_run": len(asked & set(run_here)),
    }


def direction_table() -> pd.DataFrame:
    """Count, per task, which weights were ahead in comparisons of like with like.

    Returns
    -------
    pandas.DataFrame
        Text; one row a task with records, other questions, and all records, each counted once.
        Beside the counts: the paper's own difference, from how many studies the records come,
        and how many differences are below one AUC point of those that state both areas.
    """
    titles = {one.title: one for one in COMPARISONS.values()}
    rows = {}
    for title, records in (task_replications() | {"All": list(REPLICATIONS)}).items():
        fair = [one for one in records if one.like_for_like]
        points = _stated_points(fair)
        rows[title] = {
            "The paper, points": _published(titles.get(title)),
            **{_COLUMN[name]: str(_number(fair, name)) for name in DIRECTIONS if _occurs(name)},
            "Below 1 point": f"{sum(abs(value) < 1 for value in points)} of {len(points)}",
            "Studies": str(_studies(fair)),
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Task")


def replication_points() -> pd.DataFrame:
    """Return the differences in AUC points of all comparisons of like with like.

    Returns
    -------
    pandas.DataFrame
        One row per task and record that states both areas: `name` (title of the task, or
        `OTHER`), `difference` (RadImageNet − ImageNet), `own_weights`.
    """
    rows = [
        (title, value, one.own_weights)
        for title, records in task_replications().items()
        for one in records
        if one.like_for_like and (value := difference_points(one)) is not None
    ]
    return pd.DataFrame(rows, columns=["name", "difference", "own_weights"])


def difference_points(one: Replication) -> float | None:
    """Return RadImageNet − ImageNet in AUC points, None without both areas."""
    if one.metric not in AUC_POINTS or None in (one.radimagenet, one.imagenet):
        return None
    # Rounded, as the printed numbers have at most two digits beyond a point.
    return round(AUC_POINTS[one.metric] * (one.radimagenet - one.imagenet), 4)


def _row(one: Replication) -> dict[str, str]:
    fair = "" if one.like_for_like else " (not like with like)"
    return {
        "Study": f"{one.study}, {one.year}" if one.year else one.study,
        "Images": one.data,
        "Network": one.architecture,
        "RadImageNet": _score(one.radimagenet, one.radimagenet_sd, one.metric),
        "ImageNet": _score(one.imagenet, one.imagenet_sd, one.metric),
        "Metric": one.metric,
        "Result": AHEAD[one.direction] + fair,
        "Remark": one.remark or MISSING,
        "Source": one.place,
    }


def _score(value: float | None, sd: float | None, metric: str) -> str:
    """Return a score with the digits that its kind is printed with."""
    if value is None:
        return MISSING
    digits = {100: 4, 1: 1}.get(AUC_POINTS.get(metric, 0), 0)
    return f"{value:.{digits}f}" if sd is None else f"{value:.{digits}f} ± {sd:.{digits}f}"


def _published(one: PublishedComparison | None) -> str:
    return MISSING if one is None else format_number(one.difference, 1, signed=True)


def _stated_points(records: Sequence[Replication]) -> list[float]:
    found = map(difference_points, records)
    return [value for value in found if value is not None]


def _studies(records: Sequence[Replication]) -> int:
    return len({one.study for one in records})


def _number(records: Sequence[Replication], direction: str) -> int:
    return sum(one.direction == direction for one in records)


def _occurs(direction: str) -> bool:
    return any(one.direction == direction for one in REPLICATIONS)

"""Independent studies that compared RadImageNet with ImageNet weights, and their synthesis.

The facts are in `replications.yaml`, with the numbers as their sources print them.  This module
decides what may be pooled; `rin.stats.synthesis` pools.
"""

import math
from collections.abc import Collection, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from rin.files import read_facts
from rin.stats.hypothesis import t_quantile
from rin.stats.synthesis import (
    hanley_mcneil_error,
    moderated_effects,
    random_effects,
    three_level,
)

#: Factor that converts the scores of a metric to AUC points (0-100), by metric.
AUC_POINTS = {"AUC": 100, "macro AUC": 100, "AUC × 100": 1}
#: The same, with metrics other than the AUC.
POINTS = AUC_POINTS | {"balanced accuracy": 100}
#: Sources of a standard error with which a difference may be pooled.
POOLED_ERRORS = ("SDs over folds", "printed", "interval of the difference", "intervals of both")
#: One group's chest radiographs: with SDs of 0.2 and 0.4 points they get most of the weight in any
#: mean.
KERMANY = "chest radiographs (Kermany)"
#: Assumed correlation of two comparisons on the same test images: no source states it.
SHARED_IMAGES = 0.5
_READ = read_facts(__file__)


def _record(study: dict, comparison: dict) -> SimpleNamespace:
    """Return a comparison with the fields of its study, and the remarks of both."""
    fields = _READ["fields"] | {"group": study["study"]} | study | comparison
    del fields["comparisons"]
    remarks = [text for text in (comparison.get("remark"), study.get("remark")) if text]
    return SimpleNamespace(**fields | {"remark": "; ".join(remarks)})


#: Every comparison, on one dataset each; the file says what its fields mean.
REPLICATIONS = tuple(
    _record(study, comparison) for study in _READ["studies"] for comparison in study["comparisons"]
)

#: Numbers printed in follow-up studies of other questions, by the study's key in the bibliography.
FOLLOW_UPS = _READ["follow_ups"]
#: Ways in which a comparison silently loses its weights.
LOST = _READ["lost"]


def standard_error(record: SimpleNamespace) -> tuple[str, float, float]:
    """Return the source of a difference's standard error, the error, and its degrees of freedom.

    The error is in the unit of the metric; NaN where the source gives no error.  Intervals of both
    AUCs, errors of both and numbers of cases give the error of an unpaired difference: for two
    networks on the same cases that is too large rather than too small.
    """
    if record.folds:  # Welch's, as if folds were independent
        shares = np.square([record.radimagenet_sd, record.imagenet_sd]) / record.folds
        freedom = shares.sum() ** 2 / (shares**2).sum() * (record.folds - 1)
        return "SDs over folds", math.sqrt(shares.sum()), freedom
    if not record.error:
        return "", math.nan, math.nan
    ((source, numbers),) = record.error.items()
    return source, _ERRORS[source](record, numbers), math.inf


def _half_width(interval: Collection[float]) -> float:
    low, high = interval
    return (high - low) / 2 / t_quantile()


_ERRORS = {
    "printed": lambda _, error: error,
    "interval of the difference": lambda _, interval: _half_width(interval),
    "intervals of both": lambda _, both: math.hypot(*map(_half_width, both)),
    "errors of both": lambda _, both: math.hypot(*both),
    "numbers of cases": lambda record, cases: math.hypot(
        *(hanley_mcneil_error(auc, *cases) for auc in (record.radimagenet, record.imagenet))
    ),
}


def like_for_like(points: Mapping[str, int] = AUC_POINTS) -> pd.DataFrame:
    """Return the like-for-like comparisons that state a value for both kinds of weights.

    One row per comparison: the fields of the file, `label` (images and setting),
    `task` (the paper's tasks, joined by ``/``), `of_the_paper` (whether there are any such tasks),
    `scaling_missing` and `own_weights`, `error_from` and `standard_error` (see `standard_error`),
    `estimate` (RadImageNet − ImageNet, points) with `ci_low`, `ci_high`, and `side`: the weights
    clearly ahead by the source's own test, otherwise by the interval (or `neither`; an empty
    string where there is no test, and no interval other than from numbers of cases).
    """
    records = [
        record
        for record in REPLICATIONS
        if record.like_for_like
        and record.metric in points
        and None not in (record.radimagenet, record.imagenet)
    ]
    table = pd.DataFrame(map(vars, records))
    factor = table["metric"].map(points)
    error_from, errors, freedom = zip(*map(standard_error, records), strict=True)
    error = factor * np.array(errors)
    half = error * list(map(t_quantile, freedom))
    estimate = (factor * (table["radimagenet"] - table["imagenet"])).round(10)
    table = table.assign(
        label=table["data"] + (", " + table["setting"]).where(table["setting"] != "", ""),
        task=table["tasks"].map("/".join),
        of_the_paper=table["tasks"].map(bool),
        scaling_missing=table["scaling"] == "without 1/255",
        own_weights=table["release"] == "own",
        error_from=error_from,
        standard_error=error,
        estimate=estimate,
        ci_low=estimate - half,
        ci_high=estimate + half,
    )
    return table.assign(side=[_side(row) for row in table.itertuples()])


def _side(row: Any) -> str:
    if row.source_p_over:
        return ""
    if row.source_p:
        clear = float(row.source_p.split()[-1]) < 0.05  # "P < .001", "P = .673"
    elif math.isnan(row.ci_low) or row.error_from == "numbers of cases":
        return ""
    else:
        clear = not row.ci_low <= 0 <= row.ci_high
    higher = "RadImageNet" if row.estimate > 0 else "ImageNet"
    return higher if clear else "neither"


def other_groups() -> pd.DataFrame:
    """Return comparisons by groups other than the group with SDs over folds, of any metric."""
    table = like_for_like(POINTS)
    first = set(table.loc[table["folds"] > 0, "group"])
    return table[~table["group"].isin(first)].reset_index(drop=True)


def covariance(rows: pd.DataFrame) -> np.ndarray:
    """Return the covariance (k, k) of comparisons by their standard errors.

    Comparisons of one study on one set of images, as with frozen layers and without, share test
    images and are correlated by `SHARED_IMAGES`.
    """
    errors = rows["standard_error"]
    images = pd.factorize(rows["study"] + "; " + rows["data"])[0]
    correlation = np.where(np.equal.outer(images, images), SHARED_IMAGES, 0.0)
    np.fill_diagonal(correlation, 1.0)
    return np.outer(errors, errors) * correlation


def pooled_groups() -> pd.DataFrame:
    """Pool the comparisons that may be pooled, one row per selection, in AUC points.

    One group's comparisons by `random_effects`; those of all groups by `three_level` (group,
    comparison) with groups − 1 degrees of freedom and their `covariance`.  `groups` and `k` are
    counts; columns that a model lacks are NaN.
    """
    table = like_for_like()
    known = table[table["error_from"].isin(POOLED_ERRORS)]
    counted = table[table["standard_error"].notna()]
    folds = known[known["folds"] > 0]
    tuned = folds[folds["setting"] == "fine-tuned"]
    same = tuned[tuned["of_the_paper"]]
    one_group = {
        "One group, fine-tuned": tuned,
        "… the paper's questions": same,
        "… the paper's questions, without Kermany": same[same["data"] != KERMANY],
        "… other questions": tuned[~tuned["of_the_paper"]],
        "One group, frozen first": folds[folds["setting"] != "fine-tuned"],
    }
    all_groups = {
        "All groups": known,
        "… without Kermany": known[known["data"] != KERMANY],
        "… with mammograms, errors from counts": counted,
    }
    pooled = [random_effects(r["estimate"], r["standard_error"] ** 2) for r in one_group.values()]
    pooled += [
        three_level(rows["estimate"], covariance(rows), rows["group"])
        for rows in all_groups.values()
    ]
    of_all = one_group | all_groups
    counts = [rows["group"].nunique() for rows in of_all.values()]
    return pd.DataFrame(pooled, index=list(of_all)).assign(groups=counts)


def moderators() -> pd.DataFrame:
    """Return how frozen layers and inputs without 1/255 shift the differences, in AUC points.

    Each moderator alone, by `moderated_effects` with groups − 2 degrees of freedom, among the
    comparisons that state it, with their `covariance`; mammograms are included, with errors from
    counts of cases.  Columns are those of an estimate.
    """
    table = like_for_like()
    table = table[table["standard_error"].notna()]
    stated = {
        "frozen layers": (table["setting"].str.startswith("frozen"), table["setting"] != ""),
        "inputs without 1/255": (table["scaling_missing"], table["scaling"] != "not stated"),
    }
    rows = {}
    for name, (shifted, known) in stated.items():
        used = table[known]
        coefficients = moderated_effects(
            used["estimate"],
            covariance(used),
            used["group"],
            pd.DataFrame({name: shifted[known].astype(float)}),
        )
        rows[name] = coefficients.loc[name]
    return pd.DataFrame(rows).T

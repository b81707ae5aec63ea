"""What each analysis of `rin.stats.analyses` finds in one task's predictions.

One short function an analysis; the statistics are in the modules that they
call, and `rin.stats.pooling` puts the findings in a table.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from rin.stats.bootstrap import bootstrap_areas, percentile_interval
from rin.stats.contrast import AreaContrast, area_contrast, mean_contrast
from rin.stats.crossed import CrossedScores, FoldScores
from rin.stats.delong import DeLongTest, delong_test
from rin.stats.folds import nadeau_bengio
from rin.stats.mixed import mixed_model
from rin.stats.paired import TTest, paired_t, unpaired_t
from rin.stats.scenarios import mean_scores


@dataclass(frozen=True)
class Finding:
    """What one analysis found; NaN with a remark where it is not possible."""

    unit: str
    n_units: int
    estimate: float = math.nan
    ci_low: float = math.nan
    ci_high: float = math.nan
    statistic: float = math.nan
    df: float = math.nan
    p_value: float = math.nan
    standard_error: float = math.nan
    remark: str = ""


@dataclass(frozen=True)
class Material:
    """One task's predictions in the forms that analyses take, and how to analyse them."""

    pairs: pd.DataFrame
    crossed: CrossedScores
    test_train_ratio: float | None
    replicates: int
    seed: int
    level: float


def _unpaired_t(task: Material) -> Finding:
    return _over_scenarios(task, unpaired_t)


def _paired_t(task: Material) -> Finding:
    return _over_scenarios(task, paired_t)


def _over_scenarios(task: Material, test: Callable[..., TTest]) -> Finding:
    n = len(task.crossed.scenarios)
    if n < 2:
        return Finding(_counted(n, "scenario"), n, remark="One scenario has no spread to test.")
    a, b = task.crossed.areas.mean(axis=-1)
    return _of_t(test(a, b, level=task.level), _counted(n, "scenario"), n, task.level)


def _delong_stacked(task: Material) -> Finding:
    return _of_delong(task, task.pairs, "prediction")


def _delong_mean_scores(task: Material) -> Finding:
    return _of_delong(task, mean_scores(task.pairs), "case")


def _of_delong(task: Material, rows: pd.DataFrame, noun: str) -> Finding:
    test = delong_test(rows["label"], rows["score_a"], rows["score_b"], level=task.level)
    return _of_z(test, test.difference, _counted(len(rows), noun), len(rows))


def _delong_contrast(task: Material) -> Finding:
    found = _mean_over_folds(task, clustered=False)
    return _of_z(found, found.estimate, _counted(found.n, "case"), found.n)


def _clustered_contrast(task: Material) -> Finding:
    unit, n = _patients(task)
    remark = _lonely_class(task)
    if remark:
        return Finding(unit, n, remark=remark)
    found = _mean_over_folds(task, clustered=True)
    return _of_z(found, found.estimate, unit, n)


def _cluster_bootstrap(task: Material) -> Finding:
    unit, n = _patients(task)
    remark = _lonely_class(task)
    if remark:
        return Finding(unit, n, remark=remark)
    means = np.mean([_replicates(task, place) for place in range(len(task.crossed.folds))], axis=0)
    low, high = percentile_interval(means, task.level)
    beyond = min((means <= 0).sum(), (means >= 0).sum())
    return Finding(
        unit=unit,
        n_units=n,
        estimate=_mean_difference(task),
        ci_low=low,
        ci_high=high,
        p_value=min(1.0, 2 * float(beyond + 1) / (means.size + 1)),
        standard_error=float(means.std(ddof=1)),
    )


def _nadeau_bengio(task: Material) -> Finding:
    n = len(task.crossed.folds)
    unit = _counted(n, "fold")
    if n < 2:
        return Finding(unit, n, remark="One fold has no spread to test.")
    if task.test_train_ratio is None:
        return Finding(unit, n, remark="The ratio of test to training cases was not given.")
    a, b = task.crossed.areas.mean(axis=1)
    test = nadeau_bengio(a - b, task.test_train_ratio, level=task.level)
    return _of_t(test, unit, n, task.level)


def _mixed_model(task: Material) -> Finding:
    areas = task.crossed.areas
    columns = ("init", "scenario", "fold")
    index = pd.MultiIndex.from_product([range(n) for n in areas.shape], names=columns)
    table = pd.Series(areas.ravel(), index=index, name="auc").reset_index()
    found = mixed_model(table, 0, 1, level=task.level)
    unit = _counted(areas.size, "area")
    if math.isnan(found.estimate):
        return Finding(unit, areas.size, remark=found.remark)
    return Finding(
        unit=unit,
        n_units=areas.size,
        estimate=found.estimate,
        ci_low=found.ci_low,
        ci_high=found.ci_high,
        statistic=found.t,
        df=found.df,
        p_value=found.p_value,
        standard_error=found.standard_error,
        remark=found.remark,
    )


def _of_t(test: TTest, unit: str, n: int, level: float) -> Finding:
    half_width = (test.ci_high - test.ci_low) / 2
    return Finding(
        unit=unit,
        n_units=n,
        estimate=test.mean_difference,
        ci_low=test.ci_low,
        ci_high=test.ci_high,
        statistic=test.t,
        df=test.df,
        p_value=test.p_value,
        standard_error=half_width / float(stats.t.ppf((1 + level) / 2, test.df)),
    )


def _of_z(test: AreaContrast | DeLongTest, estimate: float, unit: str, n: int) -> Finding:
    if math.isnan(test.variance):
        return Finding(unit, n, remark="A class has a single case, which shows no spread.")
    return Finding(
        unit=unit,
        n_units=n,
        estimate=estimate,
        ci_low=test.ci_low,
        ci_high=test.ci_high,
        statistic=test.z,
        df=math.inf,
        p_value=test.p_value,
        standard_error=math.sqrt(test.variance),
    )


def _mean_over_folds(task: Material, *, clustered: bool) -> AreaContrast:
    """Return the mean over folds of each fold's mean difference over scenarios."""
    n = len(task.crossed.scenarios)
    weights = np.repeat([1 / n, -1 / n], n)
    contrasts = [
        area_contrast(
            fold.labels,
            _rows(fold),
            weights,
            clusters=fold.patients if clustered else None,
            level=task.level,
        )
        for fold in task.crossed.folds
    ]
    return mean_contrast(contrasts, level=task.level)


def _replicates(task: Material, place: int) -> np.ndarray:
    """Return one fold's mean difference over scenarios in replicates of its patients."""
    fold = task.crossed.folds[place]
    seed = int(np.random.SeedSequence([task.seed, place]).generate_state(1)[0])
    areas = bootstrap_areas(
        fold.labels, _rows(fold), fold.patients, replicates=task.replicates, seed=seed
    )
    a, b = np.split(areas, 2, axis=1)
    return (a - b).mean(axis=1)


def _rows(fold: FoldScores) -> np.ndarray:
    """Return one row a run, those of init a first: (2S, n)."""
    return fold.scores.reshape(-1, fold.labels.size)


def _mean_difference(task: Material) -> float:
    a, b = task.crossed.areas
    return float((a - b).mean())


def _patients(task: Material) -> tuple[str, int]:
    n = sum(len(pd.unique(fold.patients)) for fold in task.crossed.folds)
    return _counted(n, "patient"), n


def _lonely_class(task: Material) -> str:
    """Return why patients cannot be compared: a class that one patient makes up in a fold."""
    for fold in task.crossed.folds:
        for name, part in (("positive", fold.labels), ("negative", ~fold.labels)):
            if len(pd.unique(fold.patients[part])) < 2:
                return (
                    f"In fold {fold.fold} all {name} cases belong to one patient, which shows "
                    "no spread between patients."
                )
    return ""


def _counted(n: int, noun: str) -> str:
    return f"{n:,} {noun}{'' if n == 1 else 's'}"


#: How to find each analysis' row, by its key.
FINDERS: dict[str, Callable[[Material], Finding]] = {
    "unpaired_t": _unpaired_t,
    "paired_t": _paired_t,
    "delong_stacked": _delong_stacked,
    "delong_mean_scores": _delong_mean_scores,
    "delong_contrast": _delong_contrast,
    "clustered_contrast": _clustered_contrast,
    "cluster_bootstrap": _cluster_bootstrap,
    "nadeau_bengio": _nadeau_bengio,
    "mixed_model": _mixed_model,
}

"""Comparing inits by a measure of each image, such as the overlap of its map with the lesion.

The paper pairs images by a t test without saying how 24 scenarios of each enter; here the scores
of an image are averaged over scenarios first, so that an image counts once.  Images of a patient
may resemble each other: the headline takes patients as the independent units, and the paired t
test over images, as published, stands beside it.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown
from rin.stats.clustered_means import clustered_t
from rin.stats.differences import ALL, REGIMES
from rin.stats.paired import paired_t

_CASE = ["patient_id", "case_id"]
_TESTED = ("difference", "ci_low", "ci_high", "p_value")


def image_differences(
    table: pd.DataFrame, init_a: str, init_b: str, measures: Sequence[str]
) -> pd.DataFrame:
    """Compare two inits by measures of images, over all scenarios and within each regime.

    Parameters
    ----------
    table
        One task: scenario, unfreezing, init, patient_id, case_id and the measures, one row a run
        and image, as `rin.explain.overlap.measure_overlap`.
    init_a, init_b
        The difference is a − b.
    measures
        Columns that are compared.

    Returns
    -------
    pandas.DataFrame
        One row a measure and group (`all`, then each regime): measure, group, n_scenarios,
        n_images, n_patients, mean_a, sd_a, mean_b, sd_b (SD over scenarios), difference (mean
        over images), ci_low, ci_high, p_value (`rin.stats.clustered_t`: patients independent),
        p_images (paired t test over images, as published).  NaN where a measure is undefined for
        an image, or fewer than two patients or images are left: none is left out silently.

    Raises
    ------
    InputError
        For an unknown init, or an image scored under one init only in some scenario.

    Notes
    -----
    Checked against ``scipy.stats.ttest_rel`` and `clustered_t` of means taken by hand.
    """
    for init in (init_a, init_b):
        if init not in set(table["init"]):
            raise unknown("init", init, sorted(set(table["init"])))
    own = table[table["init"].isin([init_a, init_b])]
    regimes = [ALL, *(name for name in REGIMES if name in set(own["unfreezing"]))]
    rows = []
    for measure in measures:
        cells = own.groupby(["scenario", "unfreezing", *_CASE, "init"], observed=True)[measure]
        pairs = _mean_of_all(cells).unstack("init")
        if alone := int((cells.size().unstack("init").isna()).any(axis=1).sum()):
            raise InputError(
                f"{alone} images have a score of one init only in some scenario",
                where="table",
                remedy="Finish the missing runs, with the same folds for both.",
            )
        for group in regimes:
            inside = pairs.index.get_level_values("unfreezing") == group
            chosen = pairs if group == ALL else pairs[inside]
            named = {"measure": measure, "group": group}
            rows.append(named | _compared(chosen[[init_a, init_b]]))
    return pd.DataFrame(rows)


def against_baselines(
    table: pd.DataFrame,
    baselines: pd.DataFrame,
    inits: Sequence[str],
    measures: Sequence[str],
) -> pd.DataFrame:
    """Compare each init with the best of what looks at no image.

    Parameters
    ----------
    table
        As in `image_differences`.
    baselines
        One row an image and baseline, as `rin.explain.overlap.baseline_scores` with `case_id`:
        every image of `table`.
    inits, measures
        Initialisation sources; columns that both tables have.

    Returns
    -------
    pandas.DataFrame
        One row a measure and init: measure, init, baseline (the one with the largest mean), mean,
        baseline_mean (over images, each averaged over scenarios first), difference, ci_low,
        ci_high, p_value (patients independent); NaN as in `image_differences`.

    Raises
    ------
    InputError
        When an image has no baseline.

    Notes
    -----
    Checked against means by hand and `rin.stats.clustered_t`.
    """
    rows = []
    for measure in measures:
        wide = baselines.pivot(index="case_id", columns="baseline", values=measure)
        best = wide.dropna(axis=1, how="all").mean().idxmax()
        for init in inits:
            images = _mean_of_all(table[table["init"] == init].groupby(_CASE)[measure])
            beside = wide[best].reindex(images.index.get_level_values("case_id")).to_numpy()
            if np.isnan(beside).any():
                raise InputError(
                    f"{np.isnan(beside).sum()} images without a score of {best}",
                    where="baselines",
                    remedy="Score the baselines on every image with a lesion.",
                )
            named = {"measure": measure, "init": init, "baseline": best}
            named |= {"mean": images.mean(skipna=False), "baseline_mean": beside.mean()}
            rows.append(named | _over_patients(images - beside))
    return pd.DataFrame(rows)


def _compared(pairs: pd.DataFrame) -> dict[str, object]:
    """Return the cells of one comparison, from a row a scenario and image and a column an init."""
    scenarios = _mean_of_all(pairs.groupby(level="scenario"))
    images = _mean_of_all(pairs.groupby(level=_CASE))
    (mean_a, mean_b), (sd_a, sd_b) = scenarios.mean(skipna=False), scenarios.std(skipna=False)
    a, b = images.to_numpy().T
    testable = len(images) > 1 and np.isfinite([a, b]).all()
    return {
        "n_scenarios": len(scenarios),
        "n_images": len(images),
        "n_patients": images.index.get_level_values("patient_id").nunique(),
        **{"mean_a": mean_a, "sd_a": sd_a, "mean_b": mean_b, "sd_b": sd_b},
        **_over_patients(images.iloc[:, 0] - images.iloc[:, 1]),
        "p_images": paired_t(a, b).p_value if testable else np.nan,
    }


def _over_patients(differences: pd.Series) -> dict[str, float]:
    patients = differences.index.get_level_values("patient_id").to_numpy()
    if differences.isna().any() or pd.unique(patients).size < 2:
        return dict.fromkeys(_TESTED, np.nan)
    test = clustered_t(differences.to_numpy(), patients)
    found = (test.mean_difference, test.ci_low, test.ci_high, test.p_value)
    return dict(zip(_TESTED, found, strict=True))


def _mean_of_all(grouped: object) -> pd.Series | pd.DataFrame:
    """Return the mean of each group, NaN where a value is: none is left out silently."""
    counted = grouped.count()
    size = grouped.size()
    return grouped.mean().where(counted.eq(size, axis=0))

"""Tests of overlap between two inits, and against what looks at no image.

The paper pairs images by a t test without saying how 24 scenarios of each enter; here scores are
averaged within each unit first, so that a unit counts once.  Every test comes from `rin.stats`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown

if TYPE_CHECKING:
    from pandas.api.typing import SeriesGroupBy

    from rin.stats.paired import PairedT, TTest

UNITS = ("case_id", "patient_id", "scenario")
#: Measures of overlap that a baseline has too, and its column that stands beside each.
BESIDE = {
    "dice": "dice",
    "dice_best": "dice",
    "pointing": "pointing",
    "average_precision": "average_precision",
}
#: Unit and test of each analysis, what it takes for granted, and whether the paper did it.
ANALYSES = {
    "image_t": ("images", "paired t", "images independent, differences normal"),
    "image_wilcoxon": ("images", "Wilcoxon signed-rank", "images independent"),
    "scenario_t": ("scenarios", "paired t", "other scenarios, these very images"),
    "patient_t": ("images within patients", "clustered t", "patients independent"),
    "patient_wilcoxon": ("patients", "Wilcoxon signed-rank", "patients independent"),
}
PUBLISHED, RECOMMENDED = "image_t", "patient_t"
_NAN = float("nan")


def paired_means(
    table: pd.DataFrame, init_a: str, init_b: str, unit: Sequence[str], measure: str = "dice"
) -> pd.DataFrame:
    """Return the mean of a measure per unit and init: one column a, one column b.

    Parameters
    ----------
    table
        One task of `rin.explain.overlap.measure_overlap` or `dice_table`.
    init_a, init_b
        Two initialisation sources.
    unit
        Columns that name a unit; they become the index.
    measure
        Column that is averaged.

    Raises
    ------
    InputError
        For an unknown init, or a case × scenario measured under one init only.
    """
    for init in (init_a, init_b):
        if init not in set(table["init"]):
            raise unknown("init", init, sorted(set(table["init"])))
    cells = ["task", "scenario", "patient_id", "case_id"]
    rows = table[table["init"].isin([init_a, init_b])]
    grouped = rows.groupby([*cells, "init"], observed=True)[measure]
    alone = int(grouped.size().unstack("init").isna().any(axis=1).sum())
    if alone:
        raise InputError(
            f"{alone} case × scenario pairs have a score of one init only",
            where="table",
            remedy="Finish the missing runs, with the same folds for both.",
        )
    pairs = _mean_of_all(grouped).unstack("init")
    by_unit = pairs.groupby(level=list(unit), sort=False)
    return pd.concat([_mean_of_all(by_unit[init]) for init in (init_a, init_b)], axis=1)


def _mean_of_all(grouped: SeriesGroupBy) -> pd.Series:
    """Return the mean of each group, NaN where a value is: none is left out silently."""
    return grouped.mean().where(grouped.count() == grouped.size())


def dice_comparison(
    table: pd.DataFrame, init_a: str, init_b: str, *, unit: str = "case_id", measure: str = "dice"
) -> PairedT:
    """Compare the overlap of two inits by the paired t test, with Shapiro-Wilk.

    Parameters
    ----------
    table
        As in `paired_means`.
    init_a, init_b
        Two initialisation sources; differences are a − b.
    unit
        "case_id", "patient_id" or "scenario": units are the means of their rows.
    measure
        Column that is compared.

    Raises
    ------
    InputError
        For an unknown unit or init, or a case × scenario scored under one init only.

    Notes
    -----
    Paper, Statistical Analysis.  Checked against ``scipy.stats.ttest_rel`` of the means.
    """
    from rin.stats.paired import paired_t

    if unit not in UNITS:
        raise unknown("unit", unit, UNITS)
    means = paired_means(table, init_a, init_b, [unit], measure)
    return paired_t(means[init_a].to_numpy(), means[init_b].to_numpy())


def overlap_tests(
    table: pd.DataFrame, init_a: str, init_b: str, measures: Sequence[str]
) -> pd.DataFrame:
    """Compare two inits by each measure and each analysis of `ANALYSES`.

    Parameters
    ----------
    table, init_a, init_b
        As in `paired_means`; differences are a − b.
    measures
        Columns that are compared.

    Returns
    -------
    pandas.DataFrame
        One row per measure and analysis: `measure`, `analysis`, `unit`, `test`, `assumes`,
        `n` (units), `estimate` (mean difference; the median one for a signed-rank test),
        `ci_low`, `ci_high` (95%; NaN for signed-rank tests), `p_value`, `shapiro_p` (NaN where
        normality is not taken for granted of these differences), `remark` (why a test is
        missing, or nothing).  The clustered t is that of the mean over images.

    Raises
    ------
    InputError
        As `paired_means`.

    Notes
    -----
    Checked against `rin.stats` and SciPy called on the means of each unit.
    """
    rows = []
    for measure in measures:
        images = paired_means(table, init_a, init_b, ["patient_id", "case_id"], measure)
        units = {
            "image": images,
            "patient": paired_means(table, init_a, init_b, ["patient_id"], measure),
            "scenario": paired_means(table, init_a, init_b, ["scenario"], measure),
        }
        pairs = {name: tuple(one.to_numpy().T) for name, one in units.items()}
        patients = images.index.get_level_values("patient_id").to_numpy()
        rows += [
            {"measure": measure, "analysis": key, "unit": unit, "test": test, "assumes": assumes}
            | _analysis(key, pairs, patients)
            for key, (unit, test, assumes) in ANALYSES.items()
        ]
    return pd.DataFrame(rows)


def _analysis(
    key: str, pairs: dict[str, tuple[np.ndarray, np.ndarray]], patients: np.ndarray
) -> dict[str, object]:
    from rin.stats.clustered_means import clustered_t, wilcoxon
    from rin.stats.paired import paired_t

    unit, kind = key.split("_")
    a, b = pairs["image" if key == "patient_t" else unit]
    n_units = len(pairs[unit][0])
    if not np.isfinite([a, b]).all():
        return _missing(n_units, "the measure is undefined for an image")
    if n_units < 2:
        return _missing(n_units, f"fewer than two {unit}s")
    if kind == "wilcoxon":
        found = {"estimate": float(np.median(a - b)), "ci_low": _NAN, "ci_high": _NAN}
        p_value = wilcoxon(a, b)[1]
        remark = "all differences are zero" if np.isnan(p_value) else ""
        return found | {"n": n_units, "p_value": p_value, "shapiro_p": _NAN, "remark": remark}
    if key == "patient_t":
        return _t_cells(clustered_t(a - b, patients), n_units, _NAN)
    test = paired_t(a, b)
    return _t_cells(test, n_units, test.shapiro_p)


def _t_cells(test: TTest, n: int, shapiro_p: float) -> dict[str, object]:
    return {
        "n": n,
        "estimate": test.mean_difference,
        "ci_low": test.ci_low,
        "ci_high": test.ci_high,
        "p_value": test.p_value,
        "shapiro_p": shapiro_p,
        "remark": "",
    }


def _missing(n: int, remark: str) -> dict[str, object]:
    names = ["estimate", "ci_low", "ci_high", "p_value", "shapiro_p"]
    return {"n": n, **dict.fromkeys(names, _NAN), "remark": remark}


def against_baselines(
    table: pd.DataFrame, baselines: pd.DataFrame, inits: Sequence[str], measures: Sequence[str]
) -> pd.DataFrame:
    """Compare each init with the best of the pictures that look at nothing.

    Parameters
    ----------
    table
        As in `paired_means`.
    baselines
        One row per case and baseline, as `rin.explain.overlap.baseline_scores` with `case_id`:
        every case of `table`.
    inits
        Initialisation sources.
    measures
        Keys of `BESIDE`.

    Returns
    -------
    pandas.DataFrame
        One row per measure and init: `measure`, `init`, `baseline` (the one with the largest
        mean), `mean`, `baseline_mean` (over images, each averaged over scenarios first),
        `estimate`, `ci_low`, `ci_high` (95%, of mean minus baseline, patients independent) and
        `p_value`; NaN where fewer than two patients have a lesion or a measure is undefined.

    Raises
    ------
    InputError
        When a case has no baseline.

    Notes
    -----
    Checked against `rin.stats.clustered_means.clustered_t` of differences taken by hand.
    """
    from rin.stats.clustered_means import clustered_t

    rows = []
    for measure in measures:
        wide = baselines.pivot(index="case_id", columns="baseline", values=BESIDE[measure])
        means = wide.dropna(axis=1, how="all").mean()
        best = means.idxmax()
        for init in inits:
            own = table[table["init"] == init]
            by_image = own.groupby(["patient_id", "case_id"], sort=False, observed=True)
            images = _mean_of_all(by_image[measure])
            beside = wide[best].reindex(images.index.get_level_values("case_id")).to_numpy()
            if np.isnan(beside).any():
                raise InputError(
                    f"{np.isnan(beside).sum()} cases without a score of {best}",
                    where="baselines",
                    remedy="Score the baselines on every case with a lesion.",
                )
            patients = images.index.get_level_values("patient_id").to_numpy()
            known = images.notna().all() and pd.unique(patients).size > 1
            cells = dict.fromkeys(("estimate", "ci_low", "ci_high", "p_value"), _NAN)
            if known:
                test = clustered_t(images.to_numpy() - beside, patients)
                ends = (test.mean_difference, test.ci_low, test.ci_high, test.p_value)
                cells = dict(zip(cells, ends, strict=True))
            named = {"measure": measure, "init": init, "baseline": best}
            named |= {"mean": images.mean(skipna=False), "baseline_mean": beside.mean()}
            rows.append(named | cells)
    return pd.DataFrame(rows)

"""Tests of a few values: t tests, Shapiro-Wilk, Holm, equivalence, folds, a mixed model.

The paper compares Dice scores by a paired t test after a Shapiro test (Materials and Methods,
Statistical Analysis), and its intervals of differences have, within rounding, the widths of
pooled t intervals over scenarios (`rin.stats.audit`).  AUCs of cases are compared in
`rin.stats.delong`.
"""

import math
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import optimize, special, stats

from rin.errors import InputError
from rin.stats.inputs import check_known, check_level, check_unique, cluster_codes, require

#: Largest difference of areas that counts as comparable: two AUC points.  A choice made here, for
#: the paper names no margin; `smallest_margin` serves any other.
EQUIVALENCE_MARGIN = 0.02
#: Of a mean or a weighted sum, by its size: what rounding alone explains.
ROUNDING = 10 * np.finfo(float).eps
_EFFECTS = ("scenario", "fold")
# Tried in turn, over log ratios within bounds.
_OPTIMISERS = {
    "L-BFGS-B": {"ftol": 1e-15, "gtol": 1e-8, "maxiter": 500},
    "Nelder-Mead": {"fatol": 1e-13, "xatol": 1e-7, "maxiter": 2000},
}
# Of each component's variance over the residual's.
_RATIO_BOUNDS = (1e-8, 1e8)
# A component below this share of the residual variance is on the boundary of what is possible.
_BOUNDARY = 1e-4


@dataclass(frozen=True)
class TTest:
    """A t test of a difference a − b, two-sided, with its interval."""

    mean_difference: float
    t: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float
    standard_error: float


def t_quantile(df: float = math.inf, level: float = 0.95) -> float:
    """Return the quantile of t for a two-sided level; the normal one, 1.96, for infinite df."""
    return float(special.stdtrit(df, (1 + check_level(level)) / 2))


def t_test(
    difference: float, standard_error: float, df: float = math.inf, level: float = 0.95
) -> TTest:
    """Return the two-sided t test of a difference with its standard error, or z test."""
    half_width = t_quantile(df, level) * standard_error
    t = statistic(difference, standard_error)
    p_value = 2 * special.stdtr(df, -abs(t))
    ends = difference - half_width, difference + half_width
    return TTest(*map(float, (difference, t, df, p_value, *ends, standard_error)))


def statistic(difference: float, standard_error: float) -> float:
    """Return difference / standard error, by pROC's rule where that is zero.

    No difference then gives 0 (so P is 1), any difference ±infinity (so P is 0).
    """
    if standard_error == 0:
        return math.copysign(math.inf, difference) if difference else 0.0
    return difference / standard_error


def paired_t(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> TTest:
    """Compare two measurements (n,) of the same units, n ≥ 2, by the paired t test of mean(a − b).

    Differences that are constant but for rounding have no spread.
    """
    first, second = _finite(a, "a"), _finite(b, "b")
    if first.shape != second.shape:
        raise InputError(
            f"{first.size} values beside {second.size}",
            where="a, b",
            remedy="Pass two measurements of the same units, in the same order.",
        )
    # Of units that share nothing there is nothing to correct.
    return nadeau_bengio(first - second, 0, level=level)


def shapiro_wilk(values: ArrayLike) -> tuple[float, float]:
    """Return W and p of the Shapiro-Wilk test of normality, n ≥ 3.

    SciPy's p differs from R's by up to 6e-8.
    """
    result = stats.shapiro(_finite(values, "values", least=3))
    return float(result.statistic), float(result.pvalue)


def unpaired_t(a: ArrayLike, b: ArrayLike, *, level: float = 0.95) -> TTest:
    """Compare two independent samples, two finite values or more each, by the pooled t test."""
    a, b = _finite(a, "a"), _finite(b, "b")
    told = a.mean(), a.std(ddof=1), a.size, b.mean(), b.std(ddof=1), b.size
    return unpaired_t_from_summary(*told, level=level)


def unpaired_t_from_summary(
    mean_a: float,
    sd_a: float,
    n_a: int,
    mean_b: float,
    sd_b: float,
    n_b: int,
    *,
    level: float = 0.95,
) -> TTest:
    """Return the pooled-variance t test from means, SDs (n − 1) and sizes, all in one unit."""
    if min(n_a, n_b) < 2 or min(sd_a, sd_b) < 0:
        raise InputError(
            f"sizes {n_a}, {n_b} and SDs {sd_a}, {sd_b} allow no t test",
            where="n_a, n_b, sd_a, sd_b",
            remedy="Pass at least two units a side and non-negative SDs.",
        )
    df = n_a + n_b - 2
    pooled = ((n_a - 1) * sd_a**2 + (n_b - 1) * sd_b**2) / df
    return t_test(mean_a - mean_b, math.sqrt(pooled * (1 / n_a + 1 / n_b)), df, level)


def holm(p_values: ArrayLike) -> np.ndarray:
    """Adjust P values (n,) of one family by Holm's step-down method, in the order given.

    NaN (no test was possible) stays NaN and is not counted in the family, as in R's ``p.adjust``.
    InputError for a value outside [0, 1].
    """
    values = np.asarray(p_values, dtype=float)
    tested = ~np.isnan(values)
    if ((values[tested] < 0) | (values[tested] > 1)).any():
        raise InputError(
            "values outside [0, 1]", where="p_values", remedy="Pass unadjusted P values."
        )
    adjusted = np.full(values.shape, np.nan)
    order = np.flatnonzero(tested)[np.argsort(values[tested], kind="stable")]
    # As statsmodels' multipletests, which collects garbage at each call: a second in a notebook.
    steps = values[order] * np.arange(len(order), 0, -1)
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted


def clustered_t(differences: ArrayLike, clusters: ArrayLike, *, level: float = 0.95) -> TTest:
    """Test the mean of differences a − b of cases (n,) with a cluster-robust standard error.

    The mean is over the cases, so a patient with more images weighs more.  With G patients, and r_g
    the sum of patient g's differences less n_g times the mean::

        SE² = G / (G − 1) · Σ r_g² / n²,    t = mean / SE on G − 1 degrees of freedom

    With one case a patient it is the paired t test.  Liang and Zeger (1986).
    """
    values = _finite(differences, "differences", least=1)
    codes, n_clusters = cluster_codes(clusters, values.size)
    mean = values.mean()
    residuals = np.bincount(codes, values - mean, minlength=n_clusters)
    error = math.sqrt(n_clusters / (n_clusters - 1) * (residuals**2).sum()) / values.size
    if error <= ROUNDING * abs(mean):
        error = 0.0
    return t_test(mean, error, n_clusters - 1, level)


def nadeau_bengio(differences: ArrayLike, test_train_ratio: float, *, level: float = 0.95) -> TTest:
    """Test the mean of K ≥ 2 fold differences a − b by the corrected resampled t test.

    Training sets of two folds share most of their patients, so that a plain t test over folds is
    too sure.  With mean d̄ and variance s²::

        t = d̄ / sqrt((1/K + n_test / n_train) · s²),   df = K − 1

    Differences that are constant but for rounding have no spread, as in R's ``t.test``.  Derived
    for repeated random splits; for K-fold cross-validation it is an approximation.  Nadeau and
    Bengio 2003, Machine Learning 52:239, section 3.
    """
    values = _finite(differences, "differences")
    if not 0 <= test_train_ratio < math.inf:
        raise InputError(
            f"{test_train_ratio!r} is no ratio of sizes",
            where="test_train_ratio",
            remedy="Pass cases tested over cases trained on, such as 0.25.",
        )
    mean, sd = values.mean(), values.std(ddof=1)
    if sd / math.sqrt(values.size) <= ROUNDING * abs(mean):
        sd = 0.0
    error = sd * math.sqrt(1 / values.size + test_train_ratio)
    return t_test(mean, error, values.size - 1, level)


@dataclass(frozen=True)
class Equivalence:
    """Two one-sided tests of a difference against ±margin.

    `p_value` is the larger of the two; the interval has level 1 − 2α (90% for α = 0.05) and lies
    within ±margin exactly where `equivalent` holds.  Above `smallest_margin` equivalence would be
    shown.
    """

    margin: float
    p_value: float
    ci_low: float
    ci_high: float
    equivalent: bool
    smallest_margin: float


def equivalence(
    estimate: float,
    standard_error: float,
    df: float,
    margin: float = EQUIVALENCE_MARGIN,
    level: float = 0.95,
) -> Equivalence:
    """Test whether a difference lies within ±margin, two one-sided tests of level α = 1 − level.

    `df` is infinite for a normal reference.  With a standard error of zero P is 0 inside the
    margin, 1 outside and 0.5 on it.  Schuirmann 1987, Journal of Pharmacokinetics and
    Biopharmaceutics 15:657.
    """
    usable = math.isfinite(estimate) and 0 <= standard_error < math.inf and df > 0
    if not (usable and 0 < margin < math.inf):
        raise InputError(
            f"estimate {estimate}, standard error {standard_error}, df {df}, margin {margin}",
            where="equivalence",
            remedy="Pass a finite estimate, a standard error from 0, and df and margin above 0.",
        )
    alpha = 1 - check_level(level)
    above = statistic(estimate + margin, standard_error)
    below = statistic(estimate - margin, standard_error)
    p_value = float(max(stats.t.sf(above, df), stats.t.cdf(below, df)))
    half_width = float(stats.t.ppf(1 - alpha, df)) * standard_error
    low, high = estimate - half_width, estimate + half_width
    return Equivalence(margin, p_value, low, high, p_value < alpha, max(-low, high))


@dataclass(frozen=True)
class MixedModel(TTest):
    """Init's effect a − b in a mixed model of areas (0-1), with the SDs of the random effects.

    A random effect with a single level is left out and its SD NaN; one whose variance is
    estimated as zero (a singular fit) has SD 0.  `remark` says so in words, or why there is no
    estimate.
    """

    scenario_sd: float
    fold_sd: float
    residual_sd: float
    n: int
    remark: str


def mixed_model(
    areas: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> MixedModel:
    """Estimate the mean difference of areas of two inits: auc ~ init + (1 | scenario) + (1 | fold).

    A scenario raises or lowers the areas of both inits alike, so does a fold, and what is left
    tells how sure the mean difference is (restricted maximum likelihood).  Were the lead itself to
    change from fold to fold, the model would be too sure (`nadeau_bengio` is not).

    `areas` is one task and seed of `rin.stats.scenario_aucs`; the grid may have gaps.  The df of
    the t test are the areas less the levels and init effects fitted, which is what Satterthwaite's
    approximation gives for a complete grid.  A singular fit is refitted without the effect whose
    variance is zero.  NaN with a remark where areas leave no residual, or no optimiser converges.
    Bates et al. 2015, Journal of Statistical Software 67(1).
    """
    check_level(level)
    columns = [*_EFFECTS, "init", "auc"]
    require(areas, columns, "Pass the table of `rin.stats.scenario_aucs`.", where="areas")
    check_known("init", (init_a, init_b), areas["init"])
    runs = areas.loc[areas["init"].isin([init_a, init_b]), columns]
    check_unique(runs, columns[:-1])
    auc, n = runs["auc"].to_numpy(dtype=float), len(runs)
    if not np.isfinite(auc).all():
        raise InputError(
            "areas that are not finite", where="areas", remedy="Find the run that has no area."
        )
    fixed = np.column_stack([np.ones(n), runs["init"] == init_a])
    indicators = {
        name: pd.get_dummies(runs[name]).to_numpy(dtype=float)
        for name in _EFFECTS
        if runs[name].nunique() > 1
    }
    columns = np.hstack([fixed, *indicators.values()])
    residual = auc - columns @ np.linalg.lstsq(columns, auc, rcond=None)[0]
    if np.abs(residual).max() <= 1e-12:
        return _impossible(n, "The areas leave no residual, so there is no standard error.")
    auc = auc - auc.mean()
    sds = dict.fromkeys(_EFFECTS, math.nan)
    while True:
        ratios = _variance_ratios(fixed, auc, indicators)
        if ratios is None:
            return _impossible(
                n, f"No optimiser converged ({', '.join(_OPTIMISERS)}), so no estimate."
            )
        # On the boundary the likelihood is that of the model without the effect; refit that one.
        singular = [name for name, ratio in ratios.items() if ratio < _BOUNDARY]
        if not singular:
            break
        for name in singular:
            del indicators[name]
            sds[name] = 0.0
    coefficients, information, squares, _ = _least_squares(fixed, auc, indicators, ratios)
    residual_sd = math.sqrt(squares / (n - 2))
    error = residual_sd * math.sqrt(np.linalg.inv(information)[1, 1])
    df = n - int(np.linalg.matrix_rank(np.hstack([fixed, *indicators.values()])))
    test = t_test(coefficients[1], error, df, level)
    sds |= {name: math.sqrt(ratio) * residual_sd for name, ratio in ratios.items()}
    remarks = [
        f"Singular fit: {name}s differ no more than chance would have it, and the model leaves "
        "them out."
        for name in _EFFECTS
        if sds[name] == 0
    ]
    components = sds["scenario"], sds["fold"], residual_sd
    return MixedModel(*asdict(test).values(), *components, n, " ".join(remarks))


def _least_squares(
    fixed: np.ndarray, auc: np.ndarray, indicators: dict[str, np.ndarray], ratios: dict[str, float]
) -> tuple[np.ndarray, np.ndarray, float, float]:
    """Return coefficients (2,), information, squared residuals, the covariance's log determinant.

    `ratios` are those of the effects' variances to the residual's, which is taken as 1.  The
    covariance I + Z D Zᵀ of the areas is inverted through its few levels Z (Woodbury).
    """
    levels = np.hstack([np.empty((len(auc), 0)), *indicators.values()])
    variances = [np.full(part.shape[1], ratios[name]) for name, part in indicators.items()]
    variances = np.concatenate([[], *variances])
    known = np.column_stack([fixed, auc])
    inner = levels.T @ levels + np.diag(1 / variances)
    of_levels = levels.T @ known
    products = known.T @ known - of_levels.T @ np.linalg.solve(inner, of_levels)
    information, target = products[:2, :2], products[:2, 2]
    coefficients = np.linalg.solve(information, target)
    logdet = np.linalg.slogdet(inner)[1] + np.log(variances).sum()
    return coefficients, information, products[2, 2] - target @ coefficients, logdet


def _variance_ratios(
    fixed: np.ndarray, auc: np.ndarray, indicators: dict[str, np.ndarray]
) -> dict[str, float] | None:
    """Return each effect's variance over the residual's by REML; None where nothing converged."""
    if not indicators:
        return {}
    auc = auc / auc.std(ddof=1)

    def of_effects(logs: np.ndarray) -> dict[str, float]:
        return dict(zip(indicators, np.exp(logs).tolist(), strict=True))

    def loss(logs: np.ndarray) -> float:
        _, information, squares, logdet = _least_squares(fixed, auc, indicators, of_effects(logs))
        logdet += np.linalg.slogdet(information)[1]
        return (logdet + (len(auc) - 2) * math.log(squares)) / (2 * len(auc))

    start, bounds = np.zeros(len(indicators)), [np.log(_RATIO_BOUNDS)] * len(indicators)
    for optimiser, settings in _OPTIMISERS.items():
        jac = "3-point" if optimiser == "L-BFGS-B" else None
        found = optimize.minimize(
            loss, start, method=optimiser, jac=jac, bounds=bounds, options=settings
        )
        if found.success:
            return of_effects(found.x)
        start = found.x
    return None


def _impossible(n: int, remark: str) -> MixedModel:
    numbers = [math.nan] * (len(MixedModel.__dataclass_fields__) - 2)
    return MixedModel(*numbers, n, remark)


def _finite(values: ArrayLike, where: str, least: int = 2) -> np.ndarray:
    array = np.asarray(values, dtype=float)
    if array.ndim != 1 or array.size < least or not np.isfinite(array).all():
        raise InputError(
            f"shape {array.shape}, {np.isfinite(array).sum()} finite",
            where=where,
            remedy=f"Pass at least {least} finite values along one axis.",
        )
    return array

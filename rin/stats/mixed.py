"""A linear mixed model of run areas: area ~ init + (1 | scenario) + (1 | fold).

One model for the whole grid of runs: a scenario raises or lowers the areas of
both inits alike, so does a fold, and what is left tells how sure the mean
difference is.  Fitted by restricted maximum likelihood (statsmodels).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import optimize
from statsmodels.regression.mixed_linear_model import MixedLM

from rin.errors import InputError, unknown
from rin.stats.inputs import check_level, check_unique
from rin.stats.paired import t_test

_EFFECTS = ("scenario", "fold")
# Tried in turn; both keep within bounds, below which statsmodels' likelihood is not defined.
_OPTIMISERS = {
    "L-BFGS-B": {"ftol": 1e-15, "gtol": 1e-8, "maxiter": 500},
    "Nelder-Mead": {"fatol": 1e-13, "xatol": 1e-7, "maxiter": 2000},
}
# Of each component's variance over the residual's.
_RATIO_BOUNDS = (1e-8, 1e8)
# A component below this share of the residual variance is on the boundary of what is possible.
_BOUNDARY = 1e-4


@dataclass(frozen=True)
class MixedModel:
    """Init's effect a − b in a mixed model of areas, with the SDs of the random effects.

    Areas lie in 0-1.  A random effect with a single level is left out and its
    SD NaN; one whose variance is estimated as zero (a singular fit) has SD 0.
    `remark` says so in words, or why there is no estimate.
    """

    estimate: float
    standard_error: float
    t: float
    df: float
    p_value: float
    ci_low: float
    ci_high: float
    scenario_sd: float
    fold_sd: float
    residual_sd: float
    n: int
    remark: str


def mixed_model(
    areas: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> MixedModel:
    """Estimate the mean difference of areas between two inits by a mixed model.

    area = mean + init + scenario + fold + residual, the last three random and
    independent; scenarios and folds are crossed.  The lead itself has no
    random part: were it to change from fold to fold, the model would be too
    sure about other folds (`rin.stats.folds` is not).

    Parameters
    ----------
    areas
        One task and seed of `rin.stats.scenario_aucs`: scenario, fold, init,
        auc.  The grid may have gaps.
    init_a, init_b
        Two inits; others are left out.
    level
        Confidence level.

    Returns
    -------
    MixedModel
        The test is a t test whose df are the areas less the levels and init
        effects fitted (2SF − S − F for a complete grid of S scenarios and F
        folds), which is what Satterthwaite's approximation gives there; with
        gaps it is close to that.  With one fold this is the paired t test of
        the scenarios, as long as they differ more than chance would have it.
        A singular fit is refitted without the effect whose variance is zero.
        NaN with a remark where areas leave no residual, or no optimiser
        converges.

    Raises
    ------
    InputError
        A missing column, an unknown init, a run twice, or an area that is not finite.

    Notes
    -----
    Validated against R's ``lme4::lmer`` with ``lmerTest`` (complete, singular
    and incomplete grids) and ``nlme::lme`` (one fold); checked against
    `rin.stats.paired_t` for one fold.

    References
    ----------
    Bates et al. 2015, Journal of Statistical Software 67(1), on crossed
    random effects and singular fits.
    """
    check_level(level)
    runs = _design(areas, init_a, init_b)
    effects = [name for name in _EFFECTS if runs[name].nunique() > 1]
    if not _has_residual(runs, effects):
        return _impossible(len(runs), "The areas leave no residual, so there is no standard error.")
    singular: list[str] = []
    while True:
        if not effects:
            fit = _without_effects(runs)
            break
        fit = _fit(runs, effects)
        if fit is None:
            return _impossible(
                len(runs), f"No optimiser converged ({', '.join(_OPTIMISERS)}), so no estimate."
            )
        zero = [name for name in effects if fit.ratios[name] < _BOUNDARY]
        if not zero:
            break
        # On the boundary the likelihood is that of the model without the effect; refit that one.
        singular += zero
        effects = [name for name in effects if name not in zero]
    return _result(runs, effects, singular, fit, level)


@dataclass(frozen=True)
class _Fit:
    """Estimate, its standard error, residual SD, and component variances over the residual's."""

    estimate: float
    standard_error: float
    residual_sd: float
    ratios: dict[str, float]


def _design(areas: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Return scenario, fold, is_a (0/1) and auc of the runs of two inits."""
    missing = [name for name in ("scenario", "fold", "init", "auc") if name not in areas]
    if missing:
        raise InputError(
            f"columns {missing} are missing",
            where="areas",
            remedy="Pass the table of `rin.stats.scenario_aucs`.",
        )
    present = sorted(areas["init"].unique())
    for init in (init_a, init_b):
        if init not in present:
            raise unknown("init", init, present)
    runs = areas.loc[areas["init"].isin([init_a, init_b]), ["scenario", "fold", "init", "auc"]]
    check_unique(runs, ["scenario", "fold", "init"])
    if not np.isfinite(runs["auc"].to_numpy(dtype=float)).all():
        raise InputError(
            "areas that are not finite", where="areas", remedy="Find the run that has no area."
        )
    return runs.assign(is_a=(runs["init"] == init_a).astype(float)).reset_index(drop=True)


def _columns(runs: pd.DataFrame, effects: list[str]) -> np.ndarray:
    """Return the indicator columns of mean, init and the levels of some effects."""
    levels = [pd.get_dummies(runs[name]).to_numpy(dtype=float) for name in effects]
    return np.hstack([np.ones((len(runs), 1)), runs[["is_a"]].to_numpy(), *levels])


def _residual_df(runs: pd.DataFrame, effects: list[str]) -> int:
    return len(runs) - int(np.linalg.matrix_rank(_columns(runs, effects)))


def _has_residual(runs: pd.DataFrame, effects: list[str]) -> bool:
    """Return whether areas differ from the sum of their effects by more than rounding."""
    columns, auc = _columns(runs, effects), runs["auc"].to_numpy(dtype=float)
    residual = auc - columns @ np.linalg.lstsq(columns, auc, rcond=None)[0]
    return bool(np.abs(residual).max() > 1e-12)


def _fit(runs: pd.DataFrame, effects: list[str]) -> _Fit | None:
    """Return the REML fit, or None where no optimiser converged.

    The likelihood is statsmodels'.  Its own optimisers do not converge where a
    component is zero, hence the search over log ratios within bounds.
    """
    scale = runs["auc"].std()
    model = MixedLM.from_formula(
        "y ~ is_a",
        runs.assign(y=(runs["auc"] - runs["auc"].mean()) / scale),
        groups=np.ones(len(runs)),
        vc_formula={name: f"0 + C({name})" for name in effects},
    )
    # What `MixedLM.fit` would set: no penalty.  The restricted likelihood is the model's default.
    model.cov_pen, model.fe_pen = None, None

    def loss(log_ratios: np.ndarray) -> float:
        # statsmodels takes the square roots of the ratios.
        return -model.loglike(np.exp(log_ratios / 2)) / len(runs)

    start, bounds = np.zeros(len(effects)), [np.log(_RATIO_BOUNDS)] * len(effects)
    for optimiser, settings in _OPTIMISERS.items():
        jac = "3-point" if optimiser == "L-BFGS-B" else None
        found = optimize.minimize(
            loss, start, method=optimiser, jac=jac, bounds=bounds, options=settings
        )
        if found.success:
            break
        start = found.x
    else:
        return None
    ratios, none = np.exp(found.x), np.empty((0, 0))
    fixed, _ = model.get_fe_params(none, ratios)
    residual_sd = float(math.sqrt(model.get_scale(fixed, none, ratios)) * scale)
    of_effects = dict(zip(model.exog_vc.names, map(float, ratios), strict=True))
    error = residual_sd * math.sqrt(_unit_variance(runs, of_effects))
    estimate = float(fixed[model.exog_names.index("is_a")] * scale)
    return _Fit(estimate, error, residual_sd, of_effects)


def _unit_variance(runs: pd.DataFrame, ratios: dict[str, float]) -> float:
    """Return the variance of init's effect for a residual variance of 1, from (XᵀV⁻¹X)⁻¹."""
    covariance = np.eye(len(runs))
    for name, ratio in ratios.items():
        levels = pd.get_dummies(runs[name]).to_numpy(dtype=float)
        covariance += ratio * levels @ levels.T
    fixed = _columns(runs, [])
    return float(np.linalg.inv(fixed.T @ np.linalg.solve(covariance, fixed))[1, 1])


def _without_effects(runs: pd.DataFrame) -> _Fit:
    """Return the fit without random effects: two independent samples."""
    a, b = (runs.loc[runs["is_a"] == side, "auc"].to_numpy(dtype=float) for side in (1, 0))
    squares = ((a - a.mean()) ** 2).sum() + ((b - b.mean()) ** 2).sum()
    residual_sd = math.sqrt(squares / (len(runs) - 2))
    error = residual_sd * math.sqrt(1 / a.size + 1 / b.size)
    return _Fit(float(a.mean() - b.mean()), error, residual_sd, {})


def _result(
    runs: pd.DataFrame, effects: list[str], singular: list[str], fit: _Fit, level: float
) -> MixedModel:
    test = t_test(fit.estimate, fit.standard_error, _residual_df(runs, effects), level)
    sds = {
        name: math.sqrt(fit.ratios[name]) * fit.residual_sd
        if name in effects
        else (0.0 if name in singular else math.nan)
        for name in _EFFECTS
    }
    remark = "".join(
        f"Singular fit: {name}s differ no more than chance would have it, and the model leaves "
        "them out. "
        for name in singular
    )
    return MixedModel(
        estimate=test.mean_difference,
        standard_error=fit.standard_error,
        t=test.t,
        df=test.df,
        p_value=test.p_value,
        ci_low=test.ci_low,
        ci_high=test.ci_high,
        scenario_sd=sds["scenario"],
        fold_sd=sds["fold"],
        residual_sd=fit.residual_sd,
        n=len(runs),
        remark=remark.strip(),
    )


def _impossible(n: int, remark: str) -> MixedModel:
    numbers = dict.fromkeys(list(MixedModel.__dataclass_fields__)[:-2], math.nan)
    return MixedModel(**numbers, n=n, remark=remark)

"""From per-case predictions to AUCs of scenarios, and two inits compared in every way.

Only test rows are read, and inits are compared only on exactly the same cases. Each fold's network
has a scale of its own, so AUCs are computed within a fold and then averaged over folds and
scenarios; the variance of that average follows from the covariance of all AUCs over patients
(Obuchowski 1997), and folds, which share no patient, count as independent. The networks are taken
as given: intervals, of 95 %, tell what other patients would change.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from sklearn.metrics import roc_curve

from rin.errors import InputError
from rin.files import read_yaml
from rin.stats import hypothesis, inputs
from rin.stats.bootstrap import cluster_weights, percentile_interval, weighted_aucs
from rin.stats.delong import auc_ci, auc_contrasts, delong_test
from rin.stats.hypothesis import EQUIVALENCE_MARGIN, TTest, holm, t_test
from rin.stats.inputs import TaskScores, each_run, located, task_scores
from rin.tables import DIFFERENCES, OVERLAP, check_table

ALL = "all"
REGIMES = ("freeze_all", "unfreeze_top10", "unfreeze_all")  # in the order in which they are shown
_NUMBERS = ("estimate", "ci_low", "ci_high", "statistic", "df", "p_value")
_IMAGE = ["patient_id", "case_id"]
_EQUIVALENCE = ["margin", "equivalence_p", "equivalence_low", "equivalence_high"]
_EQUIVALENCE += ["equivalent", "smallest_margin"]


def scenario_aucs(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the test AUC of every run with DeLong's interval.

    One row per task × fold × scenario × init × seed: these five, auc, variance, ci_low, ci_high,
    n, n_positive.  InputError for a bad table (`rin.stats.inputs.evaluated_rows`), or a run whose
    test set has one class or a NaN score; the message names the run.

    Examples
    --------
    >>> from rin.stats import scenario_aucs
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> scenario_aucs(predictions).groupby("init")["auc"].mean().round(2).to_dict()
    {'a': 0.86, 'b': 0.83}
    """
    rows = []
    for names, positive, scores in each_run(predictions):
        sizes = {"n": positive.size, "n_positive": int(positive.sum())}
        rows.append(names | asdict(auc_ci(positive, scores)) | sizes)
    return pd.DataFrame(rows)


def mean_roc(predictions: pd.DataFrame, *, n_points: int = 101) -> pd.DataFrame:
    """Return the mean ROC curve of each init over its scenarios, as Figures 3 and 4 show them.

    Folds (and seeds) of a scenario are averaged first; mean and SD are over scenarios, of
    true-positive rates at a common false-positive rate, so that the AUC of the mean curve is
    the mean AUC (Fawcett 2006, section 8.1).  Where a curve jumps, the middle of the jump counts,
    but its upper end at rates of 0 and 1.

    `n_points` is that of the even grid from 0 to 1, at least 2.  One row per task × init × fpr:
    these three, tpr, tpr_sd (n − 1; NaN for one scenario), n_scenarios.  InputError for a bad table
    (`rin.stats.inputs.evaluated_rows`) or one class only.

    Examples
    --------
    >>> from rin.stats import mean_roc
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> curve = mean_roc(predictions, n_points=3)
    >>> list(curve)
    ['task', 'init', 'fpr', 'tpr', 'tpr_sd', 'n_scenarios']
    """
    if n_points < 2:
        raise InputError(
            f"{n_points} is too few", where="n_points", remedy="Pass at least 2; 101 is usual."
        )
    grid = np.linspace(0, 1, n_points)
    curves = [
        pd.DataFrame({**names, "fpr": grid, "tpr": _height(grid, *roc_curve(positive, scores)[:2])})
        for names, positive, scores in each_run(predictions)
    ]
    points = ["task", "init", "fpr"]
    scenarios = pd.concat(curves).groupby([*points, "scenario"], observed=True)["tpr"].mean()
    over_scenarios = scenarios.groupby(points, observed=True)
    return over_scenarios.agg(tpr="mean", tpr_sd="std", n_scenarios="size").reset_index()


def init_differences(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Compare two inits on every task, over all scenarios and within each unfreezing regime.

    The recommended comparison.  The mean over all scenarios and the means by regime are contrasts
    of the same AUCs; the difference is a − b.  `predictions` are those of
    `rin.stats.inputs.task_scores`, with `unfreezing`.

    One row a task and group (`all`, then each regime there is): task, group, n_scenarios, auc_a,
    sd_a, auc_b, sd_b (mean and SD over scenarios, AUC 0-1; SD is NaN for one), estimate (a − b),
    ci_low, ci_high, statistic, df (infinite), p_value, p_holm (over the tasks, within the group),
    standard_error, n_folds, n_cases, n_positive, n_patients.  InputError as `task_scores`; a
    missing column, or a fold whose test cases are of one class.

    Examples
    --------
    >>> from rin.stats import init_differences
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> table = init_differences(predictions, "a", "b")
    >>> print(table.query("group == 'all'")[["task", "estimate", "ci_low", "ci_high"]].round(3))
          task  estimate  ci_low  ci_high
    0   breast     0.028  -0.016    0.071
    3  thyroid     0.036  -0.012    0.084
    """
    rows = []
    for task, groups, aucs, estimates, covariance in _regime_contrasts(predictions, init_a, init_b):
        counts = {"n_folds": task.cases["fold"].nunique(), "n_cases": len(task.cases)}
        counts |= {"n_positive": int(task.labels.sum()), "n_patients": len(set(task.patients))}
        for place, (group, inside) in enumerate(groups.items()):
            a, b = (pd.Series(row[inside]) for row in aucs)
            test = t_test(estimates[place], math.sqrt(covariance[place, place]))
            row = {"task": task.task, "group": group, "n_scenarios": int(inside.sum())}
            row |= {"auc_a": a.mean(), "sd_a": a.std(), "auc_b": b.mean(), "sd_b": b.std()}
            row |= _cells(test) | {"p_holm": math.nan, "standard_error": test.standard_error}
            rows.append(row | counts)
    table = pd.DataFrame(rows)
    adjusted = table.groupby("group", observed=True)["p_value"].transform(holm)
    return table.assign(p_holm=adjusted)


def external_scores(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return predictions of images that the networks of every fold score, as others expect them.

    Such are those of another hospital.  Each fold's network counts as a scenario of its own.

    Examples
    --------
    >>> from rin.stats import external_scores
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> renamed = external_scores(predictions.assign(part="elsewhere"))
    >>> renamed["scenario"].iloc[0]
    'DenseNet121-unfreeze_all-1e-03 0'
    """
    network = predictions["scenario"].astype(str) + " " + predictions["fold"].astype(str)
    return predictions.assign(scenario=network, fold=0, part="test")


def training_spread(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Return how the difference a − b in one scenario varies from training to training.

    Of several seeds, tested on the same cases.  One row a task: task, sd (AUC 0-1, pooled over
    folds and scenarios), sd_low, sd_high (its 95 % interval, chi-squared), sd_df.  InputError as
    `scenario_aucs`, or where nothing was trained twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import training_spread
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> again = predictions.assign(seed=1, score=predictions["score"] + 0.1 * predictions["label"])
    >>> spread = training_spread(pd.concat([predictions, again]), "a", "b")
    >>> print(spread[["task", "sd", "sd_df"]].round(4))
          task      sd  sd_df
    0   breast  0.0023      4
    1  thyroid  0.0026      4
    """
    aucs = scenario_aucs(predictions)
    networks = ["task", "fold", "scenario", "seed"]
    trained = aucs.pivot(index=networks, columns="init", values="auc")
    trainings = (trained[init_a] - trained[init_b]).dropna().groupby(networks[:3])
    squares = (trainings.var() * (trainings.size() - 1)).groupby("task").sum()
    df = (trainings.size() - 1).groupby("task").sum()
    if not df.all():
        raise InputError(
            f"every scenario of {df.idxmin()} was trained once",
            where="predictions",
            remedy="Train with other seeds as well: the section repeats of a profile.",
        )
    ends = {"sd_low": 0.975, "sd_high": 0.025}
    interval = {name: np.sqrt(squares / stats.chi2.ppf(end, df)) for name, end in ends.items()}
    return pd.DataFrame({"sd": np.sqrt(squares / df), **interval, "sd_df": df}).reset_index()


def with_training_spread(differences: pd.DataFrame, spread: pd.DataFrame) -> pd.DataFrame:
    """Widen the means of `init_differences` by the chance of training.

    Every scenario is trained with a seed of its own, so a mean over n of them carries the variance
    of `training_spread` divided by n.  One row a task of `spread`, with its columns and:
    estimate, ci_low, ci_high (AUC 0-1; other patients and trainings), standard_error, wider (share
    by which the interval grows).

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import init_differences, training_spread, with_training_spread
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> again = predictions.assign(seed=1, score=predictions["score"] + 0.1 * predictions["label"])
    >>> spread = training_spread(pd.concat([predictions, again]), "a", "b")
    >>> table = with_training_spread(init_differences(predictions, "a", "b"), spread)
    >>> print(table[["task", "ci_low", "ci_high", "wider"]].round(3))
          task  ci_low  ci_high  wider
    0   breast  -0.016    0.071  0.001
    1  thyroid  -0.012    0.084  0.001
    """
    columns = ["task", "group", "n_scenarios", "estimate", "standard_error"]
    check_table(differences, DIFFERENCES, columns, where="differences")
    overall = differences[differences["group"] == ALL].set_index("task").loc[spread["task"]]
    alone, n = (overall[name].to_numpy() for name in ("standard_error", "n_scenarios"))
    both = np.hypot(alone, spread["sd"] / np.sqrt(n))
    estimate, half = overall["estimate"].to_numpy(), hypothesis.t_quantile() * both
    return spread.assign(
        estimate=estimate,
        ci_low=estimate - half,
        ci_high=estimate + half,
        standard_error=both,
        wider=both / alone - 1,
    )


def regime_interaction(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Test on every task whether the difference of two inits is the same in every regime.

    A Wald test that all regimes' differences are equal, with their covariance over patients.  One
    row a task: task, statistic (χ²), df, p_value, p_holm (over the tasks); NaN where a class has
    one patient.  InputError as `init_differences`; or a task with scenarios of one regime only.

    Examples
    --------
    >>> from rin.stats import regime_interaction
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> print(regime_interaction(predictions, "a", "b")[["task", "df", "p_value"]].round(2))
          task  df  p_value
    0   breast   1     0.73
    1  thyroid   1     0.79
    """
    rows = []
    for task, groups, _, estimates, covariance in _regime_contrasts(predictions, init_a, init_b):
        k = len(groups) - 1
        if k < 2:
            raise InputError(
                f"task {task.task} has scenarios of {k} unfreezing regime",
                where="predictions",
                remedy="Pass the scenarios of at least two regimes.",
            )
        # Each regime against the first: k - 1 contrasts that are all zero without an interaction.
        against_first = np.eye(k - 1, k + 1, 2)
        against_first[:, 1] = -1
        effects = against_first @ estimates
        covariance_of_effects = against_first @ covariance @ against_first.T
        chi2 = math.nan
        if np.isfinite(covariance_of_effects).all():
            chi2 = float(effects @ np.linalg.pinv(covariance_of_effects, hermitian=True) @ effects)
        p_value = float(stats.chi2.sf(chi2, k - 1))
        rows.append({"task": task.task, "statistic": chi2, "df": k - 1, "p_value": p_value})
    table = pd.DataFrame(rows)
    return table.assign(p_holm=holm(table["p_value"]))


def factor_effects(
    predictions: pd.DataFrame,
    inits: tuple[str, str],
    levels: tuple[str, str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
) -> pd.DataFrame:
    """Return AUCs at both levels of a factor, its effect on each init, and on their difference.

    Quantities are the ``auc`` of one init at one level; the ``difference`` of the inits, first
    less second, at one level; the ``effect`` on one init, second level less first; and the
    ``interaction``, the difference at the second level less that at the first: means over folds and
    the scenarios of a group.  `predictions` are those of `rin.stats.inputs.task_scores` with
    `level`, of one factor; `groups` names groups of scenarios, None takes each scenario alone.

    One row per task × group × quantity: task, group, n_scenarios, quantity, init (empty for
    difference and interaction), level (empty for effect and interaction), estimate (AUC 0-1),
    ci_low, ci_high (not clipped), statistic, df (infinite), p_value, p_holm (over all rows of one
    quantity), standard_error, n (cases), n_clusters (patients), n_positive, n_folds,
    same_networks.  An AUC has no P, nor have `same_networks`, effects whose two sides gave equal
    scores in every case; they do not count in Holm's family.  InputError as `task_scores`; an
    unknown init, level or scenario, two equal levels or inits, or an empty group.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import factor_effects
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> native = predictions.assign(factor="preprocessing", level="native")
    >>> wrong = native.assign(level="wrong", score=-native["score"])
    >>> both = pd.concat([native, wrong])
    >>> table = factor_effects(both, ("a", "b"), ("native", "wrong"))
    >>> sorted(table["quantity"].unique())
    ['auc', 'difference', 'effect', 'interaction']
    """
    tasks = _levelled(predictions, inits, levels)
    (a, b), (before, after) = inits, levels
    quantities = [  # what, of which init and level; signs of a before, a after, b before, b after
        ("auc", a, before, [1, 0, 0, 0]),
        ("auc", b, before, [0, 0, 1, 0]),
        ("auc", a, after, [0, 1, 0, 0]),
        ("auc", b, after, [0, 0, 0, 1]),
        ("difference", "", before, [1, 0, -1, 0]),
        ("difference", "", after, [0, 1, 0, -1]),
        ("effect", a, "", [-1, 1, 0, 0]),
        ("effect", b, "", [0, 0, -1, 1]),
        ("interaction", "", "", [-1, 1, 1, -1]),
    ]
    rows = []
    for task in tasks:
        rows_of_task, weights = [], []
        for group, members in (groups or {name: [name] for name in task.scenarios}).items():
            if not len(members) or len(set(members)) != len(members):
                raise InputError(
                    f"scenarios {list(members)!r}",
                    where=f"group {group!r}",
                    remedy="Name some, each once.",
                )
            inputs.check_known("scenario", members, pd.Series(task.scenarios))
            inside = np.isin(task.scenarios, members)
            for quantity, init, level, signs in quantities:
                weights.append(np.outer(signs, inside / len(members)).ravel())
                plus, minus = (task.scores[np.equal(signs, k)][:, inside] for k in (1, -1))
                row = {"task": task.task, "group": group, "n_scenarios": len(members)}
                row |= {"quantity": quantity, "init": init, "level": level}
                rows_of_task.append(row | {"same_networks": np.array_equal(plus, minus)})
        with located(f"task {task.task}"):
            _, estimates, covariance = _mean_over_folds(task, np.array(weights))
        sizes = {"n": len(task.cases), "n_clusters": len(set(task.patients))}
        sizes |= {"n_positive": int(task.labels.sum()), "n_folds": task.cases["fold"].nunique()}
        for row, estimate, variance in zip(
            rows_of_task, estimates, np.diag(covariance), strict=True
        ):
            test = t_test(estimate, math.sqrt(variance))
            cells = _cells(test) | {"p_holm": math.nan, "standard_error": test.standard_error}
            rows.append(row | cells | sizes)
    table = pd.DataFrame(rows)
    untested = (table["quantity"] == "auc") | table["same_networks"]
    table.loc[untested, ["statistic", "df", "p_value"]] = np.nan
    table["p_holm"] = table.groupby("quantity", observed=True)["p_value"].transform(holm)
    return table


def task_analyses(
    predictions: pd.DataFrame,
    init_a: str,
    init_b: str,
    *,
    test_train_ratio: float | None = None,
    replicates: int = 1000,
    seed: int = 0,
) -> pd.DataFrame:
    """Compare two inits on one task by each of nine analyses.

    Most estimate the mean over scenarios and folds of AUC(a) − AUC(b); they take other things for a
    random draw.  `predictions` are those of `rin.stats.inputs.task_scores`, of one task;
    `test_train_ratio` is cases tested over cases trained on (None leaves out the analysis of
    folds), `replicates` (2 or more) and `seed` those of the bootstrap over patients.

    One row an analysis: analysis, name, unit (text), n_units, estimate, ci_low, ci_high (AUC 0-1,
    a − b), statistic, df (infinite for normal references), p_value, generalises_to, assumes,
    remark, published, recommended; then standard_error, and the test of equivalence: margin
    (`EQUIVALENCE_MARGIN`), equivalence_p, equivalence_low, equivalence_high (90 % interval),
    equivalent, smallest_margin.  Numbers are NaN, and `remark` says why, where data do not allow an
    analysis.  The bootstrap has the interval of percentiles, twice the smaller share of replicates
    beyond zero as P, and the replicates' SD as the standard error.  InputError as `task_scores`;
    several tasks, or a fold whose test cases are of one class.

    Examples
    --------
    >>> from rin.stats import task_analyses
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> breast = predictions[predictions["task"] == "breast"]
    >>> table = task_analyses(breast, "a", "b", replicates=50)
    >>> print(table.loc[table["recommended"], ["analysis", "estimate", "ci_low"]].round(3))
                 analysis  estimate  ci_low
    5  clustered_contrast     0.028  -0.016
    """
    tasks = list(task_scores(predictions, (init_a, init_b)))
    if len(tasks) != 1:
        raise InputError(
            f"tasks {[task.task for task in tasks]}", where="predictions", remedy="Select one task."
        )
    analyses = read_yaml(Path(__file__).with_name("analyses.yaml"))
    aucs = scenario_aucs(predictions[predictions["init"].isin(tasks[0].inits)])
    findings = _findings(tasks[0], aucs, test_train_ratio, replicates, seed)
    of_analyses = {key: finding for key, *finding in findings}
    nothing = dict.fromkeys([*_NUMBERS, "standard_error", *_EQUIVALENCE], math.nan) | {"remark": ""}
    nothing |= {"margin": EQUIVALENCE_MARGIN, "equivalent": False}
    rows, marks = [], {"published": False, "recommended": False}
    for analysis in analyses:
        n, noun, finding = of_analyses[analysis["key"]]
        units = {"unit": f"{n:,} {noun}{'' if n == 1 else 's'}", "n_units": n}
        row = nothing | marks | analysis | units | finding
        if math.isfinite(row["standard_error"]):
            df = math.inf if math.isnan(row["df"]) else row["df"]
            test = hypothesis.equivalence(row["estimate"], row["standard_error"], df)
            row |= {
                "margin": test.margin,
                "equivalence_p": test.p_value,
                "equivalence_low": test.ci_low,
                "equivalence_high": test.ci_high,
                "equivalent": test.equivalent,
                "smallest_margin": test.smallest_margin,
            }
        rows.append(row)
    table = pd.DataFrame(rows).rename(columns={"key": "analysis"})
    columns = ["analysis", "name", *units, *_NUMBERS, "generalises_to", "assumes", "remark", *marks]
    return table[[*columns, "standard_error", *_EQUIVALENCE]]


def image_differences(
    table: pd.DataFrame, init_a: str, init_b: str, measures: Sequence[str]
) -> pd.DataFrame:
    """Compare two inits by measures of images, over all scenarios and within each regime.

    Scores of an image are averaged over scenarios first, so that it counts once; the paper does not
    say how scenarios enter.  `table` is one task: scenario, unfreezing, init, patient_id, case_id
    and the measures, such as the overlap of a map with the lesion, one row a run and image.

    One row a measure and group (`all`, then each regime): measure, group, n_scenarios, n_images,
    n_patients, mean_a, sd_a, mean_b, sd_b (SD over scenarios), estimate (a − b, mean over
    images), ci_low, ci_high, statistic, df, p_value (`clustered_t`: patients independent).  NaN
    where a measure is undefined for an image, or fewer than two patients are left: none is left out
    silently.  InputError for an unknown init, or an image scored under one init only in some
    scenario.

    Examples
    --------
    >>> from rin.stats import image_differences
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> maps = predictions.query("task == 'breast'").eval("dice = abs(score) / 9")
    >>> table = image_differences(maps, "a", "b", ["dice"])
    >>> print(table[["group", "n_images", "estimate", "p_value"]].round(3).to_string(index=False))
           group  n_images  estimate  p_value
             all       120     0.007    0.179
      freeze_all       120     0.006    0.426
    unfreeze_all       120     0.009    0.253
    """
    columns = ["scenario", "unfreezing", "init", *_IMAGE]
    check_table(table, OVERLAP, columns, where="table", remedy=f"Needed: {columns}.")
    inputs.require(table, measures, where="table")
    inputs.check_known("init", (init_a, init_b), table["init"])
    compared = table[table["init"].isin([init_a, init_b])]
    regimes = [ALL, *(name for name in REGIMES if name in set(compared["unfreezing"]))]
    rows = []
    for measure in measures:
        images = compared.groupby(["scenario", "unfreezing", *_IMAGE, "init"], observed=True)
        cells = images[measure]
        pairs = _mean_of_all(cells).unstack("init")
        if alone := int((cells.size().unstack("init").isna()).any(axis=1).sum()):
            raise InputError(
                f"{alone} images have a score of one init only in some scenario",
                where="table",
                remedy="Finish the missing runs, with the same folds for both.",
            )
        for group in regimes:
            chosen = pairs if group == ALL else pairs.xs(group, level="unfreezing")
            rows.append({"measure": measure, "group": group} | _compared(chosen[[init_a, init_b]]))
    return pd.DataFrame(rows)


def against_baselines(
    table: pd.DataFrame, baselines: pd.DataFrame, inits: Sequence[str], measures: Sequence[str]
) -> pd.DataFrame:
    """Compare each init with the best of what looks at no image.

    `table` is that of `image_differences`; `baselines` has a row an image and baseline, with
    case_id, baseline and the measures, for every image of the table.  One row a measure and init:
    measure, init, baseline (the one with the largest mean), mean, baseline_mean (over images,
    each averaged over scenarios first), estimate, ci_low, ci_high,
    statistic, df, p_value (patients independent); NaN as in `image_differences`.  InputError when
    an image has no baseline.

    Examples
    --------
    >>> from rin.stats import against_baselines
    >>> from rin.stats.simulation import simulate_predictions
    >>> predictions = simulate_predictions()
    >>> maps = predictions.query("task == 'breast'").eval("dice = abs(score) / 9")
    >>> centre = maps[["case_id"]].drop_duplicates().assign(baseline="centre", dice=0.1)
    >>> table = against_baselines(maps, centre, ["a", "b"], ["dice"])
    >>> print(table[["init", "baseline", "estimate", "ci_low"]].round(3).to_string(index=False))
    init baseline  estimate  ci_low
       a   centre     0.029   0.014
       b   centre     0.022   0.008
    """
    rows = []
    for measure in measures:
        wide = baselines.pivot(index="case_id", columns="baseline", values=measure)
        best = wide.dropna(axis=1, how="all").mean().idxmax()
        for init in inits:
            images = _mean_of_all(table[table["init"] == init].groupby(_IMAGE)[measure])
            baseline_scores = (
                wide[best].reindex(images.index.get_level_values("case_id")).to_numpy()
            )
            if np.isnan(baseline_scores).any():
                raise InputError(
                    f"{np.isnan(baseline_scores).sum()} images without a score of {best}",
                    where="baselines",
                    remedy="Score the baselines on every image with a lesion.",
                )
            row = {"measure": measure, "init": init, "baseline": best}
            row |= {"mean": images.mean(skipna=False), "baseline_mean": baseline_scores.mean()}
            rows.append(row | _over_patients(images - baseline_scores))
    return pd.DataFrame(rows)


def _height(grid: np.ndarray, fpr: np.ndarray, tpr: np.ndarray) -> np.ndarray:
    """Return the height of a curve, the middle of its jumps (trapezoids then keep the AUC)."""
    # Rounded, so that a jump at 57 of 100 negatives stands at the grid's 0.57.
    grid, fpr = np.round(grid, 12), np.round(fpr, 12)
    upper = np.interp(grid, fpr, tpr)
    lower = np.interp(-grid, -fpr[::-1], tpr[::-1])
    return np.where((grid > 0) & (grid < 1), (lower + upper) / 2, upper)


def _mean_over_folds(
    task: TaskScores, weights: np.ndarray, *, clustered: bool = True
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the AUCs (k,) of all networks, weighted sums of them (q,), and their covariance.

    Each fold's, averaged; `weights` is (q, k).  Folds share no patient, so variances add up.
    """
    contrasts = []
    for k, fold in task.folds():
        with located(f"fold {k}"):
            clusters = fold.patients if clustered else None
            contrasts.append(auc_contrasts(fold.labels, _networks(fold), weights, clusters))
    aucs, estimates, covariance = (np.array(part) for part in zip(*contrasts, strict=True))
    return aucs.mean(axis=0), estimates.mean(axis=0), covariance.sum(axis=0) / len(contrasts) ** 2


def _networks(scores: TaskScores) -> np.ndarray:
    """Return one row a network, those of the first init first: (inits × S, n)."""
    return scores.scores.reshape(-1, scores.labels.size)


def _regime_contrasts(
    predictions: pd.DataFrame, init_a: str, init_b: str
) -> Iterator[tuple[TaskScores, dict[str, np.ndarray], np.ndarray, np.ndarray, np.ndarray]]:
    """Yield each task, its groups of scenarios, AUCs, and the differences of the groups.

    Groups, all scenarios and each regime's, are bool (S,), AUCs (2, S) averaged over folds;
    differences (groups,) come with their covariance.
    """
    inputs.require(predictions, ["patient_id", "unfreezing"], "Name each run's unfreezing regime.")
    predictions = inputs.name_networks(predictions).drop(columns="pretraining", errors="ignore")
    for task in task_scores(predictions, (init_a, init_b)):
        with located(f"task {task.task}"):
            runs = predictions.loc[predictions["task"] == task.task, ["scenario", "unfreezing"]]
            regime_of = runs.drop_duplicates().set_index("scenario")["unfreezing"]
            if regime_of.index.duplicated().any():
                raise InputError(
                    "a scenario has two unfreezing regimes", where="predictions", remedy="Mend it."
                )
            regime_of_scenario = regime_of.loc[list(task.scenarios)].to_numpy()
            regimes = [name for name in REGIMES if name in regime_of_scenario]
            regimes += sorted(set(regime_of_scenario) - set(regimes))
            groups = {ALL: np.ones(len(regime_of_scenario), bool)}
            groups |= {name: regime_of_scenario == name for name in regimes}
            means = np.array([inside / inside.sum() for inside in groups.values()])
            weights = np.hstack([means, -means])  # AUCs of init a, then of init b
            aucs, estimates, covariance = _mean_over_folds(task, weights)
        yield task, groups, aucs.reshape(2, -1), estimates, covariance


def _levelled(
    predictions: pd.DataFrame, inits: tuple[str, str], levels: tuple[str, str]
) -> list[TaskScores]:
    """Return the scores of each task, (4, S, n): first init at both levels, then the second."""
    inputs.require(predictions, ["level", "patient_id"], "Pass the predictions of a factor.")
    for what, names in (("init", inits), ("level", levels)):
        if len(set(names)) != 2:
            raise InputError(
                f"{names!r} are not two different names", where=f"{what}s", remedy="Name two."
            )
        inputs.check_known(what, names, predictions[what])
    rows = predictions[predictions["init"].isin(inits) & predictions["level"].isin(levels)]
    networks = rows["init"].astype(str) + " at " + rows["level"].astype(str)
    names = [f"{init} at {level}" for init, level in product(inits, levels)]
    return sorted(task_scores(rows.assign(init=networks), names), key=lambda task: task.task)


def _findings(
    task: TaskScores, aucs: pd.DataFrame, ratio: float | None, replicates: int, seed: int
) -> Iterator[tuple[str, int, str, dict[str, object]]]:
    """Yield the key of each analysis, how many units of what it counts, and what it finds."""
    a, b = task.inits
    wide = aucs.pivot(index=["scenario", "fold"], columns="init", values="auc")
    scenarios, folds = (wide.groupby(part).mean() for part in wide.index.names)
    n_scenarios, n_folds = len(scenarios), len(folds)
    finding = {"remark": "One scenario has no spread to test."}
    for key, test_of in (("unpaired_t", hypothesis.unpaired_t), ("paired_t", hypothesis.paired_t)):
        if n_scenarios > 1:
            finding = _numbers(test_of(scenarios[a], scenarios[b]))
        yield key, n_scenarios, "scenario", finding

    stacked, n_cases = task.scores.reshape(2, -1), len(task.cases)
    test = delong_test(np.tile(task.labels, n_scenarios), *stacked)
    finding = _numbers(test)
    yield "delong_stacked", stacked.shape[1], "prediction", finding
    # pandas sums without loss, so that equal scores in another order stay tied.
    means = pd.DataFrame(stacked.T).groupby(np.tile(np.arange(n_cases), n_scenarios)).mean()
    test = delong_test(task.labels, means[0], means[1])
    finding = _numbers(test)
    yield "delong_mean_scores", n_cases, "case", finding

    weights = np.repeat([[1.0, -1.0]], n_scenarios, axis=1) / n_scenarios
    _, (estimate,), ((variance,),) = _mean_over_folds(task, weights, clustered=False)
    finding = _numbers(t_test(estimate, math.sqrt(variance)))
    yield "delong_contrast", n_cases, "case", finding
    patients = task.cases.groupby(["fold", "label"])["patient_id"].nunique()
    if (patients < 2).any():
        k, label = patients.index[patients < 2][0]
        text = (
            f"In fold {k} all {'positive' if label else 'negative'} cases belong to one patient, "
            "which shows no spread between patients."
        )
        by_patient = bootstrapped = {"remark": text}
    else:
        _, (estimate,), ((variance,),) = _mean_over_folds(task, weights)
        by_patient = _numbers(t_test(estimate, math.sqrt(variance)))
        bootstrapped = {"estimate": estimate} | _bootstrapped(task, replicates, seed)
    n_patients = len(set(task.patients))
    yield "clustered_contrast", n_patients, "patient", by_patient
    yield "cluster_bootstrap", n_patients, "patient", bootstrapped

    finding = {"remark": "One fold has no spread to test."}
    if n_folds > 1 and ratio is None:
        finding = {"remark": "The ratio of test to training cases was not given."}
    elif n_folds > 1:
        finding = _numbers(hypothesis.nadeau_bengio(folds[a] - folds[b], ratio))
    yield "nadeau_bengio", n_folds, "fold", finding
    test = hypothesis.mixed_model(aucs, a, b)
    yield "mixed_model", test.n, "AUC", _numbers(test) | {"remark": test.remark}


def _bootstrapped(task: TaskScores, replicates: int, seed: int) -> dict[str, float]:
    """Return interval, standard error and P of the mean difference over replicates of patients."""
    differences = []
    for place, (_, fold) in enumerate(task.folds()):
        fold_seed = int(np.random.SeedSequence([seed, place]).generate_state(1)[0])
        weights = cluster_weights(fold.patients, replicates, fold_seed, labels=fold.labels)
        a, b = np.split(weighted_aucs(fold.labels, _networks(fold), weights), 2, axis=1)
        differences.append((a - b).mean(axis=1))
    means = np.mean(differences, axis=0)
    low, high = percentile_interval(means)
    opposite = min((means <= 0).sum(), (means >= 0).sum())
    p_value = min(1.0, 2 * float(opposite + 1) / (means.size + 1))
    error = float(means.std(ddof=1))
    return {"ci_low": low, "ci_high": high, "standard_error": error, "p_value": p_value}


def _numbers(test: TTest) -> dict[str, object]:
    """Return the cells of a test, or why there are none."""
    if math.isnan(test.standard_error):
        return {"remark": "A class has a single case, which shows no spread."}
    return _cells(test) | {"standard_error": test.standard_error}


def _cells(test: TTest) -> dict[str, float]:
    """Return what a table states of an estimate, by the names of its columns."""
    return {name: getattr(test, name) for name in _NUMBERS}


def _compared(pairs: pd.DataFrame) -> dict[str, object]:
    """Return the cells of one comparison, from a row a scenario and image and a column an init."""
    scenarios = _mean_of_all(pairs.groupby(level="scenario"))
    images = _mean_of_all(pairs.groupby(level=_IMAGE))
    (mean_a, mean_b), (sd_a, sd_b) = scenarios.mean(skipna=False), scenarios.std(skipna=False)
    return {
        "n_scenarios": len(scenarios),
        "n_images": len(images),
        "n_patients": images.index.get_level_values("patient_id").nunique(),
        **{"mean_a": mean_a, "sd_a": sd_a, "mean_b": mean_b, "sd_b": sd_b},
        **_over_patients(images.iloc[:, 0] - images.iloc[:, 1]),
    }


def _over_patients(differences: pd.Series) -> dict[str, float]:
    patients, test = differences.index.get_level_values("patient_id"), t_test(math.nan, math.nan)
    if differences.notna().all() and patients.nunique() > 1:
        test = hypothesis.clustered_t(differences.to_numpy(), patients)
    return _cells(test)


def _mean_of_all(grouped: object) -> pd.Series | pd.DataFrame:
    """Return the mean of each group, NaN where a value is: none is left out silently."""
    return grouped.mean().where(grouped.count().eq(grouped.size(), axis=0))

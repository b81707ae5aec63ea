"""From per-case predictions to AUCs of scenarios, and two inits compared on the same cases.

Each fold's network has a scale of its own, so AUCs are computed within a fold, then averaged over
folds, whose test sets may share patients, and over scenarios.  Intervals reflect the sampling of
patients only.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, replace
from itertools import product

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import special

from rin.errors import InputError
from rin.stats.clinical import WeightedCases
from rin.stats.delong import (
    auc_ci,
    aucs_of_counts,
    covariance_parts,
    delong_test,
    drop_rounding,
)
from rin.stats.hypothesis import (
    ESTIMATE,
    ROUNDING,
    TTest,
    clustered_t,
    insert_holm,
    paired_t,
    t_test,
    tails,
    unpaired_t_from_summary,
)
from rin.stats.inputs import (
    TaskScores,
    binary_labels,
    check_inits,
    cluster_codes,
    name_place,
    run_names,
    scores_by_run,
    task_scores,
)
from rin.stats.placements import placement_counts
from rin.stats.roc import DIGITS, roc_curves
from rin.tables import OVERLAP, UNFREEZING, check_table, require_columns

ALL = "all"
_IMAGE = ["patient_id", "case_id"]


class MeanContrasts:
    """AUCs of networks, weighted sums of these AUCs (q,), and the sums' covariance (q, q).

    All are computed within each fold; a network counts with the mean over its folds, of which
    `of_folds` (folds, q) has the sums, `trained` whether a fold has their networks, and `between`
    (folds, q, folds, q) their covariance over patients: test sets of two folds may share patients,
    whose contributions to both then give the covariance of both.  `weights` is (q, k), for the
    networks of the first init, then of the second, and so on; `aucs` has a row for each network,
    named by its scenario, and a column for each init.
    """

    def __init__(self, task: TaskScores, weights: np.ndarray) -> None:
        rows = task.scores.reshape(-1, len(task.cases))
        n_folds = np.tile(sum(trained for _, trained, _ in task.folds), len(task.inits))
        patients, names = pd.factorize(task.cases["patient_id"])
        of_networks = np.zeros(len(rows))
        estimates = []
        trained_in = []
        parts = []
        least = []
        for number, trained, cases in task.folds:
            inside = np.tile(trained, len(task.inits))
            with name_place(f"task {task.task}, fold {number}"):
                positive = binary_labels(task.labels[cases])
                cluster_codes(patients[cases], positive.size)
            counts = placement_counts(positive, rows[inside][:, cases])
            aucs = aucs_of_counts(*counts)
            c = (weights / n_folds)[:, inside]
            of_networks[inside] += aucs / n_folds[inside]
            estimates.append(c @ aucs)
            trained_in.append(c.any(axis=1))
            least.append(ROUNDING * np.abs(c).sum(axis=1))
            contrasted = [c @ count for count in counts]
            parts.append(covariance_parts(contrasted, positive, patients[cases], len(names)))
        covariance = sum(part @ part.T for part in np.concatenate(parts, axis=1))
        exact, covariance = drop_rounding(
            np.concatenate(estimates), np.concatenate(least), covariance
        )
        scenarios = task.networks["scenario"].to_numpy()
        self.aucs = pd.DataFrame(of_networks.reshape(-1, len(scenarios)).T, scenarios)
        self.of_folds = exact.reshape(np.shape(estimates))
        self.trained = np.array(trained_in)
        self.between = covariance.reshape(np.shape(estimates) * 2)
        self.estimates = self.of_folds.sum(axis=0)
        self.covariance = self.between.sum(axis=(0, 2))

    def test(self, number: int, level: float = 0.95) -> TTest:
        """Return the z test of one of the sums."""
        error = math.sqrt(self.covariance[number, number])
        return t_test(self.estimates[number], error, level=level)


def scenario_aucs(predictions: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return the test AUC of every run with DeLong's interval.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per run: its names, auc, variance, ci_low, ci_high (AUC 0-1), n, n_positive, and
        score_sd, the SD of its scores.

    Raises
    ------
    InputError
        For an invalid table, or a run with one class or with a NaN score.

    Examples
    --------
    >>> from rin.stats import scenario_aucs, simulation
    >>> aucs = scenario_aucs(simulation.simulate_predictions())
    >>> aucs.groupby("init")["auc"].mean().round(2).to_dict()
    {'a': 0.86, 'b': 0.83}
    """
    return pd.DataFrame(
        {
            **names,
            **asdict(auc_ci(positive, scores, level=level)),
            "n": positive.size,
            "n_positive": int(positive.sum()),
            "score_sd": scores.std(ddof=1),
        }
        for names, positive, scores in scores_by_run(predictions)
    )


def mean_roc(predictions: pd.DataFrame) -> pd.DataFrame:
    """Return the mean ROC curve of each init over its scenarios, whose AUC is the mean AUC.

    Fawcett 2006, Pattern Recognition Letters 27:861, section 8.1: averages at equal false-positive
    rates.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table

    Returns
    -------
    pandas.DataFrame
        One row per task × init × fpr (0, 0.01 to 1): task, init, fpr, tpr and tpr_sd, its SD over
        scenarios.

    Raises
    ------
    InputError
        As `scenario_aucs`.

    Examples
    --------
    >>> from rin.stats import mean_roc, simulation
    >>> curves = mean_roc(simulation.simulate_predictions())
    >>> curves.query("fpr == 0.2").groupby("init")["tpr"].mean().round(2).to_dict()
    {'a': 0.76, 'b': 0.7}
    """
    rates = np.linspace(0, 1, 101).round(DIGITS)  # as those of the curve
    levels = ["task", "init", "scenario", "pretraining"]
    curves = []
    for names, positive, scores in scores_by_run(predictions):
        ((fpr, tpr),) = roc_curves(WeightedCases(positive, scores))
        upper = np.interp(rates, fpr, tpr)
        lower = np.interp(-rates, -fpr[::-1], tpr[::-1])
        # The middle of a jump, so that the AUC is preserved.
        heights = np.where((rates > 0) & (rates < 1), (lower + upper) / 2, upper)
        curves.append([*(names.get(level, 1) for level in levels), *heights])
    of_runs = pd.DataFrame(curves, columns=[*levels, *rates])
    of_networks = of_runs.groupby(levels).mean()  # whose folds may be of different numbers
    of_scenarios = of_networks.groupby(levels[:3]).mean().groupby(levels[:2])
    tables = {"tpr": of_scenarios.mean(), "tpr_sd": of_scenarios.std()}
    stacked = {name: table.rename_axis(columns="fpr").stack() for name, table in tables.items()}
    return pd.DataFrame(stacked).reset_index().astype({"fpr": float})


def init_differences(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare two inits on every task, over all scenarios and within each unfreezing.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table, with `patient_id` and `unfreezing`
    init_a, init_b : str
        names of the inits
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task and group (`all`, each unfreezing): task, group, n_scenarios, auc_a, sd_a,
        auc_b, sd_b (mean and SD over scenarios), the columns of an estimate (a − b; Obuchowski
        1997, Biometrics 53:567; p_holm over the tasks), n_folds, n_cases, n_positive, n_patients.

    Raises
    ------
    InputError
        For a missing column, init or score, or a fold of one class.

    Examples
    --------
    >>> from rin.stats import init_differences, simulation
    >>> table = init_differences(simulation.simulate_predictions(), "a", "b")
    >>> table.query("group == 'all'").set_index("task")["estimate"].round(3).to_dict()
    {'breast': 0.028, 'thyroid': 0.036}
    """
    rows = []
    for task in task_scores(predictions, (init_a, init_b), ["unfreezing"]):
        groups = _groups_of_unfreezing(task)
        contrasts = mean_differences(task, list(groups.values()))
        for number, (group, inside) in enumerate(groups.items()):
            of_scenarios = contrasts.aucs[inside].groupby(level=0).mean()
            a = of_scenarios[0]
            b = of_scenarios[1]
            rows.append(
                {
                    "task": task.task,
                    "group": group,
                    "n_scenarios": len(of_scenarios),
                    "auc_a": a.mean(),
                    "sd_a": a.std(),
                    "auc_b": b.mean(),
                    "sd_b": b.std(),
                    **contrasts.test(number, level).to_row(),
                    **_sizes(task),
                }
            )
    table = pd.DataFrame(rows)
    insert_holm(table, within="group")
    return table


def training_spread(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Return how the difference a − b in one scenario varies from training to training.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table of several seeds, tested on the same cases
    init_a, init_b : str
        names of the inits
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task: task, sd (AUC 0-1), sd_low, sd_high (the interval), sd_df.

    Raises
    ------
    InputError
        As `scenario_aucs`; for a task without a scenario that was trained twice.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import simulation, training_spread
    >>> first, second = (simulation.simulate_predictions(seed=seed) for seed in (0, 2))
    >>> table = training_spread(pd.concat([first, second.assign(seed=1)]), "a", "b")
    >>> table.set_index("task")["sd"].round(3).to_dict()
    {'breast': 0.05, 'thyroid': 0.016}
    """
    aucs = scenario_aucs(predictions)
    check_inits((init_a, init_b), aucs["init"])
    networks = [name for name in run_names(aucs) if name != "init"]
    trained = aucs.pivot(index=networks, columns="init", values="auc")
    of_network = [name for name in networks if name != "seed"]
    trainings = (trained[init_a] - trained[init_b]).dropna().groupby(of_network)
    freedom = trainings.size() - 1
    squares = (trainings.var() * freedom).groupby("task").sum()
    df = freedom.groupby("task").sum()
    if not df.all():
        raise InputError(
            f"every scenario of {df.idxmin()} was trained once",
            where="predictions",
            remedy="Pass trainings with other seeds as well.",
        )
    lower, upper = tails(level)
    spread = {
        "sd": np.sqrt(squares / df),
        "sd_low": np.sqrt(squares / special.chdtri(df, lower)),
        "sd_high": np.sqrt(squares / special.chdtri(df, upper)),
        "sd_df": df,
    }
    return pd.DataFrame(spread).reset_index()


def factor_effects(
    predictions: pd.DataFrame,
    inits: tuple[str, str],
    levels: tuple[str, str],
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Return AUCs at both levels of a factor, its effect on each init, and on their difference.

    Quantities: ``auc``, of one init at one level; ``difference`` of the inits, first minus second,
    at one level; ``effect`` on one init, second level minus first; ``interaction``, the difference
    at the second level minus that at the first.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table of one factor, with `level`, `patient_id` and `unfreezing`
    inits, levels : tuple[str, str]
        names of two inits and of two levels of the factor
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per task × group (as `init_differences`) × quantity: task, group, n_scenarios,
        quantity, init and level (empty where the quantity involves both), the columns of an
        estimate (an AUC and a difference of the same networks are not tested), n_folds, n_cases,
        n_positive, n_patients.

    Raises
    ------
    InputError
        As `init_differences`; for an unknown level, or equal levels.

    Examples
    --------
    >>> import pandas as pd
    >>> from rin.stats import factor_effects, simulation
    >>> native = simulation.simulate_predictions().assign(level="native")
    >>> wrong = native.assign(level="wrong", score=-native["score"])
    >>> table = factor_effects(pd.concat([native, wrong]), ("a", "b"), ("native", "wrong"))
    >>> sorted(table["quantity"].unique())
    ['auc', 'difference', 'effect', 'interaction']
    """
    require_columns(
        predictions, ["level"], where="predictions", remedy="Pass the predictions of a factor."
    )
    networks = predictions["init"].astype(str) + " at " + predictions["level"].astype(str)
    names = [f"{init} at {name}" for init, name in product(inits, levels)]
    tasks = task_scores(predictions.assign(init=networks), names, ["unfreezing"])
    a, b = inits
    before, after = levels
    # Each quantity with its init and level, and its signs of `names`.
    quantities = {
        ("auc", a, before): (1, 0, 0, 0),
        ("auc", b, before): (0, 0, 1, 0),
        ("auc", a, after): (0, 1, 0, 0),
        ("auc", b, after): (0, 0, 0, 1),
        ("difference", "", before): (1, 0, -1, 0),
        ("difference", "", after): (0, 1, 0, -1),
        ("effect", a, ""): (-1, 1, 0, 0),
        ("effect", b, ""): (0, 0, -1, 1),
        ("interaction", "", ""): (-1, 1, 1, -1),
    }
    rows = []
    for task in sorted(tasks, key=lambda task: task.task):
        parts = list(product(_groups_of_unfreezing(task).items(), quantities.items()))
        weights = [np.kron(signs, task.shares(inside)) for (_, inside), (_, signs) in parts]
        contrasts = MeanContrasts(task, np.array(weights))
        for number, ((group, inside), ((quantity, init, at), _)) in enumerate(parts):
            rows.append(
                {
                    "task": task.task,
                    "group": group,
                    "n_scenarios": task.networks.loc[inside, "scenario"].nunique(),
                    "quantity": quantity,
                    "init": init,
                    "level": at,
                    **contrasts.test(number, level).to_row(),
                    **_sizes(task),
                }
            )
    table = pd.DataFrame(rows)
    same = (table["estimate"] == 0) & (table["standard_error"] == 0)
    untested = (table["quantity"] == "auc") | same
    table.loc[untested, ["statistic", "df", "p_value"]] = np.nan
    return table


def task_analyses(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare two inits on one task by six analyses, which differ in what they take as the sample.

    Parameters
    ----------
    predictions : DataFrame
        the predictions table of one task, with `patient_id`
    init_a, init_b : str
        names of the inits
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per analysis, of which the last is recommended: name, and the columns of an
        estimate (a − b, AUC 0-1).

    Raises
    ------
    InputError
        As `init_differences`; for several tasks, or a single scenario.

    Examples
    --------
    >>> from rin.stats import simulation, task_analyses
    >>> breast = simulation.simulate_predictions().query("task == 'breast'")
    >>> task_analyses(breast, "a", "b")["p_value"].round(3).iloc[[0, -1]].tolist()
    [0.259, 0.217]
    """
    tasks = list(task_scores(predictions, (init_a, init_b)))
    if len(tasks) != 1:
        raise InputError(
            f"tasks {[task.task for task in tasks]}",
            where="predictions",
            remedy="Select one task.",
        )
    (task,) = tasks
    over_patients = mean_differences(task, [True])
    every_case_a_patient = task.cases.assign(patient_id=task.cases["case_id"])
    over_cases = mean_differences(replace(task, cases=every_case_a_patient), [True])
    means = over_patients.aucs.groupby(level=0).mean()
    paired = paired_t(means[0], means[1], level=level)  # refuses a single scenario
    summary = means.agg(["mean", "std", "size"])
    there = ~np.isnan(task.scores[0])  # networks × cases
    scores = task.scores[:, there]
    _, case = np.nonzero(there)
    # pandas corrects sums for rounding, so that equal scores in another order stay tied.
    mean_scores = pd.DataFrame(scores.T).groupby(case).mean()
    tests = {
        "t test of scenarios, unpaired": unpaired_t_from_summary(
            *summary[0], *summary[1], level=level
        ),
        "t test of scenarios, paired": paired,
        "DeLong, every prediction a new case": delong_test(
            task.labels[case], *scores, level=level
        ),
        "DeLong of mean scores": delong_test(
            task.labels, mean_scores[0], mean_scores[1], level=level
        ),
        "DeLong, mean over scenarios": over_cases.test(0, level),
        "Obuchowski, mean over scenarios": over_patients.test(0, level),
    }
    return pd.DataFrame({"name": name, **test.to_row()} for name, test in tests.items())


def image_differences(
    table: pd.DataFrame,
    init_a: str,
    init_b: str,
    measures: Sequence[str],
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare two inits by measures of images, such as the overlap of a map with the lesion.

    Scores of an image are averaged over scenarios first.  Patients are the independent units
    (Liang and Zeger 1986, Biometrika 73:13).

    Parameters
    ----------
    table : DataFrame
        one task: scenario, init, patient_id, case_id and the measures, one row per run and
        image
    init_a, init_b : str
        names of the inits
    measures : Sequence[str]
        columns to compare
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per measure: measure, n_images, n_patients, mean_a, mean_b and the columns of an
        estimate (a − b); NaN where an image has no measure, or there is one patient.

    Raises
    ------
    InputError
        For an unknown init, or an image that has a score of one init only in some scenario.

    Examples
    --------
    >>> from rin.stats import image_differences, simulation
    >>> breast = simulation.simulate_predictions().query("task == 'breast'")
    >>> table = image_differences(breast.eval("dice = abs(score) / 9"), "a", "b", ["dice"])
    >>> table[["n_images", "estimate", "p_value"]].round(3).to_numpy().tolist()
    [[120.0, 0.007, 0.179]]
    """
    columns = ["scenario", "init", *_IMAGE]
    check_table(table, OVERLAP, columns, where="table")
    require_columns(table, measures, where="table")
    check_inits((init_a, init_b), table["init"])
    compared = table[table["init"].isin([init_a, init_b])]
    runs = compared.groupby(["scenario", *_IMAGE, "init"], observed=True).size().unstack("init")
    if unpaired := runs.isna().any(axis=1).sum():
        raise InputError(
            f"{unpaired} images have a score of one init only in some scenario",
            where="table",
            remedy="Finish the missing runs, with the same folds for both.",
        )
    rows = []
    for measure in measures:
        a, b = (_image_means(table, init, measure) for init in (init_a, init_b))
        rows.append(
            {
                "measure": measure,
                "n_images": len(a),
                "n_patients": a.index.get_level_values("patient_id").nunique(),
                "mean_a": a.mean(skipna=False),
                "mean_b": b.mean(skipna=False),
                **_patient_cells(a - b, level),
            }
        )
    return pd.DataFrame(rows)


def baseline_differences(
    table: pd.DataFrame,
    baselines: pd.DataFrame,
    inits: Sequence[str],
    measures: Sequence[str],
    *,
    level: float = 0.95,
) -> pd.DataFrame:
    """Compare each init with the best image-blind baseline.

    Parameters
    ----------
    table : DataFrame
        as for `image_differences`
    baselines : DataFrame
        one row per image and baseline, with case_id, baseline and the measures
    inits, measures : Sequence[str]
        names of the inits, and columns to compare
    level : float, default 0.95
        of the intervals

    Returns
    -------
    pandas.DataFrame
        One row per measure and init: measure, init, baseline (the one with the largest mean),
        mean, baseline_mean (over images) and the columns of an estimate, as `image_differences`.

    Raises
    ------
    InputError
        For an image that has no baseline.

    Examples
    --------
    >>> from rin.stats import baseline_differences, simulation
    >>> breast = simulation.simulate_predictions().query("task == 'breast'")
    >>> maps = breast.eval("dice = abs(score) / 9")
    >>> centre = maps[["case_id"]].drop_duplicates().assign(baseline="centre", dice=0.1)
    >>> table = baseline_differences(maps, centre, ["a", "b"], ["dice"])
    >>> table.set_index("init")["estimate"].round(3).to_dict()
    {'a': 0.029, 'b': 0.022}
    """
    check_inits(inits, table["init"])
    rows = []
    for measure in measures:
        wide = baselines.pivot(index="case_id", columns="baseline", values=measure)
        shown = table.loc[table["init"].isin(inits), "case_id"].unique()
        best = wide.loc[wide.index.isin(shown)].mean().idxmax()
        for init in inits:
            images = _image_means(table, init, measure)
            of_baseline = wide[best].reindex(images.index.get_level_values("case_id")).to_numpy()
            if missing := np.isnan(of_baseline).sum():
                raise InputError(
                    f"{missing} images without a score of {best}",
                    where="baselines",
                    remedy="Score the baselines on every image with a lesion.",
                )
            rows.append(
                {
                    "measure": measure,
                    "init": init,
                    "baseline": best,
                    "mean": images.mean(skipna=False),
                    "baseline_mean": of_baseline.mean(),
                    **_patient_cells(images - of_baseline, level),
                }
            )
    return pd.DataFrame(rows)


def mean_differences(task: TaskScores, groups: Sequence[ArrayLike]) -> MeanContrasts:
    """Return mean differences of two inits over all scenarios (True) or those of each group."""
    means = np.array([task.shares(inside) for inside in groups])
    return MeanContrasts(task, np.hstack([means, -means]))


def _sizes(task: TaskScores) -> dict[str, int]:
    cases = task.cases.drop_duplicates("case_id")
    return {
        "n_folds": task.cases["fold"].nunique(),
        "n_cases": len(cases),
        "n_positive": int(cases["label"].sum()),
        "n_patients": task.cases["patient_id"].nunique(),
    }


def _groups_of_unfreezing(task: TaskScores) -> dict[str, np.ndarray]:
    """Return a mask of the networks (S,) in each group of scenarios: all, and each unfreezing."""
    unfreezing = task.networks["unfreezing"].to_numpy()
    names = dict.fromkeys([*UNFREEZING, *sorted(set(unfreezing))])
    groups = {ALL: np.full(len(unfreezing), True)}
    groups |= {name: unfreezing == name for name in names}
    return {name: inside for name, inside in groups.items() if inside.any()}


def _patient_cells(differences: pd.Series, level: float) -> dict[str, float]:
    """Return the cells of a test of differences of images; NaN where there can be no test."""
    patients = differences.index.get_level_values("patient_id")
    if differences.isna().any() or patients.nunique() < 2:
        return dict.fromkeys(ESTIMATE, math.nan)
    return clustered_t(differences.to_numpy(), patients, level).to_row()


def _image_means(table: pd.DataFrame, init: str, measure: str) -> pd.Series:
    """Return the mean of each image over scenarios; NaN, not left out, where a score is NaN."""
    means = table.loc[table["init"] == init].set_index(["scenario", *_IMAGE])[measure]
    for levels in (["scenario", *_IMAGE], _IMAGE):
        grouped = means.groupby(level=levels, observed=True)
        means = grouped.mean().where(grouped.count() == grouped.size())
    return means

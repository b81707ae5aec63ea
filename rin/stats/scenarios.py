"""From per-case predictions to AUCs of scenarios and comparisons of two inits.

The paper summarises a task by the mean ± SD of 24 scenario AUCs for each
source of weights (Results, Figures 3 and 4).  Only test rows are read, and
two inits are compared only on exactly the same cases.
"""

from dataclasses import asdict, dataclass

import pandas as pd

from rin.errors import InputError
from rin.stats.delong import DeLongTest, auc_ci, delong_test
from rin.stats.inputs import RUN, check_unique, evaluated_rows, located
from rin.stats.paired import PairedT, TTest, holm, paired_t, unpaired_t


@dataclass(frozen=True)
class PooledComparison:
    """Two inits on one task, over all scenarios.

    AUCs lie in 0-1.  `gain_points` is 100 times the difference of means,
    `gain_percent` the difference in percent of init b's mean.  `unpaired` is
    the interval that the paper prints, `paired` pairs the scenarios,
    `delong` compares the scores averaged over scenarios, case by case.
    """

    task: str
    init_a: str
    init_b: str
    n_scenarios: int
    n_cases: int
    mean_a: float
    sd_a: float
    mean_b: float
    sd_b: float
    difference: float
    gain_points: float
    gain_percent: float
    unpaired: TTest
    paired: PairedT
    delong: DeLongTest


def scenario_aucs(predictions: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """Return the test AUC of every run with DeLong's interval.

    Parameters
    ----------
    predictions
        The predictions table: task, fold, scenario, init, seed, case_id,
        part, label (0/1), score.
    level
        Confidence level.

    Returns
    -------
    pandas.DataFrame
        One row per task × fold × scenario × init × seed: these five, auc,
        variance, ci_low, ci_high, n, n_positive.

    Raises
    ------
    InputError
        Bad table (see `rin.stats.inputs`), or a run whose test set has one
        class or a NaN score; the message names the run.

    Notes
    -----
    Areas are checked against scikit-learn's ``roc_auc_score``.
    """
    rows = []
    for key, run in evaluated_rows(predictions).groupby(RUN, observed=True):
        with located(_name(RUN, key)):
            interval = auc_ci(run["label"], run["score"], level=level)
        sizes = {"n": len(run), "n_positive": int(run["label"].sum())}
        rows.append(dict(zip(RUN, key, strict=True)) | asdict(interval) | sizes)
    return pd.DataFrame(rows)


def compare_inits(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> pd.DataFrame:
    """Compare two inits in every scenario by the paired DeLong test.

    The disjoint test sets of all folds are concatenated, so that each case
    counts once.  Scores of different folds come from different models; a fold
    whose scores lie on another scale lowers both AUCs (`scenario_aucs` shows
    folds apart).

    Parameters
    ----------
    predictions
        As in `scenario_aucs`; one seed per init.
    init_a, init_b
        Two initialisation sources.
    level
        Confidence level of the interval of AUC(a) − AUC(b).

    Returns
    -------
    pandas.DataFrame
        One row per task × scenario: task, scenario, n, n_positive, the
        fields of `DeLongTest`, and p_holm, adjusted within the task.

    Raises
    ------
    InputError
        A case twice in a scenario, cases of one init only, contradicting
        labels, one class only, or a NaN score.

    Notes
    -----
    Checked against `rin.stats.delong_test` of the rows of each scenario.
    """
    rows, keys = [], ["task", "scenario"]
    for key, cases in paired_scores(predictions, init_a, init_b).groupby(keys, observed=True):
        with located(_name(keys, key)):
            test = delong_test(cases["label"], cases["score_a"], cases["score_b"], level=level)
        sizes = {"n": len(cases), "n_positive": int(cases["label"].sum())}
        rows.append(dict(zip(keys, key, strict=True)) | sizes | asdict(test))
    table = pd.DataFrame(rows)
    table["p_holm"] = table.groupby("task", observed=True)["p_value"].transform(holm)
    return table


def pooled_comparison(
    predictions: pd.DataFrame, init_a: str, init_b: str, *, level: float = 0.95
) -> PooledComparison:
    """Compare two inits over all scenarios of one task, in the paper's way and two better ones.

    A scenario's AUC is the mean over its folds.

    Parameters
    ----------
    predictions
        As in `compare_inits`; one task, at least two scenarios.
    init_a, init_b
        Two initialisation sources.
    level
        Confidence level of all three intervals, each of a − b.

    Returns
    -------
    PooledComparison
        With 24 scenarios `unpaired.df` is 46 and `paired.df` 23.

    Raises
    ------
    InputError
        As `compare_inits`; also several tasks, or fewer than two scenarios.

    Notes
    -----
    Checked against SciPy's ``ttest_ind`` and ``ttest_rel`` of scikit-learn's areas.
    """
    cases = paired_scores(predictions, init_a, init_b)
    tasks = cases["task"].unique().tolist()
    if len(tasks) != 1 or cases["scenario"].nunique() < 2:
        raise InputError(
            f"tasks {tasks} with {cases['scenario'].nunique()} scenarios",
            where="predictions",
            remedy="Select one task with at least two scenarios.",
        )
    a, b = (_mean_aucs(cases, score, level) for score in ("score_a", "score_b"))
    averaged = mean_scores(cases)
    difference = float(a.mean() - b.mean())
    return PooledComparison(
        task=tasks[0],
        init_a=init_a,
        init_b=init_b,
        n_scenarios=len(a),
        n_cases=len(averaged),
        mean_a=float(a.mean()),
        sd_a=float(a.std()),
        mean_b=float(b.mean()),
        sd_b=float(b.std()),
        difference=difference,
        gain_points=100 * difference,
        gain_percent=100 * difference / float(b.mean()),
        unpaired=unpaired_t(a, b, level=level),
        paired=paired_t(a, b, level=level),
        delong=delong_test(
            averaged["label"], averaged["score_a"], averaged["score_b"], level=level
        ),
    )


def paired_scores(predictions: pd.DataFrame, init_a: str, init_b: str) -> pd.DataFrame:
    """Return the test scores of two inits side by side.

    Returns
    -------
    pandas.DataFrame
        task, scenario, fold, case_id, label, score_a, score_b; one row per
        task × scenario × case.  patient_id as well, last, where the
        predictions have it.

    Raises
    ------
    InputError
        A case twice in a scenario of one init, cases of one init only, or
        contradicting labels or patients.

    Notes
    -----
    Checked against a pivot of the table, by way of `compare_inits`.
    """
    rows = evaluated_rows(predictions, (init_a, init_b))
    check_unique(rows, ["task", "scenario", "init", "case_id"])
    key = ["task", "scenario", "fold", "case_id"]
    shared = ["label", *(["patient_id"] if "patient_id" in rows else [])]
    a, b = (rows.loc[rows["init"] == init, [*key, *shared, "score"]] for init in (init_a, init_b))
    pairs = a.merge(b, on=key, how="outer", suffixes=("_a", "_b"), indicator=True)
    alone = pairs["_merge"] != "both"
    if alone.any():
        first = pairs.loc[alone, key].iloc[0].to_dict()
        raise InputError(
            f"{alone.sum()} cases have a score of only one of {init_a!r} and {init_b!r}; "
            f"the first: {first}",
            where="predictions",
            remedy="Finish the missing runs, with the same folds for both.",
        )
    for name in shared:
        one, two = pairs[f"{name}_a"], pairs[f"{name}_b"]
        contradicting = int(((one != two) & ~(one.isna() & two.isna())).sum())
        if contradicting:
            raise InputError(
                f"{contradicting} cases have another {name} under {init_b!r} than under {init_a!r}",
                where="predictions",
                remedy="Evaluate both on the same case table.",
            )
    pairs = pairs.rename(columns={f"{name}_a": name for name in shared})
    return pairs[[*key, "label", "score_a", "score_b", *shared[1:]]]


def mean_scores(pairs: pd.DataFrame) -> pd.DataFrame:
    """Return each case's scores averaged over the scenarios: one case, one row.

    Parameters
    ----------
    pairs
        From `paired_scores`, one task.

    Returns
    -------
    pandas.DataFrame
        label, score_a, score_b; index fold, case_id.

    Notes
    -----
    Checked against pandas' ``pivot_table`` by way of `pooled_comparison`.
    """
    scores = ["label", "score_a", "score_b"]
    return pairs.groupby(["fold", "case_id"], observed=True)[scores].mean()


def _mean_aucs(cases: pd.DataFrame, score: str, level: float) -> pd.Series:
    """Return the mean over folds of the AUC of each scenario."""
    keys, aucs = ["scenario", "fold"], {}
    for key, fold in cases.groupby(keys, observed=True):
        with located(_name(keys, key)):
            aucs[key] = auc_ci(fold["label"], fold[score], level=level).auc
    return pd.Series(aucs).groupby(level=0).mean()


def _name(columns: list[str], key: tuple) -> str:
    return ", ".join(f"{column} {value}" for column, value in zip(columns, key, strict=True))

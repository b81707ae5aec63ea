"""What a factor does to two inits, and to the difference between them, on the same cases.

Four networks score every test case: two inits, each at two levels of a factor.  Every question
about them is a weighted sum of their areas, so its variance follows from the covariance of all
four (and of all scenarios, where their mean is asked for), patients as the independent units.

Folds are never pooled into one curve: a factor that moves the scale of the scores moves it
differently in each fold's network, and a pooled curve would count that as a loss of
discrimination.  The contrast of each fold is taken within its own networks, and those of K folds
are averaged; their test sets share no patient.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown
from rin.stats.contrast import area_contrast, mean_contrast
from rin.stats.inputs import check_unique, evaluated_rows, located
from rin.stats.paired import holm

#: Init and level of a network whose area is added, and of one whose area is subtracted.
Pairs = list[tuple[tuple[str, str], tuple[str, str] | None]]
_CASE = ["fold", "case_id", "label", "patient_id"]


@dataclass(frozen=True)
class _Fold:
    """Test cases of one fold: labels and patients (n,), float64 scores (networks, n).

    `rows` names the row of each scenario, init and level.
    """

    labels: np.ndarray
    patients: np.ndarray
    scores: np.ndarray
    rows: dict[tuple[str, str, str], int]


def factor_effects(
    predictions: pd.DataFrame,
    inits: tuple[str, str],
    levels: tuple[str, str],
    *,
    groups: Mapping[str, Sequence[str]] | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Return areas at both levels of a factor, its effect on each init, and on their difference.

    With areas θ of inits a, b at levels 0, 1 the quantities are

    - ``area``: θ of one init at one level;
    - ``difference``: θ(a) − θ(b) at one level;
    - ``effect``: θ(level 1) − θ(level 0) of one init;
    - ``interaction``: the difference at level 1 less that at level 0.

    Each is averaged over the scenarios of its group and over folds.

    Parameters
    ----------
    predictions
        The predictions table with `level` and `patient_id`, of one factor: one row per task ×
        fold × scenario × init × level × test case.
    inits
        (a, b).
    levels
        (0, 1); effects are of the second over the first.
    groups
        From name to the scenarios whose mean is asked for; None takes each scenario alone.
    confidence
        Confidence level of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per task × group × quantity: task, group, n_scenarios, quantity, init (empty
        for difference and interaction), level (empty for effect and interaction), the fields of
        `rin.stats.AreaContrast` (areas 0-1, intervals not clipped; `n` counts cases,
        `n_clusters` patients, over all folds), n_positive, n_folds, same_networks, and p_holm.
        Holm's family is one kind of quantity over all rows of the table.  An area has no P.
        `same_networks` marks effects whose two sides gave equal scores in every case, so that
        there is nothing to test: P is NaN, and they do not count in the family.

    Raises
    ------
    InputError
        As `rin.stats.scenario_aucs`; a missing column, unknown init, level or scenario,
        two equal levels or inits, an empty group, a case that a network did not score or
        scored twice, or contradicting labels or patients.

    Notes
    -----
    The networks are taken as given: intervals tell what other patients would change, not what
    another training would.  Checked against DeLong's covariance of all pairs by loops,
    against `rin.stats.clustered_test`, and against the jackknife over patients.

    References
    ----------
    DeLong, DeLong and Clarke-Pearson 1988, Biometrics 44:837, equation 7;
    Obuchowski 1997, Biometrics 53:567.
    """
    rows = []
    for task, own in _levelled(predictions, inits, levels).groupby("task", observed=True):
        scenarios = sorted(own["scenario"].unique())
        folds = _score_folds(own, task)
        for group, members in (groups or {name: [name] for name in scenarios}).items():
            _check_members(group, members, scenarios)
            for named, pairs in _quantities(inits, levels):
                found = {"task": task, "group": group, "n_scenarios": len(members)} | named
                with located(f"task {task}, {group}"):
                    rows.append(found | _one(folds, members, pairs, confidence))
    table = pd.DataFrame(rows)
    table.loc[(table["quantity"] == "area") | table["same_networks"], ["z", "p_value"]] = np.nan
    table["p_holm"] = table.groupby("quantity", observed=True)["p_value"].transform(holm)
    return table


def _quantities(
    inits: tuple[str, str], levels: tuple[str, str]
) -> Iterator[tuple[dict[str, str], Pairs]]:
    """Yield what names each quantity, and the networks that it adds and subtracts, in pairs."""
    (a, b), (before, after) = inits, levels
    for level in levels:
        for init in inits:
            yield {"quantity": "area", "init": init, "level": level}, [((init, level), None)]
        named = {"quantity": "difference", "init": "", "level": level}
        yield named, [((a, level), (b, level))]
    for init in inits:
        named = {"quantity": "effect", "init": init, "level": ""}
        yield named, [((init, after), (init, before))]
    named = {"quantity": "interaction", "init": "", "level": ""}
    yield named, [((a, after), (a, before)), ((b, before), (b, after))]


def _one(
    folds: list[_Fold], scenarios: Sequence[str], pairs: Pairs, confidence: float
) -> dict[str, object]:
    added = [(scenario, *plus) for scenario in scenarios for plus, _ in pairs]
    taken = [(scenario, *minus) for scenario in scenarios for _, minus in pairs if minus]
    weights = np.repeat([1, -1], [len(added), len(taken)]) / len(scenarios)
    contrasts, same = [], bool(taken)
    for fold in folds:
        plus, minus = (fold.scores[[fold.rows[one] for one in side]] for side in (added, taken))
        scores = np.vstack([plus, minus])
        contrasts.append(
            area_contrast(fold.labels, scores, weights, clusters=fold.patients, level=confidence)
        )
        same = same and np.array_equal(plus, minus)
    return asdict(mean_contrast(contrasts, level=confidence)) | {
        "n_positive": int(sum((fold.labels == 1).sum() for fold in folds)),
        "n_folds": len(folds),
        "same_networks": same,
    }


def _levelled(
    predictions: pd.DataFrame, inits: tuple[str, str], levels: tuple[str, str]
) -> pd.DataFrame:
    """Return the test rows of both inits at both levels, checked one level at a time."""
    for names, where in ((inits, "inits"), (levels, "levels")):
        if len(set(names)) != 2:
            raise InputError(
                f"{names!r} are not two different names", where=where, remedy="Name two."
            )
    missing = [name for name in ("level", "patient_id") if name not in predictions]
    if missing:
        raise InputError(
            f"columns {missing} are missing",
            where="predictions",
            remedy="Pass the predictions of a factor, with the level and patient of each row.",
        )
    present = sorted(predictions["level"].dropna().unique())
    tables = []
    for level in levels:
        if level not in present:
            raise unknown("level", level, present)
        with located(f"level {level}"):
            rows = evaluated_rows(predictions[predictions["level"] == level], inits)
            check_unique(rows, ["task", "scenario", "init", "case_id"])
        tables.append(rows)
    return pd.concat(tables, ignore_index=True)


def _score_folds(rows: pd.DataFrame, task: str) -> list[_Fold]:
    """Return the scores of every network on the test cases of each fold."""
    if rows["patient_id"].isna().any():
        raise InputError(
            f"{rows['patient_id'].isna().sum()} test rows name no patient",
            where=f"task {task}",
            remedy="Name the patient of every case; where each has one image, repeat case_id.",
        )
    cases = rows[_CASE].drop_duplicates()
    if cases["case_id"].duplicated().any():
        first = cases.loc[cases["case_id"].duplicated(), "case_id"].iloc[0]
        raise InputError(
            f"case {first!r} has two labels, patients or folds",
            where=f"task {task}",
            remedy="Evaluate every network on the same folds of the same case table.",
        )
    expected = len(cases) * rows["scenario"].nunique() * 4
    if len(rows) != expected:
        raise InputError(
            f"{len(rows)} scores of {expected}: a network lacks some of the cases",
            where=f"task {task}",
            remedy="Finish the missing runs, with the same folds for both levels and inits.",
        )
    _check_apart(cases, task)
    wide = rows.set_index([*_CASE, "scenario", "init", "level"])["score"].unstack([-3, -2, -1])
    networks = {network: row for row, network in enumerate(wide.columns)}
    return [
        _Fold(
            fold.index.get_level_values("label").to_numpy(),
            pd.factorize(fold.index.get_level_values("patient_id"))[0],
            fold.to_numpy().T,
            networks,
        )
        for _, fold in wide.groupby(level="fold")
    ]


def _check_apart(cases: pd.DataFrame, task: str) -> None:
    shared = cases.groupby("patient_id")["fold"].nunique()
    if (shared > 1).any():
        raise InputError(
            f"{(shared > 1).sum()} patients are in the test sets of several folds",
            where=f"task {task}",
            remedy="Folds are averaged as independent; split by patient.",
        )


def _check_members(group: str, members: Sequence[str], scenarios: list[str]) -> None:
    if not members or len(set(members)) != len(members):
        raise InputError(
            f"scenarios {list(members)!r}",
            where=f"group {group!r}",
            remedy="Name at least one scenario, each once.",
        )
    for name in members:
        if name not in scenarios:
            raise unknown("scenario", name, scenarios)

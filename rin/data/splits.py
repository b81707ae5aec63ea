"""Patient-wise, stratified folds of 75 % training, 10 % validation and 15 % test.

The cases are cut once into twenty pieces of 5 % that divide no group.  Fold k tests on
pieces 3k to 3k+2 and validates on the next two, so the test sets of up to six folds are
disjoint.  The shares are the paper's.
"""

import warnings

import numpy as np
import pandas as pd
from sklearn.model_selection import StratifiedGroupKFold

from rin.errors import InputError

PIECES = 20
TEST_PIECES = 3
VALIDATION_PIECES = 2
MAX_FOLDS = PIECES // TEST_PIECES
PARTS = ("train", "validation", "test")


def make_folds(cases: pd.DataFrame, groups: pd.Series, n_folds: int, seed: int) -> pd.DataFrame:
    """Divide cases into training, validation and test parts, once per fold.

    Parameters
    ----------
    cases
        Case table; ``case_id`` and ``label`` are used.
    groups
        Group per case, indexed by ``case_id``, as from :func:`rin.data.leakage.leak_free_groups`;
        a group is never divided.
    n_folds
        1 to 6.
    seed
        Seed of the shuffle; equal arguments give equal folds.

    Returns
    -------
    pandas.DataFrame
        ``case_id``, ``fold`` (int from 0) and ``part`` (train, validation or test); one row
        per case and fold.

    Raises
    ------
    InputError
        A number of folds out of range, cases without a group, a class with fewer than twenty
        groups, or a part that would lack a class.
    """
    if not 1 <= n_folds <= MAX_FOLDS:
        raise InputError(
            f"{n_folds} folds of {TEST_PIECES * 100 // PIECES} % cannot be disjoint",
            where="n_folds",
            remedy=f"Choose 1 to {MAX_FOLDS}.",
        )
    group = groups.reindex(cases["case_id"])
    if not groups.index.is_unique or group.isna().any():
        raise InputError(
            f"{int(group.isna().sum())} cases have no group of their own",
            where="groups",
            remedy="Pass a Series indexed by case_id, as leak_free_groups returns.",
        )
    labels = cases["label"].to_numpy()
    _check_enough(labels, group.to_numpy())
    piece = _cut(labels, group.to_numpy(), seed)
    folds = [_fold(cases["case_id"], piece, fold) for fold in range(n_folds)]
    for fold in folds:
        _check_classes(fold, labels)
    return pd.concat(folds, ignore_index=True)


def _cut(labels: np.ndarray, groups: np.ndarray, seed: int) -> np.ndarray:
    piece = np.empty(len(labels), dtype=int)
    splitter = StratifiedGroupKFold(n_splits=PIECES, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # It warns for classes below twenty cases; those were refused above.
        warnings.simplefilter("ignore", UserWarning)
        for number, (_, members) in enumerate(splitter.split(labels, labels, groups)):
            piece[members] = number
    return piece


def _fold(case_ids: pd.Series, piece: np.ndarray, fold: int) -> pd.DataFrame:
    start = fold * TEST_PIECES
    step = (piece - start) % PIECES
    part = np.where(
        step < TEST_PIECES,
        "test",
        np.where(step < TEST_PIECES + VALIDATION_PIECES, "validation", "train"),
    )
    return pd.DataFrame({"case_id": case_ids.to_numpy(), "fold": fold, "part": part})


def _check_enough(labels: np.ndarray, groups: np.ndarray) -> None:
    independent = pd.Series(groups).groupby(labels).nunique()
    few = independent[independent < PIECES]
    if len(few) or len(independent) < 2:
        stated = ", ".join(f"{label}: {n}" for label, n in independent.items())
        raise InputError(
            f"too few independent groups per class ({stated})",
            where="cases",
            remedy=f"Folds of 5 % pieces need two classes of at least {PIECES} groups each.",
        )


def _check_classes(fold: pd.DataFrame, labels: np.ndarray) -> None:
    present = pd.crosstab(fold["part"], labels).reindex(PARTS, fill_value=0)
    for part, counts in present.iterrows():
        if (counts == 0).any():
            raise InputError(
                f"no {', '.join(counts.index[counts == 0])} case in the {part} part",
                where=f"fold {fold['fold'].iloc[0]}",
                remedy="Use more cases, another seed, or smaller groups.",
            )

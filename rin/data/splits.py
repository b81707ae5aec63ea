"""Patient-wise, stratified folds of 75 % training, 10 % validation and 15 % test.

The cases are cut once into twenty pieces of 5 % that divide no group.  Fold k tests on
pieces 3k to 3k+2 and validates on the next two, so the test sets of up to six folds are
disjoint.  The shares are the paper's.  A million cases take seconds.
"""

from collections.abc import Sequence
from heapq import heapify, heapreplace

import numpy as np
import pandas as pd

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
    group = groups[~groups.index.duplicated(keep=False)].reindex(cases["case_id"])
    if group.isna().any():
        raise InputError(
            f"{int(group.isna().sum())} cases have no group of their own",
            where="groups",
            remedy="Pass a Series indexed by case_id, as leak_free_groups returns.",
        )
    labels = cases["label"].to_numpy()
    _check_enough(labels, group.to_numpy())
    piece = cut(labels, group.to_numpy(), seed)
    folds = [_fold(cases["case_id"], labels, piece, fold) for fold in range(n_folds)]
    return pd.concat(folds, ignore_index=True)


def cut(
    labels: np.ndarray, groups: np.ndarray, seed: int, shares: Sequence[float] | None = None
) -> np.ndarray:
    """Cut cases into pieces so that no group is divided and every label keeps the shares.

    Heavy groups go first, each to the piece where the squared shares of the pieces, over all
    labels and the cases as a whole, grow least; the light ones that follow even them out.

    Parameters
    ----------
    labels, groups
        Label and group of each case, (n,).
    seed
        Equal arguments give equal pieces.
    shares
        Share of the cases of each piece; by default `PIECES` equal pieces, whose numbers are
        shuffled.  Equal groups of one label are then apportioned as Sainte-Laguë's method does
        with seats: 75, 10 and 15 % of four groups are 3, 0 and 1.

    Returns
    -------
    numpy.ndarray
        Number of the piece of each case, int (n,).
    """
    # scikit-learn's StratifiedGroupKFold weighs each group against every piece in Python: ten
    # minutes for a million groups.  Here equal groups of one label are dealt together.
    equal = shares is None
    size = np.ones(PIECES) if equal else np.asarray(shares) / max(shares)
    # What a group adds to a piece's squared share, itself included, matters if pieces differ.
    edge = 0.0 if equal else 0.5
    label = pd.factorize(labels, sort=True)[0]
    group, names = pd.factorize(groups)
    # A cell is the part of a group in one column; the last column counts all of its cases.
    last = label.max() + 1
    cells = np.concatenate([group * (last + 1) + label, group * (last + 1) + last])
    cells, cases = np.unique(cells, return_counts=True)
    owner, column = np.divmod(cells, last + 1)
    share = cases / np.bincount(column, weights=cases)[column]
    pull = share**2 / cases
    starts = np.flatnonzero(np.diff(owner, prepend=-1))
    ends = np.append(starts[1:], len(owner))
    rng = np.random.default_rng(seed)
    heaviness = np.add.reduceat(share**2, starts)
    load = np.zeros((len(size), last + 1))
    piece = np.empty(len(names), dtype=int)
    plain, first, turn = ends - starts == 2, column[starts], rng.permutation(len(names))
    if equal:
        order = np.lexsort((turn, first, plain, -heaviness))
    else:
        order = _like_weights_mixed(heaviness, first, turn, rng)
    for run in _runs(order, plain, heaviness, first):
        own = slice(starts[run[0]], ends[run[0]])
        columns, more = column[own], cases[own]
        if len(columns) == 2:
            piece[run] = _deal_equal(load, columns, int(more[0]), len(run), size, edge)
        else:
            growth = load[:, columns] @ pull[own] + edge * (more @ pull[own])
            piece[run] = chosen = (growth / size).argmin()
            load[chosen, columns] += more
    return (rng.permutation(PIECES)[piece] if equal else piece)[group]


def _like_weights_mixed(
    heaviness: np.ndarray, first: np.ndarray, turn: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Return an order by falling weight in which groups of like weight stand by chance.

    The largest piece gets the first group of every label, which shall not be the heaviest each
    time.  Like are weights within a factor of four, that is of two in cases; equal ones of one
    label stay neighbours.
    """
    kind = np.unique(np.stack([heaviness, first]), axis=1, return_inverse=True)[1]
    level = np.floor(np.log2(heaviness) / 2)
    return np.lexsort((turn, rng.permutation(len(turn))[kind], -level))


def _runs(
    order: np.ndarray, plain: np.ndarray, heaviness: np.ndarray, first: np.ndarray
) -> list[np.ndarray]:
    """Return the groups in their order: neighbours that are alike and plain together.

    Plain groups are of one label, ``first``; alike are those of equal weight as well.
    """
    same = plain[order][1:] & plain[order][:-1]
    for property_ in (heaviness, first):
        same &= property_[order][1:] == property_[order][:-1]
    return np.split(order, np.flatnonzero(~same) + 1)


def _deal_equal(
    load: np.ndarray, columns: np.ndarray, cases: int, count: int, size: np.ndarray, edge: float
) -> np.ndarray:
    """Return the pieces of ``count`` equal groups of one label, and add them to the load.

    Each goes to the piece that has fewest of the label, for its size, and among those fewest
    cases.
    """
    step = cases / size
    loads = (load[:, columns] + edge * cases) / size[:, None]
    pieces = [(*pair, number) for number, pair in enumerate(loads.tolist())]
    heapify(pieces)
    dealt = np.empty(count, dtype=int)
    for turn in range(count):
        own, whole, dealt[turn] = pieces[0]
        heapreplace(pieces, (own + step[pieces[0][2]], whole + step[pieces[0][2]], pieces[0][2]))
    load[:, columns] += cases * np.bincount(dealt, minlength=len(size))[:, None]
    return dealt


def _fold(case_ids: pd.Series, labels: np.ndarray, piece: np.ndarray, fold: int) -> pd.DataFrame:
    part = _part_of_piece(fold)
    label, names = pd.factorize(labels, sort=True)
    present = np.zeros((len(PARTS), len(names)), dtype=bool)
    present[part[piece], label] = True
    for number, name in enumerate(PARTS):
        if not present[number].all():
            raise InputError(
                f"no {', '.join(names[~present[number]])} case in the {name} part",
                where=f"fold {fold}",
                remedy="Use more cases, another seed, or smaller groups.",
            )
    parts = np.array(PARTS, dtype=object)[part[piece]]
    return pd.DataFrame({"case_id": case_ids.array, "fold": fold, "part": parts})


def _part_of_piece(fold: int) -> np.ndarray:
    """Return the number of the part that each piece belongs to in a fold, int (PIECES,)."""
    step = (np.arange(PIECES) - fold * TEST_PIECES) % PIECES
    part = np.full(PIECES, PARTS.index("train"))
    part[step < TEST_PIECES + VALIDATION_PIECES] = PARTS.index("validation")
    part[step < TEST_PIECES] = PARTS.index("test")
    return part


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

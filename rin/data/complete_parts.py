"""Parts of a corpus made complete: no class without a patient to train on and one to test on.

Groups of cases move between the parts, as few images as will do; where classes share their few
groups, that is a small integer program.
"""

from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, milp

from rin.data.splits import PARTS

#: Parts that no class may lack, and therefore how many groups it needs.
NEEDED = ("train", "test")
_NEEDED = tuple(PARTS.index(name) for name in NEEDED)


def complete_parts(
    label: np.ndarray,
    groups: np.ndarray,
    piece: np.ndarray,
    shares: tuple[float, ...],
    seed: int,
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """Move groups until every class stands in training and in the test part.

    Validation, where it then holds less than half of its share, is filled from classes that
    have training groups to spare.

    Parameters
    ----------
    label
        int (n,), class of each case, numbered from 0 without gaps.
    groups
        (n,), what is never divided, of any type.
    piece
        int (n,), part of each case (place in `PARTS`), the same within a group.
    shares
        Of the parts, adding up to 1.
    seed
        Decides between groups of equal weight.

    Returns
    -------
    piece
        int (n,), as `piece`.
    lacking
        None, or a class and a part: that no division at all gives every class both parts, and
        one that then lacks; `piece` is left as it was.

    Notes
    -----
    Checked against every division of small corpora: what is refused has none, and no other
    division moves fewer images.
    """
    group, known = pd.factorize(groups)
    # Numbered by chance, so that chance decides between groups of equal weight.
    group = np.random.default_rng([seed, 1]).permutation(len(known))[group]
    made = _division(label, group, piece)
    if not made.held[list(_NEEDED)].all():
        free, classes = _may_have_to_move(made)
        targets, lacking = _fewest_moves(made, free, classes)
        if lacking is not None:
            return piece, lacking
        for one, target in zip(free, targets, strict=True):
            made.move(one, target)
    _fill_validation(made, shares[PARTS.index("validation")])
    return made.part[group], None


@dataclass(frozen=True)
class _Division:
    """Groups and their parts, with what the classes hold of them; moves keep both in step."""

    part: np.ndarray
    held: np.ndarray
    weight: np.ndarray
    members: list[np.ndarray]
    labels: list[np.ndarray]

    def spare(self, group: int) -> int:
        """Return how many other groups its part holds at least of every class of a group."""
        return int(self.held[self.part[group], self.labels[group]].min()) - 1

    def move(self, group: int, target: int) -> None:
        """Move a group to another part."""
        self.held[self.part[group], self.labels[group]] -= 1
        self.held[target, self.labels[group]] += 1
        self.part[group] = target


def _division(labels: np.ndarray, groups: np.ndarray, piece: np.ndarray) -> _Division:
    pairs = np.unique(np.stack([groups, labels]), axis=1)
    group, label = pairs
    part = np.empty(group.max() + 1, dtype=int)
    part[groups] = piece
    held = np.zeros((len(PARTS), label.max() + 1), dtype=int)
    np.add.at(held, (part[group], label), 1)
    by_label = np.argsort(label, kind="stable")
    return _Division(
        part=part,
        held=held,
        weight=np.bincount(groups),
        members=np.split(group[by_label], np.cumsum(np.bincount(label))[:-1]),
        labels=np.split(label, np.cumsum(np.bincount(group))[:-1]),
    )


def _may_have_to_move(made: _Division) -> tuple[np.ndarray, np.ndarray]:
    """Return the groups, and their classes, that completing the lacking classes may move.

    Every other class has its needed parts by groups that stay, so nothing is lost by leaving
    those where they are.
    """
    needed = list(_NEEDED)
    classes = ~made.held[needed].all(axis=0)
    while True:
        free = np.unique(np.concatenate([made.members[one] for one in np.flatnonzero(classes)]))
        staying = made.held.copy()
        for group in free:
            staying[made.part[group], made.labels[group]] -= 1
        touched = np.zeros_like(classes)
        touched[np.concatenate([made.labels[group] for group in free])] = True
        more = classes | (touched & ~staying[needed].all(axis=0))
        if (more == classes).all():
            return free, np.flatnonzero(classes)
        classes = more


def _fewest_moves(
    made: _Division, groups: np.ndarray, classes: np.ndarray
) -> tuple[np.ndarray, tuple[int, int] | None]:
    """Return the part of each group, and a class and part that nothing fills, or None.

    A binary variable for each needed part and group, and one for each needed part and class that
    gives it up, at a price above that of all moves.
    """
    n, kinds = len(groups), len(_NEEDED)
    part, weight = made.part[groups], made.weight[groups].astype(float)
    leaving = np.where(np.isin(part, _NEEDED), 0.0, weight)
    costs = [np.where(part == target, -weight, leaving) for target in _NEEDED]
    given_up = np.full(kinds * len(classes), 1 + weight.sum())
    holds = sparse.csr_array([np.isin(groups, made.members[one]) for one in classes], dtype=float)
    one_part = sparse.hstack(
        [*[sparse.eye_array(n)] * kinds, sparse.csr_array((n, given_up.size))], format="csc"
    )
    filled = sparse.hstack(
        [sparse.block_diag([holds] * kinds), sparse.eye_array(given_up.size)], format="csc"
    )
    cost = np.concatenate([*costs, given_up])
    found = milp(
        cost,
        constraints=[LinearConstraint(one_part, ub=1), LinearConstraint(filled, lb=1)],
        integrality=np.ones(cost.size),
        bounds=Bounds(0, 1),
        options={"mip_rel_gap": 0},
    )
    if found.x is None:
        raise RuntimeError(f"the integer program of the parts was not solved: {found.message}")
    chosen = np.round(found.x).astype(bool)
    targets = np.full(n, PARTS.index("validation"))
    for place, target in enumerate(_NEEDED):
        targets[chosen[place * n : (place + 1) * n]] = target
    lost = np.flatnonzero(chosen[kinds * n :])
    if not lost.size:
        return targets, None
    place, which = divmod(int(lost[0]), len(classes))
    return targets, (int(classes[which]), _NEEDED[place])


def _fill_validation(made: _Division, share: float) -> None:
    """Move groups from training where validation got less than half of its share.

    It does where all classes are small: none has a patient to spare, so none gives one.
    """
    train, validation = PARTS.index("train"), PARTS.index("validation")
    wanted = share * made.weight.sum()
    got = made.weight[made.part == validation].sum()
    if 2 * got >= wanted:
        return
    # The class that has most to train on gives first.
    spare = [(-made.spare(one), one) for one in np.flatnonzero(made.part == train)]
    heapify(spare)
    while spare and spare[0][0] < 0:
        known, group = spare[0]
        if known != -made.spare(group):
            heapreplace(spare, (-made.spare(group), group))
            continue
        heappop(spare)
        if got + made.weight[group] / 2 <= wanted or not got:
            made.move(group, validation)
            got += made.weight[group]

"""The split of a pretraining corpus: 75 % training, 10 % validation, 15 % test, by patient.

A corpus that brings its own tables of parts keeps them; any other is divided here.  Unlike the
folds of a task (:mod:`rin.data.splits`), a corpus has many classes, and some of them very few
patients: what such a class gets at least is a patient to train on and one to be tested on.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heapreplace
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.datasets import Dataset
from rin.data.layouts import radimagenet
from rin.data.leakage import SAME_PICTURE, leak_free_groups, near_duplicates
from rin.data.splits import PARTS, cut
from rin.errors import InputError

#: Shares of the paper (Materials and Methods, RadImageNet Model Training), in the order of PARTS.
SHARES = (0.75, 0.10, 0.15)
#: Parts that no class may lack, and therefore how many patients it needs.
NEEDED = ("train", "test")
_NEEDED = tuple(PARTS.index(name) for name in NEEDED)
NAMED = 5


def corpus_split(dataset: Dataset, seed: int) -> pd.Series:
    """Return the part of each case of a corpus.

    Parameters
    ----------
    dataset
        The corpus, or cases drawn from it.  One with tables of its parts
        (:mod:`rin.data.layouts.radimagenet`) is split as they say, and a class may then lack
        cases to validate or test on; any other is split by `divide`.  Where its manifest has
        pictures compared, copies (up to `SAME_PICTURE` bits apart) stay together.
    seed
        Equal arguments give equal splits.

    Returns
    -------
    pandas.Series
        train, validation or test, indexed by case id, in the order of the cases.

    Raises
    ------
    InputError
        The corpus's own tables divide a patient or leave a case out; a class has no training
        cases, or too few patients to be divided.
    """
    cases, where = dataset.cases, dataset.root / dataset.location
    if dataset.manifest.layout != radimagenet.LAYOUT:
        bits = dataset.manifest.near_duplicate_bits
        # At the 40 bits that find a lesion again, like slices of unlike patients form chains: all
        # 1,264 brains of the radiologic corpus, four classes, would be one group.
        pairs = near_duplicates(cases, None if bits is None else min(bits, SAME_PICTURE))
        return divide(cases, leak_free_groups(cases, pairs), seed, where=where)
    own = radimagenet.read_parts(dataset.root, dataset.location, dataset.manifest)
    part = own.reindex(pd.Index(cases["case_id"], name="case_id"))
    if part.isna().any():
        missing = part.index[part.isna()]
        raise InputError(
            f"{len(missing)} cases stand in no part ({_some(missing)})",
            where=where,
            remedy="Fetch the tables again, and open the corpus anew.",
        )
    check_patients(cases, part, where)
    _check_trained(cases["label"].to_numpy(), part.to_numpy(), where)
    return part


def divide(
    cases: pd.DataFrame, groups: pd.Series, seed: int, *, where: str | Path = "corpus"
) -> pd.Series:
    """Divide cases 75/10/15 by group, every class in these shares as nearly as its groups allow.

    Parameters
    ----------
    cases
        Case table; `case_id` and `label` are used.
    groups
        Group per case, indexed by `case_id`; a group is never divided.
    seed
        Equal arguments give equal splits.
    where
        What an error names as its place.

    Returns
    -------
    pandas.Series
        train, validation or test, indexed by case id, in the order of the cases.  Every class
        has a group in training and one in the test part; a class of few groups may have none to
        validate with, while the part as a whole gets its share.

    Raises
    ------
    InputError
        A class with a single group, or classes that share their few groups so that one would
        lack training or test cases.
    """
    labels, group = cases["label"].to_numpy(), groups.loc[cases["case_id"]].to_numpy()
    _check_enough(labels, group, where)
    piece = cut(labels, group, seed, SHARES)
    piece = _complete(labels, group, piece, seed, where)
    parts = np.array(PARTS, dtype=object)[piece]
    return pd.Series(parts, index=pd.Index(cases["case_id"], name="case_id"), name="part")


def check_patients(cases: pd.DataFrame, part: pd.Series, where: str | Path) -> None:
    """Raise InputError, naming patients and files, where a patient stands in two parts.

    Parameters
    ----------
    cases
        Case table; `case_id` and `patient_id` are used.
    part
        Part of each case, indexed by case id.
    """
    table = pd.DataFrame(
        {
            "case": cases["case_id"].to_numpy(),
            "patient": cases["patient_id"].to_numpy(),
            "part": part.loc[cases["case_id"]].to_numpy(),
        }
    )
    # One row for each patient and part: patients with several rows are divided.
    one_each = table.drop_duplicates(["patient", "part"])
    divided = one_each[one_each.duplicated("patient", keep=False)]
    if divided.empty:
        return
    patients = divided["patient"].unique()
    shown = divided[divided["patient"].isin(patients[:NAMED])].sort_values("patient")
    files = [f"{row.patient}: {row.case} in {row.part}" for row in shown.itertuples()]
    raise InputError(
        f"{len(patients)} patients stand in several parts ({'; '.join(files)})",
        where=where,
        remedy="Put all pictures of a patient into one table, or curate the corpus again.",
    )


def _check_trained(labels: np.ndarray, part: np.ndarray, where: str | Path) -> None:
    untrained = sorted(set(labels) - set(labels[part == "train"]))
    if untrained:
        raise _too_small(f"classes without a training case: {_some(untrained)}", where)


def _check_enough(labels: np.ndarray, groups: np.ndarray, where: str | Path) -> None:
    counts = pd.DataFrame({"label": labels, "group": groups}).groupby("label")["group"]
    few = counts.nunique()
    few = few[few < len(NEEDED)].index
    if len(few):
        images = pd.Series(labels).value_counts()
        shown = [f"{label}: {images[label]} images of 1 patient" for label in few]
        raise _too_small(f"classes of a single patient cannot be divided ({_some(shown)})", where)
    if counts.ngroups < 2:
        raise InputError(
            f"there is one class only ({_some(list(counts.groups))})",
            where=where,
            remedy="Pretraining tells classes apart; it needs two.",
        )


@dataclass(frozen=True)
class _Division:
    """Groups and their parts, with what the classes hold of them; moves keep both in step."""

    part: np.ndarray
    held: np.ndarray
    weight: np.ndarray
    members: list[np.ndarray]
    labels: list[np.ndarray]

    def may_leave(self, group: int) -> bool:
        """Tell whether every class of a group keeps another group in its part, if it needs one."""
        return self.part[group] not in _NEEDED or self.spare(group) > 0

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


def _complete(
    labels: np.ndarray, groups: np.ndarray, piece: np.ndarray, seed: int, where: str | Path
) -> np.ndarray:
    """Move groups, the lightest that may, until no class lacks a needed part."""
    label, names = pd.factorize(labels, sort=True)
    group, known = pd.factorize(groups)
    # Numbered by chance, so that chance decides between groups of equal weight.
    group = np.random.default_rng([seed, 1]).permutation(len(known))[group]
    made = _division(label, group, piece)
    for rare in np.argsort(made.held.sum(axis=0), kind="stable"):
        members = made.members[rare]
        members = members[np.argsort(made.weight[members], kind="stable")]
        for target in (one for one in _NEEDED if not made.held[one, rare]):
            chosen = next((one for one in members if made.may_leave(one)), None)
            if chosen is None:
                problem = f"class {names[rare]} gets no {PARTS[target]} case: the few patients"
                raise _too_small(f"{problem} that it has are needed for other classes", where)
            made.move(chosen, target)
    _fill_validation(made)
    return made.part[group]


def _fill_validation(made: _Division) -> None:
    """Move groups from training where validation got less than half of its share.

    It does where all classes are small: none has a patient to spare, so none gives one.
    """
    train, validation = PARTS.index("train"), PARTS.index("validation")
    wanted = SHARES[validation] * made.weight.sum()
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


def _too_small(problem: str, where: str | Path) -> InputError:
    return InputError(
        problem,
        where=where,
        remedy="Give the class more patients, or leave it out: null in the manifest's label_map.",
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(str, names[:NAMED])) + more

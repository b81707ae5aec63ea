"""The split of a pretraining corpus: 75 % training, 10 % validation, 15 % test, by patient.

A corpus that brings its own tables of parts keeps them; any other is divided here.  Unlike the
folds of a task (:mod:`rin.data.splits`), a corpus has many classes, and some of them very few
patients: what such a class gets at least is a patient to train on and one to be tested on.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.complete_parts import NEEDED, complete_parts
from rin.data.datasets import Dataset
from rin.data.layouts import radimagenet
from rin.data.leakage import SAME_PICTURE, leak_free_groups, near_duplicates
from rin.data.splits import PARTS, cut
from rin.errors import InputError

#: Shares of the paper (Materials and Methods, RadImageNet Model Training), in the order of PARTS.
SHARES = (0.75, 0.10, 0.15)
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
    label, names = pd.factorize(labels, sort=True)
    piece, lacking = complete_parts(label, group, cut(labels, group, seed, SHARES), SHARES, seed)
    if lacking is not None:
        problem = f"class {names[lacking[0]]} gets no {PARTS[lacking[1]]} case: the few patients"
        raise _too_small(f"{problem} that it has are needed for other classes", where)
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


def _too_small(problem: str, where: str | Path) -> InputError:
    return InputError(
        problem,
        where=where,
        remedy="Give the class more patients, or leave it out: null in the manifest's label_map.",
    )


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(map(str, names[:NAMED])) + more

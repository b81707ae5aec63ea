"""A smaller dataset for a smaller study: groups drawn at random within each label, then cases."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd

from rin.data.datasets import Dataset
from rin.data.splits import PIECES

#: Groups that every label keeps at least, so that a split still finds enough.
LEAST_GROUPS = PIECES


def sample_cases(cases: pd.DataFrame, groups: pd.Series, n: int, seed: int) -> np.ndarray:
    """Choose about `n` cases: groups first, each label in its share, then cases of the groups.

    Parameters
    ----------
    cases
        Case table; `case_id` and `label` are used.
    groups
        Group per case, indexed by `case_id`.  A group of several labels counts for its rarest one.
    n
        Number of cases aimed at.  A label keeps at least `LEAST_GROUPS` groups and every chosen
        group a case of each of its labels, so that a few more may be chosen.
    seed
        Equal arguments choose equal cases.

    Returns
    -------
    numpy.ndarray
        bool (number of cases,): True where a case was chosen.
    """
    if n >= len(cases):
        return np.ones(len(cases), dtype=bool)
    rarity = cases["label"].map(cases["label"].value_counts())
    table = pd.DataFrame(
        {"group": groups.loc[cases["case_id"]].to_numpy(), "label": cases["label"].to_numpy()}
    ).assign(rarity=rarity.to_numpy())
    sizes = table.groupby("group").size()
    stratum = table.sort_values(["rarity", "label"]).drop_duplicates("group").set_index("group")
    strata = pd.DataFrame({"label": stratum["label"], "size": sizes}).sort_index()
    strata = strata.sample(frac=1, random_state=np.random.default_rng(seed))
    chosen = []
    for _, members in strata.groupby("label", sort=True):
        before = members["size"].cumsum() - members["size"]
        aim = n * members["size"].sum() / len(cases)
        wanted = (before < aim) | (np.arange(len(members)) < LEAST_GROUPS)
        chosen.append(members.index[wanted])
    return _thin(table, table["group"].isin(np.concatenate(chosen)).to_numpy(), n, seed)


def _thin(table: pd.DataFrame, chosen: np.ndarray, n: int, seed: int) -> np.ndarray:
    """Drop cases of the groups that have most, until `n` are left or one of each kind."""
    order = np.random.default_rng([seed, 1]).permutation(np.flatnonzero(chosen))
    place = table.iloc[order].groupby(["group", "label"]).cumcount().to_numpy()
    kept = order[np.argsort(place, kind="stable")][: max(n, int((place == 0).sum()))]
    return np.isin(np.arange(len(table)), kept)


def take_cases(dataset: Dataset, chosen: np.ndarray) -> Dataset:
    """Return the dataset with some of its cases, under a digest of its own.

    Parameters
    ----------
    chosen
        bool (number of cases,).
    """
    if chosen.all():
        return dataset
    cases = dataset.cases[chosen].reset_index(drop=True)
    named = "\n".join([dataset.digest, *cases["case_id"]])
    return replace(dataset, cases=cases, digest=hashlib.sha256(named.encode()).hexdigest())

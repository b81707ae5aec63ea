"""A smaller dataset for a smaller study: whole groups, drawn at random within each label."""

import hashlib
from dataclasses import replace

import numpy as np
import pandas as pd

from rin.data.datasets import Dataset
from rin.data.splits import PIECES

#: Groups that every label keeps at least, so that a split still finds enough.
LEAST_GROUPS = PIECES


def sample_cases(cases: pd.DataFrame, groups: pd.Series, n: int, seed: int) -> np.ndarray:
    """Choose about `n` cases by drawing whole groups, each label in its share of the whole.

    Parameters
    ----------
    cases
        Case table; `case_id` and `label` are used.
    groups
        Group per case, indexed by `case_id`; a group is taken whole or not at all.  A group of
        several labels counts for its rarest one.
    n
        Number of cases aimed at; the last group of a label may exceed it, and a rare label keeps
        `LEAST_GROUPS` groups even where its share would be smaller.
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
    return table["group"].isin(np.concatenate(chosen)).to_numpy()


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

"""Images that repeat: near-duplicates, contradictions, and groups that no split may divide.

Two images are compared by difference hashes of 256 bits (Krawetz 2013, through imagehash).
On the real BUSI images about 35 pairs differ in at most 8 bits; from 40 to 58 bits the number
of pairs hardly grows (203 to 218), and eight of them cross the labels.  Those eight, and the
others that were looked at, show one lesion twice, so the wider threshold is the default.
Pawlowska et al. (Data in Brief 48, 2023, 109247) describe such repeats in BUSI.
"""

from collections.abc import Sequence

import imagehash
import numpy as np
import pandas as pd
from PIL import Image
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from rin.data.splits import PARTS
from rin.errors import InputError

HASH_SIDE = 16
SAME_PICTURE = 8
SAME_LESION = 40
BLANK_SD = 1.0
PAIR_COLUMNS = ["case_a", "case_b", "distance"]


def near_duplicates(
    images: np.ndarray, case_ids: Sequence[str], threshold: int = SAME_LESION
) -> pd.DataFrame:
    """Find pairs of images that show the same thing.

    Parameters
    ----------
    images
        uint8 (n, h, w), or (n, h, w, 3).  Images with a standard deviation below one gray
        level are blank and match nothing: they would all match one another.
    case_ids
        One per image.
    threshold
        Largest Hamming distance of a match, of 256 bits: ``SAME_PICTURE`` (8) for copies,
        ``SAME_LESION`` (40) for a second look at the same lesion.

    Returns
    -------
    pandas.DataFrame
        Columns ``case_a``, ``case_b`` (in the order of ``case_ids``), ``distance``; nearest first.
    """
    ids = np.asarray(case_ids, dtype=object)
    if len(ids) != len(images):
        raise InputError(
            f"{len(images)} images and {len(ids)} case ids",
            where="near_duplicates",
            remedy="Pass one case id per image, in the same order.",
        )
    kept = np.flatnonzero([np.std(image) >= BLANK_SD for image in images])
    if len(kept) < 2:
        return pd.DataFrame(columns=PAIR_COLUMNS).astype({"distance": int})
    bits = np.stack([_bits(images[i]) for i in kept]).astype(np.float32)
    first, second, distance = _close_pairs(bits, threshold)
    pairs = pd.DataFrame(
        {"case_a": ids[kept[first]], "case_b": ids[kept[second]], "distance": distance}
    )
    return pairs.sort_values(PAIR_COLUMNS[::-1], kind="stable", ignore_index=True)


def contradictory(cases: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """Return the pairs whose labels differ, with columns ``label_a`` and ``label_b`` added."""
    labels = cases.set_index("case_id")["label"]
    both = pairs.assign(label_a=pairs["case_a"].map(labels), label_b=pairs["case_b"].map(labels))
    return both[both["label_a"] != both["label_b"]].reset_index(drop=True)


def leak_free_groups(cases: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """Return a group number per case: linked patients and near-duplicates share one.

    Groups are the connected components of "same patient" and "matched pair", so a
    contradictory pair is kept, and kept together.

    Returns
    -------
    pandas.Series
        int, indexed by ``case_id``, in the order of the cases.
    """
    known = pd.Index(cases["case_id"])
    _check_known(known, pairs)
    patients, _ = pd.factorize(cases["patient_id"])
    n = len(cases)
    # Nodes are the cases, then the patients; a case is linked to its patient and its matches.
    rows = np.concatenate([np.arange(n), known.get_indexer(pairs["case_a"])])
    columns = np.concatenate([n + patients, known.get_indexer(pairs["case_b"])])
    nodes = n + (patients.max() + 1 if n else 0)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(nodes, nodes))
    _, component = connected_components(links, directed=False)
    return pd.Series(pd.factorize(component[:n])[0], index=known, name="group")


def check_splits(cases: pd.DataFrame, folds: pd.DataFrame, pairs: pd.DataFrame) -> None:
    """Raise InputError where a split leaks or leaves a case out.

    In every fold each case stands in exactly one part, no patient and no near-duplicate pair
    stands in two parts, and test sets of different folds share no case.
    """
    known = pd.Index(cases["case_id"])
    _check_known(known, pairs)
    patients = cases.set_index("case_id")["patient_id"]
    for fold, rows in folds.groupby("fold"):
        where = f"fold {fold}"
        if not rows["part"].isin(PARTS).all() or sorted(rows["case_id"]) != sorted(known):
            raise _leak(where, "the fold does not place every case in one part", [])
        part = rows.set_index("case_id")["part"]
        per_patient = part.groupby(patients.reindex(part.index)).nunique()
        if (per_patient > 1).any():
            shared = list(per_patient.index[per_patient > 1])
            raise _leak(where, f"{len(shared)} patients stand in more than one part", shared)
        a, b = part.loc[pairs["case_a"]].to_numpy(), part.loc[pairs["case_b"]].to_numpy()
        if (a != b).any():
            split = pairs[a != b]
            names = [f"{x} and {y}" for x, y in zip(split["case_a"], split["case_b"], strict=True)]
            raise _leak(where, f"{len(names)} near-duplicate pairs are divided", names)
    tested = folds.loc[folds["part"] == "test", "case_id"]
    if tested.duplicated().any():
        repeated = sorted(tested[tested.duplicated()].unique())
        raise _leak("folds", f"{len(repeated)} cases are tested in several folds", repeated)


def _bits(image: np.ndarray) -> np.ndarray:
    return imagehash.dhash(Image.fromarray(np.ascontiguousarray(image)), HASH_SIDE).hash.ravel()


def _close_pairs(bits: np.ndarray, threshold: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return index pairs (first < second) within the threshold, block by block."""
    found = []
    ones = bits.sum(axis=1)
    for start in range(0, len(bits), 1024):
        block = bits[start : start + 1024]
        distance = ones[start : start + 1024, None] + ones[None, :] - 2 * block @ bits.T
        first, second = np.nonzero(distance <= threshold + 0.5)
        later = second > first + start
        first, second = first[later], second[later]
        found.append((first + start, second, np.rint(distance[first, second]).astype(int)))
    return tuple(np.concatenate(column) for column in zip(*found, strict=True))


def _check_known(known: pd.Index, pairs: pd.DataFrame) -> None:
    named = pd.Index(pd.concat([pairs["case_a"], pairs["case_b"]]).unique())
    strangers = named.difference(known)
    if len(strangers):
        raise InputError(
            f"pairs name cases that the table lacks: {', '.join(map(str, strangers[:5]))}",
            where="near-duplicate pairs",
            remedy="Compute the pairs from the images of the same cases.",
        )


def _leak(where: str, problem: str, names: list) -> InputError:
    shown = f" ({', '.join(map(str, names[:5]))})" if names else ""
    return InputError(
        f"{problem}{shown}",
        where=where,
        remedy="Make the folds from leak_free_groups with rin.data.splits.make_folds.",
    )

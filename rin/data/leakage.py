"""Images that repeat: near-duplicates, contradictions, and groups that no split may divide.

Images are compared by difference hashes of 256 bits (Krawetz 2013).  The default threshold is 40
bits: in BUSI, whose repeats Pawlowska et al. describe (Data in Brief 48, 2023, 109247), all
inspected pairs within it show one lesion twice.
"""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from rin.data.manifest import PARTS
from rin.errors import InputError, amount, join_first_ten

HASH_SIDE = 16
SAME_PICTURE = 8
SAME_LESION = 40
BLANK_SD = 1.0
BLOCK_ROWS = 1024
BLOCK_COLUMNS = 8192
#: What names of altered copies have beside that of their picture, without its ending.
_ALTERED = re.compile(
    r"(?i)[ _.-]*(?:(?:h|v)?flip|rot(?:at)?|aug|mirror|copy|bright|noise)[a-z]*[ _.-]*\d*[ _.-]*"
    r"|[ _-]*\(\d+\)$"
)
REMEDY = "Make the folds from leak_free_groups with rin.data.splits.make_folds."


def picture_hash(picture: np.ndarray) -> tuple[str, bool]:
    """Return the difference hash of a picture, uint8 (h, w) or (h, w, 3), and whether it is blank.

    The hash is 64 hexadecimal digits, 256 bits row by row; blank is an SD below one grey level.
    """
    shown = Image.fromarray(picture).convert("L")
    small = np.asarray(shown.resize((HASH_SIDE + 1, HASH_SIDE), Image.Resampling.LANCZOS))
    brighter = small[:, 1:] > small[:, :-1]  # than the pixel on its left
    return np.packbits(brighter).tobytes().hex(), bool(np.std(picture) < BLANK_SD)


def near_duplicates(cases: pd.DataFrame, threshold: int | None) -> pd.DataFrame:
    """Find pairs of cases whose pictures match; blank pictures match nothing.

    `threshold` is the largest Hamming distance of a match, of 256 bits (None: no comparison).
    Return `case_a`, `case_b` (in the order of `cases`) and `distance`, nearest first.
    """
    seen = cases[~cases["blank"]] if threshold is not None else cases[:0]
    first, second, distance = _close_pairs(seen, seen, threshold or 0)
    ids = seen["case_id"].to_numpy(dtype=object)
    pairs = pd.DataFrame({"case_a": ids[first], "case_b": ids[second], "distance": distance})
    return pairs.sort_values(["distance", "case_b", "case_a"], kind="stable", ignore_index=True)


def suggest_threshold(cases: pd.DataFrame) -> tuple[int, pd.DataFrame]:
    """Return the near-duplicate threshold that the pictures suggest, and the pairs within it.

    Too large a threshold links unlike pictures into chains, and a chain of patients is one group:
    the suggestion is the largest one that groups at most 5% of the patients, or three.
    """
    pairs = near_duplicates(cases, SAME_LESION)
    patients = cases.set_index("case_id")["patient_id"]
    for bits in (SAME_LESION, 24, 16, SAME_PICTURE):
        near = pairs[pairs["distance"] <= bits].reset_index(drop=True)
        groups = leak_free_groups(cases, near)
        linked = patients.groupby(groups.reindex(patients.index).to_numpy()).nunique().max()
        if linked <= max(3, 0.05 * patients.nunique()):
            break
    return bits, near


def nearest_pictures(cases: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Return the distance of each case that is not blank from another dataset.

    Columns are `case_id`, `distance` (of the nearest picture there, in bits of 256) and
    `equal` (whether a picture there has the very same pixels).
    """
    ours = cases[~cases["blank"]]
    theirs = others[~others["blank"]]
    ours = ours if len(theirs) else ours[:0]
    least = np.full(len(ours), HASH_SIDE**2 + 1)
    for top, _, distance in _blocks(ours, theirs):
        rows = slice(top, top + len(distance))
        least[rows] = np.minimum(distance.min(axis=1), least[rows])
    equal = ours["digest"].isin(theirs["digest"])
    return ours[["case_id"]].assign(distance=least, equal=equal).reset_index(drop=True)


def matches_between(cases: pd.DataFrame, others: pd.DataFrame, threshold: int) -> pd.DataFrame:
    """Find the pictures of one dataset that match pictures of another.

    `threshold` is as for :func:`near_duplicates`.  Return `case_id`, `other` (case id in the
    other dataset), `distance` and `equal` (the very same pixels), nearest first.
    """
    ours = cases[~cases["blank"]]
    theirs = others[~others["blank"]]
    row, column, distance = _close_pairs(ours, theirs, threshold)
    ours = ours.iloc[row]
    theirs = theirs.iloc[column]
    other = theirs["case_id"].to_numpy()
    equal = ours["digest"].eq(theirs["digest"].to_numpy())
    pairs = ours[["case_id"]].assign(other=other, distance=distance, equal=equal)
    return pairs.sort_values(["distance", "case_id", "other"], ignore_index=True)


def altered_copies(cases: pd.DataFrame) -> list[str]:
    """Return pairs of patients' pictures of which one is the other mirrored, or is called so.

    Pictures mirrored, upside down or both are found by their hashes, and other alterations by
    names, as `a_flip`, `a (1)` or `rotated_a` beside `a`.
    """
    bits = _bits(cases["hash"]).astype(bool).reshape(-1, HASH_SIDE, HASH_SIDE)
    pairs = []
    # Mirrored, a pixel that was brighter than its left neighbour is darker than it.
    for turned in (~bits[:, :, ::-1], bits[:, ::-1], ~bits[:, ::-1, ::-1]):
        hashes = [np.packbits(row).tobytes().hex() for row in turned]
        near = matches_between(cases.assign(hash=hashes), cases, SAME_PICTURE)
        pairs += [*zip(near["case_id"], near["other"], strict=True)]
    stems = dict(zip(cases["case_id"].str.rpartition(".")[0], cases["case_id"], strict=True))
    for stem, case_id in stems.items():
        original = _ALTERED.sub("", stem)
        if original != stem and original in stems:
            pairs.append((case_id, stems[original]))
    patient = cases.set_index("case_id")["patient_id"]
    apart = {tuple(sorted(pair)) for pair in pairs if patient[pair[0]] != patient[pair[1]]}
    return [" and ".join(pair) for pair in sorted(apart)]


def _close_pairs(ours: pd.DataFrame, theirs: pd.DataFrame, threshold: int) -> np.ndarray:
    """Return row, column and distance of the pairs within the threshold, int (3, n)."""
    pairs = [np.empty((3, 0), int)]
    for top, left, distance in _blocks(ours, theirs):
        first, second = np.nonzero(distance <= threshold)
        pairs.append(np.stack([first + top, second + left, distance[first, second]]).astype(int))
    close = np.concatenate(pairs, axis=1)
    return close[:, close[0] < close[1]] if ours is theirs else close


def _blocks(ours: pd.DataFrame, theirs: pd.DataFrame) -> Iterator[tuple[int, int, np.ndarray]]:
    """Yield the first row, first column and Hamming distances of blocks that cover all pairs."""
    for top in range(0, len(ours), BLOCK_ROWS):
        rows = _bits(ours["hash"].iloc[top : top + BLOCK_ROWS])
        # When cases are compared with themselves, blocks below the diagonal are skipped.
        for left in range(top if ours is theirs else 0, len(theirs), BLOCK_COLUMNS):
            columns = _bits(theirs["hash"].iloc[left : left + BLOCK_COLUMNS])
            # Float32 is exact for such whole numbers.
            yield top, left, rows.sum(axis=1)[:, None] + columns.sum(axis=1) - 2 * rows @ columns.T


def _bits(hashes: pd.Series) -> np.ndarray:
    packed = np.frombuffer(bytes.fromhex("".join(hashes)), dtype=np.uint8)
    return np.unpackbits(packed.reshape(-1, HASH_SIDE**2 // 8), axis=1).astype(np.float32)


def name_variants(names: Iterable[str]) -> list[list[str]]:
    """Return the groups of names that differ only in how they are written.

    Case, forms of Unicode, separators, leading zeros and the decimals of a whole number count for
    nothing: 3 and 3.0, 07 and 7, A-1 and a 1 are one.
    """
    groups = defaultdict(list)
    for name in dict.fromkeys(names):
        plain = unicodedata.normalize("NFKC", name).casefold().strip()
        plain = re.sub(r"[\s_.\u2010-\u2015\u2212-]+", "-", re.sub(r"^(\d+)\.0+$", r"\1", plain))
        groups[re.sub(r"(?<!\d)0+(?=\d)", "", plain)].append(name)
    return [several for several in groups.values() if len(several) > 1]


def leak_free_groups(cases: pd.DataFrame, pairs: pd.DataFrame) -> pd.Series:
    """Return the group number of each case: cases of one patient or matched pair are connected."""
    from scipy.sparse import coo_array  # slow to load, and not needed to open a dataset
    from scipy.sparse.csgraph import connected_components

    known, first, second = _pair_rows(cases, pairs)
    patients, _ = pd.factorize(cases["patient_id"])
    n = len(cases)
    # Nodes are the cases, then the patients; a case is linked to its patient and its matches.
    rows = np.concatenate([np.arange(n), first])
    columns = np.concatenate([n + patients, second])
    nodes = n + (patients.max() + 1 if n else 0)
    links = coo_array((np.ones(len(rows)), (rows, columns)), shape=(nodes, nodes))
    _, component = connected_components(links, directed=False)
    return pd.Series(pd.factorize(component[:n])[0], index=known, name="group")


def check_splits(
    cases: pd.DataFrame, folds: pd.DataFrame, pairs: pd.DataFrame, *, overlap: bool = False
) -> None:
    """Raise InputError if a split leaks or leaves a case out.

    No patient and no near-duplicate pair may be in two parts, and no case in the test sets of two
    folds, unless these may `overlap`.
    """
    known, a, b = _pair_rows(cases, pairs)
    tested = np.zeros(len(known), dtype=int)
    for fold, rows in folds.groupby("fold"):
        where = f"fold {fold}"
        ids = pd.Index(rows["case_id"])
        # Folds mostly have the order of the cases, which takes no search for a million names.
        placed = ids.equals(known) or (
            len(ids) == len(known) and ids.is_unique and (known.get_indexer(ids) >= 0).all()
        )
        if not (placed and rows["part"].isin(PARTS).all()):
            raise InputError(
                "the fold does not put every case into one part", where=where, remedy=REMEDY
            )
        part = rows.set_index("case_id")["part"].reindex(known).array
        tested += part == "test"
        check_patients(cases, part, where)
        divided = part[a] != part[b]
        if divided.any():
            rows = zip(a[divided] + 1, b[divided] + 1, strict=True)
            shown = join_first_ten([f"cases {first} and {second}" for first, second in rows], ", ")
            problem = amount(int(divided.sum()), "near-duplicate pairs are divided")
            raise InputError(f"{problem} ({shown})", where=where, remedy=REMEDY)
    if (tested > 1).any() and not overlap:
        twice = [f"case {row}" for row in np.flatnonzero(tested > 1) + 1]
        problem = amount(len(twice), "cases are tested in several folds")
        raise InputError(
            f"{problem} ({join_first_ten(twice, ', ')})", where="folds", remedy=REMEDY
        )


def check_patients(
    cases: pd.DataFrame, part: Sequence[str], where: str | Path, remedy: str = REMEDY
) -> None:
    """Raise InputError, naming the rows of the cases, if a patient is in two parts."""
    table = cases[["patient_id"]].assign(part=part).reset_index(drop=True)
    # One row for each patient and part: patients with several rows are divided.
    divided = table.drop_duplicates(["patient_id", "part"])
    divided = divided[divided.duplicated("patient_id", keep=False)]
    if len(divided):
        patients = divided["patient_id"].unique()
        shown = divided[divided["patient_id"].isin(patients[:5])].sort_values("patient_id")
        places = [f"{case_name(cases, row)} in {part}" for row, part in shown["part"].items()]
        problem = amount(len(patients), "patients are in several parts")
        problem += f" ({'; '.join(places)})"
        raise InputError(problem, where=where, remedy=remedy)


def case_name(cases: pd.DataFrame, row: int) -> str:
    """Return a case's name in messages: its number and file, as folders may name patients."""
    return f"case {row + 1} ({cases['case_id'].iloc[row].rpartition('/')[2]})"


def _pair_rows(
    cases: pd.DataFrame, pairs: pd.DataFrame
) -> tuple[pd.Index, np.ndarray, np.ndarray]:
    """Return the ids of the cases, and the rows of both cases of each pair, int (pairs,).

    InputError if two cases have one id, or pairs name other cases.
    """
    known = pd.Index(cases["case_id"])
    if not known.is_unique:
        raise InputError(
            "two cases have the same id", where="cases", remedy="Give each case an id of its own."
        )
    ids = pairs[["case_a", "case_b"]].to_numpy().T
    rows = known.get_indexer(ids.ravel()).reshape(2, -1)
    if strangers := {*ids[rows < 0]}:
        raise InputError(
            f"pairs name {amount(len(strangers), 'cases')} missing from the table",
            where="near-duplicate pairs",
            remedy="Compute the pairs from the images of the same cases.",
        )
    return known, rows[0], rows[1]

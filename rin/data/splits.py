"""Patient-wise splits: the folds of a task, the parts of a corpus, published lists, and samples.

A task's cases are divided once into twenty pieces of 5%, without dividing a group.  Fold k tests
on pieces 3k to 3k+2 and validates on the next two, so the test sets of up to six folds are
disjoint.  The shares, 75, 10 and 15%, are the paper's.  A million cases take seconds.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.layouts import read_split
from rin.data.layouts.found import CORRECT_OR_PARTIAL, read_table
from rin.data.leakage import SAME_PICTURE, check_patients, leak_free_groups, near_duplicates
from rin.data.manifest import PART_NAMES, PARTS, FoldLists
from rin.data.store import Dataset
from rin.data.tree import Tree, open_tree
from rin.errors import InputError, amount, join_first_ten
from rin.files import digest_of

PIECES = 20
#: Number of equal pieces, and how many of them a fold tests and validates on; coarser pieces are
#: for small cohorts.
SCHEMES = ((PIECES, 3, 2), (10, 2, 1))
MAX_FOLDS = 6
#: Shares of the paper (Materials and Methods, RadImageNet Model Training), in the order of PARTS.
SHARES = (0.75, 0.10, 0.15)
#: Fewest groups of each class in each part, in the order of PARTS: a single group in the test part
#: gives no interval.
LEAST = (1, 1, 2)
_NAMES = np.array(PARTS, dtype=object)


def make_folds(
    cases: pd.DataFrame, groups: pd.Series, n_folds: int, seed: int, *, where: str = "cases"
) -> pd.DataFrame:
    """Divide cases into training, validation and test parts, at most 6 times (folds).

    `groups`, indexed by `case_id` as from :func:`rin.data.leakage.leak_free_groups`, are never
    divided.  Return `case_id`, `fold` (int from 0) and `part` (train, validation or test)
    for each case and fold.

    If a class has fewer than twenty groups, pieces are coarser (10%), and with fewer than ten
    there is a single split, so that there may be fewer folds than `n_folds`.  Every test part
    has at least two groups of each class.  InputError, naming `where`, if a class has fewer than
    four groups, or if there is only one class.
    """
    labels = cases["label"].array
    group = _group_numbers(groups, cases)
    independent = pd.Series(group).groupby(labels).nunique()
    if len(independent) < 2 or independent.min() < sum(LEAST):
        stated = ", ".join(f"{label}: {n}" for label, n in independent.items())
        raise InputError(
            f"too few independent patients per class to divide ({stated})",
            where=where,
            remedy=f"Two classes are needed, each with at least {sum(LEAST)} patients who share "
            "no near-duplicate pictures: add patients, merge classes (--positive of rin new; "
            "label_map of a manifest), or, if unlike pictures were matched, lower the manifest's "
            "near_duplicate_bits, the distance up to which pictures are near-duplicates.",
        )
    for pieces, tested, validated in SCHEMES:
        if pieces <= independent.min():
            piece = assign_groups(labels, group, seed, pieces=pieces)
            sizes = [tested, validated, pieces - tested - validated]
            part_of_piece = np.repeat(_NAMES[::-1], sizes)
            turns = range(min(n_folds, pieces // tested))
            parts = [np.roll(part_of_piece, fold * tested)[piece] for fold in turns]
            with suppress(InputError):  # a class is too unevenly spread: coarser pieces
                return _folds(cases, group, parts)
    # A single split, as near to the paper's shares as so few groups allow.
    piece = assign_groups(labels, group, seed, SHARES)
    piece = repair_split(labels, group, piece, seed, where, LEAST)
    return _folds(cases, group, [_NAMES[piece]])


def fold_sizes(folds: pd.DataFrame) -> str:
    """Return a phrase with the number of folds and the share of each part."""
    n = folds["fold"].nunique()
    shares = folds["part"].value_counts(normalize=True)
    percent = ", ".join(f"{100 * shares.get(part, 0):.0f}% {part}" for part in PARTS)
    return f"{amount(n, 'folds')}, {percent}"


def sized_folds(
    cases: pd.DataFrame, groups: pd.Series, sizes: tuple[int, int], n_folds: int, seed: int
) -> pd.DataFrame:
    """Divide cases into parts of given sizes, so that all other cases are tested.

    The groups of each label are spread evenly around a circle, in random order.  Fold 0 trains on
    the first groups, validates on the next and tests the others.  The training part of each later
    fold begins where the validation part of the fold before it ended; test parts overlap.

    `sizes` are the numbers of cases to train and to validate on: a part differs by less than a
    group from its size, and each label by about a group from its share.
    """
    group = _group_numbers(groups, cases)
    strata = _strata(cases["label"].to_numpy(), group, seed)
    within = strata.groupby("label")["size"]
    middle = within.cumsum() - strata["size"] / 2
    angle = middle / within.transform("sum")
    circle = strata.loc[angle.sort_values(kind="stable").index, "size"]
    start = 0
    parts = []
    for _ in range(n_folds):
        turned = circle.iloc[np.roll(np.arange(len(circle)), -start)]
        number = np.searchsorted(np.cumsum(sizes), turned.cumsum() - turned / 2, side="right")
        start += int((number < PARTS.index("test")).sum())
        parts.append(pd.Series(_NAMES[number], turned.index)[group].to_numpy(object))
    return _folds(cases, group, parts)


def given_folds(dataset: Dataset, groups: pd.Series, n_folds: int, seed: int) -> pd.DataFrame:
    """Return the folds that come with a dataset, as its manifest's option `split` says.

    Each of the first `n_folds` is tested once.  Of the other cases, 10/85 validate: they are
    drawn here by whole groups, as a published division of these cases may divide patients.  If the
    column names parts (train, val, test), there is one fold, and a validation part is drawn only
    if the column has none.
    """
    cases = dataset.cases
    tree = open_tree(dataset.root, dataset.location)
    labels = cases["label"].to_numpy()
    group = _group_numbers(groups, cases)
    given = read_split(tree, dataset.manifest).reindex(cases["case_id"])
    given = given.fillna("").to_numpy(str)
    tree.raise_if_any(cases["case_id"][given == ""], "cases are not placed by the given split")
    worded = set(given) <= {*PARTS}
    values = ["test"] if worded else sorted(set(given), key=lambda text: (len(text), text))
    if len(values) < n_folds:
        raise tree.error(f"the given split has {amount(len(values), 'folds')}, not {n_folds}")
    parts = []
    for fold, value in enumerate(values[:n_folds]):
        part = (given if worded else np.where(given == value, "test", "train")).astype(object)
        if "validation" not in part:
            rest = part == "train"
            piece = assign_groups(labels[rest], group[rest], [seed, fold], SHARES[:2])
            if {*labels[rest][piece == _VALIDATION]} < {*labels[rest]}:  # as of few patients
                piece = repair_split(
                    labels[rest], group[rest], piece, seed, tree.place(), (1, 1, 0)
                )
            part[rest] = _NAMES[piece]
        parts.append(part)
    return _folds(cases, group, parts, least=(1, 1, 1))


def _group_numbers(groups: pd.Series, cases: pd.DataFrame) -> np.ndarray:
    """Return the group of each case, int (n,)."""
    return groups.loc[cases["case_id"]].to_numpy()


def assign_groups(
    labels: np.ndarray,
    groups: np.ndarray,
    seed: int | Sequence[int],
    shares: Sequence[float] | None = None,
    *,
    pieces: int = PIECES,
) -> np.ndarray:
    """Return the piece of each case, int (n,): no group is divided, every label keeps the shares.

    Heavy groups come first, each in the piece where the sum of the pieces' squared shares, over
    all labels and the cases as a whole, grows least; light groups then even out the differences.

    `labels` and `groups` are those of each case, (n,).  By default there are equal
    `pieces`, numbered at random.  With `shares`, pieces are unequal, and equal groups of one
    label are apportioned like seats by Sainte-Laguë's method: 75, 10 and 15% of four groups are 3,
    0 and 1.
    """
    # Our own method, as scikit-learn's StratifiedGroupKFold takes hundreds of times as long.
    equal = shares is None
    size = np.ones(pieces) if shares is None else np.asarray(shares) / max(shares)
    # A group's own square, as part of a piece's squared share, matters only if pieces differ.
    self_weight = 0.0 if equal else 0.5
    group = pd.factorize(groups)[0]
    column, cases, starts = _count_cells(pd.factorize(labels, sort=True)[0], group)
    ends = np.append(starts[1:], len(column))
    share = cases / np.bincount(column, weights=cases)[column]
    weight = np.add.reduceat(share**2, starts)
    first_label = column[starts]
    has_one_label = ends - starts == 2
    rng = np.random.default_rng(seed)
    # How much a case of a cell adds to the squared share of a piece, per case already there.
    growth_per_case = share**2 / cases
    dealt = np.zeros((column.max() + 1, len(size)))  # cases of each column, by piece
    piece = np.empty(len(starts), dtype=int)
    kind_before = None
    # A hundred thousand groups are dealt one by one, so that each call in this loop counts.
    for number in _dealing_order(weight, first_label, has_one_label, rng, equal).tolist():
        cells = slice(starts[number], ends[number])
        columns = column[cells]
        added = cases[cells]
        kind = (weight[number], first_label[number]) if has_one_label[number] else None
        if kind:
            if kind != kind_before:
                # Cases of the label, and all cases, of each piece, relative to its size.
                fullness = (dealt[columns] + self_weight * added[:, None]) / size
            taken = np.lexsort((fullness[1], fullness[0]))[0]
            fullness[:, taken] += added / size[taken]
        else:
            by_case = growth_per_case[cells]
            growth = dealt.take(columns, axis=0).T @ by_case
            if not equal:
                growth = (growth + self_weight * (added @ by_case)) / size
            taken = growth.argmin()
        piece[number] = taken
        kind_before = kind
        of_piece = dealt[:, taken]
        of_piece[columns] += added
    return (rng.permutation(pieces)[piece] if equal else piece)[group]


def _count_cells(
    label: np.ndarray, group: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells of groups × labels: `column`, `cases`, and where each group starts.

    A group has a cell for each of its labels, and a last cell, in an extra column, for all cases.
    """
    last = label.max() + 1
    cells = np.concatenate([group * (last + 1) + label, group * (last + 1) + last])
    cells, cases = np.unique(cells, return_counts=True)
    owner, column = np.divmod(cells, last + 1)
    return column, cases, np.flatnonzero(np.diff(owner, prepend=-1))


def _dealing_order(
    weight: np.ndarray,
    first_label: np.ndarray,
    has_one_label: np.ndarray,
    rng: np.random.Generator,
    equal: bool,
) -> np.ndarray:
    """Return the order in which groups are dealt to pieces, which may be equal or not."""
    chance = rng.permutation(len(weight))
    if equal:
        return np.lexsort((chance, first_label, has_one_label, -weight))
    # Weights within a factor of four, or two in cases, are in random order: the largest piece
    # gets the first group of every label, which should not be the heaviest group each time.
    kind = np.unique(np.stack([weight, first_label]), axis=1, return_inverse=True)[1]
    level = np.floor(np.log2(weight) / 2)
    return np.lexsort((chance, rng.permutation(len(chance))[kind], -level))


def _folds(
    cases: pd.DataFrame,
    group: np.ndarray,
    parts: list[np.ndarray],
    least: tuple[int, int, int] = LEAST,
) -> pd.DataFrame:
    """Return the table of folds; InputError if a class has too few groups in a part."""
    table = pd.DataFrame({"label": pd.Categorical(cases["label"]), "group": group})
    for fold, part in enumerate(parts):
        for name, needed in zip(PARTS, least, strict=True):
            patients = table[part == name].groupby("label", observed=False)["group"].nunique()
            if patients.min() < needed:
                fewest = f"{patients.idxmin()} has {amount(patients.min(), 'patients')}"
                raise InputError(
                    f"{fewest} in the {name} part, but needs {needed}",
                    where=f"fold {fold}",
                    remedy="Use more cases, another seed, or smaller groups.",
                )
    ids = pd.concat([cases["case_id"]] * len(parts), ignore_index=True)
    number = np.repeat(np.arange(len(parts)), len(cases))
    return pd.DataFrame({"case_id": ids, "fold": number, "part": np.concatenate(parts)})


_TRAIN = 0
_VALIDATION = 1
_MEND = "Give the class more patients, or leave it out: null in the manifest's label_map."


def repair_split(
    labels: np.ndarray,
    groups: np.ndarray,
    piece: np.ndarray,
    seed: int,
    where: str | Path,
    least: Sequence[int] = (1, 0, 1),
) -> np.ndarray:
    """Move groups until each part has its `least` number of every class; return the new pieces.

    The rarest class comes first; the group that moves is its lightest one that no class needs in
    the present part.  If validation then has less than half of its share, it is filled from
    classes with training groups to spare.  Pieces are indices of `PARTS`.
    """
    label, names = pd.factorize(labels, sort=True)
    group, known = pd.factorize(groups)
    # Numbered at random, so that chance decides between groups of equal weight.
    group = np.random.default_rng([seed, 1]).permutation(len(known))[group]
    part = np.empty(len(known), dtype=int)
    weight = np.bincount(group)
    part[group] = piece
    # Each class of each group once, in the order of the groups.
    members = pd.DataFrame({"group": group, "label": label}).drop_duplicates()
    members = members.sort_values(["group", "label"], ignore_index=True)
    holders = {label: rows.to_numpy() for label, rows in members.groupby("label")["group"]}
    needs = product(range(len(PARTS)), holders)
    for wanted, rare in sorted(needs, key=lambda need: len(holders[need[1]])):
        ids = holders[rare]
        while (part[ids] == wanted).sum() < least[wanted]:
            is_spare = _rarest_counts(part, members)[ids] > np.array(least)[part[ids]]
            free = ids[is_spare & (part[ids] != wanted)]
            if not len(free):
                raise InputError(
                    f"class {names[rare]} gets too few {PARTS[wanted]} cases: its few patients "
                    "are needed for other classes",
                    where=where,
                    remedy=_MEND,
                )
            part[free[weight[free].argmin()]] = wanted
    _fill_validation(part, weight, members)
    return part[group]


def _rarest_counts(part: np.ndarray, members: pd.DataFrame) -> np.ndarray:
    """Return, for each group, how many groups of its part have its class that is rarest there."""
    alike = members.groupby([part[members["group"]], "label"])["group"].transform("size")
    return alike.groupby(members["group"]).min().to_numpy()


def _fill_validation(part: np.ndarray, weight: np.ndarray, members: pd.DataFrame) -> None:
    """Move training groups to validation if that part has less than half of its share."""
    wanted = SHARES[_VALIDATION] * weight.sum()
    held = weight[part == _VALIDATION].sum()
    if 2 * held >= wanted:
        return
    while True:
        fits = (part == _TRAIN) & ((held + weight / 2 <= wanted) | (held == 0))
        # The class with the most training groups gives first; no class gives its only group.
        spare = np.where(fits, _rarest_counts(part, members), 0)
        giver = spare.argmax()
        if spare[giver] < 2:
            return
        part[giver] = _VALIDATION
        held += weight[giver]


def corpus_groups(dataset: Dataset) -> pd.Series | None:
    """Return the groups that a split of a corpus keeps whole; None if it has tables of parts.

    A group is a patient's cases and, if the manifest has pictures compared, their copies (up to
    `SAME_PICTURE` bits apart).
    """
    if dataset.manifest.layout == "radimagenet":
        return None
    bits = dataset.manifest.near_duplicate_bits
    # At 40 bits, which find a lesion again, similar slices of different patients form chains: all
    # 1,264 brains of the radiologic corpus, of four classes, would be one group.
    pairs = near_duplicates(dataset.cases, None if bits is None else min(bits, SAME_PICTURE))
    return leak_free_groups(dataset.cases, pairs)


def corpus_split(dataset: Dataset, seed: int, groups: pd.Series | None) -> pd.Series:
    """Return the part of each case of a corpus, indexed by case id, in the order of the cases.

    `groups` are its :func:`corpus_groups`, which :func:`split_corpus` divides; a corpus without,
    that has tables of its parts (the layout `radimagenet`), is split according to these.
    """
    cases = dataset.cases
    where = dataset.root / dataset.location
    if groups is not None:
        return split_corpus(cases, groups, seed, where=where)
    tree = open_tree(dataset.root, dataset.location)
    part = read_split(tree, dataset.manifest).loc[cases["case_id"]].rename_axis("case_id")
    check_patients(
        cases,
        part.to_numpy(),
        where,
        "Put all pictures of a patient into one table, or curate the corpus again.",
    )
    labels = cases["label"].to_numpy()
    if untrained := sorted(set(labels) - set(labels[part.to_numpy() == "train"])):
        raise InputError(
            f"classes without a training case: {join_first_ten(untrained)}",
            where=where,
            remedy=_MEND,
        )
    return part


def split_corpus(
    cases: pd.DataFrame, groups: pd.Series, seed: int, *, where: str | Path = "corpus"
) -> pd.Series:
    """Return the part of each case, 75/10/15 by group and class as nearly as the groups allow.

    InputError unless every class can have a group in training and one in the test part.
    """
    labels = cases["label"].to_numpy()
    group = _group_numbers(groups, cases)
    counts = pd.Series(group).groupby(labels).agg(["nunique", "size"])
    if len(few := counts[counts["nunique"] < 2]):
        shown = [
            f"{label}: {amount(n, 'images')} of 1 patient" for label, n in few["size"].items()
        ]
        raise InputError(
            f"classes of a single patient cannot be divided ({join_first_ten(shown)})",
            where=where,
            remedy=_MEND,
        )
    if len(counts) < 2:
        raise InputError(
            f"there is only one class ({join_first_ten([*counts.index])})",
            where=where,
            remedy="Pretraining tells classes apart; it needs two.",
        )
    piece = repair_split(labels, group, assign_groups(labels, group, seed, SHARES), seed, where)
    return pd.Series(_NAMES[piece], index=cases["case_id"], name="part")


#: Columns of the lists that name pictures, and the pattern of the names of slices.
FILE_COLUMNS = ("img_dir", "filename")
_SLICE = r"^(\d+)_(axial|coronal|sagittal)_0*(\d+)\.0+$"


def read_fold_files(
    place: Path, lists: FoldLists, cases: pd.DataFrame, n_folds: int, *, partial: bool = False
) -> pd.DataFrame:
    """Read published folds, in the order of the lists; columns are those of :func:`make_folds`.

    `place` is a folder or archive with the lists.  Cases that no list names are left out.  The
    lists of a `partial` dataset may name absent cases, which :func:`folds_of_part` drops.
    """
    tree = open_tree(place.parent, place.name)
    labels = cases.set_index("case_id")["label"]
    parts = []
    for fold in range(n_folds):
        for word, part in PART_NAMES.items():
            file_name = lists.pattern.format(part=word, fold=fold + 1)
            listed = _read_list(tree, lists, file_name, labels, partial)
            parts.append(pd.DataFrame({"case_id": listed, "fold": fold, "part": part}))
    return pd.concat(parts, ignore_index=True)


def folds_of_part(
    folds: pd.DataFrame, cases: pd.DataFrame, where: str | Path
) -> tuple[pd.DataFrame, int]:
    """Return the folds of the cases that are present, and the number of absent cases.

    InputError if a part of a fold is left without a case of some label.
    """
    there = folds["case_id"].isin(cases["case_id"])
    kept = folds[there].reset_index(drop=True)
    labels = cases.set_index("case_id")["label"]
    placed = {*zip(kept["fold"], kept["part"], kept["case_id"].map(labels), strict=True)}
    for fold, part, label in product(sorted({*folds["fold"]}), PARTS, sorted({*labels})):
        if (fold, part, label) not in placed:
            raise InputError(
                f"the {part} part of fold {fold + 1} has no picture with label {label} here",
                where=where,
                remedy="Set the profile's splits to own, or splits_of for this task, or add the "
                "files.",
            )
    return kept, folds.loc[~there, "case_id"].nunique()


def _read_list(
    tree: Tree, lists: FoldLists, file_name: str, labels: pd.Series, partial: bool
) -> pd.Series:
    """Return the case ids of a list, whose labels are checked against those of the cases."""
    file = tree.find_only(
        file_name, "Point at the folder 'dataframe' of one task, with all its lists."
    )
    table = read_table(tree, file)
    pictures = table.filter(items=FILE_COLUMNS)
    words = table.filter(regex="label$")
    if pictures.shape[1] != 1 or words.shape[1] != 1 or table.empty:
        raise tree.error(
            f"it lists no picture; its columns are {', '.join(table)}",
            file=file,
            remedy=f"A list has a column {' or '.join(FILE_COLUMNS)} and one that ends in "
            "'label'.",
        )
    ids = pictures.iloc[:, 0].str.replace(r"^.*[/\\]|\.[^.]*$", "", regex=True)
    if lists.names == "slice":
        # Whether the lists count slices from 0, as the volumes do, is not documented.
        ids = ids.str.replace(_SLICE, r"\1-\2-\3", regex=True)
    known = ids.map(labels)
    stated = words.iloc[:, 0].replace(lists.labels)
    differences = ids + " (" + stated.map(repr) + " instead of " + known.map(repr) + ")"
    tree.raise_if_any(ids[ids.duplicated()], "pictures are listed twice", file=file)
    if not partial:
        tree.raise_if_any(
            ids[known.isna()],
            "pictures are not among the cases",
            file=file,
            remedy=CORRECT_OR_PARTIAL,
        )
    differences = differences[(stated != known) & known.notna()]
    tree.raise_if_any(differences, "pictures have another label", file=file)
    return ids


def sample_with_groups(cases: pd.DataFrame, groups: pd.Series, n: int, seed: int) -> np.ndarray:
    """Choose about `n` cases, bool (cases,): first groups, each label in its share, then cases.

    A label keeps at least `PIECES` groups, if it has so many, so that a split still has enough,
    and every chosen group keeps a case of each of its labels.
    """
    label = cases["label"].to_numpy()
    group = _group_numbers(groups, cases)
    strata = _strata(label, group, seed)
    of_label = strata.groupby("label")["size"]
    before = of_label.cumsum() - strata["size"]
    aim = of_label.transform("sum") * n / len(cases)
    wanted = strata.index[(before < aim) | (of_label.cumcount() < PIECES)]
    table = pd.DataFrame({"group": group, "label": label})
    # The largest groups lose cases until n are left, or one of each group and label.
    chosen = np.flatnonzero(table["group"].isin(wanted))
    order = np.random.default_rng([seed, 1]).permutation(chosen)
    place = table.iloc[order].groupby(["group", "label"]).cumcount().to_numpy()
    kept = order[np.argsort(place, kind="stable")][: max(n, int((place == 0).sum()))]
    return np.isin(np.arange(len(cases)), kept)


def _strata(labels: np.ndarray, groups: np.ndarray, seed: int) -> pd.DataFrame:
    """Return the `label` (its rarest one) and the `size` of each group, shuffled."""
    table = pd.DataFrame({"group": groups, "label": labels})
    table["rarity"] = table["label"].map(table["label"].value_counts())
    sizes = table.groupby("group").size()
    stratum = table.sort_values(["rarity", "label"]).drop_duplicates("group").set_index("group")
    strata = pd.DataFrame({"label": stratum["label"], "size": sizes}).sort_index()
    return strata.sample(frac=1, random_state=np.random.default_rng(seed))


def subset(dataset: Dataset, chosen: np.ndarray) -> Dataset:
    """Return the dataset with the chosen cases, bool (n,), and a digest of these."""
    if chosen.all():
        return dataset
    cases = dataset.cases[chosen].reset_index(drop=True)
    content = "\n".join([dataset.digest, *cases["case_id"]])
    return replace(dataset, cases=cases, digest=digest_of(content))

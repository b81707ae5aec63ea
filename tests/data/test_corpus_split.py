"""The split of a pretraining corpus: by patient, over many classes, some of them rare."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from busi_files import opened, write_radimagenet
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rin.data.manifest import load_manifest
from rin.data.splits import (
    PARTS,
    SHARES,
    corpus_groups,
    corpus_split,
    repair_split,
    split_corpus,
)
from rin.errors import InputError


def table(*classes):
    """Cases of (label, patient, images) each."""
    rows = [
        (f"{label}/{patient}-{number}.png", patient, label)
        for label, patient, images in classes
        for number in range(images)
    ]
    return pd.DataFrame(rows, columns=["case_id", "patient_id", "label"])


def split(cases, seed=0):
    return split_corpus(cases, cases.set_index("case_id")["patient_id"], seed)


def single(label, n):
    """n patients of one image each."""
    return [(label, f"{label}{number}", 1) for number in range(n)]


def sizes(cases, part):
    counted = pd.crosstab(cases["label"], part.to_numpy())
    return {row: tuple(counts) for row, *counts in counted[list(PARTS)].itertuples()}


def webster(n):
    """Sainte-Laguë's apportionment of n seats: the odd divisors, one seat at a time."""
    seats = [0, 0, 0]
    for _ in range(n):
        seats[np.argmax([s / (2 * got + 1) for s, got in zip(SHARES, seats, strict=True)])] += 1
    return tuple(seats)


@pytest.mark.parametrize("n", [4, 5, 6, 9, 11, 12, 17, 19, 33, 57, 1000])
def test_divide_apportions_equal_patients_as_webster_does_seats(n):
    cases = table(*single("own", n), *single("other", 500))
    assert sizes(cases, split(cases))["own"] == webster(n)


@settings(max_examples=12, deadline=None)
@given(
    n_classes=st.integers(3, 60),
    skew=st.floats(0.5, 2.0),
    mixed=st.floats(0, 0.5),
    seed=st.integers(0, 99),
)
def test_divide_of_many_uneven_classes_keeps_the_shares(n_classes, skew, mixed, seed):
    draws = np.random.default_rng(seed)
    weights = 1 / np.arange(1, n_classes + 1) ** skew
    label_of = draws.choice(n_classes, 1500, p=weights / weights.sum())
    label_of[: 4 * n_classes] = np.repeat(np.arange(n_classes), 4)
    patient = np.r_[np.arange(1500), draws.integers(0, 1500, 3000)]
    label = np.where(
        draws.random(4500) < mixed, draws.integers(0, n_classes, 4500), label_of[patient]
    )
    cases = pd.DataFrame({"case_id": np.arange(4500).astype(str), "label": label.astype(str)})
    cases["patient_id"] = patient.astype(str)
    part = split(cases, seed).to_numpy()
    whole = pd.Series(part).value_counts(normalize=True)
    images = cases["label"].value_counts().sort_index()
    shares = pd.crosstab(cases["label"], part, normalize="index")
    for name, share in zip(PARTS, SHARES, strict=True):
        assert abs(whole[name] - share) < 0.01
        # A class is as far off as a patient or two of it weigh.
        assert (abs(shares[name] - share) < 0.02 + 8 / images).all()


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (
            [("rare", "p", 7), ("rarer", "q", 1)],
            "rare: 7 images of 1 patient; rarer: 1 image.*null in the manifest's label_map",
        ),
        ([], r"there is only one class \(a\)"),
    ],
)
def test_divide_of_a_class_of_one_patient_or_of_one_class_says_so(more, message):
    with pytest.raises(InputError, match=message):
        split(table(*single("a", 30), *more))


def corpus(tmp_path, rows):
    """A corpus in RadImageNet's layout, of (file, label, part, patient) each."""
    write_radimagenet(tmp_path / "radimagenet_curated", rows, patients=True)
    manifest = load_manifest("curated_archive")
    return opened(manifest, tmp_path)


ROWS = [
    ("CT/a1.png", "a", "train", "p1"),
    ("CT/a2.png", "a", "test", "p2"),
    ("CT/b1.png", "b", "train", "p3"),
    ("CT/b2.png", "b", "validation", "p4"),
]


def test_corpus_split_of_a_corpus_with_tables_is_theirs_whatever_the_seed(tmp_path):
    dataset = corpus(tmp_path, ROWS)
    for seed in (0, 1):
        part = corpus_split(dataset, seed, None)
        assert part.to_dict() == {file: part for file, _, part, _ in ROWS}
        assert list(part.index) == list(dataset.cases["case_id"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (
            ("CT/a3.png", "a", "validation", "p1"),
            r"curated: 1 patient .*case 1 \(a1\.png\) in train; case \d \(a3\.png\) in validation",
        ),
        (("CT/c1.png", "c", "test", "p9"), "without a training case: c.*label_map"),
    ],
)
def test_corpus_split_with_a_divided_patient_or_an_untrained_class_names_it(
    tmp_path, row, message
):
    dataset = corpus(tmp_path, [*ROWS, row])
    with pytest.raises(InputError, match=message):
        corpus_split(dataset, 0, None)


def test_corpus_split_of_a_folder_per_class_keeps_copies_together_but_not_lookalikes():
    cases = table(*single("ct", 40), *single("mr", 40)).assign(blank=False)
    bits = np.random.default_rng(0).random((80, 256)) < 0.5
    bits[41:61] = bits[40]
    bits[59, :8] ^= True
    bits[60, :40] ^= True
    cases["hash"] = [np.packbits(row).tobytes().hex() for row in bits]
    known = SimpleNamespace(manifest=load_manifest("corpus_radiologic"), cases=cases)
    groups = corpus_groups(known)
    assert groups.iloc[40:62].tolist() == [40] * 20 + [41, 42]
    known.root, known.location = Path("data"), "corpus"
    pd.testing.assert_series_equal(corpus_split(known, 0, groups), split_corpus(cases, groups, 0))


# Completing the parts

TRAIN, VALIDATION, TEST = range(len(PARTS))


def in_parts(groups):
    """Label, group and part of each case, of groups of (labels, part, images of each label)."""
    rows = [
        (label, number, part)
        for number, (labels, part, images) in enumerate(groups)
        for label in labels
        for _ in range(images)
    ]
    return np.array(rows).T


def complete(label, parts):
    return all({TRAIN, TEST} <= set(parts[label == one]) for one in set(label))


some_labels = st.sets(st.integers(0, 4), min_size=1, max_size=3)
some_groups = st.tuples(some_labels, st.integers(0, 2), st.integers(1, 4))


@settings(max_examples=60, deadline=None)
@given(st.lists(some_groups, min_size=1, max_size=12).map(in_parts), st.integers(0, 3))
@example(in_parts([((0, 1), TRAIN, 1), ((1, 2), TRAIN, 1), ((0, 2), TRAIN, 1)]), 0)
# Validation has more than half of its share: it gets no more.
@example(in_parts([*[([0], TRAIN, 1)] * 26, ([0], VALIDATION, 2), ([0], TEST, 2)]), 0)
def test_parts_are_completed_wherever_each_class_has_two_groups_of_its_own(corpus, seed):
    label, group, piece = corpus
    try:
        after = repair_split(label, group, piece, seed, "here")
    except InputError as error:
        told = r"here: class (\d) gets too few (train|test) cases.*label_map"
        lost = int(re.match(told, str(error))[1])
        own = [one for one in set(group[label == lost]) if set(label[group == one]) == {lost}]
        assert len(own) < 2
        return
    assert complete(label, after)
    assert all(len(set(after[group == one])) == 1 for one in set(group))
    assert (after == repair_split(label, group, piece, seed, "here")).all()
    if complete(label, piece) and np.mean(piece == VALIDATION) >= SHARES[VALIDATION] / 2:
        assert (after == piece).all()


def test_a_class_gives_its_lightest_group_and_chance_decides_between_equal_ones():
    light = [([0], TRAIN, 1)] * 8
    label, group, piece = in_parts(
        [*light, ([0], TRAIN, 2), *(([1], part, 9) for part in range(len(PARTS)))]
    )
    moved = set()
    for seed in range(12):
        after = repair_split(label, group, piece, seed, "here")
        (one,) = group[after != piece]
        moved.add(int(one))
    assert len(moved & set(range(8))) > 2
    assert 8 not in moved


def test_validation_gets_a_patient_even_if_each_has_a_quarter_of_the_pictures():
    cases = table(*((label, name, 5) for name in "wxyz" for label in "ab"))
    assert set(split(cases)) == {"train", "validation", "test"}
    few = table(*single("a", 4), *single("b", 4))
    assert split(few).value_counts().to_dict() == {"train": 5, "validation": 1, "test": 2}

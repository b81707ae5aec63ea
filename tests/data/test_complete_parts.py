"""Completing the parts of a corpus, against every division of small ones."""

import itertools

import numpy as np
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from rin.data.splits import PARTS, complete_parts

TRAIN, VALIDATION, TEST = (PARTS.index(name) for name in ("train", "validation", "test"))
#: Nothing is wanted for validation, so only what a class lacks is moved.
NO_VALIDATION = (0.8, 0.0, 0.2)


def moved(before, after, weights):
    return sum(w for old, new, w in zip(before, after, weights, strict=True) if old != new)


def fewest(holds, parts, weights):
    """The fewest images that any complete division moves; None where there is none."""
    found = [
        moved(parts, one, weights)
        for one in itertools.product(range(3), repeat=len(parts))
        if all({TRAIN, TEST} <= {one[g] for g in members} for members in holds)
    ]
    return min(found, default=None)


@st.composite
def corpora(draw):
    """Groups of each class, and weight and part of each group."""
    n = draw(st.integers(2, 6))
    holds = draw(st.lists(st.sets(st.integers(0, n - 1), min_size=2), min_size=1, max_size=5))
    used = sorted(set().union(*holds))
    holds = [{used.index(one) for one in members} for members in holds]
    weights = draw(st.lists(st.integers(1, 9), min_size=len(used), max_size=len(used)))
    parts = draw(st.lists(st.integers(0, 2), min_size=len(used), max_size=len(used)))
    return holds, weights, parts


def cases(holds, weights, parts):
    """Label, group and part of each case: as many of a group in each class as it weighs there."""
    rows = []
    for group, weight in enumerate(weights):
        own = [label for label, members in enumerate(holds) if group in members]
        rows += [(own[k % len(own)], group, parts[group]) for k in range(max(weight, len(own)))]
    return np.array(rows).T


@settings(max_examples=300, deadline=None)
@example(([{0, 1}, {2, 3}], [1, 1, 1, 1], [TRAIN, TEST] * 2), 0)
@example(([{0, 1}, {2, 3}, {0, 2}], [2, 1, 2, 1], [TRAIN] * 4), 0)
@example(([{0, 1}, {1, 2}, {0, 2}], [1, 1, 1], [TRAIN] * 3), 0)
@given(corpora(), st.integers(0, 3))
def test_parts_are_completed_by_moving_the_fewest_images_or_cannot_be(corpus, seed):
    holds, weights, parts = corpus
    label, group, piece = cases(*corpus)
    assume(len(np.unique(label)) == len(holds))
    weights = np.bincount(group).tolist()
    after, lacking = complete_parts(label, group, piece, NO_VALIDATION, seed)
    least = fewest(holds, parts, weights)
    if least is None:
        label_of, part = lacking
        assert 0 <= label_of < len(holds)
        assert part in (TRAIN, TEST)
        assert (after == piece).all()
        return
    assert lacking is None
    now = [set(after[group == one]) for one in range(len(weights))]
    assert all(len(one) == 1 for one in now)
    now = [one.pop() for one in now]
    assert all({TRAIN, TEST} <= {now[g] for g in members} for members in holds)
    assert moved(parts, now, weights) == least


def test_chance_decides_between_groups_of_equal_weight():
    label = np.repeat([0, 1], 8)
    piece = np.where(label == 0, TRAIN, np.tile([TRAIN, TEST], 8))
    chosen = set()
    for seed in range(12):
        after, _ = complete_parts(label, np.arange(16), piece, NO_VALIDATION, seed)
        assert (after != piece).sum() == 1
        chosen.add(int(np.flatnonzero(after != piece)[0]))
    assert len(chosen) > 2


def test_large_classes_that_share_nothing_rare_do_not_move():
    rng = np.random.default_rng(0)
    label = np.concatenate([rng.integers(0, 20, 20_000), [20, 20]])
    group = np.arange(label.size)
    piece = np.append(rng.choice(3, 20_000, p=(0.75, 0.10, 0.15)), [TRAIN, TRAIN])
    after, lacking = complete_parts(label, group, piece, NO_VALIDATION, 0)
    assert lacking is None
    assert np.flatnonzero(after != piece).tolist() in ([20_000], [20_001])

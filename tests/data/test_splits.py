import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.data.leakage import check_splits, leak_free_groups
from rin.data.splits import make_folds
from rin.errors import InputError

NO_PAIRS = pd.DataFrame({"case_a": [], "case_b": [], "distance": []})


def table(n_benign, n_malignant):
    labels = ["benign"] * n_benign + ["malignant"] * n_malignant
    ids = [f"{label} ({i})" for i, label in enumerate(labels)]
    return pd.DataFrame({"case_id": ids, "patient_id": ids, "label": labels})


def singletons(cases):
    return pd.Series(range(len(cases)), index=cases["case_id"])


def test_make_folds_of_100_and_60_cases_has_exact_shares_and_class_ratios():
    cases = table(100, 60)
    folds = make_folds(cases, singletons(cases), 6, seed=0).merge(cases)
    sizes = folds.groupby(["fold", "part", "label"]).size().unstack(["part", "label"])
    assert (sizes["train"] == [75, 45]).all(axis=None)
    assert (sizes["validation"] == [10, 6]).all(axis=None)
    assert (sizes["test"] == [15, 9]).all(axis=None)


@settings(max_examples=30, deadline=None)
@given(
    n_benign=st.integers(25, 120),
    n_malignant=st.integers(25, 90),
    n_folds=st.integers(1, 6),
    seed=st.integers(0, 1000),
    links=st.lists(st.tuples(st.integers(0, 49), st.integers(0, 49)), max_size=5),
)
def test_make_folds_never_leaks_and_keeps_test_sets_apart(
    n_benign, n_malignant, n_folds, seed, links
):
    cases = table(n_benign, n_malignant)
    ids = cases["case_id"].to_numpy()
    pairs = pd.DataFrame([(ids[a], ids[b]) for a, b in links], columns=["case_a", "case_b"])
    groups = leak_free_groups(cases, pairs)
    folds = make_folds(cases, groups, n_folds, seed)
    check_splits(cases, folds, pairs)
    assert len(folds) == n_folds * len(cases)
    shares = folds.groupby(["fold", "part"]).size().unstack() / len(cases)
    assert shares["test"].between(0.05, 0.25).all()
    assert shares["train"].between(0.62, 0.88).all()
    present = folds.merge(cases).groupby(["fold", "part"])["label"].nunique()
    assert (present == 2).all()


def test_make_folds_with_equal_seeds_is_equal_and_with_another_differs():
    cases = table(60, 40)
    first, again, other = (make_folds(cases, singletons(cases), 5, s) for s in (1, 1, 2))
    pd.testing.assert_frame_equal(first, again)
    assert not first.equals(other)


def test_make_folds_with_groups_in_another_order_matches_them_by_case_id():
    cases = table(60, 40)
    groups = singletons(cases)
    shuffled = groups.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(
        make_folds(cases, groups, 2, 1), make_folds(cases, shuffled, 2, 1)
    )


def test_make_folds_with_a_contradictory_pair_keeps_it_together():
    cases = table(60, 40)
    pairs = pd.DataFrame({"case_a": ["benign (0)"], "case_b": ["malignant (60)"], "distance": [0]})
    folds = make_folds(cases, leak_free_groups(cases, pairs), 6, seed=0)
    parts = folds[folds["case_id"].isin(["benign (0)", "malignant (60)"])]
    assert (parts.groupby("fold")["part"].nunique() == 1).all()


@pytest.mark.parametrize("n_folds", [0, 7])
def test_make_folds_with_a_number_out_of_range_raises(n_folds):
    cases = table(60, 40)
    with pytest.raises(InputError, match="Choose 1 to 6"):
        make_folds(cases, singletons(cases), n_folds, seed=0)


def test_make_folds_with_too_few_cases_of_a_class_says_how_many_there_are():
    cases = table(60, 19)
    with pytest.raises(InputError, match=r"malignant: 19\).*at least 20 groups"):
        make_folds(cases, singletons(cases), 5, seed=0)


def test_make_folds_with_too_few_groups_of_a_class_raises():
    cases = table(60, 40)
    groups = pd.Series(np.r_[range(60), 100 + np.arange(40) // 4], index=cases["case_id"])
    with pytest.raises(InputError, match="malignant: 10"):
        make_folds(cases, groups, 5, seed=0)


def test_make_folds_with_one_class_raises():
    cases = table(60, 0)
    with pytest.raises(InputError, match=r"too few independent groups per class \(benign: 60\)"):
        make_folds(cases, singletons(cases), 5, seed=0)


def test_make_folds_with_a_case_without_group_raises():
    cases = table(60, 40)
    with pytest.raises(InputError, match="1 cases have no group"):
        make_folds(cases, singletons(cases).iloc[1:], 5, seed=0)

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.data.splits import LEAST_GROUPS, sample_cases


def table(labels, groups):
    names = [f"c{i}" for i in range(len(labels))]
    cases = pd.DataFrame({"case_id": names, "label": labels})
    return cases, pd.Series(groups, index=names)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000), st.integers(1, 400), st.floats(0.05, 0.95))
def test_every_label_keeps_enough_groups_and_no_more_cases_than_needed(seed, n, share):
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(200), rng.integers(1, 4, 200))
    labels = np.where(rng.random(200) < share, "a", "b")[groups]
    cases, grouped = table(labels, groups)
    chosen = sample_cases(cases, grouped, n, seed)
    for label in "ab":
        known = len(set(groups[labels == label]))
        kept = len(set(groups[chosen & (labels == label)]))
        assert kept >= min(LEAST_GROUPS, known)
    assert chosen.sum() <= max(n, len(set(groups[chosen])))
    assert chosen.sum() >= min(n, len(cases))


def test_groups_of_many_cases_are_thinned_to_one_of_each_label_at_least():
    labels = np.tile(["a", "a", "a", "b"], 50)
    cases, groups = table(labels, np.repeat(np.arange(50), 4))
    chosen = sample_cases(cases, groups, 30, seed=1)
    kept = cases[chosen].assign(group=groups[chosen].to_numpy())
    assert (kept.groupby(["group", "label"]).size() == 1).all()
    assert kept["group"].nunique() == LEAST_GROUPS
    assert len(kept) == 2 * LEAST_GROUPS


def test_sample_has_the_size_and_the_shares_asked_for():
    labels = np.repeat(["a", "b"], [6000, 2000])
    cases, groups = table(labels, np.arange(8000))
    chosen = sample_cases(cases, groups, 400, seed=1)
    assert chosen.sum() == 400
    assert (labels[chosen] == "b").sum() == 100


def test_equal_seeds_choose_equal_cases_and_others_do_not():
    cases, groups = table(["a", "b"] * 500, np.arange(1000))
    first = sample_cases(cases, groups, 100, seed=1)
    assert (first == sample_cases(cases, groups, 100, seed=1)).all()
    assert (first != sample_cases(cases, groups, 100, seed=2)).any()

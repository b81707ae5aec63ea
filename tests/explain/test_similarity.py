"""Similarity of activations and agreement of calls, against scikit-learn and definitions."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cross_decomposition import CCA

from rin.errors import InputError
from rin.explain.similarity import (
    call_agreement,
    mean_cca,
)


def tables(seed=0, n=300, p=6, q=4):
    draws = np.random.default_rng(seed)
    shared = draws.normal(size=(n, 3))
    a = shared @ draws.normal(size=(3, p)) + draws.normal(size=(n, p))
    return a, shared @ draws.normal(size=(3, q)) + draws.normal(size=(n, q))


def test_mean_canonical_correlation_is_that_of_scikit_learn():
    a, b = tables()
    x, y = CCA(n_components=4, tol=1e-12, max_iter=20_000).fit_transform(a, b)
    expected = [np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(4)]
    assert mean_cca(a, b) == pytest.approx(np.mean(expected), abs=1e-6)


def test_silent_and_repeated_channels_count_once():
    a, b = tables(2)
    padded = np.column_stack([a, a[:, 0], np.full(len(a), 7.0)])
    assert mean_cca(padded, b) == pytest.approx(mean_cca(a, b))


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.eye(4), np.eye(4)[:, :2], "4 channels at 4 points: all would correlate"),
        (np.ones((5, 2)), np.eye(5)[:, :2], "the same everywhere"),
    ],
)
def test_activations_that_cannot_be_compared_are_refused(a, b, said):
    with pytest.raises(InputError, match=said):
        mean_cca(a, b)


def test_networks_that_call_all_cases_positive_agree_as_often_as_by_chance():
    cases = {"task": "t", "scenario": "s", "fold": 0, "case_id": [f"c{k}" for k in range(8)]}
    label = [1, 1, 1, 1, 1, 1, 0, 0]
    a = pd.DataFrame(cases | {"init": "a", "label": label, "score": 1.0})
    b = a.assign(init="b", score=[1, 1, 1, 1, 1, 1, 1, -1])
    row = call_agreement(pd.concat([a, b]), "a", "b").loc["t"]
    assert row[["agree", "chance", "kappa"]].tolist() == [7 / 8, 7 / 8, 0]
    assert (row["called"], row["positive"]) == (1, 6 / 8)
    same = call_agreement(pd.concat([b.assign(init="a"), b]), "a", "b").loc["t"]
    assert same["kappa"] == 1
    twice = [table.assign(pretraining=k) for table in (a, b) for k in (1, 2)]
    assert call_agreement(pd.concat(twice), "a", "b").loc["t"].equals(row)


def test_agreement_is_that_on_the_cases_which_both_score():
    cases = {"task": "t", "scenario": "s", "fold": 0, "case_id": [*"pqrst"], "label": 1}
    a = pd.DataFrame(cases | {"init": "a", "score": [1, 1, -1, 1, np.nan]})
    b = pd.DataFrame(cases | {"init": "b", "score": [1, -1, -1, np.nan, 1]})
    row = call_agreement(pd.concat([a, b]), "a", "b").loc["t"]
    assert row[["agree", "called"]].tolist() == pytest.approx([2 / 3, 2 / 3])
    row = call_agreement(pd.concat([a, b[:3]]), "a", "b").loc["t"]
    assert row[["agree", "called"]].tolist() == pytest.approx([2 / 3, 2 / 3])


def test_agreement_is_the_mean_over_scenarios_of_which_each_has_a_chance_of_its_own():
    """In one scenario both call all cases positive but for one, in the other none but one."""
    cases = {"task": "t", "fold": 0, "case_id": [f"c{k}" for k in range(8)], "label": [1, 0] * 4}
    one = np.array([-1.0, *[1.0] * 7])
    runs = [
        pd.DataFrame(cases | {"scenario": scenario, "init": init, "score": score})
        for scenario, sign in (("all", 1), ("none", -1))
        for init, score in (("a", sign * np.ones(8)), ("b", sign * one))
    ]
    row = call_agreement(pd.concat(runs), "a", "b").loc["t"]
    assert row[["agree", "chance", "kappa"]].tolist() == [7 / 8, 7 / 8, 0]
    assert row["called"] == 1 / 2

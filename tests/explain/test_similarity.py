"""Similarity of activations, against scikit-learn and definitions."""

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA

from rin.errors import InputError
from rin.explain.similarity import mean_cca


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

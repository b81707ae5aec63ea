"""Similarity of activations: scikit-learn's canonical correlations, and CKA by its definition."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.cross_decomposition import CCA

from rin.errors import InputError
from rin.explain.similarity import (
    canonical_correlations,
    linear_cka,
    mean_cca,
    sample_activations,
)


def tables(seed=0, n=300, p=6, q=4):
    draws = np.random.default_rng(seed)
    shared = draws.normal(size=(n, 3))
    a = shared @ draws.normal(size=(3, p)) + draws.normal(size=(n, p))
    return a, shared @ draws.normal(size=(3, q)) + draws.normal(size=(n, q))


def test_canonical_correlations_are_those_of_scikit_learn():
    a, b = tables()
    x, y = CCA(n_components=4, tol=1e-12, max_iter=20_000).fit_transform(a, b)
    expected = [np.corrcoef(x[:, k], y[:, k])[0, 1] for k in range(4)]
    np.testing.assert_allclose(canonical_correlations(a, b), expected, atol=1e-6)
    assert mean_cca(a, b) == pytest.approx(np.mean(expected), abs=1e-6)


def test_cka_is_that_of_its_definition():
    """HSIC of the linear kernels over the root of the kernels' own, with the centring matrix."""
    a, b = tables(1)
    n = len(a)
    centring = np.eye(n) - 1 / n

    def hsic(one, other):
        return np.trace(one @ one.T @ centring @ other @ other.T @ centring) / (n - 1) ** 2

    expected = hsic(a, b) / np.sqrt(hsic(a, a) * hsic(b, b))
    assert linear_cka(a, b) == pytest.approx(expected, rel=1e-10)


@given(st.integers(0, 1000))
def test_similarity_has_its_invariances_and_bounds(seed):
    a, b = tables(seed, n=60)
    draws = np.random.default_rng(seed)
    mixed = a @ (draws.normal(size=(6, 6)) + 6 * np.eye(6)) + 5
    turned = 3 * a @ np.linalg.qr(draws.normal(size=(6, 6)))[0] - 2
    assert mean_cca(mixed, b) == pytest.approx(mean_cca(a, b), abs=1e-6)
    assert linear_cka(turned, b) == pytest.approx(linear_cka(a, b), abs=1e-9)
    assert mean_cca(a, mixed) == pytest.approx(1)
    assert linear_cka(a, turned) == pytest.approx(1)
    for measure in (mean_cca, linear_cka):
        assert measure(a, b) == pytest.approx(measure(b, a))
        assert 0 <= measure(a, b) < 1


def test_silent_and_repeated_channels_count_once():
    a, b = tables(2)
    padded = np.column_stack([a, a[:, 0], np.full(len(a), 7.0)])
    np.testing.assert_allclose(canonical_correlations(padded, b), canonical_correlations(a, b))


def test_sampled_rows_and_channels_are_those_of_the_seed_each_once():
    maps = np.arange(4 * 3 * 3 * 10).reshape(4, 3, 3, 10)
    one = sample_activations(maps, 20, 5, seed=1)
    assert one.shape == (20, 5)
    np.testing.assert_array_equal(sample_activations(maps + 1000, 20, 5, seed=1), one + 1000)
    assert (sample_activations(maps, 20, 5, seed=2) != one).any()
    assert len(np.unique(one)) == one.size
    assert sample_activations(maps, 99, 99, seed=1).shape == (36, 10)


@pytest.mark.parametrize(
    ("a", "b", "said"),
    [
        (np.ones((5, 2, 2)), np.ones((5, 2)), "do not fit"),
        (np.eye(5)[:, :2], np.eye(6)[:, :2], "do not fit"),
        (np.eye(4), np.eye(4)[:, :2], "no more rows than channels"),
        (np.full((5, 2), np.nan), np.eye(5)[:, :2], "not finite"),
        (np.ones((5, 2)), np.eye(5)[:, :2], "the same everywhere"),
    ],
)
def test_activations_that_cannot_be_compared_are_refused(a, b, said):
    with pytest.raises(InputError, match=said):
        mean_cca(a, b)

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.explain import similarity as emb


def cosine_distance(x, y):
    return 1 - x @ y / np.sqrt((x @ x) * (y @ y))


def by_hand(features, patients, k):
    """Neighbours one pair at a time: the k largest cosines of other patients, ties in order."""
    found = []
    for own, patient in zip(features, patients, strict=True):
        others = np.flatnonzero(patients != patient)
        found.append(sorted(others, key=lambda j: (cosine_distance(own, features[j]), j))[:k])
    return found


@pytest.fixture
def table():
    """Forty images of fifteen patients in three classes, with features of six channels."""
    rng = np.random.default_rng(7)
    truth = pd.Series(rng.choice(["cyst", "mass", "normal"], 40))
    patients = pd.Series(rng.integers(0, 15, 40)).astype(str)
    features = rng.normal(size=(40, 6)) + pd.factorize(truth)[0][:, None]
    return truth, patients, features.astype(np.float32)


def test_neighbours_are_those_of_a_search_pair_by_pair(table):
    _, patients, features = table
    found = emb.nearest_neighbours(features, patients, 5)
    assert found.tolist() == by_hand(features.astype(float), patients, 5)


@pytest.mark.parametrize(
    ("features", "patients", "k", "part"),
    [
        (np.eye(3), "abc", 3, "k is 3, and an image has 2 images of other patients"),
        (np.eye(3), "aab", 2, "k is 2, and an image has 1 images of other patients"),
        (np.eye(3), "aaa", 1, "has 0 images of other patients"),
        (np.ones((6, 3)), "abcdef", 1, "the same for all images"),
    ],
)
def test_features_without_neighbours_are_an_error(features, patients, k, part):
    with pytest.raises(InputError, match=part):
        emb.nearest_neighbours(features, pd.Series(list(patients)), k)

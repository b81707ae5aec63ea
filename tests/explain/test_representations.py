import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.explain import representations as emb


def by_hand(features, patients, k):
    """Neighbours one pair at a time: the k largest cosines of other patients, ties in order."""
    found = []
    for i, own in enumerate(features):
        cosines = []
        for j, other in enumerate(features):
            if patients[i] != patients[j]:
                lengths = np.sqrt(own @ own) * np.sqrt(other @ other)
                cosines.append((-(own @ other) / lengths if lengths else 0.0, j))
        found.append([j for _, j in sorted(cosines)[:k]])
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
    found, _ = emb.nearest_neighbours(features, patients, 5)
    assert found.tolist() == by_hand(features.astype(float), patients, 5)


def test_purity_and_chance_are_those_counted_by_hand(table):
    truth, patients, features = table
    found, _ = emb.nearest_neighbours(features, patients, 4)
    shares, chances, best = [], [], []
    for i, rows in enumerate(found):
        shares.append(sum(truth[j] == truth[i] for j in rows) / 4)
        others = [j for j in range(40) if patients[j] != patients[i]]
        fellows = sum(truth[j] == truth[i] for j in others)
        chances.append(fellows / len(others))
        best.append(min(fellows, 4) / 4)
    purity = emb.neighbour_purity(truth, patients, found, seed=1)
    assert purity["share"] == pytest.approx(np.mean(shares))
    assert purity["chance"] == pytest.approx(np.mean(chances))
    assert purity["ceiling"] == pytest.approx(np.mean(best))
    assert purity["low"] < purity["share"] < purity["high"]


def test_interval_of_the_purity_is_that_of_patients_drawn_one_at_a_time(table):
    truth, patients, features = table
    found, _ = emb.nearest_neighbours(features, patients, 4)
    same = (truth.to_numpy()[found] == truth.to_numpy()[:, None]).mean(axis=1)
    members = [same[patients == name] for name in patients.unique()]
    rng, means = np.random.default_rng(0), []
    for _ in range(4000):
        drawn = [members[place] for place in rng.integers(0, len(members), len(members))]
        means.append(np.concatenate(drawn).mean())
    purity = emb.neighbour_purity(truth, patients, found, seed=1)
    expected = np.percentile(means, [2.5, 97.5])
    assert [purity["low"], purity["high"]] == pytest.approx(expected, abs=0.02)


@pytest.mark.parametrize(
    ("k", "patients", "part"),
    [
        (3, list("abc"), "k is 3, and an image has 2 images of other patients"),
        (2, list("aab"), "k is 2, and an image has 1 images of other patients"),
        (1, list("aaa"), "has 0 images of other patients"),
        (0, list("abc"), "k is 0"),
    ],
)
def test_too_few_images_of_other_patients_are_an_error(k, patients, part):
    with pytest.raises(InputError, match=part):
        emb.nearest_neighbours(np.eye(3), pd.Series(patients), k)


@pytest.mark.parametrize(
    ("features", "part"),
    [
        (np.ones((6, 3)), "the same for all images"),
        (np.array([[1, np.nan], [1, 2], [np.inf, 0], [3, 4]]), "2 rows hold values not finite"),
        (np.zeros(6), r"their shape is \(6,\)"),
        (np.zeros((1, 3)), r"their shape is \(1, 3\)"),
    ],
)
def test_features_that_say_nothing_are_an_error(features, part):
    with pytest.raises(InputError, match=part):
        emb.nearest_neighbours(features, pd.Series(range(len(features))), 1)


def test_pixels_as_features_are_centred_and_keep_colour():
    images = np.random.default_rng(2).integers(0, 256, (5, 32, 32, 3), dtype=np.uint8)
    features = emb.pixel_features(images, side=8)
    assert features.shape == (5, 8 * 8 * 3)
    assert features.mean(axis=0) == pytest.approx(0, abs=1e-6)
    assert emb.pixel_features(images[..., 0], side=8).shape == (5, 64)


def cosine_distance(x, y):
    return 1 - x @ y / np.sqrt((x @ x) * (y @ y))


def test_spread_of_classes_is_the_mean_of_the_literal_distances():
    draws = np.random.default_rng(4)
    truth = pd.Series(list("aabbbccccc"))
    features = draws.normal(size=(10, 6)) + 2 * pd.get_dummies(truth).to_numpy() @ np.eye(3, 6)
    found = emb.class_spread(features, truth)
    means = {name: features[truth == name].mean(axis=0) for name in "abc"}
    within = [cosine_distance(x, means[name]) for x, name in zip(features, truth, strict=True)]
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    between = [cosine_distance(means[one], means[other]) for one, other in pairs]
    assert found["within"] == pytest.approx(np.mean(within), rel=1e-5)
    assert found["between"] == pytest.approx(np.mean(between), rel=1e-5)
    widths = []
    for k, (x, name) in enumerate(zip(features, truth, strict=True)):
        to = {
            other: np.mean([cosine_distance(x, y) for j, y in enumerate(features)
                            if truth[j] == other and j != k])
            for other in "abc"
        }  # fmt: skip
        nearest = min(value for other, value in to.items() if other != name)
        widths.append((nearest - to[name]) / max(nearest, to[name]))
    assert found["silhouette"] == pytest.approx(np.mean(widths), rel=1e-4)
    assert np.isnan(emb.class_spread(features[:4], pd.Series(list("abcd")))["silhouette"])
    with pytest.raises(InputError, match="all images are of class a"):
        emb.class_spread(features, pd.Series(["a"] * 10))

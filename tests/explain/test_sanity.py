import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import spearmanr
from skimage.metrics import structural_similarity
from sklearn.metrics import f1_score

from rin.errors import InputError
from rin.explain.gradcam import to_uint8
from rin.explain.sanity import MEASURES, rank_correlation, similarity_table

CELLS = st.integers(-4, 4).map(float)  # few values, so that ties are common


def maps(n=4, side=5, seed=0):
    return np.random.default_rng(seed).normal(size=(n, side, side)).astype(np.float32)


@settings(max_examples=50, deadline=None)
@given(arrays(np.float64, (2, 3, 3), elements=CELLS), arrays(np.float64, (2, 3, 3), elements=CELLS))
def test_rank_correlation_equals_scipy_also_with_ties(a, b):
    for found, x, y in zip(rank_correlation(a, b), a, b, strict=True):
        if np.ptp(x) == 0 or np.ptp(y) == 0:
            assert np.isnan(found)
        else:
            expected = spearmanr(x.ravel(), y.ravel()).statistic
            assert found == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("value", [0.0, 0.1, -3.7])
def test_rank_correlation_of_a_constant_map_is_nan(value):
    with np.errstate(all="raise"):  # not by way of 0/0
        assert np.isnan(rank_correlation(maps(2), np.full((2, 5, 5), value))).all()


def test_similarity_table_of_a_map_with_itself_is_one_everywhere():
    table = similarity_table(maps(), maps(), 20)
    assert list(table) == list(MEASURES)
    np.testing.assert_allclose(table, 1)


def test_similarity_table_equals_the_measures_of_other_libraries():
    a = maps(3, 5, 1)
    b = a + 0.7 * maps(3, 5, 2)
    table = similarity_table(a, b, 20)
    pictures = to_uint8(a, 20), to_uint8(b, 20)
    for k, row in table.iterrows():
        x, y = a[k].ravel(), b[k].ravel()
        assert row["spearman"] == pytest.approx(spearmanr(x, y).statistic)
        assert row["spearman_absolute"] == pytest.approx(spearmanr(abs(x), abs(y)).statistic)
        one, two = pictures[0][k], pictures[1][k]
        assert row["ssim"] == pytest.approx(structural_similarity(one, two))
        expected = f1_score((one > 180).ravel(), (two > 180).ravel())
        assert row["dice"] == pytest.approx(expected)
    assert table["dice"].between(0, 1, inclusive="neither").any()


def test_similarity_table_regions_lie_above_the_threshold_not_at_it():
    cam = np.zeros((1, 7, 7), np.float32)
    cam[0, 0, :] = [1.0, 180 / 255, 0, 0, 0, 0, 0]
    other = np.zeros((1, 7, 7), np.float32)
    other[0, 0, :] = [0.0, 1.0, 0, 0, 0, 0, 0]
    assert similarity_table(cam, other, 7)["dice"].item() == 0
    cam[0, 0, 1] = 181 / 255
    assert similarity_table(cam, other, 7)["dice"].item() == pytest.approx(2 / 3)


def test_similarity_table_with_a_map_without_positive_value_has_documented_values():
    table = similarity_table(np.concatenate([maps(1), -np.abs(maps(1))]), -np.abs(maps(2)), 20)
    assert table["spearman"].notna().all()
    assert table["ssim"].isna().all()
    assert table["dice"].iloc[0] == 0
    assert np.isnan(table["dice"].iloc[1])


@pytest.mark.parametrize(
    ("a", "b", "told"),
    [
        (maps(2), maps(3), "shape"),
        (maps(2)[0], maps(2)[0], "shape"),
        (maps(1), np.full((1, 5, 5), np.nan), "finite"),
        (np.full((1, 5, 5), np.inf), maps(1), "finite"),
    ],
)
def test_measures_of_unusable_maps_raise(a, b, told):
    with pytest.raises(InputError, match=told):
        rank_correlation(a, b)
    with pytest.raises(InputError, match=told):
        similarity_table(a, b, 20)

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.errors import InputError
from rin.stats.clusters import cluster_codes


def test_codes_follow_first_appearance_whatever_the_names():
    codes, n_clusters = cluster_codes(["b", "a", "b", "c"], 4)
    np.testing.assert_array_equal(codes, [0, 1, 0, 2])
    assert n_clusters == 3
    np.testing.assert_array_equal(cluster_codes([7, 3, 7, 5], 4)[0], codes)


@given(st.lists(st.integers(-3, 3), min_size=2, max_size=20).filter(lambda x: len(set(x)) > 1))
@settings(deadline=None)
def test_codes_group_as_numpy_unique_does(clusters):
    codes, n_clusters = cluster_codes(clusters, len(clusters))
    names, expected = np.unique(clusters, return_inverse=True)
    assert n_clusters == len(names)
    np.testing.assert_array_equal(codes[:, None] == codes, expected[:, None] == expected)


@pytest.mark.parametrize(
    "clusters",
    [
        ["a", None, "b"],
        ["a", np.nan, "b"],
        [1.0, np.nan, 2.0],
        pd.Series(["a", pd.NA, "b"], dtype="string"),
        pd.Categorical(["a", None, "b"]),
    ],
)
def test_missing_identifier_is_an_error_that_counts_them(clusters):
    with pytest.raises(InputError, match="1 of 3 cases have no identifier"):
        cluster_codes(clusters, 3)


@pytest.mark.parametrize("clusters", [["a", "b"], [["a", "b", "c"]], "abc", []])
def test_another_shape_than_labels_is_an_error(clusters):
    with pytest.raises(InputError, match="beside 3 labels"):
        cluster_codes(clusters, 3)


def test_one_cluster_is_an_error():
    with pytest.raises(InputError, match="all 3 cases belong to one cluster"):
        cluster_codes(["a", "a", "a"], 3)

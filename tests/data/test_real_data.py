"""What the published files hold, against counts made outside this package (SOURCES beside them)."""

import numpy as np
import pytest

from rin.data.dataset import open_dataset
from rin.data.leakage import (
    SAME_LESION,
    SAME_PICTURE,
    check_splits,
    leak_free_groups,
    near_duplicates,
)
from rin.data.manifest import load_manifest
from rin.data.splits import make_folds
from rin.data.store import build_store

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def busi(request, tmp_path_factory):
    root = request.getfixturevalue("real_root")
    return open_dataset(load_manifest("busi"), root, index_folder=tmp_path_factory.mktemp("index"))


@pytest.fixture(scope="module")
def store(busi, tmp_path_factory):
    return build_store(busi, 128, folder=tmp_path_factory.mktemp("stores"))


def test_busi_counts_are_those_of_the_publication_and_the_paper(busi):
    cases = busi.cases
    assert cases["source_class"].value_counts().to_dict() == {
        "benign": 437,
        "malignant": 210,
        "normal": 133,
    }
    assert cases["label"].value_counts().to_dict() == {"benign": 570, "malignant": 210}


def test_busi_masks_number_798_of_which_18_are_second_or_third_ones(busi):
    per_case = busi.cases["masks"].map(len)
    by_class = per_case.groupby(busi.cases["source_class"]).sum()
    assert by_class.to_dict() == {"benign": 454, "malignant": 211, "normal": 133}
    assert (per_case - 1).sum() == 18


def test_busi_masks_are_black_for_exactly_the_normal_images(busi, store):
    empty = ~store.masks().any(axis=(1, 2))
    np.testing.assert_array_equal(empty, busi.cases["source_class"] == "normal")


def test_busi_findings_name_the_one_picture_with_two_labels(busi):
    found = [f for f in busi.findings if f.kind == "contradictory exact duplicates"]
    assert [f.case_ids for f in found] == [("benign (433)", "malignant (145)")]


def test_busi_near_duplicates_are_203_with_35_copies_and_eight_pairs_across_labels(busi):
    pairs = near_duplicates(busi.cases, SAME_LESION)
    assert (pairs["distance"] <= SAME_PICTURE).sum() == 35
    assert len(pairs) == 203
    labels = busi.cases.set_index("case_id")["label"]
    across = pairs["case_a"].map(labels) != pairs["case_b"].map(labels)
    assert across.sum() == 8  # each looked at: one lesion


def test_busi_folds_from_leak_free_groups_hold_no_leak(busi):
    pairs = near_duplicates(busi.cases, SAME_LESION)
    folds = make_folds(busi.cases, leak_free_groups(busi.cases, pairs), 5, seed=0)
    check_splits(busi.cases, folds, pairs)
    tests = folds[folds["part"] == "test"].merge(busi.cases)
    share = (tests["label"] == "malignant").groupby(tests["fold"]).mean()
    np.testing.assert_allclose(share, 210 / 780, atol=0.03)


@pytest.mark.parametrize("name", ["corpus_radiologic", "corpus_photographic"])
def test_corpora_hold_9194_images_in_26_classes_of_equal_sizes(real_root, name, tmp_path):
    if not (real_root / load_manifest(name).locations[0]).exists():
        pytest.skip(f"{name} is not under DATA_ROOT")
    dataset = open_dataset(load_manifest(name), real_root, index_folder=tmp_path)
    sizes = dataset.cases["label"].value_counts()
    assert (len(sizes), sizes.sum(), sizes.min(), sizes.max()) == (26, 9194, 64, 400)

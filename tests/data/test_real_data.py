"""What the published files hold, against counts made outside this package (SOURCES.md)."""

from functools import cache

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from rin.data.dataset import locate, open_dataset
from rin.data.leakage import (
    SAME_LESION,
    SAME_PICTURE,
    matches_between,
    near_duplicates,
)
from rin.data.manifest import load_manifest
from rin.data.store import build_store

pytestmark = pytest.mark.real_data


@pytest.fixture(scope="module")
def opened(request, tmp_path_factory):
    """Opens a dataset by name from its published archive, once."""
    root, folder = request.getfixturevalue("real_root"), tmp_path_factory.mktemp("index")

    @cache
    def open_by_name(name):
        manifest = load_manifest(name)
        if locate(manifest, root) is None:
            pytest.skip(f"{manifest.locations[0]} is not under DATA_ROOT")
        return open_dataset(manifest, root, index_folder=folder)

    return open_by_name


@pytest.fixture(scope="module")
def busi(opened):
    return opened("busi")


def test_busi_masks_are_black_for_exactly_the_normal_images(busi, tmp_path):
    store = build_store(busi, 128, folder=tmp_path)
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


@pytest.mark.parametrize(
    ("name", "sets"), [("sarscov2_ct", 2), ("kermany_cxr", 30), ("headct200", 1)]
)
def test_substitute_has_as_many_copies_and_among_them_those_that_its_manifest_names(
    name, sets, opened
):
    dataset = opened(name)
    ids = dataset.cases.groupby(["digest", "width", "height"])["case_id"].agg(tuple)
    found = {same for same in ids if len(same) > 1}
    assert len(found) == sets
    assert {f.case_ids for f in dataset.manifest.findings if len(f.case_ids) > 1} <= found


def test_busbra_counts_patients_labels_and_devices_are_those_of_the_manifest(opened):
    cases = opened("busbra").cases
    labels = cases.groupby("patient_id")["label"]
    assert labels.size().agg(["size", "min", "max"]).tolist() == [1064, 1, 2]
    assert (labels.nunique() == 1).all()
    sides = cases.groupby("patient_id")["side"].agg(lambda each: " ".join(sorted(each)))
    assert sides.value_counts().to_dict() == {"left right": 811, "single": 253}
    assert (cases.groupby("patient_id")["histology"].nunique() == 1).all()
    malignant, birads = cases["label"] == "malignant", cases["birads"].astype(int)
    table = malignant.groupby(birads).agg(["sum", "size"])
    assert table.to_numpy().tolist() == [[10, 562], [31, 463], [413, 693], [153, 157]]
    assert roc_auc_score(malignant, birads) == pytest.approx(0.8893, abs=1e-4)
    share = malignant.groupby(cases["device"].str.split(" @").str[0]).mean()
    assert share.round(2).to_dict() == {
        "GE Logiq 5": 0.30,
        "GE Logiq 7": 0.32,
        "Toshiba Aplio 300": 0.49,
        "U-Systems": 0.44,
    }


def test_busbra_shows_no_picture_of_busi(opened):
    cases, home = opened("busbra").cases, opened("busi").cases
    assert matches_between(cases, home, 64).empty

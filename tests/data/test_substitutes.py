"""Open datasets that stand in for others, or are external to them: what their files hold."""

import hashlib
from collections import Counter, defaultdict
from functools import cache

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from rin.data.dataset import count_patients, locate, open_dataset
from rin.data.layouts import find_cases
from rin.data.layouts.found import read_table
from rin.data.leakage import (
    check_splits,
    leak_free_groups,
    matches_between,
    near_duplicates,
    picture_hash,
)
from rin.data.manifest import load_manifest
from rin.data.pixels import read_picture, resize_picture
from rin.data.splits import given_folds
from rin.data.tree import open_tree

STANDS_FOR = {"sarscov2_ct": "covid19", "kermany_cxr": "pneumonia", "headct200": "hemorrhage"}


def open_real(name, root):
    """Return the found cases of the published files and their case table with hashes."""
    manifest = load_manifest(name)
    location = manifest.locations[0]
    if not (root / location).exists():
        pytest.skip(f"{location} is not under DATA_ROOT")
    rows = []
    for case in find_cases(open_tree(root, location), manifest):
        pixels = read_picture(root, case.image)
        bits, blank = picture_hash(resize_picture(pixels, 256, "stretch"))
        rows.append(
            {
                "case_id": case.case_id,
                "patient_id": case.patient_id,
                "label": manifest.label(case.source_class),
                "source_class": case.source_class,
                "image": case.image,
                "digest": hashlib.sha256(repr(pixels.shape).encode() + pixels.tobytes()).digest(),
                "hash": bits,
                "blank": blank,
            }
        )
    return manifest, pd.DataFrame(rows)


@pytest.fixture(scope="module")
def sarscov2(request):
    return open_real("sarscov2_ct", request.getfixturevalue("real_root"))


@pytest.fixture(scope="module")
def kermany(request):
    return open_real("kermany_cxr", request.getfixturevalue("real_root"))


@pytest.fixture(scope="module")
def headct(request):
    return open_real("headct200", request.getfixturevalue("real_root"))


def copies(cases):
    """Return the sets of cases with equal pixels."""
    found = defaultdict(list)
    for case_id, digest in zip(cases["case_id"], cases["digest"], strict=True):
        found[digest].append(case_id)
    return sorted(ids for ids in found.values() if len(ids) > 1)


@pytest.mark.real_data
def test_sarscov2_holds_one_negative_slice_less_than_its_authors_say(sarscov2):
    manifest, cases = sarscov2
    counted = cases["source_class"].value_counts().to_dict()
    assert counted == manifest.counts.images == {"COVID": 1252, "non-COVID": 1229}
    assert manifest.counts.authors["non-COVID"] == 1230


@pytest.mark.real_data
def test_sarscov2_copies_are_those_that_the_manifest_names(sarscov2):
    manifest, cases = sarscov2
    named = [list(f.case_ids) for f in manifest.findings if f.kind == "duplicate"]
    assert copies(cases) == sorted(named)
    assert len(named) == 2


@pytest.mark.real_data
def test_kermany_counts_of_classes_and_of_official_parts(kermany):
    manifest, cases = kermany
    assert cases["source_class"].value_counts().to_dict() == manifest.counts.images
    parts = cases["image"].str.split("/").str[-3]
    assert Counter(zip(parts, cases["source_class"], strict=True)) == {
        ("train", "NORMAL"): 1341,
        ("train", "PNEUMONIA"): 3875,
        ("val", "NORMAL"): 8,
        ("val", "PNEUMONIA"): 8,
        ("test", "NORMAL"): 234,
        ("test", "PNEUMONIA"): 390,
    }


@pytest.mark.real_data
def test_kermany_copies_are_30_sets_of_which_one_crosses_patients(kermany):
    manifest, cases = kermany
    sets = copies(cases)
    table = cases.set_index("case_id")
    assert (len(sets), sum(map(len, sets))) == (30, 62)
    assert all(table.loc[ids, "label"].nunique() == 1 for ids in sets)
    crossing = [ids for ids in sets if table.loc[ids, "patient_id"].nunique() > 1]
    assert crossing == [list(finding.case_ids) for finding in manifest.findings if finding.case_ids]


@pytest.mark.real_data
def test_headct_copies_are_188_and_189(headct):
    assert copies(headct[1]) == [["188.png", "189.png"]]


@pytest.mark.real_data
@pytest.mark.parametrize("name", STANDS_FOR)
def test_substitute_at_its_threshold_keeps_many_independent_groups(name, request):
    manifest, cases = request.getfixturevalue(
        {"sarscov2_ct": "sarscov2", "kermany_cxr": "kermany", "headct200": "headct"}[name]
    )
    pairs = near_duplicates(cases, manifest.near_duplicate_bits)
    groups = leak_free_groups(cases, pairs)
    per_label = groups.groupby(cases["label"].to_numpy()).nunique()
    assert per_label.min() > 80
    assert groups.value_counts().max() < 0.1 * len(cases)


@pytest.fixture(scope="module")
def opened(request, tmp_path_factory):
    """Return a dataset of the layout table, opened by name from its published archive."""
    root, folder = request.getfixturevalue("real_root"), tmp_path_factory.mktemp("index")

    @cache
    def open_by_name(name):
        manifest = load_manifest(name)
        if locate(manifest, root) is None:
            pytest.skip(f"{manifest.locations[0]} is not under DATA_ROOT")
        return open_dataset(manifest, root, index_folder=folder)

    return open_by_name


def named(manifest, kind):
    (found,) = [finding.case_ids for finding in manifest.findings if finding.kind == kind]
    return list(found)


@pytest.mark.real_data
def test_busbra_counts_patients_labels_and_devices_are_those_of_the_manifest(opened):
    cases = opened("busbra").cases
    assert count_patients(cases) == {"patients": 1064, "fewest": 1, "most": 2, "two_labels": 0}
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


@pytest.mark.real_data
def test_busbra_official_folds_divide_no_patient_and_its_validation_columns_do(opened):
    dataset = opened("busbra")
    pairs = near_duplicates(dataset.cases, dataset.manifest.near_duplicate_bits)
    assert pairs.empty
    groups = leak_free_groups(dataset.cases, pairs)
    folds = given_folds(dataset, groups, 5, seed=0)
    check_splits(dataset.cases, folds, pairs)
    rest = folds[folds["part"] != "test"]
    share = (rest["part"] == "validation").groupby(rest["fold"]).mean()
    np.testing.assert_allclose(share, 10 / 85, atol=0.005)
    tree = open_tree(dataset.root, dataset.location)
    published = read_table(tree, "BUSBRA/5-fold-cv.csv", ["ID"]).set_index("ID")
    patient = dataset.cases.set_index(dataset.cases["case_id"].str.removesuffix(".png"))
    divided = [
        int((column[column != "NaN"].groupby(patient["patient_id"]).nunique() > 1).sum())
        for name, column in published.items()
        if name.startswith("valid_")
    ]
    assert divided == [210, 201, 212, 216, 211]


@pytest.mark.real_data
def test_busbra_shows_no_picture_of_busi(opened):
    cases, home = opened("busbra").cases, opened("busi").cases
    assert matches_between(cases, home, 64).empty


@pytest.mark.real_data
def test_ddti_crops_repeat_and_lack_masks_where_the_manifest_says(opened):
    dataset = opened("ddti_crops")
    manifest, cases = dataset.manifest, dataset.cases
    assert cases["label"].value_counts().to_dict() == {"malignant": 386, "benign": 70}
    assert count_patients(cases) == {"patients": 290, "fewest": 1, "most": 6, "two_labels": 0}
    assert cases["digest"].nunique() == 447
    empty = hashlib.sha256(bytes(224 * 224)).hexdigest()
    assert sorted(dataset.mask_digests.index[dataset.mask_digests == empty]) == named(
        manifest, "empty masks"
    )
    tree = open_tree(dataset.root, dataset.location)
    rows = read_table(tree, "ddti_crops/labels.csv", ["image", "malignant"]).set_index("image")
    stated = rows["malignant"].map({"1": "malignant", "0": "benign"}).dropna()
    assert stated.to_dict() == cases.set_index("case_id")["label"].to_dict()


@pytest.mark.real_data
def test_ddti_crops_of_one_picture_in_several_cases_would_share_a_group(opened):
    dataset = opened("ddti_crops")
    labels = dict.fromkeys(dataset.manifest.label_map, "any")
    every = dataset.manifest.model_copy(update={"label_map": labels})
    cases = open_dataset(every, dataset.root, index_folder=dataset.records.parent).cases
    groups = leak_free_groups(cases, near_duplicates(cases, every.near_duplicate_bits))
    together = groups[named(every, "repeated pictures")]
    assert len(cases) == 655
    assert together.nunique() == 1
    assert (cases["patient_id"].nunique(), groups.nunique()) == (380, 377)

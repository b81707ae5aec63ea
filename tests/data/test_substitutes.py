"""The three open datasets that stand in for others: their manifests, and their real files."""

import hashlib
from collections import Counter, defaultdict

import pandas as pd
import pytest

from rin.data.layouts import find_cases
from rin.data.leakage import leak_free_groups, near_duplicates, picture_hash
from rin.data.manifest import load_manifest
from rin.data.pixels import read_gray, resize_picture
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
        pixels = read_gray(root, case.image)
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

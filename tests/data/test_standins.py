import json
from itertools import product

import numpy as np
import pytest
from busi_files import TOP, changed, opened, zip_folder
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rin.data.leakage import SAME_LESION, near_duplicates
from rin.data.manifest import load_manifest
from rin.data.pixels import show_colour
from rin.data.standins import write_stand_in
from rin.data.standins.datasets import draw_image
from rin.errors import InputError

COUNTS = {"benign": 5, "malignant": 3, "normal": 2}
BUSI = load_manifest("busi")
OTHERS = {
    "busi": COUNTS,
    "busbra": {"benign": 6, "malignant": 4},
    "ddti": {"benign": 6, "malignant": 6},
    "mrnet": dict.fromkeys(("normal", "abnormal", "acl", "meniscus", "both"), 1),
    "covid19_ct": {"positive": 6, "negative": 6},
    "cc_ccii": {"cp": 6, "ncp": 6, "normal": 2},
    "rsna_hemorrhage": {"hemorrhage": 4, "none": 4},
    "rsna_pneumonia": {"opacity": 4, "not_normal": 4, "normal": 4},
}


def stand_in(manifest, folder, counts, seed=1):
    root = write_stand_in(manifest, folder, counts, seed)
    return opened(manifest, root, folder / "index")


def test_write_stand_in_of_busi_has_exactly_its_layout(tmp_path):
    counts = COUNTS | {"benign": 12}
    root = write_stand_in(BUSI, tmp_path, counts, seed=1)
    names = sorted(path.name for path in (root / TOP / "benign").iterdir())
    plain = [f"benign ({i}){tail}.png" for i in range(1, 13) for tail in ("", "_mask")]
    assert names == sorted([*plain, "benign (11)_mask_1.png"])
    note = json.loads((root / TOP / "STAND_IN.json").read_text())
    assert (note["counts"], note["seed"]) == (counts, 1)


def test_equal_seeds_make_equal_bytes_and_others_stand_in_other_folders(tmp_path):
    few = {"benign": 2, "malignant": 1, "normal": 1}
    first, again = (write_stand_in(BUSI, tmp_path / place, few, 1) for place in "ab")
    assert first.name == again.name
    for path in (path for path in first.rglob("*") if path.is_file()):
        assert path.read_bytes() == (again / path.relative_to(first)).read_bytes()
    assert write_stand_in(BUSI, tmp_path / "a", few, 2).name != first.name
    assert write_stand_in(BUSI, tmp_path / "a", few | {"normal": 2}, 1).name != first.name


@pytest.mark.parametrize("counts", [{"benign": 5}, COUNTS | {"cyst": 1}])
def test_write_stand_in_with_unusable_counts_lists_the_names(tmp_path, counts):
    with pytest.raises(InputError, match="exactly: benign, malignant, normal"):
        write_stand_in(BUSI, tmp_path, counts, 1)


#: Kinds of cases of other datasets, the seed, and heights along the body.
REPEATED = [
    ("ddti", "benign", "malignant", 5, [0.0]),
    ("rsna_pneumonia", "normal", "opacity", 5, [0.0]),
    ("rsna_hemorrhage", "none", "hemorrhage", 4, [0.0, 0.0]),
    ("mrnet", "normal", "meniscus", 4, [0.6]),
    ("covid19_ct", "negative", "positive", 9, [-0.45, 0.0, 0.4]),
    ("cc_ccii", "cp", "ncp", 9, [-0.45, 0.0, 0.4]),
]


def looks(dataset, image):
    """Aspect and grey of a lesion that both classes have, or the grey of each part of the body."""
    pixels = image.phantom.picture()
    if dataset in ("busi", "ddti"):
        ((mask, *_),) = image.masks.values()
        height, width = np.ptp(np.nonzero(mask), axis=1) + 1
        return [np.log(height / width), pixels[mask].mean()]
    parts = [pixels[area] for area in image.phantom.areas.values()]
    return np.ravel([(part.mean(), part.std()) if part.size else (0, 0) for part in parts])


@pytest.mark.parametrize(
    ("dataset", "usual", "shown", "seed", "heights"),
    [
        ("busi", "benign", "malignant", 5, [0.0]),
        ("mrnet", "normal", "acl", 5, [0.05]),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in REPEATED),
    ],
)
def test_classes_can_be_told_apart_and_overlap(dataset, usual, shown, seed, heights):
    rows = [
        (looks(dataset, image), image.shown != usual, f"{kind}-{index}")
        for kind, index, (take, height) in product((usual, shown), range(16), enumerate(heights))
        for image in [draw_image(dataset, kind, index, seed, take, height)]
    ]
    features, labels, patients = zip(*rows, strict=True)
    model = make_pipeline(StandardScaler(), LogisticRegression())
    scores = cross_val_predict(
        model, features, labels, groups=patients, cv=GroupKFold(5), method="predict_proba"
    )[:, 1]
    assert 0.65 < roc_auc_score(labels, scores) < 0.97


@pytest.mark.parametrize(("name", "colour"), [("radiologic", False), ("photographic", True)])
def test_stand_in_corpus_has_the_classes_asked_for_and_colour_or_none(tmp_path, name, colour):
    counts = {"class_count": 8, "per_class": 3}
    dataset = stand_in(load_manifest(f"corpus_{name}"), tmp_path, counts)
    cases = dataset.cases
    assert dataset.provenance == "stand-in"
    assert cases["label"].value_counts().tolist() == [3] * 8
    assert cases["digest"].is_unique
    assert (cases[["width", "height"]] == 64).all(axis=None)
    assert show_colour(dataset.root, cases["image"]) == colour


QUICK = ("busi", "mrnet")


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in OTHERS],
)
def other(request, tmp_path_factory):
    """A stand-in of several patients, opened."""
    folder = tmp_path_factory.mktemp(request.param)
    return stand_in(load_manifest(request.param), folder, OTHERS[request.param])


def test_stand_in_as_an_archive_is_read_like_the_folder(other, tmp_path):
    place = other.root / other.location
    zip_folder(place, tmp_path / f"{place.name}.zip", f"{place.name}/")
    manifest = changed(other.manifest, locations=(f"{place.name}.zip",))
    zipped = opened(manifest, tmp_path)
    assert (zipped.provenance, zipped.digest) == ("stand-in", other.digest)


def test_pictures_of_different_patients_are_no_near_duplicates_but_for_a_planted_copy(other):
    patients = other.cases.set_index("case_id")["patient_id"]
    pairs = near_duplicates(other.cases, SAME_LESION)
    apart = pairs[pairs["case_a"].map(patients) != pairs["case_b"].map(patients)]
    planted = [["benign (1)", "benign (5)"]] if other.manifest.name == "busi" else []
    assert apart[["case_a", "case_b"]].to_numpy().tolist() == planted

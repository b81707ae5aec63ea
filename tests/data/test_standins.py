import json

import numpy as np
import pytest
from busi_files import TOP, changed, zip_folder
from scipy.ndimage import gaussian_filter
from skimage.filters import difference_of_gaussians
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rin.data.dataset import open_dataset
from rin.data.leakage import SAME_LESION, near_duplicates
from rin.data.manifest import load_manifest
from rin.data.pixels import read_picture
from rin.data.standins import write_stand_in
from rin.data.standins.datasets import draw_image
from rin.errors import InputError

COUNTS = {"benign": 5, "malignant": 3, "normal": 2}
BUSI = load_manifest("busi")
OTHERS = {
    "busi": COUNTS,
    "busbra": {"benign": 6, "malignant": 4},
    "ddti": {"benign": 6, "malignant": 6},
    "mrnet": dict.fromkeys(("normal", "abnormal", "acl", "meniscus", "both"), 2),
    "covid19_ct": {"positive": 6, "negative": 6},
    "cc_ccii": {"cp": 6, "ncp": 6, "normal": 2},
    "rsna_hemorrhage": {"hemorrhage": 4, "none": 4},
    "rsna_pneumonia": {"opacity": 4, "not_normal": 4, "normal": 4},
}


def stand_in(manifest, folder, counts, seed=1):
    root = write_stand_in(manifest, folder, counts, seed)
    return open_dataset(manifest, root, index_folder=folder / "index")


def test_write_stand_in_of_busi_has_exactly_its_layout(tmp_path):
    counts = COUNTS | {"benign": 12}
    root = write_stand_in(BUSI, tmp_path, counts, seed=1)
    names = sorted(path.name for path in (root / TOP / "benign").iterdir())
    plain = [f"benign ({i}){tail}.png" for i in range(1, 13) for tail in ("", "_mask")]
    assert names == sorted([*plain, "benign (11)_mask_1.png"])
    note = json.loads((root / TOP / "STAND_IN.json").read_text())
    assert (note["counts"], note["seed"]) == (counts, 1)


def test_equal_seeds_make_equal_bytes_and_others_stand_in_other_folders(tmp_path):
    first, again = (write_stand_in(BUSI, tmp_path / place, COUNTS, 1) for place in "ab")
    assert first.name == again.name
    for path in (path for path in first.rglob("*") if path.is_file()):
        assert path.read_bytes() == (again / path.relative_to(first)).read_bytes()
    assert write_stand_in(BUSI, tmp_path / "a", COUNTS, 2).name != first.name
    assert write_stand_in(BUSI, tmp_path / "a", COUNTS | {"normal": 1}, 1).name != first.name


@pytest.mark.parametrize(
    "counts",
    [{"benign": 5}, COUNTS | {"cyst": 1}, COUNTS | {"normal": 0}, COUNTS | {"normal": 1.5}],
)
def test_write_stand_in_with_unusable_counts_or_kind_lists_the_names(tmp_path, counts):
    with pytest.raises(InputError, match="exactly: benign, malignant, normal"):
        write_stand_in(BUSI, tmp_path, counts, 1)
    with pytest.raises(InputError, match=r"unknown stand-in 'mri'.*busi"):
        write_stand_in(changed(BUSI, stand_in="mri"), tmp_path, counts, 1)


def test_stand_in_of_busi_holds_one_near_duplicate_pair_within_a_class(tmp_path):
    counts = {"benign": 12, "malignant": 6, "normal": 4}
    pairs = near_duplicates(stand_in(BUSI, tmp_path, counts, 3).cases, SAME_LESION)
    assert pairs[["case_a", "case_b"]].to_numpy().tolist() == [["benign (1)", "benign (12)"]]


def of_breast(label, index):
    mask = draw_image("busi", ("benign", "malignant")[label], index, 5).masks["breast lesion"][0]
    height, width = np.ptp(np.nonzero(mask), axis=1) + 1
    yield [np.log(height / width), np.log(mask.mean())]


def of_thyroid(label, index):
    image = draw_image("ddti", ("benign", "malignant")[label], index, 5)
    mask = image.masks["thyroid nodule"][0]
    height, width = np.ptp(np.nonzero(mask), axis=1) + 1
    yield [image.phantom.picture()[mask].mean(), np.log(height / width)]


def histograms(dataset, kind, index):
    for take, height in enumerate((-0.45, 0.0, 0.4)):
        picture = draw_image(dataset, kind, index, 5, take, height).phantom.picture()
        yield np.histogram(picture[30:130, 25:135], bins=8, range=(0, 200))[0]


def of_chest_ct(label, index):
    return histograms("covid19_ct", ("negative", "positive")[label], index)


def of_pneumonia_ct(label, index):
    return histograms("cc_ccii", ("cp", "ncp")[label], index)


def of_radiograph(label, index):
    kind = "opacity" if label else ("normal", "not_normal")[index % 2]
    pixels = draw_image("rsna_pneumonia", kind, index, 4).phantom.picture() / 255
    left, right = pixels[25:120, 30:70], pixels[25:120, 130:90:-1]
    uneven = np.percentile(np.abs(left - right), 90)
    parts = difference_of_gaussians(pixels, 3, 9)[30:130, 25:135]
    yield [left.mean(), right.mean(), uneven, left.std(), right.std(), parts.std(), parts.max()]


def of_head(label, index):
    image = draw_image("rsna_hemorrhage", ("none", "hemorrhage")[label], index, 4, index % 2)
    smooth = gaussian_filter(255 * np.clip(image.phantom.scan() / 80, 0, 1), 2)
    dense, inner = ((smooth > 150) & (smooth < 215)).sum() ** 0.5, smooth[40:120, 45:115]
    uneven = np.abs(inner - inner[:, ::-1]).mean()
    yield [dense, np.percentile(inner, 99), inner.std(), uneven]


def of_ligament(label, index):
    phantom = draw_image("mrnet", ("normal", "acl")[label], index, 9, height=0.05).phantom
    yield [phantom.picture()[phantom.areas["ligament"]].mean()]


def of_menisci(label, index):
    phantom = draw_image("mrnet", ("normal", "meniscus")[label], index, 9, height=0.6).phantom
    yield [phantom.picture()[phantom.areas["menisci"]].mean()]


REPEATED = (of_thyroid, of_radiograph, of_head, of_menisci, of_chest_ct, of_pneumonia_ct)


@pytest.mark.parametrize(
    "describe",
    [
        *(of_breast, of_ligament),
        *(pytest.param(each, marks=pytest.mark.slow) for each in REPEATED),
    ],
)
def test_classes_can_be_told_apart_and_overlap(describe):
    rows = [
        (features, label, f"{label}-{index}")
        for label in (0, 1)
        for index in range(24)
        for features in describe(label, index)
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
    assert dataset.provenance == "stand-in"
    assert dataset.cases["label"].value_counts().tolist() == [3] * 8
    assert dataset.cases["digest"].is_unique
    assert (dataset.cases[["width", "height"]] == 64).all(axis=None)
    picture = read_picture(dataset.root, dataset.cases["image"][0], color=True)
    spread = np.ptp(picture, axis=-1).max()
    assert spread > 50 if colour else spread == 0


QUICK = ("busi", "mrnet")


@pytest.fixture(
    scope="module",
    params=[pytest.param(n, marks=[] if n in QUICK else pytest.mark.slow) for n in OTHERS],
)
def other(request, tmp_path_factory):
    """A stand-in of several patients, opened."""
    folder = tmp_path_factory.mktemp(request.param)
    return stand_in(load_manifest(request.param), folder, OTHERS[request.param])


@pytest.mark.parametrize("wrap", [pytest.param(False, marks=pytest.mark.slow), True])
def test_stand_in_as_an_archive_is_read_like_the_folder(other, tmp_path, wrap):
    place = other.root / other.location
    zip_folder(place, tmp_path / f"{place.name}.zip", f"{place.name}/" * wrap)
    manifest = changed(other.manifest, locations=(f"{place.name}.zip",))
    zipped = open_dataset(manifest, tmp_path, index_folder=tmp_path / "index")
    assert (zipped.provenance, zipped.digest) == ("stand-in", other.digest)


def test_pictures_of_different_patients_are_no_near_duplicates(other):
    patients = other.cases.set_index("case_id")["patient_id"]
    cases = other.cases[other.cases["case_id"] != "benign (5)"]  # a planted copy
    pairs = near_duplicates(cases, 40)
    assert pairs["case_a"].map(patients).eq(pairs["case_b"].map(patients)).all()

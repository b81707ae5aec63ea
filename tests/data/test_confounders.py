"""Confounders: what they change in a picture, and on whom they stand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import uniform_filter

from rin.data.confounders import CONFOUNDERS, PHOTONS, confound, confounded_rows, sampled_parts
from rin.errors import InputError

IMAGES = np.random.default_rng(0).integers(0, 256, (3, 64, 80), dtype=np.uint8)


@pytest.mark.parametrize("kind", CONFOUNDERS)
def test_confounder_keeps_shape_and_treats_gray_as_three_channels(kind):
    found = confound(kind, IMAGES)
    assert found.dtype == np.uint8
    assert found.shape == IMAGES.shape
    assert (found != IMAGES).any(axis=(1, 2)).all()
    color = confound(kind, np.stack([IMAGES] * 3, axis=-1))
    if kind != "noise":  # which is drawn for each channel
        np.testing.assert_array_equal(color, np.stack([found] * 3, axis=-1))
    np.testing.assert_array_equal(found, confound(kind, IMAGES))


def test_tag_is_white_in_its_place_and_nowhere_else():
    changed = confound("tag", np.zeros((1, 128, 128), np.uint8))[0]
    assert changed[50:70, 50:66].max() == 255
    changed[50:70, 50:66] = 0
    assert not changed.any()


@pytest.mark.parametrize(("cycles", "passed"), [(8, True), (28, False)])
def test_denoising_passes_slow_waves_and_stops_fast_ones(cycles, passed):
    wave = 127 + 100 * np.sin(2 * np.pi * cycles * np.arange(64) / 64)
    image = np.rint(np.tile(wave, (64, 1))).astype(np.uint8)[None]
    left = np.ptp(confound("denoising", image).astype(int))
    assert left >= 198 if passed else left <= 2


def test_noise_has_the_variance_of_counts():
    level = np.full((1, 300, 300), 128, np.uint8)
    found = confound("noise", level).astype(float)
    assert found.mean() == pytest.approx(128, abs=0.2)
    assert found.var() == pytest.approx(128 * 255 / PHOTONS, rel=0.05)
    assert (confound("noise", level) != confound("noise", level, seed=1)).any()
    assert uniform_filter(found[0], 30).std() < 1


@settings(deadline=None)
@given(st.lists(st.booleans(), min_size=1, max_size=60), st.floats(0, 1), st.integers(0, 9))
def test_share_of_the_positive_images_and_no_negative_one(labels, share, seed):
    labels = np.array(labels, int)
    rows = confounded_rows(labels, share, seed=seed)
    assert rows.sum() == round(share * labels.sum())
    assert not rows[labels == 0].any()


def patients(per_pool=20, images=2):
    rows = [
        (f"{group}{label}{p}-{k}", f"{group}{label}{p}", label, group)
        for group in "AB" for label in (0, 1) for p in range(per_pool) for k in range(images)
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=["case_id", "patient_id", "label", "group"])


SIZES = {"train": 6, "validation": 3, "test": 5}


@settings(deadline=None, max_examples=12)
@given(st.sampled_from([0, 0.2, 0.5, 1]), st.integers(0, 20))
def test_sampled_confounder_is_reversed_in_the_test_and_divides_no_patient(share, seed):
    cases = patients()
    found = sampled_parts(cases, ("A", "B"), share, SIZES, seed=seed).merge(cases)
    assert (found.groupby("patient_id")["part"].nunique() == 1).all()
    people = found.drop_duplicates("patient_id")
    counted = people.groupby(["part", "label", "group"]).size().to_dict()
    expected = {("test", 1, "A"): 5, ("test", 0, "B"): 5}
    for part in ("train", "validation"):
        confounded = round(share * SIZES[part])
        expected |= {(part, 0, "A"): SIZES[part], (part, 1, "B"): confounded}
        expected |= {(part, 1, "A"): SIZES[part] - confounded}
    assert counted == {key: n for key, n in expected.items() if n}
    test = found.loc[found["part"] == "test", "case_id"].tolist()
    clean = sampled_parts(cases, ("A", "B"), 0, SIZES, seed=seed)
    assert clean.loc[clean["part"] == "test", "case_id"].tolist() == test


def test_parts_of_more_patients_than_there_are_are_refused():
    said = "0 patients of A are left with label 1, but part train needs 6"
    with pytest.raises(InputError, match=said):
        sampled_parts(patients(8), ("A", "B"), 0, SIZES, seed=0)

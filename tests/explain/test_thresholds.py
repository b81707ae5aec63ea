import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from rin.errors import InputError
from rin.explain.dice import cam_dice
from rin.explain.thresholds import (
    best_threshold,
    crossfitted_dice,
    gray_histograms,
    threshold_curve,
)

pictures = st.integers(0, 2**32 - 1).map(
    lambda seed: np.random.default_rng(seed).integers(0, 256, (3, 5, 4)).astype(np.uint8)
)
lesions = arrays(bool, (3, 5, 4))


def random_pair(n=12, side=9, seed=4):
    """Maps that are a little brighter on their lesion, a rectangle."""
    rng = np.random.default_rng(seed)
    masks = np.zeros((n, side, side), bool)
    for mask in masks:
        top, left = rng.integers(0, side - 3, 2)
        mask[top : top + 3, left : left + 3] = True
    cams = rng.integers(0, 200, masks.shape) + 55 * masks
    return cams.astype(np.uint8), masks


@given(pictures, lesions)
@settings(max_examples=30, deadline=None)
def test_histograms_equal_numpy_histogram_within_the_lesion_and_anywhere(cams, masks):
    inside, anywhere = gray_histograms(cams, masks)
    for k in range(3):
        for counts, values in ((inside, cams[k][masks[k]]), (anywhere, cams[k])):
            np.testing.assert_array_equal(counts[k], np.histogram(values, range(257))[0])


@given(pictures, lesions)
@settings(max_examples=30, deadline=None)
def test_threshold_curve_equals_dice_at_each_threshold_by_itself(cams, masks):
    expected = np.stack([cam_dice(cams, masks, t) for t in range(256)], axis=1)
    np.testing.assert_array_equal(threshold_curve(cams, masks), expected)


def test_threshold_curve_of_a_literal_map_steps_at_its_levels():
    cam = np.array([[[10, 20], [30, 40]]], np.uint8)
    mask = np.array([[[0, 0], [0, 1]]], np.uint8)
    (curve,) = threshold_curve(cam, mask)
    assert curve[[0, 9]] == pytest.approx([2 / 5, 2 / 5])
    assert curve[[10, 19, 20, 29, 30, 39, 40, 255]] == pytest.approx(
        [2 / 4, 2 / 4, 2 / 3, 2 / 3, 1, 1, 0, 0]
    )


def test_threshold_curve_without_a_lesion_is_zero_while_anything_is_called_and_then_nan():
    (curve,) = threshold_curve(np.array([[[7, 7]]], np.uint8), np.zeros((1, 1, 2), bool))
    assert (curve[:7] == 0).all()
    assert np.isnan(curve[7:]).all()


def test_threshold_curve_of_masks_of_another_size_raises():
    with pytest.raises(InputError, match="one size"):
        threshold_curve(np.zeros((1, 2, 2), np.uint8), np.zeros((1, 3, 2), bool))


def test_best_threshold_is_the_one_of_the_largest_mean_dice_of_all():
    cams, masks = random_pair()
    means = [cam_dice(cams, masks, t).mean() for t in range(256)]
    chosen = best_threshold(threshold_curve(cams, masks))
    assert means[chosen] == pytest.approx(max(means))
    assert chosen == int(np.argmax(np.round(means, 9)))


def test_best_threshold_of_equal_scores_is_the_lowest():
    curves = np.zeros((2, 256))
    curves[:, 100:150] = 0.4
    assert best_threshold(curves) == 100


def test_best_threshold_of_scores_that_differ_by_rounding_is_the_lowest():
    curves = np.zeros((3, 256))
    curves[:, 10], curves[:, 20] = [0.3, 0.2, 0.1], [0.1, 0.2, 0.3]
    assert curves[:, 20].sum() > curves[:, 10].sum()
    assert best_threshold(curves) == 10


def test_crossfitted_dice_equals_a_loop_over_patients():
    curves = threshold_curve(*random_pair())
    patients = np.array(list("aabbbcdeeffg"))
    expected = np.empty(len(curves))
    for patient in set(patients):
        own = patients == patient
        expected[own] = curves[own, best_threshold(curves[~own])]
    np.testing.assert_array_equal(crossfitted_dice(curves, patients), expected)


def test_crossfitted_dice_never_uses_the_patients_own_images():
    """Two patients who are best served by different thresholds get each other's."""
    curves = np.zeros((3, 256))
    curves[:2, 50], curves[2, 200] = 1.0, 1.0
    curves[:2, 200], curves[2, 50] = 0.3, 0.1
    assert crossfitted_dice(curves, ["a", "a", "b"]).tolist() == [0.3, 0.3, 0.1]


def test_crossfitted_dice_weighs_images_of_the_others_equally():
    curves = np.zeros((4, 256))
    curves[0, 10], curves[1:3, 20] = 0.5, 0.3
    curves[3, 10], curves[3, 20] = 0.7, 0.9
    assert crossfitted_dice(curves, ["a", "b", "b", "c"])[3] == 0.9


def test_crossfitted_dice_lies_below_the_best_threshold_chosen_on_the_same_images():
    curves = threshold_curve(*random_pair())
    best = curves[:, best_threshold(curves)].mean()
    assert crossfitted_dice(curves, np.arange(len(curves))).mean() <= best


def test_crossfitted_dice_of_one_patient_is_undefined():
    assert np.isnan(crossfitted_dice(np.zeros((2, 256)), ["a", "a"])).all()


def test_crossfitted_dice_when_patients_are_missing_raises():
    with pytest.raises(InputError, match="1 patients beside 2 images"):
        crossfitted_dice(np.zeros((2, 256)), ["a"])


@pytest.mark.parametrize("curves", [np.zeros((0, 256)), np.full((1, 256), np.nan)])
def test_thresholds_of_no_image_or_of_one_without_a_lesion_raise(curves):
    with pytest.raises(InputError, match="with a lesion only"):
        best_threshold(curves)
    with pytest.raises(InputError, match="with a lesion only"):
        crossfitted_dice(curves, ["a"] * len(curves))

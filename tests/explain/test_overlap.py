import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import f1_score

from rin.errors import InputError
from rin.explain import overlap


def test_dice_of_random_masks_equals_sklearn_f1():
    rng = np.random.default_rng(2)
    prediction, mask = rng.random((2, 6, 9, 7)) > 0.6
    expected = [f1_score(m.ravel(), p.ravel()) for p, m in zip(prediction, mask, strict=True)]
    np.testing.assert_allclose(overlap.dice(prediction, mask), expected, rtol=1e-12)


def test_dice_when_one_side_is_empty_is_zero_and_when_both_are_is_nan():
    empty, full = np.zeros((1, 2, 2), bool), np.ones((1, 2, 2), bool)
    assert overlap.dice(full, empty)[0] == 0
    assert overlap.dice(empty, full)[0] == 0
    assert np.isnan(overlap.dice(empty, empty)[0])


def test_dice_when_sizes_differ_raises():
    with pytest.raises(InputError, match="one size"):
        overlap.dice(np.zeros((1, 2, 2), bool), np.zeros((1, 3, 3), bool))


def test_dice_of_integer_prediction_raises():
    with pytest.raises(InputError, match="boolean"):
        overlap.dice(np.zeros((1, 2, 2), int), np.zeros((1, 2, 2), bool))


def test_cam_dice_at_the_threshold_itself_predicts_nothing():
    cams = np.array([[[180, 181]], [[180, 180]]], np.uint8)
    masks = np.array([[[0, 1]], [[0, 1]]], np.uint8)
    assert overlap.cam_dice(cams, masks).tolist() == [1.0, 0.0]


def test_cam_dice_of_float_maps_raises():
    with pytest.raises(InputError, match="to_uint8"):
        overlap.cam_dice(np.zeros((1, 2, 2)), np.zeros((1, 2, 2)))


def test_whole_image_dice_of_quarter_lesion_is_two_fifths():
    masks = np.zeros((1, 4, 4), bool)
    masks[0, :2, :2] = True
    assert overlap.whole_image_dice(masks)[0] == pytest.approx(0.4)


def test_mean_lesion_size_averages_boxes_of_outlined_masks():
    masks = np.zeros((3, 10, 10), bool)
    masks[0, 2:4, 1:7] = True
    masks[1, 0:8, 5:7] = True
    assert overlap.mean_lesion_size(masks) == (5.0, 4.0)


def test_mean_lesion_size_without_lesions_raises():
    with pytest.raises(InputError, match="no mask"):
        overlap.mean_lesion_size(np.zeros((2, 3, 3), bool))


def test_centred_ellipse_dice_of_that_ellipse_is_one():
    y, x = np.mgrid[:41, :61]
    mask = ((y - 20) / 10) ** 2 + ((x - 30) / 15) ** 2 < 1
    assert overlap.centred_ellipse_dice(mask[None], (20, 30))[0] == pytest.approx(1)
    assert overlap.centred_ellipse_dice(mask.T[None], (20, 30))[0] < 0.9


def test_baseline_table_leaves_out_cases_without_lesion():
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 1:3, 1:3] = True
    table = overlap.baseline_table(masks, (2, 2)).set_index("baseline")["dice"]
    assert table["whole image"] == pytest.approx(8 / 20)
    assert table["centred ellipse"] == pytest.approx(1)


def _rows(init="radiologic", **changes):
    columns = {
        "task": "breast",
        "fold": 0,
        "scenario": "ResNet50-freeze_all-1e-02",
        "backbone": "ResNet50",
        "unfreezing": "freeze_all",
        "learning_rate": 1e-2,
        "init": init,
        "seed": 0,
        "case_id": ["a", "b", "c"],
        "patient_id": ["a", "b", "c"],
        "part": "test",
        "label": [1, 0, 0],
        "score": [0.9, 0.8, 0.1],
    }
    return pd.DataFrame(columns | changes)


@pytest.fixture
def masks():
    """Masks of cases c, b, a: c is normal, b left half, a right half."""
    masks = np.zeros((3, 4, 4), bool)
    masks[1, :, :2] = True
    masks[2, :, 2:] = True
    return masks


@pytest.fixture
def cams():
    """Class 0 looks left, class 1 right, in every case."""
    cams = np.zeros((3, 4, 4, 2), np.float32)
    cams[:, :, :2, 0] = 1
    cams[:, :, 2:, 1] = 1
    return cams


@pytest.mark.parametrize(
    ("target", "expected"),
    [("predicted", [1.0, 0.0]), ("label", [1.0, 1.0]), ("positive", [1.0, 0.0])],
)
def test_dice_table_takes_the_map_of_the_target_class(masks, cams, target, expected):
    table = overlap.dice_table([(_rows(), cams)], ["c", "b", "a"], masks, target=target)
    assert table["case_id"].tolist() == ["a", "b"]
    assert table["dice"].tolist() == expected


def test_dice_table_by_predicted_class_follows_the_score(masks, cams):
    rows = _rows(score=[0.2, 0.2, 0.2])
    table = overlap.dice_table([(rows, cams)], ["c", "b", "a"], masks)
    assert table["target"].tolist() == [0, 0]
    assert table["dice"].tolist() == [0.0, 1.0]


def test_dice_table_when_maps_are_missing_raises(masks, cams):
    with pytest.raises(InputError, match="3 rows, 2 maps"):
        overlap.dice_table([(_rows(), cams[:2])], ["c", "b", "a"], masks)


def test_dice_table_when_a_case_has_no_mask_raises(masks, cams):
    with pytest.raises(InputError, match="1 cases without a mask"):
        overlap.dice_table([(_rows(), cams)], ["c", "b", "x"], masks)


def test_dice_table_of_unknown_target_lists_targets(masks, cams):
    with pytest.raises(InputError, match="positive"):
        overlap.dice_table([(_rows(), cams)], ["c", "b", "a"], masks, target="argmax")


def test_scenario_and_init_dice_average_cases_then_scenarios():
    first = _rows().assign(dice=[0.1, 0.2, 0.3])
    second = _rows(scenario="other", case_id=["a", "b", "d"]).assign(dice=[0.6, 0.6, 0.6])
    scenarios = overlap.scenario_dice(pd.concat([first, second]))
    assert scenarios["dice"].tolist() == pytest.approx([0.2, 0.6])
    assert scenarios["n_cases"].tolist() == [3, 3]
    inits = overlap.init_dice(scenarios)
    assert inits.loc[0, "mean"] == pytest.approx(0.4)
    assert inits.loc[0, "sd"] == pytest.approx(np.std([0.2, 0.6], ddof=1))


def test_scenario_dice_with_undefined_score_raises():
    with pytest.raises(InputError, match="undefined"):
        overlap.scenario_dice(_rows().assign(dice=[0.1, np.nan, 0.3]))

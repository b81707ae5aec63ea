import numpy as np
import pytest
from skimage.measure import regionprops

from rin.errors import InputError
from rin.explain.baselines import (
    baseline_pictures,
    baseline_scores,
    baseline_table,
    lesion_sizes,
    others_lesion_size,
)


@pytest.fixture
def masks():
    """A box of 2 × 6 pixels, one of 8 × 2, nothing, and two spots of one lesion."""
    masks = np.zeros((4, 10, 10), bool)
    masks[0, 2:4, 1:7] = True
    masks[1, 0:8, 5:7] = True
    masks[3, 1, 1] = masks[3, 8, 4] = True
    return masks


def test_lesion_sizes_equal_bounding_boxes_of_regionprops(masks):
    sizes = lesion_sizes(masks)
    for size, mask in zip(sizes[[0, 1, 3]], masks[[0, 1, 3]], strict=True):
        top, left, bottom, right = regionprops(mask.astype(np.uint8))[0].bbox
        assert size.tolist() == [bottom - top, right - left]
    assert np.isnan(sizes[2]).all()


def mean_box(masks):
    """Oracle: mean height and width of the boxes of regionprops, of masks with a lesion."""
    boxes = np.array([regionprops(m.astype(np.uint8))[0].bbox for m in masks if m.any()])
    return (boxes[:, 2:] - boxes[:, :2]).mean(axis=0)


def test_others_lesion_size_leaves_out_every_image_of_the_patient(masks):
    patients = np.array(["a", "b", "a", "b"])
    found = others_lesion_size(lesion_sizes(masks), patients)
    for patient, size in zip(patients, found, strict=True):
        assert size == pytest.approx(mean_box(masks[patients != patient]))


def test_others_lesion_size_when_one_patient_alone_has_a_lesion_raises(masks):
    with pytest.raises(InputError, match="somebody else"):
        others_lesion_size(lesion_sizes(masks[[0, 2]]), ["a", "b"])


def test_others_lesion_size_when_patients_are_missing_raises(masks):
    with pytest.raises(InputError, match="each image's patient"):
        others_lesion_size(lesion_sizes(masks), ["a", "b"])


def test_ellipse_is_that_of_its_equation_in_the_middle():
    y, x = np.mgrid[:41, :61]
    drawn = baseline_pictures((41, 61), (20, 30))["centred ellipse"]
    np.testing.assert_array_equal(drawn > 0, ((y - 20) / 10) ** 2 + ((x - 30) / 15) ** 2 < 1)
    assert set(np.unique(drawn)) == {0, 255}


@pytest.mark.parametrize(
    ("shape", "middle"),
    [((5, 5), [[2, 2]]), ((4, 5), [[1, 2], [2, 2]]), ((2, 2), [[0, 0], [0, 1], [1, 0], [1, 1]])],
)
def test_centre_point_is_the_pixel_or_pixels_around_the_middle(shape, middle):
    assert np.argwhere(baseline_pictures(shape, (1, 1))["centre point"]).tolist() == middle


def test_baseline_scores_of_a_centred_square_follow_from_its_share_of_the_image():
    masks = np.zeros((1, 8, 8), bool)
    masks[0, 2:6, 2:6] = True
    table = baseline_scores(masks, (4, 4), tolerance=0).set_index("baseline")
    share = 16 / 64
    whole = table.loc["whole image"]
    assert whole["dice"] == pytest.approx(2 * share / (1 + share))
    assert whole["pointing"] == whole["average_precision"] == share
    y, x = np.mgrid[:8, :8]
    area = (((y - 3.5) / 2) ** 2 + ((x - 3.5) / 2) ** 2 < 1).sum()
    drawn = table.loc["centred ellipse"]
    assert drawn["dice"] == pytest.approx(2 * area / (16 + area))
    assert drawn["pointing"] == 1
    found = area / 16  # precision is 1 within the ellipse, and the share of the lesion at last
    assert drawn["average_precision"] == pytest.approx(found + (1 - found) * share)
    assert table.loc["centre point", "pointing"] == 1
    assert table.loc["centre point", ["dice", "average_precision"]].isna().all()


def test_baseline_scores_take_the_tolerance_of_the_pointing_game():
    masks = np.zeros((1, 9, 9), bool)
    masks[0, 4, 6] = True
    for tolerance, hit in ((1, 0.0), (2, 1.0)):
        table = baseline_scores(masks, (2, 2), tolerance=tolerance).set_index("baseline")
        assert table.loc["centre point", "pointing"] == hit


def test_baseline_scores_draw_each_image_an_ellipse_of_its_own():
    masks = np.zeros((2, 9, 9), bool)
    masks[:, 3:6, 3:6] = True
    table = baseline_scores(masks, np.array([[3.2, 3.2], [9.0, 9.0]]), tolerance=0)
    drawn = table[table["baseline"] == "centred ellipse"].set_index("image")["dice"]
    assert drawn[0] > drawn[1]


def test_baseline_scores_of_an_empty_mask_raise():
    with pytest.raises(InputError, match="1 of 2 masks outline nothing"):
        baseline_scores(np.stack([np.ones((3, 3)), np.zeros((3, 3))]), (1, 1), tolerance=0)


def test_baseline_table_averages_images():
    masks = np.zeros((2, 4, 4), bool)
    masks[0, 1:3, 1:3] = True
    masks[1] = True
    table = baseline_table(baseline_scores(masks, (2, 2), tolerance=0)).set_index("baseline")
    assert table.loc["whole image", "dice"] == pytest.approx((8 / 20 + 1) / 2)
    assert table.loc["whole image", "average_precision"] == pytest.approx((0.25 + 1) / 2)
    assert table.loc["centre point", "pointing"] == 1

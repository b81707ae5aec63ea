from itertools import product
from math import dist

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.metrics import average_precision_score

from rin.errors import InputError
from rin.explain import overlap
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import (
    baseline_scores,
    cam_dice,
    crossfitted_dice,
    near_lesion,
    pixel_average_precision,
    pointing_game,
    threshold_curve,
    typical_lesion_size,
)

SIDE = 7
seeds = st.integers(0, 10**6)


@pytest.mark.parametrize("measure", [cam_dice, pixel_average_precision])
def test_measures_of_maps_that_are_no_gray_levels_raise(measure):
    with pytest.raises(InputError, match="to_uint8"):
        measure(np.full((1, 2, 2), 0.5), np.zeros((1, 2, 2), bool))


@given(seeds, arrays(bool, (3, 5, 4)))
@settings(max_examples=30)
def test_threshold_curve_equals_dice_at_each_threshold_by_itself(seed, masks):
    masks[0] = False
    cams = np.random.default_rng(seed).integers(0, 256, (3, 5, 4)).astype(np.uint8)
    curves = threshold_curve(cams, masks)
    for threshold, scores in enumerate(curves.T):
        called = cams > threshold
        total = called.sum(axis=(1, 2)) + masks.sum(axis=(1, 2))
        with np.errstate(invalid="ignore"):  # 0 / 0 where both are empty
            np.testing.assert_array_equal(scores, 2 * (called & masks).sum(axis=(1, 2)) / total)
    np.testing.assert_array_equal(cam_dice(cams, masks), curves[:, 180])


def test_threshold_of_equal_scores_that_differ_by_rounding_is_the_lowest():
    curves = np.zeros((4, 256))
    curves[:3, 10], curves[:3, 20] = [0.3, 0.2, 0.1], [0.1, 0.2, 0.3]
    assert curves[:, 20].sum() > curves[:, 10].sum()
    curves[3, 10] = 1  # the score of the patient whose threshold the others choose
    assert crossfitted_dice(curves, list("aaab"))[3] == 1


def test_crossfitted_dice_equals_a_loop_over_patients():
    patients = np.array(list("aabbbcdeeffg"))
    cams, masks = np.random.default_rng(4).integers(0, 256, (2, 12, 9, 9)).astype(np.uint8)
    curves = threshold_curve(cams, masks > 200)
    expected = np.empty(len(curves))
    for patient in set(patients):
        own = patients == patient
        expected[own] = curves[own, np.round(curves[~own].sum(axis=0), 9).argmax()]
    np.testing.assert_array_equal(crossfitted_dice(curves, patients), expected)


def test_margin_is_the_published_one_at_the_papers_size_and_in_proportion_elsewhere():
    for side, margin in {256: 15, 512: 30, 128: 8, 64: 4}.items():
        assert near_lesion(np.eye(1, side)[None]).sum() == 1 + margin


@given(seeds, st.integers(0, 3), st.sampled_from([0, 1, 3, 256]))
@settings(max_examples=40)
def test_pointing_game_equals_the_share_of_maxima_near_the_lesion_by_brute_force(
    seed, tolerance, levels
):
    """A map without a positive value misses; without a lesion there is nothing to hit."""
    rng = np.random.default_rng(seed)
    masks = rng.random((4, SIDE, SIDE + 17 * tolerance)) > 0.9
    masks[:, 0, 0], masks[3] = True, False
    maps = rng.integers(-1, levels, masks.shape)
    expected = []
    for cam, mask in zip(maps[:3], masks, strict=False):
        tops = np.argwhere((cam == cam.max()) & (cam > 0))
        nearest = [min(dist(top, pixel) for pixel in np.argwhere(mask)) for top in tops]
        expected.append(np.mean([gap <= tolerance for gap in nearest] or [0]))
    found = pointing_game(maps, near_lesion(masks))
    np.testing.assert_allclose(found, [*expected, np.nan])


@given(seeds, st.sampled_from([1, 2, 6, 256]))
@settings(max_examples=40)
def test_pixel_average_precision_equals_sklearn_with_ties_and_without_contrast(seed, levels):
    rng = np.random.default_rng(seed)
    masks = rng.random((3, SIDE, SIDE)) > 0.7
    masks[:, 0, 0] = True
    maps = rng.integers(0, levels, masks.shape).astype(np.uint8)
    expected = [
        average_precision_score(m.ravel(), c.ravel()) for c, m in zip(maps, masks, strict=True)
    ]
    np.testing.assert_allclose(pixel_average_precision(maps, masks), expected, rtol=1e-12)


@pytest.fixture
def lesions():
    """A box of 2 × 6 pixels, one of 8 × 2, nothing, and two spots of one lesion."""
    masks = np.zeros((4, 10, 10), bool)
    masks[0, 2:4, 1:7] = True
    masks[1, 0:8, 5:7] = True
    masks[3, 1, 1] = masks[3, 8, 4] = True
    return masks


def test_others_lesion_size_leaves_out_every_image_of_the_patient(lesions):
    found = typical_lesion_size(lesions, list("abab"))
    assert found.tolist() == [[8, 3], [2, 6]] * 2


@pytest.mark.parametrize("patients", ["aaaa", "aaba"])
def test_others_lesion_size_without_a_lesion_of_another_patient_raises(lesions, patients):
    with pytest.raises(InputError, match="a size needs lesions of somebody else"):
        typical_lesion_size(lesions, [*patients])


def test_baseline_scores_of_a_centred_box_follow_from_its_share_of_the_image():
    masks = np.zeros((1, 8, 8), bool)
    masks[0, 3:5, 1:7] = True
    share = 12 / 64
    y, x = np.mgrid[-3.5:4, -3.5:4]
    area = (y**2 + (x / 3) ** 2 < 1).sum()
    found = area / 12
    rows = [
        # Precision is 1 within the ellipse, and the share of the lesion at last.
        ("centred ellipse", 2 * area / (12 + area), 1.0, found + (1 - found) * share),
        ("whole image", 2 * share / (1 + share), share, share),
        ("centre point", np.nan, 1.0, np.nan),
    ]
    expected = pd.DataFrame(rows, columns=["baseline", "dice", "pointing", "average_precision"])
    table = baseline_scores(masks, [(2, 6)])
    pd.testing.assert_frame_equal(table.drop(columns="image"), expected)
    quarter = np.zeros((1, 8, 8), bool)
    quarter[0, 4:, 4:] = True  # of four pixels around the middle, one is in it
    assert baseline_scores(quarter, [(2, 2)])["pointing"].tolist()[-1] == 0.25


def random_study():
    """Two scenarios, inits and folds over eight cases, of which every fourth has no lesion."""
    rng, ids = np.random.default_rng(3), list("abcdefgh")
    masks = rng.random((8, 12, 12)) > 0.8
    masks[::4] = False
    cases = pd.DataFrame({"task": "t", "case_id": ids, "patient_id": list("ppqqrrss")})
    runs = []
    for scenario, init, fold in product(("s1", "s2"), ("radiologic", "photographic"), (0, 1)):
        rows = cases[:: 1 - 2 * fold].reset_index(drop=True)
        rows = rows.assign(scenario=scenario, init=init, fold=fold, score=rng.normal(size=8))
        runs.append((rows, rng.normal(size=(8, 3, 3, 2)).astype(np.float32)))
    runs[0][0].loc[2, "score"] = 0.0  # even odds count as negative
    runs[0][1][1] = -1  # nothing speaks for either class
    return runs, ids, masks


def test_overlap_holds_what_each_measure_says_of_each_image_and_best_dice_of_scenario_and_init():
    runs, ids, masks = random_study()
    tables, cams = zip(*runs, strict=True)
    rows = pd.concat(tables, ignore_index=True)
    lesions = masks[[ids.index(case) for case in rows["case_id"]]]
    target, near = (rows["score"] > 0).astype(int), near_lesion(lesions)
    pictures = to_uint8(np.concatenate(cams)[rows.index, :, :, target], 12)
    expected = rows.assign(
        target=target,
        dice=cam_dice(pictures, lesions),
        pointing=pointing_game(pictures, near),
        pointing_blind=overlap.cell_hits(near, (3, 3)),
        cells=3,
        average_precision=pixel_average_precision(pictures, lesions),
        mask_share=lesions.mean(axis=(1, 2)),
    )
    expected = expected[expected["mask_share"] > 0]
    curves = threshold_curve(pictures, lesions)
    for _, own in expected.groupby(["scenario", "init"]):
        best = crossfitted_dice(curves[own.index], own["patient_id"])
        expected.loc[own.index, "dice_best"] = best
    found = overlap.measure_overlap(runs, ids, masks)
    pd.testing.assert_frame_equal(found, expected.reset_index(drop=True))


def test_a_random_cell_hits_as_often_as_the_pointing_game_says_over_all_cells():
    _, _, masks = random_study()
    lesions = masks[masks.any(axis=(1, 2))]
    near = near_lesion(lesions)
    for grid in ((2, 2), (3, 3), (2, 3)):
        cells = to_uint8(np.eye(grid[0] * grid[1]).reshape(-1, *grid), 12)
        hits = [[pointing_game(cell[None], one[None])[0] for one in near] for cell in cells]
        blind = overlap.cell_hits(near, grid)
        np.testing.assert_allclose(blind, np.mean(hits, axis=0), rtol=1e-12)


def test_baseline_scores_take_tolerance_and_an_ellipse_for_each_image():
    masks = np.zeros((2, 9, 9), bool)
    masks[1, 3:6, 3:6] = True
    masks[0, 4, 5] = True  # beside the middle; the margin is one pixel
    table = baseline_scores(masks, [(2, 2), (3.2, 3.2)])
    assert table["pointing"][2] == 1
    larger = baseline_scores(masks, [(2, 2), (9, 9)])
    drawn = larger["baseline"] == "centred ellipse"
    assert (larger["dice"][drawn] < table["dice"][drawn]).tolist() == [False, True]

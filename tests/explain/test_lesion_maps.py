"""Mean activation around the lesion: against a loop over cells, and on maps that are known."""

from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from rin.errors import InputError
from rin.explain.gradcam import to_uint8
from rin.explain.lesion_maps import (
    lesion_centred,
    lesion_centred_mean,
    lesion_map_grid,
    lesion_map_table,
)


def boxes(n, side, rng, least=1):
    """Rectangular lesions, each with its top, left, height and width."""
    masks, ends = np.zeros((n, side, side), bool), []
    for mask in masks:
        height, width = rng.integers(least, side // 2, 2)
        top, left = (int(rng.integers(0, side - extent + 1)) for extent in (height, width))
        mask[top : top + height, left : left + width] = True
        ends.append((top, left, int(height), int(width)))
    return masks, ends


def cell_by_cell(image, ends, side, box):
    """The definition, a cell at a time."""
    top, left, height, width = ends
    grid = np.full((side, side), np.nan)
    for i in range(side):
        for j in range(side):
            y = top + height * ((i + 0.5) / side - (1 - box) / 2) / box
            x = left + width * ((j + 0.5) / side - (1 - box) / 2) / box
            if 0 <= y <= image.shape[0] and 0 <= x <= image.shape[1]:
                point = [[y - 0.5], [x - 0.5]]
                grid[i, j] = map_coordinates(image, point, order=1, mode="nearest")[0]
    return grid


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), side=st.integers(1, 9), box=st.sampled_from([0.2, 1 / 3, 1.0]))
def test_grid_is_the_map_at_the_centre_of_each_cell(seed, side, box):
    rng = np.random.default_rng(seed)
    masks, ends = boxes(3, 14, rng)
    maps = rng.normal(size=masks.shape)
    expected = [cell_by_cell(*one, side, box) for one in zip(maps, ends, strict=True)]
    np.testing.assert_allclose(lesion_centred(maps, masks, side=side, box=box), expected)
    with pytest.warns() if np.isnan(expected).all(axis=0).any() else nullcontext():
        mean = np.nanmean(expected, axis=0)
    np.testing.assert_allclose(lesion_centred_mean(maps, masks, side=side, box=box), mean)


def test_maps_that_light_up_the_box_light_up_the_central_third_alone():
    masks, _ = boxes(40, 60, np.random.default_rng(2), least=12)
    mean = lesion_centred_mean(255.0 * masks, masks, side=48, box=1 / 3)
    assert mean[18:30, 18:30].min() > 254.9  # at its rim the box blends with what is outside
    outside = np.ones((48, 48), bool)
    outside[14:34, 14:34] = False
    assert np.nanmax(mean[outside]) < 1


def test_cells_that_no_image_reaches_are_not_numbers():
    masks = np.zeros((1, 12, 12), bool)
    masks[0, 0:6, 3:9] = True  # touches the upper rim: the third above it is not in the image
    mean = lesion_centred_mean(np.ones((1, 12, 12)), masks, side=6, box=1 / 3)
    assert np.isnan(mean[:2]).all()
    assert (mean[2:4, 2:4] == 1).all()


@pytest.mark.parametrize("change", [{"side": 0}, {"box": 0.0}, {"box": 1.5}])
def test_grids_that_are_none_are_refused(change):
    with pytest.raises(InputError, match="a grid of"):
        lesion_centred(np.ones((1, 4, 4)), np.ones((1, 4, 4), bool), **change)


def test_image_without_lesion_is_refused():
    with pytest.raises(InputError, match="outline nothing"):
        lesion_centred(np.ones((1, 4, 4)), np.zeros((1, 4, 4), bool))


def run(init, unfreezing, cams, ids):
    rows = pd.DataFrame({"case_id": ids, "patient_id": ids, "label": 1, "score": 0.9})
    named = {"task": "breast", "fold": 0, "scenario": "s", "backbone": "ResNet50", "seed": 0}
    return rows.assign(**named, learning_rate=0.1, init=init, unfreezing=unfreezing), cams


def test_table_averages_all_maps_of_an_init_and_regime():
    rng = np.random.default_rng(4)
    masks, _ = boxes(4, 12, rng)
    masks[2] = False  # nothing to centre on
    ids = ["a", "b", "c", "d"]
    cams = rng.normal(size=(3, 4, 3, 3, 2)).astype(np.float32)
    runs = [
        run("radiologic", "freeze_all", cams[0], ids),
        run("radiologic", "freeze_all", cams[1], ids),
        run("photographic", "freeze_all", cams[2], ids),
    ]
    table = lesion_map_table(runs, np.array(ids), masks, side=6)
    own = table[table["init"] == "radiologic"]
    marked = [0, 1, 3]
    pictures = np.concatenate([to_uint8(one[marked, :, :, 1], 12) for one in cams[:2]])
    expected = lesion_centred_mean(pictures, np.concatenate([masks[marked]] * 2), side=6)
    np.testing.assert_allclose(lesion_map_grid(own, 6), expected, atol=0.51)
    assert set(table["init"]) == {"radiologic", "photographic"}
    assert own["n_maps"].max() == 6


def test_table_without_marked_lesions_has_no_rows():
    runs = [run("radiologic", "freeze_all", np.ones((1, 2, 2, 2), np.float32), ["a"])]
    assert lesion_map_table(runs, np.array(["a"]), np.zeros((1, 4, 4), bool)).empty

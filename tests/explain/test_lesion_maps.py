"""Mean activation around the lesion: against a loop over cells, and on maps that are known."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import map_coordinates

from rin.errors import InputError
from rin.explain import overlap
from rin.explain.gradcam import to_uint8
from rin.explain.overlap import lesion_centred, lesion_map_grid, lesion_map_table


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
    expected = [
        cell_by_cell(image, place, side, box) for image, place in zip(maps, ends, strict=True)
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(overlap, "SIDE", side)
        patch.setattr(overlap, "BOX", box)
        np.testing.assert_allclose(lesion_centred(maps, masks), expected)


def test_image_without_lesion_is_refused():
    with pytest.raises(InputError, match="outline nothing"):
        lesion_centred(np.ones((1, 4, 4)), np.zeros((1, 4, 4), bool))


def run(init, unfreezing, cams, ids):
    rows = pd.DataFrame({"case_id": ids, "patient_id": ids, "label": 1, "score": 0.9})
    named = {"task": "breast", "fold": 0, "scenario": "s", "backbone": "ResNet50", "seed": 0}
    return rows.assign(**named, learning_rate=0.1, init=init, unfreezing=unfreezing), cams


def test_table_averages_all_maps_of_an_init_and_regime(monkeypatch):
    monkeypatch.setattr(overlap, "SIDE", 6)
    rng = np.random.default_rng(4)
    masks, _ = boxes(4, 12, rng)
    masks[2] = False  # nothing to centre on
    ids = ["a", "b", "c", "d"]
    cams = rng.normal(size=(3, 4, 3, 3, 2)).astype(np.float32)
    inits = ("radiologic", "radiologic", "photographic")
    runs = [run(init, "freeze_all", own, ids) for init, own in zip(inits, cams, strict=True)]
    table = lesion_map_table(runs, np.array(ids), masks)
    own = table[table["init"] == "radiologic"]
    marked = [0, 1, 3]
    pictures = np.concatenate([to_uint8(cam[marked, :, :, 1], 12) for cam in cams[:2]])
    centred = lesion_centred(pictures, np.concatenate([masks[marked]] * 2))
    reached = np.isfinite(centred).any(axis=0)
    grid = lesion_map_grid(own)
    assert (np.isfinite(grid) == reached).all()  # cells that no image reaches are left out
    np.testing.assert_allclose(grid[reached], np.nanmean(centred[:, reached], axis=0), atol=0.51)
    assert set(table["init"]) == {"radiologic", "photographic"}
    assert own["n_maps"].max() == 6


def test_table_without_marked_lesions_has_no_rows():
    runs = [run("radiologic", "freeze_all", np.ones((1, 2, 2, 2), np.float32), ["a"])]
    assert lesion_map_table(runs, np.array(["a"]), np.zeros((1, 4, 4), bool)).empty

"""The one map that the page on a task of one's own shows."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report import live


def workspace_of(cases):
    """Two images of 4 × 4 pixels, the second marked, of the classes benign and malignant."""
    images = np.stack([np.zeros((4, 4), np.uint8), np.full((4, 4), 9, np.uint8)])
    table = pd.DataFrame({"case_id": cases, "label": ["benign", "malignant"]})
    store = SimpleNamespace(cases=table, size=4, images=lambda: images, masks=lambda: images)
    return SimpleNamespace(inputs=lambda task: SimpleNamespace(store=store, labels=[0, 1]))


def run_of(scenario, value, row, label):
    rows = pd.DataFrame({"case_id": ["b", "a"], "init": "radiologic", "scenario": scenario})
    maps = np.zeros((2, 2, 2, 2), np.float32)
    maps[row, 0, 0, label] = value
    return rows, maps


def test_map_of_largest_value_is_beside_its_own_image_with_its_run(monkeypatch):
    made = [run_of("weak", 1, 1, 0), run_of("strong", 2, 0, 1)]
    monkeypatch.setattr(live, "cam_arrays", lambda workspace, task: made)
    drawn = []

    def row(images, titles, masks):
        drawn.extend([images[0].max(), titles])
        return plt.subplots(1, 2)[1]

    monkeypatch.setattr(live, "image_row", row)
    shown = live.map_with_largest_value(workspace_of(["a", "b"]), "task")
    assert drawn == [9, ["b", "map of “malignant”"]]
    assert repr(shown) == "A test image with its mask, and its map"


def test_maps_without_a_positive_value_stop_the_page(monkeypatch):
    monkeypatch.setattr(live, "cam_arrays", lambda workspace, task: [run_of("dead", -1, 0, 0)])
    with pytest.raises(InputError, match="a map has a positive value"):
        live.map_with_largest_value(workspace_of(["a", "b"]), "task")

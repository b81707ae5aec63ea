import itertools

import numpy as np
import pandas as pd
import pytest
from overlaps import overlapping_texts

from rin.errors import InputError
from rin.report import maps
from rin.report.style import UNFREEZING_LABEL, use_style

INITS = ("radiologic", "photographic")


@pytest.fixture
def around():
    pairs = itertools.product(INITS, UNFREEZING_LABEL)
    return {pair: np.full((12, 12), 0.1 * place) for place, pair in enumerate(pairs)}


def test_lesion_maps_share_one_scale_and_show_the_box(around):
    use_style()
    axes = maps.lesion_maps(around, UNFREEZING_LABEL)
    assert axes.shape == (2, 3)
    assert {ax.images[0].get_clim() for ax in axes.flat} == {(0.0, 0.5)}
    box = axes[0, 0].patches[0]
    assert (*box.get_xy(), box.get_width(), box.get_height()) == (3.5, 3.5, 4, 4)
    assert overlapping_texts(axes[0, 0].figure) == []


def test_lesion_maps_leave_a_missing_regime_empty(around):
    del around["photographic", "freeze_all"]
    axes = maps.lesion_maps(around, UNFREEZING_LABEL)
    assert sum(len(ax.images) for ax in axes.flat) == 5


def test_lesion_maps_of_unknown_regime_name_the_known(around):
    with pytest.raises(InputError, match="freeze_all"):
        maps.lesion_maps({("radiologic", "half"): np.zeros((3, 3))}, UNFREEZING_LABEL)
    with pytest.raises(InputError, match="at least one"):
        maps.lesion_maps({}, UNFREEZING_LABEL)


def test_cam_panel_has_a_row_a_case_and_a_column_an_init():
    use_style()
    scores = {"score_radiologic": [0.9, 0.2], "score_photographic": [0.5, 0.4]}
    cases = pd.DataFrame({"case_id": ["a" * 60, "b $x$"], "label": "malignant", **scores})
    pixels = np.zeros((2, 16, 16), dtype=np.uint8)
    cam = np.tile(np.arange(0, 256, 16, dtype=np.uint8), (2, 16, 1))
    look = {"positive_class": "malignant", "threshold": 180}
    axes = maps.cam_panel(pixels, pixels, dict.fromkeys(INITS, cam), cases, **look)
    assert axes.shape == (2, 3)
    assert axes[0, 1].get_title(loc="left") == "Radiologic\nmalignant: 0.90"
    assert "…" in axes[0, 0].get_title(loc="left")
    assert not axes[1, 0]._left_title.get_parse_math()
    assert overlapping_texts(axes[0, 0].figure) == []


def test_image_row_shows_titles_and_outlines():
    use_style()
    images = [np.zeros((8, 8), dtype=np.uint8)] * 5
    axes = maps.image_row(images, list("abcde"), [np.eye(8), *[None] * 4])
    assert [ax.get_title(loc="left") for ax in axes] == list("abcde")
    assert [len(ax.collections) for ax in axes] == [1, 0, 0, 0, 0]

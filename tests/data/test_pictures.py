import numpy as np
import pytest
from busi_files import picture, save

from rin.data.pixels import read_picture, resize_picture


def test_read_picture_is_gray_or_in_colour_as_asked(tmp_path):
    save(tmp_path / "a.png", picture(3))
    gray = read_picture(tmp_path, "a.png", False, None)
    np.testing.assert_array_equal(gray, picture(3))
    color = read_picture(tmp_path, "a.png", True, None)
    np.testing.assert_array_equal(color, np.stack([gray] * 3, axis=-1))


def test_resize_picture_by_stretch_averages_when_it_halves():
    # Antialiased bilinear at half size weighs four pixels 1/8, 3/8, 3/8, 1/8 along each axis.
    row = np.array([0, 0, 80, 160, 160, 160, 0, 0], dtype=np.uint8)
    halved = resize_picture(np.tile(row, (8, 1)), 4, "stretch")
    assert halved[2, 1] == 110  # (0 + 3 * 80 + 3 * 160 + 160) / 8


def test_resize_picture_by_pad_centres_on_black_and_keeps_the_aspect():
    padded = resize_picture(np.full((4, 8), 200, dtype=np.uint8), 8, "pad")
    assert (padded[2:6] == 200).all()
    assert not padded[[0, 1, 6, 7]].any()


@pytest.mark.parametrize("resize", ["stretch", "pad"])
def test_resize_picture_of_a_mask_lies_where_its_picture_lies(resize):
    block = np.zeros((30, 60), dtype=bool)
    block[9:21, 12:48] = True
    shown = resize_picture(block.astype(np.uint8) * 255, 20, resize)
    masked = resize_picture(block, 20, resize, nearest=True)
    assert masked.dtype == bool
    np.testing.assert_array_equal(masked, shown > 127)

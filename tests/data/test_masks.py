"""What masks mark: one bright value, or labels."""

import numpy as np
import pytest
import tifffile
from PIL import Image

from rin.data.masks import has_stray_values, read_mask
from rin.errors import InputError

#: An organ, 1, around a lesion, 2, beside another lesion, 3.
LABELS = np.zeros((12, 12), np.uint8)
LABELS[1:9, 1:9] = 1
LABELS[3:6, 3:6] = 2
LABELS[9:12, 9:12] = 3


def saved(folder, pixels, name="m.png"):
    Image.fromarray(pixels).save(folder / name)
    return name


def read(folder, name, shape=LABELS.shape):
    return read_mask(folder, (name,), shape)


@pytest.mark.parametrize("factor", [1, 85])  # small numbers, or stretched to those of a picture
def test_labels_of_a_picture_are_all_marked(tmp_path, factor):
    name = saved(tmp_path, LABELS * np.uint8(factor))
    np.testing.assert_array_equal(read(tmp_path, name), LABELS > 0)


def test_smooth_border_of_a_mask_is_no_label(tmp_path):
    large = Image.fromarray(np.pad(np.full((41, 41), 255, np.uint8), 22))
    small = np.asarray(large.resize((17, 17), Image.Resampling.BILINEAR)) // 64 * 64
    assert len(np.unique(small)) > 2
    name = saved(tmp_path, small)
    np.testing.assert_array_equal(read(tmp_path, name, shape=(17, 17)), small > 96)


def test_soft_numbers_of_a_mask_are_no_labels(tmp_path):
    soft = np.where(LABELS == 3, 0.9, np.where(LABELS == 1, 0.2, 0.0)).astype(np.float32)
    name = saved(tmp_path, soft, "m.tif")
    np.testing.assert_array_equal(read(tmp_path, name), LABELS == 3)


def test_tiff_mask_in_which_zero_is_white_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "m.tif", LABELS > 0)  # it says so of numbers of one bit
    with pytest.raises(InputError, match="zero means white"):
        read(tmp_path, "m.tif")


def indexed(*colours):
    """A picture of labels 1 and 3 by indices of three colours."""
    drawn = Image.fromarray(np.select([LABELS == 1, LABELS == 3], [1, 2]).astype(np.uint8), "P")
    drawn.putpalette(np.ravel(colours).tolist())
    return drawn


def layered(white, opaque):
    drawn = np.stack([white, white, white, opaque], axis=-1)
    return Image.fromarray(np.uint8(255) * drawn)


BLACK, BLUE, WHITE = [0, 0, 0], [0, 0, 90], [255, 255, 255]
OTHER = LABELS == 3


@pytest.mark.parametrize(
    ("drawn", "marked"),
    [
        (indexed(BLACK, BLUE, WHITE), OTHER | (LABELS == 1)),
        (indexed(WHITE, BLACK, BLACK), ~(OTHER | (LABELS == 1))),  # greys are what they look like
        (indexed([90, 0, 0], BLACK, BLACK), ~(OTHER | (LABELS == 1))),
        (layered(np.zeros_like(OTHER), LABELS == 2), LABELS == 2),
        (layered(OTHER, np.ones_like(OTHER)), OTHER),  # in white, on what is opaque throughout
    ],
)
def test_mask_is_of_the_indices_of_a_palette_or_of_opacity(tmp_path, drawn, marked):
    drawn.save(tmp_path / "m.png")
    np.testing.assert_array_equal(read(tmp_path, "m.png"), marked)


def test_one_stray_bright_pixel_is_told_and_does_not_replace_the_lesion(tmp_path):
    plain = (LABELS > 0).astype(np.uint8)
    assert not has_stray_values(tmp_path, saved(tmp_path, plain))
    plain[0, 0] = 255
    name = saved(tmp_path, plain)
    assert has_stray_values(tmp_path, name)
    np.testing.assert_array_equal(read(tmp_path, name), plain > 0)

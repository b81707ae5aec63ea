import io

import numpy as np
import pytest
from busi_files import picture, save
from PIL import Image

from rin.data import pixels
from rin.data.pixels import read_mask, read_picture, resize_picture
from rin.errors import InputError

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


def test_read_picture_of_gray_png_returns_its_pixels(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    read = read_picture(tmp_path, "a.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, RAMP)


@pytest.mark.parametrize(
    ("color", "luma"), [((255, 0, 0), 76), ((0, 255, 0), 150), ((0, 0, 255), 29)]
)
def test_read_picture_of_colour_is_itu_601_luma(tmp_path, color, luma):
    Image.new("RGB", (2, 2), color).save(tmp_path / "a.png")  # 0.299 R + 0.587 G + 0.114 B
    assert (read_picture(tmp_path, "a.png") == luma).all()


def test_read_picture_of_palette_looks_the_colours_up(tmp_path):
    picture = Image.new("P", (2, 1))
    picture.putpalette([200, 200, 200, 10, 10, 10])
    picture.putdata([1, 0])
    picture.save(tmp_path / "a.png")
    assert read_picture(tmp_path, "a.png").tolist() == [[10, 200]]


def test_read_picture_of_rgba_lays_transparency_over_black(tmp_path):
    picture = Image.new("RGBA", (2, 1), (100, 100, 100, 255))
    picture.putpixel((1, 0), (100, 100, 100, 0))
    picture.save(tmp_path / "a.png")
    assert read_picture(tmp_path, "a.png").tolist() == [[100, 0]]


def test_read_picture_of_16_bit_png_is_refused_with_the_remedy(tmp_path):
    Image.fromarray(RAMP.astype(np.uint16) * 200).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: pixels of mode 'I;16'.*Window the picture"):
        read_picture(tmp_path, "a.png")


def test_read_picture_of_empty_file_says_so(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"a\.png: the file is empty"):
        read_picture(tmp_path, "a.png")


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "BMP", "TIFF"])
@pytest.mark.parametrize("share", [0.1, 0.3, 0.5, 0.8])
def test_read_picture_of_truncated_file_is_refused(tmp_path, kind, share):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64), dtype=np.uint8)
    whole = io.BytesIO()
    Image.fromarray(noise).save(whole, kind)
    (tmp_path / "a.x").write_bytes(whole.getvalue()[: int(share * len(whole.getvalue()))])
    with pytest.raises(InputError, match="no whole picture"):
        read_picture(tmp_path, "a.x")


def test_read_picture_of_decompression_bomb_is_refused_before_decoding(tmp_path, monkeypatch):
    Image.new("1", (3000, 3000)).save(tmp_path / "a.png")
    monkeypatch.setattr(pixels, "MAX_PIXELS", 1_000_000)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match="3000 x 3000 pixels"):
        read_picture(tmp_path, "a.png")


def test_read_picture_of_several_frames_is_refused(tmp_path):
    frames = [Image.fromarray(RAMP), Image.fromarray(RAMP)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="2 frames"):
        read_picture(tmp_path, "a.tif")


def test_read_mask_of_two_files_is_their_union(tmp_path):
    Image.fromarray(np.array([[True, False, False]])).save(tmp_path / "a.png")
    Image.fromarray(np.array([[False, False, True]])).save(tmp_path / "b.png")
    merged = read_mask(tmp_path, ("a.png", "b.png"), (1, 3))
    assert merged.dtype == bool
    assert merged.tolist() == [[True, False, True]]


def test_read_mask_in_zeros_and_ones_reads_like_0_and_255(tmp_path):
    Image.fromarray(np.array([[0, 1, 1]], dtype=np.uint8)).save(tmp_path / "a.png")
    assert read_mask(tmp_path, ("a.png",), (1, 3)).tolist() == [[False, True, True]]


def test_read_mask_of_another_size_names_file_and_both_sizes(tmp_path):
    Image.new("1", (3, 2)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=r"a\.png: the mask is 3 x 2 pixels and its picture 6 x 4"):
        read_mask(tmp_path, ("a.png",), (4, 6))


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

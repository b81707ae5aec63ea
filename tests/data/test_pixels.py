"""From locators to pixels: pictures, slices of volumes, and shapes in words."""

import struct
import zlib

import numpy as np
import pytest
import tifffile
from bits import flipped_bits
from busi_files import save, zip_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as MatplotlibPath
from PIL import Image, ImageFile
from scipy.spatial import KDTree

from rin.data.masks import read_mask
from rin.data.pixels import (
    BOX,
    POLYGON,
    rasterise,
    read_picture,
    read_stored,
    resize_picture,
    shape_text,
    show_colour,
)
from rin.errors import InputError

RAMP = np.arange(24, dtype=np.uint8).reshape(4, 6) * 10


@pytest.mark.parametrize("color", [False, True])
def test_read_picture_of_gray_png_returns_its_pixels_in_as_many_channels_as_asked(tmp_path, color):
    save(tmp_path / "a.png", RAMP)
    read = read_picture(tmp_path, "a.png", color)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, np.stack([RAMP] * 3, axis=-1) if color else RAMP)


@pytest.mark.parametrize(("rows", "is_colour"), [(1, False), (4, True)])
def test_picture_with_a_coloured_mark_is_no_colour_picture(tmp_path, rows, is_colour):
    pixels = np.full((40, 40, 3), 100, np.uint8)
    pixels[:rows, :, 0] = 200
    save(tmp_path / "a.png", pixels)
    assert show_colour(tmp_path, ["a.png"]) == is_colour


def one_row(mode, *pixels, palette=None, **info):
    row = Image.new(mode, (len(pixels), 1))
    row.info = info
    if palette:
        row.putpalette(palette)
    row.putdata(pixels)
    return row


@pytest.mark.parametrize(
    ("shown", "gray"),
    [
        # ITU-R 601: 0.299 R + 0.587 G + 0.114 B.
        (one_row("RGB", (255, 0, 0), (0, 255, 0), (0, 0, 255)), [76, 150, 29]),
        (one_row("P", 1, 0, palette=[200, 200, 200, 10, 10, 10]), [10, 200]),
        # Transparency over black.
        (one_row("RGBA", (100, 100, 100, 255), (100, 100, 100, 0)), [100, 0]),
        (one_row("L", 100, 90, transparency=90), [100, 0]),
    ],
)
def test_read_picture_of_colour_is_known_gray(tmp_path, shown, gray):
    shown.save(tmp_path / "a.png")
    assert read_picture(tmp_path, "a.png").tolist() == [gray]


DEEP = np.array([[-100, 0, 40, 80, 4095]])
RGB = np.full((2, 3, 3), 4095, np.uint16)


def saved(folder, pixels, ending="tif", **options):
    """Save pixels as they are, with these options of the writer; return the file's name."""
    if ending == "tif":
        tifffile.imwrite(folder / "a.tif", pixels, **options)
    else:
        Image.fromarray(pixels).save(folder / f"a.{ending}", **options)
    return f"a.{ending}"


@pytest.mark.parametrize(
    ("pixels", "ending", "window", "grays"),
    [
        (DEEP.astype(np.int32), "tif", (40, 80), [0, 0, 129, 255, 255]),
        (DEEP.clip(0).astype(np.uint16), "png", (40, 80), [0, 0, 129, 255, 255]),
        # All that 12 bits hold.
        (DEEP.astype(np.int32), "tif", (2048, 4096), [0, 0, 2, 5, 255]),
        (np.array([[-128, -1, 0, 127]], np.int8), "tif", (0, 256), [0, 127, 128, 255]),
        # Floating-point numbers become grey linearly.
        (
            np.array([[-1, 0, 1, 1.5, 3, 4]], np.float32),
            "tif",
            (1.5, 3),
            [0, 0, 85, 128, 255, 255],
        ),
        # Pictures of 8 bits stay as they are.
        (RAMP[:1], "png", (40, 80), [0, 10, 20, 30, 40, 50]),
    ],
)
def test_values_become_known_grays_in_a_window(tmp_path, pixels, ending, window, grays):
    name = saved(tmp_path, pixels, ending)
    assert read_picture(tmp_path, name, window=window).tolist() == [grays]


@pytest.mark.parametrize(
    ("pixels", "window", "message"),
    [
        (DEEP.astype(np.int32), None, "or with a sign, need a window.*from -100 to 4095"),
        (np.int8([[-128, 127]]), None, "or with a sign, need a window.*from -128 to 127"),
        (RGB, (2048, 4096), "it has 16 bits per channel in colour"),
        *(
            (np.array([[0, 1], [2, 3]], kind), None, "numbers of 64 bits are not read")
            for kind in ("uint64", "int64", "float16", "float64")
        ),
    ],
)
def test_tiff_whose_values_have_no_one_meaning_is_refused(tmp_path, pixels, window, message):
    with pytest.raises(InputError, match=rf"a\.tif: .*{message}"):
        read_picture(tmp_path, saved(tmp_path, pixels), window=window)


def save_png_of_16_bits(path, mode):
    """Three pixels: six of 8 bits that the header calls half as many of 16, as Pillow cannot."""
    Image.new(mode, (6, 1)).save(path)
    content = bytearray(path.read_bytes())
    content[16:25] = struct.pack(">IIB", 3, 1, 16)
    content[29:33] = struct.pack(">I", zlib.crc32(content[12:29]))
    path.write_bytes(content)


@pytest.mark.parametrize("mode", ["LA", "RGB", "RGBA"])
@pytest.mark.parametrize("color", [False, True])
def test_png_of_16_bits_in_colour_or_with_alpha_is_refused_whatever_the_window(
    tmp_path, mode, color
):
    save_png_of_16_bits(tmp_path / "a.png", mode)
    with pytest.raises(InputError, match=r"a\.png: it has 16 bits per channel in colour or"):
        read_picture(tmp_path, "a.png", color, (2048, 4096))


@pytest.mark.parametrize(
    ("pixels", "options", "said"),
    [
        (RGB[..., 0], {"photometric": "miniswhite"}, "zero means white"),
        (RGB.swapaxes(0, 2), {"photometric": "rgb", "planarconfig": "separate"}, "its planes may"),
    ],
)
def test_tiff_whose_tags_leave_its_meaning_open_is_refused(tmp_path, pixels, options, said):
    name = saved(tmp_path, pixels, **options)
    with pytest.raises(InputError, match=said):
        read_picture(tmp_path, name, window=(2048, 4096))


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
    masked = resize_picture(block, 20, resize)
    assert masked.dtype == bool
    np.testing.assert_array_equal(masked, shown > 127)


STACK = np.arange(3 * 4 * 5, dtype=np.uint8).reshape(3, 4, 5)


@pytest.mark.parametrize("place", ["mr/", "mr.zip::"])
def test_read_picture_of_a_slice_returns_the_kth_picture(tmp_path, place):
    (tmp_path / "mr").mkdir()
    np.save(tmp_path / "mr" / "a.npy", np.asfortranarray(STACK))
    zip_folder(tmp_path / "mr", tmp_path / "mr.zip")
    for k, expected in enumerate(STACK):
        shown = read_picture(tmp_path, f"{place}a.npy#{k}")
        assert shown.flags.c_contiguous
        np.testing.assert_array_equal(shown, expected, strict=True)


SHAPE = (24, 32)
NUMBERS = st.floats(-60, 60, allow_nan=False).map(lambda value: round(value, 3))
POINTS = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=3, max_size=9)


def filled(entry, shape=SHAPE):
    """The mask, or an empty one where the shape covers no pixel."""
    try:
        return rasterise(entry, shape)
    except InputError as error:
        if "covers no pixel" not in error.problem:
            raise
        return np.zeros(shape, dtype=bool)


@given(POINTS)
@settings(max_examples=80)
def test_rasterise_polygon_agrees_with_an_independent_point_in_polygon(points):
    """Compared where a pixel is at least half of one away from the outline."""
    mask = filled(shape_text(POLYGON, points))
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    points_of = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    ends = [*points[1:], points[0]]
    outline = np.concatenate(np.linspace(points, ends, 500))
    clear = KDTree(outline).query(points_of)[0] > 0.5
    inside = MatplotlibPath(points).contains_points(points_of)
    np.testing.assert_array_equal(mask.ravel()[clear], inside[clear])


PLACES = st.integers(-9, 40) | st.floats(-9, 40)
SIDES = st.integers(1, 30) | st.floats(0.1, 30)


@given(PLACES, PLACES, SIDES, SIDES)
def test_rasterise_box_holds_the_pixels_whose_centre_it_holds(x, y, width, height):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    inside = (x <= columns) & (columns < x + width) & (y <= rows) & (rows < y + height)
    # A centre on the very border may fall to either side in floating point.
    near = np.abs((columns - x, columns - x - width, rows - y, rows - y - height)).min(axis=0)
    mask = filled(shape_text(BOX, [(x, y, width, height)]))
    np.testing.assert_array_equal(mask[near > 1e-6], inside[near > 1e-6])


@pytest.mark.parametrize(
    "entry",
    [
        "polygon:40,2 50,2 50,9",
        "box:32,0,5,5",
        "polygon:1.2,1.2 1.4,1.2 1.4,1.4",
        "box:3.6,3.6,0.5,0.5",
    ],
)
def test_rasterise_of_shape_without_a_pixel_says_so(entry):
    with pytest.raises(InputError, match=r"covers no pixel of its picture \(32 x 24 pixels\)"):
        rasterise(entry, SHAPE)


def test_read_mask_of_a_box_outside_its_picture_names_the_picture(tmp_path):
    with pytest.raises(InputError, match=r"set/x\.png: box:316,318,170,478: the shape covers"):
        read_mask(tmp_path, ("box:316,318,170,478",), (200, 300), "set/x.png")
    with pytest.raises(InputError, match=r"set/x\.png: the shape 'box:1,2' cannot be read"):
        read_mask(tmp_path, ("box:1,2",), (200, 300), "set/x.png")


@pytest.mark.parametrize(
    "entry",
    [
        "polygon:1,1 2,2 3",
        "polygon:1,1 2,2 three,4",
        "polygon:1,1 2,2 nan,4",
        "polygon:1,1 2,2 1e9,4",
        "box:1,2,3",
        "box:1,2,3,0",
        "circle:1,2,3",
    ],
)
def test_rasterise_of_malformed_text_names_it_and_the_form(entry):
    with pytest.raises(InputError, match=f"the shape '{entry}' cannot be .*Write 'polygon:x1,y1"):
        rasterise(entry, SHAPE)


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_picture_is_turned_as_its_metadata_say(tmp_path, ending):
    pixels, exif = np.full((8, 12), 200, np.uint8), Image.Exif()
    pixels[:, :4] = 0
    exif[0x0112] = 6
    Image.fromarray(pixels).save(tmp_path / f"a.{ending}", exif=exif)
    turned = read_picture(tmp_path, f"a.{ending}").astype(int)
    assert np.abs(turned - np.rot90(pixels, -1)).max() < 9


@pytest.mark.parametrize("kind", ["uint16", "uint32", "int32", "float32"])
def test_tiff_of_numbers_of_32_bits_is_read_as_it_is_stored(tmp_path, kind):
    stored = np.array([[0, 1], [2, 3]], kind)
    if kind == "uint32":
        stored[1, 1] = np.iinfo(kind).max
    read = read_stored(tmp_path, saved(tmp_path, stored))
    np.testing.assert_array_equal(read, stored, strict=True)


def test_mask_that_is_a_picture_is_refused_and_one_blurred_by_jpeg_is_read(tmp_path):
    with pytest.raises(InputError, match="it is a picture"):
        read_mask(tmp_path, (saved(tmp_path, RAMP, "png"),), RAMP.shape)
    blurred = np.pad(np.full((16, 16), 255, np.uint8), 8)
    assert read_mask(tmp_path, (saved(tmp_path, blurred, "jpg"),), (32, 32)).sum() == 256


def test_read_picture_of_decompression_bomb_is_refused_before_decoding(tmp_path, monkeypatch):
    Image.new("1", (8001, 8001)).save(tmp_path / "a.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match="8,001 x 8,001 pixels"):
        read_picture(tmp_path, "a.png")


def test_single_bit_of_a_png_never_changes_pixels_in_silence(tmp_path):
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((96, 96), Image.Resampling.BILINEAR))
    path = tmp_path / saved(tmp_path, smooth, "png")
    refused = 0
    for damaged in flipped_bits(path.read_bytes(), 300, first_byte=8):
        path.write_bytes(damaged)
        try:
            assert np.array_equal(read_picture(tmp_path, path.name), smooth)
        except InputError:
            refused += 1
    assert refused > 250

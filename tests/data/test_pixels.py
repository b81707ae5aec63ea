"""From locators to pixels: pictures, slices of volumes, and shapes in words."""

import random
import struct
import zlib

import numpy as np
import pytest
import tifffile
from busi_files import save, zip_folder
from hypothesis import given, settings
from hypothesis import strategies as st
from matplotlib.path import Path as MatplotlibPath
from PIL import Image, ImageFile

from rin.data.masks import read_mask
from rin.data.pixels import (
    BOX,
    POLYGON,
    open_volume,
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


def one_row(mode, *pixels, palette=None):
    row = Image.new(mode, (len(pixels), 1))
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
        (one_row("RGBA", (100, 100, 100, 255), (100, 100, 100, 0)), [100, 0]),
    ],
    ids=["luma of colour", "palette looked up", "transparency over black"],
)
def test_read_picture_of_colour_is_known_gray(tmp_path, shown, gray):
    shown.save(tmp_path / "a.png")
    assert read_picture(tmp_path, "a.png").tolist() == [gray]


DEEP = np.array([[-100, 0, 40, 80, 4095]])


def save_deep(folder, kind):
    """Save values of more than 8 bits as a file of a kind; return its name."""
    name = f"a.{kind}"
    if kind == "tif":
        Image.fromarray(DEEP.astype(np.int32)).save(folder / name)
    else:
        Image.fromarray(DEEP.clip(0).astype(np.uint16)).save(folder / name)
    return name


@pytest.mark.parametrize("kind", ["png", "tif"])
@pytest.mark.parametrize(
    ("window", "grays"),
    [((40, 80), [0, 0, 129, 255, 255]), ((2048, 4096), [0, 0, 2, 5, 255])],
    ids=["narrow", "all that 12 bits hold"],
)
def test_values_of_more_than_8_bits_become_known_grays_in_a_window(tmp_path, kind, window, grays):
    assert read_picture(tmp_path, save_deep(tmp_path, kind), window=window).tolist() == [grays]


@pytest.mark.parametrize(
    ("kind", "remedy"),
    [("png", "from 0 to 4095."), ("tif", "from -100 to 4095.")],
)
def test_values_of_more_than_8_bits_without_a_window_are_refused(tmp_path, kind, remedy):
    with pytest.raises(InputError, match="more than 8 bits need a window") as refused:
        read_picture(tmp_path, save_deep(tmp_path, kind))
    assert str(refused.value).endswith(remedy)


def test_picture_of_8_bits_stays_as_it_is_in_a_window(tmp_path):
    Image.fromarray(RAMP).save(tmp_path / "a.png")
    assert (read_picture(tmp_path, "a.png", window=(40, 80)) == RAMP).all()


def save_png_of_16_bits(path, samples):
    """Write 16-bit samples (h, w, 2, 3 or 4) by hand: Pillow writes only grey of 16 bits."""
    height, width, channels = samples.shape
    colour = {2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, 16, colour, 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in samples)
    content = b"\x89PNG\r\n\x1a\n"
    for kind, body in ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")):
        content += struct.pack(">I", len(body)) + kind + body
        content += struct.pack(">I", zlib.crc32(kind + body))
    path.write_bytes(content)


@pytest.mark.parametrize("channels", [2, 3, 4], ids=["alpha", "colour", "colour and alpha"])
@pytest.mark.parametrize("color", [False, True])
def test_png_of_16_bits_in_colour_or_with_alpha_is_refused_with_a_window_and_without(
    tmp_path, channels, color
):
    deep = np.full((1, 3, channels), 65535)
    deep[..., 0] = [0, 2048, 4095]  # which are 0, 8 and 15 in the 8 bits that Pillow keeps
    save_png_of_16_bits(tmp_path / "a.png", deep)
    assert np.asarray(Image.open(tmp_path / "a.png"))[..., 0].tolist() == [[0, 8, 15]]
    for window in (None, (2048, 4096)):
        with pytest.raises(InputError, match=r"a\.png: it has 16 bits per channel in colour or"):
            read_picture(tmp_path, "a.png", color, window)


def test_tiff_of_16_bits_in_colour_is_refused(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.full((2, 3, 3), 4095, np.uint16), photometric="rgb")
    with pytest.raises(InputError, match=r"a\.tif: it has 16 bits per channel in colour"):
        read_picture(tmp_path, "a.tif", window=(2048, 4096))


def test_tiff_of_16_bits_in_which_zero_is_white_is_refused(tmp_path):
    deep = np.array([[0, 4095]], np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", deep, photometric="miniswhite")
    with pytest.raises(InputError, match="zero means white"):
        read_picture(tmp_path, "a.tif", window=(2048, 4096))


def test_signed_tiff_of_8_bits_is_dark_below_zero_and_needs_a_window(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[-128, -1, 0, 127]], np.int8))
    with pytest.raises(InputError, match="with signed values need a window") as refused:
        read_picture(tmp_path, "a.tif")
    assert "from -128 to 127" in refused.value.remedy
    assert read_picture(tmp_path, "a.tif", window=(0, 256)).tolist() == [[0, 127, 128, 255]]


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


@pytest.fixture
def root(tmp_path):
    (tmp_path / "mr").mkdir()
    np.save(tmp_path / "mr" / "a.npy", STACK)
    np.save(tmp_path / "mr" / "f.npy", np.asfortranarray(STACK + 1))
    zip_folder(tmp_path / "mr", tmp_path / "mr.zip")
    return tmp_path


@pytest.mark.parametrize("volume", ["mr/a.npy", "mr.zip::a.npy"])
def test_read_picture_of_a_slice_returns_the_kth_picture(root, volume):
    for k in range(3):
        picture = read_picture(root, f"{volume}#{k}")
        assert picture.dtype == np.uint8
        assert picture.flags.c_contiguous
        np.testing.assert_array_equal(picture, STACK[k])


def test_volume_of_a_published_layout_has_8_bits(tmp_path):
    np.save(tmp_path / "a.npy", STACK.astype(np.float32))
    with pytest.raises(InputError, match=r"3 x 4 x 5 of float32.*Window the volume"):
        open_volume(tmp_path, "a.npy")


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


def test_rasterise_polygon_takes_the_pixels_on_its_border():
    mask = rasterise("polygon:2,1 5,1 5,4 2,4", (6, 8))
    assert mask.dtype == bool
    np.testing.assert_array_equal(np.argwhere(mask).min(axis=0), (1, 2))
    np.testing.assert_array_equal(np.argwhere(mask).max(axis=0), (4, 5))
    assert mask.sum() == 16


@given(POINTS)
@settings(max_examples=150)
def test_rasterise_polygon_agrees_with_an_independent_point_in_polygon(points):
    """Compared where a pixel is at least half of one away from the outline."""
    mask = filled(shape_text(POLYGON, points))
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]]
    points_of = np.column_stack([columns.ravel(), rows.ravel()]).astype(float)
    ends = [*points[1:], points[0]]
    distance = np.min(
        [_distance(points_of, a, b) for a, b in zip(points, ends, strict=True)], axis=0
    )
    clear = distance > 0.5
    inside = MatplotlibPath(points).contains_points(points_of)
    np.testing.assert_array_equal(mask.ravel()[clear], inside[clear])


PLACES = st.integers(-9, 40) | st.floats(-9, 40)
SIDES = st.integers(1, 30) | st.floats(0.1, 30)


@given(PLACES, PLACES, SIDES, SIDES)
def test_rasterise_box_holds_the_pixels_whose_centre_it_holds(x, y, width, height):
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    inside = (x <= columns) & (columns < x + width) & (y <= rows) & (rows < y + height)
    # A centre on the very border may fall to either side in floating point.
    borders = columns - x, columns - x - width, rows - y, rows - y - height
    near = np.abs(borders).min(axis=0)
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


def _distance(pixels, a, b):
    a, b = np.array(a), np.array(b)
    along = b - a
    t = np.clip((pixels - a) @ along / max(along @ along, 1e-12), 0, 1)
    return np.linalg.norm(pixels - a - t[:, None] * along, axis=1)


def saved(path, array, **options):
    Image.fromarray(array).save(path, **options)
    return path.name


@pytest.mark.parametrize("ending", ["jpg", "png", "tif"])
def test_picture_is_turned_as_its_metadata_say(tmp_path, ending):
    pixels, exif = np.full((8, 12), 200, np.uint8), Image.Exif()
    pixels[:, :4] = 0
    exif[0x0112] = 6
    name = saved(tmp_path / f"a.{ending}", pixels, exif=exif)
    turned = read_picture(tmp_path, name).astype(int)
    assert np.abs(turned - np.rot90(pixels, -1)).max() < 9


@pytest.mark.parametrize("kind", ["uint16", "uint32", "int32", "float32"])
def test_tiff_of_numbers_of_32_bits_is_read_as_it_is_stored(tmp_path, kind):
    stored = np.array([[0, 1], [2, 3]], kind)
    if kind == "uint32":
        stored[1, 1] = np.iinfo(kind).max
    tifffile.imwrite(tmp_path / "a.tif", stored)
    read = read_stored(tmp_path, "a.tif")
    assert read.dtype == stored.dtype
    np.testing.assert_array_equal(read, stored)


@pytest.mark.parametrize("kind", ["uint64", "int64", "float16", "float64"])
def test_tiff_of_other_numbers_is_refused(tmp_path, kind):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[0, 1], [2, 3]], kind))
    with pytest.raises(InputError, match=r"a\.tif: .*numbers of 64 bits are not read"):
        read_stored(tmp_path, "a.tif")


def test_floating_numbers_become_grey_linearly_in_a_window(tmp_path):
    tifffile.imwrite(tmp_path / "a.tif", np.array([[-1, 0, 1, 1.5, 3, 4]], np.float32))
    gray = read_picture(tmp_path, "a.tif", window=(1.5, 3))
    assert gray.tolist() == [[0, 0, 85, 128, 255, 255]]


def test_masks_that_are_pictures_are_refused_and_plain_ones_are_empty_or_full(tmp_path):
    ramp = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    name = saved(tmp_path / "m.png", ramp)
    with pytest.raises(InputError, match="it is a picture"):
        read_mask(tmp_path, (name,), (8, 8))
    for value, marked in ((0, 0), (1, 64), (255, 64)):
        plain = saved(tmp_path / "m.png", np.full((8, 8), value, np.uint8))
        assert read_mask(tmp_path, (plain,), (8, 8)).sum() == marked
    blurred = np.zeros((32, 32), np.uint8)
    blurred[8:24, 8:24] = 255
    name = saved(tmp_path / "m.jpg", blurred, quality=50)
    assert read_mask(tmp_path, (name,), (32, 32)).sum() == 256


def test_read_picture_of_decompression_bomb_is_refused_before_decoding(tmp_path, monkeypatch):
    Image.new("1", (8001, 8001)).save(tmp_path / "a.png")
    monkeypatch.setattr(ImageFile.ImageFile, "load", lambda self: pytest.fail("decoded"))
    with pytest.raises(InputError, match="8,001 x 8,001 pixels"):
        read_picture(tmp_path, "a.png")


def test_read_picture_of_several_frames_is_refused(tmp_path):
    frames = [Image.fromarray(RAMP), Image.fromarray(RAMP)]
    frames[0].save(tmp_path / "a.tif", save_all=True, append_images=frames[1:])
    with pytest.raises(InputError, match="2 frames"):
        read_picture(tmp_path, "a.tif")


def test_read_mask_of_two_files_is_their_union_in_0_and_1_or_0_and_255(tmp_path):
    save(tmp_path / "a.png", np.array([[True, False, False]]))
    save(tmp_path / "b.png", np.array([[0, 0, 1]], dtype=np.uint8))
    merged = read_mask(tmp_path, ("a.png", "b.png"), (1, 3))
    assert merged.dtype == bool
    assert merged.tolist() == [[True, False, True]]


def test_single_bit_of_a_png_never_changes_pixels_in_silence(tmp_path):
    coarse = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    smooth = np.asarray(Image.fromarray(coarse).resize((96, 96), Image.Resampling.BILINEAR))
    path = tmp_path / saved(tmp_path / "a.png", smooth)
    whole, draws, refused = path.read_bytes(), random.Random(7), 0
    for place in draws.sample(range(64, 8 * len(whole)), 300):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        try:
            assert np.array_equal(read_picture(tmp_path, path.name), smooth)
        except InputError:
            refused += 1
    assert refused > 250

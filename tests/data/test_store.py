import json

import numpy as np
import pytest
from busi_files import TOP, mask, picture, save
from hypothesis import given, settings
from hypothesis import strategies as st

from rin.data import store as store_module
from rin.data.datasets import open_dataset
from rin.data.manifest import load_manifest
from rin.data.store import build_store, open_store, resize_picture
from rin.errors import InputError


@pytest.fixture
def dataset(busi_root, busi_manifest):
    return open_dataset(busi_manifest, busi_root)


def test_build_store_at_native_size_holds_the_very_pixels(tmp_path, busi_manifest):
    top = tmp_path / "root" / TOP
    for number, name in enumerate(["benign", "malignant", "normal"]):
        save(top / name / f"{name} (1).png", picture(10 * number, (5, 5)))
        save(top / name / f"{name} (1)_mask.png", mask((number, 4), shape=(5, 5)))
    ones = dict.fromkeys(["benign", "malignant", "normal"], 1)
    counts = busi_manifest.counts.model_copy(update={"images": ones, "masks": ones})
    manifest = busi_manifest.model_copy(update={"counts": counts})
    store = build_store(open_dataset(manifest, tmp_path / "root"), 5, folder=tmp_path / "s")
    expected = np.stack([picture(10 * n, (5, 5)) for n in range(3)])
    np.testing.assert_array_equal(store.images(), expected)
    expected = np.stack([mask((n, 4), shape=(5, 5)) for n in range(3)])
    np.testing.assert_array_equal(store.masks(), expected)


def test_build_store_gives_read_only_maps_and_the_case_table(dataset, tmp_path):
    store = build_store(dataset, 8, folder=tmp_path)
    images, masks = store.images(), store.masks()
    assert isinstance(images, np.memmap)
    assert (images.shape, images.dtype) == ((4, 8, 8), np.uint8)
    assert (masks.shape, masks.dtype) == ((4, 8, 8), bool)
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0, 0] = 1
    assert store.cases.equals(dataset.cases)
    assert store.provenance == "real"


def test_build_store_takes_the_nearest_mask_pixel_instead_of_a_mean(dataset, tmp_path):
    # Of 4 x 6 pixels the centres of a 2 x 2 grid fall on rows 1, 3 and columns 1, 4.
    masks = build_store(dataset, 2, folder=tmp_path).masks()
    assert masks[1].tolist() == [[True, False], [False, False]]  # drawn at (1, 1)
    assert not masks[0].any()  # drawn at (0, 0) and (3, 5)


def test_build_store_in_colour_has_three_channels(dataset, tmp_path):
    images = build_store(dataset, 8, folder=tmp_path, color=True).images()
    gray = build_store(dataset, 8, folder=tmp_path).images()
    np.testing.assert_array_equal(images, np.stack([gray] * 3, axis=-1))


def test_build_store_a_second_time_reopens_without_decoding(dataset, tmp_path, monkeypatch):
    first = build_store(dataset, 8, folder=tmp_path)
    monkeypatch.setattr(store_module, "_write_whole", lambda *_: pytest.fail("decoded again"))
    second = build_store(dataset, 8, folder=tmp_path)
    assert (second.path, second.digest) == (first.path, first.digest)


def test_build_store_with_other_settings_or_pixels_is_another_store(dataset, busi_root, tmp_path):
    digests = {
        build_store(dataset, 8, folder=tmp_path).digest,
        build_store(dataset, 9, folder=tmp_path).digest,
        build_store(dataset, 8, folder=tmp_path, resize="pad").digest,
        build_store(dataset, 8, folder=tmp_path, color=True).digest,
    }
    save(busi_root / TOP / "benign" / "benign (2)_mask.png", mask((0, 1)))
    changed = open_dataset(dataset.manifest, busi_root)
    digests.add(build_store(changed, 8, folder=tmp_path).digest)
    assert len(digests) == 5


def test_build_store_with_any_number_of_workers_is_the_same(dataset, tmp_path):
    one = build_store(dataset, 8, folder=tmp_path / "a", workers=1)
    four = build_store(dataset, 8, folder=tmp_path / "b", workers=4)
    assert one.digest == four.digest
    np.testing.assert_array_equal(one.images(), four.images())


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "cases.parquet"])
def test_open_store_with_truncated_file_says_which_and_what_to_do(dataset, tmp_path, name):
    path = build_store(dataset, 8, folder=tmp_path).path
    (path / name).write_bytes((path / name).read_bytes()[:-1])
    with pytest.raises(InputError, match=rf"{name} holds \d+ bytes instead of \d+.*Delete this"):
        open_store(path)


@pytest.mark.parametrize("name", ["images.npy", "store.json"])
def test_build_store_over_a_damaged_store_builds_it_again(dataset, tmp_path, name):
    path = build_store(dataset, 8, folder=tmp_path).path
    (path / name).write_bytes(b"{")
    store = build_store(dataset, 8, folder=tmp_path)
    assert store.images().shape == (4, 8, 8)
    assert [item.name for item in tmp_path.iterdir() if item.name != "root"] == [path.name]


def test_open_store_of_another_version_says_so(dataset, tmp_path):
    path = build_store(dataset, 8, folder=tmp_path).path
    note = json.loads((path / "store.json").read_text())
    (path / "store.json").write_text(json.dumps(note | {"version": 99}))
    with pytest.raises(InputError, match="version 99"):
        open_store(path)


def test_open_store_where_there_is_none_says_so(tmp_path):
    with pytest.raises(InputError, match="no image store here"):
        open_store(tmp_path)


def test_build_store_on_a_full_disk_names_the_folder_and_leaves_nothing(
    dataset, tmp_path, monkeypatch
):
    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store_module, "_write_array", fail)
    with pytest.raises(InputError, match=r"stores: .*No space left.*Free some space"):
        build_store(dataset, 8, folder=tmp_path / "stores")
    assert list((tmp_path / "stores").iterdir()) == []


def test_build_store_in_a_folder_that_cannot_be_made_names_it(dataset, tmp_path):
    (tmp_path / "stores").write_text("a file")
    with pytest.raises(InputError, match=r"stores: the image store cannot be written"):
        build_store(dataset, 8, folder=tmp_path / "stores")


def test_build_store_with_unknown_resize_lists_the_known_ones(dataset, tmp_path):
    with pytest.raises(InputError, match=r"unknown resize 'crop'.*stretch, pad"):
        build_store(dataset, 8, folder=tmp_path, resize="crop")


def test_build_store_of_size_zero_raises(dataset, tmp_path):
    with pytest.raises(InputError, match="size 0 is not positive"):
        build_store(dataset, 0, folder=tmp_path)


def test_build_store_of_a_corpus_without_masks_has_none(tmp_path):
    manifest = load_manifest("corpus_radiologic")
    counts = manifest.counts.model_copy(update={"total": 2, "classes": 2})
    for name in ("a", "b"):
        save(tmp_path / "pretrain_radiologic" / name / "1.png", picture(1))
    opened = open_dataset(manifest.model_copy(update={"counts": counts}), tmp_path)
    assert build_store(opened, 4, folder=tmp_path / "s").masks() is None


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


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 40),
    width=st.integers(1, 40),
    size=st.integers(1, 50),
    value=st.integers(0, 255),
    resize=st.sampled_from(["stretch", "pad"]),
)
def test_resize_picture_of_a_plain_picture_stays_plain(height, width, size, value, resize):
    resized = resize_picture(np.full((height, width), value, dtype=np.uint8), size, resize)
    assert resized.shape == (size, size)
    inner = resized if resize == "stretch" else resized[resized > 0]
    assert (inner == value).all()


@settings(max_examples=15, deadline=None)
@given(n=st.integers(1, 600), side=st.integers(1, 4), seed=st.integers(0, 99))
def test_write_array_in_batches_is_read_back_whole(tmp_path_factory, n, side, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (n, side, side), dtype=np.uint8)
    path = tmp_path_factory.mktemp("array") / "a.npy"
    batches = (list(pixels[i : i + 256]) for i in range(0, n, 256))
    store_module._write_array(path, batches, pixels.shape)
    np.testing.assert_array_equal(np.load(path), pixels)

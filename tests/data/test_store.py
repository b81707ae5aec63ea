"""The pass that decodes pictures, what it keeps, and the stores that are made of it."""

import hashlib
import multiprocessing
import shutil
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from bits import flipped_bits
from busi_files import (
    TOP,
    change,
    changed,
    mask,
    opened,
    picture,
    save,
    with_counts,
    zip_folder,
)
from PIL import Image
from pydicom.data import get_testdata_file

from rin.data import store as store_module
from rin.data.layouts.found import FoundCase
from rin.data.leakage import picture_hash
from rin.data.manifest import load_manifest
from rin.data.store import BAD_COLUMNS, build_store, inspect_cases, open_store
from rin.errors import InputError


@pytest.fixture
def dataset(busi_root, busi_manifest):
    return opened(busi_manifest, busi_root)


def go_on(locator):
    """Do nothing before a picture is read."""


@pytest.fixture
def counted(monkeypatch):
    """Counts the pictures that are decoded in this process, by name; may do something before."""
    count, read = Counter(), store_module.read_picture
    count.before = go_on

    def counting(root, locator, *how):
        count.before(locator)
        count[locator.replace("::", "/").rpartition("/")[2]] += 1
        return read(root, locator, *how)

    monkeypatch.setattr(store_module, "read_picture", counting)
    return count


@pytest.fixture
def chunks_of(monkeypatch):
    """Has chunks of so many pictures of 8 x 8 pixels worked on in this process."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")
    return lambda n: monkeypatch.setattr(store_module, "CHUNK_BYTES", n * 4 * 8 * 8)


@pytest.fixture
def decoded(dataset, counted):
    """The same, after the opening of the dataset."""
    counted.clear()
    return counted


def stores_in(folder):
    return sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))


def test_build_store_holds_the_very_pixels_read_only_and_the_case_table(dataset, tmp_path):
    store = build_store(dataset, 6, folder=tmp_path, resize="pad")  # above and below, one is black
    images, masks = store.images(), store.masks()
    assert isinstance(images, np.memmap)
    assert (images.dtype, masks.dtype) == (np.uint8, bool)
    assert images.shape == masks.shape == (4, 6, 6)
    np.testing.assert_array_equal(images[:, 1:5], [picture(n) for n in (1, 50, 100, 150)])
    drawn = [mask((0, 0), (3, 5)), mask((1, 1)), mask((2, 2), (2, 3)), mask()]
    np.testing.assert_array_equal(masks[:, 1:5], drawn)
    with pytest.raises(ValueError, match="read-only"):
        images[0, 0, 0] = 1
    assert store.cases.equals(dataset.cases)


ARRAYS = ("images.npy", "masks.npy", "cases.parquet", "store.json")


def test_build_store_after_an_interruption_goes_on_where_it_stood(
    dataset, tmp_path, decoded, chunks_of
):
    def die_at_the_last(locator):
        if "normal" in locator:
            raise KeyboardInterrupt

    chunks_of(1)
    whole = build_store(dataset, 8, folder=tmp_path / "whole")
    decoded.clear()
    decoded.before = die_at_the_last
    with pytest.raises(KeyboardInterrupt):
        build_store(dataset, 8, folder=tmp_path / "s")
    assert stores_in(tmp_path / "s") == []
    decoded.before = go_on
    resumed = build_store(dataset, 8, folder=tmp_path / "s")
    assert decoded == Counter(case + ".png" for case in dataset.cases["case_id"])
    for name in ARRAYS:
        assert (resumed.path / name).read_bytes() == (whole.path / name).read_bytes()
    assert stores_in(tmp_path / "s") == [resumed.path.name]


def test_build_store_with_files_that_broke_meanwhile_names_them_together(
    dataset, tmp_path, busi_root, decoded, chunks_of
):
    chunks_of(1)
    broken = {"malignant/malignant (1).png": b"", "benign/benign (1)_mask.png": b""}
    whole = {name: (busi_root / TOP / name).read_bytes() for name in broken}
    change(busi_root / TOP, broken)
    with pytest.raises(InputError, match=r"2 of 4 cases cannot be read") as caught:
        build_store(dataset, 8, folder=tmp_path)
    assert "malignant (1).png: the file is empty" in caught.value.problem
    assert "benign (1)_mask.png, " in caught.value.problem
    decoded.clear()
    change(busi_root / TOP, whole)
    assert len(build_store(dataset, 8, folder=tmp_path).images()) == 4
    assert decoded == Counter(["malignant (1).png", "benign (1).png"])


@pytest.fixture
def archived(busi_root, busi_manifest):
    zip_folder(busi_root / TOP, busi_root / "busi.zip")
    return changed(busi_manifest, locations=("busi.zip",))


def test_build_store_after_opening_for_its_size_decodes_nothing_again(
    archived, busi_root, tmp_path, decoded
):
    twice = build_store(opened(archived, busi_root), 8, folder=tmp_path / "a", resize="pad")
    once = opened(archived, busi_root, tmp_path / "i", square=(8, "pad"))
    decoded.clear()
    # The rows are of the pictures that were seen, whatever the archive holds by now.
    change(busi_root / TOP, {"benign/benign (2).png": picture(7)})
    zip_folder(busi_root / TOP, busi_root / "busi.zip")
    store = build_store(once, 8, folder=tmp_path / "b", resize="pad")
    assert not decoded
    assert store.digest == twice.digest
    for name in ARRAYS[:3]:
        assert (store.path / name).read_bytes() == (twice.path / name).read_bytes()
    assert list((tmp_path / "i").rglob("8-pad*/*")) == []


def test_opening_keeps_no_rows_of_a_store_that_has_too_many_pixels(
    archived, busi_root, tmp_path, counted, monkeypatch
):
    monkeypatch.setattr(store_module, "ROW_PIXELS", 8 * 8)
    seen = opened(archived, busi_root, tmp_path / "i", square=(8, "pad"))
    counted.clear()
    build_store(seen, 8, folder=tmp_path / "b", resize="pad")
    assert counted.total() == len(seen.cases)


def test_build_store_with_other_settings_or_pixels_is_another_store(dataset, busi_root, tmp_path):
    made_up = replace(dataset, provenance="stand-in")
    stores = [build_store(one, 8, folder=tmp_path) for one in (dataset, made_up)]
    assert [store.provenance for store in stores] == ["real", "stand-in"]
    stores.append(build_store(dataset, 9, folder=tmp_path))
    stores.append(build_store(dataset, 8, folder=tmp_path, resize="pad"))
    save(busi_root / TOP / "benign" / "benign (2)_mask.png", mask((0, 1)))
    stores.append(build_store(opened(dataset.manifest, busi_root), 8, folder=tmp_path))
    assert len({store.digest for store in stores}) == 5


MANIFEST = load_manifest("busi")
N = 7


@pytest.fixture
def pictures(tmp_path):
    for number in range(N):
        save(tmp_path / "data" / "set" / f"{number}.png", picture(number, (5, 6)))
        save(tmp_path / "data" / "set" / f"{number}_mask.png", mask((1, number % 6), shape=(5, 6)))
    return tmp_path / "data"


def cases(place="set/", masks=True):
    return [
        FoundCase(
            case_id=f"case {number}",
            patient_id=f"p{number}",
            source_class="benign",
            image=f"{place}{number}.png",
            masks=(f"{place}{number}_mask.png",) if masks else (),
        )
        for number in range(N)
    ]


def inspect(root, found=None, manifest=MANIFEST, square=None):
    found = pd.DataFrame(cases() if found is None else found)
    return inspect_cases(root, found, manifest, folder=root.parent / "index", square=square)


def test_inspect_cases_tells_size_digests_hash_and_blankness_of_each_case(pictures):
    save(pictures / "set" / "3.png", np.full((5, 6), 4, dtype=np.uint8))
    seen, bad = inspect(pictures)
    assert bad.empty
    assert list(bad.columns) == BAD_COLUMNS
    assert seen["case_id"].tolist() == [f"case {number}" for number in range(N)]
    assert seen["blank"].tolist() == [number == 3 for number in range(N)]
    shown = picture(2, (5, 6))
    large = Image.fromarray(shown).resize((256, 256), Image.Resampling.BILINEAR)
    expected = {
        "patient_id": "p2",
        "masks": ("set/2_mask.png",),
        "digest": hashlib.sha256(shown.tobytes()).hexdigest(),
        "mask_digest": hashlib.sha256(mask((1, 2), shape=(5, 6)).tobytes()).hexdigest(),
        "width": 6,
        "height": 5,
        "hash": picture_hash(np.asarray(large))[0],
        "darkest": shown.min(),
        "brightest": shown.max(),
        "mean_grey": shown.mean(),
    }
    assert seen.loc[2, [*expected]].to_dict() == expected


def test_inspect_cases_takes_patients_from_the_header_where_the_reader_knows_none(tmp_path):
    shutil.copy(get_testdata_file("CT_small.dcm"), tmp_path / "scan.dcm")
    known = FoundCase("case 0", "p0", "benign", "scan.dcm")
    found = [known, FoundCase("case 1", None, "benign", "scan.dcm")]
    for _ in range(2):  # looked at, and remembered
        seen, _ = inspect(tmp_path, found)
        assert seen["patient_id"].tolist() == ["p0", "1CT1"]
    seen, _ = inspect(tmp_path, [known._replace(patient_id=None)])
    assert seen["patient_id"].tolist() == ["1CT1"]


@pytest.mark.parametrize("place", ["set/", "set.zip::"])
def test_inspect_cases_looks_again_at_changed_files_only(pictures, counted, place):
    """An archive that is written anew keeps what was seen of members with the same checksum."""

    def look():
        zip_folder(pictures / "set", pictures / "set.zip")
        return inspect(pictures, cases(place))[0]

    first = look()
    assert counted == Counter(f"{number}.png" for number in range(N))
    pd.testing.assert_frame_equal(look(), first)
    assert counted.total() == N
    counted.clear()
    save(pictures / "set" / "1.png", picture(101, (5, 6)))
    save(pictures / "set" / "4_mask.png", mask((4, 4), shape=(5, 6)))
    seen = look()
    assert counted == Counter(["1.png", "4.png"])
    assert (first["digest"] != seen["digest"]).tolist() == [n == 1 for n in range(N)]


def test_inspect_cases_of_a_file_replaced_meanwhile_keeps_nothing_of_it(pictures, counted):
    def replace_one(locator):
        if locator == "set/2.png":
            save(pictures / locator, picture(200, (5, 7)))

    counted.before = replace_one
    seen, bad = inspect(pictures, cases(masks=False))
    assert bad["problem"].tolist() == ["it changed while it was read"]
    assert len(seen) == N - 1
    counted.before = go_on
    seen, bad = inspect(pictures, cases(masks=False))
    assert (seen["width"][2], len(bad)) == (7, 0)


def test_inspect_cases_lists_bad_files_and_keeps_what_was_seen(pictures, counted):
    files = {"1.png": b"", "3.png": None, "5_mask.png": mask(shape=(6, 6))}
    change(pictures / "set", files)
    seen, bad = inspect(pictures)
    assert seen["case_id"].tolist() == ["case 0", "case 2", "case 4", "case 6"]
    assert bad["case_id"].tolist() == ["case 1", "case 3", "case 5"]
    assert bad["place"][2] == str(pictures / "set" / "5_mask.png")
    for number, problem in enumerate(["is empty", "cannot be read", "6 x 6 pixels and its"]):
        assert problem in bad["problem"][number]
    counted.clear()
    save(pictures / "set" / "3.png", picture(3, (5, 6)))
    seen, bad = inspect(pictures)
    assert sorted(counted) == ["1.png", "3.png", "5.png"]
    assert bad["case_id"].tolist() == ["case 1", "case 5"]


@pytest.mark.parametrize("name", ARRAYS)
def test_single_bit_that_flipped_in_a_store_is_noticed_and_it_is_built_again(
    dataset, tmp_path, name
):
    path = build_store(dataset, 8, folder=tmp_path).path
    whole = (path / name).read_bytes()
    for damaged in flipped_bits(whole, 15):
        (path / name).write_bytes(damaged)
        with pytest.raises(InputError, match="Delete this"):
            open_store(path)
    assert build_store(dataset, 8, folder=tmp_path).path == path
    assert (path / name).read_bytes() == whole


def test_build_store_takes_the_nearest_mask_pixel_instead_of_a_mean(dataset, tmp_path):
    # Of 4 x 6 pixels the centres of a 2 x 2 grid fall on rows 1, 3 and columns 1, 4.
    masks = build_store(dataset, 2, folder=tmp_path).masks()
    assert masks[1].tolist() == [[True, False], [False, False]]  # drawn at (1, 1)
    assert not masks[0].any()  # drawn at (0, 0) and (3, 5)


def test_picture_without_a_mask_has_an_empty_one_in_a_store(busi_root, busi_manifest, tmp_path):
    change(busi_root / TOP, {"benign/benign (2)_mask.png": None})
    unmasked = opened(with_counts(busi_manifest, masks={}), busi_root)
    drawn = build_store(unmasked, 8, folder=tmp_path).masks().any(axis=(1, 2))
    assert drawn.tolist() == [True, False, True, False]


@pytest.mark.filterwarnings("error")  # pictures are read otherwise, and did not change
def test_build_store_in_colour_has_three_channels(dataset, tmp_path):
    colored = opened(changed(dataset.manifest, color=True), dataset.root)
    images = build_store(colored, 8, folder=tmp_path).images()
    gray = build_store(dataset, 8, folder=tmp_path).images()
    np.testing.assert_array_equal(images, np.stack([gray] * 3, axis=-1))


def build_elsewhere(dataset, folder):
    store = build_store(dataset, 8, folder=folder)
    return store.path.name, store.images().sum()


def test_build_store_by_two_processes_gives_one_store(dataset, tmp_path):
    with ProcessPoolExecutor(2, multiprocessing.get_context("fork")) as pool:
        both = [pool.submit(build_elsewhere, dataset, tmp_path / "s") for _ in range(2)]
        first, second = (one.result(timeout=60) for one in both)
    assert first == second
    assert stores_in(tmp_path / "s") == [first[0]]


def test_pictures_that_changed_since_a_store_was_made_are_named(dataset, busi_root, tmp_path):
    build_store(dataset, 8, folder=tmp_path)
    save(busi_root / TOP / "benign" / "benign (2).png", picture(51))
    with pytest.warns(UserWarning, match=r"1 picture of busi changed .*\(benign \(2\)\).*restore"):
        build_store(opened(dataset.manifest, busi_root), 8, folder=tmp_path)


def test_inspect_cases_in_another_window_looks_again(pictures, counted):
    for window in (None, (40.0, 80.0)):
        inspect(pictures, manifest=changed(MANIFEST, window=window))
    assert counted.total() == 2 * N


def test_inspect_cases_on_a_full_disk_names_the_folder_and_goes_on_from_what_was_seen(
    pictures, counted, monkeypatch, chunks_of
):
    chunks_of(4)
    found = pd.DataFrame(cases())
    whole, _ = inspect_cases(pictures, found, MANIFEST, folder=pictures / "other")
    write = pd.DataFrame.to_parquet

    def write_once(*table, **options):  # what was seen of a chunk, and its rows for a store
        if len([*(pictures.parent / "index").rglob("*.parquet")]) == 2:
            raise OSError(28, "No space left on device")
        return write(*table, **options)

    with monkeypatch.context() as patched:
        patched.setattr(pd.DataFrame, "to_parquet", write_once)
        with pytest.raises(InputError, match=r"index.*No space left.*Free some space"):
            inspect(pictures, square=(8, "stretch"))
    counted.clear()
    resumed, _ = inspect(pictures, square=(8, "stretch"))
    assert counted.total() == N - 4
    pd.testing.assert_frame_equal(resumed, whole)


@pytest.mark.parametrize("square", [None, (8, "stretch")])
def test_masks_that_a_manifest_reads_at_last_are_stored(
    busi_root, busi_manifest, tmp_path, square
):
    opened(changed(busi_manifest, masks=False), busi_root, square=square)  # and stopped
    for masks in (True, False):
        manifest = changed(busi_manifest, masks=masks)
        dataset = opened(manifest, busi_root, square=square)
        assert (build_store(dataset, 8, folder=tmp_path).masks() is not None) == masks

"""The pass that decodes pictures, what it keeps, and the stores that are made of it."""

import multiprocessing
import random
import shutil
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from busi_files import TOP, change, changed, mask, picture, save, with_counts, zip_folder
from PIL import Image
from pydicom.data import get_testdata_file

from rin.data import dataset as datasets
from rin.data import store as store_module
from rin.data.layouts.found import FoundCase
from rin.data.leakage import picture_hash
from rin.data.manifest import load_manifest
from rin.data.store import BAD_COLUMNS, build_store, inspect_cases, open_store
from rin.errors import InputError


def open_dataset(manifest, root, index=None, **settings):
    return datasets.open_dataset(manifest, root, index_folder=index or root / "index", **settings)


def full(*_, **__):
    raise OSError(28, "No space left on device")


@pytest.fixture
def dataset(busi_root, busi_manifest):
    return open_dataset(busi_manifest, busi_root)


@pytest.fixture
def counted(monkeypatch):
    """Counts the pictures that are decoded in this process, by name."""
    count, read = Counter(), store_module.read_picture

    def counting(root, locator, *how):
        count[locator.rpartition("/")[2]] += 1
        return read(root, locator, *how)

    monkeypatch.setattr(store_module, "read_picture", counting)
    return count


@pytest.fixture
def one_core(monkeypatch):
    """Has all chunks worked on in this process."""
    monkeypatch.setenv("LOKY_MAX_CPU_COUNT", "1")


#: Sides in pixels of squares that are so large that a chunk has one picture, or four.
ONE, FOUR = 2900, 2048


@pytest.fixture
def decoded(dataset, counted):
    """The same, after the opening of the dataset."""
    counted.clear()
    return counted


def stores_in(folder):
    return sorted(item.name for item in folder.iterdir() if not item.name.startswith("."))


def test_build_store_at_native_size_holds_the_very_pixels(tmp_path, busi_manifest):
    pictures = [picture(10 * n, (5, 5)) for n in range(3)]
    masks = [mask((n, 4), shape=(5, 5)) for n in range(3)]
    ones = dict.fromkeys(["benign", "malignant", "normal"], 1)
    for name, shown, drawn in zip(ones, pictures, masks, strict=True):
        save(tmp_path / "root" / TOP / name / f"{name} (1).png", shown)
        save(tmp_path / "root" / TOP / name / f"{name} (1)_mask.png", drawn)
    manifest = with_counts(busi_manifest, images=ones, masks=ones)
    store = build_store(open_dataset(manifest, tmp_path / "root"), 5, folder=tmp_path / "s")
    np.testing.assert_array_equal(store.images(), pictures)
    np.testing.assert_array_equal(store.masks(), masks)


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


def test_build_store_after_an_interruption_goes_on_where_it_stood(
    dataset, tmp_path, decoded, monkeypatch, one_core
):
    read = store_module.read_picture

    def read_or_die(root, locator, *how):
        if "normal" in locator:
            raise KeyboardInterrupt
        return read(root, locator, *how)

    whole = build_store(dataset, ONE, folder=tmp_path / "whole")
    decoded.clear()
    with monkeypatch.context() as patched:
        patched.setattr(store_module, "read_picture", read_or_die)
        with pytest.raises(KeyboardInterrupt):
            build_store(dataset, ONE, folder=tmp_path / "s")
    assert stores_in(tmp_path / "s") == []
    resumed = build_store(dataset, ONE, folder=tmp_path / "s")
    assert decoded == Counter(case + ".png" for case in dataset.cases["case_id"])
    for name in ("images.npy", "masks.npy", "cases.parquet", "store.json"):
        assert (resumed.path / name).read_bytes() == (whole.path / name).read_bytes()
    assert stores_in(tmp_path / "s") == [resumed.path.name]


def test_build_store_with_files_that_broke_meanwhile_names_them_together(
    dataset, tmp_path, busi_root, decoded, one_core
):
    for name in ("malignant/malignant (1).png", "benign/benign (1)_mask.png"):
        (busi_root / TOP / name).write_bytes(b"")
    with pytest.raises(InputError, match=r"2 of 4 cases cannot be read") as caught:
        build_store(dataset, ONE, folder=tmp_path)
    assert "malignant (1).png: the file is empty" in caught.value.problem
    assert "benign (1)_mask.png, " in caught.value.problem
    decoded.clear()
    save(busi_root / TOP / "malignant" / "malignant (1).png", picture(100))
    save(busi_root / TOP / "benign" / "benign (1)_mask.png", mask((0, 0)))
    assert len(build_store(dataset, ONE, folder=tmp_path).images()) == 4
    assert decoded == Counter(["malignant (1).png", "benign (1).png"])


def swap(busi_root, files):
    """Put an archive of the same member names, but other pictures, where the dataset was."""
    change(busi_root / TOP, files)
    zip_folder(busi_root / TOP, busi_root / "busi.zip")


@pytest.fixture
def archived(busi_root, busi_manifest):
    zip_folder(busi_root / TOP, busi_root / "busi.zip")
    return changed(busi_manifest, locations=("busi.zip",))


def test_build_store_after_opening_for_its_size_decodes_nothing_again(
    archived, busi_root, tmp_path, decoded
):
    twice = build_store(open_dataset(archived, busi_root), 8, folder=tmp_path / "a", resize="pad")
    once = open_dataset(archived, busi_root, tmp_path / "i", square=(8, "pad"))
    decoded.clear()
    # The rows are of the pictures that were seen, whatever the archive holds by now.
    swap(busi_root, {"benign/benign (2).png": picture(7)})
    store = build_store(once, 8, folder=tmp_path / "b", resize="pad")
    assert not decoded
    assert store.digest == twice.digest
    for name in ("images.npy", "masks.npy", "cases.parquet"):
        assert (store.path / name).read_bytes() == (twice.path / name).read_bytes()
    assert list((tmp_path / "i").rglob("8-pad/*")) == []


def test_opening_keeps_no_rows_of_a_store_that_has_too_many_pixels(
    archived, busi_root, tmp_path, counted, monkeypatch
):
    monkeypatch.setattr(store_module, "ROW_PIXELS", 8 * 8)
    seen = open_dataset(archived, busi_root, tmp_path / "i", square=(8, "pad"))
    counted.clear()
    build_store(seen, 8, folder=tmp_path / "b", resize="pad")
    assert counted.total() == len(seen.cases)


def test_build_store_with_other_settings_or_pixels_is_another_store(dataset, busi_root, tmp_path):
    stores = [build_store(dataset, size, folder=tmp_path) for size in (8, 9)]
    stores.append(build_store(dataset, 8, folder=tmp_path, resize="pad"))
    save(busi_root / TOP / "benign" / "benign (2)_mask.png", mask((0, 1)))
    stores.append(build_store(open_dataset(dataset.manifest, busi_root), 8, folder=tmp_path))
    assert len({store.digest for store in stores}) == 4


MANIFEST = load_manifest("busi")
N = 7


@pytest.fixture
def pictures(tmp_path):
    for number in range(N):
        save(tmp_path / "data" / "set" / f"{number}.png", picture(number, (5, 6)))
        save(tmp_path / "data" / "set" / f"{number}_mask.png", mask((1, number % 6), shape=(5, 6)))
    return tmp_path / "data"


def cases(place="set/", numbers=range(N), patient="p", masks=True):
    return [
        FoundCase(
            case_id=f"case {number}",
            patient_id=patient and f"{patient}{number}",
            source_class="benign",
            image=f"{place}{number}.png",
            masks=(f"{place}{number}_mask.png",) if masks else (),
        )
        for number in numbers
    ]


def inspect(root, found=None, manifest=MANIFEST, side=None):
    folder = root.parent / "index"
    found = pd.DataFrame(cases() if found is None else found)
    square = (side, "stretch") if side else None
    return inspect_cases(root, found, manifest, folder=folder, square=square)


def test_inspect_cases_tells_size_digests_hash_and_blankness_of_each_case(pictures):
    save(pictures / "set" / "3.png", np.full((5, 6), 4, dtype=np.uint8))
    seen, bad = inspect(pictures)
    assert bad.empty
    assert list(bad.columns) == BAD_COLUMNS
    assert seen["case_id"].tolist() == [f"case {number}" for number in range(N)]
    assert seen["patient_id"].tolist() == [f"p{number}" for number in range(N)]
    assert (seen["width"].eq(6) & seen["height"].eq(5)).all()
    assert seen["blank"].tolist() == [number == 3 for number in range(N)]
    greys = seen[["darkest", "brightest", "mean_grey"]].loc[2].tolist()
    assert greys == [picture(2, (5, 6)).min(), picture(2, (5, 6)).max(), picture(2, (5, 6)).mean()]
    assert seen["masks"][2] == ("set/2_mask.png",)
    assert seen["mask_digest"].nunique() == 6  # the first and the seventh mask are equal
    assert seen["digest"].is_unique
    shown = Image.fromarray(picture(2, (5, 6))).resize((256, 256), Image.Resampling.BILINEAR)
    assert seen["hash"][2] == picture_hash(np.asarray(shown))[0]


def test_inspect_cases_takes_patients_from_the_header_where_the_reader_knows_none(tmp_path):
    shutil.copy(get_testdata_file("CT_small.dcm"), tmp_path / "scan.dcm")
    known = FoundCase("case 0", "p0", "benign", "scan.dcm")
    inspect(tmp_path, [known])
    found = [known, FoundCase("case 1", None, "benign", "scan.dcm")]
    for _ in range(2):  # looked at, and remembered
        seen, _ = inspect(tmp_path, found)
        assert seen["patient_id"].tolist() == ["p0", "1CT1"]
    seen, _ = inspect(tmp_path, [known._replace(patient_id=None)])
    assert seen["patient_id"].tolist() == ["1CT1"]


def test_inspect_cases_looks_again_at_changed_files_only(pictures, counted):
    first, _ = inspect(pictures)
    assert counted == Counter(f"{number}.png" for number in range(N))
    pd.testing.assert_frame_equal(inspect(pictures)[0], first)
    assert counted.total() == N
    counted.clear()
    save(pictures / "set" / "1.png", picture(101, (5, 6)))
    save(pictures / "set" / "4_mask.png", mask((4, 4), shape=(5, 6)))
    seen, _ = inspect(pictures)
    assert counted == Counter(["1.png", "4.png"])
    assert len(seen) == N


def test_inspect_cases_of_a_file_replaced_meanwhile_keeps_nothing_of_it(pictures, monkeypatch):
    read = store_module.read_picture

    def replacing(place, locator, *how):
        pixels = read(place, locator, *how)
        if locator == "set/2.png":
            save(pictures / "set" / "2.png", picture(200, (5, 7)))
        return pixels

    with monkeypatch.context() as patched:
        patched.setattr(store_module, "read_picture", replacing)
        seen, bad = inspect(pictures, cases(masks=False))
    assert bad["problem"].tolist() == ["it changed while it was read"]
    assert len(seen) == N - 1
    seen, bad = inspect(pictures, cases(masks=False))
    assert (seen["width"][2], len(bad)) == (7, 0)


def test_inspect_cases_lists_bad_files_and_keeps_what_was_seen(pictures, counted):
    (pictures / "set" / "1.png").write_bytes(b"")
    (pictures / "set" / "3.png").unlink()
    save(pictures / "set" / "5_mask.png", mask(shape=(6, 6)))
    seen, bad = inspect(pictures)
    assert seen["case_id"].tolist() == ["case 0", "case 2", "case 4", "case 6"]
    assert bad["case_id"].tolist() == ["case 1", "case 3", "case 5"]
    assert bad["place"][0] == str(pictures / "set" / "1.png")
    assert bad["place"][2] == str(pictures / "set" / "5_mask.png")
    for number, problem in enumerate(["is empty", "cannot be read", "6 x 6 pixels and its"]):
        assert problem in bad["problem"][number]
    counted.clear()
    save(pictures / "set" / "3.png", picture(3, (5, 6)))
    seen, bad = inspect(pictures)
    assert sorted(counted) == ["1.png", "3.png", "5.png"]
    assert bad["case_id"].tolist() == ["case 1", "case 5"]


@pytest.mark.parametrize("name", ["images.npy", "masks.npy", "cases.parquet", "store.json"])
def test_single_bit_that_flipped_in_a_store_is_noticed_and_it_is_built_again(
    dataset, tmp_path, name
):
    path = build_store(dataset, 8, folder=tmp_path).path
    whole, draws = (path / name).read_bytes(), random.Random(7)
    for place in draws.sample(range(8 * len(whole)), 15):
        damaged = bytearray(whole)
        damaged[place // 8] ^= 1 << place % 8
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


def test_picture_without_a_mask_has_an_empty_one_in_a_store(dataset, tmp_path):
    masks, digests = [(), *dataset.cases["masks"][1:]], dataset.mask_digests.copy()
    digests.iloc[0] = ""
    cases = dataset.cases.assign(masks=masks)
    without = replace(dataset, cases=cases, mask_digests=digests, index=tmp_path / "index")
    drawn = build_store(without, 8, folder=tmp_path).masks().any(axis=(1, 2))
    assert drawn.tolist() == [False, True, True, False]


def test_store_of_the_same_pictures_made_up_is_another_one(dataset, tmp_path):
    real = build_store(dataset, 8, folder=tmp_path)
    made_up = build_store(replace(dataset, provenance="stand-in"), 8, folder=tmp_path)
    assert (real.provenance, made_up.provenance) == ("real", "stand-in")
    assert real.digest != made_up.digest


@pytest.mark.filterwarnings("error")  # pictures are read otherwise, and did not change
def test_build_store_in_colour_has_three_channels(dataset, tmp_path):
    colored = open_dataset(changed(dataset.manifest, color=True), dataset.root)
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
        build_store(open_dataset(dataset.manifest, busi_root), 8, folder=tmp_path)


def records(root):
    return sorted((root.parent / "index").rglob("*.parquet"))


def test_inspect_cases_read_otherwise_looks_again(pictures, counted):
    gray, _ = inspect(pictures)
    color, _ = inspect(pictures, manifest=changed(MANIFEST, color=True))
    inspect(pictures, manifest=changed(MANIFEST, window=(40.0, 80.0)))
    assert counted.total() == 3 * N
    assert (gray["digest"] != color["digest"]).all()


def test_inspect_cases_of_an_archive_knows_members_by_their_checksum(pictures, counted):
    zip_folder(pictures / "set", pictures / "set.zip")
    found = cases("set.zip::")
    first, _ = inspect(pictures, found)
    (pictures / "set.zip").touch()
    inspect(pictures, found)
    assert counted.total() == N
    save(pictures / "set" / "1.png", picture(101, (5, 6)))
    zip_folder(pictures / "set", pictures / "set.zip")
    second, _ = inspect(pictures, found)
    assert counted.total() == N + 1
    assert (first["digest"] != second["digest"]).tolist() == [n == 1 for n in range(N)]


def test_inspect_cases_on_a_full_disk_names_the_folder_and_goes_on_from_what_was_seen(
    pictures, counted, monkeypatch, one_core
):
    found, other = pd.DataFrame(cases()), pictures / "other"
    whole, _ = inspect_cases(pictures, found, MANIFEST, folder=other)
    write = pd.DataFrame.to_parquet

    def write_once(*table, **options):  # what was seen of a chunk, and its rows for a store
        return (full if len(records(pictures)) == 2 else write)(*table, **options)

    with monkeypatch.context() as patched:
        patched.setattr(pd.DataFrame, "to_parquet", write_once)
        with pytest.raises(InputError, match=r"index.*No space left.*Free some space"):
            inspect(pictures, side=FOUR)
    counted.clear()
    resumed, _ = inspect(pictures, side=FOUR)
    assert counted.total() == N - 4
    pd.testing.assert_frame_equal(resumed, whole)

import threading
from collections import Counter

import imagehash
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from busi_files import mask, picture, save, zip_folder
from PIL import Image

from rin.data import store
from rin.data.layouts.found import FoundCase
from rin.data.manifest import load_manifest
from rin.data.store import BAD_COLUMNS, inspect_cases
from rin.errors import InputError

MANIFEST = load_manifest("busi")
N = 7


@pytest.fixture
def root(tmp_path):
    for number in range(N):
        save(tmp_path / "data" / "set" / f"{number}.png", picture(number, (5, 6)))
        save(tmp_path / "data" / "set" / f"{number}_mask.png", mask((1, number % 6), shape=(5, 6)))
    return tmp_path / "data"


@pytest.fixture
def decoded(monkeypatch):
    """Counts the pictures that are decoded in this process, by locator."""
    count, read = Counter(), store.read_picture

    def counting(root, locator, color, window):
        count[locator] += 1
        return read(root, locator, color, window)

    monkeypatch.setattr(store, "read_picture", counting)
    return count


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


def inspect(root, found=None, manifest=MANIFEST, workers=1):
    folder = root.parent / "index"
    found = cases() if found is None else found
    return inspect_cases(root, found, manifest, folder=folder, workers=workers)


def records(root):
    return sorted((root.parent / "index").rglob("*.parquet"))


def test_inspect_cases_tells_size_digests_hash_and_blankness_of_each_case(root):
    save(root / "set" / "3.png", np.full((5, 6), 4, dtype=np.uint8))
    seen, bad = inspect(root)
    assert bad.empty
    assert list(bad.columns) == BAD_COLUMNS
    assert seen["case_id"].tolist() == [f"case {number}" for number in range(N)]
    assert seen["patient_id"].tolist() == [f"p{number}" for number in range(N)]
    assert (seen["width"].eq(6) & seen["height"].eq(5)).all()
    assert seen["blank"].tolist() == [number == 3 for number in range(N)]
    assert seen["masks"][2] == ("set/2_mask.png",)
    assert seen["mask_digest"].nunique() == 6  # the first and the seventh mask are equal
    assert seen["digest"].is_unique
    shown = Image.fromarray(picture(2, (5, 6))).resize((256, 256), Image.Resampling.BILINEAR)
    assert seen["hash"][2] == str(imagehash.dhash(shown, 16))


def test_inspect_cases_takes_patients_from_the_header_where_the_reader_knows_none(
    root, monkeypatch
):
    monkeypatch.setattr(store, "patient_of", lambda root, locator: f"header of {locator}")
    inspect(root)
    found = [*cases(numbers=[0]), *cases(numbers=[1], patient=None)]
    for _ in range(2):  # looked at, and remembered
        seen, _ = inspect(root, found)
        assert seen["patient_id"].tolist() == ["p0", "header of set/1.png"]


def test_inspect_cases_a_second_time_decodes_nothing(root, decoded):
    first, _ = inspect(root)
    assert decoded == Counter({case.image: 1 for case in cases()})
    second, _ = inspect(root)
    assert decoded.total() == N
    pd.testing.assert_frame_equal(first, second)


def test_inspect_cases_after_an_interruption_goes_on_where_it_stood(root, decoded, monkeypatch):
    monkeypatch.setattr(store, "CHUNK", 2)
    whole, _ = inspect_cases(root, cases(), MANIFEST, folder=root / "other", workers=1)
    read = store.read_picture
    decoded.clear()

    def dying(*arguments):
        if arguments[1] == "set/5.png":
            raise KeyboardInterrupt
        return read(*arguments)

    monkeypatch.setattr(store, "read_picture", dying)
    with pytest.raises(KeyboardInterrupt):
        inspect(root)
    assert decoded.total() == 5
    assert len(records(root)) == 2
    monkeypatch.setattr(store, "read_picture", read)
    resumed, _ = inspect(root)
    assert decoded == Counter({f"set/{number}.png": 1 + (number == 4) for number in range(N)})
    pd.testing.assert_frame_equal(resumed, whole)


def test_inspect_cases_looks_again_at_changed_files_only(root, decoded):
    inspect(root)
    decoded.clear()
    save(root / "set" / "1.png", picture(101, (5, 6)))
    save(root / "set" / "4_mask.png", mask((4, 4), shape=(5, 6)))
    seen, _ = inspect(root)
    assert decoded == Counter({"set/1.png": 1, "set/4.png": 1})
    assert len(seen) == N


def test_inspect_cases_read_otherwise_looks_again(root, decoded):
    gray, _ = inspect(root)
    color, _ = inspect(root, manifest=MANIFEST.model_copy(update={"color": True}))
    inspect(root, manifest=MANIFEST.model_copy(update={"window": (40.0, 80.0)}))
    assert decoded.total() == 3 * N
    assert (gray["digest"] != color["digest"]).all()


def test_inspect_cases_of_an_archive_knows_members_by_their_checksum(root, decoded):
    zip_folder(root / "set", root / "set.zip")
    found = cases("set.zip::")
    first, _ = inspect(root, found)
    (root / "set.zip").touch()
    inspect(root, found)
    assert decoded.total() == N
    save(root / "set" / "1.png", picture(101, (5, 6)))
    zip_folder(root / "set", root / "set.zip")
    second, _ = inspect(root, found)
    assert decoded.total() == N + 1
    assert (first["digest"] != second["digest"]).tolist() == [n == 1 for n in range(N)]


def test_inspect_cases_of_a_file_replaced_while_it_is_read_keeps_nothing_of_it(root, monkeypatch):
    read = store.read_picture

    def replacing(place, locator, *how):
        pixels = read(place, locator, *how)
        if locator == "set/2.png":
            save(root / "set" / "2.png", picture(200, (5, 7)))
        return pixels

    with monkeypatch.context() as patched:
        patched.setattr(store, "read_picture", replacing)
        seen, bad = inspect(root, cases(masks=False))
    assert bad["problem"].tolist() == ["it changed while it was read"]
    assert len(seen) == N - 1
    seen, bad = inspect(root, cases(masks=False))
    assert (seen["width"][2], len(bad)) == (7, 0)


def test_inspect_cases_with_shapes_in_words_looks_for_no_such_file(root, decoded):
    boxes = [FoundCase("a", "p", "c", "set/0.png", (f"box:0,0,{width},1",)) for width in (2, 3)]
    first, _ = inspect(root, boxes[:1])
    second, _ = inspect(root, boxes[1:])
    assert first["mask_digest"][0] != second["mask_digest"][0]
    inspect(root, boxes)
    assert decoded.total() == 2


def test_inspect_cases_lists_bad_files_and_keeps_what_was_seen(root, decoded):
    (root / "set" / "1.png").write_bytes(b"")
    (root / "set" / "3.png").unlink()
    save(root / "set" / "5_mask.png", mask(shape=(6, 6)))
    seen, bad = inspect(root)
    assert seen["case_id"].tolist() == ["case 0", "case 2", "case 4", "case 6"]
    assert bad["case_id"].tolist() == ["case 1", "case 3", "case 5"]
    assert bad["place"][0] == str(root / "set" / "1.png")
    assert bad["place"][2] == str(root / "set" / "5_mask.png")
    for number, problem in enumerate(["is empty", "cannot be read", "6 x 6 pixels and its"]):
        assert problem in bad["problem"][number]
    decoded.clear()
    save(root / "set" / "3.png", picture(3, (5, 6)))
    seen, bad = inspect(root)
    assert sorted(decoded) == ["set/1.png", "set/3.png", "set/5.png"]
    assert bad["case_id"].tolist() == ["case 1", "case 5"]


def test_inspect_cases_in_processes_leaves_the_same_bytes_as_in_this_one(root, monkeypatch):
    monkeypatch.setattr(store, "CHUNK", 3)
    (root / "set" / "2.png").write_bytes(b"")
    several, bad_there = inspect(root, workers=2)
    written = {path.name: path.read_bytes() for path in records(root)}
    for path in records(root):
        path.unlink()
    alone, bad_here = inspect(root, workers=1)
    assert {path.name: path.read_bytes() for path in records(root)} == written
    pd.testing.assert_frame_equal(several, alone)
    pd.testing.assert_frame_equal(bad_there, bad_here)


def test_inspect_cases_by_two_at_once_decodes_each_picture_once(root, decoded):
    results = []
    both = [threading.Thread(target=lambda: results.append(inspect(root)[0])) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    assert decoded.total() == N
    pd.testing.assert_frame_equal(*results)


def test_inspect_cases_on_a_full_disk_names_the_folder_and_keeps_what_was_seen(
    root, decoded, monkeypatch
):
    monkeypatch.setattr(store, "CHUNK", 4)
    write = pq.write_table

    def fill(table, place):
        if records(root):
            raise OSError(28, "No space left on device")
        write(table, place)

    monkeypatch.setattr(store.pq, "write_table", fill)
    with pytest.raises(InputError, match=r"index.*No space left.*Free some space"):
        inspect(root)
    monkeypatch.setattr(store.pq, "write_table", write)
    decoded.clear()
    inspect(root)
    assert decoded.total() == N - 4


def test_inspect_cases_with_a_torn_record_says_which_to_delete(root):
    inspect(root)
    (path,) = records(root)
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(InputError, match=rf"{path.name}: the record.*Delete this file"):
        inspect(root)


def test_inspect_cases_passes_a_programming_error_on_and_names_the_picture(root, monkeypatch):
    monkeypatch.setattr(store, "picture_hash", lambda pixels: 1 / 0)
    with pytest.raises(ZeroDivisionError) as caught:
        inspect(root)
    assert caught.value.__notes__ == ["while reading set/0.png"]

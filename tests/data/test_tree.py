import io
import multiprocessing
import os
import re
import shutil
import struct
import sys
import tracemalloc
import zipfile
import zlib
from functools import partial

import numpy as np
import pytest
from busi_files import change

from rin.data.chunks import map_threads
from rin.data.tree import MAX_BYTES, fingerprints, is_dicom, open_tree, read_bytes
from rin.errors import InputError


def archive(path, *members):
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members:
            file.writestr(name, content)
    return path


def test_open_tree_of_folder_lists_files_sorted_without_debris_through_links(tmp_path):
    debris = ("a/.DS_Store", "a/__MACOSX/one.png", "Thumbs.db")
    names = ("b.png", "a/z.png", "a/c/deep.png", "a-b/x.png", *debris)
    change(tmp_path, {"elsewhere/y.png": b"x"} | {f"place/{name}": b"x" for name in names})
    (tmp_path / "place" / "empty").mkdir()
    (tmp_path / "place" / "link.png").symlink_to("b.png")
    (tmp_path / "place" / "linked").symlink_to(tmp_path / "elsewhere")
    found = open_tree(tmp_path, "place").names
    assert found == ("a-b/x.png", "a/c/deep.png", "a/z.png", "b.png", "link.png", "linked/y.png")


@pytest.mark.parametrize(
    ("target", "problem"), [("nothing.png", "leads nowhere"), (".", "leads back to a folder")]
)
def test_open_tree_with_a_link_that_leads_nowhere_or_round_names_it(tmp_path, target, problem):
    (tmp_path / "place" / "a").mkdir(parents=True)
    (tmp_path / "place" / "a" / "link").symlink_to(target)
    with pytest.raises(InputError, match=f"place/a/link.*: the link {problem}"):
        open_tree(tmp_path, "place")


def test_fingerprints_change_when_a_copy_of_equal_size_and_time_takes_the_place(tmp_path):
    for name, content in (("a.png", b"one"), ("copy", b"two")):
        (tmp_path / name).write_bytes(content)
        os.utime(tmp_path / name, ns=(0, 1))
    before = fingerprints(tmp_path, ["a.png"])
    shutil.copy2(tmp_path / "copy", tmp_path / "a.png")
    assert fingerprints(tmp_path, ["a.png"]) != before


def test_member_that_unpacks_to_more_than_it_says_is_refused_at_once(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x", bytes(20 * 2**20))
    content, true = path.read_bytes(), struct.pack("<I", 20 * 2**20)
    assert content.count(true) == 2
    path.write_bytes(content.replace(true, struct.pack("<I", 1000)))
    tracemalloc.start()
    with pytest.raises(InputError, match="cannot be read"):
        read_bytes(tmp_path, "a.zip::x")
    assert tracemalloc.get_traced_memory()[1] < 2**20
    tracemalloc.stop()


def test_fingerprints_of_members_are_size_and_checksum(tmp_path):
    archive(tmp_path / "b.zip", ("a.png", b"one"), ("v.npy", b"two"))
    found = fingerprints(tmp_path, ["b.zip::a.png", "b.zip::v.npy#12", "b.zip::c.png"])
    assert found == [f"3-{zlib.crc32(b'one'):08x}", f"3-{zlib.crc32(b'two'):08x}", "absent"]


def test_open_tree_of_zip_reads_members_in_place(tmp_path):
    archive(tmp_path / "b.zip", ("top/one (1).png", b"first"), ("__MACOSX/._one (1).png", b"x"))
    found = open_tree(tmp_path, "b.zip")
    assert found.names == ("top/one (1).png",)
    assert found.locator("top/one (1).png") == "b.zip::top/one (1).png"
    assert found.read("top/one (1).png") == b"first"
    assert [item.name for item in tmp_path.iterdir()] == ["b.zip"]


OUTSIDE = ["../out.png", "a/../../out.png", "/etc/out.png", "C:/out.png", "\\\\host\\out.png"]


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("names", [["a.png", "a.png"], *(["a.png", name] for name in OUTSIDE)])
def test_open_tree_of_zip_with_member_outside_or_repeated_is_refused(tmp_path, names):
    archive(tmp_path / "b.zip", *((name, b"x") for name in names))
    told = re.escape(f"unsafe or repeated member name {names[1]!r}")
    with pytest.raises(InputError, match=told):
        open_tree(tmp_path, "b.zip")


@pytest.mark.parametrize("version", [20, 99])  # that is needed to extract: 99 is unknown
def test_open_tree_of_a_zip_cut_off_or_of_another_version_says_to_copy_it_again(tmp_path, version):
    content = bytearray(archive(tmp_path / "b.zip", ("a.png", b"x" * 1000)).read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = version
    (tmp_path / "b.zip").write_bytes(content if version == 99 else content[:500])
    with pytest.raises(
        InputError, match=r"b\.zip: the zip archive cannot be opened.*download it again"
    ):
        open_tree(tmp_path, "b.zip")


def test_open_tree_of_missing_place_raises(tmp_path):
    with pytest.raises(InputError, match="there is no such folder"):
        open_tree(tmp_path, "nowhere")
    with pytest.raises(InputError, match="there is no such zip"):
        open_tree(tmp_path, "nowhere.zip")


@pytest.mark.parametrize(
    ("locator", "message"),
    [
        ("b.zip::missing.png", r"b\.zip: missing\.png cannot be read"),
        ("missing.png", r"missing\.png cannot be read"),
        ("b.zip::a.png", r"b\.zip: a\.png cannot be read.*CRC"),
    ],
)
def test_read_bytes_of_missing_file_or_damaged_member_names_it(tmp_path, locator, message):
    path = archive(tmp_path / "b.zip", ("a.png", b"abcdefgh"))
    path.write_bytes(path.read_bytes().replace(b"abcdefgh", b"abXdefgh", 1))
    with pytest.raises(InputError, match=message):
        read_bytes(tmp_path, locator)


@pytest.mark.parametrize("locator", ["a.png", "b.zip::a.png"])
def test_read_bytes_beyond_the_limit_is_refused_unread(tmp_path, locator):
    """Of an archive, by the size that its directory states."""
    with (tmp_path / "a.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    path = archive(tmp_path / "b.zip", ("a.png", b"x" * 101))
    stated, large = struct.pack("<2L", 101, 101), struct.pack("<2L", 101, MAX_BYTES + 1)
    path.write_bytes(path.read_bytes().replace(stated, large))
    with pytest.raises(InputError, match="268435457 bytes, more than the limit"):
        read_bytes(tmp_path, locator)


def test_read_bytes_in_threads_gives_each_member_its_own_content(tmp_path):
    arrays = {f"{number:05d}": np.full(9, number) for number in range(1000)}
    np.savez(tmp_path / "a.npz", **arrays)  # whose members have extra fields
    names = [f"a.npz::{name}.npy" for name in arrays]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)  # threads take turns everywhere
    try:
        contents = map_threads(partial(read_bytes, tmp_path), names)
    finally:
        sys.setswitchinterval(interval)
    read = [np.load(io.BytesIO(content))[0] for content in contents]
    assert read == [*range(1000)]


def test_read_bytes_in_forked_children_is_not_disturbed_by_the_parent(tmp_path):
    members = [(f"{i}.png", bytes([i]) * 20_000) for i in range(40)]
    archive(tmp_path / "b.zip", *members)
    open_tree(tmp_path, "b.zip")
    jobs = [(tmp_path, f"b.zip::{name}") for name, _ in members] * 5
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(read_bytes, jobs) == [content for _, content in members] * 5


def test_dicom_without_ending_at_the_top_of_an_archive_is_one():
    assert is_dicom("a.zip::IM0001")


def test_name_that_is_not_utf_8_is_refused(tmp_path):
    (tmp_path / os.fsdecode(b"b\xe9.png")).touch()
    with pytest.raises(InputError, match=r"1 name is not UTF-8: b\\udce9\.png"):
        open_tree(tmp_path.parent, tmp_path.name)

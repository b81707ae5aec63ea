import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rin.errors import InputError
from rin.training.rows import read_rows


@pytest.fixture
def images():
    return np.random.default_rng(0).integers(0, 256, (50, 4, 3), dtype=np.uint8)


@pytest.fixture
def stored(tmp_path, images):
    """The same images as a read-only memory map."""
    np.save(tmp_path / "images.npy", images)
    return np.load(tmp_path / "images.npy", mmap_mode="r")


@pytest.mark.parametrize(
    "rows",
    [[0], [49], [3, 4, 5], [0, 1, 7, 8, 9, 30], [9, 3, 3, 48], [], list(range(50))],
    ids=["first", "last", "neighbours", "runs", "any order", "none", "all"],
)
def test_read_rows_of_a_file_are_those_of_the_array(images, stored, rows):
    read = read_rows(stored, np.array(rows, int))
    assert not isinstance(read, np.memmap)
    np.testing.assert_array_equal(read, images[np.array(rows, int)])


def test_read_rows_of_an_array_in_memory_indexes_it(images):
    np.testing.assert_array_equal(read_rows(images, np.array([4, 2])), images[[4, 2]])


def test_read_rows_of_a_part_of_a_map_does_not_read_from_its_beginning(images, stored):
    part = stored[10:20]
    np.testing.assert_array_equal(read_rows(part, np.array([0, 9])), images[[10, 19]])


def test_read_rows_beyond_the_array_raise(stored):
    for rows in ([50], [-1]):
        with pytest.raises(IndexError):
            read_rows(stored, np.array(rows))


def test_read_rows_of_a_file_cut_short_names_it_and_goes_on_living(stored):
    os.truncate(stored.filename, 300)
    assert read_rows(stored, np.array([2])).shape == (1, 4, 3)
    with pytest.raises(InputError, match=r"cannot be read.*too early") as caught:
        read_rows(stored, np.array([2, 40]))
    assert caught.value.where == str(stored.filename)


def test_read_rows_of_a_file_that_is_gone_names_it(stored):
    Path(stored.filename).unlink()
    with pytest.raises(InputError, match="cannot be read") as caught:
        read_rows(stored, np.array([2]))
    assert caught.value.where == str(stored.filename)


MEMORY = """
import resource, sys
import numpy as np
from rin.training.rows import read_rows

images = np.load(sys.argv[1], mmap_mode="r")
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
for rows in np.arange(len(images)).reshape(-1, 64):
    read_rows(images, rows)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


def test_reading_a_whole_store_keeps_none_of_it_resident(tmp_path):
    path = tmp_path / "images.npy"
    with path.open("wb") as file:  # 256 MB that take no disk
        header = {"descr": "|u1", "fortran_order": False, "shape": (4096, 256, 256)}
        np.lib.format.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 4096 * 65536)
    grown = subprocess.check_output([sys.executable, "-c", MEMORY, path], text=True)
    assert int(grown) < 32

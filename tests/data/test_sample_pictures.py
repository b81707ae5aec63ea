import numpy as np
import pytest
from busi_files import save, zip_folder

from rin.data.dataset import sample_pictures
from rin.errors import InputError


@pytest.fixture
def folder(tmp_path):
    """Twelve pictures in two folders, one of them in colour, beside a text file."""
    rng = np.random.default_rng(0)
    for number in range(12):
        shape = (9, 12, 3) if number == 2 else (9, 12)
        pixels = rng.integers(0, 255, shape).astype(np.uint8)
        save(tmp_path / "pictures" / f"f{number % 2}" / f"{number}.png", pixels)
    (tmp_path / "pictures" / "read me.txt").write_text("x")
    return tmp_path / "pictures"


def test_pictures_of_a_folder_are_squares_drawn_alike_each_time(folder):
    first, again = (sample_pictures(str(folder), None, n=8, size=16) for _ in range(2))
    assert first.pixels.shape == (8, 16, 16, 3)
    assert first.pixels.dtype == np.uint8
    np.testing.assert_array_equal(first.pixels, again.pixels)
    assert first.description.startswith("8 of 12 pictures of ")
    assert first.provenance == ""


def test_an_archive_and_a_folder_inside_it_are_read_in_place(folder, tmp_path):
    zip_folder(folder, tmp_path / "a.zip")
    whole = sample_pictures(str(tmp_path / "a.zip"), None, n=99, size=16)
    part = sample_pictures(f"{tmp_path / 'a.zip'}::f1", None, n=99, size=16)
    assert (len(whole.pixels), len(part.pixels)) == (12, 6)


def test_without_a_name_stand_ins_are_made_and_said_to_be(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    made = sample_pictures("", None, n=8, size=32)
    assert made.pixels.shape == (8, 32, 32, 3)
    assert (made.provenance, made.color) == ("stand-in", False)
    assert "(stand-in)" in made.description
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("busi", "is not there.*give --data-root"),
        ("absent", "no folder, zip archive or dataset of this name"),
        ("pictures/read me.txt", "no folder, zip archive"),
        ("empty", "no pictures there"),
    ],
)
def test_names_that_lead_nowhere_raise(folder, tmp_path, monkeypatch, where, message):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    for data_root in (tmp_path, None):
        with pytest.raises(InputError, match=message):
            sample_pictures(where, data_root, n=8, size=32)

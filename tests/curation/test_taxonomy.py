import csv
import io

import pytest

from rin.curation import taxonomy as tx
from rin.data.manifest import manifest_folder
from rin.errors import InputError


@pytest.fixture(scope="module")
def table():
    return tx.load_taxonomy()


@pytest.fixture
def rows():
    """The file as a list of fields per line, header first."""
    text = (manifest_folder() / tx.FILE).read_text(encoding="utf-8")
    return list(csv.reader(io.StringIO(text)))


def written(rows, path, *, newline="\n", encoding="utf-8"):
    with path.open("w", newline="", encoding=encoding) as file:
        csv.writer(file, lineterminator=newline).writerows(rows)
    return path


def test_regions_hold_the_classes_that_were_counted_in_the_class_map(table):
    assert table.groupby("region").size().to_dict() == {
        "abd": 28, "lung": 6, "mriabd": 26, "af": 25, "brain": 10, "hip": 14, "knee": 18,
        "shoulder": 14, "spine": 9, "usabd": 13, "usthyroid": 2,
    }  # fmt: skip
    assert table["kind"].value_counts().to_dict() == {"none": 87, "subset": 76, "full set": 2}


def test_line_ends_and_byte_order_mark_do_not_matter(rows, tmp_path, table):
    path = written(rows, tmp_path / "t.csv", newline="\r\n", encoding="utf-8-sig")
    assert tx.load_taxonomy(path).equals(table)


@pytest.mark.parametrize(
    ("line", "column", "value", "message"),
    [
        (5, 0, "PET", "PET"),
        (5, 1, "elbow", "elbow"),
        (5, 0, "US", "region of the modality"),
        (5, 2, "", "str_matches"),
        (5, 2, "ascites ", "str_matches"),
        (5, 3, "many", "many"),
        (5, 3, "-4", "-4"),
        (5, 3, "12", "kind 'none' without a count"),
        (2, 3, "", "another kind with one"),
        (2, 4, "guess", "guess"),
        (2, 5, "", "str_matches"),
    ],
)
def test_bad_entries_are_named_with_their_line(rows, tmp_path, line, column, value, message):
    rows[line - 1][column] = value
    with pytest.raises(InputError) as caught:
        tx.load_taxonomy(written(rows, tmp_path / "t.csv"))
    assert message in str(caught.value)
    assert f"row {line}, " in str(caught.value)
    assert "t.csv" in str(caught.value)


def test_missing_class_is_refused_with_the_papers_numbers(rows, tmp_path):
    with pytest.raises(InputError, match=r"\[164, 11, 3\], where the paper states \[165, 11, 3\]"):
        tx.load_taxonomy(written(rows[:-1], tmp_path / "t.csv"))


def test_row_with_too_many_cells_and_other_columns_are_refused(rows, tmp_path):
    rows[3].append("more")
    with pytest.raises(InputError, match="row 4 has 7 of 6 cells"):
        tx.load_taxonomy(written(rows, tmp_path / "t.csv"))
    rows[0][2] = "class"
    with pytest.raises(InputError, match="missing, or there twice: label"):
        tx.load_taxonomy(written(rows, tmp_path / "t.csv"))


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'modality,"region\n'])
def test_files_that_are_no_table_are_refused(tmp_path, content):
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"t\.csv"):
        tx.load_taxonomy(path)


def test_label_that_reads_like_a_missing_value_is_kept(rows, tmp_path):
    rows[5][2] = "NA"
    assert "NA" in set(tx.load_taxonomy(written(rows, tmp_path / "t.csv"))["label"])

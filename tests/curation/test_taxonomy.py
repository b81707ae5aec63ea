import csv
import io

import pytest

from rin.curation import taxonomy as tx
from rin.errors import InputError
from rin.evidence.paper import DATABASE


@pytest.fixture(scope="module")
def table():
    return tx.load_taxonomy()


@pytest.fixture
def rows():
    """The file as a list of fields per line, header first."""
    return list(csv.reader(io.StringIO(tx.taxonomy_file().read_text(encoding="utf-8"))))


@pytest.fixture
def load(tmp_path, monkeypatch):
    """Reads rows, or bytes, in place of the file."""
    path = tmp_path / "t.csv"
    monkeypatch.setattr(tx, "taxonomy_file", lambda: path)

    def load(rows, *, newline="\n", encoding="utf-8"):
        if isinstance(rows, bytes):
            path.write_bytes(rows)
        else:
            with path.open("w", newline="", encoding=encoding) as file:
                csv.writer(file, lineterminator=newline).writerows(rows)
        return tx.load_taxonomy()

    return load


def test_classes_are_whole_and_as_many_as_the_paper_states(table):
    assert len(table) == DATABASE["labels"].value
    assert set(table["region"]) == set(tx.REGIONS)
    assert len(tx.REGIONS) == DATABASE["regions"].value
    assert set(table["modality"]) == set(tx.MODALITIES)
    assert not table.duplicated(["region", "label"]).any()
    texts = table[["label", "source"]]
    assert (texts != "").all(axis=None) and texts.equals(texts.map(str.strip))
    assert ((table["kind"] == "none") == table["images"].isna()).all()
    assert (table["images"].dropna() > 0).all()


def test_regions_hold_the_classes_that_were_counted_in_the_class_map(table):
    assert table.groupby("region").size().to_dict() == {
        "abd": 28, "lung": 6, "mriabd": 26, "af": 25, "brain": 10, "hip": 14, "knee": 18,
        "shoulder": 14, "spine": 9, "usabd": 13, "usthyroid": 2,
    }  # fmt: skip
    assert table["kind"].value_counts().to_dict() == {"none": 87, "subset": 76, "full set": 2}


def test_line_ends_and_byte_order_mark_do_not_matter(rows, load, table):
    assert load(rows, newline="\r\n", encoding="utf-8-sig").equals(table)


@pytest.mark.parametrize(("column", "value"), [(0, "PET"), (0, "US"), (1, "elbow"), (3, "many")])
def test_unknown_regions_and_counts_are_refused(rows, load, column, value):
    rows[4][column] = value
    with pytest.raises(InputError, match=r"t\.csv: unknown modality and region"):
        load(rows)


def test_row_with_too_many_cells_and_other_columns_are_refused(rows, load):
    rows[3].append("more")
    with pytest.raises(InputError, match="row 4 has 7 of 6 cells"):
        load(rows)
    rows[0][2] = "class"
    with pytest.raises(InputError, match="missing, or there twice: label"):
        load(rows)


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\x00", b'modality,"region\n'])
def test_files_that_are_no_table_are_refused(load, content):
    with pytest.raises(InputError, match=r"t\.csv"):
        load(content)


def test_label_that_reads_like_a_missing_value_is_kept(rows, load):
    rows[5][2] = "NA"
    assert "NA" in set(load(rows)["label"])

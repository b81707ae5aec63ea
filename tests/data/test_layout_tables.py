"""CSV tables of datasets: what is forgiven, and what is refused with its place."""

import pytest

from rin.data.layouts.found import read_table
from rin.data.tree import open_tree
from rin.errors import InputError

ROWS = [{"id": "0", "hemorrhage": "1"}, {"id": "1", "hemorrhage": "0"}]


def read(tmp_path, content, columns=("id", "hemorrhage")):
    (tmp_path / "set").mkdir(exist_ok=True)
    (tmp_path / "set" / "labels.csv").write_bytes(content)
    return read_table(open_tree(tmp_path, "set"), "labels.csv", columns)


@pytest.mark.parametrize(
    "content",
    [
        b"id,hemorrhage\n0,1\n1,0\n",
        b"id, hemorrhage\n0,1\n1,0",
        b"\xef\xbb\xbfid,hemorrhage\r\n0,1\r\n1,0\r\n",
        b'"id","hemorrhage"\n"0"," 1 "\n\n1,0\n\n',
        b"id,hemorrhage\r0,1\r1,0\r",
    ],
    ids=["plain", "blank in header", "mark and CRLF", "quotes and empty lines", "CR"],
)
def test_read_table_in_any_usual_form_gives_the_same_rows(tmp_path, content):
    assert read(tmp_path, content).to_dict("records") == ROWS


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "no CSV table"),
        (b"id,label\n0,1\n", "its columns are id, label; needed are id, hemorrhage"),
        (b"id,hemorrhage,id\n0,1,2\n", "its columns are id, hemorrhage, id; needed"),
        (b"id,hemorrhage\n0,1\n1\n", "Expected 2 columns, got 1"),
        (b"id,hemorrhage\n0,1,2\n", "Expected 2 columns, got 3"),
        (b"id,hemorrhage\n\xff\xfe,1\n", "no CSV table in UTF-8"),
        (b'id,hemorrhage\n0,"1\n', "a quote in the table is not closed"),
    ],
)
def test_read_table_that_is_broken_names_file_and_fault(tmp_path, content, message):
    with pytest.raises(InputError, match=rf"labels\.csv: .*{message}"):
        read(tmp_path, content)

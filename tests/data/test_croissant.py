"""Descriptions of folders of tables, as other programs read them."""

import pandas as pd
import pytest
from croissant_structure import described

from rin.data.croissant import file_object, table_records, write_croissant

STATED = {"name": "small", "description": "Two rows.", "license": "none", "version": "1.0.0"}
TABLE = pd.DataFrame({"case": ["a", "b"], "n": [1, 2], "share": [0.5, 1.0], "seen": [True, False]})


@pytest.fixture
def folder(tmp_path):
    """A table and its description."""
    TABLE.to_csv(tmp_path / "small.csv", index=False)
    records = table_records("small.csv", TABLE, "A row a case.", {"n": "how many"})
    write_croissant(tmp_path, STATED, [file_object(tmp_path / "small.csv")], [records])
    return tmp_path


def test_columns_of_a_table_have_their_types_and_what_is_known_of_them(folder):
    (records,) = described(folder)["recordSet"]
    told = [(one["name"], one["dataType"], one.get("description")) for one in records["field"]]
    assert told == [
        ("case", "sc:Text", None), ("n", "sc:Integer", "how many"), ("share", "sc:Float", None),
        ("seen", "sc:Boolean", None),
    ]  # fmt: skip


@pytest.mark.slow
def test_description_is_read_by_the_reference_implementation(folder):
    mlcroissant = pytest.importorskip("mlcroissant")
    read = mlcroissant.Dataset(jsonld=str(folder / "croissant.json"))
    assert not read.metadata.ctx.issues.errors
    assert [record["small/n"] for record in read.records("small")] == [1, 2]

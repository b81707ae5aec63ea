import pytest

from rin.curation import taxonomy as tx
from rin.evidence.paper import DATABASE


@pytest.fixture(scope="module")
def table():
    return tx.load_taxonomy()


def test_classes_are_whole_and_as_many_as_the_paper_states(table):
    assert len(table) == DATABASE["labels"].value
    assert len(tx.REGIONS) == DATABASE["regions"].value
    assert set(table["modality"]) == {"CT", "MR", "US"}
    assert not table.duplicated(["region", "label"]).any()
    texts = table[["label", "source"]]
    assert (texts != "").all(axis=None)
    assert texts.equals(texts.map(str.strip))
    assert ((table["kind"] == "none") == table["images"].isna()).all()
    assert (table["images"].dropna() > 0).all()


def test_regions_hold_the_classes_that_were_counted_in_the_class_map(table):
    assert table.groupby("region").size().to_dict() == {
        "abd": 28, "lung": 6, "mriabd": 26, "af": 25, "brain": 10, "hip": 14, "knee": 18,
        "shoulder": 14, "spine": 9, "usabd": 13, "usthyroid": 2,
    }  # fmt: skip
    assert table["kind"].value_counts().to_dict() == {"none": 87, "subset": 76, "full set": 2}

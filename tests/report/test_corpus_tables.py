import fake_corpus
import pytest

from rin.curation.taxonomy import load_taxonomy
from rin.errors import InputError
from rin.report import corpus_tables as tables


@pytest.fixture(scope="module")
def taxonomy():
    return load_taxonomy()


@pytest.fixture
def images():
    return fake_corpus.images()


@pytest.fixture
def labels(images, taxonomy):
    return tables.label_rows(images, taxonomy)


def test_label_rows_hold_every_class_and_every_image(labels, images, taxonomy):
    assert labels[["region", "label"]].equals(taxonomy[["region", "label"]])
    assert labels["images"].sum() == len(images)
    found = labels.set_index(["region", "label"])
    assert found.loc[("lung", "Nodule"), ["images", "patients"]].tolist() == [3, 2]
    counted = ["images", "normal", "patients"]
    assert found.loc[("lung", "normal"), counted].tolist() == [3, 3, 1]
    assert found.loc[("usthyroid", "thyroid"), counted].tolist() == [1, 1, 1]
    assert found.loc[("abd", "normal"), [*counted, "public"]].tolist() == [0, 0, 0, 69238]


def test_a_class_outside_the_taxonomy_is_an_error(images, taxonomy):
    strange = images.assign(name=["Dragon", *images["name"][1:]])
    with pytest.raises(InputError, match="lung/Dragon"):
        tables.label_rows(strange, taxonomy)


def test_region_rows_count_classes_that_occur(images, taxonomy):
    rows = tables.region_rows(images, taxonomy).set_index("region")
    counted = ["classes", "occurring", "images", "patients"]
    assert rows.loc["lung", counted].tolist() == [6, 2, 6, 3]
    assert rows.loc["knee", counted].tolist() == [18, 0, 0, 0]
    assert rows[["classes", "occurring", "images"]].sum().tolist() == [165, 3, 7]


def test_region_table_keeps_the_public_subset_in_a_column_of_its_own(images, taxonomy):
    table = tables.corpus_region_table(tables.region_rows(images, taxonomy))
    knee = table[table["Region"] == "Knee"].iloc[0]
    assert knee["Images here"] == "0"
    assert knee["Images, public subset"] == "161,744"


def test_label_table_never_mixes_the_two_kinds_of_public_counts(labels, taxonomy):
    table = tables.corpus_label_table(labels)
    full, subset = table["Full set, public"] != "–", table["Subset, public"] != "–"
    assert not (full & subset).any()
    assert full.tolist() == (taxonomy["kind"] == "full set").tolist()
    assert subset.tolist() == (taxonomy["kind"] == "subset").tolist()
    assert (table["Images here"] != "–").sum() == 3


def test_label_reading_names_smallest_and_largest_class(labels):
    text = tables.label_reading(labels).data
    assert text.startswith("3 of 165 labels occur here, with 1 (thyroid, thyroid) to 3 images")
    assert "57.1 % of the images are of normal" in text


def test_label_reading_of_an_empty_corpus(labels):
    assert tables.label_reading(labels.assign(images=0)).data == "The corpus holds no image."


def test_part_table_sets_shares_beside_the_papers(images):
    table = tables.part_table(tables.part_rows(images))
    assert table.index.tolist() == ["Training", "Validation", "Test"]
    assert table["Paper, %"].tolist() == ["75", "10", "15"]
    assert table["Patients"].tolist() == ["2", "1", "1"]
    assert table["Images, %"].tolist() == ["71.4", "14.3", "14.3"]
    assert table["Classes"].tolist() == ["2", "1", "1"]


def test_part_reading_tells_shared_patients_and_missing_classes(images):
    text = tables.part_reading(images).data
    assert "in more than one part: 0" in text
    assert "of 3 classes, some are missing in training and validation and test" in text
    leaking = images.assign(patient_id=["P1", "P1", "P1", "P3", "P3", "P3", "P1"])
    assert "in more than one part: 1" in tables.part_reading(leaking).data


def test_part_reading_of_parts_with_all_classes(images):
    one = images[images["label"] == "lung-Nodule"].assign(part=["train", "validation", "test"])
    assert "all 1 classes occur in every part" in tables.part_reading(one).data

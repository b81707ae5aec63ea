"""Readings of patients from file names, against a published split."""

import pandas as pd
import pytest

from rin.data.manifest import load_manifest
from rin.data.official_split import official_parts, patient_readings, patients_across
from rin.errors import InputError

NAMES = ["a/p1_x_1.png", "a/p1_y_2.png", "b/p2_x_3.png", "b/p2_x_4.png"]
PARTS = ["train", "test", "train", "train"]
NUMBER, BOTH = r"^(p\d+)_", r"^(p\d+)_([xy])_"


def table(*images):
    ids = ["/".join(image.split("/")[-2:]) for image in images]
    return pd.DataFrame({"case_id": ids, "image": images})


@pytest.fixture
def cases():
    return table(*(f"d.zip::top/{part}/{n}" for n, part in zip(NAMES, PARTS, strict=True)))


def manifest(**options):
    return load_manifest("kermany_cxr").model_copy(update={"options": options})


def test_patients_across_by_number_finds_one_on_both_sides():
    found = patients_across(NAMES, PARTS, NUMBER)
    assert found["images"].to_dict() == {"p1": 2, "p2": 2}
    assert found["parts"].to_dict() == {"p1": 2, "p2": 1}


def test_patients_across_by_number_and_letter_finds_none():
    found = patients_across(NAMES, PARTS, BOTH)
    assert found["parts"].to_dict() == {"p1-x": 1, "p1-y": 1, "p2-x": 1}


def test_patients_across_with_an_unread_name_names_it():
    with pytest.raises(InputError, match=r"does not match 'a/q1\.png'"):
        patients_across(["a/q1.png"], ["train"], NUMBER)


def test_patients_across_with_unequal_lengths_raises():
    with pytest.raises(InputError, match="4 names and 3 parts"):
        patients_across(NAMES, PARTS[:3], NUMBER)


def test_official_parts_of_zip_and_folder_are_the_folders_above_the_class(cases):
    parts = official_parts(manifest(splits=["train", "test"]), cases)
    assert parts.to_dict() == dict(zip(NAMES, PARTS, strict=True))
    bare = table("a.zip::train/a/1.png", "folder/test/a/2.png")
    assert official_parts(manifest(splits=["train", "test"]), bare).tolist() == ["train", "test"]


def test_official_parts_without_splits_is_none(cases):
    assert official_parts(manifest(), cases) is None


def test_official_parts_of_a_picture_elsewhere_names_it(cases):
    with pytest.raises(InputError, match=r"3 pictures stand in none of test: d\.zip::top/train"):
        official_parts(manifest(splits=["test"]), cases)


def test_patient_readings_are_compared_in_the_manifests_order(cases):
    readings = {"number": NUMBER, "number and letter": BOTH}
    found = patient_readings(manifest(splits=["train", "test"], readings=readings), cases)
    columns = ["reading", "patients", "largest", "across"]
    assert found[columns].values.tolist() == [["number", 2, 2, 1], ["number and letter", 3, 2, 0]]
    assert found["pattern"].tolist() == [NUMBER, BOTH]


def test_patient_readings_without_official_split_leave_across_missing(cases):
    found = patient_readings(manifest(readings={"number": NUMBER}), cases)
    assert found["patients"].tolist() == [2]
    assert found["across"].isna().all()


def test_patient_readings_of_a_dataset_without_any_is_an_empty_table(cases):
    found = patient_readings(load_manifest("busi"), cases)
    assert found.empty
    assert list(found.columns) == ["reading", "pattern", "patients", "largest", "across"]

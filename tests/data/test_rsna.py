"""The two challenges of RSNA: their readers on literal tables."""

import json

import pytest
from busi_files import cases_of, change, zip_folder

from rin.data.layouts.rsna import BOXES, CLASS_INFO, KINDS_TABLE
from rin.data.manifest import load_manifest
from rin.errors import InputError

PNEUMONIA, HEMORRHAGE = map(load_manifest, ("rsna_pneumonia", "rsna_hemorrhage"))
CHEST, HEAD = "rsna-pneumonia-detection-challenge", "rsna-intracranial-hemorrhage-detection"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
PATIENTS = {"aa": "00000007_000.png", "bb": "00000007_013.png", "cc": "00000165_001.png"}
KINDS = ("epidural", "intraparenchymal", "intraventricular", "subarachnoid", "subdural", "any")


def rows(image, *shown):
    return "".join(f"ID_{image}_{kind},{int(kind in shown)}\n" for kind in KINDS)


A, B, C = rows("a1"), rows("b2", "subdural", "any"), rows("c3", "epidural", "subdural", "any")
TEXTS = {
    BOXES: """patientId,x,y,width,height,Target
aa,1.0,2.0,3.0,4.0,1
aa,5.5,0.0,2.0,2.0,1
bb,,,,,0
cc,,,,,0
""",
    CLASS_INFO: """patientId,class
aa,Lung Opacity
aa,Lung Opacity
bb,No Lung Opacity / Not Normal
cc,Normal
""",
    KINDS_TABLE: f"ID,Label\n{A}{B}{C}",
}


def mapping(patients):
    return json.dumps([{"subset_img_id": k, "img_id": v} for k, v in patients.items()])


TEXTS[MAPPING] = mapping(PATIENTS | {"dd": "00000001_000.png"})
WRONG_MAPPINGS = [
    (mapping({"aa": "00000007_000.png", "bb": "00000007_013.png"}), "1 image has no patient"),
    (mapping(PATIENTS | {"cc": "patient 7"}), "cc is 'patient 7'"),
    (mapping(PATIENTS)[:-1] + "," + mapping({"aa": "00000009_000.png"})[1:], "aa is '0000000"),
    ('[{"img_id": "00000007_000.png"}]', "not a list of subset_img_id"),
    ("not json", "not a list of subset_img_id"),
]


@pytest.fixture
def chest(tmp_path):
    """Three images: aa with two boxes, bb of the same NIH patient, cc of another."""
    names = ("train_images/aa", "train_images/bb", "train_images/cc", "test_images/dd")
    files = dict.fromkeys([f"stage_2_{name}.dcm" for name in names], b"") | {
        BOXES: TEXTS[BOXES],
        CLASS_INFO: TEXTS[CLASS_INFO],
        "stage_2_sample_submission.csv": "patientId,PredictionString\n",
        "GCP Credits Request Link - RSNA.txt": "https\n",
        MAPPING: TEXTS[MAPPING],
    }
    change(tmp_path / CHEST, files)
    return tmp_path / CHEST


@pytest.fixture
def head(tmp_path):
    """Three slices: ID_a1 without blood, ID_b2 with one kind, ID_c3 with two."""
    names = ("train/ID_a1.dcm", "train/ID_b2.dcm", "train/ID_c3.dcm", "test/ID_d4.dcm")
    files = dict.fromkeys([f"stage_2_{name}" for name in names], b"")
    files |= {"stage_2_sample_submission.csv": "ID,Label\n", KINDS_TABLE: TEXTS[KINDS_TABLE]}
    change(tmp_path / HEAD, files)
    return tmp_path / HEAD


def read(place, manifest=PNEUMONIA):
    return {case.case_id: case for case in cases_of(place.parent, manifest, place.name)}


def test_cases_have_boxes_classes_and_nih_patients(chest):
    cases = read(chest)
    found = {
        name: (case.patient_id, case.source_class, case.masks) for name, case in cases.items()
    }
    assert found == {
        "aa": ("00000007", "Lung Opacity", ("box:1,2,3,4", "box:5.5,0,2,2")),
        "bb": ("00000007", "No Lung Opacity / Not Normal", ()),
        "cc": ("00000165", "Normal", ()),
    }
    assert cases["aa"].image == f"{CHEST}/stage_2_train_images/aa.dcm"
    labels = [case.label for case in cases.values()]
    assert labels == ["pneumonia", "no pneumonia", "no pneumonia"]


def test_mapping_may_lie_beside_the_archive(chest):
    (chest / MAPPING).rename(chest.parent / MAPPING)
    zip_folder(chest, chest.with_suffix(".zip"))
    assert read(chest.with_suffix(".zip"))["bb"].patient_id == "00000007"


def test_without_mapping_or_a_table_the_file_is_named(chest):
    for table, told in ((MAPPING, "is missing"), (BOXES, "cannot be read .No such file")):
        (chest / table).unlink()
        with pytest.raises(InputError, match=f"{table} {told}"):
            read(chest)


def test_slices_have_classes_and_leave_the_patient_to_the_header(head):
    cases = read(head, HEMORRHAGE)
    classes = {"ID_a1": "none", "ID_b2": "hemorrhage", "ID_c3": "hemorrhage"}
    assert {name: case.source_class for name, case in cases.items()} == classes
    assert {case.patient_id for case in cases.values()} == {None}
    assert cases["ID_b2"].image == f"{HEAD}/stage_2_train/ID_b2.dcm"
    assert cases["ID_a1"].label == "no hemorrhage"


WRONG = {
    BOXES: [
        ("aa,1.0,2.0,3.0,4.0,1", "aa,1.0,2.0,3.0,4.0,0", "neither Target 1 with a box.*: aa, 0"),
        ("bb,,,,,0", "bb,,,,,1", "neither Target 1 with a box.*: bb, 1"),
        ("1.0,2.0,3.0", "1.0,two,3.0", "neither Target 1 with a box.*two"),
        ("1.0,2.0,3.0", "1.0,-2.0,3.0", "neither Target 1 with a box that begins inside"),
        ("1.0,2.0,3.0", "1.0,2.0,0.0", "neither Target 1 with a box"),
        ("cc,,,,,0", "cc,,,,,0\naa,,,,,0", "repeat or contradict: aa"),
        ("bb,,,,,0", "aa,1.0,2.0,3.0,4.0,1", "repeat or contradict: aa"),
        ("cc,,,,,0\n", "", "1 picture without images of stage_2_train_labels.csv: cc"),
        ("cc,,,,,0", "CC,,,,,0", "1 image of stage_2_train_labels.csv without pictures: CC"),
        ("cc,,,,,0", "cc,1,1,1,1,1", "1 image has a Target that contradicts their class.*: cc"),
    ],
    CLASS_INFO: [
        ("cc,Normal", "cc,Healthy", "unknown class: cc Healthy"),
        ("aa,Lung Opacity\nbb", "aa,Normal\nbb", "1 image has two classes: aa"),
        ("cc,Normal\n", "", "1 picture without images of stage_2_detailed_class_info.csv: cc"),
        ("cc,Normal", "dd,Normal", "1 image of .*info.csv without pictures: dd"),
        (
            "cc,Normal",
            "cc,Lung Opacity",
            "1 image has a Target that contradicts their class.*: cc",
        ),
    ],
    KINDS_TABLE: [
        ("ID_a1_any,0\n", "", "1 picture without images of stage_2_train.csv: ID_a1"),
        ("ID_a1_any,0\n", "ID_a1_any,0\nID_a1_any,1\n", "1 image has rows that contradict"),
        ("ID_a1_any,0", "ID_a1_any,", "1 label is neither 0 nor 1: ID_a1_any"),
        (A, A.replace("a1", "e5"), "1 image of stage_2_train.csv without pictures: ID_e5"),
    ],
    MAPPING: [
        (TEXTS[MAPPING], text, f"{MAPPING}: .*{problem}") for text, problem in WRONG_MAPPINGS
    ],
}


@pytest.mark.parametrize(
    ("table", "before", "after", "problem"),
    [(table, *row) for table, wrong in WRONG.items() for row in wrong],
)
def test_tables_that_make_no_sense_are_refused(chest, head, table, before, after, problem):
    assert before in TEXTS[table]
    place, manifest = (head, HEMORRHAGE) if table == KINDS_TABLE else (chest, PNEUMONIA)
    change(place, {table: TEXTS[table].replace(before, after, 1)})
    with pytest.raises(InputError, match=problem):
        read(place, manifest)


@pytest.mark.parametrize(
    "name",
    ["stage_2_train/ID_e5.png", "stage_2_train/x/ID_e5.dcm", f"more/{KINDS_TABLE}"],
)
def test_file_without_a_place_is_refused(chest, head, name):
    for place, manifest in ((chest, PNEUMONIA), (head, HEMORRHAGE)):
        change(place, {name: b""})
        with pytest.raises(InputError, match=f"1 file does not belong to .*: {name}"):
            read(place, manifest)

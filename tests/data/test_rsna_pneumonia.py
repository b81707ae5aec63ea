"""The pneumonia challenge: its reader on literal tables, and its stand-in."""

import json

import numpy as np
import pytest
from busi_files import change, zip_folder
from pydicom import dcmread

from rin.data.layouts import find_cases
from rin.data.manifest import load_manifest
from rin.data.pixels import read_mask, read_picture
from rin.data.standins import write_stand_in
from rin.data.standins.datasets import draw_radiograph
from rin.data.tree import open_tree
from rin.errors import InputError

MANIFEST = load_manifest("rsna_pneumonia")
BY_IMAGE = MANIFEST.model_copy(update={"options": {"patients": "image"}})
TOP = "rsna-pneumonia-detection-challenge"
MAPPING = "pneumonia-challenge-dataset-mappings_2018.json"
LABELS = """patientId,x,y,width,height,Target
aa,1.0,2.0,3.0,4.0,1
aa,5.5,0.0,2.0,2.0,1
bb,,,,,0
cc,,,,,0
"""
CLASS_INFO = """patientId,class
aa,Lung Opacity
aa,Lung Opacity
bb,No Lung Opacity / Not Normal
cc,Normal
"""
PATIENTS = {"aa": "00000007_000.png", "bb": "00000007_013.png", "cc": "00000165_001.png"}
COUNTS = {"opacity": 8, "not_normal": 6, "normal": 7}


def mapping(patients):
    return json.dumps([{"subset_img_id": k, "img_id": v} for k, v in patients.items()])


@pytest.fixture
def root(tmp_path):
    """Three images: aa with two boxes, bb of the same NIH patient, cc of another."""
    names = ("train_images/aa", "train_images/bb", "train_images/cc", "test_images/dd")
    files = dict.fromkeys([f"stage_2_{name}.dcm" for name in names], b"") | {
        "stage_2_train_labels.csv": LABELS.encode(),
        "stage_2_detailed_class_info.csv": CLASS_INFO.encode(),
        "stage_2_sample_submission.csv": b"patientId,PredictionString\n",
        "GCP Credits Request Link - RSNA.txt": b"https\n",
        MAPPING: mapping(PATIENTS | {"dd": "00000001_000.png"}).encode(),
    }
    change(tmp_path / "root" / TOP, files)
    return tmp_path / "root"


def read(root, location=TOP, manifest=MANIFEST):
    return {case.case_id: case for case in find_cases(open_tree(root, location), manifest)}


def test_cases_have_boxes_classes_and_nih_patients(root):
    cases = read(root)
    assert list(cases) == ["aa", "bb", "cc"]
    assert cases["aa"].masks == ("box:1,2,3,4", "box:5.5,0,2,2")
    assert cases["bb"].masks == ()
    assert cases["aa"].image == f"{TOP}/stage_2_train_images/aa.dcm"
    assert [case.patient_id for case in cases.values()] == ["00000007", "00000007", "00000165"]
    classes = [case.source_class for case in cases.values()]
    assert classes == ["Lung Opacity", "No Lung Opacity / Not Normal", "Normal"]
    assert [*map(MANIFEST.label, classes)] == ["pneumonia", "no pneumonia", "no pneumonia"]


def test_mapping_may_lie_beside_the_archive(root):
    (root / TOP / MAPPING).rename(root / MAPPING)
    zip_folder(root / TOP, root / f"{TOP}.zip")
    assert read(root, f"{TOP}.zip")["bb"].patient_id == "00000007"


def test_without_mapping_or_a_table_the_file_is_named_and_the_option_that_needs_none(root):
    (root / TOP / MAPPING).unlink()
    with pytest.raises(InputError, match=rf"{MAPPING} is not there.*'patients: image'"):
        read(root)
    cases = read(root, manifest=BY_IMAGE)
    assert all(case.patient_id == name for name, case in cases.items())
    for table in ("detailed_class_info", "train_labels"):
        (root / TOP / f"stage_2_{table}.csv").unlink()
        with pytest.raises(InputError, match=rf"{table}\.csv: the table is not there"):
            read(root)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("aa,1.0,2.0,3.0,4.0,1", "aa,1.0,2.0,3.0,4.0,0", "Target '0' with box"),
        ("bb,,,,,0", "bb,,,,,1", "Target '1' with box"),
        ("bb,,,,,0", "bb,,,,,", "Target ''"),
        ("bb,,,,,0", "bb,,,,,2", "Target '2'"),
        ("1.0,2.0,3.0", "1.0,NaN,3.0", "Target '1' with box '1.0, NaN"),
        ("1.0,2.0,3.0", "1.0,two,3.0", "could not convert string to float"),
        ("1.0,2.0,3.0", "-1.0,2.0,3.0", "begins outside the image"),
        ("1.0,2.0,3.0", "1.0,2.0,0.0", "the shape 'box:1,2,0,4' cannot be read"),
        ("1.0,2.0,3.0", "1.0,inf,3.0", "the shape .* cannot be read"),
        ("cc,,,,,0", "cc,,,,,0\ncc,,,,,0", "repeat or contradict: cc"),
        ("cc,,,,,0", "cc,,,,,0\ncc,1,1,1,1,1", "repeat or contradict: cc"),
        ("cc,,,,,0", "cc,,,,,0\naa,,,,,0", "repeat or contradict: aa"),
        ("bb,,,,,0", "aa,1.0,2.0,3.0,4.0,1", "repeat or contradict: aa"),
        ("cc,,,,,0\n", "", "1 pictures without images of stage_2_train_labels.csv: cc"),
        ("cc,,,,,0", "CC,,,,,0", "1 images of stage_2_train_labels.csv without pictures: CC"),
        ("cc,,,,,0", "cc,1,1,1,1,1", "1 images have a Target against their class.*: cc"),
        (",Target", ",target", "needed are patientId"),
    ],
)
def test_labels_that_make_no_sense_are_refused(root, before, after, problem):
    assert before in LABELS
    (root / TOP / "stage_2_train_labels.csv").write_text(LABELS.replace(before, after, 1))
    with pytest.raises(InputError, match=problem):
        read(root)


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("cc,Normal", "cc,Healthy", "unknown class: cc Healthy"),
        ("aa,Lung Opacity\nbb", "aa,Normal\nbb", "1 images have two classes: aa"),
        ("cc,Normal\n", "", "1 pictures without images of stage_2_detailed_class_info.csv: cc"),
        ("cc,Normal", "dd,Normal", "1 images of .*info.csv without pictures: dd"),
        ("cc,Normal", "cc,Lung Opacity", "1 images have a Target against their class.*: cc"),
    ],
)
def test_classes_that_make_no_sense_are_refused(root, before, after, problem):
    told = CLASS_INFO.replace(before, after, 1).encode()
    change(root / TOP, {"stage_2_detailed_class_info.csv": told})
    with pytest.raises(InputError, match=problem):
        read(root)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (mapping({"aa": "00000007_000.png", "bb": "00000007_013.png"}), "1 images have no patient"),
        (mapping(PATIENTS | {"cc": "patient 7"}), "cc is 'patient 7'"),
        (mapping(PATIENTS)[:-1] + "," + mapping({"aa": "00000009_000.png"})[1:], "aa is '0000000"),
        ('{"aa": "00000007_000.png"}', "no list of subset_img_id and img_id"),
        ("[1]", "no list of subset_img_id"),
        ('[{"img_id": "00000007_000.png"}]', "KeyError"),
        ("not json", "no list of subset_img_id"),
    ],
)
def test_mapping_that_makes_no_sense_is_refused(root, text, problem):
    (root / TOP / MAPPING).write_text(text)
    with pytest.raises(InputError, match=rf"{MAPPING}: .*{problem}"):
        read(root)


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    return write_stand_in(MANIFEST, tmp_path_factory.mktemp("standin"), COUNTS, seed=1)


def test_stand_in_files_are_those_of_the_challenge(standin):
    kinds = set()
    for path in (standin / TOP / "stage_2_train_images").iterdir():
        header = dcmread(path, stop_before_pixels=True)
        assert header.SOPClassUID.name == "Secondary Capture Image Storage"
        assert (header.PatientID, header.Modality, header.BitsStored) == (path.stem, "CR", 8)
        assert header.ViewPosition in ("AP", "PA")
        kinds.add((header.file_meta.TransferSyntaxUID.name, header.PhotometricInterpretation))
    jpeg, plain = "JPEG Baseline (Process 1)", "Explicit VR Little Endian"
    assert {(jpeg, "MONOCHROME2"), (plain, "MONOCHROME2"), (jpeg, "MONOCHROME1")} <= kinds


def test_stand_in_reads_back_as_it_was_drawn(standin):
    cases = read(standin)
    for kind in COUNTS:
        for index in (2, 3):  # not compressed; MONOCHROME1
            drawn = draw_radiograph(kind, index, 0, seed=1)
            case = cases[drawn.image_id]
            difference = read_picture(standin, case.image).astype(int) - drawn.values
            assert np.abs(difference).max() <= (0 if index == 2 else 20)
            mask = read_mask(standin, case.masks, drawn.values.shape)
            assert mask.any() == (kind == "opacity")
            for x, y, width, height in drawn.shown:
                assert mask[y : y + height, x : x + width].all()

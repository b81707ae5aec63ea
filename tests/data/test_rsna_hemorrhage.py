"""The hemorrhage challenge: its reader on literal tables, and its stand-in."""

import numpy as np
import pytest
from busi_files import change
from pydicom import dcmread

from rin.data.layouts import find_cases
from rin.data.layouts.rsna import KINDS, read_labels
from rin.data.manifest import load_manifest
from rin.data.pixels import read_picture
from rin.data.standins import write_stand_in
from rin.data.standins.datasets import draw_head_slice
from rin.data.tree import open_tree
from rin.errors import InputError

MANIFEST = load_manifest("rsna_hemorrhage")
TOP = "rsna-intracranial-hemorrhage-detection"
TABLE = "stage_2_train.csv"
COUNTS = {"hemorrhage": 5, "none": 3}


def rows(image, *shown):
    return "".join(f"ID_{image}_{kind},{int(kind in shown)}\n" for kind in KINDS)


A, B, C = rows("a1"), rows("b2", "subdural", "any"), rows("c3", "epidural", "subdural", "any")
LABELS = f"ID,Label\n{A}{B}{C}"


@pytest.fixture
def root(tmp_path):
    """Three slices: ID_a1 without blood, ID_b2 with one kind, ID_c3 with two."""
    names = ("train/ID_a1.dcm", "train/ID_b2.dcm", "train/ID_c3.dcm", "test/ID_d4.dcm")
    files = dict.fromkeys([f"stage_2_{name}" for name in names], b"")
    files |= {"stage_2_sample_submission.csv": b"ID,Label\n", TABLE: LABELS.encode()}
    change(tmp_path / "root" / TOP, files)
    return tmp_path / "root"


def read(root, location=TOP, manifest=MANIFEST):
    return {case.case_id: case for case in find_cases(open_tree(root, location), manifest)}


def test_cases_have_classes_and_leave_the_patient_to_the_header(root):
    cases = read(root)
    classes = {"ID_a1": "none", "ID_b2": "hemorrhage", "ID_c3": "hemorrhage"}
    assert {name: case.source_class for name, case in cases.items()} == classes
    assert {case.patient_id for case in cases.values()} == {None}
    assert cases["ID_b2"].image == f"{TOP}/stage_2_train/ID_b2.dcm"
    assert MANIFEST.label("none") == "no hemorrhage"


def test_labels_are_a_column_per_kind_in_any_order_of_rows(root):
    shuffled = np.random.default_rng(0).permutation(LABELS.splitlines()[1:])
    (root / TOP / TABLE).write_text("\n".join(["ID,Label", *shuffled]))
    labels = read_labels(open_tree(root, TOP), TABLE).sort_index()
    assert list(labels.columns) == list(KINDS)
    assert labels.to_numpy().tolist() == [
        [0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 1, 1],
        [1, 0, 0, 0, 1, 1],
    ]


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("ID_a1_any,0\n", "", "1 images lack a kind: ID_a1"),
        ("ID_b2_epidural,0\n", "", "1 images lack a kind: ID_b2"),
        ("ID_b2_any,1", "ID_b2_any,0", "1 images have an 'any' against their kinds: ID_b2"),
        ("ID_a1_any,0", "ID_a1_any,1", "1 images have an 'any' against their kinds: ID_a1"),
        (A, A + A.replace("epidural,0", "epidural,1"), "1 images have rows that contradict"),
        (A, A.replace("epidural,0", "epidural,1") + A, "1 images have rows that contradict"),
        ("ID_a1_any,0", "ID_a1_any,", "1 labels are neither 0 nor 1: ID_a1_any"),
        ("ID_a1_any,0", "ID_a1_any,NaN", "1 labels are neither 0 nor 1: ID_a1_any"),
        ("ID_a1_any,0", "ID_a1_any,0.5", "1 labels are neither 0 nor 1: ID_a1_any"),
        ("ID_a1_any,0", "ID_a1_all,0", "1 IDs do not end in a kind of hemorrhage: ID_a1_all"),
        ("ID_a1_any,0", "any,0", "1 IDs do not end in a kind of hemorrhage: any"),
        (A, "", "1 pictures without images of stage_2_train.csv: ID_a1"),
        (A, A.replace("a1", "e5"), "1 images of stage_2_train.csv without pictures: ID_e5"),
        ("ID,Label", "ID,label", "its columns are ID, label; needed are ID, Label"),
        (A + B + C, "", "3 pictures without images of stage_2_train.csv"),
    ],
)
def test_labels_that_make_no_sense_are_refused(root, before, after, problem):
    assert before in LABELS
    (root / TOP / TABLE).write_text(LABELS.replace(before, after, 1))
    with pytest.raises(InputError, match=problem):
        read(root)


@pytest.mark.parametrize(
    "name", ["stage_2_train/ID_e5.png", "stage_2_train/x/ID_e5.dcm", "e.dcm", f"more/{TABLE}"]
)
def test_file_without_a_place_or_a_missing_table_is_refused(root, name):
    change(root / TOP, {name: b""})
    with pytest.raises(InputError, match=f"1 files have no place in .*: {name}"):
        read(root)
    change(root / TOP, {name: None, TABLE: None})
    with pytest.raises(InputError, match=r"stage_2_train\.csv: the table is not there"):
        read(root)


@pytest.fixture(scope="module")
def standin(tmp_path_factory):
    return write_stand_in(MANIFEST, tmp_path_factory.mktemp("standin"), COUNTS, seed=1)


def test_stand_in_files_are_ct_images_in_hounsfield_units(standin):
    depths = set()
    for path in (standin / TOP / "stage_2_train").iterdir():
        header = dcmread(path)
        assert header.SOPClassUID.name == "CT Image Storage"
        assert (header.RescaleSlope, header.RescaleIntercept) == (1, -1024)
        assert header.PatientID.startswith("ID_")
        depths.add((header.BitsStored, header.PixelRepresentation))
        hounsfield = header.pixel_array.astype(int) - 1024
        assert hounsfield.min() < -900
        assert hounsfield.max() > 600
        inner = hounsfield[60:100, 60:100]
        assert 15 < np.median(inner) < 60
    assert depths == {(16, 1), (12, 0)}


@pytest.mark.parametrize("kind", ["hemorrhage", "none"])
def test_stand_in_reads_back_as_it_was_drawn(standin, kind):
    for index in (0, 1):  # signed and unsigned
        drawn = draw_head_slice(kind, index, 0, seed=1)
        gray = read_picture(
            standin, f"{TOP}/stage_2_train/{drawn.image_id}.dcm", window=MANIFEST.window
        )
        share = (np.rint(drawn.values) - 39.5) / 79 + 0.5
        np.testing.assert_array_equal(gray, np.rint(255 * np.clip(share, 0, 1)))

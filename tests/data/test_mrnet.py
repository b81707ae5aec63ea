import shutil

import numpy as np
import pytest
from busi_files import cases_of, change, with_options

from rin.data.layouts.arrays import MRNetOptions
from rin.data.manifest import find_task, load_manifest
from rin.errors import InputError

MRNET = load_manifest("mrnet")
#: Exam: part, labels of abnormal, acl and meniscus, and slices per plane.
EXAMS = {
    "0000": ("train", "000", 3),
    "0001": ("train", "111", 4),
    "0002": ("train", "100", 3),
    "0003": ("train", "101", 5),
    "1130": ("valid", "000", 3),
    "1131": ("valid", "110", 3),
}


ALL = with_options(MRNET, slices="middle", count=99)


@pytest.fixture
def root(tmp_path):
    return write_exams(tmp_path, EXAMS)


def write_exams(root, exams):
    """Add exams to the folder and to the tables of their parts."""
    folder = root / "MRNet-v1.0"
    for exam, (split, labels, n) in exams.items():
        volume = np.arange(n * 16, dtype=np.uint8).reshape(n, 4, 4) + int(exam[-1])
        for plane in ("axial", "coronal", "sagittal"):
            (folder / split / plane).mkdir(parents=True, exist_ok=True)
            np.save(folder / split / plane / f"{exam}.npy", volume)
        for label, table in zip(labels, ("abnormal", "acl", "meniscus"), strict=True):
            with (folder / f"{split}-{table}.csv").open("a") as file:
                file.write(f"{exam},{label}\n")
    return root


def read(root, manifest=ALL):
    return cases_of(root, manifest, "MRNet-v1.0")


def test_find_cases_returns_a_case_per_slice_with_the_exam_as_patient(root):
    cases = read(root)
    assert len(cases) == sum(n for *_, n in EXAMS.values())
    assert cases[0].case_id == "0000-sagittal-0"
    assert cases[0].image == "MRNet-v1.0/train/sagittal/0000.npy#0"
    classes = ["normal", "acl+meniscus", "abnormal", "meniscus", "normal", "acl"]
    found = {case.patient_id: case.source_class for case in cases}
    assert found == dict(zip(EXAMS, classes, strict=True))


def test_find_cases_takes_slices_from_the_options(root):
    chosen = with_options(MRNET, slices="middle", count=1)
    assert [c.image for c in read(root, chosen)][-2:] == [
        "MRNet-v1.0/valid/sagittal/1130.npy#1",
        "MRNet-v1.0/valid/sagittal/1131.npy#1",
    ]


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("acl", ["no tear", "tear", None, None, "no tear", "tear"]),
        ("meniscus", ["no tear", "tear", None, "tear", "no tear", None]),
    ],
)
def test_find_cases_for_the_tasks_of_the_manifest_maps_labels(root, name, labels):
    dataset, task = find_task(name)
    manifest = dataset.merge_task(task)
    found = {c.patient_id: manifest.label_map[c.source_class] for c in read(root, manifest)}
    assert found == dict(zip(EXAMS, labels, strict=True))


@pytest.mark.parametrize(
    ("files", "problem"),
    [
        *(
            ({"train-acl.csv": text}, problem)
            for text, problem in (
                ("0000,0\n0001,1\n0002,0\n0003,0\n0001,1\n", "1 exam is listed twice: 0001"),
                ("0000,0\n0001,2\n0002,0\n0003,0\n", "1 row does not have .* 0001,1: 0001,2"),
                ("case,acl\n0000,0\n", "1 row does not have the form 0001,1: case,acl"),
                ("0000,0\n0001,1\n", "2 exams are not in all tables of train: 0002, 0003"),
                ("0000,1\n0001,1\n0002,0\n0003,0\n", "1 exam has a tear, .* not abnormal: 0000"),
            )
        ),
        ({"train/sagittal/0002.npy": None}, "1 exam of train without volumes in .*tal: 0002"),
        ({"train/sagittal/0009.npy": b""}, "1 volume in train/sagittal without .*: 0009"),
    ],
)
def test_find_cases_with_a_bad_table_or_volume_names_it(root, files, problem):
    change(root / "MRNet-v1.0", files)
    with pytest.raises(InputError, match=problem):
        read(root)


def test_find_cases_of_exam_in_both_parts_or_without_the_plane_is_refused(root):
    write_exams(root, {"0001": ("valid", "111", 3)})
    with pytest.raises(InputError, match="1 exam in both parts: 0001"):
        read(root)
    shutil.rmtree(root / "MRNet-v1.0" / "valid" / "sagittal")
    with pytest.raises(InputError, match="3 exams of valid without volumes in valid/sagittal"):
        read(root)


def test_find_cases_with_an_unusable_option_names_the_field(root):
    told = r"manifest mrnet: .*option of the layout 'mrnet'.*window.*options: slices, count\."
    with pytest.raises(InputError, match=told):
        read(root, with_options(MRNET, window=3))


@pytest.mark.parametrize(
    ("rule", "count", "n", "chosen"),
    [
        ("middle", 2, 24, [11, 12]),
        ("middle", 3, 24, [10, 11, 12]),
        ("spaced", 4, 24, [3, 9, 15, 21]),
        ("spaced", 2, 17, [4, 12]),
        ("spaced", 4, 3, [0, 1, 2]),
    ],
)
def test_slices_choose_counts_from_the_middle_or_evenly(rule, count, n, chosen):
    assert MRNetOptions(slices=rule, count=count).choose(n) == chosen

"""RadImageNet's own layout: pictures in folders, one table of filename,label per part."""

import pytest
from busi_files import picture, save, zip_folder

from rin.data.dataset import open_dataset
from rin.data.layouts import find_cases
from rin.data.layouts.radimagenet import read_parts
from rin.data.manifest import load_manifest
from rin.data.tree import open_tree
from rin.errors import InputError

#: Below radiology_ai/: table, label, patient.
ROWS = {
    "MR/mriabd/normal/mri-abd-normal070810.png": ("train", "mriabd-normal", "P1"),
    "US/gb/usn136070.png": ("train", "US-gb", "P2"),
    "CT/lung/Airspace_opacity/lung092377.png": ("val", "lung-Airspace_opacity", "P3"),
    "CT/lung/Airspace_opacity/lung092378.png": ("val", "lung-Airspace_opacity", "P3"),
    "MR/knee/chondral_abnormality/knee000001.png": ("test", "knee-chondral abnormality", "P4"),
}
PARTS = {"train": "train", "val": "validation", "test": "test"}
FIRST = next(iter(ROWS))


def table(part):
    rows = [f"radiology_ai/{name},{label}" for name, (own, label, _) in ROWS.items() if own == part]
    return "\n".join(["filename,label", *rows, ""])


@pytest.fixture
def top(tmp_path):
    """The folder of the database: five pictures and three tables."""
    folder = tmp_path / "db"
    for number, name in enumerate(ROWS):
        save(folder / "radiology_ai" / name, picture(number))
    for part in PARTS:
        (folder / f"RadiologyAI_{part}.csv").write_text(table(part))
    return folder


@pytest.fixture
def manifest():
    return load_manifest("radimagenet").model_copy(update={"locations": ("db",), "findings": ()})


def with_patients(top):
    lines = [f'radiology_ai/{name},{p},S1,"polygon:1,1 2,2 3,1"' for name, (*_, p) in ROWS.items()]
    (top / "patients.csv").write_text("\n".join(["filename,patient_id,study_id,roi", *lines, ""]))


def found(top, manifest, location="db"):
    return {case.case_id: case for case in find_cases(open_tree(top.parent, location), manifest)}


def test_find_cases_takes_id_and_class_from_the_tables_and_each_picture_for_a_patient(
    top, manifest
):
    cases = found(top, manifest)
    assert {name: case.source_class for name, case in cases.items()} == {
        name: label for name, (_, label, _) in ROWS.items()
    }
    assert all(case.patient_id == name for name, case in cases.items())
    assert cases["US/gb/usn136070.png"].image == "db/radiology_ai/US/gb/usn136070.png"


def test_find_cases_with_a_side_table_takes_the_patients_from_it(top, manifest):
    with_patients(top)
    patients = {name: case.patient_id for name, case in found(top, manifest).items()}
    assert patients == {name: patient for name, (*_, patient) in ROWS.items()}


@pytest.mark.parametrize("wrap", ["", "download/", "a/b/"])
def test_find_cases_in_a_zip_equals_the_folder(top, manifest, wrap):
    zip_folder(top, top.parent / "db.zip", wrap)
    unpacked, zipped = found(top, manifest), found(top, manifest, "db.zip")
    assert [(c.case_id, c.source_class) for c in zipped.values()] == [
        (c.case_id, c.source_class) for c in unpacked.values()
    ]
    assert zipped[FIRST].image == f"db.zip::{wrap}radiology_ai/{FIRST}"


@pytest.mark.parametrize("location", ["db", "db.zip"])
def test_read_parts_gives_each_case_the_part_of_its_table(top, manifest, location):
    zip_folder(top, top.parent / "db.zip")
    parts = read_parts(top.parent, location, manifest)
    assert parts.to_dict() == {name: PARTS[part] for name, (part, *_) in ROWS.items()}


def test_read_parts_of_a_folder_does_not_look_at_the_pictures(top, manifest):
    for path in (top / "radiology_ai").rglob("*.png"):
        path.unlink()
    assert len(read_parts(top.parent, "db", manifest)) == len(ROWS)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("RadiologyAI_test.csv", None, r"no file is called RadiologyAI_test\.csv"),
        (
            "RadiologyAI_test.csv",
            b"filename,label\n",
            "1 pictures have no row in the tables: MR/kn",
        ),
        (
            "RadiologyAI_test.csv",
            b"file,label\na,b\n",
            "its columns are file, label; needed are filename, label",
        ),
        ("RadiologyAI_test.csv", b"filename,label,x\na,b,c\n", "needed are filename, label"),
        ("RadiologyAI_test.csv", b"filename,label\nMR/a.png,x\n", "1 rows name no file below"),
        ("RadiologyAI_test.csv", b"filename,label\n,x\n", "1 rows name no file below"),
    ],
)
def test_find_cases_with_a_table_that_is_none_says_what_is_wrong(
    top, manifest, file, content, message
):
    (top / file).unlink()
    if content is not None:
        (top / file).write_bytes(content)
    with pytest.raises(InputError, match=message) as caught:
        found(top, manifest)
    assert caught.value.remedy.endswith(".")


def append(top, file, line):
    with (top / file).open("a") as opened:
        opened.write(line + "\n")


def test_find_cases_with_a_row_without_picture_names_it(top, manifest):
    (top / "radiology_ai" / FIRST).unlink()
    with pytest.raises(InputError, match=f"1 rows of the tables have no picture: {FIRST}"):
        found(top, manifest)


def test_find_cases_with_a_picture_without_row_names_it(top, manifest):
    save(top / "radiology_ai/MR/hip/normal/hip9.png", picture(9))
    with pytest.raises(InputError, match=r"1 pictures have no row in the tables: MR/hip/normal/h"):
        found(top, manifest)


def test_find_cases_with_a_picture_in_two_parts_names_it_and_them(top, manifest):
    append(top, "RadiologyAI_test.csv", f"radiology_ai/{FIRST},mriabd-normal")
    with pytest.raises(InputError, match=rf"1 pictures stand in two tables: {FIRST} \(train, test"):
        found(top, manifest)


@pytest.mark.parametrize("name", ["radiology_ai/CT/list.csv", "preview.png"])
def test_find_cases_with_a_file_out_of_place_names_it(top, manifest, name):
    (top / name).parent.mkdir(parents=True, exist_ok=True)
    (top / name).write_text("x")
    with pytest.raises(InputError, match=f"{name}' is no file of the layout 'radimagenet'"):
        found(top, manifest)


@pytest.mark.parametrize(
    ("drop", "add", "message"),
    [
        (FIRST, "", rf"1 pictures have no row in patients\.csv: {FIRST}"),
        ("", "radiology_ai/CT/x.png,P9,S1,", r"1 rows of patients\.csv have no picture: CT/x"),
        ("", f"radiology_ai/{FIRST},P9,S1,", f"1 pictures stand in several rows: {FIRST}"),
        (FIRST, f"radiology_ai/{FIRST},,S1,", f"1 rows have no patient_id: radiology_ai/{FIRST}"),
    ],
)
def test_find_cases_with_a_side_table_that_does_not_fit_says_where(
    top, manifest, drop, add, message
):
    with_patients(top)
    lines = (top / "patients.csv").read_text().splitlines()
    kept = [line for line in lines if not drop or drop not in line]
    (top / "patients.csv").write_text("\n".join([*kept, add, ""]))
    with pytest.raises(InputError, match=message):
        found(top, manifest)


def test_open_dataset_reads_the_layout_and_a_class_can_be_left_out(top, manifest):
    labels = {label: label for _, label, _ in ROWS.values()} | {"US-gb": None}
    dataset = open_dataset(
        manifest.model_copy(update={"label_map": labels}),
        top.parent,
        index_folder=top.parent / "index",
        workers=1,
    )
    assert sorted(dataset.cases["case_id"]) == sorted(set(ROWS) - {"US/gb/usn136070.png"})
    assert dataset.provenance == "real"

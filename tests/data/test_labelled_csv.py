"""One folder of pictures and a table of labels, in a miniature of the Head CT set."""

import pytest
from busi_files import picture, save

from rin.data.layouts import find_cases
from rin.data.manifest import load_manifest
from rin.data.tree import open_tree
from rin.errors import InputError

TABLE = "id, hemorrhage\n0,1\n1,1\n12,0\n"


@pytest.fixture
def head_ct(tmp_path):
    for number in (0, 1, 12):
        save(tmp_path / "set" / "head_ct" / f"{number:03d}.png", picture(number))
    (tmp_path / "set" / "labels.csv").write_text(TABLE)
    return tmp_path


@pytest.fixture
def manifest():
    return load_manifest("headct200")


def cases_of(root, manifest, location="set"):
    return find_cases(open_tree(root, location), manifest)


def with_options(manifest, **options):
    return manifest.model_copy(update={"options": manifest.options | options})


def test_find_cases_pads_ids_and_takes_the_label_from_the_table(head_ct, manifest):
    found = [
        (c.case_id, c.patient_id, c.source_class, c.image) for c in cases_of(head_ct, manifest)
    ]
    assert found == [
        ("000.png", "000.png", "1", "set/head_ct/000.png"),
        ("001.png", "001.png", "1", "set/head_ct/001.png"),
        ("012.png", "012.png", "0", "set/head_ct/012.png"),
    ]


def test_find_cases_with_text_ids_takes_them_as_they_stand(head_ct, manifest):
    (head_ct / "set" / "labels.csv").write_text("id,hemorrhage\n000,1\n001,1\n012,0\n")
    as_text = with_options(manifest, file_template="{id}.png")
    assert [c.case_id for c in cases_of(head_ct, as_text)] == ["000.png", "001.png", "012.png"]


def test_find_cases_with_a_patient_pattern_groups_by_it(head_ct, manifest):
    grouped = manifest.model_copy(update={"patient_pattern": r"^(\d\d)\d"})
    assert [c.patient_id for c in cases_of(head_ct, grouped)] == ["00", "00", "01"]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (TABLE + "13,0\n", r"1 rows without a picture: 013\.png"),
        ("id, hemorrhage\n0,1\n12,0\n", r"1 pictures without a row: 001\.png"),
        (TABLE + "012,0\n", r"1 pictures have several rows: 012\.png"),
        (TABLE.replace("12,", "x,"), r"1 ids fit no file name of the form \{id:03d\}\.png: 'x'"),
        (TABLE.replace("12,", "1.0,"), r"1 ids fit no file name .*: '1\.0'"),
        (TABLE.replace("12,", ","), "1 ids fit no file name .*: ''"),
        (TABLE.replace("12,0", "12,"), "1 labels are not in the manifest's label map: ''"),
        (TABLE.replace("12,0", "12,2"), "1 labels are not in the manifest's label map: '2'"),
        ("id,label\n0,1\n", "needed are id, hemorrhage"),
    ],
)
def test_find_cases_with_a_wrong_table_says_what_is_wrong(head_ct, manifest, rows, message):
    (head_ct / "set" / "labels.csv").write_text(rows)
    with pytest.raises(InputError, match=message) as caught:
        cases_of(head_ct, manifest)
    assert caught.value.remedy.endswith(".")


def test_find_cases_without_the_table_says_so(head_ct, manifest):
    (head_ct / "set" / "labels.csv").unlink()
    with pytest.raises(InputError, match=r"0 files are called labels\.csv instead of one"):
        cases_of(head_ct, manifest)


@pytest.mark.parametrize("name", ["notes.txt", "head_ct/notes.txt", "013.png", "head_ct/b/013.png"])
def test_find_cases_with_a_file_out_of_place_names_it(head_ct, manifest, name):
    (head_ct / "set" / name).parent.mkdir(exist_ok=True)
    (head_ct / "set" / name).write_bytes(b"x")
    with pytest.raises(InputError, match=rf"'{name}' is no file of the layout 'labelled_csv'"):
        cases_of(head_ct, manifest)


@pytest.mark.parametrize("template", ["{number}.png", "a.png", "{id}{id}.png", "{id}.csv"])
def test_find_cases_with_an_unusable_template_says_what_it_needs(head_ct, manifest, template):
    with pytest.raises(InputError, match=r"file_template: .*must hold \{id\} once"):
        cases_of(head_ct, with_options(manifest, file_template=template))

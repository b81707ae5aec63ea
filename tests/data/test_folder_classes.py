"""The class-per-folder layout: plain, below official splits, and with patients in the names."""

import pytest
from busi_files import picture, save, zip_folder

from rin.data.layouts import find_cases
from rin.data.manifest import load_manifest
from rin.data.tree import open_tree
from rin.errors import InputError

XRAY = {
    "train/NORMAL/IM-0001-0001.jpeg": ("IM-0001", "NORMAL"),
    "train/NORMAL/NORMAL2-IM-0001-0001.jpeg": ("NORMAL2-IM-0001", "NORMAL"),
    "train/PNEUMONIA/person1_virus_6.jpeg": ("person1-virus", "PNEUMONIA"),
    "train/PNEUMONIA/person447_virus_921_1.jpeg": ("person447-virus", "PNEUMONIA"),
    "val/PNEUMONIA/person1_virus_7.jpeg": ("person1-virus", "PNEUMONIA"),
    "test/PNEUMONIA/person1_bacteria_1.jpeg": ("person1-bacteria", "PNEUMONIA"),
}


@pytest.fixture
def xray(tmp_path):
    for number, name in enumerate(XRAY):
        save(tmp_path / "chest_xray" / name, picture(number))
    return tmp_path


@pytest.fixture
def manifest():
    return load_manifest("kermany_cxr")


def cases_of(root, manifest, location="chest_xray"):
    return find_cases(open_tree(root, location), manifest)


def with_options(manifest, **options):
    return manifest.model_copy(update={"options": manifest.options | options})


def test_find_cases_below_splits_reads_all_of_them_together(xray, manifest):
    cases = {case.image: case for case in cases_of(xray, manifest)}
    assert sorted(cases) == sorted(f"chest_xray/{name}" for name in XRAY)
    for name, (patient, source_class) in XRAY.items():
        case = cases[f"chest_xray/{name}"]
        assert (case.patient_id, case.source_class) == (patient, source_class)
        assert case.case_id == name.split("/", 1)[1]


def test_find_cases_without_the_val_folder_of_one_copy_reads_the_rest(xray, manifest):
    (xray / "chest_xray/val/PNEUMONIA/person1_virus_7.jpeg").unlink()
    assert len(cases_of(xray, manifest)) == len(XRAY) - 1


def test_find_cases_with_one_name_in_two_splits_puts_the_split_before_both(xray, manifest):
    save(xray / "chest_xray/test/NORMAL/IM-0001-0001.jpeg", picture(90))
    ids = [case.case_id for case in cases_of(xray, manifest)]
    assert len(ids) == len(set(ids)) == len(XRAY) + 1
    assert {"train/NORMAL/IM-0001-0001.jpeg", "test/NORMAL/IM-0001-0001.jpeg"} < set(ids)
    assert "NORMAL/NORMAL2-IM-0001-0001.jpeg" in ids


@pytest.mark.parametrize("wrap", ["", "chest_xray/"])
def test_find_cases_of_a_tree_that_holds_itself_again_reads_it_once(xray, manifest, wrap):
    top = xray / "chest_xray"
    for number, name in enumerate(XRAY):
        save(top / "chest_xray" / name, picture(number))
    zip_folder(top, xray / "a.zip", wrap)
    assert len(cases_of(xray, manifest)) == len(cases_of(xray, manifest, "a.zip")) == len(XRAY)
    save(top / "chest_xray/train/NORMAL/IM-0009-0001.jpeg", picture(99))
    with pytest.raises(InputError, match=r"IM-0009-0001\.jpeg' does not stand directly in a class"):
        cases_of(xray, manifest)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("train/BACTERIA/person9_bacteria_9.jpeg", "missing: none; not known: BACTERIA"),
        ("holdout/NORMAL/IM-0009-0001.jpeg", "'holdout/NORMAL/IM-0009-0001.jpeg' does not stand"),
        ("train/NORMAL/more/IM-0009-0001.jpeg", "does not stand directly in a class folder below"),
        ("train/NORMAL/IM-0009-0001.txt", "is no file of the layout 'folder_classes'"),
        ("train/NORMAL/report.jpeg", r"does not match .*report\.jpeg'"),
        ("readme.png", "'readme.png' does not stand directly"),
    ],
)
def test_find_cases_with_a_file_out_of_place_names_it(xray, manifest, name, message):
    path = xray / "chest_xray" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"x")
    with pytest.raises(InputError, match=message) as caught:
        cases_of(xray, manifest)
    assert caught.value.remedy.endswith(".")


def test_find_cases_below_splits_without_one_class_says_which(xray, manifest):
    for name in XRAY:
        if "NORMAL/" in name:
            (xray / "chest_xray" / name).unlink()
    with pytest.raises(InputError, match="class folders missing: NORMAL; not known: none"):
        cases_of(xray, manifest)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"folds": 3}, r"cannot use \(folds: Extra inputs.*It knows: splits, inner_copy, readings"),
        ({"splits": 3}, r"cannot use \(splits: Input should be a valid tuple"),
    ],
)
def test_find_cases_with_unusable_options_names_manifest_and_field(
    xray, manifest, options, message
):
    with pytest.raises(InputError, match=rf"manifest kermany_cxr: options.*{message}"):
        cases_of(xray, with_options(manifest, **options))


def test_find_cases_with_a_broken_patient_pattern_says_so(xray, manifest):
    with pytest.raises(InputError, match=r"'person\(' is no regular expression"):
        cases_of(xray, manifest.model_copy(update={"patient_pattern": "person("}))


def test_covid19_ct_by_our_convention_reads_the_patient_before_the_slice(tmp_path):
    for number, name in enumerate(["A-7_001.png", "A-7_002.png", "b12_1.jpg"]):
        folder = "negative" if name.startswith("b") else "positive"
        save(tmp_path / "covid19_ct" / folder / name, picture(number))
    found = [
        (case.case_id, case.patient_id)
        for case in find_cases(open_tree(tmp_path, "covid19_ct"), load_manifest("covid19_ct"))
    ]
    assert found == [
        ("negative/b12_1.jpg", "b12"),
        ("positive/A-7_001.png", "A-7"),
        ("positive/A-7_002.png", "A-7"),
    ]


def test_covid19_ct_with_a_name_without_patient_names_it(tmp_path):
    save(tmp_path / "covid19_ct/negative/b12_1.png", picture(1))
    save(tmp_path / "covid19_ct/positive/scan 1.png", picture(2))
    with pytest.raises(InputError, match=r"does not match 'positive/scan 1\.png'"):
        find_cases(open_tree(tmp_path, "covid19_ct"), load_manifest("covid19_ct"))

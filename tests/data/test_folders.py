"""Folders of classes: plain, below official splits, with patients in names, and CC-CCII."""

import re
import shutil

import pytest
from busi_files import TOP, cases_of, change, changed, picture, save, write_lines, zip_folder

from rin.data.layouts import LAYOUTS, PATTERNED
from rin.data.manifest import load_manifest, manifest_names
from rin.errors import InputError

XRAY = {
    "train/NORMAL/IM-0001-0001.jpeg": ("IM-0001", "NORMAL"),
    "train/NORMAL/NORMAL2-IM-0001-0001.jpeg": ("NORMAL2-IM-0001", "NORMAL"),
    "train/PNEUMONIA/person1_virus_6.jpeg": ("person1-virus", "PNEUMONIA"),
    "train/PNEUMONIA/person447_virus_921_1.jpeg": ("person447-virus", "PNEUMONIA"),
    "val/PNEUMONIA/person1_virus_7.jpeg": ("person1-virus", "PNEUMONIA"),
    "test/PNEUMONIA/person1_bacteria_1.jpeg": ("person1-bacteria", "PNEUMONIA"),
}
BUSI, KERMANY, CC_CCII = map(load_manifest, ("busi", "kermany_cxr", "cc_ccii"))


@pytest.fixture
def xray(tmp_path):
    change(tmp_path / "chest_xray", dict.fromkeys(XRAY, picture(0)))
    return tmp_path


def xray_cases(root, location="chest_xray"):
    return cases_of(root, KERMANY, location)


def test_cases_below_splits_are_read_together_with_the_patients_of_their_names(xray):
    found = {c.image: (c.case_id, c.patient_id, c.source_class) for c in xray_cases(xray)}
    assert found == {
        f"chest_xray/{name}": (name.split("/", 1)[1], *known) for name, known in XRAY.items()
    }


def test_split_folder_may_be_absent_and_a_class_may_not(xray):
    (xray / "chest_xray/val/PNEUMONIA/person1_virus_7.jpeg").unlink()
    assert len(xray_cases(xray)) == len(XRAY) - 1
    shutil.rmtree(xray / "chest_xray/train/NORMAL")
    with pytest.raises(InputError, match="1 class has no folder: NORMAL"):
        xray_cases(xray)


def test_one_name_in_two_splits_puts_the_split_before_both(xray):
    save(xray / "chest_xray/test/NORMAL/IM-0001-0001.jpeg", picture(90))
    ids = [case.case_id for case in xray_cases(xray)]
    assert len(ids) == len(set(ids)) == len(XRAY) + 1
    assert {"train/NORMAL/IM-0001-0001.jpeg", "test/NORMAL/IM-0001-0001.jpeg"} < set(ids)
    assert "NORMAL/NORMAL2-IM-0001-0001.jpeg" in ids


@pytest.mark.parametrize("wrap", ["", "chest_xray/"])
def test_tree_that_holds_itself_again_is_read_once(xray, wrap):
    top = xray / "chest_xray"
    shutil.copytree(top, xray / "again")
    (xray / "again").rename(top / "chest_xray")
    zip_folder(top, xray / "a.zip", wrap)
    assert len(xray_cases(xray)) == len(xray_cases(xray, "a.zip")) == len(XRAY)


@pytest.mark.parametrize(
    "name",
    [
        "train/BACTERIA/person9_bacteria_9.jpeg",
        "holdout/NORMAL/IM-0009-0001.jpeg",
        "train/NORMAL/more/IM-0009-0001.jpeg",
        "train/NORMAL/IM-0009-0001.txt",
    ],
)
def test_file_out_of_place_is_named(xray, name):
    change(xray / "chest_xray", {name: b"not looked at"})
    with pytest.raises(
        InputError, match=f"1 file is (in no folder of a class|of no kind that is read): {name}"
    ):
        xray_cases(xray)


def test_covid19_ct_by_our_convention_reads_the_patient_before_the_slice(tmp_path):
    manifest, folder = load_manifest("covid19_ct"), tmp_path / "covid19_ct"
    patients = {
        "negative/b12_1.jpg": "b12",
        "positive/A-7_001.png": "A-7",
        "positive/A-7_002.png": "A-7",
    }
    change(folder, dict.fromkeys(patients, picture(0)))
    found = {c.case_id: c.patient_id for c in cases_of(tmp_path, manifest, "covid19_ct")}
    assert found == patients
    change(folder, {"positive/scan 1.png": picture(2)})
    with pytest.raises(InputError, match=r"has no patient in 'positive/scan 1\.png'"):
        cases_of(tmp_path, manifest, "covid19_ct")


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - set(PATTERNED)))
def test_pattern_for_patients_that_a_layout_does_not_use_is_refused(tmp_path, layout):
    manifest = changed(BUSI, layout=layout, patient_pattern=re.compile(r"^(\d+)"))
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match="does not support patient_pattern"):
        cases_of(tmp_path, manifest, "data")


def test_independent_patients_without_a_source_of_patients_are_refused(busi_root, busi_manifest):
    with pytest.raises(InputError, match="nothing names the patients") as caught:
        cases_of(busi_root, changed(busi_manifest, independence="patient"), TOP)
    first, condition = caught.value.remedy.split(" Use independence: image ")
    assert first.startswith("State where they are named: by patient_pattern")
    assert condition.startswith("only if no patient has two pictures")


def test_shipped_manifests_name_a_source_wherever_patients_are_the_units():
    for manifest in map(load_manifest, manifest_names()):
        if manifest.independence == "patient" and manifest.layout in PATTERNED:
            assert manifest.patient_pattern or manifest.options["patient"]


SLICES = (
    "NCP/25/1181/0000.png",
    "NCP/25/1181/0001.png",
    "NCP/25/1183/0007.png",
    "CP/10/3153/0172.png",
    "CP/10/3153/0173.jpg",
    "CP/25/3200/0001.png",
    "Normal/742/177/0000.png",
    "Normal/742/177/0001.png",
)
LISTED = ("NCP/25/1181/0001.png", "NCP/25/1183/0007.png", "CP/10/3153/0173.jpg")


@pytest.fixture
def ct(tmp_path):
    """A CC-CCII of eight slices, three of them listed; returns its folder."""
    folder = tmp_path / "CC-CCII"
    change(folder, dict.fromkeys(SLICES, picture(0)))
    write_lines(folder / "lesions_slices.csv", "imgpath", *LISTED)
    write_lines(folder / "metadata.csv", "patient_id,Age,Sex(Male1/Female2)", "25,61,1")
    return folder


def ct_cases(folder, manifest=CC_CCII):
    return cases_of(folder.parent, manifest, "CC-CCII")


def test_cc_ccii_takes_listed_slices_and_all_normal_ones(ct):
    found = [(*case[:3], CC_CCII.label_map[case.source_class]) for case in ct_cases(ct)]
    assert found == [
        ("CP/10/3153/0173", "CP/10", "CP", "community-acquired pneumonia"),
        ("NCP/25/1181/0001", "NCP/25", "NCP", "COVID-19"),
        ("NCP/25/1183/0007", "NCP/25", "NCP", "COVID-19"),
        ("Normal/742/177/0000", "Normal/742", "Normal", None),
        ("Normal/742/177/0001", "Normal/742", "Normal", None),
    ]
    assert ct_cases(ct)[0].image == "CC-CCII/CP/10/3153/0173.jpg"


def test_cc_ccii_with_another_extension_in_the_list_still_matches(ct):
    before = ct_cases(ct)
    write_lines(ct / "lesions_slices.csv", "imgpath", *(n.replace(".jpg", ".png") for n in LISTED))
    assert ct_cases(ct) == before


WRONG_LISTS = {
    r"lesions_slices\.csv: 2 slices have no file: NCP/25/1181/0009, CP/99/1/0000\.": (
        "imgpath",
        *LISTED,
        "NCP/25/1181/0009.png",
        "CP/99/1/0000.png",
    ),
    r"lesions_slices\.csv: 1 class has no slices: CP": ("imgpath", *LISTED[:2]),
}


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        *(
            ("lesions_slices.csv", "\n".join([*lines, ""]), message)
            for message, lines in WRONG_LISTS.items()
        ),
        *(
            (name, b"not looked at", f"1 file does not belong to .*: {name}")
            for name in (
                "NCP/25/1181/0002.tif",
                "NCP/25/1181/deep/0002.png",
                "Flu/1/1/0000.png",
            )
        ),
        ("NCP/25/1181/0001.jpg", b"", r"1 file is present twice.*: NCP/25/1181/0001\.png"),
    ],
)
def test_cc_ccii_with_a_wrong_list_or_one_file_too_many_names_it(ct, name, content, message):
    change(ct, {name: content})
    with pytest.raises(InputError, match=message) as caught:
        ct_cases(ct)
    assert "CC-CCII" in caught.value.where


def test_cc_ccii_with_a_listed_slice_known_to_be_bad_passes_over_it(ct):
    write_lines(ct / "lesions_slices.csv", "imgpath", *LISTED, "NCP/25/1181/0009.png")
    bad = changed(CC_CCII, known_bad={"NCP/25/1181/0009": "damaged archive"})
    assert len(ct_cases(ct, bad)) == 5


def test_cc_ccii_of_a_partial_download_is_refused(ct):
    shutil.rmtree(ct / "Normal")
    with pytest.raises(InputError, match=r"1 class has no folder: Normal.*Fetch their archives"):
        ct_cases(ct)

"""The layout of CC-CCII in a literal miniature."""

import shutil

import pytest
from busi_files import picture, save

from rin.data.layouts import find_cases
from rin.data.manifest import load_manifest
from rin.data.tree import open_tree
from rin.errors import InputError

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
SCANS = (
    "zip_file,label,patient_id,scan_id,n_slice",
    "NCP-8.zip,NCP,25,1181,2",
    "NCP-8.zip,NCP,25,1183,1",
    "CP-1.zip,CP,10,3153,2",
    "CP-1.zip,CP,25,3200,1",
    "Normal-3.zip,Normal,742,177,2",
)


@pytest.fixture
def root(tmp_path):
    for number, name in enumerate(SLICES):
        save(tmp_path / "CC-CCII" / name, picture(number))
    write(tmp_path, "lesions_slices.csv", "imgpath", *LISTED)
    write(tmp_path, "unzip_filenames.csv", *SCANS)
    write(tmp_path, "metadata.csv", "patient_id,Age,Sex(Male1/Female2)", "25,61,1")
    return tmp_path


def write(root, name, *lines, end="\n", mark=""):
    content = mark + end.join(lines) + end
    (root / "CC-CCII" / name).write_bytes(content.encode())


@pytest.fixture
def manifest():
    return load_manifest("cc_ccii")


def cases_of(root, manifest, location="CC-CCII"):
    return find_cases(open_tree(root, location), manifest)


def with_options(manifest, **options):
    return manifest.model_copy(update={"options": manifest.options | options})


def test_find_cases_takes_listed_slices_and_all_normal_ones(root, manifest):
    found = [(c.case_id, c.patient_id, c.source_class) for c in cases_of(root, manifest)]
    assert found == [
        ("CP/10/3153/0173", "CP/10", "CP"),
        ("NCP/25/1181/0001", "NCP/25", "NCP"),
        ("NCP/25/1183/0007", "NCP/25", "NCP"),
        ("Normal/742/177/0000", "Normal/742", "Normal"),
        ("Normal/742/177/0001", "Normal/742", "Normal"),
    ]
    assert cases_of(root, manifest)[0].image == "CC-CCII/CP/10/3153/0173.jpg"
    labels = [manifest.label(source_class) for _, _, source_class in found]
    assert labels == ["community-acquired pneumonia", "COVID-19", "COVID-19", None, None]


def test_find_cases_with_all_slices_takes_all_and_needs_no_list(root, manifest):
    (root / "CC-CCII" / "lesions_slices.csv").unlink()
    found = cases_of(root, with_options(manifest, slices="all"))
    assert len(found) == len(SLICES)
    patients = {case.patient_id for case in found}
    assert {"CP/25", "NCP/25"} < patients, "one number in two classes is two patients"


def test_find_cases_without_the_list_says_what_to_do(root, manifest):
    (root / "CC-CCII" / "lesions_slices.csv").unlink()
    with pytest.raises(InputError, match=r"lesions_slices\.csv is missing.*slices: all"):
        cases_of(root, manifest)


def test_find_cases_with_another_extension_in_the_list_still_matches(root, manifest):
    before = cases_of(root, manifest)
    write(root, "lesions_slices.csv", "imgpath", *(n.replace(".jpg", ".png") for n in LISTED))
    assert cases_of(root, manifest) == before


LISTS = {
    "row without a file": (
        ("imgpath", *LISTED, "NCP/25/1181/0009.png", "CP/99/1/0000.png"),
        r"2 slices of lesions_slices\.csv have no file: NCP/25/1181/0009, CP/99/1/0000\.",
    ),
    "row twice": (
        ("imgpath", *LISTED, LISTED[0]),
        r"1 slices stand several times in lesions_slices\.csv: NCP/25/1181/0001",
    ),
    "class without a row": (
        ("imgpath", *LISTED[:2]),
        r"1 classes have no slice in lesions_slices\.csv: CP",
    ),
    "another column": (("path", *LISTED), "its columns are path; needed are imgpath"),
    "no rows": (("imgpath",), "2 classes have no slice in lesions_slices"),
}


@pytest.mark.parametrize("case", LISTS)
def test_find_cases_with_a_wrong_list_names_the_rows(root, manifest, case):
    lines, message = LISTS[case]
    write(root, "lesions_slices.csv", *lines)
    with pytest.raises(InputError, match=message):
        cases_of(root, manifest)


def test_find_cases_with_a_listed_slice_known_to_be_bad_passes_over_it(root, manifest):
    write(root, "lesions_slices.csv", "imgpath", *LISTED, "NCP/25/1181/0009.png")
    bad = manifest.model_copy(update={"known_bad": {"NCP/25/1181/0009": "damaged archive"}})
    assert len(cases_of(root, bad)) == 5


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("NCP/25/1181/0002.tif", "1 files are no PNG or JPEG at class/patient/scan/slice"),
        ("NCP/25/1181/0002", "1 files are no PNG or JPEG"),
        ("NCP/25/1181/deep/0002.png", "1 files are no PNG or JPEG"),
        ("NCP/25/0002.png", "1 files are no PNG or JPEG"),
        ("Flu/1/1/0000.png", "1 files are no PNG or JPEG.*: Flu/1/1/0000.png"),
        ("CP-1.zip", r"1 files are no PNG or JPEG.*: CP-1\.zip"),
        ("NCP/25/1181/0001.jpg", r"1 slices are there with two extensions: NCP/25/1181/0001\.png"),
        ("NCP/25/1181/0002.png", r"NCP/25/1181 \(3 slices instead of 2, from NCP-8\.zip\)"),
        ("NCP/25/1199/0000.png", r"1 scans are not in unzip_filenames\.csv: NCP/25/1199"),
    ],
)
def test_find_cases_with_one_file_too_many_names_it(root, manifest, name, message):
    save(root / "CC-CCII" / "new.png", picture(1))
    path = root / "CC-CCII" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (root / "CC-CCII" / "new.png").rename(path)
    with pytest.raises(InputError, match=message) as caught:
        cases_of(root, manifest)
    assert "CC-CCII" in caught.value.where


def test_find_cases_with_a_scan_cut_short_names_its_archive(root, manifest):
    (root / "CC-CCII" / "CP/10/3153/0172.png").unlink()
    with pytest.raises(InputError, match=r"CP/10/3153 \(1 slices instead of 2, from CP-1\.zip\)"):
        cases_of(root, manifest)
    with pytest.raises(InputError, match="1 slices instead of 2"):
        cases_of(root, with_options(manifest, partial=True))


def test_find_cases_of_a_partial_download_is_refused_unless_it_is_said(root, manifest):
    shutil.rmtree(root / "CC-CCII" / "NCP" / "25" / "1183")
    shutil.rmtree(root / "CC-CCII" / "Normal")
    write(root, "metadata.csv", "patient_id,Age", "25,61", "4711,50")
    with pytest.raises(InputError, match=r"1 class folders are missing: Normal.*partial: true"):
        cases_of(root, manifest)
    found = cases_of(root, with_options(manifest, partial=True))
    assert [case.case_id for case in found] == ["CP/10/3153/0173", "NCP/25/1181/0001"]


def test_find_cases_without_a_class_of_the_task_is_refused_even_when_partial(root, manifest):
    shutil.rmtree(root / "CC-CCII" / "CP")
    with pytest.raises(InputError, match="1 class folders are missing: CP"):
        cases_of(root, with_options(manifest, partial=True))


def test_find_cases_with_metadata_of_absent_patients_names_them(root, manifest):
    write(root, "metadata.csv", "patient_id,Age", "25,61", "4711,50")
    with pytest.raises(InputError, match=r"1 patients of metadata\.csv have no folder: 4711"):
        cases_of(root, manifest)

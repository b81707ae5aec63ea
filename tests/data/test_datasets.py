from contextlib import nullcontext

import numpy as np
import pandas as pd
import pytest
from busi_files import TOP, change, changed, mask, opened, picture, with_counts

from rin.data.dataset import (
    ENOUGH,
    LISTED,
    brightness_findings,
    check_counts,
    exact_duplicates,
    sample_pictures,
    unify_patient_ids,
)
from rin.data.layouts.found import FoundCase
from rin.data.manifest import Finding
from rin.data.masks import read_mask
from rin.errors import InputError
from rin.files import digest_of
from rin.study import load_profile, open_workspace
from rin.tables import CASES

COUNTS = {"benign": 3, "malignant": 2, "normal": 1}


def of_study(manifest, data_root, tmp_path):
    """The dataset as a study opens it, whose profile sizes a stand-in."""
    profile = load_profile("smoke").model_copy(update={"stand_ins": {"busi": COUNTS}})
    return open_workspace(profile, data_root=data_root, results=tmp_path / "results").dataset(
        manifest
    )


def test_open_dataset_of_the_miniature_gives_the_case_table(busi_root, busi_manifest):
    dataset = opened(busi_manifest, busi_root)
    assert list(dataset.cases.columns) == list(CASES.columns)
    names = ["benign (1)", "benign (2)", "malignant (1)", "normal (1)"]
    classes = ["benign", "benign", "malignant", "normal"]
    files = [f"{TOP}/{folder}/{name}" for folder, name in zip(classes, names, strict=True)]
    expected = {
        "case_id": names,
        "patient_id": names,
        "label": ["benign", "benign", "malignant", "benign"],
        "source_class": classes,
        "image": [f"{file}.png" for file in files],
        "masks": [
            (f"{files[0]}_mask.png", f"{files[0]}_mask_1.png"),
            *((f"{file}_mask.png",) for file in files[1:]),
        ],
        "width": [6] * 4,
        "height": [4] * 4,
        "digest": [digest_of(picture(value).tobytes()) for value in (1, 50, 100, 150)],
    }
    assert dataset.cases[[*expected]].to_dict("list") == expected
    assert (dataset.provenance, dataset.location) == ("real", TOP)
    merged = read_mask(dataset.root, dataset.cases["masks"][0], (4, 6))
    np.testing.assert_array_equal(merged, mask((0, 0), (3, 5)))


BREAKAGES = [
    ({"malignant/malignant (1)_mask.png": None}, r"malignant: 0 masks instead of 1 \(-1\)"),
    ({"benign/benign (2).png": None}, r"1 mask without pictures: benign/benign \(2\)_mask"),
]


@pytest.mark.parametrize(("files", "message"), BREAKAGES)
def test_open_dataset_with_broken_files_names_the_place_and_a_remedy(
    busi_root, busi_manifest, files, message
):
    change(busi_root / TOP, files)
    with pytest.raises(InputError, match=message) as caught:
        opened(busi_manifest, busi_root)
    assert TOP in caught.value.where
    assert caught.value.remedy.endswith(".")


def test_study_with_broken_real_files_names_all_and_never_falls_back(
    busi_root, busi_manifest, tmp_path
):
    names = ["benign/benign (1).png", "normal/normal (1)_mask.png"]
    change(busi_root / TOP, dict.fromkeys(names, b"GIF89a"))
    with pytest.raises(InputError, match="2 of 4 cases cannot be read") as caught:
        of_study(busi_manifest, busi_root, tmp_path)
    assert all(name in caught.value.problem for name in names)
    assert caught.value.problem.count("the file is") == 1
    assert not (tmp_path / "stand_ins").exists()
    own = changed(busi_manifest, access="not public")
    with pytest.raises(InputError, match=r"Export these files again, or move them away"):
        of_study(own, busi_root, tmp_path)


@pytest.mark.parametrize("value", [False, True])
def test_masks_that_mark_nothing_or_everything_are_counted_alike(busi_root, busi_manifest, value):
    plain = np.full((4, 6), value)
    change(busi_root / TOP, {"malignant/malignant (1)_mask.png": plain})
    with pytest.raises(InputError, match="2 masks mark nothing or the whole picture") as caught:
        opened(busi_manifest, busi_root)
    # Of a picture without a lesion, an empty mask is right: it is not to be drawn again.
    assert caught.value.remedy == (
        "Draw the masks of pictures that show a lesion; if others are correctly empty, state how "
        "many: counts.empty_masks, 2 if all are correct."
    )
    accepted = with_counts(busi_manifest, images=busi_manifest.counts.images, empty_masks=2)
    assert len(opened(accepted, busi_root).cases) == 4


def test_dataset_said_to_have_masks_is_refused_without_any(busi_root, busi_manifest):
    for file in busi_root.rglob("*_mask*.png"):
        file.unlink()
    with pytest.raises(InputError, match=r"no picture has a mask"):
        opened(with_counts(busi_manifest, masks={}), busi_root)


def test_patient_with_two_labels_is_refused_unless_labels_belong_to_pictures(
    busi_root, busi_manifest
):
    named = changed(busi_manifest, patient_pattern=r"\((\d)\)", independence="patient")
    told = r"1 patient has two labels \(of case 1 \(benign \(1\)\): benign and malignant\)"
    with pytest.raises(InputError, match=told):
        opened(named, busi_root)
    found = opened(changed(named, patient_labels="several"), busi_root)
    assert found.cases["patient_id"].tolist() == ["1", "2", "1", "1"]


def test_dataset_that_is_not_there_says_where_to_get_it(busi_manifest, tmp_path):
    with pytest.raises(InputError, match=r"looked for Dataset_BUSI.*busi\.zip.*get it at"):
        opened(busi_manifest, tmp_path)
    with pytest.raises(InputError, match="unknown stand-in ''"):
        of_study(changed(busi_manifest, stand_in=None), None, tmp_path)


@pytest.mark.parametrize(
    ("files", "counts", "finding"),
    [
        (
            {"malignant/malignant (1).png": picture(50)},
            {},
            Finding(
                "contradictory exact duplicates",
                "the same pixels labelled benign and malignant",
                ("benign (2)", "malignant (1)"),
            ),
        ),
        (
            {},
            {"paper": {"benign": 4, "malignant": 1}},
            Finding("paper's counts differ", "benign: 3 images instead of 4 (-1)"),
        ),
        (
            {},
            {"authors": {"benign": 2, "malignant": 1, "normal": 5}},
            Finding("authors' counts differ", "normal: 1 image instead of 5 (-4)"),
        ),
        (
            {"malignant/malignant (1).png": np.full((4, 6), 9, dtype=np.uint8)},
            {},
            Finding(
                "blank pictures",
                "pictures that show nothing, as their grey levels hardly differ: 1",
                ("malignant (1)",),
            ),
        ),
    ],
)
def test_findings_tell_repeated_and_blank_pictures_and_other_counts(
    busi_root, busi_manifest, files, counts, finding
):
    change(busi_root / TOP, files)
    dataset = opened(with_counts(busi_manifest, **counts), busi_root)
    assert dataset.findings == (finding,)


def told_of(greys, brightest=200):
    """Findings on pictures of such mean greys, half of which have another label."""
    cases = pd.DataFrame({"mean_grey": greys, "brightest": brightest}).assign(darkest=0)
    cases["label"] = ["a"] * ENOUGH + ["b"] * (len(cases) - ENOUGH)
    return brightness_findings(cases.assign(case_id=cases.index.astype(str), blank=False))


def test_pictures_of_few_grey_levels_are_a_finding():
    greys = [*range(ENOUGH)] * 2
    assert told_of(greys) == []
    (finding,) = told_of(greys, [25, *[200] * (2 * ENOUGH - 1)])
    assert (finding.kind, finding.case_ids) == ("few grey levels", ("0",))


@pytest.mark.parametrize(
    ("out_of_place", "found"), [(ENOUGH + 0.5, ["brightness"]), (2 * ENOUGH, [])]
)
@pytest.mark.parametrize("sign", [1, -1])
def test_labels_that_brightness_tells_apart_are_a_finding(out_of_place, found, sign):
    """AUCs of .99 and .90."""
    greys = np.array([*range(ENOUGH - 1), out_of_place, *range(ENOUGH, 2 * ENOUGH)])
    assert [finding.kind for finding in told_of(sign * greys)] == found
    assert told_of(np.arange(2 * ENOUGH - 1)) == []


def test_patients_written_in_several_ways_are_one_and_said():
    spelled = ["Ä 7", "A\u0308-07", "3.0", "3"]
    cases = pd.DataFrame({"case_id": list("abcd"), "patient_id": spelled})
    joined, (finding,) = unify_patient_ids(cases)
    assert joined["patient_id"].tolist() == ["Ä 7", "Ä 7", "3.0", "3.0"]
    assert "2 patients whose id is written in several ways: 'Ä 7' and" in finding.text
    unlike = cases.assign(patient_id=["1-23", "12-3", "1.2", "A1"])
    assert unify_patient_ids(unlike)[1] == []


def test_findings_of_very_many_repeated_pictures_are_one_finding_a_kind():
    digests = np.repeat(np.arange(LISTED + 1), 2)
    cases = pd.DataFrame({"digest": digests, "label": "a", "width": 1, "height": 1})
    cases["case_id"] = cases.index.astype(str)
    (finding,) = exact_duplicates(cases)
    assert finding.text == "11 sets of pictures with the same pixels, 22 in all"
    assert finding.case_ids == (*cases["case_id"][:LISTED],)
    assert len(exact_duplicates(cases[cases["digest"] != 7])) == LISTED


@pytest.mark.parametrize("files", [{"benign (2).png": b""}, {}], ids=["torn", "whole"])
def test_open_dataset_leaves_a_known_bad_case_out_and_says_so(busi_root, busi_manifest, files):
    change(busi_root / TOP / "benign", files)
    dataset = opened(changed(busi_manifest, known_bad={"benign (2)": "torn"}), busi_root)
    assert dataset.cases["case_id"].tolist() == ["benign (1)", "malignant (1)", "normal (1)"]
    assert dataset.findings == (Finding("skipped known bad file", "torn", ("benign (2)",)),)


def test_part_of_a_dataset_tells_of_the_known_bad_files_that_it_has(busi_root, busi_manifest):
    whole = {"benign": 5, "malignant": 1, "normal": 1}
    bad = {"benign (2)": "torn", "benign (5)": "empty"}
    manifest = with_counts(changed(busi_manifest, known_bad=bad, partial=True), images=whole)
    told = {finding.kind: finding for finding in opened(manifest, busi_root).findings}
    assert told["part of the dataset"].text == "4 of 7 images"
    assert told["skipped known bad file"].case_ids == ("benign (2)",)


def test_open_dataset_never_decodes_a_class_without_label(busi_root, busi_manifest):
    change(busi_root / TOP, {"normal/normal (1).png": b""})
    labels = busi_manifest.label_map | {"normal": None}
    counted = with_counts(busi_manifest, authors={"normal": 5})
    dataset = opened(changed(counted, label_map=labels), busi_root)
    assert dataset.cases["source_class"].tolist() == ["benign", "benign", "malignant"]
    assert "normal: 1 image instead of 5 (-4)" in dataset.findings[0].text
    with pytest.raises(InputError, match=r"none of the classes found has a label \(benign"):
        opened(changed(busi_manifest, label_map=dict.fromkeys(labels)), busi_root)


IN_EXAMS = {"unit": "exam", "images": {"a": 2}, "masks": {}, "total": 3}
IN_IMAGES = {"images": {"a": 3}, "masks": {}, "total": 3}


@pytest.mark.parametrize(
    ("counts", "patients", "message"),
    [
        (IN_EXAMS, "prq", r"a: 3 exams instead of 2 \(\+1\)\. "),
        (IN_IMAGES, "p", "a: 1 image instead of 3"),
        (IN_IMAGES, "pqrs", "a: 4 images instead of 3"),
        (
            {"images": {}, "masks": {}, "total": 780, "classes": 36},
            "pqr",
            r"classes: 1 in all instead of 36 \(-35\); images: 3 in all instead of 780 \(-777\)",
        ),
    ],
)
def test_check_counts_names_what_differs(busi_manifest, tmp_path, counts, patients, message):
    found = [FoundCase(f"a/{i}", patient, "a", f"x/{i}") for i, patient in enumerate(patients)]
    cases, manifest = pd.DataFrame(found), with_counts(busi_manifest, **counts)
    with pytest.raises(InputError, match=message) as caught:
        check_counts(manifest, cases, tmp_path)
    is_less = "partial: true" in caught.value.remedy
    with nullcontext() if is_less else pytest.raises(InputError, match=message):
        check_counts(changed(manifest, partial=True), cases, tmp_path)
    assert is_less == (len(patients) < manifest.counts.total)


def test_pictures_of_a_folder_are_squares_drawn_alike_each_time(busi_root):
    (busi_root / "read me.txt").write_text("x")
    pixels, told, provenance = sample_pictures(str(busi_root), None, n=8, size=16)
    assert (pixels.shape, pixels.dtype) == ((8, 16, 16, 3), np.uint8)
    np.testing.assert_array_equal(pixels, sample_pictures(str(busi_root), None, n=8, size=16)[0])
    assert told.startswith("8 of 9 pictures of ")
    assert provenance == ""


def test_without_a_name_stand_ins_are_made_and_said_to_be(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    pixels, told, provenance = sample_pictures("", None, n=8, size=32)
    assert (pixels.shape, provenance) == ((8, 32, 32, 3), "stand-in")
    assert (pixels == pixels[..., :1]).all()
    assert "(stand-in)" in told
    assert list(tmp_path.iterdir()) == []

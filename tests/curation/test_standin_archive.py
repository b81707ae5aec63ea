"""The stand-in archive as files: layout, levels, references, all or nothing."""

import csv
import json
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from pydicom import dcmread

from rin.curation import standin
from rin.curation.standin import write_archive
from rin.curation.taxonomy import load_taxonomy
from rin.data.layouts.found import STAND_IN_NOTE
from rin.errors import InputError

SEED = 4
KO, PR, SR = "Key Object Selection Document Storage", "Grayscale Softcopy", "X-Ray Radiation Dose"
#: Attributes of each level that all its instances share.
PATIENT = ("PatientID", "PatientName", "PatientBirthDate", "PatientSex")
STUDY = ("StudyInstanceUID", "StudyDate", "StudyTime", "AccessionNumber", "StudyID")
SERIES = ("SeriesInstanceUID", "SeriesNumber", "Modality", "SOPClassUID", "SeriesDescription")


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    return write_archive(
        tmp_path_factory.mktemp("pacs") / "archive", studies=30, size=48, seed=SEED
    )


@pytest.fixture(scope="module")
def instances(archive):
    return {path: dcmread(path) for path in sorted((archive / "dicom").rglob("*.dcm"))}


@pytest.fixture(scope="module")
def truth(archive):
    with (archive / "truth.csv").open(encoding="utf-8", newline="") as file:
        return {row["accession_number"]: row for row in csv.DictReader(file)}


def of_class(instances, *beginnings):
    return [one for one in instances.values() if one.SOPClassUID.name.startswith(beginnings)]


def images(instances):
    return {one.SOPInstanceUID: one for one in instances.values() if "PixelData" in one}


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_archive_counts_agree_with_note_and_tables(archive, instances, truth):
    note = json.loads((archive / STAND_IN_NOTE).read_text("utf-8"))
    assert note["counts"].pop("studies") == 30 == len(truth)
    assert sum(note["counts"].values()) == len(instances)
    assert len({one.StudyInstanceUID for one in instances.values()}) == 30
    assert {path.stem for path in (archive / "reports").iterdir()} == set(truth)
    assert note["counts"]["key_selections"] == len(of_class(instances, KO))
    assert note["counts"]["dose_reports"] == len(of_class(instances, SR))


def test_archive_paths_are_patient_study_series_instance(instances):
    for path, one in instances.items():
        levels = (one.PatientID, one.StudyInstanceUID, one.SeriesInstanceUID)
        assert path.parts[-5:-1] == ("dicom", *levels)
        assert path.stem == one.SOPInstanceUID == one.file_meta.MediaStorageSOPInstanceUID


@pytest.mark.parametrize(
    ("key", "shared"),
    [
        ("PatientID", PATIENT),
        ("StudyInstanceUID", (*PATIENT, *STUDY)),
        ("AccessionNumber", STUDY),
        ("SeriesInstanceUID", (*PATIENT, *STUDY, *SERIES)),
    ],
)
def test_attributes_of_a_level_are_shared_by_all_its_instances(instances, key, shared):
    groups = defaultdict(set)
    for one in instances.values():
        groups[one[key].value].add(tuple(str(one[name].value) for name in shared))
    assert {len(values) for values in groups.values()} == {1}


def test_slices_of_a_series_lie_one_gap_apart_along_their_normal(instances):
    series = defaultdict(list)
    for one in of_class(instances, "CT", "MR"):
        if "LOCALIZER" not in one.ImageType and "DERIVED" not in one.ImageType:
            series[one.SeriesInstanceUID].append(one)
    for slices in series.values():
        slices.sort(key=lambda one: one.InstanceNumber)
        across = np.array(slices[0].ImageOrientationPatient, dtype=float)
        normal = np.cross(across[:3], across[3:])
        along = [float(np.dot(normal, one.ImagePositionPatient)) for one in slices]
        gap = float(slices[0].SpacingBetweenSlices)
        assert np.allclose(np.abs(np.diff(along)), gap, atol=2e-3)
        assert float(slices[0].SliceThickness) <= gap


def test_ct_and_mr_studies_have_one_localizer_in_a_series_of_its_own(instances):
    scouts = [one for one in instances.values() if "LOCALIZER" in one.get("ImageType", [])]
    studies = {one.StudyInstanceUID for one in of_class(instances, "CT", "MR")}
    assert sorted(one.StudyInstanceUID for one in scouts) == sorted(studies)
    others = {one.SeriesInstanceUID for one in images(instances).values() if one not in scouts}
    assert others.isdisjoint(one.SeriesInstanceUID for one in scouts)


def test_key_selections_refer_to_one_to_three_images_of_their_study(instances):
    known = images(instances)
    assert of_class(instances, KO)
    for one in of_class(instances, KO):
        named = [item for item in one.ContentSequence if item.ValueType == "IMAGE"]
        uids = [item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID for item in named]
        assert 1 <= len(uids) <= 3
        evidence = one.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
        listed = {
            reference.ReferencedSOPInstanceUID: series.SeriesInstanceUID
            for series in evidence
            for reference in series.ReferencedSOPSequence
        }
        assert listed == {uid: known[uid].SeriesInstanceUID for uid in uids}
        assert {known[uid].StudyInstanceUID for uid in uids} == {one.StudyInstanceUID}
        assert not any("LOCALIZER" in known[uid].ImageType for uid in uids)


def test_findings_that_are_selected_are_those_of_the_truth(archive, instances, truth):
    taxonomy = load_taxonomy()
    known = set(zip(taxonomy["region"], taxonomy["label"], strict=True))
    with (archive / "label_map.csv").open(encoding="utf-8", newline="") as file:
        terms = {row["finding"]: (row["region"], row["label"]) for row in csv.DictReader(file)}
    found = defaultdict(set)
    for one in of_class(instances, KO):
        (text,) = [item.TextValue for item in one.ContentSequence if item.ValueType == "TEXT"]
        pair = terms[text] if text in terms else tuple(text.split(": "))
        assert pair in known
        found[one.AccessionNumber].add(pair)
    assert found == {
        name: {(row["region"], label) for label in row["label"].split(";")}
        for name, row in truth.items()
        if row["normal"] == "0" and row["label"]
    }


def test_each_key_image_has_an_outline_closed_and_inside_it(instances):
    known, outlined = images(instances), []
    for one in of_class(instances, PR):
        annotation = one.GraphicAnnotationSequence[0]
        (uid,) = {r.ReferencedSOPInstanceUID for r in annotation.ReferencedImageSequence}
        (line,) = annotation.GraphicObjectSequence
        points = np.array(line.GraphicData).reshape(-1, 2)
        assert (line.GraphicType, line.GraphicAnnotationUnits) == ("POLYLINE", "PIXEL")
        assert len(points) == line.NumberOfGraphicPoints >= 4
        assert (points[0] == points[-1]).all()
        assert (points >= 0).all()
        assert (points <= (known[uid].Columns, known[uid].Rows)).all()
        assert known[uid].PhotometricInterpretation == "MONOCHROME2"
        outlined.append(uid)
    keyed = [
        item.ReferencedSOPSequence[0].ReferencedSOPInstanceUID
        for one in of_class(instances, KO)
        for item in one.ContentSequence
        if item.ValueType == "IMAGE"
    ]
    assert sorted(outlined) == sorted(keyed)


def test_archive_written_twice_has_equal_bytes(archive, tmp_path):
    again = write_archive(tmp_path / "other name", studies=30, size=48, seed=SEED)
    assert contents(again) == contents(archive)


def test_archive_that_is_there_is_not_written_again_and_another_is_refused(archive):
    before = {path: path.stat().st_mtime_ns for path in archive.rglob("*")}
    assert write_archive(archive, studies=30, size=48, seed=SEED) == archive
    with pytest.raises(InputError, match="something else"):
        write_archive(archive, studies=30, size=48, seed=SEED + 1)
    assert before == {path: path.stat().st_mtime_ns for path in archive.rglob("*")}


def test_write_that_fails_half_way_leaves_nothing(tmp_path, monkeypatch):
    written = []

    def fail_later(path, dataset, **options):
        written.append(path)
        if len(written) == 20:
            raise OSError("no space left")
        Path(path).write_bytes(b"")

    monkeypatch.setattr(standin, "dcmwrite", fail_later)
    with pytest.raises(InputError, match="no space left"):
        write_archive(tmp_path / "archive", studies=30, size=48, seed=0)
    assert len(written) == 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"studies": 29}, "studies is 29"),
        ({"studies": 60.0}, "studies is 60.0"),
        ({"size": 44}, "size is 44"),
        ({"size": 516}, "size is 516"),
        ({"size": 66}, "size is 66"),
        ({"seed": -1}, "seed is -1"),
        ({"seed": True}, "seed is True"),
    ],
)
def test_arguments_out_of_range_are_refused_before_anything_is_written(tmp_path, changed, named):
    with pytest.raises(InputError, match=named):
        write_archive(tmp_path / "archive", **({"studies": 30, "size": 64, "seed": 0} | changed))
    assert list(tmp_path.iterdir()) == []

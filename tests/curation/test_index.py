import os
import shutil

import pandas as pd
import pytest
from export_files import UID, document, header, uid_of, write, write_report
from pydicom import uid

from rin.curation import index
from rin.curation.build import CurationPlan, index_archive
from rin.curation.index import parse_report, read_archive, read_header, rule_of
from rin.data.dicom import BROKEN
from rin.errors import InputError


@pytest.fixture
def kept(tmp_path):
    """Where the index is kept."""
    return tmp_path / "index"


@pytest.fixture
def root(tmp_path):
    """Two studies of two patients: four images in three series, a document, and two reports."""
    root = tmp_path / "export"
    write(root, header("1", "1", "1"))
    write(root, header("1", "1", "2"))
    write(root, header("1", "2", "1", SeriesDescription="CORONAL"))
    write(root, header("1", "5", "1", Modality="PT", BodyPartExamined="ABDOMEN"))
    write(root, document("1", accession=""))
    write(root, header("2", patient="P2", Modality="US", BodyPartExamined="THYROID"))
    write_report(root, "A1", "Nodule.", "A nodule.")
    write_report(root, "A2", "Normal thyroid.")
    return root


def refused(root, kept):
    with pytest.raises(InputError) as caught:
        index_archive(CurationPlan(archive=root, output=kept.parent, seed=1))
    return str(caught.value)


def content(archive):
    """All rows of both tables of an archive."""
    return [archive.files.to_dict("records"), archive.reports.to_dict("records")]


def test_other_files_are_passed_over(root, kept):
    before = content(read_archive(root, kept))
    for name in ("DICOMDIR", "README.txt", "truth.csv", "map.csv", "notes.json"):
        (root / name).write_bytes(bytes(128) + b"DICM, and no image")
    (root / "viewer.exe").write_bytes(b"no DICM in its place")
    (root / "._1.1.1.dcm").write_bytes(b"resource fork")
    assert content(read_archive(root, kept)) == before


def test_tables_hold_what_the_headers_and_reports_say(root, kept):
    """Modalities and body parts of a study are those of its pictures, sorted."""
    archive = read_archive(root, kept)
    files = archive.files.set_index("sop_uid")
    stat = (root / "dicom/1.1.2.dcm").stat()
    assert files.loc[uid_of(image="2")].to_dict() == {
        "path": "dicom/1.1.2.dcm", "bytes": stat.st_size, "modified_ns": stat.st_mtime_ns,
        "changed_ns": stat.st_ctime_ns,
        "patient_id": "P1", "study_uid": f"{UID}.1", "series_uid": f"{UID}.1.1",
        "sop_class": uid.CTImageStorage, "accession_number": "A1",
        "modality": "CT", "series_description": "AXIAL",
        "body_part": "CHEST", "image_type": r"ORIGINAL\PRIMARY\AXIAL",
        "photometric": "MONOCHROME2", "rows": 2, "columns": 2, "frames": 0,
        "study_body_part": r"ABDOMEN\CHEST", "rule": "",
    }  # fmt: skip
    note = files.loc[uid_of(series="9")]
    assert note[["modality", "frames", "rows", "body_part"]].tolist() == ["KO", 0, 0, ""]
    assert archive.reports.iloc[0].to_dict() == {
        "study_uid": f"{UID}.1", "patient_id": "P1", "accession_number": "A1",
        "modality": r"CT\PT", "body_part": r"ABDOMEN\CHEST", "findings": "A nodule.",
        "impression": "Nodule.", "path": "reports/A1.txt",
    }  # fmt: skip


def test_changed_archive_reads_what_is_new_alone_and_is_as_one_indexed_afresh(
    root, kept, tmp_path, monkeypatch
):
    read_archive(root, kept)
    write(root, header("1", "2", "7", SeriesDescription="SAGITTAL"), "dicom/1.2.1.dcm")
    (root / "aaa").mkdir()
    shutil.copy(root / "dicom/1.1.1.dcm", root / "aaa/copy.dcm")
    for name in ("dicom/2.1.1.dcm", "reports/A2.txt", "dicom/1.9.1.dcm"):
        (root / name).unlink()
    fresh = read_archive(root, tmp_path / "fresh")
    read = []

    def recorded(root, path):
        read.append(path)
        return read_header(root, path)

    monkeypatch.setattr(index, "read_header", recorded)
    archive = read_archive(root, kept)
    assert read == ["aaa/copy.dcm", "dicom/1.2.1.dcm"]
    assert content(archive) == content(fresh)
    paths = ["aaa/copy.dcm", "dicom/1.1.2.dcm", "dicom/1.2.1.dcm", "dicom/1.5.1.dcm"]
    assert sorted(archive.files["path"]) == paths
    (root / "aaa/copy.dcm").unlink()
    assert read_archive(root, kept).files["path"].tolist()[0] == "dicom/1.1.1.dcm"


def test_corrected_file_of_the_same_size_and_time_is_read_again(root, kept):
    read_archive(root, kept)
    for path in (root / "dicom/2.1.1.dcm", root / "reports/A1.txt"):
        times = path.stat().st_atime_ns, path.stat().st_mtime_ns
        path.write_bytes(path.read_bytes().replace(b"P2", b"P7").replace(b"Nodule", b"Normal"))
        os.utime(path, ns=times)
    archive = read_archive(root, kept)
    assert {*archive.files["patient_id"]} == {"P1", "P7"}
    assert archive.reports["impression"][0] == "Normal."


def test_report_of_a_study_whose_files_contradict_each_other_goes_until_they_do_not(root, kept):
    before = content(read_archive(root, kept))
    odd = write(root, header("1", "1", "8", PatientID="P9"), "dicom/odd.dcm")
    dropped = read_archive(root, kept).dropped
    assert dropped["reports/A1.txt"] == "contradictory"
    assert "reports/A2.txt" not in dropped
    odd.unlink()
    assert content(read_archive(root, kept)) == before


def test_file_name_that_is_no_unicode_is_named(root, kept):
    name = os.fsdecode(b"dicom/\xff.dcm")
    try:
        (root / "dicom/1.1.2.dcm").rename(root / name)
    except OSError:
        pytest.skip("this file system takes no such names")
    assert "the file's name is not valid UTF-8" in refused(root, kept)


@pytest.mark.parametrize("gone", [["dicom"], ["dicom", "reports"]])
def test_folder_without_dicom_is_refused_and_the_index_kept(root, kept, gone):
    read_archive(root, kept)
    before = {path: path.read_bytes() for path in kept.glob("1-*")}
    (root / "viewer.exe").write_text("text")
    for name in gone:
        shutil.rmtree(root / name)
    assert "this folder contains no DICOM files" in refused(root, kept)
    assert before.items() <= {path: path.read_bytes() for path in kept.glob("1-*")}.items()


# Headers


@pytest.mark.parametrize(
    "syntax",
    [
        uid.ExplicitVRLittleEndian,
        uid.ImplicitVRLittleEndian,
        uid.DeflatedExplicitVRLittleEndian,
        uid.RLELossless,
    ],
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_file_cut_anywhere_is_found_out_without_reading_pixels(tmp_path, syntax):
    dataset = header()
    if syntax == uid.RLELossless:
        dataset.compress(syntax, generate_instance_uid=False)
    dataset.file_meta.TransferSyntaxUID = syntax
    path = write(tmp_path, dataset, "whole.dcm")
    assert read_header(tmp_path, "whole.dcm")["sop_uid"] == f"{UID}.1.1.1"
    whole = path.read_bytes()
    for length in range(0, len(whole), 1 if syntax == uid.ExplicitVRLittleEndian else 5):
        (tmp_path / "cut.dcm").write_bytes(whole[:length])
        with pytest.raises(BROKEN):
            read_header(tmp_path, "cut.dcm")


# Reports


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FINDINGS: Clear.\nIMPRESSION: Normal.", ("Clear.", "Normal.")),
        ("IMPRESSION:\n\n1. Normal.\n2. None.\n", ("", "1. Normal.\n2. None.")),
        ("EXAM: CT\nFINDINGS:\r\nClear.\r\nIMPRESSION:\r\nNormal.", ("Clear.", "Normal.")),
        ("FINDINGS:\nLIVER: Cyst.\nHILA: Big.\nIMPRESSION:\nx", ("LIVER: Cyst.\nHILA: Big.", "x")),
        ("IMPRESSION:\nNormal.\nADDENDUM: Nodule seen.", ("", "Normal.\nADDENDUM: Nodule seen.")),
        ("ADDENDUM: Nodule.\nEXAM: CT\nIMPRESSION:\nNormal.", ("", "ADDENDUM: Nodule.\nNormal.")),
        ("IMPRESSION: One.\nIMPRESSION: Two.", ("", "One.\nTwo.")),
        ("FINDINGS: My IMPRESSION: a\nImpression: b", ("My IMPRESSION: a\nImpression: b", "")),
        ("Normal study.", ("", "")),
    ],
)  # fmt: skip
def test_parse_report_divides_by_headings(text, expected):
    assert parse_report(text) == expected


@pytest.mark.parametrize(
    ("encoding", "newline"),
    [("utf-8", "\r\n"), ("utf-8-sig", "\n"), ("cp1252", "\r"), ("utf-16", "\r\n")],
)
def test_encoding_and_line_ends_of_a_report_do_not_matter(root, kept, encoding, newline):
    lines = ["FINDINGS:", "Clear.", "IMPRESSION:", "Ménière – as before.", "Normal."]
    (root / "reports/A1.txt").write_bytes(newline.join(lines).encode(encoding))
    report = read_archive(root, kept).reports.iloc[0]
    assert report["findings"] == "Clear."
    assert report["impression"] == "Ménière – as before.\nNormal."


# Rules of exclusion

PLAIN = {
    "sop_class": uid.CTImageStorage,
    "image_type": "ORIGINAL\\PRIMARY\\AXIAL",
    "rows": 64,
    "columns": 64,
    "frames": 1,
    "photometric": "MONOCHROME2",
    "modality": "CT",
    "series_description": "CHEST 1.25",
}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"sop_class": uid.XRayRadiationDoseSRStorage, "rows": 0}, "dose report"),
        ({"series_description": "Dose Report", "image_type": "DERIVED\\SECONDARY"}, "dose report"),
        ({"series_description": "low dose chest"}, ""),
        ({"sop_class": uid.SecondaryCaptureImageStorage}, "secondary capture"),
        ({"sop_class": uid.KeyObjectSelectionDocumentStorage, "modality": "KO"}, "document"),
        ({"sop_class": "1.2.840.113619.4.30", "rows": 0}, "document"),
        ({"modality": "PT"}, "other modality"),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "localizer"),
        ({"series_description": "Topogram  0.6  T20f"}, "localizer"),
        ({"series_description": "local staging"}, ""),
        ({"image_type": "DERIVED\\SECONDARY\\AXIAL"}, "derived screen"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL\\MIP"}, "derived screen"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL"}, ""),
        ({"image_type": ""}, ""),
        ({"modality": "US", "frames": 30}, "several frames"),
        ({"sop_class": uid.EnhancedMRImageStorage, "modality": "MR"}, "several frames"),
        ({"rows": 0}, "odd pixels"),
        ({"photometric": "PALETTE COLOR"}, "odd pixels"),
        ({"photometric": "YBR_FULL_422", "modality": "US"}, ""),
    ],
)
def test_first_rule_that_hits_names_a_file(changes, expected):
    assert rule_of(pd.DataFrame([PLAIN | changes])).item() == expected

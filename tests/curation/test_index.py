import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pandas as pd
import pydicom
import pytest
from export_files import (
    UID,
    document,
    header,
    held,
    indexed,
    key_note,
    place_of,
    presentation,
    uid_of,
    write,
    write_report,
    write_studies,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom import uid
from sqlalchemy import Column, MetaData, String, Table, create_engine, inspect, select, text

from rin.curation import index
from rin.curation.index import instances, open_archive, read_header, read_table, reports, studies
from rin.data.dicom import BROKEN
from rin.errors import InputError

# Another database to run the same tests in.
SERVER = os.environ.get("ARCHIVE_TEST_DATABASE")


@pytest.fixture
def url(tmp_path):
    """A database of its own; of a server that is named, all tables are dropped first."""
    if not SERVER:
        return f"sqlite:///{tmp_path / 'index.sqlite'}"
    engine = create_engine(SERVER)
    everything = MetaData()
    everything.reflect(engine)
    everything.drop_all(engine)
    engine.dispose()
    return SERVER


@pytest.fixture
def root(tmp_path):
    """Two studies of two patients: three images in two series, a document, and two reports."""
    root = tmp_path / "export"
    write(root, header("1", "1", "1"))
    write(root, header("1", "1", "2"))
    write(root, header("1", "2", "1", SeriesDescription="CORONAL"))
    write(root, document("1", accession=""))
    write(root, header("2", patient="P2", Modality="US", BodyPartExamined="THYROID"))
    write_report(root, "A1", "Nodule.", "A nodule.")
    write_report(root, "A2", "Normal thyroid.")
    return root


@pytest.fixture
def unread(monkeypatch):
    """Paths of which headers are read, but for the look whether there is an archive at all."""
    seen, read = [], index.read_header
    monkeypatch.setattr(index, "_refuse_empty", lambda root: None)
    monkeypatch.setattr(index, "read_header", lambda r, path: seen.append(path) or read(r, path))
    return seen


def opened(root, url, **options):
    return open_archive(root, url, workers=1, **options)


def refused(root, url, **options):
    with pytest.raises(InputError) as caught:
        opened(root, url, **options)
    return str(caught.value)


def content(archive):
    """All rows of all tables of an index."""
    tables = {name: read_table(archive, select(t)) for name, t in index.METADATA.tables.items()}
    return {name: sorted(map(str, rows.to_numpy().tolist())) for name, rows in tables.items()}


def first_row(archive, table, **known):
    """The first row of a table in which these columns hold these values."""
    return read_table(archive, select(table).filter_by(**known)).to_dict("records")[0]


def counts(archive):
    return tuple(index.archive_counts(archive).values())


def test_other_files_are_passed_over(root, url):
    before = counts(opened(root, url))
    for name in ("DICOMDIR", "README.txt", "truth.csv", "map.csv", "notes.json"):
        (root / name).write_bytes(bytes(128) + b"DICM, and no image")
    (root / "viewer.exe").write_bytes(b"no DICM in its place")
    (root / "._1.1.1.dcm").write_bytes(b"resource fork")
    assert counts(opened(root, url)) == before


def test_second_indexing_into_the_same_file_waits(root, tmp_path, monkeypatch):
    """Otherwise two processes would write the same rows."""
    file, seen = tmp_path / "index.sqlite", []
    monkeypatch.setattr(index, "_update", lambda *_: seen.append(held(f"{file}.lock")))
    opened(root, f"sqlite:///{file}")
    assert seen == [True]


def test_tables_hold_what_the_headers_say(root, url):
    archive = opened(root, url)
    assert first_row(archive, studies, patient_id="P1") == {
        "study_uid": f"{UID}.1", "patient_id": "P1", "accession_number": "A1",
        "study_date": "20100203", "modality": "CT", "body_part": "CHEST",
        "description": "CT CHEST",
    }  # fmt: skip
    stat = (root / "dicom/1.1.2.dcm").stat()
    assert first_row(archive, instances, sop_uid=f"{UID}.1.1.2") == {
        "sop_uid": f"{UID}.1.1.2", "series_uid": f"{UID}.1.1",
        "sop_class": "1.2.840.10008.5.1.4.1.1.2", "image_type": r"ORIGINAL\PRIMARY\AXIAL",
        "instance_number": 2, "rows": 2, "columns": 2, "frames": 1,
        "photometric": "MONOCHROME2", "burned_in": "", "path": "dicom/1.1.2.dcm",
        "bytes": stat.st_size, "modified_ns": stat.st_mtime_ns,
    }  # fmt: skip
    assert first_row(archive, reports, accession_number="A1") == {
        "accession_number": "A1", "study_uid": f"{UID}.1", "findings": "A nodule.",
        "impression": "Nodule.", "path": "reports/A1.txt",
    }  # fmt: skip


def test_modalities_and_body_parts_of_a_study_are_those_of_its_pictures_sorted(root, url):
    write(root, header("1", "5", "1", Modality="PT", BodyPartExamined="ABDOMEN"))
    query = select(instances.c.frames, instances.c.rows, studies.c.modality, studies.c.body_part)
    query = query.select_from(instances).join(index.series).join(studies)
    documents = read_table(opened(root, url), query.where(index.series.c.modality == "KO"))
    assert documents.to_numpy().tolist() == [[0, 0, r"CT\PT", r"ABDOMEN\CHEST"]]


def test_names_and_nesting_of_files_do_not_matter(root, url):
    before = counts(opened(root, url))
    for number, path in enumerate(sorted((root / "dicom").iterdir())):
        target = root / f"DISK{number % 2}" / "A" / f"IM{number:06d}"
        target.parent.mkdir(parents=True, exist_ok=True)
        path.rename(target)
    (root / "RIS" / "Reports" / "2010").mkdir(parents=True)
    (root / "reports" / "A1.txt").rename(root / "RIS" / "Reports" / "2010" / "A1.TXT")
    assert counts(opened(root, url)) == before


def test_changed_archive_reads_what_is_new_alone_and_is_as_one_indexed_afresh(
    root, url, unread, tmp_path
):
    opened(root, url)
    unread.clear()
    opened(root, url)
    assert unread == []
    write(root, header("1", "2", "7", SeriesDescription="SAGITTAL"), "dicom/1.2.1.dcm")
    (root / "aaa").mkdir()
    shutil.copy(root / "dicom/1.1.1.dcm", root / "aaa/copy.dcm")
    for name in ("dicom/2.1.1.dcm", "reports/A2.txt", "dicom/1.9.1.dcm"):
        (root / name).unlink()
    archive = opened(root, url)
    assert unread == ["aaa/copy.dcm", "dicom/1.2.1.dcm"]
    assert counts(archive) == (1, 1, 2, 3, 1)
    paths = read_table(archive, select(instances.c.path))["path"]
    assert sorted(paths) == ["aaa/copy.dcm", "dicom/1.1.2.dcm", "dicom/1.2.1.dcm"]
    (root / "aaa/copy.dcm").unlink()
    found = content(opened(root, url))
    fresh = content(opened(root, f"sqlite:///{tmp_path / 'fresh.sqlite'}"))
    del found["files"], fresh["files"]
    assert found == fresh


def test_worker_processes_make_the_same_index(root, tmp_path, monkeypatch):
    alone = opened(root, f"sqlite:///{tmp_path / 'a.sqlite'}")
    monkeypatch.setattr(index, "CHUNK", 3)
    together = open_archive(root, f"sqlite:///{tmp_path / 'b.sqlite'}", workers=2)
    assert content(alone) == content(together)


KILLED = """
import sys
from pathlib import Path
from killed_curation import kill_after
from rin.curation import index

index.CHUNK = 2
kill_after(3, "rin.curation.index", "store_files")  # its rows are written, but not committed
index.open_archive(Path(sys.argv[1]), sys.argv[2], workers=1)
"""


def test_killed_indexing_goes_on_where_it_stood(tmp_path, url, unread):
    root = write_studies(tmp_path / "export", {str(n): "Normal." for n in range(1, 9)})
    command = [sys.executable, "-c", KILLED, str(root), url]
    done = subprocess.run(command, capture_output=True, cwd=Path(__file__).parent)
    assert done.returncode == -signal.SIGKILL
    archive = opened(root, url)
    assert sorted(unread) == [f"dicom/{n}.1.1.dcm" for n in range(5, 9)]
    assert counts(archive) == (8, 8, 8, 8, 8)


def test_good_files_are_indexed_before_one_error_names_all_bad_ones(root, url, unread):
    whole = (root / "dicom/1.1.1.dcm").read_bytes()
    bad = {"cut.dcm": whole[:-2], "IM1": whole[:140], "text.dcm": b"no DICOM", "empty.dcm": b""}
    for name, content in bad.items():
        (root / "dicom" / name).write_bytes(content)
    message = refused(root, url)
    assert "4 files cannot be indexed" in message
    assert f"{place_of(root, 'dicom/cut.dcm')}: the file is cut short" in message
    assert all(f"{place_of(root, f'dicom/{name}')}: " in message for name in bad)
    unread.clear()
    refused(root, url)
    assert sorted(unread) == sorted(f"dicom/{name}" for name in bad)
    for name in bad:
        (root / "dicom" / name).unlink()
    assert counts(opened(root, url)) == (2, 2, 4, 5, 2)


@pytest.mark.parametrize(
    ("name", "value"), [("PatientID", None), ("StudyInstanceUID", ""), ("SeriesInstanceUID", " ")]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_file_without_an_identifier_is_named(root, url, name, value):
    write(root, header("3", **{name: value}), "dicom/odd.dcm")
    message = f"{place_of(root, 'dicom/odd.dcm')}: no {name} in its header"
    assert message in refused(root, url)


@pytest.mark.parametrize(
    ("elements", "message"),
    [
        ({"PatientID": "P9"}, "its StudyInstanceUID has another PatientID elsewhere"),
        ({"AccessionNumber": "A9"}, "its StudyInstanceUID has another AccessionNumber elsewhere"),
        (
            {"SeriesInstanceUID": f"{UID}.2.1", "PatientID": "P1"},
            "its SeriesInstanceUID has another StudyInstanceUID elsewhere",
        ),
        (
            {"SOPInstanceUID": f"{UID}.1.1.1", "BurnedInAnnotation": "NO"},
            "its SOPInstanceUID is also that of a file which differs",
        ),
    ],
)
@pytest.mark.parametrize("later", [False, True])
def test_file_that_contradicts_others_is_named(root, url, elements, message, later):
    if later:
        opened(root, url)
    write(root, header("1", "1", "8", **elements), "dicom/odd.dcm")
    other = "2.1.1" if "SeriesInstanceUID" in elements else "1.1.1"
    here, there = (place_of(root, f"dicom/{name}.dcm") for name in ("odd", other))
    assert f"{here}: {message} ({there})" in refused(root, url)
    (root / "dicom/odd.dcm").unlink()
    assert counts(opened(root, url)) == (2, 2, 4, 5, 2)


@pytest.mark.parametrize(
    "patient", ["Ünal^Ø", "患者1", "a/b/c", "O'Brien; DROP", "%_", "x" * 64, "X" * 300]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_odd_patient_ids_are_kept_as_they_are(tmp_path, url, patient):
    write(tmp_path / "export", header(patient=patient, SpecificCharacterSet="ISO_IR 192"))
    archive = opened(tmp_path / "export", url)
    assert read_table(archive, select(studies.c.patient_id))["patient_id"].tolist() == [patient]


def test_file_name_that_is_no_unicode_is_named(root, url):
    name = os.fsdecode(b"dicom/\xff.dcm")
    try:
        (root / "dicom/1.1.2.dcm").rename(root / name)
    except OSError:
        pytest.skip("this file system takes no such names")
    assert "the file's name is not valid UTF-8" in refused(root, url)


def test_link_to_a_folder_is_refused_and_not_lost(root, url, tmp_path):
    write(tmp_path / "elsewhere", header("4"))
    (root / "linked").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert f"{place_of(root, 'linked')}: it cannot be read (Is a directory)" in refused(root, url)


@pytest.mark.parametrize("content", [[], ["notes.txt"], ["reports/A1.txt", "viewer.exe"]])
def test_folder_without_dicom_is_refused_and_the_index_kept(root, url, content):
    archive = opened(root, url)
    root.rename(root.with_name("away"))
    for name in content:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("text")
    root.mkdir(exist_ok=True)
    assert "no DICOM file lies in this folder" in refused(root, url)
    assert len(read_table(archive, select(instances))) == 5


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        ("nonsense", "the database cannot be used"),
        ("sqlite:///{}/no/such/folder/x.sqlite", "there is no folder for this database"),
        ("nosuchdialect://host/name", "the database cannot be used"),
        ("sqlite:///{}/export/dicom/1.1.1.dcm", "the database refuses"),
    ],
)
def test_database_that_cannot_be_used_is_refused(root, tmp_path, bad, message):
    assert message in refused(root, bad.format(tmp_path))


@pytest.mark.skipif(SERVER is not None, reason="a server looks after its own files")
def test_index_file_in_which_a_bit_flipped_is_put_aside_and_made_anew(root, url, tmp_path):
    before = content(opened(root, url))
    file = tmp_path / "index.sqlite"
    whole = file.read_bytes()
    place = whole.index(b"CT CHEST")
    file.write_bytes(whole[:place] + b"B" + whole[place + 1 :])
    assert content(opened(root, url)) == before
    assert (tmp_path / "index.sqlite.damaged").is_file()


def test_foreign_tables_of_the_same_name_are_left_alone(root, url):
    engine = create_engine(url)
    foreign = Table("patients", MetaData(), Column("name", String))
    foreign.create(engine)
    with engine.begin() as connection:
        connection.execute(foreign.insert(), [{"name": "somebody"}])
    assert "already holds tables named patients, not of this index" in refused(root, url)
    with engine.connect() as connection:
        assert connection.execute(select(foreign)).all() == [("somebody",)]
    assert inspect(engine).get_table_names() == ["patients"]
    engine.dispose()


def test_index_of_another_version_is_made_anew(root, url, unread, monkeypatch):
    before = counts(opened(root, url))
    unread.clear()
    monkeypatch.setattr(index, "VERSION", 99)
    assert counts(opened(root, url)) == before
    assert len(unread) == 5


def test_query_that_the_database_refuses_is_an_input_error(root, url):
    archive = opened(root, url)
    assert read_table(archive, "SELECT count(*) AS n FROM studies")["n"].tolist() == [2]
    with pytest.raises(InputError, match="the database refuses"):
        read_table(archive, text("SELECT nothing FROM nowhere"))


# Headers


def lengths_taken(folder, whole, step):
    """At which lengths a file that is cut is taken for a whole one."""
    taken = set()
    for length in range(0, len(whole), step):
        (folder / "cut.dcm").write_bytes(whole[:length])
        with suppress(*BROKEN):
            read_header(folder, "cut.dcm")
            taken.add(length)
    return taken


@pytest.mark.parametrize("kind", ["explicit", "implicit", "deflated", "compressed"])
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_file_cut_anywhere_is_found_out_without_reading_pixels(tmp_path, kind):
    dataset = header()
    if kind == "implicit":
        dataset.file_meta.TransferSyntaxUID = uid.ImplicitVRLittleEndian
    elif kind == "deflated":
        dataset.file_meta.TransferSyntaxUID = uid.DeflatedExplicitVRLittleEndian
    elif kind == "compressed":
        dataset.compress(uid.RLELossless, generate_instance_uid=False)
    path = write(tmp_path, dataset, "whole.dcm")
    assert read_header(tmp_path, "whole.dcm")["sop_uid"] == f"{UID}.1.1.1"
    assert lengths_taken(tmp_path, path.read_bytes(), 1 if kind == "explicit" else 5) == set()


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_document_cut_within_an_element_is_found_out(tmp_path):
    # Where an element ends, a shorter document would be whole.
    whole = write(tmp_path, document(), "whole.dcm")
    ends = {raw.value_tell + raw.length for raw in pydicom.dcmread(whole).values()}
    read = lengths_taken(tmp_path, whole.read_bytes(), 1)
    assert read and read <= ends


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_of_pydicoms_own_files_only_the_truncated_ones_are_called_cut_short():
    folder = Path(pydicom.__file__).parent / "data/test_files"
    names = sorted(path.name for path in folder.glob("*.dcm"))
    if len(names) < 50:
        pytest.skip("pydicom came without its test files")
    cut = []
    for name in names:
        try:
            read_header(folder, name)
        except BROKEN as error:
            cut += [name] if "cut short" in str(error) else []
    assert cut == ["MR_truncated.dcm", "rtplan_truncated.dcm"]


# Reports


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FINDINGS: Clear.\nIMPRESSION: Normal.", ("Clear.", "Normal.")),
        ("IMPRESSION:\n\n1. Normal.\n2. None.\n", ("", "1. Normal.\n2. None.")),
        ("EXAM: CT\nFINDINGS:\r\nClear.\r\nIMPRESSION:\r\nNormal.", ("Clear.", "Normal.")),
        ("FINDINGS:\nLIVER: Cyst.\nHILA: Big.\nIMPRESSION:\nx", ("LIVER: Cyst.\nHILA: Big.", "x")),
        ("IMPRESSION:\nNormal.\nADDENDUM: Nodule seen.", ("", "Normal.\nADDENDUM: Nodule seen.")),
        ("IMPRESSION:\nNormal.\nCOMPARISON: None.", ("", "Normal.")),
        ("IMPRESSION: One.\nIMPRESSION: Two.", ("", "One.\nTwo.")),
        ("FINDINGS: My IMPRESSION: a\nImpression: b", ("My IMPRESSION: a\nImpression: b", "")),
        ("  IMPRESSION : Normal.", ("", "Normal.")),
        ("Normal study.", ("", "")),
        ("IMPRESSION:", ("", "")),
        ("", ("", "")),
    ],
)  # fmt: skip
def test_parse_report_divides_by_headings(text, expected):
    assert index.parse_report(text) == expected


@settings(deadline=None)
@given(st.text())
def test_parse_report_takes_any_text(text):
    findings, impression = index.parse_report(text)
    assert findings == findings.strip() and impression == impression.strip()


@pytest.mark.parametrize(("mark", "newline"), [(b"\xef\xbb\xbf", b"\r\n"), (b"", b"\r")])
def test_byte_order_mark_and_line_ends_of_a_report_do_not_matter(root, url, mark, newline):
    lines = [b"FINDINGS:", b"Clear.", b"IMPRESSION:", "Normal – as before.".encode(), b"None."]
    (root / "reports/A1.txt").write_bytes(mark + newline.join(lines))
    found = read_table(opened(root, url), select(reports.c.findings, reports.c.impression))
    assert found.to_numpy().tolist()[0] == ["Clear.", "Normal – as before.\nNone."]


def test_report_in_latin_1_is_refused_as_utf_8_with_its_byte_and_read_as_latin_1(root, url):
    (root / "reports/A1.txt").write_bytes("IMPRESSION: Ménière".encode("latin-1"))
    message = refused(root, url)
    assert f"{place_of(root, 'reports/A1.txt')}: byte 0xe9 at offset 13 is not utf-8" in message
    assert "encoding='latin-1'" in message
    archive = opened(root, url, encoding="latin-1")
    assert first_row(archive, reports, accession_number="A1")["impression"] == "Ménière"


@pytest.mark.parametrize("encoding", ["nonsense", "hex"])
def test_unknown_encoding_is_refused(root, url, encoding):
    assert f"unknown encoding '{encoding}'" in refused(root, url, encoding=encoding)


@pytest.mark.parametrize(
    ("number", "message"),
    [
        ("A77", "the accession number that names this report belongs to no study"),
        ("old/A1", "a second report of one study (file 6)"),
    ],
)
def test_report_of_no_study_or_a_second_one_is_named(root, url, number, message):
    write_report(root, number, "Normal.")
    assert f"{place_of(root, f'reports/{number}.txt')}: {message}" in refused(root, url)


@pytest.mark.parametrize("later", [False, True])
def test_report_of_two_studies_with_one_accession_number_is_named(root, url, later):
    if later:
        opened(root, url)
    write(root, header("3", accession="A1"))
    assert f"{place_of(root, 'reports/A1.txt')}: the accession number" in refused(root, url)


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


def rule(**changes):
    return index.rule_of(pd.DataFrame([PLAIN | changes])).item()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, ""),
        ({"sop_class": uid.XRayRadiationDoseSRStorage, "rows": 0}, "dose report"),
        ({"series_description": "Dose Report", "image_type": "DERIVED\\SECONDARY"}, "dose report"),
        ({"series_description": "Patient Protocol"}, "dose report"),
        ({"series_description": "low dose chest"}, ""),
        ({"sop_class": uid.SecondaryCaptureImageStorage}, "secondary capture"),
        ({"sop_class": uid.SecondaryCaptureImageStorage, "frames": 9}, "secondary capture"),
        ({"sop_class": uid.KeyObjectSelectionDocumentStorage, "modality": "KO"}, "document"),
        ({"sop_class": "1.2.840.113619.4.30", "rows": 0}, "document"),
        ({"modality": "PT"}, "other modality"),
        ({"image_type": "ORIGINAL\\PRIMARY\\LOCALIZER"}, "localizer"),
        ({"image_type": "ORIGINAL\\PRIMARY\\M\\LOCALIZER"}, "localizer"),
        ({"series_description": "3-plane loc"}, "localizer"),
        ({"series_description": "Topogram  0.6  T20f"}, "localizer"),
        ({"series_description": "local staging"}, ""),
        ({"series_description": "allocated"}, ""),
        ({"image_type": "DERIVED\\SECONDARY\\AXIAL"}, "derived screen"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL\\MIP"}, "derived screen"),
        ({"image_type": "derived\\primary\\mpr"}, "derived screen"),
        ({"image_type": "DERIVED\\PRIMARY\\AXIAL"}, ""),
        ({"image_type": ""}, ""),
        ({"modality": "US", "frames": 30}, "several frames"),
        ({"sop_class": uid.EnhancedMRImageStorage, "modality": "MR"}, "several frames"),
        ({"rows": 0}, "odd pixels"),
        ({"photometric": "PALETTE COLOR"}, "odd pixels"),
        ({"photometric": ""}, "odd pixels"),
        ({"photometric": "YBR_FULL_422", "modality": "US"}, ""),
    ],
)
def test_first_rule_that_hits_names_a_file(changes, expected):
    assert rule(**changes) == expected


def test_rules_of_no_files_are_none():
    assert index.rule_of(pd.DataFrame([PLAIN]).iloc[:0]).empty


def test_files_of_an_archive_stand_there_once_with_the_rule_that_hits(tmp_path):
    archive = indexed(
        tmp_path,
        header(image="1"),
        header(image="2", ImageType=["ORIGINAL", "PRIMARY", "LOCALIZER"]),
        header(series="2", image="1", SOPClassUID=uid.SecondaryCaptureImageStorage),
        key_note("lung: Nodule", [uid_of()]),
        presentation(uid_of()),
    )
    files = index.archive_files(archive)
    assert list(zip(files["sop_uid"], files["rule"], strict=True)) == [
        (uid_of(), ""),
        (uid_of(image="2"), "localizer"),
        (uid_of(series="2"), "secondary capture"),
        (uid_of(series="8"), "document"),
        (uid_of(series="9"), "document"),
    ]
    assert all((archive.root / path).is_file() for path in files["path"])

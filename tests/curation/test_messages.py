"""No message of curation says who a patient is, whatever is wrong with the archive."""

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from export_files import LARGER, header, key_note, listed, uid_of, write, write_report
from planted import DAY, GIVEN, NAME, NUMBER, UID, WORD, found_in

from rin.curation.build import CurationPlan, curate, index_archive
from rin.curation.radiology_reports import COLUMNS, normal_studies, screen
from rin.data.dataset import case_problems
from rin.data.leakage import check_patients, leak_free_groups
from rin.data.manifest import load_manifest
from rin.errors import InputError

IDENTIFIERS = {"PatientID": f"{WORD}{NUMBER}", "PatientName": f"{NAME}^{GIVEN}"}
UIDS = {"StudyInstanceUID": UID, "SeriesInstanceUID": f"{UID}.1"}
PICTURE = f"{NAME}_{GIVEN}/{DAY}/{UID}.1.1.dcm"


def planted(image="1", **elements):
    known = IDENTIFIERS | UIDS | {"SOPInstanceUID": f"{UID}.1.{image}"}
    return header(image=image, accession=NUMBER, pixels=LARGER, **known | elements)


@pytest.fixture
def plan(tmp_path):
    """An archive in which everything that may name a patient does."""
    archive = tmp_path / "archive"
    write(archive, planted(), PICTURE)
    write(archive, header("2", patient="P2", pixels=LARGER))
    write_report(archive, NUMBER, f"Normal chest of {NAME}.")
    return CurationPlan(archive=archive, output=tmp_path / "out", seed=1)


def beside(plan, dataset, name="2"):
    return write(plan.archive, dataset, PICTURE.replace("1.1.dcm", f"1.{name}.dcm"))


def note(finding=f"{NAME} {NUMBER}", images=(f"{UID}.1.1",), **elements):
    known = IDENTIFIERS | UIDS | {"SOPInstanceUID": f"{UID}.8.1", "AccessionNumber": NUMBER}
    return key_note(finding, images, **known | elements)


def cut(plan):
    path = plan.archive / PICTURE
    path.write_bytes(path.read_bytes()[:-9])
    return path


def misspell(plan):
    path = beside(plan, planted("2", NumberOfFrames="123456789012"))
    path.write_bytes(path.read_bytes().replace(b"123456789012", NAME.encode()))
    return path


def link(plan, target):
    path = plan.archive / f"{NAME}.dcm"
    path.symlink_to(target)
    return path


def report_of_two(plan):
    write(plan.archive, header("3", accession=NUMBER))
    return plan.archive / f"reports/{NUMBER}.txt"


def unread_pixels(plan):
    beside(plan, note("lung: Nodule"), "8")
    return beside(plan, planted("1", BitsAllocated=32, BitsStored=32, HighBit=31), "1")


def header_fault(number="2", **elements):
    return lambda plan: beside(plan, planted(number, **elements))


def note_fault(*arguments):
    return lambda plan: beside(plan, note(*arguments), "8")


def report_fault(number, text="Normal."):
    return lambda plan: write_report(plan.archive, number, text)


OTHER_STUDY = {"StudyInstanceUID": f"{UID}9", "AccessionNumber": ""}
#: What is done to an archive, which returns the file that is then listed; and what is said of it.
FAULTS = [
    (cut, "the file is cut short"),
    (header_fault(PatientID=""), "no PatientID in its header"),
    (header_fault(StudyInstanceUID=None), "no StudyInstanceUID in its header"),
    (header_fault(SeriesInstanceUID=" "), "no SeriesInstanceUID in its header"),
    (header_fault(PatientID=f"{NAME}2"), "its StudyInstanceUID has another PatientID in"),
    (header_fault(AccessionNumber=WORD), "its StudyInstanceUID has another AccessionNumber in"),
    (header_fault(**OTHER_STUDY), "its SeriesInstanceUID has another StudyInstanceUID in"),
    (header_fault("1", BurnedInAnnotation="NO"), "its SOPInstanceUID has another content in"),
    (misspell, "it cannot be read (ValueError)"),
    (lambda plan: link(plan, NUMBER), "it cannot be read (No such file or directory)"),
    (lambda plan: link(plan, plan.output.parent), "it cannot be read (Is a directory)"),
    (report_fault(f"{NAME}/{NUMBER}"), "a second report of the same study"),
    (report_fault(f"{NUMBER}1"), "names this report belongs to no study"),
    (report_of_two, "names this report belongs to 2 studies"),
    (report_fault(NUMBER, f"{NAME}\0"), "it cannot be read"),
    (note_fault(), "its finding is not a class of the taxonomy"),
    (note_fault("lung: Nodul"), "of the taxonomy (did you mean lung: Nodule"),
    (note_fault(None), "it states no finding"),
    (note_fault("knee: acl_pathology"), "acl_pathology is a class of MR, but an image is CT"),
    (note_fault("lung: Nodule", [uid_of("2")]), "it names an image of another patient"),
    (unread_pixels, "32 bit"),
]


def message_of(work, *arguments):
    with pytest.raises(InputError) as caught:
        work(*arguments)
    return str(caught.value)


@pytest.mark.parametrize(("fault", "cause"), FAULTS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_fault_of_an_archive_is_said_without_an_identifier_and_its_file_listed(plan, fault, cause):
    odd = fault(plan).relative_to(plan.archive).as_posix()
    message = message_of(curate, plan)
    assert found_in(message.encode()) == set()
    assert "of the archive cannot be used" in message
    rows = listed(plan.output).set_index("path")
    assert cause in rows["cause"][odd]
    assert cause in message
    assert rows["beside"][odd] == PICTURE or "has another" not in cause


def test_message_on_a_review_holds_no_identifier(plan):
    screened = screen(index_archive(plan).reports)
    row = dict.fromkeys(COLUMNS, "") | screened.iloc[0].to_dict() | {"confirmed": "yes"}
    path = plan.output / "review.csv"
    for odd in (row, row | {"study_uid": f"{UID}9"}, row | {"impression": GIVEN}):
        pd.DataFrame([row, odd])[list(COLUMNS)].to_csv(path, index=False)
        message = message_of(normal_studies, screened, path)
        assert "row 3" in message
        path.write_text(path.read_text() + f"{NAME}," * 20)
        message += message_of(normal_studies, screened, path)
        assert found_in(message.encode()) == set()


def test_message_on_patients_of_a_dataset_counts_cases_and_names_nobody():
    cases = pd.DataFrame(
        {"case_id": [f"{NAME}/1.png", f"{NAME}/2.png"], "patient_id": NAME, "label": ["a", "b"],
         "masks": "m", "mask_digest": "", "width": 2, "height": 2}
    )  # fmt: skip
    (problem, *_) = case_problems(load_manifest("busi"), cases)
    messages = [str(problem), message_of(check_patients, cases, ["train", "test"], "fold 0")]
    stranger = pd.DataFrame(
        [(f"{NAME}/1.png", GIVEN, 0)], columns=["case_a", "case_b", "distance"]
    )
    messages.append(message_of(leak_free_groups, cases, stranger))
    assert "case 1 (1.png)" in messages[0]
    assert "case 2 (2.png) in test" in messages[1]
    assert found_in(" ".join(messages).encode()) == set()


PROGRAM = """
import sys
from pathlib import Path
from rin.curation.build import CurationPlan, index_archive
index_archive(CurationPlan(archive=Path(sys.argv[1]), output=Path(sys.argv[2]), seed=1))
"""


def test_warnings_of_a_program_that_indexes_odd_values_hold_no_identifier(plan):
    odd = {"StudyDate": f"{NAME}-{DAY}", "SeriesInstanceUID": f"{UID}.{WORD}", "Rows": None}
    with pytest.warns(UserWarning, match="Invalid value"):  # pydicom's, which quote
        beside(plan, planted("3", **odd), "3")
    arguments = [sys.executable, "-B", "-c", PROGRAM, plan.archive, plan.output]
    ended = subprocess.run(arguments, capture_output=True, cwd=Path(__file__).parents[2])
    assert b"file" in ended.stderr or ended.returncode == 0
    assert found_in(ended.stdout + ended.stderr.replace(bytes(plan.archive), b"")) == set()

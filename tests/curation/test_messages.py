"""No message of curation says who a patient is, whatever is wrong with the archive."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from export_files import header, key_note, uid_of, write, write_report
from planted import DAY, GIVEN, NAME, NUMBER, UID, WORD, found_in

from rin.curation.build import CurationPlan, curate, index_archive
from rin.curation.radiology_reports import COLUMNS, read_review, screen
from rin.data.dataset import case_problems
from rin.data.leakage import check_patients, leak_free_groups
from rin.data.manifest import load_manifest
from rin.errors import InputError

IDENTIFIERS = {"PatientID": f"{WORD}{NUMBER}", "PatientName": f"{NAME}^{GIVEN}"}
UIDS = {"StudyInstanceUID": UID, "SeriesInstanceUID": f"{UID}.1"}
PICTURE = f"{NAME}_{GIVEN}/{DAY}/{UID}.1.1.dcm"
pixels = np.arange(80, dtype=np.uint8).reshape(8, 10)


def planted(image="1", **elements):
    known = IDENTIFIERS | UIDS | {"SOPInstanceUID": f"{UID}.1.{image}"}
    return header(image=image, accession=NUMBER, pixels=pixels, **known | elements)


@pytest.fixture
def plan(tmp_path):
    """An archive in which everything that may name a patient does."""
    archive = tmp_path / "archive"
    write(archive, planted(), PICTURE)
    write(archive, header("2", patient="P2", pixels=pixels))
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


def misspell(plan):
    path = beside(plan, planted("2", NumberOfFrames="123456789012"))
    path.write_bytes(path.read_bytes().replace(b"123456789012", NAME.encode()))


FAULTS = {
    "file that is cut short": cut,
    "no patient": lambda plan: beside(plan, planted("2", PatientID="")),
    "another patient in the study": lambda plan: beside(plan, planted("2", PatientID=f"{NAME}2")),
    "another accession number": lambda plan: beside(plan, planted("2", AccessionNumber=WORD)),
    "other copy": lambda plan: beside(plan, planted("1", BurnedInAnnotation="NO")),
    "odd value": misspell,
    "link to nowhere": lambda plan: (plan.archive / f"{NAME}.dcm").symlink_to(NUMBER),
    "second report": lambda plan: write_report(plan.archive, f"{NAME}/{NUMBER}", "Normal."),
    "report of no study": lambda plan: write_report(plan.archive, f"{NUMBER}1", "Normal."),
    "report of two studies": lambda plan: write(plan.archive, header("3", accession=NUMBER)),
    "report that is no text": lambda plan: write_report(plan.archive, NUMBER, f"{NAME}\0"),
    "unknown finding": lambda plan: beside(plan, note(), "8"),
    "no finding": lambda plan: beside(plan, note(None), "8"),
    "finding of another modality": lambda plan: beside(plan, note("knee: acl_pathology"), "8"),
    "image of a stranger": lambda plan: beside(plan, note("lung: Nodule", [uid_of("2")]), "8"),
    "pixels that nothing decodes": lambda plan: (
        beside(plan, planted("1", BitsAllocated=32, BitsStored=32, HighBit=31), "1"),
        beside(plan, note("lung: Nodule"), "8"),
    ),
}  # fmt: skip


def message_of(work, *arguments):
    with pytest.raises(InputError) as caught:
        work(*arguments)
    return str(caught.value)


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_message_on_a_fault_of_an_archive_holds_no_identifier(plan, fault):
    FAULTS[fault](plan)
    message = message_of(curate, plan)
    assert found_in(message.encode()) == set()
    assert "of the archive cannot be used" in message


def test_message_on_a_review_holds_no_identifier(plan):
    screened = screen(index_archive(plan).reports)
    row = dict.fromkeys(COLUMNS, "") | screened.iloc[0].to_dict() | {"confirmed": "yes"}
    reviews = {
        "twice": [row, row],
        "unknown": [row | {"study_uid": f"{UID}9"}],
        "changed": [row | {"impression": GIVEN}],
    }
    for name, rows in reviews.items():
        path = plan.output / f"{name}.csv"
        pd.DataFrame(rows)[list(COLUMNS)].to_csv(path, index=False)
        message = message_of(read_review, path, screened)
        assert "row " in message
        assert found_in(message.encode()) == set()
        path.write_text(path.read_text() + f"{NAME}," * 20)
        assert found_in(message_of(read_review, path, screened).encode()) == set()


def test_message_on_patients_of_a_dataset_counts_cases_and_names_nobody():
    cases = pd.DataFrame(
        {"case_id": [f"{NAME}/1.png", f"{NAME}/2.png"], "patient_id": NAME, "label": ["a", "b"],
         "mask_digest": "", "width": 2, "height": 2}
    )  # fmt: skip
    manifest = load_manifest("busi")
    (problem, *_) = case_problems(manifest, cases)
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

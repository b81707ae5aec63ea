import csv
import re

import pandas as pd
import pytest
from export_files import UID, write_studies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import delete, insert

from rin.curation import index as tables
from rin.curation.index import open_archive
from rin.curation.reports import (
    COLUMNS,
    normal_studies,
    query_normal,
    read_review,
    screen,
    write_review_queue,
)
from rin.errors import InputError

IMPRESSIONS = {
    "1": "Normal study.",
    "2": "ABNORMAL study.",
    "3": "Gallstones.",
    "4": "Probably normal.",
    "5": "Unremarkable MRI of the knee.",
    "6": "No significant abnormality.",
    "7": "",
    "8": "Normal study.",
}
FINDINGS = {"3": "The liver is normal.", "5": "No tear.", "8": "A small cyst."}
VERDICTS = {
    "1": "normal", "2": "not normal", "4": "not normal", "5": "normal", "6": "unclear",
    "8": "not normal",
}  # fmt: skip


@pytest.fixture(scope="module")
def archive(tmp_path_factory):
    folder = tmp_path_factory.mktemp("archive")
    root = write_studies(folder / "export", IMPRESSIONS, FINDINGS)
    return open_archive(root, f"sqlite:///{folder / 'index.sqlite'}", workers=1)


@pytest.fixture(scope="module")
def screened(archive):
    return screen(query_normal(archive))


@pytest.fixture
def queue(screened, tmp_path):
    path = tmp_path / "queue.csv"
    write_review_queue(screened, path)
    return path


def uid(number):
    return f"{UID}.{number}"


def answered(path, answers, **columns):
    """Write answers into a queue, as a reviewer does."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    numbers = rows["study_uid"].str.removeprefix(f"{UID}.")
    rows["confirmed"] = numbers.map(answers).fillna("")
    rows.to_csv(path, index=False, encoding="utf-8-sig", **columns)
    return path


# The query


def test_query_flags_impressions_that_hold_either_word_in_any_case(archive):
    flagged = query_normal(archive)
    assert flagged.columns.tolist() == [
        "study_uid", "patient_id", "accession_number", "modality", "body_part", "findings",
        "impression",
    ]  # fmt: skip
    assert flagged["study_uid"].tolist() == [uid(number) for number in VERDICTS]
    assert flagged.iloc[4].tolist() == [
        uid(6), "P6", "A6", "CT", "CHEST", "", "No significant abnormality."
    ]  # fmt: skip


WORDS = ("normal", "Unremarkable", "ABNORMAL", "norm al", "un%remarkable", "n_rmal", "x", "é", "\n")


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from(WORDS) | st.text(max_size=5)).map("".join), max_size=6))
def test_query_agrees_with_plain_python_on_any_texts(archive, texts):
    texts = [text.encode("utf-8", "ignore").decode().replace("\0", "") for text in texts]
    rows = [
        {"accession_number": f"T{number}", "study_uid": uid(1), "impression": text}
        for number, text in enumerate(texts)
    ]
    mine = tables.reports.c.accession_number.startswith("T")
    try:
        with archive.engine.begin() as connection:
            if rows:
                connection.execute(insert(tables.reports), rows)
        flagged = set(query_normal(archive)["accession_number"])
    finally:
        with archive.engine.begin() as connection:
            connection.execute(delete(tables.reports).where(mine))
    expected = {
        f"T{number}"
        for number, text in enumerate(texts)
        if re.search("normal|unremarkable", text, re.IGNORECASE | re.ASCII)
    }
    assert {number for number in flagged if number.startswith("T")} == expected


# The rules


def test_screen_adds_verdict_and_reasons_and_keeps_the_rows(archive, screened):
    flagged = query_normal(archive)
    assert screened[flagged.columns.tolist()].equals(flagged)
    assert dict(zip(screened["study_uid"], screened["verdict"], strict=True)) == {
        uid(number): verdict for number, verdict in VERDICTS.items()
    }
    assert screened["reasons"].tolist()[-1] == 'the findings report: "cyst"'


# The review queue


def test_queue_is_utf_8_with_mark_and_has_a_row_per_flagged_study(queue, screened):
    content = queue.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))
    assert rows[0] == list(COLUMNS)
    assert [row[0] for row in rows[1:]] == screened["study_uid"].tolist()
    assert {tuple(row[-3:]) for row in rows[1:]} == {("", "", "")}


def test_answers_are_read(queue, screened):
    answered(queue, {"1": "no", "4": " Yes ", "6": "YES"})
    assert read_review(queue, screened).to_numpy().tolist() == [
        [uid(1), False], [uid(4), True], [uid(6), True]
    ]  # fmt: skip


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_rows_may_be_missing_and_blank_ones_and_columns_be_added(queue, screened, sep):
    answered(queue, {"6": "yes"})
    rows = pd.read_csv(queue, dtype=str, keep_default_na=False).assign(extra="x")
    rows[rows["confirmed"] == "yes"].to_csv(queue, index=False, sep=sep)
    with queue.open("a") as file:
        file.write(sep * len(COLUMNS) + "\n")
    assert read_review(queue, screened)["study_uid"].tolist() == [uid(6)]


def test_cell_that_looks_like_a_formula_is_guarded(screened, tmp_path):
    starts = ["=", "+", "-", "@", "\t", "\r"]
    odd = screened.assign(impression=[f"{start}1, normal" for start in starts])
    write_review_queue(odd, tmp_path / "queue.csv")
    cells = pd.read_csv(tmp_path / "queue.csv", dtype=str, keep_default_na=False)
    assert set(cells["impression"].str[0]) == {"'"}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.sampled_from("'=+-@\t\r\n\",;aé "), max_size=8))
def test_any_text_survives_the_queue(screened, tmp_path, text):
    path = tmp_path / "queue.csv"
    path.unlink(missing_ok=True)
    one = screened.iloc[:1].assign(impression=text, findings=text[::-1])
    write_review_queue(one, path)
    path.write_bytes(path.read_bytes().removesuffix(b",,,\r\n") + b",yes,,\r\n")
    assert read_review(path, one)["confirmed"].tolist() == [True]


def test_line_ends_that_a_spreadsheet_changed_do_not_make_a_report_stale(screened, tmp_path):
    path = tmp_path / "queue.csv"
    write_review_queue(screened.assign(findings="One.\nTwo."), path)
    answered(path, {"6": "yes"})
    assert len(read_review(path, screened.assign(findings="One.\r\nTwo. "))) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.replace("confirmed", "confirm"), "missing, or there twice: confirmed)"),
        (lambda t: t.replace("reviewer", "comment"), "there twice: reviewer, comment)"),
        (lambda t: "", "missing, or there twice: study_uid"),
        (lambda t: t.replace(",yes,", ",maybe,"), "row 2: confirmed is 'maybe', where yes, no"),
        (lambda t: t.replace(f"{UID}.1,", "1.2.3,"), "row 2: study '1.2.3' is not among"),
        (lambda t: t + t.splitlines()[1], f"row 8: study {UID}.1 stands in row 2 already"),
        (lambda t: t.replace("Normal", "Odd", 1), f"row 2: the report of study {UID}.1 is not"),
        (lambda t: t.replace(",yes,", ",yes,,"), "row 2 has 12 of 11 cells"),
        (lambda t: t.replace(",yes,", ',"yes"x,'), "expected after"),
        (lambda t: t.encode() + "é".encode("latin-1"), "can't decode byte 0xe9"),
    ],
)  # fmt: skip
def test_review_that_does_not_fit_is_refused_with_its_row(queue, screened, change, message):
    answered(queue, {"1": "yes"})
    changed = change(queue.read_text("utf-8-sig"))
    queue.write_bytes(changed if isinstance(changed, bytes) else changed.encode())
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        read_review(queue, screened)
    assert "queue.csv" in str(caught.value)


def test_writing_the_queue_again_keeps_what_a_reviewer_wrote(queue, screened):
    answered(queue, {"1": "no"})
    rows = pd.read_csv(queue, dtype=str, keep_default_na=False)
    rows.loc[[0, 1], ["reviewer", "comment"]] = [["B. C.", "=cyst"], ["D.", "ask"]]
    rows.to_csv(queue, index=False)
    write_review_queue(screened, queue)
    again = pd.read_csv(queue, dtype=str, keep_default_na=False)
    assert again.loc[[0, 1], ["confirmed", "reviewer", "comment"]].to_numpy().tolist() == [
        ["no", "B. C.", "'=cyst"], ["", "D.", "ask"]
    ]  # fmt: skip
    assert len(again) == len(screened)


def test_queue_with_answers_that_no_longer_fit_is_not_overwritten(queue, screened):
    answered(queue, {"1": "no"})
    before = queue.read_bytes()
    for other in (screened.iloc[1:], screened.assign(impression="Another normal one.")):
        with pytest.raises(InputError, match="row 2"):
            write_review_queue(other, queue)
    assert queue.read_bytes() == before


# What counts as normal


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.dictionaries(st.sampled_from(sorted(VERDICTS)), st.sampled_from(["yes", "no", ""])))
def test_normal_studies_agree_with_a_plain_loop(screened, tmp_path, answers):
    path = tmp_path / "queue.csv"
    path.unlink(missing_ok=True)
    write_review_queue(screened, path)
    answered(path, answers)
    expected = []
    for number, verdict in VERDICTS.items():
        answer = answers.get(number, "")
        if answer == "yes":
            expected.append([uid(number), "radiologist"])
        elif answer == "" and verdict == "normal":
            expected.append([uid(number), "rules"])
    assert normal_studies(screened, path).to_numpy().tolist() == expected


def test_empty_archive_of_normal_reports_has_an_empty_queue(tmp_path):
    root = write_studies(tmp_path / "export", {"1": "Cyst."})
    archive = open_archive(root, f"sqlite:///{tmp_path / 'index.sqlite'}", workers=1)
    screened = screen(query_normal(archive))
    write_review_queue(screened, tmp_path / "queue.csv")
    assert read_review(tmp_path / "queue.csv", screened).empty
    assert normal_studies(screened, tmp_path / "queue.csv").empty

import re
from pathlib import Path

import pandas as pd
import pytest
from export_files import UID, indexed, write_studies
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rin.curation.radiology_reports import (
    ANSWERS,
    COLUMNS,
    normal_studies,
    screen,
    screen_impression,
    write_review_queue,
)
from rin.curation.taxonomy import load_taxonomy
from rin.errors import InputError
from rin.files import read_yaml

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
    write_studies(folder / "export", IMPRESSIONS, FINDINGS)
    return indexed(folder)


@pytest.fixture(scope="module")
def screened(archive):
    return screen(archive.reports)


@pytest.fixture
def queue(screened, tmp_path):
    path = tmp_path / "queue.csv"
    write_review_queue(screened, path)
    return path


def uid(number):
    return f"{UID}.{number}"


def answered(path, answers):
    """Write answers into a queue, as a reviewer does, and return its rows."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    numbers = rows["study_uid"].str.removeprefix(f"{UID}.")
    rows["confirmed"] = numbers.map(answers).fillna("")
    rows.to_csv(path, index=False, encoding="utf-8-sig")
    return rows


# The query


def test_query_flags_impressions_that_hold_either_word_in_any_case(archive, screened):
    flagged = [uid(number) for number in VERDICTS]
    assert screened["study_uid"].tolist() == flagged
    reports = archive.reports[archive.reports["study_uid"].isin(flagged)].reset_index(drop=True)
    assert screened[reports.columns].equals(reports)
    assert screened["verdict"].tolist() == [*VERDICTS.values()]
    assert screened["reasons"].tolist()[-1] == 'the findings report: "cyst"'


# The review queue


def test_queue_is_utf_8_with_mark_and_has_a_row_per_flagged_study(queue, screened):
    assert queue.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = pd.read_csv(queue, dtype=str, keep_default_na=False)
    assert list(rows) == COLUMNS
    assert rows["study_uid"].tolist() == screened["study_uid"].tolist()
    assert (rows[ANSWERS] == "").all(axis=None)


@pytest.mark.parametrize("sep", [",", ";", "\t"])
def test_answers_are_read_with_rows_missing_and_blank_ones_and_columns_added(queue, screened, sep):
    rows = answered(queue, {"1": "no", "6": " Yes "}).assign(extra="x")
    rows[rows["confirmed"] != ""].to_csv(queue, index=False, sep=sep)
    with queue.open("a") as file:
        file.write(sep * len(COLUMNS) + "\n")
    confirmed = normal_studies(screened, queue).to_dict()
    assert confirmed == {uid(5): "rules", uid(6): "radiologist"}


def test_cell_that_looks_like_a_formula_is_guarded(screened, tmp_path):
    starts = ["=", "+", "-", "@", "\t=", "\r@"]
    odd = screened.assign(impression=[f"{start}1, normal" for start in starts])
    write_review_queue(odd, tmp_path / "queue.csv")
    cells = pd.read_csv(tmp_path / "queue.csv", dtype=str, keep_default_na=False)
    assert set(cells["impression"].str[0]) == {"'"}


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.text(st.sampled_from("'=+-@\t\r\n\",;aé "), max_size=8))
def test_any_text_survives_the_queue(screened, tmp_path, text):
    path = tmp_path / "queue.csv"
    path.unlink(missing_ok=True)
    one = screened.iloc[:1].assign(impression=text, findings=text[::-1])
    write_review_queue(one, path)
    path.write_bytes(path.read_bytes().removesuffix(b",,,\r\n") + b",yes,,\r\n")
    assert normal_studies(one, path).tolist() == ["radiologist"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("confirmed", "confirm", "columns missing: confirmed)"),
        (",yes,", ",maybe,", "row 2: confirmed is 'maybe', where yes, no"),
        (rf"{UID}\.1,", "1.2.3,", "row 2: its study is not among"),
        (r"\n(.*?\n)(.*)", r"\n\1\2\1", "row 8: its study is already in an earlier row"),
        ("Normal", "Odd", "row 2: the report of its study is not"),
        (",yes,", ",yes,,", "rows have more cells than the first"),
        (r"\Z", '"', "EOF inside string"),
    ],
)
def test_review_that_does_not_fit_is_refused_with_its_row(queue, screened, old, new, message):
    answered(queue, {"1": "yes"})
    text = queue.read_text("utf-8-sig")
    queue.write_text(re.sub(old, new, text, count=1, flags=re.DOTALL), "utf-8")
    with pytest.raises(InputError, match=re.escape(message)) as caught:
        normal_studies(screened, queue)
    assert "queue.csv" in str(caught.value)
    assert "save it as CSV" in str(caught.value)


def test_writing_the_queue_again_keeps_what_a_reviewer_wrote(queue, screened):
    rows = answered(queue, {"1": "no"})
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


# The rules on single impressions

EXAMPLES = read_yaml(Path(__file__).with_name("impressions.yaml"))
HEDGED = EXAMPLES.pop("hedged")
EXAMPLES["normal"].append("Normal CT. " + "No fracture. " * 400)
ALL = [(text, verdict) for verdict, texts in EXAMPLES.items() for text in texts]
RANK = {"not normal": 0, "unclear": 1, "normal": 2}


def verdict(impression, findings=""):
    return screen_impression(findings, impression).verdict


@pytest.mark.parametrize(("text", "expected"), ALL, ids=[text[:50] for text, _ in ALL])
def test_verdict_of_an_impression(text, expected):
    found = screen_impression("", text)
    assert found.verdict == expected, found.reasons


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ("", "normal"),
        ("No effusion. The ligaments are intact. Marrow signal is normal.", "normal"),
        ("Lungs are clear without consolidation, effusion or pneumothorax.", "normal"),
        ("Words that the lexicon has never seen: xyzzy.", "normal"),
        ("There is a 4 mm nodule in the right lobe.", "not normal"),
        ("The spleen is not normal in size.", "not normal"),
        ("The gallbladder is surgically absent.", "not normal"),
    ],
)
def test_findings_section_with_a_finding_makes_a_normal_impression_not_normal(findings, expected):
    assert verdict("Normal study.", findings) == expected


@pytest.mark.parametrize(
    ("impression", "findings", "reason"),
    [
        ("Probably normal.", "", 'the impression hedges: "Probably"'),
        ("Not a normal study.", "", 'the impression denies normality: "Not a normal"'),
        ("Normal. Gallstones.", "", 'the impression reports a finding: "Gallstones"'),
        ("Normal. Repeat it.", "", 'the impression asks for more: "Repeat"'),
        ("Normal study.", "A cyst.", 'the findings report: "cyst"'),
        ("Otherwise normal.", "", 'it is normal only beside what it excepts: "Otherwise"'),
        ("Limited. Normal.", "", 'the study is limited: "Limited"'),
        ("Normal xyzzy.", "", 'the rules do not know the words: "xyzzy"'),
        ("", "", "the impression is empty"),
        ("No fracture.", "", "the impression does not state normality"),
        ("Normal study.", "", 'the impression states normality: "Normal"'),
        (
            "Normal MRI. Abnormal MRI.",
            "",
            'the impression contradicts itself: "Normal" and "Abnormal"',
        ),
    ],
)
def test_reason_quotes_what_decided(impression, findings, reason):
    assert reason in screen_impression(findings, impression).reasons


@given(st.sampled_from(ALL), st.sampled_from(HEDGED), st.booleans())
def test_hedged_sentence_never_makes_an_impression_more_normal(known, hedged, before):
    text, expected = known
    both = f"{hedged.rstrip('.')}. {text}" if before else f"{text.rstrip('. ')}. {hedged}"
    assert RANK[verdict(both)] <= RANK[expected]
    assert verdict(both) == "not normal"


def test_no_abnormal_label_of_the_database_beside_normality_is_normal():
    taxonomy = load_taxonomy()
    # The labels of ultrasound are mostly organs, which are no findings.
    labels = taxonomy.loc[taxonomy["modality"] != "US", "label"]
    passed = {
        label
        for label in labels
        if verdict(f"Normal study. {label.replace('_', ' ')}.") == "normal"
    }
    assert passed == {"normal"}

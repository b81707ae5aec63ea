"""What the cover and the pages on factors and on the probe show of the reference run."""

import pytest
from fake_reference import write_reference
from IPython.display import HTML

from rin.report.reference_evidence import factor_evidence, findings, probe_evidence
from rin.report.reference_readings import NONE_YET


@pytest.fixture(scope="module")
def factors():
    """What the page on factors shows of the reference run, and the tables behind it."""
    return factor_evidence("demo")


@pytest.mark.parametrize("shown", [findings, probe_evidence])
def test_evidence_without_a_reference_run_is_one_sentence(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    (only,) = shown("demo")
    assert only.data == NONE_YET


def test_factors_without_a_reference_run_are_one_sentence(monkeypatch, tmp_path):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    (only,), details = factor_evidence("demo")
    assert only.data == NONE_YET
    assert details == []


def test_reference_run_without_a_factor_says_so(monkeypatch, tmp_path):
    write_reference(tmp_path / "open")
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    (only,), details = factor_evidence("demo")
    assert "studied no factor" in only.data
    assert details == []


def test_findings_name_the_run_and_answer_each_question_of_the_book():
    (text,) = findings("demo")
    for words in ("“open”", "Which start leads?", "Does pretraining help?", "scripts’ inputs"):
        assert words in text.data


def test_evidence_of_a_page_opens_with_the_banner_of_real_images(factors):
    for banner, *rest in (factors[0], probe_evidence("demo")):
        assert isinstance(banner, HTML)
        assert "rin-real" in banner.data
        assert rest


def test_factor_evidence_has_a_section_for_each_factor_that_was_studied(factors):
    shown, details = factors
    texts = [getattr(one, "data", "") or "" for one in shown]
    assert sum(text.startswith("**Factor:") for text in texts) == 2
    assert len(details) == 2 * 4

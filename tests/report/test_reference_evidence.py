"""What the cover and the pages on factors and on the probe show of the reference run."""

import pytest
from IPython.display import HTML

from rin.report.reference_evidence import (
    factor_evidence,
    factor_evidence_details,
    findings,
    probe_evidence,
)
from rin.report.reference_readings import NONE_YET

SHOWN = (findings, factor_evidence, probe_evidence)


@pytest.mark.parametrize("shown", SHOWN)
def test_evidence_without_a_reference_run_is_one_sentence(shown, monkeypatch, tmp_path):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    (only,) = shown("demo")
    assert only.data == NONE_YET


def test_details_without_a_reference_run_are_none(monkeypatch, tmp_path):
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    assert factor_evidence_details("demo") == []


def test_findings_name_the_run_and_answer_each_question_of_the_book():
    (text,) = findings("demo")
    for words in ("“open”", "Which start leads?", "Does pretraining help?", "scripts’ inputs"):
        assert words in text.data


@pytest.mark.parametrize("shown", (factor_evidence, probe_evidence))
def test_evidence_of_a_page_opens_with_the_banner_of_real_images(shown):
    banner, *rest = shown("demo")
    assert isinstance(banner, HTML)
    assert "rin-real" in banner.data
    assert rest


def test_factor_evidence_has_a_section_for_each_factor_that_was_studied():
    texts = [getattr(one, "data", "") or "" for one in factor_evidence("demo")]
    assert sum(text.startswith("**Factor:") for text in texts) == 2
    assert len(factor_evidence_details("demo")) == 2 * 4

import fake_corpus
import pandas as pd
import pytest
from scipy.stats import binomtest

from rin.errors import InputError
from rin.report import curation_query as tables


@pytest.fixture
def corpus():
    return fake_corpus.corpus()


@pytest.fixture
def archive(monkeypatch):
    """Six of seven studies have a report; the query flags six, the rules leave two."""
    rows = [("query", 6, 2, 2 / 6, 0.1, 0.7, 2 / 3), ("rules", 2, 2, 1.0, 0.34, 1.0, 2 / 3)]
    columns = ["step", "flagged", "truly_normal", "precision", "low", "high", "recall"]
    found = pd.DataFrame(rows, columns=columns)
    monkeypatch.setattr(tables, "query_performance", lambda *given, reviewed: found)
    reports = pd.DataFrame({"accession_number": [f"A{n}" for n in range(1, 7)]})
    monkeypatch.setattr(tables, "read_table", lambda archive, query: reports)
    return found


def test_recall_gets_wilsons_interval_of_the_normal_studies_with_a_report(archive, corpus):
    silent = pd.DataFrame({"accession_number": ["A9"], "kind": ["normal"], "normal": [True]})
    truth = pd.concat([fake_corpus.truth(), silent])
    rows = tables.performance_rows(archive, corpus, truth)
    expected = binomtest(2, 3).proportion_ci(method="wilson")
    assert rows["recall_low"].tolist() == pytest.approx([expected.low] * 2)
    assert rows["recall_high"].tolist() == pytest.approx([expected.high] * 2)


def test_recall_has_no_interval_where_nothing_is_normal(archive, corpus):
    archive["recall"] = float("nan")
    nothing = fake_corpus.truth().assign(normal=False)
    rows = tables.performance_rows(archive, corpus, nothing)
    assert rows["recall_low"].isna().all()
    assert tables.performance_table(rows)["Recall, % (95% CI)"].tolist() == ["–", "–"]


def test_performance_table_and_reading_are_in_percent(archive, corpus):
    rows = tables.performance_rows(archive, corpus, fake_corpus.truth())
    table = tables.performance_table(rows)
    assert table.loc["query", "Precision, % (95% CI)"] == "33.3 (10.0, 70.0)"
    assert table.loc["rules", "Studies"] == "2"
    text = tables.performance_reading(rows).data
    assert "from 33.3 (10.0, 70.0) % at the first step to 100.0 (34.0, 100.0) %" in text
    assert "0 studies that are not normal would remain, and 0 normal ones are lost" in text


def test_verdict_table_crosses_kinds_of_reports_with_verdicts(corpus):
    table = tables.verdict_table(corpus, fake_corpus.truth())
    assert table.loc["normal"].tolist() == ["3", "3", "3", "2", "1", "0"]
    assert table.loc["abnormal"].tolist() == ["3", "0", "2", "0", "0", "2"]
    assert table.columns.tolist() == [
        *("Studies", "Truly normal", "Flagged"), *("Pass the rules", "Unclear", "Not normal")
    ]  # fmt: skip


def test_verdicts_of_reports_without_truth_are_an_error(corpus):
    with pytest.raises(InputError, match="1 screened reports are not in the truth"):
        tables.verdict_table(corpus, fake_corpus.truth().iloc[1:])

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from rin.errors import join_with_and
from rin.report import format as fmt


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.0, "P < .001"),
        (0.00099, "P < .001"),
        (0.001, "P = .001"),
        (0.0042, "P = .004"),
        (0.031, "P = .03"),
        (0.048, "P = .048"),
        (0.0497, "P = .0497"),
        (0.0504, "P = .050"),
        (0.2, "P = .20"),
        (0.995, "P > .99"),
        (math.nan, "–"),
    ],
)
def test_format_p_follows_the_journal(p, text):
    assert fmt.format_p(p) == text


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [(-0.126, False, "−0.13"), (0.126, True, "+0.13"), (-0.001, True, "0.00"), (0, True, "0.00")],
)
def test_format_number_signs_true_minus_plus_and_no_zero(value, signed, text):
    assert fmt.format_number(value, signed=signed) == text


def test_listed_joins_names_by_commas_and_the_last_by_and():
    texts = [join_with_and(iter(names)) for names in ("", "A", "ABC")]
    assert texts == ["none", "A", "A, B and C"]


def test_book_table_reads_nothing_as_markup():
    table = pd.DataFrame({"<b>0": ["<b>1"]}, index=pd.Index(["<b>2"], name="<b>3"))
    html = fmt.book_table(table.rename_axis(columns="<b>4"), "<b>5").to_html()
    assert "<b>" not in html
    assert all(f"&lt;b&gt;{part}" in html for part in range(6))


def test_book_table_breaks_addresses_alone_hides_a_running_index_and_keeps_intervals_whole():
    cells = ["https://example.org/a-long-address", "+0.1 (−0.2, 0.4)", "112 × 112", "left (two)"]
    html = fmt.book_table(pd.DataFrame({"A": cells}), "It’s a 'caption'", prose=True).to_html()
    assert html.count("rin-address") == 1
    assert "rin-address" in html[: html.index("example.org")]
    assert "row_heading" not in html
    for text in (
        "It’s a 'caption'</caption>",
        "(−0.2,\u00a00.4)",
        "112\u00a0×\u00a0112",
        cells[3],
    ):
        assert text in html


ESTIMATE = {"estimate": 0.04, "ci_low": -0.006, "ci_high": 0.087}


@pytest.mark.parametrize(
    "row",
    [
        ESTIMATE,
        pd.Series(ESTIMATE),
        SimpleNamespace(**ESTIMATE),
        next(pd.DataFrame([ESTIMATE]).itertuples()),
    ],
)
def test_an_estimate_is_a_row_of_any_kind_in_its_unit(row):
    assert fmt.format_estimate(row) == "+0.040 (−0.006, 0.087)"
    assert fmt.format_estimate(row, unit="points") == "+4.0 (−0.6, 8.7)"
    assert fmt.format_estimate(row, digits=2) == "+0.04 (−0.01, 0.09)"


def test_a_table_of_estimates_is_a_column_of_texts_with_its_index():
    texts = fmt.format_estimate(pd.DataFrame([ESTIMATE] * 2, index=["a", "b"]), unit="points")
    assert texts.to_dict() == dict.fromkeys("ab", "+4.0 (−0.6, 8.7)")
    assert fmt.format_estimate(ESTIMATE | {"ci_low": math.nan}) == "+0.040 (no interval)"

import pandas as pd

from rin.report import tables


def test_book_table_hides_running_index_and_escapes_cells():
    html = tables.book_table(pd.DataFrame({"A": ["<b>x</b>"]}), "Caption").to_html()
    assert "&lt;b&gt;x" in html
    assert "row_heading" not in html
    assert "Caption</caption>" in html


def test_book_table_keeps_the_ends_of_an_interval_on_one_line():
    table = pd.DataFrame({"a": ["+0.1 (−0.2, 0.4)"], "b": ["lung, left (two, or three)"]})
    html = tables.book_table(table, "c", prose=True).to_html()
    assert "+0.1 (−0.2,\u00a00.4)" in html
    assert "lung, left (two, or three)" in html

import pandas as pd

from rin.report import tables


def test_book_table_reads_nothing_as_markup():
    table = pd.DataFrame({"<b>0": ["<b>1"]}, index=pd.Index(["<b>2"], name="<b>3"))
    html = tables.book_table(table.rename_axis(columns="<b>4"), "<b>5").to_html()
    assert "<b>" not in html
    assert all(f"&lt;b&gt;{part}" in html for part in range(6))


def test_book_table_hides_a_running_index():
    html = tables.book_table(pd.DataFrame({"A": ["x"]}), "It’s a 'caption'").to_html()
    assert "row_heading" not in html
    assert "It’s a 'caption'</caption>" in html


def test_book_table_keeps_the_ends_of_an_interval_on_one_line():
    table = pd.DataFrame({"a": ["+0.1 (−0.2, 0.4)"], "b": ["lung, left (two, or three)"]})
    html = tables.book_table(table, "c", prose=True).to_html()
    assert "+0.1 (−0.2,\u00a00.4)" in html
    assert "lung, left (two, or three)" in html

"""Tables that grow: files of rows, and what lies beside them."""

import pandas as pd

from rin.data.kept_rows import add_rows, load_rows, replace_rows


def test_rows_that_are_replaced_leave_what_is_not_rows(tmp_path):
    """The folder may be a link to somebody else's."""
    rows = pd.DataFrame({"path": ["a"]})
    first = add_rows(tmp_path, rows)
    foreign = [tmp_path / name for name in ("letter.txt", "1-table.parquet")]
    for path in foreign:
        path.write_text("kept")
    replace_rows(tmp_path, rows.assign(path="b"))
    assert not first.exists()
    assert all(path.exists() for path in foreign)
    add_rows(tmp_path, pd.DataFrame({"of_an_earlier_version": [1]}))
    assert load_rows(tmp_path, {"path": ""})["path"].tolist() == ["b"]

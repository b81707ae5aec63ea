import pandas as pd

from rin.report.ledger import folded_entries

ENTRY = {
    "id": "an-entry",
    "title": "Two <counts>",
    "status": "open",
    "finding": "They differ by 1.",
    "says": [("Abstract", "1 & 2"), ("Results", "3")],
    "consequence": "None.",
    "handling": "Both are kept.",
}


def test_an_entry_unfolds_to_its_sources_under_its_own_id():
    html = folded_entries(pd.DataFrame([ENTRY])).data
    assert html.startswith('<details id="an-entry"')
    assert html.index("They differ by 1.") < html.index("</summary>") < html.index("Abstract")
    assert html.count("<li>") == 2


def test_texts_of_an_entry_are_no_markup():
    html = folded_entries(pd.DataFrame([ENTRY])).data
    assert "Two &lt;counts&gt;" in html and "1 &amp; 2" in html and "<counts>" not in html

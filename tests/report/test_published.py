import re
from html import unescape

import pandas as pd

from rin.evidence.replications import LOST, other_groups, pooled_groups
from rin.report.published import folded_entries, inputs_table, pooled_table, study_table

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
    assert "Two &lt;counts&gt;" in html
    assert "1 &amp; 2" in html
    assert "<counts>" not in html


def cells_of(styler):
    """Return the cells of a table as read, without markup and no-break spaces."""
    text = re.sub(r"(?s)<style.*?</style>", "", styler.to_html())
    return [unescape(cell).replace("\xa0", " ") for cell in re.findall(r"<td[^>]*>([^<]*)<", text)]


def test_a_study_says_what_is_not_stated_and_what_its_error_needs():
    cells = cells_of(study_table(other_groups()))
    assert len(cells) == 8 * len(other_groups())
    assert {"not stated", ".673", "P < .001", "draft"} <= set(cells)
    assert any(cell.startswith("DeLong's covariance") for cell in cells)


def test_pooled_rows_have_groups_number_difference_and_p():
    cells = cells_of(pooled_table(pooled_groups().loc[["One group, fine-tuned"]]))
    assert cells[1:5] == ["1", "7", "−2.8 (−5.7, 0.1)", ".06"]


def test_inputs_of_one_file_stand_beside_imagenet():
    cells = cells_of(inputs_table(LOST["scaling"]["inputs"], "One file"))
    assert [cell[:5] for cell in cells[2::3]] == ["0.874", "0.840", "0.792", "0.864"]
    assert cells[:3] == ["RadImageNet", "0 to 1", "0.874 (0.834, 0.910)"]

"""Every item of the paper has a counterpart that is there and bears its number."""

import re
from pathlib import Path

import jupytext
import pytest

from rin.report.counterparts import COUNTERPARTS, Counterpart, mirror
from rin.report.pages import NOTEBOOKS

ROOT = Path(__file__).resolve().parents[2] / "notebooks"
ITEMS = [*(f"Figure {n}" for n in "12345"), "Figure E1", *(f"Table E{n}" for n in "1234")]
for_each = pytest.mark.parametrize("counterpart", COUNTERPARTS, ids=lambda part: part.item)


def headings(page):
    """Every heading of a notebook."""
    cells = jupytext.read(ROOT / f"{page}.py").cells
    texts = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return re.findall(r"(?m)^#+ (.+)$", "\n".join(texts))


def test_items_are_all_figures_and_tables_of_the_paper_and_its_results():
    listed = [counterpart.item for counterpart in COUNTERPARTS]
    assert [item for item in listed if item in ITEMS] == ITEMS
    others = [item for item in listed if item not in ITEMS]
    assert [item.partition(":")[0] for item in others[:-1]] == ["Results"] * 3
    assert others[-1].startswith("Claims")


@for_each
def test_counterpart_is_a_heading_of_a_page_of_the_book(counterpart):
    assert counterpart.page in {notebook.source for notebook in NOTEBOOKS}
    assert counterpart.heading in headings(counterpart.page)


@for_each
def test_heading_of_a_figure_or_table_bears_its_number(counterpart):
    kind, _, number = counterpart.item.partition(" ")
    if counterpart.item in ITEMS:
        assert re.search(rf"{kind}s? (?:\w+ and )?{number}\b", counterpart.heading)


@pytest.mark.parametrize(
    ("heading", "anchor"),
    [
        (
            "Every scenario: the paper's Figures 3 and 4",
            "every-scenario-the-papers-figures-3-and-4",
        ),
        ("Table E1: all classes", "table-e1-all-classes"),
        ("Before – after", "before--after"),
    ],
)
def test_anchor_is_the_one_that_the_book_gives_a_heading(heading, anchor):
    assert Counterpart("Figure 9", "nothing", "study", heading).anchor == anchor


@pytest.mark.parametrize(
    ("page", "link"),
    [
        ("study", "[A b](evidence/audit.ipynb#a-b)"),
        ("evidence/audit", "[A b](#a-b)"),
        ("evidence/probe", "[A b](audit.ipynb#a-b)"),
        ("results/tasks", "[A b](../evidence/audit.ipynb#a-b)"),
    ],
)
def test_link_leads_from_any_page_to_the_heading(page, link):
    assert Counterpart("Figure 9", "nothing", "evidence/audit", "A b").link(page) == link


def test_mirror_has_a_row_for_every_item():
    rows = mirror("study").splitlines()
    assert len(rows) == 2 + len(COUNTERPARTS)
    assert all(row.count("|") == 4 for row in rows)

"""The cover, the study's page and those on what is published: code is analysis, and short."""

from pathlib import Path

import jupytext
import pytest

ROOT = Path(__file__).resolve().parents[1] / "notebooks"
PAGES = [ROOT / "findings.py", ROOT / "study.py", *sorted((ROOT / "evidence").glob("*.py"))]
for_each = pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)


def code_cells(path):
    cells = [cell for cell in jupytext.read(path).cells if cell.cell_type == "code"]
    return [cell for cell in cells if "parameters" not in cell.metadata.get("tags", [])]


def visible(cell):
    return "hide-input" not in cell.metadata.get("tags", [])


@for_each
def test_a_page_shows_at_most_45_lines_of_code(path):
    lines = [
        line for cell in code_cells(path) if visible(cell) for line in cell.source.split("\n")
    ]
    assert sum(bool(line.strip()) for line in lines) <= 45


def test_cover_has_question_answers_figure_advice_and_links_before_any_code():
    title, parameters, *shown = jupytext.read(ROOT / "findings.py").cells[:5]
    assert title.cell_type == "markdown"
    assert "parameters" in parameters.metadata["tags"]
    assert not any(cell.cell_type == "code" and visible(cell) for cell in shown)
    opens = ("**Do radiologic images", "Figure 1. ", "**If you choose weights")
    assert all(text in cell.source for text, cell in zip(opens, shown, strict=True))
    *_, links = shown[-1].source.split("\n\n")
    pages = ("evidence/audit", "use/run_it", "use/your_images", "methods.md#cite")
    assert all(page in links for page in pages)
    assert links.count("](") == 4

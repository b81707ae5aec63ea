"""Sentences on the committed run: turned-round, rescaled or exchanged numbers end the page."""

import re

import pytest
from notebook_cells import FOLDER, sources

from rin.errors import InputError
from rin.study import open_reference

PAGES = FOLDER / "results"
#: Defects of a page: a text of its code, and what is put in its place.
TURNED = {
    "../findings": ("committed_analyses()", "committed_analyses().eval('estimate = -estimate')"),
    "all_tasks": ("a, b = run.inits", "b, a = run.inits"),
    "what_moves": ("a, b = run.inits", "b, a = run.inits"),
    "tasks": ("a, b = runs.inits", "b, a = runs.inits"),
    "localisation": ("a, b = runs.inits", "b, a = runs.inits"),
    "pretrainings": ("a, b = runs.inits", "b, a = runs.inits"),
    "external": ("a, b = runs.inits", "b, a = runs.inits"),
    "inputs": ("a, b = runs.inits", "b, a = runs.inits"),
}


def test_page_of_the_tasks_has_a_section_for_each():
    text = (PAGES / "tasks.py").read_text(encoding="utf-8")
    headings = " ".join(re.findall("(?m)^# ## (.*)", text)).lower()
    for title in open_reference().titles.values():
        words = re.findall(r"[\w-]{6,}", title.lower())
        assert any(word in headings for word in words), title


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", TURNED)
def test_page_whose_numbers_are_turned_round_is_not_computed(page):
    """The page is computed without its figures, of code in which a text is replaced."""
    code, (old, new) = "\n".join(sources(PAGES / f"{page}.py", "code")), TURNED[page]
    assert old in code
    with pytest.raises(InputError, match="the text says"):
        exec(code.replace(old, new), {"display": lambda shown: None})

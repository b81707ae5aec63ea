"""Sentences on the committed run: turned-round, rescaled or exchanged numbers end the page."""

import re

import pytest
from notebook_cells import FOLDER, sources

from rin.errors import InputError
from rin.report import analyses
from rin.study.results import Results

PAGES = FOLDER / "results"
#: The cover, and every page of the committed run, thus not `your_run`.
TOLD = ["../findings", *sorted(page.stem for page in PAGES.glob("[!y]*.py"))]


def test_page_of_the_tasks_has_a_section_for_each(runs):
    text = (PAGES / "tasks.py").read_text(encoding="utf-8")
    headings = " ".join(re.findall("(?m)^# ## (.*)", text)).lower()
    for title in runs.titles.values():
        words = re.findall(r"[\w-]{6,}", title.lower())
        assert any(word in headings for word in words), title


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("page", TOLD)
def test_page_whose_numbers_are_turned_round_is_not_computed(page, monkeypatch):
    """The page is computed without its figures."""
    turned = analyses.committed_analyses().eval("estimate = -estimate")
    monkeypatch.setattr(analyses, "committed_analyses", lambda: turned)
    monkeypatch.setattr(Results, "inits", property(lambda self: self.facts.profile.inits[1::-1]))
    with pytest.raises(InputError, match="the text says"):
        exec("\n".join(sources(PAGES / f"{page}.py", "code")), {"display": lambda shown: None})

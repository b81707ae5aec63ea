"""The check of the built book: what it must not let pass."""

import json
import runpy
from collections import Counter
from types import SimpleNamespace

import pytest

from rin.files import REPOSITORY
from rin.report.pages import Notebook

NAME = "results/tasks"
PAGE = Notebook(NAME, "")
LINE = '<details class="rin-provenance rin-stand-in"><summary>Stand-in images</summary></details>'


@pytest.fixture(scope="module")
def check():
    return SimpleNamespace(**runpy.run_path(REPOSITORY / ".ci/check_book.py"))


@pytest.fixture
def built(check, tmp_path):
    """A book of one page that is right in every respect."""
    sentence = "On 1,350 images the mean AUC is **0.73** and 0.74 {cite:p}`mei2022`, no more."
    outputs = [{"data": {"text/markdown": sentence}, "metadata": {}}]
    cells = [
        {"cell_type": "code", "source": "", "outputs": outputs},
        {"cell_type": "markdown", "source": "As others {cite:p}`mei2022` do."},
    ]
    made = check.Built(tmp_path / "notebooks", tmp_path / "html")
    for folder in (made.notebooks / "results", made.html / "notebooks/results"):
        folder.mkdir(parents=True)
    (made.notebooks / f"{NAME}.ipynb").write_text(json.dumps({"cells": cells}))
    shown = "<p>On 1,350 images the mean AUC is <strong>0.73</strong> and 0.74 (Mei), no more.</p>"
    page = f"<h1>Breast lesions</h1>{LINE}{shown}"
    (made.html / f"notebooks/{NAME}.html").write_text(page)
    return made


@pytest.fixture
def complaints(check, built):
    """Changes the page, or its notebook, and returns what is then complained of."""
    page = built.html / f"notebooks/{NAME}.html"
    files = {"page": page, "notebook": built.notebooks / f"{NAME}.ipynb"}

    def change(kind, old, new):
        text = files[kind].read_text()
        assert old in text
        files[kind].write_text(text.replace(old, new))
        return check.check_page(PAGE, built, "stand-in")

    return change


def test_check_of_right_book_has_no_complaint(check, built):
    assert check.check_page(PAGE, built, "stand-in") == []


@pytest.mark.parametrize(
    ("file", "old", "new", "complaint"),
    [
        ("page", "1,350 images", "1350 images", "not show 'On 1,350 images the mean AUC is'"),
        ("page", "(Mei)", "{cite:p}`mei2022`", "shows the raw role '{cite:p}'"),
        ("page", "rin-stand-in", "rin-real", "does not say that its images are stand-in"),
        ("page", "rin-provenance ", "", "does not say that its images are stand-in"),
        ("page", "<p>", "<p>Over 1 scenarios and 21 epochs. ", "says '1 scenarios'"),
        ("page", "<p>", "<p>Traceback (most recent call last)", "shows a traceback"),
        ("page", "<p>", "<p>Tuning: 2%| | 1/48 [01:00&lt;11:46, 15s/run]", "a progress bar"),
        ("notebook", "1,350", "nan", "a sentence says 'nan'"),
        ("notebook", "As others", "{glue:text}`n` others", "raw role '{glue:text}`'"),
    ],
)
def test_check_of_page_or_notebook_that_is_wrong_complains(complaints, file, old, new, complaint):
    assert any(complaint in line for line in complaints(file, old, new))


FIGURE = '<img class="rin-figure"><p class="rin-file"><a href="../../files/a.svg">SVG</a></p>'


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (FIGURE, []),
        (FIGURE.replace("a.svg", "b.svg"), [f"{NAME}: there is no file ../../files/b.svg"]),
        (FIGURE + '<img class="rin-figure">', [f"{NAME}: 2 figures, 1 files of them are linked"]),
    ],
)
def test_check_of_figure_whose_file_is_missing_or_not_linked_complains(
    built, complaints, shown, expected
):
    (built.html / "files").mkdir()
    (built.html / "files/a.svg").touch()
    assert complaints("page", "<h1>", f"{shown}<h1>") == expected


def test_check_of_empty_sentence_and_of_missing_page_complains(check, built):
    path = built.notebooks / f"{NAME}.ipynb"
    empty = {"cell_type": "code", "source": "", "outputs": [{"data": {"text/markdown": " "}}]}
    path.write_text(json.dumps({"cells": [empty]}))
    assert check.check_page(PAGE, built, None) == [f"{NAME}: an empty sentence"]
    path.unlink()
    assert check.check_page(PAGE, built, None) == [f"{NAME}: no tasks.ipynb"]


def test_visible_words_leave_out_tables_and_what_is_folded(check):
    page = """<nav>not this</nav><article class="bd-article"><h1>Two words
      <a class="headerlink">#</a></h1><p>A – B</p><script>no()</script>
      <details class="hide"><summary>Show code</summary><pre>hidden code</pre></details>
      <table><tr><td>0.94</td><td>−2.6</td></tr></table><pre>open(code)</pre></article>"""
    assert check.visible_words(page) == len(
        ["Two", "words", "A", "B", "Show", "code", "open(code)"]
    )


def test_counts_of_a_book_that_is_too_large_are_complained_of(check):
    assert check.check_counts(Counter({"a": 2_500, "b": 3}), ["a"]) == []
    pages = Counter({f"{n}": 1_100 for n in range(24)} | {"long": 2_501})
    told = check.check_counts(pages, [f"{n}" for n in range(9)])
    assert told == [
        "pages: 25, at most 24",
        "words: 28,901, at most 26,000",
        "words on long: 2,501, at most 2,500",
        "pages of stand-ins: 9, at most 8",
    ]


LOADED = [
    ("script", "https://a.org/x.js", '<script src="https://a.org/x.js"></script>'),
    ("link", "//a.org/x.css", '<link rel="stylesheet" href="//a.org/x.css">'),
    ("img", "http://a.org/x.png", '<img src="http://a.org/x.png">'),
    ("img", "https://a.org/y.png", '<img srcset="x.png 1x, https://a.org/y.png 2x">'),
    ("iframe", "https://a.org/", '<iframe src="https://a.org/"></iframe>'),
    ("p", "https://a.org/z.png", "<p style=\"background: url('https://a.org/z.png')\">"),
    ("style", "https://a.org/y.css", "<style>@import 'https://a.org/y.css';</style>"),
]
LOCAL = """<a href="https://a.org/">a link to follow</a>
<link rel="canonical" href="https://a.org/page.html">
<script src="_static/x.js"></script><img src="data:image/png;base64,AA==">
<p>https://a.org/x.js</p>"""


def test_external_resources_are_what_loads_by_itself(check, tmp_path):
    (tmp_path / "local.html").write_text(LOCAL, encoding="utf-8")
    assert check.external_resources(tmp_path) == []
    (tmp_path / "page.html").write_text("\n".join(html for *_, html in LOADED), encoding="utf-8")
    (tmp_path / "x.css").write_text("@font-face { src: url(https://a.org/f.woff2) }")
    assert check.external_resources(tmp_path) == [
        *(check.Reference("page.html", element, url) for element, url, _ in LOADED),
        check.Reference("x.css", "css", "https://a.org/f.woff2"),
    ]

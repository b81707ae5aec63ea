"""The check of the built book: what it must not let pass."""

import importlib.util
import json
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import rankdata

from rin.report.pages import NOTEBOOKS, Page

ROOT = Path(__file__).resolve().parents[2]
NAME = "results/breast"
PAGE = Page(next(one for one in NOTEBOOKS if one.of == "task"), "breast")
LINE = '<details class="rin-provenance rin-stand-in"><summary>Stand-in images</summary></details>'
INITS = ("radiologic", "photographic")


@pytest.fixture(scope="module")
def check():
    path = ROOT / ".ci" / "check_book.py"
    spec = importlib.util.spec_from_file_location("check_book", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules["check_book"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["check_book"]


def auc(labels, scores):
    """AUC by the rank sum of Mann and Whitney."""
    positive = labels == 1
    m, n = positive.sum(), (~positive).sum()
    return (rankdata(scores)[positive].sum() - m * (m + 1) / 2) / (m * n)


def make_run(scenario, init, fold, seed):
    """Predictions of one network with random scores, and their test AUC."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"label": np.arange(20) % 2, "score": rng.random(20).round(1)})
    table["part"] = ["validation"] * 6 + ["test"] * 14
    test = table[table["part"] == "test"]
    named = {"scenario": scenario, "init": init, "fold": fold}
    return table.assign(**named), auc(test["label"].to_numpy(), test["score"].to_numpy())


@pytest.fixture(scope="module")
def predictions():
    """Two scenarios, two folds of the first one, two inits; and the mean AUC of each init."""
    tables, means = [], {}
    for offset, init in ((0, "radiologic"), (10, "photographic")):
        runs = [make_run("s1", init, fold, offset + fold) for fold in (0, 1)]
        runs += [make_run("s2", init, 0, offset + 5)]
        aucs = [one for _, one in runs]
        means[init] = (np.mean(aucs[:2]) + aucs[2]) / 2
        tables += [table for table, _ in runs]
    return pd.concat(tables, ignore_index=True), means


@pytest.fixture
def built(check, tmp_path, predictions):
    """A book of one page that is right in every respect."""
    means = predictions[1]
    values = {"auc_a": repr(float(means["radiologic"])), "n": "1350", "dice": "-0.031395418"}
    values |= {"auc_b": repr(float(means["photographic"])), "first": "'radiologic'"}
    keys = ("n:,", "first", "auc_a:.3f", "dice:.2f")
    prose = ", ".join(f"{{glue:text}}`{key}`" for key in keys)
    outputs = [
        {"data": {"text/plain": text}, "metadata": {"scrapbook": {"name": key}}}
        for key, text in values.items()
    ]
    cells = [
        {"cell_type": "code", "source": "", "outputs": outputs},
        {"cell_type": "markdown", "source": prose},
    ]
    shown = ["1,350", "radiologic", f"{means['radiologic']:.3f}", "-0.03"]
    spans = " ".join(f'<span class="pasted-text">{text}</span>' for text in shown)
    made = check.Built(tmp_path / "notebooks", tmp_path / "html")
    for folder in (made.notebooks / "results", made.html / "notebooks" / "results"):
        folder.mkdir(parents=True)
    (made.notebooks / f"{NAME}.ipynb").write_text(json.dumps({"cells": cells}))
    page = f"<h1>{PAGE.heading}</h1>{LINE}<p>{spans}</p>"
    (made.html / "notebooks" / f"{NAME}.html").write_text(page)
    return made


KEYS = ("n", "auc_a", "dice", "first")


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_check_of_right_book_has_no_complaint(check, built, predictions):
    assert check.check_page(PAGE, KEYS, built, "stand-in") == []
    assert check.check_means(PAGE, predictions[0], INITS, built) == []
    assert check.external_resources(built.html) == []


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (">1,350<", ">1350<", "n = 1350 is shown as '1350'"),
        (">-0.03<", ">0.03<", "is shown as '0.03'"),
        (">-0.03<", ">-0.031<", "is shown as '-0.031'"),
        (">-0.03<", ">nan<", "dice is shown as 'nan'"),
        ('<span class="pasted-text">1,350</span>', "1,350", "3 values shown, 4 in the prose"),
        ("rin-stand-in", "rin-real", "does not say that its images are stand-in"),
        ("rin-provenance ", "", "does not say that its images are stand-in"),
        ("Breast", "Brest", "is not headed 'Breast lesions, US'"),
        ("<p>", "<p>Traceback (most recent call last)", "shows a traceback"),
        ("<p>", "<p>Fine-tuning: 2%| | 1/48 [01:00&lt;11:46, 15.03s/run]", "shows a progress bar"),
    ],
)
def test_check_of_page_that_is_wrong_complains(check, built, old, new, complaint):
    change(built.html / "notebooks" / f"{NAME}.html", old, new)
    assert any(complaint in line for line in check.check_page(PAGE, KEYS, built, "stand-in"))


def test_check_of_page_without_an_expected_key_complains(check, built):
    complaints = check.check_page(PAGE, (*KEYS, "n_cases"), built, None)
    assert f"{NAME}: nothing glued as 'n_cases'" in complaints
    assert f"{NAME}: 'n_cases' is not in the prose" in complaints


def test_check_of_missing_page_names_it(check, built):
    page = Page(NOTEBOOKS[0])
    told = ["findings: no findings.ipynb", "findings: no findings.html"]
    assert check.check_page(page, (), built, None) == told


def test_check_of_means_that_are_off_or_lack_runs_complains(check, built, predictions):
    mean = float(predictions[1]["photographic"])
    change(built.notebooks / f"{NAME}.ipynb", repr(mean), repr(mean + 1e-7))
    (line,) = check.check_means(PAGE, predictions[0], INITS, built)
    assert "mean AUC of photographic" in line
    few = predictions[0].query("init == 'radiologic' or fold == 1")
    assert "mean AUC of photographic" in check.check_means(PAGE, few, INITS, built)[0]


def test_expected_keys_are_those_of_the_prose(check):
    assert {"auc_a", "auc_b"} <= set(check.expected_keys("results/task"))


def test_visible_words_leave_out_what_is_folded(check):
    page = """<nav>not this</nav><article class="bd-article"><h1>Two words
      <a class="headerlink">#</a></h1><p>A – B</p><script>no()</script>
      <details class="hide"><summary>Show code</summary><pre>hidden code</pre></details>
      <table><tr><td>0.94</td><td>−2.6</td></tr></table><pre>open(code)</pre></article>"""
    assert check.visible_words(page) == len(
        ["Two", "words", "A", "B", "Show", "code", "0.94", "−2.6", "open(code)"]
    )


def test_counts_of_a_book_that_is_too_large_are_complained_of(check):
    assert check.check_counts(Counter({"a": 2_500, "b": 3}), ["a"]) == []
    pages = Counter({f"{n}": 1_300 for n in range(41)} | {"long": 2_501})
    told = check.check_counts(pages, [f"{n}" for n in range(9)])
    assert told == [
        "pages: 42, at most 41",
        "words: 55,801, at most 55,000",
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

"""A built book in a real browser: nothing leaves the machine, everything can be read.

`RIN_BUILT_BOOK` names the folder of the HTML; by default it is that of `make book`.  Without a
book or without Chromium these tests are skipped.
"""

import os
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from rin.files import REPOSITORY
from rin.report.forest import forest
from rin.report.page import picture

BOOK = Path(os.environ.get("RIN_BUILT_BOOK", REPOSITORY / "_build/html"))
# Pages that Sphinx adds, without text of ours.
ADDED = {"genindex.html", "search.html", "index.html"}
PAGES = sorted(
    path.relative_to(BOOK).as_posix()
    for path in BOOK.rglob("*.html")
    if path.name not in ADDED and "_static" not in path.parts
)
SERIOUS = {"serious", "critical"}
# Tables and figures whose content is wider than the column in which they stand.
WIDE = """
() => [...document.querySelectorAll('.bd-article table, .bd-article img')]
  .filter(one => {
    const column = one.closest('.bd-article').getBoundingClientRect();
    const own = one.getBoundingClientRect();
    let inner = one.parentElement, scrolls = false;
    while (inner && !inner.classList.contains('bd-article')) {
      scrolls = scrolls || inner.scrollWidth > inner.clientWidth + 1 && inner.clientWidth > 0;
      inner = inner.parentElement;
    }
    return own.width > 0 && (own.right > column.right + 1 || scrolls);
  })
  .map(one => (one.caption?.innerText || one.alt || one.innerText).slice(0, 80))
"""
# Tables whose last column a phone does not show without moving them sideways.
CUT = """
() => [...document.querySelectorAll('.bd-article table')]
  .filter(table => table.offsetWidth > 0 && [...table.rows].some(
    row => row.cells.length && [...row.cells].at(-1).getBoundingClientRect().right
      > Math.min(window.innerWidth, table.parentElement.getBoundingClientRect().right) + 1))
  .map(table => (table.caption?.innerText || table.innerText).slice(0, 80))
"""

# Figures that a phone shows cut off, or with letters below 8.5 pixels (13 where shown in full,
# at most 540 pixels wide).
FIGURES_OFF = """
() => [...document.querySelectorAll('.bd-article img.rin-figure')]
  .filter(figure => figure.offsetWidth > 0)
  .filter(figure => {
    const column = figure.closest('.bd-article').getBoundingClientRect();
    const frame = figure.closest('.output').parentElement;
    const cut = figure.getBoundingClientRect().right > column.right + 1
      || frame.scrollWidth > frame.clientWidth + 1;
    const largest = parseFloat(figure.style.maxWidth);
    return cut || largest > 540 || figure.offsetWidth / largest < 8.5 / 13;
  })
  .map(figure => figure.alt)
"""

# Formulas whose end a desk does not show.
LONG_FORMULAS = """
() => [...document.querySelectorAll('.bd-article div.math mjx-container')]
  .filter(formula => formula.scrollWidth > formula.clientWidth + 1)
  .map(formula => formula.innerText.slice(0, 80))
"""


# Formulas that are still their source.
RAW_FORMULAS = """
() => [...document.querySelectorAll('.bd-article .math')]
  .filter(formula => !formula.querySelector('mjx-container'))
  .map(formula => formula.innerText.slice(0, 80))
"""

# Each look of a token of code, a formula or a cell of a table once: text costs time.
FEWER_TEXTS = """
() => {
  const seen = new Set();
  for (const one of document.querySelectorAll('.highlight span[class], mjx-container, tbody td')) {
    const {color, backgroundColor, fontSize} = getComputedStyle(one);
    const markup = one.outerHTML.replace(/>[^<]*|[0-9]/g, '');
    const look = color + backgroundColor + fontSize + (one.matches('td, span') ? markup : '');
    if (seen.has(look)) one.replaceChildren();
    seen.add(look);
  }
}
"""
CHROMIUM_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip


# As long as a module: its event loop would stop notebooks from being run in this process.
@pytest.fixture(scope="module")
def page():
    """A page of a browser that fades no colours, with its requests and errors."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        pytest.skip("Chromium is absent: apt install chromium, to look at the built pages")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=path, args=CHROMIUM_FLAGS)
        page = chromium.new_page()
        page.add_init_script(
            "addEventListener('DOMContentLoaded', () => document.head.append(Object.assign("
            "document.createElement('style'), {textContent: '* {transition: none !important}'})))"
        )
        page.requests, page.errors = [], []
        page.on("request", lambda request: page.requests.append(request.url))
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.errors.append(line.text))
        yield page
        chromium.close()


DESK, PHONE = {"width": 1280, "height": 900}, {"width": 390, "height": 800}


def show(page, file, size):
    """Open a file in a window of a size, and wait for its formulas and pictures."""
    page.requests.clear()
    page.errors.clear()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size(size)
    page.goto(file.as_uri(), wait_until="load")
    page.evaluate("() => window.MathJax?.startup?.promise")


def accessibility(page, **options):
    """What axe-core calls serious or critical: rule, and some elements that break it."""
    from axe_playwright_python.sync_playwright import Axe

    # Without preloading, which a browser refuses for files.
    options |= {"resultTypes": ["violations"], "preload": False}
    return {
        one["id"]: [node["html"][:160] for node in one["nodes"]][:3]
        for one in Axe().run(page, options=options).response["violations"]
        if one["impact"] in SERIOUS
    }


STATIC = (REPOSITORY / "book/_static").as_uri()
PHONE_PAGE = """<!doctype html><html data-theme="light"><head>
<meta name="viewport" content="width=device-width">
<link rel="stylesheet" href="{static}/custom.css"></head>
<body style="margin: 16px"><article class="bd-article"><div class="cell_output">
<div class="output text_html">{content}</div></div></article>
<script src="{static}/roles.js"></script></body></html>"""
UNSTACKED = "!document.querySelector('table.rin-stacked')"


@pytest.fixture
def show_on_phone(page, tmp_path):
    def show_content(content):
        file = tmp_path / "page.html"
        file.write_text(PHONE_PAGE.format(static=STATIC, content=content), encoding="utf-8")
        show(page, file, PHONE)

    return show_content


@pytest.mark.parametrize(("inches", "off"), [(4.9, []), (7.5, ["One difference"])])
def test_phone_shows_a_figure_whole_with_letters_that_are_legible(
    page, show_on_phone, inches, off
):
    rows = pd.DataFrame({"task": ["breast"], "estimate": [1], "ci_low": [0], "ci_high": [2]})
    axes = forest(rows)
    axes.figure.set_figwidth(inches)
    show_on_phone(picture(axes, "One difference", "Its interval").data)
    page.wait_for_function("document.images[0].complete")
    assert page.evaluate(FIGURES_OFF) == off


def test_phone_lists_the_cells_of_a_table_whose_columns_it_has_no_room_for(page, show_on_phone):
    interval = "+0.013\u00a0(0.009,\u00a00.019)"
    table = pd.DataFrame({"Measure": ["Brier score"], **{f"Net {n}": [interval] for n in "abcde"}})
    show_on_phone(table.to_html(index=False))
    cells = page.locator("tbody td")
    texts = cells.evaluate_all("all => all.map(one => one.innerText.split('\\n'))")
    assert texts == [["Brier score"], *([f"Net {n}", interval] for n in "abcde")]
    assert cells.first.evaluate("one => one.offsetHeight") < 40
    assert page.evaluate(CUT) == []
    page.set_viewport_size(DESK)
    page.wait_for_function(UNSTACKED)
    assert cells.nth(1).inner_text() == interval


def test_phone_repeats_headings_and_names_that_span_several_cells(page, show_on_phone):
    values = [f"0.{n}\u00a0(0.009,\u00a00.019)" for n in range(4)]
    columns = pd.MultiIndex.from_product([["All layers", "No layer"], ["1e-4", "1e-3"]])
    index = pd.MultiIndex.from_product([["Breast"], ["blue", "orange"]])
    show_on_phone(pd.DataFrame([values] * 2, index, columns).to_html())
    last = page.locator("tbody tr").last.locator("th, td")
    texts = last.evaluate_all("all => all.map(one => one.innerText.split(/\\s*\\n/))")
    labels = [" ".join(column) for column in columns]
    assert texts == [["Breast", "orange"], *map(list, zip(labels, values, strict=True))]


@pytest.mark.skipif(not PAGES, reason="no built book: make book, or name one in RIN_BUILT_BOOK")
@pytest.mark.parametrize("name", PAGES or ["no book"])
def test_page_is_whole_on_a_desk_in_the_dark_and_on_a_phone(page, name):
    show(page, BOOK / name, DESK)
    away = [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert away == []
    for complaints in (WIDE, LONG_FORMULAS, RAW_FORMULAS):
        assert page.evaluate(complaints) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    alts = page.locator(".bd-article img").evaluate_all("all => all.map(one => one.alt)")
    # A path or a file name is no description.
    assert [alt for alt in alts if not re.search(r"\w+ \w+", alt) or "/" in alt] == []

    page.set_viewport_size(PHONE)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert page.evaluate(CUT) == []
    assert page.evaluate(FIGURES_OFF) == []

    page.set_viewport_size(DESK)
    page.wait_for_function(UNSTACKED)
    page.evaluate(FEWER_TEXTS)
    assert accessibility(page) == {}
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert accessibility(page, runOnly=["color-contrast"]) == {}
    assert page.errors == []

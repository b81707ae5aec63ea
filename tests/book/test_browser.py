"""A built book in a real browser: nothing leaves the machine, everything can be read.

`RIN_BUILT_BOOK` names the folder of the HTML; by default it is that of `make book`.  Without a
book or without Chromium these tests are skipped.
"""

import os
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BOOK = Path(os.environ.get("RIN_BUILT_BOOK", ROOT / "_build" / "html"))
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

# Figures drawn so much smaller than on a desk that their text cannot be read.
SMALL = """
() => [...document.querySelectorAll('img.rin-figure')]
  .filter(figure => {
    const largest = figure.style.getPropertyValue('--largest');
    const desk = Object.assign(document.createElement('div'), {style: `width:${largest}`});
    document.body.append(desk);
    const share = figure.offsetWidth / desk.offsetWidth;
    desk.remove();
    return largest && figure.offsetWidth > 0 && share < 0.6;
  })
  .map(figure => figure.alt)
"""


# Each kind of token in its colour once; the others are text of the code around them.
FEWER_TOKENS = """
() => {
  const seen = new Set();
  for (const token of document.querySelectorAll('.highlight pre span[class]')) {
    if (seen.has(token.className)) token.replaceWith(...token.childNodes);
    seen.add(token.className);
  }
}
"""


@pytest.fixture(scope="module")
def page(browser):
    """A page of a browser that fades no colours, with its requests and errors."""
    page = browser.new_page()
    page.add_init_script(
        "addEventListener('DOMContentLoaded', () => document.head.append(Object.assign("
        "document.createElement('style'), {textContent: '* {transition: none !important}'})))"
    )
    page.requests, page.errors = [], []
    page.on("request", lambda request: page.requests.append(request.url))
    page.on("pageerror", lambda error: page.errors.append(str(error)))
    page.on("console", lambda line: line.type == "error" and page.errors.append(line.text))
    yield page
    page.close()


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


@pytest.mark.skipif(not PAGES, reason="no built book: make book, or name one in RIN_BUILT_BOOK")
@pytest.mark.parametrize("name", PAGES or ["no book"])
def test_page_is_whole_on_a_desk_in_the_dark_and_on_a_phone(page, name):
    page.requests.clear()
    page.errors.clear()
    page.emulate_media(color_scheme="light")
    page.set_viewport_size({"width": 1280, "height": 900})
    page.goto((BOOK / name).as_uri(), wait_until="load")
    page.evaluate("() => window.MathJax?.startup?.promise")
    away = [url for url in page.requests if not url.startswith(("file:", "data:", "blob:"))]
    assert (away, page.errors) == ([], [])
    assert page.evaluate(WIDE) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    alts = page.locator(".bd-article img").evaluate_all("all => all.map(one => one.alt)")
    # A path or a file name is no description.
    assert [alt for alt in alts if not re.search(r"\w+ \w+", alt) or "/" in alt] == []
    page.evaluate(FEWER_TOKENS)
    assert accessibility(page) == {}
    page.emulate_media(color_scheme="dark")
    page.wait_for_function("document.documentElement.dataset.theme === 'dark'")
    assert accessibility(page, runOnly=["color-contrast"]) == {}

    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => setTimeout(done)))")
    assert page.evaluate(CUT) == []
    assert page.evaluate(SMALL) == []
    assert page.errors == []

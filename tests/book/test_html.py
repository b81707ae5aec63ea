import shutil

import pytest
from bs4 import BeautifulSoup

from rin.errors import InputError
from rin.report.build import build_html


@pytest.mark.parametrize("page_name", ["intro.html", "notebooks/page.html"])
def test_page_when_opened_requests_nothing_from_network(tiny_html, browser, page_name):
    page = browser.new_page(viewport={"width": 390, "height": 800})
    requests, errors = [], []
    page.on("request", lambda request: requests.append(request.url))
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto((tiny_html / page_name).as_uri(), wait_until="load")
    page.wait_for_selector("mjx-container mjx-math", state="attached", timeout=30_000)
    page.wait_for_timeout(300)
    assert len(requests) > 5
    assert [url for url in requests if not url.startswith(("file:", "data:", "blob:"))] == []
    assert errors == []
    assert page.locator("table").count() >= 1
    wide = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
    page.close()
    assert wide <= 0, "the page is wider than a phone"


def test_computed_sentence_is_text_of_the_page_with_its_citation_and_reference(tiny_html):
    page = BeautifulSoup((tiny_html / "notebooks" / "page.html").read_text("utf-8"), "html.parser")
    shown = " ".join(page.find("article").get_text().split())
    assert "The mean is 2.000, after DeLong" in shown
    assert "see Front page" in shown
    assert page.find("img")
    folds = [summary.get_text(" ", strip=True) for summary in page.find_all("summary")]
    assert any("Code of the text below" in fold for fold in folds)


def test_build_html_with_missing_page_names_it_and_keeps_the_earlier_book(tiny_book, tmp_path):
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build" / "earlier.html").touch()
    book = tmp_path / "book"
    shutil.copytree(tiny_book / "book", book)
    (book / "intro.md").write_text("# Front page\n\nSee [there](absent.md).\n", encoding="utf-8")
    with pytest.raises(InputError, match=r"(?s)does not build.*absent\.md"):
        build_html(book, tiny_book / "_config.yml", book / "_toc.yml", tmp_path)
    assert [path.name for path in (tmp_path / "_build").iterdir()] == ["earlier.html"]
    assert {path.name for path in tmp_path.iterdir()} == {"book", "_build"}


def test_links_to_pages_that_a_book_of_ones_own_lacks_become_text(tiny_book, tmp_path):
    book = tmp_path / "book"
    shutil.copytree(tiny_book / "book", book)
    text = "# Front page\n\nSee [there](../absent) and [a page](notebooks/page).\n"
    (book / "intro.md").write_text(text, encoding="utf-8")
    index = build_html(book, tiny_book / "_config.yml", book / "_toc.yml", tmp_path, strict=False)
    page = BeautifulSoup((index.parent / "intro.html").read_text("utf-8"), "html.parser")
    article = page.find("article")
    assert "See there (in the whole book) and a page." in " ".join(article.get_text().split())
    assert article.find("a", href="notebooks/page.html")
    assert not article.find("a", href="#../absent")

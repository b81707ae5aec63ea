"""The HTML that Jupyter Book makes of computed notebooks and prose, which takes a minute."""

import shutil

import pytest
import yaml
from bs4 import BeautifulSoup

from rin.errors import InputError
from rin.files import REPOSITORY, read_yaml
from rin.report.address import add_address, read_citation
from rin.report.build import build_html
from rin.report.execution import Job, write_failure

pytestmark = pytest.mark.slow


INTRO = r"""# Front page

{{ cite_this_book }}

$$ \hat\theta = \frac{1}{mn} \sum_{i=1}^m \sum_{j=1}^n \psi(X_i, Y_j) $$

| a | b |
|---|---|
| 1 | 2 |

```{bibliography}
```
"""


def build(book, address="", sources=(), **options):
    """Build a book by the project's configuration, and return the folder of its pages."""
    config, cited = book.with_name("_config.yml"), read_citation() | {"repository-code": address}
    settings = add_address(read_yaml(REPOSITORY / "_config.yml"), cited, dict(sources))
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    built = book.with_name("_build")
    build_html(book, config, book / "_toc.yml", built, **options)
    return built / "html"


@pytest.fixture(scope="module")
def tiny_book(notebook, tmp_path_factory):
    """A prose page and a computed notebook."""
    book = tmp_path_factory.mktemp("tiny") / "book"
    shutil.copytree(REPOSITORY / "book/_static", book / "_static")
    shutil.copy(REPOSITORY / "book/references.bib", book)
    (book / "intro.md").write_text(INTRO, encoding="utf-8")
    listed = "format: jb-book\nroot: intro\nchapters:\n  - file: notebooks/page\n"
    (book / "_toc.yml").write_text(listed, encoding="utf-8")
    output, values = book / "notebooks/page.ipynb", {"count": 5}
    Job(notebook, output, values, name="page", address="../_downloads").run()
    return book


@pytest.fixture(scope="module")
def tiny_html(tiny_book):
    return build(tiny_book)


@pytest.fixture
def copied(tiny_book, tmp_path):
    """Copies the tiny book, with another text on its front page."""

    def copy(text):
        book = shutil.copytree(tiny_book, tmp_path / "book")
        (book / "intro.md").write_text(f"# Front page\n\n{text}\n", encoding="utf-8")
        return book

    return copy


def read(html, name):
    """Return a page of a built book."""
    return BeautifulSoup((html / f"{name}.html").read_text("utf-8"), "html.parser")


def test_computed_sentence_is_text_of_the_page_with_its_citation_and_reference(tiny_html):
    page = read(tiny_html, "notebooks/page")
    shown = " ".join(page.find("article").get_text().split())
    assert "The mean is 2.000, after DeLong" in shown
    assert "see Front page" in shown
    assert page.find("img")
    folds = [summary.get_text(" ", strip=True) for summary in page.find_all("summary")]
    assert any("Show code" in fold for fold in folds)


def test_figure_and_table_of_a_page_are_files_of_the_book(tiny_html):
    path = tiny_html / "notebooks/page.html"
    links = read(tiny_html, "notebooks/page").select("p.rin-file a")
    assert [link.get_text() for link in links] == ["SVG", "CSV"]
    figure, table = (path.parent / link["href"] for link in links)
    assert figure.read_bytes().startswith(b"<svg")
    assert table.read_text() == "x,scaled\n0,0.0\n1,1.0\n2,2.0\n3,3.0\n4,4.0\n"


BUTTONS = (".btn-source-repository-button", ".btn-source-edit-button", ".btn-source-issues-button")


def links_of_buttons(page):
    """The addresses of the buttons that lead to the repository, and of those that launch it."""
    found = [link["href"] for link in page.select(", ".join(BUTTONS)) if link.get("href")]
    return found + [link["href"] for link in page.select("a[href^='https://codespaces.new']")]


def test_book_without_an_address_has_no_button_of_a_repository(tiny_html):
    for name in ("intro", "notebooks/page"):
        page = read(tiny_html, name)
        assert links_of_buttons(page) == []
        assert "github.com" not in str(page.find(class_="bd-header-article"))


ADDRESS = "https://github.com/ann/book"
LINE = "*no* {doc}`x` <b> $1$ {{y}}"
LOG = "```\n1/0\nZeroDivisionError: *no* {doc}`x` <b> $1$"


@pytest.fixture(scope="module")
def other_html(notebook, tiny_book, tmp_path_factory):
    """The tiny book with an address, and a page that failed."""
    book = shutil.copytree(tiny_book, tmp_path_factory.mktemp("other") / "book")
    job = Job(notebook, book / "notebooks/page.ipynb")
    write_failure(job, ValueError(f"{LINE}\n{LOG}"))
    return build(book, ADDRESS, {"notebooks/page.ipynb": "notebooks/source.py"})


def test_book_with_an_address_leads_from_every_page_to_its_source_and_cites_itself(other_html):
    for name, source in (("intro", "book/intro.md"), ("notebooks/page", "notebooks/source.py")):
        page = read(other_html, name)
        found = links_of_buttons(page)
        assert found[:2] == [ADDRESS, f"{ADDRESS}/edit/main/{source}"]
        assert found[2].startswith(f"{ADDRESS}/issues/new")
        assert "https://codespaces.new/ann/book" in found[3:]
    assert f"url = {{{ADDRESS}}}" in read(other_html, "intro").find("pre").get_text()


def test_page_that_failed_shows_its_error_as_it_is(other_html):
    page = read(other_html, "notebooks/page")
    assert page.find("h1").get_text().startswith("A page with a figure")
    (box,) = page.find_all("div", class_="admonition")
    assert "This page could not be computed." in box.get_text()
    assert page.find("pre").get_text().strip() == f"ValueError: {LINE}\n\n{LINE}\n{LOG}"


def test_build_html_with_missing_page_names_it_and_keeps_the_earlier_book(copied, tmp_path):
    (tmp_path / "_build").mkdir()
    (tmp_path / "_build/earlier.html").touch()
    with pytest.raises(InputError, match=r"(?s)does not build.*absent\.md"):
        build(copied("See [there](absent.md)."))
    assert [path.name for path in (tmp_path / "_build").iterdir()] == ["earlier.html"]
    assert {path.name for path in tmp_path.iterdir()} == {"book", "_build", "_config.yml"}


def test_links_to_pages_that_a_book_of_ones_own_lacks_are_shown_as_text(copied):
    html = build(copied("See [there](../absent) and [a page](notebooks/page)."), strict=False)
    article = read(html, "intro").find("article")
    assert "See there and a page." in " ".join(article.get_text().split())
    assert article.find("a", href="notebooks/page.html")
    assert article.select('a[href^="#"]:has(> span[class="xref myst"])')[0].get_text() == "there"
    style = (REPOSITORY / "book/_static/custom.css").read_text("utf-8")
    _, _, rule = style.partition('.bd-article a[href^="#"]:has(> span[class="xref myst"]) {')
    assert "pointer-events: none" in rule.partition("}")[0]

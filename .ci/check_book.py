"""Check the built book: computed sentences are in its pages, and it opens without a network.

Sentences with numbers are outputs of the computed notebooks; each must be in the HTML of its page.
Pages, words and banners are counted.
"""

import argparse
import html
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple

from bs4 import BeautifulSoup, Tag

from rin.report.build import book_folder
from rin.report.pages import Notebook, contents, files_of, pages
from rin.study import open_workspace

ROOT = Path(__file__).resolve().parents[1]
# Roles that only the book renders; all but citations, references and notes are complaints.
RAW = re.compile(r"\{(?!cite|numref|ref|bibliography|note)[a-z]+(?::[a-z]+)?\}`")
# Markup that separates the pieces of a text that the book shows unchanged.
MARKS = re.compile(r"</?a\b[^>]*>|\{[a-z:]+\}`[^`]*`|\[[^\]]*\]\([^)]*\)|[*_`|#$\n]+|\\\S+")
LEAST = 12  # characters of the shortest piece without digits that is searched for
# "1" before a plural, from a sentence that does not allow for the singular.
PLURAL = re.compile(
    r"(?<![\d.,/-])1 (?:scenario|epoch|task|pair|fold|patient|image|case|run|network|training)s\b"
)
# Limits of the default book.  The API reference does not count as pages or words: it is a page
# generated from docstrings, and one generated from the schemas of tables and manifests.
MOST_PAGES, MOST_WORDS, MOST_WORDS_A_PAGE, MOST_STAND_INS = 24, 26_000, 2_500, 8
API = {"api", "notebooks/use/reference"}


class Built(NamedTuple):
    """The folders of a built book: its computed notebooks, and its HTML."""

    notebooks: Path
    html: Path


def sentences(notebook: Path) -> list[str]:
    """Return the Markdown outputs of a computed notebook."""
    outputs = [out for cell in _cells(notebook) for out in cell.get("outputs", [])]
    texts = [out.get("data", {}).get("text/markdown") for out in outputs]
    return ["".join(text) for text in texts if text is not None]


def pieces(sentence: str) -> list[str]:
    """Return the parts of a sentence, between markup, that a page shows unchanged."""
    parts = (re.sub(r"\s+", " ", part).strip(" -") for part in MARKS.split(sentence))
    return [_quoted(part) for part in parts if len(part) >= LEAST or re.search(r"\d", part)]


def check_sentences(name: str, notebook: Path, page: str) -> list[str]:
    """Return complaints about the computed sentences and raw roles of one page."""
    article = BeautifulSoup(page, "html.parser")
    shown = _quoted(re.sub(r"\s+", " ", article.get_text(" ")))
    squeezed, complaints = re.sub(r"\s", "", shown), []
    for sentence in sentences(notebook):
        if not sentence.strip():
            complaints.append(f"{name}: an empty sentence")
        if found := re.search(r"\b(nan|inf|NaT)\b", sentence):
            complaints.append(f"{name}: a sentence says {found[0]!r}: {sentence.strip()[:60]}")
        if not sentence.startswith("```"):
            missing = [one for one in pieces(sentence) if re.sub(r"\s", "", one) not in squeezed]
            complaints += [f"{name}: the page does not show {one!r}" for one in missing]
    cells = _cells(notebook)
    prose = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    for text in (*prose, *sentences(notebook)):
        complaints += [f"{name}: raw role {found[0]!r}" for found in RAW.finditer(text)]
    for code in article.find_all(["pre", "code", "script"]):
        code.decompose()
    raw = re.findall(r"\{(?:doc|cite|numref)[^}]*\}", article.get_text(" "))
    complaints += [f"{name}: shows the raw role {role!r}" for role in raw]
    plurals = PLURAL.findall(_quoted(article.get_text(" ")))
    return complaints + [f"{name}: says {found!r}" for found in plurals]


def _quoted(text: str) -> str:
    """Return a text with plain quotation marks and dashes, as the book makes them typographic."""
    plain = str.maketrans({"’": "'", "‘": "'", "“": '"', "”": '"', "–": "-", "—": "-", "…": "..."})
    return re.sub(r"-+", "-", text.translate(plain))


def check_page(page: Notebook, built: Built, kind: str | None) -> list[str]:
    """Return the complaints about one page.

    Parameters
    ----------
    kind
        The kind of images that its line of provenance must state; None if it needs no such line.
    """
    notebook = built.notebooks / f"{page.source}.ipynb"
    path = built.html / "notebooks" / f"{page.source}.html"
    missing = [file.name for file in (notebook, path) if not file.is_file()]
    if missing:
        return [f"{page.source}: no {file}" for file in missing]
    text = path.read_text(encoding="utf-8")
    complaints = check_sentences(page.source, notebook, text)
    if kind is not None and f"rin-provenance rin-{kind}" not in text:
        complaints.append(f"{page.source}: does not say that its images are {kind}")
    if "Traceback (most recent call last)" in text:
        complaints.append(f"{page.source}: shows a traceback")
    if re.search(r"\d+/\d+ \[\d\d:\d\d<", html.unescape(text)):
        complaints.append(f"{page.source}: shows a progress bar")
    return complaints + check_files(page.source, path)


def check_files(name: str, path: Path) -> list[str]:
    """Return complaints about missing files of the figures and tables of one page."""
    article = BeautifulSoup(path.read_text(encoding="utf-8"), "html.parser")
    links = [link["href"] for link in article.select("p.rin-file a")]
    lacking = [href for href in links if not (path.parent / href).is_file()]
    figures = len(article.select("img.rin-figure"))
    linked = sum(href.endswith((".svg", ".png")) for href in links)
    complaints = [f"{name}: there is no file {href}" for href in lacking]
    if figures != linked:
        complaints.append(f"{name}: {figures} figures, {linked} files of them are linked")
    return complaints


def visible_words(page: str) -> int:
    """Return the number of words visible on a built page, including open code.

    Tables, folded parts, navigation and formulas do not count; a word has a letter or a digit.
    """
    article = BeautifulSoup(page, "html.parser").find("article", class_="bd-article")
    if article is None:
        return 0
    for hidden in article.find_all(["script", "style", "table"]):
        hidden.decompose()
    for folded in article.find_all("details"):
        for part in list(folded.children):
            if not (isinstance(part, Tag) and part.name == "summary"):
                part.extract()
    for mark in article.select("a.headerlink, .math, summary .expanded"):
        mark.decompose()
    return sum(bool(re.search(r"\w", word)) for word in article.get_text(" ").split())


def count(built: Built, listed: dict) -> tuple[Counter, list[str]]:
    """Return the number of words by page, and the pages whose line of provenance names stand-ins.

    `listed` is the book's table of contents; the pages of the API reference are left out.
    """
    files = [file for file in files_of(listed) if file not in API]
    texts = {file: (built.html / f"{file}.html").read_text(encoding="utf-8") for file in files}
    of_stand_ins = re.compile(r"rin-provenance rin-(stand-in|mixed)")
    words = Counter({file: visible_words(text) for file, text in texts.items()})
    return words, [file for file, text in texts.items() if of_stand_ins.search(text)]


def check_counts(words: Counter, stand_ins: Sequence[str]) -> list[str]:
    """Return complaints about a default book that is too large."""
    found = [("pages", len(words), MOST_PAGES), ("words", words.total(), MOST_WORDS)]
    found += [(f"words on {page}", n, MOST_WORDS_A_PAGE) for page, n in words.items()]
    found += [("pages of stand-ins", len(stand_ins), MOST_STAND_INS)]
    return [f"{what}: {n:,}, at most {most:,}" for what, n, most in found if n > most]


def check_book(listed: Sequence[Notebook], built: Built, *, stand_ins: bool) -> list[str]:
    """Return all complaints about a built book, except those about its size.

    With `stand_ins`, pages that train must state that their images are stand-ins.
    """
    complaints = []
    for page in listed:
        live = stand_ins and page.leaves in ("weights", "runs")
        complaints += check_page(page, built, "stand-in" if live else None)
    return complaints + [
        f"{found.page} loads {found.url} ({found.element})"
        for found in external_resources(built.html)
    ]


def main() -> int:
    """Print each complaint and a summary of the checks; return the exit status."""
    parser = argparse.ArgumentParser(description="Check the built book.")
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--data-root", default="")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    chosen = parser.parse_args()
    workspace = open_workspace(chosen.profile, data_root=chosen.data_root, results=chosen.results)
    listed = pages(workspace)
    built = Built(ROOT / "book" / "notebooks", book_folder(workspace) / "html")
    complaints = check_book(listed, built, stand_ins=not chosen.data_root)
    words, stand_ins = count(built, contents(listed, whole=not workspace.profile.pages))
    if workspace.profile.name == "demo" and not chosen.data_root:
        complaints += check_counts(words, stand_ins)
    for line in complaints:
        print(f"FAILED {line}")
    computed = [built.notebooks / f"{page.source}.ipynb" for page in listed]
    said = sum(len(sentences(notebook)) for notebook in computed if notebook.is_file())
    (longest, most), *_ = words.most_common(1)
    print(
        f"book: {len(words)} pages, {words.total():,} words without the API reference "
        f"(most: {most:,} on {longest}), "
        f"{len(stand_ins)} pages of stand-ins, {said} sentences, {len(complaints)} complaints"
    )
    return bool(complaints)


def _cells(notebook: Path) -> list[dict]:
    return json.loads(notebook.read_text(encoding="utf-8"))["cells"]


class Reference(NamedTuple):
    """A network address that a page loads by itself when it is opened."""

    page: str
    element: str
    url: str


def external_resources(html_dir: Path) -> list[Reference]:
    """List the resources that pages of a built book would fetch from the network.

    Scripts, styles, images, frames and media count; links that a reader follows do not.  Requests
    of scripts at run time are not visible here; the browser test checks them.

    Parameters
    ----------
    html_dir
        Folder of the built HTML, read with all folders below it.

    Returns
    -------
    list of Reference
        Empty for a book that opens offline.
    """
    found = []
    for page in sorted(html_dir.rglob("*.html")):
        reader = _PageReader()
        reader.feed(page.read_text(encoding="utf-8"))
        name = page.relative_to(html_dir).as_posix()
        found += [Reference(name, element, url) for element, url in reader.found]
    for sheet in sorted(html_dir.rglob("*.css")):
        name = sheet.relative_to(html_dir).as_posix()
        urls = _style_urls(sheet.read_text(encoding="utf-8", errors="replace"))
        found += [Reference(name, "css", url) for url in urls]
    return found


_LOADED_RELATIONS = {"stylesheet", "icon", "preload", "modulepreload", "prefetch", "preconnect"}
_LOADED_RELATIONS |= {"dns-prefetch", "manifest", "apple-touch-icon"}


def _style_urls(css: str) -> list[str]:
    pattern = r"""(?:url\(\s*|@import\s+)["']?((?:https?:)?//[^"')\s]+)"""
    return re.findall(pattern, css, flags=re.IGNORECASE)


class _PageReader(HTMLParser):
    """Collects (element, address) of each resource that a page loads from the network."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._in_style = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self._in_style = tag == "style"
        loaded = [values.get("src", ""), values.get("poster", "")]
        loaded += [part.split()[0] for part in values.get("srcset", "").split(",") if part.strip()]
        if tag == "object":
            loaded.append(values.get("data", ""))
        if tag == "link" and _LOADED_RELATIONS & set(values.get("rel", "").lower().split()):
            loaded.append(values.get("href", ""))
        loaded += _style_urls(values.get("style", ""))
        remote = re.compile(r"\s*(https?:)?//", re.IGNORECASE)
        self.found += [(tag, url.strip()) for url in loaded if remote.match(url)]

    def handle_data(self, data: str) -> None:
        if self._in_style:
            self.found += [("style", url) for url in _style_urls(data)]

    def handle_endtag(self, tag: str) -> None:
        self._in_style = self._in_style and tag != "style"


if __name__ == "__main__":
    sys.exit(main())

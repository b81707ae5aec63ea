"""Check the built book: computed values stand in its pages, and it opens without a network.

Every value that the prose of a notebook shows is read from the computed notebook, as it was glued,
and looked for in the HTML of the same page.  The mean AUCs of each task's page are computed once
more, by scikit-learn from the predictions.  Pages, words and banners are counted.
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

import jupytext
import pandas as pd
from bs4 import BeautifulSoup, Tag
from sklearn.metrics import roc_auc_score

from rin.report.pages import Page, contents, outline_of, pages
from rin.study import Runs, open_runs

ROOT = Path(__file__).resolve().parents[1]
ROLE = re.compile(r"\{glue:text\}`(\w+):?([^`]*)`")
# What the default book keeps to.
MOST_PAGES, MOST_WORDS, MOST_WORDS_A_PAGE, MOST_STAND_INS = 41, 55_000, 2_500, 8


class Built(NamedTuple):
    """Where a built book lies: its computed notebooks, and its HTML."""

    notebooks: Path
    html: Path


def glued_texts(notebook: Path) -> dict[str, str]:
    """Return the plain text of every value that a computed notebook has glued."""
    found = {}
    for cell in _cells(notebook):
        for output in cell.get("outputs", []):
            key = output.get("metadata", {}).get("scrapbook", {}).get("name")
            texts = output.get("data", {})
            plain = texts.get("application/papermill.record/text/plain", texts.get("text/plain"))
            if key and plain is not None:
                found[key] = "".join(plain).strip("'\"")
    return found


def expected_keys(source: str) -> tuple[str, ...]:
    """Return the keys that the prose of a py:percent notebook shows."""
    cells = jupytext.read(ROOT / "notebooks" / f"{source}.py").cells
    prose = [cell.source for cell in cells if cell.cell_type == "markdown"]
    return tuple(dict.fromkeys(key for key, _ in ROLE.findall("\n".join(prose))))


def shown_roles(notebook: Path) -> list[tuple[str, str]]:
    """Return (key, format) of each glued text of a notebook's prose, in order."""
    prose = ["".join(c["source"]) for c in _cells(notebook) if c["cell_type"] == "markdown"]
    return ROLE.findall("\n".join(prose))


def shown_texts(page: str) -> list[str]:
    """Return the texts that a built page shows for its glued values, in order."""
    spans = re.findall(r'(?s)<span class="pasted-text">(.*?)</span>', page)
    return [re.sub(r"\s+", " ", html.unescape(span)).strip() for span in spans]


def as_shown(value: str, form: str) -> str:
    """Return a glued value as the prose is to show it: a number in its format, a text as it is."""
    number = int if re.fullmatch(r"-?\d+", value) else float
    return f"{number(value):{form}}" if form else value.replace("'", "’")


def check_values(name: str, keys: Sequence[str], notebook: Path, page: str) -> list[str]:
    """Return the complaints about the glued values of one page."""
    glued, roles, shown = glued_texts(notebook), shown_roles(notebook), shown_texts(page)
    complaints = [f"{name}: nothing glued as {key!r}" for key in keys if key not in glued]
    unseen = set(keys) - {key for key, _ in roles}
    complaints += [f"{name}: {key!r} is not in the prose" for key in sorted(unseen)]
    if len(shown) != len(roles):
        return [*complaints, f"{name}: {len(shown)} values shown, {len(roles)} in the prose"]
    for (key, form), text in zip(roles, shown, strict=True):
        if key in glued and text.replace("'", "’") != as_shown(glued[key], form):
            complaints.append(f"{name}: {key} = {glued[key]} is shown as {text!r}")
        if re.fullmatch(r"[+-]?(nan|inf)|", text):
            complaints.append(f"{name}: {key} is shown as {text!r}")
    return complaints


def check_page(page: Page, keys: Sequence[str], built: Built, kind: str | None) -> list[str]:
    """Return the complaints about one page.

    Parameters
    ----------
    keys
        Of the values that it must show.
    kind
        What its line of provenance must say of the images; None asks for no such line.
    """
    notebook = built.notebooks / f"{page.name}.ipynb"
    path = built.html / "notebooks" / f"{page.name}.html"
    missing = [file.name for file in (notebook, path) if not file.is_file()]
    if missing:
        return [f"{page.name}: no {file}" for file in missing]
    text = path.read_text(encoding="utf-8")
    complaints = check_values(page.name, keys, notebook, text)
    if kind is not None and f"rin-provenance rin-{kind}" not in text:
        complaints.append(f"{page.name}: does not say that its images are {kind}")
    if page.heading and html.escape(page.heading, quote=False) not in html.unescape(text):
        complaints.append(f"{page.name}: is not headed {page.heading!r}")
    if "Traceback (most recent call last)" in text:
        complaints.append(f"{page.name}: shows a traceback")
    if re.search(r"\d+/\d+ \[\d\d:\d\d<", html.unescape(text)):
        complaints.append(f"{page.name}: shows a progress bar")
    return complaints


def mean_aucs(scores: pd.DataFrame) -> dict[str, float]:
    """Return, per init, the mean test AUC over scenarios; folds are averaged first.

    Each AUC is scikit-learn's, of the predictions of one network.
    """
    rows = [
        (*named, roc_auc_score(run["label"], run["score"]))
        for named, run in scores[scores["part"] == "test"].groupby(["init", "scenario", "fold"])
    ]
    table = pd.DataFrame(rows, columns=["init", "scenario", "fold", "auc"])
    scenarios = table.groupby(["init", "scenario"])["auc"].mean()
    return scenarios.groupby("init").mean().to_dict()


def check_means(
    page: Page, scores: pd.DataFrame, inits: Sequence[str], built: Built, tolerance: float = 1e-9
) -> list[str]:
    """Return the complaints about the mean AUCs of a task's page."""
    glued = glued_texts(built.notebooks / f"{page.name}.ipynb")
    means, complaints = mean_aucs(scores), []
    for key, init in zip(("auc_a", "auc_b"), inits, strict=True):
        told, mean = float(glued.get(key, "nan")), means.get(init, float("nan"))
        if not abs(told - mean) <= tolerance:
            complaints.append(f"{page.name}: mean AUC of {init} is {told}, recomputed {mean}")
    return complaints


def visible_words(page: str) -> int:
    """Return how many words a reader of a built page sees, tables and open code included.

    What is folded does not count, nor do navigation and formulas' markup; a word holds a letter
    or a digit.
    """
    article = BeautifulSoup(page, "html.parser").find("article", class_="bd-article")
    if article is None:
        return 0
    for hidden in article.find_all(["script", "style"]):
        hidden.decompose()
    for folded in article.find_all("details"):
        for part in list(folded.children):
            if not (isinstance(part, Tag) and part.name == "summary"):
                part.extract()
    for mark in article.find_all("a", class_="headerlink"):
        mark.decompose()
    return sum(bool(re.search(r"\w", word)) for word in article.get_text(" ").split())


def count(built: Built, listed: dict) -> tuple[Counter, list[str]]:
    """Return words per page, and the pages whose line of provenance names stand-ins.

    `listed` is the book's table of contents.
    """
    files = [listed["root"], *(c["file"] for part in listed["parts"] for c in part["chapters"])]
    texts = {file: (built.html / f"{file}.html").read_text(encoding="utf-8") for file in files}
    told = re.compile(r"rin-provenance rin-(stand-in|mixed)")
    words = Counter({file: visible_words(text) for file, text in texts.items()})
    return words, [file for file, text in texts.items() if told.search(text)]


def check_counts(words: Counter, stand_ins: Sequence[str]) -> list[str]:
    """Return the complaints about a default book that has grown too large."""
    found = [("pages", len(words), MOST_PAGES), ("words", words.total(), MOST_WORDS)]
    found += [(f"words on {page}", n, MOST_WORDS_A_PAGE) for page, n in words.items()]
    found += [("pages of stand-ins", len(stand_ins), MOST_STAND_INS)]
    return [f"{what}: {n:,}, at most {most:,}" for what, n, most in found if n > most]


def provenance(page: Page, runs: Runs) -> str | None:
    """Return what a page must say of its images, None where it need not say it."""
    if page.notebook.source == "results/task":
        return "stand-in" if runs.kind(page.task) == "stand-in" else "real"
    own = runs.reference is None and runs.study.data_root is None
    live = page.notebook.leaves in ("weights", "runs") and runs.study.data_root is None
    return "stand-in" if live or (own and page.notebook.source.startswith("results/")) else None


def check_book(runs: Runs, built: Built) -> list[str]:
    """Return every complaint about a built book, but for those about its size."""
    complaints = []
    for page in pages(outline_of(runs.study)):
        keys = expected_keys(page.notebook.source)
        complaints += check_page(page, keys, built, provenance(page, runs))
        if page.notebook.of == "task":
            scores = runs.predictions(task=page.task)
            complaints += check_means(page, scores, runs.inits, built)
    return complaints + [
        f"{found.page} loads {found.url} ({found.element})"
        for found in external_resources(built.html)
    ]


def main() -> int:
    """Print each complaint and how much was checked; return the exit status."""
    parser = argparse.ArgumentParser(description="Check the built book.")
    parser.add_argument("--profile", default="smoke")
    parser.add_argument("--data-root", default="")
    parser.add_argument("--results", type=Path, default=ROOT / "results")
    chosen = parser.parse_args()
    runs = open_runs(chosen.profile, data_root=chosen.data_root, results=chosen.results)
    built = Built(ROOT / "book" / "notebooks", ROOT / "_build" / "html")
    complaints = check_book(runs, built)
    outline = outline_of(runs.study)
    words, stand_ins = count(built, contents(outline))
    if runs.study.profile.name == "demo" and not chosen.data_root:
        complaints += check_counts(words, stand_ins)
    for line in complaints:
        print(f"FAILED {line}")
    values = sum(len(expected_keys(page.notebook.source)) for page in pages(outline))
    (longest, most), *_ = words.most_common(1)
    print(
        f"book: {len(words)} pages, {words.total():,} words (most: {most:,} on {longest}), "
        f"{len(stand_ins)} pages of stand-ins, {values} values, {len(complaints)} complaints"
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
    """List what the pages of a built book would fetch from the network.

    Scripts, styles, images, frames and media count; links that a reader follows do not.  What a
    script requests at run time cannot be seen here; the browser test watches that.

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
    """Collects (element, address) of everything that a page loads from the network."""

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

"""The figures and tables of a computed page, written as files.

A figure is extracted from the page: an SVG, or a PNG if it contains images.  A table
(`rin.report.format.book_table`) becomes a CSV with unrounded numbers.  Only `rin run` and `rin
book` write files, after the last cell of a page; in Jupyter nothing is written.
"""

import re
from base64 import b64decode
from collections import Counter
from collections.abc import Mapping
from html import escape, unescape
from pathlib import Path
from textwrap import shorten

import nbformat

from rin.errors import as_input_error
from rin.files import MAKE_ROOM
from rin.report.format import CSV

#: Folder of the built book that contains the files of all its pages.
DOWNLOADS = "_downloads"
#: Folders of figures and of tables within it, and beside a notebook that is run alone.
FIGURES, TABLES = FOLDERS = "figures", "csv"
_MARKS = {
    "stand-in": "stand-ins",
    "mixed": "partly-stand-ins",
    "weights": "weights-of-stand-ins",
}
_FIGURE = re.compile(
    r'<img class="rin-figure[^>]*? src="data:image/(svg|png)(?:\+xml)?;base64,([^"]*)"'
    r' alt="([^"]*)"[^>]*>'
)
_MOST_LETTERS = 48


def shown_files(
    notebook: nbformat.NotebookNode, page: str, address: str | None = None
) -> dict[str, bytes]:
    """Return the figures and tables of a computed page as files, by their names below a folder.

    Names begin with that of the page, such as ``results/tasks``, and mention stand-ins where its
    banner does, because a file has no banner.  With the `address` of the folder, relative to the
    page, each file is linked below its figure or table.
    """
    files: dict[str, bytes] = {}
    start = _slug(page, "_")
    outputs = str([cell.get("outputs") for cell in notebook.cells])
    if banner := re.search(f"rin-provenance rin-({'|'.join(_MARKS)})", outputs):
        start += f"-{_MARKS[banner[1]]}"
    seen = Counter[str]()

    def add(folder: str, ending: str, words: str, content: bytes) -> str:
        """Add a file, and return a link to it."""
        stem = f"{folder}/{start}-{_slug(words, '-') or folder}"
        seen[stem] += 1
        number = f"-{seen[stem]}" if seen[stem] > 1 else ""
        name = f"{stem}{number}.{ending}"
        files[name] = content
        if address is None:
            return ""
        kind = ending.upper()
        link = f'<a href="{escape(f"{address}/{name}")}" download '
        link += f'aria-label="{escape(f"{kind}: {words}")}">{kind}</a>'
        return f'<p class="rin-file">{link}</p>'

    def add_figure(match: re.Match) -> str:
        kind, encoded, words = match.groups()
        return match[0] + add(FIGURES, kind, unescape(words), b64decode(encoded))

    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            content = output.get("data", {})
            html = _FIGURE.sub(add_figure, content.get("text/html", ""))
            if table := output.get("metadata", {}).get(CSV):
                html += add(TABLES, "csv", table["title"], table["rows"].encode())
            if html and address is not None:
                content["text/html"] = html
    return files


def write_files(files: Mapping[str, bytes], folder: Path, page: str | None = None) -> None:
    """Write files by their names below a folder; earlier files of the `page` are removed."""
    problem = "figures and tables of a page cannot be written there"
    with as_input_error(problem, where=folder, remedy=MAKE_ROOM):
        if page is not None:
            for kind in FOLDERS:
                for old in (folder / kind).glob(f"{_slug(page, '_')}-*"):
                    old.unlink()
        for name, content in files.items():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(content)


def _slug(words: str, mark: str) -> str:
    """Return words in the form of a file name, cut off between words."""
    plain = re.sub(r"[^a-z0-9]+", " ", words.lower())
    return shorten(plain, _MOST_LETTERS, placeholder="").replace(" ", mark)

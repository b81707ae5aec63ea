"""Whether a built book opens without a network.

Reads HTML and style sheets only.  What a script requests at run time cannot be seen here; the
browser test watches that.
"""

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import NamedTuple


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

"""The paper's figures, tables and sentences, and the places of their counterparts in this book."""

import posixpath
import re
from dataclasses import dataclass
from pathlib import Path

from rin.files import read_yaml


@dataclass(frozen=True)
class Counterpart:
    """An item of the paper, what it shows, and the page and heading of its counterpart."""

    item: str
    subject: str
    page: str
    heading: str

    @property
    def anchor(self) -> str:
        """The heading as it is written in an address within its page."""
        return re.sub(r"[^\w\- ]", "", self.heading.strip().lower()).replace(" ", "-")

    def link(self, page: str) -> str:
        """Return a link to the counterpart from another page, as Markdown."""
        file = ""
        if self.page != page:
            file = posixpath.relpath(f"{self.page}.ipynb", posixpath.dirname(page) or ".")
        return f"[{self.heading}]({file}#{self.anchor})"


#: Every item, in the paper's order; the facts are in `counterparts.yaml`.
COUNTERPARTS = tuple(
    Counterpart(**facts) for facts in read_yaml(Path(__file__).with_suffix(".yaml"))
)


def mirror(page: str) -> str:
    """Return a table of the paper's items with links to their counterparts, as Markdown.

    Parameters
    ----------
    page : path below ``notebooks/`` of the page that shows the table
    """
    rows = [f"| {part.item} | {part.subject} | {part.link(page)} |" for part in COUNTERPARTS]
    head = ["| in the paper | shows | in this book |", "|---|---|---|"]
    return "\n".join([*head, *rows])

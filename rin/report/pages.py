"""The pages of the book: the place of each notebook, what it waits for, and what it leaves.

One table, `pages.yaml`, lists every notebook once; the pages of a book and its table of contents
follow from it and from the profile.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rin.data.manifest import find_task
from rin.files import read_facts
from rin.study import Workspace
from rin.study.workspace import CURATED, chosen_pages, corpora_read, find_manifest

_TABLE = read_facts(__file__)
#: Captions of the parts, in the order of the book.
PARTS = tuple(part["caption"] for part in _TABLE)
_RESULTS = PARTS[2]


@dataclass(frozen=True)
class Notebook:
    """One notebook, and page, of the book."""

    source: str  # path below notebooks/, without its ending
    part: str  # caption of the part that contains its pages
    after: Sequence[str] = ()  # notebooks whose results it reads
    after_if_curated: Sequence[str] = ()  # the same, if pretraining reads a curated corpus
    # Section of the profile that it needs; `masks` is a property of a task.
    section: str = ""
    leaves: str = ""  # ledger in the results folder that it fills
    live: bool = False  # whether it shows only runs of this computer, never a reference run
    extras: Sequence[str] = ()  # extras of pyproject.toml that it needs besides `study` and `book`


@dataclass(frozen=True)
class Outline:
    """Facts that determine the pages of a book, and the order in which they are computed."""

    sections: frozenset[str] = frozenset()  # of the profile; also `masks` of its tasks
    curates: bool = True  # whether pretraining reads a corpus that must be curated first
    chosen: tuple[str, ...] = ()  # notebooks of a book of chosen pages, cover first; empty: all
    title: str | None = None  # of a book of chosen pages: the title of its images
    reading: bool = False  # whether pages that need a framework or train are left out

    def trains(self, notebook: Notebook) -> bool:
        """Return whether running a notebook of the book fills a ledger."""
        return bool(notebook.leaves) and notebook.section in {"", *self.sections}

    def after(self, notebook: Notebook) -> Sequence[str]:
        """Return the notebooks that must have run before another."""
        return [*notebook.after, *(notebook.after_if_curated if self.curates else ())]


NOTEBOOKS = tuple(
    Notebook(part=part["caption"], **facts)
    for part in _TABLE
    for facts in part.get("notebooks", [])
)


def outline_of(workspace: Workspace, *, reading: bool = False) -> Outline:
    """Return the outline of a study's book; `reading` leaves out pages that need a framework."""
    profile = workspace.profile
    shown = {name for name in ("curation", "pretraining") if getattr(profile, name) is not None}
    if any(find_manifest(workspace, *find_task(task)).masks for task in profile.tasks):
        shown |= {"masks"}
    chosen = chosen_pages(profile)
    titles = dict.fromkeys(find_task(task)[0].title for task in profile.tasks)
    return Outline(
        sections=frozenset(shown),
        curates=CURATED in corpora_read(workspace),
        chosen=chosen,
        title=", ".join(titles) if chosen else None,
        reading=reading,
    )


def pages(outline: Outline) -> Iterator[Notebook]:
    """Yield every page of a book, in the order of the table."""
    known = {notebook.source: notebook for notebook in NOTEBOOKS}
    of_ones_own = {"part": _RESULTS, "after": ("pipeline/fine_tuning",)}
    chosen = [known.get(name) or Notebook(name, **of_ones_own) for name in outline.chosen]
    for notebook in chosen or NOTEBOOKS:
        if notebook.live and notebook.section not in {"", *outline.sections}:
            continue
        if outline.reading and notebook.extras:
            continue
        yield notebook


def contents(outline: Outline) -> dict:
    """Return the table of contents; the first page of the table is the cover."""
    cover, *others = pages(outline)
    parts = []
    for part in _TABLE:
        files = [f"notebooks/{page.source}" for page in others if page.part == part["caption"]]
        # Citations of chosen pages lead to the list of references, too.
        kept = {"references"} if outline.chosen else {*part.get("prose", [])}
        files += [name for name in part.get("prose", []) if name in kept]
        caption = {"caption": part["caption"]} if part["caption"] else {}
        if files:
            parts.append(caption | {"chapters": [{"file": name} for name in files]})
    return {"format": "jb-book", "root": f"notebooks/{cover.source}", "parts": parts}


def files_of(listed: Mapping) -> list[str]:
    """Return every file of a table of contents, in its order."""
    chapters = (chapter for part in listed["parts"] for chapter in part["chapters"])
    return [listed["root"], *(chapter["file"] for chapter in chapters)]

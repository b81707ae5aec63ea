"""The pages of the book: the place of each notebook, what it waits for, and what it leaves.

One table, `pages.yaml`, lists every notebook once; the pages of a book and its table of contents
follow from it and from the profile.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rin.data.manifest import find_task
from rin.files import read_facts
from rin.study import Workspace
from rin.study.workspace import chosen_pages, find_manifest

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
    # Section of the profile that it needs; `masks` is a property of a task.
    section: str = ""
    live: bool = False  # whether it shows runs of this computer
    leaves: str = ""  # ledger in the results folder that a live page fills by training
    extras: Sequence[str] = ()  # extras of pyproject.toml that it needs besides `study` and `book`


NOTEBOOKS = tuple(
    Notebook(part=part["caption"], **facts)
    for part in _TABLE
    for facts in part.get("notebooks", [])
)


def pages(workspace: Workspace, *, reading: bool = False) -> list[Notebook]:
    """Return every page of a study's book, in the order of the table, the cover first.

    `reading` leaves out pages that need a framework.
    """
    profile = workspace.profile
    known = {notebook.source: notebook for notebook in NOTEBOOKS}
    sections = {name for name in ("curation", "pretraining") if getattr(profile, name) is not None}
    if any(find_manifest(workspace, *find_task(task)).masks for task in profile.tasks):
        sections.add("masks")
    of_ones_own = {"part": _RESULTS, "after": ("pipeline/fine_tuning",), "live": True}
    chosen = [known.get(name) or Notebook(name, **of_ones_own) for name in chosen_pages(profile)]
    return [
        notebook
        for notebook in chosen or NOTEBOOKS
        if (not notebook.live or notebook.section in {"", *sections})
        and not (reading and notebook.extras)
    ]


def contents(listed: Sequence[Notebook], *, whole: bool = True) -> dict:
    """Return the table of contents of some pages; the first one is the cover.

    Of prose, a book that is not `whole` has only the list of references, to which citations lead.
    """
    cover, *others = listed
    parts = []
    for part in _TABLE:
        files = [f"notebooks/{page.source}" for page in others if page.part == part["caption"]]
        files += [name for name in part.get("prose", []) if whole or name == "references"]
        if files:
            chapters = [{"file": name} for name in files]
            parts.append({"caption": part["caption"], "chapters": chapters})
    return {"format": "jb-book", "root": f"notebooks/{cover.source}", "parts": parts}


def files_of(listed: Mapping) -> list[str]:
    """Return every file of a table of contents, in its order."""
    chapters = (chapter for part in listed["parts"] for chapter in part["chapters"])
    return [listed["root"], *(chapter["file"] for chapter in chapters)]

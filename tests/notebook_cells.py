"""The notebooks as they are written: their cells, tags, code and prose."""

from functools import cache

import jupytext

from rin.files import REPOSITORY

FOLDER = REPOSITORY / "notebooks"
NOTEBOOKS = sorted(FOLDER.rglob("*.py"))

read = cache(jupytext.read)


def name(path):
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def tags(cell):
    return {*cell.metadata.get("tags", [])}


def sources(path, kind, *without):
    """Return the text of each cell of a kind that has none of these tags."""
    return [
        cell.source
        for cell in read(path).cells
        if cell.cell_type == kind and tags(cell).isdisjoint(without)
    ]


def prose(path):
    return "\n".join(sources(path, "markdown"))

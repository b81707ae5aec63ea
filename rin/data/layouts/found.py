"""What a layout reader returns, and the steps that readers share.

A reader names its files by patterns (:func:`sort_files`), reads its tables (:func:`read_table`),
and refuses whatever does not fit together (:meth:`rin.data.tree.Tree.refuse`).
"""

import re
from collections.abc import Iterable
from itertools import accumulate
from typing import NamedTuple, Self

import pandas as pd
from pydantic import ValidationError

from rin.data.discovery import parse_table
from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError
from rin.files import FrozenModel, misfit

STAND_IN_NOTE = "STAND_IN.json"


class FoundCase(NamedTuple):
    """A case known by its file names and tables: ids, source class and locators.

    ``patient_id`` is missing where only the header of the image tells it (DICOM).  A mask is a
    locator of a mask picture, or a shape in words (:mod:`rin.data.pixels`).
    """

    case_id: str
    patient_id: str | None
    source_class: str
    image: str
    masks: tuple[str, ...] = ()


def sort_files(tree: Tree, layout: str, **patterns: str) -> tuple[str, dict[str, dict[str, str]]]:
    """Return the folder around all files (with its slash, or nothing), and the files of each kind.

    A file is of the first kind whose pattern matches its name below that folder as a whole; its
    key is what the pattern's groups hold, joined by slashes.
    """
    names = [name for name in tree.names if name.rpartition("/")[2] != STAND_IN_NOTE]
    folders = names[0].split("/")[:-1] if names else []
    matchers = {kind: re.compile(pattern).fullmatch for kind, pattern in patterns.items()}
    # Of very many names, some tell where the layout begins.
    some = names[:: 1 + len(names) // 1000]
    for around in accumulate((f"{folder}/" for folder in folders), initial=""):
        if any(match(name, len(around)) for name in some for match in matchers.values()):
            break
    files, strange, twice = {kind: {} for kind in patterns}, [], []
    for name in names:
        for kind, match in matchers.items():
            if fitting := match(name, len(around)):
                key = "/".join(filter(None, fitting.groups()))
                if files[kind].setdefault(key, name) != name:
                    twice.append(name)
                break
        else:
            strange.append(name)
    tree.refuse(strange, f"files have no place in the layout {layout!r}")
    tree.refuse(twice, "files are there twice, with another ending or folder")
    return around, files


def one_of(words: Iterable[str]) -> str:
    """Return a pattern that matches one of some words; any folder or file name where none are."""
    return f"(?:{'|'.join(map(re.escape, words)) or '[^/]+'})"


class ReaderOptions(FrozenModel):
    """Base of the options of one reader."""

    @classmethod
    def of(cls, manifest: DatasetManifest) -> Self:
        """Return the manifest's options, checked; InputError names the field at fault."""
        try:
            return cls.model_validate(manifest.options)
        except ValidationError as error:
            problem = f"option of the layout {manifest.layout!r}: {misfit(error, cls)}"
            remedy = f"It knows: {', '.join(cls.model_fields) or 'none'}."
            raise InputError(problem, where=f"manifest {manifest.name}", remedy=remedy) from error


def read_table(
    tree: Tree, name: str, columns: Iterable[str], *, header: bool = True
) -> pd.DataFrame:
    """Return a table of a tree as text, as :func:`rin.data.discovery.parse_table` does."""
    if name not in tree.names:
        raise tree.wrong("the table is not there", file=name)
    return parse_table(tree.read(name), tree.place(name), columns, header=header)

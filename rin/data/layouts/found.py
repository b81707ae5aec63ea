"""What a layout reader returns, and the steps that readers share."""

import csv
import io
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from rin.data.manifest import DatasetManifest
from rin.data.tree import Tree
from rin.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
STAND_IN_NOTE = "STAND_IN.json"


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case known by its file names and tables: ids, source class and locators.

    ``patient_id`` is None where only the header of the image tells it (DICOM).  A mask is a
    locator of a mask picture, or a shape in words (:mod:`rin.data.pixels`).
    """

    case_id: str
    patient_id: str | None
    source_class: str
    image: str
    masks: tuple[str, ...] = ()


def class_folders(tree: Tree, expected: Iterable[str] = ()) -> dict[str, list[str]]:
    """Return the full names of the files of each class folder.

    A single folder around the class folders is skipped.

    Raises
    ------
    InputError
        No files, files outside a class folder, folders inside one, or class folders that are
        missing or not among ``expected`` (where given).
    """
    place, expected = tree.place(), set(expected)
    names = [name for name in tree.names if name.rpartition("/")[2] != STAND_IN_NOTE]
    prefix = _wrapping_folder(names, expected)
    folders: dict[str, list[str]] = defaultdict(list)
    for name in names:
        parts = name.removeprefix(prefix).split("/")
        if len(parts) != 2:
            raise InputError(
                f"{name!r} does not stand directly in a class folder",
                where=place,
                remedy="Keep one folder per class with pictures in it, and nothing else.",
            )
        folders[parts[0]].append(name)
    missing = sorted(expected - set(folders)) if expected else ["any"] * (not folders)
    extra = sorted(set(folders) - expected) if expected else []
    if missing or extra:
        raise InputError(
            f"class folders missing: {', '.join(missing) or 'none'}; "
            f"not known: {', '.join(extra) or 'none'}",
            where=place,
            remedy="Unpack the whole dataset there, with its own folder names.",
        )
    return dict(folders)


def refuse_unpaired(
    tree: Tree, left: Iterable[str], right: Iterable[str], problems: tuple[str, str], remedy: str
) -> None:
    """Raise InputError, with the first names, where two sets of names differ.

    ``problems`` say what the names of the left alone, and of the right alone, are.
    """
    left, right = set(left), set(right)
    for alone, problem in ((left - right, problems[0]), (right - left, problems[1])):
        if alone:
            raise InputError(
                f"{len(alone)} {problem}: {', '.join(sorted(alone)[:5])}",
                where=tree.place(),
                remedy=remedy,
            )


def inside(names: Iterable[str], known: Iterable[str]) -> tuple[list[str], str]:
    """Return names without a stand-in's note, and the folder around all with its slash, or nothing.

    ``known`` are the folders that stand at the top where nothing is around them.
    """
    names = [name for name in names if name.rpartition("/")[2] != STAND_IN_NOTE]
    tops = {name.split("/")[0] for name in names}
    return names, "" if len(tops) != 1 or tops & set(known) else f"{tops.pop()}/"


def unknown_file(tree: Tree, name: str, layout: str) -> InputError:
    """Return the error for a file that the layout has no place for."""
    return InputError(
        f"{name!r} is no file of the layout {layout!r}",
        where=tree.place(),
        remedy="Move it out of the dataset, or fetch the dataset again.",
    )


def _wrapping_folder(names: list[str], expected: set[str]) -> str:
    tops = {name.split("/")[0] for name in names}
    only = next(iter(tops)) if len(tops) == 1 else None
    deep = all(name.count("/") >= 2 for name in names)
    return f"{only}/" if only is not None and deep and only not in expected else ""


class ReaderOptions(BaseModel):
    """Base of the options of one reader: frozen, and names that it does not know are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


Options = TypeVar("Options", bound=ReaderOptions)


def reader_options(model: type[Options], manifest: DatasetManifest) -> Options:
    """Return the manifest's options as the reader's model; raises InputError naming the field."""
    try:
        return model.model_validate(manifest.options)
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(map(str, one['loc'])) or 'options'}: {one['msg']}" for one in error.errors()
        )
        raise InputError(
            f"options that the layout {manifest.layout!r} cannot use ({wrong})",
            where=f"manifest {manifest.name}",
            remedy=f"It knows: {', '.join(model.model_fields) or 'none'}.",
        ) from error


def read_table(tree: Tree, name: str, columns: Iterable[str]) -> list[dict[str, str]]:
    """Return the rows of a CSV table as dictionaries of text.

    A byte order mark, CRLF line ends, blanks around names and values, and empty lines do not
    matter.  Meant for tables of up to about a hundred thousand rows.

    Raises
    ------
    InputError
        Bytes that are no UTF-8 text, a column that is missing or named twice, no rows, or a
        row with too few or too many values (with its line).
    """
    place = tree.place(name)
    try:
        text = tree.read(name).decode("utf-8-sig")
        lines = csv.reader(io.StringIO(text, newline=""), strict=True)
        header = [cell.strip() for cell in next(lines, [])]
        _check_header(place, header, list(columns))
        rows = []
        for cells in lines:
            if not cells:
                continue
            if len(cells) != len(header):
                raise _unusable(
                    place,
                    f"line {lines.line_num} holds {len(cells)} values instead of {len(header)}",
                )
            rows.append(dict(zip(header, map(str.strip, cells), strict=True)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise _unusable(place, f"the table is no CSV text in UTF-8 ({error})") from error
    if not rows:
        raise _unusable(place, "the table has no rows")
    return rows


def _check_header(place: str, header: list[str], columns: list[str]) -> None:
    missing = [column for column in columns if column not in header]
    if missing:
        raise _unusable(
            place,
            f"columns missing: {', '.join(missing)}; there are: {', '.join(header) or 'none'}",
        )
    twice = sorted({column for column in header if header.count(column) > 1})
    if twice:
        raise _unusable(place, f"columns named twice: {', '.join(twice)}")


def _unusable(place: str, problem: str) -> InputError:
    return InputError(problem, where=place, remedy="Fetch the table again, or correct that place.")


def challenge_files(
    tree: Tree, layout: str, table: str, folder: str, ignored: Collection[str]
) -> tuple[str, dict[str, str]]:
    """Return the folder that wraps the challenge's files, and its images.

    Parameters
    ----------
    table
        File name of the table of labels; it stands at the top or in one wrapping folder.
    folder
        Folder of the images, beside the table.
    ignored
        What else the challenge publishes there: file names, and folders ending in ``/``.

    Returns
    -------
    prefix : str
        The wrapping folder with its slash, or nothing.
    images : dict
        Image id (the file name without ``.dcm``) to the name in the tree.

    Raises
    ------
    InputError
        The table is missing or there twice, no images, or a file that has no place.
    """
    place = tree.place()
    tables = [n for n in tree.names if n.rpartition("/")[2] == table and n.count("/") <= 1]
    if len(tables) != 1:
        raise InputError(
            f"{len(tables) or 'no'} tables called {table}",
            where=place,
            remedy=f"Unpack the whole challenge there, once: {table} and {folder}/.",
        )
    prefix = tables[0].removesuffix(table)
    known = {table, STAND_IN_NOTE, *(name for name in ignored if not name.endswith("/"))}
    folders = tuple(name for name in ignored if name.endswith("/"))
    images = {}
    for name in tree.names:
        inner = name.removeprefix(prefix) if name.startswith(prefix) else f"../{name}"
        top, _, file = inner.partition("/")
        if top == folder and file.endswith(".dcm") and "/" not in file:
            images[file.removesuffix(".dcm")] = name
        elif inner not in known and not inner.startswith(folders):
            raise unknown_file(tree, name, layout)
    if not images:
        raise InputError(
            f"{folder}/ holds no .dcm files",
            where=place,
            remedy=f"Unpack the challenge's training images into {folder}/.",
        )
    return prefix, images


def check_same_images(tree: Tree, table: str, labelled: Iterable[str], images: set[str]) -> None:
    """Raise InputError where a table and the folder do not name the same images."""
    labelled = set(labelled)
    for alone, problem in (
        (labelled - images, f"images of {table} are not there"),
        (images - labelled, f"images are not in {table}"),
    ):
        if alone:
            raise wrong_labels(tree, table, f"{len(alone)} {problem}", alone)


def wrong_labels(tree: Tree, table: str, problem: str, names: Iterable[str] = ()) -> InputError:
    """Return the error for a table that contradicts itself or the images."""
    shown = sorted(names)[:5]
    return InputError(
        f"{problem}: {', '.join(shown)}" if shown else problem,
        where=tree.place(table),
        remedy="Fetch the table and the images of the challenge again; they belong together.",
    )

"""Steps that the readers of the two RSNA challenges share: a folder of DICOM files and a table."""

from collections.abc import Collection, Iterable

from rin.data.layouts.found import STAND_IN_NOTE, unknown_file
from rin.data.tree import Tree
from rin.errors import InputError


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
    place = tree.root / tree.location
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
        where=f"{tree.root / tree.location}: {table}",
        remedy="Fetch the table and the images of the challenge again; they belong together.",
    )

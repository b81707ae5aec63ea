"""What a layout reader returns, and the steps that readers share."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from rin.data.tree import Tree
from rin.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
STAND_IN_NOTE = "STAND_IN.json"


@dataclass(frozen=True, slots=True)
class FoundCase:
    """A case known by its file names and tables: ids, source class and locators.

    ``patient_id`` is None where only the header of the image tells it (DICOM).  A mask is a
    locator of a mask picture, or a shape in words (:mod:`rin.data.shapes`).
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
    place, expected = tree.root / tree.location, set(expected)
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


def unknown_file(tree: Tree, name: str, layout: str) -> InputError:
    """Return the error for a file that the layout has no place for."""
    return InputError(
        f"{name!r} is no file of the layout {layout!r}",
        where=tree.root / tree.location,
        remedy="Move it out of the dataset, or fetch the dataset again.",
    )


def _wrapping_folder(names: list[str], expected: set[str]) -> str:
    tops = {name.split("/")[0] for name in names}
    only = next(iter(tops)) if len(tops) == 1 else None
    deep = all(name.count("/") >= 2 for name in names)
    return f"{only}/" if only is not None and deep and only not in expected else ""

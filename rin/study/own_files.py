"""The files of somebody's own images, and the questions and reports on them, for `rin new`."""

import os
import re
import shlex
import shutil
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice, product
from pathlib import Path
from typing import Any

from rin.data import discovery
from rin.data.tree import Tree, file_of, is_archive, open_tree, walk
from rin.data.volumes import ENDINGS
from rin.errors import InputError, counted
from rin.files import read_yaml

#: Value of ``--split`` that ignores the table's own split, and value of ``--patient`` with which
#: names of files do not identify patients.
NO_SPLIT = NO_PATIENTS = "none"
#: Value of ``--label`` with which the masks decide the class: whether they mark a lesion.
IN_MASKS = "masks"
#: The largest number of classes of which the user is asked for the positive one.
MOST_CLASSES = 20
#: How files of other kinds can be converted to pictures or volumes, by their endings.
_WAYS, _CASES, ROWS, _ANNOTATIONS = read_yaml(Path(__file__).with_suffix(".yaml")).values()
#: The interpreter of printed commands, which use this package and its libraries.
PYTHON = "python" if shutil.which("python") == sys.executable else shlex.quote(sys.executable)
#: Endings of tables that are looked for beside pictures, and how many files of a folder beside
#: them are looked at.
TABLES, _MOST_LISTED = (".csv", ".tsv", ".xlsx", ".parquet"), 5000
#: Endings of tables that a refusal names, and how many of these.
_NAMED_TABLES, _MOST_NAMED = (*TABLES, ".json", ".jsonl", ".xls"), 3
#: Number of files of annotations that are looked into.
_MOST_READ = 20
_CASE_FILES = tuple(str(_CASES["endings"]).split())
#: A function that answers a question with one of its choices, given the flag for it and a default.
Ask = Callable[[str, str, Sequence[str], str], str]


@dataclass
class NewTask:
    """The findings on somebody's own images, and the two files made from them.

    ``texts`` are the contents of the two files by path; ``facts`` are rows of the screen (what,
    text, style); ``notes`` are comments for settings of the manifest.
    """

    name: str
    data_root: Path
    texts: dict[Path, str] = field(default_factory=dict)
    facts: list[tuple[str, str, str]] = field(default_factory=list)
    notes: dict[str, str] = field(default_factory=dict)

    def say(self, what: str, text: str, style: str = "") -> None:
        """Add a row to the screen."""
        self.facts.append((what, text, style))


@dataclass(frozen=True)
class Places:
    """A tree of files with the folders of pictures and masks, the names in them, and the table.

    ``mask_files`` are the names of masks and ``mask_pattern`` is their pattern; if ``masks`` is
    empty, masks are beside the pictures.  ``around`` is the tree of all files below the given
    folders, of which ``tree`` may be the folder that contains all pictures; ``only`` is the
    pattern that selected them.  ``inner`` are folders of pictures and masks in the folder of each
    class or patient.
    """

    tree: Tree
    images: str
    masks: str
    table: str
    pictures: list[str]
    mask_files: list[str]
    mask_pattern: str
    around: Tree
    only: str = ""
    inner: discovery.InnerFolders | None = None

    @property
    def files(self) -> set[str]:
        """Names of the pictures and masks in the tree."""
        pictures = {join_name(self.images, name) for name in self.pictures}
        return pictures | {join_name(self.masks or self.images, name) for name in self.mask_files}


@dataclass
class Reading:
    """What the reader of a layout will find: its options, and the number of cases of each class.

    ``names`` are names of pictures in which a pattern may find patients, and ``paths`` have their
    folders, if these are left out there; ``settings`` are settings of the manifest that identify
    patients already; ``in_masks`` says that masks decide the class; ``places`` are those without
    the masks that were found among the pictures.
    """

    options: dict[str, Any]
    classes: Counter[str]
    names: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)
    in_masks: bool = False
    places: Places | None = None
    paths: Sequence[str] = ()


def join_name(folder: str, name: str) -> str:
    """Return a name below a folder, or the name alone if the folder is empty."""
    return f"{folder}/{name}" if folder else name


def _absolute(path: Path) -> Path:
    # Links are not resolved: they may lead far from the folder that contains them.
    return Path(os.path.normpath(path.absolute()))


def refuse_to_guess(question: str, flag: str, choices: Sequence[str], default: str) -> str:
    """Answer a question with its default; InputError, naming the choices, if there is none."""
    if default:
        return default
    quoted = [shlex.quote(choice) if "," in choice else choice for choice in choices]
    remedy = f"Give it with {flag}: {', '.join(quoted)}."
    raise InputError(f"{question} cannot be guessed", where=flag, remedy=remedy)


def find_places(
    images: Path,
    table: Path | None,
    masks: Path | None,
    only: str,
    data_root: Path | None,
    results: Path,
) -> tuple[Path, Places]:
    """Return the data root, and the files in the folder that contains all the given paths."""
    options = {"--images": images, "--table": table, "--masks": masks}
    given = {flag: path for flag, path in options.items() if path}
    paths = {flag: _absolute(path) for flag, path in given.items()}
    _refuse_absent(given, paths)
    above = _folder_of_all(paths)
    if _absolute(results).is_relative_to(above):
        remedy = "Put images and table into a folder of their own, and run rin from outside it."
        problem = f"results would be written among the images, in {_absolute(results)}"
        raise InputError(problem, where=above, remedy=remedy)
    root = _absolute(data_root) if data_root else above.parent
    inside = root in above.parents
    place = above.relative_to(root) if inside else above
    tree = open_tree(root, place.as_posix())
    names = {flag: path.relative_to(above).as_posix() for flag, path in paths.items()}
    folder, drawn = (names.get(flag, "").removeprefix(".") for flag in ("--images", "--masks"))
    _refuse_pairs(tree)
    pattern = re.compile(only) if only else None
    tree = around = tree.with_pictures(pattern)
    files = [name for name in tree.names if tree.is_picture(name)]
    if not table and folder == drawn == "" and (wrapper := _folder_around(files)):
        folder = wrapper
        if above.is_dir():
            # Patterns are of names below it, here and in the reader, if they fit these names too.
            inner = open_tree(root, (place / wrapper).as_posix()).with_pictures(pattern)
            if sum(map(inner.is_picture, inner.names)) == len(files):
                tree, folder = inner, ""
                files = [name for name in tree.names if tree.is_picture(name)]
    kinds = discovery.sort_pictures(files, folder, drawn)
    if not kinds.pictures:
        start = join_name(folder, "")
        others = [n.removeprefix(start) for n in tree.names if n.startswith(start)]
        problem = f"there are no pictures among its files ({endings_in_words(others) or 'none'})"
        remedy = "Readable formats are PNG, JPEG, TIFF, BMP, GIF, DICOM, NIfTI and NumPy: "
        remedy += f"{_way_to_convert(others, images)}, or name the right folder."
        raise InputError(problem, where=f"--images {images}", remedy=remedy)
    table_name = names.get("--table", "")
    given_folders = (tree, folder, drawn, table_name)
    file_names = (kinds.pictures, kinds.masks, kinds.pattern)
    return root, Places(*given_folders, *file_names, around, only, kinds.inner)


def _way_to_convert(names: Sequence[str], folder: Path) -> str:
    """Return how to convert files of a kind that cannot be read; `convert others` if unknown."""
    if archives := [name for name in names if name.lower().endswith(".zip")]:
        return f"give the archive, --images {shlex.quote(str(folder / archives[0]))}"
    endings = {Path(name).suffix.lower() for name in names}
    for way in _WAYS:
        if endings & {*way["endings"].split()}:
            return str(way["how"]).format(python=PYTHON, folder=shlex.quote(str(folder)))
    return "convert other files"


def folders_beside(images: Path) -> Iterator[tuple[Path, list[str]]]:
    """Yield the folders below and beside that of the pictures, each with some names of its files.

    Those that cannot be read are left out.
    """
    if not images.is_dir():  # an archive
        return
    for path in sorted({*images.iterdir(), *images.parent.iterdir()} - {images}):
        with suppress(InputError, OSError):
            if path.is_dir():
                yield path, [*islice(walk(path), _MOST_LISTED)]


def _refuse_table_beside(places: Places) -> None:
    """Raise InputError if a table is among the pictures or beside their folder."""
    tree = places.around
    folder = tree.root / tree.location
    beside = [*folder.parent.iterdir(), *(folder.iterdir() if folder.is_dir() else ())]
    tables = [path for path in sorted(beside) if path.is_file() and _may_be_table(path)]
    inside = [path for path in map(folder.joinpath, tree.names) if _may_be_table(path)]
    if len(inside) <= _MOST_NAMED:  # more may be a file a picture
        tables += [path for path in inside if path not in tables]
    if tables and not places.table:
        flags = " or ".join(f"--table {shlex.quote(str(path))}" for path in tables[:_MOST_NAMED])
        problem = "the folders name no classes, but there is a table"
        remedy = f"If it says what the pictures show, give {flags}."
        raise tree.error(problem, remedy=remedy)


def _may_be_table(path: Path) -> bool:
    return path.suffix.lower() in _NAMED_TABLES


def _refuse_annotations(places: Places) -> None:
    """Raise InputError if most pictures have a file of annotations, which is not read."""
    tree = places.around
    around = tree.root / tree.location
    stems = {discovery.file_stem(name).rpartition("/")[2] for name in places.pictures}
    beside = {name: path / name for path, names in folders_beside(around) for name in names}
    for annotation, names in product(_ANNOTATIONS, (tree.names, beside)):
        ending = str(annotation["ending"])
        files = [name for name in names if name.lower().endswith(ending)]
        annotated = {Path(name).stem: name for name in files if Path(name).stem in stems}
        texts = [
            tree.read(name) if names is tree.names else beside[name].read_bytes()
            for name in islice(annotated.values(), _MOST_READ)
        ]
        is_one = re.compile(str(annotation["begins"]).encode())
        if len(annotated) > len(stems) / 2 and any(map(is_one.match, texts)):
            folder = shlex.quote(str(around if names is tree.names else around.parent))
            command = str(annotation["how"]).format(python=PYTHON, folder=folder)
            problem = f"{counted(len(annotated), 'pictures')} have their class in {ending} files"
            remedy = f"Write a table of them: {command}; then give --table {folder}/list.csv "
            remedy += "--findings --leave-out pictures-without-rows."
            raise tree.error(problem, remedy=remedy)


def refuse_unread(places: Places) -> None:
    """Raise InputError if files beside the pictures say what these show, with the command for it.

    They are annotations of a picture each, or texts on a picture or a patient each.
    """
    _refuse_annotations(places)
    _refuse_table_beside(places)
    tree = places.around
    files = [name for name in tree.names if name.lower().endswith(_CASE_FILES)]
    folders = {name.rpartition("/")[0] for name in places.pictures}
    fewest = max(4, min(len(folders), len(places.pictures)) / 2)
    if len(files) > fewest and b":" in tree.read(files[-1]):
        problem = f"{counted(len(files), 'files')} such as {files[0]} may describe the pictures"
        raise tree.error(problem, remedy=_remedy_of_cases(tree.root / tree.location))


def _remedy_of_cases(folder: Path) -> str:
    """Return how files on a picture or a patient each become a table."""
    table = shlex.quote(str(folder / "list.jsonl"))
    command = str(_CASES["how"]).format(python=PYTHON, folder=shlex.quote(str(folder)))
    return f"Write a table of them: {command}; then give --table {table}."


def _refuse_pairs(tree: Tree) -> None:
    """Raise InputError for volumes in two files, Analyze or NIfTI, without a copy in one file.

    The two files would have to be moved, and watched for changes, together.
    """
    there = {name.lower() for name in tree.names}
    stems = (name[:-4] for name in tree.names if name.lower().endswith(".hdr"))
    pairs = [
        stem
        for stem in stems
        if f"{stem.lower()}.img" in there and not {f"{stem.lower()}{e}" for e in ENDINGS} & there
    ]
    folder = shlex.quote(str(tree.root / tree.location))
    code = "import sys, nibabel as n; from pathlib import Path; [n.save(n.Nifti1Image.from_image"
    code += "(n.load(p)), p.with_suffix('.nii.gz')) for p in Path(sys.argv[1]).rglob('*.hdr')]"
    remedy = f'Convert them, keeping the originals: {PYTHON} -c "{code}" {folder}; Analyze does '
    remedy += "not record left and right, so check one."
    tree.raise_if_any(pairs, "volumes are in two files, .hdr and .img", remedy=remedy)


def _refuse_absent(given: dict[str, Path], paths: dict[str, Path]) -> None:
    """Raise InputError for a missing path, or for an archive if a folder is needed."""
    for flag, path in paths.items():
        kind = "file" if flag == "--table" else "folder"
        where, remedy = f"{flag} {given[flag]}", "Check the path; quote it if it has spaces."
        is_zip = path.is_file() and is_archive(path)
        if path.suffix.lower() == ".npz" and path.is_file() and flag == "--images":
            way = _way_to_convert([path.name], given[flag])
            problem = "an archive of arrays is no folder of pictures"
            raise InputError(problem, where=where, remedy=f"{way[0].upper()}{way[1:]}.")
        if is_zip and flag == "--images" and len(paths) == 1:
            continue  # read in place
        if is_zip:
            folder = shlex.quote(str(given[flag].with_suffix("")))
            problem = "a zip archive is read in place only without --table and --masks"
            remedy = (
                f"Unpack it: {PYTHON} -m zipfile -e {shlex.quote(str(given[flag]))} {folder}; "
            )
            remedy += f"then give {flag} {folder}."
            raise InputError(problem, where=where, remedy=remedy)
        is_folder = kind == "file" and path.is_dir()
        if is_folder and any(name.lower().endswith(_CASE_FILES) for name in walk(path)):
            problem = "a folder of files is not read as a table"
            raise InputError(problem, where=where, remedy=_remedy_of_cases(path))
        if not (path.is_file() if kind == "file" else path.is_dir()):
            raise InputError(f"there is no such {kind}", where=where, remedy=remedy)


def _folder_of_all(paths: dict[str, Path]) -> Path:
    """Return the folder, or the archive, that contains all the given paths."""
    folders = [path.parent if flag == "--table" else path for flag, path in paths.items()]
    above = Path(os.path.commonpath(folders))
    images = paths["--images"].relative_to(above)
    if len(images.parts) > 3 or above == Path(above.anchor):
        remedy = "Put them into one folder, or link them: ln -s /where/they/are FOLDER/images."
        raise InputError("images and table share no folder", where=above, remedy=remedy)
    return above


def _folder_around(files: Sequence[str]) -> str:
    """Return the folder above all files, so that the folders of the classes are below it."""
    if not files or min(name.count("/") for name in files) < 2:
        return ""
    shared = os.path.commonpath([name.rpartition("/")[0] for name in files])
    # If all files are in one folder, it may be the folder of a class.
    return shared if any(name.rpartition("/")[0] != shared for name in files) else ""


def endings_in_words(names: Iterable[str]) -> str:
    """Return a phrase saying how many files have each ending."""
    files = [file_of(name).lower() for name in names]
    endings = (".nii.gz" if name.endswith(".nii.gz") else Path(name).suffix for name in files)
    kinds = Counter(ending or "without extension" for ending in endings)
    return ", ".join(f"{n} {ending}" for ending, n in kinds.items())


def named_in_headers(root: Path, locators: Sequence[str]) -> bool:
    """Return whether a sample of the pictures are all DICOM files, of more than one patient."""
    from rin.data.dicom import patient_of  # pydicom is slow to load

    patients = set()
    for locator in locators[:: 1 + len(locators) // 50]:
        try:
            patients.add(patient_of(root, locator))
        except InputError:  # not a DICOM file, or it does not name its patient
            return False
    return len(patients) > 1

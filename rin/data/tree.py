"""A folder or a zip archive as one tree of names and bytes, read in place.

Locators name a picture relative to the data root; a member of an archive is
`archive.zip::member`.  Nothing is unpacked.
"""

import os
import re
import struct
import threading
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path

import simplejpeg

from rin.errors import InputError, amount, as_input_error, did_you_mean, join_first_ten

SEPARATOR = "::"
MAX_BYTES = 256 * 2**20
MAX_PIXELS = 64_000_000
#: Exceptions that readers of pictures raise for a broken file.
MALFORMED = (
    struct.error,
    zlib.error,
    ArithmeticError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
# Exceptions of a damaged, encrypted or exotic archive (NotImplementedError is a RuntimeError).
_BROKEN = (*MALFORMED, zipfile.BadZipFile)
# A member that would be unpacked elsewhere: an absolute path, a drive, or a way up.
_UNSAFE = re.compile(r"[/\\]|[A-Za-z]:|(?s:.*[/\\])?\.\.(?:[/\\]|\Z)")
#: What Python puts in place of bytes that are not UTF-8.
UNDECODED = re.compile("[\ud800-\udfff]")
_DEBRIS = (".DS_Store", "Thumbs.db", "desktop.ini")
MARK = "#"
#: A picture of an array: its file and its number.
_SLICE = re.compile(rf"(.+\.npy){MARK}(\d{{1,9}})", re.DOTALL | re.IGNORECASE)
#: Endings of DICOM files, which may also have none, or a number; scanners of Siemens write IMA.
DICOM = (".dcm", ".dicom", ".dic", ".ima")
#: Endings of pictures.
PICTURES = (
    ".png",
    ".jpg",
    ".jpeg",
    ".bmp",
    ".gif",
    ".tif",
    ".tiff",
    *DICOM,
)
REMEDY = "Correct that place, or the manifest; a published dataset must be complete."


@dataclass(frozen=True)
class Tree:
    """The files below one location: sorted names with `/`, and a locator for each."""

    root: Path
    location: str
    names: tuple[str, ...]

    def locator(self, name: str) -> str:
        """Return the locator of a name in this tree, relative to the data root."""
        return f"{self.location}{SEPARATOR if is_archive(self.location) else '/'}{name}"

    def place(self, name: str = "") -> str:
        """Return the path of the tree, or of one of its files, as errors show it."""
        path = self.root / self.location
        return f"{path}: {name}" if name else str(path)

    def read(self, name: str) -> bytes:
        """Return the bytes of one file."""
        return read_bytes(self.root, self.locator(name))

    def is_picture(self, name: str) -> bool:
        """Return whether a file is a picture, by its ending, or without one by the DICM prefix."""
        if name.lower().endswith(PICTURES):
            return True
        if not is_dicom(name) or name.upper().endswith("DICOMDIR"):  # it only lists other files
            return False
        if is_archive(self.location):
            return self.read(name)[128:132] == b"DICM"
        with suppress(OSError), Path(self.root, self.location, name).open("rb") as file:
            return file.read(132)[128:] == b"DICM"
        return False

    def find_only(self, name: str, remedy: str) -> str:
        """Return the only file with this name, in any folder; InputError for none or several."""
        ending = f"/{name}"
        paths = [path for path in self.names if f"/{path}".endswith(ending)]
        if len(paths) != 1:
            hint = did_you_mean(name, [path.rpartition("/")[2] for path in self.names])
            raise self.error(
                f"{len(paths)} files are called {name} instead of one{hint}", remedy=remedy
            )
        return paths[0]

    def error(self, problem: str, *, file: str = "", remedy: str = REMEDY) -> InputError:
        """Return the error for a tree, or one of its files, that does not fit its layout."""
        return InputError(problem, where=self.place(file), remedy=remedy)

    def raise_if_any(
        self, names: Iterable[str], problem: str, *, file: str = "", remedy: str = REMEDY
    ) -> None:
        """Raise InputError, with the number of names and the first ten, if there are any."""
        if names := list(names):
            raise self.error(
                f"{amount(len(names), problem)}: {join_first_ten(names, ', ')}",
                file=file,
                remedy=remedy,
            )


def is_archive(path: str | Path) -> bool:
    """Return whether a location is a zip archive, by its name; NumPy's `.npz` is one."""
    return str(path).lower().endswith((".zip", ".npz"))


def open_tree(root: Path, location: str) -> Tree:
    """List the files of a folder or zip archive below `root`, without debris of desktops."""
    path = root / location
    if is_archive(path):
        names = [info.filename for info in _archive(path).infolist() if not info.is_dir()]
        repeated = [name for name, times in Counter(names).items() if times > 1]
        if bad := next(chain(repeated, filter(_UNSAFE.match, names)), None):
            raise InputError(
                f"the archive contains an unsafe or repeated member name {bad!r}",
                where=path,
                remedy="Unpack and check the archive by hand, or download it again.",
            )
    elif path.is_dir():
        names = list(walk(path))
    elif path.is_file():
        remedy = "Give a folder, such as the one that this file is in, or a zip archive."
        raise InputError("it is a file, not a folder or zip archive", where=path, remedy=remedy)
    else:
        raise _no_such(path, "folder or zip archive")
    tree = Tree(root, location, tuple(sorted(name for name in names if not is_debris(name))))
    tree.raise_if_any(
        filter(UNDECODED.search, tree.names), "names are not UTF-8", remedy="Rename these files."
    )
    return tree


def is_debris(name: str) -> bool:
    """Return whether desktops leave files with such a name behind."""
    parts = name.split("/")
    return parts[-1] in _DEBRIS or parts[-1].startswith("._") or "__MACOSX" in parts


# A member with an extra field is misread while another thread reads the archive: zipfile then
# seeks from where the other one stopped (Python 3.13.0).
_READING = threading.Lock()


def read_bytes(root: Path, locator: str) -> bytes:
    """Return the bytes behind a locator, at most 256 MiB."""
    place, _, member = locator.partition(SEPARATOR)
    path = root / place
    with as_input_error(
        f"{member or path.name} cannot be read",
        where=path,
        remedy="Check the file, its permissions and its password.",
        kinds=_BROKEN,
    ):
        archive = _archive(path) if member else None
        size = archive.getinfo(member).file_size if archive else path.stat().st_size
        if size > MAX_BYTES:
            raise InputError(
                f"{locator} has {size} bytes, more than the limit of {MAX_BYTES}",
                where=path,
                remedy="Check that this is the right file; a stack of pictures can be split.",
            )
        if archive is None:
            return path.read_bytes()
        # A member may unpack to more than its stated size: reading stops there, where its checksum
        # does not fit then.
        with _READING, archive.open(member) as stream:
            return stream.read(size)


def refuse_damaged_jpeg(content: bytes) -> None:
    """Raise ValueError if libjpeg warns about a JPEG's data, which Pillow ignores."""
    if simplejpeg.decode_jpeg_header(content)[2] not in ("CMYK", "YCCK"):  # refused by its mode
        simplejpeg.decode_jpeg(content, "GRAY", min_height=1, min_width=1, min_factor=8)


def fingerprints(root: Path, locators: Iterable[str]) -> list[str]:
    """Return, for each locator, a text that changes with its file; no content is read."""
    open_once = cache(lambda place: _archive(root / place))
    states = []
    for locator in locators:
        place, _, member = file_of(locator).partition(SEPARATOR)
        try:
            if member:
                info = open_once(place).getinfo(member)
                states.append(f"{info.file_size}-{info.CRC:08x}")
            else:
                stat = (root / place).stat()
                # A copy that keeps one of the two times differs in the other.
                states.append(f"{stat.st_size}-{stat.st_mtime_ns}-{stat.st_ctime_ns}")
        except (OSError, KeyError):
            states.append("absent")
    return states


def is_dicom(locator: str) -> bool:
    """Return whether a name may be that of a DICOM file, by its ending (`DICOM`)."""
    name = file_of(locator).lower().replace(SEPARATOR, "/").rpartition("/")[2]
    _, dot, ending = name.rpartition(".")
    return not dot or dot + ending in DICOM or ending.isdecimal()


def split_slice(locator: str) -> tuple[str, int] | None:
    """Return file and number of a picture of an array; None for a locator of a whole file."""
    match = _SLICE.fullmatch(locator) if MARK in locator else None
    return match and (match[1], int(match[2]))


def file_of(locator: str) -> str:
    """Return the locator of the file that contains a picture, perhaps as one of an array."""
    parts = split_slice(locator)
    return parts[0] if parts else locator


def walk(folder: Path, *, links: bool = False) -> Iterator[str]:
    """Yield the files below a folder as paths relative to it, with `/`, in no set order.

    Linked folders are followed; with `links`, links are yielded as files.
    """
    # os.scandir distinguishes files from folders without a system call for each of them.
    waiting = [("", os.fspath(folder), frozenset({os.path.realpath(folder)}))]
    while waiting:
        prefix, place, above = waiting.pop()
        with (
            as_input_error(
                "a folder cannot be listed",
                # Folders of an archive may be named after patients.
                where=folder if links else place,
                remedy="Check the folder and its permissions.",
            ),
            os.scandir(place) as entries,
        ):
            for entry in entries:
                linked = entry.is_symlink() and not links
                within = above
                if linked and entry.is_dir():
                    within = above | {os.path.realpath(entry.path)}
                    if within == above:
                        raise _bad_link(entry.path, "the link leads back to a folder above it")
                if entry.is_dir(follow_symlinks=linked):
                    waiting.append((f"{prefix}{entry.name}/", entry.path, within))
                elif entry.is_file() or (links and entry.is_symlink()):
                    yield prefix + entry.name
                elif linked and not is_debris(entry.name):
                    raise _bad_link(entry.path, "the link leads nowhere")


def _bad_link(path: str, problem: str) -> InputError:
    return InputError(problem, where=path, remedy="Remove the link, or point it to the images.")


def _no_such(path: Path, kind: str) -> InputError:
    return InputError(
        f"there is no such {kind}",
        where=path,
        remedy="Correct the path, or put it there; a data root is the folder that contains it.",
    )


def _archive(path: Path) -> zipfile.ZipFile:
    if not path.is_file():
        raise _no_such(path, "zip archive")
    stat = path.stat()
    # A forked process must not share the parent's file offset, hence the process id in the key.
    return _open_archive(path, (stat.st_ino, stat.st_ctime_ns, stat.st_size), os.getpid())


@lru_cache(maxsize=8)
def _open_archive(path: Path, _mark: tuple[int, ...], _process: int) -> zipfile.ZipFile:
    with as_input_error(
        "the zip archive cannot be opened",
        where=path,
        remedy="It is probably incomplete: copy or download it again.",
        kinds=_BROKEN,
    ):
        return zipfile.ZipFile(path)

"""A folder or a zip archive as one tree of names and bytes, read in place.

Locators name a picture relative to the data root; a member of an archive is
``archive.zip::member``.  Nothing is unpacked.
"""

import os
import zipfile
import zlib
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from rin.errors import InputError

SEPARATOR = "::"
MAX_BYTES = 256 * 2**20
DEBRIS = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})


@dataclass(frozen=True)
class Tree:
    """The files below one location: sorted names with ``/``, and a locator for each."""

    root: Path
    location: str
    names: tuple[str, ...]

    def locator(self, name: str) -> str:
        """Return the locator of a name in this tree, relative to the data root."""
        if not is_archive(self.root / self.location):
            return f"{self.location}/{name}"
        return f"{self.location}{SEPARATOR}{name}"

    def read(self, name: str) -> bytes:
        """Return the bytes of one file; raises InputError where it cannot be read."""
        return read_bytes(self.root, self.locator(name))


def is_archive(path: Path) -> bool:
    """Tell whether a location is a zip archive, by its name."""
    return path.suffix.lower() == ".zip"


def open_tree(root: Path, location: str) -> Tree:
    """List the files of a folder or zip archive below ``root``, leaving desktop debris out.

    Raises
    ------
    InputError
        Missing location, broken archive, or a member with an absolute path, ``..`` or a
        name that occurs twice.
    """
    path = Path(root) / location
    if is_archive(path):
        names = [info.filename for info in _archive(path).infolist() if not info.is_dir()]
        _refuse_unsafe(path, names)
    elif path.is_dir():
        names = [item.relative_to(path).as_posix() for item in path.rglob("*") if item.is_file()]
    else:
        raise InputError(
            "there is no such folder or zip archive",
            where=path,
            remedy="Put the dataset there, or point the data root at the folder that holds it.",
        )
    return Tree(Path(root), location, tuple(sorted(name for name in names if not _debris(name))))


def read_bytes(root: Path, locator: str) -> bytes:
    """Return the bytes behind a locator.

    Raises
    ------
    InputError
        Missing, encrypted, damaged or implausibly large (over 256 MiB) file or member.
    """
    place, _, member = locator.partition(SEPARATOR)
    path = Path(root) / place
    try:
        if not member:
            size = path.stat().st_size
        else:
            archive = _archive(path)
            size = archive.getinfo(member).file_size
        if size > MAX_BYTES:
            raise InputError(
                f"{locator} holds {size} bytes, more than the limit of {MAX_BYTES}",
                where=path,
                remedy="Check that this is a picture; split it if it is a stack.",
            )
        return archive.read(member) if member else path.read_bytes()
    except (OSError, KeyError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InputError(
            f"{member or path.name} cannot be read ({error})",
            where=path,
            remedy="Check the file, its permissions and password, or fetch it again.",
        ) from error


def _archive(path: Path) -> zipfile.ZipFile:
    if not path.is_file():
        raise InputError(
            "there is no such zip archive",
            where=path,
            remedy="Put the archive there, or point the data root at the folder that holds it.",
        )
    stat = path.stat()
    # A forked process must not share the parent's file offset, hence the process id in the key.
    return _open_archive(path, stat.st_mtime_ns, stat.st_size, os.getpid())


@lru_cache(maxsize=8)
def _open_archive(path: Path, _modified: int, _size: int, _process: int) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, zipfile.BadZipFile) as error:
        raise InputError(
            f"the zip archive cannot be opened ({error})",
            where=path,
            remedy="The download is probably incomplete; fetch it again.",
        ) from error


def _debris(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return parts[-1] in DEBRIS or parts[-1].startswith("._") or "__MACOSX" in parts


def _refuse_unsafe(path: Path, names: list[str]) -> None:
    for name, times in Counter(names).items():
        pure = PurePosixPath(name.replace("\\", "/"))
        if pure.is_absolute() or ".." in pure.parts or ":" in pure.parts[0] or times > 1:
            raise InputError(
                f"the archive holds an unsafe or repeated member name {name!r}",
                where=path,
                remedy="Fetch the archive from its home again, or unpack and check it by hand.",
            )

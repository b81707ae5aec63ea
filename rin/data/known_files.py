"""Files of a published dataset held against what its manifest knows of them: size and SHA-256."""

import hashlib
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tqdm import tqdm

from rin.data.manifest import KnownFile
from rin.data.tree import Tree, is_archive
from rin.errors import InputError

#: From this size on, hashing shows its progress.
LARGE = 64 * 2**20
Outcome = Literal["as known", "no digest known", "not there", "another size", "another SHA-256"]


@dataclass(frozen=True)
class FileCheck:
    """A known file and how it compares; ``detail`` says by how much it differs."""

    name: str
    outcome: Outcome
    detail: str = ""

    @property
    def wrong(self) -> bool:
        """Whether a file of this name is there and is another one."""
        return self.outcome.startswith("another")


def check_file(tree: Tree, known: KnownFile) -> FileCheck:
    """Compare a file with what is known of it: the size first, then the SHA-256.

    The file is the archive that is read; or a file inside the archive or folder, there also
    below a wrapping folder; or one beside it.  A known file need not be there, as most archives
    get unpacked.

    Raises
    ------
    InputError
        A file that cannot be read, or a member of an archive that is larger than 256 MiB.
    """
    place, member = tree.root / tree.location, _find(tree, known.name)
    if member and is_archive(place):
        content = tree.read(member)
        return _compare(known, len(content), lambda: hashlib.sha256(content).hexdigest())
    path = place / member if member else tree.root / known.name
    if not path.is_file():
        return FileCheck(known.name, "not there")
    try:
        return _compare(known, path.stat().st_size, lambda: hash_file(path))
    except OSError as error:
        raise InputError(
            f"the file cannot be read ({error})",
            where=path,
            remedy="Check the file and its permissions, or fetch it again.",
        ) from error


def hash_file(path: Path) -> str:
    """Return the SHA-256 of a file, read in pieces; large files show their progress."""
    size = path.stat().st_size
    # None hides the bar where nobody watches.
    quiet = True if size < LARGE else None
    with (
        tqdm(total=size, unit="B", unit_scale=True, desc=path.name, disable=quiet) as bar,
        _Watched(path, bar.update) as file,
    ):
        return hashlib.file_digest(file, "sha256").hexdigest()


class _Watched(io.FileIO):
    """A file that tells how many bytes were read from it."""

    def __init__(self, path: Path, tell: Callable[[int], object]) -> None:
        super().__init__(path)
        self._tell = tell

    def readinto(self, buffer: bytearray) -> int:
        count = super().readinto(buffer)
        self._tell(count)
        return count


def _find(tree: Tree, name: str) -> str | None:
    """Return the outermost of the tree's files that bear a name."""
    ending = f"/{name}"
    names = [each for each in tree.names if each == name or each.endswith(ending)]
    return min(names, key=lambda each: (each.count("/"), each)) if names else None


def _compare(known: KnownFile, size: int, digest: Callable[[], str]) -> FileCheck:
    if known.bytes is not None and size != known.bytes:
        detail = f"{size:,} bytes instead of {known.bytes:,}"
        return FileCheck(known.name, "another size", detail)
    if known.sha256 is None:
        return FileCheck(known.name, "no digest known")
    found = digest()
    if found != known.sha256:
        return FileCheck(known.name, "another SHA-256", f"{found} instead of {known.sha256}")
    return FileCheck(known.name, "as known")

"""What a result was made with: a digest of the code and the libraries that decide it.

An image that was de-identified by other code than today's is de-identified again, without
anybody having to think of a version number.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from importlib.metadata import version
from pathlib import Path

import rin

#: Libraries that decide headers and pixels of an export.
LIBRARIES = ("dicom-anonymizer", "numpy", "pillow", "pydicom")
_PACKAGE = Path(rin.__file__).parent
#: Modules that decide what an exported image holds.
_EXPORT = (
"burned_in", "deidentify", "display", "export", "kept", "pseudonyms", "sweep",
)  # fmt: skip
_DATA = ("complete_parts", "corpus_split", "dicom", "leakage", "shapes", "splits")


@cache
def making_of_images() -> str:
    """Return the digest of what decides an exported image, its source and key aside."""
    own = [_PACKAGE / "curation" / f"{name}.py" for name in _EXPORT]
    return _digest([*own, _PACKAGE / "data" / "dicom.py"])


@cache
def making_of_all() -> str:
    """Return the digest of what decides a curated corpus, archive and plan aside."""
    own = sorted((_PACKAGE / "curation").glob("*.py"))
    return _digest([*own, *(_PACKAGE / "data" / f"{name}.py" for name in _DATA)])


def _digest(files: Iterable[Path]) -> str:
    digest = hashlib.sha256()
    for file in files:
        digest.update(f"{file.name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    for name in LIBRARIES:
        digest.update(f"{name} {version(name)}\0".encode())
    return digest.hexdigest()

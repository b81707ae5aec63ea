"""Files that are there whole or not at all, their digests, the manifests' folder, and YAML."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict

from rin.errors import InputError

REPOSITORY = Path(__file__).resolve().parents[1]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a draft to write beside `path`; it takes that name when the block ends well.

    The draft keeps the end of the name, by which Keras and others choose a format.
    """
    draft = path.with_name(f".draft-{path.name}")
    try:
        yield draft
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)


#: What to do where something cannot be written.
MAKE_ROOM = "Free some space, or name a folder that can be written."


def manifest_folder() -> Path:
    """Return the folder of manifests: that of RIN_MANIFESTS, else the repository's."""
    found = Path(os.environ.get("RIN_MANIFESTS") or REPOSITORY / "data_manifests")
    if not found.is_dir():
        raise InputError(
            "there is no such folder of dataset manifests",
            where=found,
            remedy="Run from a checkout, or set RIN_MANIFESTS to its data_manifests folder.",
        )
    return found


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """PyYAML's safe loader, which would otherwise let the last of equal keys win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        merged = [key for key, _ in node.value if key.tag == "tag:yaml.org,2002:merge"]
        keys = [self.construct_object(key, deep=True) for key, _ in node.value if key not in merged]
        for place, key in enumerate(keys):
            if key in keys[:place]:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key!r} stands twice", node.start_mark
                )
        return super().construct_mapping(node, deep)


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds.

    InputError, with the line, for what is not UTF-8 or not YAML, or where a key stands twice.
    """
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise InputError(f"not YAML ({error})", where=path, remedy="Mend the file.") from error


class FrozenModel(BaseModel):
    """Immutable model of what a file states; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

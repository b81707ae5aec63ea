"""Atomic writing of files and folders, digests, the folder of manifests, and YAML."""

import fcntl
import hashlib
import json
import os
import re
import reprlib
import shutil
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from copy import deepcopy
from functools import cache, lru_cache
from glob import escape
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rin.errors import InputError, as_input_error, did_you_mean, join_first_ten

REPOSITORY = Path(__file__).resolve().parents[1]


def sha256_of(path: Path, kind: str = "sha256") -> str:
    """Return the SHA-256 of a file, or another digest, as lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, kind).hexdigest()


def digest_of(content: str | bytes) -> str:
    """Return the SHA-256 of a text or of bytes as lower-case hexadecimal."""
    held = content.encode() if isinstance(content, str) else content
    return hashlib.sha256(held).hexdigest()


def is_whole(path: Path, sha256: str | None) -> bool:
    """Return whether a file has this SHA-256; a process reads it again only if it changes."""
    stat = path.stat()
    marks = stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns
    return _sha256_of_state(path, marks) == sha256


def altered_files(folder: Path, digests: Mapping[str, str]) -> list[str]:
    """Return the files of a folder that are missing or do not have their SHA-256."""
    return [
        name
        for name, sha256 in digests.items()
        if not (folder / name).is_file() or not is_whole(folder / name, sha256)
    ]


@cache
def _sha256_of_state(path: Path, _marks: tuple[int, ...]) -> str:
    return sha256_of(path)


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield the path of a draft beside `path`, renamed to `path` if the block raises no error.

    The draft's name ends like that of `path`, because Keras and others choose a format by it; no
    other process writes to the draft.  Content and name are on the disk before the block is left.
    """
    draft = path.with_name(f".draft-{uuid.uuid4().hex[:8]}-{path.name}")
    try:
        yield draft
        sync(draft)
        draft.replace(path)
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)


@contextmanager
def replace_folder(target: Path) -> Iterator[Path]:
    """Yield a new, empty folder, which replaces `target` if the block raises no error.

    An existing `target` stays until then.  Two renames exchange the folders: a process killed
    between them leaves the earlier folder, whole, as `kept_folder` finds it.  Drafts of processes
    that were killed are deleted, and so is a link in place of `target`, not what is behind it.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    replaced = target.with_name(_REPLACED.format(target.name))
    if kept_folder(target) == replaced:
        replaced.rename(target)
    prefix = f".{target.name}-draft-"
    for lock in target.parent.glob(f"{escape(prefix)}*/{_LOCK}"):
        with suppress(OSError), lock.open("rb") as stream:  # held by a process that still writes
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent)
    work = Path(tempfile.mkdtemp(prefix=prefix, dir=target.parent))
    try:
        with (work / "opened").open("wb") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            (work / "opened").rename(work / _LOCK)  # so nobody sees it before it is locked
            draft = work / target.name
            draft.mkdir()
            yield draft
            if target.is_symlink():  # the folder behind it is somebody's own
                target.unlink()
            elif target.exists():
                shutil.rmtree(replaced, ignore_errors=True)
                target.rename(replaced)
            draft.rename(target)
            sync(target.parent)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    shutil.rmtree(replaced, ignore_errors=True)


#: File in the folder of a draft that is locked while its process lives.
_LOCK = ".lock"
#: Name of an earlier folder until the one that replaces it is in its place.
_REPLACED = ".{}.replaced"


def kept_folder(target: Path) -> Path:
    """Return a folder, or what a process that was killed while replacing it left of it, whole."""
    replaced = target.with_name(_REPLACED.format(target.name))
    return replaced if replaced.is_dir() and not target.exists() else target


def sync(path: Path) -> None:
    """Write a file, or the names in a folder, from the system's cache to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def to_checksummed_json(record: dict[str, Any]) -> str:
    """Return a record as JSON that contains its own SHA-256, computed with that field empty."""
    text = json.dumps(record | {"seal": ""}, indent=1, sort_keys=True)
    return text.replace('"seal": ""', f'"seal": "{digest_of(text)}"')


def read_checksummed_json(path: Path) -> dict[str, Any]:
    """Return a record written by `to_checksummed_json`; ValueError if the file was changed."""
    text = path.read_text("utf-8")
    record = json.loads(text)
    seal = record.pop("seal", None) if isinstance(record, dict) else None
    if digest_of(text.replace(f'"seal": "{seal}"', '"seal": ""')) != seal:
        raise ValueError(f"{path.name} is not as it was written")
    return record


#: Remedy for a file that cannot be written.
MAKE_ROOM = "Free some space, or name a folder that can be written."


def shipped_folder(name: str) -> Path:
    """Return a folder that is part of the package: in the checkout, else in the wheel."""
    of_checkout = REPOSITORY / name
    return of_checkout if of_checkout.is_dir() else Path(__file__).parent / "shipped" / name


def manifest_folder() -> Path:
    """Return the folder of manifests: RIN_MANIFESTS if it is set, else the shipped folder."""
    folder = Path(os.environ.get("RIN_MANIFESTS") or shipped_folder("data_manifests"))
    if not folder.is_dir():
        raise InputError(
            "there is no such folder of dataset manifests",
            where=folder,
            remedy="Run from a checkout, or set RIN_MANIFESTS to its data_manifests folder.",
        )
    return folder


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """PyYAML's safe loader, but strict: it refuses repeated keys, and 1:10, which would be 70."""

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag.endswith((":int", ":float")) and re.search(r":|^[-+]?0[\d_]+$", node.value):
            raise yaml.constructor.ConstructorError(
                None,
                None,
                f"{node.value} without quotes is no number to the base ten",
                node.start_mark,
            )
        return super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        stated = set()
        for key, _ in node.value:
            if key.tag.endswith(":merge") or not isinstance(key.value, str):
                continue
            if key.value in stated:
                raise yaml.constructor.ConstructorError(
                    None, None, f"the key {key.value!r} stands twice", key.start_mark
                )
            stated.add(key.value)
        return super().construct_mapping(node, deep)


# YAML 1.1 reads 1e-4, which has no decimal point, as text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    list("-+0123456789"),
)


#: Largest depth of nesting, more than any file needs; thousands would overflow libyaml's stack.
_DEEPEST = 64
#: Largest number of values, including those that aliases repeat, because settings copy them.
_MOST_VALUES = 2_000_000


def read_yaml(path: Path) -> Any:
    """Return the content of a YAML file.

    InputError, with the line, if the file is not UTF-8 or not YAML, or if a key is repeated.
    """
    with as_input_error(
        "it cannot be read",
        where=path,
        remedy="Check the path of this file.",
        kinds=(OSError, ValueError),
    ):
        held = path.read_bytes()
    return parse_yaml(held, path)


def read_facts(module: str, name: str = "") -> Any:
    """Return the content of a YAML file beside a module, by default of the module's own name."""
    path = Path(module).with_suffix(".yaml")
    return read_yaml(path.with_name(name) if name else path)


def parse_yaml(held: bytes, where: Path) -> Any:
    """Return the content of a YAML file given as bytes; InputError as for `read_yaml`."""
    with as_input_error(
        "not YAML",
        where=where,
        remedy="Mend the line that is named.",
        kinds=(yaml.YAMLError, ValueError),
    ):
        return deepcopy(_parse(held))


# Cached, because a study reads the manifests of its weights and images hundreds of times.
@lru_cache(maxsize=256)
def _parse(held: bytes) -> Any:
    text = held.decode("utf-8")
    _refuse_endless(text)
    return yaml.load(text, Loader=_Loader)


def _refuse_endless(text: str) -> None:
    """Raise ValueError, with the line, for YAML with excessive nesting or repetition."""
    n_values = 0
    of_anchor = {}
    opened = []
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            # An alias inside its own collection is endless; its anchor has no count yet.
            n_values += of_anchor.get(event.anchor, _MOST_VALUES)
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = opened.pop()
            of_anchor[anchor] = n_values - before
        elif isinstance(event, yaml.NodeEvent):
            n_values += 1
            if isinstance(event, yaml.CollectionStartEvent):
                opened.append((event.anchor, n_values - 1))
            else:
                of_anchor[event.anchor] = 1
        if len(opened) > _DEEPEST:
            raise ValueError(f"line {line}: nested too deeply")
        if n_values > _MOST_VALUES:
            problem = f"its aliases, or it, stand for more than {_MOST_VALUES:,} values"
            raise ValueError(f"line {line}: {problem}")


class FrozenModel(BaseModel):
    """Immutable model of the content of a file; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, stated: Any, *, where: str | Path, remedy: str) -> Self:
        """Return the model of a file's content; InputError names the first wrong setting."""
        try:
            return cls.model_validate(stated)
        except ValidationError as error:
            raise InputError(_misfit(error, cls), where=where, remedy=remedy) from error


def _misfit(error: ValidationError, model: type[BaseModel]) -> str:
    """Return the first error in one line: the setting, what is expected, the value given."""
    errors = error.errors(include_url=False)
    # A misspelt setting causes two errors: an unknown setting and a missing one.
    first = next((slip for slip in errors if slip["type"] == "extra_forbidden"), errors[0])
    place = [str(name) for name in first["loc"] if name != "[key]"]
    value = first["input"]
    message = first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"there is no such setting{did_you_mean(place[-1], _fields(model, place[:-1]))}"
    elif first["type"] == "string_type" and isinstance(value, bool | int | float):
        message = f"YAML reads it as {value}; write it in quotes"
    elif place and not isinstance(value, dict | list):
        message += f" (got {reprlib.repr(value)})"
    if others := [".".join(map(str, slip["loc"])) for slip in errors if slip is not first]:
        message += f" (also wrong: {join_first_ten(others, ', ')})"
    return f"{'.'.join(place)}: {message}" if place else message


def settings_of(model: type) -> list[dict[str, str]]:
    """Return a row for each field of a model: Setting, Values, and Default or “needed”.

    Values come from the field's description if it has one, else from its type in JSON Schema.
    """
    schema = TypeAdapter(model).json_schema()
    rows = []
    for setting, field in schema["properties"].items():
        default = field.get("default")
        shown = "" if isinstance(default, dict | list | None) else str(default).lower()
        if setting in schema.get("required", ()):
            shown = "needed"
        kinds = (_kind(kind, schema) for kind in field.get("anyOf", [field]))
        rows.append(
            {
                "Setting": setting,
                "Values": field.get("description") or " or ".join(kinds),
                "Default": shown,
            }
        )
    return rows


def _kind(field: dict[str, Any], schema: dict[str, Any]) -> str:
    """Return what a JSON schema allows: listed values, a type, or settings of a mapping."""
    if "$ref" in field:
        settings = schema["$defs"][field["$ref"].rpartition("/")[2]]["properties"]
        return f"{{{', '.join(settings)}}}"
    if "items" in field:
        return f"array of {_kind(field['items'], schema)}"
    return " / ".join(map(str, field.get("enum", [field.get("const") or field["type"]])))


def _fields(model: type[BaseModel], place: Iterable[str]) -> set[str]:
    """Return the names of the settings at a place in a model, a path of names and numbers."""
    schema = model.model_json_schema()
    parts = [schema]
    for name in place:
        field = str([part.get("properties", {}).get(name) for part in parts])
        inside = [schema["$defs"][kind] for kind in re.findall(r"#/\$defs/(\w+)", field)]
        parts = inside or parts
    return {name for part in parts for name in part.get("properties", {})}

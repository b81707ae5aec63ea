"""Files that are there whole or not at all, their digests, the manifests' folder, and YAML."""

import hashlib
import json
import os
import re
import reprlib
import shutil
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rin.errors import InputError, as_input_error, did_you_mean

REPOSITORY = Path(__file__).resolve().parents[1]


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file as lower-case hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


# What this process has found whole: by path, what it was when it was read.
_whole: dict[Path, tuple] = {}


def is_whole(path: Path, sha256: str | None) -> bool:
    """Tell whether a file has a SHA-256; it is read once a process, unless it changes."""
    stat = path.stat()
    mark = (sha256, stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
    if _whole.get(path) != mark and sha256_of(path) == sha256:
        _whole[path] = mark
    return _whole.get(path) == mark


@contextmanager
def write_atomically(path: Path) -> Iterator[Path]:
    """Yield a draft to write beside `path`; it takes that name when the block ends well.

    The draft keeps the end of the name, by which Keras and others choose a format; no other
    process writes to it.  Content and name are on the disk before the block is left.
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
    """Yield a new folder to fill beside `target`; it takes that name when the block ends well.

    A folder of that name stays until then.  Two renames exchange both: a process that is killed
    between them leaves the earlier folder, whole, as `.NAME.replaced`.
    """
    replaced = target.with_name(f".{target.name}.replaced")
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as work:
        draft = Path(work) / target.name
        draft.mkdir()
        yield draft
        if target.exists():
            shutil.rmtree(replaced, ignore_errors=True)
            target.rename(replaced)
        draft.rename(target)
        sync(target.parent)
    shutil.rmtree(replaced, ignore_errors=True)


def sync(path: Path) -> None:
    """Have a file, or the names in a folder, reach the disk before anything that follows."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def to_checksummed_json(record: dict[str, Any]) -> str:
    """Return a record as JSON that states its own SHA-256, that of the text without it."""
    text = json.dumps(record | {"seal": ""}, indent=1, sort_keys=True)
    seal = hashlib.sha256(text.encode()).hexdigest()
    return text.replace('"seal": ""', f'"seal": "{seal}"')


def read_checksummed_json(path: Path) -> dict[str, Any]:
    """Return the record of such a file; ValueError where it was changed since it was written."""
    text = path.read_text("utf-8")
    record = json.loads(text)
    seal = record.pop("seal", None) if isinstance(record, dict) else None
    unsealed = text.replace(f'"seal": "{seal}"', '"seal": ""')
    if hashlib.sha256(unsealed.encode()).hexdigest() != seal:
        raise ValueError(f"{path.name} is not as it was written")
    return record


#: What to do where something cannot be written.
MAKE_ROOM = "Free some space, or name a folder that can be written."


def shipped_folder(name: str) -> Path:
    """Return a folder that comes with the package: that of the checkout, else of the wheel."""
    of_checkout = REPOSITORY / name
    return of_checkout if of_checkout.is_dir() else Path(__file__).parent / "shipped" / name


def manifest_folder() -> Path:
    """Return the folder of manifests: that of RIN_MANIFESTS, else the one that is shipped."""
    folder = Path(os.environ.get("RIN_MANIFESTS") or shipped_folder("data_manifests"))
    if not folder.is_dir():
        raise InputError(
            "there is no such folder of dataset manifests",
            where=folder,
            remedy="Run from a checkout, or set RIN_MANIFESTS to its data_manifests folder.",
        )
    return folder


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """PyYAML's safe loader, which would let the last of equal keys win, and take 1:10 for 70."""

    def construct_scalar(self, node: yaml.ScalarNode) -> Any:
        if node.tag.endswith((":int", ":float")) and re.search(r":|^[-+]?0[\d_]+$", node.value):
            problem = f"{node.value} without quotes is no number to the base ten"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)
        return super().construct_scalar(node)

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        stated = [key.value for key, _ in node.value if not key.tag.endswith(":merge")]
        times = Counter(key for key in stated if isinstance(key, str))
        if twice := [key for key, n in times.items() if n > 1]:
            said = f"the key {twice[0]!r} stands twice"
            raise yaml.constructor.ConstructorError(None, None, said, node.start_mark)
        return super().construct_mapping(node, deep)


# YAML 1.1 takes 1e-4, which has no point, for a text.
_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+$"),
    [*"-+0123456789"],
)


#: Brackets within brackets, more than any file needs; thousands would overflow libyaml's stack.
_DEEPEST = 64
#: Values of a file, with those that its aliases stand for, as merged keys copy them.
_MOST_VALUES = 2_000_000
_MEND_LINE = "Mend the line that is named."


def read_yaml(path: Path) -> Any:
    """Return what a YAML file holds.

    InputError, with the line, for what is not UTF-8 or not YAML, and where a key stands twice.
    """
    with as_input_error("not YAML", where=path, remedy=_MEND_LINE, kinds=OSError):
        held = path.read_bytes()
    return parse_yaml(held, path)


def parse_yaml(held: bytes, where: Path) -> Any:
    """Return what the bytes of a YAML file hold; InputError as `read_yaml` has it."""
    kinds = (yaml.YAMLError, ValueError)
    with as_input_error("not YAML", where=where, remedy=_MEND_LINE, kinds=kinds):
        text = held.decode("utf-8")
        _refuse_endless(text)
        return yaml.load(text, Loader=_Loader)


def _refuse_endless(text: str) -> None:
    """Raise ValueError, with the line, where YAML is nested or repeated beyond any use."""
    n_values, of_anchor, opened = 0, {}, []
    for event in yaml.parse(text, Loader=_Loader):
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent):
            # One that stands for what it is in has no number yet, and no end.
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
    """Immutable model of what a file states; unknown fields are rejected."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def checked(cls, stated: Any, *, where: str | Path, remedy: str) -> Self:
        """Return what a file states; InputError names the first thing that does not fit."""
        try:
            return cls.model_validate(stated)
        except ValidationError as error:
            raise InputError(_misfit(error, cls), where=where, remedy=remedy) from error


def _misfit(error: ValidationError, model: type[BaseModel]) -> str:
    """Return in one line the first thing that a file states wrongly: setting, value, what fits."""
    errors = error.errors(include_url=False)
    # A slip of the pen makes two errors: a setting that is unknown, and one that is missing.
    first = next((slip for slip in errors if slip["type"] == "extra_forbidden"), errors[0])
    place = [str(name) for name in first["loc"] if name != "[key]"]
    value, message = first["input"], first["msg"].removeprefix("Value error, ")
    if first["type"] == "extra_forbidden":
        message = f"there is no such setting{did_you_mean(place[-1], _fields(model))}"
    elif first["type"] == "string_type" and isinstance(value, bool | int | float):
        message = f"YAML reads it as {value}; write it in quotes"
        if "[key]" in first["loc"]:  # whose word, as yes or no, YAML has replaced
            place[-1] = "a key such as yes, no or 1"
    elif place and not isinstance(value, dict | list):
        message += f" (got {reprlib.repr(value)})"
    if len(errors) > 1:
        message += f" (and {len(errors) - 1} more)"
    return f"{'.'.join(place)}: {message}" if place else message


_IN_YAML = {
    "string": "text",
    "boolean": "true or false",
    "integer": "whole number",
    "number": "number",
    "null": "null",
    "array": "list",
    "object": "mapping",
}


def settings_of(model: type) -> list[dict[str, str]]:
    """Return what a model reads from YAML: Setting, Values and Default (or needed) a field.

    The description of a field says its values where those of its type do not.
    """
    schema = TypeAdapter(model).json_schema()
    rows = []
    for setting, field in schema["properties"].items():
        default = field.get("default")
        shown = "" if isinstance(default, dict | list | None) else str(default).lower()
        if setting in schema.get("required", ()):
            shown = "needed"
        values = field.get("description") or _in_yaml(field, schema.get("$defs", {}))
        rows.append({"Setting": setting, "Values": values, "Default": shown})
    return rows


def _in_yaml(field: dict[str, Any], models: dict[str, Any]) -> str:
    """Return the values that a JSON schema allows as one writes them in YAML."""
    if "anyOf" in field:
        return " or ".join(_in_yaml(kind, models) for kind in field["anyOf"])
    if "$ref" in field:
        settings = models[field["$ref"].rpartition("/")[2]]["properties"]
        return f"{{{', '.join(settings)}}}"
    if "enum" in field:
        return " / ".join(map(str, field["enum"]))
    if "items" in field:
        return f"list of {_in_yaml(field['items'], models)}"
    kind = field.get("const") or _IN_YAML[field["type"]]
    ends = field.get("minimum"), field.get("maximum")
    if None not in ends:
        return f"{kind} from {ends[0]:g} to {ends[1]:g}"
    return kind if ends == (None, None) else f"{kind} from {ends[0]:g}"


def _fields(model: type[BaseModel]) -> set[str]:
    """Return the names of all settings of a model, and of the models in it."""
    schema = model.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return {name for part in parts for name in part.get("properties", {})}

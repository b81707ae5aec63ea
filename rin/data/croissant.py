"""Croissant: a description of a folder of tables and pictures, for programs that find datasets.

The description is a JSON-LD file, `croissant.json`, in the folder that it describes, in the format
of MLCommons, version 1.0 (Akhtar et al., DEEM 2024, https://doi.org/10.1145/3650203.3663326).  It
gives the SHA-256 of every table, but of no picture.
"""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from rin.files import read_facts, sha256_of, write_atomically

CROISSANT = "croissant.json"
_SHARED = read_facts(__file__)
_FORMATS = {
    ".csv": "text/csv",
    ".json": "application/json",
    ".parquet": "application/x-parquet",
    ".md": "text/markdown",
    ".cff": "application/yaml",
}
#: Croissant's type of each kind of NumPy dtype; any other kind is text.
_TYPES = {"b": "sc:Boolean", "i": "sc:Integer", "u": "sc:Integer", "f": "sc:Float"}


def file_object(path: Path) -> dict[str, str]:
    """Return the entry of a file beside the description, with its SHA-256."""
    return {
        "@type": "cr:FileObject",
        "@id": path.name,
        "name": path.name,
        "contentUrl": path.name,
        "contentSize": f"{path.stat().st_size} B",
        "encodingFormat": _FORMATS[path.suffix],
        "sha256": sha256_of(path),
    }


def table_records(
    file: str, table: pd.DataFrame, description: str, columns: Mapping[str, str]
) -> dict[str, Any]:
    """Return the record set of a table in a file; `columns` describes some of its columns."""
    name = Path(file).stem
    fields = []
    for column in table:
        field = {"@type": "cr:Field", "@id": f"{name}/{column}", "name": column}
        if meaning := columns.get(column):
            field["description"] = meaning
        field["dataType"] = _TYPES.get(table[column].dtype.kind, "sc:Text")
        field["source"] = {"fileObject": {"@id": file}, "extract": {"column": column}}
        fields.append(field)
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": description,
        "field": fields,
    }


def write_croissant(
    folder: Path,
    stated: Mapping[str, Any],
    distribution: Sequence[Mapping[str, Any]],
    records: Sequence[Mapping[str, Any]],
) -> Path:
    """Write `croissant.json` into a folder and return its path.

    `stated` describes the folder as a whole (name, description, version, …), in the terms of
    schema.org.
    """
    description = {**_SHARED, **stated, "distribution": distribution, "recordSet": records}
    path = folder / CROISSANT
    with write_atomically(path) as draft:
        draft.write_text(json.dumps(description, indent=1, ensure_ascii=False) + "\n", "utf-8")
    return path

"""What a Croissant description must be, looked at without the library that reads it."""

import json

import pandas as pd

from rin.files import sha256_of

READERS = {"text/csv": pd.read_csv, "application/x-parquet": pd.read_parquet}
DATA_TYPES = {"sc:Boolean", "sc:Float", "sc:Integer", "sc:Text", "sc:URL"}


def described(folder):
    return json.loads((folder / "croissant.json").read_text("utf-8"))


def problems_of(folder):
    """What is wrong with the description of a folder, in words; nothing where it is right."""
    told = described(folder)
    problems = [name for name in ("name", "description", "license", "version") if not told[name]]
    if told["conformsTo"] != "http://mlcommons.org/croissant/1.0":
        problems.append("it is of another version")
    files = {entry["@id"]: entry for entry in told["distribution"]}
    objects = {name: one for name, one in files.items() if one["@type"] == "cr:FileObject"}
    for name, entry in objects.items():
        path = folder / entry["contentUrl"]
        if (sha256_of(path), f"{path.stat().st_size} B") != (
            entry["sha256"], entry["contentSize"],
        ):  # fmt: skip
            problems.append(f"{name} is another file")
    fields = [field for records in told["recordSet"] for field in records["field"]]
    ids = [*files, *(one["@id"] for one in (*told["recordSet"], *fields))]
    problems += [f"{name} is there twice" for name in {*ids} if ids.count(name) > 1]
    columns = {
        name: {*READERS[entry["encodingFormat"]](folder / name)}
        for name, entry in objects.items()
        if entry["encodingFormat"] in READERS
    }
    for field in fields:
        if field["dataType"] not in DATA_TYPES:
            problems.append(f"{field['@id']} is of no known type")
        source = field.get("source", {})
        column = source.get("extract", {}).get("column")
        of_file = source.get("fileObject", {}).get("@id")
        if of_file and column not in columns.get(of_file, ()):
            problems.append(f"{field['@id']} is no column of {of_file}")
    return problems

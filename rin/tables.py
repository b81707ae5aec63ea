"""The tables that pass between packages: their columns, and the one check of them.

`tables.yaml` states the columns, and the page “Tables and manifests” is made from them.  Nothing
is repaired.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pandera.pandas as pa

from rin.errors import InputError, meant
from rin.files import read_yaml

#: How much of a backbone is trained: nothing, its last ten layers whatever their kind (as in the
#: official scripts, `base_model.layers[:-10]` frozen), all of it.
UNFREEZING = ("freeze_all", "unfreeze_top10", "unfreeze_all")

_NUMBER = pa.Check(pd.api.types.is_numeric_dtype, name="numbers", error="numbers")
_VALUES = {
    "0 or 1": pa.Check.isin([0, 1], error="0 or 1"),
    "from 0 to 1": pa.Check.in_range(0, 1, error="from 0 to 1"),
    "counts from 0": pa.Check.ge(0, error="counts from 0"),
    "from 1": pa.Check.ge(1),
    "64 hexadecimal digits": pa.Check.str_matches(r"^[0-9a-f]{64}$"),
    "tuples": pa.Check(lambda cell: isinstance(cell, tuple), element_wise=True),
}
_EXACT = {"text": str, "integer": int, "yes or no": bool}
_STATED = read_yaml(Path(__file__).with_suffix(".yaml"))


def _column(stated: Mapping[str, Any], *, exact: bool) -> pa.Column:
    """Return a column as the file states it; unless it is `exact`, text may be numbers."""
    kind, values = stated["type"], stated.get("values")
    dtype = _EXACT.get(kind) if exact else None
    checks = [_VALUES[values]] if values else []
    if kind in ("integer", "number") and dtype is None:
        checks.insert(0, _NUMBER)
    return pa.Column(
        dtype,
        checks,
        nullable=stated.get("empty", False),
        unique=stated.get("unique", False),
        required=stated.get("always", True),
        coerce=dtype is int,
        description=stated["meaning"],
        metadata={"type": kind, "unit": stated.get("unit", "")},
    )


def _schema(name: str) -> pa.DataFrameSchema:
    table, columns = _STATED["tables"][name], {}
    for entry in table["columns"]:
        stated = entry if isinstance(entry, dict) else {entry: _STATED["shared"][entry]}
        for column, facts in stated.items():
            columns[column] = _column(facts, exact=table.get("exact", False))
    return pa.DataFrameSchema(columns, name=name, description=table["description"])


#: Every schema by the name that it goes by in the book.
SCHEMAS = {name: _schema(name) for name in _STATED["tables"]}
CASES = SCHEMAS["Cases"]
PREDICTIONS = SCHEMAS["Predictions"]
OVERLAP = SCHEMAS["Overlap"]
RUN_RECORDS = SCHEMAS["RunRecords"]
PRETRAINED = SCHEMAS["Pretrained"]


def described(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return a row a column of a schema: column, type, unit, meaning, always (if required)."""
    rows = []
    for name, column in schema.columns.items():
        facts = {"meaning": column.description, "always": column.required}
        rows.append({"column": name} | column.metadata | facts)
    return pd.DataFrame(rows)


def require_columns(
    table: pd.DataFrame, columns: Sequence[str], *, where: str, remedy: str = ""
) -> None:
    """Raise InputError if a table lacks a column."""
    if missing := [name for name in columns if name not in table]:
        problem = f"columns {missing} are missing{meant(missing[0], table.columns)}"
        raise InputError(problem, where=where, remedy=remedy or f"Needed: {columns}.")


def check_table(
    table: pd.DataFrame,
    schema: pa.DataFrameSchema,
    columns: Sequence[str] | None = None,
    *,
    where: str,
    remedy: str = "",
) -> None:
    """Raise InputError unless a table fits some columns of a schema, by default the required."""
    needed = columns or [name for name, column in schema.columns.items() if column.required]
    require_columns(table, needed, where=where, remedy=remedy)
    part = pa.DataFrameSchema({name: schema.columns[name] for name in needed})
    try:
        part.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        cases = error.failure_cases
        first = cases.iloc[0]
        column, expected = first["column"], first["check"]
        of_column = cases[(cases["column"] == column) & (cases["check"] == expected)]
        wrong = f"the first: {first['failure_case']}"
        if expected == "not_nullable":
            expected = "there"
            wrong = f"the first in row {first['index']}"
        elif expected == "numbers":
            wrong = f"they are of type {table[column].dtype}"
        values = f"{len(of_column)} of {len(table)} values"
        problem = f"column {column!r}: {values} are not {expected}; {wrong}"
        remedy = remedy or f"It is: {schema.columns[column].description}."
        raise InputError(problem, where=where, remedy=remedy) from error

"""The tables that pass between packages: their columns, and the one check of them.

What a column is called, holds and means stands in `tables.yaml`; here schemas are made of it.  The
page “Tables and manifests” is made from them (`described`), and functions that take a table ask
`check_table`.  Nothing is repaired.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import pandas as pd
import pandera.pandas as pa

from rin.errors import InputError
from rin.files import read_yaml

_DTYPES = {"text": str, "texts": object, "integer": int, "number": float, "yes or no": bool}
_NUMBER = pa.Check(pd.api.types.is_numeric_dtype, name="numbers", error="numbers")
_VALUES = {
    "0 or 1": pa.Check.isin([0, 1], error="0 or 1"),
    "from 0 to 1": pa.Check.in_range(0, 1, error="from 0 to 1"),
    "counts from 0": pa.Check.ge(0, error="counts from 0"),
    "from 1": pa.Check.ge(1),
    "64 hexadecimal digits": pa.Check.str_matches(r"^[0-9a-f]{64}$"),
    "tuples": pa.Check(lambda cell: isinstance(cell, tuple), element_wise=True),
}


def _column(facts: Mapping[str, Any], strict: bool) -> pa.Column:
    kind = facts["type"]
    is_number = kind in ("integer", "number")
    checks = [_VALUES[facts["values"]]] if "values" in facts else []
    if is_number and not strict:
        checks.insert(0, _NUMBER)
    return pa.Column(
        _DTYPES[kind] if strict else None,
        checks,
        coerce=strict and is_number,
        required=not facts.get("optional", False),
        nullable=facts.get("gaps", False),
        unique=facts.get("unique", False),
        description=facts["meaning"],
        metadata={"type": kind, "unit": facts.get("unit", "")},
    )


def _schema(name: str, table: Mapping[str, Any]) -> pa.DataFrameSchema:
    strict = table.get("strict", False)
    return pa.DataFrameSchema(
        {column: _column(facts, strict) for column, facts in table["columns"].items()},
        index=pa.Index(int) if strict else None,
        strict=strict,
        ordered=strict,
        name=name,
        description=table["description"],
    )


_TABLES = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Every schema by the name that it goes by in the book.
SCHEMAS = MappingProxyType({name: _schema(name, table) for name, table in _TABLES.items()})
CASES = SCHEMAS["Cases"]
PREDICTIONS = SCHEMAS["Predictions"]
DIFFERENCES = SCHEMAS["Differences"]
OVERLAP = SCHEMAS["Overlap"]
RUN_RECORDS = SCHEMAS["RunRecords"]
PRETRAINED = SCHEMAS["Pretrained"]


def described(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return a row a column of a schema: column, type, unit, meaning, always (whether required)."""
    return pd.DataFrame(
        [
            {
                "column": name,
                **column.metadata,
                "meaning": column.description,
                "always": column.required,
            }
            for name, column in schema.columns.items()
        ]
    )


def check_table(
    table: pd.DataFrame,
    schema: pa.DataFrameSchema,
    columns: Sequence[str] | None = None,
    *,
    where: str,
    remedy: str = "",
) -> None:
    """Raise InputError unless a table has some columns of a schema, by default the required ones.

    The error names the columns that are missing, or a column, how many of its values are not what
    they should be, and the first of them.
    """
    needed = columns or [name for name, column in schema.columns.items() if column.required]
    if missing := [name for name in needed if name not in table]:
        raise InputError(
            f"columns {missing} are missing", where=where, remedy=remedy or f"Needed: {needed}."
        )
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
        raise InputError(
            f"column {column!r}: {len(of_column)} of {len(table)} values are not {expected}; "
            f"{wrong}",
            where=where,
            remedy=remedy or f"It is: {schema.columns[column].description}.",
        ) from error

"""The tables that pass between packages: their columns, and one function that checks them.

`tables.yaml` lists the columns, and the page “Tables and manifests” is made from it.  Nothing is
repaired.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import yaml

from rin.errors import InputError, did_you_mean

#: How much of a backbone is trained: nothing, its last ten layers of any kind (the official
#: scripts freeze `base_model.layers[:-10]`), or all of it.
UNFREEZING = ("freeze_all", "unfreeze_top10", "unfreeze_all")

_STATED = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Column:
    """A column as `tables.yaml` describes it.

    `empty` allows missing values, `unique` forbids repeated ones, and `always` makes the column
    required.  If `exact`, text, integers and truth values must have that very type.
    """

    type: str
    meaning: str
    unit: str = ""
    values: str = ""
    empty: bool = False
    unique: bool = False
    always: bool = True
    exact: bool = False


@dataclass(frozen=True)
class Schema:
    """The columns of a table, by name, as `tables.yaml` describes them."""

    description: str
    columns: Mapping[str, Column]


#: What the values of a column may be, for numbers in NumPy's arrays.
_VALUES = {
    "0 or 1": lambda cells: cells.isin([0, 1]),
    "from 0 to 1": lambda cells: cells.between(0, 1),
    "counts from 0": lambda cells: cells >= 0,
    "from 1": lambda cells: cells >= 1,
    "64 hexadecimal digits": lambda cells: cells.str.fullmatch("[0-9a-f]{64}"),
    "tuples": lambda cells: cells.map(lambda cell: isinstance(cell, tuple)),
}
_EXACT = {
    "text": pd.api.types.is_string_dtype,
    "integer": pd.api.types.is_integer_dtype,
    "yes or no": pd.api.types.is_bool_dtype,
}


def _misfits(cells: pd.Series, column: Column) -> Iterator[tuple[str, pd.Series]]:
    """Yield what cells of a column should be, and which are not."""
    there = cells.notna()
    if not column.empty:
        yield "there", ~there
    if column.exact and column.type in _EXACT and not _EXACT[column.type](cells):
        yield column.type, there
    if column.type in ("integer", "number") and not pd.api.types.is_numeric_dtype(cells):
        yield column.values or "numbers", there
    if column.unique:
        yield "different", cells.duplicated(keep=False)
    if column.values:
        yield column.values, ~_VALUES[column.values](cells).astype(bool) & there


#: Every schema, by its name in the book.
SCHEMAS = {
    name: Schema(
        table["description"],
        {
            column: Column(**facts or _STATED["shared"][column], exact=table.get("exact", False))
            for column, facts in table["columns"].items()
        },
    )
    for name, table in _STATED["tables"].items()
}
CASES = SCHEMAS["Cases"]
PREDICTIONS = SCHEMAS["Predictions"]
OVERLAP = SCHEMAS["Overlap"]
RUN_RECORDS = SCHEMAS["RunRecords"]
PRETRAINED = SCHEMAS["Pretrained"]


def describe_columns(schema: Schema) -> pd.DataFrame:
    """Return one row per column of a schema: column, type, unit, meaning, always (required)."""
    rows = [{"column": name, **vars(column)} for name, column in schema.columns.items()]
    return pd.DataFrame(rows)[["column", "type", "unit", "meaning", "always"]]


def require_columns(
    present: Iterable[str], columns: Sequence[str], *, where: str, remedy: str = ""
) -> None:
    """Raise InputError if one of `columns` is not among those `present`, or is there twice."""
    present = list(present)
    if twice := [name for name in columns if present.count(name) > 1]:
        raise InputError(
            f"columns {twice} are there twice", where=where, remedy="Keep one column of a name."
        )
    if missing := [name for name in columns if name not in present]:
        raise InputError(
            f"columns {missing} are missing{did_you_mean(missing[0], present)}",
            where=where,
            remedy=remedy or f"Needed: {columns}.",
        )


def as_categories(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns of text are categories, which take a byte or two per row."""
    return table.astype(dict.fromkeys(table.select_dtypes("str"), "category"))


def drop_unused_categories(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table whose columns of categories know only the values that a row has."""
    columns = table.select_dtypes("category")
    return table.assign(**{name: columns[name].cat.remove_unused_categories() for name in columns})


def check_table(
    table: pd.DataFrame,
    schema: Schema,
    columns: Sequence[str] | None = None,
    *,
    where: str,
    remedy: str = "",
) -> None:
    """Raise InputError unless a table fits these columns of a schema, by default the required."""
    needed = columns or [name for name, column in schema.columns.items() if column.always]
    require_columns(table.columns, needed, where=where, remedy=remedy)
    for name in needed:
        for expected, wrong in _misfits(table[name], schema.columns[name]):
            if wrong.any():
                cells = table[name][wrong]
                raise InputError(
                    f"column {name!r}: {len(cells)} of {len(table)} values are not {expected}; "
                    f"the first: {cells.to_list()[0]!r} in row {cells.index[0]}, "
                    f"type {cells.dtype}",
                    where=where,
                    remedy=remedy or f"It is: {schema.columns[name].meaning}.",
                )

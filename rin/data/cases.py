"""The case table: one row per picture, the same columns for every dataset."""

import pandas as pd
import pandera.pandas as pa

from rin.errors import InputError

HEX_DIGITS = r"^[0-9a-f]{64}$"
CASES = pa.DataFrameSchema(
    {
        "case_id": pa.Column(str, unique=True),
        "patient_id": pa.Column(str),
        "label": pa.Column(str),
        "source_class": pa.Column(str),
        "image": pa.Column(str, unique=True),
        "masks": pa.Column(
            object, pa.Check(lambda cell: isinstance(cell, tuple), element_wise=True)
        ),
        "width": pa.Column(int, pa.Check.ge(1), coerce=True),
        "height": pa.Column(int, pa.Check.ge(1), coerce=True),
        "digest": pa.Column(str, pa.Check.str_matches(HEX_DIGITS)),
        "hash": pa.Column(str, pa.Check.str_matches(HEX_DIGITS)),
        "blank": pa.Column(bool),
    },
    index=pa.Index(int),
    strict=True,
    ordered=True,
)


def validate_cases(cases: pd.DataFrame, where: str = "case table") -> pd.DataFrame:
    """Return the case table, checked.

    Columns: ``case_id`` (unique, from the dataset's own naming), ``patient_id``, ``label``
    (after the label map), ``source_class``, ``image`` (locator), ``masks`` (tuple of
    locators, or shapes in words), ``width``, ``height`` (pixels), ``digest`` (SHA-256 of the
    decoded pixels), ``hash`` (256 bits of the difference hash, as 64 hexadecimal digits) and
    ``blank`` (whether the picture shows nothing, see :func:`rin.data.leakage.picture_hash`).

    Raises
    ------
    InputError
        A missing, additional, mistyped or repeated entry.
    """
    try:
        return CASES.validate(cases, lazy=True)
    except pa.errors.SchemaErrors as error:
        failed = error.failure_cases[["column", "check", "failure_case"]].drop_duplicates()
        raise InputError(
            f"the case table is not valid:\n{failed.head(10).to_string(index=False)}",
            where=where,
            remedy="Case ids must be unique; the columns are described in rin.data.cases.",
        ) from error

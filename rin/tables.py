"""The tables that pass between packages: their columns, and the one check of them.

A schema says of each column its type, unit and meaning; the page “Tables” of the book is made from
them (`described`), and functions that take a table ask `check_table`.  Nothing is repaired.
Identifiers may be text or numbers, as the files of a dataset have them.
"""

from collections.abc import Sequence
from types import MappingProxyType

import pandas as pd
import pandera.pandas as pa

from rin.errors import InputError

_KINDS = MappingProxyType({"string": "text", "int64": "integer", "bool": "yes or no"})
HEX_DIGITS = r"^[0-9a-f]{64}$"
_NUMBER = pa.Check(pd.api.types.is_numeric_dtype, name="numbers", error="numbers")
_CLASS = pa.Check.isin([0, 1], error="0 or 1")
_SHARE = pa.Check.in_range(0, 1, error="from 0 to 1")
_COUNT = pa.Check.ge(0, error="counts from 0")


def _text(meaning: str, *, required: bool = True, nullable: bool = False) -> pa.Column:
    return pa.Column(
        required=required, nullable=nullable, description=meaning, metadata={"type": "text"}
    )


def _number(
    meaning: str,
    *checks: pa.Check,
    kind: str = "number",
    unit: str = "",
    required: bool = True,
    nullable: bool = False,
) -> pa.Column:
    return pa.Column(
        checks=[_NUMBER, *checks],
        required=required,
        nullable=nullable,
        description=meaning,
        metadata={"type": kind, "unit": unit},
    )


def _whole(
    meaning: str, *checks: pa.Check, required: bool = True, nullable: bool = False
) -> pa.Column:
    return _number(meaning, *checks, kind="integer", required=required, nullable=nullable)


_RUN = {
    "task": _text("name of the task, such as breast"),
    "fold": _whole("which division of the cases, from 0", _COUNT),
    "scenario": _text("backbone, unfreezing and learning rate"),
    "init": _text("what the network was initialised from: radiologic, photographic, random, …"),
    "seed": _whole("seed of the training"),
}
_SETTING = {
    "backbone": _text("convolutional network, such as ResNet50", required=False),
    "unfreezing": _text("freeze_all, unfreeze_top10 or unfreeze_all", required=False),
    "learning_rate": _number("of the optimizer", required=False),
    "pretraining": _whole("which pretraining of the init a run starts from", required=False),
    "factor": _text("factor of a study that has one", required=False, nullable=True),
    "level": _text("level of that factor", required=False, nullable=True),
    "preprocessing": _text("how inputs were prepared", required=False, nullable=True),
}
_CASE = {
    "case_id": _text("the case, from the dataset's own naming"),
    "patient_id": _text("whose case it is; the independent unit", required=False, nullable=True),
}
_ESTIMATE = {
    "estimate": _number("the difference a − b", unit="AUC, 0 to 1", nullable=True),
    "ci_low": _number("lower end of the 95 % interval", unit="as the estimate", nullable=True),
    "ci_high": _number("upper end of the 95 % interval", unit="as the estimate", nullable=True),
    "statistic": _number("t, or z where df is infinite", required=False, nullable=True),
    "df": _number("degrees of freedom", required=False, nullable=True),
    "p_value": _number("two-sided P value", _SHARE, unit="0 to 1", required=False, nullable=True),
    "p_holm": _number(
        "P adjusted by Holm's method", _SHARE, unit="0 to 1", required=False, nullable=True
    ),
    "standard_error": _number(
        "of the estimate", unit="as the estimate", required=False, nullable=True
    ),
}

CASES = pa.DataFrameSchema(
    {
        "case_id": pa.Column(str, unique=True, description="from the dataset's own naming"),
        "patient_id": pa.Column(str, description="whose case it is; the independent unit"),
        "label": pa.Column(str, description="class, after the label map of the manifest"),
        "source_class": pa.Column(str, description="class, as the dataset names it"),
        "image": pa.Column(str, unique=True, description="where the image is, below the data root"),
        "masks": pa.Column(
            object,
            pa.Check(lambda cell: isinstance(cell, tuple), element_wise=True),
            description="where outlines of lesions are, or shapes in words",
            metadata={"type": "texts"},
        ),
        "width": pa.Column(
            int,
            pa.Check.ge(1),
            coerce=True,
            description="of the image",
            metadata={"unit": "pixels"},
        ),
        "height": pa.Column(
            int,
            pa.Check.ge(1),
            coerce=True,
            description="of the image",
            metadata={"unit": "pixels"},
        ),
        "digest": pa.Column(
            str, pa.Check.str_matches(HEX_DIGITS), description="SHA-256 of the decoded pixels"
        ),
        "hash": pa.Column(
            str, pa.Check.str_matches(HEX_DIGITS), description="what the image looks like, 256 bits"
        ),
        "blank": pa.Column(bool, description="whether the image shows nothing"),
    },
    index=pa.Index(int),
    strict=True,
    ordered=True,
    name="Cases",
    description="The images of a dataset, one row a case.",
)

PREDICTIONS = pa.DataFrameSchema(
    {
        **_RUN,
        **_CASE,
        "part": _text("test, validation, or the name of an external dataset"),
        "label": _whole("1 for the positive class, else 0", _CLASS),
        "score": _number("what the network says of the case", unit="log-odds", nullable=True),
        **_SETTING,
    },
    name="Predictions",
    description="What every run says of every case, one row a run and case.",
)

DIFFERENCES = pa.DataFrameSchema(
    {
        "task": _RUN["task"],
        "group": _text("all scenarios, or those of one unfreezing"),
        "n_scenarios": _whole("scenarios that are averaged", _COUNT),
        "auc_a": _number("mean of the first init", _SHARE, unit="AUC, 0 to 1", nullable=True),
        "sd_a": _number("SD over scenarios", unit="AUC", required=False, nullable=True),
        "auc_b": _number("mean of the second init", _SHARE, unit="AUC, 0 to 1", nullable=True),
        "sd_b": _number("SD over scenarios", unit="AUC", required=False, nullable=True),
        **_ESTIMATE,
        "n_folds": _whole("folds that are averaged", _COUNT),
        "n_cases": _whole("test cases", _COUNT),
        "n_positive": _whole("positive test cases", _COUNT),
        "n_patients": _whole("patients of the test cases", _COUNT),
    },
    name="Differences",
    description="Two inits compared, one row a task and group (`rin.stats.init_differences`).",
)

OVERLAP = pa.DataFrameSchema(
    {
        **{name: column for name, column in _RUN.items() if name != "seed"},
        **_CASE,
        "target": _whole("class whose map it is, 1 the positive one", _CLASS, required=False),
        "dice": _number("Dice of map and lesion", _SHARE, unit="0 to 1", nullable=True),
        "pointing": _number("1 where the map's maximum is in the lesion", _SHARE, nullable=True),
        "average_precision": _number(
            "of the map's pixels for those of the lesion", _SHARE, unit="0 to 1", nullable=True
        ),
        "dice_best": _number(
            "Dice at the threshold that is best for the image", _SHARE, unit="0 to 1",
            required=False, nullable=True,
        ),
        "mask_share": _number(
            "share of the image that the lesion takes", _SHARE, unit="0 to 1", required=False,
            nullable=True,
        ),
        **{name: _SETTING[name] for name in ("backbone", "unfreezing", "learning_rate")},
    },
    name="Overlap",
    description="Activation maps beside outlined lesions, one row a run and case with a lesion.",
)  # fmt: skip

RUN_RECORDS = pa.DataFrameSchema(
    {
        "study": _text("name of the study that planned the run"),
        **_RUN,
        **_SETTING,
        "run_id": _text("digest of its configuration, of what it read and of the code's version"),
        "best_epoch": _whole("epoch of the lowest validation loss, from 1", nullable=True),
        "epochs": _whole("epochs that were trained", nullable=True),
        "seconds": _number("time that the training took", unit="s", nullable=True),
    },
    name="RunRecords",
    description="How every run went, one row a study, level and run.",
)

PRETRAINED = pa.DataFrameSchema(
    {
        "init": _RUN["init"],
        "corpus": _text("images that the network was pretrained on"),
        "backbone": _text("convolutional network, such as ResNet50"),
        "run_id": _text("digest of its configuration and of what it read"),
        "top1": _number("classified correctly, of test images", _SHARE, unit="0 to 1"),
        "top5": _number("class among the five first", _SHARE, unit="0 to 1", required=False,
                        nullable=True),
        "balanced_accuracy": _number("mean over classes", _SHARE, unit="0 to 1", required=False,
                                     nullable=True),
        "classes": _whole("classes of the corpus", _COUNT, required=False, nullable=True),
        "images": _whole("images of the corpus", _COUNT, required=False, nullable=True),
        "training_images": _whole("trained on", _COUNT, required=False, nullable=True),
        "epochs": _whole("epochs that were trained", _COUNT, required=False, nullable=True),
        "steps": _whole("steps of the optimizer", _COUNT, required=False, nullable=True),
        "seconds": _number("time that it took", unit="s", required=False, nullable=True),
        "pretraining": _SETTING["pretraining"],
    },
    name="Pretrained",
    description="Networks that were pretrained here, one row a network.",
)  # fmt: skip

#: Every schema by the name that it goes by in the book.
SCHEMAS = MappingProxyType(
    {
        schema.name: schema
        for schema in (CASES, PREDICTIONS, DIFFERENCES, OVERLAP, RUN_RECORDS, PRETRAINED)
    }
)


def described(schema: pa.DataFrameSchema) -> pd.DataFrame:
    """Return a row a column of a schema: column, type, unit, meaning, always (whether required)."""
    rows = []
    for name, column in schema.columns.items():
        notes = column.metadata or {}
        kind = notes.get("type") or _KINDS[str(column.dtype).partition("[")[0]]
        rows.append(
            {
                "column": name,
                "type": kind,
                "unit": notes.get("unit", ""),
                "meaning": column.description,
                "always": column.required,
            }
        )
    return pd.DataFrame(rows)


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

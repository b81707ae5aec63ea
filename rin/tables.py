"""The tables that pass between packages: their columns, and the one check of them.

The page “Tables and manifests” is made from the schemas.  Nothing is repaired.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import pandas as pd
import pandera.pandas as pa

from rin.errors import InputError, meant

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


def _column(
    kind: str, meaning: str, *, unit: str = "", values: str = "", **rules: Any
) -> pa.Column:
    """Return a column with pandera's `rules`; without a `dtype` text may be numbers."""
    checks = [_VALUES[values]] if values else []
    if kind in ("integer", "number") and "dtype" not in rules:
        checks.insert(0, _NUMBER)
    facts = {"type": kind, "unit": unit}
    return pa.Column(checks=checks, description=meaning, metadata=facts, **rules)


_text, _integer, _number = (partial(_column, kind) for kind in ("text", "integer", "number"))
_MAYBE = {"required": False, "nullable": True}
_SHARE = {"unit": "0 to 1", "values": "from 0 to 1", "nullable": True}
_COUNT = {"values": "counts from 0"}
_RUN = {
    "task": _text("name of the task, such as breast"),
    "fold": _integer("which division of the cases, from 0", values="counts from 0"),
    "scenario": _text("backbone, unfreezing and learning rate"),
    "init": _text("what the network was initialised from: radiologic, photographic, random, …"),
}
_SEED = {"seed": _integer("seed of the training")}
_CASE = {
    "case_id": _text("the case, from the dataset's own naming"),
    "patient_id": _text("whose case it is; the independent unit", **_MAYBE),
}
_NETWORK = {
    "backbone": _text("convolutional network, such as ResNet50", required=False),
    "unfreezing": _text(f"{', '.join(UNFREEZING[:2])} or {UNFREEZING[2]}", required=False),
    "learning_rate": _number("of the optimizer", required=False),
}
_PRETRAINING = {
    "pretraining": _integer("which pretraining of the init a run starts from", required=False)
}
_FACTOR = {
    "factor": _text("factor of a study that has one", **_MAYBE),
    "level": _text("level of that factor", **_MAYBE),
    "preprocessing": _text("how inputs were prepared", **_MAYBE),
}

# Cases have these columns alone, in this order and of exactly these types.
_exact_text = partial(_text, dtype=str)
_pixels = partial(_integer, unit="pixels", values="from 1", dtype=int, coerce=True)
CASES = pa.DataFrameSchema(
    {
        "case_id": _exact_text("from the dataset's own naming", unique=True),
        "patient_id": _exact_text("whose case it is; the independent unit"),
        "label": _exact_text("class, after the label map of the manifest"),
        "source_class": _exact_text("class, as the dataset names it"),
        "image": _exact_text("where the image is, below the data root", unique=True),
        "masks": _column("texts", "outlines of lesions, or shapes in words", values="tuples"),
        "width": _pixels("of the image"),
        "height": _pixels("of the image"),
        "digest": _exact_text("SHA-256 of the decoded pixels", values="64 hexadecimal digits"),
        "hash": _exact_text("what the image looks like, 256 bits", values="64 hexadecimal digits"),
        "blank": _column("yes or no", "whether the image shows nothing", dtype=bool),
    },
    index=pa.Index(int),
    strict=True,
    ordered=True,
    name="Cases",
    description="The images of a dataset, one row a case.",
)
PREDICTIONS = pa.DataFrameSchema(
    _RUN
    | _SEED
    | _CASE
    | {
        "part": _text("test, validation, or the name of an external dataset"),
        "label": _integer("1 for the positive class, else 0", values="0 or 1"),
        "score": _number("what the network says of the case", unit="log-odds", nullable=True),
    }
    | _NETWORK
    | _PRETRAINING
    | _FACTOR,
    name="Predictions",
    description="What every run says of every case, one row a run and case.",
)
DIFFERENCES = pa.DataFrameSchema(
    {
        "task": _RUN["task"],
        "group": _text("all scenarios, or those of one unfreezing"),
        "n_scenarios": _integer("scenarios that are averaged", **_COUNT),
        "auc_a": _number("mean of the first init", **_SHARE | {"unit": "AUC, 0 to 1"}),
        "sd_a": _number("SD over scenarios", unit="AUC", **_MAYBE),
        "auc_b": _number("mean of the second init", **_SHARE | {"unit": "AUC, 0 to 1"}),
        "sd_b": _number("SD over scenarios", unit="AUC", **_MAYBE),
        "estimate": _number("the difference a − b", unit="AUC, 0 to 1", nullable=True),
        "ci_low": _number("lower end of the 95% interval", unit="as the estimate", nullable=True),
        "ci_high": _number("upper end of the 95% interval", unit="as the estimate", nullable=True),
        "statistic": _number("t, or z where df is infinite", **_MAYBE),
        "df": _number("degrees of freedom", **_MAYBE),
        "p_value": _number("two-sided P value", **_SHARE, required=False),
        "p_holm": _number("P adjusted by Holm's method", **_SHARE, required=False),
        "standard_error": _number("of the estimate", unit="as the estimate", **_MAYBE),
        "n_folds": _integer("folds that are averaged", **_COUNT),
        "n_cases": _integer("test cases", **_COUNT),
        "n_positive": _integer("positive test cases", **_COUNT),
        "n_patients": _integer("patients of the test cases", **_COUNT),
    },
    name="Differences",
    description="Two inits compared, by task and group: `rin.stats.init_differences`, as tested.",
)
OVERLAP = pa.DataFrameSchema(
    _RUN
    | _CASE
    | {
        "target": _integer("class whose map it is", values="0 or 1", required=False),
        "dice": _number("Dice of map and lesion", **_SHARE),
        "pointing": _number("1 where the map's maximum is in the lesion", **_SHARE),
        "average_precision": _number("of the map's pixels for those of the lesion", **_SHARE),
        "dice_best": _number("Dice at the best threshold of all others", **_SHARE, required=False),
        "mask_share": _number("share of the image that is lesion", **_SHARE, required=False),
    }
    | _NETWORK,
    name="Overlap",
    description="Activation maps beside outlined lesions, one row a run and case with a lesion.",
)
RUN_RECORDS = pa.DataFrameSchema(
    {"study": _text("name of the study that planned the run")}
    | _RUN
    | _SEED
    | _NETWORK
    | _PRETRAINING
    | _FACTOR
    | {
        "run_id": _text("digest of its configuration, of what it read and of the code's version"),
        "best_epoch": _integer("epoch of the lowest validation loss, from 1", nullable=True),
        "epochs": _integer("epochs that were trained", nullable=True),
        "seconds": _number("time that the training took", unit="s", nullable=True),
        "validation_auc": _number("of the epoch kept, validation cases", **_SHARE, required=False),
        "validation_loss": _number("of the epoch kept, validation cases", **_MAYBE),
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
        "top1": _number("classified correctly", unit="0 to 1", values="from 0 to 1"),
        "top5": _number("class among the five first", **_SHARE, required=False),
        "balanced_accuracy": _number("mean over classes", **_SHARE, required=False),
        "classes": _integer("classes of the corpus", **_COUNT, **_MAYBE),
        "images": _integer("images of the corpus", **_COUNT, **_MAYBE),
        "training_images": _integer("trained on", **_COUNT, **_MAYBE),
        "epochs": _integer("epochs that were trained", **_COUNT, **_MAYBE),
        "steps": _integer("steps of the optimizer", **_COUNT, **_MAYBE),
        "seconds": _number("time that it took", unit="s", **_MAYBE),
    }
    | _PRETRAINING,
    name="Pretrained",
    description="Networks that were pretrained here, one row a network.",
)
#: Every schema by the name that it goes by in the book.
SCHEMAS = {
    schema.name: schema
    for schema in (CASES, PREDICTIONS, DIFFERENCES, OVERLAP, RUN_RECORDS, PRETRAINED)
}


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

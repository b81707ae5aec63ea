"""The tables of a reference run: packed small, and unpacked as they were.

Each case and each run is named once; every other table points to them by their row.  Scores are
kept bit by bit, as float32.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd

from rin.errors import InputError

CASES, RUNS, SCORES = "cases.parquet", "runs.parquet", "scores.parquet"
OVERLAP, BASELINES = "overlap.parquet", "baselines.parquet"
PRETRAINING, PROBE = "pretraining.parquet", "probe.parquet"
LESION_MAPS = "lesion_maps.parquet"
#: Columns that each table must have, with the kinds of their values (NumPy's letters).
COLUMNS: dict[str, dict[str, str]] = {
    CASES: {"task": "O", "case_id": "O", "patient_id": "O", "label": "iu"},
    RUNS: {"run_id": "O", "task": "O", "fold": "iu", "scenario": "O", "init": "O",
           "contract": "O", "preprocessing": "O", "resize": "O", "seed": "iu",
           "best_epoch": "iu", "epochs": "iu", "seconds": "f"},
    SCORES: {"run": "iu", "case": "iu", "score": "f"},
    OVERLAP: {"run": "iu", "case": "iu", "target": "iu", "empty_cam": "b", "dice": "f",
              "dice_best": "f", "dice_upper": "f", "pointing": "f", "average_precision": "f",
              "mask_share": "f", "cam_share": "f"},
    BASELINES: {"case": "iu", "baseline": "O", "dice": "f", "pointing": "f",
                "average_precision": "f"},
    PRETRAINING: {"init": "O", "corpus": "O", "backbone": "O", "top1": "f", "run_id": "O"},
    LESION_MAPS: {"task": "O", "init": "O", "unfreezing": "O", "row": "iu", "column": "iu",
                  "activation": "f", "n_maps": "iu"},
    PROBE: {},
}  # fmt: skip
#: Tables that not every study has.
OPTIONAL = (LESION_MAPS, PROBE)
#: Numbers of overlap that are kept beside the case and the run.
OVERLAP_VALUES = [
    *("dice", "dice_best", "dice_upper", "pointing", "average_precision"),
    *("mask_share", "cam_share"),
]
_CASE = ["task", "case_id"]


@dataclass(frozen=True)
class Packed:
    """Predictions, packed.

    Attributes
    ----------
    cases
        `task`, `case_id`, `patient_id`, `label`: each case once.
    scores
        `run` (place in the list of tables), `case` (row of `cases`), `score` (float32).
    """

    cases: pd.DataFrame
    scores: pd.DataFrame


def pack_predictions(tables: Sequence[pd.DataFrame]) -> Packed:
    """Return the predictions of several runs, each case named once.

    Parameters
    ----------
    tables
        One a run: `task`, `case_id`, `patient_id`, `label`, `score`.

    Raises
    ------
    InputError
        When a case has two labels or two patients, stands twice in a run, or a score is not a
        number that float32 holds exactly: then statistics would change.

    Notes
    -----
    Checked against `unpack_predictions`, which returns the same tables.
    """
    lengths = [len(table) for table in tables]
    rows = pd.concat(tables, ignore_index=True)
    run = np.repeat(np.arange(len(tables)), lengths)
    cases = rows[[*_CASE, "patient_id", "label"]].drop_duplicates(ignore_index=True)
    _refuse(cases.duplicated(_CASE), cases, "has two labels or patients")
    _refuse(pd.concat([rows[_CASE], pd.Series(run)], axis=1).duplicated(), rows,
            "stands twice in a run")  # fmt: skip
    exact = rows["score"].to_numpy(dtype=np.float64)
    short = exact.astype(np.float32)
    _refuse(~np.isfinite(exact) | (short != exact), rows, "has a score that float32 cannot hold")
    case = pd.MultiIndex.from_frame(cases[_CASE]).get_indexer(pd.MultiIndex.from_frame(rows[_CASE]))
    return Packed(cases, pd.DataFrame({"run": run, "case": case, "score": short}))


def unpack_predictions(packed: Packed, runs: Sequence[int]) -> pd.DataFrame:
    """Return `run` and the columns that were packed, of some runs in the order given."""
    order = pd.Series(np.arange(len(runs)), index=list(runs))
    scores = packed.scores[packed.scores["run"].isin(order.index)]
    place = scores["run"].map(order).to_numpy()
    scores = scores.iloc[np.argsort(place, kind="stable")]
    named = packed.cases.iloc[scores["case"].to_numpy()].reset_index(drop=True)
    named.insert(0, "run", scores["run"].to_numpy())
    return named.assign(score=scores["score"].to_numpy())


def write_table(table: pd.DataFrame, path: Path) -> None:
    """Write a table small: integers as short as they fit, repeated values once."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays = pa.Table.from_pandas(_shortened(table), preserve_index=False)
    arrays = arrays.replace_schema_metadata(None)  # pandas' notes are larger than small tables
    pq.write_table(arrays, path, compression="zstd", compression_level=19, use_dictionary=True)


def read_table(path: Path, rows: int) -> pd.DataFrame:
    """Read a table and check that it has its columns and so many rows; integers are int64 again.

    Raises
    ------
    InputError
        When it is not readable, lacks a column, has one of another kind, or other rows.
    """
    # pyarrow's errors are ValueErrors or OSErrors.
    try:
        table = pd.read_parquet(path)
    except (OSError, ValueError) as error:
        raise broken(path, f"not a readable table ({error})") from error
    absent = [name for name in COLUMNS[path.name] if name not in table]
    if absent or len(table) != rows:
        said = f"columns {absent} are missing" if absent else f"{len(table)} rows, not {rows}"
        raise broken(path, said)
    for name, kinds in COLUMNS[path.name].items():
        found = table[name].dtype
        kind = "O" if pd.api.types.is_string_dtype(found) else found.kind
        if kind not in kinds:
            raise broken(path, f"column {name} holds {found}")
        if kind != "f" and table[name].isna().any():
            raise broken(path, f"column {name} has gaps")
    return table.astype(dict.fromkeys(table.select_dtypes("integer"), np.int64))


def check_places(tables: Mapping[str, pd.DataFrame], folder: Path) -> None:
    """Raise unless every table points to runs and cases that there are, and labels are 0 or 1.

    Raises
    ------
    InputError
        Naming the table and the column.
    """
    ends = {"run": len(tables[RUNS]), "case": len(tables[CASES])}
    for name, table in tables.items():
        for column in ends.keys() & set(table.columns) if name != PROBE else ():
            values = table[column]
            if len(values) and not (values.min() >= 0 and values.max() < ends[column]):
                raise broken(folder / name, f"column {column} points beyond the {column}s")
    if not tables[CASES]["label"].isin([0, 1]).all():
        raise broken(folder / CASES, "labels other than 0 and 1")
    if tables[CASES].duplicated(_CASE).any() or tables[RUNS]["run_id"].duplicated().any():
        raise broken(folder, "a case or a run stands twice")
    scores = tables[SCORES]
    if scores.duplicated(["run", "case"]).any() or not np.isfinite(scores["score"]).all():
        raise broken(folder / SCORES, "a score is doubled or not a number")
    of_case = tables[CASES]["task"].to_numpy()[scores["case"]]
    if (of_case != tables[RUNS]["task"].to_numpy()[scores["run"]]).any():
        raise broken(folder / SCORES, "a run scores a case of another task")


def broken(where: Path, problem: str) -> InputError:
    """Return the error for a file of a reference run that cannot be used."""
    return InputError(
        problem,
        where=where,
        remedy="Restore the reference run from the repository, or write it again with "
        "rin reference write --replace.",
    )


def _shortened(table: pd.DataFrame) -> pd.DataFrame:
    whole = [name for name in table.select_dtypes("integer") if table[name].notna().all()]
    return table.assign(
        **{name: pd.to_numeric(table[name], downcast=_kind(table[name])) for name in whole}
    )


def _kind(column: pd.Series) -> Literal["unsigned", "integer"]:
    return "integer" if (column < 0).any() else "unsigned"


def _refuse(bad: pd.Series | np.ndarray, rows: pd.DataFrame, problem: str) -> None:
    if np.any(bad):
        first = rows[np.asarray(bad)].iloc[0]
        raise InputError(
            f"case {first['case_id']} {problem}",
            where=f"predictions of {first['task']}",
            remedy="Delete the run's folder in the ledger and run the stage again.",
        )

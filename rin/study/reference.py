"""Reference runs: what a finished study on real images found, kept with the book.

A reference run holds case ids and numbers, and no statistics: those are computed anew from it
wherever it is shown.  Its views have the columns that a study of one's own returns, so that
everything that reads a study reads a reference run as well.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
from pydantic import ValidationError

from rin.errors import unknown
from rin.study.factors import FACTORS
from rin.study.reference_facts import RUN, RunFacts, sha256_of
from rin.study.reference_tables import (
    COLUMNS,
    OPTIONAL,
    OVERLAP_VALUES,
    RUNS,
    Packed,
    broken,
    check_places,
    read_table,
    unpack_predictions,
)
from rin.study.scenarios import find_scenario

GRID, FROM_RANDOM = "grid", "from_random"
#: Columns that name a run in tables of predictions, in their order.
NAMED = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]


@dataclass(frozen=True)
class ReferenceRun:
    """A reference run, read and checked.

    Attributes
    ----------
    facts
        How it came about.
    cases
        `task`, `case_id`, `patient_id`, `label` (1 is the positive class), one row a case.
    runs
        One row a run: `run_id`, task, fold, scenario, init, `contract` (input contract in
        effect), `preprocessing` and `resize` (as in `rin.study.sections.FineTuning`), seed,
        `best_epoch`, `epochs`, `seconds`; and for each plan the place of the run in it, NaN where
        it is not part of it: `grid`, `from_random`, and those that `plan_of` names.
    scores
        `run` and `case` (rows of `runs` and `cases`), `score` (probability, float32).
    overlap
        One row a run of the grid and image with a lesion: `run`, `case`, and columns of
        `rin.explain.overlap_tables.Overlap.table`.
    baselines
        One row a case with a lesion and baseline: scores of what looks at no image.
    pretraining
        As `rin.study.pretrained` returned it, and `contract`.
    lesion_maps
        As `rin.explain.lesion_maps.lesion_map_table`, all tasks with masks; None where the run
        was written before they were recorded, or no task has masks.
    probe
        As `rin.study.probe.probe_measurements` returned it; None without such a section.
    """

    facts: RunFacts
    cases: pd.DataFrame = field(repr=False)
    runs: pd.DataFrame = field(repr=False)
    scores: pd.DataFrame = field(repr=False)
    overlap: pd.DataFrame = field(repr=False)
    baselines: pd.DataFrame = field(repr=False)
    pretraining: pd.DataFrame = field(repr=False)
    lesion_maps: pd.DataFrame | None = field(repr=False)
    probe: pd.DataFrame | None = field(repr=False)

    @property
    def name(self) -> str:
        """Name of the reference run."""
        return self.facts.name

    @property
    def tasks(self) -> list[str]:
        """Tasks whose whole grid was run, in the order of the profile."""
        return list(self.facts.profile["tasks"])


def plan_of(factor: str, level: str) -> str:
    """Return the column of `ReferenceRun.runs` that tells the runs of a level of a factor."""
    return f"{factor}_{level}"


def reference_folder() -> Path:
    """Return the folder of the reference runs (`RIN_REFERENCE_RUNS`, or that of the book)."""
    default = Path(__file__).parents[2] / "book" / "reference_runs"
    return Path(os.environ.get("RIN_REFERENCE_RUNS", default))


def reference_names() -> list[str]:
    """Return the names of the reference runs that there are."""
    return sorted(path.parent.name for path in reference_folder().glob(f"*/{RUN}"))


def load_reference(name_or_folder: str | Path = "open") -> ReferenceRun:
    """Read a reference run and check that it is whole.

    Parameters
    ----------
    name_or_folder
        Name below `reference_folder`; or the folder itself, as a path.

    Raises
    ------
    InputError
        For an unknown name, or a file that is missing, truncated or not the one that was
        written.
    """
    folder = name_or_folder
    if not isinstance(folder, Path):
        if name_or_folder not in reference_names():
            raise unknown("reference run", name_or_folder, reference_names() or ["none"])
        folder = reference_folder() / name_or_folder
    facts = _read_facts(folder)
    tables = {}
    for name in COLUMNS:
        if name in facts.files:
            tables[name] = _read_checked(folder / name, facts)
        elif name not in OPTIONAL:
            raise broken(folder / RUN, f"it states no {name}")
    check_places(tables, folder)
    for column in (GRID, FROM_RANDOM, *_factor_plans()):
        if column not in tables[RUNS]:
            raise broken(folder / RUNS, f"column {column} is missing")
    keys = {name: name.removesuffix(".parquet") for name in COLUMNS}
    return ReferenceRun(facts, **{key: tables.get(name) for name, key in keys.items()})


def grid_predictions(reference: ReferenceRun, task: str) -> pd.DataFrame:
    """Return the test predictions of a task's whole grid, as `rin.study.predictions`.

    Raises
    ------
    InputError
        For a task that the reference run has no grid of.
    """
    if task not in reference.tasks:
        raise unknown("task of the reference run", task, reference.tasks)
    runs = _planned(reference, GRID)
    return _predictions(reference, runs[runs["task"] == task])


def from_random_predictions(reference: ReferenceRun) -> pd.DataFrame:
    """Return the test predictions from random weights and beside them.

    As `rin.study.run_from_random`; without rows where the study had no such section.
    """
    return _predictions(reference, _planned(reference, FROM_RANDOM))


def factor_predictions(reference: ReferenceRun, factor: str) -> pd.DataFrame:
    """Return the test predictions of a factor, as `rin.study.factors.run_factor`.

    Rows of a run that both levels share appear under both; without rows where the study had no
    such factor.

    Raises
    ------
    InputError
        For an unknown factor.
    """
    if factor not in FACTORS:
        raise unknown("factor", factor, list(FACTORS))
    tables = []
    for level in FACTORS[factor]:
        runs = _planned(reference, plan_of(factor, level))
        table = _predictions(reference, runs, ["contract"])
        table.insert(0, "level", level)
        table.insert(0, "factor", factor)
        tables.append(table)
    return pd.concat(tables, ignore_index=True)


def overlap_table(reference: ReferenceRun, task: str) -> pd.DataFrame:
    """Return what a task's maps and lesions have in common, run by run and image by image.

    Columns as `rin.explain.overlap_tables.Overlap.table`: those that name the run, `case_id`,
    `patient_id`, `label`, `score`, `target`, the measures (float32), `empty_cam`; no rows where
    the task's images have no marked lesions.
    """
    runs = _planned(reference, GRID)
    runs = runs[runs["task"] == task]
    rows = reference.overlap[reference.overlap["run"].isin(runs.index)]
    scores = reference.scores.set_index(["run", "case"])["score"]
    at = pd.MultiIndex.from_frame(rows[["run", "case"]])
    named = _named(runs).loc[rows["run"]].reset_index(drop=True)
    cases = reference.cases.iloc[rows["case"]][["case_id", "patient_id", "label"]]
    values = rows[["target", *OVERLAP_VALUES, "empty_cam"]].reset_index(drop=True)
    values.insert(0, "score", scores.reindex(at).to_numpy())
    return pd.concat([named, cases.reset_index(drop=True), values], axis=1)


def baseline_rows(reference: ReferenceRun, task: str) -> pd.DataFrame:
    """Return scores of pictures that look at nothing: `case_id`, `baseline`, measures."""
    named = reference.cases.iloc[reference.baselines["case"].to_numpy()]
    rows = reference.baselines.drop(columns="case")
    rows.insert(0, "case_id", named["case_id"].to_numpy())
    return rows[(named["task"] == task).to_numpy()].reset_index(drop=True)


def _factor_plans() -> list[str]:
    return [plan_of(factor, level) for factor, levels in FACTORS.items() for level in levels]


def _planned(reference: ReferenceRun, plan: str) -> pd.DataFrame:
    """Return the runs of a plan in its order, indexed by their place in the scores."""
    return reference.runs[reference.runs[plan].notna()].sort_values(plan, kind="stable")


def _named(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the columns that name runs."""
    scenarios = [find_scenario(name) for name in runs["scenario"]]
    parts = ("backbone", "unfreezing", "learning_rate")
    return runs.assign(**{part: [getattr(s, part) for s in scenarios] for part in parts})[NAMED]


def _predictions(
    reference: ReferenceRun, runs: pd.DataFrame, before: list[str] | None = None
) -> pd.DataFrame:
    """Return predictions of some runs, in their order, with further columns of a run in front."""
    packed = Packed(reference.cases, reference.scores)
    rows = unpack_predictions(packed, runs.index)
    named = pd.concat([runs[before or []], _named(runs)], axis=1)
    named = named.loc[rows["run"].to_numpy()].reset_index(drop=True)
    cases = rows[["case_id", "patient_id", "label", "score"]].reset_index(drop=True)
    cases.insert(2, "part", "test")
    return pd.concat([named, cases.astype({"label": np.int64})], axis=1)


def _read_facts(folder: Path) -> RunFacts:
    path = folder / RUN
    try:
        facts = RunFacts.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the text"
        raise broken(path, f"{place}: {first['msg']}") from error
    except (OSError, UnicodeDecodeError) as error:
        raise broken(path, f"not readable ({error})") from error
    if facts.digest != facts.expected_digest:
        raise broken(path, "it differs from what was written")
    return facts


def _read_checked(path: Path, facts: RunFacts) -> pd.DataFrame:
    if not path.is_file():
        raise broken(path, "the file is missing")
    if sha256_of(path) != facts.files[path.name].sha256:
        raise broken(path, f"its SHA-256 is not the one in {RUN}")
    return read_table(path, facts.files[path.name].rows)

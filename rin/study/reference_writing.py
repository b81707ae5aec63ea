"""Writing a reference run: everything that a finished study on real images found, at most 2 MB.

No image, no folder and no name of a computer is written.  A study with an unfinished run or a
stand-in anywhere is refused.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.explain.lesion_maps import lesion_map_table
from rin.explain.overlap import (
    baseline_scores,
    lesion_sizes,
    measure_overlap,
    others_lesion_size,
)
from rin.study.factors import FACTORS, factor_inputs, factor_runs, studied_factors
from rin.study.from_random import from_random_inputs, planned_from_random
from rin.study.grid import cam_arrays, run_predictions
from rin.study.ledger import Ledger
from rin.study.plan import Run, plan_runs, runs_table
from rin.study.pretraining_plan import plan_pretraining
from rin.study.pretraining_records import local_entries, pretrained
from rin.study.probe import plan_probe, probe_ledger, probe_measurements
from rin.study.reference import FROM_RANDOM, GRID, load_reference, plan_of
from rin.study.reference_facts import RUN, FileFacts, sha256_of
from rin.study.reference_records import (
    gather_facts,
    provenances_of_images,
    provenances_of_weights,
    refuse_stand_ins,
)
from rin.study.reference_tables import (
    BASELINES,
    CASES,
    LESION_MAPS,
    OVERLAP,
    OVERLAP_VALUES,
    PRETRAINING,
    PROBE,
    RUNS,
    SCORES,
    Packed,
    pack_predictions,
    write_table,
)
from rin.study.setting import Study, TaskInputs, task_inputs

#: Largest size of all files of a reference run together, in bytes.
LARGEST = 2_000_000


@dataclass(frozen=True)
class _Plans:
    """Runs of a study by plan, and what its tasks read."""

    tasks: dict[str, TaskInputs]
    plans: dict[str, list[Run]]

    @property
    def runs(self) -> list[Run]:
        """Each run once, those of the grids first."""
        return list({run.run_id: run for plan in self.plans.values() for run in plan}.values())


def write_reference(
    study: Study, folder: Path, *, replace: bool = False, accelerator: str | None = None
) -> Path:
    """Write the reference run of a finished study and return its folder.

    Parameters
    ----------
    folder
        Where reference runs stand; the one that is written is named after the profile.
    replace
        Whether one that is there may be replaced.
    accelerator
        What trained the networks, where it is not what this computer has.

    Raises
    ------
    InputError
        When the reference run is there already, something was made from stand-ins, a run is not
        finished, or the files are larger than `LARGEST` together; nothing is written then.
    """
    target = Path(folder) / study.profile.name
    if target.exists() and not replace:
        raise InputError(
            "there is a reference run already", where=target, remedy="Use --replace to replace it."
        )
    tasks = {task: task_inputs(study, task) for task in study.profile.tasks}
    refuse_stand_ins(study, provenances_of_images(study, tasks))
    ids = [run.run_id for run in plan_pretraining(study)]
    _check_finished(study, study.weights, ids, "pretraining")
    planned = _plans(study, tasks)
    others = provenances_of_images(study, planned.tasks) | provenances_of_weights(study)
    refuse_stand_ins(study, others)
    _check_finished(study, study.runs, [run.run_id for run in planned.runs], "fine-tuning")
    if study.profile.probe is not None:
        ids = [run.run_id for run in plan_probe(study)]
        _check_finished(study, probe_ledger(study), ids, "the probe")
    tables = _tables(study, planned)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    except OSError as error:
        raise _unwritable(target, error) from error
    try:
        files = {name: _write(table, draft / name) for name, table in tables.items()}
        facts = gather_facts(study, planned.tasks, planned.runs, files, accelerator)
        (draft / RUN).write_text(facts.model_dump_json(indent=1) + "\n", encoding="utf-8")
        _check_size(draft, target)
        load_reference(draft)
        _publish(draft, target)
    except OSError as error:
        raise _unwritable(target, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return target


def _plans(study: Study, tasks: dict[str, TaskInputs]) -> _Plans:
    """Return every fine-tuning run of a study, plan by plan, and what they read."""
    plans = {GRID: [run for one in tasks.values() for run in plan_runs(study, one)]}
    plans[FROM_RANDOM] = []
    if study.profile.from_random is not None:
        inputs = from_random_inputs(study)
        plans[FROM_RANDOM] = [run for run, _ in planned_from_random(study, inputs)]
        tasks = inputs | tasks
    for factor, levels in FACTORS.items():
        studied = factor in studied_factors(study)
        inputs = factor_inputs(study, factor) if studied else {}
        levelled = factor_runs(study, factor, inputs) if studied else []
        for level in levels:
            plans[plan_of(factor, level)] = [run for own, run in levelled if own == level]
        tasks = {task: one for (_, task), one in inputs.items()} | tasks
    return _Plans(tasks, plans)


def _check_finished(study: Study, ledger: Ledger, run_ids: list[str], stage: str) -> None:
    if missing := len(run_ids) - ledger.count(run_ids):
        raise InputError(
            f"{missing} of {len(run_ids)} runs of {stage} are not finished",
            where=ledger.folder,
            remedy=f"Run rin study --profile {study.profile.name}; it goes on where it stopped.",
        )


def _tables(study: Study, planned: _Plans) -> dict[str, pd.DataFrame]:
    named = runs_table(planned.runs).to_dict("index")
    scored = [run_predictions(study, run_id, row, "test") for run_id, row in named.items()]
    packed = pack_predictions(scored)
    overlap, baselines, lesion_maps = _overlap(study, planned, packed)
    tables = {
        CASES: packed.cases,
        RUNS: _runs(study, planned),
        SCORES: packed.scores,
        OVERLAP: overlap,
        BASELINES: baselines,
        PRETRAINING: _pretraining(study),
    }
    if len(lesion_maps):
        tables[LESION_MAPS] = lesion_maps
    if study.profile.probe is not None:
        tables[PROBE] = _probe(study)
    return tables


def _probe(study: Study) -> pd.DataFrame:
    table = probe_measurements(study)
    for what, column in (("probed weights", "weights_provenance"), ("images", "source_provenance")):
        made_up = table.loc[table[column] == "stand-in", "source"].unique()
        refuse_stand_ins(study, {f"{what} of the probe, {name}": "stand-in" for name in made_up})
    return table


def _runs(study: Study, planned: _Plans) -> pd.DataFrame:
    rows = []
    for run in planned.runs:
        done = study.runs.done(run.run_id)
        named = {"run_id": run.run_id, "task": run.task, "fold": run.fold}
        named |= {"scenario": run.scenario.name, "init": run.init, "contract": run.contract}
        named |= {name: getattr(run.settings, name) for name in ("preprocessing", "resize")}
        named |= {"seed": run.seed, "best_epoch": done["best_epoch"]}
        rows.append(named | {"epochs": run.settings.epochs, "seconds": float(done["seconds"])})
    table = pd.DataFrame(rows)
    for name, plan in planned.plans.items():
        places = {run.run_id: place for place, run in enumerate(plan)}
        table[name] = table["run_id"].map(places).astype("Int16")
    return table


def _overlap(study: Study, planned: _Plans, packed: Packed) -> tuple[pd.DataFrame, ...]:
    """Return overlap of the grids' maps with lesions, that of baselines, and lesion maps."""
    places = pd.Series(range(len(planned.runs)), index=[run.run_id for run in planned.runs])
    measured, beside, centred = [_no_overlap()], [_no_baselines()], [pd.DataFrame()]
    for task in study.profile.tasks:
        inputs = planned.tasks[task]
        if inputs.store.masks() is None:
            continue
        store, masks = inputs.store.cases, inputs.store.masks()
        runs = list(cam_arrays(study, inputs))
        found = measure_overlap(runs, store["case_id"].to_numpy(), masks)
        centred.append(lesion_map_table(runs, store["case_id"].to_numpy(), masks))
        own = [run for run in planned.plans[GRID] if run.task == task]
        keys = ["fold", "scenario", "init"]
        by_key = {(run.fold, run.scenario.name, run.init): places[run.run_id] for run in own}
        run = [by_key[key] for key in found.table[keys].itertuples(index=False, name=None)]
        case = _case_rows(packed, task, found.table["case_id"])
        values = found.table[["target", "empty_cam", *OVERLAP_VALUES]]
        measured.append(values.assign(run=run, case=case))
        scores = score_baselines(store, masks, found.table["case_id"].unique(), found.tolerance)
        beside.append(scores.assign(case=_case_rows(packed, task, scores["case_id"])))
    overlap = pd.concat(measured, ignore_index=True).astype(
        {"run": np.int64, "case": np.int64, "target": np.int64, "empty_cam": bool}
        | dict.fromkeys(OVERLAP_VALUES, np.float32)
    )
    baselines = pd.concat(beside, ignore_index=True).drop(columns="case_id", errors="ignore")
    measures = dict.fromkeys(["dice", "pointing", "average_precision"], np.float32)
    baselines = baselines.astype({"case": np.int64, "baseline": str} | measures)
    return overlap, baselines, pd.concat(centred, ignore_index=True)


def _no_overlap() -> pd.DataFrame:
    return pd.DataFrame(columns=["run", "case", "target", "empty_cam", *OVERLAP_VALUES])


def _no_baselines() -> pd.DataFrame:
    return pd.DataFrame(columns=["case", "baseline", "dice", "pointing", "average_precision"])


def _case_rows(packed: Packed, task: str, case_ids: pd.Series) -> np.ndarray:
    own = packed.cases["task"] == task
    return own.index[own][pd.Index(packed.cases.loc[own, "case_id"]).get_indexer(case_ids)]


def score_baselines(
    store: pd.DataFrame, masks: np.ndarray, case_ids: np.ndarray, tolerance: float
) -> pd.DataFrame:
    """Score what looks at no image on the cases with a lesion, as the localisation page does."""
    place = pd.Index(store["case_id"]).get_indexer(case_ids)
    sizes = others_lesion_size(lesion_sizes(masks), store["patient_id"].to_numpy())
    scores = baseline_scores(masks[place], sizes[place], tolerance=tolerance)
    return scores.assign(case_id=case_ids[scores["image"]]).drop(columns="image")


def _pretraining(study: Study) -> pd.DataFrame:
    table = pretrained(study)
    if table.empty:
        return pd.DataFrame(columns=["init", "corpus", "backbone", "top1", "run_id", "contract"])
    contracts = {(e.init, e.backbone): e.preprocessing for e in local_entries(study)}
    keys = table[["init", "backbone"]].itertuples(index=False, name=None)
    return table.assign(contract=[contracts[key] for key in keys])


def _write(table: pd.DataFrame, path: Path) -> FileFacts:
    write_table(table, path)
    return FileFacts(sha256=sha256_of(path), bytes=path.stat().st_size, rows=len(table))


def _check_size(draft: Path, target: Path) -> None:
    sizes: Mapping[str, int] = {path.name: path.stat().st_size for path in draft.iterdir()}
    if (total := sum(sizes.values())) > LARGEST:
        listed = ", ".join(f"{name} {size:,}" for name, size in sorted(sizes.items()))
        raise InputError(
            f"its files have {total:,} bytes together, and at most {LARGEST:,} may be ({listed})",
            where=target,
            remedy="Write it from a profile with fewer test cases, scenarios or folds.",
        )


def _publish(draft: Path, target: Path) -> None:
    """Put a draft in its place at once; what stood there goes last."""
    draft.chmod(0o755)
    old = draft.with_name(f"{draft.name}-old")
    if target.exists():
        target.rename(old)
    draft.rename(target)
    shutil.rmtree(old, ignore_errors=True)


def _unwritable(target: Path, error: OSError) -> InputError:
    return InputError(
        f"the reference run cannot be written ({error.strerror or error})",
        where=target,
        remedy="Make room or choose a writable folder.",
    )

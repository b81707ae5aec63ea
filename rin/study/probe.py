"""Does a weights file tell which inputs it was trained on?  Tried where the answer is known.

Every backbone is pretrained under several input contracts, all else equal; then each file is
probed (`rin.models.fingerprint_verdict`) with images of its own corpus and with images of every
other dataset of the study, which it never saw.  Random weights of every backbone, and the
study's own pretraining, are probed in the same way.
"""

from __future__ import annotations

from dataclasses import replace

import pandas as pd

from rin.errors import InputError
from rin.models.backbones import find_backbone
from rin.models.fingerprint_verdict import FACTOR, NONE_FITS, Score, judge, scaling_of
from rin.study.executors import drive, make_executor
from rin.study.ledger import Ledger
from rin.study.pretraining import plan_pretraining, pretrain_block, progress_of
from rin.study.pretraining_plan import PretrainingRun
from rin.study.probe_files import ProbedFile, measure_files, probed_by_backbone, table_of
from rin.study.probe_sources import Source, probe_sources
from rin.study.sections import Probe
from rin.study.setting import Study

#: Stands in the column `trained_with` for weights that were never trained.
RANDOM = "random"
#: Columns that name one file on images of one dataset.
ONE_PROBE = ["kind", "backbone", "init", "trained_with", "source"]


def probe_settings(study: Study) -> Probe:
    """Return the profile's section on the probe.

    Raises
    ------
    InputError
        The profile has no such section.
    """
    if study.profile.probe is None:
        raise InputError(
            "the profile says nothing of probing weights",
            where=f"profile {study.profile.name}",
            remedy="Give it a probe section; rin.study.sections describes the fields.",
        )
    return study.profile.probe


def probe_ledger(study: Study) -> Ledger:
    """Return the ledger of the files that are pretrained to be probed."""
    return Ledger(study.results / "probe")


def measurement_ledger(study: Study) -> Ledger:
    """Return the ledger of what probing each file gave."""
    return Ledger(study.results / "probe_measurements")


def plan_probe(study: Study) -> list[PretrainingRun]:
    """List the pretraining runs whose files are probed: backbones × contracts on one corpus.

    They are the study's own pretraining with another contract, number of images and epochs.
    Backbones without a batch normalisation behind the first convolution are left out.
    """
    section, pretraining = probe_settings(study), study.profile.pretraining
    runs = []
    for contract in section.contracts:
        changed = {
            "corpora": {section.init: pretraining.corpora[section.init]},
            "preprocessing": contract,
            "cases": section.cases,
            "epochs": section.epochs,
        }
        settings = pretraining.model_copy(update=changed)
        profile = study.profile.model_copy(update={"pretraining": settings})
        runs += plan_pretraining(replace(study, profile=profile))
    return [run for run in runs if find_backbone(run.backbone).batch_norm]


def run_probe(study: Study) -> pd.DataFrame:
    """Pretrain and probe what is missing; return the table of `probe_measurements`.

    May be killed at any time and called again.

    Raises
    ------
    InputError
        The profile has no probe section, or a run fails; the other runs are finished first.
    """
    runs, ledger, execution = plan_probe(study), probe_ledger(study), study.profile.execution
    ledger.sweep()
    unfinished = {run.backbone for run in runs if not ledger.has(run.run_id)}
    blocks = [[run for run in runs if run.backbone == name] for name in _longest_first(unfinished)]
    if blocks:
        ids = [run.run_id for run in runs]
        drive(
            make_executor(execution),
            pretrain_block,
            [(block, ledger, execution) for block in blocks],
            finished=lambda: ledger.count(ids),
            total=len(ids),
            title="Weights to probe",
            status=lambda: progress_of(runs, ledger),
        )
    return probe_measurements(study)


def probe_measurements(study: Study) -> pd.DataFrame:
    """Probe every file that there is, on images of every source.

    What was measured before is read back.

    Returns
    -------
    pandas.DataFrame
        One row a file, source and candidate: `kind` (`probe` for the files made for this,
        `study` for the study's own pretraining, `random`), `backbone`, `init`, `trained_with` (a
        contract, or `random`), `corpus`, `weights_provenance`, `epochs`, `top1`, `chance` (share
        of the largest class among the test images), `source` (dataset), `seen` (whether the
        weights were trained on that dataset), `source_provenance`, `images`, `color`,
        `candidate`, `divergence`, `correlation`, `contrast`, `channels`; see
        `rin.models.fingerprint_verdict.Score` for the last four.

    Raises
    ------
    InputError
        The profile has no probe section, or a file of weights is damaged.
    """
    size, sources = study.profile.pretraining.size, _sources(study)
    files, ledger = [f for f in _files(study) if f.is_there], measurement_ledger(study)
    ids = [file.measurement_id(sources) for file in files]
    blocks = probed_by_backbone([f for f, i in zip(files, ids, strict=True) if not ledger.has(i)])
    if blocks:
        drive(
            make_executor(study.profile.execution),
            measure_files,
            [(block, sources, ledger, size) for block in blocks],
            finished=lambda: ledger.count(ids),
            total=len(ids),
            title="Probing",
        )
    tables = [table_of(ledger, file, sources) for file in files]
    return pd.concat(tables, ignore_index=True)


def measurement_ids(study: Study) -> list[str]:
    """Return the id of what probing each file gives, also of files that are not there yet."""
    sources = _sources(study)
    return [file.measurement_id(sources) for file in _files(study)]


def probe_verdicts(measurements: pd.DataFrame, factor: float = FACTOR) -> pd.DataFrame:
    """Return what the measurements of each file on each source amount to.

    Parameters
    ----------
    measurements
        As `probe_measurements` returns them, here or in a reference run.
    factor
        As for `rin.models.fingerprint_verdict.judge`.

    Returns
    -------
    pandas.DataFrame
        `kind`, `backbone`, `init`, `trained_with`, `source`, `seen`, `source_provenance`,
        `weights_provenance`, `top1`, `chance`; `verdict`, `best`, `second`, `best_divergence`,
        `second_divergence`, `correlation`, `contrast`, `margin`, `reason`;
        `nearest` (bool): the nearest candidate is the right one, whatever the verdict;
        `hit` (bool): the verdict is the right contract, or `none fits` for random weights;
        `wrong` (bool): the verdict names a contract that is not the right one.
    """
    rows = []
    carried = ["seen", "source_provenance", "weights_provenance", "top1", "chance"]
    for key, table in measurements.groupby(ONE_PROBE, sort=False):
        named = dict(zip(ONE_PROBE, key, strict=True))
        verdict = judge([_score(row) for row in table.itertuples()], factor)
        truth, best = named["trained_with"], scaling_of(verdict.best.candidate)
        right = NONE_FITS if truth == RANDOM else truth
        rows.append(
            named
            | table.iloc[0][carried].to_dict()
            | {
                "verdict": verdict.word,
                "best": best,
                "second": scaling_of(verdict.second.candidate),
                "best_divergence": verdict.best.divergence,
                "second_divergence": verdict.second.divergence,
                "correlation": verdict.best.correlation,
                "contrast": verdict.best.contrast,
                "margin": verdict.margin,
                "reason": verdict.reason,
                "nearest": best == truth,
                "hit": verdict.word == right,
                "wrong": verdict.names_a_contract and verdict.word != truth,
            }
        )
    return pd.DataFrame(rows)


def _files(study: Study) -> list[ProbedFile]:
    """List the files that are probed: made for it, random, and of the study's own pretraining."""
    made, own = plan_probe(study), plan_pretraining(study)
    files = [ProbedFile.of_run("probe", run, probe_ledger(study)) for run in made]
    files += [
        ProbedFile.of_run("study", run, study.weights)
        for run in own
        if find_backbone(run.backbone).batch_norm
    ]
    backbones = dict.fromkeys(run.backbone for run in made)
    return files + [ProbedFile.random(name, study.profile.seed) for name in backbones]


def _sources(study: Study) -> list[Source]:
    section, size = probe_settings(study), study.profile.pretraining.size
    return probe_sources(study, plan_probe(study)[:1], section.images, size)


def _longest_first(backbones: set[str]) -> list[str]:
    return sorted(backbones, key=lambda name: (-find_backbone(name).relative_cost, name))


def _score(row: tuple) -> Score:
    return Score(row.candidate, row.divergence, row.correlation, row.contrast, int(row.channels))


__all__ = [
    "ONE_PROBE",
    "RANDOM",
    "Source",
    "measurement_ids",
    "measurement_ledger",
    "plan_probe",
    "probe_ledger",
    "probe_measurements",
    "probe_settings",
    "probe_verdicts",
    "run_probe",
]

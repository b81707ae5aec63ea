"""What a study will take, before any of it is done: runs, jobs, hours, disk, and what is missing.

Hours and disk come from the finished runs of the same profile; nothing is opened or decoded.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd

from rin.data.manifest import find_task, load_manifest
from rin.errors import InputError
from rin.models.weights import find_entry, load_entries, locate
from rin.study.profile import RANDOM, STUDIES, Profile, find_scenario
from rin.study.setting import Study, has_real_images


def forecast(study: Study) -> pd.DataFrame:
    """Return one row a stage: `stage, runs, finished, jobs, hours, gigabytes`.

    `runs` are those of a profile if no two of its studies shared any, `finished` what the ledger
    holds; `jobs` are as many as an executor may do side by side.  `hours` of one worker, and
    `gigabytes`, are for the rest at the mean of the finished runs: NaN without any.
    """
    profile, rows = study.profile, []
    for stage, ledger, runs, jobs in _stages(profile):
        folder = study.ledger(ledger).folder
        done = sorted(folder.glob("[!.]*/done.json"))
        seconds = [json.loads(path.read_text("utf-8")).get("seconds", np.nan) for path in done]
        sizes = [sum(f.stat().st_size for f in p.parent.iterdir()) for p in done]
        left = max(0, runs - len(done))
        hours = left * float(np.mean(seconds)) / 3600 if done else np.nan
        gigabytes = left * float(np.mean(sizes)) / 1e9 if done else np.nan
        rows.append((stage, runs, len(done), jobs, hours, gigabytes))
    return pd.DataFrame(rows, columns=["stage", "runs", "finished", "jobs", "hours", "gigabytes"])


def _stages(profile: Profile) -> Iterator[tuple[str, str, int, int]]:
    """Yield stages with their ledgers, and numbers of runs and of jobs."""
    alone = profile.execution.executor != "processes"
    if own := profile.pretraining:
        backbones, corpora = len(own.backbones or profile.backbones), len(own.corpora)
        runs = backbones * corpora + (len(own.brief.backbones) if own.brief else 0)
        yield "pretraining", "weights", runs, runs if alone else backbones
        if section := profile.probe:
            backbones = len(section.backbones or own.backbones or profile.backbones)
            runs = backbones * len(section.preprocessings)
            yield "probe", "probe", runs, runs if alone else backbones
        if section := profile.losses:
            runs = len(section.backbones) * len(section.losses) * section.seeds
            yield "losses", "losses", runs, runs
    blocks, runs = set(), 0
    for name in filter(profile.filter_of, STUDIES):
        for variant in profile.variants(name):
            for task in variant.tasks:
                folds = min(variant.folds, find_task(task)[1].n_folds)
                runs += len(variant.scenarios) * len(variant.inits) * folds
            for task, scenario in product(variant.tasks, map(find_scenario, variant.scenarios)):
                tuning = profile.tuning(task)
                block = (
                    scenario.backbone,
                    scenario.unfreezing,
                    variant.changes.get("head"),
                    tuning.size,
                )
                blocks.add((*block, task if profile.execution.blocks == "by_task" else ""))
    yield "fine-tuning", "runs", runs, len(blocks)


def missing_inputs(study: Study) -> list[str]:
    """Return in a sentence each what a study needs and neither data root nor profile has."""
    profile, missing = study.profile, []
    for task in profile.tasks:
        manifest, _ = find_task(task)
        if manifest.name not in profile.stand_ins and not has_real_images(study, task):
            missing.append(f"images of {task}: get {manifest.name} at {manifest.home}")
    corpora = profile.pretraining.corpora if profile.pretraining else {}
    for init, names in corpora.items():
        names = [names] if isinstance(names, str) else names
        if not any(name in profile.stand_ins or study.holds(load_manifest(name)) for name in names):
            missing.append(f"corpus of {init}: {' or '.join(names)}")
    for init, backbone in product(profile.inits, profile.backbones):
        if init not in (RANDOM, *corpora) and not init.endswith("_brief"):
            missing += _missing_weights(init, backbone, study.weights_folders)
    return missing


def _missing_weights(init: str, backbone: str, folders: list[Path]) -> list[str]:
    try:
        entry = find_entry(init, backbone, load_entries())
    except InputError as error:
        return [str(error)]
    if entry.file is None or locate(entry, folders):
        return []
    return [f"weights {init} {backbone}: put {entry.file} under the data root"]

"""Plan the paper's full study from several pretrainings, and ask what is finished of it.

Command    python benchmarks/planning.py
Measures   seconds, on the clock and of the processor, of a process of its own each: to plan all
           runs, to plan them and ask the ledger which are finished, and of `rin study --dry-run`;
           with no run finished, and with all of them.
Checks     that every planned run has an id of its own, and that the ledger knows all that are
           finished.
Prints     a Markdown table with seconds and seconds per 1,000 runs.  The target is 10 seconds a
           step for 5,760 runs: 24 scenarios from 2 initialisations and 5 pretrainings, on the
           paper's 8 tasks, of which 4 have 5 folds.
Time       three minutes on two idle cores, most of it for the invented runs; images are stand-ins
           and nothing is trained.  With --folder, what was prepared is kept and used again.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rin.files import read_yaml, shipped_folder
from rin.models.weights import WeightsEntry
from rin.study import ledger, load_profile, open_workspace
from rin.study.plan import plan_all
from rin.study.pretraining import plan_pretraining

TARGET_SECONDS = 10
INITS = {"radiologic": "corpus_radiologic", "photographic": "corpus_photographic"}


def write_profile(folder, pretrainings):
    """Write the paper's study on stand-ins, pretrained here; return the path."""
    paper = load_profile("paper")
    of_smoke = read_yaml(shipped_folder("notebooks/profiles") / "smoke.yaml")
    corpora = {"corpus_radiologic": {"class_count": 4, "per_class": 20}}
    settings = {
        "name": "planned",
        "about": "As large as the paper's study, to be planned.",
        "tasks": paper.tasks,
        "inits": [*INITS],
        "folds": paper.folds,
        "fine_tuning": {"size": 75, "batch": 16, "epochs": 1},
        "pretraining": {
            "corpora": INITS,
            "size": 75,
            "batch": 16,
            "epochs": 1,
            "pretrainings": pretrainings,
        },
        "stand_ins": of_smoke["stand_ins"] | corpora,
    }
    path = folder / "planned.yaml"
    path.write_text(yaml.safe_dump(settings))
    return path


def pretrained_files(run):
    """Return what writes the record of a pretraining that was never done."""

    def write(folder):
        entry = WeightsEntry(
            init=run.init,
            backbone=run.backbone,
            preprocessing=run.preprocessing,
            file=f"{run.run_id}/backbone.weights.h5",
            sha256="0" * 64,
            release="invented",
            provenance="stand-in",
        )
        (folder / "entry.json").write_text(entry.model_dump_json())
        return {"seconds": 1.0}

    return write


def trained_files(cases):
    """Return what writes the files of a fine-tuning that was never done."""

    def write(folder):
        cases.to_parquet(folder / "predictions.parquet", index=False)
        cases[["score"]].to_parquet(folder / "history.parquet", index=False)
        np.save(folder / "cams.npy", np.zeros((8, 2, 2, 2), np.float32))
        return {"seconds": 1.0, "best_epoch": 1, "epochs": 1}

    return write


def pretrain(study):
    for run in plan_pretraining(study):
        study.weights.commit(run.run_id, run.config, pretrained_files(run))


def finish(study):
    """Commit every planned run; return their number."""
    cases = pd.DataFrame({"case_id": [f"case {n}" for n in range(8)], "score": 0.5})
    runs = plan_all(study)
    for run in runs:
        study.fine_tuning_ledger.commit(run.run_id, run.config, trained_files(cases))
    return len(runs)


PLAN = """
from rin.study import open_workspace
from rin.study.plan import plan_all
study = open_workspace({profile!r}, results={results!r})
runs = plan_all(study)
ids = {{run.run_id for run in runs}}
assert len(ids) == len(runs)
"""
STATUS = PLAN + "print(len(runs) - len(study.fine_tuning_ledger.missing(runs)))"
DRY_RUN = """
import sys
from rin.cli import main
sys.argv = ["rin", "study", "--dry-run", "--profile", {profile!r}, "--results", {results!r}]
main()
"""
STEPS = {"plan": PLAN + "print(len(runs))", "status": STATUS, "dry run": DRY_RUN}


def measure(step, profile, results):
    """Return seconds of a step in a process of its own, by both clocks, and what it printed."""
    code = STEPS[step].format(profile=str(profile), results=str(results))
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-c", code]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    busy = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return (time.perf_counter() - started, busy), ended.stdout


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pretrainings", type=int, default=5)
    parser.add_argument("--folder", type=Path, help="where to keep what is prepared")
    arguments = parser.parse_args()
    ledger.sync = lambda path: None  # invented runs need not survive a power cut
    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.folder or Path(temporary)
        folder.mkdir(exist_ok=True)
        profile = write_profile(folder, arguments.pretrainings)
        rows, noted = [], folder / "unfinished.json"
        workspace = open_workspace(profile, results=folder / "results")
        pretrain(workspace)
        n_runs = len(plan_all(workspace))
        if not workspace.fine_tuning_ledger.finished():
            before = {step: measure(step, profile, folder / "results")[0] for step in STEPS}
            noted.write_text(json.dumps(before))
            assert finish(workspace) == n_runs
        rows += [("none", step, taken) for step, taken in json.loads(noted.read_text()).items()]
        for step in STEPS:
            taken, printed = measure(step, profile, folder / "results")
            rows.append(("all", step, taken))
            assert step == "dry run" or int(printed) == n_runs, printed
            assert f"{n_runs}" in printed
    print("| finished | step | seconds | of the processor | per 1,000 runs |")
    print("|---|---|---:|---:|---:|")
    for finished, step, (taken, busy) in rows:
        print(f"| {finished} | {step} | {taken:.1f} | {busy:.1f} | {1000 * busy / n_runs:.2f} |")
    print(f"\n{n_runs:,} runs; the target is {TARGET_SECONDS} seconds a step.")


if __name__ == "__main__":
    main()

"""Plan the paper's full study with several pretrainings, ask what is finished, and read results.

Command    python benchmarks/planning.py
Measures   wall and processor seconds, and memory, each step in a process of its own: to plan all
           runs, to plan them and ask the ledger which are finished, and `rin study --dry-run`,
           with no run finished and with all runs finished; then to consolidate all runs, and to
           run pages of results on them.  Also the files on disk, before and after.
Checks     that every planned run has an id of its own, that the ledger lists all finished runs,
           and that no run has more than 6 files.
Prints     a Markdown table, and the steps above their targets.  The targets are for 5,760 runs: 24
           scenarios from 2 initialisations and 5 pretrainings, on the paper's 8 tasks, of which 4
           have 5 folds; each run scores 800 test cases on average, as those of the committed
           reference run do.
Time       a quarter of an hour on two idle cores, most of it for the invented images and runs;
           nothing is trained.  With --folder, prepared files are kept and used again.
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from rin.files import REPOSITORY, read_yaml, shipped_folder
from rin.study import ledger, load_profile, open_workspace
from rin.study.fine_tuning import HISTORY, PREDICTIONS, _cams_of
from rin.study.ledger import computer_record
from rin.study.plan import plan_all
from rin.study.pretraining import WEIGHTS, plan_pretraining

TARGET_SECONDS, PAGE_SECONDS, PAGE_GB, FILES_A_RUN = 10, 30, 2, 6
INITS = {"radiologic": "corpus_radiologic", "photographic": "corpus_photographic"}
#: About 800 per run on average, because half of the tasks have masks and a stand-in's few cases.
TEST_CASES = 1500
CURVES = {"accuracy": [0.5], "loss": [0.5], "val_accuracy": [0.5], "val_loss": [0.5]}
PAGES = {"breast": "task", "hemorrhage": "task", "all tasks": "all_tasks", "maps": "localisation"}


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
        "external": True,
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
    """Return a function that writes the record of an invented pretraining."""
    curves = pd.DataFrame(CURVES)

    def write(folder):
        (folder / WEIGHTS).write_text(run.run_id)
        curves.assign(epoch=1).to_parquet(folder / HISTORY)
        accuracy = {"top1": 0.5, "top5": 0.9, "balanced_accuracy": 0.5}
        sizes = {"images": 80, "training_images": 60, "classes": 4, "epochs": 1, "steps": 4}
        return accuracy | sizes | {"seconds": 1.0}

    return write


def scored_cases(run):
    """Return the cases that the runs of a fold score, and the number of maps kept of each part.

    The few cases of a stand-in are repeated under different names, except cases with masks, whose
    maps are measured.
    """
    inputs, tables, maps = run.inputs, [], {}
    split = inputs.folds[inputs.folds["fold"] == run.fold].set_index("case_id")["part"]
    for name in ("validation", "test", *inputs.external):
        part = inputs.inputs_of_part(name)
        cases = part.store.cases[["case_id", "patient_id"]]
        if name in ("validation", "test"):
            cases = cases[cases["case_id"].map(split).eq(name)]
        cases = cases.assign(part=name, label=part.labels.loc[cases["case_id"]].to_numpy())
        tables.append(cases)
        if name != "validation" and part.store.masks() is not None:
            maps[name] = len(cases)
            continue
        for number in range(TEST_CASES // len(cases) if name == "test" else 0):
            ends = {key: cases[key] + f" {number}" for key in ("case_id", "patient_id")}
            tables.append(cases.assign(**ends))
    return pd.concat(tables, ignore_index=True), maps


def trained_files(cases, maps, random, computed):
    """Return a function that writes the files of an invented fine-tuning."""
    curves = pd.DataFrame(CURVES)

    def write(folder):
        score = random.normal(cases["label"], 1).astype(np.float32)
        cases.assign(score=score).to_parquet(folder / PREDICTIONS, index=False)
        curves.to_parquet(folder / HISTORY)
        for name, n_maps in maps.items():
            np.save(folder / _cams_of(name), random.random((n_maps, 3, 3, 2), np.float32))
        recorded = {"seconds": 1.0, "best_epoch": 1, "epochs": 1, "peak_memory_gb": 1.0}
        return recorded | {"backend": "tensorflow", "precision": "float32"} | computed

    return write


def pretrain(study):
    for run in plan_pretraining(study):
        study.weights.commit(run.run_id, run.config, pretrained_files(run))


def finish(study):
    """Commit every planned run; return their number."""
    random, computed, runs = np.random.default_rng(0), computer_record(), plan_all(study)
    scored = {}
    for run in runs:
        if (run.task, run.fold) not in scored:
            scored[run.task, run.fold] = scored_cases(run)
        files = trained_files(*scored[run.task, run.fold], random, computed)
        study.fine_tuning_ledger.commit(run.run_id, run.config, files)
    return len(runs)


PLAN = """
from rin.study import open_workspace
from rin.study.plan import plan_all
study = open_workspace({profile!r}, results={results!r})
runs = plan_all(study)
ids = {{run.run_id for run in runs}}
assert len(ids) == len(runs)
"""
STATUS = PLAN + "print(len(runs) - len(study.fine_tuning_ledger.missing_runs(runs)))"
DRY_RUN = """
import sys
from rin.cli import main
sys.argv = ["rin", "study", "--dry-run", "--profile", {profile!r}, "--results", {results!r}]
main()
"""
CONSOLIDATE = """
from rin.study import consolidate, open_workspace
consolidate(open_workspace({profile!r}, results={results!r}))
"""
PAGE = """
import sys
from rin.cli import main
sys.argv = ["rin", "run", {page!r}, "--output", {output!r}, "-p", "profile=" + {profile!r}]
sys.argv += ["-p", "results=" + {results!r}, {option}]
main()
"""
STEPS = {"plan": PLAN + "print(len(runs))", "status": STATUS, "dry run": DRY_RUN}


def measure(code, **places):
    """Run code in a process of its own; return wall and processor seconds, GB, and its output."""
    code = code.format(**{name: str(place) for name, place in places.items()})
    with tempfile.TemporaryFile("w+") as printed:
        started = time.perf_counter()
        command = [sys.executable, "-c", code]
        process = subprocess.Popen(command, stdout=printed, stderr=subprocess.STDOUT)
        _, status, used = os.wait4(process.pid, 0)  # includes the processes that it waited for
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - started
        printed.seek(0)
        text = printed.read()
    assert process.returncode == 0, text
    return (seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 2**20), text


def files_below(folder):
    return sum(len(names) for _, _, names in os.walk(folder))


def planning_rows(finished, places, n_runs):
    """Measure every step of planning; return rows of the table."""
    rows = []
    for step, code in STEPS.items():
        taken, printed = measure(code, **places)
        stated = 0 if (finished, step) == ("none", "status") else n_runs
        assert f"{stated}" in printed, printed
        rows.append((finished, step, *taken))
    return rows


def reading_rows(places, folder):
    """Measure consolidating all runs and running pages on them; return rows of the table."""
    rows = [("all", "consolidate", *measure(CONSOLIDATE, **places)[0])]
    rows.append(("all", "consolidate again", *measure(CONSOLIDATE, **places)[0]))
    for name, page in PAGES.items():
        option = f"'-p', 'task={name}'" if page == "task" else ""
        source = REPOSITORY / "notebooks" / "results" / f"{page}.py"
        output = folder / f"{name}.ipynb"
        taken, _ = measure(PAGE, **places, page=source, output=output, option=option)
        rows.append(("all", f"page {page}, {name}" if option else f"page {page}", *taken))
    return rows


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
        noted = folder / "unfinished.json"
        workspace = open_workspace(profile, results=folder / "results")
        places = {"profile": profile, "results": folder / "results"}
        pretrain(workspace)
        n_runs = len(plan_all(workspace))
        if not workspace.fine_tuning_ledger.finished_ids():
            noted.write_text(json.dumps(planning_rows("none", places, n_runs)))
        assert finish(workspace) == n_runs
        rows = json.loads(noted.read_text()) + planning_rows("all", places, n_runs)
        rows += reading_rows(places, folder)
        folders = (workspace.results / "runs").glob("[!.]*")
        most = max(files_below(folder) for folder in folders)
        tables = files_below(workspace.results / "tables")
    print("| finished | step | seconds | of the processor | GB |")
    print("|---|---|---:|---:|---:|")
    for finished, step, taken, busy, memory in rows:
        print(f"| {finished} | {step} | {taken:.1f} | {busy:.1f} | {memory:.2f} |")
    print(f"\n{n_runs:,} runs of at most {most} files; {tables} files hold all that they left.")
    for finished, step, _, busy, memory in rows:
        of_page = step.startswith("page")
        seconds = PAGE_SECONDS if of_page else TARGET_SECONDS if step in STEPS else math.inf
        if busy > seconds or (of_page and memory > PAGE_GB):
            print(f"Above its target: {step}, {finished} finished.")
    assert most <= FILES_A_RUN


if __name__ == "__main__":
    main()

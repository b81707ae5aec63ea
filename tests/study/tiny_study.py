"""The smallest study that still trains: one backbone, 32 px, sixty stand-in images."""

import copy
import os
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from rin.files import read_checksummed_json, to_checksummed_json
from rin.study.executors import last_trained
from rin.study.fine_tuning import run_block, run_missing
from rin.study.ledger import Ledger
from rin.study.plan import plan_study
from rin.study.profile import Execution, Profile

HERE = Path(__file__).parent
SETTINGS = {
    "name": "tiny",
    "about": "For tests.",
    "tasks": ["breast"],
    "inits": ["random", "radiologic"],
    "backbones": ["ResNet50"],
    "folds": 1,
    "fine_tuning": {"size": 32, "batch": 16, "epochs": 1, "batch_norm_momentum": 0.9},
    "pretraining": {
        "corpora": {"radiologic": "corpus_radiologic"},
        "size": 32,
        "batch": 16,
        "epochs": 1,
    },
    "stand_ins": {
        "busi": {"benign": 30, "malignant": 24, "normal": 6},
        "corpus_radiologic": {"class_count": 3, "per_class": 12},
        "corpus_photographic": {"class_count": 4, "per_class": 12},
    },
}
#: Of a program that imports the package and the modules here.
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}
# Of a table of predictions.
COLUMNS = [
    *("task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init"),
    *("pretraining", "seed", "case_id", "patient_id", "part", "label", "score"),
]
# Changes that pretrain on two corpora.
TWO = {
    "pretraining.corpora": {
        "radiologic": "corpus_radiologic",
        "photographic": "corpus_photographic",
    }
}
# The way of fine-tuning that most tests train, as a study names it, one that is frozen, and both.
WAY = {"learning_rates": {"unfreeze_all": [1e-4]}}
FROZEN = {"learning_rates": {"freeze_all": [1e-2]}}
BOTH = {"learning_rates": {"unfreeze_all": [1e-4], "freeze_all": [1e-2]}}


def main_study(**chosen):
    """The entry of the main study, by default of one way of fine-tuning."""
    return {"name": "main", **WAY, **chosen}


def side_study(name, /, **chosen):
    """The entry of a study beside it, by default of one way of fine-tuning on one task."""
    return {"name": name, "tasks": ["breast"], **WAY, **chosen}


@contextmanager
def small_networks():
    """Let a dozen layers stand in for ResNet50."""
    import keras  # only where something is trained
    from small_backbone import small_backbone

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keras.applications, "ResNet50", small_backbone)
        yield


def run_grid(study):
    """Train the unfinished runs of the main study."""
    return run_missing(study, plan_study(study))


def settings(changes=None):
    """Settings with some changed; a dotted name such as `fine_tuning.size` reaches inside."""
    changed = copy.deepcopy(SETTINGS)
    for name, value in (changes or {}).items():
        *outer, last = name.split(".")
        place = changed
        for each in outer:
            place = place.setdefault(each, {})
        place[last] = value
    studies = changed.get("studies")
    if isinstance(studies, list) and all(study["name"] != "main" for study in studies):
        changed["studies"] = [{"name": "main"}, *studies]
    return changed


def tiny_profile(changes=None):
    return Profile.model_validate(settings(changes))


def write_profile(path, changes=None):
    path.write_text(yaml.safe_dump(settings(changes)), encoding="utf-8")
    return path


def copy_of(study, name, **changes):
    """The same study in another results folder, with its finished runs and the same stores."""
    folder = study.results.parent / name
    shutil.copytree(study.results, folder, copy_function=shutil.copy2)
    return replace(study, results=folder, **changes)


def start_program(profile, folder, *options):
    """Start what a study trains as a program of its own, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-B", HERE / "study_program.py", profile, folder, *options],
        env=ENVIRONMENT,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def records(ledger):
    """Time of last change of every file of a ledger, by path inside it."""
    files = (path for path in ledger.folder.rglob("*") if path.is_file())
    return {path.relative_to(ledger.folder).as_posix(): path.stat().st_mtime_ns for path in files}


def results_of(ledger, runs):
    """Bytes of what some runs left, without the time that it took."""
    return {
        path.relative_to(ledger.folder): path.read_bytes()
        for run in runs
        for path in ledger.path(run.run_id).iterdir()
        if path.name != "done.json"
    }


def trained_alone(study, runs, folder):
    """What each run leaves that is trained with a network of its own; how often it was traced."""
    ledger = Ledger(folder)
    for run in runs:
        last_trained.clear()
        run_block([run], ledger, study.weights_folders, study.profile.seed, Execution())
    last_trained.clear()
    return results_of(ledger, runs), [ledger.done_record(run.run_id)["traces"] for run in runs]


def restated(folder, change):
    """Change what run.json of results states, and seal it again."""
    stated = read_checksummed_json(folder / "run.json")
    change(stated)
    (folder / "run.json").write_text(to_checksummed_json(stated), encoding="utf-8")
    return folder

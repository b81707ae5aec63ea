"""Reference runs of invented numbers, written as files and read back as pages read them."""

import itertools

import numpy as np
import pandas as pd

from rin.study.reference_facts import (
    DatasetFacts,
    FileFacts,
    Hardware,
    RunFacts,
    TaskFacts,
    WeightsFacts,
    Work,
    sha256_of,
)
from rin.study.reference_tables import (
    BASELINES,
    CASES,
    OVERLAP,
    OVERLAP_VALUES,
    PRETRAINING,
    RUNS,
    SCORES,
    pack_predictions,
    write_table,
)
from rin.study.scenarios import SCENARIOS

INITS = ("radiologic", "photographic")
FEW = [name for name in SCENARIOS if name.startswith("ResNet50")][:4]
ONE = "ResNet50-unfreeze_all-1e-04"
DATASETS = {
    "breast": ("BUSI", None, "image"),
    "pneumonia": ("Children’s radiographs", "RSNA radiographs", "patient"),
    "sarscov2": ("CT of 2020", "CC-CCII", "image"),
    "hemorrhage": ("200 slices", "RSNA slices", "image"),
}
MARKED = "breast"


def write_reference(folder, *, tasks=("breast", "pneumonia"), scenarios=FEW, n=60, lead=0.3,
                    gain=1.5, dice=(0.3, 0.2), from_random=("breast",), per_patient=1, inits=INITS,
                    factors=False, folds=3, overlap=True):  # fmt: skip
    """Write a reference run called as its folder.

    `lead` is how much further the first init moves the classes apart, `gain` how much either does
    beside random weights, `dice` the mean of each init.
    """
    rng, rows, tables = np.random.default_rng(3), [], []
    cases = {
        (task, fold): _cases(task, fold, n, per_patient) for task in tasks for fold in range(folds)
    }
    plan = [("grid", t, 0, s, i) for t, s, i in itertools.product(tasks, scenarios, inits)]
    plan += [("from_random", t, fold, ONE, i) for t, fold, i in
             itertools.product(from_random, range(folds), ("random", *inits))]  # fmt: skip
    if factors:
        levels = ("preprocessing_native", "preprocessing_official_scripts", "resize_stretch",
                  "resize_pad")  # fmt: skip
        plan += [(f, "breast", fold, s, i) for f, fold, s, i in
                 itertools.product(levels, (0,), FEW[:5], inits)]  # fmt: skip
    places = dict.fromkeys(PLANS, 0)
    for name, task, fold, scenario, init in plan:
        shift = 0.0 if init == "random" else gain + lead * (init == inits[0])
        own = cases[task, fold]
        score = 1 / (1 + np.exp(-rng.normal(own["label"] * shift)))
        tables.append(own.assign(score=score.astype(np.float32)))
        rows.append(
            {"run_id": f"{len(rows):016x}", "task": task, "fold": fold, "scenario": scenario,
             "init": init, "contract": "caffe", "preprocessing": "native", "resize": "stretch",
             "seed": 7, "best_epoch": 1, "epochs": 3, "seconds": 30.0}
            | {p: places[p] if p == name else None for p in PLANS}
        )  # fmt: skip
        places[name] += 1
    packed = pack_predictions(tables)
    runs = pd.DataFrame(rows).astype(dict.fromkeys(PLANS, "Int16"))
    measured, beside = _overlap(rng, runs, packed, inits, dice if overlap else None)
    written = {CASES: packed.cases, RUNS: runs, SCORES: packed.scores, OVERLAP: measured,
               BASELINES: beside, PRETRAINING: _pretraining(inits)}  # fmt: skip
    folder.mkdir(parents=True)
    files = {}
    for name, table in written.items():
        write_table(table, folder / name)
        size = (folder / name).stat().st_size
        files[name] = FileFacts(sha256=sha256_of(folder / name), bytes=size, rows=len(table))
    facts = _facts(folder.name, tasks, inits, n, len(runs), files)
    (folder / "run.json").write_text(facts.sealed().model_dump_json(indent=1), encoding="utf-8")
    return folder


PLANS = ("grid", "from_random", "preprocessing_native", "preprocessing_official_scripts",
         "resize_stretch", "resize_pad")  # fmt: skip


def _cases(task, fold, n, per_patient):
    return pd.DataFrame(
        {
            "task": task,
            "case_id": [f"{task} ({fold}-{k})" for k in range(n)],
            "patient_id": [f"{fold}-{k // per_patient}" for k in range(n)],
            "label": np.arange(n) // per_patient % 2,
        }
    )


def _overlap(rng, runs, packed, inits, dice):
    measured = pd.DataFrame(columns=["run", "case", "target", "empty_cam", *OVERLAP_VALUES])
    beside = pd.DataFrame(columns=["case", "baseline", "dice", "pointing", "average_precision"])
    own = runs[(runs["task"] == MARKED) & runs["grid"].notna()]
    if dice is not None and len(own):
        scored = packed.scores[packed.scores["run"].isin(own.index)]
        scored = scored[scored["case"] % 6 != 0]  # the others have no lesion
        mean = np.where(runs["init"].to_numpy()[scored["run"]] == inits[0], *dice)
        easy = rng.normal(0, 0.1, len(packed.cases))[scored["case"]]
        value = np.clip(mean + easy + rng.normal(0, 0.05, len(scored)), 0, 1)
        measured = scored[["run", "case"]].assign(
            target=1, empty_cam=False, **dict.fromkeys(OVERLAP_VALUES, value)
        )
        named = scored["case"].unique()
        beside = pd.DataFrame({"case": named, "baseline": "centred ellipse", "dice": 0.25,
                               "pointing": 0.5, "average_precision": 0.2})  # fmt: skip
    numbers = dict.fromkeys(OVERLAP_VALUES, np.float32)
    measured = measured.astype(
        {"run": int, "case": int, "target": int, "empty_cam": bool} | numbers
    )
    same = dict.fromkeys(["dice", "pointing", "average_precision"], np.float32)
    return measured.reset_index(drop=True), beside.astype({"case": int, "baseline": str} | same)


def _pretraining(inits):
    backbones = ("ResNet50", "DenseNet121")
    rows = [
        {"init": init, "corpus": f"corpus_{init}", "provenance": "real", "backbone": backbone,
         "images": 2600, "training_images": 1900, "classes": 26, "epochs": 4, "steps": 496,
         "top1": 0.7 + 0.05 * k, "run_id": f"{init}-{k}", "contract": "caffe"}
        for init in inits for k, backbone in enumerate(backbones)
    ]  # fmt: skip
    return pd.DataFrame(rows)


def _dataset(title, independence="image", used=400, available=780):
    return DatasetFacts(
        name="d", title=title, provenance="real", licence="CC BY 4.0", access="open",
        home="example.org", independence=independence, used=used, available=available,
        patients=used, counts={"yes": used // 2, "no": used // 2}, digest="a" * 64,
    )  # fmt: skip


def _facts(name, tasks, inits, n, n_runs, files):
    named = []
    for task in tasks:
        title, replaced, independence = DATASETS[task]
        named.append(
            TaskFacts(
                name=task, dataset=_dataset(title, independence), substitute_for=replaced,
                mask_kind="outline" if task == MARKED else "", size=75,
                split={"train": 300, "validation": 40, "test": n},
            )
        )  # fmt: skip
    weights = [
        WeightsFacts(init=init, backbone="ResNet50", contract="caffe", licence="", sha256="b" * 64,
                     release=f"pretrained here on corpus_{init}", provenance="real")
        for init in inits
    ]  # fmt: skip
    return RunFacts(
        name=name,
        written="2026-11-20T22:00:00+00:00",
        first_finished="2026-11-20T20:00:00+00:00",
        last_finished="2026-11-20T21:00:00+00:00",
        profile={"name": name, "about": "Invented.", "tasks": list(tasks), "inits": list(inits)},
        python="3.11.9",
        packages={"keras": "3.12.0"},
        backend="tensorflow",
        precision="float32",
        commit=None,
        hardware=Hardware(processor="A processor", cores=2, memory_gb=8),
        peak_memory_gb=2.0,
        work={"fine-tuning": Work(runs=n_runs, seconds=5400.0)},
        tasks=named,
        corpora=[_dataset("Radiologic corpus"), _dataset("Photographic corpus")],
        weights=weights,
        files=files,
    )

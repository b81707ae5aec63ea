"""A finished study on images that count as real, made without training: its runs are invented."""

import re
import shutil
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
from tiny_study import BOTH, main_study, side_study, tiny_profile

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import load_manifest
from rin.data.standins import write_stand_in
from rin.files import REPOSITORY
from rin.study import open_workspace
from rin.study.ledger import computer_record
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining

INITS = ["radiologic", "photographic"]
CHANGES = {
    "inits": INITS,
    "pretraining.corpora": {"radiologic": "corpus_radiologic",
                            "photographic": "corpus_photographic"},
    "pretraining.preprocessing": {"radiologic": "caffe_unit", "photographic": "caffe"},
    "studies": [
        main_study(**BOTH),
        side_study("from_random", inits=["random", *INITS], folds=2),
        side_study("repeats", folds=2, seeds=2),
        side_study("layers", inits=["random", *INITS],
                   activation_sample={"points": 40, "channels": 4}),
        side_study("preprocessing", folds=2,
                   vary={"preprocessing": ["native", "official_scripts"]}),
        side_study("resize", vary={"resize": ["stretch", "pad"]}),
        side_study("confounder", vary={"confounder": ["tag 0", "tag 100"]}),
    ],
    "external": True,
    "stand_ins": {},
}  # fmt: skip
FOLDERS = {
    "busi": ("Dataset_BUSI_with_GT", {"benign": 30, "malignant": 24, "normal": 6}),
    "busbra": ("BUSBRA", {"benign": 9, "malignant": 7}),
    "corpus_radiologic": ("pretrain_radiologic", {"class_count": 3, "per_class": 12}),
    "corpus_photographic": ("pretrain_photographic", {"class_count": 4, "per_class": 12}),
}
# Until this process ends: stand-ins that are there already are not drawn again.
DRAWN = TemporaryDirectory()


def write_images(folder, *, marked=()):
    """Write the datasets as a user would have them; those in `marked` stay known stand-ins."""
    for name, (inner, counts) in FOLDERS.items():
        made = write_stand_in(load_manifest(name), Path(DRAWN.name), counts, 1)
        shutil.copytree(made / inner, folder / "images" / inner)
        for note in (folder / "images" / inner).glob(STAND_IN_NOTE) if name not in marked else ():
            note.unlink()
    return folder / "images"


def write_manifests(folder):
    """Copy the manifests, without the counts and sources of the published files."""
    shutil.copytree(REPOSITORY / "data_manifests", folder)
    for name in FOLDERS:
        path = folder / f"{name}.yaml"
        text = re.sub(
            r"^(?:counts|sources):.*\n(?:[ #].*\n)*", "", path.read_text("utf-8"), flags=re.M
        )
        text += "counts: {empty_masks: 6}\n"  # those of what is normal
        path.write_text(text, encoding="utf-8")
    return folder


def finished_study(folder, data_root, changes=None):
    """Return a study all of whose runs stand in its ledgers."""
    profile = tiny_profile(CHANGES | (changes or {}))
    workspace = open_workspace(profile, data_root=data_root, results=folder)
    commit_invented(workspace)
    return workspace


def planned_runs(study):
    """Every run of every study; a run of several studies several times."""
    return [run for name in study.profile.study_filters for run in plan_study(study, name)]


def commit_invented(study, files=None):
    """Fill the ledgers of a study; `files` writes what a run leaves, by default any scores."""
    for run in plan_pretraining(study):
        study.weights.commit(run.run_id, run.config, partial(pretrained_files, run))
    ledger = study.fine_tuning_ledger
    for run in planned_runs(study):
        if not ledger.has(run.run_id):
            ledger.commit(run.run_id, run.config, partial(files or trained_files, run))


def pretrained_files(run, folder):
    (folder / "backbone.weights.h5").write_text(run.run_id)
    curve = dict.fromkeys(("loss", "accuracy", "val_loss", "val_accuracy"), 1.25)
    pd.DataFrame([{"epoch": 1} | curve]).to_parquet(folder / "history.parquet")
    told = {"top1": 0.5123456789, "images": 36, "training_images": 36, "classes": 3}
    return told | {"epochs": 1, "seconds": 12.5} | computer_record()


def trained_files(run, folder):
    rng, own = np.random.default_rng(int(run.run_id[:8], 16)), run.inputs
    split = own.folds[own.folds["fold"] == run.fold].groupby("part")["case_id"]
    rows = {part: (own, case_ids) for part, case_ids in split if part != "train"}
    rows |= {name: (away, away.labels.index) for name, away in own.external.items()}
    rows |= {"reversed": rows["test"]} if run.settings.confounder else {}
    if run.cell.study.activation_sample:
        made = [f"{when}/{name}" for when in ("before", "other", "after") for name in "ab"]
        np.savez(folder / "activations.npz", **{name: rng.normal(size=(40, 4)) for name in made})
    tables = []
    for part, (scored, case_ids) in rows.items():
        cases = scored.store.cases.set_index("case_id").loc[case_ids, ["patient_id"]]
        label = scored.labels.loc[case_ids].to_numpy()
        score = (1 / (1 + np.exp(-rng.normal(label)))).astype(np.float32)
        tables.append(cases.reset_index().assign(part=part, label=label, score=score))
        if part not in ("validation", "reversed"):
            maps = rng.normal(size=(len(case_ids), 4, 4, 2)).astype(np.float32)
            np.save(folder / ("cams.npy" if part == "test" else f"cams-{part}.npy"), maps)
    pd.concat(tables).to_parquet(folder / "predictions.parquet", index=False)
    return {"best_epoch": 1, "epochs": 1, "seconds": 2.5, "peak_memory_gb": 1.25, "traces": 1,
            "backend": "tensorflow", "precision": "float32"}  # fmt: skip


def ranked_files(signals):
    """Return what writes a run whose scores rank cases as its init does, by its log-odds."""

    def write(run, folder):
        record = trained_files(run, folder) | computer_record()
        path = folder / "predictions.parquet"
        table, rng = pd.read_parquet(path), np.random.default_rng(0)
        score = rng.normal(signals[run.init] * table["label"])
        table.assign(score=score.astype(np.float32)).to_parquet(path, index=False)
        return record

    return write

"""A pretraining that is killed again and again ends as one that nobody touched."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
from tiny_study import start_program, write_profile

from rin.study import open_workspace, pretraining_histories, pretraining_results
from rin.study.pretraining import plan_pretraining, pretraining_predictions
from rin.training import FEATURES

STEPS = 7  # of an epoch: 27 training images in batches of 4
MADE_SMALL = {
    "pretraining.corpora": {"radiologic": "corpus_radiologic"},
    "pretraining.epochs": 4,
    "pretraining.batch": 4,
    "pretraining.augmentation": "official",
    "pretraining.schedule": "cosine",
    "pretraining.batch_norm_momentum": 0.9,
    "execution": {"checkpoint_minutes": 0},
}


def place(study):
    """Batches until the last checkpoint of a study's only run; 0 without one."""
    (run,) = plan_pretraining(study)
    path = study.weights.work(run.run_id) / "checkpoint.safetensors"
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except FileNotFoundError:
        return 0
    record = json.loads(header["__metadata__"]["record"])
    return record["epoch"] * STEPS + record["step"]


def kept(study):
    """Bytes of the weights, and every prediction, feature and learning curve."""
    (run,) = plan_pretraining(study)
    weights = (study.weights.path(run.run_id) / "backbone.weights.h5").read_bytes()
    features = study.weights.read(run.run_id, FEATURES, np.load)
    curves = pretraining_histories(study).drop(columns=["images_per_second", "seconds"])
    return weights, features.tobytes(), pretraining_predictions(study), curves


@pytest.mark.slow
def test_pretraining_when_killed_in_mid_epoch_ends_as_if_undisturbed(tmp_path):
    """Each in a process of its own: sums of threads depend on how many there are."""
    profile = write_profile(tmp_path / "tiny.yaml", MADE_SMALL)
    calm, killed = (
        open_workspace(profile, results=tmp_path / name) for name in ("calm", "killed")
    )
    assert start_program(profile, tmp_path / "calm", "pretrain", "small").wait() == 0
    for name in ("stores", "stand_ins"):
        shutil.copytree(tmp_path / "calm" / name, tmp_path / "killed" / name)
    program = start_program(profile, tmp_path / "killed", "slow", "small")
    while place(killed) < STEPS + 2:
        assert program.poll() is None, "the program ended before it was killed"
        time.sleep(0.005)
    os.killpg(program.pid, signal.SIGKILL)
    program.wait()
    assert place(killed) % STEPS > 0
    assert start_program(profile, tmp_path / "killed", "pretrain", "small").wait() == 0
    for found, expected in zip(kept(killed), kept(calm), strict=True):
        assert found == expected if isinstance(found, bytes) else found.equals(expected)
    (row,) = pretraining_results(killed).to_dict("records")
    assert row["resumed"] == 1
    assert not killed.weights.work(row["run_id"]).exists()

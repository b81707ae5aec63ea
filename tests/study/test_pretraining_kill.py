"""A pretraining that is killed again and again ends as one that nobody touched."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pandas as pd
import pytest
from tiny_study import start_program, write_profile

from rin.study import open_workspace, pretrained, pretraining_histories
from rin.study.pretraining import plan_pretraining, pretraining_predictions
from rin.training import FEATURES

STEPS = 7  # of an epoch: 27 training images in batches of 4
TIMED = ["images_per_second", "seconds"]
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
    """Epoch and step of the last checkpoint of a study's only run; (0, 0) without one."""
    (run,) = plan_pretraining(study)
    path = study.weights.work(run.run_id) / "checkpoint.safetensors"
    try:
        with path.open("rb") as file:
            header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
    except FileNotFoundError:
        return 0, 0
    record = json.loads(header["__metadata__"]["record"])
    return record["epoch"], record["step"]


def kill_after(program, study, batches):
    """Kill a program when it is some batches further than at its start; tell how far it was."""
    epoch, step = place(study)
    aim = epoch * STEPS + step + batches
    while program.poll() is None:
        epoch, step = place(study)
        if epoch * STEPS + step >= aim:
            os.killpg(program.pid, signal.SIGKILL)
            program.wait()
            return place(study)
        time.sleep(0.005)
    return None


def check_same(study, calm):
    """Every weight, prediction, feature and learning curve is that of the other, to the bit."""
    (run,) = plan_pretraining(study)
    weights, expected = (
        (one.weights.path(run.run_id) / "backbone.weights.h5").read_bytes()
        for one in (study, calm)
    )
    assert weights == expected
    pd.testing.assert_frame_equal(
        pretraining_predictions(study), pretraining_predictions(calm), check_exact=True
    )
    pd.testing.assert_frame_equal(
        pretraining_histories(study).drop(columns=TIMED),
        pretraining_histories(calm).drop(columns=TIMED),
        check_exact=True,
    )
    features = (one.weights.read(run.run_id, FEATURES, np.load) for one in (study, calm))
    np.testing.assert_array_equal(*features)


def kill_and_compare(calm, folder, moments, *options):
    """Train again, killed after so many batches each time, to the end; return what was seen."""
    profile = calm.results.parent / "tiny.yaml"
    killed = open_workspace(profile, results=folder)
    for name in ("stores", "stand_ins"):
        shutil.copytree(calm.results.parent / name, folder / name)
    places = []
    for batches in moments:
        program = start_program(profile, folder, "slow", *options)
        places.append(kill_after(program, killed, batches))
    assert None not in places, "a program ended before it was killed"
    assert start_program(profile, folder, "pretrain", *options).wait() == 0
    check_same(killed, calm)
    (row,) = pretrained(killed).to_dict("records")
    assert not killed.weights.work(row["run_id"]).exists()
    return places, row


def calm_study(folder, changes, *options):
    """A study whose pretraining ran undisturbed, in a process of its own as all others.

    Sums of threads depend on how many there are, which other tests may have set in this process.
    """
    folder.mkdir()
    profile = write_profile(folder / "tiny.yaml", changes)
    assert start_program(profile, folder, "pretrain", *options).wait() == 0
    return open_workspace(profile, results=folder)


@pytest.mark.slow
def test_pretraining_when_killed_in_mid_epoch_ends_as_if_undisturbed(tmp_path):
    calm = calm_study(tmp_path / "calm", MADE_SMALL, "small")
    places, row = kill_and_compare(calm, tmp_path / "killed", [9], "small")
    assert places[0][1] > 0
    assert row["resumed"] == 1

"""Losses of pretraining as a study: planned from the profile, trained, told in one table."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from rin.study import consolidate
from rin.study.loss_study import confidence_error, loss_table, plan_losses
from rin.study.pretraining import PREDICTIONS, plan_pretraining, pretrain_missing

ASKED = {"backbones": ["ResNet50"], "losses": ["hard", "online"], "epochs": 2, "seeds": 2}


@pytest.fixture
def asking(opened):
    """Return a function that opens a study with a section on losses."""
    return lambda name="losses", **asked: opened(
        {"losses": ASKED | asked, "name": name, "pretraining.epochs": 2}
    )


def test_each_loss_is_planned_from_every_seed_and_hard_labels_are_the_study_s_own(asking):
    planned = plan_losses(study := asking())
    expected = [("hard", 0), ("hard", 1), ("online", 0), ("online", 1)]
    assert [(run.settings.loss, run.pretraining - 1) for run in planned] == expected
    assert len({run.run_id for run in planned}) == 4
    assert planned[0].run_id == plan_pretraining(study)[0].run_id
    assert len({run.split_digest for run in planned}) == 1


def test_one_backbone_may_have_a_learning_rate_of_its_own(asking):
    study = asking(backbones=["ResNet50", "VGG19"], learning_rates={"VGG19": 1e-5})
    rates = {(run.backbone, run.settings.learning_rate) for run in plan_losses(study)}
    assert rates == {("ResNet50", study.profile.pretraining.learning_rate), ("VGG19", 1e-5)}


@pytest.mark.slow
def test_losses_make_other_networks(asking):
    study = asking()
    pretrain_missing(study, plan_losses(study), "losses")
    table = loss_table(study)
    assert table[["top1", "top5", "ece"]].stack().between(0, 1).all()
    assert consolidate(study).table("losses").equals(table)
    assert (table.groupby("seed")["ece"].nunique() == 2).all()


def test_table_has_a_row_for_each_loss_and_seed_with_its_calibration(asking):
    study = asking("invented")
    calls = pd.DataFrame({"truth": [0, 1, 1], "predicted": [0, 1, 0], "confidence": [0.5, 1, 0.7]})
    told = dict.fromkeys(("top1", "balanced_accuracy", "top5", "seconds"), 1.0) | {"epochs": 2}

    def files(folder):
        calls.to_parquet(folder / PREDICTIONS)
        return told

    for run in plan_losses(study):
        study.ledger("losses").commit(run.run_id, run.config, files)
    table = loss_table(study)
    assert [*zip(table["loss"], table["seed"], strict=True)] == [*product(ASKED["losses"], (0, 1))]
    assert table["ece"].unique() == pytest.approx([(0.5 + 0.7) / 3])


def test_confidence_error_is_the_mean_gap_of_ten_bins():
    confidence = np.array([0.0, 0.05, 0.1, 0.95, 1.0, 1.0])
    right = np.array([True, False, False, True, False, True])
    gaps = [1 - 0.05, 0.1, 2.95 - 2]  # of the first, the second and the last
    assert confidence_error(confidence, right) == pytest.approx(sum(gaps) / 6)

"""What a run reads and starts from, without a training."""

from dataclasses import dataclass
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from rin.models.build import Architecture
from rin.study import fine_tuning
from rin.study.fine_tuning import confounded_parts, run_block
from rin.study.ledger import Ledger
from rin.study.plan import sample_confounder
from rin.study.profile import Execution, SampledConfounder
from rin.training.batches import ImageSubset


def test_run_of_each_pretraining_of_a_block_starts_from_its_own_weights(tmp_path, monkeypatch):
    used = []
    network = SimpleNamespace(backbone=None)
    block = Architecture(
        "ResNet50", "unfreeze_all", size=32, augmentation="none", batch_norm_momentum=0.9
    )
    compiled = SimpleNamespace(architecture=block, network=network)
    monkeypatch.setattr("rin.training.trainer.ReusableClassifier", lambda _: compiled)
    monkeypatch.setattr(fine_tuning, "begin_block", lambda _: None)
    monkeypatch.setattr(fine_tuning, "last_trained", {})
    monkeypatch.setattr(fine_tuning, "load_weights", lambda entry, *_: f"weights of {entry}")
    monkeypatch.setattr(
        fine_tuning, "_train", lambda run, _, weights, __: used.append((run.run_id, weights))
    )
    runs = [
        SimpleNamespace(run_id=entry, init="radiologic", entry=entry, weights_digest=entry,
                        architecture=block)
        for entry in ("first", "second", "first")
    ]  # fmt: skip
    run_block(runs, Ledger(tmp_path), [], 1, Execution())
    assert used == [(run.run_id, f"weights of {run.entry}") for run in runs]


@pytest.mark.parametrize("share", [0, 50, 100])
def test_confounder_stands_on_a_share_of_positives_and_reversed_on_all_negatives(share):
    labels = np.array([1, 1, 1, 1, 0, 0] * 3)
    images = np.full((18, 64, 64), 40, np.uint8)
    rows = {"train": range(6), "validation": range(6, 12), "test": range(12, 18)}
    parts = {
        name: ImageSubset(images, labels, np.array(of_part)) for name, of_part in rows.items()
    }
    made = confounded_parts(parts, f"tag {share}", seed=1)

    def tagged(name):
        return (made[name].images[made[name].rows] != 40).any(axis=(1, 2))

    for name in rows:
        assert tagged(name).sum() == 4 * share / 100
        assert not tagged(name)[labels[:6] == 0].any()
    np.testing.assert_array_equal(tagged("reversed"), labels[:6] == 0)
    assert (images == 40).all()


@dataclass(frozen=True)
class Inputs:
    """What `sample_confounder` reads of a task's inputs."""

    used_images: SimpleNamespace
    labels: pd.Series
    pairs: pd.DataFrame
    folds: pd.DataFrame | None = None
    external: dict | None = None
    kept_columns: tuple = ("device",)


def test_near_duplicates_of_two_patients_are_on_one_side_of_a_sampled_confounder():
    n = 48
    cases = pd.DataFrame({"case_id": [f"c{k}" for k in range(n)]})
    cases["patient_id"] = [f"p{k}" for k in range(n)]
    cases["device"] = np.where(np.arange(n) % 4 < 2, "A", "B")
    labels = pd.Series(np.arange(n) % 2, index=cases["case_id"])
    alike = [(f"c{k}", f"c{k + 4}", 2) for k in range(0, n, 8)]  # of one device and label
    pairs = pd.DataFrame(alike, columns=["case_a", "case_b", "distance"])
    inputs = Inputs(SimpleNamespace(cases=cases), labels, pairs)
    groups = {"task": "busbra", "column": "device", "groups": ("A", "B")}
    chosen = SampledConfounder(**groups, train=2, validation=2, test=2)
    for seed in range(5):
        part = sample_confounder(inputs, chosen, "sampled 50", seed).folds.set_index("case_id")
        sides = [part["part"].reindex(pair[:2]).fillna("none").nunique() for pair in alike]
        assert sides == [1] * len(alike)

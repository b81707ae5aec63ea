import hashlib
import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tiny_study import records, tiny_profile

import rin.training.pretrain
from rin.errors import InputError
from rin.models.weights import WeightsEntry
from rin.study import open_study, pretrained, pretraining, pretraining_histories, run_pretraining
from rin.study.plan import find_entries
from rin.study.pretraining import plan_pretraining

TWO = {
    "pretraining.corpora": {
        "radiologic": "corpus_radiologic",
        "photographic": "corpus_photographic",
    }
}


def test_pretraining_when_called_again_trains_nothing(pretrained_study, monkeypatch):
    monkeypatch.setattr(pretraining, "make_executor", lambda _: pytest.fail("an executor was made"))
    before = records(pretrained_study.weights)
    table = run_pretraining(pretrained_study)
    assert records(pretrained_study.weights) == before
    assert table[["init", "backbone", "provenance"]].values.tolist() == [
        ["radiologic", "ResNet50", "stand-in"]
    ]


def test_pretraining_leaves_an_entry_with_the_digest_of_its_weights(pretrained_study):
    (run,) = plan_pretraining(pretrained_study)
    folder = pretrained_study.weights.path(run.run_id)
    entry = WeightsEntry.model_validate_json((folder / "entry.json").read_text())
    weights = pretrained_study.weights.folder / entry.file
    assert hashlib.sha256(weights.read_bytes()).hexdigest() == entry.sha256
    assert (entry.init, entry.backbone, entry.preprocessing, entry.provenance) == (
        "radiologic",
        "ResNet50",
        "symmetric",
        "stand-in",
    )


def test_pretraining_when_finished_is_what_the_plan_starts_from(pretrained_study):
    entries = find_entries(pretrained_study)
    assert entries["random", "ResNet50"] is None
    assert entries["radiologic", "ResNet50"].release == "pretrained here on corpus_radiologic"


def test_pretrained_tells_accuracy_and_budget(pretrained_study):
    (row,) = pretrained(pretrained_study).to_dict("records")
    assert (row["images"], row["classes"], row["epochs"]) == (36, 3, 1)
    assert 0 <= row["top1"] <= row["top5"] <= 1


def test_pretraining_histories_have_one_row_an_epoch(pretrained_study):
    table = pretraining_histories(pretrained_study)
    assert table[["init", "backbone", "epoch"]].values.tolist() == [["radiologic", "ResNet50", 1]]


def test_pretraining_when_profile_has_none_is_empty(study_folder):
    study = open_study(tiny_profile({"pretraining": None}), results=study_folder)
    assert len(run_pretraining(study)) == 0
    assert len(pretraining_histories(study)) == 0


@pytest.fixture
def blocks(monkeypatch):
    """Pretraining blocks that train nothing and tell what they were asked."""
    made = []

    class Recorded:
        def __init__(self, backbone, _settings, n_classes, *, seed):
            self.asked = {"backbone": backbone, "n_classes": n_classes, "seed": seed, "images": []}
            made.append(self.asked)

        def train(self, images, _classes):
            self.asked["images"].append(len(images))
            history = pd.DataFrame({"epoch": [1]})
            metrics = rin.training.pretrain.PretrainingMetrics(*[1] * 9)
            return SimpleNamespace(history=history, metrics=metrics)

        def save(self, path):
            path.write_bytes(b"weights")
            return "0" * 64

    monkeypatch.setattr(rin.training.pretrain, "PretrainingBlock", Recorded)
    return made


def test_pretraining_when_cut_off_between_corpora_goes_on_with_the_same_outputs(
    tmp_path, study_folder, blocks
):
    study = open_study(tiny_profile(TWO | {"name": "two"}), results=study_folder)
    run_pretraining(study)
    second = next(r for r in plan_pretraining(study) if r.init == "radiologic")
    shutil.rmtree(study.weights.path(second.run_id))
    run_pretraining(study)
    whole, rest = blocks
    # Corpora of 4 and 3 classes: the larger decides, also when only the smaller is left.
    assert whole["n_classes"] == rest["n_classes"] == 4
    assert sorted(whole["images"]) == [36, 48]
    assert rest["images"] == [36]


def test_pretraining_of_every_corpus_starts_from_one_seed(study_folder):
    runs = plan_pretraining(open_study(tiny_profile(TWO), results=study_folder))
    assert len({run.run_id for run in runs}) == 2
    assert {run.seed for run in runs} == {tiny_profile().seed}


def test_local_entries_when_damaged_name_the_file(pretrained_study, tmp_path):
    (run,) = plan_pretraining(pretrained_study)
    study = open_study(pretrained_study.profile, results=tmp_path)
    shutil.copytree(pretrained_study.results, study.results)
    path = study.weights.path(run.run_id) / "entry.json"
    path.write_text("{")
    with pytest.raises(InputError) as caught:
        pretraining.local_entries(study)
    assert caught.value.where == str(path)


def test_pretraining_settings_other_than_corpora_change_the_id(study_folder):
    def ids(changes):
        return {
            r.run_id
            for r in plan_pretraining(open_study(tiny_profile(changes), results=study_folder))
        }

    assert ids({"pretraining.epochs": 2}).isdisjoint(ids({}))
    assert ids({"seed": np.iinfo(np.int32).max}).isdisjoint(ids({}))
    assert ids({"execution": {"workers": 2}}) == ids({})

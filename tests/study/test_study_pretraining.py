import hashlib
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from tiny_study import TWO, records, tiny_profile

from rin.data.splits import corpus_split
from rin.errors import InputError
from rin.models.weights import load_weights
from rin.study import (
    open_workspace,
    pretrained,
    pretraining,
    pretraining_histories,
    run_pretraining,
)
from rin.study.corpora import open_corpus
from rin.study.ledger import Ledger
from rin.study.pretraining import (
    nearest_in,
    plan_pretraining,
    pretraining_features,
    pretraining_predictions,
    pretraining_seed,
)


def test_pretraining_when_called_again_trains_nothing(pretrained_study, no_training):
    before = records(pretrained_study.weights)
    table = run_pretraining(pretrained_study)
    assert records(pretrained_study.weights) == before
    assert table[["init", "backbone", "provenance"]].values.tolist() == [
        ["radiologic", "ResNet50", "stand-in"]
    ]


def test_finished_pretraining_is_read_back_as_tables(pretrained_study):
    study = pretrained_study
    (row,) = pretrained(study).to_dict("records")
    assert (row["images"], row["classes"], row["epochs"]) == (36, 3, 1)
    curve = pretraining_histories(study)
    assert curve[["init", "backbone", "epoch"]].values.tolist() == [["radiologic", "ResNet50", 1]]
    assert curve["learning_rate"].tolist() == pytest.approx([1e-3])
    table = pretraining_predictions(study)
    assert list(table)[:5] == ["init", "backbone", "pretraining", "case_id", "patient_id"]
    dataset = open_corpus(study, "corpus_radiologic", None)
    part = corpus_split(dataset, pretraining_seed(study.profile.seed, "ResNet50", 1))
    assert set(table["case_id"]) == set(part.index[part == "test"])
    known = dataset.cases.set_index("case_id").loc[table["case_id"]]
    assert table["truth"].tolist() == known["label"].tolist()
    assert table["patient_id"].tolist() == known["patient_id"].tolist()
    assert row["top1"] == pytest.approx((table["truth"] == table["predicted"]).mean())
    cases, features = pretraining_features(study, "radiologic", "ResNet50")
    assert (features.shape, features.dtype) == ((len(cases), 16), np.float32)


def test_pretraining_leaves_an_entry_and_weights_in_three_formats_that_agree(pretrained_study):
    from rin.models.backbones import build_backbone

    (run,) = plan_pretraining(pretrained_study)
    (entry,) = pretraining.local_entries(pretrained_study)
    folder = pretrained_study.weights.folder
    assert hashlib.sha256((folder / entry.file).read_bytes()).hexdigest() == entry.sha256
    told = (entry.init, entry.backbone, entry.preprocessing, entry.provenance)
    assert told == ("radiologic", "ResNet50", "symmetric", "stand-in")
    backbone = build_backbone("ResNet50", 32)
    first = load_weights(entry, backbone, [folder])
    for name in ("backbone_notop.h5", "backbone.safetensors"):
        other = entry.model_copy(update={"file": f"{run.run_id}/{name}", "sha256": None})
        for one, two in zip(first, load_weights(other, backbone, [folder]), strict=True):
            np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize(
    ("patients", "counts", "estimate", "chance"),
    [
        # a1 and a2 find each other; a3, b1 and b2 find one of the other class.
        ("1 2 1 3 4", (5, 4), 2 / 5, (1 / 3 + 2 / 4 + 1 / 3 + 1 / 4 + 1 / 4) / 5),
        # The class b has one patient, so that its images cannot find one of their class.
        ("1 2 1 3 3", (3, 2), 2 / 3, (1 / 3 + 2 / 4 + 1 / 3) / 3),
        ("1 1 1 3 3", (0, 0), np.nan, np.nan),
    ],
)
def test_nearest_counts_images_whose_class_has_another_patient(patients, counts, estimate, chance):
    """Of a1, a2, a3, b1, b2, in directions of so many degrees."""
    cases = pd.DataFrame({"truth": [*"aaabb"], "patient_id": patients.split()})
    angles = np.deg2rad([0, 9, 40, 19, 45])
    features = np.column_stack([np.cos(angles), np.sin(angles)])
    row = nearest_in(cases, features)
    assert (row["images"], row["patients"]) == counts
    assert row["estimate"] == pytest.approx(estimate, nan_ok=True)
    assert row["chance"] == pytest.approx(chance, nan_ok=True)
    assert np.isnan(estimate) or row["ci_low"] <= row["estimate"] <= row["ci_high"]


def test_pretraining_features_of_another_run_list_the_known_ones(pretrained_study):
    with pytest.raises(InputError, match=r"unknown pretraining.*Known: radiologic ResNet50"):
        pretraining_features(pretrained_study, "photographic", "ResNet50")


def test_pretraining_when_profile_has_none_is_empty(study_folder):
    workspace = open_workspace(tiny_profile({"pretraining": None}), results=study_folder)
    assert len(run_pretraining(workspace)) == 0
    assert len(pretraining_histories(workspace)) == 0


@pytest.mark.parametrize(
    ("workers", "brief", "jobs"),
    [(0, 0, [2]), (1, 0, [2]), (2, 0, [1, 1]), (3, 0, [1, 1]), (2, 1, [2, 1])],
)
def test_pretraining_with_fewer_backbones_than_workers_is_divided_between_them(
    study_folder, monkeypatch, workers, brief, jobs
):
    changes = TWO | {"name": f"shared_by_{workers}_{brief}", "execution": {"workers": workers}}
    if brief:
        short = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"]}
        changes["pretraining.brief"] = [short]
    workspace = open_workspace(tiny_profile(changes), results=study_folder)
    shipped = []
    monkeypatch.setattr(
        pretraining,
        "run_with_bar",
        lambda execution, made, *rest: shipped.extend(job.args for job in made),
    )
    run_pretraining(workspace)
    assert [len(wanted) for *_, wanted in shipped] == jobs
    assert {len(block) for block, *_ in shipped} == {sum(jobs)}  # they share the outputs
    planned = [run.run_id for run in plan_pretraining(workspace)]
    assert sorted(run_id for *_, wanted in shipped for run_id in wanted) == sorted(planned)


@pytest.mark.slow
def test_pretraining_when_cut_off_between_corpora_goes_on_with_the_same_outputs(study_folder):
    """Corpora of 4 and 3 classes: the larger decides, also when only the smaller is left."""
    workspace = open_workspace(tiny_profile(TWO | {"name": "two"}), results=study_folder)
    run_pretraining(workspace)
    second, first = plan_pretraining(workspace)
    assert (first.init, second.init) == ("photographic", "radiologic")
    before = pretraining_predictions(workspace)
    folder = Ledger(workspace.weights.path(first.run_id))
    trained = records(folder)
    shutil.rmtree(workspace.weights.path(second.run_id))
    run_pretraining(workspace)
    assert records(folder) == trained
    pd.testing.assert_frame_equal(pretraining_predictions(workspace), before)
    shutil.rmtree(workspace.weights.path(second.run_id))
    execution = workspace.profile.execution
    pretraining.pretrain_block([second], workspace.weights, execution, [second.run_id])
    alone = pretraining_predictions(workspace)  # with outputs for its own classes
    assert not alone["confidence"].equals(before["confidence"])


def test_progress_of_runs_names_each_that_is_under_way(pretrained_study, tmp_path):
    workspace = open_workspace(tiny_profile(TWO), results=tmp_path)
    runs = plan_pretraining(workspace)
    assert pretraining.progress_of(runs, workspace.weights) == ""
    for run in runs:
        (workspace.weights.open_work(run.run_id) / "progress.txt").write_text("epoch 1/2")
    line = pretraining.progress_of(runs, workspace.weights)
    assert line == "ResNet50 radiologic: epoch 1/2; ResNet50 photographic: epoch 1/2"


def test_pretraining_id_covers_the_split(pretrained_study, monkeypatch):
    (run,) = plan_pretraining(pretrained_study)
    swapped = {"test": "validation", "validation": "test", "train": "train"}
    monkeypatch.setattr(pretraining, "corpus_split", lambda *a: corpus_split(*a).replace(swapped))
    (other,) = plan_pretraining(replace(pretrained_study))  # planned anew
    assert other.store.digest == run.store.digest
    assert other.run_id != run.run_id


@pytest.mark.slow
@pytest.mark.parametrize(
    "backbone", ["VGG19", "MobileNetV2", "MobileNet", "EfficientNetV2B0", "Xception"]
)
def test_pretraining_of_further_backbones_ends(tmp_path, backbone):
    changes = {"pretraining.backbones": [backbone], "pretraining.learning_rate": 1e-4}
    changes |= {"pretraining.size": 71} if backbone == "Xception" else {}
    workspace = open_workspace(tiny_profile(changes), results=tmp_path)
    (row,) = run_pretraining(workspace).to_dict("records")
    assert row["backbone"] == backbone
    assert np.isfinite(pretraining_features(workspace, "radiologic", backbone)[1]).all()


def test_pretrainings_share_seed_and_split_between_inits_and_with_no_other_network(study_folder):
    inits = ["radiologic", "photographic"]
    changes = {
        "inits": inits,
        "pretraining.backbones": ["ResNet50", "MobileNetV2"],
        "pretraining.pretrainings": [1, 2],
        "pretraining.corpora": dict.fromkeys(inits, "corpus_radiologic"),
    }
    runs = plan_pretraining(open_workspace(tiny_profile(changes), results=study_folder))
    seeds = {(run.backbone, run.pretraining): run.seed for run in runs}
    assert len(seeds) == len(set(seeds.values())) == 4
    assert len({(run.seed, run.split_digest) for run in runs}) == 4
    assert len(runs) == 8


def test_pretraining_settings_other_than_corpora_change_the_id(study_folder):
    def ids(changes):
        workspace = open_workspace(tiny_profile(changes), results=study_folder)
        return {run.run_id for run in plan_pretraining(workspace)}

    assert ids({"pretraining.epochs": 2}).isdisjoint(ids({}))
    assert ids({"seed": np.iinfo(np.int32).max}).isdisjoint(ids({}))
    assert ids({"pretraining.loss": "smoothing"}).isdisjoint(ids({}))
    assert ids({"pretraining.backbones": ["ResNet50"]}) == ids({})
    assert ids({"execution": {"workers": 2, "checkpoint_minutes": 1}}) == ids({})

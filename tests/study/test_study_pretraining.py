import hashlib

import numpy as np
import pytest
from tiny_study import TWO, records

from rin.data.splits import corpus_groups, corpus_split
from rin.models.weights import load_weights
from rin.study import pretraining, pretraining_histories, pretraining_results, run_pretraining
from rin.study.corpora import open_corpus
from rin.study.pretraining import (
    plan_pretraining,
    pretraining_predictions,
    pretraining_seed,
)
from rin.training import FEATURES


def test_pretraining_when_called_again_trains_nothing(pretrained_study, no_training):
    before = records(pretrained_study.weights)
    table = run_pretraining(pretrained_study)
    assert records(pretrained_study.weights) == before
    assert table[["init", "backbone", "provenance"]].values.tolist() == [
        ["radiologic", "ResNet50", "stand-in"]
    ]


def test_finished_pretraining_is_read_back_as_tables(pretrained_study):
    study = pretrained_study
    (row,) = pretraining_results(study).to_dict("records")
    assert (row["images"], row["classes"], row["epochs"]) == (36, 3, 1)
    (epoch,) = pretraining_histories(study).to_dict("records")
    assert (epoch["init"], epoch["backbone"], epoch["epoch"]) == ("radiologic", "ResNet50", 1)
    assert epoch["learning_rate"] == pytest.approx(1e-3)
    table = pretraining_predictions(study)
    assert list(table)[:5] == ["init", "backbone", "pretraining", "case_id", "patient_id"]
    dataset = open_corpus(study, ["corpus_radiologic"])
    part = corpus_split(
        dataset, pretraining_seed(study.profile.seed, "ResNet50", 1), corpus_groups(dataset)
    )
    assert set(table["case_id"]) == set(part.index[part == "test"])
    known = dataset.cases.set_index("case_id").loc[table["case_id"], ["label", "patient_id"]]
    assert table[["truth", "patient_id"]].values.tolist() == known.values.tolist()
    assert row["top1"] == pytest.approx((table["truth"] == table["predicted"]).mean())
    features = study.weights.read(row["run_id"], FEATURES, np.load)
    assert (features.shape, features.dtype) == ((len(table), 16), np.float32)


def test_pretraining_leaves_an_entry_of_its_weights(pretrained_study):
    from rin.models.backbones import build_backbone

    (run,) = plan_pretraining(pretrained_study)
    (entry,) = pretraining.local_entries(pretrained_study)
    folder = pretrained_study.weights.folder
    assert hashlib.sha256((folder / entry.file).read_bytes()).hexdigest() == entry.sha256
    told = (entry.init, entry.backbone, entry.preprocessing, entry.provenance)
    assert told == ("radiologic", "ResNet50", "symmetric", "stand-in")
    assert entry.file == f"{run.run_id}/backbone.weights.h5"
    load_weights(entry, build_backbone("ResNet50", 32), [folder])


def test_pretraining_when_profile_has_none_is_empty(opened):
    workspace = opened({"pretraining": None})
    assert len(run_pretraining(workspace)) == len(pretraining_histories(workspace)) == 0


@pytest.mark.parametrize(
    ("workers", "brief", "jobs"),
    [(0, 0, [2]), (2, 0, [1, 1]), (3, 0, [1, 1]), (2, 1, [2, 1])],
)
def test_pretraining_with_fewer_backbones_than_workers_is_divided_between_them(
    opened, monkeypatch, workers, brief, jobs
):
    short = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"]}
    changes = {"name": f"shared_by_{workers}_{brief}", "execution": {"workers": workers}}
    workspace = opened(TWO | changes | {"pretraining.brief": [short] * brief})
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
    assert sorted(run.run_id for *_, wanted in shipped for run in wanted) == sorted(planned)


def test_progress_of_runs_names_each_that_is_under_way(opened):
    workspace = opened(TWO | {"name": "under_way"})
    runs = plan_pretraining(workspace)
    assert pretraining.progress_of(runs, workspace.weights) == ""
    for run in runs:
        workspace.weights.work(run.run_id).mkdir(parents=True)
        (workspace.weights.work(run.run_id) / "progress.txt").write_text("epoch 1/2")
    line = pretraining.progress_of(runs, workspace.weights)
    assert line == "ResNet50 radiologic: epoch 1/2; ResNet50 photographic: epoch 1/2"


def ids(workspace):
    return {run.run_id for run in plan_pretraining(workspace)}


def test_pretraining_id_covers_the_split(opened, monkeypatch):
    before = ids(opened())
    swapped = {"test": "validation", "validation": "test", "train": "train"}
    monkeypatch.setattr(pretraining, "corpus_split", lambda *a: corpus_split(*a).replace(swapped))
    assert before.isdisjoint(ids(opened()))


@pytest.mark.parametrize(
    ("changes", "are_other"),
    [
        ({"pretraining.epochs": 2}, True),
        ({"seed": np.iinfo(np.int32).max}, True),
        ({"pretraining.loss": "smoothing"}, True),
        ({"pretraining.backbones": ["ResNet50"]}, False),
        ({"execution": {"workers": 2, "checkpoint_minutes": 1}}, False),
    ],
)
def test_pretraining_settings_change_the_id_but_not_where_it_runs(opened, changes, are_other):
    before, after = ids(opened()), ids(opened(changes))
    assert before.isdisjoint(after) if are_other else before == after

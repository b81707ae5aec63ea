"""Reference runs: what is written is read back as it was, and nothing else is written."""

import json
import shutil
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from command_line import answer
from croissant_structure import problems_of
from finished_study import (
    CHANGES,
    finished_study,
    planned_runs,
    pretrained_files,
    write_images,
)
from tiny_study import restated, tiny_profile

from rin.errors import InputError
from rin.explain.similarity import mean_cca
from rin.files import sha256_of
from rin.models.backbones import build_backbone
from rin.study import (
    consolidate,
    open_reference,
    open_results,
    open_workspace,
    pretraining_results,
)
from rin.study.consolidate import dataset_facts, task_facts
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import Probe, Profile
from rin.study.reference import OVERLAP_DECIMALS, join_results, write_reference
from rin.study.results import Results, write_results, write_table

pytestmark = pytest.mark.usefixtures("uncounted_manifests")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, uncounted_manifests, images):
    return finished_study(tmp_path_factory.mktemp("results"), images)


@pytest.fixture(scope="module")
def written(finished, tmp_path_factory):
    return write_reference(finished, tmp_path_factory.mktemp("reference_runs"))


@pytest.fixture(scope="module")
def reference(written):
    return open_results(written)


@pytest.fixture
def copy(written, tmp_path):
    return shutil.copytree(written, tmp_path / written.name)


PARTS = ("test", "busbra")


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("main", "busbra"),
        ("confounder", "reversed"),
        *((name, "test") for name in ("main", "from_random", "repeats", "resize", "confounder")),
    ],
)
def test_study_is_read_back_as_it_returns_itself(reference, finished, name, part):
    expected = consolidate(finished).predictions(name, part=part)
    assert set(expected["part"]) == {part}
    kept = reference.predictions(name, "breast", part)
    pd.testing.assert_frame_equal(kept, expected, rtol=2**-14)
    assert not (kept["score"].to_numpy().view(np.int32) % 2**10).any()
    random = {"random"} if name == "from_random" else set()
    assert set(expected["init"]) == {"radiologic", "photographic"} | random


def test_external_scores_of_side_studies_are_refused_and_not_half_kept(reference):
    with pytest.raises(InputError, match="on busbra are kept for the main study only"):
        reference.predictions("repeats", "breast", "busbra")


def test_each_comparison_of_layers_is_of_the_networks_that_it_names(reference, finished):
    kept = {
        (run.init, *name.split("/")): table
        for run in plan_study(finished, "layers")
        for name, table in finished.fine_tuning_ledger.read(
            run.run_id, "activations.npz", np.load
        ).items()
    }
    ends = {
        ("before", ""): ("radiologic before", "photographic before"),
        ("after", ""): ("radiologic after", "photographic after"),
        ("random", "random"): ("random before", "random other"),
        **{("tuned", init): (f"{init} before", f"{init} after") for init, *_ in kept},
    }
    table = reference.table("layer_similarity", task="breast")
    found = table.set_index(["comparison", "init", "layer"])["cca"].to_dict()
    expected = {
        (*names, layer): mean_cca(*(kept[(*end.split(), layer)] for end in pair))
        for names, pair in ends.items()
        for layer in ("a", "b")
    }
    assert found == pytest.approx(expected)
    assert len({*expected.values()}) == len(expected)


def test_each_run_of_the_whole_study_is_kept_once_under_every_level(reference, finished):
    ids = [run.run_id for run in planned_runs(finished)]
    assert reference.tables["runs"]["run_id"].tolist() == ids
    kept = reference.tables["predictions"].drop_duplicates(["run_id", "part"])
    assert {*kept["part"]} == {"test", "busbra", "reversed"}
    assert sorted(kept.loc[kept["part"] == "test", "run_id"]) == sorted(set(ids))
    of_main = {run.run_id for run in planned_runs(finished) if run.study == "main"}
    assert sorted(kept.loc[kept["part"] == "busbra", "run_id"]) == sorted(of_main)
    assert len(ids) > len(set(ids))
    kept = reference.tables["pretraining"]
    pd.testing.assert_frame_equal(kept, pretraining_results(finished))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("name", "decimals"), [("overlap", OVERLAP_DECIMALS), ("baselines", 9)])
def test_localisation_is_read_back_as_the_study_returns_it(
    reference, finished, name, decimals, part
):
    own = getattr(consolidate(finished), name)("breast", part)
    kept = getattr(reference, name)("breast", part)
    assert len(kept) > 0
    own = own.round(decimals).assign(**own.filter(["score"]))
    pd.testing.assert_frame_equal(
        kept, own, check_dtype=False, check_like=True, rtol=2**-14, atol=1e-7
    )


@pytest.mark.parametrize("part", PARTS)
def test_cases_come_with_all_that_their_manifests_keep(reference, finished, part):
    expected = consolidate(finished).cases("breast", part)
    kept = reference.cases("breast", part)
    assert list(expected)[:3] == ["case_id", "patient_id", "label"]
    pd.testing.assert_frame_equal(kept, expected, check_like=True)
    assert ({"device", "birads", "histology", "side"} <= set(kept)) == (part == "busbra")


def test_probe_is_read_back_as_it_was_measured_and_refused_unfinished(
    finished, tmp_path, reference
):
    """Two runs of a probe, which left weights that were never trained."""
    probe = Probe(preprocessings=["caffe", "symmetric"], epochs=1, images=8)
    profile = finished.profile.model_copy(update={"probe": probe})
    study, backbone = replace(finished, profile=profile), build_backbone("ResNet50", 32)

    def probed_files(run, folder):
        tested = pd.DataFrame({"truth": ["a", "a", "b"]})
        tested.to_parquet(folder / "test_predictions.parquet")
        record = pretrained_files(run, folder)
        backbone.save_weights(folder / "backbone.weights.h5")
        return record

    for run in plan_probe(study):
        study.ledger("probe").commit(run.run_id, run.config, partial(probed_files, run))
    assert "probe" not in reference.tables
    measured = probe_measurements(study)
    assert {*measured["trained_with"]} == {"caffe", "symmetric"}
    assert {*measured.loc[measured["seen"], "source"]} == {"corpus_radiologic"}
    found = open_results(write_reference(study, tmp_path / "a"))
    pd.testing.assert_frame_equal(found.tables["probe"], measured)
    shutil.rmtree(study.ledger("probe").path(plan_probe(study)[1].run_id))
    with pytest.raises(InputError, match="1 of 2 runs of the probe are not finished"):
        write_reference(study, tmp_path / "b")
    assert not (tmp_path / "b").exists()


def test_facts_tell_how_the_run_came_about(reference, finished):
    facts = reference.facts
    assert facts.task("breast").shared_pictures == {"busbra": 0}
    assert Profile.model_validate(facts.profile.model_dump()) == finished.profile
    assert facts.packages["numpy"] == np.__version__
    task = facts.task("breast")
    assert (task.dataset.used, task.dataset.counts) == (60, {"benign": 36, "malignant": 24})
    assert task.dataset.licence.startswith("none stated")
    assert {one.name: one.patients for one in facts.corpora} == {
        "corpus_radiologic": 36, "corpus_photographic": 48,
    }  # fmt: skip
    # Nothing says by what weights are known that were pretrained here.
    assert [(w.init, w.preprocessing, w.verified) for w in facts.weights] == [
        ("radiologic", "caffe_unit", None), ("photographic", "caffe", None),
    ]  # fmt: skip
    files = [
        finished.weights.path(run.run_id) / "backbone.weights.h5"
        for run in plan_pretraining(finished)
    ]
    assert [w.sha256 for w in facts.weights] == [*map(sha256_of, files)]


def test_facts_of_a_dataset_count_the_cases_that_are_used(finished):
    whole = finished.inputs("breast").all_images
    facts = dataset_facts(whole, whole.cases.groupby("label").head(5))
    assert (facts.used, facts.patients, facts.available) == (10, 10, 60)
    assert facts.counts == {"benign": 5, "malignant": 5}


def test_nothing_of_the_machine_is_written_and_no_more_than_allowed(
    written, finished, images, tmp_path, monkeypatch
):
    text = "".join((written / name).read_text("utf-8") for name in ("run.json", "croissant.json"))
    for own in (socket.gethostname(), str(finished.results), str(images), str(Path.home())):
        assert own not in text
    monkeypatch.setattr("rin.study.reference.LARGEST", 5_000)
    with pytest.raises(InputError, match=r"over the limit of 5,000 .*predictions\.parquet"):
        write_reference(finished, tmp_path / "runs")
    assert list((tmp_path / "runs").iterdir()) == []


def test_reference_run_is_replaced_only_when_asked_and_as_a_whole(finished, copy, monkeypatch):
    def stopped(*_):
        raise OSError(28, "No space left on device")

    before = (copy / "run.json").read_text("utf-8")
    with pytest.raises(InputError, match=r"already.*--replace"):
        write_reference(finished, copy.parent)
    with monkeypatch.context() as patch:
        patch.setattr("rin.study.reference.describe_results", stopped)
        with pytest.raises(InputError, match=r"cannot be written.*No space left"):
            write_reference(finished, copy.parent, replace=True)
    assert (copy / "run.json").read_text("utf-8") == before
    write_reference(finished, copy.parent, replace=True)
    assert open_results(copy).facts.written >= json.loads(before)["written"]
    assert [path.name for path in copy.parent.iterdir()] == ["tiny"]


def test_unfinished_runs_are_refused(finished, tmp_path, images):
    shutil.copytree(finished.results, tmp_path / "tiny")
    workspace = open_workspace(finished.profile, data_root=images, results=tmp_path)
    n = len({run.run_id for run in planned_runs(finished)})
    for ledger, unfinished in (
        (workspace.fine_tuning_ledger, f"3 of {n} runs of fine-tuning"),
        (workspace.weights, "2 of 2 runs of pretraining"),
    ):
        for path in sorted(ledger.folder.iterdir())[:3]:
            (path / "done.json").unlink()
        with pytest.raises(InputError, match=f"{unfinished} are not finished"):
            write_reference(workspace, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_study_with_stand_ins_is_refused_before_anything_is_trained(tmp_path):
    data_root = write_images(tmp_path, marked=["busi", "corpus_photographic"])
    workspace = open_workspace(
        tiny_profile(CHANGES), data_root=data_root, results=tmp_path / "results"
    )
    named = r": busi \(stand-in\), corpus_photographic \(stand-in\)"
    with pytest.raises(InputError, match=named):
        write_reference(workspace, tmp_path / "runs")


def test_study_of_a_part_of_a_dataset_has_other_runs_says_so_and_is_refused(
    finished, images, tmp_path
):
    workspace = open_workspace(finished.profile, data_root=images, results=tmp_path, partial=True)
    facts = task_facts(workspace.inputs("breast"))
    assert facts.dataset.part == "60 images of an unknown number"
    assert facts.external[0].part
    whole, part = ({run.run_id for run in plan_pretraining(one)} for one in (finished, workspace))
    assert not whole & part
    assert workspace.inputs("breast").store.digest != finished.inputs("breast").store.digest
    with pytest.raises(InputError, match=r"parts of datasets: .*busi \(60 images of"):
        write_reference(workspace, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


def test_command_writes_what_the_function_writes(rin, finished, images, tmp_path):
    profile = tmp_path / "tiny.yaml"
    profile.write_text(finished.profile.model_dump_json(), encoding="utf-8")
    folders = ["--data-root", images, "--results", finished.results.parent]
    out = answer(rin, "reference", "write", profile, *folders, "--folder", tmp_path / "r")
    assert "bytes" in out
    assert open_results(tmp_path / "r" / "tiny").facts.name == "tiny"


def test_missing_or_other_file_is_named_and_so_is_an_unknown_run(copy, monkeypatch):
    for name in [path.name for path in copy.iterdir() if path.name != "croissant.json"]:
        whole = (copy / name).read_bytes()
        for content in (None, b"\xff\x00nonsense"):
            (copy / name).unlink()
            if content:
                (copy / name).write_bytes(content)
            with pytest.raises(InputError, match=rf"{name}: .*Fetch this folder again"):
                open_results(copy)
            (copy / name).write_bytes(whole)
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(copy.parent))
    assert open_reference("tiny").facts.name == "tiny"
    with pytest.raises(InputError, match=r"unknown reference run 'open'.*Known: tiny"):
        open_reference("open")


def test_run_read_again_is_as_it_was_written_whatever_was_done_to_the_first(copy):
    first, again = open_results(copy).tables, open_results(copy).tables["predictions"].copy()
    first["predictions"]["score"] = 0.0
    pd.testing.assert_frame_equal(open_results(copy).tables["predictions"], again)


def forged(copy, name, change):
    """Write a table that differs, with facts that fit it."""
    path = copy / f"{name}.parquet"
    write_table(change(pd.read_parquet(path)), path)
    restated(copy, lambda facts: facts["files"].update({path.name: sha256_of(path)}))


def with_other_ids(table):
    """The rows of another computer, whose weights differ in a bit."""
    return table.assign(run_id="f" + table["run_id"].astype(str))


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("predictions", lambda t: pd.concat([t, t]), "rows repeat a run_id, part, case_id"),
        ("predictions", lambda t: t.drop(columns="score"), r"columns \['score'\] are missing"),
        ("runs", lambda t: pd.concat([t, with_other_ids(t)]), "rows repeat a study, level, task"),
        ("runs", lambda t: t.drop(columns="pretraining"), "it cannot be read .*pretraining"),
    ],
)
def test_hostile_table_is_one_clear_error(copy, name, change, said):
    forged(copy, name, change)
    with pytest.raises(InputError, match=said):
        open_results(copy)


def with_studies(written, folder, *names):
    """Copy a reference run with the runs of some studies alone."""
    copy = shutil.copytree(written, folder)
    forged(copy, "runs", lambda runs: runs[runs["study"].isin(names)])
    ids = {*pd.read_parquet(copy / "runs.parquet")["run_id"]}
    forged(copy, "predictions", lambda rows: rows[rows["run_id"].isin(ids)])
    return copy


def test_parts_of_a_study_that_are_joined_are_the_whole(written, reference, tmp_path):
    studies = [*reference.tables["runs"]["study"].unique()]
    first = with_studies(written, tmp_path / "a", *studies[:2])
    second = with_studies(written, tmp_path / "b", *studies[2:])
    for part, number in ((first, 0), (second, 1)):
        forged(part, "layer_similarity", lambda rows, begin=number: rows[begin::2])
    # As of more folds, and of another pretraining.
    restated(first, lambda facts: facts["tasks"][0]["split"].update(test=1000))
    restated(second, lambda facts: facts["weights"][0].update(pretraining=5))
    whole = open_results(join_results(first, second, tmp_path / "whole"))
    assert {*whole.tables} == {*reference.tables}
    for name, table in reference.tables.items():
        found, expected = (
            rows.astype(str).sort_values([*rows], ignore_index=True)
            for rows in (whole.tables[name], table)
        )
        pd.testing.assert_frame_equal(found, expected, obj=name)
    (added,) = whole.facts.added
    assert (added.studies, added.pretrainings) == (sorted(studies[2:]), [1])
    assert [weights.pretraining for weights in whole.facts.weights] == [1, 1, 5]
    assert problems_of(tmp_path / "whole") == []
    other = open_results(join_results(second, first, tmp_path / "other"))
    for joined in (whole, other):
        assert joined.facts.task("breast").split["test"] == 1000


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda facts: facts["tasks"][0]["dataset"].update(digest="f" * 64),
            "its images of breast",
        ),
        (lambda facts: facts["corpora"].pop(), "its corpora"),
        (lambda facts: facts.update(backend="jax"), "its backend"),
        (lambda facts: facts["profile"]["fine_tuning"].update(epochs=9), "its fine_tuning"),
    ],
)
def test_results_that_cannot_be_compared_are_not_joined(written, copy, tmp_path, change, said):
    restated(copy, change)
    with pytest.raises(InputError, match=f"differs from .* in {said}"):
        join_results(written, copy, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def test_runs_that_another_computer_made_anew_are_not_joined(written, copy, tmp_path):
    for name in ("runs", "predictions"):
        forged(copy, name, with_other_ids)
    with pytest.raises(InputError, match="runs: rows have the study, level, task"):
        join_results(written, copy, tmp_path / "joined")


def test_runs_of_another_task_are_joined_with_their_maps(tmp_path):
    runs = open_reference("converged")
    for task in ("thyroid", "breast"):
        tables = {
            name: rows[rows["task"] == task]
            for name, rows in runs.tables.items()
            if "task" in rows
        }
        scores = runs.tables["predictions"]
        tables["predictions"] = scores[scores["run_id"].isin(tables["runs"]["run_id"])]
        facts = runs.facts.model_copy(update={"tasks": [runs.facts.task(task)]})
        (tmp_path / task).mkdir()
        write_results(Results(facts, tables), tmp_path / task)
    folder = join_results(tmp_path / "thyroid", tmp_path / "breast", tmp_path / "joined")
    assert len(open_results(folder).overlap("breast")) == len(runs.overlap("breast")) > 0


def test_changed_facts_are_one_clear_error(copy):
    restated(copy, lambda facts: facts.update(format=5))
    with pytest.raises(InputError, match=r"run\.json: .*format Input should be 7"):
        open_results(copy)
    restated(copy, lambda facts: facts.update(format=7, backnd=facts.pop("backend")))
    with pytest.raises(InputError, match=r"run\.json: .*backnd"):
        open_results(copy)
    text = (copy / "run.json").read_text("utf-8").replace('"used": 60', '"used": 600', 1)
    (copy / "run.json").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=r"run\.json: .*not as it was written"):
        open_results(copy)

"""Reference runs: what is written is read back as it was, and nothing else is written."""

import json
import platform
import shutil
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from croissant_structure import described, problems_of
from finished_study import (
    CHANGES,
    finished_study,
    planned_runs,
    pretrained_files,
    write_images,
)
from tiny_study import side_study, tiny_profile

from rin.errors import InputError
from rin.explain.similarity import mean_cca
from rin.files import read_checksummed_json, sha256_of, to_checksummed_json
from rin.models.backbones import build_backbone
from rin.study import (
    consolidate,
    open_reference,
    open_results,
    open_workspace,
    pretrained,
)
from rin.study.consolidate import dataset_facts, task_facts
from rin.study.plan import plan_study
from rin.study.pretraining import plan_pretraining
from rin.study.probe_study import plan_probe, probe_measurements
from rin.study.profile import Probe
from rin.study.reference import (
    OVERLAP_DECIMALS,
    join_results,
    write_reference,
)
from rin.study.results import write_table

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


SIDE = ["from_random", "repeats", "preprocessing", "resize"]


@pytest.mark.parametrize(
    ("name", "part"), [("main", "busbra"), *((name, "test") for name in ["main", *SIDE])]
)
def test_study_is_read_back_as_it_returns_itself(reference, finished, name, part):
    expected = consolidate(finished).predictions(name, part=part)
    assert set(expected["part"]) == {part}
    pd.testing.assert_frame_equal(reference.predictions(name, "breast", part), expected)
    random = {"random"} if name == "from_random" else set()
    assert set(expected["init"]) == {"radiologic", "photographic"} | random


@pytest.mark.parametrize("name", SIDE)
def test_external_scores_of_side_studies_are_refused_and_not_half_kept(reference, name):
    with pytest.raises(InputError, match="on busbra are kept for the main study only"):
        reference.predictions(name, "breast", "busbra")


@pytest.mark.parametrize("part", ["test", "reversed"])
def test_confounded_tests_and_layers_are_read_back(reference, finished, part):
    expected = consolidate(finished).predictions("confounder", part=part)
    assert set(expected["level"]) == {"tag 0", "tag 100"}
    found = reference.predictions("confounder", "breast", part)
    pd.testing.assert_frame_equal(found, expected)
    alike = reference.table("layer_similarity", task="breast")
    own = consolidate(finished).table("layer_similarity", task="breast")
    pd.testing.assert_frame_equal(alike, own)
    assert set(alike["comparison"]) == {"before", "after", "tuned", "random"}


def test_each_comparison_of_layers_is_of_the_networks_that_it_names(finished):
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
    table = consolidate(finished).table("layer_similarity")
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
    assert sorted(kept.loc[kept["part"] == "test", "run_id"]) == sorted(set(ids))
    of_main = {run.run_id for run in planned_runs(finished) if run.study == "main"}
    assert sorted(kept.loc[kept["part"] == "busbra", "run_id"]) == sorted(of_main)
    assert len(ids) > len(set(ids))
    kept = reference.tables["pretraining"]
    pd.testing.assert_frame_equal(kept, pretrained(finished))


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize(("name", "decimals"), [("overlap", OVERLAP_DECIMALS), ("baselines", 9)])
def test_localisation_is_read_back_as_the_study_returns_it(
    reference, finished, name, decimals, part
):
    own = getattr(consolidate(finished), name)("breast", part)
    kept = getattr(reference, name)("breast", part)
    assert len(kept) > 0
    assert sorted(kept) == sorted(own)
    scores = own.get("score")
    own = own.round(decimals).assign(**({} if scores is None else {"score": scores}))
    own = own[[*kept]].reset_index(drop=True)
    pd.testing.assert_frame_equal(kept, own, check_dtype=False, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("part", PARTS)
def test_cases_come_with_all_that_their_manifests_keep(reference, finished, part):
    expected = consolidate(finished).cases("breast", part)
    kept = reference.cases("breast", part)
    assert list(expected)[:3] == ["case_id", "patient_id", "label"]
    pd.testing.assert_frame_equal(kept, expected, check_like=True)
    assert ({"device", "birads", "histology", "side"} <= set(kept)) == (part == "busbra")


@pytest.fixture
def probed(finished):
    """A study with a probe section, whose two runs left weights that were never trained."""
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
    return study


def test_probe_is_read_back_as_it_was_measured(probed, tmp_path, reference):
    assert "probe" not in reference.tables
    measured = probe_measurements(probed)
    assert {*measured["trained_with"]} == {"caffe", "symmetric"}
    assert {*measured.loc[measured["seen"], "source"]} == {"corpus_radiologic"}
    found = open_results(write_reference(probed, tmp_path))
    pd.testing.assert_frame_equal(found.tables["probe"], measured)


def test_unfinished_probe_is_refused(probed, tmp_path):
    shutil.rmtree(probed.ledger("probe").path(plan_probe(probed)[1].run_id))
    with pytest.raises(InputError, match="1 of 2 runs of the probe are not finished"):
        write_reference(probed, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_facts_tell_how_the_run_came_about(reference, finished):
    facts = reference.facts
    assert facts.task("breast").shared_pictures == {"busbra": 0}
    assert facts.profile == finished.profile
    assert facts.python == platform.python_version()
    assert facts.packages["numpy"] == np.__version__
    n = reference.tables["runs"]["run_id"].nunique()
    assert (facts.work["fine-tuning"].runs, facts.work["fine-tuning"].seconds) == (n, 2.5 * n)
    assert facts.work["pretraining"].seconds == 25
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


def test_reference_run_has_a_description_of_its_files(written):
    assert problems_of(written) == []
    assert "not stated" not in [one["description"] for one in described(written)["recordSet"]]


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


def test_reference_run_is_replaced_only_when_asked(finished, copy):
    before = (copy / "run.json").read_text("utf-8")
    with pytest.raises(InputError, match=r"already.*--replace"):
        write_reference(finished, copy.parent)
    assert (copy / "run.json").read_text("utf-8") == before
    write_reference(finished, copy.parent, replace=True)
    assert open_results(copy).facts.written >= json.loads(before)["written"]
    assert [path.name for path in copy.parent.iterdir()] == ["tiny"]


def test_unfinished_runs_are_refused(finished, tmp_path, images):
    shutil.copytree(finished.results, tmp_path / "tiny")
    workspace = open_workspace(finished.profile, data_root=images, results=tmp_path)
    for path in sorted(workspace.fine_tuning_ledger.folder.iterdir())[:3]:
        (path / "done.json").unlink()
    n = len({run.run_id for run in planned_runs(finished)})
    with pytest.raises(InputError, match=f"3 of {n} runs of fine-tuning are not finished"):
        write_reference(workspace, tmp_path / "runs")
    for path in workspace.weights.folder.iterdir():
        (path / "done.json").unlink()
    with pytest.raises(InputError, match="2 of 2 runs of pretraining are not finished"):
        write_reference(workspace, tmp_path / "runs")
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize(
    ("name", "said"),
    [("busi", r": busi \(stand-in\)"), ("corpus_photographic", r"photographic \(stand-in\)")],
)
def test_study_with_a_stand_in_is_refused_before_anything_is_trained(tmp_path, name, said):
    data_root = write_images(tmp_path, marked=[name])
    workspace = open_workspace(
        tiny_profile(CHANGES), data_root=data_root, results=tmp_path / "results"
    )
    with pytest.raises(InputError, match=said):
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
    profile = tmp_path / "own.yaml"
    profile.write_text(finished.profile.model_dump_json(), encoding="utf-8")
    folders = ["--data-root", images, "--results", finished.results.parent]
    status, out, _ = rin("reference", "write", profile, *folders, "--folder", tmp_path / "r")
    assert status == 0
    assert "bytes" in out
    assert open_results(tmp_path / "r" / "tiny").facts.name == "tiny"


TABLES = ["cases", "runs", "predictions", "overlap", "baselines", "pretraining"]
FILES = ["run.json", *(f"{name}.parquet" for name in TABLES)]


def test_missing_or_other_file_is_named_and_so_is_an_unknown_run(copy, monkeypatch):
    for name in FILES:
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


def changed_facts(copy, change):
    """Write facts that differ, with a seal that fits them."""
    facts = read_checksummed_json(copy / "run.json")
    change(facts)
    (copy / "run.json").write_text(to_checksummed_json(facts), encoding="utf-8")


def forged(copy, name, change):
    """Write a table that differs, with facts that fit it."""
    table = change(pd.read_parquet(copy / name))
    write_table(table, copy / name)
    changed_facts(copy, lambda facts: facts["files"].update({name: sha256_of(copy / name)}))


def computed_twice(table):
    """The rows of a table, and those of another computer whose weights differ in a bit."""
    return pd.concat([table, table.assign(run_id="f" + table["run_id"])])


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("predictions", lambda t: pd.concat([t, t]), "rows repeat a run_id, part, case_id"),
        ("predictions", lambda t: t.drop(columns="score"), r"columns \['score'\] are missing"),
        ("predictions", lambda t: t.assign(label=2), "'label'"),
        ("runs", lambda t: computed_twice(t), "rows repeat a study, level, task"),
        ("pretraining", lambda t: computed_twice(t), "rows repeat a init, backbone, pretraining"),
        ("runs", lambda t: t.drop(columns="pretraining"), "it cannot be read .*pretraining"),
    ],
)
def test_hostile_table_is_one_clear_error(copy, name, change, said):
    forged(copy, f"{name}.parquet", change)
    with pytest.raises(InputError, match=said):
        open_results(copy)


def with_studies(written, folder, *names):
    """Copy a reference run with the runs of some studies alone."""
    copy = shutil.copytree(written, folder)
    forged(copy, "runs.parquet", lambda runs: runs[runs["study"].isin(names)])
    ids = {*pd.read_parquet(copy / "runs.parquet")["run_id"]}
    forged(copy, "predictions.parquet", lambda rows: rows[rows["run_id"].isin(ids)])
    return copy


def test_parts_of_a_study_that_are_joined_are_the_whole(written, reference, tmp_path):
    studies = [*reference.tables["runs"]["study"].unique()]
    first = with_studies(written, tmp_path / "a", *studies[:2])
    second = with_studies(written, tmp_path / "b", *studies[2:])
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
    assert whole.facts.work == reference.facts.work
    assert problems_of(tmp_path / "whole") == []
    with pytest.raises(InputError, match="runs: rows have the study, level, task"):
        join_results(tmp_path / "whole", second)


def other_images(facts):
    facts["tasks"][0]["dataset"]["digest"] = "f" * 64


def other_epochs(facts):
    facts["profile"]["fine_tuning"]["epochs"] = 9


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (other_images, "its images of breast"),
        (lambda facts: facts["corpora"].pop(), "its corpora"),
        (lambda facts: facts.update(backend="jax"), "its backend"),
        (other_epochs, "its fine_tuning"),
    ],
)
def test_results_that_cannot_be_compared_are_not_joined(written, copy, tmp_path, change, said):
    changed_facts(copy, change)
    with pytest.raises(InputError, match=f"differs from .* in {said}"):
        join_results(written, copy, tmp_path / "joined")
    assert not (tmp_path / "joined").exists()


def with_other_ids(table):
    return table.assign(run_id="f" + table["run_id"].astype(str))


def test_runs_that_another_computer_made_anew_are_not_joined(written, copy, tmp_path):
    for name in ("runs", "predictions"):
        forged(copy, f"{name}.parquet", with_other_ids)
    with pytest.raises(InputError, match="runs: rows have the study, level, task"):
        join_results(written, copy, tmp_path / "joined")


#: As `open_added` beside `open`: another pair of networks, two divisions of the images, a study.
SIZED = {
    "cases": {"train": 20, "validation": 8},
    "studies": [{"name": "main", "learning_rates": {"freeze_all": [1e-2]}}],
}
ADDED = {
    "name": "added",
    "folds": 2,
    "pretraining.pretrainings": [5],
    "studies": [
        *SIZED["studies"],
        side_study("bn_statistics", vary={"bn_statistics": ["pretrained", "recomputed"]}),
    ],
}


def test_addition_of_pairs_on_two_folds_is_written_and_joined(images, tmp_path):
    """The joined run has every run of both, and each fold's own test cases."""
    earlier, later = (
        open_results(
            write_reference(
                finished_study(tmp_path / "results", images, SIZED | changes), tmp_path
            )
        )
        for changes in ({}, ADDED)
    )
    whole = open_results(join_results(tmp_path / "tiny", tmp_path / "added"))
    rows = whole.predictions(task="breast").groupby(["pretraining", "fold"])["case_id"].unique()
    assert [*rows.index] == [(1, 0), (5, 0), (5, 1)]
    assert [*rows[1, 0]] == [*rows[5, 0]]
    assert {*rows[1, 0]} != {*rows[5, 1]}
    assert {*whole.cases("breast")["case_id"]} == {*rows[5, 0]} | {*rows[5, 1]}
    factor = whole.predictions("bn_statistics", "breast")
    assert {*factor["level"]} == {"pretrained", "recomputed"}
    assert len(whole.table("runs")) == len(earlier.table("runs")) + len(later.table("runs"))
    assert whole.facts.task("breast").split == later.facts.task("breast").split


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError(28, "No space left on device")])
def test_reference_run_survives_a_replacement_that_is_stopped(finished, copy, monkeypatch, error):
    before, write = (copy / "run.json").read_text("utf-8"), Path.write_text

    def stopped(path, text, *given, **named):
        if path.name == "run.json":
            raise error
        return write(path, text, *given, **named)

    monkeypatch.setattr(Path, "write_text", stopped)
    with pytest.raises((KeyboardInterrupt, InputError)):
        write_reference(finished, copy.parent, replace=True)
    assert [path.name for path in copy.parent.iterdir()] == ["tiny"]
    assert (copy / "run.json").read_text("utf-8") == before
    assert open_results(copy).facts.name == "tiny"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"used": 60', '"used": 600', "not as it was written"),
        ('"backend":', '"backnd":', "backnd"),
    ],
)
def test_changed_facts_are_one_clear_error(copy, old, new, said):
    text = (copy / "run.json").read_text("utf-8").replace(old, new, 1)
    (copy / "run.json").write_text(text, encoding="utf-8")
    if said != "not as it was written":
        record = json.loads(text)
        del record["seal"]
        (copy / "run.json").write_text(to_checksummed_json(record), encoding="utf-8")
    with pytest.raises(InputError, match=rf"run\.json: .*{said}"):
        open_results(copy)

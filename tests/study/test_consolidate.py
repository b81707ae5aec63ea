"""Consolidated results: what finished runs left, in one format, and only what is new is read."""

import shutil
from dataclasses import replace

import pandas as pd
import pytest
from finished_study import CHANGES, finished_study, trained_files
from sklearn.metrics import roc_auc_score
from tiny_study import BOTH, main_study, side_study, tiny_profile

from rin.errors import InputError
from rin.study import consolidate, open_results, open_workspace
from rin.study.consolidate import FOLDER, facts_of_tables
from rin.study.ledger import Ledger
from rin.study.plan import plan_study

INITS = ["random", "radiologic", "photographic"]
STUDIES = {"studies": [main_study(**BOTH), side_study("from_random", inits=INITS, folds=2)]}


pytestmark = pytest.mark.usefixtures("uncounted_manifests")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, uncounted_manifests, images):
    study = finished_study(tmp_path_factory.mktemp("results"), images, STUDIES)
    consolidate(study)
    return study


@pytest.fixture
def study(finished, tmp_path, images):
    """A copy of its own of the finished study, which is consolidated."""
    # With what is known of the images, which would be read again.
    shutil.copytree(finished.results.parent, tmp_path, dirs_exist_ok=True)
    return open_workspace(finished.profile, data_root=images, results=tmp_path)


def again(study):
    """The same study, opened anew."""
    return open_workspace(study.profile, data_root=study.data_root, results=study.results.parent)


@pytest.fixture
def read(monkeypatch):
    """Ids of the runs whose predictions are read into the tables, not those read with maps."""
    ids, tables = [], Ledger.tables

    def noted(ledger, runs, file):
        runs = list(runs)
        if file == "predictions.parquet":
            ids.extend(run_id for run_id, front in runs if [*front] == ["run_id"])
        return tables(ledger, runs, file)

    monkeypatch.setattr(Ledger, "tables", noted)
    return ids


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in folder.iterdir()}


@pytest.mark.parametrize("name", ["main", "from_random"])
def test_folder_of_results_says_what_the_runs_say(study, name):
    results = consolidate(study)
    assert {*results.facts.files} == {f"{table}.parquet" for table in results.tables}
    records = results.records("breast", name).set_index("run_id")
    rows = results.tables["predictions"].astype({"run_id": str}).set_index("run_id")
    planned = plan_study(study, name)
    assert [*records.index] == [run.run_id for run in planned]
    for run in planned:
        kept = study.fine_tuning_ledger.read(run.run_id, "predictions.parquet", pd.read_parquet)
        own = rows.loc[run.run_id].reset_index(drop=True)
        pd.testing.assert_frame_equal(own.astype(str), kept.astype(str))
        record, checked = records.loc[run.run_id], kept[kept["part"] == "validation"]
        assert (record["init"], record["fold"]) == (run.init, run.fold)
        auc = roc_auc_score(checked["label"], checked["score"])
        assert record["validation_auc"] == pytest.approx(auc)


def test_nothing_is_read_or_written_where_all_is_consolidated(study, read):
    shutil.rmtree(study.results / FOLDER)
    consolidate(study)
    assert len(read) == len(set(read)) > 0
    before = times(study.results / FOLDER)
    read.clear()
    consolidate(again(study)).predictions()
    assert not read
    assert times(study.results / FOLDER) == before


def test_a_study_began_with_its_first_pretraining(study):
    tables = dict(consolidate(study).tables)
    for name, day in {"pretraining": "2026-01-01", "runs": "2026-01-02"}.items():
        tables[name] = tables[name].assign(finished=day)
    facts = facts_of_tables(tables)
    assert (facts["first_finished"], facts["last_finished"]) == ("2026-01-01", "2026-01-02")


def test_what_a_manifest_says_anew_is_told(study, monkeypatch):
    told = consolidate(study).facts.task("breast")
    dataset = told.dataset.model_copy(update={"title": "Another title"})
    changed = told.model_copy(update={"dataset": dataset})
    monkeypatch.setitem(consolidate.__globals__, "task_facts", lambda _: changed)
    assert consolidate(study).facts.task("breast").dataset.title == "Another title"
    said = study.profile.model_copy(update={"about": "Said anew."})
    assert consolidate(replace(study, profile=said)).facts.profile.about == "Said anew."


def test_study_counts_only_once_all_of_its_runs_are_finished(study):
    *_, lost = plan_study(study)
    shutil.rmtree(study.fine_tuning_ledger.path(lost.run_id))
    assert {*consolidate(again(study)).tables["runs"]["study"]} == {"from_random"}


def test_run_that_was_trained_again_is_read_again(study):
    first = plan_study(study)[0]
    before = consolidate(study).tables["predictions"]
    shutil.rmtree(study.fine_tuning_ledger.path(first.run_id))

    def write(folder):
        record = trained_files(first, folder)
        path = folder / "predictions.parquet"
        table = pd.read_parquet(path)
        table.assign(score=table["score"] + 1).to_parquet(path, index=False)
        return record | {"seconds": 99.0}

    study.fine_tuning_ledger.commit(first.run_id, first.config, write)
    found = consolidate(again(study))
    expected = before["score"] + (before["run_id"] == first.run_id)
    assert [*found.tables["predictions"]["score"]] == pytest.approx([*expected])
    assert found.records("breast").set_index("run_id")["seconds"][first.run_id] == 99


def test_results_survive_a_consolidation_that_is_stopped(study, monkeypatch):
    (study.results / FOLDER / "cases.parquet").unlink()
    before = times(study.results / FOLDER)

    def stopped(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rin.study.results.write_table", stopped)
    with pytest.raises(InputError, match=r"no results can be kept.*No space left"):
        consolidate(study)
    assert times(study.results / FOLDER) == before
    assert [path.name for path in study.results.glob(f".{FOLDER}*")] == [f".{FOLDER}.lock"]


@pytest.mark.parametrize(("name", "content"), [("cases.parquet", None), ("run.json", "nonsense")])
def test_file_that_was_deleted_or_changed_is_made_again(study, name, content):
    tables = consolidate(study).tables
    path = study.results / FOLDER / name
    path.unlink()
    if content:
        path.write_text(content)
    found = consolidate(study).tables
    assert {*found} == {*tables}
    for each, table in tables.items():
        pd.testing.assert_frame_equal(found[each], table)


def test_what_is_no_longer_planned_goes_with_the_next_whole_consolidation(study):
    profile = tiny_profile(CHANGES | {"studies": [main_study(**BOTH)]})
    fewer = open_workspace(profile, data_root=study.data_root, results=study.results.parent)
    consolidate(fewer)
    left = open_results(study.results / FOLDER)
    assert {*left.tables["runs"]["study"]} == {"main"}
    assert {*left.tables["predictions"]["run_id"]} == {run.run_id for run in plan_study(fewer)}


def test_images_alone_are_told_without_a_finished_run(images, tmp_path):
    workspace = open_workspace(tiny_profile(CHANGES | STUDIES), data_root=images, results=tmp_path)
    results = consolidate(workspace)
    facts = results.facts.task("breast")
    assert (facts.dataset.used, facts.kind, results.tables) == (60, "real", {})

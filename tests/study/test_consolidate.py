"""Consolidated results: what finished runs left, in one format, and only what is new is read."""

import shutil
from types import SimpleNamespace

import pandas as pd
import pytest
from finished_study import (
    CHANGES,
    finished_study,
    trained_files,
)
from sklearn.metrics import roc_auc_score
from tiny_study import side_study, tiny_profile

from rin.errors import InputError
from rin.study import consolidate, open_results, open_workspace
from rin.study.consolidate import FOLDER, facts_of_tables
from rin.study.ledger import Ledger
from rin.study.plan import plan_study

INITS = ["random", "radiologic", "photographic"]
STUDIES = {"studies": [side_study("from_random", inits=INITS, folds=2)]}


pytestmark = pytest.mark.usefixtures("uncounted_manifests")


@pytest.fixture(scope="module")
def finished(tmp_path_factory, uncounted_manifests, images):
    return finished_study(tmp_path_factory.mktemp("results"), images, STUDIES)


@pytest.fixture
def study(finished, tmp_path, images):
    """A copy of its own of the finished study."""
    # With what is known of the images, which would be read again.
    ignore = shutil.ignore_patterns(FOLDER)
    shutil.copytree(finished.results.parent, tmp_path, ignore=ignore, dirs_exist_ok=True)
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


def tables_of(study):
    return open_results(study.results / FOLDER).tables


def test_folder_of_results_says_what_the_runs_say(study):
    runs, results = consolidate(study), consolidate(study)
    opened = open_results(study.results / FOLDER)
    for found in (results, opened):
        for name, task in (("main", "breast"), ("from_random", "breast")):
            expected = runs.predictions(name, task)
            pd.testing.assert_frame_equal(found.predictions(name, task), expected)
            pd.testing.assert_frame_equal(found.records(task, name), runs.records(task, name))
        assert found.facts.task("breast") == runs.facts.task("breast")
    assert {*opened.facts.files} == {f"{name}.parquet" for name in opened.tables}
    with pytest.raises(InputError, match="no results of thyroid in the study main"):
        opened.predictions("main", "thyroid")


def test_nothing_is_read_or_written_where_all_is_consolidated(study, read):
    consolidate(study)
    assert len(read) == len(set(read)) > 0
    before = times(study.results / FOLDER)
    read.clear()
    consolidate(again(study))
    consolidate(again(study)).predictions()
    assert not read
    assert times(study.results / FOLDER) == before


def test_a_study_began_with_its_first_pretraining(study):
    tables = dict(consolidate(study).tables)
    for name, day in {"pretraining": "2026-01-01", "runs": "2026-01-02"}.items():
        tables[name] = tables[name].assign(finished=day)
    facts = facts_of_tables(tables)
    assert (facts["first_finished"], facts["last_finished"]) == ("2026-01-01", "2026-01-02")


def test_what_a_manifest_says_anew_is_told_and_runs_say_when_they_were(study, monkeypatch):
    before = consolidate(study)
    told = before.facts.task("breast")
    dataset = told.dataset.model_copy(update={"title": "Another title"})
    changed = told.model_copy(update={"dataset": dataset})
    monkeypatch.setitem(consolidate.__globals__, "task_facts", lambda _: changed)
    assert consolidate(again(study)).facts.task("breast").dataset.title == "Another title"


def test_study_counts_once_all_of_its_runs_are_finished(study):
    whole = consolidate(study).predictions("main", "breast")
    *_, lost = plan_study(study)
    folder = study.fine_tuning_ledger.path(lost.run_id)
    shutil.move(folder, study.results / "aside")
    assert {*consolidate(again(study)).tables["runs"]["study"]} == {"from_random"}
    shutil.move(study.results / "aside", folder)
    pd.testing.assert_frame_equal(consolidate(again(study)).predictions("main", "breast"), whole)


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

    with pytest.MonkeyPatch.context() as patch:
        later = pd.Timestamp.now("UTC") + pd.Timedelta(hours=1)
        patch.setattr("rin.study.ledger.datetime", SimpleNamespace(now=lambda _: later))
        study.fine_tuning_ledger.commit(first.run_id, first.config, write)
    found = consolidate(again(study))
    keys = ["run_id", "part", "case_id"]
    both = found.tables["predictions"].merge(before, on=keys, suffixes=("", "_before"))
    moved = (both["score"] - both["score_before"]).groupby(both["run_id"].astype(str)).mean()
    assert moved[first.run_id] == pytest.approx(1)
    assert moved.drop(first.run_id).eq(0).all()
    assert found.records("breast").set_index("run_id")["seconds"][first.run_id] == 99


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(KeyboardInterrupt, marks=pytest.mark.slow),
        OSError(28, "No space left on device"),
    ],
)
def test_results_survive_a_consolidation_that_is_stopped(study, monkeypatch, error):
    consolidate(study)
    (study.results / FOLDER / "cases.parquet").unlink()
    before = times(study.results / FOLDER)

    def stopped(*_, **__):
        raise error

    monkeypatch.setattr("rin.study.results.write_table", stopped)
    with pytest.raises((KeyboardInterrupt, InputError)):
        consolidate(study)
    assert times(study.results / FOLDER) == before
    assert [path.name for path in study.results.glob(f".{FOLDER}*")] == [f".{FOLDER}.lock"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("cases.parquet", None),
        ("run.json", b"nonsense"),
        pytest.param("cases.parquet", b"nonsense", marks=pytest.mark.slow),
        pytest.param("run.json", None, marks=pytest.mark.slow),
    ],
)
def test_file_that_was_deleted_or_changed_is_made_again(study, name, content):
    tables = consolidate(study).tables
    path = study.results / FOLDER / name
    path.unlink()
    if content:
        path.write_bytes(content)
    found = consolidate(again(study)).tables
    assert {*found} == {*tables}
    for each, table in tables.items():
        pd.testing.assert_frame_equal(found[each], table)


def test_what_is_no_longer_planned_goes_with_the_next_whole_consolidation(study):
    consolidate(study)
    profile = tiny_profile(CHANGES | {"studies": []})
    fewer = open_workspace(profile, data_root=study.data_root, results=study.results.parent)
    consolidate(fewer)
    left = open_results(study.results / FOLDER)
    assert {*left.tables["runs"]["study"]} == {"main"}
    assert {*left.tables["predictions"]["run_id"]} == {run.run_id for run in plan_study(fewer)}


def test_images_alone_are_told_without_a_finished_run(images, tmp_path):
    workspace = open_workspace(tiny_profile(CHANGES | STUDIES), data_root=images, results=tmp_path)
    facts = consolidate(workspace).facts.task("breast")
    assert (facts.dataset.used, facts.kind) == (60, "real")
    assert consolidate(workspace).tables == {}


def test_validation_scores_are_of_the_validation_part(study):
    runs = consolidate(study).tables["runs"].drop_duplicates("run_id").set_index("run_id")
    for run_id in runs.index[:3]:
        scores = study.fine_tuning_ledger.read(run_id, "predictions.parquet", pd.read_parquet)
        part = scores[scores["part"] == "validation"]
        expected = roc_auc_score(part["label"], part["score"])
        assert runs.loc[run_id, "validation_auc"] == pytest.approx(expected)

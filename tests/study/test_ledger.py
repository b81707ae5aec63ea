import errno
import json
import random
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace

import pandas as pd
import pytest
from pool_jobs import FILES, body, commit_runs, runs

from rin.errors import InputError
from rin.study.ledger import Ledger, commit_at_work, digest_of, other_code_remark
from rin.training.identity import code_digest


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "runs")


def note(text):
    """Return what writes a run of one file."""

    def write(folder):
        (folder / "note.txt").write_text(text)
        return {"note": text}

    return write


def planned(letters):
    return [SimpleNamespace(run_id=letter * 16) for letter in letters]


def visible(ledger):
    return sorted(path.name for path in ledger.folder.iterdir())


def test_ledger_round_trip_keeps_config_record_and_files(ledger):
    config = {"é\n": [0.1, -1e300, 2**70, None, True], "": {"\ud800": ["'\"\\", {}]}}
    run_id = digest_of(config)
    ledger.commit(run_id, config, lambda folder: note("kept")(folder) | {"made": config})
    assert visible(ledger) == [run_id]
    assert ledger.has(run_id)
    assert json.loads((ledger.path(run_id) / "config.json").read_text()) == config
    assert ledger.done_record(run_id)["made"] == config
    assert (ledger.path(run_id) / "note.txt").read_text() == "kept"


def test_digest_of_literal_config_never_changes():
    # Finished runs are found by it: computed with sha256sum of {"a":1,"b":[0.001,"x"]}.
    for config in ({"a": 1, "b": [0.001, "x"]}, {"b": [0.001, "x"], "a": 1}):
        assert digest_of(config) == "536c3757d7ca4595"


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (KeyboardInterrupt("stopped"), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "no space"), InputError),
        (RuntimeError("h5py cannot flush"), InputError),
    ],
)
def test_commit_when_writing_fails_leaves_nothing_and_keeps_earlier_runs(ledger, raised, seen):
    ledger.commit("a" * 16, {}, note("first"))

    def half(folder):
        (folder / "note.txt").write_text("half")
        raise raised

    with pytest.raises(seen, match=raised.args[-1]) as caught:
        ledger.commit("b" * 16, {}, half)
    assert getattr(caught.value, "where", None) in (None, str(ledger.folder))
    assert visible(ledger) == ["a" * 16]
    assert ledger.done_record("a" * 16)["note"] == "first"


def test_run_that_two_claim_at_once_is_made_by_one_of_them(ledger):
    meet = threading.Barrier(2, timeout=20)

    def work(text):
        meet.wait()
        with ledger.claim("a" * 16) as unfinished:
            if unfinished:
                ledger.commit("a" * 16, {}, note(text))
        return unfinished

    with ThreadPoolExecutor(2) as pool:
        made = dict(zip(("left", "right"), pool.map(work, ("left", "right")), strict=True))
    assert visible(ledger) == [".work", "a" * 16]
    (maker,) = [text for text, unfinished in made.items() if unfinished]
    assert (ledger.path("a" * 16) / "note.txt").read_text() == maker


def test_missing_names_files_of_finished_runs_that_were_deleted_or_cut_off(ledger):
    runs = planned("abc")
    for run in runs[:2]:
        ledger.commit(run.run_id, {}, note("whole"))
    assert ledger.missing_runs(runs) == runs[2:]
    (ledger.path("a" * 16) / "note.txt").unlink()
    (ledger.path("b" * 16) / "note.txt").write_bytes(b"half")
    with pytest.raises(InputError, match="2 files of finished runs are missing") as raised:
        ledger.missing_runs(runs)
    for run in runs[:2]:
        assert f"{run.run_id}/note.txt" in raised.value.problem
    assert "only these runs are redone" in raised.value.remedy


def test_finished_runs_of_code_that_is_not_known_to_train_alike_are_told_by_its_digest(
    ledger, monkeypatch
):
    monkeypatch.setattr("rin.study.ledger.trains_alike", lambda digest: digest == "today")
    runs = planned("abcde")
    records = [{"code": "today"}, {"code": "other"}, {"code": "other"}, {}]
    for run, record in zip(runs, records, strict=False):
        ledger.commit(run.run_id, {}, lambda _, record=record: record)
    others = ledger.other_code_digests(runs)
    assert others == {"b" * 16: "other", "c" * 16: "other", "d" * 16: None}
    assert other_code_remark(others.values(), 4) == (
        "3 of 4 finished runs by other code, which was not shown to train alike "
        "(not recorded: 1, other: 2)"
    )


def test_runs_of_other_code_that_are_set_aside_no_longer_count_and_are_kept(ledger):
    run, of_today = runs = planned("ab")
    ledger.commit(of_today.run_id, {}, lambda _: {"code": code_digest()})
    for text in ("first", "second"):
        ledger.commit(run.run_id, {}, note(text))
        ledger.set_aside_of_other_code(runs)
        assert ledger.missing_runs(runs) == [run]
    kept = sorted(path.read_text() for path in ledger.folder.glob(".set_aside/*/note.txt"))
    assert kept == ["first", "second"]


def test_run_that_cannot_be_set_aside_is_named(ledger):
    ledger.commit("a" * 16, {}, note("kept"))
    (ledger.folder / ".set_aside").write_text("a file")
    with pytest.raises(InputError, match=r"a run cannot be set aside.*writable results folder"):
        ledger.set_aside_of_other_code(planned("a"))
    assert ledger.has("a" * 16)


def test_commit_at_work_has_a_plus_where_code_or_manifests_were_edited(tmp_path, monkeypatch):
    monkeypatch.setattr("rin.study.ledger.REPOSITORY", tmp_path)
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path / "data_manifests"))

    def git(*command):
        person = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", *person, *command], cwd=tmp_path, stdout=-1, check=True)
        return done.stdout.decode().strip()

    def stated(*edited):
        for name in edited:
            (tmp_path / name).parent.mkdir(exist_ok=True)
            with (tmp_path / name).open("a") as file:
                file.write("edited")
        commit_at_work.cache_clear()
        return commit_at_work()

    names = "rin/__init__.py", "data_manifests/busi.yaml"
    git("init")
    git("commit", "--allow-empty", "-m", "A checkout where the package is only installed")
    assert stated("notes.txt", *names) is None
    git("add", ".")
    git("commit", "-m", "All")
    commit = git("rev-parse", "HEAD")
    assert stated("notes.txt") == commit
    for name in (*names, "rin/new.py"):
        assert stated(name) == f"{commit}+"
        git("stash", "-u")
    commit_at_work.cache_clear()


def test_tables_of_runs_stand_below_one_another_behind_their_names(ledger):
    for number in (1, 2, 3):
        table = pd.DataFrame({"score": range(number)})
        ledger.commit(f"{number:016}", {}, lambda f, t=table: t.to_parquet(f / "t.parquet") or {})
    wanted = [(f"{number:016}", {"run": number}) for number in (2, 1, 3)]
    table = ledger.tables(wanted, "t.parquet")
    assert table.to_dict("list") == {"run": [2, 2, 1, 3, 3, 3], "score": [0, 1, 0, 0, 1, 2]}
    assert ledger.tables([], "t.parquet").empty


def test_work_folder_is_kept_until_its_run_is_committed(ledger):
    first, second = planned("ab")
    for run in (first, second):
        ledger.work(run.run_id).mkdir(parents=True)
        (ledger.work(run.run_id) / "checkpoint").write_text("half")
    assert not ledger.has(first.run_id)
    with ledger.claim(first.run_id):
        ledger.commit(first.run_id, {}, note("whole"))
    assert not ledger.work(first.run_id).exists()
    assert (ledger.work(second.run_id) / "checkpoint").read_text() == "half"


@pytest.mark.slow
def test_commit_when_killed_again_and_again_shows_whole_runs_only(tmp_path):
    count, draws = 400, random.Random(7)
    context = get_context("forkserver")
    context.set_forkserver_preload(["pool_jobs"])
    ledger, kills = Ledger(tmp_path / "runs"), 0
    while kills < 20 and ledger.count(runs(count)) < count:
        writer = context.Process(target=commit_runs, args=(ledger.folder, count))
        writer.start()
        writer.join(draws.uniform(0.005, 0.06))
        writer.kill()
        writer.join()
        kills += writer.exitcode == -9
        check_whole(ledger)
    assert kills >= 10
    commit_runs(ledger.folder, count)
    assert len([*ledger.folder.glob("[!.]*")]) == count
    check_whole(ledger)


def check_whole(ledger):
    for folder in ledger.folder.glob("[!.]*"):
        assert ledger.has(folder.name)
        assert {(folder / name).read_bytes() for name in FILES} == {body(folder.name)}

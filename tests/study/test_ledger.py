import errno
import json
import random
import subprocess
import threading
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pool_jobs import body, commit_runs, runs

from rin.errors import InputError
from rin.study.ledger import Ledger, commit_at_work, digest_of, other_code_remark
from rin.training.identity import code_digest

slow_machine = settings(suppress_health_check=[HealthCheck.too_slow], deadline=None)
values = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
)
nested = st.recursive(
    values | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
configs = st.dictionaries(st.text(), nested, min_size=1, max_size=5)


@pytest.fixture
def ledger(tmp_path):
    return Ledger(tmp_path / "runs")


def nothing(_folder):
    return {}


def note(text):
    def write(folder):
        (folder / "note.txt").write_text(text)
        return {"note": text}

    return write


def visible(ledger):
    return sorted(path.name for path in ledger.folder.iterdir())


@slow_machine
@given(config=configs)
def test_ledger_round_trip_keeps_config_record_and_files(tmp_path_factory, config):
    ledger = Ledger(tmp_path_factory.mktemp("ledger") / "runs")
    ledger.commit(
        digest_of(config), config, lambda folder: note("kept")(folder) | {"made": config}
    )
    (run_id,) = visible(ledger)
    assert run_id == digest_of(config)
    assert ledger.has(run_id)
    assert json.loads((ledger.path(run_id) / "config.json").read_text()) == config
    assert ledger.done(run_id)["made"] == config
    assert (ledger.path(run_id) / "note.txt").read_text() == "kept"


@slow_machine
@given(config=configs, other=nested, data=st.data())
def test_digest_of_when_any_value_differs_is_another(config, other, data):
    key = data.draw(st.sampled_from(sorted(config)))
    same = json.dumps(config[key], sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (digest_of(config | {key: other}) == digest_of(config)) is same


def test_digest_of_literal_config_never_changes():
    # Finished runs are found by it: computed with sha256sum of {"a":1,"b":[0.001,"x"]}.
    for config in ({"a": 1, "b": [0.001, "x"]}, {"b": [0.001, "x"], "a": 1}):
        assert digest_of(config) == "536c3757d7ca4595"


@pytest.mark.parametrize(
    ("raised", "seen"),
    [
        (KeyboardInterrupt("stopped"), KeyboardInterrupt),
        (OSError(errno.ENOSPC, "no space"), InputError),
        (OSError(errno.EROFS, "read-only"), InputError),
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
    assert ledger.done("a" * 16)["note"] == "first"


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


def write_files(folder):
    pd.DataFrame({"score": [0.25, 0.5]}).to_parquet(folder / "table.parquet")
    np.save(folder / "maps.npy", np.arange(400.0))
    return {}


def test_missing_names_files_of_finished_runs_that_were_deleted_or_cut_off(ledger):
    planned = [SimpleNamespace(run_id=letter * 16) for letter in "abc"]
    for run in planned[:2]:
        ledger.commit(run.run_id, {}, write_files)
    assert ledger.missing(planned) == planned[2:]
    (ledger.path("a" * 16) / "table.parquet").unlink()
    (ledger.path("b" * 16) / "maps.npy").write_bytes(b"half")
    with pytest.raises(InputError, match="2 files of finished runs are missing") as raised:
        ledger.missing(planned)
    for name in (f"{'a' * 16}/table.parquet", f"{'b' * 16}/maps.npy"):
        assert name in raised.value.problem
    assert "only these runs are redone" in raised.value.remedy


def test_finished_runs_of_code_that_is_not_known_to_train_alike_are_told_by_its_digest(
    ledger, monkeypatch
):
    monkeypatch.setattr("rin.study.ledger.trains_alike", lambda digest: digest == "today")
    planned = [SimpleNamespace(run_id=letter * 16) for letter in "abcde"]
    records = [{"code": "today"}, {"code": "other"}, {"code": "other"}, {}]
    for run, record in zip(planned, records, strict=False):
        ledger.commit(run.run_id, {}, lambda _, record=record: record)
    ids = [run.run_id for run in planned]
    others = ledger.of_other_code(planned)
    assert others == {ids[1]: "other", ids[2]: "other", ids[3]: None}
    assert other_code_remark(others.values(), 4) == (
        "3 of 4 finished runs by other code, which was not shown to train alike "
        "(not recorded: 1, other: 2)"
    )
    assert ledger.of_other_code(planned[:1]) == {}


def test_runs_of_other_code_that_are_set_aside_no_longer_count_and_are_kept(ledger):
    run, of_today = (SimpleNamespace(run_id=letter * 16) for letter in "ab")
    ledger.commit(of_today.run_id, {}, lambda _: {"code": code_digest()})
    for text in ("first", "second"):
        ledger.commit(run.run_id, {}, note(text))
        ledger.set_aside_of_other_code([run, of_today])
        assert ledger.missing([run, of_today]) == [run]
    kept = sorted(path.read_text() for path in ledger.folder.glob(".set_aside/*/note.txt"))
    assert kept == ["first", "second"]


def test_run_that_cannot_be_set_aside_is_named(ledger):
    run = SimpleNamespace(run_id="a" * 16)
    ledger.commit(run.run_id, {}, note("kept"))
    (ledger.folder / ".set_aside").write_text("a file")
    with pytest.raises(InputError, match=r"a run cannot be set aside.*writable results folder"):
        ledger.set_aside_of_other_code([run])
    assert ledger.has(run.run_id)


def test_commit_at_work_has_a_plus_where_code_or_manifests_were_edited(tmp_path, monkeypatch):
    monkeypatch.setattr("rin.study.ledger.REPOSITORY", tmp_path)
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path / "data_manifests"))
    for name in ("rin/__init__.py", "data_manifests/busi.yaml", "notes.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("as it was")

    def git(*command):
        person = ["-c", "user.name=A", "-c", "user.email=a@example.org"]
        done = subprocess.run(["git", *person, *command], cwd=tmp_path, stdout=-1, check=True)
        return done.stdout.decode().strip()

    def stated():
        commit_at_work.cache_clear()
        return commit_at_work()

    git("init")
    git("add", "notes.txt")
    git("commit", "-m", "Somebody else's checkout, where the package is only installed")
    assert stated() is None
    git("add", ".")
    git("commit", "-m", "All")
    commit = git("rev-parse", "HEAD")
    (tmp_path / "notes.txt").write_text("edited")
    assert stated() == commit
    for name in ("rin/__init__.py", "data_manifests/busi.yaml", "rin/new.py"):
        (tmp_path / name).write_text("edited")
        assert stated() == f"{commit}+"
        git("stash", "-u")
    commit_at_work.cache_clear()


def test_tables_of_runs_stand_below_one_another_behind_their_names(ledger):
    for number in (1, 2, 3):

        def write(folder, scores=tuple(range(number))):
            pd.DataFrame({"score": scores}).to_parquet(folder / "table.parquet")
            return {}

        ledger.commit(f"{number:016}", {}, write)
    wanted = [(f"{number:016}", {"run": number}) for number in (2, 1, 3)]
    table = ledger.tables(wanted, "table.parquet")
    assert table.to_dict("list") == {"run": [2, 2, 1, 3, 3, 3], "score": [0, 1, 0, 0, 1, 2]}
    assert ledger.tables([], "table.parquet").empty


def test_work_folder_is_kept_until_its_run_is_committed(ledger):
    for run_id in ("a" * 16, "b" * 16):
        (ledger.open_work(run_id) / "checkpoint").write_text("half")
    assert not ledger.has("a" * 16)
    with ledger.claim("a" * 16):
        ledger.commit("a" * 16, {}, nothing)
    assert not ledger.work("a" * 16).exists()
    assert (ledger.work("b" * 16) / "checkpoint").read_text() == "half"
    with ledger.claim("b" * 16):
        ledger.commit("b" * 16, {}, nothing)
    assert visible(ledger) == [".work", "a" * 16, "b" * 16]
    assert not any((ledger.folder / ".work").iterdir())


@pytest.mark.slow
def test_commit_when_killed_again_and_again_shows_whole_runs_only(tmp_path):
    count, draws = 400, random.Random(7)
    context = get_context("forkserver")
    context.set_forkserver_preload(["pool_jobs"])
    ledger, kills = Ledger(tmp_path / "runs"), 0
    planned = [SimpleNamespace(run_id=run_id) for run_id in runs(count)]
    while kills < 20 and ledger.count(planned) < count:
        writer = context.Process(target=commit_runs, args=(ledger.folder, count))
        writer.start()
        writer.join(draws.uniform(0.005, 0.06))
        writer.kill()
        writer.join()
        kills += writer.exitcode == -9
        check_whole(ledger)
    assert kills >= 10
    commit_runs(ledger.folder, count)
    assert [name for name in visible(ledger) if not name.startswith(".")] == list(runs(count))
    check_whole(ledger)


def check_whole(ledger):
    if not ledger.folder.exists():
        return
    for run_id in (name for name in visible(ledger) if not name.startswith(".")):
        number = ledger.done(run_id)["number"]
        assert {n: (ledger.path(run_id) / n).read_bytes() for n in body(number)} == body(number)


@pytest.mark.parametrize(
    ("reader", "name"),
    [
        (pd.read_parquet, "table.parquet"),
        (np.load, "maps.npy"),
        (lambda path: json.loads(path.read_text()), "done.json"),
    ],
)
def test_read_when_truncated_names_the_file(ledger, reader, name):
    ledger.commit("a" * 16, {}, write_files)
    path = ledger.path("a" * 16) / name
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(InputError, match="Delete the run's folder") as caught:
        ledger.read("a" * 16, name, reader)
    assert caught.value.where == str(path)

"""Jobs through submitit, here as subprocesses; workers with a GPU each; Ctrl-C."""

import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path

import pytest
from pool_jobs import Beats, beat, die, fail, note_company, note_device
from tiny_study import records, start_program, write_profile

from rin.errors import InputError
from rin.study import executors, open_workspace
from rin.study.executors import one_bar, run_with_bar
from rin.study.ledger import Ledger
from rin.study.profile import Execution

HERE = Path(__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": os.pathsep.join([str(HERE.parents[1]), str(HERE)])}


@pytest.fixture
def local(tmp_path, monkeypatch):
    """Drives jobs of one function as subprocesses of submitit, two at a time."""
    pytest.importorskip("submitit")
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])

    def call(work, jobs):
        execution = Execution(executor="local", workers=2, slurm={"timeout_min": 5})
        calls = [partial(work, *job) for job in jobs]
        run_with_bar(execution, calls, Ledger(tmp_path / "study" / "runs"), [], "Trying")

    return call


@pytest.mark.slow
def test_jobs_of_submitit_have_processes_of_their_own_as_many_at_once_as_workers(local, tmp_path):
    local(note_company, [(tmp_path, name) for name in "abc"])
    noted = [path.read_text().split() for path in sorted(tmp_path.glob("?"))]
    assert len({process for _, process in noted} | {str(os.getpid())}) == 4
    assert {at_work for at_work, _ in noted} <= {"1", "2"}
    assert list((tmp_path / "study" / "jobs").glob("*.err"))


@pytest.mark.slow
def test_failed_job_comes_back_as_its_error_after_the_others_ended(local, tmp_path):
    with pytest.raises(InputError, match="no first"):
        local(fail, [(Path("first"),)])


@pytest.mark.slow
def test_job_that_died_names_its_log_and_its_last_lines(local, tmp_path):
    with pytest.raises(
        InputError, match=r"the job .* failed .*its log ends: .*last words"
    ) as seen:
        local(die, [(tmp_path,)])
    assert Path(seen.value.where).is_file()
    assert "the same command" in seen.value.remedy


@pytest.mark.slow
@pytest.mark.parametrize(
    ("devices", "taken"), [("3,5", {"3 whole", "5 whole"}), ("3", {"3"})], ids=["own", "shared"]
)
def test_workers_have_a_gpu_each_and_see_no_other_or_share_its_memory(
    devices, taken, tmp_path, monkeypatch
):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", devices)  # not there: the CPU stands in
    monkeypatch.delenv("XLA_PYTHON_CLIENT_PREALLOCATE", raising=False)
    jobs = [partial(note_device, tmp_path, str(k)) for k in range(6)]
    run_with_bar(Execution(workers=2), jobs, Ledger(tmp_path / "runs"), [], "Trying")
    seen = {path.read_text() for path in tmp_path.glob("?")}
    assert seen == taken


def start_beating(folder, workers, executor, work="beat", **options):
    program = [sys.executable, "-B", HERE / "pool_jobs.py", folder, "interrupt"]
    return subprocess.Popen([*program, str(workers), executor, work], env=ENVIRONMENT, **options)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "executor"), [(2, "processes"), (0, "processes"), (2, "local")]
)
def test_interrupt_says_what_is_kept_and_leaves_no_worker(tmp_path, workers, executor):
    # A session of its own, all of which hears Ctrl-C, as in a terminal.
    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    started = start_beating(tmp_path, workers, executor, **options)
    beats = Beats(tmp_path)
    beats.wait_for(max(1, workers))
    os.killpg(started.pid, signal.SIGINT)
    _, told = started.communicate(timeout=60)
    assert started.returncode == 130
    assert "stopped. Finished runs" in told
    assert "same command" in told
    assert "Traceback" not in told
    assert not beats.going_on()


@pytest.mark.slow
@pytest.mark.parametrize("executor", ["processes", pytest.param("chunks", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "moment",
    [0.15, *(pytest.param(moment, marks=pytest.mark.slow) for moment in (0.05, 0.3))],
)
def test_interrupt_while_workers_start_shows_no_traceback_of_theirs(tmp_path, executor, moment):
    options = {"stderr": subprocess.PIPE, "text": True, "start_new_session": True}
    started = start_beating(tmp_path, 2, executor, **options)
    children = Path(f"/proc/{started.pid}/task/{started.pid}/children")
    while len(children.read_text().split()) < 2:  # a worker, beside what counts semaphores
        time.sleep(0.01)
    time.sleep(moment)
    os.killpg(started.pid, signal.SIGINT)
    _, told = started.communicate(timeout=20)
    assert started.returncode == 130
    assert "Traceback" not in told


@pytest.mark.slow
def test_interrupt_that_a_finaliser_swallows_stops_all_the_same_and_shows_no_traceback(tmp_path):
    options = {"stderr": subprocess.PIPE, "text": True}
    started = start_beating(tmp_path, 0, "processes", "beat_after_dying", **options)
    _, told = started.communicate(timeout=60)
    assert not Beats(tmp_path).sizes()
    assert started.returncode == 130
    assert "stopped. Finished runs" in told
    assert "Traceback" not in told


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """A Slurm in whose queue four jobs wait for one reason until they are cancelled."""
    pytest.importorskip("submitit")
    monkeypatch.setattr(executors, "LOOK_EVERY", 0.1)
    programs, cancelled = tmp_path / "bin", tmp_path / "cancelled"
    programs.mkdir()

    def fill(reason):
        rows = f"for k in 0 1 2 3; do echo 42_$k'|42_'$k'|PD|{reason}'; done"
        texts = {
            "sbatch": f"touch '{tmp_path}/submitted'; echo Submitted batch job 42",
            "squeue": f"[ -e '{cancelled}' ] || {rows}",
            "scancel": f"echo $* >> '{cancelled}'",
            "sinfo": "echo up",
            "srun": "exit 1",  # submitit looks for it, and nothing of these jobs runs it
        }
        for name, text in texts.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
        return cancelled

    return fill


def wait_in_queue(folder):
    jobs = [partial(beat, folder / f"beat-{k}") for k in range(4)]
    asked = Execution(executor="slurm", slurm={"timeout_min": 5, "partition": "small"})
    run_with_bar(asked, jobs, Ledger(folder / "study" / "runs"), [], "Waiting")


def test_reasons_of_the_queue_are_said_as_it_prints_them_and_ctrl_c_cancels(queue, tmp_path):
    cancelled = queue("Nodes required for job are DOWN, DRAINED or reserved")
    said = []

    def stop():
        deadline = time.monotonic() + 60
        while not bar.postfix and time.monotonic() < deadline:
            time.sleep(0.1)
        said.append((bar.postfix, cancelled.exists()))
        os.kill(os.getpid(), signal.SIGINT)

    with one_bar(4) as bar:
        threading.Thread(target=stop, daemon=True).start()
        with pytest.raises(KeyboardInterrupt):
            wait_in_queue(tmp_path)
    reason = "Nodes required for job are DOWN, DRAINED or reserved"
    assert said == [(f"4 × {reason}", False)]
    assert cancelled.read_text() == "42\n"


@pytest.mark.parametrize(
    ("number", "status"),
    [
        (signal.SIGTERM, 143),
        pytest.param(signal.SIGINT, 130, marks=pytest.mark.slow),
        pytest.param(signal.SIGHUP, 129, marks=pytest.mark.slow),
    ],
)
def test_signal_that_stops_the_command_cancels_its_jobs_in_the_queue(
    queue, tmp_path, number, status
):
    cancelled = queue("Resources")
    environment = ENVIRONMENT | {"PATH": os.environ["PATH"]}
    program = [sys.executable, "-B", HERE / "pool_jobs.py", tmp_path, "interrupt", "0", "slurm"]
    options = {"stderr": subprocess.PIPE, "text": True, "env": environment}
    started = subprocess.Popen(program, **options)
    deadline = time.monotonic() + 60
    while not (tmp_path / "submitted").exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    started.send_signal(number)
    _, told = started.communicate(timeout=20)
    assert (started.returncode, cancelled.read_text()) == (status, "42\n")
    assert "stopped. Finished runs" in told
    assert "Traceback" not in told


@pytest.mark.slow
def test_nohup_is_heeded(queue, tmp_path):
    queue("Resources")
    program = ["nohup", sys.executable, "-B", HERE / "pool_jobs.py", tmp_path, "interrupt"]
    environment = ENVIRONMENT | {"PATH": os.environ["PATH"]}
    options = {"stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "env": environment}
    started = subprocess.Popen([*program, "0", "slurm"], **options)
    while not (tmp_path / "submitted").exists():
        time.sleep(0.01)
    started.send_signal(signal.SIGHUP)
    time.sleep(1)
    assert started.poll() is None
    started.terminate()
    assert started.wait(20) == 143


@pytest.mark.slow
def test_jobs_of_submitit_end_with_a_driver_that_is_killed(tmp_path):
    driver = start_beating(tmp_path, 2, "local", stderr=subprocess.DEVNULL)
    beats = Beats(tmp_path)
    beats.wait_for(2)
    driver.kill()
    driver.wait()
    time.sleep(1)
    assert not beats.going_on()


@pytest.mark.slow
def test_workers_end_soon_after_a_parent_that_was_killed_while_they_start(tmp_path):
    program = [sys.executable, "-B", HERE / "pool_jobs.py", tmp_path, "stuck"]
    parent = subprocess.Popen(program, env=ENVIRONMENT, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (tmp_path / "stuck").exists():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    worker = int((tmp_path / "stuck").read_text())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 5
    while Path(f"/proc/{worker}").exists() and "\nState:\tZ" not in Path(
        f"/proc/{worker}/status"
    ).read_text(errors="replace"):
        assert time.monotonic() < deadline, "a worker outlives its parent"
        time.sleep(0.1)


@pytest.mark.slow
def test_study_through_jobs_is_byte_identical_to_one_in_this_process(tmp_path):
    studies = []
    for name in ("processes", "local"):
        folder = tmp_path / name
        folder.mkdir()
        changes = {"execution": {"executor": name, "threads": 1, "workers": 2 * (name == "local")}}
        profile = write_profile(folder / "tiny.yaml", changes)
        assert start_program(profile, folder, "small").wait() == 0
        studies.append(open_workspace(profile, results=folder))
    one, other = studies
    assert records(one.fine_tuning_ledger).keys() == records(other.fine_tuning_ledger).keys()
    for name in records(one.fine_tuning_ledger):
        if not name.endswith("done.json"):
            same = (one.fine_tuning_ledger.folder / name).read_bytes() == (
                other.fine_tuning_ledger.folder / name
            ).read_bytes()
            assert same, name

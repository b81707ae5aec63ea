"""Jobs of a cluster, whose programs are shell scripts here; workers with a GPU each; Ctrl-C."""

import os
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest
from pool_jobs import beat, beats, die, fail, note_device, touch, wait_until
from tiny_study import ENVIRONMENT, HERE

from rin.study import executors
from rin.study.executors import run_with_bar
from rin.study.ledger import Ledger
from rin.study.profile import Execution


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


def start(folder, what, *options, **environment):
    program = [sys.executable, "-B", HERE / "pool_jobs.py", folder, what, *options]
    return subprocess.Popen(
        program,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT | environment,
        start_new_session=True,
    )


def check_end(started, status):
    """Wait for the end of a stopped command, which says what is kept."""
    _, told = started.communicate(timeout=60)
    assert started.returncode == status
    assert "stopped. Finished runs" in told
    assert "same command" in told
    assert "Traceback" not in told


@pytest.mark.slow
@pytest.mark.parametrize("workers", [2, 0])
def test_interrupt_says_what_is_kept_and_leaves_no_worker(tmp_path, workers):
    # A session of its own, all of which hears Ctrl-C, as in a terminal.
    started = start(tmp_path, "interruptible", str(workers), "processes")
    wait_until(lambda: len(beats(tmp_path)) >= max(1, workers))
    os.killpg(started.pid, signal.SIGINT)
    check_end(started, 130)
    left = beats(tmp_path)
    time.sleep(0.5)
    assert beats(tmp_path) == left


@pytest.fixture
def slurm(tmp_path, monkeypatch):
    """Let shell scripts stand in for the programs of Slurm, two of them of a test's own."""
    pytest.importorskip("submitit")
    monkeypatch.setattr(executors, "LOOK_EVERY", 0.1)
    monkeypatch.setattr(executors, "SLOW_FILES", 0.1)
    monkeypatch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
    programs, cancelled = tmp_path / "bin", tmp_path / "cancelled"
    programs.mkdir()

    def install(sbatch, squeue):
        texts = {
            "sbatch": f"{sbatch}\necho Submitted batch job 42",
            "squeue": squeue,
            "scancel": f"echo $* >> '{cancelled}'",
            "sinfo": "echo up",
            # What follows its options is the program.
            "srun": 'until [ -x "$1" ]; do shift; done; exec "$@"',
        }
        for name, text in texts.items():
            (programs / name).write_text(f"#!/bin/sh\n{text}\n")
            (programs / name).chmod(0o755)
        monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")

    return install


@pytest.fixture
def queue(slurm, tmp_path):
    """A Slurm in whose queue four jobs wait for one reason until they are cancelled."""

    def fill(reason):
        cancelled = tmp_path / "cancelled"
        rows = f"for k in 0 1 2 3; do echo 42_$k'|42_'$k'|PD|{reason}'; done"
        slurm(f"touch '{tmp_path}/submitted'", f"[ -e '{cancelled}' ] || {rows}")
        return cancelled

    return fill


def test_jobs_of_a_cluster_are_done_and_failed_ones_are_named_with_their_logs(slurm, tmp_path):
    """Each job of the array is a process of this computer."""
    slurm(
        # Like the real one, it keeps a copy: the file gets another name as soon as it returns.
        f"""cd '{tmp_path}'; cp "$1" job.sh; for k in 0 1 2; do touch at-$k
        (SLURM_ARRAY_JOB_ID=42 SLURM_ARRAY_TASK_ID=$k SLURM_JOB_ID=4$k SLURM_PROCID=0 \\
        sh job.sh 2> "${{1%/*}}/42_${{k}}_0_log.err"; rm at-$k) > /dev/null 2>&1 & done""",
        f"cd '{tmp_path}'; [ -e seen ] || {{ touch seen; exit 1; }}\n"  # its first answer fails
        f"for k in '{tmp_path}'/at-*; do echo \"42_${{k##*-}}|42_${{k##*-}}|R|None\"; done",
    )
    calls = [(touch, tmp_path / "done"), (fail, Path("first")), (die, tmp_path)]
    asked = Execution(executor="slurm", slurm={"timeout_min": 5})
    jobs = [partial(*call) for call in calls]
    failures = executors.do_jobs(asked, jobs, tmp_path / "jobs", lambda _: None)
    bad, died = sorted(failures, key=lambda failure: failure.problem)
    assert (tmp_path / "done").exists()
    assert bad.problem == "no first"
    assert "the job 42_2 failed" in died.problem
    assert "its log ends: these are its last words" in died.problem
    assert "the same command" in died.remedy
    assert not (tmp_path / "cancelled").exists()


def test_reasons_of_the_queue_are_said_as_it_prints_them_and_ctrl_c_cancels(queue, tmp_path):
    reason = "Nodes required for job are DOWN, DRAINED or reserved"
    cancelled, said = queue(reason), []

    def stop(text):
        said.append((text, cancelled.exists()))
        os.kill(os.getpid(), signal.SIGINT)

    asked = Execution(executor="slurm", slurm={"timeout_min": 5, "partition": "small"})
    jobs = [partial(beat, tmp_path / f"beat-{k}") for k in range(4)]
    with pytest.raises(KeyboardInterrupt):
        executors.do_jobs(asked, jobs, tmp_path / "jobs", stop)
    assert said == [(f"4 × {reason}", False)]
    assert cancelled.read_text() == "42\n"


def test_signal_that_stops_the_command_cancels_its_jobs_in_the_queue(queue, tmp_path):
    cancelled = queue("Resources")
    started = start(tmp_path, "interruptible", "0", "slurm", PATH=os.environ["PATH"])
    wait_until((tmp_path / "submitted").exists)
    started.send_signal(signal.SIGTERM)
    check_end(started, 143)
    assert cancelled.read_text() == "42\n"


@pytest.mark.slow
def test_workers_end_soon_after_a_parent_that_was_killed_while_they_start(tmp_path):
    parent = start(tmp_path, "stuck")
    wait_until((tmp_path / "stuck").exists)
    status = Path("/proc", (tmp_path / "stuck").read_text(), "status")
    parent.kill()
    parent.wait()
    # Gone, or only to be buried.
    wait_until(lambda: not status.exists() or "\nState:\tZ" in status.read_text(), seconds=5)

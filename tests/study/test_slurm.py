"""A real Slurm of one node: what is lost comes back as missing, and results stay what they are.

`pytest -m slurm`, as root, where slurm-wlm and munge are installed (tests/study/slurm_node.sh).
"""

import os
import subprocess
import threading
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from pool_jobs import commit_later
from tiny_study import records, start_program, write_profile

from rin.study import open_workspace
from rin.study.executors import run_with_bar
from rin.study.ledger import Ledger
from rin.study.profile import Execution

HERE = Path(__file__).parent
NODE = HERE / "slurm_node.sh"
pytestmark = [pytest.mark.slurm, pytest.mark.timeout(1500)]


def node(what, folder):
    return subprocess.run([NODE, what, folder], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    pytest.importorskip("submitit")
    folder = tmp_path_factory.mktemp("slurm")
    started = node("start", folder)
    if started.returncode == 3:
        pytest.skip(started.stderr.strip())
    assert started.returncode == 0, started.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        patch.setenv("PYTHONPATH", os.pathsep.join([str(HERE.parents[1]), str(HERE)]))
        yield folder
        subprocess.run(["scancel", "--me"], check=False)
        node("stop", folder)


def execution(**changes):
    asked = {"cpus_per_task": 1, "timeout_min": 10, "partition": "test"}
    return Execution(executor="slurm", slurm=asked | changes)


def run_jobs(folder, numbers, seconds, during=None, **changes):
    """Drive jobs that commit a run each; `during` happens once one of them has begun."""
    ledger = Ledger(folder / "runs")
    runs = [SimpleNamespace(run_id=f"{number:016x}") for number in numbers]
    missing = [n for n, run in zip(numbers, runs, strict=True) if not ledger.has(run.run_id)]

    def wait_and_do():
        while not (folder / "log").exists():
            time.sleep(0.2)
        during()

    if during:
        threading.Thread(target=wait_and_do, daemon=True).start()
    jobs = [(folder, number, seconds) for number in missing]
    calls = [partial(commit_later, *job) for job in jobs]
    run_with_bar(execution(**changes), calls, ledger, runs, "Trying")
    return ledger, runs, missing


def queue():
    listed = subprocess.run(["squeue", "-h", "-r", "-o", "%i %t"], capture_output=True, text=True)
    return [line.split() for line in listed.stdout.splitlines()]


def running():
    return [job for job, state in queue() if state == "R"]


def test_job_whose_time_is_up_is_queued_again_and_goes_on(cluster, tmp_path):
    def time_is_up():  # the signal that submitit asks Slurm for before the limit
        time.sleep(3)
        subprocess.run(["scancel", "--signal=USR2", *running()], check=True)

    ledger, runs, _ = run_jobs(tmp_path, [7], 20, time_is_up)
    assert ledger.count(runs) == 1
    assert (tmp_path / "log").read_text().splitlines() == ["7 begins"] * 2


def test_study_through_slurm_is_byte_identical_to_one_in_this_process(cluster, tmp_path):
    studies = []
    asked = execution().model_dump()
    for name, how in (("alone", {}), ("slurm", {"executor": "slurm", "slurm": asked["slurm"]})):
        folder = tmp_path / name
        folder.mkdir()
        changes = {"execution": {"threads": 1} | how}
        profile = write_profile(folder / "tiny.yaml", changes)
        assert start_program(profile, folder, "small").wait() == 0
        studies.append(open_workspace(profile, results=folder))
    alone, slurm = studies
    assert list(slurm.results.glob("jobs/*.pkl"))
    assert records(alone.fine_tuning_ledger).keys() == records(slurm.fine_tuning_ledger).keys()
    for name in records(alone.fine_tuning_ledger):
        if not name.endswith("done.json"):
            same = (alone.fine_tuning_ledger.folder / name).read_bytes() == (
                slurm.fine_tuning_ledger.folder / name
            ).read_bytes()
            assert same, name

"""A real Slurm of one node: what is lost comes back as missing, and results stay what they are.

`pytest -m slurm`, as root, where slurm-wlm and munge are installed (tests/study/slurm_node.sh).
"""

import subprocess
import threading
import time
from functools import partial
from types import SimpleNamespace

import pytest
from pool_jobs import commit_later, wait_until
from tiny_study import ENVIRONMENT, HERE, records, start_program, write_profile

from rin.study import open_workspace
from rin.study.executors import run_with_bar
from rin.study.ledger import Ledger
from rin.study.profile import Execution

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
        patch.setenv("PYTHONPATH", ENVIRONMENT["PYTHONPATH"])
        yield folder
        subprocess.run(["scancel", "--me"], check=False)
        node("stop", folder)


def execution():
    asked = {"cpus_per_task": 1, "timeout_min": 10, "partition": "test"}
    return Execution(executor="slurm", slurm=asked)


def test_job_whose_time_is_up_is_queued_again_and_goes_on(cluster, tmp_path):
    def time_is_up():  # the signal that submitit asks Slurm for before the limit
        wait_until((tmp_path / "log").exists)
        time.sleep(3)
        asked = ["squeue", "-hr", "-t", "R", "-o", "%i"]
        running = subprocess.run(asked, capture_output=True, text=True).stdout.split()
        subprocess.run(["scancel", "--signal=USR2", *running], check=True)

    threading.Thread(target=time_is_up, daemon=True).start()
    ledger, run = Ledger(tmp_path / "runs"), SimpleNamespace(run_id=f"{7:016x}")
    jobs = [partial(commit_later, tmp_path, 7, 20)]
    run_with_bar(execution(), jobs, ledger, [run], "Trying")
    assert ledger.has(run.run_id)
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
    alone, slurm = (study.fine_tuning_ledger for study in studies)
    assert list(studies[1].results.glob("jobs/*.pkl"))
    files = records(alone).keys()
    assert records(slurm).keys() == files
    for name in (name for name in files if not name.endswith("done.json")):
        same = (alone.folder / name).read_bytes() == (slurm.folder / name).read_bytes()
        assert same, name

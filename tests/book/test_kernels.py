"""Kernels of a book are forked from a process that has imported what most pages import."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rin.report.build import run_jobs
from rin.report.execution import Job

BODY = """\
# %%
import os, sys
before = "rin.study" in sys.modules
from ipykernel.kernelapp import IPKernelApp
from matplotlib import pyplot as plt
ends_with = IPKernelApp.instance().parent_handle == os.getppid()
frameworks = {"tensorflow", "keras", "jax"} & {*sys.modules}
print(before, ends_with, frameworks, os.getppid(), os.getpid() == os.getpgrp())

# %%
plt.plot([1, 2]);

# %%
from multiprocessing import RLock
print(RLock()._semlock.name)

# %%
group = "/proc/self/autogroup"
priorities = open(group).read().split()[-1] if os.path.exists(group) else os.nice(0)
print(os.nice(0), priorities)
"""
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere each kernel starts anew")


@on_linux
@pytest.mark.slow
def test_kernels_share_imports_but_no_framework_and_end_with_their_server(
    monkeypatch, tmp_path, capfd
):
    """Their locks have no names, so that one that is killed leaves none behind.

    A page that trains has the higher priority.
    """
    jobs, trains = [], {"first": False, "second": False, "training": True}
    for name, does_train in trains.items():
        source = tmp_path / f"{name}.py"
        source.write_text(BODY)
        jobs.append(Job(source, tmp_path / f"{name}.ipynb", name=name, trains=does_train))
    monkeypatch.setattr("rin.report.build.cpu_count", lambda: 1)
    run_jobs(jobs)
    servers, lower = set(), {}
    for job in jobs:
        code = json.loads(job.output.read_text())["cells"]
        *said, server, leads = "".join(code[0]["outputs"][0]["text"]).split()
        assert (said, leads) == (["True", "True", "set()"], "True")
        servers.add(server)
        assert any("image/png" in out.get("data", {}) for out in code[1]["outputs"])
        assert "".join(code[2]["outputs"][0]["text"]).split() == ["None"]
        niceness, that_of_session = "".join(code[3]["outputs"][0]["text"]).split()
        assert niceness == that_of_session
        lower[job.name] = int(niceness) - os.nice(0)
    assert lower == {"first": 10, "second": 10, "training": 0}
    assert len(servers) == 1
    out, err = capfd.readouterr()
    assert (len(out.splitlines()), err) == (4, "")


BOOK = """\
import sys
from pathlib import Path
from rin.report.execution import Job
from rin.report.kernels import share_imports
if __name__ == "__main__":
    share_imports()
    Job(Path(sys.argv[1]), Path(sys.argv[2])).run()
"""


def endless(noted):
    """Return a notebook that writes its process and that of its server into a file."""
    return (
        "# %%\nimport os, pathlib, time\n"
        f"pathlib.Path({str(noted)!r}).write_text(f'{{os.getpid()}} {{os.getppid()}}')\n"
        "time.sleep(300)\n"
    )


def is_running(process):
    stat = Path(f"/proc/{process}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


@pytest.mark.slow
@on_linux
def test_kernel_and_server_end_when_the_book_is_killed(tmp_path):
    noted, source, program = (tmp_path / name for name in ("noted", "page.py", "book.py"))
    source.write_text(endless(noted))
    program.write_text(BOOK)
    own = os.environ | {"TMPDIR": str(tmp_path)}  # what a killed one leaves goes with the test
    command = [sys.executable, program, source, tmp_path / "page.ipynb"]
    book = subprocess.Popen(command, env=own)
    try:
        assert until(lambda: noted.exists() and noted.read_text().count(" ") == 1, 120)
    finally:
        os.kill(book.pid, signal.SIGKILL)
        book.wait()
    assert until(lambda: not any(map(is_running, noted.read_text().split())))


@pytest.mark.slow
@on_linux
def test_kernels_of_a_stopped_book_end_at_once(tmp_path):
    jobs, notes = [], [tmp_path / f"noted_{number}" for number in range(2)]
    for number, noted in enumerate(notes):
        source = tmp_path / f"page_{number}.py"
        source.write_text(endless(noted))
        jobs.append(Job(source, tmp_path / f"page_{number}.ipynb", name=source.stem))

    def stop():
        until(lambda: all(noted.exists() and noted.read_text() for noted in notes), 120)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=stop, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs)
    assert until(lambda: not any(is_running(noted.read_text().split()[0]) for noted in notes), 3)

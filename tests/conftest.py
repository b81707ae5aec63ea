"""What tests of several packages share: the command line, and where real images lie."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from rin.cli import main

WORKER_BYTES = 3.5e9  # of the largest, at the end

# Before NumPy is loaded: the matrices of tests are small, and threads that wait for one another
# keep the processors from the other workers.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# In the background (`make test &`) Ctrl-C is ignored, and by programs that tests start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests assert no timings; a new example must not fail a change that has nothing to do with it.
settings.register_profile("any computer", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any computer")


def pytest_xdist_auto_num_workers(config):
    """One worker a processor, fewer where memory is short."""
    from joblib import cpu_count  # which loads NumPy

    memory = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit = Path("/sys/fs/cgroup/memory.max")  # that of a container
    if limit.is_file() and limit.read_text().strip().isdigit():
        memory.append(int(limit.read_text()))
    return max(1, min(cpu_count(), int(min(memory) / WORKER_BYTES)))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Search for no garbage while modules are loaded, nor ever among what they hold."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Begin with trainings: a long file that comes last keeps one process at work alone.

    Before them come pages that train live, which must set the threads of TensorFlow themselves.
    """
    items.sort(
        key=lambda item: ("live_pages" not in item.path.stem, "training" not in item.path.parts)
    )


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk():
    """Nothing that tests write has to outlive the computer's power."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def rin(monkeypatch, capsys, tmp_path):
    """Runs the command line in an empty folder; returns exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_ROOT", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return call


@pytest.fixture(scope="session")
def real_root():
    root = os.environ.get("DATA_ROOT")
    if not root or not (Path(root) / "busi.zip").is_file():
        pytest.skip("set DATA_ROOT to a folder with busi.zip")
    return Path(root)

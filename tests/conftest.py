"""Fixtures and settings of tests in several packages: the command line, real images."""

import gc
import os
import signal
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from rin.cli import main

WORKER_BYTES = 3.5e9  # peak of the largest worker

# Set before NumPy is loaded: matrices in tests are small, and threads that wait for one another
# would block processors that other workers need.
for name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(name, "1")

# In the background (`make test &`), Ctrl-C is ignored, also by programs that tests start.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Tests assert no timings; a new example must not fail a change that has nothing to do with it.
settings.register_profile("any computer", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any computer")


def pytest_xdist_auto_num_workers(config):
    """Return one worker per processor, or fewer if memory is short."""
    from joblib import cpu_count  # which loads NumPy

    memory = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    limit = Path("/sys/fs/cgroup/memory.max")  # limit of a container
    if limit.is_file() and limit.read_text().strip().isdigit():
        memory.append(int(limit.read_text()))
    return max(1, min(cpu_count(), int(min(memory) / WORKER_BYTES)))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Disable garbage collection while modules load, and exclude their objects from it later."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(items):
    """Run training tests first: a long file at the end would keep a single process busy.

    Tests of live pages run before them, as TensorFlow's threads must be set by the page itself.
    Then one file trains the tiny study, for which two processes would wait if both began with it.
    """
    items.sort(
        key=lambda item: (
            "live_pages" not in item.path.stem,
            "training" not in item.path.parts,
            item.path.stem != "test_corpora",
        )
    )


@pytest.fixture(scope="session", autouse=True)
def _no_waiting_for_the_disk():
    """Skip fsync: files that tests write need not survive a power failure."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda descriptor: None)
        yield


@pytest.fixture
def rin(monkeypatch, capsys, tmp_path):
    """Run the command line in an empty folder; calls return exit status, stdout and stderr."""
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
def runs():
    """The committed run, `open`."""
    from rin.study import open_reference  # which loads pandas

    return open_reference("open")


@pytest.fixture(scope="session")
def real_root():
    root = os.environ.get("DATA_ROOT")
    if not root or not (Path(root) / "busi.zip").is_file():
        pytest.skip("set DATA_ROOT to a folder with busi.zip")
    return Path(root)

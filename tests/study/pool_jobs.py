"""Work for executors and for processes that tests kill; importable by every worker."""

import ctypes
import importlib
import os
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

from rin.data.chunks import map_chunks
from rin.errors import InputError
from rin.study.executors import run_each, run_with_bar
from rin.study.ledger import Ledger
from rin.study.profile import Execution


def touch(path):
    path.touch()


def fail(path):
    raise InputError(f"no {path.name}", where=path, remedy="Make it.")


def die(_path):
    print("these are its last words", file=sys.stderr, flush=True)
    os._exit(9)


def commit_later(folder, number, seconds):
    """Commit a run of a ledger after some seconds, in steps that a signal can come between."""
    ledger, run_id = Ledger(folder / "runs"), f"{number:016x}"
    with (folder / "log").open("a") as log:
        log.write(f"{number} begins\n")
    for _ in range(int(10 * seconds)):
        time.sleep(0.1)
    if not ledger.has(run_id):
        ledger.commit(run_id, {"number": number}, lambda draft: _write(draft, number))


def note_device(folder, name):
    time.sleep(0.5)  # so that both workers are at work
    whole = os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE") != "false"
    (folder / name).write_text(f"{os.environ['CUDA_VISIBLE_DEVICES']}{' whole' * whole}")


class Beats:
    """Files in a folder that grow as long as somebody works."""

    def __init__(self, folder):
        self.folder = folder

    def sizes(self):
        return {path.name: path.stat().st_size for path in self.folder.glob("beat-*")}

    def wait_for(self, count):
        deadline = time.monotonic() + 60
        while len(self.sizes()) < count:
            assert time.monotonic() < deadline
            time.sleep(0.05)

    def going_on(self):
        before = self.sizes()
        time.sleep(0.5)
        return self.sizes() != before


def interruptible(folder, workers, executor, work="beat"):
    """Work under the command line's handling of Ctrl-C."""
    from rin import cli

    def app():
        if executor == "chunks":
            [*map_chunks(beat, [folder / "beat-0", folder / "beat-1"], 1, title="Beating")]
        # What the command line itself gives to jobs, they can import.
        beating = getattr(importlib.import_module("pool_jobs"), work)
        jobs = [partial(beating, folder / f"beat-{k}") for k in range(4)]
        execution = Execution(executor=executor, workers=workers, slurm={"timeout_min": 5})
        run_with_bar(execution, jobs, Ledger(folder / "study" / "runs"), [], "Beating")

    cli.app = app
    cli.main()


def hold_everything(path):
    """Hold the interpreter's lock, as loading a large library does."""
    path.write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(30)


def beat(path):
    """Append to a file for a minute."""
    for _ in range(600):
        with path.open("a") as stream:
            stream.write(".")
        time.sleep(0.1)


def runs(count):
    return {f"{number:016x}": {"number": number} for number in range(count)}


def body(number):
    """Contents of the files of one run."""
    return {f"part{i}.bin": bytes([number % 251]) * (40_000 + 1000 * i) for i in range(4)}


def commit_runs(folder, count):
    """Commit what is missing, as a grid does."""
    ledger = Ledger(folder)
    for run_id, config in runs(count).items():
        if not ledger.has(run_id):
            ledger.commit(run_id, config, lambda draft, n=config["number"]: _write(draft, n))


def _write(draft, number):
    for name, content in body(number).items():
        (draft / name).write_bytes(content)
    return {"number": number}


def share(folder):
    """Do twelve runs of a ledger, which another process may do too, and log who did which."""
    ledger = Ledger(folder / "shared")
    # Both have started before either begins.
    (folder / f"ready-{os.getpid()}").touch()
    while len(list(folder.glob("ready-*"))) < 2:
        time.sleep(0.01)

    def work(run):
        with (folder / "log").open("a") as log:
            log.write(f"{run.run_id} {os.getpid()}\n")
        time.sleep(0.1)
        ledger.commit(run.run_id, {}, lambda draft: _write(draft, 1))

    run_each(work, [SimpleNamespace(run_id=run_id) for run_id in runs(12)], ledger)


if __name__ == "__main__" and "share" in sys.argv:
    share(Path(sys.argv[1]))
elif __name__ == "__main__" and "interrupt" in sys.argv:
    interruptible(Path(sys.argv[1]), int(sys.argv[3]), *sys.argv[4:])
elif __name__ == "__main__" and "stuck" in sys.argv:
    path = Path(sys.argv[1])
    jobs = [partial(hold_everything, path / "stuck")]
    run_with_bar(Execution(workers=1), jobs, Ledger(path / "runs"), [], "Stuck")

"""Work for executors and for processes that tests kill; importable by every worker."""

import ctypes
import os
import sys
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

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
        ledger.commit(run_id, {"number": number}, partial(write_files, run_id))


def note_device(folder, name):
    time.sleep(0.5)  # so that both workers are at work
    whole = os.environ.get("XLA_PYTHON_CLIENT_PREALLOCATE") != "false"
    (folder / name).write_text(f"{os.environ['CUDA_VISIBLE_DEVICES']}{' whole' * whole}")


def wait_until(is_there, seconds=60):
    deadline = time.monotonic() + seconds
    while not is_there():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def beats(folder):
    """Sizes of files that grow as long as somebody works."""
    return {path.name: path.stat().st_size for path in folder.glob("beat-*")}


def interruptible(folder, workers, executor):
    """Work under the command line's handling of Ctrl-C."""
    import pool_jobs  # what the command line itself gives to jobs, they can import

    from rin import cli

    def app():
        jobs = [partial(pool_jobs.beat, folder / f"beat-{k}") for k in range(4)]
        execution = Execution(executor=executor, workers=int(workers), slurm={"timeout_min": 5})
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


FILES = [f"part{number}.bin" for number in range(4)]


def runs(count):
    return [SimpleNamespace(run_id=f"{number:016x}") for number in range(count)]


def body(run_id):
    """The content of each file of a run."""
    return run_id.encode() * 2_500


def commit_runs(folder, count):
    """Commit what is missing, as a grid does."""
    ledger = Ledger(folder)
    for run in ledger.missing_runs(runs(count)):
        ledger.commit(run.run_id, {}, partial(write_files, run.run_id))


def write_files(run_id, draft):
    for name in FILES:
        (draft / name).write_bytes(body(run_id))
    return {}


def share(folder):
    """Do twelve runs of a ledger, which another process may do too, and log who did which."""
    ledger = Ledger(folder / "shared")
    (folder / f"ready-{os.getpid()}").touch()
    wait_until(lambda: len([*folder.glob("ready-*")]) == 2)

    def work(run):
        with (folder / "log").open("a") as log:
            log.write(f"{run.run_id} {os.getpid()}\n")
        time.sleep(0.1)
        ledger.commit(run.run_id, {}, partial(write_files, run.run_id))

    run_each(work, runs(12), ledger)


def stuck(folder):
    """Start a worker that loads a large library without end."""
    jobs = [partial(hold_everything, folder / "stuck")]
    run_with_bar(Execution(workers=1), jobs, Ledger(folder / "runs"), [], "Stuck")


if __name__ == "__main__":
    _, place, name, *options = sys.argv
    globals()[name](Path(place), *options)

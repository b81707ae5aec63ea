"""Work for executors and for processes that tests kill; importable by every worker."""

import os
import sys
import time
from pathlib import Path
from types import SimpleNamespace

from rin.errors import InputError
from rin.study.executors import drive, run_each
from rin.study.ledger import Ledger
from rin.study.profile import Execution


def touch(path):
    path.touch()


def touch_later(path, seconds):
    time.sleep(seconds)
    path.touch()


def fail(path):
    raise InputError(f"no {path.name}", where=path, remedy="Make it.")


def die(_path):
    os._exit(9)


def call(work, *arguments):
    """Let one list of jobs hold different work."""
    work(*arguments)


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
elif __name__ == "__main__":
    path = Path(sys.argv[1]) / "beat"
    drive(Execution(workers=1), beat, [(path,)], Ledger(path.parent / "none"), [], "Beating")

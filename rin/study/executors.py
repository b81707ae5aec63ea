"""Where jobs run: this process or a pool of processes, behind one interface.

Anything with the interface of `concurrent.futures.Executor` will do.  Nothing here
retries: what a dead worker left undone, the ledger still lists as missing.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from typing import Any

from filelock import Timeout
from tqdm import tqdm

from rin.data.chunks import end_with_parent
from rin.errors import InputError
from rin.study.ledger import Ledger, Planned
from rin.study.profile import Execution

# The bar that several stages share, while there is one.
_shared_bar: ContextVar[tqdm | None] = ContextVar("bar", default=None)


def make_executor(execution: Execution) -> Executor:
    """Return the executor that a profile asks for."""
    if execution.workers == 0:
        return ThreadPoolExecutor(1)
    spawned = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(execution.workers, spawned, initializer=_start_worker)


def _start_worker() -> None:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    end_with_parent()


@contextmanager
def one_bar(total: int, done: int) -> Iterator[tqdm]:
    """Show one progress bar over every `drive` called within: `done` of `total` runs before."""
    with _new_bar("Study", total, done) as bar:
        token = _shared_bar.set(bar)
        try:
            yield bar
        finally:
            _shared_bar.reset(token)


def drive(
    execution: Execution,
    work: Callable[..., None],
    jobs: Sequence[tuple],
    ledger: Ledger,
    runs: Sequence[Planned],
    title: str,
    status: Callable[[], str] = str,
) -> None:
    """Run `work(*job)` for each job and show one progress bar over all that they finish.

    `runs` are those of a stage, finished or not: the ledger is asked for them twice a second.
    `status` is what stands behind the bar: how the runs under way go.  The first failure of a job
    is raised after every other job has ended.
    """
    if not jobs:
        return
    ledger.sweep()
    before, total, executor = ledger.count(runs), len(runs), make_executor(execution)
    if (bar := _shared_bar.get()) is None:
        shown = _new_bar(title, total, before)
    else:
        bar.set_description(title)
        shown = nullcontext(bar)
    with shown as bar:
        others = bar.n - before  # runs of other stages, where the bar is shared
        try:
            futures: list[Future[Any]] = [executor.submit(work, *job) for job in jobs]
            pending = set(futures)
            while pending:
                pending = wait(pending, timeout=0.5).not_done
                bar.set_postfix_str(status(), refresh=False)
                bar.update(others + ledger.count(runs) - bar.n)
        finally:
            # An interrupt from the keyboard waits for the blocks under way, not for all.
            executor.shutdown(cancel_futures=True)
    failures = [e for f in futures if (e := f.exception()) is not None]
    if any(isinstance(e, BrokenProcessPool) for e in failures):
        problem = f"a worker process died after {ledger.count(runs)} of {total} runs"
        remedy = "Often memory: set execution.workers lower. Run again to go on from here."
        raise InputError(problem, where=title, remedy=remedy) from failures[0]
    if failures:
        raise failures[0]


def run_each(work: Callable[[Any], None], runs: Iterable[Planned], ledger: Ledger) -> None:
    """Do the runs that a ledger lacks one after the other, those last that others are doing.

    The first `InputError` is raised when all have ended.
    """
    failures = []
    for waiting in (False, True):
        runs, held = list(runs), []
        for run in runs:
            try:
                with ledger.claim(run.run_id, wait=waiting) as unfinished:
                    if unfinished:
                        work(run)
            except Timeout:  # another process trains it: look again at the end
                held.append(run)
            except InputError as error:
                failures.append(error)
        runs = held
    if failures:
        raise failures[0]


def _new_bar(title: str, total: int, done: int) -> tqdm:
    # A log, unlike a terminal, keeps every line that the bar writes; and without a least number of
    # steps, the bar is drawn anew also where only its end changes.
    shown = {"mininterval": 0.5 if sys.stderr.isatty() else 15, "miniters": 0}
    return tqdm(desc=title, total=total, initial=done, unit="run", **shown)

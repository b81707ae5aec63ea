"""Long passes over pictures: cut into chunks, worked on in parallel, under one bar.

A chunk leaves its result on disk, so a pass that was stopped goes on where it stood.  One
chunk is worked on by threads of this process, several by processes.
"""

import os
import sys
from collections.abc import Callable, Iterator, Sequence, Sized
from functools import partial
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from rin.errors import InputError
from rin.processes import Stopped, die_with, kill_workers

MAX_THREADS = 8
Job = TypeVar("Job", bound=Sized)
Item = TypeVar("Item")
Result = TypeVar("Result")


def run_chunks(
    work: Callable[[Job, int], Result], jobs: Sequence[Job], *, workers: int | None, title: str
) -> Iterator[Result]:
    """Do every job and yield its result, in the order in which they end.

    ``work`` is a function of a module, so that other processes find it: it takes a job (whose
    length is the number of its pictures) and the number of threads that it may use.  By default
    there is a process, or with one job a thread, per core; with one of the ``workers``, all
    happens in this process.
    """
    # Of the cores, joblib counts those of a container's quota.
    count = cpu_count() if workers is None else workers
    # A log, unlike a terminal, keeps every line that the bar writes.
    interval = 0.5 if sys.stderr.isatty() else 15
    total, quiet = sum(map(len, jobs)), len(jobs) < 2
    with tqdm(total=total, desc=title, unit="picture", mininterval=interval, disable=quiet) as bar:
        if len(jobs) > 1 and count > 1:
            results = _in_processes(work, jobs, min(count, len(jobs)), title)
        else:
            results = (_sized(work, job, min(MAX_THREADS, count)) for job in jobs)
        for size, result in results:
            bar.update(size)
            yield result


def map_threads(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> list[Result]:
    """Map a function over items, in their order, in some threads."""
    return Parallel(threads, prefer="threads")(delayed(function)(item) for item in items)


def map_chunks(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    chunk: int,
    *,
    workers: int | None,
    title: str,
) -> Iterator[list[Result]]:
    """Map a function of a module over items, chunk by chunk, as `run_chunks` does its jobs."""
    jobs = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    yield from run_chunks(partial(map_threads, function), jobs, workers=workers, title=title)


def _in_processes(
    work: Callable[[Job, int], Result], jobs: Sequence[Job], count: int, title: str
) -> Iterator[tuple[int, Result]]:
    parallel = Parallel(
        count,
        backend="loky",
        return_as="generator_unordered",
        pre_dispatch="all",
        batch_size=1,
        # Before a worker imports what it works with: a killed parent leaves none behind.
        initializer=die_with,
        initargs=(os.getpid(),),
    )
    try:
        yield from parallel(delayed(_sized)(work, job, 1) for job in jobs)
    except (KeyboardInterrupt, Stopped):
        kill_workers()
        raise
    except TerminatedWorkerError as error:
        raise InputError(
            "a worker process died; what was finished before is kept",
            where=title,
            remedy="Often memory: run again with fewer workers, to go on from here.",
        ) from error


def _sized(work: Callable[[Job, int], Result], job: Job, threads: int) -> tuple[int, Result]:
    """Return how many pictures a job had, and its result."""
    return len(job), work(job, threads)

"""Long passes over pictures: cut into chunks, worked on in parallel, under one bar.

A chunk leaves its result on disk, so a pass that was stopped goes on where it stood.  One
chunk is worked on by threads of this process, several by processes.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence, Sized
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from typing import TypeVar

from tqdm import tqdm

from rin.errors import InputError

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
    there is a process, or with one job a thread, per core that is free to this process; with one
    of the ``workers``, all happens in this process.  InputError where a worker process died.
    """
    count = available_cores() if workers is None else workers
    # A log, unlike a terminal, keeps every line that the bar writes.
    interval = 0.5 if sys.stderr.isatty() else 15
    total, quiet = sum(map(len, jobs)), len(jobs) < 2
    with tqdm(total=total, desc=title, unit="picture", mininterval=interval, disable=quiet) as bar:
        if len(jobs) > 1 and count > 1:
            results = _in_processes(work, jobs, min(count, len(jobs)), title)
        else:
            results = ((job, work(job, min(MAX_THREADS, count))) for job in jobs)
        for job, result in results:
            bar.update(len(job))
            yield result


def map_threads(
    function: Callable[[Item], Result], items: Sequence[Item], threads: int
) -> list[Result]:
    """Map a function over items, in their order, in some threads; with one, in this one."""
    if threads == 1:
        return list(map(function, items))
    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(function, items))


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


def available_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _in_processes(
    work: Callable[[Job, int], Result], jobs: Sequence[Job], count: int, title: str
) -> Iterator[tuple[Job, Result]]:
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, spawn, initializer=end_with_parent)
    try:
        futures = {pool.submit(work, job, 1): job for job in jobs}
        for future in as_completed(futures):
            yield futures[future], future.result()
    except BrokenProcessPool as error:
        raise InputError(
            "a worker process died; what was finished before is kept",
            where=title,
            remedy="Often memory: run again with fewer workers, to go on from here. A script of "
            "one's own must call this under 'if __name__ == \"__main__\":'.",
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)


def end_with_parent() -> None:
    """End this worker when its parent is gone, even if killed."""
    parent = multiprocessing.parent_process()
    if parent is None:
        return

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

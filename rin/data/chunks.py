"""Long passes over pictures: divided into chunks, run in parallel, with one progress bar."""

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from joblib import Parallel, cpu_count, delayed
from joblib.externals.loky.process_executor import TerminatedWorkerError
from tqdm import tqdm

from rin.errors import InputError
from rin.processes import Stopped, block_interrupts, die_with, kill_workers

MAX_THREADS = 8
Item = TypeVar("Item")
Result = TypeVar("Result")


def map_chunks(
    function: Callable[[Item], Result], items: Sequence[Item], chunk: int, *, title: str
) -> Iterator[list[Result]]:
    """Apply a module-level function to items, and yield the results chunk by chunk, in order.

    Processes, one per core, work on the chunks; threads of this process on a single chunk.
    """
    chunks = [items[start : start + chunk] for start in range(0, len(items), chunk)]
    if len(chunks) < 2:
        yield from (map_threads(function, members) for members in chunks)
        return
    # joblib's cpu_count respects a container's quota and LOKY_MAX_CPU_COUNT.
    parallel = Parallel(
        min(cpu_count(), len(chunks)),
        backend="loky",
        return_as="generator",
        pre_dispatch="all",
        batch_size=1,
        # It runs before a worker imports libraries, so that no worker outlives a killed parent.
        initializer=die_with,
        initargs=(os.getpid(),),
    )
    # A log, unlike a terminal, keeps every line that the bar writes.
    interval = 0.5 if sys.stderr.isatty() else 15
    try:
        with tqdm(total=len(items), desc=title, unit="picture", mininterval=interval) as bar:
            with block_interrupts():  # at Ctrl-C a starting worker would print a long traceback
                made = parallel(delayed(list)(map(function, members)) for members in chunks)
            for results in made:
                bar.update(len(results))
                yield results
    except (KeyboardInterrupt, Stopped):
        kill_workers()
        raise
    except TerminatedWorkerError as error:
        raise InputError(
            "a worker process died; finished work is kept",
            where=title,
            remedy="Memory is the usual cause: lower LOKY_MAX_CPU_COUNT, the number of "
            "processes, in the environment, and run again to continue.",
        ) from error


def map_threads(function: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """Apply a function to items in threads of this process; return the results in order."""
    # joblib's threads poll every 10 ms, which is longer than most pictures take.
    with ThreadPoolExecutor(min(MAX_THREADS, cpu_count())) as pool:
        return list(pool.map(function, items))

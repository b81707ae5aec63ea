"""Executors, which run jobs in this process, in a pool of processes, or through submitit.

Nothing is retried here: the ledger still lists the runs that a dead worker or job left undone.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout
from tqdm import tqdm

from rin.errors import InputError, as_input_error, problem_of
from rin.processes import (
    Stopped,
    block_interrupts,
    delay_signals,
    kill_workers,
    quiet_tensorflow,
    start_worker,
)
from rin.study.ledger import Ledger, Planned, answer_of
from rin.study.profile import Execution

Job = Callable[[], None]
#: Number of last lines of a failed job's log that its error shows.
LAST_LINES = 5
#: Seconds after which a file written on one node of a cluster is visible on another.
SLOW_FILES = 5
#: Seconds between two looks at a cluster's queue.
LOOK_EVERY = 2
#: The network and weights that this process used last, by what blocks that reuse them must share.
last_trained: dict[Hashable, Any] = {}


def begin_block(execution: Execution) -> None:
    """Discard the networks of earlier blocks in this process; set its threads and precision."""
    quiet_tensorflow()  # also needed in a notebook
    import keras

    from rin.training.trainer import prepare_framework

    last_trained.clear()
    keras.backend.clear_session()  # this also resets the precision
    with as_input_error(
        "TensorFlow already runs in this process with another number of threads",
        where="execution: threads",
        remedy=f"Restart the kernel, or run it with threads: {execution.threads} from the start.",
        kinds=RuntimeError,
    ):
        prepare_framework(execution.threads, execution.precision)
    if execution.precision == "float32" or keras.backend.backend() != "tensorflow":
        return
    from tensorflow.errors import OpError

    with as_input_error(
        f"this processor does not train in {execution.precision}",
        where="execution: precision",
        remedy="Give precision: float32 in the profile.",
        kinds=OpError,
    ):
        keras.layers.Conv2D(8, 3, kernel_initializer="zeros")(np.zeros((1, 8, 8, 16), np.float32))


def visible_devices() -> list[str]:
    """Return the GPUs that this process may use, named as in `CUDA_VISIBLE_DEVICES`."""
    if (devices := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in devices.split(",") if name.strip()]
    return [str(k) for k in range(len(answer_of(["nvidia-smi", "-L"]).splitlines()))]


def do_jobs(
    execution: Execution,
    jobs: Sequence[Job],
    logs: Path,
    say: Callable[[str], None],
) -> Sequence[BaseException]:
    """Run every job and return the exceptions; Ctrl-C ends the running jobs.

    `say` is called repeatedly with a text saying what the jobs in a cluster's queue wait for.
    """
    if execution.executor == "slurm":
        return _do_on_cluster(execution, jobs, logs, say)
    if execution.workers == 0:
        failures: list[Exception] = []
        for job in jobs:
            try:
                job()
            except Exception as error:
                failures.append(error)
        return failures
    spawned = multiprocessing.get_context("spawn")
    visible = visible_devices()
    devices = None
    if visible:
        devices = spawned.SimpleQueue()
        for worker in range(execution.workers):
            devices.put(visible[worker % len(visible)])
    shared = 0 < len(visible) < execution.workers
    pool = ProcessPoolExecutor(execution.workers, spawned, start_worker, (devices, shared))
    try:
        with block_interrupts():
            futures = [pool.submit(job) for job in jobs]
        wait(futures)
    except (KeyboardInterrupt, Stopped):
        kill_workers()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return [failure for future in futures if (failure := future.exception()) is not None]


@dataclass
class ShippedJob:
    """A job as submitit ships it; called again, it trains what its ledger still lacks."""

    work: Job

    def __call__(self) -> InputError | None:
        """Do the work; return an InputError, because submitit would wrap it if it were raised."""
        try:
            self.work()
        except InputError as error:
            return error
        return None

    def checkpoint(self) -> Any:
        """Return a new submission, in which the job goes on after a timeout or preemption."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _do_on_cluster(
    execution: Execution,
    jobs: Sequence[Job],
    logs: Path,
    say: Callable[[str], None],
) -> list[InputError]:
    """Run jobs as one array of a cluster."""
    running: list[Any] = []
    failures: list[InputError] = []
    try:
        # Otherwise jobs that were just submitted could stay in the queue, unknown to us.
        with block_interrupts(), delay_signals():
            running = _submit(jobs, execution, logs)
        while running:
            if (reasons := _reasons_of_queue()) is None:
                reasons = dict.fromkeys((job.job_id for job in running), "")
            ended = [
                job
                for job in running
                if job.job_id not in reasons or job.paths.result_pickle.is_file()
            ]
            failures += filter(None, map(_failure_of, ended))
            running = [job for job in running if job not in ended]
            held = Counter(reasons[job.job_id] for job in running)
            say(", ".join(f"{n} × {reason}" for reason, n in held.items() if reason))
            time.sleep(LOOK_EVERY if running else 0)
    finally:  # also when the command was stopped
        if running:  # whole arrays in a single call, because there may be no time for more
            command = ["scancel", *sorted({job.job_id.partition("_")[0] for job in running})]
            with suppress(OSError):  # the terminal may be closed
                if subprocess.run(command, capture_output=True, check=False).returncode:
                    left = f"rin: jobs are still in the queue: {' '.join(command)}"
                    print(left, file=sys.stderr)
    return failures


def _reasons_of_queue() -> dict[str, str] | None:
    """Return the reason for which each job in Slurm's queue waits, empty if it is running.

    Each job is listed under both of its numbers.  Return None if Slurm does not answer.
    """
    command = ["squeue", "--me", "-h", "-r", "-o", "%i|%F_%K|%t|%r"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    # squeue may fail while the controller restarts; jobs must not be taken for lost then.
    if answer.returncode:
        return None
    reasons = {}
    of_jobs = (line.strip().split("|", 3) for line in answer.stdout.splitlines())
    for number, number_in_array, state, reason in of_jobs:
        reasons[number] = reasons[number_in_array] = reason if state == "PD" else ""
    return reasons


def _submit(jobs: Sequence[Job], execution: Execution, logs: Path) -> list[Any]:
    """Submit jobs and return submitit's job objects."""
    import submitit

    of_slurm_alone = {
        "partition": "slurm_partition",
        "array_parallelism": "slurm_array_parallelism",
        "additional": "slurm_additional_parameters",
    }
    settings = {of_slurm_alone.get(name, name): value for name, value in execution.slurm if value}
    with as_input_error(
        "the jobs cannot be submitted",
        where="execution: slurm",
        remedy="Check the queue and its limits, or set execution.executor to processes; then "
        "run the same command again.",
        kinds=Exception,  # submitit and sbatch raise errors of many kinds
    ):
        executor = submitit.AutoExecutor(logs, "slurm", slurm_max_num_timeout=10_000)
        executor.update_parameters(name="rin", **settings)
        with executor.batch():
            return [executor.submit(ShippedJob(job)) for job in jobs]


def _failure_of(job: Any) -> InputError | None:
    """Return the InputError for a finished job that failed; None if it succeeded."""
    deadline = time.monotonic() + SLOW_FILES
    while not job.paths.result_pickle.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)  # the file may come from another node
    problem = "it ended without a result"
    if job.paths.result_pickle.is_file():
        try:
            bad_input: InputError | None = job.result()
            return bad_input
        except Exception as error:
            problem = problem_of(error)[-300:]
    log = job.paths.stderr
    lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
    last = " | ".join(line.strip() for line in lines[-LAST_LINES:] if line.strip())
    return InputError(
        f"the job {job.job_id} failed ({problem}); its log ends: {last}",
        where=log,
        remedy="Correct what the log says, or request more time or memory; then run the same "
        "command: it submits what is missing.",
    )


def run_with_bar(
    execution: Execution,
    jobs: Sequence[Job],
    ledger: Ledger,
    runs: Sequence[Planned],
    title: str,
    status: Callable[[], str] = str,
) -> None:
    """Run every job, with a progress bar of the `runs` that they finish.

    `status` returns the text after the bar.  The first exception of a job is raised after all
    other jobs have ended.
    """
    if not jobs:
        return
    total = len(runs)
    queue = deque([""], maxlen=1)
    ended = threading.Event()
    with tqdm(
        desc=title,
        total=total,
        initial=ledger.count(runs),
        unit="run",
        # A log, unlike a terminal, keeps every line that the bar writes.
        mininterval=0.5 if sys.stderr.isatty() else 15,
        miniters=0,  # the bar is redrawn even if only the text after it changes
        smoothing=0,  # the pace is that of all runs so far, including times without progress
    ) as bar:

        def refresh() -> None:
            is_over = False
            while not is_over:  # it is refreshed once more when all jobs have ended
                is_over = ended.wait(0.5)
                bar.set_postfix_str("; ".join(filter(None, [status(), *queue])), refresh=False)
                bar.update(ledger.count(runs) - bar.n)

        thread = threading.Thread(target=refresh, daemon=True)
        thread.start()
        try:
            failures = do_jobs(execution, jobs, ledger.folder.parent / "jobs", queue.append)
        finally:
            ended.set()
            thread.join()
    if any(isinstance(e, BrokenProcessPool) for e in failures):
        raise InputError(
            f"a worker process died after {ledger.count(runs)} of {total} runs",
            where=title,
            remedy="Memory is the usual cause: lower execution.workers. Run again to continue.",
        ) from failures[0]
    if failures:
        raise failures[0]


def run_each(work: Callable[[Any], None], runs: Iterable[Planned], ledger: Ledger) -> None:
    """Train the unfinished runs one after the other, last those that other processes are training.

    The first `InputError` is raised after all runs have ended.
    """
    failures = []
    for waiting in (False, True):
        held = []
        for run in runs:
            try:
                with ledger.claim(run.run_id, wait=waiting) as unfinished:
                    if unfinished:
                        work(run)
            except Timeout:  # another process is training it; check again at the end
                held.append(run)
            except InputError as error:
                failures.append(error)
        runs = held
    if failures:
        raise failures[0]

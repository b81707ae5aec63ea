"""Where jobs run: this process, a pool of processes, or submitit's jobs.

Nothing here retries: what a dead worker or job left undone, the ledger still lists as missing.
"""

import multiprocessing
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout
from tqdm import tqdm

from rin.errors import InputError, as_input_error, counted, join_with_and, problem_of
from rin.processes import (
    Stopped,
    die_with,
    follow,
    kill_workers,
    quiet_tensorflow,
    start_worker,
    undisturbed,
    without_interrupts,
)
from rin.study.ledger import Ledger, Planned, answer_of
from rin.study.profile import Execution

#: Lines of a failed job's log that its error shows.
LAST_LINES = 5
#: Seconds that a file may take from one node of a cluster to another.
SLOW_FILES = 5
#: Reasons of Slurm (`squeue`) for which a job waits until somebody changes job or cluster, and the
#: seconds that one may take to be replaced by another: nodes that start again cause some, too.
NEVER_STARTS = re.compile(
    "AccountNotAllowed|BadConstraints|InvalidAccount|InvalidQOS|PartitionConfig|"
    r"PartitionTimeLimit|QOSNotAllowed|DependencyNeverSatisfied|(Assoc|QOS)\w*PerJob(Limit)?"
)
PATIENCE = 60
# The bar that several stages share, while there is one.
_shared_bar: ContextVar[tqdm | None] = ContextVar("bar", default=None)
#: What this process trained last, for blocks that go on with it, by what they must share.
last_trained: dict[Hashable, Any] = {}


def begin_block(execution: Execution) -> None:
    """Let this process forget the networks of earlier blocks; set its threads and precision."""
    quiet_tensorflow()  # in a notebook, too
    import keras

    from rin.training.trainer import prepare_framework

    last_trained.clear()
    keras.backend.clear_session()  # it forgets the precision, too
    problem = "TensorFlow is at work in this process with another number of threads"
    remedy = f"Restart the kernel, or run it with threads: {execution.threads} from the start."
    with as_input_error(problem, where="execution: threads", remedy=remedy, kinds=RuntimeError):
        prepare_framework(execution.threads, execution.precision)
    if execution.precision == "float32" or keras.backend.backend() != "tensorflow":
        return
    from tensorflow.errors import OpError

    problem = f"this processor does not train in {execution.precision}"
    remedy = "Give precision: float32 in the profile."
    with as_input_error(problem, where="execution: precision", remedy=remedy, kinds=OpError):
        keras.layers.Conv2D(8, 3, kernel_initializer="zeros")(np.zeros((1, 8, 8, 16), np.float32))


def visible_devices() -> list[str]:
    """Return the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    if (devices := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in devices.split(",") if name.strip()]
    return [str(k) for k in range(len(answer_of(["nvidia-smi", "-L"]).splitlines()))]


def do_jobs(
    execution: Execution,
    work: Callable[..., None],
    jobs: Sequence[tuple[Any, ...]],
    logs: Path,
    say: Callable[[str], None],
) -> Sequence[BaseException]:
    """Do `work(*job)` for each job and return how some failed; Ctrl-C ends what is under way.

    `say` is told, again and again, what jobs in a cluster's queue wait for.
    """
    if execution.executor != "processes":
        return _do_through_submitit(execution, work, jobs, logs, say)
    if execution.workers == 0:
        failures: list[Exception] = []
        for job in jobs:
            try:
                work(*job)
            except Exception as error:
                failures.append(error)
        return failures
    spawned = multiprocessing.get_context("spawn")
    devices = None
    visible = visible_devices()
    if visible and execution.devices is None:  # else each worker shares its batches among several
        devices = spawned.SimpleQueue()
        for worker in range(execution.workers):
            devices.put(visible[worker % len(visible)])
    pool = ProcessPoolExecutor(execution.workers, spawned, start_worker, (devices,))
    try:
        with without_interrupts():
            futures = [pool.submit(work, *job) for job in jobs]
        wait(futures)
    except (KeyboardInterrupt, Stopped):
        kill_workers()
        pool.shutdown(wait=False, cancel_futures=True)
        raise
    pool.shutdown()
    return [failure for future in futures if (failure := future.exception()) is not None]


@dataclass
class ShippedJob:
    """A job as submitit ships it; called again, it does what its ledger still lacks.

    As a subprocess it ends with `driver`, the process that shipped it.
    """

    work: Callable[..., None]
    arguments: tuple[Any, ...]
    driver: int | None = None

    def __call__(self) -> InputError | None:
        """Do the work; bad input is an answer, so that it comes back as what it is."""
        if self.driver is not None:
            import submitit

            die_with(int(submitit.JobEnvironment().job_id))  # submitit's process between both
            follow(self.driver)
        try:
            self.work(*self.arguments)
        except InputError as error:
            return error
        return None

    def checkpoint(self) -> Any:
        """Go on in another job, when this one's time is up or a more urgent one comes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


def _do_through_submitit(
    execution: Execution,
    work: Callable[..., None],
    jobs: Sequence[tuple[Any, ...]],
    logs: Path,
    say: Callable[[str], None],
) -> list[InputError]:
    """Do jobs as one array of a cluster, or, `local`, as subprocesses, `workers` at a time."""
    local = execution.executor == "local"
    at_once = max(1, execution.workers) if local else len(jobs)
    waiting = [ShippedJob(work, job, os.getpid() if local else None) for job in jobs]
    running: list[Any] = []
    failures: list[InputError] = []
    stuck_since: dict[str, float] = {}
    try:
        while waiting or running:
            free = at_once - len(running)
            if waiting and free:
                # Else jobs that were just submitted could be left in the queue, unknown.
                with without_interrupts(), undisturbed():
                    running += _submitted(waiting[:free], execution, logs)
                waiting = waiting[free:]
            reasons = None if local else _reasons_of_queue()
            ended = _ended_jobs(running, local, reasons)
            failures += filter(None, map(_failure_of, ended))
            running = [job for job in running if job not in ended]
            held = {job.job_id: (reasons or {}).get(job.job_id, "") for job in running}
            say(_waiting_in_words(held.values()))
            now = time.monotonic()
            stuck = [number for number, reason in held.items() if NEVER_STARTS.fullmatch(reason)]
            stuck_since = {number: stuck_since.get(number, now) for number in stuck}
            if never := [n for n, since in stuck_since.items() if now - since >= PATIENCE]:
                _cancel(never)
                running = [job for job in running if job.job_id not in never]
                failures.append(_never_started(execution, [held[number] for number in never]))
            time.sleep(0.5 if local else 2)
    finally:  # somebody may have stopped the command
        numbers = [job.job_id for job in running]
        if local:
            for number in numbers:
                with suppress(ProcessLookupError):
                    os.kill(int(number), signal.SIGKILL)
        elif numbers:
            # Whole arrays, in one question each, as there may be no time for more.
            _cancel(sorted({number.partition("_")[0] for number in numbers}))
    return failures


def _reasons_of_queue() -> dict[str, str] | None:
    """Return what Slurm says that each job in its queue waits for, nothing where it runs.

    Jobs are known by both of their numbers.  None where Slurm does not answer.
    """
    lines = answer_of(["squeue", "--me", "-h", "-r", "-o", "%i|%F_%K|%t|%r"]).splitlines()
    # The question may fail while the controller starts again: then none is taken for lost.
    if not lines and not answer_of(["sinfo", "-h"]):
        return None
    reasons = {}
    for number, number_in_array, state, reason in (line.split("|", 3) for line in lines):
        reasons[number] = reasons[number_in_array] = reason if state == "PD" else ""
    return reasons


def _waiting_in_words(reasons: Iterable[str]) -> str:
    """Return how many jobs wait in the queue for what: ``3 jobs wait (Resources)``."""
    known = Counter(reason for reason in reasons if reason not in ("", "None"))
    return f"{counted(known.total(), 'jobs wait')} ({join_with_and(known)})" if known else ""


def _never_started(execution: Execution, reasons: Sequence[str]) -> InputError:
    """Return the error for jobs that were cancelled, as they could never start."""
    request = ", ".join(f"{name}: {value}" for name, value in execution.slurm if value)
    problem = f"cancelled {counted(len(reasons), 'jobs')} that could never start: Slurm says "
    problem += join_with_and(dict.fromkeys(reasons))
    remedy = f"Ask for what the cluster grants ({request}); then run the same command again."
    return InputError(problem, where="execution: slurm", remedy=remedy)


def _cancel(numbers: Sequence[str]) -> None:
    """Cancel jobs of Slurm; say how, where it could not be done."""
    command = ["scancel", *numbers]
    with suppress(OSError):  # of a terminal that was closed
        if subprocess.run(command, capture_output=True, check=False).returncode:
            print(f"rin: jobs are still in the queue: {' '.join(command)}", file=sys.stderr)


def _submitted(jobs: Sequence[ShippedJob], execution: Execution, logs: Path) -> list[Any]:
    """Submit jobs and return what submitit knows them by."""
    import submitit

    of_slurm_alone = {
        "partition": "slurm_partition",
        "array_parallelism": "slurm_array_parallelism",
        "additional": "slurm_additional_parameters",
    }
    settings = {of_slurm_alone.get(name, name): value for name, value in execution.slurm if value}
    often = {"slurm_max_num_timeout": 10_000} if execution.executor == "slurm" else {}
    with as_input_error(
        "the jobs cannot be submitted",
        where=f"execution: {execution.executor}",
        remedy="Look at the queue and its limits, or set execution.executor to processes; then "
        "run the same command again.",
        kinds=Exception,  # submitit and sbatch raise what they like
    ):
        executor = submitit.AutoExecutor(logs, execution.executor, **often)
        executor.update_parameters(name="rin", **settings)
        with executor.batch():
            return [executor.submit(job) for job in jobs]


def _ended_jobs(jobs: Sequence[Any], local: bool, reasons: dict[str, str] | None) -> list[Any]:
    """Return the jobs that have left a result, or that nothing does any more."""
    if local:
        lost = [job for job in jobs if job.done()]
    else:
        lost = [job for job in jobs if reasons is not None and job.job_id not in reasons]
    return [job for job in jobs if job.paths.result_pickle.is_file() or job in lost]


def _failure_of(job: Any) -> InputError | None:
    """Return how a job failed that has ended; None for one that did not."""
    deadline = time.monotonic() + SLOW_FILES
    while not job.paths.result_pickle.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)  # the file of another node
    try:
        if not job.paths.result_pickle.is_file():
            raise RuntimeError("it ended without a result")
        bad_input: InputError | None = job.result()
    except Exception as error:
        log = job.paths.stderr
        lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
        last = " | ".join(line.strip() for line in lines[-LAST_LINES:] if line.strip())
        return InputError(
            f"the job {job.job_id} failed ({problem_of(error)[-300:]}); its log ends: {last}",
            where=log,
            remedy="Correct what the log says, or ask for more time or memory; then run the same "
            "command: it submits what is missing.",
        )
    return bad_input


@contextmanager
def one_bar(total: int) -> Iterator[tqdm]:
    """Show one progress bar over every `run_with_bar` within, of `total` runs together."""
    with _new_bar("Study", total, 0) as bar:
        token = _shared_bar.set(bar)
        try:
            yield bar
        finally:
            _shared_bar.reset(token)


def run_with_bar(
    execution: Execution,
    work: Callable[..., None],
    jobs: Sequence[tuple[Any, ...]],
    ledger: Ledger,
    runs: Sequence[Planned],
    title: str,
    status: Callable[[], str] = str,
) -> None:
    """Run `work(*job)` for each job and show one progress bar over the `runs` that they finish.

    `status` is what stands behind the bar.  The first failure of a job is raised after every other
    job has ended.
    """
    finished_before, total = ledger.count(runs), len(runs)
    if (bar := _shared_bar.get()) is not None:
        bar.update(finished_before)
    if not jobs:
        return
    if bar is None:
        shown = _new_bar(title, total, finished_before)
    else:
        bar.set_description(title)
        # Runs of another stage last longer or shorter: the time left follows from this one.
        bar.initial, bar.start_t = bar.n, time.time()
        shown = nullcontext(bar)
    with shown as bar:
        of_other_stages, queue = bar.n - finished_before, deque([""], maxlen=1)

        def refresh() -> None:
            bar.set_postfix_str("; ".join(filter(None, [status(), *queue])), refresh=False)
            bar.update(of_other_stages + ledger.count(runs) - bar.n)

        with _repeated(refresh):
            logs = ledger.folder.parent / "jobs"
            failures = do_jobs(execution, work, jobs, logs, queue.append)
    if any(isinstance(e, BrokenProcessPool) for e in failures):
        problem = f"a worker process died after {ledger.count(runs)} of {total} runs"
        remedy = "Often memory: set execution.workers lower. Run again to go on from here."
        raise InputError(problem, where=title, remedy=remedy) from failures[0]
    if failures:
        raise failures[0]


@contextmanager
def _repeated(function: Callable[[], None]) -> Iterator[None]:
    """Call a function twice a second while a block runs, and once when it has ended well."""
    ended = threading.Event()

    def repeat() -> None:
        while not ended.wait(0.5):
            function()

    thread = threading.Thread(target=repeat, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    function()


def run_each(work: Callable[[Any], None], runs: Iterable[Planned], ledger: Ledger) -> None:
    """Do the runs that a ledger lacks one after the other, those last that others are doing.

    The first `InputError` is raised when all have ended.
    """
    failures = []
    for waiting in (False, True):
        held = []
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
    # The pace is that of all runs so far: smoothed, it would leave out the times without any.
    refreshed = {"mininterval": 0.5 if sys.stderr.isatty() else 15, "miniters": 0, "smoothing": 0}
    return tqdm(desc=title, total=total, initial=done, unit="run", **refreshed)

"""Where jobs run: this process, a pool of processes, or submitit's jobs, behind one interface.

Nothing here retries: what a dead worker or job left undone, the ledger still lists as missing.
"""

from __future__ import annotations

import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, nullcontext
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from filelock import Timeout
from tqdm import tqdm

from rin.errors import InputError, explained, problem_of
from rin.processes import Stopped, kill_workers, start_worker
from rin.study.ledger import Ledger, Planned, answer_of
from rin.study.profile import Execution

#: Lines of a failed job's log that its error shows; seconds that a file may take between nodes.
LAST_LINES, SLOW_FILES = 5, 5
# The bar that several stages share, while there is one.
_shared_bar: ContextVar[tqdm | None] = ContextVar("bar", default=None)
#: What this process trained last, for blocks that go on with it, by what they must share.
last_trained: dict[tuple, Any] = {}


def make_executor(execution: Execution, folder: Path) -> Executor:
    """Return the executor that a profile asks for; submitit keeps its logs in a folder."""
    if execution.executor != "processes":
        return Jobs(execution, folder)
    if execution.workers == 0:
        return ThisProcess()
    spawned = multiprocessing.get_context("spawn")
    devices = None
    if visible := visible_devices() if execution.devices is None else []:
        devices = spawned.SimpleQueue()
        for worker in range(execution.workers):
            devices.put(visible[worker % len(visible)])
    return ProcessPoolExecutor(execution.workers, spawned, start_worker, (devices,))


def begin_block(execution: Execution) -> None:
    """Let this process forget the networks of earlier blocks; set its threads and precision."""
    import keras

    from rin.training.trainer import prepare_framework

    last_trained.clear()
    keras.backend.clear_session()  # it forgets the precision, too
    prepare_framework(execution.threads, execution.precision)
    if execution.precision == "float32" or keras.backend.backend() != "tensorflow":
        return
    from tensorflow.errors import OpError

    problem = f"this processor does not train in {execution.precision}"
    remedy = "Give precision: float32 in the profile."
    with explained(problem, where="execution: precision", remedy=remedy, kinds=OpError):
        keras.layers.Conv2D(8, 3, kernel_initializer="zeros")(np.zeros((1, 8, 8, 16), np.float32))


def visible_devices() -> list[str]:
    """Return the GPUs that this process may use, as `CUDA_VISIBLE_DEVICES` names them."""
    if (devices := os.environ.get("CUDA_VISIBLE_DEVICES")) is not None:
        return [name for name in devices.split(",") if name.strip()]
    return [str(k) for k in range(len(answer_of(["nvidia-smi", "-L"]).splitlines()))]


class ThisProcess(Executor):
    """Does every job at once, in the thread that submits it, so that Ctrl-C ends it."""

    def submit(self, work: Callable[..., None], /, *arguments: Any) -> Future:
        """Do a job and return its future, which has ended."""
        future: Future = Future()
        try:
            future.set_result(work(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


@dataclass
class Shipped:
    """A job as submitit ships it; called again, it does what its ledger still lacks."""

    work: Callable[..., None]
    arguments: tuple

    def __call__(self) -> InputError | None:
        """Do the work; bad input is an answer, so that it comes back as what it is."""
        try:
            self.work(*self.arguments)
        except InputError as error:
            return error

    def checkpoint(self) -> Any:
        """Go on in another job, when this one's time is up or a more urgent one comes."""
        from submitit.helpers import DelayedSubmission

        return DelayedSubmission(self)


class Jobs(Executor):
    """Jobs of submitit as futures, submitted as one array; `local` ones are subprocesses."""

    def __init__(self, execution: Execution, folder: Path) -> None:
        import submitit

        self._local, settings = execution.executor == "local", execution.slurm
        self._futures: list[tuple[Shipped, Future]] = []
        self._running: list[tuple[Any, Future]] = []
        self._open = True
        more = {} if self._local else {"slurm_max_num_timeout": 10_000}
        problem, remedy = "jobs cannot be submitted", "Set execution.executor to processes."
        with explained(problem, where=execution.executor, remedy=remedy, kinds=RuntimeError):
            self._submitit = submitit.AutoExecutor(folder, execution.executor, **more)
        parameters = {
            "name": "rin",
            "timeout_min": settings.timeout_min,
            "cpus_per_task": settings.cpus_per_task,
            "gpus_per_node": settings.gpus_per_node,
            "mem_gb": settings.mem_gb,
            "slurm_partition": settings.partition,
            "slurm_array_parallelism": settings.array_parallelism,
            "slurm_additional_parameters": settings.additional,
        }
        parameters = {name: value for name, value in parameters.items() if value}
        self._submitit.update_parameters(**parameters)

    def submit(self, work: Callable[..., None], /, *arguments: Any) -> Future:
        """Return a future of a job, which `start` submits with the others."""
        self._futures.append((Shipped(work, arguments), future := Future()))
        return future

    def start(self) -> None:
        """Submit what was given, and let a thread wait for it."""
        problem = "the jobs cannot be submitted"
        remedy = "Look at the queue and its limits, then run the same command again."
        # submitit and sbatch raise what they like
        refused = explained(problem, where="submitit", remedy=remedy, kinds=Exception)
        with refused, self._submitit.batch():
            jobs = [self._submitit.submit(shipped) for shipped, _ in self._futures]
        futures = [future for _, future in self._futures]
        self._running = list(zip(jobs, futures, strict=True))
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        while self._open and self._running:
            queued = None if self._local else self._queued()
            for job, future in list(self._running):
                under_way = not job.done() if queued is None else job.job_id in queued
                if job.paths.result_pickle.is_file() or not under_way:
                    self._running.remove((job, future))
                    _resolve(job, future)
            time.sleep(0.5 if self._local else 2)

    def _queued(self) -> set[str]:
        """Return the jobs that the cluster still knows."""
        answer = answer_of(["squeue", "--me", "-h", "-r", "-o", "%i %F_%K"])
        # The question may fail while the controller starts again: then none is taken for lost.
        unsure = not answer and not answer_of(["sinfo", "-h"])
        return {job.job_id for job, _ in self._running} if unsure else set(answer.split())

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Cancel what has not ended."""
        self._open = False
        for job, _ in self._running:
            job.cancel(check=False)


def _resolve(job: Any, future: Future) -> None:
    """Let a future have what its job, which has ended, gave or failed with."""
    deadline = time.monotonic() + SLOW_FILES
    while not job.paths.result_pickle.is_file() and time.monotonic() < deadline:
        time.sleep(0.2)  # the file of another node
    try:
        if not job.paths.result_pickle.is_file():
            raise RuntimeError("it ended without a result")
        failure = job.result()
    except Exception as error:
        log = job.paths.stderr
        lines = log.read_text("utf-8", "replace").splitlines() if log.is_file() else []
        last = " | ".join(line.strip() for line in lines[-LAST_LINES:] if line.strip())
        failure = InputError(
            f"the job {job.job_id} failed ({problem_of(error)[-300:]}); its log ends: {last}",
            where=log,
            remedy="Correct what the log says, or ask for more time or memory; then run the same "
            "command: it submits what is missing.",
        )
    if failure is None:
        future.set_result(None)
    else:
        future.set_exception(failure)


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
    """Run `work(*job)` for each job and show one progress bar over the `runs` that they finish.

    `status` is what stands behind the bar.  The first failure of a job is raised after every other
    job has ended.
    """
    if not jobs:
        return
    ledger.sweep()
    finished_before, total = ledger.count(runs), len(runs)
    executor = make_executor(execution, ledger.folder.parent / "jobs")
    if (bar := _shared_bar.get()) is None:
        shown = _new_bar(title, total, finished_before)
    else:
        bar.set_description(title)
        # Runs of another stage last longer or shorter: the time left follows from this one.
        bar.initial, bar.start_t = bar.n, time.time()
        shown = nullcontext(bar)
    with shown as bar:
        of_other_stages = bar.n - finished_before

        def refresh() -> None:
            bar.set_postfix_str(status(), refresh=False)
            bar.update(of_other_stages + ledger.count(runs) - bar.n)

        with _repeated(refresh):
            futures = _do_jobs(executor, work, jobs)
    failures = [e for future in futures if (e := future.exception()) is not None]
    if any(isinstance(e, BrokenProcessPool) for e in failures):
        problem = f"a worker process died after {ledger.count(runs)} of {total} runs"
        remedy = "Often memory: set execution.workers lower. Run again to go on from here."
        raise InputError(problem, where=title, remedy=remedy) from failures[0]
    if failures:
        raise failures[0]


def _do_jobs(
    executor: Executor, work: Callable[..., None], jobs: Sequence[tuple]
) -> list[Future[Any]]:
    """Return the futures of all jobs when they have ended; Ctrl-C ends what is under way."""
    patient = True
    try:
        futures = [executor.submit(work, *job) for job in jobs]
        if isinstance(executor, Jobs):
            executor.start()
        wait(futures)
    except (KeyboardInterrupt, Stopped):
        patient = False
        kill_workers()
        raise
    finally:
        executor.shutdown(wait=patient, cancel_futures=True)
    return futures


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

"""Worker processes that end with the process that started them, and with Ctrl-C.

TensorFlow's start-up messages are kept off the terminal.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from types import FrameType
from typing import Any

PR_SET_PDEATHSIG = 1
#: Signals that stop a command: Ctrl-C, a shutdown or the end of a job, a closed terminal.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4


class Stopped(BaseException):
    """The user or the system stopped the command; no `except Exception` may catch this."""


def kill_workers() -> None:
    """Kill the workers of this process's pools at once; runs that they finished are kept."""
    for worker in multiprocessing.active_children():
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
    for worker in multiprocessing.active_children():
        worker.join(2)


def die_with(parent: int) -> None:
    """Ignore Ctrl-C, which the parent handles, and end this process when the parent ends.

    On Linux the kernel ends this process; elsewhere only a parent that is already gone is noticed.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # works while a library loads, when a thread cannot
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


@contextmanager
def block_interrupts() -> Iterator[None]:
    """Block Ctrl-C in all processes that start meanwhile, so that only this one receives it."""
    resource_tracker.ensure_running()  # started later by Python, it would receive Ctrl-C
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def handle_signals(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Let a handler receive the signals that stop a command, except for those that are ignored."""
    numbers = [number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


@contextmanager
def delay_signals() -> Iterator[None]:
    """Delay the signals that stop a command until the block has ended."""
    if threading.current_thread() is not threading.main_thread():  # only that thread gets signals
        yield
        return
    # Blocking them would not do: another thread would receive the signal and stop the main one.
    came = []
    try:
        with handle_signals(lambda number, _: came.append(number)):
            yield
    finally:
        for number in came[:1]:
            signal.raise_signal(number)


def start_worker(devices: SimpleQueue | None, shared: bool = False) -> None:
    """Initialise a worker of a pool; if there are `devices` (GPUs), it takes one of them.

    Workers with `shared` devices take memory as they need it, not most of it at once.
    """
    # Defined here because other modules take seconds to import, and until then the worker would
    # outlive its parent.
    if (parent := multiprocessing.parent_process()) is not None:
        die_with(parent.pid)
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices.get()
    if shared:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with suppress(Exception):  # a job that needs it meets the same error, and says so
        load_keras()


def keep_memory() -> None:
    """Let the C library, if it has `mallopt`, keep freed memory for the next training step."""
    # TensorFlow's first dataset lowers the threshold to 128 kB, and leaves the number of maps.
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, 2**30)


def load_keras() -> None:
    """Import Keras and its framework, silently unless TensorFlow's log level is 0."""
    quiet_tensorflow()
    kept = os.dup(2)
    # On processors with AVX-512, a line on oneDNN comes before TensorFlow has read its log level.
    if os.environ["TF_CPP_MIN_LOG_LEVEL"] != "0":
        with Path(os.devnull).open("w") as nowhere:
            os.dup2(nowhere.fileno(), 2)
    try:
        import keras  # noqa: F401
    finally:
        os.dup2(kept, 2)
        os.close(kept)


def quiet_tensorflow() -> None:
    """Keep TensorFlow's messages off the terminal, unless its log level is 0."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") != "0":
        logging.getLogger("tensorflow").setLevel(logging.ERROR)

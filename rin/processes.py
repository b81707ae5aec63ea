"""Worker processes end with the process that started them, and Ctrl-C ends them all.

What TensorFlow writes while it starts stays off the terminal.
"""

import ctypes
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib.machinery import ModuleSpec, PathFinder
from multiprocessing import resource_tracker
from multiprocessing.queues import SimpleQueue
from types import ModuleType

from rin.errors import InputError

PR_SET_PDEATHSIG = 1
#: What stops a command: Ctrl-C, the end of the system or of a job, a terminal that is closed.
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3


class Stopped(BaseException):
    """Somebody stopped the command; nothing on the way to it may take that for an error."""


def kill_workers() -> None:
    """End the processes of this one's pools at once: what they had finished is kept."""
    for worker in multiprocessing.active_children():
        with suppress(ProcessLookupError):
            os.kill(worker.pid, signal.SIGKILL)
    for worker in multiprocessing.active_children():
        worker.join(2)


def die_with(parent: int) -> None:
    """Leave Ctrl-C to the parent process, and have the kernel end this one when that is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if sys.platform == "linux":  # also while a library is loaded, when no thread can do it
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def end_with_parent() -> None:
    """End this worker when its parent is gone, even if killed; the parent alone hears Ctrl-C."""
    if (parent := multiprocessing.parent_process()) is not None:
        die_with(parent.pid)
        follow(parent.pid)


def follow(process: int) -> None:
    """End this process within a second of another one's end."""

    def look() -> None:
        with suppress(ProcessLookupError):
            while True:
                os.kill(process, 0)
                time.sleep(0.5)
        os._exit(1)

    threading.Thread(target=look, daemon=True).start()


@contextmanager
def without_interrupts() -> Iterator[None]:
    """Have processes that start meanwhile, and theirs, leave Ctrl-C to this one."""
    resource_tracker.ensure_running()  # Python's own start of it would let Ctrl-C through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Let what stops a command wait until a block has ended."""
    if threading.current_thread() is not threading.main_thread():  # which alone is stopped
        yield
        return
    # Not blocked: another thread of this process would hear it, and stop the main one.
    came, before = [], {}
    for number in STOPPING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            before[number] = signal.signal(number, lambda number, _: came.append(number))
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        for number in came[:1]:
            signal.raise_signal(number)


def start_worker(devices: SimpleQueue | None) -> None:
    """Begin a worker of a pool, which takes one of the `devices` (GPUs), if any, for itself."""
    # In this module, as others take seconds to import before the worker heeds its parent.
    end_with_parent()
    quiet_tensorflow()
    if devices is not None:
        os.environ["CUDA_VISIBLE_DEVICES"] = devices.get()


def keep_memory() -> None:
    """Have the C library, where it can, keep what is freed for the next step."""
    # TensorFlow's first dataset has it map every 128 kB anew, 1.4 GB in the shortest run.
    if mallopt := getattr(ctypes.CDLL(None), "mallopt", None):
        mallopt(M_MMAP_THRESHOLD, 2**25)
        mallopt(M_TRIM_THRESHOLD, 2**30)


def quiet_tensorflow() -> None:
    """Keep off the terminal what TensorFlow writes when it starts, unless its log level is 0."""
    if os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3") == "0":
        return
    logging.getLogger("tensorflow").setLevel(logging.ERROR)
    if _QuietStart not in sys.meta_path:
        sys.meta_path.insert(0, _QuietStart)


class _QuietStart(PathFinder):
    """Finds TensorFlow as Python does, and has it loaded with standard error closed."""

    @classmethod
    def find_spec(
        cls, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return how TensorFlow is loaded; None for any other module."""
        spec = super().find_spec(fullname, path, target) if fullname == "tensorflow" else None
        if spec is not None and spec.loader is not None:
            spec.loader.exec_module = partial(_load_quietly, spec.loader.exec_module)
        return spec


class NotLoadedError(InputError, ImportError):
    """TensorFlow is there and does not load; an ImportError to libraries that can do without."""


def _load_quietly(load: Callable[[ModuleType], None], module: ModuleType) -> None:
    # The file behind it, as libraries in C++ know nothing of sys.stderr.
    shown, hidden = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(hidden, 2)
    try:
        load(module)
    except (ImportError, MemoryError, OSError) as error:
        # Its own account of it has a hundred lines; the cause is on one of the last.
        lines = [line for line in str(error).splitlines() if "Error:" in line] or [str(error)]
        problem = f"it cannot be loaded ({lines[-1] or type(error).__name__})"
        remedy = "Is there enough memory for it, half a gigabyte? Else install it anew."
        raise NotLoadedError(problem, where="TensorFlow", remedy=remedy) from error
    finally:
        os.dup2(shown, 2)
        os.close(shown)
        os.close(hidden)

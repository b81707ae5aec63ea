"""Worker processes end with the process that started them, and Ctrl-C ends them all."""

import ctypes
import multiprocessing
import os
import signal
import sys
import threading
from contextlib import suppress

PR_SET_PDEATHSIG = 1


class Stopped(BaseException):
    """Somebody pressed Ctrl-C; nothing on the way to the command line may take it for an error."""


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
    parent = multiprocessing.parent_process()
    if parent is None:
        return
    die_with(parent.pid)

    def follow() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=follow, daemon=True).start()

"""Kernels in which notebooks run: this interpreter with this package, quietly.

Importing what a page needs takes longer than most pages compute.  So where the system can fork
safely, the process that runs the notebooks of a book keeps a server (`multiprocessing`'s
forkserver) that has imported this and read the reference runs once, and is forked for each kernel.
"""

import gc
import multiprocessing
import os
import subprocess
import sys
import threading
from contextlib import suppress
from multiprocessing import forkserver
from pathlib import Path
from typing import Any

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

from rin.files import REPOSITORY
from rin.processes import quiet_tensorflow

#: Modules that most pages import, but no framework, whose threads would not survive a fork.
SHARED = ("ipykernel.kernelapp", "seaborn", "rin.cli", "rin.study", "rin.report.banner",
          "rin.report.sentences", "rin.report.page", "rin.report.format",
          "rin.report.read_once", "rin.data.standins")  # fmt: skip
_shared = False


def share_imports() -> None:
    """Let this process fork its kernels from a server that has imported `SHARED`."""
    global _shared
    if sys.platform == "linux":
        # A kernel, too, sets it before anything is imported.
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(SHARED))
        forkserver.ensure_running()  # it imports while this process goes on
        _shared = True


class Forked(multiprocessing.context.ForkServerProcess):
    """A forked kernel, with the methods of `subprocess.Popen` that its manager calls."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """Return the exit status, or None while the kernel runs."""
        return self.exitcode

    def wait(self) -> int | None:
        """Wait for the kernel to end and return its exit status."""
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel."""
        os.kill(self.pid, number)


def _serve(command: list[str], environment: dict[str, str], niceness: int) -> None:
    """Run a kernel in a process that was just forked."""
    from ipykernel.kernelapp import launch_new_instance

    gc.freeze()  # looking for garbage among what was imported would also copy that memory
    os.setsid()
    os.nice(niceness)
    keep_niceness()
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.path.insert(0, "")
    # As in a kernel that is not forked: a forkserver's locks have names, and a kernel that is
    # killed because it ends slowly would leave them behind.
    multiprocessing.set_start_method(None, force=True)
    quiet_tensorflow()
    book = multiprocessing.parent_process()

    def follow() -> None:
        book.join()
        os._exit(1)

    # The kernel follows the process that asked for it, as the server, its parent in the system,
    # lives as long as a kernel does.
    threading.Thread(target=follow, daemon=True).start()
    launch_new_instance([*command, f"--IPKernelApp.parent_handle={os.getppid()}"])


def keep_niceness() -> None:
    """Give the group of a new session this process's niceness.

    Linux on a desktop or in a virtual machine shares processors between sessions first, by a
    niceness of their own that begins at 0; that of a process counts within its session only.
    """
    with suppress(OSError):  # a system without such groups
        Path("/proc/self/autogroup").write_text(str(os.nice(0)))


def kernel_manager(folder: Path, niceness: int) -> type:
    """Return a class that starts kernels with sockets in a folder and silences their stderr."""
    search = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    if niceness:
        command = ["nice", "-n", str(niceness), *command]

    class Manager(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=command, env={"PYTHONPATH": os.pathsep.join(filter(None, search))}
        )
        # Two kernels started at the same time can be given the same ports.
        transport, ip = "ipc", str(folder / "kernel")

        async def _async_launch_kernel(self, kernel_cmd: list[str], **given: Any) -> None:
            if _shared:
                arguments = kernel_cmd[kernel_cmd.index("-f") :]
                kernel = Forked(target=_serve, args=(arguments, given["env"], niceness))
                kernel.start()
                self.provisioner.process, self.provisioner.pid = kernel, kernel.pid
                self._reconcile_connection_info(self.provisioner.connection_info)
                return
            quiet = given | {"stderr": subprocess.DEVNULL}
            await super()._async_launch_kernel(kernel_cmd, **quiet)

    return Manager

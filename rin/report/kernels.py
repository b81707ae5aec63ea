"""Kernels in which notebooks run: this interpreter with this package, quietly.

Importing what a page needs takes longer than most pages compute.  So the processes of a book that
run many notebooks, one after another, keep a server that has imported it once and is forked for
each kernel (`multiprocessing`'s forkserver), where the system can fork safely.
"""

import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from jupyter_client import AsyncKernelManager
from jupyter_client.kernelspec import KernelSpec

from rin.files import REPOSITORY
from rin.processes import end_with_parent, quiet_tensorflow

#: What most pages import, and no framework: its threads do not survive a fork.
SHARED = ("ipykernel.kernelapp", "seaborn", "rin.cli", "rin.study", "rin.report.banner",
          "rin.report.sentences", "rin.report.page", "rin.report.format")  # fmt: skip
_shared = False


def share_imports(niceness: int = 0) -> None:
    """Let the kernels of this worker process be forked from one that has imported `SHARED`.

    All of them yield to processes of less niceness.
    """
    global _shared
    end_with_parent()
    os.nice(niceness)
    if sys.platform == "linux":
        # As a kernel sets it before anything is imported.
        os.environ.setdefault("MPLBACKEND", "module://matplotlib_inline.backend_inline")
        multiprocessing.get_context("forkserver").set_forkserver_preload(list(SHARED))
        _shared = True


class Forked(multiprocessing.context.ForkServerProcess):
    """A forked kernel, which its manager takes for a `subprocess.Popen`."""

    stdin = stdout = stderr = None

    def poll(self) -> int | None:
        """Return the exit status, None while the kernel runs."""
        return self.exitcode

    def wait(self) -> int | None:
        """Wait for the kernel to end and return its exit status."""
        self.join()
        return self.exitcode

    def send_signal(self, number: int) -> None:
        """Send a signal to the kernel."""
        os.kill(self.pid, number)


def _serve(command: list[str], environment: dict[str, str]) -> None:
    """Be a kernel, in a process that was just forked."""
    from ipykernel.kernelapp import launch_new_instance

    os.setsid()
    os.environ.clear()
    os.environ.update(environment)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stderr.fileno())
    sys.path.insert(0, "")
    # As in a kernel of its own: locks of a forkserver have names, and a kernel that is slow to end
    # and killed leaves them behind.
    multiprocessing.set_start_method(None, force=True)
    quiet_tensorflow()
    worker = multiprocessing.parent_process()

    def follow() -> None:
        worker.join()
        os._exit(1)

    # The server, which it takes for its parent, lives as long as a kernel does.
    threading.Thread(target=follow, daemon=True).start()
    launch_new_instance([*command, f"--IPKernelApp.parent_handle={os.getppid()}"])


def kernel_manager(folder: Path) -> type:
    """Return how kernels are started, with sockets in a folder, and without their own remarks."""
    search = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    command = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]

    class Manager(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=command, env={"PYTHONPATH": os.pathsep.join(filter(None, search))}
        )
        # Two kernels started at the same time can be given the same ports.
        transport, ip = "ipc", str(folder / "kernel")

        async def _async_launch_kernel(self, kernel_cmd: list[str], **given: Any) -> None:
            if _shared:
                arguments = kernel_cmd[kernel_cmd.index("-f") :]
                kernel = Forked(target=_serve, args=(arguments, given["env"]))
                kernel.start()
                self.provisioner.process, self.provisioner.pid = kernel, kernel.pid
                self._reconcile_connection_info(self.provisioner.connection_info)
                return
            quiet = given | {"stderr": subprocess.DEVNULL}
            await super()._async_launch_kernel(kernel_cmd, **quiet)

    return Manager

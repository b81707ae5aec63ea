"""Running py:percent notebooks with papermill, once each.

A finished notebook is not run again until something that it was made from has changed; an
interrupted or failed notebook never counts as finished.  In the book, a page that is still being
computed, or could not be computed, says so.
"""

import io
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jupytext
import nbformat
from pydantic import create_model

from rin.errors import InputError, as_input_error, missing_resource_error
from rin.files import (
    MAKE_ROOM,
    REPOSITORY,
    FrozenModel,
    sha256_of,
    write_atomically,
)
from rin.report.shown import shown_files, write_files
from rin.study.ledger import digest_of

_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
_BAR = re.compile(r"\d+%\|.*\| *\d+/\d+ \[")  # of tqdm


def notebook_parameters(source: Path) -> dict[str, Any]:
    """Return the parameters of a notebook with their defaults.

    These are the names that the cell tagged ``parameters`` assigns; papermill's own inspection
    overlooks some parameters and only warns of unknown ones.
    """
    names: dict[str, Any] = {}
    for cell in jupytext.read(source).cells:
        if "parameters" in cell.metadata.get("tags", []):
            exec(cell.source, {}, names)  # the notebook will run it, too
    return {name: default for name, default in names.items() if not name.startswith("_")}


def fitting_parameters(source: Path, given: Mapping[str, object]) -> dict[str, Any]:
    """Return values for a notebook's parameters, converted to the types of their defaults.

    Text is read as a number or truth value where the default is one.  InputError for an unknown
    name, or a value of another type.
    """
    known = notebook_parameters(source)
    fields: dict[str, Any] = {
        name: (Any if default is None else type(default), default)
        for name, default in known.items()
    }
    model = create_model("Parameters", __base__=FrozenModel, **fields)
    remedy = f"Known: {', '.join(known)}."
    place = f"parameters of {source.name}"
    return model.parse(given, where=place, remedy=remedy).model_dump(include={*given})


def error_line(error: Exception) -> str:
    """Return a line that says what failed: the error of a cell or kernel, if there was one."""
    cause = error.__cause__
    if hasattr(cause, "ename") or isinstance(cause, RuntimeError):
        error = cause
    kind = getattr(error, "ename", type(error).__name__)
    first = str(getattr(error, "evalue", error)).strip().partition("\n")[0]
    if kind == "DeadKernelError":
        return "its process was ended from outside, as where memory ends"
    if lack := missing_resource_error(kind, first):
        return str(lack)
    if kind in ("InputError", "NotLoadedError"):
        return first  # a sentence of this package
    return f"{kind}: {first}".removesuffix(": ")


def check_target(source: Path, target: Path) -> None:
    """Raise InputError for a source that is no notebook, or a target that may not be replaced."""
    if source.suffix not in (".py", ".ipynb"):
        raise InputError(
            "it is no notebook",
            where=source,
            remedy="Name a .py file with cells (# %%), as those of notebooks/ are.",
        )
    remedy = "Name a new file, NAME.ipynb, or an earlier computed notebook."
    if target.suffix != ".ipynb":
        raise InputError("a computed notebook is an .ipynb file", where=target, remedy=remedy)
    for path in (target, _failure_path(target)):  # both are written
        if path.exists() and (path.samefile(source) or not _is_computed(path)):
            problem = "it is there already and is no computed notebook"
            raise InputError(problem, where=path, remedy=remedy)


def _is_computed(path: Path) -> bool:
    """Return whether a file is a notebook that papermill has run."""
    with suppress(OSError, ValueError, nbformat.ValidationError):
        return "papermill" in nbformat.read(path, 4).metadata
    return False


def _failure_path(output: Path) -> Path:
    return output.with_name(f"{output.stem}.failed.ipynb")


@dataclass(frozen=True)
class Job:
    """A notebook to compute; for a page of the book also what it waits for and what it reads."""

    source: Path  # the py:percent file
    output: Path  # the computed ``.ipynb``
    parameters: Mapping[str, object] = field(default_factory=dict)  # for the cell of that tag
    inputs: str = ""  # digest of all else that it depends on, except results of other jobs
    ledgers: tuple[Path, ...] = ()  # folders of runs that it reads or fills
    name: str = ""  # of the page
    after: frozenset[str] = frozenset()  # names of the jobs that must end before it starts
    live: bool = False  # whether it shows runs of this computer, which take long
    trains: bool = False  # whether it fills a ledger, with workers of its own
    # Of the folder of its figures and tables as files, relative to the computed page.
    address: str | None = None

    def fingerprint(self) -> str:
        """Return a digest of what the page depends on besides its text, including present runs."""
        present = (file for ledger in self.ledgers for file in ledger.glob("*/done.json"))
        runs = {done.parent.name: done.stat().st_mtime_ns for done in present}
        return digest_of({"inputs": self.inputs, "runs": runs})

    def record(self) -> dict[str, Any]:
        """Return what the finished notebook was made from; empty without one."""
        # A notebook that has been damaged since is computed again.
        with suppress(OSError, ValueError, TypeError, KeyError):
            notebook = json.loads(self.output.read_text(encoding="utf-8"))
            record = notebook["metadata"]["rin"]
            if record.pop("cells") == digest_of(notebook["cells"]):
                return record
        return {}

    def current(self) -> bool:
        """Return whether the computed notebook is there and up to date."""
        return self._made_from().items() <= self.record().items()

    def run(self, niceness: int = 0) -> float:
        """Compute the notebook, with this niceness, and return its seconds.

        The result appears under its name only when every cell has finished; until then, and if a
        cell fails (InputError), it is in ``*.failed.ipynb`` in the same folder.
        """
        values = fitting_parameters(self.source, self.parameters)
        from papermill import PapermillExecutionError, execute_notebook

        unwritable = "a computed notebook cannot be written there"
        with as_input_error(unwritable, where=self.output.parent, remedy=MAKE_ROOM):
            self.output.parent.mkdir(parents=True, exist_ok=True)
        failed = _failure_path(self.output)
        before = self._made_from()
        began = time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                done = execute_notebook(
                    jupytext.read(self.source),
                    failed.resolve(),
                    parameters=values,
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    start_timeout=300,  # a loaded machine may take a minute for a kernel's imports
                    kernel_manager_class=kernel_manager(Path(folder), niceness),
                    stderr_file=Progress(),
                )
        # nbclient raises RuntimeError for a kernel that died or does not start in time.
        except (PapermillExecutionError, RuntimeError) as error:
            problem = f"the notebook did not finish\n{last_lines(str(error), 15)}"
            remedy = f"\nThe computed part is in {failed}."
            raise InputError(problem, where=self.source, remedy=remedy) from error
        seconds = time.monotonic() - began
        # The source is recorded as it was before, in case it was edited meanwhile; the runs as
        # they are now, including those that the notebook made.
        record = before | {"fingerprint": self.fingerprint()}
        done.metadata["kernelspec"] = _KERNEL
        # Paths on this machine are no part of the result.
        paths = {"input_path": self.source.name, "output_path": self.output.name}
        done.metadata["papermill"] |= paths
        for cell in done.cells:
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.metadata["tags"].append("remove-input")  # the banner states them
        shown_files(done, self.name, self.address)  # links them
        record["cells"] = digest_of(json.loads(nbformat.writes(done))["cells"])
        done.metadata["rin"] = record
        with write_atomically(self.output) as draft:
            nbformat.write(done, draft)
        failed.unlink(missing_ok=True)
        return seconds

    def _made_from(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint(),
            "source": sha256_of(self.source),
            "parameters": dict(self.parameters),
        }


def run_alone(source: Path, output: Path, given: Mapping[str, object]) -> None:
    """Compute a single notebook, with its figures and tables as files beside it."""
    job = single_job(source, output, given)
    job.run()
    files = shown_files(nbformat.read(output, as_version=4), job.name)
    write_files(files, output.parent, job.name)


def single_job(source: Path, output: Path, given: Mapping[str, object]) -> Job:
    """Return the job of a single notebook, whose figures and tables go beside the computed one."""
    place = Path(source.stem)
    with suppress(ValueError):  # a notebook elsewhere
        place = source.resolve().relative_to(REPOSITORY / "notebooks").with_suffix("")
    return Job(source, output, given, name=place.as_posix(), address=".")


def write_placeholder(job: Job) -> None:
    """Write a page saying that it is being computed, unless its present text was computed before.

    It contains the first lines of the notebook: what it answers, needs and takes.  A page computed
    from an earlier source is replaced because it may link to pages that no longer exist.
    """
    if job.record().get("source") == sha256_of(job.source):
        return
    note = (
        "```{note}\nThis page is being computed on this computer. It is complete when `make book` "
        "has ended; reload it then.\n```"
    )
    _write_uncomputed(job, note)


def write_failure(job: Job, error: Exception) -> None:
    """Write a page that says why it could not be computed, with the end of its log.

    It contains the first lines of the notebook, and replaces any page that was computed earlier
    from other runs or another source.
    """
    said = f"{error_line(error)}\n\n{error}"
    fence = "`" * (3 + max(map(len, re.findall("`+", said)), default=0))
    note = (
        "```{error}\n**This page could not be computed.** The other pages are built; where they "
        "show what this one computes, they show what was finished before. `make book` tries it "
        "again.\n```"
    )
    _write_uncomputed(job, f"{note}\n\n{fence}text\n{said}\n{fence}")


def _write_uncomputed(job: Job, note: str) -> None:
    """Write a page with the first lines of its notebook and a note."""
    cells = jupytext.read(job.source).cells
    head = [cell for cell in cells if cell.cell_type == "markdown"][:1]
    page = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNEL})
    page.cells = [*head, nbformat.v4.new_markdown_cell(note)]
    job.output.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(job.output) as draft:
        nbformat.write(page, draft)


def kernel_manager(folder: Path, niceness: int) -> type:
    """Return a class that starts this interpreter, with this package, as a silent kernel.

    Its sockets are in a folder: two kernels started at the same time can be given the same ports.
    """
    from jupyter_client import AsyncKernelManager
    from jupyter_client.kernelspec import KernelSpec

    search = [str(REPOSITORY), os.environ.get("PYTHONPATH", "")]
    command = ["nice", "-n", str(niceness), sys.executable, "-m", "ipykernel_launcher"]

    class Manager(AsyncKernelManager):
        kernel_spec = KernelSpec(
            argv=[*command, "-f", "{connection_file}"],
            env={"PYTHONPATH": os.pathsep.join(filter(None, search))},
        )
        transport = "ipc"
        ip = str(folder / "kernel")

        async def _async_launch_kernel(self, kernel_cmd: list[str], **given: Any) -> None:
            quiet = given | {"stderr": subprocess.DEVNULL}
            await super()._async_launch_kernel(kernel_cmd, **quiet)

    return Manager


class Progress(io.TextIOBase):
    """Prints the progress bars that a notebook draws on its stderr, and nothing else of it."""

    def write(self, text: str) -> int:
        """Accept what a notebook wrote; tqdm redraws its bars there every fifteen seconds."""
        for bar in filter(_BAR.search, re.split(r"[\r\n]+", text)):
            print(f"        {bar}", file=sys.stderr, flush=True)
        return len(text)


def last_lines(text: str, count: int) -> str:
    """Return the last non-empty lines of a log, without terminal colours."""
    lines = re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text).splitlines()
    return "\n".join([line for line in lines if line.strip()][-count:])

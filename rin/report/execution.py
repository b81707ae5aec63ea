"""Running py:percent notebooks with papermill, once each.

A notebook is not run again while what it was made from is that of a finished result; one that was
cut off or failed is never taken for finished.  In the book, a page says so that is still being
computed, or that could not be.
"""

import ast
import hashlib
import io
import json
import re
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from html import unescape
from pathlib import Path
from typing import Any, TextIO

import jupytext
import nbformat
from pydantic import TypeAdapter, ValidationError

from rin.errors import InputError, as_input_error, lacking, look_up
from rin.files import MAKE_ROOM, REPOSITORY, sha256_of, write_atomically
from rin.report.kernels import kernel_manager

_KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}
# A bar as tqdm draws it: title, percentage, steps done and in all, time passed and left.
_BAR = re.compile(r"^(.*?):?\s*\d+%\|.*\| *(\d+)/(\d+) \[[^<\]]*(?:<([\d:]+))?")


def notebook_parameters(source: Path) -> dict[str, Any]:
    """Return the parameters of a notebook with their defaults.

    They are what the cell tagged ``parameters`` assigns; papermill's own inspection overlooks some
    and only warns of others.
    """
    names: dict[str, Any] = {}
    for cell in jupytext.read(source).cells:
        if "parameters" in cell.metadata.get("tags", []):
            exec(cell.source, {}, names)  # as the notebook is about to do
    return {name: default for name, default in names.items() if not name.startswith("_")}


def fitting_parameters(source: Path, given: Mapping[str, object]) -> dict[str, Any]:
    """Return what is given for parameters of a notebook as values of the types of their defaults.

    Text is read as a number or truth value where the default is one, and as a list, `a,b` or
    `[a, b]`, of what the default lists.  InputError for a name that the notebook does not have and
    for what does not fit.
    """
    known, values = notebook_parameters(source), {}
    for name, value in given.items():
        default = look_up(f"parameter of notebook {source.name}", name, known)
        kind = Any if default is None else type(default)
        wanted = getattr(kind, "__name__", "any")
        if kind is list:
            items = {type(item) for item in default}
            kind = list[items.pop()] if len(items) == 1 else list[str]
            wanted = f"list, such as {name}=a,b"
            if isinstance(value, str):
                inside = re.sub(r"\A\[(.*)\]\Z", r"\1", value.strip())
                value = [item.strip() for item in inside.split(",")] if inside.strip() else []
        try:
            values[name] = TypeAdapter(kind).validate_python(value)
        except ValidationError as error:
            problem = f"parameter {name} is {value!r}"
            remedy = f"Give a value of type {wanted}."
            raise InputError(problem, where=source.name, remedy=remedy) from error
    return values


class NotebookError(InputError):
    """A notebook that did not finish: its error in one `line`, and the end of its `log`."""

    def __init__(self, line: str, log: str, *, where: str | Path, remedy: str) -> None:
        super().__init__(f"the notebook did not finish\n{log}", where=where, remedy=remedy)
        self.line, self.log = line, log

    def __reduce__(self) -> tuple:
        """Keep all parts when the error crosses a process border."""
        return partial(type(self), where=self.where, remedy=self.remedy), (self.line, self.log)


def error_line(error: Exception) -> str:
    """Return in one line what failed, by the error of a cell where it was one."""
    if isinstance(error, NotebookError):
        return error.line
    kind, said = getattr(error, "ename", type(error).__name__), getattr(error, "evalue", error)
    first = next((line for line in without_colours(str(said)).splitlines() if line.strip()), "")
    if kind == "DeadKernelError":
        return "its process was ended from outside, as where memory ends"
    if lack := lacking(kind, first):
        return str(lack)
    if isinstance(error, InputError) or kind in ("InputError", "NotLoadedError"):
        return first  # a sentence of this package
    return f"{kind}: {first}".removesuffix(": ")


def check_target(source: Path, target: Path) -> None:
    """Refuse (InputError) to write a computed notebook over anything but another one."""
    remedy = "Name a new file, NAME.ipynb, or an earlier computed notebook."
    if target.suffix != ".ipynb":
        raise InputError("a computed notebook is an .ipynb file", where=target, remedy=remedy)
    for folder in ("notebooks", "rin", "tests"):
        if target.resolve().is_relative_to(REPOSITORY / folder):
            raise InputError(f"{folder} is a folder of sources", where=target, remedy=remedy)
    for path in (target, _failed(target)):  # both are written
        if path.exists() and (path.samefile(source) or not _is_computed(path)):
            problem = "it is there already and is no computed notebook"
            raise InputError(problem, where=path, remedy=remedy)


def _is_computed(path: Path) -> bool:
    """Tell whether a file is a notebook that papermill has run."""
    with suppress(OSError, ValueError, nbformat.ValidationError):
        return "papermill" in nbformat.read(path, 4).metadata
    return False


def _failed(output: Path) -> Path:
    return output.with_name(f"{output.stem}.failed.ipynb")


@dataclass(frozen=True)
class Job:
    """A notebook to compute; as a page of the book also what it waits for and what it reads."""

    source: Path  # the py:percent file
    output: Path  # the computed ``.ipynb``
    parameters: Mapping[str, object] = field(default_factory=dict)  # for the cell of that tag
    heading: str | None = None  # in place of the notebook's own first heading
    inputs: str = ""  # digest of everything else that it depends on and that no other job makes
    ledgers: tuple[Path, ...] = ()  # folders of runs that it reads or fills
    name: str = ""  # that of the page
    after: frozenset[str] = frozenset()  # names of those that must have ended before
    live: bool = False  # whether it shows what this computer does, and not results
    trains: bool = False  # whether it fills a ledger, with workers of its own
    twice: bool = False  # whether it is computed before those that it waits for, too
    shown: Path | None = None  # folder for its figures and tables as files
    address: str = ""  # of that folder, as the computed page sees it

    def fingerprint(self) -> str:
        """Return what the page depends on besides its text, with the runs that there are now."""
        digest = hashlib.sha256(self.inputs.encode())
        for done in sorted(file for ledger in self.ledgers for file in ledger.glob("*/done.json")):
            digest.update(f"{done.parent.name} {done.stat().st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def notebook(self) -> nbformat.NotebookNode:
        """Return the notebook under the heading of the page."""
        notebook = jupytext.read(self.source)
        if self.heading:
            first = next(cell for cell in notebook.cells if cell.cell_type == "markdown")
            first.source = re.sub(r"\A# .*", lambda _: f"# {self.heading}", first.source)
        return notebook

    def recorded(self) -> dict[str, Any]:
        """Return what the finished notebook was made from and its seconds; empty for none."""
        # What a fault of the disk has changed since is computed anew.
        with suppress(OSError, ValueError, TypeError, KeyError):
            text = self.output.read_text(encoding="utf-8")
            record = json.loads(text)["metadata"]["rin"]
            if record.pop("cells") == _cells_digest(text):
                return record
        return {}

    def current(self) -> bool:
        """Return whether the computed notebook is there and up to date."""
        return self._made_from().items() <= self.recorded().items()

    def run(self) -> float:
        """Compute the notebook and return its seconds.

        The result appears under its name only when every cell has finished; until then, and where
        one fails (InputError), it lies beside as ``*.failed.ipynb``.
        """
        if not self.source.is_file():
            raise InputError("no such notebook", where=self.source, remedy="Check the name.")
        values = fitting_parameters(self.source, self.parameters)
        from nbclient.exceptions import DeadKernelError
        from papermill import PapermillExecutionError, execute_notebook

        unwritable = "a computed notebook cannot be written there"
        with as_input_error(unwritable, where=self.output.parent, remedy=MAKE_ROOM, kinds=OSError):
            self.output.parent.mkdir(parents=True, exist_ok=True)
        failed = _failed(self.output)
        before, began = self._made_from(), time.monotonic()
        try:
            with tempfile.TemporaryDirectory() as folder:
                done = execute_notebook(
                    self.notebook(),
                    failed.resolve(),
                    parameters=values,
                    kernel_name="python3",
                    language="python",
                    progress_bar=False,
                    start_timeout=300,  # a loaded machine may take a minute for a kernel's imports
                    kernel_manager_class=kernel_manager(Path(folder)),
                    stderr_file=Progress(sys.stderr),
                )
        # A kernel that does not come up in time is a RuntimeError of nbclient.
        except (PapermillExecutionError, DeadKernelError, RuntimeError) as error:
            remedy = f"\nThe computed part is in {failed}."
            said, log = error_line(error), last_lines(str(error), 15)
            raise NotebookError(said, log, where=self.source, remedy=remedy) from error
        seconds = time.monotonic() - began
        # A source edited meanwhile is not what was run; runs that it left itself are.
        after = {"fingerprint": self.fingerprint(), "seconds": round(seconds, 1)}
        done.metadata |= {"rin": before | after, "kernelspec": _KERNEL}
        # Where this machine keeps the files is no part of the result.
        paths = {"input_path": self.source.name, "output_path": self.output.name}
        done.metadata["papermill"] |= paths
        for cell in done.cells:
            drop_bars(cell)
            set_collapsed_title(cell)
            if "injected-parameters" in cell.metadata.get("tags", []):
                cell.metadata["tags"].append("remove-input")  # the banner says it in words
        if self.shown is not None:
            from rin.report.shown import shown_files, write_files

            write_files(shown_files(done, self.name, self.address), self.shown, self.name)
        done.metadata["rin"]["cells"] = _cells_digest(nbformat.writes(done))
        with write_atomically(self.output) as draft:
            nbformat.write(done, draft)
        failed.unlink(missing_ok=True)
        return seconds

    def _made_from(self) -> dict[str, Any]:
        return {
            "fingerprint": self.fingerprint(),
            "source": sha256_of(self.source),
            "parameters": dict(self.parameters),
            "heading": self.heading,
        }


def _cells_digest(notebook: str) -> str:
    """Return the SHA-256 of the cells of a notebook, given as JSON."""
    cells = json.dumps(json.loads(notebook)["cells"], sort_keys=True)
    return hashlib.sha256(cells.encode()).hexdigest()


def write_placeholder(job: Job) -> None:
    """Leave a page that says it is being computed where a notebook was never computed as it is.

    It has the first lines of the notebook: what it answers, needs and takes.  A computed page of
    an earlier text would link to pages that there may no longer be.
    """
    if job.source.is_file() and job.recorded().get("source") == sha256_of(job.source):
        return
    note = (
        "```{note}\nThis page is being computed on this computer. It is complete when `make book` "
        "has ended; reload it then.\n```"
    )
    _write_uncomputed(job, note)


def write_failure(job: Job, error: Exception) -> None:
    """Leave a page that says in a box why it could not be computed; the log is folded.

    It has the first lines of the notebook, and stands in place of what was computed earlier of
    other runs or of another text.
    """
    # Of an error's text nothing is markup.
    said = re.sub(r"([!-/:-@\[-`{-~])", r"\\\1", error_line(error))
    log = error.log if isinstance(error, NotebookError) else str(error)
    fence = "`" * (3 + max(map(len, re.findall("`+", log)), default=0))
    box = (
        f"```{{error}}\n**This page could not be computed.** {said}\n\n"
        "The other pages are built; where they show what this one computes, they show what was "
        "finished before. `make book` tries it again.\n```"
    )
    folded = (
        f"{fence}`{{admonition}} Where it failed\n:class: dropdown\n\n{fence}text\n{log}\n{fence}"
        f"\n{fence}`"
    )
    _write_uncomputed(job, box, folded)


def _write_uncomputed(job: Job, *notes: str) -> None:
    """Write a page of its notebook's first lines, some notes, its headings and references."""
    texts = [cell.source for cell in job.notebook().cells if cell.cell_type == "markdown"]
    head = texts[0] if texts else f"# {job.source.stem}"
    # Other pages link to headings.
    headings = re.findall(r"^##+ .+$", "\n".join(texts[1:]), re.MULTILINE)
    # Citations of the other pages lead to the list of references.
    references = [text for text in texts if "{bibliography}" in text]
    page = nbformat.v4.new_notebook(metadata={"kernelspec": _KERNEL})
    page.cells = [
        nbformat.v4.new_markdown_cell(text) for text in (head, *notes, *headings, *references)
    ]
    job.output.parent.mkdir(parents=True, exist_ok=True)
    with write_atomically(job.output) as draft:
        nbformat.write(page, draft)


def drop_bars(cell: nbformat.NotebookNode) -> None:
    """Take the progress bars, which the console has shown, out of what a cell left on stderr."""
    for output in cell.get("outputs", []):
        if output.get("name") == "stderr":
            lines = re.split(r"[\r\n]+", output["text"])
            output["text"] = "\n".join(line for line in lines if line and not _BAR.match(line))
    if "outputs" in cell:
        cell["outputs"] = [output for output in cell["outputs"] if output.get("text") != ""]


def set_collapsed_title(cell: nbformat.NotebookNode) -> None:
    """Let the fold of a cell be named by what it holds, where it has no name of its own.

    A hidden output has the caption of its table, else Output.
    """
    tags = {"hide-input", "hide-output", "hide-cell"} & {*cell.metadata.get("tags", [])}
    if cell.cell_type != "code" or not tags:
        return
    prompts = cell.metadata.setdefault("mystnb", {})
    if tags == {"hide-output"}:
        pages = [output.get("data", {}).get("text/html", "") for output in cell.get("outputs", [])]
        caption = re.search(r"<caption>(.*?)</caption>", "".join(map(str, pages)), re.DOTALL)
        name = unescape(caption[1].strip()) if caption else "Output"
    else:
        name = collapsed_title(cell.source)
    prompts.setdefault("code_prompt_show", name)
    prompts.setdefault("code_prompt_hide", prompts["code_prompt_show"])


def collapsed_title(source: str) -> str:
    """Return what hidden code is: Imports, Code of the text below, Drawing, else Code."""
    statements = ast.parse(source).body
    if statements and isinstance(statements[0], ast.Import | ast.ImportFrom):
        return "Imports"
    called = re.findall(r"\b(?:Markdown|picture)(?=\()", ast.unparse(statements[-1:]))
    if "Markdown" in called:
        return "Code of the text below"
    return "Drawing" if called else "Code"


class Progress(io.TextIOBase):
    """Passes on of a notebook's stderr how far its training is, now and then."""

    every_seconds = 15.0

    def __init__(self, out: TextIO) -> None:
        self._out, self._reported = out, time.monotonic()

    def write(self, text: str) -> int:
        """Take what a notebook has written: lines, or bars that are drawn anew in place."""
        bars = [*filter(None, map(_BAR.match, re.split(r"[\r\n]+", text)))]
        if bars and time.monotonic() >= self._reported + self.every_seconds:
            self._reported = time.monotonic()
            title, done, total, left = bars[-1].groups()
            rest = f", {left} left" if left else ""
            said = f"        {title or 'progress'}: {done} of {total}{rest}"
            print(said, file=self._out, flush=True)
        return len(text)


def last_lines(text: str, count: int) -> str:
    """Return the last non-empty lines of a log, without terminal colours."""
    lines = without_colours(text).splitlines()
    return "\n".join([line for line in lines if line.strip()][-count:])


def without_colours(text: str) -> str:
    """Return a text without what colours it on a terminal."""
    return re.sub(r"\x1b\[[0-9;]*[A-Za-z]", "", text)

"""From a profile to the built book: the notebooks that are out of date, then the HTML.

Papermill runs each notebook once (`rin.report.execution`); Jupyter Book turns the computed copies
and the prose pages into HTML and never executes anything.
"""

from __future__ import annotations

import ast
import hashlib
import json
import multiprocessing
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import rin
from rin.data.chunks import end_with_parent
from rin.data.manifest import load_manifest, manifest_folder, manifest_names
from rin.data.tree import SEPARATOR
from rin.errors import InputError
from rin.report.execution import (
    execute_notebook,
    last_lines,
    notebook_parameters,
    recorded,
    up_to_date,
)
from rin.report.pages import Outline, Page, contents, outline_of, pages, write_contents
from rin.study import Study, open_study
from rin.study.reference import reference_folder

ROOT = Path(rin.__file__).parents[1]
# Facts that modules read from folders elsewhere.
_FACTS = {
    "rin.data.manifest": manifest_folder,
    "rin.models.weights": manifest_folder,
    "rin.study.reference": reference_folder,
}
_MADE_FROM = "made_from.txt"


def make_book(profile: str, data_root: str, results: str) -> Path:
    """Run what is out of date and build the book.

    Parameters
    ----------
    profile
        Name of a profile or path of a YAML file.
    data_root
        Folder of real datasets; empty for stand-ins.
    results
        Folder for everything computed.

    Returns
    -------
    Path
        `index.html` of the built book.

    Raises
    ------
    InputError
        For bad input anywhere; what was computed stays in the results folder.
    """
    study = open_study(profile, data_root=data_root, results=results)
    outline = outline_of(study)
    jobs = plan_jobs(
        study, outline, {"profile": profile, "data_root": data_root, "results": results}
    )
    told = Console(f"Book of the profile {study.profile.name}")
    run_jobs(jobs, told)
    written = write_contents(outline, ROOT / "book" / "notebooks")
    digest = _digest_of_book(ROOT / "book", ROOT / "_config.yml", contents(outline))
    index, note = ROOT / "_build" / "html" / "index.html", ROOT / "_build" / _MADE_FROM
    if index.is_file() and note.is_file() and note.read_text("utf-8") == digest:
        told.say("HTML: unchanged")
        return index
    told.say("HTML: Jupyter Book, about a minute")
    build_html(ROOT / "book", ROOT / "_config.yml", ROOT, contents=written)
    note.write_text(digest, encoding="utf-8")
    told.say("HTML: done")
    return index


@dataclass(frozen=True)
class Job:
    """A page to compute.

    Attributes
    ----------
    name
        As `Page.name`.
    after
        Names of the jobs that must have ended before.
    source, output, parameters, heading
        As for `execute_notebook`.
    inputs
        Digest of everything that it depends on and that no other job makes.
    ledgers
        Folders of runs that it reads or fills.
    trains
        Whether it fills one, with workers of its own.
    """

    name: str
    after: frozenset[str]
    source: Path
    output: Path
    parameters: Mapping[str, object]
    heading: str | None
    inputs: str
    ledgers: tuple[Path, ...] = ()
    trains: bool = False

    def fingerprint(self) -> str:
        """Return what the page depends on, with the runs that there are now."""
        digest = hashlib.sha256(self.inputs.encode())
        for done in sorted(file for ledger in self.ledgers for file in ledger.glob("*/done.json")):
            digest.update(f"{done.parent.name} {done.stat().st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def current(self) -> bool:
        """Return whether the computed page is there and up to date."""
        given = {"fingerprint": self.fingerprint(), "heading": self.heading}
        return up_to_date(self.source, self.output, self.parameters, **given)

    def run(self) -> float | None:
        """Compute the page; return seconds, or None where it was up to date."""
        given = {"fingerprint": self.fingerprint, "heading": self.heading}
        return execute_notebook(self.source, self.output, self.parameters, **given)


def plan_jobs(
    study: Study, outline: Outline, values: Mapping[str, object], root: Path = ROOT
) -> list[Job]:
    """Return a job for each page of a book.

    Parameters
    ----------
    study, outline
        What is shown, and the pages that follow from it.
    values
        Parameters of notebooks, without the task; each takes those that it has.
    root
        Checkout with `rin/` and `notebooks/`; computed pages go to `book/notebooks/`.
    """
    planned = [  # TODO while notebooks are being written
        page
        for page in pages(outline)
        if (root / "notebooks" / f"{page.notebook.source}.py").is_file()
    ]
    there = {page.notebook.source: page.notebook for page in planned}
    imports, profile, listing = Imports(root), study.profile.model_dump(), _listing(study)

    def before(page: Page) -> set[str]:
        return {one for one in outline.after(page.notebook) if one in there}

    def ledgers(source: str) -> set[str]:
        notebook = there[source]
        earlier = (ledgers(one) for one in outline.after(notebook) if one in there)
        return {notebook.leaves} - {""} | set().union(*earlier)

    jobs = []
    for page in planned:
        source = root / "notebooks" / f"{page.notebook.source}.py"
        known = notebook_parameters(source)
        given = {key: value for key, value in values.items() if key in known}
        given |= {"task": page.task} if page.task else {}
        depends = [profile] if "profile" in known else []
        depends += [listing] if "data_root" in known else []
        jobs.append(
            Job(
                page.name,
                frozenset(before(page)),
                source,
                root / "book" / "notebooks" / f"{page.name}.ipynb",
                given,
                page.heading,
                digest_of_files(imports.files(source), root, depends),
                tuple(study.results / name for name in sorted(ledgers(page.notebook.source))),
                outline.trains(page.notebook),
            )
        )
    return jobs


def run_jobs(jobs: Sequence[Job], told: Console, cores: int | None = None) -> None:
    """Compute the pages that are out of date, each after those whose results it reads.

    One page that trains runs at a time, as training has workers of its own; the others run
    beside it at low priority, and side by side where nothing trains.

    Raises
    ------
    InputError
        The first failure, after the pages under way have ended.
    """
    cores = cores or _cores()
    stale = {job.name for job in jobs if not job.current()}
    told.plan(jobs, stale)
    waiting, ended, failures = _by_urgency(jobs), set(), []
    running: dict[Future, Job] = {}
    # Processes, because a kernel's place is handed over in the environment.
    make_pool = partial(ProcessPoolExecutor, mp_context=multiprocessing.get_context("spawn"))
    with (
        make_pool(1, initializer=end_with_parent) as trainer,
        make_pool(cores, initializer=_start_reader) as readers,
    ):
        while waiting or running:
            for job in [] if failures else list(waiting):
                training = sum(one.trains for one in running.values())
                reading = len(running) - training
                busy = training if job.trains else reading >= max(1, cores - training)
                if busy or job.after - ended:
                    continue
                waiting.remove(job)
                if job.current():
                    ended.add(job.name)
                else:
                    running[(trainer if job.trains else readers).submit(job.run)] = job
            if not running:
                if failures:
                    break
                continue
            for done in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(done)
                if error := done.exception():
                    failures.append(error)
                    told.say(f"{job.name}: failed")
                else:
                    ended.add(job.name)
                    told.ran(job, done.result())
    if failures:
        raise failures[0]


def _by_urgency(jobs: Sequence[Job]) -> list[Job]:
    """Return the jobs with those first for which a page that trains waits."""
    by_name = {job.name: job for job in jobs}

    def awaited(names: Iterable[str]) -> set[str]:
        found = {name for name in names if name in by_name}
        return found.union(*(awaited(by_name[name].after) for name in found))

    urgent = awaited(job.name for job in jobs if job.trains)
    return sorted(jobs, key=lambda job: job.name not in urgent)


def _start_reader() -> None:
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(10)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class Console:
    """Tells in a few lines what is being done, since when, and how long it will take."""

    def __init__(self, title: str) -> None:
        self._began, self._of, self._n = time.monotonic(), 0, 0
        self._title = title

    def say(self, text: str) -> None:
        """Print a line behind the time that has passed."""
        minutes, seconds = divmod(int(time.monotonic() - self._began), 60)
        print(f"{minutes:3d}:{seconds:02d}  {text}", flush=True)

    def plan(self, jobs: Sequence[Job], stale: set[str]) -> None:
        """Tell what is to run and for how long, as far as earlier runs of the pages tell."""
        self._of = len(stale)
        known = [recorded(job.output).get("seconds") for job in jobs if job.name in stale]
        times = [seconds for seconds in known if seconds is not None]
        told = f"{self._title}: {len(jobs)} notebooks, {len(stale) or 'none'} to run"
        if stale and len(times) > len(stale) / 2:
            minutes = sum(times) / len(times) * len(stale) / _cores() / 60
            told += f", about {minutes:.0f} min" if minutes >= 1.5 else ", about a minute"
        self.say(told)

    def ran(self, job: Job, seconds: float | None) -> None:
        """Tell that a page was computed."""
        self._n += 1
        took = "unchanged" if seconds is None else f"{seconds:.0f} s"
        self.say(f"[{self._n:2d}/{max(self._of, self._n)}] {job.name}, {took}")


class Imports:
    """Finds the modules of this package that a file imports, directly or not.

    Imports are read from the text, those inside functions too; each file is parsed once.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._modules = {_module_name(path, root): path for path in (root / "rin").rglob("*.py")}
        self._direct: dict[Path, set[str]] = {}

    def modules(self, file: Path) -> set[str]:
        """Return the names of the modules that a file imports, directly or not."""
        found, new = set(), self._imported(file)
        while new:
            found |= new
            new = set().union(*(self._imported(self._modules[name]) for name in new)) - found
        return found

    def files(self, file: Path) -> list[Path]:
        """Return the files of those modules, and the facts that they read."""
        names = self.modules(file)
        paths = {self._modules[name] for name in names}
        for folder in {path.parent for path in paths}:
            for data in folder.iterdir():
                if data.is_file() and data.suffix not in {".py", ".pyc"}:
                    paths |= {data} if self._readers(data) & names else set()
        for folder in {find() for name, find in _FACTS.items() if name in names}:
            paths |= {path for path in folder.rglob("*") if path.is_file()}
        return sorted(paths)

    def _imported(self, file: Path) -> set[str]:
        if file not in self._direct:
            named = set()
            for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Import):
                    named |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    named |= {node.module, *(f"{node.module}.{one.name}" for one in node.names)}
            # Importing a module imports the packages that it lies in.
            parts = [name.split(".") for name in named]
            outer = {".".join(part[:n]) for part in parts for n in range(1, len(part) + 1)}
            self._direct[file] = outer & self._modules.keys()
        return self._direct[file]

    def _readers(self, data: Path) -> set[str]:
        """Return the modules beside a file of facts that name it, or else all of them."""
        beside = {n: path for n, path in self._modules.items() if path.parent == data.parent}
        named = {
            name
            for name, path in beside.items()
            if path.stem == data.stem or data.name in path.read_text(encoding="utf-8")
        }
        return named or set(beside)


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def digest_of_files(files: Iterable[Path], root: Path, extra: object = None) -> str:
    """Return a SHA-256 over names, contents and anything that JSON can hold."""
    digest = hashlib.sha256(json.dumps(extra, sort_keys=True, default=str).encode())
    for file in files:
        name = os.path.relpath(file, root)
        digest.update(f"\0{name}\0".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()


def _listing(study: Study) -> str:
    """Return a digest of names, sizes and times of every file that a study may read."""
    digest, root = hashlib.sha256(), study.data_root
    for place in _places(study) if root else []:
        files = sorted((root / place).rglob("*")) if (root / place).is_dir() else [root / place]
        for file in filter(Path.is_file, files):
            stat = file.stat()
            line = f"{file.relative_to(root)} {stat.st_size} {stat.st_mtime_ns}\n"
            digest.update(line.encode())
    return digest.hexdigest()


def _places(study: Study) -> list[str]:
    """Return folders and archives below the data root: of every dataset, and of the archive."""
    named = [name for one in manifest_names() for name in load_manifest(one).locations]
    places = [name.partition(SEPARATOR)[0] for name in named]
    return places + ([study.profile.curation.archive] if study.profile.curation else [])


def _digest_of_book(book: Path, config: Path, listed: dict) -> str:
    """Return a digest of what the HTML is made from."""
    pages = [listed["root"], *(c["file"] for part in listed["parts"] for c in part["chapters"])]
    files = [book / f"{page}{end}" for page in pages for end in (".md", ".ipynb")]
    files += [*book.glob("*.bib"), *(book / "_static").rglob("*"), config]
    return digest_of_files(sorted(filter(Path.is_file, files)), book, listed)


def build_html(
    book_dir: Path, config: Path, output: Path, *, contents: Path | None = None, strict: bool = True
) -> Path:
    """Build the book's HTML, executing nothing.

    Parameters
    ----------
    book_dir
        Folder of the prose pages, ``_toc.yml`` and ``notebooks/``.
    config
        Jupyter Book's ``_config.yml``.
    output
        Folder that receives ``_build/html``.
    contents
        Table of contents; by default ``_toc.yml`` in ``book_dir``.
    strict
        Whether a warning, such as a missing page or glue key, fails the build.

    Returns
    -------
    Path
        ``index.html``.

    Raises
    ------
    InputError
        If the build fails; the message holds the warnings, or else the log's last lines.
    """
    # An incremental build forgets the warnings of pages that it does not read again.
    shutil.rmtree(output / "_build", ignore_errors=True)
    # Called by name, as the package has no __main__ and the script may not be on the PATH.
    program = "from jupyter_book.cli.main import main; main()"
    command = [sys.executable, "-c", program, "build", str(book_dir)]
    command += ["--config", str(config), "--path-output", str(output), "--keep-going"]
    command += ["--toc", str(contents)] if contents else []
    command += ["-W", "-n"] if strict else []
    made = subprocess.run(
        command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False
    )
    index = output / "_build" / "html" / "index.html"
    if made.returncode or not index.is_file():
        # Complaints stand anywhere in the log; its end tells the rest.
        complaints = [line for line in made.stdout.splitlines() if "WARNING" in line]
        raise InputError(
            "the book does not build\n" + last_lines("\n".join(complaints) or made.stdout, 20),
            where=book_dir,
            remedy="\nMend the page that is named above.",
        )
    return index

"""From a profile to the built book: the notebooks that are out of date, then the HTML.

Jupyter Book turns the computed notebooks and the prose pages into HTML and executes nothing. Pages
are run here and not by doit or jupyter-cache, which cannot run the pages that train one after
another, with workers of their own, while the other pages run in parallel; nor can they build the
results before the rest.  A page that fails costs no other page: in the book it says what failed.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from graphlib import TopologicalSorter
from pathlib import Path

import nbformat
import yaml
from filelock import AcquireReturnProxy, FileLock, Timeout
from joblib import cpu_count

from rin.data.manifest import find_task, load_manifest, manifest_names
from rin.data.tree import SEPARATOR, fingerprints, walk
from rin.errors import InputError, amount, as_input_error, join_first_ten
from rin.files import (
    REPOSITORY,
    altered_files,
    manifest_folder,
    read_yaml,
    replace_folder,
    sha256_of,
    write_atomically,
)
from rin.processes import Stopped, kill_workers
from rin.report.address import add_address, read_citation
from rin.report.execution import (
    Job,
    error_line,
    last_lines,
    notebook_parameters,
    write_failure,
    write_placeholder,
)
from rin.report.pages import Notebook, contents, files_of, pages
from rin.report.shown import DOWNLOADS, shown_files, write_files
from rin.study import Workspace, consolidate, open_workspace
from rin.study.consolidate import FOLDER
from rin.study.ledger import digest_of
from rin.study.reference import reference_folder
from rin.study.results import changed_files

_BEGAN = time.monotonic()
# Called from Python because the package has no __main__ and its script may not be on the PATH.
# `rin.report` keeps it from importing what takes two seconds and is not used.
_BUILDER = """from rin.processes import die_with; die_with({0})
import rin.report; from jupyter_book.cli.main import main; main()"""


def make_book(profile: str, data_root: str, results: str, *, reading: bool = False) -> Path:
    """Run the notebooks that are out of date, build the book and return its `index.html`.

    If pages need training and the cover does not, the results are computed and built first, so
    that they can be read meanwhile.  `reading` leaves out every page that needs a framework.  The
    other parameters are those of `rin.study.open_workspace`, as text.  InputError, raised after
    the book is built, names the pages that failed.
    """
    if not (REPOSITORY / "notebooks").is_dir():
        remedy = "Run it from a checkout; results alone are read by rin.study.open_reference."
        raise InputError(
            "there are no notebooks to make a book of", where="rin book", remedy=remedy
        )
    workspace = open_workspace(profile, data_root=data_root, results=results)
    listed = pages(workspace, reading=reading)
    _say(f"Book of the profile {workspace.profile.name}")
    values = {"profile": profile, "data_root": data_root, "results": results}
    with _book_lock():
        jobs = plan_jobs(workspace, listed, values)
        trained = [job.current() for job in jobs if job.trains]
        if trained and all(trained) and (changed := changed_files(workspace.results / FOLDER)):
            consolidate(workspace)
            _say_written(changed, workspace.results / FOLDER)
        # Without those that need a framework, all pages are fast.
        later = {job.name for job in jobs if job.live and not reading}
        first = [job for job in jobs if job.name not in later]
        failed: dict[str, str] = {}
        if jobs[0] in first and not all(job.current() for job in jobs if job.name in later):
            failed = run_jobs(first)
            for job in jobs:
                if job.name not in failed:
                    write_placeholder(job)
            index = _build(workspace, listed, strict=False)
            minutes = workspace.profile.live_minutes
            takes = f"takes about {minutes} min on two cores" if minutes else "is being computed"
            _say(f"results: {index}; the live part {takes}")
        failed |= run_jobs([job for job in jobs if job.name not in failed])
        # Links to pages that a book lacks, or that could not be computed, would stop the build.
        index = _build(workspace, listed, strict=not (failed or reading))
    if failed:
        pages_failed = join_first_ten([f"{name}: {said}" for name, said in failed.items()])
        raise InputError(
            f"the book is built, but {amount(len(failed), 'pages')} could not be computed "
            f"({pages_failed})",
            where=index,
            remedy="Mend what they name, then run the same command: it computes these pages only.",
        )
    return index


def _say(text: str) -> None:
    """Print a line after the elapsed time."""
    minutes, seconds = divmod(int(time.monotonic() - _BEGAN), 60)
    print(f"{minutes:3d}:{seconds:02d}  {text}", flush=True)


def _say_written(missing: Sequence[str], folder: Path) -> None:
    if missing:
        listed = join_first_ten(missing, ", ")
        _say(f"{amount(len(missing), 'files')} of {folder} made anew ({listed})")


def _book_lock() -> AcquireReturnProxy:
    """Lock the folder, waiting for another `make book`, as both would write the same pages."""
    lock = FileLock(REPOSITORY / ".book.lock")  # not in _build, which `make clean` removes
    problem = "the book is written into this folder, which nobody may write to"
    remedy = "Make the folder writable, or copy it to one that is."
    with as_input_error(problem, where=REPOSITORY, remedy=remedy):
        try:
            return lock.acquire(blocking=False)
        except Timeout:
            _say("Another book is being built in this folder: waiting for it")
            return lock.acquire()


def _add_earlier(names: Iterable[str], after: Mapping[str, Iterable[str]]) -> set[str]:
    """Return names, and the names that must come before them."""
    return set(names).union(*(_add_earlier(after[name], after) for name in names))


def book_folder(workspace: Workspace) -> Path:
    """Return the folder of a workspace's book, named after its profile.

    The name also contains the folder of its results, with a digest of its path, unless that is
    the checkout's `results`, so that no book replaces another.  `_build/html` leads to the last
    one.
    """
    name = workspace.profile.name
    results = workspace.results.parent.resolve()
    if results != REPOSITORY / "results":
        name = f"{name}-{results.name}-{digest_of(str(results))[:6]}"
    return REPOSITORY / "_build" / name


def _build(workspace: Workspace, listed: Sequence[Notebook], *, strict: bool) -> Path:
    """Build the HTML of the computed notebooks unless it is whole and current; return its index.

    `_build/html` then leads to the folder of the book.  A book of chosen pages has links to
    missing places, and is never built strictly.
    """
    book = REPOSITORY / "book"
    built = book_folder(workspace)
    profile = workspace.profile
    of_contents = contents(listed, whole=not profile.pages)
    settings = read_yaml(REPOSITORY / "_config.yml")
    if profile.pages:  # a book of one's own has other authors and another address
        titles = dict.fromkeys(find_task(task)[0].title for task in profile.tasks)
        settings |= {"title": ", ".join(titles), "author": ""}
    else:
        names = [f"notebooks/{page.source}" for page in listed]
        sources = {f"{name}.ipynb": f"{name}.py" for name in names}
        settings = add_address(settings, read_citation(), sources)
    toc, config = (book / "notebooks" / name for name in ("_toc.yml", "_config.yml"))
    toc.parent.mkdir(exist_ok=True)
    for file, content in ((toc, of_contents), (config, settings)):
        file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    files = (path for path in book.rglob("*") if "reference_runs" not in path.parts)
    digest = digest_of(_digests(files, book))
    html, record = built / "html", built / "built.json"
    earlier: dict = {}
    with suppress(OSError, ValueError):  # never built, or interrupted
        earlier = json.loads(record.read_text("utf-8"))
    changed = altered_files(built, earlier.get("files", {}))
    _say_written(changed, built)
    if changed or earlier.get("made_from") != digest:
        _say("Building the HTML, about half a minute")
        build_html(book, config, toc, built, strict=strict and not profile.pages)
        for page in (html / f"{name}.html" for name in files_of(of_contents)):
            if not page.is_file() or not page.stat().st_size:
                remedy = "Run the same command again; the log of Jupyter Book names what is wrong."
                raise InputError("the book was built without this page", where=page, remedy=remedy)
        made = {"made_from": digest, "files": _digests(html.rglob("*"), built)}
        with write_atomically(record) as draft:
            draft.write_text(json.dumps(made, indent=1), "utf-8")
    else:
        _say("HTML unchanged")
    with write_atomically(built.with_name("html")) as link:
        link.symlink_to(Path(built.name, "html"), target_is_directory=True)
    return html / "index.html"


def plan_jobs(
    workspace: Workspace, listed: Sequence[Notebook], values: Mapping[str, object]
) -> list[Job]:
    """Return a job for each page of a book, which goes to `book/notebooks/`.

    Each notebook gets the `values` that are among its parameters.
    """
    notebooks = {notebook.source: notebook for notebook in listed}
    # Every page depends on the package, the manifests and the reference runs.
    folders = (REPOSITORY / "rin", manifest_folder(), reference_folder())
    paths = (path for folder in folders for path in folder.rglob("*"))
    code = _digests((path for path in paths if "__pycache__" not in path.parts), REPOSITORY)
    of_parameters = {
        "profile": workspace.profile.model_dump_json(),
        "data_root": _listing(workspace),
    }
    after = {name: notebooks.keys() & {*page.after} for name, page in notebooks.items()}
    jobs = []
    for name, notebook in notebooks.items():
        source = REPOSITORY / "notebooks" / f"{name}.py"
        known = notebook_parameters(source)
        depends = {key: read for key, read in of_parameters.items() if key in known}
        ledgers = {notebooks[read].leaves for read in _add_earlier([name], after)} - {""}
        jobs.append(
            Job(
                source,
                REPOSITORY / "book" / "notebooks" / f"{name}.ipynb",
                parameters={key: value for key, value in values.items() if key in known},
                inputs=digest_of({"code": code} | depends),
                ledgers=tuple(workspace.results / ledger for ledger in sorted(ledgers)),
                name=name,
                after=after[name],
                live=notebook.live,
                trains=bool(notebook.leaves),
                address="../" * (1 + name.count("/")) + DOWNLOADS,
            )
        )
    return jobs


def run_jobs(jobs: Sequence[Job]) -> dict[str, str]:
    """Compute the pages that are out of date, each after the pages whose results it reads.

    Pages that train, and pages that they wait for, run one after another; the others run in
    parallel with them, then at low priority.  A page that fails says so itself, and pages that
    wait for it run on what it has left.  Return a line on each failure, by page.
    """
    by_name = {job.name: job for job in jobs}
    after = {job.name: job.after & by_name.keys() for job in jobs}
    leading = _add_earlier([job.name for job in jobs if job.trains], after)
    stale = [job.name for job in jobs if not job.current()]
    niceness = 10 if leading & {*stale} else 0
    _say(f"{amount(len(jobs), 'notebooks')}, {len(stale) or 'none'} to run")
    order = TopologicalSorter(after)
    order.prepare()
    # One kernel more than cores, as each waits while it starts and ends; each takes half a
    # gigabyte.  The threads only wait.
    leader = ThreadPoolExecutor(1)
    others = ThreadPoolExecutor(min(4, cpu_count()) + 1)
    running: dict[Future, str] = {}
    failed: dict[str, str] = {}
    finished = 0
    try:
        while order.is_active():
            # Live pages take longest: started last, one of them would run alone at the end.
            for name in sorted(order.get_ready(), key=lambda name: not by_name[name].live):
                if by_name[name].current():
                    order.done(name)
                elif name in leading:
                    running[leader.submit(by_name[name].run)] = name
                else:
                    running[others.submit(by_name[name].run, niceness)] = name
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                name = running.pop(future)
                finished += 1
                try:
                    said = f"{future.result():.0f} s"
                except Exception as error:
                    write_failure(by_name[name], error)
                    failed[name] = error_line(error)
                    said = f"failed: {failed[name]}"
                _say(f"[{finished:2d}/{max(finished, len(stale))}] {name}, {said}")
                order.done(name)
    except (KeyboardInterrupt, Stopped):
        kill_workers()
        raise
    finally:
        for threads in (leader, others):
            threads.shutdown(wait=False, cancel_futures=True)
    return failed


def _digests(files: Iterable[Path], root: Path) -> dict[str, str]:
    """Return the digests of the files among some paths, by their names relative to a folder."""
    return {os.path.relpath(file, root): sha256_of(file) for file in files if file.is_file()}


def _listing(workspace: Workspace) -> str:
    """Return a digest of names, sizes and times of all image files that a study may read."""
    root = workspace.data_root
    names = []
    places = {place for name in manifest_names() for place in load_manifest(name).locations}
    places |= {workspace.profile.curation.archive} if workspace.profile.curation else set()
    for place in sorted(place.partition(SEPARATOR)[0] for place in places) if root else []:
        folder = root / place
        inside = [f"{place}/{name}" for name in walk(folder)] if folder.is_dir() else []
        names += sorted(inside) or [place]
    return digest_of({"names": names, "states": fingerprints(root, names)})


def build_html(
    book_dir: Path, config: Path, listed: Path, built: Path, *, strict: bool = True
) -> None:
    """Build the book's HTML as the folder `html` of `built`.

    `config` and `listed` are Jupyter Book's ``_config.yml`` and ``_toc.yml``.  InputError if the
    build fails or, where it is `strict`, warns; without `strict`, links to missing pages are shown
    as text.
    """
    command = [sys.executable, "-c", _BUILDER.format(os.getpid()), "build", str(book_dir)]
    command += ["--config", str(config), "--toc", str(listed)]
    command += ["--keep-going", "-W", "-n"] if strict else []
    # From scratch: an incremental build does not repeat the warnings of pages that it skips.
    with replace_folder(built) as draft:
        made = subprocess.run(
            [*command, "--path-output", str(draft)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", check=False,
        )  # fmt: skip
        if made.returncode:
            # Warnings may be anywhere in the log; other errors are at its end.
            complaints = [line for line in made.stdout.splitlines() if "WARNING" in line]
            raise InputError(
                "the book does not build\n" + last_lines("\n".join(complaints) or made.stdout, 20),
                where=book_dir,
                remedy="\nMend the page that is named above.",
            )
        (draft / "_build" / "html").rename(draft / "html")
        for computed in (book_dir / "notebooks").rglob("*.ipynb"):
            name = computed.relative_to(book_dir / "notebooks").with_suffix("").as_posix()
            if (draft / "html" / "notebooks" / f"{name}.html").is_file():
                files = shown_files(nbformat.read(computed, as_version=4), name)
                write_files(files, draft / "html" / DOWNLOADS)

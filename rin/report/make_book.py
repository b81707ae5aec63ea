"""From a profile to the built book: notebooks that are out of date, then the HTML."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
from collections.abc import Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from itertools import groupby
from pathlib import Path

import rin
from rin.data.chunks import end_with_parent
from rin.data.manifest import load_manifest, manifest_names
from rin.data.tree import SEPARATOR
from rin.report.book import build_html, execute_notebook, source_fingerprint
from rin.report.chapters import Page, outline_of, pages, write_contents
from rin.study import Study, open_study
from rin.study.profile import profile_folder
from rin.study.reference import reference_folder

ROOT = Path(rin.__file__).parents[1]
# Each running notebook is a kernel of its own with half a gigabyte.
_MOST_AT_ONCE = 4


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
    runs = sorted(reference_folder().glob("*/run.json"))
    fingerprint = source_fingerprint(
        [ROOT / "rin", ROOT / "data_manifests", profile_folder(), *runs],
        extra={"profile": study.profile.model_dump(), "images": _listing(study)},
    )
    values = {"profile": profile, "data_root": data_root, "results": results}
    outline = outline_of(study)
    planned = sorted(pages(outline), key=lambda page: page.chapter.stage)
    for _, stage in groupby(planned, key=lambda page: page.chapter.stage):
        run_stage(list(stage), ROOT, values, fingerprint)
    contents = write_contents(outline, ROOT / "book" / "notebooks")
    return build_html(ROOT / "book", ROOT / "_config.yml", ROOT, contents=contents)


def run_stage(
    stage: list[Page], root: Path, values: Mapping[str, object], fingerprint: str
) -> None:
    """Run the notebooks of one stage, side by side where there are several.

    Parameters
    ----------
    stage
        Pages that need nothing of each other.
    root
        Checkout with `notebooks/`; the computed ones go to `book/notebooks/`.
    values
        Parameters of every notebook, without the task.
    fingerprint
        As for `execute_notebook`.

    Raises
    ------
    InputError
        The first failure, after the other notebooks of the stage have ended.
    """
    if len(stage) == 1:
        _tell(stage[0], _run_page(stage[0], root, values, fingerprint))
        return
    at_once = min(len(stage), _MOST_AT_ONCE, os.cpu_count() or 1)
    failures = []
    # Processes, because a kernel's place is handed over in the environment.
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(at_once, mp_context=spawn, initializer=end_with_parent) as pool:
        waiting = {pool.submit(_run_page, page, root, values, fingerprint): page for page in stage}
        for done in as_completed(waiting):
            if error := done.exception():
                failures.append(error)
            else:
                _tell(waiting[done], done.result())
    if failures:
        raise failures[0]


def _run_page(page: Page, root: Path, values: Mapping[str, object], fingerprint: str) -> bool:
    return execute_notebook(
        root / "notebooks" / f"{page.chapter.source}.py",
        root / "book" / "notebooks" / page.output,
        page.chapter.choose(values | {"task": page.task}),
        fingerprint=fingerprint,
        heading=page.heading,
    )


def _tell(page: Page, ran: bool) -> None:
    print(f"{Path(page.output).stem}: {'computed' if ran else 'unchanged'}", flush=True)


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

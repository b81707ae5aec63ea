"""From a profile to the built book: notebooks that are out of date, then the HTML."""

from __future__ import annotations

import hashlib
from pathlib import Path

import rin
from rin.data.manifest import find_task, load_manifest, manifest_names
from rin.data.tree import SEPARATOR
from rin.report.book import CHAPTERS, build_html, execute_notebook, source_fingerprint
from rin.study import open_study
from rin.study.profile import profile_folder

ROOT = Path(rin.__file__).parents[1]


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
    fingerprint = source_fingerprint(
        [ROOT / "rin", ROOT / "data_manifests", profile_folder()],
        extra={"profile": study.profile.model_dump(), "images": _listing(data_root)},
    )
    values = {"profile": profile, "data_root": data_root, "results": results}
    for chapter in CHAPTERS:
        tasks = study.profile.tasks if chapter.per_task else [""]
        for task in tasks:
            if chapter.needs_masks and not find_task(task)[0].masks:
                continue
            output, parameters = chapter.fill(values | {"task": task})
            print(f"{output.removesuffix('.ipynb')} …", flush=True)
            ran = execute_notebook(
                ROOT / "notebooks" / f"{chapter.source}.py",
                ROOT / "book" / "notebooks" / output,
                parameters,
                fingerprint=fingerprint,
            )
            print("  computed" if ran else "  unchanged", flush=True)
    return build_html(ROOT / "book", ROOT / "_config.yml", ROOT)


def _listing(data_root: str) -> str:
    """Return a digest of names, sizes and times of every file of the datasets that are there."""
    digest = hashlib.sha256()
    for name in manifest_names() if data_root else []:
        for location in load_manifest(name).locations:
            place = Path(data_root) / location.partition(SEPARATOR)[0]
            files = sorted(place.rglob("*")) if place.is_dir() else [place]
            for file in filter(Path.is_file, files):
                stat = file.stat()
                line = f"{file.relative_to(data_root)} {stat.st_size} {stat.st_mtime_ns}\n"
                digest.update(line.encode())
    return digest.hexdigest()

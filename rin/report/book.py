"""The chapters of the book, and the step from computed notebooks to HTML.

Papermill runs each notebook once (`rin.report.execution`); Jupyter Book turns the computed copies
and the prose pages into HTML and never executes anything.  Everything that the command line needs
to make the book can be imported from here.
"""

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rin.errors import InputError, unknown
from rin.report.execution import (
    check_parameters,
    execute_notebook,
    last_lines,
    notebook_parameters,
    source_fingerprint,
)
from rin.report.offline import Reference, external_resources

__all__ = [
    "CHAPTERS",
    "Chapter",
    "Reference",
    "build_html",
    "check_parameters",
    "execute_notebook",
    "external_resources",
    "notebook_parameters",
    "source_fingerprint",
]


@dataclass(frozen=True)
class Chapter:
    """One notebook of the book.

    Attributes
    ----------
    source
        Stem of the py:percent file in ``notebooks/``.
    output
        Stem of the computed notebook, a template such as ``"{task}_statistics"``.
    parameters
        Names of the values that the notebook takes.
    needs_masks
        Whether the notebook makes sense only for datasets with lesion masks.
    """

    source: str
    output: str
    parameters: tuple[str, ...]
    needs_masks: bool = False

    @property
    def per_task(self) -> bool:
        """Whether the notebook runs once for each task."""
        return "task" in self.parameters

    def fill(self, values: Mapping[str, object]) -> tuple[str, dict[str, object]]:
        """Return the output's file name and the parameters, taken from `values`.

        Raises
        ------
        InputError
            If `values` lacks a parameter of this chapter.
        """
        for name in self.parameters:
            if name not in values:
                raise unknown("parameter", name, tuple(values))
        chosen = {name: values[name] for name in self.parameters}
        return self.output.format(**chosen) + ".ipynb", chosen


_STUDY = ("profile", "data_root", "results")
CHAPTERS = (
    Chapter("01_pretraining", "pretraining", _STUDY),
    Chapter("02_dataset_card", "{task}_dataset_card", ("task", *_STUDY)),
    Chapter("03_fine_tuning", "{task}_fine_tuning", ("task", *_STUDY)),
    Chapter("04_statistics", "{task}_statistics", ("task", *_STUDY)),
    Chapter("05_gradcam", "{task}_gradcam", ("task", *_STUDY), needs_masks=True),
    Chapter("00_cover", "cover", _STUDY),
    Chapter("06_how_built", "how_built", _STUDY),
)


def build_html(book_dir: Path, config: Path, output: Path, *, strict: bool = True) -> Path:
    """Build the book's HTML, executing nothing.

    Parameters
    ----------
    book_dir
        Folder of the prose pages, ``_toc.yml`` and ``notebooks/``.
    config
        Jupyter Book's ``_config.yml``.
    output
        Folder that receives ``_build/html``.
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

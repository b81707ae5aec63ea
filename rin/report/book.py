"""The step from computed notebooks to HTML.

Papermill runs each notebook once (`rin.report.execution`); Jupyter Book turns the computed copies
and the prose pages into HTML and never executes anything.  Everything that the command line needs
to make the book can be imported from here.
"""

import shutil
import subprocess
import sys
from pathlib import Path

from rin.errors import InputError
from rin.report.chapters import CHAPTERS, Chapter
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

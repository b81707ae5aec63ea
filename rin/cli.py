"""The command line: `rin …`, a thin layer over the package.

Imports wait until a command runs, so that help comes at once.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from rin.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="RadImageNet, reproduced: run the study and build its book.",
)

ProfileOption = Annotated[str, typer.Option(help="Profile name, or a YAML file.")]
DataOption = Annotated[
    str, typer.Option(help="Folder of the real datasets; without it, stand-ins.")
]
ResultsOption = Annotated[str, typer.Option(help="Folder for everything computed.")]


@app.command()
def book(
    profile: ProfileOption = "demo", data_root: DataOption = "", results: ResultsOption = "results"
) -> None:
    """Run every notebook that is not up to date, then build the book."""
    from rin.report.make_book import make_book

    index = make_book(profile, data_root, results)
    typer.echo(f"Book: {index}")


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="A py:percent notebook of notebooks/.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value; repeatable.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Computed notebook to write.")] = None,
) -> None:
    """Run one notebook with papermill; unknown parameters are errors."""
    from rin.report.book import execute_notebook

    values = {}
    for text in parameter or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} has no '='", where="--parameter", remedy="Use name=value.")
        values[name] = _read_value(text, value)
    target = output or Path(notebook.name).with_suffix(".ipynb")
    execute_notebook(notebook, target, values, fingerprint="by hand")
    typer.echo(f"Computed: {target}")


def _read_value(text: str, value: str) -> object:
    """Return a parameter's value, read as YAML like the value in a profile."""
    import yaml

    try:
        return yaml.safe_load(value) if value else ""
    except yaml.YAMLError as error:
        raise InputError(
            f"{text!r} holds no readable value",
            where="--parameter",
            remedy="Put text with special signs in quotes.",
        ) from error


@app.command()
def pretrain(
    profile: ProfileOption = "demo", data_root: DataOption = "", results: ResultsOption = "results"
) -> None:
    """Pretrain what the profile asks for and the ledger lacks."""
    from rin.study import open_study, run_pretraining

    table = run_pretraining(open_study(profile, data_root=data_root, results=results))
    columns = ["init", "backbone", "images", "epochs", "top1", "seconds"]
    typer.echo(table[columns].to_string(index=False) if len(table) else "Nothing to pretrain.")


@app.command()
def grid(
    task: Annotated[str, typer.Argument(help="Task, such as breast.")],
    profile: ProfileOption = "demo",
    data_root: DataOption = "",
    results: ResultsOption = "results",
) -> None:
    """Run a task's scenarios × inits × folds; may be killed and called again."""
    from rin.study import open_study, run_grid, task_inputs

    study = open_study(profile, data_root=data_root, results=results)
    table = run_grid(study, task_inputs(study, task))
    typer.echo(f"{len(table)} runs in {study.runs.folder}")


@app.command()
def profiles() -> None:
    """List the profiles."""
    from rin.study import load_profile, profile_names

    for name in profile_names():
        typer.echo(f"{name:8s} {load_profile(name).about}")


def main() -> None:
    """Run the command line; bad input ends in one line and exit status 1."""
    try:
        app()
    except InputError as error:
        typer.echo(f"rin: {error}", err=True)
        sys.exit(1)

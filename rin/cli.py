"""The command line: `rin …`, a thin layer over the package.

Imports wait until a command runs, so that help comes at once.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import Annotated

import typer

from rin.errors import InputError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="RadImageNet, re-examined: run the study and build its book.",
)


def _group(name: str, about: str) -> typer.Typer:
    group = typer.Typer(no_args_is_help=True, help=about)
    app.add_typer(group, name=name)
    return group


data_app = _group("data", "The datasets: which are there, and are they whole?")
weights_app = _group("weights", "Pretrained weights: what do they expect?")
reference_app = _group("reference", "Reference runs: what real images gave, kept with the book.")

ProfileOption = Annotated[str, typer.Option(help="Profile name, or a YAML file.")]
DataOption = Annotated[
    str, typer.Option(help="Folder of the real datasets; without it, stand-ins.")
]
ResultsOption = Annotated[str, typer.Option(help="Folder for everything computed.")]
RootOption = Annotated[
    str, typer.Option("--data-root", envvar="DATA_ROOT", help="Folder of the real datasets.")
]


@app.command()
def book(
    profile: ProfileOption = "demo", data_root: DataOption = "", results: ResultsOption = "results"
) -> None:
    """Run every notebook that is not up to date, then build the book."""
    from rin.report.build import make_book

    typer.echo(f"Book: {make_book(profile, data_root, results)}")


@app.command()
def run(
    notebook: Annotated[Path, typer.Argument(help="A py:percent notebook of notebooks/.")],
    parameter: Annotated[
        list[str] | None, typer.Option("--parameter", "-p", help="name=value; repeatable.")
    ] = None,
    output: Annotated[Path | None, typer.Option(help="Computed notebook to write.")] = None,
) -> None:
    """Run one notebook with papermill; unknown parameters are errors."""
    import yaml

    from rin.report.execution import Job

    values = {}
    for text in parameter or []:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} has no '='", where="--parameter", remedy="Use name=value.")
        try:
            # Like the value in a profile.
            values[name] = yaml.safe_load(value) if value else ""
        except yaml.YAMLError as error:
            raise InputError(
                f"{text!r} holds no readable value",
                where="--parameter",
                remedy="Put text with special signs in quotes.",
            ) from error
    target = output or Path(notebook.name).with_suffix(".ipynb")
    Job(notebook, target, values, inputs=f"by hand at {time.time()}").run()
    typer.echo(f"Computed: {target}")


@app.command()
def curate(
    profile: ProfileOption = "demo", data_root: DataOption = "", results: ResultsOption = "results"
) -> None:
    """Turn the archive of the profile into a corpus; may be killed and called again."""
    from rin.study import open_study
    from rin.study.curation import curated_corpus, curation_plan

    study = open_study(profile, data_root=data_root, results=results)
    corpus, plan = curated_corpus(study), curation_plan(study)
    for kind, n in corpus.counts.items():
        typer.echo(f"{kind:12s} {n:10,d} in the archive")
    kept, patients = len(corpus.images), corpus.images["patient_id"].nunique()
    typer.echo(f"{'images':12s} {kept:10,d} in the corpus, of {patients:,} patients")
    typer.echo(f"To share: {corpus.root}. To review: {plan.output / 'review_queue.csv'}")


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
    tasks: Annotated[
        list[str] | None, typer.Argument(help="Tasks, such as breast; all of the profile's.")
    ] = None,
    profile: ProfileOption = "demo",
    data_root: DataOption = "",
    results: ResultsOption = "results",
) -> None:
    """Run scenarios × inits × folds of tasks; may be killed and called again."""
    from rin.study import open_study, run_grid

    study = open_study(profile, data_root=data_root, results=results)
    table = run_grid(study, *tasks or ())
    typer.echo(f"{len(table)} runs in {study.runs.folder}")


@app.command()
def study(
    profile: ProfileOption = "demo", data_root: DataOption = "", results: ResultsOption = "results"
) -> None:
    """Pretrain and fine-tune all that a profile asks for; may be killed and called again."""
    from rin.study import open_study, run_study

    opened = open_study(profile, data_root=data_root, results=results)
    table = run_study(opened)
    typer.echo(f"{len(table)} runs in {opened.runs.folder}")


@app.command()
def profiles() -> None:
    """List the profiles."""
    from rin.study import load_profile, profile_names

    for name in profile_names():
        typer.echo(f"{name:8s} {load_profile(name).about}")


@reference_app.command("write")
def reference_write(
    profile: Annotated[str, typer.Argument(help="Profile of a finished study, or a YAML file.")],
    data_root: RootOption = "",
    results: ResultsOption = "results",
    folder: Annotated[
        Path | None, typer.Option(help="Where to write it; by default, with the book.")
    ] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace the one there.")] = False,
    finished: Annotated[
        bool, typer.Option("--finished", help="Leave out tasks that are not finished yet.")
    ] = False,
    accelerator: Annotated[
        str | None, typer.Option(help="What trained, where it is not this computer's.")
    ] = None,
) -> None:
    """Write the reference run of a finished study on real images; at most 4 MB."""
    from rin.study import open_study
    from rin.study.reference import reference_folder, write_reference

    opened = open_study(profile, data_root=data_root, results=results)
    written = write_reference(
        opened,
        folder or reference_folder(),
        replace=replace,
        finished=finished,
        accelerator=accelerator,
    )
    size = sum(path.stat().st_size for path in written.iterdir())
    typer.echo(f"Reference run: {written}, {size:,} bytes")


@data_app.command("status")
def data_status(
    data_root: RootOption = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, with every field.")] = False,
) -> None:
    """List every dataset: what it is for, whether it is there, and where to get it."""
    import json

    from rich.console import Console

    from rin.data.status import dataset_status
    from rin.report.data_status import print_status

    root = Path(data_root) if data_root else None
    statuses = dataset_status(root)
    if as_json:
        listed = [status.as_dict() for status in statuses]
        typer.echo(json.dumps({"data_root": data_root or None, "datasets": listed}, indent=1))
    else:
        print_status(statuses, root, Console())


@data_app.command("verify")
def data_verify(
    name: Annotated[str, typer.Argument(help="A dataset, or all: those that are there.")],
    data_root: RootOption = "",
    results: ResultsOption = "results",
    quick: Annotated[bool, typer.Option("--quick", help="Decode no picture.")] = False,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Decode also what was decoded before.")
    ] = False,
    expect: Annotated[str, typer.Option(help="Content digest that the dataset must have.")] = "",
) -> None:
    """Check a dataset's files, counts and pictures; exit status 1 when something fails."""
    from tempfile import TemporaryDirectory

    from rich.console import Console

    from rin.data.status import manifests_to_verify, verify_dataset
    from rin.report.data_status import print_verification

    if not data_root:
        remedy = "Give --data-root, or set DATA_ROOT."
        raise InputError("no folder of datasets is named", where="--data-root", remedy=remedy)
    if expect and (quick or name == "all"):
        raise InputError(
            "a digest can be expected of one dataset whose pictures are decoded",
            where="--expect",
            remedy="Name the dataset, and leave out --quick.",
        )
    manifests, failed = manifests_to_verify(name, Path(data_root)), 0
    for manifest in manifests:
        with TemporaryDirectory() as empty:
            folder = Path(empty) if fresh else Path(results) / "index"
            done = verify_dataset(
                manifest, Path(data_root), index_folder=folder, quick=quick, expect=expect
            )
        print_verification(done, Console())
        failed += not done.whole
    if not manifests:
        typer.echo("No dataset is there, so nothing was checked.")
    raise typer.Exit(int(failed > 0))


@weights_app.command("probe")
def weights_probe(
    file: Annotated[Path, typer.Argument(help="*_notop.h5, .weights.h5 or .safetensors.")],
    images: Annotated[
        str, typer.Option(help="Folder, zip or dataset; without it, stand-ins.")
    ] = "",
    data_root: RootOption = "",
    backbone: Annotated[str, typer.Option(help="Where it cannot be found out.")] = "",
    n: Annotated[int, typer.Option("--n", min=8, help="How many images.")] = 64,
    size: Annotated[int, typer.Option(min=32, help="Side in pixels.")] = 224,
) -> None:
    """Tell which input preprocessing a file of weights was trained with."""
    from rin.study.probe import probe_file

    root = Path(data_root) if data_root else None
    lines = probe_file(file, images, root, backbone=backbone or None, n=n, size=size)
    typer.echo("\n".join(lines))


def main() -> None:
    """Run the command line; bad input ends in one line and exit status 1."""
    try:
        app()
    except InputError as error:
        typer.echo(f"rin: {error}", err=True)
        sys.exit(1)

"""The command line: `rin …`, a thin layer over the package.

Commands import what they need when they run, so that help appears at once.
"""

from __future__ import annotations

import errno
import os
import shlex
import signal
import sys
import threading
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from rin import __version__
from rin.errors import InputError, amount, join_first_ten, missing_resource_error, printable
from rin.processes import (
    STOPPING,
    Stopped,
    handle_signals,
    kill_workers,
    load_keras,
    quiet_tensorflow,
)

try:
    from rich.console import Console
    from rich.text import Text
    from typer import Argument, Exit, Option, Typer, confirm, echo
except ModuleNotFoundError as error:  # the core installs statistics without commands
    sys.exit(f"rin: {missing_resource_error(type(error).__name__, str(error)) or error}")

if TYPE_CHECKING:
    from rin.data.status import Verification

_NEXT_PROBLEM = "\n  problem   "
#: Error numbers for a folder that is read-only or belongs to somebody else, and for a full disk.
_REFUSED = {errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT}

app = Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="RadImageNet, re-examined: run the study and build its book.",
)


@app.callback(invoke_without_command=True)
def _options(version: bool = Option(False, "--version", help="Print the version.")) -> None:
    if version:
        echo(f"rin {__version__}")
        raise Exit


def _group(name: str, about: str) -> Typer:
    group = Typer(no_args_is_help=True, help=about)
    app.add_typer(group, name=name)
    return group


data_app = _group("data", "The datasets: which are present, and are they complete?")
weights_app = _group("weights", "Pretrained weights: what do they expect?")
features_app = _group("features", "Features of any encoder in place of weights.")
reference_app = _group("reference", "Reference runs: results on real images, kept with the book.")

Profile = Annotated[str, Option(help="Profile name, or a YAML file.")]
Data = Annotated[
    str,
    Option(envvar="DATA_ROOT", help="Folder of the real datasets; without it, stand-ins."),
]
Results = Annotated[str, Option(help="Folder for everything computed.")]
Partial = Annotated[
    bool,
    Option("--partial", envvar="RIN_PARTIAL", help="Accept part of a dataset."),
]
_ROOT = Option(
    envvar="DATA_ROOT",
    help="Folder of the real datasets.",
    metavar="PATH",
    parser=lambda text: Path(text) if text else None,  # an empty text is no folder
)
Root = Annotated[Path | None, _ROOT]
NeededRoot = Annotated[Path, _ROOT]


@app.command()
def book(
    profile: Profile = "demo",
    data_root: Data = "",
    results: Results = "results",
    read: bool = Option(False, "--read", help="Only results and evidence: no page that trains."),
    partial: Partial = False,
) -> None:
    """Run every notebook that is not up to date, then build the book."""
    from rin.report.build import make_book
    from rin.study.workspace import PARTIAL

    if partial:  # notebooks run in processes of their own
        os.environ[PARTIAL] = "1"
    echo(f"Book: {make_book(profile, data_root, results, reading=read)}")


@app.command()
def run(
    notebook: Path = Argument(
        exists=True, dir_okay=False, help="A py:percent notebook of notebooks/."
    ),
    parameter: list[str] = Option([], "--parameter", "-p", help="name=value; repeatable"),
    output: Path | None = Option(None, help="Computed notebook to write."),
) -> None:
    """Run one notebook with papermill; unknown parameters are errors."""
    values = {}
    for text in parameter:
        name, equals, value = text.partition("=")
        if not equals:
            raise InputError(f"{text!r} has no '='", where="--parameter", remedy="Use name=value.")
        values[name] = value
    # In the results folder, which Git ignores, so that the repository's root stays clean.
    target = output or Path("results", "computed", notebook.name).with_suffix(".ipynb")
    from rin.report.execution import check_target, run_alone

    check_target(notebook, target)
    run_alone(notebook, target, values)
    echo(f"Computed: {target}")


@app.command()
def curate(
    profile: Profile = "demo",
    data_root: Data = "",
    results: Results = "results",
) -> None:
    """Turn the archive of the profile into a corpus; may be killed and called again."""
    from rin.curation import build
    from rin.curation.burned_in import UNSEARCHED
    from rin.study import open_workspace
    from rin.study.corpora import curation_plan
    from rin.study.workspace import real_archive

    workspace = open_workspace(profile, data_root=data_root, results=results)
    if real_archive(workspace) is None:
        archive = workspace.profile.section("curation").archive
        if data_root:
            raise InputError(
                "there is no archive",
                where=Path(data_root) / archive,
                remedy="Put the archive there; without a data root a stand-in is curated.",
            )
        _say("No data root: a STAND-IN archive is curated.", "yellow")
    plan = curation_plan(workspace)
    corpus = build.curate(plan)
    for kind, n in corpus.card["archive"].items():
        echo(f"{kind:12s} {n:10,d} in the archive")
    kept = len(corpus.images)
    patients = corpus.images["patient_id"].nunique()
    for kind, left in corpus.card["files left out"].items():
        _say(f"left out     {left['files']:10,d} files: {kind}", "yellow")
    echo(f"{'images':12s} {kept:10,d} in the corpus, of {patients:,} patients")
    echo(f"To share: {corpus.root.absolute()}. Not searched for: {UNSEARCHED}.")
    echo(f"To review: {build.QUEUE} and {build.IMAGE_QUEUE} in {plan.output.absolute()}")


@app.command()
def study(
    profile: Profile = "demo",
    data_root: Data = "",
    results: Results = "results",
    only: list[str] = Option(
        [], help="Only this: pretraining, probe, losses or a study; repeatable."
    ),
    dry_run: bool = Option(False, "--dry-run", help="List what it would take, without doing it."),
    retrain: bool = Option(
        False, "--retrain", help="Redo runs of older code that may train differently."
    ),
    partial: Partial = False,
) -> None:
    """Pretrain and fine-tune all that a profile asks for; may be killed and called again."""
    from rin.study import open_workspace, run_study
    from rin.study.forecast import code_remarks, forecast_lines
    from rin.study.released import file_remarks, released_files
    from rin.study.stages import part_of
    from rin.study.workspace import missing_inputs

    opened = open_workspace(profile, data_root=data_root, results=results, partial=partial)
    part = part_of(opened, only)
    if dry_run:
        missing = [f"missing: {item}" for item in missing_inputs(part)]
        echo("\n".join([*forecast_lines(part), *missing]))
    for sentence in file_remarks(released_files(part)):
        _say(f"weights: {sentence}", "yellow")
    if not dry_run:
        table = run_study(opened, only=only, retrain=retrain)
        for item in missing_inputs(opened) if only else ():
            _say(f"no tables of results are written, as inputs are missing: {item}", "yellow")
        folder = opened.fine_tuning_ledger.folder
        echo(f"{amount(len(table), 'runs')} in {folder.absolute()}")
    for sentence in code_remarks(part):
        _say(f"{sentence}; --retrain redoes them.", "yellow")


@app.command()
def profiles() -> None:
    """List the profiles."""
    from rin.study import load_profile, profile_names

    for name in profile_names():
        echo(f"{name:8s} {load_profile(name).about}")


@app.command()
def new(
    name: str = Argument(help="Name of the task: small letters, digits, _."),
    images: Path = Option(help="Folder of classes or of metadata.csv, or .npz."),
    label: str = Option("label", help="Column of the labels."),
    patient: str = Option(
        "patient", help="Column of patients, 'name:PATTERN', dicom:PatientID, or none."
    ),
    mask: str = Option("mask", help="Column of the masks."),
    split: str = Option("split", help="Column of given parts or folds."),
    positive: list[str] = Option([], help="Positive class; repeatable."),
    negative: list[str] = Option([], help="Negative class; repeatable."),
    window: tuple[float, float] | None = Option(
        None, help="Centre and width, for more than 8 bits."
    ),
    minutes: float = Option(15, min=2, help="Budget of the training, in minutes."),
    several: bool = Option(False, "--several-labels", help="A patient may have both labels."),
    again: bool = Option(False, "--replace", help="Replace what rin new wrote for this name."),
    yes: bool = Option(False, "--yes", help="Ask nothing."),
    data_root: Root = None,
    results: Results = "results",
) -> None:
    """Make a task from your own images: check them, then write a manifest and a profile."""
    from rin.study.contract import Stated, new_task, write_task

    root = data_root or images.absolute().parent
    said = Stated(
        name,
        images,
        label=label,
        patient=patient,
        mask=mask,
        split=split,
        positive=positive,
        negative=negative,
        window=window,
        minutes=minutes,
        several_labels=several,
        replace=again,
        data_root=root,
        results=Path(results),
    )
    echo("Reading all pictures …", err=True)
    made = new_task(said)
    for what, text in made.facts:
        _say(f"{what:16} {text}", "bold red" if what.isupper() else "")
    if sys.stdin.isatty() and not yes:
        confirm("Is this right?", default=True, abort=True)
    _say(f"Written: {' and '.join(map(str, write_task(made)))}", "green")
    folders = shlex.join(["--data-root", str(root), "--results", results])
    for command in ("study", "book"):
        _say(f"  {_program()} {command} --profile {name} {folders}")


@app.command()
def compare(
    scores: Path = Argument(
        exists=True,
        dir_okay=False,
        help="One row per model and case, or per case: CSV, .xlsx or parquet.",
    ),
    by: str = Option("model", help="Column of the model."),
    score: list[str] = Option(["score"], help="Column of the score, or one for each model."),
    label: str = Option("label", help="Column of the true class."),
    case: str = Option("case_id", help="Column of the case."),
    patient: str = Option(
        "", help="Column of the patient; where there is none, each case is one."
    ),
    positive: str = Option("", help="Positive class; none for 0 and 1."),
    a: str = Option("", "--a", help="Compare this model with the others."),
    b: str = Option("", "--b", help="Compare it only with this one."),
    threshold: float | None = Option(
        None, help="Lowest score that is positive; by default P = 0.5."
    ),
    specificity: float = Option(0.9, help="Specificity at which sensitivity is given."),
    log_odds: bool = Option(False, "--log-odds", help="Scores are log-odds."),
    level: float = Option(0.95, help="Confidence level of the intervals."),
    output: Path | None = Option(None, help="Folder to write to; by default beside the scores."),
) -> None:
    """Compare models of any framework by their scores: one page, and its tables as CSV."""
    from rin.report import comparison

    columns = comparison.Columns(by, score, label, case, patient)
    rows = comparison.read_scores(scores, columns, positive)
    tables = comparison.comparison_tables(
        rows,
        comparison.pairs_of(list(rows["model"].unique()), a, b),
        specificity=specificity,
        threshold=threshold,
        log_odds=log_odds,
        level=level,
    )
    folder = output or scores.with_name(f"{scores.stem}_compared")
    page = comparison.write_comparison(tables, scores, folder, level=level)
    _say(f"Page: {page}; tables beside it: {', '.join(tables)}", "green")


@app.command()
def publish(
    folder: Path = Argument(help="Folder of results: results/NAME/tables.", resolve_path=True),
    author: str = Option(help="Name of who publishes it."),
    orcid: str = Option("", help="The author's, as https://orcid.org/…"),
    licence: str = Option("CC-BY-4.0", help="SPDX identifier, for the tables."),
    output: Path | None = Option(
        None, help="Folder to write; by default results/published/NAME.", resolve_path=True
    ),
    replace: bool = Option(False, "--replace", help="Replace an earlier publication."),
    yes: bool = Option(False, "--yes", help="Show names of images that are not open."),
) -> None:
    """Write results as a folder and a zip archive that others can cite and open."""
    from rin.study import open_results
    from rin.study.publish import check_author, names_shown, publish_results

    check_author(author, orcid, licence)
    facts = open_results(folder).facts
    if shown := names_shown(facts):
        _say(shown, "yellow")
        if not yes:
            confirm("May they be shown (--yes says so)?", abort=True)
    target = output or Path("results", "published", facts.name)
    archive = publish_results(
        folder, target, author, orcid=orcid, licence=licence, replace=replace
    )
    _say(f"Published: {archive}, and its folder beside it", "green")


@app.command("open")
def open_(
    place: str = Argument(help="Folder, zip archive, or https address of one."),
    results: Results = "results",
    replace: bool = Option(False, "--replace", help="Replace what was opened under its name."),
) -> None:
    """Open what somebody published: check every table, and put it below the results."""
    from rin.study.publish import open_published

    folder = open_published(place, Path(results), replace=replace)
    _say(f"Opened: {folder}", "green")
    shown = shlex.quote(f"profile={folder}")
    _say(f"  {_program()} run notebooks/results/your_run.py -p {shown}")


@reference_app.command("write")
def reference_write(
    profile: str = Argument(help="Profile of a finished study, or a YAML file."),
    data_root: Root = None,
    results: Results = "results",
    folder: Path | None = Option(None, help="Where to write it; by default, with the book."),
    replace: bool = Option(False, "--replace", help="Replace an existing reference run."),
) -> None:
    """Write the reference run of a finished study on real images; at most 10 MB."""
    from rin.study import open_workspace
    from rin.study.reference import reference_folder, write_reference

    opened = open_workspace(profile, data_root=data_root, results=results)
    written = write_reference(opened, folder or reference_folder(), replace=replace)
    size = sum(path.stat().st_size for path in written.iterdir())
    echo(f"Reference run: {written}, {size:,} bytes")


@data_app.command("status")
def data_status(data_root: Root = None) -> None:
    """List every dataset: what it is for, whether it is there, and where to get it."""
    from rin.data.status import dataset_status

    statuses = dataset_status(data_root)
    _say(f"Data root: {data_root or 'none, so no dataset is found (--data-root or DATA_ROOT)'}")
    shown = statuses[["name", "purpose", "state", "access", "licence"]].copy()
    shown["state"] += (": " + statuses["read"]).where(statuses["read"] != "", "")
    shown["licence"] = shown["licence"].str.split(r"[,;:]| \(", n=1, regex=True).str[0]
    shown.columns = ["Dataset", "For", "Images", "Access", "Licence"]
    shown = shown.apply(lambda cells: cells.str.ljust(cells.str.len().max()))
    _say(shown.to_string(index=False, justify="left"))
    for name, to_do in zip(statuses["name"], statuses["to_do"], strict=True):
        _say(f"{name:20}  {to_do}")


@data_app.command("fetch")
def data_fetch(
    data_root: NeededRoot,
    name: str = Argument(help="A dataset that needs no account."),
    yes: bool = Option(False, "--yes", help="Accept the licence."),
) -> None:
    """Download a dataset into the data root, and check it; asks about its licence."""
    from rin.data.fetch import fetch_dataset
    from rin.data.manifest import load_manifest

    manifest = load_manifest(name)
    if manifest.fetch:
        _say(f"{manifest.title}, {manifest.home}. Licence: {manifest.licence}")
        if not yes:
            confirm("Accept it (--yes says so)?", abort=True)
    for path in fetch_dataset(manifest, data_root):
        _say(f"Here: {path}", "green")


@data_app.command("verify")
def data_verify(
    data_root: NeededRoot,
    name: str = Argument(help="A dataset, or all: every dataset that is present."),
    results: Results = "results",
    quick: bool = Option(False, "--quick", help="Decode no pictures."),
    partial: Partial = False,
) -> None:
    """Check a dataset's files, counts and pictures; the exit status is 1 if a check fails."""
    from rin.data.manifest import load_manifest
    from rin.data.status import dataset_status, verify_dataset

    names = [name]
    failed = False
    if name == "all":
        statuses = dataset_status(data_root)
        names = statuses["name"][statuses["state"] != "not there"].tolist()
    index = Path(results) / "index"
    for manifest in map(load_manifest, names):
        if partial:
            manifest = manifest.model_copy(update={"partial": True})
        done = verify_dataset(manifest, data_root, index_folder=index, quick=quick)
        print_verification(done)
        failed |= bool(done.problems)
    if not names:
        echo("No dataset was found, so nothing was checked.")
    elif index.is_dir():
        _say(f"What was seen of the pictures is kept in {index.absolute()}")
    raise Exit(int(failed))


def print_verification(done: Verification) -> None:
    """Print what was found in a dataset, with each problem on a line of its own."""
    _say(f"{done.manifest.name}: {done.manifest.title}", "bold")
    if len(done.counts):
        stated = done.manifest.counts
        table = done.counts.astype(float)
        table.loc["all"] = table.sum(min_count=1)
        if not stated.images and stated.unit == "image":
            table.loc["all", "expected"] = stated.total
        table.columns = [f"{stated.unit.capitalize()}s", "expected", "Masks", "expected"]
        table = table if done.manifest.masks else table.iloc[:, :2]
        table = table.rename_axis("Class", axis=1)
        _say(table.to_string(float_format="{:,.0f}".format, na_rep="–"))
    for what, text in done.facts:
        _say(f"  {what:9} {text}")
    if done.problems:
        _say(f"  problem   {join_first_ten(done.problems, _NEXT_PROBLEM)}", "red")
        _say(f"  {amount(len(done.problems), 'problems')}", "red")
    else:
        of_part = " with this part" if done.part else ""
        decoded = "" if done.digest else "; no picture was decoded"
        _say(f"  Files and counts are right{of_part}{decoded}", "green")


def _say(text: str, style: str = "") -> None:
    """Print one unbroken line, so that an address or a path can be copied."""
    # As text that is not read as markup, with control characters escaped.
    Console().print(Text(printable(text), style=style), soft_wrap=True)


@weights_app.command("probe")
def weights_probe(
    file: Path = Argument(help="*_notop.h5, .weights.h5 or .safetensors."),
    images: str = Option("", help="Folder, zip or dataset; without it, stand-ins."),
    data_root: Root = None,
    backbone: str = Option("", help="Needed only if the file does not show it."),
    n: int = Option(64, "--n", min=8, help="Number of images."),
    size: int = Option(224, min=32, help="Side of the images in pixels."),
) -> None:
    """Find out which input preprocessing a file of weights was trained with."""
    from rin.models.weights_file import refuse_other_files

    refuse_other_files(file)  # before what takes seconds to load
    load_keras()
    from rin.study.probe_study import probe_file

    echo("\n".join(probe_file(file, images, data_root, backbone=backbone, n=n, size=size)))


@weights_app.command("convert")
def weights_convert(
    file: Path = Argument(help="File written by torch.save: .pt, .pth, .bin, .ckpt."),
    output: Path | None = Option(
        None, help="File to write; by default FILE.safetensors beside it."
    ),
) -> None:
    """Turn PyTorch weights into safetensors under torchvision's names, every tensor checked."""
    load_keras()
    from rin.models.torch_tensors import convert_torch_file

    done = convert_torch_file(file, output)
    from rin.models.probe import read_backbone
    from rin.study.probe_study import file_facts

    echo(f"{done.target}: {done.backbone}, {amount(done.tensors, 'tensors')}")
    if done.aside:
        echo(f"Left out, not part of the backbone: {join_first_ten(done.aside, ', ')}")
    echo("\n".join(file_facts(done.target, read_backbone(done.target, done.backbone))))


@weights_app.command("add")
def weights_add(
    file: Path = Argument(help="*_notop.h5, .weights.h5 or .safetensors, in DATA_ROOT/weights."),
    name: str = Option(help="Name of the init."),
    preprocessing: str = Option("", help="Of its inputs; without it, the probe proposes one."),
    backbone: str = Option("", help="Needed only if the file does not show it."),
    images: str = Option("", help="Pictures to probe with, as of rin weights probe."),
    data_root: Root = None,
) -> None:
    """Make a file of weights an init that profiles may name."""
    from rin.models.weights_file import refuse_other_files

    refuse_other_files(file)
    load_keras()
    from rin.study.added_weights import add_weights

    added = add_weights(
        file, name, preprocessing, backbone=backbone, images=images, data_root=data_root
    )
    _say(f"{name}: {added.backbone}, {preprocessing}, SHA-256 {added.sha256}", "green")
    _say(f"A profile starts from it by inits: [{name}, …]")


@features_app.command("export")
def features_export(
    profile: str = Argument(help="Profile name, or a YAML file."),
    output: Path | None = Option(None, help="Folder to write to; by default below the results."),
    data_root: Data = "",
    results: Results = "results",
) -> None:
    """Write the images of a profile's datasets as arrays, for an encoder of any framework."""
    from rin.study import open_workspace
    from rin.study.features import export_images

    opened = open_workspace(profile, data_root=data_root, results=results)
    for line in export_images(opened, output or opened.results / "images"):
        _say(line)


@features_app.command("add")
def features_add(
    name: str = Argument(help="Name of the init."),
    table: Path = Argument(help=".parquet or .npz: case_id and features."),
    dataset: str = Option(help="Dataset whose images these are features of."),
    profile: Profile = "demo",
    about: str = Option("", help="Which encoder this is: release, layer, pooling."),
    replace: bool = Option(False, "--replace", help="Replace other features of this name."),
    data_root: Data = "",
    results: Results = "results",
) -> None:
    """Check an encoder's features of a dataset, and keep them as an init of profiles."""
    from rin.study import open_workspace
    from rin.study.features import add_features

    opened = open_workspace(profile, data_root=data_root, results=results)
    kept = add_features(opened, name, table, dataset, about, replace=replace)
    _say(f"Kept: {kept.absolute()}", "green")


def _program() -> str:
    """Return how the command line was called, for commands that it prints."""
    return sys.argv[0] if Path(sys.argv[0]).name == "rin" else "rin"


def _handle_interrupt(number: int, _frame: object) -> None:
    """Say at once what Ctrl-C means, and end within five seconds, or at once on a second Ctrl-C.

    The exit status is that of a program ended by the signal with this number.
    """
    end = partial(_end, 128 + number)
    for stopping in STOPPING:
        signal.signal(stopping, lambda *_: end())
    try:
        echo(
            "\nrin: stopped. Finished runs, checkpoints and decoded pictures are kept; the same "
            "command continues from there.",
            err=True,
        )
    except OSError:  # the terminal is closed, so nobody reads any further output
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for stream in (1, 2):
            os.dup2(nowhere, stream)
    last = threading.Timer(4, end)
    last.daemon = True
    last.start()
    sys.unraisablehook = lambda _: end()  # a finaliser would swallow the exception
    raise Stopped(number)


def _end(status: int) -> None:
    kill_workers()
    with suppress(OSError):
        sys.stdout.flush()
    os._exit(status)  # a normal exit would wait for threads that are training


def main() -> None:
    """Run the command line; bad input is reported in one line, with exit status 1."""
    quiet_tensorflow()
    with handle_signals(
        _handle_interrupt
    ):  # signals that `nohup` makes a program ignore stay ignored
        try:
            app()
        except Stopped as stopped:
            _end(128 + stopped.args[0])
        except Exception as error:
            shown = error if isinstance(error, InputError) else None
            if isinstance(error, OSError) and error.errno in _REFUSED:
                from rin.files import MAKE_ROOM

                shown = InputError(
                    error.strerror, where=error.filename or "the disk", remedy=MAKE_ROOM
                )
            shown = shown or missing_resource_error(type(error).__name__, str(error))
            if shown is None:
                raise
            echo(f"rin: {shown}", err=True)
            sys.exit(1)

"""What is there of the datasets, as a terminal shows it.

Reads statuses and manifests; looks at no file (`rin.data.status` does).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console
    from rich.padding import Padding
    from rich.text import Text

    from rin.data.status import DatasetStatus, Verification

#: Problems and cases that are shown one by one.
_SHOWN = 20
_COLORS = {"here": "green", "not there": "yellow", "broken": "red"}


def state_words(status: DatasetStatus) -> str:
    """Return where a dataset is, or what is read as long as it is not there."""
    if status.state == "not there":
        instead = " or ".join(status.instead)
        return f"not there: {instead}" if instead else "not there"
    return f"{status.state}: {status.location}" if status.location else status.state


def short(licence: str) -> str:
    """Return the first words of a licence note, up to a comma, semicolon, colon or bracket."""
    return re.split(r"[,;:]| \(", licence, maxsplit=1)[0]


def print_status(
    statuses: Sequence[DatasetStatus], data_root: Path | None, console: Console
) -> None:
    """Print the table of `rin data status`, then what to do, a line for each dataset.

    Nothing is read as markup, as folder names may hold brackets.
    """
    from rich import box
    from rich.table import Table

    root = data_root or "none, so nothing is there (--data-root, or DATA_ROOT, names one)"
    _say(console, f"Data root: {root}")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Dataset", "For", "Images", "Access", "Licence"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Dataset")
    for data in statuses:
        state = _plain(state_words(data), _COLORS[data.state])
        texts = [_plain(text) for text in (data.purpose, data.access, short(data.licence))]
        table.add_row(_plain(data.name), texts[0], state, *texts[1:])
    console.print(table)
    width = max((len(data.name) for data in statuses), default=0)
    for data in statuses:
        source = f" It comes from {data.home}." if data.state == "here" else ""
        _say(console, f"{data.name:{width}}  {data.to_do}{source}")


def print_verification(done: Verification, console: Console) -> None:
    """Print what was found of a dataset, every problem in a line of its own."""

    def tell(kind: str, text: str, style: str = "") -> None:
        _say(console, f"  {kind:9} {text}", style)

    _say(console, f"{done.manifest.name}: {done.manifest.title}", "bold")
    if done.location:
        read_as = f", read as task {done.task} reads it" if done.task else ""
        tell("at", f"{done.location}{read_as}")
        known = {file.name for file in done.manifest.files if file.sha256 or file.bytes is not None}
        if not known:
            tell("files", "no published digests are known")
        for file in done.files:
            if file.name in known:
                tell("files", f"{file.name}: {file.outcome}")
    if done.counts:
        console.print(_count_table(done))
    if done.patients is not None:
        tell("patients", _patient_line(done))
    if done.readable is not None:
        tell("pictures", f"{done.readable:,} can be read")
    for finding in done.findings:
        shown = ", ".join(finding.case_ids[:_SHOWN])
        more = len(finding.case_ids) - _SHOWN
        cases = f" ({shown}{f' and {more} more' if more > 0 else ''})" if shown else ""
        tell("finding", f"{finding.kind}: {finding.text}{cases}")
    if done.digest:
        tell("digest", done.digest)
    number = len(done.problems)
    for problem in done.problems[:_SHOWN]:
        tell("problem", problem, "red")
    if number > _SHOWN:
        tell("problem", f"and {number - _SHOWN:,} more", "red")
    if done.whole:
        undecoded = "; no picture was decoded" if done.readable is None else ""
        _say(console, f"  Nothing is wrong{undecoded}", "green")
    else:
        _say(console, f"  {number:,} problem{'s' if number > 1 else ''}", "red")


def _say(console: Console, text: str, style: str = "") -> None:
    # One unbroken line, so that an address or a path can be copied.
    console.print(_plain(text, style), soft_wrap=True)


def _plain(text: str, style: str = "") -> Text:
    """Return text without markup and without the control characters that file names may hold."""
    from rich.text import Text

    shown = "".join(
        c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text
    )
    return Text(shown, style=style)


def _patient_line(done: Verification) -> str:
    numbers = done.patients
    if not numbers:
        return "none are named: each picture counts as one"
    units = "exams" if done.manifest.independence == "exam" else "patients"
    few, many = numbers["fewest"], numbers["most"]
    each = f"{few:,} to {many:,} images" if few < many else f"{many:,} image{'s' * (many > 1)}"
    two = f"{numbers['two_labels']:,} with two labels"
    return f"{numbers['patients']:,} {units}, {each} each; {two}"


def _count_table(done: Verification) -> Padding:
    from rich import box
    from rich.padding import Padding
    from rich.table import Table

    counts, rows = done.manifest.counts, done.counts
    headings = [f"{counts.unit.capitalize()}s", "expected"]
    headings += ["Masks", "expected"] if done.manifest.masks else []
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("Class", overflow="fold")
    for heading in headings:
        table.add_column(heading, justify="right")
    in_all = sum(counts.images.values()) or (counts.total if counts.unit == "image" else None)
    lines = [
        (row.source_class, row.found, row.expected, row.masks, row.expected_masks) for row in rows
    ]
    found, masks = sum(row.found for row in rows), sum(row.masks for row in rows)
    lines += [("all", found, in_all, masks, sum(counts.masks.values()) or None)]
    for name, *numbers in lines:
        cells = ["–" if number is None else f"{number:,}" for number in numbers]
        table.add_row(_plain(name), *cells[: len(headings)])
    return Padding(table, (0, 0, 0, 2))

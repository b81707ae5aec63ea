"""What is there of the datasets, as tables: for the book, and for a terminal.

Reads statuses and manifests; looks at no file (`rin.data.status`, `rin.data.verification`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from rin.report.tables import book_table

if TYPE_CHECKING:
    from pandas.io.formats.style import Styler
    from rich.console import Console

    from rin.data.manifest import Counts, DatasetManifest
    from rin.data.status import DatasetStatus

_COLORS = {"here": "green", "not there": "yellow", "broken": "red"}


def status_frame(statuses: Sequence[DatasetStatus]) -> pd.DataFrame:
    """Return one row per dataset: what it is for, whether it is there, and what to do."""
    rows = [
        (one.name, one.purpose, state_words(one), one.access, short(one.licence), one.to_do)
        for one in statuses
    ]
    columns = ["Dataset", "For", "Images", "Access", "Licence", "What to do"]
    return pd.DataFrame(rows, columns=columns)


def state_words(status: DatasetStatus) -> str:
    """Return where a dataset is, or what is read as long as it is not there."""
    if status.state == "not there":
        instead = " or ".join(status.instead)
        return f"not there: {instead}" if instead else "not there"
    return f"{status.state}: {status.location}" if status.location else status.state


def short(licence: str) -> str:
    """Return the first words of a licence note, up to a comma, semicolon, colon or bracket."""
    return re.split(r"[,;:]| \(", licence, maxsplit=1)[0]


def dataset_card(manifest: DatasetManifest) -> Styler:
    """Return what a manifest says about a dataset, for the book.

    Rows without content are left out, so that a card shows only what is known.
    """
    counts, unit = manifest.counts, f"{manifest.counts.unit}s"
    lesions = {"outline": "outlines", "box": "boxes"}[manifest.mask_kind]
    rows = {
        "Dataset": manifest.title,
        "Modality and region": f"{manifest.modality}, {manifest.anatomy}",
        "Publication": manifest.citation,
        "Home": manifest.home,
        "Access": manifest.access,
        "Licence": manifest.licence,
        "Looked for as": ", ".join(manifest.locations),
        "Unit of independence": manifest.independence,
        "Lesions marked by": lesions if manifest.masks else "",
        "CT window": "level {:g}, width {:g} HU".format(*manifest.window)
        if manifest.window
        else "",
        "Stated by the paper, by label": _listed(counts.paper),
        f"Stated by the authors, {unit}": _listed(counts.authors),
        f"Counted in the files, {unit}": _listed(counts.images),
        "Counted in all": f"{counts.total:,}" if counts.total else "",
    }
    rows |= {f"Task {task.name}": task.title for task in manifest.tasks}
    shown = [(name, text) for name, text in rows.items() if text]
    shown += [(f"Known: {found.kind}", found.text) for found in manifest.findings]
    card = pd.DataFrame(shown, columns=["Name", ""]).set_index("Name").rename_axis(None)
    return book_table(card, f"What the manifest {manifest.name} says", prose=True)


def _listed(counts: Counts) -> str:
    return ", ".join(f"{name} {number:,}" for name, number in counts.items())


def print_status(
    statuses: Sequence[DatasetStatus], data_root: Path | None, console: Console
) -> None:
    """Print the table of `rin data status`, then what to do, a line for each dataset.

    Nothing is read as markup, as folder names may hold brackets.
    """
    from rich import box
    from rich.table import Table
    from rich.text import Text

    root = data_root or "none, so nothing is there (--data-root, or DATA_ROOT, names one)"
    console.print(Text(f"Data root: {root}"), soft_wrap=True)
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("Dataset", "For", "Images", "Access", "Licence"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "Dataset")
    for one in statuses:
        state = Text(state_words(one), style=_COLORS[one.state])
        texts = [Text(one.name), Text(one.purpose), state, Text(one.access)]
        table.add_row(*texts, Text(short(one.licence)))
    console.print(table)
    missing = [one for one in statuses if one.state != "here"]
    width = max((len(one.name) for one in missing), default=0)
    for one in missing:
        # One unbroken line each, so that an address can be copied.
        console.print(Text(f"{one.name:{width}}  {one.to_do}"), soft_wrap=True)
    if not missing:
        console.print("Every dataset is there.")

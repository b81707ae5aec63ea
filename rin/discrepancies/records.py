"""What an entry of the ledger holds, and how its texts take their numbers.

Texts are templates: ``{name:,}`` takes a value that the entry computes, so that no number of a
computable entry is typed by hand, and an entry whose values agree again is found out by a test.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date

#: Date of the notes in which most entries were first written down.
NOTED = date(2026, 11, 20)
KINDS = {
    "paper": "Within the paper",
    "authors": "Between the paper and its authors' scripts, README and preprint",
    "data": "Between the paper and the public data",
    "distributors": "Between distributors of the weights",
}
#: `explained`: the files say which side holds, or why both do; `open`: nothing public decides.
STATUSES = ("open", "explained")


@dataclass(frozen=True)
class Says:
    """What one place says, as a template; `place` is one of `rin.discrepancies.places`."""

    place: str
    text: str


@dataclass(frozen=True)
class Computed:
    """Values for the templates of an entry, and whether those that should agree do not."""

    values: Mapping[str, object]
    disagree: bool


@dataclass(frozen=True)
class Discrepancy:
    """One inconsistency.

    Attributes
    ----------
    id
        Unique, of small letters and hyphens.
    kind
        Key of `KINDS`.
    title
        Short; a template as all texts are.
    says
        Two places or more, or one place and what is computed from it.
    consequence
        What it changes for a reader.
    handling
        How this book handles it.
    status
        One of `STATUSES`.
    finding
        What is computed or was found; may be empty.
    compute
        Works the values out; None where nothing can be computed.
    found
        When it was first written down.
    """

    id: str
    kind: str
    title: str
    says: tuple[Says, ...]
    consequence: str
    handling: str
    status: str = "open"
    finding: str = ""
    compute: Callable[[], Computed] | None = None
    found: date = NOTED


@dataclass(frozen=True)
class Written:
    """An entry with its numbers in place, as plain text; fields as in `Discrepancy`."""

    id: str
    kind: str
    title: str
    says: tuple[tuple[str, str], ...]
    finding: str
    consequence: str
    handling: str
    status: str
    found: date
    computed: bool


def write(entry: Discrepancy) -> Written:
    """Return an entry with its numbers in place."""
    values = entry.compute().values if entry.compute else {}

    def fill(template: str) -> str:
        return template.format_map(values)

    return Written(
        id=entry.id,
        kind=entry.kind,
        title=fill(entry.title),
        says=tuple((one.place, fill(one.text)) for one in entry.says),
        finding=fill(entry.finding),
        consequence=fill(entry.consequence),
        handling=fill(entry.handling),
        status=entry.status,
        found=entry.found,
        computed=entry.compute is not None,
    )

"""The discrepancy ledger: where the paper, its authors' files and public data do not agree.

Entries stand in `discrepancies.yaml`, with their places, and what sources outside the paper state.
The numbers of an entry come from a check on the ledger's page, so that none is typed.
"""

from collections.abc import Iterable, Mapping
from itertools import chain
from pathlib import Path

import pandas as pd

from rin.evidence import paper
from rin.files import read_yaml

_READ = read_yaml(Path(__file__).with_suffix(".yaml"))
KINDS: dict[str, str] = _READ["kinds"]
ENTRIES: tuple[dict, ...] = tuple(_READ["entries"])
#: What sources outside the paper state, by name; and beside it the paper's settings and database.
FACTS = dict(chain.from_iterable(facts.items() for facts in _READ["facts"].values()))
STATED = FACTS | {name: fact.value for name, fact in (paper.SETTINGS | paper.DATABASE).items()}
_PLACES = _READ["places"] | _READ["sources"]
_TEXTS = ("title", "finding", "consequence", "handling")


def ledger(
    checks: Mapping[str, tuple[Mapping[str, object], bool]], entries: Iterable[Mapping] = ENTRIES
) -> pd.DataFrame:
    """Return the ledger with every number in place, one row an entry.

    `checks` has, by entry, the values for its texts beside `STATED`, and whether those that should
    agree do not.  KeyError for a value that nobody computes.

    Columns: `id`, `kind` (key of `KINDS`), `status`, `computed` (whether numbers are compared),
    `disagree` (whether they still differ), `title`, `says` (pairs of a place and what it says),
    `finding` (may be empty), `consequence`, `handling`.
    """
    rows = []
    for entry in entries:
        values, disagree = checks.get(entry["id"], ({}, True))
        values = STATED | values
        said = chain.from_iterable(pair.items() for pair in entry["says"])
        rows.append(
            {
                **{name: entry[name] for name in ("id", "kind", "status")},
                "computed": entry["id"] in checks,
                "disagree": disagree,
                "says": [(_PLACES.get(at, at), text.format_map(values)) for at, text in said],
                **{name: entry.get(name, "").format_map(values) for name in _TEXTS},
            }
        )
    return pd.DataFrame(rows)

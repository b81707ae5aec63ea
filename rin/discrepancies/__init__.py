"""The discrepancy ledger: every inconsistency of the paper that was found, with its places.

Entries stand in modules by their kind; texts take their numbers from `rin.paper`, from the
manifests and from what others state (`rin.discrepancies.elsewhere`)::

    from rin.discrepancies import DISCREPANCIES, write

    write(DISCREPANCIES[0]).finding
"""

from rin import paper
from rin.data.manifest import manifest_names
from rin.discrepancies import authors, distributors, paper_numbers, paper_words, public_data
from rin.discrepancies.elsewhere import SOURCES
from rin.discrepancies.records import (
    KINDS,
    STATUSES,
    Computed,
    Discrepancy,
    Says,
    Written,
    write,
)

DISCREPANCIES: tuple[Discrepancy, ...] = (
    *paper_numbers.ENTRIES,
    *paper_words.ENTRIES,
    *authors.ENTRIES,
    *public_data.ENTRIES,
    *distributors.ENTRIES,
)


def places() -> frozenset[str]:
    """Return every place that an entry may name: of the paper, of others, of the manifests."""
    manifests = (f"data_manifests/{name}.yaml" for name in manifest_names())
    return frozenset((*paper.PLACES, *SOURCES, *manifests))


__all__ = [
    "DISCREPANCIES",
    "KINDS",
    "STATUSES",
    "Computed",
    "Discrepancy",
    "Says",
    "Written",
    "places",
    "write",
]

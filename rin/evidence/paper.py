"""Every published number of the reference study, with the place it stands in.

Mei X, Liu Z, Robson PM, et al. RadImageNet: An Open Radiologic Deep Learning Research Dataset for
Effective Transfer Learning. Radiology: Artificial Intelligence 2022;4(5):e210315.  The numbers
stand in `paper.yaml`, as printed, slips included; `rin.evidence.audit` checks them by arithmetic.
"""

import math
from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from rin.errors import look_up
from rin.files import read_yaml

_READ = read_yaml(Path(__file__).with_suffix(".yaml"))
_PLACES, _FIELDS = _READ["places"], _READ["fields"]
#: Sections and captions in which published numbers and claims stand.
PLACES = tuple(_PLACES.values())
Record = TypeVar("Record")

# What the fields mean, and their units, stands in the file.
PublishedComparison = namedtuple("PublishedComparison", _FIELDS["comparisons"])
PublishedDice = namedtuple("PublishedDice", _FIELDS["dice"], defaults=["", math.nan, math.nan])
ClassCount = namedtuple("ClassCount", _FIELDS["class_counts"])
ReleasedAccuracy = namedtuple("ReleasedAccuracy", _FIELDS["released_accuracy"])
#: One stated value; several are a tuple.
Fact = namedtuple("Fact", ["name", "value", "place"])


def _frozen(value: Any) -> Any:
    """Return lists as tuples, and short names of places in full."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return _PLACES.get(value, value)


def _records(kind: type[Record], section: str) -> dict[str, Record]:
    return {name: kind(name, *map(_frozen, values)) for name, values in _READ[section].items()}


CITATION = SimpleNamespace(**{name: _frozen(text) for name, text in _READ["citation"].items()})
COMPARISONS = _records(PublishedComparison, "comparisons")
DICE = _records(PublishedDice, "dice")


def comparison_of(task: str | None) -> "PublishedComparison | None":
    """Return what the paper states of a task of its own; None for no task of the paper.

    `InputError` for any other name, as a manifest may have it under `paper_task`.
    """
    return None if task is None else look_up("task of the paper", task, COMPARISONS)


#: Three sections state sizes; for acl, pneumonia and hemorrhage they disagree.
CLASS_COUNTS = {
    task: tuple(ClassCount(task, *map(_frozen, row)) for row in rows)
    for task, rows in _READ["class_counts"].items()
}
RELEASED_ACCURACY = _records(ReleasedAccuracy, "released_accuracy")
#: `pathologies` are listed twice; `claims` name the tasks that the text puts into words.
DATABASE, SETTINGS, PATHOLOGIES, CLAIMS = (
    _records(Fact, section) for section in ("database", "settings", "pathologies", "claims")
)

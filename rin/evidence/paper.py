"""The published numbers of the reference study (`CITATION`) used here, with their places.

They are in `paper.yaml`, as printed; `rin.evidence.audit` checks them by arithmetic.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, TypeVar

from rin.files import read_facts

_READ = read_facts(__file__)
#: Places in which the paper states numbers and claims, by their short names in the file.
PLACES: dict[str, str] = _READ["places"]
Record = TypeVar("Record")


@dataclass(frozen=True)
class PublishedComparison:
    """Mean and SD of 24 AUCs (0-1) of both sources; the difference in AUC points (0-100)."""

    task: str
    short: str
    title: str
    auc_radimagenet: float
    sd_radimagenet: float
    auc_imagenet: float
    sd_imagenet: float
    estimate: float
    ci_low: float
    ci_high: float
    p_text: str
    place: str


@dataclass(frozen=True)
class PublishedDice:
    """Mean Grad-CAM Dice scores (0-1), in the text and in Figure 5's caption."""

    task: str
    text_radimagenet: float
    text_imagenet: float
    caption_radimagenet: float
    caption_imagenet: float
    gain_percent: float
    p_text: str
    place: str


@dataclass(frozen=True)
class ClassCount:
    """Images of one class, or of a whole dataset (group `all`), as one section states them."""

    task: str
    group: str
    images: int
    place: str


@dataclass(frozen=True)
class ReleasedAccuracy:
    """Test accuracy of a released 165-label model, top-1 and top-5 in percent."""

    backbone: str
    top1: float
    top5: float
    place: str


@dataclass(frozen=True)
class Fact:
    """One stated value, or a list of several."""

    name: str
    value: Any
    place: str


def _records(kind: type[Record], section: str) -> dict[str, Record]:
    """Return the records of a section of the file, by name."""
    return {name: _record(kind, name, fields) for name, fields in _READ[section].items()}


def _record(kind: type[Record], name: str, fields: dict[str, Any]) -> Record:
    place = PLACES.get(fields["place"], fields["place"])
    return kind(name, **fields | {"place": place})


CITATION = SimpleNamespace(**_READ["citation"])
COMPARISONS = _records(PublishedComparison, "comparisons")
DICE = _records(PublishedDice, "dice")
#: Three sections of the paper state sizes; for acl, pneumonia and hemorrhage they disagree.
CLASS_COUNTS = {
    task: tuple(_record(ClassCount, task, fields) for fields in counts)
    for task, counts in _READ["class_counts"].items()
}
RELEASED_ACCURACY = _records(ReleasedAccuracy, "released_accuracy")
#: The paper lists `pathologies` twice; `claims` contains the tasks that its sentences refer to.
DATABASE = _records(Fact, "database")
SETTINGS = _records(Fact, "settings")
PATHOLOGIES = _records(Fact, "pathologies")
CLAIMS = _records(Fact, "claims")

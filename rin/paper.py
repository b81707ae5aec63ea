"""Every published number of the reference study, with the place it stands in.

Mei X, Liu Z, Robson PM, et al. RadImageNet: An Open Radiologic Deep Learning Research Dataset for
Effective Transfer Learning. Radiology: Artificial Intelligence 2022;4(5):e210315.  The numbers
stand in `paper.yaml`, as printed, slips included; `rin.stats.audit` checks them by arithmetic.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from rin.strict_yaml import read_yaml

_READ = read_yaml(Path(__file__).with_suffix(".yaml"))
_PLACES = _READ["places"]
#: Sections and captions in which published numbers and claims stand.
PLACES = tuple(_PLACES.values())


@dataclass(frozen=True)
class PublishedComparison:
    """One task: mean and SD of 24 AUCs for each source, and their difference.

    AUCs and SDs lie in 0-1; difference and 95% CI are in AUC points (0-100).
    """

    task: str
    title: str
    auc_radimagenet: float
    sd_radimagenet: float
    auc_imagenet: float
    sd_imagenet: float
    difference: float
    ci_low: float
    ci_high: float
    p_text: str
    place: str


@dataclass(frozen=True)
class PublishedDice:
    """Mean Grad-CAM Dice scores (0-1) of 24 models each, as the text and Figure 5 round them.

    The gain is in percent of the ImageNet score.  `example` is the image that the figure shows,
    the confidences (in percent) are those of the class that either network rightly calls it.
    """

    task: str
    text_radimagenet: float
    text_imagenet: float
    caption_radimagenet: float
    caption_imagenet: float
    gain_percent: float
    p_text: str
    place: str
    example: str = ""
    confidence_radimagenet: float = float("nan")
    confidence_imagenet: float = float("nan")


@dataclass(frozen=True)
class ClassCount:
    """Images of one class, or of a whole dataset (group ``all``), as one section states them."""

    task: str
    group: str
    images: int
    place: str


@dataclass(frozen=True)
class ReleasedAccuracy:
    """Test accuracy of a released 165-label model, in percent."""

    backbone: str
    top1: float
    top5: float
    place: str


@dataclass(frozen=True)
class Fact:
    """One stated value; several are a tuple."""

    name: str
    value: Any
    place: str


def _frozen(value: Any) -> Any:
    """Return lists as tuples, and short names of places in full."""
    if isinstance(value, list):
        return tuple(map(_frozen, value))
    return _PLACES.get(value, value)


def _records(kind: type, section: Mapping[str, list]) -> dict:
    return {name: kind(name, *map(_frozen, values)) for name, values in section.items()}


CITATION = SimpleNamespace(**{name: _frozen(text) for name, text in _READ["citation"].items()})
COMPARISONS: dict[str, PublishedComparison] = _records(PublishedComparison, _READ["comparisons"])
DICE: dict[str, PublishedDice] = _records(PublishedDice, _READ["dice"])
#: Three sections state sizes; for acl, pneumonia and hemorrhage they disagree.
CLASS_COUNTS: dict[str, tuple[ClassCount, ...]] = {
    task: tuple(ClassCount(task, *map(_frozen, row)) for row in rows)
    for task, rows in _READ["class_counts"].items()
}
RELEASED_ACCURACY: dict[str, ReleasedAccuracy] = _records(
    ReleasedAccuracy, _READ["released_accuracy"]
)
DATABASE: dict[str, Fact] = _records(Fact, _READ["database"])
SETTINGS: dict[str, Fact] = _records(Fact, _READ["settings"])
#: Kinds of pathologic conditions in the database, listed twice.
PATHOLOGIES: dict[str, Fact] = _records(Fact, _READ["pathologies"])
#: What the text claims in words, with the tasks that it names.
CLAIMS: dict[str, Fact] = _records(Fact, _READ["claims"])

"""Every published number of the reference study, with the place it stands in.

Mei X, Liu Z, Robson PM, et al. RadImageNet: An Open Radiologic Deep Learning Research Dataset for
Effective Transfer Learning. Radiology: Artificial Intelligence 2022;4(5):e210315.  The numbers
stand in `paper.yaml`, as printed, slips included; `rin.stats.audit` checks them by arithmetic.
"""

from collections import namedtuple
from pathlib import Path
from types import SimpleNamespace
from typing import Any, TypeVar

from rin.files import read_yaml

_READ = read_yaml(Path(__file__).with_suffix(".yaml"))
_PLACES = _READ["places"]
#: Sections and captions in which published numbers and claims stand.
PLACES = tuple(_PLACES.values())
Record = TypeVar("Record")


#: One task: mean and SD of 24 AUCs (0-1) for each source; their difference and its 95% CI in AUC
#: points (0-100).
PublishedComparison = namedtuple(
    "PublishedComparison",
    "task title auc_radimagenet sd_radimagenet auc_imagenet sd_imagenet "
    "difference ci_low ci_high p_text place",
)
#: Mean Grad-CAM Dice scores (0-1) of 24 models each, as the text and Figure 5 round them, and the
#: gain in percent of the ImageNet score.  `example` is the image that the figure shows, the
#: confidences (in percent) are those of the class that either network rightly calls it.
PublishedDice = namedtuple(
    "PublishedDice",
    "task text_radimagenet text_imagenet caption_radimagenet caption_imagenet gain_percent "
    "p_text place example confidence_radimagenet confidence_imagenet",
    defaults=["", float("nan"), float("nan")],
)
#: Images of one class, or of a whole dataset (group ``all``), as one section states them.
ClassCount = namedtuple("ClassCount", ["task", "group", "images", "place"])
#: Test accuracy of a released 165-label model, in percent.
ReleasedAccuracy = namedtuple("ReleasedAccuracy", ["backbone", "top1", "top5", "place"])
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

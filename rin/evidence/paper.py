"""The published numbers of the reference study (`CITATION`) used here, with their places.

They are in `paper.yaml`, as printed; `rin.evidence.audit` checks them by arithmetic.
"""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from rin.files import read_facts

_READ = read_facts(__file__)
#: Places in which the paper states numbers and claims, by their short names in the file.
PLACES: dict[str, str] = _READ["places"]
#: The two sources of weights, as the names of fields end.
SOURCES = ("radimagenet", "imagenet")


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


def _placed(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of a record with its place written out."""
    return fields | {"place": PLACES.get(fields["place"], fields["place"])}


def _facts(section: str) -> dict[str, SimpleNamespace]:
    """Return the facts of a section by name: `name`, `place`, and the fields in the file."""
    read = _READ[section].items()
    return {name: SimpleNamespace(name=name, **_placed(fields)) for name, fields in read}


CITATION = SimpleNamespace(**_READ["citation"])
COMPARISONS = {
    task: PublishedComparison(task, **_placed(fields))
    for task, fields in _READ["comparisons"].items()
}
DICE = {task: PublishedDice(task, **_placed(fields)) for task, fields in _READ["dice"].items()}
#: Images of a class, or of a whole dataset (group `all`), as one section states them.  Three
#: sections of the paper state sizes; for acl, pneumonia and hemorrhage they disagree.
CLASS_COUNTS = {
    task: tuple(SimpleNamespace(**_placed(fields)) for fields in counts)
    for task, counts in _READ["class_counts"].items()
}
#: Test accuracies of the released models of 165 labels, top-1 and top-5 in percent.
RELEASED_ACCURACY = _facts("released_accuracy")
#: The paper lists `pathologies` twice; `claims` contains the tasks that its sentences refer to.
DATABASE = _facts("database")
SETTINGS = _facts("settings")
PATHOLOGIES = _facts("pathologies")
CLAIMS = _facts("claims")

"""The published numbers of the reference study (`CITATION`) used here, with their places.

They are in `paper.yaml`, as printed; `rin.evidence.audit` checks them by arithmetic.
"""

from types import SimpleNamespace
from typing import Any

import pandas as pd

from rin.files import read_facts

_READ = read_facts(__file__)
#: Places in which the paper states numbers and claims, by their short names in the file.
PLACES = _READ["places"]
#: The two sources of weights, as the names of fields end.
SOURCES = ("radimagenet", "imagenet")


def _record(fields: dict[str, Any]) -> SimpleNamespace:
    """Return a record of these fields with its place written out."""
    return SimpleNamespace(**fields | {"place": PLACES.get(fields["place"], fields["place"])})


def _facts(section: str, key: str = "name") -> dict[str, SimpleNamespace]:
    """Return the facts of a section by name: the name as `key`, and the fields in the file."""
    return {name: _record({key: name} | fields) for name, fields in _READ[section].items()}


CITATION = _record(_READ["citation"])
COMPARISONS = _facts("comparisons", "task")
#: Mean Grad-CAM Dice scores (0-1), in the text and in Figure 5's caption.
DICE = _facts("dice", "task")
#: Images of a class, or of a whole dataset (group `all`), as one section states them.  Three
#: sections of the paper state sizes; for acl, pneumonia and hemorrhage they disagree.
CLASS_COUNTS = {
    task: tuple(map(_record, counts)) for task, counts in _READ["class_counts"].items()
}
#: Test accuracies of the released models of 165 labels, top-1 and top-5 in percent.
RELEASED_ACCURACY = _facts("released_accuracy")
#: The paper lists `pathologies` twice; `claims` contains the tasks that its sentences refer to.
DATABASE = _facts("database")
SETTINGS = _facts("settings")
PATHOLOGIES = _facts("pathologies")
CLAIMS = _facts("claims")


def comparison_table() -> pd.DataFrame:
    """Return `COMPARISONS` as a table, a row a task."""
    return pd.DataFrame(map(vars, COMPARISONS.values())).set_index("task")

"""The card of a task's dataset: what it is, what was read of it, how its lesions are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from IPython.display import Markdown

    from rin.study import TaskInputs

_MARKED = {
    "outline": "The line is the outline of the lesion; several outlines of one image are merged.",
    "box": "The line is the box that a reader drew around the finding; several boxes are merged.",
}


def card_table(inputs: TaskInputs) -> pd.DataFrame:
    """Return what a task's manifest states, one row a field, as text."""
    manifest = inputs.manifest
    patients = inputs.store.cases["patient_id"].nunique()
    card = {
        "Dataset": manifest.title,
        "In place of": inputs.substitute_for,
        "Question": inputs.task.title,
        "Modality and region": f"{manifest.modality}, {manifest.anatomy}",
        "Publication": manifest.citation,
        "Home": manifest.home,
        "Licence": manifest.licence,
        "Access": manifest.access,
        "Unit of independence": f"{manifest.independence} ({patients:,} in the images used here)",
        "Positive class": inputs.task.positive_class,
    }
    told = {field: text for field, text in card.items() if text is not None}
    return pd.Series(told, name="").to_frame()


def shown_sentence(inputs: TaskInputs) -> Markdown:
    """Return what is to be known about the images shown: their marks, size and choice."""
    from IPython.display import Markdown

    told = [_MARKED[inputs.manifest.mask_kind]] if inputs.manifest.masks else []
    kind = "in colour" if inputs.store.color else "gray"
    told.append(
        f"Images are shown as the networks see them: {kind}, square, {inputs.store.size} pixels "
        "on a side."
    )
    drawn = len(inputs.store.cases)
    if drawn < inputs.available:
        told.append(
            f"This profile draws {drawn:,} of {inputs.available:,} images at random: patients "
            "within each class, then images of theirs."
        )
    return Markdown(" ".join(told))


def repeats_sentence(inputs: TaskInputs) -> Markdown:
    """Return how pictures that repeat were looked for."""
    from IPython.display import Markdown

    bits = inputs.manifest.near_duplicate_bits
    if bits is None:
        told = (
            "Patients are known here, so pictures of different patients are not compared; equal "
            "pixels are still found."
        )
    else:
        told = (
            f"Two pictures whose hashes differ in at most {bits} of 256 bits share a group, "
            "whatever their labels."
        )
    return Markdown(told)

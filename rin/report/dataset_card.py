"""The card of a task's dataset: what it is, what was read of it, how its lesions are marked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rin.data.exams import exams_per_label, images_per_exam
from rin.data.official_split import patient_readings
from rin.paper import CLASS_COUNTS
from rin.report.format import MISSING

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


def known_table(inputs: TaskInputs) -> pd.DataFrame:
    """Return what the manifest tells of the published files, whatever was read here."""
    rows = [(one.kind, one.text, ", ".join(one.case_ids)) for one in inputs.manifest.findings]
    return pd.DataFrame(rows, columns=["Kind", "What", "Cases"])


def findings_table(inputs: TaskInputs) -> pd.DataFrame:
    """Return what was found in the files that were read, beside what their manifest tells."""
    told = {one.text for one in inputs.manifest.findings}
    found = [one for one in inputs.found.findings if one.text not in told]
    rows = [(one.kind, one.text, ", ".join(one.case_ids)) for one in found]
    return pd.DataFrame(rows, columns=["Kind", "What", "Cases"])


def readings_table(inputs: TaskInputs) -> pd.DataFrame:
    """Return what each reading of the patient from the file names would lead to, as text.

    Without rows where the manifest lists no readings.
    """
    read = patient_readings(inputs.manifest, inputs.found.cases)
    table = pd.DataFrame(
        {
            "Reading": read["reading"],
            "Patients": read["patients"].map("{:,}".format),
            "Images of the largest": read["largest"].astype(str),
            "Across the split": [MISSING if pd.isna(n) else f"{n:,}" for n in read["across"]],
        }
    )
    return table.set_index("Reading")


def exam_table(inputs: TaskInputs) -> pd.DataFrame:
    """Return the images per exam that the paper's counts imply, as text.

    Without rows where the manifest counts images, or where the paper states other classes.
    """
    exams = exams_per_label(inputs.manifest) if inputs.manifest.counts.unit == "exam" else {}
    stated = {one.group: one.images for one in CLASS_COUNTS.get(inputs.task.paper_task or "", ())}
    images = {label: stated[label] for label in exams if label in stated}
    if not images or set(images) != set(exams):
        return pd.DataFrame(columns=["Images, paper", "Exams, counted", "Images per exam"])
    table = images_per_exam(images, exams)
    return pd.DataFrame(
        {
            "Images, paper": table["images"].map("{:,}".format),
            "Exams, counted": table["exams"].map("{:,}".format),
            "Images per exam": table["per_exam"].map("{:.2f}".format),
        }
    ).set_index(table["label"].rename("Class"))

"""The page of the reference run, section by section, and the short block that other pages show.

Each section is a list of what a notebook displays; it is empty where the book has no reference
run, and the page then says so once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from html import escape

import pandas as pd

from rin.report.analyses import TaskAnalyses
from rin.report.analyses_tables import holm_of_recommended
from rin.report.figures_reference import forest_alt, reference_forest
from rin.report.format import format_number
from rin.report.from_random import areas_over_folds, gains_over_random, gains_table
from rin.report.panels import picture
from rin.report.reference import (
    areas_table,
    beside_table,
    difference_rows,
    reference_analyses,
    reference_banner,
    reference_tasks,
    shown_reference,
)
from rin.report.reference_localisation import (
    overlap_beside_table,
    overlap_reading,
    reference_overlaps,
)
from rin.report.reference_own import OwnRun, own_run
from rin.report.reference_readings import (
    NONE_YET,
    chance_reading,
    difference_reading,
    differences_reading,
    limits_reading,
    own_reading,
    pretraining_reading,
    random_reading,
    task_titles,
    what_reading,
)
from rin.report.style import init_style
from rin.report.tables import book_table
from rin.study import Study
from rin.study.reference import ReferenceRun, from_random_predictions


@dataclass(frozen=True)
class ReferencePage:
    """A reference run, or none, beside the reader's own study."""

    reference: ReferenceRun | None
    own: OwnRun | None

    @cached_property
    def found(self) -> list[TaskAnalyses]:
        """Tasks of the reference run under every analysis."""
        return reference_analyses(self.reference) if self.reference else []


def reference_page(study: Study) -> ReferencePage:
    """Return the page for a reader's study: the reference run, and the study where it is finished.

    Raises
    ------
    InputError
        For a reference run that is damaged.
    """
    reference = shown_reference(study.profile.name)
    return ReferencePage(reference, own_run(study, reference) if reference else None)


def what_section(page: ReferencePage) -> list[object]:
    """Return banner, what the reference run is, and what its numbers cannot carry."""
    if page.reference is None:
        return [_markdown(NONE_YET)]
    return [
        reference_banner(page.reference),
        _markdown(what_reading(page.reference)),
        _markdown(limits_reading(page.reference, page.found)),
    ]


def areas_section(page: ReferencePage) -> list[object]:
    """Return the table of mean areas and differences, and the sentences that read it."""
    if not page.found:
        return []
    adjusted = holm_of_recommended(page.found)
    lines = [f"- {difference_reading(one, adjusted[one.task])}" for one in page.found]
    return [
        book_table(areas_table(page.found, adjusted), "Reference run, mean areas", prose=True),
        _markdown(differences_reading(page.found)),
        _markdown("\n".join(lines)),
        _markdown(chance_reading(page.reference, task_titles(page.reference))),
    ]


def beside_section(page: ReferencePage) -> list[object]:
    """Return figure and table of published, reference and own differences."""
    if not page.found:
        return []
    own = page.own.found
    rows = difference_rows(page.found, own)
    axes = reference_forest(rows, page.reference.facts.inits)
    table = beside_table(page.found, own)
    return [
        picture(axes.figure, forest_alt(rows), width="34rem"),
        _markdown(own_reading(page.own, page.reference)),
        book_table(table, "Published, reference run, this run", prose=True),
    ]


def random_section(page: ReferencePage) -> list[object]:
    """Return pretraining against random weights: how the weights came about, table, sentences."""
    if page.reference is None:
        return []
    shown: list[object] = [_markdown(pretraining_reading(page.reference))]
    if len(page.reference.pretraining):
        table = pretraining_table(page.reference)
        shown.append(book_table(table, "Pretraining", prose=True))
    scored = from_random_predictions(page.reference)
    if scored.empty:
        return [*shown, _markdown("The reference run holds no runs from random weights.")]
    gains, areas = gains_over_random(scored), areas_over_folds(scored)
    table = gains_table(gains, areas, reference_tasks(page.reference))
    return [
        *shown,
        book_table(table, "Each pretraining against random weights", prose=True),
        _markdown(random_reading(gains, task_titles(page.reference))),
    ]


def overlap_section(page: ReferencePage) -> list[object]:
    """Return Grad-CAM overlap beside the paper's, with its sentences."""
    if page.reference is None:
        return []
    found = reference_overlaps(page.reference)
    if not found:
        return [_markdown("No task of the reference run has images with marked lesions.")]
    lines = "\n".join(f"- {overlap_reading(one)}" for one in found)
    table = overlap_beside_table(found)
    return [book_table(table, "Dice of Grad-CAM and lesion", prose=True), _markdown(lines)]


def pretraining_table(reference: ReferenceRun) -> pd.DataFrame:
    """Return how each pretraining of a reference run went, as text."""
    table = reference.pretraining
    shown = {
        "Init": [init_style(init).short for init in table["init"]],
        "Backbone": table["backbone"],
        "Named rightly": [format_number(share) for share in table["top1"]],
        "Inputs": table["contract"],
    }
    names = {"training_images": "Training images", "classes": "Classes", "epochs": "Epochs",
             "steps": "Steps"}  # fmt: skip
    shown |= {
        title: [f"{int(n):,}" for n in table[name]]
        for name, title in names.items()
        if name in table
    }
    return pd.DataFrame(shown).reset_index(drop=True)


def reference_block(tasks: Sequence[str] | None = None, *, profile: str = "") -> list[object]:
    """Return what a results page shows of the reference run: a banner line, a table, sentences.

    Parameters
    ----------
    tasks
        Names; by default all of the reference run.  Holm's adjustment covers all of them.
    profile
        Of the page, whose own reference run comes before others.

    Returns
    -------
    list
        To be displayed: where the book has no reference run, or none of the tasks, one sentence.
    """
    reference = shown_reference(profile)
    if reference is None:
        return [_markdown(NONE_YET)]
    every = reference_analyses(reference)
    found = [one for one in every if tasks is None or one.task in tasks]
    facts = reference.facts
    if not found:
        held = ", ".join(one.title for one in every)
        return [_markdown(f"The reference run “{facts.name}” holds other tasks: {held}.")]
    adjusted = holm_of_recommended(every)
    lines = [f"- {difference_reading(one, adjusted[one.task])}" for one in found]
    note = (
        f"**Reference run** “{facts.name}”: real images, finished {facts.last_finished[:10]}, "
        f"{facts.hardware.text}; statistics computed now from its {len(reference.scores):,} scores."
    )
    caption = f"Reference run “{facts.name}”, real images"
    return [
        _markdown(note),
        book_table(areas_table(found, adjusted), caption, prose=True),
        _markdown("\n".join(lines)),
    ]


def _markdown(text: str) -> object:
    from IPython.display import Markdown

    return Markdown(escape(text, quote=False))  # names come from files

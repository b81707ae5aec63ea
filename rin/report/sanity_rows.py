"""Rows of panels of the sanity check: a measure over the backbones, and strips of maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from rin.explain.gradcam import to_uint8
from rin.explain.sanity import MEASURES
from rin.report.across import images_of
from rin.report.figures_sanity import cascade_strip, similarity_lines
from rin.report.format import task_title
from rin.report.panels import Panel, panel_row
from rin.report.sanity_tables import survival_reading
from rin.report.style import init_style
from rin.study import Study, TaskInputs, sanity_maps

if TYPE_CHECKING:
    from IPython.display import HTML

_SHARE = 1.3  # of a row: two panels, so that the four backbones make a square


def measure_row(
    summary: pd.DataFrame, measure: str, inits: Sequence[str], inputs: TaskInputs
) -> HTML:
    """Return one measure of one task, a panel a backbone, with the sentences that read it.

    Parameters
    ----------
    summary
        One task of `rin.report.sanity_tables.similarity_summary`.
    measure
        Key of `rin.explain.sanity.MEASURES`.
    """
    rows = summary[summary["measure"] == measure]
    panels = [
        Panel(
            similarity_lines(cell, inits, title=backbone).figure,
            f"{MEASURES[measure]} with the trained network's map as the weights of {backbone} go "
            "random, from the head to the first stage",
            _SHARE,
        )
        for backbone, cell in rows.groupby("backbone", sort=False)
    ]
    images = images_of(inputs)
    return panel_row(
        panels,
        title=f"{MEASURES[measure]}, {task_title(inputs.task)}",
        origin=images.origin,
        word=images.word,
        detail=images.title,
        reading=survival_reading(summary, measure, inits, images),
    )


def strip_row(
    study: Study, inputs: TaskInputs, backbone: str, inits: Sequence[str], *, threshold: int
) -> HTML:
    """Return the maps of one case as the weights of a backbone go random, a strip an init.

    Parameters
    ----------
    threshold
        Gray level whose contour is drawn.
    """
    panels, classes, store = [], [], inputs.store
    names = ("the negative class", inputs.task.positive_class)
    for init in inits:
        found = sanity_maps(study, inputs, init, backbone)
        row = store.cases["case_id"].tolist().index(found.case_ids[0])
        strip = cascade_strip(
            store.images()[row],
            store.masks()[row],
            to_uint8(found.maps[:, 0], store.size),
            found.steps,
            init,
            threshold=threshold,
        )
        alt = f"Map of {backbone}, {init_style(init).short}, trained and after each step"
        panels.append(Panel(strip[0].figure, alt))
        classes.append(f"{init_style(init).short} predicts {names[found.targets[0]]}")
    images = images_of(inputs)
    return panel_row(
        panels,
        title=f"{backbone}, {task_title(inputs.task)}",
        origin=images.origin,
        word=images.word,
        detail=f"{images.title}, {found.case_ids[0]}",
        reading=f"{images.caution}Each map is that of the class that the trained network predicts "
        f"({'; '.join(classes)}), scaled to its own maximum.",
    )

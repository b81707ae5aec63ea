"""The row of panels of the page on probing weights."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from rin.report.across import ORIGINS
from rin.report.figures_probe import divergence_dots, marker_legend
from rin.report.panels import Panel, panel_row
from rin.report.probe import measurements_provenance, true_rows
from rin.study.probe import RANDOM

if TYPE_CHECKING:
    from IPython.display import HTML


def divergence_panels(measurements: pd.DataFrame, title: str) -> HTML:
    """Return a panel for every contract that files were trained with, and one for random weights.

    Parameters
    ----------
    measurements
        As `rin.study.probe.probe_measurements`; the study's own pretraining is left out.
    title
        Stands above the row.
    """
    made = measurements[measurements["kind"] != "study"]
    panels = []
    for truth, rows in made.groupby("trained_with", sort=False):
        what = "random weights" if truth == RANDOM else f"files trained with {truth}"
        alt = f"Divergence of each candidate for {what}, by backbone and dataset."
        panels.append(Panel(divergence_dots(rows).figure, alt))
    panels.append(Panel(marker_legend(made).figure, "Markers: backbones; filled or open: images."))
    origin = measurements_provenance(made)
    return panel_row(
        panels,
        title=title,
        origin=origin,
        word=ORIGINS[origin],
        detail=f"{made['source'].nunique()} datasets",
        reading=_reading(made),
    )


def _reading(made: pd.DataFrame) -> str:
    truth = true_rows(made)
    seen, unseen = (truth.loc[truth["seen"] == flag, "divergence"] for flag in (True, False))
    parts = [
        "Each mark is one file on images of one dataset; the shaded row is the contract that the "
        "files were trained with. Beyond the dotted line nothing is said to fit."
    ]
    for values, words in ((seen, "their own corpus"), (unseen, "other datasets")):
        if len(values):
            parts.append(
                f"On {words} the right candidate diverges by {values.min():.3f} to "
                f"{values.max():.3f}."
            )
    return " ".join(parts)

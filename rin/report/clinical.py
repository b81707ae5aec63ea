"""Measures beyond the AUC as the book shows them: a table, and calibration curves."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes

from rin.report.format import format_estimate
from rin.report.style import FAINT, init_style

#: Measures of `rin.stats.clinical_measures` that the book prints.
MEASURE_NAMES = {
    "ece": "Calibration error (0 is best)",
    "brier": "Brier score (0 is best)",
    "sensitivity_at_90": "Sensitivity at 90% specificity",
    "average_precision": "Average precision",
    "net_benefit": "Net benefit at the prevalence",
}


def measure_table(measures: pd.DataFrame, inits: Sequence[str]) -> pd.DataFrame:
    """Return the measures of one task as a table to print: a row a measure.

    `measures` is that of `rin.stats.clinical_measures` for two inits; the columns are the measure,
    their difference with its interval, and the value of either.
    """
    short = [init_style(init).short for init in inits]
    cells = measures[measures["measure"].isin(MEASURE_NAMES)].set_index(["init", "measure"])
    names = [name for name in MEASURE_NAMES if name in cells.loc["difference"].index]
    table = {"Measure (0–1)": [MEASURE_NAMES[name] for name in names]}
    difference = format_estimate(cells.loc["difference"].loc[names]).to_list()
    table[f"{short[0]} − {short[1]} (95% CI)"] = difference
    for init, word in zip(inits, short, strict=True):
        table[word] = cells.loc[init].loc[names, "estimate"].map("{:.3f}".format).to_list()
    return pd.DataFrame(table)


def calibration(curves: pd.DataFrame, inits: Sequence[str], panel: str) -> np.ndarray[Axes]:
    """Draw reliability curves of some inits; a panel a value of a column.

    `curves` is that of `rin.stats.clinical_curves`, with the column `panel`; other curves than the
    reliability are left out.  The dotted line is where probabilities are true.
    """
    rows = curves[curves["curve"] == "reliability"]
    grid = sns.relplot(
        rows, kind="line", x="x", y="estimate", hue="init", col=panel, estimator=None, marker="o",
        palette={init: init_style(init).color for init in inits}, height=3.2,
    )  # fmt: skip
    for ax in grid.axes.flat:
        ax.axline((0, 0), slope=1, color=FAINT, linestyle=":", linewidth=1)
    grid.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    grid.set_axis_labels("Predicted probability", "Share positive")
    sns.move_legend(grid, "upper center", ncols=2, title="", bbox_to_anchor=(0.45, 0.03))
    return grid.set_titles("{col_name}", size=10.5).axes

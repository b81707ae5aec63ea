"""The mean ROC curve of a task's scenarios."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from rin.report.style import FAINT, check_columns, check_one_each, kind_style, rows_of


def mean_roc(curves: pd.DataFrame, inits: Sequence[str], *, ax: Axes | None = None) -> Axes:
    """Draw the mean ROC curve of the scenarios per init, with SDs of its true-positive rate.

    `curves` is one task of `rin.stats.mean_roc` (`init`, `fpr`, `tpr`, `tpr_sd`, 0–1).  ± 1 SD,
    cut at 0 and 1, are bars at five rates, as bands of several inits would cover each other.
    """
    check_columns(curves, ["init", "fpr", "tpr", "tpr_sd"])
    rows = curves.sort_values("fpr")
    check_one_each(rows, ["init", "fpr"])
    ax = ax or plt.subplots(figsize=(4.2, 4.0))[1]
    ax.plot([0, 1], [0, 1], color=FAINT, linewidth=1, linestyle=":", label="_chance")
    for place, init in enumerate(inits):
        style, of_init = kind_style(init), rows_of(rows, init)
        points = of_init.iloc[np.searchsorted(of_init["fpr"], [0.1, 0.3, 0.5, 0.7, 0.9])]
        at = points["fpr"] + 0.016 * (place - (len(inits) - 1) / 2)
        ends = ((points["tpr"] + sign * points["tpr_sd"]).clip(0, 1) for sign in (-1, 1))
        look = {"color": style.color, "linewidth": 1.2, "alpha": 0.8, "gid": "sd"}
        ax.vlines(at, *ends, **look)
        line = {"linestyle": style.linestyle, "color": style.color, "label": style.label}
        ax.plot(of_init["fpr"], of_init["tpr"], **line)
    ax.grid()
    ax.set(xlabel="False-positive rate", ylabel="True-positive rate", aspect="equal")
    ax.set(xlim=(-0.01, 1.01), ylim=(-0.01, 1.01))
    ax.legend(loc="lower right", fontsize=9.5)
    return ax

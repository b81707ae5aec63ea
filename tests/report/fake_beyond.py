"""Tables as `rin.stats.beyond` and `rin.stats.roc` return them, with numbers chosen by hand."""

import numpy as np
import pandas as pd

from rin.report.across import Images
from rin.stats.beyond import DIFFERENCE, MEASURES

INITS = ("radiologic", "photographic")
STAND_IN = Images("stand-in", "Images of breast", None, 12, 12)
REAL = Images("real", "Images of breast", None, 780, 780)


def measures(**changed):
    """Every measure: a 0.5 (0.4, 0.6), b 0.4 (0.3, 0.5), difference 0.1 (0.05, 0.15).

    `changed` maps a measure to {init: (estimate, low, high)}.
    """
    usual = {INITS[0]: (0.5, 0.4, 0.6), INITS[1]: (0.4, 0.3, 0.5), DIFFERENCE: (0.1, 0.05, 0.15)}
    rows = [
        ("breast", init, measure, *(changed.get(measure, {}).get(init, numbers)))
        for init, numbers in usual.items()
        for measure in MEASURES
    ]
    columns = ["task", "init", "measure", "estimate", "ci_low", "ci_high"]
    return pd.DataFrame(rows, columns=columns).assign(remark="")


def curves():
    """Four points of each curve; the first start's lie 0.05 above the other's."""
    x = np.array([0.0, 0.3, 0.6, 0.9])
    heights = {
        "reliability": [0.1, 0.2, 0.7, 0.8],
        "precision_recall": [0.5, 0.9, 0.7, 0.5],
        "decision": [0.4, 0.3, 0.1, -1.0],
        "treat_all": [0.4, 0.2, -0.5, -5.0],
    }
    tables = []
    for init, lift in zip(INITS, (0.05, 0.0), strict=True):
        for curve, height in heights.items():
            y = np.array(height) + (0 if curve == "treat_all" else lift)
            points = {"x": x, "y": y, "low": y - 0.1, "high": y + 0.1, "share": 0.25}
            tables.append(pd.DataFrame({"task": "breast", "init": init, "curve": curve} | points))
    return pd.concat(tables, ignore_index=True)


def shares():
    """Three quarters of the first start's scores in the lower half, one of the other's."""
    rows = [("radiologic", 0, 0.5, 0.75), ("radiologic", 0.5, 1, 0.25)]
    rows += [("photographic", 0, 0.5, 0.25), ("photographic", 0.5, 1, 0.75)]
    return pd.DataFrame(rows, columns=["init", "left", "right", "share"])


def areas():
    """Mean areas 0.8 and 0.7; curves at common thresholds lose 3 points and 1 point."""
    rows = []
    for init, mean, lost in zip(INITS, (0.8, 0.7), (0.03, 0.01), strict=True):
        for method, gap in (("vertical", 0.0), ("threshold", -lost), ("rank", -0.002)):
            rows.append(("breast", init, method, mean + gap, mean, gap))
    columns = ["task", "init", "method", "area", "mean_auc", "gap"]
    return pd.DataFrame(rows, columns=columns)


def predictions():
    """Two folds of two scenarios: six cases of four patients, two positive; scores 0 to 1."""
    cases = pd.DataFrame(
        {
            "fold": [0, 0, 0, 1, 1, 1],
            "case_id": list("abcdef"),
            "patient_id": ["p", "p", "q", "r", "r", "s"],
            "label": [1, 0, 0, 0, 0, 1],
            "score": [1.0, 0.0, 0.1, 0.2, 0.3, 0.9],
        }
    )
    runs = [
        cases.assign(task="breast", init=init, scenario=scenario, seed=0, part="test")
        for init in INITS
        for scenario in ("one", "two")
    ]
    validation = runs[0].assign(part="validation", case_id=list("uvwxyz"), label=1)
    return pd.concat([*runs, validation], ignore_index=True)

"""Tables of localisation: every measure beside its baselines, every test, and the scoreboard.

Cells are text, ready to read; numbers come from `rin.report.localisation`, published ones from
`rin.paper`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from rin import paper
from rin.explain.overlap import MEASURES
from rin.report.format import (
    MISSING,
    format_estimate,
    format_mean_sd,
    format_number,
    format_p,
)
from rin.report.localisation import Localisation
from rin.report.localisation_tests import BESIDE, PUBLISHED, RECOMMENDED
from rin.report.scoreboard import under_p
from rin.report.style import init_style
from rin.report.tables import dice_beside_table

_ROLE = {PUBLISHED: "published", RECOMMENDED: "recommended"}


def percent(share: float) -> str:
    """Return a share (0–1) as whole percent, or a dash when it is NaN."""
    return MISSING if np.isnan(share) else f"{100 * share:.0f} %"


def estimate_text(value: float, low: float, high: float) -> str:
    """Return an estimate with its interval, or one dash where there is none."""
    return MISSING if np.isnan(value) else format_estimate(value, low, high)


def measures_table(one: Localisation) -> pd.DataFrame:
    """Return every measure of a task: mean ± SD over scenarios per init, and their difference.

    The difference is over images, with patients as the independent units; the upper bound is
    not compared, for it is not a score that anybody can reach.
    """
    means = one.means.set_index(["measure", "init"])
    a, b = (init_style(init).short for init in one.inits)
    rows = []
    for measure, name in MEASURES.items():
        cells = {"Measure": name}
        for init in one.inits:
            here = means.loc[(measure, init)]
            cells[init_style(init).short] = format_mean_sd(here["mean"], here["sd"], 3)
        difference, p_value = f"{a} − {b} (95% CI)", "P"
        cells |= {difference: MISSING, p_value: MISSING}
        if measure in BESIDE:
            test = one.tested(measure)
            ends = test["estimate"], test["ci_low"], test["ci_high"]
            cells |= {
                difference: estimate_text(*ends),
                p_value: under_p(format_p(test["p_value"])),
            }
        rows.append(cells)
    return pd.DataFrame(rows)


def baselines_table(one: Localisation) -> pd.DataFrame:
    """Return what looking at no image scores, by each measure, as text."""
    columns = {"dice": "Dice", "pointing": "Pointing game", "average_precision": "Pixel precision"}
    table = one.baseline_means.set_index("baseline")[list(columns)]
    table = table.map(lambda value: format_number(value, 3)).rename(columns=columns)
    return table.rename_axis("Picture").reset_index()


def against_table(one: Localisation) -> pd.DataFrame:
    """Return, by each measure, how each init differs from the best of the baselines, as text.

    The word behind an interval says on which side of the baseline the whole of it lies.
    """
    rows = {}
    for row in one.against.itertuples(index=False):
        baseline = f"{row.baseline}: {format_number(row.baseline_mean, 3)}"
        cells = rows.setdefault(row.measure, {"Measure": MEASURES[row.measure]})
        cells["Best baseline"] = baseline
        estimate = estimate_text(row.estimate, row.ci_low, row.ci_high)
        side = verdict(row.ci_low, row.ci_high)
        cells[f"{init_style(row.init).short} − baseline (95% CI)"] = f"{estimate}, {side}"
    return pd.DataFrame(list(rows.values()))


def verdict(ci_low: float, ci_high: float) -> str:
    """Return on which side of a baseline the whole interval of a difference lies, in words."""
    if np.isnan(ci_low) or np.isnan(ci_high):
        return "not tested"
    if ci_low > 0:
        return "above"
    return "below" if ci_high < 0 else "not told apart"


def tests_table(one: Localisation, measures: Sequence[str]) -> pd.DataFrame:
    """Return every test between the two inits as text, by measure where there are several.

    The published and the recommended analysis are marked as such.
    """
    rows = []
    for row in one.tests[one.tests["measure"].isin(measures)].itertuples():
        role = _ROLE.get(row.analysis)
        units = f"{row.n} {row.unit}"
        if row.analysis == RECOMMENDED:
            units = f"{one.test.n} images in {row.n} patients"
        estimate = estimate_text(row.estimate, row.ci_low, row.ci_high)
        if not np.isnan(row.estimate) and np.isnan(row.ci_low):
            estimate = f"{format_number(row.estimate, 3, signed=True)} (median)"
        rows.append(
            {
                "Measure": MEASURES[row.measure],
                "Units": units,
                "Test": f"{row.test} ({role})" if role else row.test,
                "Difference (95% CI)": row.remark or estimate,
                "P": under_p(format_p(row.p_value)),
                "P, Shapiro": under_p(format_p(row.shapiro_p)),
                "Takes for granted": row.assumes,
            }
        )
    table = pd.DataFrame(rows)
    return table if len(measures) > 1 else table.drop(columns="Measure")


def empties_table(one: Localisation) -> pd.DataFrame:
    """Return what maps do in images without a lesion, beside those with one, as text."""
    rows = []
    for kind, table in (("without a lesion", one.overlap.empty), ("with", one.overlap.table)):
        for init in one.inits:
            own = table[table["init"] == init]
            rows.append(
                {
                    "Images": f"{own['case_id'].nunique()} {kind}",
                    "Start": init_style(init).short,
                    "Maps that highlight anything": percent((own["cam_share"] > 0).mean()),
                    "Share of the image highlighted": percent(own["cam_share"].mean()),
                }
            )
    return pd.DataFrame(rows)


def dice_scoreboard(results: Sequence[Localisation], inits: Sequence[str]) -> pd.DataFrame:
    """Return published and recomputed Dice scores of all tasks, as text.

    Parameters
    ----------
    results
        Tasks that were run; the paper's tasks that were not show dashes. Normality stands on
        the page of each task.
    inits
        (a, b).
    """
    empty = pd.DataFrame(columns=["task", "init", "mean", "sd"])
    table = dice_beside_table(
        pd.concat([one.summary for one in results]) if results else empty,
        {one.task: one.test for one in results},
        list(inits),
        titles={one.task: one.title for one in results if one.task not in paper.DICE},
    )
    table = table.drop(columns=[("Recomputed", "P, Shapiro")])
    for column in [("Published", "P"), ("Recomputed", "P, paired t")]:
        table[column] = table[column].map(under_p)
    return table

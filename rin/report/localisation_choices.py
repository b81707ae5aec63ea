"""What Dice depends on before any threshold: whose class's map is taken, and a map of what.

The paper says only that the output layer was the target.  Every choice is scored here, as a table
and as the sentences that read it.
"""

from __future__ import annotations

import pandas as pd

from rin.explain.overlap import OF, TARGETS, dice_table, init_dice, scenario_dice
from rin.report.across import Images
from rin.report.format import format_mean_sd, format_number
from rin.report.localisation import RecordedMaps
from rin.report.style import init_style

_WHOSE = {
    "predicted": "the class that the network calls",
    "label": "the true class",
    "positive": "the positive class",
}


def map_choices(recorded: RecordedMaps) -> pd.DataFrame:
    """Return mean Dice for each choice of map: whose class, and of logit or probability.

    Columns: `target`, `of` (as `rin.explain.overlap.TARGETS` and `OF`), `init`, `mean`, `sd` over
    scenarios, and `blank`, the share of maps without a positive value.
    """
    rows = []
    for target in TARGETS:
        for of in OF:
            table = dice_table(
                recorded.runs, recorded.case_ids, recorded.masks,
                target=target, of=of, threshold=recorded.threshold,
            )  # fmt: skip
            means = init_dice(scenario_dice(table)).set_index("init")
            blank = table.groupby("init")["empty_cam"].mean()
            for init in recorded.inits:
                mean, sd = means.loc[init, ["mean", "sd"]]
                rows.append((target, of, init, mean, sd, blank[init]))
    return pd.DataFrame(rows, columns=["target", "of", "init", "mean", "sd", "blank"])


def choices_table(choices: pd.DataFrame) -> pd.DataFrame:
    """Return the table of `map_choices` as text: a row per choice, a column per init."""
    rows = []
    for (target, of), found in choices.groupby(["target", "of"], sort=False):
        cells = {"Map of": f"{_WHOSE[target]}, {of}"}
        for row in found.itertuples():
            cells[f"Dice, {init_style(row.init).short}"] = format_mean_sd(row.mean, row.sd, 3)
        cells["Maps without a positive value"] = f"{100 * found['blank'].mean():.0f} %"
        rows.append(cells)
    return pd.DataFrame(rows)


def choices_reading(choices: pd.DataFrame, images: Images) -> str:
    """Return the sentences that read `choices_table`: how far the choice alone moves Dice."""
    inits = list(dict.fromkeys(choices["init"]))
    wide = choices.pivot(index=["target", "of"], columns="init", values="mean")
    spans = ", ".join(
        f"{init_style(init).short.lower()} from {format_number(wide[init].min(), 3)} to "
        f"{format_number(wide[init].max(), 3)}"
        for init in inits
    )
    lead = int((wide[inits[0]] > wide[inits[1]]).sum())
    return (
        f"{images.caution}The choice of the map alone moves mean Dice: {spans}. "
        f"The {init_style(inits[0]).short.lower()} start has the larger mean by {lead} of "
        f"{len(wide)} choices."
    )

"""What is published, as pages show it: the discrepancy ledger, other studies, their pooling."""

from collections.abc import Sequence
from html import escape

import pandas as pd
from IPython.display import HTML
from pandas.io.formats.style import Styler

from rin.report.format import book_table, format_estimate, format_interval, format_p


def folded_entries(entries: pd.DataFrame) -> HTML:
    """Return entries of `rin.evidence.discrepancies.ledger`, each a line that unfolds.

    Its `id` is that of the line, so that a page can link to an entry.
    """
    return HTML("".join(_entry(row) for row in entries.itertuples()))


def _entry(row: tuple) -> str:
    said = "".join(f"<li><b>{escape(place)}</b>: {escape(text)}</li>" for place, text in row.says)
    return (
        f'<details id="{escape(row.id)}" style="margin:0.5em 0">'
        f"<summary><b>{escape(row.title)}</b> ({row.status}). {escape(row.finding)}</summary>"
        f'<div style="margin:0.3em 0 0.9em 1.2em;overflow-wrap:anywhere"><ul>{said}</ul>'
        f"<p><b>What it changes.</b> {escape(row.consequence)} "
        f"<b>In this book.</b> {escape(row.handling)}</p></div></details>"
    )


def study_table(studies: pd.DataFrame) -> Styler:
    """Return what studies of `rin.evidence.replications` compared, and what of them was read."""
    columns = {
        "data": "Images",
        "tests": "Tested on",
        "setting": "Trained",
        "release": "Release",
        "scaling": "Scaling",
        "source_p": "Own test",
        "certainty": "Read",
        "needs": "A better error needs",
    }
    table = studies[[*columns]].replace("", "not stated").rename(columns=columns)
    table["Own test"] = table["Own test"].str.removeprefix("P = ")
    caption = "What was compared, and what was read of it"
    return book_table(table.reset_index(drop=True), caption, prose=True)


def pooled_table(pooled: pd.DataFrame) -> Styler:
    """Return pooled differences (`rin.evidence.replications.pooled_groups`), a row a choice."""
    predictions = zip(pooled["prediction_low"], pooled["prediction_high"], strict=True)
    table = pd.DataFrame(
        {
            "Comparisons": pooled.index,
            "Groups": pooled["groups"].to_numpy(),
            "Number": pooled["k"].astype(int).to_numpy(),
            "Difference (95% CI)": format_estimate(pooled, digits=1).to_list(),
            "P": [format_p(p).removeprefix("P = ") for p in pooled["p_value"]],
            "95% prediction": [format_interval(low, high, 1) for low, high in predictions],
        }
    )
    return book_table(table, "RadImageNet − ImageNet, AUC points", prose=True)


def inputs_table(inputs: Sequence[dict], caption: str) -> Styler:
    """Return AUCs of one file of weights under several inputs, with their intervals."""
    table = pd.DataFrame(
        {
            "Weights": [row["weights"] for row in inputs],
            "Input": [row["input"] for row in inputs],
            "Macro AUC (95% CI)": [
                f"{row['auc']:.3f} {format_interval(*row['ci'], 3)}" for row in inputs
            ],
        }
    )
    return book_table(table, caption, prose=True)

"""The discrepancy ledger as a page shows it: one line an entry, unfolding to its sources."""

from html import escape

import pandas as pd
from IPython.display import HTML


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

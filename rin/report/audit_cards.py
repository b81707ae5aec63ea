"""Cards of the audit's pages: a claim with its verdict, and an entry of the discrepancy ledger.

Cards are HTML, as a table of so many words would not fit a phone; every text is escaped.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

import pandas as pd

from rin.discrepancies import DISCREPANCIES, KINDS, STATUSES, Discrepancy, Written, write
from rin.report.audit_claims import HOLDS, NOT, UNKNOWN, JudgedClaim
from rin.report.audit_words import names

if TYPE_CHECKING:
    from IPython.display import HTML

_BADGE = {  # background and text, each pair readable
    HOLDS: ("#E8F4EA", "#1F6326"),
    NOT: ("#FFE3D6", "#A32100"),
    UNKNOWN: ("#FFF3D1", "#6B4A00"),
    "open": ("#FFF3D1", "#6B4A00"),
    "explained": ("#E8F4EA", "#1F6326"),
}
_CARD = "border:1px solid #C9C9C9;border-radius:4px;padding:0.7em 0.9em;margin:0 0 1em"
_LINE = "margin:0.35em 0 0"


def claim_cards(claims: Sequence[JudgedClaim]) -> HTML:
    """Return one card a claim: verdict, the paper's words, place, tasks and reason."""
    return _html(_claim(one) for one in claims)


def ledger_cards(entries: Sequence[Discrepancy]) -> HTML:
    """Return one card an entry, with its numbers worked out now."""
    return _html(_entry(write(one)) for one in entries)


def entries_of(kind: str) -> list[Discrepancy]:
    """Return the entries of one kind, a key of `rin.discrepancies.KINDS`, in their order."""
    return [one for one in DISCREPANCIES if one.kind == kind]


def ledger_table(entries: Sequence[Discrepancy] = DISCREPANCIES) -> pd.DataFrame:
    """Count entries by kind: all, computed from the numbers, and each status."""
    rows = {}
    for kind, title in [*KINDS.items(), ("", "All")]:
        chosen = [one for one in entries if kind in ("", one.kind)]
        rows[title] = {
            "Entries": len(chosen),
            "Computed": sum(one.compute is not None for one in chosen),
            **{word.capitalize(): sum(one.status == word for one in chosen) for word in STATUSES},
        }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("Kind")


def ledger_reading(entries: Sequence[Discrepancy] = DISCREPANCIES) -> str:
    """Return the sentence that counts the ledger, as plain text."""
    computed = [one for one in entries if one.compute]
    opened = [one for one in entries if one.status == "open"]
    days = sorted({one.found for one in entries})
    span = " to ".join(dict.fromkeys(day.isoformat() for day in (days[0], days[-1])))
    return (
        f"The ledger holds {len(entries)} entries, found on {span}; {len(computed)} are worked out "
        f"from the numbers when this page is made. {len(opened)} are open: nothing public says "
        f"which side holds. The other {len(entries) - len(opened)} are explained."
    )


def paragraphs(sentences: Iterable[str]) -> HTML:
    """Return sentences as a list, escaped."""
    items = "".join(f'<li style="margin:0 0 0.5em">{escape(one)}</li>' for one in sentences)
    return _html([f"<ul>{items}</ul>"])


def _claim(judged: JudgedClaim) -> str:
    claim = judged.claim
    return (
        f'<article class="rin-card" id="claim-{escape(claim.name)}" style="{_CARD}">'
        f"<div>{_badge(judged.verdict)} “{escape(claim.text)}”</div>"
        f'<div style="{_LINE};font-size:0.85em">{escape(claim.place)}. Tasks: '
        f"{escape(names(claim.tasks))}.</div>"
        f'<p style="{_LINE}">{escape(judged.reason)}</p></article>'
    )


def _entry(one: Written) -> str:
    said = "".join(
        f"<li><strong>{escape(place)}:</strong> {escape(text)}</li>" for place, text in one.says
    )
    found = "Computed" if one.computed else "Found"
    lines = [
        (found, one.finding),
        ("What it changes", one.consequence),
        ("This book", one.handling),
    ]
    told = "".join(
        f'<p style="{_LINE}"><em>{name}.</em> {escape(text)}</p>' for name, text in lines if text
    )
    return (
        f'<article class="rin-card" id="discrepancy-{escape(one.id)}" style="{_CARD}">'
        f"<div>{_badge(one.status)} <strong>{escape(one.title)}</strong> "
        f'<span style="font-size:0.8em;white-space:nowrap">{one.found.isoformat()}</span></div>'
        f'<ul style="margin:0.35em 0 0;overflow-wrap:anywhere">{said}</ul>{told}</article>'
    )


def _badge(word: str) -> str:
    background, color = _BADGE[word]
    return (
        f'<span style="background:{background};color:{color};border-radius:3px;'
        f"padding:0.1em 0.5em;font-size:0.85em;font-weight:600;white-space:nowrap"
        f'">{escape(word)}</span>'
    )


def _html(parts: Iterable[str]) -> HTML:
    from IPython.display import HTML

    return HTML("".join(parts))

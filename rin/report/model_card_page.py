"""Model cards as a page shows them: what the cards of one corpus share, and each card by itself.

Everything that is inserted is escaped, as some of it comes from files.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

import pandas as pd

from rin.report.atlas import ModelCard

if TYPE_CHECKING:
    from IPython.display import HTML, Markdown


def card_fields(card: ModelCard) -> dict[str, str]:
    """Return the fields of a card as text, by name; a field inside another is `Outer: Inner`."""
    return dict(_flat(card.document()["Model"]))


def shared_table(cards: Sequence[ModelCard]) -> pd.DataFrame:
    """Return the fields whose text all of some cards share, one row a field."""
    fields = [card_fields(card) for card in cards]
    shared = {
        name: text
        for name, text in (fields[0].items() if fields else ())
        if all(one.get(name) == text for one in fields)
    }
    table = pd.DataFrame(list(shared.items()), columns=["Field", "Text"])
    return table.set_index("Field")


def card_details(title: str, card: ModelCard, shared: pd.DataFrame) -> HTML:
    """Return a card folded under its title: its own fields, and the whole of it as JSON.

    Parameters
    ----------
    title
        Such as the name of the backbone.
    card
        The card.
    shared
        `shared_table` of the cards shown together; its fields are not repeated.
    """
    from IPython.display import HTML

    own = {name: text for name, text in card_fields(card).items() if name not in shared.index}
    rows = "".join(
        f'<dt style="font-weight:600;margin-top:0.5em">{escape(name)}</dt>'
        f'<dd style="margin:0;overflow-wrap:anywhere">{escape(text)}</dd>'
        for name, text in own.items()
    )
    document = escape(json.dumps(card.document(), indent=2, ensure_ascii=False))
    return HTML(
        f'<details class="rin-card" style="margin:0.6em 0"><summary style="font-weight:600">'
        f"{escape(title)}</summary><dl>{rows}</dl>"
        "<details><summary>The whole card as JSON</summary>"
        f'<pre style="white-space:pre-wrap;overflow-wrap:anywhere;font-size:0.8em">{document}</pre>'
        "</details></details>"
    )


def cards_reading(count: int, stand_ins: int) -> Markdown:
    """Return how many cards there are, and how many are of weights from stand-ins."""
    from IPython.display import Markdown

    if not count:
        return Markdown("This profile trains no weights of its own, so there is no card to write.")
    text = f"Cards: {count}, one for each network and corpus."
    if stand_ins:
        text += (
            f" Of these, {stand_ins} describe weights that were trained on stand-in images and are "
            "of no use outside this book."
        )
    return Markdown(text)


def _flat(part: Mapping[str, Any], outer: str = "") -> Iterator[tuple[str, str]]:
    for name, value in part.items():
        full = f"{outer}: {name}" if outer else name
        if isinstance(value, Mapping):
            yield from _flat(value, full)
        elif isinstance(value, list):
            yield full, "; ".join(map(_words, value))
        else:
            yield full, str(value)


def _words(value: Any) -> str:
    return ". ".join(map(str, value.values())) if isinstance(value, Mapping) else str(value)

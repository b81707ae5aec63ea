"""The banner that opens every computed page: what its numbers were made from.

Readers must see at once whether numbers come from real images, and with which profile
and weights. Every inserted value is escaped, as some come from files.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING

from rin.errors import InputError, unknown

if TYPE_CHECKING:
    from IPython.display import HTML

STAND_IN_WARNING = (
    "Stand-in images: numbers on this page show that the pipeline works and are not findings."
)
MIXED_WARNING = "Real and stand-in images: whatever was computed from stand-ins is not a finding."
_LOOK = {  # background, border, icon, headline
    "real": ("#E8F4EA", "#2E7D32", "✔", "Real images"),
    "mixed": ("#FFF4D6", "#8A5A00", "⚠", MIXED_WARNING),
    "stand-in": ("#FFE3D6", "#C62800", "⚠", STAND_IN_WARNING),
}
PROVENANCES = ("real", "stand-in")
# More datasets than these are folded away, lest they push the page's content out of sight.
_MOST_IN_SIGHT = 4


@dataclass(frozen=True)
class Source:
    """Where the images of one dataset on a page came from.

    Attributes
    ----------
    title
        Name of the dataset, as in its manifest.
    provenance
        "real" or "stand-in".
    location
        Folder or archive, relative to the data root.
    remarks
        More to be said: what it substitutes, how many of its images were drawn.
    """

    title: str
    provenance: str
    location: str
    remarks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.provenance not in PROVENANCES:
            raise unknown("provenance", self.provenance, PROVENANCES)


def provenance_banner(
    sources: Sequence[Source],
    *,
    profile: str,
    weights: Mapping[str, str],
    computed: str,
    hardware: str,
) -> "HTML":
    """Return the provenance banner of a page, to be displayed as is.

    One stand-in among the sources makes the whole banner a warning, which says whether all
    sources are stand-ins or some.

    Parameters
    ----------
    sources
        The datasets whose images the page's numbers come from.
    profile
        Name of the profile.
    weights
        From initialisation source to the weights entry it was loaded from.
    computed
        When the numbers were computed, as text.
    hardware
        What they were computed on, as text.

    Returns
    -------
    IPython.display.HTML
        A boxed note with the page's sources as a definition list.

    Raises
    ------
    InputError
        Without any source: nothing could be said about where the numbers come from.
    """
    from IPython.display import HTML

    if not sources:
        raise InputError(
            "no image source", where="sources", remedy="Name every dataset of the page."
        )
    kinds = {source.provenance for source in sources}
    kind = kinds.pop() if len(kinds) == 1 else "mixed"
    background, border, icon, headline = _LOOK[kind]
    images = [
        (s.title, "; ".join([f"{_word(s.provenance)} – {s.location}", *s.remarks])) for s in sources
    ]
    made = [("Profile", profile)]
    made += [(f"Weights: {init}", entry) for init, entry in weights.items()]
    made += [("Computed", computed), ("Hardware", hardware)]
    if len(sources) > _MOST_IN_SIGHT:
        body = f"<details><summary>{_summary(sources)}</summary>{_listed(images)}</details>"
        body += _listed(made)
    else:
        body = _listed(images + made)
    return HTML(
        f'<div role="note" class="rin-provenance rin-{kind}" style="background:{background};'
        f"color:#1A1A1A;border:1px solid {border};border-left:8px solid {border};"
        f'border-radius:4px;padding:0.7em 1em;margin:1em 0">'
        f'<p style="margin:0 0 0.5em;font-weight:700;font-size:1.05em;color:{border}">'
        f"{icon} {escape(headline)}</p>{body}</div>"
    )


def _listed(pairs: Sequence[tuple[str, str]]) -> str:
    rows = "".join(
        f'<dt style="font-weight:600;margin:0">{escape(str(term))}</dt>'
        f'<dd style="margin:0">{escape(str(text))}</dd>'
        for term, text in pairs
    )
    return (
        '<dl style="display:grid;grid-template-columns:minmax(7em,30%) minmax(0,1fr);'
        f'gap:0.15em 1em;margin:0;font-size:0.92em">{rows}</dl>'
    )


def _summary(sources: Sequence[Source]) -> str:
    counts = Counter(source.provenance for source in sources)
    told = [f"{counts[kind]} of {_word(kind)}" for kind in PROVENANCES if counts[kind]]
    return f"{len(sources)} datasets: {', '.join(told)}; unfold to see each"


def _word(provenance: str) -> str:
    return "stand-in images" if provenance == "stand-in" else "real images"

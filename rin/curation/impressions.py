"""Is an impression that of a completely normal study?  The rules of a careful reader.

In the paper a radiologist read every report that the query had flagged, "to confirm that the
reports did indicate a completely normal study.  Studies with abnormal but not clinically
significant findings were excluded" (Materials and Methods, Normal Studies).  These rules make
that reading measurable.  They do not replace it: what they cannot decide is unclear, and the
review of :mod:`rin.curation.review` overrules them.

Negation follows the idea of NegEx [1]_: a trigger such as "no" or "without" negates the findings
up to the end of its clause, save for phrases that only look like negations ("no change in").
Libraries of it (negspaCy, medspaCy) bring spaCy and a language model for some dozen patterns, and
find no hedges; so the patterns stand here, as words in :mod:`rin.curation.lexicon`.

References
----------
.. [1] Chapman WW, Bridewell W, Hanbury P, Cooper GF, Buchanan BG.  A simple algorithm for
   identifying negated findings and diseases in discharge summaries.  J Biomed Inform
   2001;34(5):301-310.  doi:10.1006/jbin.2001.1029
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from rin.curation import lexicon
from rin.curation.lexicon import words_pattern

Verdict = Literal["normal", "not normal", "unclear"]
NAMED_WORDS = 5

_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("‘’ʼ", "'"))
_SENTENCE = re.compile(r"\.(?!\d)|[;!•*]| - ")
_WORD = re.compile(r"[^\W\d_]{2,}(?:'[a-z]+)?", re.IGNORECASE)

_NORMAL = words_pattern(lexicon.NORMALITY)
_HEDGE = words_pattern(lexicon.HEDGES)
_QUALIFIER = words_pattern(lexicon.QUALIFIERS)
_FOLLOW_UP = words_pattern(lexicon.FOLLOW_UP)
_EXCEPTION = words_pattern(lexicon.EXCEPTIONS)
_LIMIT = words_pattern(lexicon.LIMITS)
_FINDING = words_pattern(lexicon.FINDINGS)
_STUDY = words_pattern(lexicon.STUDIES)
_NEGATION = words_pattern(lexicon.NEGATIONS)
_NO_NEGATION = words_pattern(lexicon.NO_NEGATIONS)
_NOT_SEEN = words_pattern((*lexicon.NOT_SEEN, "is absent", "are absent"))
_ASSERTING = words_pattern(lexicon.ASSERTING).pattern
_END = re.compile(
    rf"{words_pattern(lexicon.ENDS).pattern}|:|(?:,|(?<!\w)and(?!\w))(?= *{_ASSERTING})",
    re.IGNORECASE,
)
_AFTER_GENERIC = re.compile(
    rf"{words_pattern(lexicon.GENERIC).pattern} +(?!{words_pattern(lexicon.GOING_ON).pattern}|-)",
    re.IGNORECASE,
)
_FILLERS = (
    r"(?:(?:a|an|the|of|its|entirely|completely|quite|totally|fully|exactly|strictly|be|been|being"
    r"|considered|called|deemed|appear\w*|look\w*|in|within|all|yet|at|as|longer|that) +){0,4}"
)
_DENIAL = re.compile(
    r"(?<!\w)(?:abnormal\w*|sub-?normal|supra-?normal|non-?normal"
    r"|(?:not|no|never|neither|nor|cannot|can't|isn't|aren't|without|loss of|lack of|absence of"
    rf"|instead of|rather than|than|above|below|beyond|outside|exceed\w*) +{_FILLERS}"
    r"(?:normal|unremarkable))(?!\w)",
    re.IGNORECASE,
)
_NO_ABNORMALITY = re.compile(
    r"(?<!\w)(?:no|without) +((?:\w+ +){0,5}?)abnormal(?:ity|ities| +findings?)(?!\w)",
    re.IGNORECASE,
)
_FREE_FILLERS = frozenset({"evidence", "sign", "signs", "radiographic", "sonographic", "imaging"})
_ADJECTIVE = re.compile(r"(?:ic|al|ory|ive|ous|ar|ant|ed|ing|ary|oid|ative)$", re.IGNORECASE)
_COMPOUND = re.compile(r"(?:lesion|deform|disease|defect|change)", re.IGNORECASE)


@dataclass(frozen=True)
class Screening:
    """What the rules say of a report.

    Attributes
    ----------
    verdict
        "normal" (completely), "not normal" or "unclear".
    reasons
        Why, for a human to read; each quotes the words that decided.
    """

    verdict: Verdict
    reasons: tuple[str, ...]


@dataclass(frozen=True)
class _Trigger:
    """Words of one kind that were found in one sentence; `whole`: it speaks of the study."""

    kind: str
    quote: str
    whole: bool = False


_REASONS = {
    "denial": "the impression denies normality",
    "finding": "the impression reports a finding",
    "hedge": "the impression hedges",
    "follow-up": "the impression asks for more",
    "exception": "it is normal only beside what it excepts",
    "FINDINGS": "the findings report",
    "limit": "the study is limited",
    "unknown": "the rules do not know the words",
    "states": "the impression states normality",
}


def screen_impression(findings: str, impression: str) -> Screening:
    """Judge whether a report is that of a completely normal study.

    Normal is an impression that states normality ("normal", "unremarkable", "no abnormality")
    and has no denied normality ("not normal", "abnormal"), no hedge ("probably", "cannot
    exclude"), no finding, no wish for follow-up and no exception ("otherwise unremarkable"),
    where FINDINGS report nothing abnormal either.  A finding counts unless it is negated
    ("no evidence of fracture").

    Parameters
    ----------
    findings, impression
        The two sections of the report, as `rin.curation.index.parse_report` gives
        them.  Case, white space and the kind of dashes do not matter; a line break ends no
        sentence, as reports are wrapped.

    Returns
    -------
    Screening
        Unclear where the impression is empty, contradicts itself, states no normality without
        saying anything else, speaks of a limited study, or holds words that the lexicon does
        not know.
    """
    triggers = [one for sentence in _sentences(impression) for one in _triggers(sentence)]
    triggers += [
        _Trigger("FINDINGS", one.quote)
        for sentence in _sentences(findings)
        for one in _triggers(sentence)
        if one.kind in ("finding", "denial")
    ]
    return _verdict(triggers, empty=not _WORD.search(impression))


def _verdict(triggers: list[_Trigger], *, empty: bool) -> Screening:
    kinds = {one.kind for one in triggers}
    against = [one for one in triggers if one.kind in ("finding", "hedge", "follow-up", "FINDINGS")]
    denials = [one for one in triggers if one.kind == "denial"]
    exceptions = [one for one in triggers if one.kind == "exception"]
    if against:
        return Screening("not normal", _reasons(denials + against + exceptions))
    if empty:
        return Screening("unclear", ("the impression is empty",))
    whole = [one for one in triggers if one.kind == "states" and one.whole]
    if denials and whole and any(one.whole for one in denials):
        quotes = f'"{whole[0].quote}" and "{denials[0].quote}"'
        return Screening("unclear", (f"the impression contradicts itself: {quotes}",))
    if denials:
        return Screening("not normal", _reasons(denials + exceptions))
    doubts = exceptions + [one for one in triggers if one.kind == "limit"]
    doubts += [one for one in triggers if one.kind == "unknown"][:NAMED_WORDS]
    silent = () if "states" in kinds else ("the impression does not state normality",)
    if doubts or silent:
        return Screening("unclear", silent + _reasons(doubts))
    return Screening("normal", _reasons(triggers))


def _reasons(triggers: list[_Trigger]) -> tuple[str, ...]:
    """Return one reason a kind, with its quotes, in the order of the text."""
    quotes: dict[str, list[str]] = {}
    for one in triggers:
        quotes.setdefault(one.kind, []).append(f'"{one.quote}"')
    return tuple(
        f"{_REASONS[kind]}: {', '.join(dict.fromkeys(found))}" for kind, found in quotes.items()
    )


def _sentences(text: str) -> Iterator[str]:
    plain = unicodedata.normalize("NFKC", text).translate(_DASHES)
    for sentence in _SENTENCE.split(" ".join(plain.split())):
        if sentence.strip():
            yield sentence.strip()


def _triggers(sentence: str) -> Iterator[_Trigger]:
    """Yield all that decides in one sentence; what is negated does not."""
    whole = bool(_STUDY.search(sentence))
    reaches = _reaches(sentence)
    used = list(reaches)
    for kind, pattern in (("denial", _DENIAL), ("hedge", _HEDGE), ("follow-up", _FOLLOW_UP)):
        for match in pattern.finditer(sentence):
            used.append(match.span())
            free = kind != "hedge" or _QUALIFIER.fullmatch(match.group())
            if not (free and _inside(match, reaches)):
                yield _Trigger(kind, match.group(), whole)
    for match in _findings(sentence, reaches):
        used.append(match.span())
        yield _Trigger("finding", match.group())
    for kind, pattern in (("exception", _EXCEPTION), ("limit", _LIMIT)):
        for match in pattern.finditer(sentence):
            used.append(match.span())
            yield _Trigger(kind, match.group())
    for match in _NORMAL.finditer(sentence):
        if not _inside(match, used):
            yield _Trigger("states", match.group(), whole)
    for match in _NO_ABNORMALITY.finditer(sentence):
        if {*match.group(1).lower().split()} <= lexicon.NEUTRAL | _FREE_FILLERS:
            yield _Trigger("states", match.group(), whole)
    for match in _WORD.finditer(sentence):
        known = lexicon.NEUTRAL | {*lexicon.NORMALITY}
        if not _inside(match, used) and match.group().lower() not in known:
            yield _Trigger("unknown", match.group())


def _findings(sentence: str, reaches: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """Yield the findings that no negation governs."""
    last = None
    for match in _FINDING.finditer(sentence):
        # Two nouns side by side are two statements: "no fracture gallstones", of two lines.
        apart = (
            last is not None
            and not sentence[last.end() : match.start()].strip()
            and not _ADJECTIVE.search(last.group())
            and not _COMPOUND.match(match.group())
        )
        if apart or not _inside(match, reaches):
            yield match
        last = match


def _reaches(sentence: str) -> list[tuple[int, int]]:
    """Return the parts of a sentence that negations govern, as places of begin and end."""
    found = []
    for match in _NEGATION.finditer(sentence):
        if _NO_NEGATION.match(sentence, match.start()) or _NOT_SEEN.match(sentence, match.start()):
            continue
        ends = [end.start() for end in (_END.search(sentence, match.end()),) if end]
        ends += [end.end() for end in (_AFTER_GENERIC.search(sentence, match.end()),) if end]
        found.append((match.end(), min(ends, default=len(sentence))))
    for match in _NOT_SEEN.finditer(sentence):
        begins = [end.end() for end in _END.finditer(sentence, 0, match.start())]
        begins.append(sentence.rfind(",", 0, match.start()) + 1)
        found.append((max(begins), match.end()))
    return found


def _inside(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(begin <= match.start() < end for begin, end in spans)

"""Which studies are normal?  The paper's query, a careful reader's rules, and the review.

The paper flags studies "with a report containing 'normal' or 'unremarkable' in the impression",
and a radiologist read every flagged report (Materials and Methods, Normal Studies).  Here rules
sort the flagged studies, and a radiologist's answers in a review queue overrule the rules.  A
study that the rules cannot decide is unclear, never normal.

Negation follows NegEx (Chapman et al., J Biomed Inform 2001;34:301-310): a trigger such as "no"
negates the findings up to the end of its clause, save for phrases that only look like negations
("no change in").  Words and patterns are in ``lexicon.yaml``.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from rin.curation.spreadsheets import plain, read_queue, refuse_rows, write_queue
from rin.files import read_facts

#: Columns of the review queue that a radiologist fills in, and all of them.
ANSWERS = ["confirmed", "reviewer", "comment"]
COLUMNS = [
    "study_uid", "accession_number", "modality", "body_part", "impression", "findings",
    "verdict", "reasons", *ANSWERS,
]  # fmt: skip


def _words_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern of phrases, longest first; * is any letters, a space may be a hyphen."""
    ordered = sorted(sorted(words), key=len, reverse=True)
    parts = [re.escape(word).replace(r"\*", r"\w*").replace(r"\ ", r"[ -]") for word in ordered]
    return re.compile(rf"(?<!\w)(?<!non-)(?<!non )(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)


_LEXICON = read_facts(__file__, "lexicon.yaml")
#: The words of the paper's query; words that do not contradict normality; and all words that may
#: be between a negation and "abnormality".
NORMALITY = _LEXICON["phrases"]["normality"].split(", ")
_NEUTRAL = {*_LEXICON["neutral"].split()}
_FILLERS = _NEUTRAL.union(_LEXICON["free_fillers"].split())
_WORDS = {kind: _words_pattern(text.split(", ")) for kind, text in _LEXICON["phrases"].items()}
_PHRASES = {kind: pattern.pattern for kind, pattern in _WORDS.items()}
_WORDS |= {
    kind: re.compile(text % _PHRASES, re.IGNORECASE) for kind, text in _LEXICON["patterns"].items()
}
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("‘’ʼ", "'"))


class Screening(NamedTuple):
    """The verdict of the rules: "normal", "not normal" or "unclear", and reasons, with quotes."""

    verdict: str
    reasons: tuple[str, ...]


class _Trigger(NamedTuple):
    """Words of one kind in a sentence; `whole` says whether the sentence is about the study."""

    kind: str
    quote: str
    whole: bool = False


def screen(reports: pd.DataFrame) -> pd.DataFrame:
    """Return the reports that the paper's query flags, with `verdict` and joined `reasons`."""
    said = reports["impression"].str.contains("|".join(NORMALITY), case=False)
    flagged = reports[said].reset_index(drop=True)
    judged = list(map(screen_impression, flagged["findings"], flagged["impression"]))
    return flagged.assign(
        verdict=[screening.verdict for screening in judged],
        reasons=["; ".join(screening.reasons) for screening in judged],
    )


def normal_studies(screened: pd.DataFrame, reviewed: Path) -> pd.Series:
    """Return who confirmed each normal study, by its UID: "radiologist", or "rules".

    `reviewed` is a queue with answers given so far.
    """
    answers = _read_answers(reviewed, screened)["confirmed"]
    verdicts = screened.set_index("study_uid")["verdict"]
    said = answers.reindex(verdicts.index, fill_value="").where(lambda said: said != "", verdicts)
    return said.map({"yes": "radiologist", "normal": "rules"}).dropna().astype(object)


def screen_impression(findings: str, impression: str) -> Screening:
    """Judge whether a report is that of a completely normal study.

    A report is normal if its impression states normality and has no denied normality, hedge,
    finding that is not negated, request for follow-up or exception ("otherwise unremarkable"), and
    if FINDINGS report nothing abnormal either.  A report without a finding, hedge or request is
    unclear if its impression is empty, contradicts itself, makes an exception, does not state
    normality, mentions a limited study, or has words that are not in the lexicon.
    """
    triggers = [trigger for sentence in _sentences(impression) for trigger in _triggers(sentence)]
    triggers += [
        _Trigger("FINDINGS", trigger.quote)
        for sentence in _sentences(findings)
        for trigger in _triggers(sentence)
        if trigger.kind in ("findings", "denial")
    ]

    def select(*kinds: str) -> list[_Trigger]:
        return [trigger for trigger in triggers if trigger.kind in kinds]

    against = select("findings", "hedges", "follow_up", "FINDINGS")
    denials = select("denial")
    exceptions = select("exceptions")
    stated = select("states")
    if against:
        return Screening("not normal", _reasons(denials + against + exceptions))
    if not _WORDS["word"].search(impression):
        return Screening("unclear", ("the impression is empty",))
    whole = [trigger for trigger in stated if trigger.whole]
    if denials and whole and any(denial.whole for denial in denials):
        quotes = f'"{whole[0].quote}" and "{denials[0].quote}"'
        return Screening("unclear", (f"the impression contradicts itself: {quotes}",))
    if denials:
        return Screening("not normal", _reasons(denials + exceptions))
    doubts = exceptions + select("limits") + select("unknown")[:5]  # enough words for a reason
    silent = () if stated else ("the impression does not state normality",)
    if doubts or silent:
        return Screening("unclear", silent + _reasons(doubts))
    return Screening("normal", _reasons(triggers))


def _reasons(triggers: list[_Trigger]) -> tuple[str, ...]:
    """Return one reason per kind, with its quotes, in the order of the text."""
    quotes = {}
    for trigger in triggers:
        quotes.setdefault(trigger.kind, []).append(f'"{trigger.quote}"')
    return tuple(
        f"{_LEXICON['reasons'][kind]}: {', '.join(dict.fromkeys(texts))}"
        for kind, texts in quotes.items()
    )


def _sentences(text: str) -> Iterator[str]:
    dashed = unicodedata.normalize("NFKC", text).translate(_DASHES)
    for sentence in _WORDS["sentence"].split(dashed):
        if words := plain(sentence):
            yield words


def _triggers(sentence: str) -> Iterator[_Trigger]:
    """Yield the triggers in a sentence that no negation governs, and its unknown words."""
    whole = bool(_WORDS["studies"].search(sentence))
    reaches = _reaches(sentence)
    used = list(reaches)
    for kind in ("denial", "hedges", "follow_up", "findings", "exceptions", "limits"):
        matches = _WORDS[kind].finditer(sentence)
        for match in _findings(sentence, reaches) if kind == "findings" else matches:
            used.append(match.span())
            qualifies = kind == "hedges" and _WORDS["qualifiers"].fullmatch(match.group())
            can_be_negated = qualifies or kind in ("denial", "follow_up")
            if not (can_be_negated and _is_inside(match, reaches)):
                yield _Trigger(kind, match.group(), whole)
    # "The ligament is not intact": what is denied may be something good.
    unclear = [reach for reach in reaches if not _WORDS["deniable"].search(sentence, *reach)]
    yield from (_Trigger("unknown", sentence[slice(*reach)].strip()) for reach in unclear)
    for match in _WORDS["normality"].finditer(sentence):
        if not _is_inside(match, used):
            yield _Trigger("states", match.group(), whole)
    for match in _WORDS["no abnormality"].finditer(sentence):
        if {*match.group(1).lower().split()} <= _FILLERS:
            yield _Trigger("states", match.group(), whole)
    for match in _WORDS["word"].finditer(sentence):
        if not _is_inside(match, used) and match.group().lower() not in _NEUTRAL.union(NORMALITY):
            yield _Trigger("unknown", match.group())


def _findings(sentence: str, reaches: list[tuple[int, int]]) -> Iterator[re.Match[str]]:
    """Yield the findings that no negation governs."""
    last = None
    for match in _WORDS["findings"].finditer(sentence):
        # Two nouns side by side are two statements: "no fracture gallstones", from two lines.
        apart = (
            last is not None
            and not sentence[last.end() : match.start()].strip()
            and not _WORDS["adjective"].search(last.group())
            and not _WORDS["compound"].match(match.group())
        )
        if apart or not _is_inside(match, reaches):
            yield match
        last = match


def _reaches(sentence: str) -> list[tuple[int, int]]:
    """Return the parts of a sentence that negations govern, as positions of begin and end."""
    reaches = []
    for match in _WORDS["negations"].finditer(sentence):
        begin = match.start()
        if any(_WORDS[kind].match(sentence, begin) for kind in ("no_negations", "not seen")):
            continue
        ends = [len(sentence)]
        if end := _WORDS["reach"].search(sentence, match.end()):
            ends.append(end.start())
        if end := _WORDS["generic end"].search(sentence, match.end()):
            ends.append(end.end())
        reaches.append((match.end(), min(ends)))
    for match in _WORDS["not seen"].finditer(sentence):
        begins = [end.end() for end in _WORDS["reach"].finditer(sentence, 0, match.start())]
        begins.append(sentence.rfind(",", 0, match.start()) + 1)
        reaches.append((max(begins), match.end()))
    return reaches


def _is_inside(match: re.Match[str], spans: list[tuple[int, int]]) -> bool:
    return any(begin <= match.start() < end for begin, end in spans)


def write_review_queue(screened: pd.DataFrame, path: Path) -> None:
    """Write the studies to be reviewed; answers in the file stay, and must be on these reports."""
    answers = _read_answers(path, screened)[ANSWERS]
    write_queue(screened.join(answers, on="study_uid")[COLUMNS].fillna(""), path)


def _read_answers(path: Path, screened: pd.DataFrame) -> pd.DataFrame:
    """Return the checked rows in which a reviewer wrote anything, by study."""
    rows = read_queue(path, COLUMNS, "confirmed")
    twice = rows.index[rows["study_uid"].duplicated()]
    problems = dict.fromkeys(twice, "its study is already in an earlier row")
    rows = rows[rows[ANSWERS].ne("").any(axis=1)]
    reviewed = screened.set_index("study_uid")[["impression", "findings"]].map(plain)
    for row, uid, *report in rows[["study_uid", "impression", "findings"]].itertuples():
        if uid not in reviewed.index:
            problems[row] = "its study is not among the flagged studies"
        elif list(map(plain, report)) != list(reviewed.loc[uid]):
            problems[row] = "the report of its study is not the reviewed report"
    refuse_rows(path, problems)
    return rows.set_index("study_uid")

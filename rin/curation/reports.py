"""Which studies are normal?  The paper's query, a careful reader's rules, and the review.

The paper flags studies "with a report containing 'normal' or 'unremarkable' in the impression",
and a radiologist read every one of them, "to confirm that the reports did indicate a completely
normal study.  Studies with abnormal but not clinically significant findings were excluded"
(Materials and Methods, Normal Studies).  Here the query runs in the index of the archive, rules
sort what it flags, and a radiologist's answers in a review queue overrule the rules.  What the
rules cannot decide is unclear, never normal.

Negation follows the idea of NegEx [1]_: a trigger such as "no" or "without" negates the findings
up to the end of its clause, save for phrases that only look like negations ("no change in").
Libraries of it (negspaCy, medspaCy) bring spaCy and a language model for some dozen patterns, and
find no hedges; so the patterns stand here, as words in ``lexicon.yaml``.

The review queue is a CSV file that opens in any spreadsheet program: UTF-8 with a byte-order
mark, and no cell that a program would take for a formula.  On reading, the commas may have
become semicolons or tabs, as such programs write them.

References
----------
.. [1] Chapman WW, Bridewell W, Hanbury P, Cooper GF, Buchanan BG.  A simple algorithm for
   identifying negated findings and diseases in discharge summaries.  J Biomed Inform
   2001;34(5):301-310.  doi:10.1006/jbin.2001.1029
"""

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from sqlalchemy import or_, select
from statsmodels.stats.proportion import proportion_confint

from rin.curation.index import Archive, read_table, reports, studies
from rin.errors import InputError
from rin.files import write_atomically
from rin.strict_yaml import read_yaml

_LEXICON = read_yaml(Path(__file__).with_name("lexicon.yaml"))
#: Words that say nothing against normality; all others make an impression unclear.
NEUTRAL = frozenset(_LEXICON.pop("neutral").split())
LEXICON = {kind: tuple(words.split(", ")) for kind, words in _LEXICON.items()}
#: The words of the paper's query.
NORMALITY = LEXICON["normality"]
#: Unknown words that a reason names.
NAMED_WORDS = 5

COLUMNS = (
    *("study_uid", "accession_number", "modality", "body_part", "impression", "findings"),
    *("verdict", "reasons", "confirmed", "reviewer", "comment"),
)
ANSWERS = ("confirmed", "reviewer", "comment")
#: What `confirmed` may say: is the study completely normal?
CONFIRMED = {"yes": True, "no": False}
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_DELIMITERS = (",", ";", "\t")


def words_pattern(words: Iterable[str]) -> re.Pattern[str]:
    """Return what finds any of some words or phrases, the longest first, in any case.

    ``*`` stands for any letters, a space for a space or hyphen.
    """
    ordered = sorted(set(words), key=lambda word: (-len(word), word))
    parts = [re.escape(word).replace(r"\*", r"\w*").replace(r"\ ", r"[ -]") for word in ordered]
    return re.compile(rf"(?<!\w)(?<!non-)(?<!non )(?:{'|'.join(parts)})(?!\w)", re.IGNORECASE)


_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−", "-") | dict.fromkeys("‘’ʼ", "'"))
_SENTENCE = re.compile(r"\.(?!\d)|[;!•*]| - ")
_WORD = re.compile(r"[^\W\d_]{2,}(?:'[a-z]+)?", re.IGNORECASE)

_NORMAL = words_pattern(NORMALITY)
_HEDGE = words_pattern(LEXICON["hedges"])
_QUALIFIER = words_pattern(LEXICON["qualifiers"])
_FOLLOW_UP = words_pattern(LEXICON["follow_up"])
_EXCEPTION = words_pattern(LEXICON["exceptions"])
_LIMIT = words_pattern(LEXICON["limits"])
_FINDING = words_pattern(LEXICON["findings"])
_STUDY = words_pattern(LEXICON["studies"])
_NEGATION = words_pattern(LEXICON["negations"])
_NO_NEGATION = words_pattern(LEXICON["no_negations"])
_NOT_SEEN = words_pattern([*(f"not {verb}" for verb in LEXICON["seen"]), "is absent", "are absent"])
_ASSERTING = words_pattern(LEXICON["asserting"]).pattern
_ENDS = words_pattern((*LEXICON["ends"], *NORMALITY)).pattern
_END = re.compile(
    rf"{_ENDS}|:|(?:,|(?<!\w)and(?!\w))(?= *{_ASSERTING})",
    re.IGNORECASE,
)
_GENERIC = words_pattern(LEXICON["generic"]).pattern
_GOING_ON = words_pattern(LEXICON["going_on"]).pattern
_AFTER_GENERIC = re.compile(
    rf"{_GENERIC} +(?!{_GOING_ON}|-)",
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


class Screening(NamedTuple):
    """What the rules say of a report: "normal", "not normal" or "unclear", and why, in quotes."""

    verdict: str
    reasons: tuple[str, ...]


class _Trigger(NamedTuple):
    """Words of one kind that were found in one sentence; `whole`: it speaks of the study."""

    kind: str
    quote: str
    whole: bool = False


def query_normal(archive: Archive) -> pd.DataFrame:
    """Return the studies that the paper's query flags.

    In SQL, run by the database that holds the index::

        SELECT ... FROM studies JOIN reports ON reports.study_uid = studies.study_uid
        WHERE lower(reports.impression) LIKE '%normal%'
           OR lower(reports.impression) LIKE '%unremarkable%'

    As any such query, it also flags what says the contrary ("abnormal", "not normal"), hedges
    ("probably normal") or speaks of one organ ("normal liver, large spleen").

    Returns
    -------
    pandas.DataFrame
        One row a study, sorted by `study_uid`: `study_uid`, `patient_id`, `accession_number`,
        `modality`, `body_part`, `findings`, `impression`.
    """
    of_study = [studies.c[name] for name in ("study_uid", "patient_id", "modality", "body_part")]
    of_study.insert(2, reports.c.accession_number)
    query = (
        select(*of_study, reports.c.findings, reports.c.impression)
        .join(reports, reports.c.study_uid == studies.c.study_uid)
        .where(or_(*(reports.c.impression.icontains(word) for word in NORMALITY)))
    )
    # Databases sort text each in their own way.
    return read_table(archive, query).sort_values("study_uid", ignore_index=True)


def screen(flagged: pd.DataFrame) -> pd.DataFrame:
    """Return the studies of `query_normal` with what the rules say of them.

    Two columns are added: `verdict` ("normal", "not normal", "unclear") and `reasons` (text,
    joined by "; ").
    """
    judged = [
        screen_impression(row.findings, row.impression)
        for row in flagged[["findings", "impression"]].itertuples()
    ]
    told = {
        "verdict": [screening.verdict for screening in judged],
        "reasons": ["; ".join(screening.reasons) for screening in judged],
    }
    return flagged.assign(**pd.DataFrame(told, index=flagged.index, dtype=object))


def normal_studies(screened: pd.DataFrame, reviewed: Path | None) -> pd.DataFrame:
    """Return the studies that count as normal: confirmed in the review, else by the rules.

    Parameters
    ----------
    screened
        Table of `screen`.
    reviewed
        The answered review queue, or None.  Its answers decide, whatever the rules say; a study
        without an answer is normal where the rules' verdict is "normal".

    Returns
    -------
    pandas.DataFrame
        In the order of `screened`: `study_uid`, `confirmed_by` ("radiologist" or "rules").

    Raises
    ------
    InputError
        As `read_review`.
    """
    answers = {}
    if reviewed is not None:
        review = read_review(reviewed, screened)
        answers = dict(zip(review["study_uid"], review["confirmed"], strict=True))
    rows = [
        (uid, "radiologist" if uid in answers else "rules")
        for uid, verdict in zip(screened["study_uid"], screened["verdict"], strict=True)
        if answers.get(uid, verdict == "normal")
    ]
    return pd.DataFrame(rows, columns=["study_uid", "confirmed_by"], dtype=object)


def query_performance(
    archive: Archive,
    screened: pd.DataFrame,
    truth: pd.DataFrame,
    *,
    reviewed: Path | None = None,
) -> pd.DataFrame:
    """Measure how well normal studies are found, where the truth is known.

    Parameters
    ----------
    archive, screened
        The archive, and the table of `screen` for it.
    truth
        One row a study: `accession_number` (text) and `normal` (1 if completely normal, else 0).
        Studies that have no report in the archive are left out: no query can find them.
    reviewed
        The answered review queue, if there is one.

    Returns
    -------
    pandas.DataFrame
        One row a step ("the paper's query", "query and rules" and, with a review, "after
        review"): `step`, `flagged` (studies), `truly_normal` (of these), `precision` with its
        95% Wilson interval `low` to `high`, `recall` (of all normal studies with a report).
        Shares of nothing are missing.

    Raises
    ------
    InputError
        A truth with other columns or values, with a study twice, or without a flagged study; or
        as `read_review`.
    """
    normal = _checked_truth(truth, screened)
    known = read_table(archive, select(reports.c.accession_number, reports.c.study_uid))
    truly_normal = set(known.loc[known["accession_number"].map(normal).eq(True), "study_uid"])
    steps = {
        "the paper's query": screened["study_uid"],
        "query and rules": normal_studies(screened, None)["study_uid"],
    }
    if reviewed is not None:
        steps["after review"] = normal_studies(screened, reviewed)["study_uid"]
    return pd.DataFrame([_step(name, set(uids), truly_normal) for name, uids in steps.items()])


def _checked_truth(truth: pd.DataFrame, screened: pd.DataFrame) -> pd.Series:
    """Return whether each study is normal, bool, by accession number."""
    problem = ""
    missing = {"accession_number", "normal"} - set(truth.columns)
    if missing:
        problem = f"columns missing: {', '.join(sorted(missing))}"
    elif not truth["accession_number"].map(lambda value: isinstance(value, str)).all():
        problem = "accession numbers that are no text"
    elif truth["accession_number"].duplicated().any():
        twice = truth.loc[truth["accession_number"].duplicated(), "accession_number"].iloc[0]
        problem = f"accession number {twice!r} stands twice"
    elif not truth["normal"].isin([0, 1, "0", "1"]).all():
        problem = "normal is not 0 or 1 everywhere"
    elif unknown := sorted(set(screened["accession_number"]) - set(truth["accession_number"])):
        problem = (
            f"{len(unknown)} flagged studies are not in the truth, the first is {unknown[0]!r}"
        )
    if problem:
        raise InputError(
            problem,
            where="truth",
            remedy="Read it with dtype=str: one row a study, with accession_number and normal.",
        )
    return truth.set_index("accession_number")["normal"].astype(int).astype(bool)


def _step(name: str, flagged: set[str], truly_normal: set[str]) -> dict[str, object]:
    hits = len(flagged & truly_normal)
    low, high = np.nan, np.nan
    if flagged:
        low, high = proportion_confint(hits, len(flagged), method="wilson")
    return {
        "step": name,
        "flagged": len(flagged),
        "truly_normal": hits,
        "precision": hits / len(flagged) if flagged else np.nan,
        "low": low,
        "high": high,
        "recall": hits / len(truly_normal) if truly_normal else np.nan,
    }


def screen_impression(findings: str, impression: str) -> Screening:
    """Judge whether a report is that of a completely normal study.

    Normal is an impression that states normality ("normal", "unremarkable", "no abnormality")
    and has no denied normality ("not normal", "abnormal"), no hedge ("probably", "cannot
    exclude"), no finding, no wish for follow-up and no exception ("otherwise unremarkable"),
    where FINDINGS report nothing abnormal either.  A finding counts unless it is negated
    ("no evidence of fracture").  Unclear is what is empty, contradicts itself, states no
    normality without saying anything else, speaks of a limited study, or holds words that the
    lexicon does not know.  Case, white space and the kind of dashes do not matter; a line break
    ends no sentence, as reports are wrapped.
    """
    triggers = [trigger for sentence in _sentences(impression) for trigger in _triggers(sentence)]
    triggers += [
        _Trigger("FINDINGS", trigger.quote)
        for sentence in _sentences(findings)
        for trigger in _triggers(sentence)
        if trigger.kind in ("finding", "denial")
    ]
    return _verdict(triggers, empty=not _WORD.search(impression))


def _verdict(triggers: list[_Trigger], *, empty: bool) -> Screening:
    def of(*kinds: str) -> list[_Trigger]:
        return [trigger for trigger in triggers if trigger.kind in kinds]

    against, denials = of("finding", "hedge", "follow-up", "FINDINGS"), of("denial")
    exceptions, stated = of("exception"), of("states")
    if against:
        return Screening("not normal", _reasons(denials + against + exceptions))
    if empty:
        return Screening("unclear", ("the impression is empty",))
    whole = [trigger for trigger in stated if trigger.whole]
    if denials and whole and any(denial.whole for denial in denials):
        quotes = f'"{whole[0].quote}" and "{denials[0].quote}"'
        return Screening("unclear", (f"the impression contradicts itself: {quotes}",))
    if denials:
        return Screening("not normal", _reasons(denials + exceptions))
    doubts = exceptions + of("limit") + of("unknown")[:NAMED_WORDS]
    silent = () if stated else ("the impression does not state normality",)
    if doubts or silent:
        return Screening("unclear", silent + _reasons(doubts))
    return Screening("normal", _reasons(triggers))


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


def _reasons(triggers: list[_Trigger]) -> tuple[str, ...]:
    """Return one reason a kind, with its quotes, in the order of the text."""
    quotes: dict[str, list[str]] = {}
    for trigger in triggers:
        quotes.setdefault(trigger.kind, []).append(f'"{trigger.quote}"')
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
        if {*match.group(1).lower().split()} <= NEUTRAL | _FREE_FILLERS:
            yield _Trigger("states", match.group(), whole)
    for match in _WORD.finditer(sentence):
        known = NEUTRAL | {*NORMALITY}
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


def write_review_queue(screened: pd.DataFrame, path: Path) -> None:
    """Write the studies to be reviewed, the answers still empty.

    Where the file is there already, what a reviewer wrote into it is kept.

    Parameters
    ----------
    screened
        Table of `screen`.
    path
        CSV file with the columns `COLUMNS`.  A cell that starts with ``=``, ``+``, ``-``, ``@``,
        tab or line end gets an apostrophe before it, which `read_review` takes away again.

    Raises
    ------
    InputError
        The file is there and is no review queue, or holds answers to reports that are not in the
        queue now or have changed since; nothing is written then.
    """
    path = Path(path)
    kept = {row["study_uid"]: row for row in _answered(path, screened)} if path.exists() else {}
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(COLUMNS)
    for study in screened.to_dict("records"):
        answers = {name: kept.get(study["study_uid"], {}).get(name, "") for name in ANSWERS}
        writer.writerow(_guarded((study | answers)[name]) for name in COLUMNS)
    try:
        with write_atomically(path) as draft:
            draft.write_bytes(text.getvalue().encode("utf-8-sig"))
    except OSError as error:
        raise InputError(
            f"the review queue cannot be written ({error.strerror})",
            where=path,
            remedy="Close it in other programs, or name a place that can be written.",
        ) from error


def read_review(path: Path, screened: pd.DataFrame) -> pd.DataFrame:
    """Read the answers of a review.

    Parameters
    ----------
    path
        The file of `write_review_queue`, answered: `confirmed` is yes (a completely normal
        study), no, or empty (not reviewed).  Rows may be missing and columns be added.
    screened
        The table that the queue was written from.

    Returns
    -------
    pandas.DataFrame
        One row per answered study, in the order of the file: `study_uid`, `confirmed` (bool).

    Raises
    ------
    InputError
        No file or no CSV in UTF-8, missing columns, a row of other length, a study that was not
        flagged or stands twice, another answer, or a report that has changed since the queue
        was written.  The line is named.
    """
    rows = [row for row in _answered(Path(path), screened) if row["confirmed"]]
    uids = pd.Series([row["study_uid"] for row in rows], dtype=object)
    confirmed = pd.Series([CONFIRMED[row["confirmed"]] for row in rows], dtype=bool)
    return pd.DataFrame({"study_uid": uids, "confirmed": confirmed})


def _answered(path: Path, screened: pd.DataFrame) -> list[dict[str, str]]:
    """Return the checked rows in which a reviewer wrote anything."""
    texts = {
        row.study_uid: (_plain(row.impression), _plain(row.findings))
        for row in screened.itertuples()
    }
    lines: dict[str, int] = {}
    answered = []
    for line, row in _queue_rows(path):
        uid, answer = row["study_uid"].strip(), row["confirmed"].strip().lower()
        touched = any(row[name].strip() for name in ANSWERS)
        problem = ""
        if uid in lines:
            problem = f"study {uid} stands in line {lines[uid]} already"
        elif answer not in ("", *CONFIRMED):
            problem = f"confirmed is {row['confirmed']!r}, where yes, no or nothing is expected"
        elif uid not in texts and touched:
            problem = f"study {uid!r} is not among the flagged ones"
        elif touched and (_plain(row["impression"]), _plain(row["findings"])) != texts[uid]:
            problem = f"the report of study {uid} is not the one that was reviewed"
        if problem:
            raise InputError(
                f"line {line}: {problem}",
                where=path,
                remedy="Correct the line, or write the queue anew and review this study again.",
            )
        lines[uid] = line
        if touched:
            answered.append(row | {"study_uid": uid, "confirmed": answer})
    return answered


def _queue_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a queue, each with the number of the line that it begins on."""
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise _bad_queue(f"cannot be read ({error.strerror})", path) from error
    except UnicodeDecodeError as error:
        problem = f"byte 0x{error.object[error.start]:02x} at offset {error.start} is not UTF-8"
        raise _bad_queue(problem, path) from error
    # The delimiter that divides the first line best.
    delimiter = max(_DELIMITERS, key=text.partition("\n")[0].count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begin = 1
    try:
        names = [cell.strip() for cell in next(reader, [])]
        missing = [name for name in COLUMNS if name not in names]
        repeated = sorted({name for name in COLUMNS if names.count(name) > 1})
        if missing:
            raise _bad_queue(f"columns missing: {', '.join(missing)}", path)
        if repeated:
            raise _bad_queue(f"columns that stand twice: {', '.join(repeated)}", path)
        begin = reader.line_num + 1
        for cells in reader:
            line, begin = begin, reader.line_num + 1
            if any(cell.strip() for cell in cells):
                if len(cells) != len(names):
                    raise _bad_queue(f"line {line}: {len(cells)} of {len(names)} cells", path)
                yield line, dict(zip(names, map(_unguarded, cells), strict=True))
    except csv.Error as error:
        raise _bad_queue(f"line {begin}: no CSV ({error})", path) from error


def _bad_queue(problem: str, path: Path) -> InputError:
    remedy = 'Answer the review queue as it was written, and save it as "CSV UTF-8".'
    return InputError(problem, where=path, remedy=remedy)


def _guarded(cell: object) -> str:
    text = str(cell)
    return f"'{text}" if _FORMULA.match(text) else text


def _unguarded(cell: str) -> str:
    return cell[1:] if cell.startswith("'") and _FORMULA.match(cell) else cell


def _plain(text: str) -> str:
    """Return a text without what spreadsheet programs change: line ends and outer space."""
    return " ".join(text.split())

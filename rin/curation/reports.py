"""Which studies are normal?  The paper's query, a careful reader's rules, and the review.

The paper flags studies "with a report containing 'normal' or 'unremarkable' in the impression",
and a radiologist then confirms that they are completely normal (Materials and Methods, Normal
Studies).  Here the query runs in the index of the archive, the rules of
:mod:`rin.curation.impressions` sort what it flags, and the radiologist's answers
(:mod:`rin.curation.review`) overrule the rules.
"""

from pathlib import Path

import numpy as np
import pandas as pd
from sqlalchemy import or_, select
from statsmodels.stats.proportion import proportion_confint

from rin.curation.impressions import Screening, screen_impression
from rin.curation.index import Archive, read_table, reports, studies
from rin.curation.review import read_review, write_review_queue
from rin.errors import InputError

__all__ = [
    "Screening",
    "normal_studies",
    "query_normal",
    "query_performance",
    "read_review",
    "screen",
    "screen_impression",
    "write_review_queue",
]

#: The words of the paper's query.
WORDS = ("normal", "unremarkable")


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
    query = (
        select(
            studies.c.study_uid,
            studies.c.patient_id,
            reports.c.accession_number,
            studies.c.modality,
            studies.c.body_part,
            reports.c.findings,
            reports.c.impression,
        )
        .join(reports, reports.c.study_uid == studies.c.study_uid)
        .where(or_(*(reports.c.impression.icontains(word) for word in WORDS)))
    )
    # Databases sort text each in their own way.
    return read_table(archive, query).sort_values("study_uid", ignore_index=True)


def screen(flagged: pd.DataFrame) -> pd.DataFrame:
    """Return the flagged studies with what the rules say of them.

    Parameters
    ----------
    flagged
        Table of `query_normal`.

    Returns
    -------
    pandas.DataFrame
        The same rows with two more columns: `verdict` ("normal", "not normal", "unclear") and
        `reasons` (text, joined by "; ").
    """
    judged = [
        screen_impression(row.findings, row.impression)
        for row in flagged[["findings", "impression"]].itertuples()
    ]
    return flagged.assign(
        verdict=pd.Series([one.verdict for one in judged], index=flagged.index, dtype=object),
        reasons=pd.Series(
            ["; ".join(one.reasons) for one in judged], index=flagged.index, dtype=object
        ),
    )


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
        From `rin.curation.review.read_review`.
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
        One row a study: `accession_number` (text) and `normal` (1 if completely normal, else 0);
        further columns are not looked at.  Studies that have no report in the archive are left
        out: no query can find them.
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
        from `rin.curation.review.read_review`.
    """
    normal = _checked_truth(truth)
    known = read_table(archive, select(reports.c.accession_number, reports.c.study_uid))
    unknown = sorted(set(screened["accession_number"]) - set(normal.index))
    if unknown:
        raise InputError(
            f"{len(unknown)} flagged studies are not in the truth, the first is {unknown[0]!r}",
            where="truth",
            remedy="Give the truth of every flagged study, by its accession number as text.",
        )
    owner = known.set_index("accession_number")["study_uid"]
    present = normal[normal.index.isin(owner.index)]
    truly_normal = set(owner[present.index[present]])
    steps = {
        "the paper's query": screened["study_uid"],
        "query and rules": normal_studies(screened, None)["study_uid"],
    }
    if reviewed is not None:
        steps["after review"] = normal_studies(screened, reviewed)["study_uid"]
    return pd.DataFrame([_step(name, set(uids), truly_normal) for name, uids in steps.items()])


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


def _checked_truth(truth: pd.DataFrame) -> pd.Series:
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
    if problem:
        raise InputError(
            problem,
            where="truth",
            remedy="Read it with dtype=str: one row a study, with accession_number and normal.",
        )
    return truth.set_index("accession_number")["normal"].astype(int).astype(bool)

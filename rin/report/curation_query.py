"""How well normal studies are found: query, rules and review against the truth of a stand-in.

Nobody knows the truth of a real archive before review, so these tables exist for a stand-in only.
Shares are 0-1 in tables of numbers, and percent in text.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from statsmodels.stats.proportion import proportion_confint

from rin.curation.archive import read_table
from rin.curation.reports import query_performance
from rin.errors import InputError
from rin.report.curation_tables import whole
from rin.report.format import MISSING, format_interval

if TYPE_CHECKING:
    from IPython.display import Markdown

    from rin.curation.archive import Archive
    from rin.curation.build import CuratedCorpus

_VERDICTS = {"normal": "Pass the rules", "unclear": "Unclear", "not normal": "Not normal"}


def performance_rows(
    archive: Archive, corpus: CuratedCorpus, truth: pd.DataFrame, reviewed: Path | None = None
) -> pd.DataFrame:
    """Measure the query, the rules and the review against the truth of a stand-in.

    Parameters
    ----------
    truth
        As `rin.study.curation.archive_truth` returns it.
    reviewed
        The review queue as a radiologist filled it in, or None.

    Returns
    -------
    pandas.DataFrame
        Numbers; the table of `rin.curation.reports.query_performance` with Wilson's 95% interval
        of the recall too: `recall_low`, `recall_high`, missing where nothing is normal.
    """
    rows = query_performance(archive, corpus.screened, truth, reviewed=reviewed)
    reported = read_table(archive, "select accession_number from reports")["accession_number"]
    n = int(truth.loc[truth["accession_number"].isin(reported), "normal"].sum())
    ends = [
        proportion_confint(found, n, method="wilson") if n else (float("nan"),) * 2
        for found in rows["truly_normal"]
    ]
    return rows.assign(recall_low=[low for low, _ in ends], recall_high=[high for _, high in ends])


def performance_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Return `performance_rows` as text, in percent."""
    return pd.DataFrame(
        {
            "Studies": [f"{n:,}" for n in rows["flagged"]],
            "Truly normal": [f"{n:,}" for n in rows["truly_normal"]],
            "Precision, % (95% CI)": _shares(rows, "precision", "low", "high"),
            "Recall, % (95% CI)": _shares(rows, "recall", "recall_low", "recall_high"),
        },
        index=pd.Index(rows["step"], name="After"),
    )


def performance_reading(rows: pd.DataFrame) -> Markdown:
    """Return the sentence that reads the query's precision, from the first step to the last."""
    from IPython.display import Markdown

    first, last = rows.iloc[0], rows.iloc[-1]
    wrong = int(last["flagged"] - last["truly_normal"])
    lost = int(first["truly_normal"] - last["truly_normal"])
    return Markdown(
        f"Precision goes from {_share(first, 'precision', 'low', 'high')} % at the first step to "
        f"{_share(last, 'precision', 'low', 'high')} % at the last, recall from "
        f"{_share(first, 'recall', 'recall_low', 'recall_high')} % to "
        f"{_share(last, 'recall', 'recall_low', 'recall_high')} %: {wrong:,} studies that are not "
        f"normal would remain, and {lost:,} normal ones are lost on the way. The reports are "
        "written by a program, so these shares tell how the rules work on wording that is known, "
        "and nothing about reports of a hospital."
    )


def verdict_table(corpus: CuratedCorpus, truth: pd.DataFrame) -> pd.DataFrame:
    """Return what query and rules make of each kind of report of a stand-in archive.

    Parameters
    ----------
    truth
        As `rin.study.curation.archive_truth` returns it.

    Raises
    ------
    InputError
        Screened reports of which the truth knows nothing.
    """
    verdicts = corpus.screened.set_index("accession_number")["verdict"]
    unknown = sorted(set(verdicts.index) - set(truth["accession_number"]))
    if unknown:
        raise InputError(
            f"{len(unknown)} screened reports are not in the truth",
            where="truth",
            remedy="Delete the stand-in archive; the next run writes it again.",
        )
    found = truth["accession_number"].map(verdicts)
    counts = pd.crosstab(truth["kind"], found.fillna(MISSING))
    counts = counts.reindex(columns=list(_VERDICTS), fill_value=0).rename(columns=_VERDICTS)
    kinds = truth.groupby("kind")["normal"].agg(["size", "sum"]).reindex(counts.index)
    table = counts.assign(flagged=counts.sum(axis=1)).map(whole)
    table.insert(0, "Flagged", table.pop("flagged"))
    table.insert(0, "Truly normal", kinds["sum"].map(whole))
    table.insert(0, "Studies", kinds["size"].map(whole))
    return table.rename_axis(index="Kind of report", columns=None)


def _shares(rows: pd.DataFrame, value: str, low: str, high: str) -> list[str]:
    return [_share(row, value, low, high) for _, row in rows.iterrows()]


def _share(row: pd.Series, value: str, low: str, high: str) -> str:
    """Return a share of 0–1 in percent with its interval, a dash where there is none."""
    if pd.isna(row[value]):
        return MISSING
    return f"{100 * row[value]:.1f} {format_interval(100 * row[low], 100 * row[high], 1)}"

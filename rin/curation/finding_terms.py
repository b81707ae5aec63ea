"""From what a reader wrote about a key image to a class of the taxonomy.

A finding reads ``REGION: LABEL`` as the taxonomy spells them, or is a term of the site that a
table translates: columns ``finding,region,label``.  Region and label both empty leave the
finding out.  Nothing is guessed: a slip of the pen is an error that shows what is near.
"""

from __future__ import annotations

import csv
import difflib
import io
from pathlib import Path

import pandas as pd

from rin.errors import InputError

HEADER = ("finding", "region", "label")
#: The entry of a term that is left out.
LEFT_OUT = ("", "")


def folded(text: str) -> str:
    """Return a term without differences of case and blanks."""
    return " ".join(text.split()).casefold()


def read_label_map(path: Path, taxonomy: pd.DataFrame) -> dict[str, tuple[str, str]]:
    """Read the table of a site's own terms.

    Parameters
    ----------
    path
        CSV file in UTF-8, with or without byte-order mark.

    Returns
    -------
    dict
        Folded term to region and label, or to `LEFT_OUT`.

    Raises
    ------
    InputError
        A file that is no such table; one error names all lines without a term, with another
        class than those of the taxonomy, or with a term that another line translates otherwise.
    """
    path = Path(path)
    known = set(zip(taxonomy["region"], taxonomy["label"], strict=True)) | {LEFT_OUT}
    terms: dict[str, tuple[str, str]] = {}
    bad = []
    for line, row in enumerate(_read_rows(path), start=2):
        if len(row) != len(HEADER):
            bad.append(f"line {line} has {len(row)} of {len(HEADER)} fields")
            continue
        term, target = folded(row[0]), (row[1].strip(), row[2].strip())
        if not term:
            bad.append(f"line {line} has no finding")
        elif target not in known:
            bad.append(f"line {line}: {_told(target)} is no class{near(target, taxonomy)}")
        elif terms.setdefault(term, target) != target:
            bad.append(f"line {line}: {row[0].strip()!r} stands there twice, translated otherwise")
    if bad:
        raise InputError(
            listed(f"{len(bad)} lines of the label map are not valid", bad),
            where=path,
            remedy="Use regions and labels of data_manifests/radimagenet_labels.csv; leave both "
            "empty for findings without a class.",
        )
    return terms


def class_of(
    finding: str, terms: dict[str, tuple[str, str]], taxonomy: pd.DataFrame
) -> tuple[str, str] | str:
    """Return region and label of a finding, `LEFT_OUT`, or in words what is wrong with it."""
    if not finding:
        return "it says no finding (no Key Object Description)"
    if folded(finding) in terms:
        return terms[folded(finding)]
    region, colon, label = (part.strip() for part in finding.partition(":"))
    known = (taxonomy["region"] == region) & (taxonomy["label"] == label)
    if colon and known.any():
        return region, label
    return f"{finding!r} is no class of the taxonomy{near((region, label), taxonomy)}"


def near(target: tuple[str, str], taxonomy: pd.DataFrame) -> str:
    """Return the classes whose names are most like one that is unknown, in words."""
    names = taxonomy["region"] + ": " + taxonomy["label"]
    spelled = dict(zip(names.str.casefold(), names, strict=True))
    likely = difflib.get_close_matches(_told(target).casefold(), spelled, n=3, cutoff=0.6)
    return "; near: " + ", ".join(spelled[name] for name in likely) if likely else ""


def listed(problem: str, lines: list[str]) -> str:
    """Return a problem with its lines below, ten at most."""
    more = ["  and more"] if len(lines) > 10 else []
    return "\n".join([f"{problem}:", *(f"  {line}" for line in lines[:10]), *more])


def _told(target: tuple[str, str]) -> str:
    return ": ".join(part for part in target if part) or "''"


def _read_rows(path: Path) -> list[list[str]]:
    try:
        text = path.read_bytes().decode("utf-8-sig")
        header, *rows = list(csv.reader(io.StringIO(text, newline=""), strict=True)) or [[]]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(
            f"it cannot be read as a label map ({error})",
            where=path,
            remedy=f"Save it as CSV in UTF-8, with the columns {','.join(HEADER)}.",
        ) from error
    if tuple(name.strip() for name in header) != HEADER:
        raise InputError(
            f"the columns are {', '.join(header) or 'missing'}",
            where=path,
            remedy=f"The first line must read {','.join(HEADER)}.",
        )
    return [row for row in rows if row]

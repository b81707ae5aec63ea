"""Which files of a study are no diagnostic images: rules as data, in ``exclusions.yaml``.

A file is left out by the first rule that hits it; what text may be burned into its pixels is asked
later, of the pixels (:mod:`rin.curation.burned_in`).
"""

from __future__ import annotations

import re
from pathlib import Path

import pandas as pd
from sqlalchemy import select

from rin.curation.index import Archive, instances, read_table, series, studies
from rin.files import read_yaml

_RULES = read_yaml(Path(__file__).with_suffix(".yaml"))
#: Name of each rule to its reason.
RULES: dict[str, str] = {name: rule["reason"] for name, rule in _RULES.items()}
SECONDARY_CAPTURES = frozenset(_RULES["secondary capture"]["where"]["sop_class"]["is"])
_TESTS = {
    "is": lambda column, known: column.isin(known),
    "is not": lambda column, known: ~column.isin(known),
    "says": lambda column, words: column.str.contains(re.compile(words, re.IGNORECASE)),
    "below": lambda column, limit: column < limit,
    "above": lambda column, limit: column > limit,
}


def archive_files(archive: Archive) -> pd.DataFrame:
    """Return all files of an archive by SOP UID, with what rules and the choice of images look at.

    `rule` is the first rule that hits the file, else an empty text.
    """
    query = (
        select(
            *instances.c,
            series.c.modality,
            series.c.description.label("series_description"),
            series.c.body_part.label("series_body_part"),
            studies.c.study_uid,
            studies.c.patient_id,
            studies.c.body_part.label("study_body_part"),
            studies.c.description.label("study_description"),
        )
        .join(series, series.c.series_uid == instances.c.series_uid)
        .join(studies, studies.c.study_uid == series.c.study_uid)
    )
    # Databases sort text each in their own way.
    files = read_table(archive, query).sort_values("sop_uid", ignore_index=True)
    return files.assign(rule=rule_of(files))


def rule_of(files: pd.DataFrame) -> pd.Series:
    """Return the first rule that hits each file, else an empty text."""
    found = pd.Series("", index=files.index, dtype=object)
    for name, rule in reversed(_RULES.items()):
        for column, tests in rule["where"].items():
            for test, value in tests.items():
                hits = _TESTS[test](files[column], value)
                found = found.mask(hits.astype(bool), name)
    return found

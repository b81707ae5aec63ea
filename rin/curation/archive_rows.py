"""What was read of an export becomes rows, unless it contradicts what is there already."""

import copy
import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Table, bindparam, insert, select, update

from rin.curation.archive_files import Problem
from rin.curation.archive_headers import Header
from rin.curation.archive_reports import Report
from rin.curation.archive_tables import files, instances, patients, reports, series, studies

#: Values of one SQL list; databases allow some thousands.
SLICE = 500
Rows = dict[str, dict[str, Any]]


def in_slices(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield sorted distinct values in lists that are short enough for one statement."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), SLICE):
        yield ordered[start : start + SLICE]


def store_headers(connection: Connection, headers: list[Header], root: Path) -> list[Problem]:
    """Write the rows of some DICOM files, and return those that contradict others.

    A file contradicts where its series belongs to another study, its study to another patient or
    accession number, or its SOP Instance UID to a file with other content.  A copy, byte for
    byte, is no contradiction: the path that sorts first stands in the index.  Texts in which the
    files of one study or series differ harmlessly become the one that sorts first.
    """
    levels: dict[Table, Rows] = {
        patients: _stored(connection, patients, (h.patient_id for h in headers)),
        studies: _stored(connection, studies, (h.study_uid for h in headers)),
        series: _stored(connection, series, (h.series_uid for h in headers)),
        instances: _stored(connection, instances, (h.sop_uid for h in headers)),
    }
    before = copy.deepcopy(list(levels.values()))
    problems, read = [], []
    for header in sorted(headers, key=lambda each: each.path):
        problem = _contradiction(levels, root, header)
        if problem:
            problems.append(Problem(header.path, problem))
            continue
        _add(levels, header)
        read.append(_file(header, sop_uid=header.sop_uid, encoding=""))
    for (table, rows), known in zip(levels.items(), before, strict=True):
        _write(connection, table, known, rows)
    if read:
        connection.execute(insert(files), read)
    return problems


def store_reports(connection: Connection, found: list[Report]) -> list[Problem]:
    """Write the rows of some reports, and return those that belong to no one study alone."""
    numbers = {report.accession_number for report in found} - {""}
    owners: dict[str, list[str]] = {}
    for some in in_slices(numbers):
        query = select(studies.c.accession_number, studies.c.study_uid)
        query = query.where(studies.c.accession_number.in_(some)).order_by(studies.c.study_uid)
        for number, study_uid in connection.execute(query):
            owners.setdefault(number, []).append(study_uid)
    known = _stored(connection, reports, numbers)
    before, problems, read = dict(known), [], []
    for report in sorted(found, key=lambda each: each.path):
        number, mine = report.accession_number, owners.get(report.accession_number, [])
        if len(mine) != 1:
            several = f"{len(mine)} studies ({', '.join(mine)})" if mine else "no study"
            problem = f"the accession number {number!r} of this report belongs to {several}"
            problems.append(Problem(report.path, problem))
        elif number in known:
            problem = f"a second report of study {mine[0]}, beside {known[number]['path']}"
            problems.append(Problem(report.path, problem))
        else:
            known[number] = {
                "accession_number": number,
                "study_uid": mine[0],
                "findings": report.findings,
                "impression": report.impression,
                "path": report.path,
            }
            read.append(_file(report, sop_uid="", encoding=report.encoding))
    _write(connection, reports, before, known)
    if read:
        connection.execute(insert(files), read)
    return problems


def _contradiction(levels: Mapping[Table, Rows], root: Path, header: Header) -> str:
    study = levels[studies].get(header.study_uid)
    if study and study["patient_id"] != header.patient_id:
        return (
            f"study {header.study_uid} is of patient {header.patient_id!r} here, "
            f"of {study['patient_id']!r} in other files"
        )
    number = study and header.accession_number and study["accession_number"]
    if number and number != header.accession_number:
        return (
            f"study {header.study_uid} has accession number {header.accession_number!r} here, "
            f"{number!r} in other files"
        )
    group = levels[series].get(header.series_uid)
    if group and group["study_uid"] != header.study_uid:
        return (
            f"series {header.series_uid} belongs to study {header.study_uid} here, "
            f"to {group['study_uid']} in other files"
        )
    other = levels[instances].get(header.sop_uid)
    if other and not _equal_content(root, header.path, other["path"]):
        return f"SOP Instance UID {header.sop_uid} is also that of {other['path']}, which differs"
    return ""


def _equal_content(root: Path, *paths: str) -> bool:
    digests = set()
    for path in paths:
        with (root / path).open("rb") as file:
            digests.add(hashlib.file_digest(file, "sha256").digest())
    return len(digests) == 1


def _add(levels: Mapping[Table, Rows], header: Header) -> None:
    """Put a file's values into the rows of all levels."""
    levels[patients].setdefault(header.patient_id, {"patient_id": header.patient_id})
    study = levels[studies].setdefault(
        header.study_uid,
        {"study_uid": header.study_uid, "patient_id": header.patient_id}
        | dict.fromkeys(
            ("accession_number", "study_date", "modality", "body_part", "description"), ""
        ),
    )
    _merge(study, "accession_number", header.accession_number)
    _merge(study, "study_date", header.study_date)
    _merge(study, "description", header.study_description)
    group = levels[series].setdefault(
        header.series_uid,
        {"series_uid": header.series_uid, "study_uid": header.study_uid}
        | dict.fromkeys(("modality", "description", "body_part"), ""),
    )
    _merge(group, "modality", header.modality)
    _merge(group, "description", header.series_description)
    _merge(group, "body_part", header.body_part)
    other = levels[instances].get(header.sop_uid)
    if other is None or header.path < other["path"]:
        names = [column.name for column in instances.columns]
        levels[instances][header.sop_uid] = {name: getattr(header, name) for name in names}


def _merge(row: dict[str, Any], name: str, value: str) -> None:
    """Keep the value that sorts first, so that the order of reading does not matter."""
    row[name] = min(filter(None, (row[name], value)), default="")


def _file(found: Header | Report, *, sop_uid: str, encoding: str) -> dict[str, Any]:
    return {
        "path": found.path,
        "bytes": found.bytes,
        "modified_ns": found.modified_ns,
        "sop_uid": sop_uid,
        "encoding": encoding,
    }


def _stored(connection: Connection, table: Table, keys: Iterable[str]) -> Rows:
    (key,) = table.primary_key.columns
    rows: Rows = {}
    for some in in_slices(keys):
        for row in connection.execute(select(table).where(key.in_(some))).mappings():
            rows[row[key.name]] = dict(row)
    return rows


def _write(connection: Connection, table: Table, before: Rows, after: Rows) -> None:
    """Insert the rows that are new, and update those that differ."""
    (key,) = table.primary_key.columns
    new = [row for name, row in after.items() if name not in before]
    if new:
        connection.execute(insert(table), new)
    changed = [row | {"_key": name} for name, row in after.items() if before.get(name, row) != row]
    if changed:
        names = [column.name for column in table.columns if column is not key]
        statement = update(table).where(key == bindparam("_key"))
        statement = statement.values({name: bindparam(f"_{name}") for name in names})
        given = [{"_key": row["_key"]} | {f"_{n}": row[n] for n in names} for row in changed]
        connection.execute(statement, given)

"""Keeping the index of an archive: what is new is read, what is gone or has changed is dropped.

Each chunk of files is one transaction, so an indexing that was killed goes on where it stood.
No more than one round of files is held in memory, however many there are.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    Row,
    delete,
    exists,
    func,
    insert,
    or_,
    select,
    update,
)

from rin.curation.archive_files import (
    NO_DICOM,
    FileJob,
    Problem,
    is_report,
    mark_of,
    passing_rule,
    refuse_problems,
)
from rin.curation.archive_headers import Header, read_headers
from rin.curation.archive_reports import Report, read_reports
from rin.curation.archive_rows import SLICE, in_slices, store_headers, store_reports
from rin.curation.archive_tables import (
    files,
    instances,
    passed_over,
    patients,
    reports,
    series,
    studies,
)
from rin.data.chunks import run_chunks
from rin.data.tree import walk
from rin.errors import InputError

#: Files of one transaction, and of one round of chunks.
CHUNK = 512
ROUND = 64 * CHUNK
#: Series of these modalities hold no picture, or one that does not say what was examined.
DOCUMENTS = ("KO", "PR", "SR", "DOC", "OT")
Found = TypeVar("Found")


def update_index(engine: Engine, root: Path, encoding: str, workers: int | None) -> None:
    """Make the index say what lies in the folder now.

    Raises
    ------
    InputError
        No DICOM file in the folder; or files that are broken or contradict others, and reports
        that belong to no one study.  All other files are in the index then.
    """
    _refuse_empty(root)
    _forget_changed(engine, root, encoding)
    problems, texts = _index_dicom(engine, root, workers)
    _settle_studies(engine)
    problems += _index_reports(engine, root, texts, encoding, workers)
    refuse_problems(problems, root)


def _refuse_empty(root: Path) -> None:
    """Refuse a folder without DICOM: a drive that is not mounted must not empty the index."""
    for name in walk(root, links=True):
        if not passing_rule(name) and read_headers(FileJob(root, (name,)), 1) != [None]:
            return
    raise InputError(
        "no DICOM file lies in this folder",
        where=root,
        remedy="Name the folder of an export, with files that end in .dcm or hold the DICM prefix.",
    )


def _forget_changed(engine: Engine, root: Path, encoding: str) -> None:
    """Drop the rows of files that are gone, have changed or were decoded otherwise."""
    last = ""
    while True:
        with engine.begin() as connection:
            query = select(files).where(files.c.path > last).order_by(files.c.path).limit(SLICE)
            page = connection.execute(query).all()
            if not page:
                _drop_orphans(connection)
                return
            stale = [
                row.path
                for row in page
                if mark_of(root, row.path) != (row.bytes, row.modified_ns)
                or (not row.sop_uid and row.encoding != encoding)
            ]
            _forget(connection, stale)
            last = page[-1].path


def _forget(connection: Connection, paths: list[str]) -> None:
    for some in in_slices(paths):
        query = select(instances.c.sop_uid).where(instances.c.path.in_(some))
        for uids in in_slices(connection.execute(query).scalars()):
            connection.execute(delete(instances).where(instances.c.sop_uid.in_(uids)))
            # Copies of a file that is gone are read again: one of them takes its place.
            connection.execute(delete(files).where(files.c.sop_uid.in_(uids)))
        connection.execute(delete(reports).where(reports.c.path.in_(some)))
        connection.execute(delete(files).where(files.c.path.in_(some)))


def _drop_orphans(connection: Connection) -> None:
    """Drop series without instances, studies without series, patients without studies."""
    filled = exists().where(instances.c.series_uid == series.c.series_uid)
    connection.execute(delete(series).where(~filled))
    _drop_reports(connection, ~exists().where(series.c.study_uid == reports.c.study_uid))
    filled = exists().where(series.c.study_uid == studies.c.study_uid)
    connection.execute(delete(studies).where(~filled))
    filled = exists().where(studies.c.patient_id == patients.c.patient_id)
    connection.execute(delete(patients).where(~filled))


def _drop_reports(connection: Connection, condition: ColumnElement[bool]) -> None:
    paths = connection.execute(select(reports.c.path).where(condition)).scalars().all()
    _forget(connection, list(paths))


def _index_dicom(
    engine: Engine, root: Path, workers: int | None
) -> tuple[list[Problem], list[str]]:
    """Read the DICOM files that are not in the index; return problems and the reports seen."""
    problems: list[Problem] = []
    texts: list[str] = []
    passed: Counter[str] = Counter()
    for names in _batches(walk(root, links=True), ROUND):
        wanted = []
        for name in names:
            if not _storable(name):
                problems.append(Problem(ascii(name), "the file's name is not valid UTF-8"))
            elif is_report(name):
                texts.append(name)
            elif rule := passing_rule(name):
                passed[rule] += 1
            else:
                wanted.append(name)
        jobs = [FileJob(root, some) for some in _batches(_unread(engine, wanted), CHUNK)]
        for found in run_chunks(read_headers, jobs, workers=workers, title="Indexing files"):
            passed[NO_DICOM] += found.count(None)
            problems += _store(engine, partial(store_headers, root=root), found, Header)
    with engine.begin() as connection:
        connection.execute(delete(passed_over))
        counted = [{"rule": rule, "files": count} for rule, count in passed.items() if count]
        if counted:
            connection.execute(insert(passed_over), counted)
    return problems, texts


def _index_reports(
    engine: Engine, root: Path, texts: list[str], encoding: str, workers: int | None
) -> list[Problem]:
    """Read the reports that are not in the index; return problems."""
    owners = select(func.count()).where(studies.c.accession_number == reports.c.accession_number)
    own = select(studies.c.accession_number).where(studies.c.study_uid == reports.c.study_uid)
    with engine.begin() as connection:
        # Studies that came or changed since may leave a report with another owner, or with two.
        moved = or_(
            owners.scalar_subquery() != 1, own.scalar_subquery() != reports.c.accession_number
        )
        _drop_reports(connection, moved)
    problems: list[Problem] = []
    unread = _unread(engine, texts)
    jobs = [FileJob(root, some, encoding) for some in _batches(unread, CHUNK)]
    for found in run_chunks(read_reports, jobs, workers=workers, title="Indexing reports"):
        problems += _store(engine, store_reports, found, Report)
    return problems


def _store(
    engine: Engine,
    store: Callable[..., list[Problem]],
    found: list[Found | Problem | None],
    kind: type[Found],
) -> list[Problem]:
    """Write what was found of one kind in one transaction; return all problems."""
    with engine.begin() as connection:
        refused = store(connection, [each for each in found if isinstance(each, kind)])
    return refused + [each for each in found if isinstance(each, Problem)]


def _unread(engine: Engine, names: list[str]) -> list[str]:
    """Return those files that are not in the index, sorted."""
    read: set[str] = set()
    with engine.connect() as connection:
        for some in in_slices(names):
            query = select(files.c.path).where(files.c.path.in_(some))
            read.update(connection.execute(query).scalars())
    return sorted(set(names) - read)


def _settle_studies(engine: Engine) -> None:
    """Give each study the modalities and body parts of its series that hold pictures."""
    last = ""
    while True:
        with engine.begin() as connection:
            page = select(studies).where(studies.c.study_uid > last)
            page = page.order_by(studies.c.study_uid).limit(SLICE)
            rows = connection.execute(page).all()
            if not rows:
                return
            _settle_page(connection, rows)
            last = rows[-1].study_uid


def _settle_page(connection: Connection, rows: Sequence[Row]) -> None:
    uids = [row.study_uid for row in rows]
    seen: dict[str, tuple[set[str], set[str]]] = {uid: (set(), set()) for uid in uids}
    query = select(series).where(series.c.study_uid.in_(uids), series.c.modality.not_in(DOCUMENTS))
    for one in connection.execute(query):
        for values, value in zip(seen[one.study_uid], (one.modality, one.body_part), strict=True):
            values.update({value} - {""})
    for row in rows:
        modality, body_part = ("\\".join(sorted(values)) for values in seen[row.study_uid])
        if (row.modality, row.body_part) != (modality, body_part):
            mine = update(studies).where(studies.c.study_uid == row.study_uid)
            connection.execute(mine.values(modality=modality, body_part=body_part))


def _batches(names: Iterable[str], size: int) -> Iterator[tuple[str, ...]]:
    rest = iter(names)
    while some := tuple(islice(rest, size)):
        yield some


def _storable(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True

"""An archive of studies, as a PACS and an RIS export it, behind a relational index.

The export is a folder of DICOM files, nested and named in any way, with a text report per study
in a folder ``reports``, named by its accession number.  The index holds patients, studies,
series, instances and reports (:mod:`rin.curation.archive_tables`), so that a question such as the
paper's "which impressions say normal?" is a query.  Only headers are read; pixels stay where
they are.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pandas as pd
from filelock import FileLock
from sqlalchemy import Engine, Executable, create_engine, func, select, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError

from rin.curation.archive_index import update_index
from rin.curation.archive_reports import known_encoding
from rin.curation.archive_tables import (
    instances,
    passed_over,
    patients,
    prepare_tables,
    reports,
    series,
    studies,
)
from rin.data.layouts.found import STAND_IN_NOTE
from rin.errors import InputError


@dataclass(frozen=True)
class Archive:
    """An indexed archive.

    Attributes
    ----------
    root
        Folder of the export; paths of the index are relative to it.
    url
        Database of the index, as SQLAlchemy spells it; not shown, as it may hold a password.
    provenance
        "real", or "stand-in" where a stand-in writer left its note.
    """

    root: Path
    url: str = field(repr=False)
    provenance: str

    @cached_property
    def engine(self) -> Engine:
        """The connections to the index; another process makes its own."""
        try:
            return create_engine(self.url)
        except (ArgumentError, InvalidRequestError, ImportError) as error:
            raise InputError(
                f"the database cannot be used ({error})",
                where="database URL",
                remedy="Write it as sqlite:///file.sqlite or postgresql+psycopg://user@host/name, "
                "and install the driver that it names.",
            ) from error

    def __reduce__(self) -> tuple:
        return (Archive, (self.root, self.url, self.provenance))


def open_archive(
    root: Path, url: str, *, encoding: str = "utf-8", workers: int | None = None
) -> Archive:
    """Index an export, as far as it is not indexed yet, and open it.

    A file of which path, size and time of change are known is not read again; rows of files
    that are gone go.  The work is committed chunk by chunk, so that a killed indexing goes on
    where it stood.  Passed over by rule, and counted, are ``DICOMDIR``, ``.txt`` outside the
    reports, ``.csv``, ``.json`` and whatever neither is named ``.dcm`` nor has the DICM prefix.

    Parameters
    ----------
    root
        Folder of the export.
    url
        Database of the index: ``sqlite:///index.sqlite``, or any other that SQLAlchemy reaches,
        such as ``postgresql+psycopg://user@host/name``.  It must be the index's own.
    encoding
        Of the reports.  A byte-order mark and any line ends are accepted.
    workers
        Processes that read headers; by default one per core.

    Raises
    ------
    InputError
        No such folder, or no DICOM file in it; an unknown encoding; a database that cannot be
        used or is not the index's own.  After all good files are indexed, one error names the
        bad ones: broken or cut short, without patient, study, series or instance identifier, one
        SOP Instance UID with two contents, a series in two studies, a study of two patients or
        accession numbers, a report that is not in the encoding, of no study or of one that has
        a report.  A report without impression is no error: its text is empty.
    """
    root = Path(root)
    if not root.is_dir():
        raise InputError(
            "there is no such folder",
            where=root,
            remedy="Name the folder that holds the export of the archive.",
        )
    encoding = known_encoding(encoding)
    provenance = "stand-in" if (root / STAND_IN_NOTE).is_file() else "real"
    archive = Archive(root, str(url), provenance)
    with _database_errors(archive), _alone(archive.engine):
        prepare_tables(archive.engine)
        update_index(archive.engine, root, encoding, workers)
    return archive


def read_table(archive: Archive, statement: Executable | str) -> pd.DataFrame:
    """Return what a query on the index selects, one column per selected column.

    Parameters
    ----------
    statement
        A SQLAlchemy ``select`` on :mod:`rin.curation.archive_tables`, or SQL as text.

    Raises
    ------
    InputError
        The database cannot be reached, or refuses the query.
    """
    query = text(statement) if isinstance(statement, str) else statement
    with _database_errors(archive), archive.engine.connect() as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def archive_counts(archive: Archive) -> dict[str, int]:
    """Return the numbers of patients, studies, series, instances and reports."""
    tables = (patients, studies, series, instances, reports)
    counts = [select(func.count()).select_from(table).scalar_subquery() for table in tables]
    (row,) = read_table(archive, select(*counts)).to_numpy().tolist()
    return {table.name: int(count) for table, count in zip(tables, row, strict=True)}


def modality_counts(archive: Archive) -> pd.DataFrame:
    """Count per modality of the series, documents (KO, PR, SR) among them.

    Returns
    -------
    pandas.DataFrame
        One row a modality, sorted: `modality`, `patients`, `studies`, `series`, `instances`.
    """
    query = (
        select(
            series.c.modality,
            func.count(studies.c.patient_id.distinct()).label("patients"),
            func.count(studies.c.study_uid.distinct()).label("studies"),
            func.count(series.c.series_uid.distinct()).label("series"),
            func.count(instances.c.sop_uid).label("instances"),
        )
        .select_from(series)
        .join(studies, studies.c.study_uid == series.c.study_uid)
        .join(instances, instances.c.series_uid == series.c.series_uid)
        .group_by(series.c.modality)
    )
    return read_table(archive, query).sort_values("modality", ignore_index=True)


def archive_remarks(archive: Archive) -> dict[str, int]:
    """Count what a reader of the index should know, none of it an error.

    Returns
    -------
    dict
        "studies without report", "reports without impression", and the files that were passed
        over, by rule: "passed over: DICOMDIR", "passed over: .csv file" and so on.
    """
    lonely = select(func.count()).select_from(studies.outerjoin(reports))
    lonely = lonely.where(reports.c.accession_number.is_(None))
    mute = select(func.count()).select_from(reports).where(reports.c.impression == "")
    counts = read_table(archive, select(lonely.scalar_subquery(), mute.scalar_subquery()))
    (row,) = counts.to_numpy().tolist()
    remarks = dict(zip(("studies without report", "reports without impression"), row, strict=True))
    passed = read_table(archive, select(passed_over)).sort_values("rule")
    for rule, count in zip(passed["rule"], passed["files"], strict=True):
        remarks[f"passed over: {rule}"] = count
    return {name: int(count) for name, count in remarks.items()}


@contextlib.contextmanager
def _database_errors(archive: Archive) -> Iterator[None]:
    """Say of any trouble with the database what it is; never show a password."""
    try:
        yield
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise InputError(
            f"the database refuses ({lines[0]})",
            where=make_url(archive.url).render_as_string(hide_password=True),
            remedy="Check that it can be reached and written, and that nobody else is indexing "
            "into it; what was indexed before is kept.",
        ) from error


def _alone(engine: Engine) -> contextlib.AbstractContextManager:
    """Keep a second indexing into the same SQLite file waiting; servers refuse it themselves."""
    file = engine.url.database if engine.dialect.name == "sqlite" else None
    if not file or file == ":memory:":
        return contextlib.nullcontext()
    if not Path(file).absolute().parent.is_dir():
        raise InputError(
            "there is no folder for this database",
            where=file,
            remedy="Make the folder, or name another place for the index.",
        )
    return FileLock(f"{file}.lock")

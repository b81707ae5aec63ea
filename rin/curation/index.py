"""An archive of studies, as a PACS and an RIS export it, behind a relational index.

The export is a folder of DICOM files, nested and named in any way, with a text report per study
in a folder ``reports``, named by its accession number.  The index holds patients, studies,
series, instances and reports, so that a question such as the paper's "which impressions say
normal?" is a query, in any database that SQLAlchemy reaches.  Only headers are read, and of these
a score of elements; that a file is whole is told without reading its pixels, as its last element
must end within it.  Each chunk of files is one transaction: a killed indexing goes on where it
stood.
"""

import codecs
import contextlib
import copy
import io
import os
import re
import struct
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd
from filelock import FileLock
from pydicom import Dataset, dcmread
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Connection,
    Engine,
    Executable,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    bindparam,
    create_engine,
    delete,
    exists,
    func,
    insert,
    inspect,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError

from rin.data.chunks import map_threads, run_chunks
from rin.data.dicom import BROKEN
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.tree import DEBRIS, DEBRIS_FOLDER, walk
from rin.errors import InputError
from rin.files import sha256_of

VERSION = 1
#: Files of one transaction, and of one round of chunks, which is what memory holds at most.
CHUNK = 512
ROUND = 64 * CHUNK
#: Values of one SQL list; databases allow some thousands.
SLICE = 500
#: Bad files that an error names.
NAMED = 10
#: Series of these modalities hold no picture, or one that does not say what was examined.
DOCUMENTS = ("KO", "PR", "SR", "DOC", "OT")
#: Suffixes of files that say of themselves that they are DICOM, and of files that are passed over.
CLAIMING = frozenset({".dcm", ".dicom"})
PASSED_SUFFIXES = frozenset({".txt", ".csv", ".json"})
NO_DICOM = "no DICOM file"
#: Only headings that divide whole reports end a section: ``LIVER:`` below ``FINDINGS:`` is part
#: of the findings, and ``ADDENDUM:`` part of the impression, so that no abnormal finding is lost.
HEADINGS = (
    *("EXAM", "EXAMINATION", "STUDY", "PROCEDURE", "DATE", "HISTORY", "CLINICAL HISTORY"),
    *("INDICATION", "INDICATIONS", "CLINICAL INDICATION", "REASON FOR EXAM", "TECHNIQUE"),
    *("PROTOCOL", "CONTRAST", "COMPARISON", "COMPARISONS", "FINDINGS", "IMPRESSION"),
)
_HEADING = re.compile(rf"^[ \t]*({'|'.join(HEADINGS)})[ \t]*:", re.MULTILINE)
_PREFIX = b"DICM"
_PIXEL_TAGS = {(0x7FE0, element) for element in (0x0008, 0x0009, 0x0010)}
_LONG_VRS = {b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"UN"}
_UNDEFINED = 0xFFFFFFFF
_ITEM = (0xFFFE, 0xE000)
#: Keyword of each text that the index keeps of a header, by its name in the index.
_TEXTS = {
    "patient_id": "PatientID",
    "study_uid": "StudyInstanceUID",
    "series_uid": "SeriesInstanceUID",
    "sop_uid": "SOPInstanceUID",
    "sop_class": "SOPClassUID",
    "accession_number": "AccessionNumber",
    "study_date": "StudyDate",
    "study_description": "StudyDescription",
    "modality": "Modality",
    "series_description": "SeriesDescription",
    "body_part": "BodyPartExamined",
    "image_type": "ImageType",
    "photometric": "PhotometricInterpretation",
    "burned_in": "BurnedInAnnotation",
}
_REQUIRED = [*_TEXTS.values()][:5]
_TAGS = (
    *("SpecificCharacterSet", *_TEXTS.values()),
    *("InstanceNumber", "Rows", "Columns", "NumberOfFrames"),
)

METADATA = MetaData()
_text = partial(Column, type_=String, nullable=False)

patients = Table("patients", METADATA, Column("patient_id", String, primary_key=True))

#: `modality` and `body_part` are those of the study's images, joined by a backslash if several.
studies = Table(
    "studies",
    METADATA,
    Column("study_uid", String, primary_key=True),
    Column("patient_id", ForeignKey("patients.patient_id"), nullable=False, index=True),
    _text("accession_number", index=True),
    *map(_text, ("study_date", "modality", "body_part", "description")),
)

series = Table(
    "series",
    METADATA,
    Column("series_uid", String, primary_key=True),
    Column("study_uid", ForeignKey("studies.study_uid"), nullable=False, index=True),
    *map(_text, ("modality", "description", "body_part")),
)

#: `rows`, `columns` and `frames` are 0 where there is no picture (documents).
instances = Table(
    "instances",
    METADATA,
    Column("sop_uid", String, primary_key=True),
    Column("series_uid", ForeignKey("series.series_uid"), nullable=False, index=True),
    *map(_text, ("sop_class", "image_type")),
    Column("instance_number", Integer),
    *(Column(name, Integer, nullable=False) for name in ("rows", "columns", "frames")),
    *map(_text, ("photometric", "burned_in")),
    _text("path", index=True),
    *(Column(name, BigInteger, nullable=False) for name in ("bytes", "modified_ns")),
)

reports = Table(
    "reports",
    METADATA,
    Column("accession_number", String, primary_key=True),
    Column("study_uid", ForeignKey("studies.study_uid"), nullable=False, index=True),
    *map(_text, ("findings", "impression", "path")),
)

#: Every file that was read: an instance (or a copy of one) has a SOP UID, a report has none.
files = Table(
    "files",
    METADATA,
    Column("path", String, primary_key=True),
    *(Column(name, BigInteger, nullable=False) for name in ("bytes", "modified_ns")),
    _text("sop_uid", index=True),
    _text("encoding"),
)

#: How many files were passed over, by the rule that says so.
passed_over = Table(
    "passed_over",
    METADATA,
    Column("rule", String, primary_key=True),
    Column("files", Integer, nullable=False),
)

_index = Table(
    "archive_index", METADATA, Column("version", Integer, primary_key=True, autoincrement=False)
)
Rows = dict[str, dict[str, Any]]


class Problem(NamedTuple):
    """A file that cannot go into the index, and why."""

    path: str
    problem: str


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
        """The connections to the index."""
        try:
            return create_engine(self.url)
        except (ArgumentError, InvalidRequestError, ImportError) as error:
            raise InputError(
                f"the database cannot be used ({error})",
                where="database URL",
                remedy="Write it as sqlite:///file.sqlite or postgresql+psycopg://user@host/name, "
                "and install the driver that it names.",
            ) from error


def open_archive(
    root: Path, url: str, *, encoding: str = "utf-8", workers: int | None = None
) -> Archive:
    """Index an export, as far as it is not indexed yet, and open it.

    A file of which path, size and time of change are known is not read again; rows of files
    that are gone go.  Passed over by rule, and counted, are ``DICOMDIR``, ``.txt`` outside the
    reports, ``.csv``, ``.json`` and whatever neither is named ``.dcm`` nor has the DICM prefix.

    Parameters
    ----------
    url
        Database of the index, its own: ``sqlite:///index.sqlite``, or another that SQLAlchemy
        reaches, such as ``postgresql+psycopg://user@host/name``.
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
    encoding = _known_encoding(encoding)
    provenance = "stand-in" if (root / STAND_IN_NOTE).is_file() else "real"
    archive = Archive(root, str(url), provenance)
    with _database_errors(archive), _alone(archive.engine):
        _prepare_tables(archive.engine)
        _update(archive.engine, root, encoding, workers)
    return archive


def read_table(archive: Archive, statement: Executable | str) -> pd.DataFrame:
    """Return what a query on the index selects: a SQLAlchemy ``select``, or SQL as text.

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


def in_slices(values: Iterable[str]) -> Iterator[list[str]]:
    """Yield sorted distinct values in lists that are short enough for one statement."""
    ordered = sorted(set(values))
    for start in range(0, len(ordered), SLICE):
        yield ordered[start : start + SLICE]


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


def _prepare_tables(engine: Engine) -> None:
    """Make the tables where they are missing; refuse to write into tables of somebody else."""
    where = engine.url.render_as_string(hide_password=True)
    present = set(inspect(engine).get_table_names())
    foreign = sorted(present & set(METADATA.tables))
    if foreign and _index.name not in present:
        raise InputError(
            f"the database already holds tables named {', '.join(foreign)}, not of this index",
            where=where,
            remedy="Name a database of its own for the index; it is made from the files alone.",
        )
    # The mark comes first: were it last, tables left by a killed run would look foreign.
    _index.create(engine, checkfirst=True)
    with engine.begin() as connection:
        versions = connection.execute(select(_index.c.version)).scalars().all()
        if not versions:
            connection.execute(insert(_index).values(version=VERSION))
    if versions and versions != [VERSION]:
        raise InputError(
            f"the index is of version {versions[0]}, where {VERSION} is expected",
            where=where,
            remedy="Delete it or name another database; it is made anew from the files.",
        )
    METADATA.create_all(engine)


def _update(engine: Engine, root: Path, encoding: str, workers: int | None) -> None:
    """Make the index say what lies in the folder now; one error names all bad files."""
    _refuse_empty(root)
    _forget_changed(engine, root, encoding)
    problems, texts = _index_dicom(engine, root, workers)
    _settle_studies(engine)
    problems += _index_reports(engine, root, texts, encoding, workers)
    if not problems:
        return
    named = [f"{path}: {problem}" for path, problem in sorted(problems)[:NAMED]]
    more = f"; and {len(problems) - NAMED} more" if len(problems) > NAMED else ""
    raise InputError(
        f"{len(problems)} files cannot be indexed: {'; '.join(named)}{more}",
        where=root,
        remedy="Export or correct these files again, or move them out of the archive. All others "
        "are in the index, and only these are read again.",
    )


def _refuse_empty(root: Path) -> None:
    """Refuse a folder without DICOM: a drive that is not mounted must not empty the index."""
    for name in walk(root, links=True):
        if not _passing_rule(name) and read_headers(root, (name,), 1) != [None]:
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
                if _mark_of(root, row.path) != (row.bytes, row.modified_ns)
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
            elif _is_report(name):
                texts.append(name)
            elif rule := _passing_rule(name):
                passed[rule] += 1
            else:
                wanted.append(name)
        chunks = list(_batches(_unread(engine, wanted), CHUNK))
        read = partial(read_headers, root)
        for found in run_chunks(read, chunks, workers=workers, title="Indexing files"):
            passed[NO_DICOM] += found.count(None)
            problems += _store(engine, partial(store_headers, root=root), found)
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
    chunks = list(_batches(_unread(engine, texts), CHUNK))
    read = partial(_read_reports, root, encoding)
    for found in run_chunks(read, chunks, workers=workers, title="Indexing reports"):
        problems += _store(engine, _store_reports, found)
    return problems


def _store(
    engine: Engine,
    store: Callable[[Connection, list[dict]], list[Problem]],
    found: list[dict | Problem | None],
) -> list[Problem]:
    """Write what was found in one transaction; return all problems."""
    with engine.begin() as connection:
        refused = store(connection, [each for each in found if isinstance(each, dict)])
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
            rows = connection.execute(page.order_by(studies.c.study_uid).limit(SLICE)).all()
            if not rows:
                return
            uids = [row.study_uid for row in rows]
            pictures = select(series).where(
                series.c.study_uid.in_(uids), series.c.modality.not_in(DOCUMENTS)
            )
            seen: dict[str, tuple[set[str], set[str]]] = {uid: (set(), set()) for uid in uids}
            for row in connection.execute(pictures):
                seen[row.study_uid][0].add(row.modality)
                seen[row.study_uid][1].add(row.body_part)
            for row in rows:
                modality, body_part = ("\\".join(sorted(v - {""})) for v in seen[row.study_uid])
                if (row.modality, row.body_part) != (modality, body_part):
                    own = update(studies).where(studies.c.study_uid == row.study_uid)
                    connection.execute(own.values(modality=modality, body_part=body_part))
            last = uids[-1]


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


def _is_report(path: str) -> bool:
    """Tell whether a file is a report text: ``.txt`` anywhere below a folder ``reports``."""
    pure = PurePosixPath(path)
    folders = [part.casefold() for part in pure.parent.parts]
    return pure.suffix.lower() == ".txt" and "reports" in folders and not _debris(pure)


def _passing_rule(path: str) -> str:
    """Return the rule by which a file is passed over for its name; empty where it is none."""
    pure = PurePosixPath(path)
    if pure.name.upper() == "DICOMDIR":
        return "DICOMDIR"
    if _debris(pure):
        return "desktop file"
    suffix = pure.suffix.lower()
    return f"{suffix} file" if suffix in PASSED_SUFFIXES else ""


def _debris(pure: PurePosixPath) -> bool:
    return pure.name in DEBRIS or pure.name.startswith("._") or DEBRIS_FOLDER in pure.parts


def _mark_of(root: Path, path: str) -> tuple[int, int] | None:
    """Return size and time of change (ns) of a file; None where there is none."""
    try:
        stat = (root / path).stat()
    except OSError:
        return None
    return stat.st_size, stat.st_mtime_ns


def read_headers(root: Path, paths: tuple[str, ...], threads: int) -> list[dict | Problem | None]:
    """Read the headers of some files, in their order.

    Returns
    -------
    list
        For each file what the index keeps of it, texts empty where an element is missing; a
        `Problem` where it says that it is DICOM (by its suffix or the DICM prefix) but is broken,
        cut short or without one of the identifiers; None where it is no DICOM file.
    """
    return list(map_threads(partial(_read_header, root), paths, threads))


def _read_header(root: Path, path: str) -> dict | Problem | None:
    try:
        with _Opened(io.FileIO(root / path)) as opened:
            stat = os.fstat(opened.fileno())
            claims = PurePosixPath(path).suffix.lower() in CLAIMING
            if not claims and opened.read(132)[128:] != _PREFIX:
                return None
            opened.seek(0)
            return _row(_whole_header(opened, stat.st_size), path, stat)
    except BROKEN as error:
        problem = " ".join(str(error).split()) or type(error).__name__
        return Problem(path, problem[:300])


class _Opened(io.BufferedReader):
    """A file that remembers whether the head of an element was cut: pydicom stops there mutely."""

    cut = False

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.cut = self.cut or (size == 8 and 0 < len(content) < 8)
        return content


def _whole_header(opened: _Opened, size: int) -> Dataset:
    """Return the header of a file, or raise where the file is shorter than it says."""
    dataset = dcmread(opened, stop_before_pixels=True, specific_tags=list(_TAGS))
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # What is cut short cannot be inflated.
        return dataset
    raws = (element for element in dataset.values() if isinstance(element, RawDataElement))
    short = [raw.tag for raw in raws if len(raw.value or b"") != raw.length]
    if opened.tell() > size or opened.cut or short:
        raise ValueError("the file is cut short within its header")
    order = "<" if dataset.original_encoding[1] else ">"
    # A file that ends before its Rows is known for a picture by its class.
    picture = "Rows" in dataset or "Image Storage" in UID(dataset.get("SOPClassUID", "")).name
    if not _pixels_are_whole(opened, size, order, picture=picture):
        raise ValueError("the file is cut short: it ends before its pixels do")
    return dataset


def _pixels_are_whole(file: _Opened, size: int, order: str, *, picture: bool) -> bool:
    """Tell whether the pixels, at whose head a file stands, end within it."""
    head = file.read(8)
    if len(head) < 8 or struct.unpack(f"{order}HH", head[:4]) not in _PIXEL_TAGS:
        return not picture
    if head[4:6] in _LONG_VRS:
        head += file.read(4)
    (length,) = struct.unpack(f"{order}L", head[-4:])
    if length != _UNDEFINED:
        return file.tell() + length <= size
    # Compressed: items follow one another until a delimiter.
    while len(item := file.read(8)) == 8:
        group, element, length = struct.unpack(f"{order}HHL", item)
        if (group, element) != _ITEM:
            return True
        file.seek(length, os.SEEK_CUR)
    return False


def _row(dataset: Dataset, path: str, stat: os.stat_result) -> dict[str, Any]:
    texts = {name: _element(dataset, keyword) for name, keyword in _TEXTS.items()}
    missing = [
        keyword for name, keyword in _TEXTS.items() if keyword in _REQUIRED if not texts[name]
    ]
    if missing:
        raise ValueError(f"no {', '.join(missing)} in its header")
    rows = _number(dataset, "Rows") or 0
    return texts | {
        "instance_number": _number(dataset, "InstanceNumber"),
        "rows": rows,
        "columns": _number(dataset, "Columns") or 0,
        "frames": (_number(dataset, "NumberOfFrames") or 1) if rows else 0,
        "path": path,
        "bytes": stat.st_size,
        "modified_ns": stat.st_mtime_ns,
    }


def _element(dataset: Dataset, name: str) -> str:
    """Return an element as text, several values joined by a backslash; empty where missing."""
    value = dataset.get(name)
    several = isinstance(value, MultiValue)
    content = "\\".join(map(str, value)) if several else str("" if value is None else value)
    if "\0" in content:
        raise ValueError(f"{name} {content!r} holds a NUL character")
    return content.strip()


def _number(dataset: Dataset, name: str) -> int | None:
    value = dataset.get(name)
    return None if value in (None, "") else int(value)


def _known_encoding(name: str) -> str:
    """Return the one name of an encoding that has several; raises InputError if unknown."""
    try:
        # Some codecs are known but make no text.
        b"a".decode(name, "replace")
        return codecs.lookup(name).name
    except LookupError:
        raise InputError(
            f"unknown encoding {name!r}",
            where="encoding",
            remedy='Name one that Python knows, such as "utf-8", "latin-1" or "cp1252".',
        ) from None


def _read_reports(
    root: Path, encoding: str, paths: tuple[str, ...], threads: int
) -> list[dict | Problem]:
    """Read some report files, in their order; what cannot be decoded is a `Problem`."""
    return list(map_threads(partial(_read_report, root, encoding), paths, threads))


def _read_report(root: Path, encoding: str, path: str) -> dict | Problem:
    try:
        stat = (root / path).stat()
        content = (root / path).read_bytes().decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        value, offset = error.object[error.start], error.start
        problem = f"byte 0x{value:02x} at offset {offset} is not {encoding}"
        return Problem(path, f"{problem} (name the encoding, for instance encoding='latin-1')")
    except OSError as error:
        return Problem(path, f"cannot be read ({error.strerror})")
    if "\0" in content:
        return Problem(path, f"a NUL character at {content.index(chr(0))}: this is no text")
    findings, impression = parse_report(content)
    return {
        "accession_number": PurePosixPath(path).stem.strip(),
        "findings": findings,
        "impression": impression,
        "path": path,
        "bytes": stat.st_size,
        "modified_ns": stat.st_mtime_ns,
        "encoding": encoding,
    }


def parse_report(content: str) -> tuple[str, str]:
    """Return findings and impression of a report, empty where there is no such section.

    A heading in capitals and a colon at the start of a line begins a section.  A heading that
    occurs twice has its texts joined; what stands before the first belongs to no section.
    """
    pieces = _HEADING.split(re.sub(r"\r\n?", "\n", content))
    sections: dict[str, list[str]] = {}
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        sections.setdefault(heading, []).append(body.strip())
    findings, impression = ("\n".join(sections.get(h, [])) for h in ("FINDINGS", "IMPRESSION"))
    return findings.strip(), impression.strip()


def store_headers(connection: Connection, headers: list[dict], root: Path) -> list[Problem]:
    """Write the rows of some DICOM files, and return those that contradict others.

    A file contradicts where its series belongs to another study, its study to another patient or
    accession number, or its SOP Instance UID to a file with other content.  A copy, byte for
    byte, is no contradiction: the path that sorts first stands in the index.  Texts in which the
    files of one study or series differ harmlessly become the one that sorts first.
    """
    levels: dict[Table, Rows] = {
        table: _stored(connection, table, (header[key] for header in headers))
        for table in (patients, studies, series, instances)
        for key in [table.primary_key.columns[0].name]
    }
    before = copy.deepcopy(list(levels.values()))
    problems, read = [], []
    for header in sorted(headers, key=lambda each: each["path"]):
        if problem := _contradiction(levels, root, header):
            problems.append(Problem(header["path"], problem))
        else:
            _add(levels, header)
            read.append(_file(header | {"encoding": ""}))
    for (table, rows), known in zip(levels.items(), before, strict=True):
        _write(connection, table, known, rows)
    if read:
        connection.execute(insert(files), read)
    return problems


def _store_reports(connection: Connection, found: list[dict]) -> list[Problem]:
    """Write the rows of some reports, and return those that belong to no one study alone."""
    numbers = {report["accession_number"] for report in found} - {""}
    owners: dict[str, list[str]] = {}
    for some in in_slices(numbers):
        query = select(studies.c.accession_number, studies.c.study_uid)
        query = query.where(studies.c.accession_number.in_(some)).order_by(studies.c.study_uid)
        for number, study_uid in connection.execute(query):
            owners.setdefault(number, []).append(study_uid)
    known = _stored(connection, reports, numbers)
    before, problems, read = dict(known), [], []
    for report in sorted(found, key=lambda each: each["path"]):
        path, number = report["path"], report["accession_number"]
        own = owners.get(number, [])
        if len(own) != 1:
            several = f"{len(own)} studies ({', '.join(own)})" if own else "no study"
            problem = f"the accession number {number!r} of this report belongs to {several}"
            problems.append(Problem(path, problem))
        elif number in known:
            problem = f"a second report of study {own[0]}, beside {known[number]['path']}"
            problems.append(Problem(path, problem))
        else:
            report |= {"study_uid": own[0], "sop_uid": ""}
            known[number] = {name: report[name] for name in _names(reports)}
            read.append(_file(report))
    _write(connection, reports, before, known)
    if read:
        connection.execute(insert(files), read)
    return problems


def _names(table: Table) -> list[str]:
    return [column.name for column in table.columns]


def _file(found: dict[str, Any]) -> dict[str, Any]:
    return {name: found[name] for name in _names(files)}


def _contradiction(levels: Mapping[Table, Rows], root: Path, header: dict[str, Any]) -> str:
    study = levels[studies].get(header["study_uid"])
    where = f"study {header['study_uid']}"
    if study and study["patient_id"] != header["patient_id"]:
        mine, other = header["patient_id"], study["patient_id"]
        return f"{where} is of patient {mine!r} here, of {other!r} in other files"
    mine, other = header["accession_number"], (study or {}).get("accession_number")
    if mine and other and mine != other:
        return f"{where} has accession number {mine!r} here, {other!r} in other files"
    group = levels[series].get(header["series_uid"])
    if group and group["study_uid"] != header["study_uid"]:
        return (
            f"series {header['series_uid']} belongs to {where} here, "
            f"to {group['study_uid']} in other files"
        )
    other = levels[instances].get(header["sop_uid"])
    if other and sha256_of(root / header["path"]) != sha256_of(root / other["path"]):
        uid = header["sop_uid"]
        return f"SOP Instance UID {uid} is also that of {other['path']}, which differs"
    return ""


def _add(levels: Mapping[Table, Rows], header: dict[str, Any]) -> None:
    """Put a file's values into the rows of all levels."""
    owner = {name: header[name] for name in ("patient_id", "study_uid", "series_uid")}
    levels[patients].setdefault(owner["patient_id"], {"patient_id": owner["patient_id"]})
    told = {
        studies: {
            "accession_number": header["accession_number"],
            "study_date": header["study_date"],
            "description": header["study_description"],
        },
        series: {
            "modality": header["modality"],
            "description": header["series_description"],
            "body_part": header["body_part"],
        },
    }
    for table, values in told.items():
        empty = {name: owner.get(name, "") for name in _names(table)}
        row = levels[table].setdefault(header[table.primary_key.columns[0].name], empty)
        for name, value in values.items():
            # The value that sorts first, so that the order of reading does not matter.
            row[name] = min(filter(None, (row[name], value)), default="")
    other = levels[instances].get(header["sop_uid"])
    if other is None or header["path"] < other["path"]:
        row = {name: header[name] for name in _names(instances)}
        levels[instances][header["sop_uid"]] = row


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

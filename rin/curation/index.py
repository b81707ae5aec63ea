"""An archive of studies, as a PACS and an RIS export it, behind a relational index.

The export is a folder of DICOM files, nested and named in any way, with a text report per study
in a folder ``reports``, named by its accession number.  Only headers are read; whether a file is
whole is found out without reading its pixels.

The table `files` holds what each file says.  Each chunk of it is one transaction, so a killed
indexing goes on where it stood; the other tables are made from it, when it has changed.

The rules of ``exclusions.yaml`` say which files of a study are no diagnostic images.
"""

import codecs
import contextlib
import io
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa
from filelock import FileLock
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.filereader import read_partial
from pydicom.multival import MultiValue
from pydicom.tag import Tag
from pydicom.uid import UID, DeflatedExplicitVRLittleEndian
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError

from rin.data.chunks import map_chunks
from rin.data.dicom import BROKEN
from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.tree import is_debris, walk
from rin.errors import FileError, InputError, explained, named, unquoted
from rin.files import read_yaml, sha256_of, write_atomically

VERSION = 4
#: Files of one transaction.
CHUNK = 512
#: How a person finds the file that a number stands for.
COUNTED = "Files count from 1, as find . ! -type d | LC_ALL=C sort lists the archive's folder."
_FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
_TEXTS: dict[str, str] = _FACTS["texts"]
_TAGS = [Tag(name) for name in (*_TEXTS.values(), *_FACTS["numbers"])]
_UNDECODED = re.compile("[\ud800-\udfff]")
_HEADING = re.compile(rf"^[ \t]*({'|'.join(_FACTS['headings'])})[ \t]*:", re.MULTILINE)
_PIXELS = {Tag(0x7FE0, element) for element in (0x0008, 0x0009, 0x0010)}
_UNDEFINED, _ITEM = 0xFFFFFFFF, b"\xfe\xff\x00\xe0"
_RULES = read_yaml(Path(__file__).with_name("exclusions.yaml"))
#: Name of each rule, by which a file is no diagnostic image, to its reason.
RULES: dict[str, str] = {name: rule["reason"] for name, rule in _RULES.items()}
SECONDARY_CAPTURES = frozenset(_RULES["secondary capture"]["where"]["sop_class"]["is"])
_TESTS = {
    "is": lambda column, known: column.isin(known),
    "is not": lambda column, known: ~column.isin(known),
    "says": lambda column, words: column.str.contains(re.compile(words, re.IGNORECASE)),
    "below": lambda column, limit: column < limit,
    "above": lambda column, limit: column > limit,
}

METADATA = sa.MetaData()
_PICTURE = ("instance_number", "rows", "columns", "frames")
#: By these a change of a file is seen.
_MARK = ("path", "bytes", "modified_ns")
_NUMBERS = dict.fromkeys(_PICTURE, sa.Integer) | dict.fromkeys(_MARK[1:], sa.BigInteger)


def _table(name: str, key: str, owner: sa.Table | None, *columns: str) -> sa.Table:
    """Return a table of texts and numbers, each row of which belongs to one of its owner."""
    first = [sa.Column(key, sa.String, primary_key=True)]
    if owner is not None:
        (above,) = owner.primary_key
        first.append(sa.Column(above.name, sa.ForeignKey(above), nullable=False, index=True))
    return sa.Table(name, METADATA, *first, *map(_column, columns))


def _column(name: str) -> sa.Column:
    if name in _NUMBERS:
        return sa.Column(name, _NUMBERS[name], nullable=False, default=0)
    return sa.Column(name, sa.String, nullable=False, default="", index=name.endswith("_uid"))


patients = _table("patients", "patient_id", None)
#: `modality` and `body_part` are those of the study's images, joined by a backslash if several.
studies = _table(
    "studies",
    "study_uid",
    patients,
    "accession_number",
    "study_date",
    "modality",
    "body_part",
    "description",
)
sa.Index("ix_studies_accession_number", studies.c.accession_number)
series = _table("series", "series_uid", studies, "modality", "description", "body_part")
#: `rows`, `columns` and `frames` are 0 where there is no picture (documents).
instances = _table(
    "instances",
    "sop_uid",
    series,
    "sop_class",
    "image_type",
    *_PICTURE,
    "photometric",
    "burned_in",
    *_MARK,
)
reports = _table("reports", "accession_number", studies, "findings", "impression", "path")
#: What every file says: an instance (or a copy of one) has a SOP UID, a report has none.
files = _table(
    "files", "path", None, *_MARK[1:], *_TEXTS, *_PICTURE, "encoding", "findings", "impression"
)
_index = sa.Table(
    "archive_index",
    METADATA,
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("settled", sa.Integer, nullable=False, default=0),
)


class Problem(NamedTuple):
    """A file of an archive that cannot be used, why, and the file that it contradicts, if any."""

    path: str
    problem: str
    beside: str = ""


class Reading(NamedTuple):
    """What came of one file: a row of the index, or a problem; neither of one passed over."""

    row: dict | None = None
    problem: Problem | None = None


class Archive(NamedTuple):
    """An indexed archive: paths are relative to `root`, `provenance` is "real" or "stand-in"."""

    root: Path
    engine: sa.Engine
    provenance: str


def open_archive(
    root: Path, url: str, *, encoding: str = "utf-8", workers: int | None = None
) -> Archive:
    """Index an export, as far as it is not indexed yet, and open it.

    A file of which path, size and time of change are known is not read again; rows of files
    that are gone go.  Passed over are ``DICOMDIR``, ``.txt`` outside the reports, ``.csv``,
    ``.json`` and whatever neither is named ``.dcm`` nor has the DICM prefix.  `url` is that of the
    index's own database (SQLAlchemy), `encoding` that of the reports.

    InputError says that there is no DICOM file, or that encoding or database cannot be used.
    After all good files are indexed, one error lists the bad ones: broken or cut short, without an
    identifier, in contradiction to others, or a report that is not in the encoding, of no study
    or of one that has a report.
    """
    root = Path(root)
    if not root.is_dir():
        remedy = "Name the folder that holds the export of the archive."
        raise InputError("there is no such folder", where=root, remedy=remedy)
    problem = f"unknown encoding {encoding!r}"
    remedy = 'Name one that Python knows, such as "utf-8", "latin-1" or "cp1252".'
    with explained(problem, where="encoding", remedy=remedy, kinds=LookupError):
        # Some codecs are known but make no text, and some have several names.
        b"a".decode(encoding, "replace")
        encoding = codecs.lookup(encoding).name
    with explained(
        "the database cannot be used",
        where="database URL",
        remedy="Write it as sqlite:///file.sqlite or postgresql+psycopg://user@host/name, "
        "and install the driver that it names.",
        kinds=(ArgumentError, InvalidRequestError, ImportError),
    ):
        engine = sa.create_engine(str(url))
    with _database_errors(engine), _sealed_database(engine):
        _prepare_tables(engine)
        _update(engine, root, encoding, workers)
    return Archive(root, engine, "stand-in" if (root / STAND_IN_NOTE).is_file() else "real")


def read_table(archive: Archive, statement: sa.Executable | str) -> pd.DataFrame:
    """Return what a query on the index selects: a SQLAlchemy ``select``, or SQL as text."""
    query = sa.text(statement) if isinstance(statement, str) else statement
    with _database_errors(archive.engine), archive.engine.connect() as connection:
        result = connection.execute(query)
        return pd.DataFrame(result.all(), columns=list(result.keys()))


def archive_counts(archive: Archive) -> dict[str, int]:
    """Return the numbers of patients, studies, series, instances and reports."""
    tables = (patients, studies, series, instances, reports)
    count = sa.select(sa.func.count())
    return {t.name: int(read_table(archive, count.select_from(t)).iat[0, 0]) for t in tables}


def archive_files(archive: Archive) -> pd.DataFrame:
    """Return all files by SOP UID, with what the choice of images looks at, as `rule_of` says."""
    query = sa.select(
        *instances.c,
        studies.c.patient_id,
        studies.c.study_uid,
        series.c.modality,
        studies.c.description.label("study_description"),
        studies.c.body_part.label("study_body_part"),
        series.c.description.label("series_description"),
        series.c.body_part.label("series_body_part"),
    )
    query = query.join_from(instances, series).join(studies)
    # Databases sort text each in their own way.
    files = read_table(archive, query).sort_values("sop_uid", ignore_index=True)
    return files.assign(rule=rule_of(files))


def rule_of(files: pd.DataFrame) -> pd.Series:
    """Return the first rule that hits each file, else an empty text."""
    rules = pd.Series("", index=files.index, dtype=object)
    for name, rule in reversed(_RULES.items()):
        for column, tests in rule["where"].items():
            for test, value in tests.items():
                rules = rules.mask(_TESTS[test](files[column], value).astype(bool), name)
    return rules


@contextlib.contextmanager
def _database_errors(engine: sa.Engine) -> Iterator[None]:
    """Say of any trouble with the database what it is; never show a password."""
    try:
        yield
    except DBAPIError as error:
        lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
        raise InputError(
            f"the database refuses ({lines[0]})",
            where=engine.url.render_as_string(hide_password=True),
            remedy="Check that it can be reached and written, and that nobody else is indexing "
            "into it; what was indexed before is kept.",
        ) from error


@contextlib.contextmanager
def _sealed_database(engine: sa.Engine) -> Iterator[None]:
    """Keep a second indexing into the same SQLite file waiting; servers refuse it themselves.

    Beside a finished file stands its SHA-256: one that is not as it was left is begun anew.
    """
    name = engine.url.database
    if engine.dialect.name != "sqlite" or name in (None, ":memory:"):
        yield
        return
    file, seal = Path(name), Path(f"{name}.sha256")
    if not file.absolute().parent.is_dir():
        remedy = "Make the folder, or name another place for the index."
        raise InputError("there is no folder for this database", where=file, remedy=remedy)
    with FileLock(f"{file}.lock"):
        if seal.is_file():
            if file.is_file() and sha256_of(file) != seal.read_text("utf-8", "replace"):
                file.replace(f"{file}.damaged")
            seal.unlink()
        yield
        with write_atomically(seal) as draft:
            draft.write_text(sha256_of(file))


def _prepare_tables(engine: sa.Engine) -> None:
    """Make the tables where they are missing; refuse to write into tables of somebody else."""
    present = set(sa.inspect(engine).get_table_names())
    foreign = sorted(present & set(METADATA.tables))
    if foreign and _index.name not in present:
        raise InputError(
            f"the database already holds tables named {', '.join(foreign)}, not of this index",
            where=engine.url.render_as_string(hide_password=True),
            remedy="Name a database of its own for the index; it is made from the files alone.",
        )
    versions = []
    if _index.name in present:
        with engine.connect() as connection:
            versions = connection.execute(sa.select(_index.c.version)).scalars().all()
    if versions != [VERSION]:
        # Another version's tables hold nothing that the files do not.
        METADATA.drop_all(engine)
        # The mark comes first: were it last, tables left by a killed run would look foreign.
        _index.create(engine)
        METADATA.create_all(engine)
        with engine.begin() as connection:
            connection.execute(sa.insert(_index).values(version=VERSION))


def _update(engine: sa.Engine, root: Path, encoding: str, workers: int | None) -> None:
    """Make the index say what lies in the folder now; one error lists all bad files."""
    _refuse_empty(root)
    query = sa.select(*(files.c[name] for name in _MARK), files.c.encoding)
    with engine.begin() as connection:
        rows = connection.execute(query).all()
        # What files said that are gone, changed or decoded otherwise goes.
        same = (row for row in rows if row.encoding in ("", encoding))
        known = {row.path for row in same if _mark_of(root, row.path) == row[:3]}
        _forget(connection, {row.path for row in rows} - known)
    names = sorted(name for name in walk(root, links=True) if name not in known)
    problems, read = [], partial(_read_file, root, encoding)
    for readings in map_chunks(read, names, CHUNK, workers=workers, title="Indexing files"):
        problems += [reading.problem for reading in readings if reading.problem]
        with engine.begin() as connection:
            store_files(connection, [reading.row for reading in readings if reading.row])
    with engine.begin() as connection:
        problems += _derive_tables(connection, root)
    refuse_files(
        root,
        problems,
        f"{len(problems)} files cannot be indexed",
        "Export or correct these files again, or move them out of the archive. All others are in "
        "the index, and only these are read again.",
    )


def refuse_files(root: Path, problems: Sequence[Problem], what: str, remedy: str) -> None:
    """Raise InputError where files of an archive have problems, the first ten of them listed.

    A file is known by its place in the archive: names of files and folders may name patients.
    """
    if problems:
        place = {path: n for n, path in enumerate(sorted(walk(root, links=True)), start=1)}
        listed = []
        for path, problem, beside in sorted(problems):
            other = f" (file {place.get(beside, 'gone')})" if beside else ""
            listed.append(f"file {place.get(path, 'gone')}: {problem}{other}")
        remedy = f"{remedy} {COUNTED}"
        raise InputError(f"{what}: {named(listed)}", where=root, remedy=remedy)


def _read_file(root: Path, encoding: str, path: str) -> Reading:
    """Read one file of an archive for the index."""
    if _UNDECODED.search(path):
        return Reading(problem=Problem(path, "the file's name is not valid UTF-8"))
    if _is_passed_over(path):
        return Reading()
    try:
        row = read_report(root, encoding, path) if _is_report(path) else read_header(root, path)
    except BROKEN as error:
        return Reading(problem=Problem(path, unquoted(error)))
    mark = dict(zip(_MARK, _mark_of(root, path), strict=True))
    return Reading(row | mark if row else None)


def _refuse_empty(root: Path) -> None:
    """Refuse a folder without DICOM: a drive that is not mounted must not empty the index."""
    for path in walk(root, links=True):
        if not _is_report(path) and _read_file(root, "utf-8", path) != Reading():
            return
    remedy = "Name the folder of an export, with files that end in .dcm or hold the DICM prefix."
    raise InputError("no DICOM file lies in this folder", where=root, remedy=remedy)


def _forget(connection: sa.Connection, paths: Iterable[str]) -> None:
    if gone := [{"gone": path} for path in sorted(paths)]:
        connection.execute(sa.delete(files).where(files.c.path == sa.bindparam("gone")), gone)
        connection.execute(sa.update(_index).values(settled=0))


def store_files(connection: sa.Connection, rows: list[dict]) -> None:
    """Write what some files say: of an image other things than of a report."""
    default = {column.name: column.default and column.default.arg for column in files.columns}
    if rows:
        connection.execute(sa.insert(files), [default | row for row in rows])
    connection.execute(sa.update(_index).values(settled=0))


def _derive_tables(connection: sa.Connection, root: Path) -> list[Problem]:
    """Make the tables of all levels anew where files have changed; return contradictions.

    Of equal copies of a file, the path that sorts first stands in the index, and so does the text
    that sorts first where files of a study or series differ harmlessly.
    """
    if connection.execute(sa.select(_index.c.settled)).scalar():
        return []
    for table in (reports, instances, series, studies, patients):
        connection.execute(sa.delete(table))
    images = files.c.sop_uid != ""
    names = ("path", "sop_uid", "series_uid", "study_uid", "patient_id", "accession_number")
    query = sa.select(*(files.c[name] for name in names)).where(images)
    # Databases sort text each in their own way.
    said = pd.DataFrame(connection.execute(query).all(), columns=names).sort_values("path")
    problems = _contradictions(said, root)
    _forget(connection, problems)
    for table, level in ((patients, "patient"), (studies, "study"), (series, "series")):
        (key,) = (column.name for column in table.primary_key)
        others = [column.name for column in table.columns if column.name != key]
        columns = [files.c.get(name, files.c.get(f"{level}_{name}")) for name in others]
        first = [
            sa.func.coalesce(sa.func.min(sa.func.nullif(column, "")), "") for column in columns
        ]
        rows = sa.select(files.c[key], *first).where(images).group_by(files.c[key])
        connection.execute(sa.insert(table).from_select([key, *others], rows))
    paths = sa.select(sa.func.min(files.c.path)).where(images).group_by(files.c.sop_uid)
    columns = instances.columns.keys()
    rows = sa.select(*(files.c[name] for name in columns)).where(files.c.path.in_(paths))
    connection.execute(sa.insert(instances).from_select(columns, rows))
    # A study has the modalities and body parts of its series that hold pictures.
    query = sa.select(series.c.study_uid, series.c.modality, series.c.body_part)
    shown = pd.DataFrame(connection.execute(query).all(), columns=["uid", "modalities", "parts"])
    shown.loc[shown["modalities"].isin(_FACTS["documents"]), ["modalities", "parts"]] = ""
    by_study = shown.groupby("uid", as_index=False)
    joined = by_study.agg(lambda texts: "\\".join(sorted({*texts} - {""})))
    if len(joined):
        update = sa.update(studies).where(studies.c.study_uid == sa.bindparam("uid"))
        update = update.values(
            modality=sa.bindparam("modalities"), body_part=sa.bindparam("parts")
        )
        connection.execute(update, joined.to_dict("records"))
    unowned = _unowned_reports(connection)
    _forget(connection, unowned)
    said = (files.c.accession_number, files.c.findings, files.c.impression, files.c.path)
    rows = sa.select(studies.c.study_uid, *said).where(files.c.sop_uid == "")
    rows = rows.join_from(files, studies, studies.c.accession_number == files.c.accession_number)
    columns = ["study_uid", *(column.name for column in said)]
    connection.execute(sa.insert(reports).from_select(columns, rows))
    connection.execute(sa.update(_index).values(settled=1))
    return [*problems.values(), *unowned.values()]


def _contradictions(stated: pd.DataFrame, root: Path) -> dict[str, Problem]:
    """Return the files that contradict the first of their study, series or copies, by path."""
    problems = {}
    repeated = stated[stated.duplicated("sop_uid", keep=False)]
    for _, copies in repeated.groupby("sop_uid")["path"]:
        first, *others = copies
        digest = sha256_of(root / first)
        for path in others:
            if sha256_of(root / path) != digest:
                problem = "its SOPInstanceUID is also that of a file which differs"
                problems[path] = Problem(path, problem, first)
    common = {
        "study_uid": "series_uid",
        "accession_number": "study_uid",
        "patient_id": "study_uid",
    }
    for name, owner in common.items():
        said = stated[(stated[owner] != "") & (stated[name] != "")]
        first = said.groupby(owner)[[name, "path"]].transform("first")
        problem = f"its {_TEXTS[owner]} has another {_TEXTS[name]} elsewhere"
        odd = said[name] != first[name]
        for path, other in zip(said.loc[odd, "path"], first.loc[odd, "path"], strict=True):
            problems[path] = Problem(path, problem, other)
    return problems


def _unowned_reports(connection: sa.Connection) -> dict[str, Problem]:
    """Return the reports that belong to no study or to several, or are not its first, by path."""
    query = sa.select(studies.c.accession_number, sa.func.count())
    query = query.where(studies.c.accession_number != "").group_by(studies.c.accession_number)
    owners = dict(connection.execute(query).tuples().all())
    query = sa.select(files.c.path, files.c.accession_number).where(files.c.sop_uid == "")
    problems, first = {}, {}
    for path, number in sorted(connection.execute(query).tuples()):
        owned = owners.get(number, 0)
        if owned != 1:
            several = f"{owned} studies" if owned else "no study"
            problem = f"the accession number that names this report belongs to {several}"
            problems[path] = Problem(path, problem)
        elif first.setdefault(number, path) != path:
            problems[path] = Problem(path, "a second report of one study", first[number])
    return problems


def _is_report(path: str) -> bool:
    *folders, name = path.casefold().split("/")
    return name.endswith(".txt") and "reports" in folders and not is_debris(path)


def _is_passed_over(path: str) -> bool:
    """Tell of a file that is no report whether its name says that it is no DICOM either."""
    name = path.rpartition("/")[2].lower()
    other = name == "dicomdir" or name.endswith(tuple(_FACTS["passed_over"]))
    return is_debris(path) or (other and not _is_report(path))


def _mark_of(root: Path, path: str) -> tuple[str, int, int]:
    """Return path, size and time of change (ns) of a file; both are 0 where there is none."""
    try:
        stat = (root / path).stat()
    except OSError:
        return path, 0, 0
    return path, stat.st_size, stat.st_mtime_ns


def read_header(root: Path, path: str) -> dict[str, Any] | None:
    """Return what the index keeps of a DICOM file, texts empty where an element is missing.

    None of a file that does not say that it is DICOM, by its suffix or the DICM prefix.  Raises
    one of `BROKEN` where the file is broken, cut short or without one of the identifiers.
    """
    with _Opened(io.FileIO(root / path)) as opened:
        claims = path.lower().endswith(tuple(_FACTS["claiming"]))
        if not claims and opened.read(132)[128:] != b"DICM":
            return None
        opened.seek(0)
        return _row(_whole_header(opened))


class _Opened(io.BufferedReader):
    """A file that remembers whether the head of an element was cut: pydicom stops there mutely."""

    cut = False

    def read(self, size: int | None = -1, /) -> bytes:
        content = super().read(size)
        self.cut = self.cut or (size == 8 and 0 < len(content) < 8)
        return content


def _whole_header(opened: _Opened) -> Dataset:
    """Return the header of a file, or raise where the file is shorter than it says."""
    size = os.fstat(opened.fileno()).st_size
    ends: list[int] = []

    def at_pixels(tag: int, _: str | None, length: int) -> bool:
        if tag in _PIXELS:
            ends.append(_end(opened, size) if length == _UNDEFINED else opened.tell() + length)
        return bool(ends)

    dataset = read_partial(opened, at_pixels, specific_tags=_TAGS)
    if dataset.file_meta.get("TransferSyntaxUID") == DeflatedExplicitVRLittleEndian:
        # What is cut short cannot be inflated.
        return dataset
    raws = (element for element in dataset.values() if isinstance(element, RawDataElement))
    short = any(len(raw.value or b"") != raw.length for raw in raws)
    # A file that ends before its Rows is known for a picture by its class.
    picture = "Rows" in dataset or "Image Storage" in UID(dataset.get("SOPClassUID", "")).name
    if picture and not ends:
        ends.append(size + 1)
    if opened.cut or short or max(opened.tell(), *ends, 0) > size:
        raise FileError("the file is cut short")
    return dataset


def _end(opened: _Opened, size: int) -> int:
    """Return where the items of compressed pixels end; beyond the file if they do not."""
    while len(item := opened.read(8)) == 8:
        if item[:4] != _ITEM:
            return opened.tell()
        opened.seek(int.from_bytes(item[4:], "little"), os.SEEK_CUR)
    return size + 1


def _row(dataset: Dataset) -> dict[str, Any]:
    texts = {}
    for name, keyword in _TEXTS.items():
        value = dataset.get(keyword)
        values = value if isinstance(value, MultiValue) else [] if value is None else [value]
        # Several values are joined by a backslash.
        texts[name] = "\\".join(map(str, values)).strip()
        if "\0" in texts[name]:
            raise FileError(f"{keyword} holds a NUL character")
    if missing := [_TEXTS[name] for name in _FACTS["identifiers"] if not texts[name]]:
        raise FileError(f"no {', '.join(missing)} in its header")
    numbers = (int(dataset.get(keyword) or 0) for keyword in _FACTS["numbers"])
    picture = dict(zip(_PICTURE, numbers, strict=True))
    picture["frames"] = max(1, picture["frames"]) if picture["rows"] else 0
    return texts | picture


def read_report(root: Path, encoding: str, path: str) -> dict[str, str]:
    """Return what the index keeps of a report; a byte-order mark does not matter."""
    try:
        content = (root / path).read_bytes().decode(encoding).removeprefix("\ufeff")
    except UnicodeDecodeError as error:
        value, offset = error.object[error.start], error.start
        remedy = "name the encoding, for instance encoding='latin-1'"
        problem = f"byte 0x{value:02x} at offset {offset} is not {encoding} ({remedy})"
        raise FileError(problem) from error
    if "\0" in content:
        raise FileError(f"a NUL character at {content.index(chr(0))}: this is no text")
    findings, impression = parse_report(content)
    return {
        "accession_number": PurePosixPath(path).stem.strip(),
        "findings": findings,
        "impression": impression,
        "encoding": encoding,
    }


def parse_report(content: str) -> tuple[str, str]:
    """Return findings and impression of a report, empty where there is no such section.

    A heading in capitals and a colon at the start of a line begins a section.  A heading that
    occurs twice has its texts joined; what stands before the first belongs to no section.
    """
    pieces = _HEADING.split(re.sub(r"\r\n?", "\n", content))
    sections = {"FINDINGS": "", "IMPRESSION": ""}
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        sections[heading] = sections.get(heading, "") + body.strip() + "\n"
    return sections["FINDINGS"].strip(), sections["IMPRESSION"].strip()

"""The tables of an archive's index: patient, study, series, instance and report.

They hold what DICOM calls the information model, one table a level, and the reports beside it.
Two more tables are the index's own: which files it has read, and how many it passed over.
Only portable SQL is used, so any database that SQLAlchemy reaches can hold the index.
"""

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    ForeignKey,
    Integer,
    MetaData,
    String,
    Table,
    insert,
    inspect,
    select,
)

from rin.errors import InputError

VERSION = 1
METADATA = MetaData()

patients = Table("patients", METADATA, Column("patient_id", String, primary_key=True))

#: `modality` and `body_part` are those of the study's images, joined by a backslash if several.
studies = Table(
    "studies",
    METADATA,
    Column("study_uid", String, primary_key=True),
    Column("patient_id", ForeignKey("patients.patient_id"), nullable=False, index=True),
    Column("accession_number", String, nullable=False, index=True),
    Column("study_date", String, nullable=False),
    Column("modality", String, nullable=False),
    Column("body_part", String, nullable=False),
    Column("description", String, nullable=False),
)

series = Table(
    "series",
    METADATA,
    Column("series_uid", String, primary_key=True),
    Column("study_uid", ForeignKey("studies.study_uid"), nullable=False, index=True),
    Column("modality", String, nullable=False),
    Column("description", String, nullable=False),
    Column("body_part", String, nullable=False),
)

#: `rows`, `columns` and `frames` are 0 where there is no picture (documents).
instances = Table(
    "instances",
    METADATA,
    Column("sop_uid", String, primary_key=True),
    Column("series_uid", ForeignKey("series.series_uid"), nullable=False, index=True),
    Column("sop_class", String, nullable=False),
    Column("image_type", String, nullable=False),
    Column("instance_number", Integer),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("photometric", String, nullable=False),
    Column("burned_in", String, nullable=False),
    Column("path", String, nullable=False, index=True),
    Column("bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
)

reports = Table(
    "reports",
    METADATA,
    Column("accession_number", String, primary_key=True),
    Column("study_uid", ForeignKey("studies.study_uid"), nullable=False, index=True),
    Column("findings", String, nullable=False),
    Column("impression", String, nullable=False),
    Column("path", String, nullable=False),
)

#: Every file that was read: an instance (or a copy of one) has a SOP UID, a report has none.
files = Table(
    "files",
    METADATA,
    Column("path", String, primary_key=True),
    Column("bytes", BigInteger, nullable=False),
    Column("modified_ns", BigInteger, nullable=False),
    Column("sop_uid", String, nullable=False, index=True),
    Column("encoding", String, nullable=False),
)

passed_over = Table(
    "passed_over",
    METADATA,
    Column("rule", String, primary_key=True),
    Column("files", Integer, nullable=False),
)

_index = Table(
    "archive_index", METADATA, Column("version", Integer, primary_key=True, autoincrement=False)
)


def prepare_tables(engine: Engine) -> None:
    """Make the tables where they are missing.

    Raises
    ------
    InputError
        The database holds tables of these names that this index did not make (writing there
        would delete rows of somebody else's), or an index of another version.
    """
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

"""Croissant metadata of a curated corpus: JSON-LD that other tools find and load it by.

Croissant 1.0 (Akhtar et al., Croissant: A Metadata Format for ML-Ready Datasets, DEEM 2024,
https://doi.org/10.1145/3650203.3663326; http://mlcommons.org/croissant/1.0).  Made and
validated with the reference implementation, `mlcroissant`.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rin.curation.corpus_files import CROISSANT, PATIENTS, PICTURES
from rin.errors import InputError

if TYPE_CHECKING:
    from mlcroissant import Context, Field, RecordSet

CONFORMS_TO = "http://mlcommons.org/croissant/1.0"
#: The split as the tables are called, and what Croissant calls it.
SPLITS = {"train": "cr:TrainingSplit", "val": "cr:ValidationSplit", "test": "cr:TestSplit"}
#: Once for the name of a table, once for what it was turned into: joined fields are read twice.
SPLIT_OF_TABLE = r"^(?:RadiologyAI_)?(train|val|test)(?:\.csv)?$"


def croissant_text(card: Mapping[str, Any], tables: Mapping[str, str]) -> str:
    """Return the metadata of a corpus as JSON-LD.

    Parameters
    ----------
    card
        As :func:`rin.curation.corpus_card.corpus_card` makes it.
    tables
        The CSV tables as text, by file name.
    """
    import mlcroissant as mlc

    context = mlc.Context()
    objects = [
        mlc.FileObject(
            ctx=context,
            id=name,
            name=name,
            content_url=name,
            encoding_formats=["text/csv"],
            sha256=hashlib.sha256(text.encode()).hexdigest(),
        )
        for name, text in tables.items()
    ]
    sets = [
        mlc.FileSet(
            ctx=context, id=name, name=name, encoding_formats=[encoding], includes=[pattern]
        )
        for name, encoding, pattern in (
            ("tables", "text/csv", "RadiologyAI_*.csv"),
            ("pictures", "image/png", f"{PICTURES}/**/*.png"),
        )
    ]
    with _quiet():
        metadata = mlc.Metadata(
            ctx=context,
            name="radimagenet_curated",
            description=_description(card),
            license=[card["licence"]],
            cite_as=card["cite"],
            version=f"1.0.0+{card['digest'][:12]}",
            conforms_to=CONFORMS_TO,
            distribution=[*objects, *sets],
            record_sets=[_splits(context), _images(context), _patients(context)],
        )
    return json.dumps(metadata.to_json(), indent=1) + "\n"


def check_croissant(path: Path) -> list[str]:
    """Validate a metadata file with the reference implementation.

    Returns
    -------
    list of str
        Its warnings.

    Raises
    ------
    InputError
        A file that is not valid Croissant.
    """
    import mlcroissant as mlc

    try:
        with _quiet():
            dataset = mlc.Dataset(jsonld=str(path))
    except (mlc.ValidationError, ValueError, KeyError) as error:
        raise InputError(
            f"it is no valid Croissant metadata ({error})",
            where=path,
            remedy="Curate again; the file is made anew.",
        ) from error
    return sorted(dataset.metadata.ctx.issues.warnings)


def croissant_records(corpus: Path, count: int, record_set: str = "images") -> list[dict[str, str]]:
    """Return the first records of a corpus, read through its Croissant metadata.

    Parameters
    ----------
    corpus
        Folder that holds `croissant.json`.
    record_set
        "images" (filename, label, split) or "patients" (filename, patient_id, study_id, roi).
    """
    import mlcroissant as mlc

    with _quiet():
        records = iter(mlc.Dataset(jsonld=str(corpus / CROISSANT)).records(record_set))
        found = [record for record, _ in zip(records, range(count), strict=False)]
    return [{name.partition("/")[2]: _text(value) for name, value in one.items()} for one in found]


def _text(value: bytes | str | None) -> str:
    return value.decode() if isinstance(value, bytes) else (value or "")


def _description(card: Mapping[str, Any]) -> str:
    totals, parts = card["totals"], card["parts"]
    stated = ", ".join(f"{counts['images']} {part}" for part, counts in parts.items())
    return (
        f"{card['title']}. Provenance: {card['provenance']}. {card['notice']} "
        f"{totals['images']} images of {totals['patients']} patients in {totals['classes']} "
        f"classes, divided by patient ({stated}). Labels are region and finding. "
        "dataset_card.json beside it tells how images were chosen and de-identified."
    )


def _splits(context: Context) -> RecordSet:
    import mlcroissant as mlc

    rows = [{"splits/name": name, "splits/url": url} for name, url in SPLITS.items()]
    fields = [
        mlc.Field(ctx=context, id=f"splits/{name}", name=name, data_types=kind)
        for name, kind in (("name", mlc.DataType.TEXT), ("url", mlc.DataType.URL))
    ]
    return mlc.RecordSet(
        ctx=context,
        id="splits",
        name="splits",
        description="The three parts of the corpus.",
        data_types=["cr:Split"],
        key=["splits/name"],
        fields=fields,
        data=rows,
    )


def _images(context: Context) -> RecordSet:
    import mlcroissant as mlc

    table = {"ctx": context, "file_set": "tables"}
    name_of_table = mlc.Source(
        **table,
        extract=mlc.Extract(ctx=context, file_property="filename"),
        transforms=[mlc.Transform(ctx=context, regex=SPLIT_OF_TABLE)],
    )
    split = _field(context, "images/split", "Part of the corpus.", name_of_table)
    split.references = mlc.Source(ctx=context, field="splits/name")
    told = {"filename": "Picture, relative to this file.", "label": "Region and finding."}
    fields = [
        _field(
            context,
            f"images/{column}",
            text,
            mlc.Source(**table, extract=mlc.Extract(ctx=context, column=column)),
        )
        for column, text in told.items()
    ]
    return mlc.RecordSet(
        ctx=context,
        id="images",
        name="images",
        description="One record an image.",
        key=["images/filename"],
        fields=[*fields, split],
    )


def _patients(context: Context) -> RecordSet:
    import mlcroissant as mlc

    told = {
        "filename": "Picture, relative to this file.",
        "patient_id": "Pseudonym of the patient.",
        "study_id": "Pseudonym of the study.",
        "roi": "Outline of the finding in pixels, or empty.",
    }
    fields = [
        _field(
            context,
            f"patients/{column}",
            text,
            mlc.Source(
                ctx=context,
                file_object=PATIENTS,
                extract=mlc.Extract(ctx=context, column=column),
            ),
        )
        for column, text in told.items()
    ]
    return mlc.RecordSet(
        ctx=context,
        id="patients",
        name="patients",
        description="Patient, study and region of interest of each image.",
        key=["patients/filename"],
        fields=fields,
    )


def _field(context: Context, name: str, description: str, source: object) -> Field:
    import mlcroissant as mlc

    return mlc.Field(
        ctx=context,
        id=name,
        name=name.partition("/")[2],
        description=description,
        data_types=mlc.DataType.TEXT,
        source=source,
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the library from logging warnings; `check_croissant` returns them."""
    logger = logging.getLogger("absl")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)

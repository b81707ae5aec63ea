"""Examples of the curation: impressions, a header before and after, pictures, card and metadata.

Texts and headers of an archive name patients, so they are shown of a stand-in only, and asking for
those of a real one is an error.  Pictures come from the corpus that may leave the house.
"""

from __future__ import annotations

import json
import textwrap
from importlib.metadata import version
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from PIL import Image
from pydicom import dcmread

from rin.curation.archive import read_table
from rin.curation.corpus_files import CROISSANT
from rin.curation.croissant import check_croissant, croissant_records
from rin.curation.deidentify import Pseudonyms
from rin.curation.export import DICOM_FOLDER
from rin.curation.taxonomy import MODALITIES, REGIONS
from rin.data.shapes import rasterise
from rin.errors import InputError
from rin.report.curation_figures import Example
from rin.report.format import MISSING
from rin.report.phases import counted

if TYPE_CHECKING:
    from IPython.display import Markdown
    from pydicom import DataElement, Dataset

    from rin.curation.archive import Archive
    from rin.curation.build import CuratedCorpus

_SHOWN = (
    "PatientName", "PatientID", "PatientBirthDate", "PatientSex", "StudyDate", "AccessionNumber",
    "InstitutionName", "ReferringPhysicianName", "StudyDescription", "StudyInstanceUID",
    "SOPInstanceUID", "Modality", "BodyPartExamined", "PixelSpacing", "PatientIdentityRemoved",
    "DeidentificationMethod",
)  # fmt: skip
_LONGEST = 34


def impression_table(corpus: CuratedCorpus, *, each: int = 4) -> pd.DataFrame:
    """Return example impressions of a stand-in archive with their verdicts and the reasons.

    Parameters
    ----------
    each
        Examples of a verdict; those with different reasons come first.

    Raises
    ------
    InputError
        The archive is real.
    """
    _only_stand_in(corpus.provenance, "impressions")
    screened = corpus.screened.drop_duplicates("impression")
    rows = screened.assign(again=screened.duplicated(["verdict", "reasons"]))
    rows = rows.sort_values("again", kind="stable").groupby("verdict").head(each)
    order = {"normal": 0, "unclear": 1, "not normal": 2}
    rows = rows.sort_values("verdict", key=lambda column: column.map(order), kind="stable")
    return pd.DataFrame(
        {
            "Verdict": rows["verdict"],
            "Impression": [textwrap.shorten(text, 240) for text in rows["impression"]],
            "Reasons": rows["reasons"].replace("", MISSING),
        }
    ).reset_index(drop=True)


def exported_pair(archive: Archive, corpus: CuratedCorpus, key: bytes) -> tuple[Dataset, Dataset]:
    """Return the headers of an exported image of a stand-in, in the archive and de-identified.

    Parameters
    ----------
    key
        Of the pseudonyms, as in the plan of the curation.

    Raises
    ------
    InputError
        The archive is real, or none of its images was exported.
    """
    _only_stand_in(archive.provenance, "headers")
    pseudonyms = Pseudonyms(key)
    folder = corpus.root.parent / DICOM_FOLDER
    found = read_table(archive, "select sop_uid, path from instances order by path")
    for row in found.itertuples():
        exported = folder / f"{pseudonyms.uid(row.sop_uid)}.dcm"
        if exported.is_file():
            before = dcmread(archive.root / row.path, stop_before_pixels=True)
            return before, dcmread(exported, stop_before_pixels=True)
    raise InputError(
        "no image of the archive is among the exported ones",
        where=folder,
        remedy="Curate again; the key of the pseudonyms must be the same.",
    )


def header_table(before: Dataset, after: Dataset) -> pd.DataFrame:
    """Return a dozen attributes of a header before and after de-identification.

    Attributes that neither has are left out; a private attribute stands at the end.
    """
    rows = {}
    for name in _SHOWN:
        if name in before or name in after:
            old, new = _value(before, name), _value(after, name)
            rows[name] = (old, "removed" if name in before and name not in after else new)
    private = next((one for one in before if one.tag.is_private and one.value), None)
    if private is not None:
        there = private.tag in after
        rows[f"private {private.tag}"] = (_text(private), "there" if there else "removed")
    table = pd.DataFrame.from_dict(rows, orient="index", columns=["In the archive", "Exported"])
    return table.rename_axis("Attribute")


def header_changes(before: Dataset, after: Dataset) -> dict[str, int]:
    """Count the attributes of a header, nested ones included, by what became of them.

    Returns
    -------
    dict
        `removed`, `emptied`, `changed`, `kept` of those in `before`, and `added`.
    """
    old, new = _flat(before), _flat(after)
    both = old.keys() & new.keys()
    emptied = {place for place in both if old[place] and not new[place]}
    kept = {place for place in both if old[place] == new[place]}
    return {
        "removed": len(old.keys() - new.keys()),
        "emptied": len(emptied),
        "changed": len(both - emptied - kept),
        "kept": len(kept),
        "added": len(new.keys() - old.keys()),
    }


def header_reading(before: Dataset, after: Dataset) -> Markdown:
    """Return the sentence that counts what became of a header's attributes."""
    from IPython.display import Markdown

    n = header_changes(before, after)
    return Markdown(
        f"Of {sum(n.values()) - n['added']} attributes of this image, nested ones included, "
        f"{n['removed']} are removed, {n['emptied']} emptied, {n['changed']} changed and "
        f"{n['kept']} kept; {n['added']} are added, which say what was done."
    )


def example_pictures(corpus: CuratedCorpus, seed: int) -> list[Example]:
    """Draw a key image of every region that has one, with its outline where it has one.

    Only images whose pixels gave no reason for a burned-in risk are drawn, outlined ones first.
    """
    images = corpus.images
    fit = images[(images["kind"] == "key") & (images["burned_in_risk"] == "")]
    fit = fit.sample(frac=1, random_state=seed).assign(bare=lambda rows: rows["roi"] == "")
    fit = fit.sort_values("bare", kind="stable").drop_duplicates("region").set_index("region")
    examples = []
    for name in [name for name in REGIONS if name in fit.index]:
        row, region = fit.loc[name], REGIONS[name]
        with Image.open(corpus.folder / row["filename"]) as file:
            picture = np.asarray(file.convert("L"))
        outline = rasterise(row["roi"], picture.shape) if row["roi"] else None
        place = f"{MODALITIES[region.modality]}, {region.title.lower()}"
        examples.append(Example(picture, outline, place, str(row["name"])))
    return examples


def card_rows(corpus: CuratedCorpus) -> pd.DataFrame:
    """Return the dataset card of the corpus, one row a field, nested fields by their path.

    Of its tables (classes, regions, exclusions) only the length is told; this page shows them.
    """
    return pd.DataFrame(_fields(corpus.card), columns=["Field", "Value"])


def croissant_rows(corpus: CuratedCorpus) -> pd.DataFrame:
    """Return what the Croissant metadata of the corpus describe, and what their validator says.

    Raises
    ------
    InputError
        The metadata are not valid.
    """
    path = corpus.folder / CROISSANT
    warnings = check_croissant(path)
    told = json.loads(path.read_text(encoding="utf-8"))
    sets = [f"{one['name']} ({len(one['field'])} fields)" for one in told["recordSet"]]
    validator = f"mlcroissant {version('mlcroissant')}"
    rows = {
        "Name": told["name"],
        "Format": told["conformsTo"],
        "Files described": ", ".join(one["name"] for one in told["distribution"]),
        "Record sets": ", ".join(sets),
        "Validated with": f"{validator}: no error, {counted(len(warnings), 'warning')}",
        "Warnings": " ".join(warnings) or "none",
    }
    return pd.DataFrame(list(rows.items()), columns=["Field", "Value"])


def record_table(corpus: CuratedCorpus, count: int = 3) -> pd.DataFrame:
    """Return the first images of the corpus as a reader of the Croissant metadata gets them."""
    return pd.DataFrame(croissant_records(corpus.folder, count))


def _only_stand_in(provenance: str, what: str) -> None:
    if provenance != "stand-in":
        raise InputError(
            f"{what} of a real archive are not shown",
            where="archive",
            remedy="They may name patients; look at them in the house, not on a page.",
        )


def _value(dataset: Dataset, name: str) -> str:
    return _text(dataset[name]) if name in dataset else MISSING


def _text(element: DataElement) -> str:
    value = "" if element.value is None else str(element.value)
    if not value:
        return "empty"
    return value if len(value) <= _LONGEST else f"{value[: _LONGEST - 9]}…{value[-8:]}"


def _flat(dataset: Dataset, above: tuple = ()) -> dict[tuple, str]:
    """Return the values of a data set as text by their place, items of sequences included."""
    values = {}
    for element in dataset:
        place = (*above, element.tag)
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                values |= _flat(item, (*place, number))
        else:
            values[place] = "" if element.value is None else str(element.value)
    return values


def _fields(card: object, name: str = "") -> list[tuple[str, str]]:
    """Return the leaves of a card with their paths; plain lists stay together, tables count."""
    if isinstance(card, dict):
        inner = [(f"{name}, {key}" if name else key, value) for key, value in card.items()]
        return [row for path, value in inner for row in _fields(value, path)]
    if isinstance(card, list) and any(isinstance(one, dict | list) for one in card):
        return [(name, f"{len(card)} entries")]
    if isinstance(card, list):
        return [(name, ", ".join(map(str, card)) or MISSING)]
    return [(name, MISSING if card is None else str(card))]

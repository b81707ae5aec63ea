"""A corpus that was curated: how it is kept beside the folder that is shared, and read again.

Everything here but ``shared`` stays in the house: it holds, or leads back to, identifiers of
the archive.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from rin.curation.corpus_files import CARD, COLUMNS, FOLDER
from rin.errors import InputError

SHARED = "shared"
IMAGES, EXCLUDED, SCREENED = "images.parquet", "excluded.parquet", "screened.parquet"
NOTE = "curated.json"


@dataclass(frozen=True)
class CuratedCorpus:
    """A corpus that was curated from an archive.

    Attributes
    ----------
    root
        The folder that may leave the house: a data root for the manifest `curated_archive`.
    provenance
        "real" or "stand-in".
    images
        One row an image, by file name: `filename`, `label` ("lung-Nodule"), `modality`,
        `region`, `name` (label of the taxonomy), `patient_id` and `study_id` (pseudonyms),
        `roi`, `width`, `height`, `burned_in_risk` (empty: others are left out), `kind` ("key"
        or "normal"), `part` (train, validation or test).
    excluded
        Images of the archive that are not in the corpus: `rule`, `images`, `kept_out_because`.
    screened
        Flagged studies with the verdict of the screening, under the archive's own identifiers:
        it never leaves the house.
    counts
        Patients, studies, series, instances and reports of the archive.
    confirmed_by
        Normal studies by who confirmed them.
    """

    root: Path
    provenance: str
    images: pd.DataFrame
    excluded: pd.DataFrame
    screened: pd.DataFrame = field(repr=False)
    counts: dict[str, int]
    confirmed_by: dict[str, int]

    @property
    def folder(self) -> Path:
        """The corpus itself."""
        return self.root / FOLDER

    @property
    def card(self) -> dict[str, Any]:
        """The dataset card."""
        return json.loads((self.folder / CARD).read_text("utf-8"))


def read_corpus(output: Path) -> CuratedCorpus:
    """Read what :func:`rin.curation.build.curate` made.

    Raises
    ------
    InputError
        There is nothing, or only a part of it.
    """
    output = Path(output)
    root = output / SHARED
    try:
        note = json.loads((output / NOTE).read_text("utf-8"))
        card = json.loads((root / FOLDER / CARD).read_text("utf-8"))
        images, excluded, screened = (
            pd.read_parquet(output / name) for name in (IMAGES, EXCLUDED, SCREENED)
        )
        if note["digest"] != card["digest"]:
            raise ValueError("card and tables are of two corpora")
        counts, confirmed = dict(note["counts"]), dict(note["confirmed_by"])
        provenance = str(note["provenance"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"there is no curated corpus that is whole ({error})",
            where=output,
            remedy="Curate the archive again; what was done is kept.",
        ) from error
    return CuratedCorpus(
        root, provenance, images[list(COLUMNS)], excluded, screened, counts, confirmed
    )


def read_note(output: Path) -> dict[str, Any]:
    """Return what was noted of a corpus when it was whole, or nothing."""
    try:
        note = json.loads((output / NOTE).read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return note if isinstance(note, dict) else {}


def write_note(output: Path, note: Mapping[str, Any], tables: Mapping[str, pd.DataFrame]) -> None:
    """Write the tables, and last the note that says that all is whole."""
    for name, table in tables.items():
        unfinished = output / f".{name}.part"
        table.reset_index(drop=True).to_parquet(unfinished)
        unfinished.replace(output / name)
    unfinished = output / f".{NOTE}.part"
    unfinished.write_text(json.dumps(note, indent=1) + "\n", "utf-8")
    unfinished.replace(output / NOTE)

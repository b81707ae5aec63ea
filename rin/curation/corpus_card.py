"""The card of a curated corpus: what it holds, how it came about, what it must not be used for.

Plain data for JSON, equal for equal corpora: no clock, no name of a machine, and no identifier
of the archive.
"""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import pandas as pd

from rin import __version__
from rin.curation.corpus_files import FEWEST_PATIENTS
from rin.curation.deidentify import METHOD_CODES
from rin.curation.display import LUNG_WINDOW, SOFT_TISSUE_WINDOW
from rin.curation.making import LIBRARIES
from rin.curation.selection import Selection
from rin.data.splits import PARTS, SHARES

TITLE = "Radiologic corpus curated from an archive, in RadImageNet's layout"
STAND_IN = (
    "Every image is generated, every report written by a program: a stand-in archive. It shows "
    "that curation works, and says nothing about medicine."
)
REAL = "Images of patients, de-identified. Their use is what the holder of the archive allows."
LICENCE = {
    "stand-in": "https://spdx.org/licenses/MIT.html",
    "real": "none: the holder of the archive decides",
}
CITE = (
    "Mei X, Liu Z, Robson PM, et al. RadImageNet: An Open Radiologic Deep Learning Research "
    "Dataset for Effective Transfer Learning. Radiology: Artificial Intelligence "
    "2022;4(5):e210315. https://doi.org/10.1148/ryai.210315 (for the method)"
)
NOT_FOR = (
    "Diagnosis or any decision about a patient: labels are single words of a taxonomy that was "
    "made for pretraining.",
    "Identifying patients, or linking them with other data; the absence of burned-in text and of "
    "recognisable faces is likely, not proven.",
    "Estimating how frequent findings are: key images were chosen by readers.",
    "Measuring accuracy image by image: images of one patient are alike, so patients count.",
)


def corpus_card(
    images: pd.DataFrame,
    excluded: pd.DataFrame,
    selection: Selection,
    *,
    provenance: str,
    archive: dict[str, int],
    rare: list[str],
    seed: int,
    digest: str,
) -> dict[str, Any]:
    """Return the card.

    Parameters
    ----------
    images
        The corpus, as in `CuratedCorpus.images`.
    excluded
        `rule`, `images`, `kept_out_because`.
    selection
        How the images were chosen.
    provenance
        "real" or "stand-in".
    archive
        Numbers of patients, studies, series, instances and reports that were there.
    rare
        Classes that were left out because of too few patients.
    seed
        Of the split.
    digest
        SHA-256 of the corpus's tables and pictures.
    """
    return {
        "title": TITLE,
        "provenance": provenance,
        "notice": STAND_IN if provenance == "stand-in" else REAL,
        "licence": LICENCE[provenance],
        "cite": CITE,
        "digest": digest,
        "totals": _counted(images) | {"classes": images["label"].nunique()},
        "modalities": _by(images, ["modality"]),
        "regions": _by(images, ["modality", "region"]),
        "classes": _classes(images),
        "parts": {part: _counted(images[images["part"] == part]) for part in PARTS},
        "split": {
            "unit": "patient",
            "shares": dict(zip(PARTS, SHARES, strict=True)),
            "seed": seed,
            "smallest class": f"{FEWEST_PATIENTS} patients",
            "classes left out": sorted(rare),
        },
        "selection": _selection(images, selection, archive),
        "excluded": excluded.to_dict("records"),
        "de-identification": _deidentification(),
        "must not be used for": list(NOT_FOR),
        "versions": {"rin": __version__} | {name: version(name) for name in LIBRARIES},
    }


def _counted(images: pd.DataFrame) -> dict[str, int]:
    return {
        "images": len(images),
        "patients": images["patient_id"].nunique(),
        "studies": images["study_id"].nunique(),
    }


def _by(images: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    rows = []
    for names, group in images.groupby(columns, sort=True):
        named = dict(zip(columns, names, strict=True))
        rows.append(named | _counted(group) | {"classes": group["label"].nunique()})
    return rows


def _classes(images: pd.DataFrame) -> list[dict[str, Any]]:
    rows = []
    columns = ["label", "modality", "region", "name"]
    for names, group in images.groupby(columns, sort=True):
        parts = group["part"].value_counts()
        counted = _counted(group) | {part: int(parts.get(part, 0)) for part in PARTS}
        counted["regions of interest"] = int((group["roi"] != "").sum())
        rows.append(dict(zip(columns, names, strict=True)) | counted)
    return rows


def _selection(
    images: pd.DataFrame, selection: Selection, archive: dict[str, int]
) -> dict[str, Any]:
    kinds = images["kind"].value_counts()
    verdicts = selection.screened["verdict"].value_counts().sort_index()
    return {
        "archive": archive,
        "normal studies": {
            "how": "Studies whose impression says normal or unremarkable were flagged by a query; "
            "their findings and impressions were screened for negation, hedging and second "
            "findings; those that stayed were confirmed as stated.",
            "flagged": len(selection.screened),
            "screened": {name: int(count) for name, count in verdicts.items()},
            "confirmed by": selection.confirmed_by,
            "confirmed, but with a finding that a reader marked": selection.contradicted,
        },
        "key images": int(kinds.get("key", 0)),
        "images of normal studies": int(kinds.get("normal", 0)),
        "images with several findings, kept under the rarest": selection.several_findings,
    }


def _deidentification() -> dict[str, Any]:
    return {
        "profile": {f"DCM {code}": meaning for code, meaning in METHOD_CODES.items()},
        "headers": "Only listed attributes with plausible values are kept; the corpus itself "
        "holds pictures without any header.",
        "identifiers": "Patients, studies and images have keyed pseudonyms; the key stays with "
        "the archive.",
        "dates": "Moved by one number of days a patient, in the de-identified DICOM files; the "
        "corpus holds none.",
        "burned-in text": "Ultrasound and other images whose header or border suggests text are "
        "left out, not blacked out; text in the middle or by hand is not looked for.",
        "gray values": "8 bits. CT: window centre and width in Hounsfield units of "
        f"{_pair(LUNG_WINDOW)} for the chest, {_pair(SOFT_TISSUE_WINDOW)} elsewhere; MR and US: "
        "the file's own window, or its whole range at 8 bits.",
    }


def _pair(window: tuple[float, float]) -> str:
    return f"{window[0]:.0f} and {window[1]:.0f}"

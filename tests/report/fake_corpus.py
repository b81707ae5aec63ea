"""A small curated corpus and its archive's truth, as the curation leaves them."""

from types import SimpleNamespace

import pandas as pd

COLUMNS = ("label", "modality", "region", "name", "patient_id", "study_id", "roi", "kind", "part")
SQUARE = "polygon:2,2 6,2 6,6 2,6"
_IMAGES = (
    ("lung-Nodule", "CT", "lung", "Nodule", "P1", "S1", SQUARE, "key", "train"),
    ("lung-Nodule", "CT", "lung", "Nodule", "P1", "S1", "", "key", "train"),
    ("lung-Nodule", "CT", "lung", "Nodule", "P2", "S2", SQUARE, "key", "test"),
    ("lung-normal", "CT", "lung", "normal", "P3", "S3", "", "normal", "train"),
    ("lung-normal", "CT", "lung", "normal", "P3", "S3", "", "normal", "train"),
    ("lung-normal", "CT", "lung", "normal", "P3", "S3", "", "normal", "train"),
    ("usthyroid-thyroid", "US", "usthyroid", "thyroid", "P4", "S4", "", "normal", "validation"),
)
_SCREENED = (
    ("A1", "normal", "", "Normal chest CT."),
    ("A2", "normal", "", "Unremarkable thyroid."),
    ("A3", "unclear", "hedging", "Probably normal."),
    ("A4", "not normal", "negation", "Not normal."),
    ("A5", "not normal", "negation", "Abnormal."),
    ("A6", "not normal", "second finding", "Normal heart. Lung nodule."),
)


def images():
    table = pd.DataFrame(list(_IMAGES), columns=list(COLUMNS))
    names = [f"radiology_ai/{row.modality}/{row.Index}.png" for row in table.itertuples()]
    return table.assign(filename=names, burned_in_risk="")


def corpus(**changes):
    """Nine studies with 40 files, of which seven images are in the corpus."""
    screened = pd.DataFrame(
        list(_SCREENED), columns=["accession_number", "verdict", "reasons", "impression"]
    )
    excluded = [
        ("dose report", 2, "a document"),
        ("localizer", 10, "it plans the scan"),
        ("no key image", 12, "others were marked"),
        ("study neither normal nor marked", 3, "not confirmed"),
        ("burned-in text", 3, "BurnedInAnnotation is YES"),
        ("burned-in text", 1, "its border shows what looks like text"),
        ("rare class", 2, "fewer than 3 patients"),
    ]
    values = {
        "provenance": "stand-in",
        "images": images(),
        "screened": screened,
        "excluded": pd.DataFrame(excluded, columns=["rule", "images", "kept_out_because"]),
        "counts": {"patients": 8, "studies": 9, "series": 15, "instances": 40, "reports": 9},
        "confirmed_by": {"rules": 2},
    }
    return SimpleNamespace(**(values | changes))


def truth():
    """Three normal studies, of which the query flags two and one more that the rules drop."""
    kinds = ["normal", "normal", "normal", "abnormal", "abnormal", "second", "abnormal"]
    table = pd.DataFrame({"accession_number": [f"A{n}" for n in range(1, 8)], "kind": kinds})
    return table.assign(normal=table["kind"] == "normal")

"""A corpus of nine images of six patients, as curation arranges it, made by hand."""

import hashlib

import pandas as pd
from PIL import Image

from rin.curation.build import Selection

ROWS = [
    # uid, modality, region, name, patient, study, roi, kind
    ("2.25.1", "CT", "lung", "Nodule", "PA", "S1", "polygon:1,1 3,1 3,3", "key"),
    ("2.25.2", "CT", "lung", "Nodule", "PA", "S1", "", "key"),
    ("2.25.3", "CT", "lung", "Nodule", "PB", "S2", "", "key"),
    ("2.25.4", "CT", "lung", "Nodule", "PC", "S3", "", "key"),
    ("2.25.5", "CT", "lung", "normal", "PD", "S4", "", "normal"),
    ("2.25.6", "CT", "lung", "normal", "PE", "S5", "", "normal"),
    ("2.25.7", "CT", "lung", "normal", "PF", "S6", "", "normal"),
    ("2.25.8", "US", "usabd", "gb", "PA", "S7", "", "key"),
    ("2.25.9", "US", "usabd", "gb", "PF", "S8", "", "key"),
]
COLUMNS = ["uid", "modality", "region", "name", "patient_id", "study_id", "roi", "kind"]


def selected_images():
    """The images before they are numbered and divided."""
    images = pd.DataFrame(ROWS, columns=COLUMNS)
    images["label"] = images["region"] + "-" + images["name"]
    images["burned_in_risk"] = ""
    images["width"], images["height"] = 4, 3
    return images


def write_pictures(folder, images):
    """Write a picture per image; return the images with size and digest of each."""
    folder.mkdir(parents=True)
    contents = []
    for number, uid in enumerate(images["uid"]):
        Image.new("L", (4, 3), number).save(folder / f"{uid}.png")
        contents.append((folder / f"{uid}.png").read_bytes())
    return images.assign(
        png_bytes=[len(one) for one in contents],
        png_sha256=[hashlib.sha256(one).hexdigest() for one in contents],
    )


def selection():
    """How the images were chosen; the identifiers in it must not get out."""
    screened = pd.DataFrame(
        {
            "study_uid": ["1.2.840.1", "1.2.840.2"],
            "patient_id": ["SECRET-1", "SECRET-2"],
            "impression": ["Normal.", "Probably normal, SECRET-3."],
            "verdict": ["normal", "unclear"],
        }
    )
    return Selection(
        images=pd.DataFrame({"patient_id": ["SECRET-1"]}),
        left_out={"localizer": 5},
        screened=screened,
        confirmed_by={"rules": 3},
        contradicted=1,
        several_findings=2,
    )

"""Somebody's own images: a cohort of 24 patients, and what tests write beside it."""

import shutil

import numpy as np
import pytest
from PIL import Image

from rin.files import manifest_folder
from rin.study import forecast
from rin.study.forecast import Pace
from rin.study.profile import profile_folder

OWN = ["--table", "own/list.csv", "--images", "own/Bilder", "--yes"]


@pytest.fixture
def home(tmp_path, monkeypatch):
    """Folders of manifests and profiles of the test's own, and a cohort of 24 patients."""
    for folder, name, variable in (
        (manifest_folder(), "manifests", "RIN_MANIFESTS"),
        (profile_folder(), "profiles", "RIN_PROFILES"),
    ):
        shutil.copytree(folder, tmp_path / name)
        monkeypatch.setenv(variable, str(tmp_path / name))
    monkeypatch.setattr(forecast, "measure_pace", lambda: Pace(0.01, 10.0))
    monkeypatch.setattr(forecast, "DECODED", 1)
    rng = np.random.default_rng(0)
    rows = []
    for patient in range(24):
        for view in range(2):
            name = f"p{patient:02d}_{view}.png"
            pixels = rng.integers(0, 256, (16, 16), dtype=np.uint8)
            save(tmp_path / "own" / "Bilder" / name, pixels)
            outline = np.zeros((16, 16), dtype=np.uint8)
            outline[4:8, 4:8] = 255
            save(tmp_path / "own" / "masks" / name, outline)
            rows.append((name, "malignant" if patient < 12 else "benign", f"P{patient}"))
    write_table(tmp_path, rows)
    return tmp_path


def save(path, pixels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_table(
    home, rows, *, separator=",", encoding="utf-8", columns=("Bild", "Befund", "Patient")
):
    lines = [separator.join(columns), *(separator.join(row) for row in rows)]
    (home / "own" / "list.csv").write_text("\n".join(lines) + "\n", encoding=encoding)


def rows_of(home):
    return [line.split(",") for line in (home / "own" / "list.csv").read_text().splitlines()[1:]]


def written(home):
    """Tell whether `rin new` wrote a manifest or a profile."""
    names = {
        path.name for folder in ("manifests", "profiles") for path in (home / folder).iterdir()
    }
    return "mine.yaml" in names


def write_dicom(path, pixels, patient="", bits=8, **elements):
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = meta.MediaStorageSOPInstanceUID = "1.2.3"
    file = FileDataset("", {}, file_meta=meta, preamble=b"\0" * 128)
    file.PatientID = patient
    file.Rows, file.Columns = pixels.shape
    file.BitsAllocated, file.BitsStored = 8 * pixels.itemsize, bits
    file.HighBit, file.PixelRepresentation, file.SamplesPerPixel = bits - 1, 0, 1
    file.PhotometricInterpretation = "MONOCHROME2"
    file.PixelData = pixels.tobytes()
    for name, value in elements.items():
        setattr(file, name, value)
    file.save_as(path)

"""Pictures, masks and scans of a few pixels, for datasets that tests make."""

import numpy as np
import pydicom
from PIL import Image

SIDE = 16


def draw(path, seed, dtype="uint8"):
    """Save a picture of noise, which no other resembles."""
    path.parent.mkdir(parents=True, exist_ok=True)
    most = 200 if dtype == "uint8" else 1800
    noise = np.random.default_rng(seed).integers(0, most, (SIDE, SIDE), dtype=dtype)
    Image.fromarray(noise).save(path)


def mark(path, value=255, at=3, side=SIDE):
    """Save a mask with a bright place, and return it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    drawn = np.zeros((side, side), np.uint8)
    drawn[4:9, at : at + 4] = value
    Image.fromarray(drawn).save(path)
    return drawn


def scan(path, seed, **elements):
    """Save a CT of pydicom's with other pixels and elements."""
    dataset = pydicom.dcmread(pydicom.data.get_testdata_file("CT_small.dcm"))
    noise = np.random.default_rng(seed).integers(0, 2000, (128, 128), dtype=np.uint16)
    dataset.PixelData = noise.tobytes()
    for name, value in elements.items():
        setattr(dataset, name, value)
    path.parent.mkdir(parents=True, exist_ok=True)
    dataset.save_as(path)

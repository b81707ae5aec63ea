"""Write the files of stand-ins: equal content makes equal files, at any time, on any machine."""

import json
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from filelock import FileLock
from PIL import Image
from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from rin.errors import as_input_error
from rin.files import MAKE_ROOM, replace_folder


def write_whole(target: Path, what: str, fill: Callable[[Path], None]) -> None:
    """Write a folder with `fill`, unless it exists; InputError if that fails."""
    with as_input_error(f"the stand-in {what} cannot be written", where=target, remedy=MAKE_ROOM):
        target.parent.mkdir(parents=True, exist_ok=True)
        # A second process waits here, and then finds the folder of the first.
        with FileLock(target.with_name(f".{target.name}.lock")):
            if not target.is_dir():
                with replace_folder(target) as draft:
                    fill(draft)


def write_picture(path: Path, pixels: np.ndarray, **options: Any) -> None:
    """Write a picture, and its folder if that is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, **{"compress_level": 1} | options)


def write_table(path: Path, columns: Sequence[str], rows: Iterable[Any]) -> None:
    """Write a CSV table."""
    pd.DataFrame(rows, columns=columns).to_csv(path, index=False)


def write_json(path: Path, content: Any) -> None:
    """Write JSON with one field per line."""
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")


def make_uid(*parts: str) -> str:
    """Return a UID that depends on the parts alone."""
    return generate_uid(entropy_srcs=["radimagenet stand-in", *parts])


def fill(dataset: Dataset, **elements: Any) -> Dataset:
    """Set elements of a dataset by keyword and return it; lists of datasets become sequences."""
    for keyword, value in elements.items():
        setattr(dataset, keyword, value)
    return dataset


def new_instance(**elements: Any) -> Dataset:
    """Return a DICOM instance with these elements, and no pixels yet."""
    dataset = fill(Dataset(), **elements)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return dataset


def set_pixels(dataset: Dataset, stored: np.ndarray, bits: int) -> Dataset:
    """Store grey pixels (h, w), signed if their type is, and return the dataset."""
    dataset.set_pixel_data(stored, "MONOCHROME2", bits, generate_instance_uid=False)
    return dataset

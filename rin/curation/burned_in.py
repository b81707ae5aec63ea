"""Text burned into the pixels of an image: found and read by RapidOCR, and what nobody can tell.

An image whose header or pixels suggest text is left out, nothing is blacked out.  A line that
reads as four letters or digits and more is text.  Three, or more that read badly, are doubtful:
such an image waits in a queue for somebody who looks at it.  Lines may run in any direction and
lie anywhere.  The models (PP-OCRv6, Apache licence) come with the package; nothing is downloaded.
What is not looked for stands in ``burned_in.yaml``.
"""

import threading
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from pydicom import Dataset

from rin.curation.spreadsheets import read_queue, write_queue
from rin.data import dicom
from rin.files import read_yaml, sha256_of

_FACTS = read_yaml(Path(__file__).with_suffix(".yaml"))
SHOWS_TEXT, DOUBTFUL = _FACTS["risks"]["text"], _FACTS["risks"]["doubtful"]
UNSEARCHED: str = _FACTS["not looked for"]
#: What the queue of doubtful images says of each, and with the columns that a reviewer fills in.
IMAGE = ("sop_uid", "path", "sha256")
QUEUE = (*IMAGE, "shows_text", "reviewer", "comment")
#: Pictures are read at up to twice their size, with a shorter side of 480 pixels if that does.
SHORTER_SIDE, LARGEST_FACTOR, LONGER_SIDE = 480, 2.0, 1280
_OF_THREAD = threading.local()


def burned_in_risk(dataset: Dataset) -> str:
    """Return why an image may show text that names a patient; an empty answer is no proof."""
    for name in ("BurnedInAnnotation", "RecognizableVisualFeatures"):
        if str(dataset.get(name) or "").strip() == "YES":
            return f"{name} is YES"
    return risk_of_lines(read_lines(dicom.decode(dataset))) if "PixelData" in dataset else ""


def risk_of_lines(lines: list[tuple[str, float]]) -> str:
    """Return `SHOWS_TEXT`, `DOUBTFUL` or an empty text, by lines read and their confidence."""
    for kind, risk in _FACTS["risks"].items():
        least_letters, least_sure = _FACTS["letters"][kind], _FACTS["confidence"][kind]
        for line, confidence in lines:
            letters = sum(map(str.isalnum, line))
            if letters >= least_letters and confidence >= least_sure:
                return risk
    return ""


def read_lines(pixels: np.ndarray) -> list[tuple[str, float]]:
    """Read the lines of text in a picture, each with the reader's confidence (0 to 1).

    `pixels` are grey (h, w) of any range, or RGB (h, w, 3).
    """
    gray = pixels.mean(axis=2) if pixels.ndim == 3 else pixels
    low, high = np.percentile(gray, (1, 99.8))
    if high <= low:
        low, high = float(gray.min()), float(gray.max())
    if high <= low:
        return []
    share = np.clip((gray.astype(np.float32) - low) / (high - low), 0, 1)
    picture = Image.fromarray(np.rint(255 * share).astype(np.uint8))
    enlarged = min(LARGEST_FACTOR, max(1.0, SHORTER_SIDE / min(picture.size)))
    factor = min(enlarged, LONGER_SIDE / max(picture.size))
    size = [max(1, round(factor * side)) for side in picture.size]
    result = _reader()(np.asarray(picture.resize(size, Image.Resampling.BICUBIC).convert("RGB")))
    return list(zip(result.txts or (), map(float, result.scores or ()), strict=True))


def cleared_images(queue: Path, root: Path) -> set[str]:
    """Return the SOP UIDs of doubtful images whose very bytes a reviewer saw free of text."""
    answers = read_queue(queue, QUEUE, "shows_text")
    free = answers[answers["shows_text"] == "no"]
    return {
        row.sop_uid
        for row in free.itertuples()
        if (root / row.path).is_file() and sha256_of(root / row.path) == row.sha256
    }


def write_image_queue(doubtful: pd.DataFrame, queue: Path, root: Path) -> None:
    """Write the doubtful images (`sop_uid`, `path`) to be looked at; answers that fit stay."""
    digests = [sha256_of(root / path) for path in doubtful["path"]]
    images = doubtful[["sop_uid", "path"]].assign(sha256=digests).astype(str)
    answers = read_queue(queue, QUEUE, "shows_text")
    write_queue(images.merge(answers, how="left", on=[*IMAGE]).fillna(""), queue)


def _reader():  # noqa: ANN202, the type costs seconds to import
    """Return the reader of this thread: its calls are not independent of one another."""
    if not hasattr(_OF_THREAD, "reader"):
        from rapidocr import RapidOCR

        _OF_THREAD.reader = RapidOCR(params=dict(_FACTS["reader"]))
    return _OF_THREAD.reader

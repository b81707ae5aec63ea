"""Text burned into the pixels of an image: found and read by RapidOCR, and a queue for doubts.

An image whose header or pixels suggest text is left out; nothing is blacked out.  A line that
reads as four letters or digits, or more, is text.  A line of three, or of more that read badly, is
doubtful, and so is a line that is detected but cannot be read, as in a script that is unknown to
the reader: such an image is queued for human review.  Lines may be anywhere, in any direction.
Both the stored values and the published picture are searched, as text may be plain in one and
faint in the other.  The models (PP-OCRv6, Apache licence) come with the package; nothing is
downloaded.  ``burned_in.yaml`` says what is not searched for.
"""

import threading
import unicodedata
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from PIL import Image, ImageOps
from pydicom import Dataset

from rin.curation.spreadsheets import read_queue, write_queue
from rin.data import dicom
from rin.files import read_facts, sha256_of

_FACTS = read_facts(__file__)
SHOWS_TEXT = _FACTS["risks"]["text"]
DOUBTFUL = _FACTS["risks"]["doubtful"]
UNSEARCHED: str = _FACTS["not looked for"]
#: Columns that name a doubtful image in the queue; all columns, with those for the reviewer.
IMAGE = ("sop_uid", "path", "sha256")
QUEUE = (*IMAGE, "shows_text", "reviewer", "comment")
#: Pictures are enlarged up to twofold for a shorter side of 480 pixels; limit of the longer side.
SHORTER_SIDE = 480
LARGEST_FACTOR = 2.0
LONGER_SIDE = 1280
#: Share of a picture above which a box may hide lines within.
HIDING = 0.25
#: Grey levels, of 255, by which two renderings may differ and still show the same.
SAME_SHADE = 2
_OF_THREAD = threading.local()


class Line(NamedTuple):
    """A detected line of text: the text as read, and the reader's confidence (0 to 1).

    ``width`` and ``height`` are those of its box, as shares of the picture's shorter side.
    """

    text: str
    confidence: float
    width: float = 0.0
    height: float = 0.0


def burned_in_risk(dataset: Dataset) -> str:
    """Return why an image may show text that names a patient; an empty string is no proof.

    Its header and stored values are searched; `published_risk` searches the picture made of them.
    """
    for name in ("BurnedInAnnotation", "RecognizableVisualFeatures"):
        if str(dataset.get(name) or "").strip() == "YES":
            return f"{name} is YES"
    return risk_of_lines(read_lines(dicom.decode(dataset)))


def published_risk(picture: np.ndarray, stored: np.ndarray) -> str:
    """Return why a picture may show text; it is not read if it looks like its `stored` values."""
    if np.abs(_stretch(picture) - _stretch(stored)).max() <= SAME_SHADE:
        return ""
    return risk_of_lines(read_lines(picture))


def risk_of_lines(lines: list[Line]) -> str:
    """Return `SHOWS_TEXT`, `DOUBTFUL` or an empty string, by the lines detected in a picture."""
    for kind, risk in _FACTS["risks"].items():
        least_letters = _FACTS["letters"][kind]
        least_sure = _FACTS["confidence"][kind]
        for line in lines:
            if _letters(line.text) >= least_letters and line.confidence >= least_sure:
                return risk
    return DOUBTFUL if any(map(_is_unread, lines)) else ""


def _letters(text: str) -> int:
    """Return the number of letters and digits in a text; signs of syllables or words count two."""
    names = [unicodedata.name(sign, "") for sign in text if sign.isalnum()]
    return sum(2 if name.startswith(tuple(_FACTS["syllables"])) else 1 for name in names)


def _is_unread(line: Line) -> bool:
    """Return whether a line's box has the shape of text, but the text read does not fill it."""
    text = "".join(line.text.split())
    shape = _FACTS["unread"]
    least = shape["upright" if line.height > line.width else "wide"]
    short, long = sorted((line.width, line.height))
    # A letter is hardly wider than high: one L does not fill a box of three by one.
    filled = line.confidence >= _FACTS["confidence"]["text"] and long <= len(text) * short
    return short <= shape["largest"] and 0 < least * short <= long and not filled


def read_lines(pixels: np.ndarray) -> list[Line]:
    """Detect the lines of text in a picture, and read them as far as the reader can.

    `pixels` are grey (h, w) of any range, or RGB (h, w, 3).  A box of more than a quarter of the
    picture, such as that of a smooth body, may hide a line within: the picture is then read again
    with its ground made even.
    """
    gray = _stretch(pixels)
    lines = _lines_of(gray)
    largest = max((line.width * line.height for line in lines), default=0)
    if largest * min(gray.shape) ** 2 > HIDING * gray.size:
        lines += _lines_of(_even_ground(gray))
    return lines


def _even_ground(gray: np.ndarray) -> np.ndarray:
    """Return grey values less those of their surroundings, in units of their spread there."""
    from scipy.ndimage import gaussian_filter  # slow to load

    reach = min(gray.shape) / 25
    detail = gray - gaussian_filter(gray, reach)
    spread = 1 + np.sqrt(gaussian_filter(detail**2, 2 * reach))
    return np.clip(128 + 100 * detail / spread, 0, 255)


def _lines_of(gray: np.ndarray) -> list[Line]:
    picture = Image.fromarray(np.rint(gray).astype(np.uint8))
    enlarged = min(LARGEST_FACTOR, max(1.0, SHORTER_SIDE / min(picture.size)))
    large = ImageOps.scale(picture, min(enlarged, LONGER_SIDE / max(picture.size)))
    # Step by step, as the reader's own call leaves out every line that it cannot read.
    large, done = _reader().preprocess_img(np.asarray(large.convert("RGB")))
    detected, _, read, _ = _reader().run_ocr_steps(large, done)
    if detected.boxes is None:
        return []
    boxes = detected.boxes / min(large.shape[:2])
    widths, heights = (np.linalg.norm(boxes[:, 0] - boxes[:, corner], axis=1) for corner in (1, 3))
    texts = read.txts or [""] * len(widths)
    scores = read.scores or [0.0] * len(widths)
    return [
        Line(text, *map(float, numbers))
        for text, *numbers in zip(texts, scores, widths, heights, strict=True)
    ]


def _stretch(pixels: np.ndarray) -> np.ndarray:
    """Return grey values stretched to 0 to 255 and clipped; zeros if all are equal."""
    gray = pixels.mean(axis=2) if pixels.ndim == 3 else pixels
    low, high = np.percentile(gray, (1, 99.8))
    if high <= low:
        low, high = np.percentile(gray, (0, 100))
    return 255 * np.clip((gray.astype(np.float32) - low) / (high - low or 1), 0, 1)


def cleared_images(queue: Path, root: Path) -> set[str]:
    """Return the SOP UIDs of doubtful images, unchanged since a reviewer found no text in them."""
    answers = read_queue(queue, QUEUE, "shows_text")
    # Of several answers on the same bytes, "yes" counts, the last of the three in the alphabet.
    free = answers[answers.groupby("sha256")["shows_text"].transform("max") == "no"]
    return {
        row.sop_uid
        for row in free.itertuples()
        if (root / row.path).is_file() and sha256_of(root / row.path) == row.sha256
    }


def write_image_queue(doubtful: pd.DataFrame, queue: Path, root: Path) -> None:
    """Write the queue of doubtful images (`sop_uid`, `path`); answers on the same bytes stay."""
    digests = [sha256_of(root / path) for path in doubtful["path"]]
    images = doubtful[["sop_uid", "path"]].assign(sha256=digests).astype(str)
    answers = read_queue(queue, QUEUE, "shows_text")
    write_queue(images.merge(answers, how="left", on=[*IMAGE]).fillna(""), queue)


def _reader():  # noqa: ANN202, the type costs seconds to import
    """Return this thread's own reader, as calls of one reader are not independent."""
    if not hasattr(_OF_THREAD, "reader"):
        from rapidocr import RapidOCR

        _OF_THREAD.reader = RapidOCR(params=dict(_FACTS["reader"]))
    return _OF_THREAD.reader

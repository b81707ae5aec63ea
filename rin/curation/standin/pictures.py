"""The pictures of a study: its slices, what a reader outlines on them, and what is no diagnosis.

Slices come from the phantom of the region.  Localizers, screen captures, projections and text
burned into ultrasound are drawn here as well: curation has to tell them from diagnostic images.
"""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont
from scipy.ndimage import binary_dilation, gaussian_filter
from skimage.measure import approximate_polygon, find_contours

from rin.curation.standin.phantom import Drawing, Lesion, Phantom, oval, own_axes, resized
from rin.curation.standin.phantoms_ct import draw_abdomen, draw_chest
from rin.curation.standin.phantoms_mr import draw_brain, draw_knee, draw_spine
from rin.curation.standin.phantoms_us import draw_thyroid, draw_upper_abdomen
from rin.curation.standin.studies import REGIONS, Study, class_weights
from rin.data.standins.textures import smooth_noise

PHANTOMS: dict[str, Phantom] = {
    "lung": draw_chest,
    "abd": draw_abdomen,
    "brain": draw_brain,
    "knee": draw_knee,
    "spine": draw_spine,
    "usthyroid": draw_thyroid,
    "usabd": draw_upper_abdomen,
}
#: The display window (center, width) in Hounsfield units.
WINDOWS = {"lung": (-600, 1500), "abd": (40, 400)}
TEXT_HEIGHT, TEXT_WIDTH = 11, 6
MOST_KEY_IMAGES = 3


def picture_shape(study: Study, size: int) -> tuple[int, int]:
    """Return height and width: square, but three to four for ultrasound."""
    return (3 * size // 4, size) if study.modality == "US" else (size, size)


def draw_slices(study: Study, size: int, seed: int, *, healthy: bool = False) -> list[Drawing]:
    """Draw the diagnostic slices of a study.

    Parameters
    ----------
    size
        Width in pixels.
    healthy
        Leave the lesions out; the slices differ there alone.

    Returns
    -------
    list of Drawing
        Studies of one patient share the anatomy, and later visits the lesions too.
    """
    region = list(REGIONS).index(study.region)
    who = (seed, study.patient.number, region)
    return [
        PHANTOMS[study.region](
            np.random.default_rng([2, *who]),
            np.random.default_rng([3, *who, study.visit, index]),
            (2 * index + 1) / study.slices - 1,
            picture_shape(study, size),
            () if healthy else _lesions(study, who, index),
        )
        for index in range(study.slices)
    ]


def _lesions(study: Study, who: tuple[int, ...], index: int) -> list[Lesion]:
    """Return the lesions that a slice cuts, each about the middle of the study."""
    classes = list(class_weights())
    found = []
    for label in study.findings:
        own = (4, *who, classes.index((study.region, label)))
        rng = np.random.default_rng([5, *own])
        middle = round((study.slices - 1) * rng.uniform(0.35, 0.65))
        share = 1 - ((index - middle) / rng.uniform(1.1, 2.2)) ** 2
        # The knee's ligament and menisci are found where they are, not about a middle.
        share = 1.0 if study.region == "knee" else np.sqrt(max(0.0, share))
        if share > 0.5:
            found.append(Lesion(label, float(share), own))
    return found


def key_slices(drawings: Sequence[Drawing], label: str) -> list[int]:
    """Return the slices, at most three, that show most of a lesion; in order.

    Raises
    ------
    ValueError
        No slice shows it.
    """
    areas = [drawing.lesions.get(label, np.zeros(1)).sum() for drawing in drawings]
    shown = [index for index in np.argsort(areas, kind="stable")[::-1] if areas[index] > 0]
    if not shown:
        raise ValueError(f"no slice shows {label}")
    return sorted(int(index) for index in shown[:MOST_KEY_IMAGES])


def outline_points(mask: np.ndarray) -> list[tuple[float, float]]:
    """Return a closed outline around a mask, a pixel wide of it, as (column, row).

    Coordinates are those of PS3.3 Table C.10-5: the top left corner of the first pixel is
    (0, 0), so the middle of pixel (r, c) stands at (c + 0.5, r + 0.5).
    """
    wider = binary_dilation(mask)
    contours = find_contours(np.pad(wider, 1).astype(np.float32), 0.5)
    outline = approximate_polygon(max(contours, key=len) - 1, 0.4) + 0.5
    height, width = mask.shape
    return [
        (round(float(np.clip(x, 0, width)), 2), round(float(np.clip(y, 0, height)), 2))
        for y, x in outline
    ]


def display(drawing: Drawing, region: str) -> np.ndarray:
    """Return a drawing as it stands on a screen, uint8 (h, w)."""
    values = drawing.values
    if region in WINDOWS:
        center, width = WINDOWS[region]
        values = (values - center) / width + 0.5
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def draw_localizer(study: Study, size: int, seed: int) -> np.ndarray:
    """Draw the scout of a CT or MR study, 0 to 1, float32: a coarse outline with scan lines."""
    rng = np.random.default_rng([6, seed, study.number])
    shape = (size, size)
    axes = own_axes(shape, rng.normal(0, 0.04, 2))
    values = np.zeros(shape, dtype=np.float32)
    half = {"brain": (0.7, 0.6), "knee": (1.3, 0.4)}.get(study.region, (1.3, 0.62))
    values[oval(axes, (0, 0), half, 3)] = 0.5
    values[oval(axes, (0, 0), (half[0] * 0.9, half[1] * 0.16), 4)] += 0.25
    if study.region == "lung":
        for side in (-1, 1):
            values[oval(axes, (-0.1, 0.3 * side), (0.6, 0.2), 2.5)] = 0.18
    values += 0.05 * smooth_noise(rng, shape, 0.06 * size)
    values = gaussian_filter(values, 0.012 * size) + 0.03 * smooth_noise(rng, shape, 0.6)
    values[:: max(2, size // 12), size // 10 : -size // 10] += 0.12
    return np.clip(values, 0, 1).astype(np.float32)


def draw_capture(screen: np.ndarray, lines: Sequence[str]) -> np.ndarray:
    """Return a screen capture, uint8 (h, w): a picture made smaller, with lines of text."""
    height, width = screen.shape
    capture = np.full((height, width), 20, dtype=np.uint8)
    small = resized(screen, (2 * height // 3, 2 * width // 3))
    corner = capture[height - small.shape[0] :, width - small.shape[1] :]
    corner[:] = np.clip(small, 0, 255)
    for number, line in enumerate(lines):
        capture = burn_text(capture, line, top=number * TEXT_HEIGHT)
    return capture


def burn_text(pixels: np.ndarray, line: str, top: int = 0) -> np.ndarray:
    """Return uint8 pixels (h, w) with a line of white text on a black bar across the picture.

    The font is Pillow's fixed bitmap one, so equal texts give equal pixels everywhere.
    """
    width = pixels.shape[1]
    scale = max(1, width // 160)
    room = (width // scale, TEXT_HEIGHT)
    bar = Image.new("L", room, 0)
    plain = line.encode("latin-1", "replace").decode("latin-1")
    ImageDraw.Draw(bar).text((1, 0), plain, fill=255, font=ImageFont.load_default_imagefont())
    text = np.kron(np.asarray(bar), np.ones((scale, scale), dtype=np.uint8))
    burned = pixels.copy()
    target = burned[top * scale : (top + TEXT_HEIGHT) * scale, : text.shape[1]]
    target[:] = text[: target.shape[0]]
    return burned

"""Phantoms of chest CT slices in a lung window, shared by the stand-ins of two datasets.

A thorax of fat, muscle, ribs and spine around two lungs with vessels, heart and aorta, on a
table.  Shape, position, noise and vessels belong to the patient; the slices of a patient
differ in height.  Opacities are added by the caller, as hazy patches near the pleura
(ground glass, as in COVID-19) or as one dense wedge with bronchi in it (consolidation, as in
lobar pneumonia).  The tendencies follow the Fleischner glossary (Hansell et al., Radiology
246, 2008, 697-722); the numbers are chosen, not measured.
"""

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import distance_transform_edt, gaussian_filter

from rin.data.standins.textures import ellipse, grid, lesion, smooth_noise, to_uint8

SIZE = 160
SHAPE = (SIZE, SIZE)
AIR, FAT, MUSCLE, BLOOD, BONE = 0.06, 0.62, 0.74, 0.76, 0.97


@dataclass(frozen=True)
class Thorax:
    """What the slices of one patient share; lengths in pixels, angles in radians."""

    center: tuple[float, float]
    half: tuple[float, float]
    tilt: float
    wall: float
    fat: float
    lung: float
    heart: float
    lean: float
    table: float
    noise: float


def draw_thorax(rng: np.random.Generator) -> Thorax:
    """Draw the shape of one patient."""
    width = SIZE * rng.uniform(0.40, 0.50)
    height = width * rng.uniform(0.64, 0.9)
    return Thorax(
        center=(SIZE * rng.uniform(0.43, 0.55), SIZE * rng.uniform(0.45, 0.55)),
        half=(height, width),
        tilt=rng.normal(0, 0.12),
        wall=rng.uniform(0.10, 0.22),
        fat=rng.uniform(0.02, 0.10),
        lung=rng.uniform(0.13, 0.18),
        heart=rng.uniform(0.7, 1.25),
        lean=rng.uniform(-0.2, 0.5),
        table=rng.uniform(4, 14),
        noise=rng.uniform(0.02, 0.04),
    )


def draw_slice(
    rng: np.random.Generator, thorax: Thorax, height: float
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one slice without opacities.

    Parameters
    ----------
    height
        -1 (diaphragm) to 1 (apex): lungs shrink and the heart leaves towards the apex.

    Returns
    -------
    tuple of numpy.ndarray
        The picture, float32 (160, 160), 0 to about 1 without noise, and the lungs, bool.
    """
    body = ellipse(SHAPE, thorax.center, thorax.half, thorax.tilt)
    picture = np.full(SHAPE, AIR, dtype=np.float32)
    _add_table(picture, thorax)
    picture[body] = FAT
    inner = _scaled(thorax, 1 - thorax.fat)
    picture[inner] = MUSCLE + 0.03 * smooth_noise(rng, SHAPE, 3)[inner]
    lungs = _lungs(rng, thorax, height)
    picture[_ribs(thorax, rng) & inner & ~lungs] = BONE
    picture[_organ(thorax, (0.72, 0.0), (0.16, 0.11))] = BONE
    aorta = _organ(thorax, (0.42, 0.16), (0.1, 0.08))
    lungs &= ~aorta
    air = thorax.lung + 0.015 * smooth_noise(rng, SHAPE, 6)
    vessels = _vessels(rng, lungs)
    picture = np.where(lungs, air + (BLOOD - air) * vessels, picture)
    picture[aorta] = BLOOD
    return picture.astype(np.float32), lungs


def finish(rng: np.random.Generator, picture: np.ndarray, thorax: Thorax) -> np.ndarray:
    """Return the picture with the scanner's blur and its fine and coarse noise, uint8."""
    noise = smooth_noise(rng, SHAPE, 0.8) + 0.6 * smooth_noise(rng, SHAPE, 5)
    return to_uint8(gaussian_filter(picture, 0.7) + thorax.noise * noise)


def add_ground_glass(
    rng: np.random.Generator,
    picture: np.ndarray,
    lungs: np.ndarray,
    patches: int,
    radius: float,
    density: float,
) -> None:
    """Add hazy patches near the pleura, mostly behind, through which vessels stay visible."""
    rows, _ = grid(SHAPE)
    depth = distance_transform_edt(lungs)
    near = (np.exp(-depth / 7) * lungs * np.exp(1.5 * rows / SIZE)).ravel()
    if not patches or not near.any():
        return
    outlines = np.zeros(SHAPE, dtype=np.float32)
    for place in rng.choice(SIZE * SIZE, size=patches, p=near / near.sum()):
        _add_patch(rng, outlines, divmod(int(place), SIZE), radius * rng.uniform(0.6, 1.4))
    haze = gaussian_filter(outlines, 2.0) * lungs
    haze *= np.clip(0.8 + 0.25 * smooth_noise(rng, SHAPE, 3), 0, 1.2)
    picture += density * haze * (BLOOD - picture)


def _add_patch(
    rng: np.random.Generator, outlines: np.ndarray, center: tuple[int, int], radius: float
) -> None:
    """Set a rough disc to 1; it is drawn in a window of its own, which is faster."""
    side = int(2.2 * radius)
    drawn = lesion(rng, (2 * side + 1,) * 2, (side, side), radius, 1.0, 0.16)
    top, left = max(0, center[0] - side), max(0, center[1] - side)
    target = outlines[top : center[0] + side + 1, left : center[1] + side + 1]
    row, column = top - center[0] + side, left - center[1] + side
    target[drawn[row : row + target.shape[0], column : column + target.shape[1]]] = 1


def add_consolidation(
    rng: np.random.Generator, picture: np.ndarray, lungs: np.ndarray, radius: float, density: float
) -> None:
    """Add one dense area in one lung, with dark bronchi in it."""
    _, columns = grid(SHAPE)
    middle = columns[lungs].mean() if lungs.any() else SIZE / 2
    side = lungs & ((columns < middle) == (rng.random() < 0.5))
    places = np.flatnonzero(side)
    if not len(places):
        return
    center = divmod(int(rng.choice(places)), SIZE)
    outline = lesion(rng, SHAPE, center, radius, rng.uniform(0.7, 1.4), 0.08) & side
    bronchi = np.abs(smooth_noise(rng, SHAPE, 2.5)) < 0.12
    dense = gaussian_filter((outline & ~bronchi).astype(np.float32), 0.8) * lungs
    picture += density * dense * (BLOOD - picture)


def _lungs(rng: np.random.Generator, thorax: Thorax, height: float) -> np.ndarray:
    """Return both lungs: the inner thorax less the middle, smaller towards the apex."""
    size = 1 - thorax.wall - 0.16 * max(0.0, height) ** 2
    chest = _scaled(thorax, size)
    _, across = _own_axes(thorax)
    waves = 0.03 * smooth_noise(rng, SHAPE, 9)
    gap = 0.13 + 0.09 * max(0.0, height) + waves
    heart = _organ(
        thorax,
        (-0.18 + 0.15 * max(0.0, -height), 0.12 * thorax.heart + 0.1 * thorax.lean),
        (0.42 * thorax.heart, 0.36 * thorax.heart * (1 - 0.45 * max(0.0, height))),
    )
    dome = _organ(thorax, (0.05, -0.45), (0.5, 0.42)) if height < -0.55 else False
    spine = _organ(thorax, (0.72, 0.0), (0.26, 0.2))
    return chest & (np.abs(across) > gap) & ~heart & ~spine & ~np.asarray(dome)


def _vessels(rng: np.random.Generator, lungs: np.ndarray) -> np.ndarray:
    """Return how much of each pixel is vessel, 0 to 1: thin ridges and dots, fewer outside."""
    depth = np.clip(distance_transform_edt(lungs) / 18, 0.15, 1)
    ridges = np.exp(-((smooth_noise(rng, SHAPE, 3.2) / 0.11) ** 2))
    dots = np.clip(1.6 * (smooth_noise(rng, SHAPE, 1.2) - 1.5), 0, 1)
    present = np.clip(smooth_noise(rng, SHAPE, 4) + 0.1, 0, 1)
    return np.clip((ridges * present + dots) * depth, 0, 1) * lungs


def _ribs(thorax: Thorax, rng: np.random.Generator) -> np.ndarray:
    """Return ribs: arcs of the chest wall, cut where the noise along the wall says so."""
    ring = _scaled(thorax, 1 - 0.45 * thorax.wall) & ~_scaled(thorax, 1 - 0.75 * thorax.wall)
    return ring & (smooth_noise(rng, SHAPE, 7) > 0.1)


def _add_table(picture: np.ndarray, thorax: Thorax) -> None:
    rows, columns = grid(SHAPE)
    back = thorax.center[0] + thorax.half[0] + thorax.table
    bend = back - 0.0012 * (columns - thorax.center[1]) ** 2
    picture[(rows > bend) & (rows < bend + 4)] = 0.45


def _own_axes(thorax: Thorax) -> tuple[np.ndarray, np.ndarray]:
    """Return distances down and across in the thorax's own axes, in half heights and widths."""
    rows, columns = grid(SHAPE)
    dy, dx = rows - thorax.center[0], columns - thorax.center[1]
    across = dx * np.cos(thorax.tilt) + dy * np.sin(thorax.tilt)
    down = -dx * np.sin(thorax.tilt) + dy * np.cos(thorax.tilt)
    return down / thorax.half[0], across / thorax.half[1]


def _scaled(thorax: Thorax, factor: float) -> np.ndarray:
    down, across = _own_axes(thorax)
    return np.abs(down) ** 2.3 + np.abs(across) ** 2.3 <= factor**2.3


def _organ(thorax: Thorax, place: tuple[float, float], half: tuple[float, float]) -> np.ndarray:
    """Return an ellipse placed and sized in the thorax's own axes."""
    down, across = _own_axes(thorax)
    return ((down - place[0]) / half[0]) ** 2 + ((across - place[1]) / half[1]) ** 2 <= 1

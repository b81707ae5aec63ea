"""Stand-ins for two datasets of chest CT slices in a lung window: COVID19-CT and CC-CCII.

A thorax of fat, muscle, ribs and spine around two lungs with vessels, heart and aorta, on a
table.  Opacities are hazy patches near the pleura (ground glass, as in COVID-19) or one dense
wedge with bronchi in it (consolidation, as in lobar pneumonia).  One hidden suspicion per patient
drives them, and its distributions overlap.  The tendencies follow the Fleischner glossary
(Hansell et al., Radiology 246, 2008, 697-722); the numbers are chosen, not measured.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy import ndarray
from numpy.random import Generator, default_rng
from scipy.ndimage import distance_transform_edt, gaussian_filter

from rin.data.layouts.folders import LESIONS, METADATA, SCAN_COLUMNS, SCANS
from rin.data.standins.phantoms import (
    Axes,
    Pair,
    blurred,
    ellipse,
    grid,
    outline,
    oval,
    smooth_noise,
    to_uint8,
    turned,
)
from rin.data.standins.writers import write_cases, write_picture, write_table

SIZE = 160
SHAPE = (SIZE, SIZE)
AIR, FAT, MUSCLE, BLOOD, BONE = 0.06, 0.62, 0.74, 0.76, 0.97
COVID19_CLASSES = ("negative", "positive")
CC_CCII_CLASSES = {"cp": "CP", "ncp": "NCP", "normal": "Normal"}
#: CC-CCII: the lesions stand in the middle two slices, and those are listed.
LESION_SLICES = (1, 2)
SUSPICION = {"negative": -1.0, "positive": 1.0, "cp": -1.0, "ncp": 1.0, "normal": 0.0}
METADATA_COLUMNS = (
    *("patient_id", "Age", "Sex(Male1/Female2)", "Critical_illness"),
    *("Liver_function", "Lung_function", "Progression (Days)"),
)


def write_covid19_ct(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the slices of so many patients in class folders."""

    def write(kind: str, index: int) -> tuple[str, int, int]:
        slices = draw_covid19_patient(kind, index, seed)
        for number, picture in enumerate(slices, start=1):
            write_picture(folder / kind / f"{kind[0]}{index + 1:04d}_{number}.png", picture)
        return kind, len(slices), 0

    return write_cases(write, counts)


def draw_covid19_patient(kind: str, index: int, seed: int) -> list[ndarray]:
    """Draw the slices of one patient, uint8 (160, 160) each; equal arguments, equal pixels.

    Patients of both classes may have a consolidation, which says nothing about the class.
    """
    rng = default_rng([seed, COVID19_CLASSES.index(kind), index])
    thorax, suspicion = draw_thorax(rng), SUSPICION[kind] + rng.normal()
    dense = rng.random() < 0.2
    slices = []
    for height in (-0.45, 0.0, 0.4):
        picture, lungs = draw_slice(rng, thorax, height + rng.normal(0, 0.08))
        patches = int(rng.poisson(np.clip(2.4 + 2.0 * suspicion, 0.1, 9)))
        radius = np.clip(10 + 2 * suspicion, 5, 16)
        density = np.clip(0.4 + 0.06 * suspicion, 0.2, 0.6)
        _add_ground_glass(rng, picture, lungs, patches, radius, density)
        if dense and rng.random() < 0.7:
            add_consolidation(rng, picture, lungs, rng.uniform(6, 11), rng.uniform(0.6, 0.9))
        slices.append(finish(rng, picture, thorax))
    return slices


def write_cc_ccii(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write the scans of so many patients, and tables; counted are listed and normal slices."""

    def write(kind: str, index: int) -> tuple[str, str, list[str]]:
        # Numbers interleave, so that each patient and scan has one number in the whole set.
        number = 3 * index + list(CC_CCII_CLASSES).index(kind) + 1
        # The published slices are PNG in most scans and JPEG in some.
        ending, quality = (".jpg", {"quality": 95}) if index % 5 == 4 else (".png", {})
        names = []
        for position, picture in enumerate(draw_cc_ccii_scan(kind, index, seed)):
            place = f"{CC_CCII_CLASSES[kind]}/{number}/{1000 + number}"
            names.append(f"{place}/{position:04d}{ending}")
            write_picture(folder / names[-1], picture, **quality)
        return kind, str(number), names

    listed, scans, clinical, rows = [], [], [], []
    for kind, patient, names in write_cases(write, counts):
        name = CC_CCII_CLASSES[kind]
        scans.append((f"{name}-1.zip", name, patient, 1000 + int(patient), len(names)))
        lesions = [] if kind == "normal" else [names[number] for number in LESION_SLICES]
        listed += lesions
        rows.append((name, len(lesions or names), 0))
        if kind == "ncp":
            rng = default_rng([seed, len(CC_CCII_CLASSES), int(patient)])
            age, days = int(rng.integers(22, 85)), int(rng.integers(1, 15))
            critical = int(rng.random() < 0.2)
            clinical.append((patient, age, 1 + age % 2, critical, *rng.integers(0, 6, 2), days))
    write_table(folder / LESIONS, ("imgpath",), [(name,) for name in listed])
    write_table(folder / SCANS, SCAN_COLUMNS, scans)
    write_table(folder / METADATA, METADATA_COLUMNS, clinical)
    return rows


def draw_cc_ccii_scan(kind: str, index: int, seed: int) -> list[ndarray]:
    """Draw the slices of one scan, top to bottom, uint8 (160, 160) each.

    COVID-19 (ncp) tends to several hazy patches near the pleura of both lungs, common pneumonia
    (cp) to one dense area in one lung.  Equal arguments give equal pixels.
    """
    rng = default_rng([seed, list(CC_CCII_CLASSES).index(kind), index])
    thorax, suspicion = draw_thorax(rng), SUSPICION[kind] + rng.normal()
    dense = rng.random() < 1 / (1 + np.exp(2.5 * suspicion))
    slices = []
    for number, height in enumerate((0.85, 0.3, -0.2, -0.95)[: 4 - index % 2]):
        picture, lungs = draw_slice(rng, thorax, height + rng.normal(0, 0.06))
        if number in LESION_SLICES and kind != "normal":
            patches = int(rng.poisson(np.clip(2.8 + 1.8 * suspicion, 0.2, 9)))
            _add_ground_glass(rng, picture, lungs, patches, rng.uniform(8, 13), 0.42)
            if dense or not patches:
                radius = np.clip(18 - 3 * suspicion, 9, 26)
                add_consolidation(rng, picture, lungs, radius, rng.uniform(0.6, 0.95))
        slices.append(finish(rng, picture, thorax))
    return slices


class Thorax(SimpleNamespace):
    """What the slices of one patient share; lengths in pixels, angles in radians."""

    def axes(self) -> Axes:
        """Return distances down and across in its own axes, in half heights and widths."""
        rows, columns = grid(SHAPE)
        down, across = turned(rows - self.center[0], columns - self.center[1], self.tilt)
        return down / self.half[0], across / self.half[1]

    def shell(self, factor: float) -> ndarray:
        """Return its outline, scaled, filled, bool."""
        down, across = self.axes()
        return np.abs(down) ** 2.3 + np.abs(across) ** 2.3 <= factor**2.3

    def organ(self, place: Pair, half: Pair) -> ndarray:
        """Return an ellipse placed and sized in its own axes, bool."""
        return oval(self.axes(), place, half)


def draw_thorax(rng: Generator) -> Thorax:
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


def draw_slice(rng: Generator, thorax: Thorax, height: float) -> tuple[ndarray, ndarray]:
    """Draw one slice without opacities: float32 (160, 160), about 0 to 1; and the lungs, bool.

    ``height`` runs from -1 (diaphragm) to 1 (apex), towards which the lungs shrink.
    """
    rows, columns = grid(SHAPE)
    picture = np.full(SHAPE, AIR, dtype=np.float32)
    table = thorax.center[0] + thorax.half[0] + thorax.table
    table = table - 0.0012 * (columns - thorax.center[1]) ** 2
    picture[(rows > table) & (rows < table + 4)] = 0.45
    picture[ellipse(SHAPE, thorax.center, thorax.half, thorax.tilt)] = FAT
    inner = thorax.shell(1 - thorax.fat)
    picture[inner] = MUSCLE + 0.03 * smooth_noise(rng, SHAPE, 3)[inner]
    lungs = _lungs(rng, thorax, height)
    # Ribs are arcs of the chest wall, cut where the noise along the wall says so.
    ring = thorax.shell(1 - 0.45 * thorax.wall) & ~thorax.shell(1 - 0.75 * thorax.wall)
    picture[ring & (smooth_noise(rng, SHAPE, 7) > 0.1) & inner & ~lungs] = BONE
    picture[thorax.organ((0.72, 0.0), (0.16, 0.11))] = BONE
    aorta = thorax.organ((0.42, 0.16), (0.1, 0.08))
    lungs &= ~aorta
    air = thorax.lung + 0.015 * smooth_noise(rng, SHAPE, 6)
    # Vessels are thin ridges and dots, fewer outside.
    depth = np.clip(distance_transform_edt(lungs) / 18, 0.15, 1)
    ridges = np.exp(-((smooth_noise(rng, SHAPE, 3.2) / 0.11) ** 2))
    dots = np.clip(1.6 * (smooth_noise(rng, SHAPE, 1.2) - 1.5), 0, 1)
    present = np.clip(smooth_noise(rng, SHAPE, 4) + 0.1, 0, 1)
    vessels = np.clip((ridges * present + dots) * depth, 0, 1) * lungs
    picture = np.where(lungs, air + (BLOOD - air) * vessels, picture)
    picture[aorta] = BLOOD
    return picture.astype(np.float32), lungs


def _lungs(rng: Generator, thorax: Thorax, height: float) -> ndarray:
    """Return both lungs: the inner thorax less the middle, smaller towards the apex."""
    apex = max(0.0, height)
    gap = 0.13 + 0.09 * apex + 0.03 * smooth_noise(rng, SHAPE, 9)
    heart = thorax.organ(
        (-0.18 + 0.15 * max(0.0, -height), 0.12 * thorax.heart + 0.1 * thorax.lean),
        (0.42 * thorax.heart, 0.36 * thorax.heart * (1 - 0.45 * apex)),
    )
    spine = thorax.organ((0.72, 0.0), (0.26, 0.2))
    lungs = thorax.shell(1 - thorax.wall - 0.16 * apex**2)
    lungs &= (np.abs(thorax.axes()[1]) > gap) & ~heart & ~spine
    if height < -0.55:
        lungs &= ~thorax.organ((0.05, -0.45), (0.5, 0.42))
    return lungs


def finish(rng: Generator, picture: ndarray, thorax: Thorax) -> ndarray:
    """Return the picture with the scanner's blur and its fine and coarse noise, uint8."""
    noise = smooth_noise(rng, SHAPE, 0.8) + 0.6 * smooth_noise(rng, SHAPE, 5)
    return to_uint8(gaussian_filter(picture, 0.7) + thorax.noise * noise)


def _add_ground_glass(
    rng: Generator, picture: ndarray, lungs: ndarray, patches: int, radius: float, density: float
) -> None:
    """Add hazy patches near the pleura, mostly behind, through which vessels stay visible."""
    near = np.exp(-distance_transform_edt(lungs) / 7) * lungs
    near = (near * np.exp(1.5 * grid(SHAPE)[0] / SIZE)).ravel()
    if not patches or not near.any():
        return
    outlines = np.zeros(SHAPE, dtype=np.float32)
    for place in rng.choice(SIZE * SIZE, size=patches, p=near / near.sum()):
        # A rough disc is drawn in a window of its own, which is faster.
        (y, x), size = divmod(int(place), SIZE), radius * rng.uniform(0.6, 1.4)
        side = int(2.2 * size)
        drawn = outline(rng, (2 * side + 1,) * 2, (side, side), size, 1.0, 0.16)
        top, left = max(0, y - side), max(0, x - side)
        target = outlines[top : y + side + 1, left : x + side + 1]
        row, column = top - y + side, left - x + side
        target[drawn[row : row + target.shape[0], column : column + target.shape[1]]] = 1
    haze = gaussian_filter(outlines, 2.0) * lungs
    haze *= np.clip(0.8 + 0.25 * smooth_noise(rng, SHAPE, 3), 0, 1.2)
    picture += density * haze * (BLOOD - picture)


def add_consolidation(
    rng: Generator, picture: ndarray, lungs: ndarray, radius: float, density: float
) -> None:
    """Add one dense area in one lung, with dark bronchi in it."""
    columns = grid(SHAPE)[1]
    middle = columns[lungs].mean() if lungs.any() else SIZE / 2
    side = lungs & ((columns < middle) == (rng.random() < 0.5))
    places = np.flatnonzero(side)
    if not len(places):
        return
    center = divmod(int(rng.choice(places)), SIZE)
    wedge = outline(rng, SHAPE, center, radius, rng.uniform(0.7, 1.4), 0.08) & side
    bronchi = np.abs(smooth_noise(rng, SHAPE, 2.5)) < 0.12
    picture += density * (blurred(wedge & ~bronchi, 0.8) * lungs) * (BLOOD - picture)

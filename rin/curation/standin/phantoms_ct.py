"""CT phantoms of the stand-in archive, in Hounsfield units: chest and upper abdomen.

The chest is that of `rin.data.standins.chest_ct`.  Densities follow textbooks of CT; the
shapes are chosen, not measured.
"""

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import binary_closing, distance_transform_edt, gaussian_filter

from rin.curation.standin.phantom import Drawing, Lesion, oval, own_axes, resized, resized_mask
from rin.data.standins import chest_ct
from rin.data.standins.textures import lesion as outline
from rin.data.standins.textures import smooth_noise

#: Gray of the chest phantom, and the Hounsfield units that it stands for.
GRAY = (0.0, chest_ct.AIR, 0.13, 0.18, chest_ct.FAT, chest_ct.MUSCLE, chest_ct.BLOOD, 1.0)
HOUNSFIELD = (-1000, -1000, -880, -820, -95, 45, 60, 750)
AIR, FAT, MUSCLE, BONE, BOWEL, CONTRAST = -1000.0, -100.0, 55.0, 420.0, 35.0, 165.0


def draw_chest(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw a chest slice, from the domes of the diaphragm to below the apex.

    Labels: ``Nodule``, a dense round spot in one lung; ``Airspace_opacity``, a consolidation
    with bronchi in it.
    """
    thorax = chest_ct.draw_thorax(anatomy)
    picture, lungs = chest_ct.draw_slice(texture, thorax, 0.1 + 0.5 * height)
    grain = smooth_noise(texture, chest_ct.SHAPE, 0.8)
    found = {}
    for lesion in lesions:
        add = {"Nodule": _add_nodule, "Airspace_opacity": _add_opacity}[lesion.label]
        mask = add(lesion, picture, lungs)
        if mask.any():
            found[lesion.label] = resized_mask(mask, shape)
    values = np.interp(gaussian_filter(picture, 0.7), GRAY, HOUNSFIELD)
    return Drawing(resized(values + 900 * thorax.noise * grain, shape), found)


def _add_nodule(lesion: Lesion, picture: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    rng = lesion.generator()
    radius = rng.uniform(6.5, 11) * lesion.share
    side = rng.choice([-1, 1])
    wanted = np.array([rng.uniform(0.35, 0.62), 0.5 + side * rng.uniform(0.17, 0.27)])
    places = np.argwhere(distance_transform_edt(lungs) > min(radius, 5))
    if not len(places):
        return np.zeros_like(lungs)
    center = places[np.argmin(((places - wanted * chest_ct.SIZE) ** 2).sum(1))]
    mask = outline(rng, chest_ct.SHAPE, center, radius, rng.uniform(0.85, 1.2), 0.07)
    soft = gaussian_filter(mask.astype(np.float32), 0.6)
    picture += soft * (chest_ct.BLOOD - picture)
    return mask


def _add_opacity(lesion: Lesion, picture: np.ndarray, lungs: np.ndarray) -> np.ndarray:
    before = picture.copy()
    rng = lesion.generator()
    radius, density = rng.uniform(19, 30) * (0.4 + 0.6 * lesion.share), rng.uniform(0.8, 0.98)
    for _ in range(4):
        # A place at the rim of a lung leaves little of the opacity: the next one is tried.
        chest_ct.add_consolidation(rng, picture, lungs, radius, density)
        mask = binary_closing(picture - before > 0.12, iterations=3) & lungs
        if mask.sum() > radius**2:
            return mask
        picture[:] = before
    return np.zeros_like(lungs)


def draw_abdomen(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw a contrast-enhanced slice through liver and kidneys.

    Label: ``liver_lesion``, a mass that takes up less contrast than the liver.
    """
    half = (anatomy.uniform(0.58, 0.74), anatomy.uniform(0.8, 0.92))
    axes = own_axes(shape, anatomy.normal(0, 0.03, 2), anatomy.normal(0, 0.06))
    rim = anatomy.uniform(0.05, 0.16)
    inner = (half[0] - rim, half[1] - rim)
    cavity = oval(axes, (0, 0), (inner[0] - 0.07, inner[1] - 0.07), 2.3)
    values = np.full(shape, AIR, dtype=np.float32)
    values[oval(axes, (0, 0), half, 2.3)] = FAT
    values[oval(axes, (0, 0), inner, 2.3)] = MUSCLE
    values[cavity] = FAT
    _add_bowel(anatomy, texture, values, axes, cavity, inner)
    liver = _add_organs(anatomy, values, axes, cavity, inner, height)
    values += cavity * 6 * smooth_noise(texture, shape, 0.03 * shape[0])
    found = {}
    for lesion in lesions:
        if lesion.label != "liver_lesion":
            raise KeyError(lesion.label)
        mask = _add_liver_lesion(lesion, values, liver)
        if mask.any():
            found[lesion.label] = mask
    grain = anatomy.uniform(12, 22) * smooth_noise(texture, shape, 0.7)
    return Drawing((gaussian_filter(values, 0.6) + grain).astype(np.float32), found)


def _add_bowel(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    values: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    cavity: np.ndarray,
    inner: tuple[float, float],
) -> None:
    """Fill the front with loops, some with gas."""
    for _ in range(11):
        place = anatomy.uniform(-0.7, 0.35) * inner[0], anatomy.uniform(-0.75, 0.75) * inner[1]
        place = place[0] + 0.04 * texture.normal(), place[1] + 0.04 * texture.normal()
        size = anatomy.uniform(0.07, 0.13)
        values[oval(axes, place, (size, 1.3 * size)) & cavity] = BOWEL
        if texture.random() < 0.35:
            gas = (place[0] - 0.3 * size, place[1])
            values[oval(axes, gas, (0.45 * size, 0.8 * size)) & cavity] = -850


def _add_organs(
    anatomy: np.random.Generator,
    values: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    cavity: np.ndarray,
    inner: tuple[float, float],
    height: float,
) -> np.ndarray:
    """Lay stomach, spleen, kidneys, liver, vessels and spine; return the liver."""
    down, across = inner
    stomach = (-0.4 * down, 0.38 * across), (0.2 + 0.06 * height, 0.22)
    values[oval(axes, *stomach) & cavity] = BOWEL
    values[oval(axes, (-0.52 * down, 0.38 * across), (0.09, 0.15)) & cavity] = -900
    liver_size = anatomy.uniform(0.88, 1.08) * (1 + 0.18 * height)
    spleen = 0.22 * anatomy.uniform(0.8, 1.25) * (1 + 0.3 * height)
    values[oval(axes, (0.22 * down, 0.78 * across), (spleen, 0.55 * spleen)) & cavity] = 120
    for side in (-1, 1):
        size = 0.15 * anatomy.uniform(0.85, 1.15) * np.clip(0.75 - 0.6 * height, 0, 1.2)
        place = (0.5 * down, side * 0.5 * across)
        if size > 0.05:
            values[oval(axes, place, (1.25 * size, size))] = CONTRAST
            values[oval(axes, (place[0], place[1] - side * 0.3 * size), (0.5 * size,) * 2)] = 20
    liver = oval(axes, (-0.05 * down, -0.62 * across), (0.72 * down * liver_size, 0.5 * across))
    liver |= oval(axes, (-0.38 * down, -0.2 * across), (0.3 * down * liver_size, 0.42 * across))
    liver &= cavity
    values[liver] = anatomy.normal(108, 8)
    for _ in range(6):
        vessel = anatomy.uniform(-0.4, 0.3) * down, anatomy.uniform(-0.85, -0.3) * across
        values[oval(axes, vessel, (0.022, 0.03)) & liver] = 150
    values[oval(axes, (0.58 * down, 0), (0.17, 0.15))] = MUSCLE
    values[oval(axes, (0.5 * down, 0), (0.13, 0.15))] = BONE
    values[oval(axes, (0.66 * down, 0), (0.05, 0.06))] = 30
    values[oval(axes, (0.8 * down, 0), (0.09, 0.03))] = BONE
    values[oval(axes, (0.2 * down, 0.07), (0.06, 0.06))] = 175
    values[oval(axes, (0.2 * down, -0.11), (0.055, 0.075))] = 140
    return liver & (values > 70)


def _add_liver_lesion(lesion: Lesion, values: np.ndarray, liver: np.ndarray) -> np.ndarray:
    rng = lesion.generator()
    depth = distance_transform_edt(liver)
    side = values.shape[0]
    radius = side * rng.uniform(0.06, 0.1)
    places = np.argwhere(depth > min(radius, 0.85 * depth.max()))
    if not len(places):
        return np.zeros_like(liver)
    center = places[int(rng.random() * len(places))]
    aspect, rough = rng.uniform(0.8, 1.25), rng.uniform(0.03, 0.09)
    mask = outline(rng, values.shape, center, radius * lesion.share, aspect, rough) & liver
    soft = gaussian_filter(mask.astype(np.float32), 0.7)
    inside = rng.uniform(5, 45)
    if rng.random() < 0.4:
        ring = soft - gaussian_filter(mask.astype(np.float32), 0.02 * side)
        values += np.clip(ring, 0, 1) * 90
    values += soft * (inside - values)
    return mask

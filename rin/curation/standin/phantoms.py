"""Phantoms of the stand-in archive: CT in Hounsfield units, MR and ultrasound from 0 to 1.

A phantom is drawn from three sources of chance: ``anatomy`` belongs to the patient and repeats
in every slice and every later study, ``texture`` belongs to the slice, and each lesion brings
its own.  So a slice can be drawn with and without its lesions, and differs there alone.  Chest
and knee are those of the stand-in datasets.  Densities and tendencies follow textbooks; the shapes
are chosen, not measured.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from numpy import ndarray
from numpy.random import Generator, default_rng
from scipy.ndimage import (
    binary_closing,
    binary_erosion,
    distance_transform_edt,
    gaussian_filter,
    label,
)

from rin.curation.standin.studies import CLASSES, REGIONS, Study
from rin.data.standins import chest_ct, mrnet
from rin.data.standins.phantoms import (
    Axes,
    Pair,
    blurred,
    echoes,
    grid,
    outline,
    oval,
    own_axes,
    resized,
    smooth_noise,
    to_uint8,
    turned,
)

#: Gray of the chest phantom, and the Hounsfield units that it stands for.
GRAY = (0.0, chest_ct.AIR, 0.13, 0.18, chest_ct.FAT, chest_ct.MUSCLE, chest_ct.BLOOD, 1.0)
HOUNSFIELD = (-1000, -1000, -880, -820, -95, 45, 60, 750)
FAT, MUSCLE, BONE, BOWEL = -100.0, 55.0, 420.0, 35.0
#: Which hidden suspicion of the knee phantom a label raises.
KNEE_SIGNS = {"acl_pathology": "ligament", "meniscal_abnormality": "meniscus"}
DISCS = 5


class Lesion(NamedTuple):
    """A lesion in a slice: class, size as a share of its largest, and seed of place and shape."""

    label: str
    share: float
    seed: tuple[int, ...]


class Cut(NamedTuple):
    """What a slice is drawn from: sources of chance, height (-1 to 1), (h, w), and lesions."""

    anatomy: Generator
    texture: Generator
    height: float
    shape: tuple[int, int]
    lesions: Sequence[Lesion]

    def lay(self, add: dict[str, Callable[..., ndarray]], *on: object) -> dict[str, ndarray]:
        """Add each lesion with the function of its label, and return the masks that show."""
        masks = {
            name: add[name](default_rng(seed), share, *on) for name, share, seed in self.lesions
        }
        return {name: mask for name, mask in masks.items() if mask.any()}


class Drawing(NamedTuple):
    """A slice in physical values, float32 (h, w), and per lesion where it lies, bool (h, w)."""

    values: ndarray
    lesions: dict[str, ndarray]


def draw_slices(study: Study, size: int, seed: int, *, healthy: bool = False) -> list[Drawing]:
    """Draw the diagnostic slices of a study, ``size`` pixels wide; ultrasound is three to four.

    Studies of one patient share anatomy and lesions; ``healthy`` leaves the lesions out, and the
    slices differ there alone.
    """
    who = (seed, study.patient.number, list(REGIONS).index(study.region))
    height = 3 * size // 4 if study.facts["modality"] == "US" else size
    return [
        PHANTOMS[study.region](
            Cut(
                anatomy=default_rng([2, *who]),
                texture=default_rng([3, *who, study.visit, index]),
                height=(2 * index + 1) / study.slices - 1,
                shape=(height, size),
                lesions=() if healthy else _lesions(study, who, index),
            )
        )
        for index in range(study.slices)
    ]


def _lesions(study: Study, who: tuple[int, ...], index: int) -> list[Lesion]:
    """Return the lesions that a slice cuts, each about the middle of the study."""
    found = []
    for name in study.findings:
        own = (4, *who, list(CLASSES).index((study.region, name)))
        rng = default_rng([5, *own])
        middle = round((study.slices - 1) * rng.uniform(0.35, 0.65))
        share = 1 - ((index - middle) / rng.uniform(1.1, 2.2)) ** 2
        # The knee's ligament and menisci are found where they are, not about a middle.
        share = 1.0 if study.region == "knee" else np.sqrt(max(0.0, share))
        if share > 0.5:
            found.append(Lesion(name, float(share), own))
    return found


def key_slices(drawings: Sequence[Drawing], name: str) -> list[int]:
    """Return the slices, at most three, that show most of a lesion, in order."""
    areas = [drawing.lesions.get(name, np.zeros(1)).sum() for drawing in drawings]
    shown = [index for index in np.argsort(areas, kind="stable")[::-1] if areas[index] > 0]
    if not shown:
        raise ValueError(f"no slice shows {name}")
    return sorted(int(index) for index in shown[:3])


def display(drawing: Drawing, region: str) -> ndarray:
    """Return a drawing as it stands on a screen, uint8 (h, w)."""
    values = drawing.values
    if "window" in REGIONS[region]:
        center, width = REGIONS[region]["window"]
        values = (values - center) / width + 0.5
    return to_uint8(values)


def draw_localizer(study: Study, size: int, seed: int) -> ndarray:
    """Draw the scout of a CT or MR study, 0 to 1, float32: a coarse outline with scan lines."""
    rng = default_rng([6, seed, study.number])
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


def _resized_mask(mask: ndarray, shape: tuple[int, int]) -> ndarray:
    return resized(mask.astype(np.float32), shape) > 0.5


def draw_chest(cut: Cut) -> Drawing:
    """Draw a chest slice: a dense round spot is a nodule, an opacity has bronchi in it."""
    thorax = chest_ct.draw_thorax(cut.anatomy)
    picture, lungs = chest_ct.draw_slice(cut.texture, thorax, 0.1 + 0.5 * cut.height)
    grain = smooth_noise(cut.texture, chest_ct.SHAPE, 0.8)
    found = cut.lay({"Nodule": _add_nodule, "Airspace_opacity": _add_opacity}, picture, lungs)
    found = {name: _resized_mask(mask, cut.shape) for name, mask in found.items()}
    values = np.interp(gaussian_filter(picture, 0.7), GRAY, HOUNSFIELD)
    return Drawing(resized(values + 900 * thorax.noise * grain, cut.shape), found)


def _add_nodule(rng: Generator, share: float, picture: ndarray, lungs: ndarray) -> ndarray:
    radius = rng.uniform(6.5, 11) * share
    side = rng.choice([-1, 1])
    wanted = np.array([rng.uniform(0.35, 0.62), 0.5 + side * rng.uniform(0.17, 0.27)])
    places = np.argwhere(distance_transform_edt(lungs) > min(radius, 5))
    if not len(places):
        return np.zeros_like(lungs)
    center = places[np.argmin(((places - wanted * chest_ct.SIZE) ** 2).sum(1))]
    mask = outline(rng, chest_ct.SHAPE, center, radius, rng.uniform(0.85, 1.2), 0.07)
    picture += blurred(mask, 0.6) * (chest_ct.BLOOD - picture)
    return mask


def _add_opacity(rng: Generator, share: float, picture: ndarray, lungs: ndarray) -> ndarray:
    before = picture.copy()
    radius, density = rng.uniform(19, 30) * (0.4 + 0.6 * share), rng.uniform(0.8, 0.98)
    for _ in range(4):
        # A place at the rim of a lung leaves little of the opacity: the next one is tried.
        chest_ct.add_consolidation(rng, picture, lungs, radius, density)
        mask = binary_closing(picture - before > 0.12, iterations=3) & lungs
        if mask.sum() > radius**2:
            return mask
        picture[:] = before
    return np.zeros_like(lungs)


def draw_abdomen(cut: Cut) -> Drawing:
    """Draw a contrast-enhanced slice of liver and kidneys; a mass takes up less than the liver."""
    anatomy, texture, _, shape, _ = cut
    half = (anatomy.uniform(0.58, 0.74), anatomy.uniform(0.8, 0.92))
    axes = own_axes(shape, anatomy.normal(0, 0.03, 2), anatomy.normal(0, 0.06))
    rim = anatomy.uniform(0.05, 0.16)
    inner = (half[0] - rim, half[1] - rim)
    cavity = oval(axes, (0, 0), (inner[0] - 0.07, inner[1] - 0.07), 2.3)
    values = np.full(shape, -1000.0, dtype=np.float32)
    values[oval(axes, (0, 0), half, 2.3)] = FAT
    values[oval(axes, (0, 0), inner, 2.3)] = MUSCLE
    values[cavity] = FAT
    for _ in range(11):
        # Loops fill the front, some with gas.
        place = anatomy.uniform(-0.7, 0.35) * inner[0], anatomy.uniform(-0.75, 0.75) * inner[1]
        place = place[0] + 0.04 * texture.normal(), place[1] + 0.04 * texture.normal()
        size = anatomy.uniform(0.07, 0.13)
        values[oval(axes, place, (size, 1.3 * size)) & cavity] = BOWEL
        if texture.random() < 0.35:
            gas = (place[0] - 0.3 * size, place[1])
            values[oval(axes, gas, (0.45 * size, 0.8 * size)) & cavity] = -850
    liver = _add_organs(cut, values, axes, cavity, inner)
    values += cavity * 6 * smooth_noise(texture, shape, 0.03 * shape[0])
    found = cut.lay({"liver_lesion": _add_liver_lesion}, values, liver)
    grain = anatomy.uniform(12, 22) * smooth_noise(texture, shape, 0.7)
    return Drawing((gaussian_filter(values, 0.6) + grain).astype(np.float32), found)


def _add_organs(cut: Cut, values: ndarray, axes: Axes, cavity: ndarray, inner: Pair) -> ndarray:
    """Lay stomach, spleen, kidneys, liver, vessels and spine; return the liver."""
    anatomy, _, height, _, _ = cut
    down, across = inner
    liver_size = anatomy.uniform(0.88, 1.08) * (1 + 0.18 * height)
    spleen = 0.22 * anatomy.uniform(0.8, 1.25) * (1 + 0.3 * height)
    stomach = (-0.4 * down, 0.38 * across), (0.2 + 0.06 * height, 0.22)
    values[oval(axes, *stomach) & cavity] = BOWEL
    values[oval(axes, (-0.52 * down, 0.38 * across), (0.09, 0.15)) & cavity] = -900
    values[oval(axes, (0.22 * down, 0.78 * across), (spleen, 0.55 * spleen)) & cavity] = 120
    for side in (-1, 1):
        size = 0.15 * anatomy.uniform(0.85, 1.15) * np.clip(0.75 - 0.6 * height, 0, 1.2)
        place = (0.5 * down, side * 0.5 * across)
        if size > 0.05:
            values[oval(axes, place, (1.25 * size, size))] = 165
            values[oval(axes, (place[0], place[1] - side * 0.3 * size), (0.5 * size,) * 2)] = 20
    liver = oval(axes, (-0.05 * down, -0.62 * across), (0.72 * down * liver_size, 0.5 * across))
    liver |= oval(axes, (-0.38 * down, -0.2 * across), (0.3 * down * liver_size, 0.42 * across))
    liver &= cavity
    values[liver] = anatomy.normal(108, 8)
    for _ in range(6):
        vessel = anatomy.uniform(-0.4, 0.3) * down, anatomy.uniform(-0.85, -0.3) * across
        values[oval(axes, vessel, (0.022, 0.03)) & liver] = 150
    # The spine, vena cava and aorta.
    values[oval(axes, (0.58 * down, 0), (0.17, 0.15))] = MUSCLE
    values[oval(axes, (0.5 * down, 0), (0.13, 0.15))] = BONE
    values[oval(axes, (0.66 * down, 0), (0.05, 0.06))] = 30
    values[oval(axes, (0.8 * down, 0), (0.09, 0.03))] = BONE
    values[oval(axes, (0.2 * down, 0.07), (0.06, 0.06))] = 175
    values[oval(axes, (0.2 * down, -0.11), (0.055, 0.075))] = 140
    return liver & (values > 70)


def _add_liver_lesion(rng: Generator, share: float, values: ndarray, liver: ndarray) -> ndarray:
    depth = distance_transform_edt(liver)
    side = values.shape[0]
    radius = side * rng.uniform(0.06, 0.1)
    places = np.argwhere(depth > min(radius, 0.85 * depth.max()))
    if not len(places):
        return np.zeros_like(liver)
    center = places[int(rng.random() * len(places))]
    aspect, rough = rng.uniform(0.8, 1.25), rng.uniform(0.03, 0.09)
    mask = outline(rng, values.shape, center, radius * share, aspect, rough) & liver
    soft = blurred(mask, 0.7)
    inside = rng.uniform(5, 45)
    if rng.random() < 0.4:
        ring = soft - blurred(mask, 0.02 * side)
        values += np.clip(ring, 0, 1) * 90
    values += soft * (inside - values)
    return mask


def draw_brain(cut: Cut) -> Drawing:
    """Draw an axial slice, fluid suppressed; an infarct is bright at one hemisphere's surface."""
    anatomy, texture, height, shape, _ = cut
    tilt = anatomy.normal(0, 0.1)
    axes = own_axes(shape, anatomy.normal(0, 0.03, 2), tilt)
    size = 1 - 0.14 * max(0.0, height) ** 2
    half = np.array([anatomy.uniform(0.74, 0.82), anatomy.uniform(0.6, 0.67)]) * size
    values = np.full(shape, 0.02, dtype=np.float32)
    values[oval(axes, (0, 0), half + 0.12, 2.2)] = anatomy.uniform(0.55, 0.75)
    values[oval(axes, (0, 0), half + 0.07, 2.2)] = 0.05
    inner = oval(axes, (0, 0), half + 0.02, 2.2)
    brain = oval(axes, (0, 0), half, 2.2)
    values[inner] = 0.1
    rind = blurred(brain, 0.035 * shape[0]) < 0.87
    folds = np.abs(smooth_noise(texture, shape, 0.018 * shape[0]))
    white = gaussian_filter(smooth_noise(texture, shape, 0.035 * shape[0]) - 2.4 * rind, 1)
    values[brain] = np.where(white > -0.9, 0.36, 0.47)[brain]
    values[brain & rind & (folds < anatomy.uniform(0.1, 0.2))] = 0.14
    values[brain & (np.abs(axes[1]) < 0.012)] = 0.14
    size = anatomy.uniform(0.8, 1.35) * np.clip(1 - 0.75 * max(0.0, height), 0.2, 1)
    for side, along in ((-1, -1), (-1, 1), (1, -1), (1, 1)):
        # The horns of the ventricles.
        tilt = -0.4 * side * along
        place = turned(0.14 * along * size, side * 0.1 * size, tilt)
        values[oval(turned(*axes, tilt), place, (0.2 * size, 0.05 * size)) & brain] = 0.08
    bias = anatomy.uniform(-0.12, 0.12, 2)
    found = cut.lay({"acute_infarct": _add_infarct}, values, axes, half, brain)
    values = gaussian_filter(values, 0.6) * (1 + bias[0] * axes[0] + bias[1] * axes[1])
    return Drawing(_noisy(texture, values, 0.022), found)


def _add_infarct(
    rng: Generator, share: float, values: ndarray, axes: Axes, half: ndarray, brain: ndarray
) -> ndarray:
    turn = rng.uniform(-0.9, 0.9) + rng.choice([0, np.pi])
    reach = rng.uniform(0.62, 0.85)
    wanted = half[0] * reach * np.sin(turn), half[1] * reach * np.cos(turn)
    place = np.argmin((axes[0] - wanted[0]) ** 2 + (axes[1] - wanted[1]) ** 2)
    radius = values.shape[0] * rng.uniform(0.08, 0.14) * share
    center = np.unravel_index(place, values.shape)
    mask = outline(rng, values.shape, center, radius, rng.uniform(0.7, 1.5), 0.13) & brain
    values += blurred(mask, 0.9) * rng.uniform(0.75, 0.95) * (0.95 - values)
    return mask


def draw_knee(cut: Cut) -> Drawing:
    """Draw a sagittal slice; a torn ligament is bright and thin, a torn meniscus has a line."""
    knee = mrnet.draw_knee(cut.anatomy, "normal")
    knee.ligament = knee.meniscus = -2.2
    state = cut.texture.bit_generator.state
    picture, _ = mrnet.draw_slice(cut.texture, knee, cut.height)
    found = {}
    for lesion in cut.lesions:
        setattr(knee, KNEE_SIGNS[lesion.label], default_rng(lesion.seed).uniform(2.2, 3.2))
        cut.texture.bit_generator.state = state
        changed, _ = mrnet.draw_slice(cut.texture, knee, cut.height)
        found[lesion.label] = _changed_part(picture, changed)
        picture = changed
    if "meniscal_abnormality" in found:
        # The line alone is thinner than a pixel of small pictures: fluid lies around it.
        fluid = blurred(found["meniscal_abnormality"], 1.5)
        picture = picture + 0.7 * fluid * (235.0 - picture)
    found = {name: _resized_mask(mask, cut.shape) for name, mask in found.items() if mask.any()}
    return Drawing(resized(picture / np.float32(255), cut.shape), found)


def _changed_part(before: ndarray, after: ndarray) -> ndarray:
    """Return where two pictures clearly differ, holes closed, as the largest patch; bool."""
    differs = binary_closing(np.abs(after.astype(np.int16) - before) > 14, iterations=3)
    patches, count = label(differs)
    if not count:
        return differs
    return patches == 1 + np.argmax(np.bincount(patches.ravel())[1:])


def draw_spine(cut: Cut) -> Drawing:
    """Draw a sagittal slice of vertebrae; a dark disc bulges into the canal behind them."""
    anatomy, texture, _, shape, _ = cut
    down, across = own_axes(shape, (0, anatomy.normal(0, 0.04)))
    bend, lean = anatomy.uniform(0.08, 0.2), anatomy.normal(0, 0.05)
    beside = across + 0.08 - bend * np.cos(1.7 * down - 0.4) + 0.7 * bend - lean * down
    beside += 0.008 * smooth_noise(texture, shape, 0.08 * shape[0])
    level = (down + 1) * DISCS / 2 + anatomy.uniform(0, 1)
    phase = np.abs(level - np.round(level))
    width = anatomy.uniform(0.2, 0.24)
    values = _around_the_spine(cut, beside, width)
    body = np.abs(beside) < width * (1 - 0.1 * (0.5 - phase))
    values[body] = 0.07
    marrow = np.abs(beside) < width - 0.022
    values[marrow & (phase > 0.19)] = anatomy.uniform(0.36, 0.46)
    ring = body & (phase < 0.165)
    values[ring] = 0.17
    heart = oval((phase, beside), (0, -0.01), (0.115, 0.75 * width))
    values[heart] = anatomy.uniform(0.6, 0.75)

    def add_bulge(rng: Generator, share: float) -> ndarray:
        chosen = int(rng.integers(2, DISCS))
        disc = ring & (np.round(level) == chosen)
        far = rng.uniform(0.09, 0.17) * share
        bulge = oval((level - chosen, beside), (rng.normal(0, 0.03), width), (0.21, far + 0.02))
        bulge &= beside > width - 0.03
        values[disc] = 0.1
        values[bulge] = 0.13
        return disc | bulge

    found = cut.lay({"disc_pathology": add_bulge})
    mottled = 1 + 0.07 * smooth_noise(texture, shape, 0.015 * shape[0])
    coil = 1.15 - 0.35 * (across < 0) * np.abs(across)
    return Drawing(_noisy(texture, gaussian_filter(values * mottled, 0.6) * coil, 0.02), found)


def _around_the_spine(cut: Cut, beside: ndarray, width: float) -> ndarray:
    """Return belly, canal with nerve roots, spinous processes, muscle and fat behind."""
    anatomy, texture, _, shape, _ = cut
    values = 0.28 + 0.12 * smooth_noise(texture, shape, 0.04 * shape[0])
    values[(beside < -width - 0.03) & (beside > -width - 0.17)] = 0.05
    back = beside > width
    values[back] = 0.3
    clear = np.clip(1.25 - 1.1 * abs(cut.height), 0.25, 1)
    canal = back & (beside < width + 0.18)
    roots = 0.22 * np.clip(smooth_noise(texture, shape, (0.2 * shape[0], 0.008 * shape[0])), 0, 2)
    values[canal] = (clear * (0.92 - roots) + (1 - clear) * 0.4)[canal]
    values[back & (beside > width + 0.18) & (beside < width + 0.22)] = 0.06
    waves = np.sin(own_axes(shape)[0] * np.pi * DISCS + anatomy.uniform(0, 6))
    process = (beside > width + 0.22) & (beside < width + 0.5) & (waves > 0.1)
    values[(beside > width + 0.22) & (beside < width + 0.5)] = 0.55
    values[process] = 0.33
    values[beside > width + 0.55 + anatomy.uniform(0, 0.1)] = 0.62
    values[beside > width + 0.85 + anatomy.uniform(0, 0.2)] = 0.02
    return values.astype(np.float32)


def _noisy(texture: Generator, values: ndarray, level: float) -> ndarray:
    """Return the magnitude of a signal with complex noise, float32: Rician, as in MR."""
    noise = texture.standard_normal((2, *values.shape), dtype=np.float32)
    return np.hypot(values + level * noise[0], level * noise[1]).astype(np.float32)


def draw_thyroid(cut: Cut) -> Drawing:
    """Draw a lobe between skin, muscles and carotid; a nodule is darker than the gland."""
    anatomy, texture, height, shape, _ = cut
    side = anatomy.choice([-1.0, 1.0])
    down, across = own_axes(shape)
    bent = down + 0.08 * anatomy.normal() * across + 0.02 * texture.normal()
    level = np.full(shape, -40 + anatomy.normal(0, 2), dtype=np.float32)
    for top, bottom, decibels in ((-1, -0.86, -16), (-0.86, -0.7, -32), (-0.7, -0.44, -43)):
        level[(bent >= top) & (bent < bottom)] = decibels + anatomy.normal(0, 2)
    size = 1 - 0.2 * height**2
    half = anatomy.uniform(0.36, 0.46) * size, anatomy.uniform(0.62, 0.78) * size
    axes = (bent, across)
    center = (0.04 + anatomy.normal(0, 0.03), 0.08 * side)
    gland = oval(axes, center, half, 2.2)
    level[gland] = -21 + anatomy.normal(0, 2)
    ring = oval(axes, (-0.05, -side * 1.15), (0.34, 0.3))
    level[ring | ((bent > -0.05) & (np.abs(across + side * 1.15) < 0.3))] = -53
    artery = anatomy.uniform(0.15, 0.2)
    level[oval(axes, (0.15 + anatomy.normal(0, 0.05), side * 1.0), (artery, 1.1 * artery))] = -54
    level = gaussian_filter(level, (1, 1.6))
    level += 2.5 * smooth_noise(texture, shape, (0.02 * shape[0], 0.05 * shape[1]))
    found = cut.lay({"thyroid_nodule": _add_thyroid_nodule}, level, center, half)
    level -= anatomy.uniform(2, 10) * np.clip(down, 0, 1)
    return Drawing(_sonogram(texture, level), found)


def _add_thyroid_nodule(
    rng: Generator,
    share: float,
    level: ndarray,
    center: tuple[float, float],
    half: tuple[float, float],
) -> ndarray:
    unit = level.shape[0] / 2
    place = center[0] + half[0] * rng.uniform(-0.25, 0.25)
    aside = center[1] + half[1] * rng.uniform(-0.45, 0.45)
    middle = ((1 + place) * unit, level.shape[1] / 2 + aside * unit)
    radius = unit * rng.uniform(0.2, 0.32) * share
    mask = outline(rng, level.shape, middle, radius, rng.uniform(0.7, 1.2), 0.06)
    level += 0.92 * blurred(mask, 1) * (rng.uniform(-40, -33) - level)
    if rng.random() < 0.4:
        level += 12 * blurred(mask ^ binary_erosion(mask), 0.6)
    inside = np.argwhere(binary_erosion(mask, iterations=2))
    for row, column in rng.choice(inside, rng.integers(0, 5)) if len(inside) else ():
        level[row, column : column + 2] += 26
    return mask


def draw_upper_abdomen(cut: Cut) -> Drawing:
    """Draw liver and right kidney; a gallbladder is dark, with stones that cast a shadow."""
    anatomy, texture, height, shape, _ = cut
    down, across = own_axes(shape)
    level = np.full(shape, -25 + anatomy.normal(0, 2), dtype=np.float32)
    level[down < -0.75] = -30
    wave = 0.04 * smooth_noise(texture, shape, 0.12 * shape[0])
    border = 0.45 + 0.35 * across + 0.12 * height + wave
    level[down > border] = -36
    level += 10 * np.exp(-(((down - border) / 0.03) ** 2))
    axes = own_axes(shape, (0.5 + 0.1 * height, 0.55), -0.3 + anatomy.normal(0, 0.1))
    kidney = anatomy.uniform(0.2, 0.26), anatomy.uniform(0.42, 0.52)
    level[oval(axes, (0, 0), kidney)] = -33
    level[oval(axes, (0, 0), (0.4 * kidney[0], 0.6 * kidney[1]))] = -15
    for _ in range(5):
        vessel = anatomy.uniform(-0.6, 0.2), anatomy.uniform(-0.7, 0.7)
        along = own_axes(shape, vessel, anatomy.uniform(-0.8, 0.8))
        size = anatomy.uniform(0.02, 0.045)
        level[oval(along, (0, 0), (size, 4 * size)) & (down < border)] = -47
    level = gaussian_filter(level, (0.9, 1.5))
    level += 2.5 * smooth_noise(texture, shape, (0.02 * shape[0], 0.05 * shape[1]))
    found = cut.lay({"gb": _add_gallbladder}, level)
    level -= anatomy.uniform(4, 10) * np.clip(down, 0, 1)
    return Drawing(_sonogram(texture, level) * _sector(shape), found)


def _add_gallbladder(rng: Generator, share: float, level: ndarray) -> ndarray:
    shape = level.shape
    rows, _ = grid(shape)
    center = rng.uniform(-0.3, -0.02), rng.uniform(-0.4, 0.15)
    axes = own_axes(shape, center, rng.uniform(-0.6, 0.6))
    half = np.array([rng.uniform(0.17, 0.24), rng.uniform(0.34, 0.46)])
    half *= 0.55 + 0.45 * share
    mask = oval(axes, (0, 0), half)
    wall = oval(axes, (0, 0), half + 0.035) & ~mask
    behind = np.cumsum(mask, axis=0) > 0
    level += 8 * blurred(behind & ~mask, (1, 3))
    level[mask] = -54
    level[wall] = -16
    for _ in range(rng.integers(1, 4)):
        place = 0.55 * half[0], rng.uniform(-0.5, 0.5) * half[1]
        size = rng.uniform(0.05, 0.08)
        stone = oval(axes, place, (0.7 * size, size))
        shadow = (np.cumsum(stone, axis=0) > 0) & ~stone & (rows > rows[stone].min())
        level -= 22 * blurred(shadow, (0.8, 1.4))
        level[stone] = -4
    return mask | wall


def _sonogram(texture: Generator, level: ndarray) -> ndarray:
    """Return the compressed picture of an echo level, float32."""
    return np.clip(echoes(texture, level, 0.7, 1.1, blur=0.4), 0, 1).astype(np.float32)


def _sector(shape: tuple[int, int]) -> ndarray:
    """Return the field of view of a curved probe, bool."""
    down, across = own_axes(shape)
    away = np.hypot(down + 1.9, across)
    return (away > 0.98) & (away < 2.88) & (np.abs(across) < 0.72 * (down + 1.9))


PHANTOMS: dict[str, Callable[[Cut], Drawing]] = {
    "lung": draw_chest,
    "abd": draw_abdomen,
    "brain": draw_brain,
    "knee": draw_knee,
    "spine": draw_spine,
    "usthyroid": draw_thyroid,
    "usabd": draw_upper_abdomen,
}

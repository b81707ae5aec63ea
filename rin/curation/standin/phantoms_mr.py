"""MR phantoms of the stand-in archive, signal 0 to 1: brain (FLAIR), knee, lumbar spine (T2).

The knee is that of `rin.data.standins.mrnet`.  The tendencies follow textbooks of MRI; the
shapes are chosen, not measured.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.ndimage import binary_closing, gaussian_filter, label

from rin.curation.standin.phantom import Drawing, Lesion, oval, own_axes, resized, resized_mask
from rin.data.standins import mrnet
from rin.data.standins.textures import lesion as outline
from rin.data.standins.textures import smooth_noise

#: Which hidden suspicion of the knee phantom a label raises.
KNEE_SIGNS = {"acl_pathology": "ligament", "meniscal_abnormality": "meniscus"}
DISCS = 5


def draw_brain(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw an axial slice from the level of the ventricles upwards, fluid suppressed.

    Label: ``acute_infarct``, a bright area at the surface of one hemisphere.
    """
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
    rind = gaussian_filter(brain.astype(np.float32), 0.035 * shape[0]) < 0.87
    folds = np.abs(smooth_noise(texture, shape, 0.018 * shape[0]))
    white = gaussian_filter(smooth_noise(texture, shape, 0.035 * shape[0]) - 2.4 * rind, 1)
    values[brain] = np.where(white > -0.9, 0.36, 0.47)[brain]
    values[brain & rind & (folds < anatomy.uniform(0.1, 0.2))] = 0.14
    values[brain & (np.abs(axes[1]) < 0.012)] = 0.14
    values[_ventricles(anatomy, axes, height) & brain] = 0.08
    bias = anatomy.uniform(-0.12, 0.12, 2)
    found = {}
    for lesion in lesions:
        if lesion.label != "acute_infarct":
            raise KeyError(lesion.label)
        mask = _add_infarct(lesion, values, axes, half, brain)
        if mask.any():
            found[lesion.label] = mask
    values = gaussian_filter(values, 0.6) * (1 + bias[0] * axes[0] + bias[1] * axes[1])
    return Drawing(_noisy(texture, values, 0.022), found)


def _ventricles(
    anatomy: np.random.Generator, axes: tuple[np.ndarray, np.ndarray], height: float
) -> np.ndarray:
    size = anatomy.uniform(0.8, 1.35) * np.clip(1 - 0.75 * max(0.0, height), 0.2, 1)
    found = np.zeros(axes[0].shape, dtype=bool)
    for side in (-1, 1):
        for along in (-1, 1):
            tilt = -0.4 * side * along
            down = axes[0] * np.cos(tilt) - axes[1] * np.sin(tilt)
            across = axes[1] * np.cos(tilt) + axes[0] * np.sin(tilt)
            place = (0.14 * along * size, side * 0.1 * size)
            turned = (
                place[0] * np.cos(tilt) - place[1] * np.sin(tilt),
                place[1] * np.cos(tilt) + place[0] * np.sin(tilt),
            )
            found |= oval((down, across), turned, (0.2 * size, 0.05 * size))
    return found


def _add_infarct(
    lesion: Lesion,
    values: np.ndarray,
    axes: tuple[np.ndarray, np.ndarray],
    half: np.ndarray,
    brain: np.ndarray,
) -> np.ndarray:
    rng = lesion.generator()
    turn = rng.uniform(-0.9, 0.9) + rng.choice([0, np.pi])
    reach = rng.uniform(0.62, 0.85)
    wanted = half[0] * reach * np.sin(turn), half[1] * reach * np.cos(turn)
    place = np.argmin((axes[0] - wanted[0]) ** 2 + (axes[1] - wanted[1]) ** 2)
    radius = values.shape[0] * rng.uniform(0.08, 0.14) * lesion.share
    center = np.unravel_index(place, values.shape)
    mask = outline(rng, values.shape, center, radius, rng.uniform(0.7, 1.5), 0.13) & brain
    soft = gaussian_filter(mask.astype(np.float32), 0.9)
    values += soft * rng.uniform(0.75, 0.95) * (0.95 - values)
    return mask


def draw_knee(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw a sagittal slice; the ligament shows in the middle ones, the menisci beside it.

    Labels: ``acl_pathology``, a bright and thin ligament; ``meniscal_abnormality``, a bright
    line through a meniscus.
    """
    whole = {"ligament": -2.2, "meniscus": -2.2}
    knee = replace(mrnet.draw_knee(anatomy, "normal"), **whole)
    state = texture.bit_generator.state
    picture, _ = mrnet.draw_slice(texture, knee, height)
    found = {}
    for lesion in lesions:
        knee = replace(knee, **{KNEE_SIGNS[lesion.label]: lesion.generator().uniform(2.2, 3.2)})
        texture.bit_generator.state = state
        changed, _ = mrnet.draw_slice(texture, knee, height)
        found[lesion.label] = _changed_part(picture, changed)
        picture = changed
    if "meniscal_abnormality" in found:
        # The line alone is thinner than a pixel of small pictures: fluid lies around it.
        soft = gaussian_filter(found["meniscal_abnormality"].astype(np.float32), 1.5)
        picture = picture + 0.7 * soft * (235.0 - picture)
    found = {name: resized_mask(mask, shape) for name, mask in found.items() if mask.any()}
    return Drawing(resized(picture / np.float32(255), shape), found)


def _changed_part(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return where two pictures clearly differ, holes closed, as the largest patch; bool."""
    differs = binary_closing(np.abs(after.astype(np.int16) - before) > 14, iterations=3)
    patches, count = label(differs)
    if not count:
        return differs
    return patches == 1 + np.argmax(np.bincount(patches.ravel())[1:])


def draw_spine(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    height: float,
    shape: tuple[int, int],
    lesions: Sequence[Lesion],
) -> Drawing:
    """Draw a sagittal slice of vertebrae, discs and the canal behind them.

    Label: ``disc_pathology``, a dark disc that bulges into the canal.
    """
    down, across = own_axes(shape, (0, anatomy.normal(0, 0.04)))
    bend, lean = anatomy.uniform(0.08, 0.2), anatomy.normal(0, 0.05)
    beside = across + 0.08 - bend * np.cos(1.7 * down - 0.4) + 0.7 * bend - lean * down
    beside += 0.008 * smooth_noise(texture, shape, 0.08 * shape[0])
    level = (down + 1) * DISCS / 2 + anatomy.uniform(0, 1)
    phase = np.abs(level - np.round(level))
    width = anatomy.uniform(0.2, 0.24)
    values = _around_the_spine(anatomy, texture, beside, width, height)
    body = np.abs(beside) < width * (1 - 0.1 * (0.5 - phase))
    values[body] = 0.07
    marrow = np.abs(beside) < width - 0.022
    values[marrow & (phase > 0.19)] = anatomy.uniform(0.36, 0.46)
    ring = body & (phase < 0.165)
    values[ring] = 0.17
    heart = oval((phase, beside), (0, -0.01), (0.115, 0.75 * width))
    values[heart] = anatomy.uniform(0.6, 0.75)
    found = {}
    for lesion in lesions:
        if lesion.label != "disc_pathology":
            raise KeyError(lesion.label)
        mask = _add_bulge(lesion, values, level, beside, width, ring)
        if mask.any():
            found[lesion.label] = mask
    mottled = 1 + 0.07 * smooth_noise(texture, shape, 0.015 * shape[0])
    coil = 1.15 - 0.35 * (across < 0) * np.abs(across)
    return Drawing(_noisy(texture, gaussian_filter(values * mottled, 0.6) * coil, 0.02), found)


def _around_the_spine(
    anatomy: np.random.Generator,
    texture: np.random.Generator,
    beside: np.ndarray,
    width: float,
    height: float,
) -> np.ndarray:
    """Return belly, canal with nerve roots, spinous processes, muscle and fat behind."""
    shape = beside.shape
    values = 0.28 + 0.12 * smooth_noise(texture, shape, 0.04 * shape[0])
    values[(beside < -width - 0.03) & (beside > -width - 0.17)] = 0.05
    back = beside > width
    values[back] = 0.3
    clear = np.clip(1.25 - 1.1 * abs(height), 0.25, 1)
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


def _add_bulge(
    lesion: Lesion,
    values: np.ndarray,
    level: np.ndarray,
    beside: np.ndarray,
    width: float,
    ring: np.ndarray,
) -> np.ndarray:
    rng = lesion.generator()
    chosen = int(rng.integers(2, DISCS))
    disc = ring & (np.round(level) == chosen)
    far = rng.uniform(0.09, 0.17) * lesion.share
    bulge = oval((level - chosen, beside), (rng.normal(0, 0.03), width), (0.21, far + 0.02))
    mask = disc | (bulge & (beside > width - 0.03))
    values[disc] = 0.1
    values[bulge & (beside > width - 0.03)] = 0.13
    return mask


def _noisy(texture: np.random.Generator, values: np.ndarray, level: float) -> np.ndarray:
    """Return the magnitude of a signal with complex noise, float32: Rician, as in MR."""
    noise = texture.standard_normal((2, *values.shape), dtype=np.float32)
    return np.hypot(values + level * noise[0], level * noise[1]).astype(np.float32)

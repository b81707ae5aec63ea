"""Stand-in for the RSNA hemorrhage challenge: head phantoms in Hounsfield units, as DICOM.

Scalp, skull, gray and white matter, sulci and ventricles take their textbook Hounsfield units;
blood of the five kinds lies where it is found in heads.  Two slices of each patient are written;
of a patient with hemorrhage at least one shows it, and it alone is labelled so.  One hidden
suspicion drives size and density of blood, and of the artefacts that slices without blood may
have; its distributions overlap, so no classifier reaches an AUC of 1.
"""

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from rin.data.layouts.rsna_hemorrhage import FOLDER, KINDS, SUBTYPES, TABLE
from rin.data.standins.dicom_files import write_ct_slice
from rin.data.standins.textures import ellipse, grid, lesion, smooth_noise

VERSION = 1
CLASSES = ("hemorrhage", "none")
SIDE = 160
SHAPE = (SIDE, SIDE)
WIDTH_MM = 240.0
SLICES = 2
# Shares of patients with hemorrhage in whom both slices show it, and of slices with two kinds.
BOTH_SLICES, TWO_KINDS = 0.2, 0.25
AIR, SCALP, SKULL, FLUID, WHITE, GRAY_MATTER, BLOOD = -1000, 25, 1100, 8, 29, 38, 62


@dataclass(frozen=True)
class HeadSlice:
    """One slice: its id, patient, Hounsfield units (float) and the kinds of blood that it shows."""

    image_id: str
    patient: str
    hounsfield: np.ndarray
    kinds: tuple[str, ...]


@dataclass(frozen=True)
class _Head:
    """Masks (bool) of one slice through a head."""

    brain: np.ndarray
    inner: np.ndarray
    sulci: np.ndarray
    ventricles: np.ndarray
    middle: np.ndarray
    axes: np.ndarray
    tilt: float


def write(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write ``counts`` patients per class, and return slices per class; there are no masks."""
    (folder / FOLDER).mkdir()
    images = dict.fromkeys(CLASSES, 0)
    rows = []
    for kind in CLASSES:
        for index in range(counts[kind]):
            for number in range(SLICES):
                drawn = _write_slice(folder, kind, index, number, seed)
                images["hemorrhage" if drawn.kinds else "none"] += 1
                rows.append(drawn)
    with (folder / TABLE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["ID", "Label"])
        for drawn in rows:
            shown = {*drawn.kinds, *(["any"] if drawn.kinds else [])}
            table.writerows([f"{drawn.image_id}_{kind}", int(kind in shown)] for kind in KINDS)
    return {"images": images, "masks": dict.fromkeys(images, 0)}


def draw_slice(kind: str, index: int, number: int, seed: int) -> HeadSlice:
    """Draw a slice of a patient; the same arguments give the same values.

    The slices of a patient share the head and lie 15 mm apart.
    """
    patient = np.random.default_rng([seed, CLASSES.index(kind), index])
    bleeding = _bleeding_slices(patient) if kind == "hemorrhage" else ()
    rng = np.random.default_rng([seed, CLASSES.index(kind), index, number])
    head, values = _draw_head(patient, rng, number)
    kinds = ()
    if number in bleeding:
        suspicion = 1.2 + rng.normal()
        n_kinds = 1 + int(rng.random() < TWO_KINDS)
        kinds = tuple(sorted(rng.choice(SUBTYPES, n_kinds, replace=False).tolist()))
        for one in kinds:
            _add_blood(rng, values, _bleed(rng, head, one, suspicion), suspicion)
    else:
        suspicion = -1.2 + rng.normal()
        if suspicion > -0.9:
            artefact = _bleed(rng, head, "intraparenchymal", suspicion)
            _add_blood(rng, values, artefact, suspicion - 0.8)
    values = gaussian_filter(values, 0.6) + rng.uniform(3, 6) * smooth_noise(rng, SHAPE, 0.7)
    name = hashlib.sha256(f"{seed} {kind} {index}".encode()).hexdigest()
    image = hashlib.sha256(f"{name} {number}".encode()).hexdigest()
    return HeadSlice(f"ID_{image[:9]}", f"ID_{name[:8]}", values, kinds)


def _bleeding_slices(rng: np.random.Generator) -> tuple[int, ...]:
    return tuple(range(SLICES)) if rng.random() < BOTH_SLICES else (int(rng.integers(SLICES)),)


def _draw_head(
    patient: np.random.Generator, rng: np.random.Generator, number: int
) -> tuple[_Head, np.ndarray]:
    """Return the masks of a slice and its Hounsfield units without blood, float (h, w)."""
    tilt = patient.uniform(-0.5, 0.5)
    middle = SIDE / 2 + patient.uniform(-12, 12, 2)
    axes = SIDE * np.array([patient.uniform(0.41, 0.47), patient.uniform(0.35, 0.43)])
    axes *= 1 - 0.05 * number
    bone = SIDE * patient.uniform(0.02, 0.055)
    scalp = ellipse(SHAPE, middle, axes + bone + 0.025 * SIDE, tilt)
    skull = ellipse(SHAPE, middle, axes + bone, tilt)
    inner = ellipse(SHAPE, middle, axes, tilt)
    brain = ellipse(SHAPE, middle, axes - 1.5, tilt)
    rind = gaussian_filter(brain.astype(np.float32), 0.05 * SIDE) < patient.uniform(0.8, 0.9)
    folds = np.abs(smooth_noise(patient, SHAPE, 0.022 * SIDE))
    sulci = inner & (~brain | (rind & (folds < patient.uniform(0.12, 0.3))))
    ventricles = _ventricles(patient, middle, tilt, 1 - 0.25 * number) & brain
    mixed = smooth_noise(patient, SHAPE, 0.035 * SIDE) + 2.2 * rind
    values = np.full(SHAPE, float(AIR))
    values[scalp] = SCALP
    values[skull] = SKULL + 150 * patient.normal()
    values[inner] = np.where(mixed > 0.6, GRAY_MATTER, WHITE)[inner]
    values[inner] += (4 * smooth_noise(patient, SHAPE, 0.045 * SIDE))[inner]
    values[sulci | ventricles] = FLUID
    if patient.random() < 0.6:
        # A calcified pineal gland or choroid plexus: dense, but no blood.
        place = middle + rng.normal(0, 1, 2) + (0.06 * SIDE, 0)
        values[ellipse(SHAPE, place, patient.uniform(1, 2.5, 2))] = patient.uniform(80, 200)
    return _Head(brain, inner, sulci, ventricles, middle, axes, tilt), values


def _ventricles(
    rng: np.random.Generator, middle: np.ndarray, tilt: float, scale: float
) -> np.ndarray:
    size = scale * SIDE * rng.uniform(0.8, 1.4)
    down, right = np.array([np.cos(tilt), -np.sin(tilt)]), np.array([np.sin(tilt), np.cos(tilt)])
    found = np.zeros(SHAPE, dtype=bool)
    for side in (-1, 1):
        for along in (-1, 1):
            place = middle + size * (0.07 * along * down + 0.045 * side * right)
            found |= ellipse(SHAPE, place, (0.08 * size, 0.022 * size), tilt + 0.35 * side * along)
    return found


def _bleed(rng: np.random.Generator, head: _Head, kind: str, suspicion: float) -> np.ndarray:
    """Return where a bleed of one kind lies, bool (h, w)."""
    size = np.exp(0.22 * suspicion + 0.2 * rng.normal())
    turn = rng.uniform(0, 2 * np.pi)
    away = head.axes * np.array([np.sin(turn), np.cos(turn)])
    if kind == "intraparenchymal":
        place = head.middle + away * rng.uniform(0.2, 0.65)
        shape = (0.055 * SIDE * size, rng.uniform(0.7, 1.5), 0.12)
        return lesion(rng, SHAPE, place, *shape) & head.brain
    if kind == "epidural":
        lens = (0.1 * SIDE * size, 0.13 * SIDE * size)
        return ellipse(SHAPE, head.middle + away, lens, turn) & head.inner
    if kind == "subdural":
        thick = 0.03 * SIDE * size * away / np.hypot(*away)
        shifted = ellipse(SHAPE, head.middle - 2 * thick, head.axes, head.tilt)
        return head.inner & ~shifted
    if kind == "intraventricular":
        rows, _ = grid(SHAPE)
        return head.ventricles & (rows > head.middle[0] - 0.05 * SIDE * size)
    near = lesion(rng, SHAPE, head.middle + 0.75 * away, 0.2 * SIDE * size, 1.0, 0.1)
    return head.sulci & near


def _add_blood(
    rng: np.random.Generator, values: np.ndarray, bleed: np.ndarray, suspicion: float
) -> None:
    """Raise the density where the blood lies; old or diluted blood is hardly denser than brain."""
    density = np.clip(BLOOD + 6 * (suspicion - 1) + 3 * rng.normal(), 36, 85)
    soft = gaussian_filter(bleed.astype(np.float32), 0.8)
    values += soft * (density + 2 * smooth_noise(rng, SHAPE, 2) - np.clip(values, 0, 60))


def _write_slice(folder: Path, kind: str, index: int, number: int, seed: int) -> HeadSlice:
    drawn = draw_slice(kind, index, number, seed)
    write_ct_slice(
        folder / FOLDER / f"{drawn.image_id}.dcm",
        drawn.hounsfield,
        drawn.patient,
        height=15.0 * number,
        spacing=WIDTH_MM / SIDE,
        signed=index % 2 == 0,
    )
    return drawn

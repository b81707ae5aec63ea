"""Stand-in for MRNet-v1.0: knee phantoms in volumes, with label tables, in exactly its layout.

Sagittal slices of femur, tibia and patella with cartilage, menisci and, in the middle, the
anterior cruciate ligament.  A torn ligament tends to be bright and thin in its middle, and to
lie flat; a torn meniscus bears a bright line and is shorter; both come with fluid in the
joint.  One hidden suspicion per exam and tear drives these, and its distributions overlap.
Axial and coronal volumes are short and carry no sign.  The tendencies follow textbooks of
knee MRI; the numbers are chosen, not measured.
"""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
from numpy import ndarray
from numpy.random import Generator, default_rng
from scipy.ndimage import gaussian_filter

from rin.data.standins.phantoms import (
    Axes,
    blurred,
    grid,
    oval,
    resized,
    smooth_noise,
    to_uint8,
    turned,
)
from rin.data.standins.writers import write_cases

#: Exams by count name: the source class, and which of ligament and meniscus are torn.
KINDS = {
    "normal": ("normal", False, False),
    "abnormal": ("abnormal", False, False),
    "acl": ("acl", True, False),
    "meniscus": ("meniscus", False, True),
    "both": ("acl+meniscus", True, True),
}
LARGE = (256, 256)
# Drawn at half the size and enlarged: slices are smooth, and noise comes last.
DRAWN = (128, 128)
FAT, MARROW, MUSCLE, CARTILAGE, FLUID, DARK = 0.78, 0.60, 0.34, 0.50, 0.92, 0.07


def write_mrnet(folder: Path, counts: dict[str, int], seed: int) -> list[tuple]:
    """Write volumes and tables; every eighth exam stands in the part ``valid``.

    Names, four digits, and content do not depend on how many exams there are.
    """
    for split in ("train", "valid"):
        for plane in ("axial", "coronal", "sagittal"):
            (folder / split / plane).mkdir(parents=True)

    def write(kind: str, index: int) -> tuple[str, str, str]:
        number = list(KINDS).index(kind)
        valid = (index + number) % 8 == 0
        split = "valid" if valid else "train"
        name = f"{len(KINDS) * index + number + 5000 * valid:04d}"
        rng = default_rng([seed, number, index])
        knee = draw_knee(rng, kind)
        n = int(rng.integers(9, 12))
        across = (2 * np.arange(n) + 1) / n - 1
        volumes = {"sagittal": [draw_slice(rng, knee, position)[0] for position in across]}
        for plane in ("axial", "coronal"):
            heights = (-0.3, 0.0, 0.3)
            volumes[plane] = [_other_plane(rng, knee, plane, height) for height in heights]
        for plane, slices in volumes.items():
            np.save(folder / split / plane / f"{name}.npy", np.stack(slices))
        return split, name, kind

    exams = sorted(write_cases(write, counts))
    for column, table in enumerate(("abnormal", "acl", "meniscus")):
        for split in ("train", "valid"):
            own = [(name, KINDS[kind][column]) for part, name, kind in exams if part == split]
            rows = [f"{name},{int(sign not in ('normal', False))}\n" for name, sign in own]
            (folder / f"{split}-{table}.csv").write_text("".join(rows), "utf-8")
    return [(KINDS[kind][0], n, 0) for kind, n in counts.items()]


def draw_knee(rng: Generator, kind: str) -> SimpleNamespace:
    """Draw what the slices of an exam share: pose, suspicions, fluid and scanner."""
    _, acl, meniscus = KINDS[kind]
    ligament = (1.0 if acl else -1.0) + rng.normal()
    horn = (1.0 if meniscus else -1.0) + rng.normal()
    sick = 0.25 * (kind != "normal") + 0.12 * max(ligament, horn)
    return SimpleNamespace(
        center=(rng.normal(0, 0.1), rng.normal(-0.12, 0.1)),
        scale=rng.uniform(1.1, 1.5),
        tilt=rng.normal(0, 0.17),
        ligament=ligament,
        meniscus=horn,
        fluid=float(np.clip(0.2 + sick + 0.2 * rng.normal(), 0, 1)),
        width=rng.uniform(0.9, 1.12),
        gain=rng.uniform(0.75, 1.1),
        noise=rng.uniform(0.02, 0.05),
    )


def draw_slice(
    rng: Generator, knee: SimpleNamespace, across: float
) -> tuple[ndarray, dict[str, ndarray]]:
    """Draw a sagittal slice, uint8 (256, 256).

    ``across`` is the place between the two sides of the knee, -1 to 1.  Returned as well are the
    structures ``ligament`` (around 0) and ``menisci``, bool (128, 128), empty where it has none.
    """
    axes = y, x = _coordinates(rng, knee)
    middle = abs(across) < 0.28
    leg = np.abs(x + 0.08 * y**2) < 0.84 * knee.width * np.sqrt(1 - 0.45 * across**2)
    picture = np.where(leg, FAT, 0.03)
    picture[leg & (np.abs(x) < 0.66)] = MUSCLE
    femur = (np.abs(x - 0.04) < 0.22) & (y < -0.25)
    femur |= oval(axes, (-0.19, 0.02), (0.37 - 0.1 * abs(across), 0.34))
    if middle:
        # The notch between the condyles opens to the back.
        femur &= ~oval(axes, (0.06, 0.1), (0.26, 0.24))
    tibia = (y > 0.21 + 0.05 * (x / 0.4) ** 4) & (np.abs(x) < 0.38 - 0.12 * np.clip(y - 0.3, 0, 1))
    bone = femur | tibia | oval(axes, (-0.28, -0.52), (0.2, 0.1))
    edge = blurred(bone, 2.5)
    picture[(edge > 0.15) & ~bone] = CARTILAGE
    picture[bone] = np.where(edge[bone] < 0.72, DARK, MARROW)
    if middle:
        picture[oval(axes, (0.06, 0.1), (0.14, 0.22))] = 0.55
    picture[oval(axes, (-0.52, -0.34), (0.05 + 0.12 * knee.fluid, 0.13))] = FLUID
    picture[(np.abs(y - 0.19) < 0.012 * (1 + 2 * knee.fluid)) & (np.abs(x) < 0.36)] = FLUID
    empty = np.zeros(DRAWN, dtype=bool)
    ligament = _add_ligament(rng, picture, axes, knee.ligament) if middle else empty
    between = middle and abs(across) < 0.12
    menisci = empty if between else _add_menisci(rng, picture, axes, knee.meniscus)
    picture += picture * (0.09 * smooth_noise(rng, DRAWN, 5) + 0.05 * smooth_noise(rng, DRAWN, 2))
    picture = _finish(rng, gaussian_filter(picture, 0.6), knee)
    return picture, {"ligament": ligament, "menisci": menisci}


def _coordinates(rng: Generator, knee: SimpleNamespace) -> Axes:
    """Return the knee's own coordinates: down and to the back, the picture about -1 to 1."""
    rows, columns = grid(DRAWN)
    dx = columns / (DRAWN[1] / 2) - 1 - knee.center[0] - rng.normal(0, 0.01)
    dy = rows / (DRAWN[0] / 2) - 1 - knee.center[1] - rng.normal(0, 0.01)
    y, x = turned(dy, dx, knee.tilt)
    return y / knee.scale, x / knee.scale + resized(0.02 * smooth_noise(rng, (16, 16), 3), DRAWN)


def _add_ligament(rng: Generator, picture: ndarray, axes: Axes, suspicion: float) -> ndarray:
    """Lay the ligament from the femur's notch down to the front of the tibia."""
    y, x = axes
    torn = 1 / (1 + np.exp(-1.6 * suspicion - 0.5 * rng.normal()))
    top, bottom = (0.2, -0.12 + 0.1 * torn), (-0.12, 0.2)
    dx, dy = bottom[0] - top[0], bottom[1] - top[1]
    length = np.hypot(dx, dy)
    along = ((x - top[0]) * dx + (y - top[1]) * dy) / length**2
    aside = np.abs((x - top[0]) * dy - (y - top[1]) * dx) / length
    waist = 0.045 * (1 - 0.35 * torn * np.exp(-(((along - 0.5) / 0.2) ** 2)))
    band = (aside < waist) & (along > 0) & (along < 1)
    bright = 0.62 * torn * np.exp(-(((along - rng.uniform(0.35, 0.6)) / 0.24) ** 2))
    picture[band] = (DARK + 0.06 + bright)[band]
    return band


def _add_menisci(rng: Generator, picture: ndarray, axes: Axes, suspicion: float) -> ndarray:
    """Lay two dark wedges, front and back, between femur and tibia."""
    y, x = axes
    torn = 1 / (1 + np.exp(-1.6 * suspicion - 0.5 * rng.normal()))
    both = np.zeros(DRAWN, dtype=bool)
    damaged = 1 if rng.random() < 0.7 else -1
    for side in (-1, 1):
        hurt = torn if side == damaged else 0.3 * torn
        depth = (0.4 - side * x) / (0.25 * (1 - 0.25 * hurt))
        wedge = (depth > 0) & (depth < 1) & (np.abs(y - 0.17) < 0.1 * (1 - depth))
        picture[wedge] = DARK + 0.04
        line = np.abs(y - 0.17 - 0.25 * (side * x - 0.3) * np.sign(rng.normal())) < 0.018
        picture[wedge & line] = DARK + 0.04 + 0.75 * hurt
        both |= wedge
    return both


def _other_plane(rng: Generator, knee: SimpleNamespace, plane: str, height: float) -> ndarray:
    """Draw an axial or coronal slice: the leg's outline and two bones, nothing more."""
    axes = _coordinates(rng, knee)
    picture = np.where(oval(axes, (0, 0), (0.8, 0.82 * knee.width)), FAT, 0.03)
    picture[oval(axes, (0, 0), (0.68, 0.7 * knee.width))] = MUSCLE
    for center in ((height, -0.25), (height, 0.25)) if plane == "axial" else ((-0.45, 0), (0.5, 0)):
        picture[oval(axes, center, (0.36, 0.3))] = DARK
        picture[oval(axes, center, (0.33, 0.27))] = MARROW
    return _finish(rng, picture + 0.03 * rng.standard_normal(DRAWN, dtype=np.float32), knee)


def _finish(rng: Generator, picture: ndarray, knee: SimpleNamespace) -> ndarray:
    """Enlarge, add the coil's bias and noise, and scale to uint8."""
    bias = resized(1 + 0.13 * smooth_noise(rng, (12, 12), 3), LARGE)
    noise = rng.standard_normal(LARGE, dtype=np.float32)
    return to_uint8(knee.gain * resized(picture, LARGE) * bias + knee.noise * noise)

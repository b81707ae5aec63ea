"""Stand-in for MRNet-v1.0: knee phantoms in volumes, with label tables, in exactly its layout.

Sagittal slices of femur, tibia and patella with cartilage, menisci and, in the middle, the
anterior cruciate ligament.  A torn ligament tends to be bright and thin in its middle, and to
lie flat; a torn meniscus bears a bright line and is shorter; both come with fluid in the
joint.  One hidden suspicion per exam and tear drives these, and its distributions overlap.
Axial and coronal volumes are short and carry no sign.  The tendencies follow textbooks of
knee MRI; the numbers are chosen, not measured.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter

from rin.data.standins.phantoms import blurred, grid, resized, smooth_noise, to_uint8, turned
from rin.data.standins.writers import in_parallel

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
FIRST_VALID = 5000


@dataclass(frozen=True)
class Knee:
    """What the slices of one exam share: pose, suspicions, fluid and scanner."""

    center: tuple[float, float]
    scale: float
    tilt: float
    ligament: float
    meniscus: float
    fluid: float
    width: float
    gain: float
    noise: float


def write_mrnet(folder: Path, counts: dict[str, int], seed: int) -> dict[str, dict[str, int]]:
    """Write volumes and tables and return exams (and no masks) per source class.

    Every eighth exam stands in the part ``valid``.
    """
    exams = [(kind, index) for kind in KINDS for index in range(counts[kind])]
    for split in ("train", "valid"):
        for plane in ("axial", "coronal", "sagittal"):
            (folder / split / plane).mkdir(parents=True)
    in_parallel(_write_exam, [(folder, *exam, seed) for exam in exams])
    for split in ("train", "valid"):
        own = sorted((exam_id(*exam), KINDS[exam[0]]) for exam in exams if _split(*exam) == split)
        for column, table in enumerate(("abnormal", "acl", "meniscus")):
            rows = [f"{exam},{int(kind[column] not in ('normal', False))}\n" for exam, kind in own]
            (folder / f"{split}-{table}.csv").write_text("".join(rows), "utf-8")
    images = {KINDS[kind][0]: n for kind, n in counts.items()}
    return {"images": images, "masks": dict.fromkeys(images, 0)}


def exam_id(kind: str, index: int) -> str:
    """Return the id of an exam, four digits; it does not depend on how many exams there are."""
    number = len(KINDS) * index + list(KINDS).index(kind)
    return f"{number + FIRST_VALID * (_split(kind, index) == 'valid'):04d}"


def _split(kind: str, index: int) -> str:
    return "valid" if (index + list(KINDS).index(kind)) % 8 == 0 else "train"


def _write_exam(folder: Path, kind: str, index: int, seed: int) -> None:
    rng = np.random.default_rng([seed, list(KINDS).index(kind), index])
    knee = draw_knee(rng, kind)
    place = folder / _split(kind, index)
    name = f"{exam_id(kind, index)}.npy"
    n = int(rng.integers(9, 12))
    across = (2 * np.arange(n) + 1) / n - 1
    sagittal = [draw_slice(rng, knee, position)[0] for position in across]
    np.save(place / "sagittal" / name, np.stack(sagittal))
    for plane in ("axial", "coronal"):
        volume = [_other_plane(rng, knee, plane, height) for height in (-0.3, 0.0, 0.3)]
        np.save(place / plane / name, np.stack(volume))


def draw_knee(rng: np.random.Generator, kind: str) -> Knee:
    """Draw what the slices of an exam share."""
    _, acl, meniscus = KINDS[kind]
    ligament = (1.0 if acl else -1.0) + rng.normal()
    horn = (1.0 if meniscus else -1.0) + rng.normal()
    sick = 0.25 * (kind != "normal") + 0.12 * max(ligament, horn)
    return Knee(
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
    rng: np.random.Generator, knee: Knee, across: float
) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Draw a sagittal slice.

    ``across`` is the place between the two sides of the knee, -1 to 1.

    Returns
    -------
    picture : numpy.ndarray
        uint8 (256, 256).
    structures : dict of numpy.ndarray
        ``ligament`` (around 0) and ``menisci``, bool (128, 128), empty where the slice has none.
    """
    x, y = _coordinates(rng, knee)
    middle = abs(across) < 0.28
    leg = np.abs(x + 0.08 * y**2) < 0.84 * knee.width * np.sqrt(1 - 0.45 * across**2)
    picture = np.where(leg, FAT, 0.03)
    picture[leg & (np.abs(x) < 0.66)] = MUSCLE
    _add_bones(picture, x, y, across, middle)
    picture[_oval(x, y, (-0.34, -0.52), (0.13, 0.05 + 0.12 * knee.fluid))] = FLUID
    picture[(np.abs(y - 0.19) < 0.012 * (1 + 2 * knee.fluid)) & (np.abs(x) < 0.36)] = FLUID
    empty = np.zeros(DRAWN, dtype=bool)
    ligament = _add_ligament(rng, picture, x, y, knee) if middle else empty
    menisci = empty if middle and abs(across) < 0.12 else _add_menisci(rng, picture, x, y, knee)
    picture += picture * (0.09 * smooth_noise(rng, DRAWN, 5) + 0.05 * smooth_noise(rng, DRAWN, 2))
    picture = gaussian_filter(picture, 0.6)
    return _finish(rng, picture, knee), {"ligament": ligament, "menisci": menisci}


def _coordinates(rng: np.random.Generator, knee: Knee) -> tuple[np.ndarray, np.ndarray]:
    """Return the knee's own coordinates: x to the back and y down, the picture about -1 to 1."""
    rows, columns = grid(DRAWN)
    dx = columns / (DRAWN[1] / 2) - 1 - knee.center[0] - rng.normal(0, 0.01)
    dy = rows / (DRAWN[0] / 2) - 1 - knee.center[1] - rng.normal(0, 0.01)
    y, x = turned(dy, dx, knee.tilt)
    bend = 0.02 * smooth_noise(rng, (16, 16), 3)
    return x / knee.scale + resized(bend, DRAWN), y / knee.scale


def _add_bones(
    picture: np.ndarray, x: np.ndarray, y: np.ndarray, across: float, middle: bool
) -> None:
    shaft = (np.abs(x - 0.04) < 0.22) & (y < -0.25)
    round_end = 0.37 - 0.1 * abs(across)
    femur = shaft | _oval(x, y, (0.02, -0.19), (0.34, round_end))
    if middle:
        # The notch between the condyles opens to the back.
        femur &= ~_oval(x, y, (0.1, 0.06), (0.24, 0.26))
    tibia = (y > 0.21 + 0.05 * (x / 0.4) ** 4) & (np.abs(x) < 0.38 - 0.12 * np.clip(y - 0.3, 0, 1))
    patella = _oval(x, y, (-0.52, -0.28), (0.1, 0.2))
    bone = femur | tibia | patella
    edge = blurred(bone, 2.5)
    picture[(edge > 0.15) & ~bone] = CARTILAGE
    picture[bone] = np.where(edge[bone] < 0.72, DARK, MARROW)
    if middle:
        picture[_oval(x, y, (0.1, 0.06), (0.22, 0.14))] = 0.55


def _add_ligament(
    rng: np.random.Generator, picture: np.ndarray, x: np.ndarray, y: np.ndarray, knee: Knee
) -> np.ndarray:
    """Lay the ligament from the femur's notch down to the front of the tibia."""
    torn = 1 / (1 + np.exp(-1.6 * knee.ligament - 0.5 * rng.normal()))
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


def _add_menisci(
    rng: np.random.Generator, picture: np.ndarray, x: np.ndarray, y: np.ndarray, knee: Knee
) -> np.ndarray:
    """Lay two dark wedges, front and back, between femur and tibia."""
    torn = 1 / (1 + np.exp(-1.6 * knee.meniscus - 0.5 * rng.normal()))
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


def _other_plane(rng: np.random.Generator, knee: Knee, plane: str, height: float) -> np.ndarray:
    """Draw an axial or coronal slice: the leg's outline and two bones, nothing more."""
    x, y = _coordinates(rng, knee)
    picture = np.where(_oval(x, y, (0, 0), (0.82 * knee.width, 0.8)), FAT, 0.03)
    picture[_oval(x, y, (0, 0), (0.7 * knee.width, 0.68))] = MUSCLE
    centers = ((-0.25, height), (0.25, height)) if plane == "axial" else ((0, -0.45), (0, 0.5))
    for center in centers:
        picture[_oval(x, y, center, (0.3, 0.36))] = DARK
        picture[_oval(x, y, center, (0.27, 0.33))] = MARROW
    return _finish(rng, picture + 0.03 * rng.standard_normal(DRAWN, dtype=np.float32), knee)


def _oval(
    x: np.ndarray, y: np.ndarray, center: tuple[float, float], half: tuple[float, float]
) -> np.ndarray:
    return ((x - center[0]) / half[0]) ** 2 + ((y - center[1]) / half[1]) ** 2 < 1


def _finish(rng: np.random.Generator, picture: np.ndarray, knee: Knee) -> np.ndarray:
    """Enlarge, add the coil's bias and noise, and scale to uint8."""
    bias = resized(1 + 0.13 * smooth_noise(rng, (12, 12), 3), LARGE)
    noise = rng.standard_normal(LARGE, dtype=np.float32)
    return to_uint8(knee.gain * resized(picture, LARGE) * bias + knee.noise * noise)

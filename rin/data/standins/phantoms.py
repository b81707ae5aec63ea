"""The phantom engine: bodies of ovals within ovals, cut at a height, with lesions laid into them.

``anatomy.yaml`` tells what bodies, parts and lesions are made of.  A part with a place along the
body is an ellipsoid, of which a slice shows its cut.  The numbers of lesions depend on one hidden
suspicion and overlap between classes, so no classifier reaches an AUC of 1.

Chance has three sources: ``anatomy`` belongs to the patient and repeats in every slice,
``texture`` to the slice, and each lesion brings its own.  So a slice can be drawn with and
without its lesions, and differs there alone.

The tendencies of lesions follow the BI-RADS ultrasound lexicon, TI-RADS (Kwak et al., Radiology
260, 2011, 892-899), the Fleischner glossary (Hansell et al., Radiology 246, 2008, 697-722) and
textbooks; the numbers are chosen, not measured.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator
from PIL import Image
from scipy.ndimage import gaussian_filter

from rin.files import read_yaml

ANATOMY = read_yaml(Path(__file__).with_name("anatomy.yaml"))
BODIES: dict[str, dict] = ANATOMY["bodies"]
LESIONS: dict[str, dict] = ANATOMY["lesions"]
DYNAMIC_RANGE_DB = 55.0
# Scanners smooth their speckle (compounding); 1 would be the full Rayleigh contrast.
SPECKLE = 0.42

Axes = tuple[ndarray, ndarray]


class Phantom:
    """A cut through a body: levels, float32 (h, w), and the parts that lie where, by name.

    Levels are Hounsfield units in CT, dB below white in ultrasound, else 0 to 1.  Lengths are in
    half heights of the picture, from its middle, heights first; angles in radians.
    """

    def __init__(
        self,
        body: str,
        shape: tuple[int, int],
        anatomy: Generator,
        texture: Generator,
        height: float = 0.0,
        zoom: float = 1.0,
    ) -> None:
        self.body, self.shape, self.texture, self.height = BODIES[body], shape, texture, height
        self.unit = shape[0] / 2
        self.levels = np.full(shape, self._level(anatomy, self.body["ground"]), np.float32)
        self.areas: dict[str, ndarray] = {}
        self.textures: dict[str, ndarray] = {}
        self.frames: dict[str, Axes] = {"": self._pose(anatomy, zoom)}
        # Which part is on top, by the order of names in `areas`.
        self.top = np.full(shape, -1, np.int8)
        for part in self.body["parts"]:
            self._add_part(anatomy, part)
        self.noise = draw(anatomy, self.body.get("noise", 0))
        self.bias = anatomy.uniform(-0.15, 0.15, 2).astype(np.float32)
        self.fade = draw(anatomy, [2, 14])
        self.levels = gaussian_filter(self.levels, self.body["smooth"])

    def _pose(self, anatomy: Generator, zoom: float) -> Axes:
        """Return the body's axes: shifted, tilted, scaled, mirrored and warped."""
        body, (height, width) = self.body, self.shape
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        dy, dx = anatomy.normal(0, body.get("shift", 0), 2)
        scale = zoom * draw(anatomy, body.get("scale", 1))
        y, x = (rows + 0.5) / self.unit - 1 - dy, (columns + 0.5 - width / 2) / self.unit - dx
        y, x = turned(y / scale, x / scale, anatomy.normal(0, body.get("tilt", 0)))
        if body.get("mirror") and anatomy.random() < 0.5:
            x = -x
        for sigma, amount in body.get("warp", ()):
            y = y + amount * smooth_noise(anatomy, self.shape, sigma * self.unit)
            x = x + amount * smooth_noise(anatomy, self.shape, sigma * self.unit)
        return y, x

    def _level(self, rng: Generator, level: Any) -> float:
        """Draw a level, which may be the name of a tissue."""
        return draw(rng, self.body["tissues"][level] if isinstance(level, str) else level)

    def _add_part(self, anatomy: Generator, part: dict) -> None:
        """Draw one entry of a body's parts; what it draws from ``anatomy`` knows no height."""
        level = self._level(anatomy, part.get("level", 0))
        rims = [(name, size, self._level(anatomy, name)) for name, size in part.get("rims", ())]
        there = anatomy.random() < part.get("chance", 1)
        middle, reach = part.get("z", (0, np.inf))
        cut = np.sqrt(max(0.0, 1 - ((self.height - middle) / reach) ** 2))
        copies = 1 if "step" in part else part.get("count", part.get("around", 1))
        ovals = []
        for copy in range(copies):
            y, x, *half = (draw(anatomy, n) for n in (*part.get("at", (0, 0)), *part["half"]))
            tilt = draw(anatomy, part.get("turn", 0))
            if not cut or not there or part.get("of", "") not in self.frames:
                continue
            down, across = self.frames[part.get("of", "")]
            if "around" in part:
                down, across = turned(down, across, 2 * np.pi * copy / copies)
            if "step" in part:
                # Equal copies: each pixel sees the one that is nearest.
                step, last = part["step"], part["count"] - 1
                y -= step * last / 2
                down = down - step * np.clip(np.rint((down - y) / step), 0, last)
            for side in (across, -across) if part.get("both") else (across,):
                axes = turned(down - y, side - x, tilt)
                ovals.append((axes[0] / (cut * half[0]), axes[1] / (cut * half[1])))
        if ovals:
            self.frames[part["name"]] = ovals[-1]
            distance = np.minimum.reduce([_distance(oval, part.get("power", 2)) for oval in ovals])
            for name, size, gray in rims:
                self._paint(part | {"name": name}, distance / size, half, gray)
            self._paint(part, distance, half, level)
        else:
            self.areas.setdefault(part["name"], np.zeros(self.shape, bool))

    def _paint(
        self, part: dict, distance: ndarray, half: list[float], level: float | ndarray
    ) -> None:
        """Paint where a part is near enough to its middle."""
        area, name = distance <= 1, part["name"]
        for other in part.get("only", ()):
            area &= self.areas[other]
        for sigma, low, high in part.get("grain", ()):
            noise = self._texture(sigma)
            area &= (noise > low) & (noise < high)
        self.areas[name] = area | self.areas[name] if name in self.areas else area
        if "level" not in part:
            return
        self.top[area] = list(self.areas).index(name)
        if "soft" in part:
            depth = (1 - distance ** (1 / part.get("power", 2))) * (min(half) / part["soft"])
            cover = np.clip(0.5 + depth, 0, 1) if "grain" not in part else area
            self.levels += level * cover
        elif "mottle" in part:
            sigma, amount = part["mottle"]
            self.levels[area] = level + amount * self._texture(sigma)[area]
        else:
            self.levels[area] = level

    def _texture(self, sigma: Any) -> ndarray:
        """Return the slice's noise of a length; equal lengths share it."""
        key = str(sigma)
        if key not in self.textures:
            spread = np.multiply(sigma, self.unit)
            self.textures[key] = smooth_noise(self.texture, self.shape, spread)
        return self.textures[key]

    def add_lesion(
        self,
        kind: str,
        rng: Generator,
        suspicion: float = 1.0,
        share: float = 1.0,
        within: ndarray | None = None,
    ) -> ndarray:
        """Lay a lesion into the levels, and return where, bool (h, w); nowhere if it has no room.

        ``share`` is its size as a share of the whole; ``within`` replaces the part it lies in.
        """
        lesion = LESIONS[kind]

        def number(name: str, default: float = 0.0) -> float:
            return draw(rng, lesion.get(name, default), suspicion)

        wanted = [draw(rng, value) for value in lesion.get("at", ([0, 1], [0, 1]))]
        radius = self.unit * share * np.exp(number("radius"))
        aspect, roughness = np.exp(number("aspect")), np.clip(number("roughness"), 0.008, 0.25)
        spicules = int(rng.poisson(max(0.0, number("spicules"))))
        # Where the part lies open: what is drawn later covers it.
        region = self.top == list(self.areas).index(lesion["in"]) if within is None else within
        center = self._place(lesion, region, wanted, radius)
        if center is None:
            return np.zeros(self.shape, bool)
        limits = self.areas[lesion["clip"]] if "clip" in lesion else region
        tilt = number("turn")
        mask = outline(rng, self.shape, center, radius, aspect, roughness, spicules, tilt)
        if not lesion.get("over"):
            mask &= limits
        if "less" in lesion:
            mask &= ~self.areas[lesion["less"]]
        if mask.any():
            # Another lesion finds a place of its own.
            self.top[mask] = -1
            self._blend(rng, lesion, number, mask)
            for other, count in lesion.get("holds", {}).items():
                for _ in range(int(draw(rng, count) + 0.5)):
                    self.add_lesion(other, rng, suspicion, share, within=mask)
        return mask

    def _place(self, lesion: dict, region: ndarray, wanted: list, radius: float) -> tuple | None:
        """Return the pixel of a region nearest to a wanted place, which barely moves with slices.

        Wanted are shares of the region's box, or a place in the axes of a part (``frame``).
        """
        if "frame" in lesion:
            if lesion["frame"] not in self.frames:
                return None
            down, across = self.frames[lesion["frame"]]
            distance = (down - wanted[0]) ** 2 + (across - wanted[1]) ** 2
            return np.unravel_index(np.argmin(distance), self.shape)
        step = 2 if np.count_nonzero(region) > 1000 else 1
        region = region[::step, ::step]
        near = max(1.0, min(radius, 0.15 * self.unit)) / step
        depth = gaussian_filter(region.astype(np.float32), near)
        inner = depth > 0.9 * depth.max()
        places = step * np.argwhere(region & (~inner if lesion.get("rim") else inner))
        if not len(places):
            return None
        low, high = places.min(axis=0), places.max(axis=0)
        distance = ((places - (low + np.multiply(wanted, high - low))) ** 2).sum(axis=1)
        return tuple(places[np.argmin(distance)])

    def _blend(self, rng: Generator, lesion: dict, number: Any, mask: ndarray) -> None:
        """Change the levels where the lesion is, and what lies behind it."""
        edge = np.clip(number("edge", 1.0), 0.5, 4) * max(0.5, self.unit / 80)
        soft = gaussian_filter(mask.astype(np.float32), edge)
        level = number("level")
        if "mottle" in lesion:
            level = level + lesion["mottle"] * smooth_noise(rng, self.shape, 0.04 * self.unit)
        if lesion.get("add"):
            self.levels += level * soft
            return
        if "below" in lesion:
            level = np.minimum(level, self.levels[mask].mean() - lesion["below"])
        self.levels += np.clip(number("density", 0.92), 0, 1) * soft * (level - self.levels)
        if "rim level" in lesion:
            self.levels += number("rim level") * np.clip(4 * soft * (1 - soft), 0, 1)
        if "behind" in lesion:
            behind = np.clip(np.cumsum(soft, axis=0) / max(3, soft.sum(axis=0).max()), 0, 1)
            behind = gaussian_filter(behind * (1 - soft), (1, 0.015 * self.unit + 0.6))
            self.levels += number("behind") * np.clip(2 * behind, 0, 1)
        inside = np.argwhere(soft > 0.95)
        spots = rng.poisson(max(0.0, number("spots"))) if len(inside) else 0
        for y, x in inside[rng.integers(0, max(1, len(inside)), spots)]:
            self.levels[y, x : x + 2] += 30

    def scan(self, shape: tuple[int, int] | None = None) -> ndarray:
        """Return the scanner's picture in a size, float32: Hounsfield units in CT, or 0 to 1."""
        levels, rng = resized(self.levels, shape or self.shape), self.texture
        modality, shape = self.body["modality"], levels.shape
        if modality == "CT":
            return levels + self.noise * smooth_noise(rng, shape, 0.75)
        down, across = (np.linspace(-1, 1, n, dtype=np.float32) for n in shape)
        if modality == "US":
            levels = self._echoes(levels - self.fade * np.clip(down, 0, 1)[:, None])
        elif modality == "MR":
            # The coil's bias, and a magnitude of noise.
            levels = levels * (1 + self.bias[0] * down[:, None] + self.bias[1] * across)
            levels = np.abs(levels + self.noise * rng.standard_normal(shape, dtype=np.float32))
        else:
            levels = levels + self.noise * smooth_noise(rng, shape, 0.6)
        return np.clip(levels, 0, 1)

    def _echoes(self, levels: ndarray) -> ndarray:
        """Return the log-compressed B-mode picture, about 0 to 1, of levels in dB below white.

        Speckle is fully developed, with a point spread of so many pixels: the magnitude of complex
        Gaussian noise (Goodman 1975; Wagner et al. 1983).
        """
        rng, (height, width) = self.texture, levels.shape
        levels += 2.5 * smooth_noise(rng, levels.shape, (0.035 * height, 0.08 * height))
        spread = self.body.get("speckle", (0.9, 1.5))
        envelope = np.hypot(*(smooth_noise(rng, levels.shape, spread) for _ in range(2)))
        grain = SPECKLE * 20 * np.log10(envelope / envelope.mean() + 1e-2)
        values = gaussian_filter(1 + (levels + grain) / DYNAMIC_RANGE_DB, 0.45)
        if self.body.get("sector"):
            # The field of view of a curved probe.
            rows, columns = np.mgrid[:height, :width] / (height / 2)
            down, across = rows - 1, columns - width / height
            distance = np.hypot(down + 1.9, across)
            reached = (distance > 0.98) & (distance < 2.88)
            values *= reached & (np.abs(across) < 0.72 * (down + 1.9))
        return values

    def picture(self, shape: tuple[int, int] | None = None) -> ndarray:
        """Return the scanner's picture in the body's window, uint8."""
        return to_uint8(self.scan(shape), self.body.get("window"))


def draw(rng: Generator, value: Any, suspicion: float = 0.0) -> float:
    """Return a number, one drawn evenly from [low, high], or one that depends on a suspicion.

    The last is given as [mean, slope, SD], with limits behind that where it has any.
    """
    if not isinstance(value, list):
        return float(value)
    if len(value) == 2:
        return float(rng.uniform(*value))
    drawn = value[0] + value[1] * suspicion + value[2] * rng.normal()
    return float(np.clip(drawn, *value[3:]) if value[3:] else drawn)


def turned(down: ndarray, across: ndarray, tilt: float) -> Axes:
    """Return coordinates, down and across, in axes tilted by so many radians."""
    if not tilt:
        return down, across
    sine, cosine = np.float32(np.sin(tilt)), np.float32(np.cos(tilt))
    return down * cosine - across * sine, across * cosine + down * sine


def _distance(axes: Axes, power: int) -> ndarray:
    """Return a distance in an oval's own axes, to the power given, that is 1 at its edge."""
    if power == 1:
        return np.abs(axes[0]) + np.abs(axes[1])
    down, across = axes[0] * axes[0], axes[1] * axes[1]
    while power > 2:
        down, across, power = down * down, across * across, power // 2
    return down + across


def smooth_noise(rng: Generator, shape: tuple[int, ...], sigma: Any) -> ndarray:
    """Return Gaussian noise of correlation length ``sigma`` (pixels), mean 0 and SD 1, float32."""
    sigma = np.broadcast_to(sigma, 2)
    # Waves of several pixels stand on a coarser grid, which is faster.
    step = np.maximum(1, sigma / 1.6).astype(int)
    coarse = tuple(-(-np.array(shape) // step))
    noise = gaussian_filter(rng.standard_normal(coarse, dtype=np.float32), sigma / step)
    noise = resized(noise, shape)
    return (noise - noise.mean()) / (noise.std() + 1e-6)


def outline(
    rng: Generator,
    shape: tuple[int, int],
    center: tuple[float, float],
    radius: float,
    aspect: float,
    roughness: float,
    spicules: int = 0,
    tilt: float = 0.0,
) -> ndarray:
    """Return a filled lesion outline, bool; lengths in pixels.

    An ellipse of area pi * radius**2 and height/width ``aspect``, whose radius is modulated
    by harmonics of relative amplitude ``roughness`` and by narrow spicules.
    """
    waves = [(roughness * rng.normal() / n**0.6, rng.uniform(0, 2 * np.pi)) for n in range(2, 10)]
    spikes = [
        (rng.uniform(-np.pi, np.pi), *rng.uniform((0.15, 0.06), (0.5, 0.14)))
        for _ in range(spicules)
    ]
    # The outline reaches at most twice its radius: only that window is computed.
    reach = int(2 * radius * max(aspect, 1 / aspect) ** 0.5) + 2
    low = [max(0, int(place) - reach) for place in center]
    mask = np.zeros(shape, bool)
    window = mask[low[0] : int(center[0]) + reach, low[1] : int(center[1]) + reach]
    rows, columns = np.mgrid[: window.shape[0], : window.shape[1]]
    dy, dx = turned(rows + low[0] - center[0], columns + low[1] - center[1], tilt)
    dy, dx = dy / (radius * np.sqrt(aspect)), dx / (radius / np.sqrt(aspect))
    angle, limit = np.arctan2(dy, dx), np.ones(window.shape)
    for order, (amplitude, phase) in enumerate(waves, start=2):
        limit += amplitude * np.cos(order * angle + phase)
    for direction, length, width in spikes:
        distance = np.angle(np.exp(1j * (angle - direction)))
        limit += length * np.exp(-((distance / width) ** 2))
    window[:] = np.hypot(dy, dx) <= np.clip(limit, 0.4, 2.0)
    return mask


def resized(values: ndarray, shape: tuple[int, int]) -> ndarray:
    """Return values in another size (bicubic), float32."""
    if values.shape == tuple(shape):
        return values.astype(np.float32)
    picture = Image.fromarray(np.ascontiguousarray(values, dtype=np.float32))
    return np.asarray(picture.resize(shape[::-1], Image.Resampling.BICUBIC))


def to_uint8(values: ndarray, window: tuple[float, float] | None = None) -> ndarray:
    """Return values of 0 to 1, or of a window (center, width), as uint8, clipped and rounded."""
    if window:
        values = (values - window[0]) / window[1] + 0.5
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)

"""The phantom engine: bodies of ovals within ovals, cut at a height, with lesions drawn into them.

`anatomy.yaml` describes bodies, parts and lesions.  A part with a position along the body is an
ellipsoid, whose cross-section a slice shows.  Lesions depend on a hidden suspicion, and their
looks overlap between classes.

Randomness has three sources: `anatomy` belongs to the patient and repeats in every slice,
`texture` belongs to the slice, and each lesion may have its own generator.  Slices drawn with
and without such a lesion differ only there.
"""

import math
from typing import Any

import numpy as np
from numpy import ndarray
from numpy.random import Generator
from PIL import Image
from scipy.ndimage import gaussian_filter

from rin.data.dicom import to_uint8
from rin.files import read_facts

ANATOMY = read_facts(__file__, "anatomy.yaml")
DEFAULTS = ANATOMY["defaults"]
LESIONS = {name: DEFAULTS["lesion"] | stated for name, stated in ANATOMY["lesions"].items()}

Axes = tuple[ndarray, ndarray]


class Phantom:
    """A slice of a body: levels, float32 (h, w), and the areas of its parts, by name.

    Levels are Hounsfield units in CT, dB below white in ultrasound, else 0 to 1.
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
        self.body = DEFAULTS["body"] | ANATOMY["bodies"][body]
        self.shape = shape
        self.texture = texture
        self.height = height
        self.unit = shape[0] / 2
        self.levels = np.full(shape, self._level(anatomy, self.body["ground"]), np.float32)
        self.areas: dict[str, ndarray] = {}
        self.frames = {"": self._pose(anatomy, zoom)}
        # Which part is on top, by the order of names in `areas`.
        self.top = np.full(shape, -1, np.int8)
        for part in self.body["parts"]:
            self._add_part(anatomy, part)
        self.noise = draw(anatomy, self.body["noise"])
        self.levels = gaussian_filter(self.levels, self.body["smooth"])

    def _pose(self, anatomy: Generator, zoom: float) -> Axes:
        """Return the body's axes: shifted, tilted, scaled and warped."""
        body = self.body
        height, width = self.shape
        rows, columns = np.mgrid[:height, :width].astype(np.float32)
        dy, dx = anatomy.normal(0, body["shift"], 2)
        scale = zoom * draw(anatomy, body["scale"])
        y = (rows + 0.5) / self.unit - 1 - dy
        x = (columns + 0.5 - width / 2) / self.unit - dx
        y, x = rotate(y / scale, x / scale, anatomy.normal(0, body["tilt"]))
        for sigma, amount in body["warp"]:
            y = y + amount * smooth_noise(anatomy, self.shape, sigma * self.unit)
            x = x + amount * smooth_noise(anatomy, self.shape, sigma * self.unit)
        return y, x

    def _level(self, rng: Generator, level: Any) -> float:
        """Draw a level, which may be given as the name of a tissue."""
        return draw(rng, self.body["tissues"][level] if isinstance(level, str) else level)

    def _add_part(self, anatomy: Generator, part: dict[str, Any]) -> None:
        """Draw a part of the body; draws from `anatomy` do not depend on the height."""
        level = self._level(anatomy, part.get("level", 0))
        part = DEFAULTS["part"] | part
        name = part["name"]
        middle, reach = part["z"]
        cut = np.sqrt(max(0.0, 1 - ((self.height - middle) / reach) ** 2))
        area = np.zeros(self.shape, bool)
        for copy in range(part["count"]):
            y, x, *half = (draw(anatomy, n) for n in (*part["at"], *part["half"]))
            tilt = draw(anatomy, part["turn"])
            if not cut or part["of"] not in self.frames:
                continue
            y += part["step"] * (copy - (part["count"] - 1) / 2)
            down, across = self.frames[part["of"]]
            for side in (across, -across) if part["both"] else (across,):
                down_there, across_there = rotate(down - y, side - x, tilt)
                axes = down_there / (cut * half[0]), across_there / (cut * half[1])
                area |= sum(np.abs(axis) ** part["power"] for axis in axes) <= 1
                self.frames[name] = axes
        for other in part["only"]:
            area &= self.areas[other]
        for sigma, low, high in part["grain"]:
            noise = smooth_noise(self.texture, self.shape, np.multiply(sigma, self.unit))
            area &= (noise > low) & (noise < high)
        self.areas[name] = area | self.areas.get(name, False)
        if "level" in part:
            self.top[area] = list(self.areas).index(name)
            self.levels[area] = level

    def add_lesion(
        self, kind: str, rng: Generator, suspicion: float = 1.0, share: float = 1.0
    ) -> ndarray:
        """Draw a lesion, at a `share` of its radius, into the levels; return its mask (h, w)."""
        lesion = LESIONS[kind]

        def number(name: str) -> float:
            return draw(rng, lesion[name], suspicion)

        wanted = [draw(rng, value) for value in lesion["at"]]
        # The visible area of the part, which parts drawn later may cover.
        region = self.top == list(self.areas).index(lesion["in"])
        if not region.any():
            return region
        radius = self.unit * share * np.exp(number("radius"))
        aspect = np.exp(number("aspect"))
        roughness = np.clip(number("roughness"), 0.008, 0.25)
        row, column = _place(region, wanted, np.clip(radius, 1, 0.15 * self.unit), "rim" in lesion)
        edge = np.clip(number("edge"), 0.5, 4) * max(0.5, self.unit / 80)
        # No lesion reaches farther than twice its longer half, and no edge than four times its
        # width; drawing the rest takes most time.
        reach = math.ceil(2 * radius * max(aspect, 1 / aspect) ** 0.5 + 4 * edge)
        near = np.s_[
            max(0, row - reach) : row + reach + 1, max(0, column - reach) : column + reach + 1
        ]
        mask = np.zeros_like(region)
        rows, columns = np.indices(self.shape)
        dy, dx = rotate(rows[near] - row, columns[near] - column, number("turn"))
        dy = dy / (radius * np.sqrt(aspect))
        dx = dx / (radius / np.sqrt(aspect))
        # An ellipse whose radius is modulated by harmonics.
        angle = np.arctan2(dy, dx)
        limit = np.ones(dy.shape)
        for order in range(2, 10):
            wave = np.cos(order * angle + rng.uniform(0, 2 * np.pi))
            limit += roughness * rng.normal() / order**0.6 * wave
        mask[near] = np.hypot(dy, dx) <= np.clip(limit, 0.4, 2.0)
        if "clip" in lesion:
            mask &= self.areas[lesion["clip"]]
        self.top[mask] = -1  # another lesion must be elsewhere
        cover = np.clip(number("density"), 0, 1) * gaussian_filter(mask[near] * 1.0, edge)
        self.levels[near] += cover * (number("level") - self.levels[near])
        return mask

    def scan(self) -> ndarray:
        """Return the scanner's picture, float32: Hounsfield units in CT, or 0 to 1."""
        if self.body["modality"] == "US":
            return np.clip(self._echoes(), 0, 1)
        levels = self.levels + self.noise * smooth_noise(self.texture, self.shape, 0.7)
        return levels if self.body["modality"] == "CT" else np.clip(levels, 0, 1)

    def _echoes(self) -> ndarray:
        """Return the log-compressed B-mode picture, over 55 dB, of levels in dB below white.

        Speckle is fully developed: the magnitude of complex Gaussian noise (Goodman 1975; Wagner
        et al. 1983), which scanners smooth by compounding.
        """
        rng = self.texture
        shape = self.shape
        spread = self.body["speckle"]
        envelope = np.hypot(smooth_noise(rng, shape, spread), smooth_noise(rng, shape, spread))
        speckle = 0.42 * 20 * np.log10(envelope / envelope.mean() + 1e-2)
        clouds = 2.5 * smooth_noise(rng, shape, (0.035 * shape[0], 0.08 * shape[0]))
        return gaussian_filter(1 + (self.levels + clouds + speckle) / 55, 0.45)

    def picture(self) -> ndarray:
        """Return the scanner's picture in the body's window, uint8."""
        return to_uint8(self.scan(), self.body["window"])


def _place(region: ndarray, wanted: list[float], sigma: float, at_rim: bool) -> tuple[int, int]:
    """Return the pixel deep in a region, or at its rim, that is nearest to a place in its box."""
    depth = gaussian_filter(region.astype(np.float32), sigma)
    inner = depth > 0.9 * depth.max()
    chosen = region & (~inner if at_rim else inner)
    places = np.argwhere(chosen if chosen.any() else region)
    low = places.min(axis=0)
    high = places.max(axis=0)
    distance = ((places - (low + np.multiply(wanted, high - low))) ** 2).sum(axis=1)
    return tuple(places[np.argmin(distance)])


def draw(rng: Generator, value: Any, suspicion: float = 0.0) -> float:
    """Return a number: fixed, drawn uniformly from [low, high], or depending on a suspicion.

    The last kind is given as [mean, slope, SD], followed by limits if there are any.
    """
    if not isinstance(value, list):
        return float(value)
    if len(value) == 2:
        return float(rng.uniform(*value))
    mean, slope, sd, *limits = value
    drawn = mean + slope * suspicion + sd * rng.normal()
    return float(np.clip(drawn, *limits) if limits else drawn)


def rotate(down: ndarray, across: ndarray, tilt: float) -> Axes:
    """Return coordinates, down and across, in tilted axes."""
    sine = np.float32(np.sin(tilt))
    cosine = np.float32(np.cos(tilt))
    return down * cosine - across * sine, across * cosine + down * sine


def smooth_noise(rng: Generator, shape: tuple[int, int], sigma: Any) -> ndarray:
    """Return Gaussian noise of correlation length `sigma` (pixels), mean 0 and SD 1."""
    # Drawn in cells of a third of that length, which takes a fraction of the time.
    cell = np.maximum(1, np.broadcast_to(sigma, 2) / 3)
    cells = rng.standard_normal(np.ceil(shape / cell).astype(int), dtype=np.float32)
    smooth = Image.fromarray(gaussian_filter(cells, sigma / cell, mode="wrap"))
    noise = np.asarray(smooth.resize(shape[::-1], Image.Resampling.BICUBIC))
    return (noise - noise.mean()) / (noise.std() + 1e-6)

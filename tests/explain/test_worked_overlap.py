"""A dozen small maps and lesions, worked out pixel by pixel in whole numbers and fractions.

They share no line of code with `rin.explain`, whose results they are held against.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import hypot

import numpy as np
import pytest

from rin.explain.gradcam import class_activation, to_uint8
from rin.explain.overlap import cam_dice, pixel_average_precision, pointing_game

SIDE, CELLS, THRESHOLD, TOLERANCE = 8, 4, 180, 1
#: Weights of the dense layer: channels × classes; class 1 is the positive one.
KERNEL = np.array([[-1, 2], [1, -1]])
Grid = list[list[Fraction]]


@dataclass(frozen=True)
class Case:
    """A feature map of two channels, and a lesion.

    Attributes
    ----------
    name
        What is to be seen.
    first, second
        The channels: four rows of four digits each.
    mask
        Eight rows of eight signs; `#` is lesion.
    """

    name: str
    first: str
    second: str
    mask: str

    @property
    def features(self) -> np.ndarray:
        """Activations of the last convolution, float32 (4, 4, 2)."""
        channels = [[list(map(int, row)) for row in text.split()]
                    for text in (self.first, self.second)]  # fmt: skip
        return np.moveaxis(np.array(channels, dtype=np.float32), 0, -1)

    @property
    def lesion(self) -> np.ndarray:
        """The mask, bool (8, 8)."""
        return np.array([[sign == "#" for sign in row] for row in self.mask.split()])


_NONE = "0000 0000 0000 0000"
_BLOCK = "0000 0440 0440 0000"
_SQUARE = "........ ........ ..####.. ..####.. ..####.. ..####.. ........ ........"
_LARGE = "........ .######. .######. .######. .######. .######. .######. ........"
_CORNER = "........ .###.... .###.... .###.... ........ ........ ........ ........"
_QUARTER = "####.... ####.... ####.... ####.... ........ ........ ........ ........"
_SMALL = "........ ........ ........ ........ .###.... .###.... .###.... ........"
_TWO = "........ .##..... .##..... ........ ........ .....##. .....##. ........"
_EDGE = "........ ........ ##...... ##...... ........ ........ ........ ........"
_EMPTY = " ".join(["........"] * SIDE)

CASES = (
    Case("On the lesion", "0000 0440 0430 0000", "2111 1000 1001 1112", _SQUARE),
    Case("Too narrow", _BLOCK, _NONE, _LARGE),
    Case("Too broad", "3444 4454 4443 3444", "1000 0000 0000 0001", _SQUARE),
    Case("Beside the lesion", "0000 0000 0044 0044", "1000 0000 0000 0000", _CORNER),
    Case("Well ranked, badly cut", "9400 4300 0000 0000", _NONE, _QUARTER),
    Case("A near miss", "0000 0220 0240 0000", _NONE, _SMALL),
    Case("Two lesions, one found", "0000 0000 0015 0054", _NONE, _TWO),
    Case("Two equal maxima", "0000 3003 0000 0000", _NONE, _EDGE),
    Case("Everywhere alike", "2222 2222 2222 2222", "1111 1111 1111 1111", _CORNER),
    Case("No positive value", "1000 0000 0010 0000", "3333 3333 3333 3333", _CORNER),
    Case("No lesion, highlighted", _BLOCK, _NONE, _EMPTY),
    Case("No lesion, nothing highlighted", _NONE, "1111 1221 1221 1111", _EMPTY),
)


@dataclass(frozen=True)
class Worked:
    """What a case comes to, step by step.

    Attributes
    ----------
    cam
        Sixteen times the class activation map, as whole numbers, 4 × 4.
    scaled
        The map after the ReLU, scaled to 0–255, 4 × 4.
    picture
        The map enlarged to 8 × 8 and rounded.
    called, lesion, both
        Number of pixels above the threshold, in the lesion, and in both.
    dice, pointing, precision
        The three measures; None where undefined.
    """

    cam: list[list[int]]
    scaled: Grid
    picture: list[list[int]]
    called: int
    lesion: int
    both: int
    dice: Fraction | None
    pointing: Fraction | None
    precision: Fraction | None


def work_out(case: Case) -> Worked:
    """Return every step of a case, with a loop over pixels and fractions in place of arrays."""
    cam = _weighted(case)
    peak = max(max(row) for row in cam)
    scaled = [[Fraction(255 * max(v, 0), peak) if peak > 0 else Fraction(0) for v in row]
              for row in cam]  # fmt: skip
    picture = [[round(v) for v in row] for row in _enlarged(scaled)]
    mask = case.lesion.tolist()
    cells = [(y, x) for y in range(SIDE) for x in range(SIDE)]
    lesion = [at for at in cells if mask[at[0]][at[1]]]
    called = [(y, x) for y, x in cells if picture[y][x] > THRESHOLD]
    both = [at for at in called if at in lesion]
    total = len(called) + len(lesion)
    return Worked(
        cam=cam,
        scaled=scaled,
        picture=picture,
        called=len(called),
        lesion=len(lesion),
        both=len(both),
        dice=Fraction(2 * len(both), total) if total else None,
        pointing=_pointing(picture, lesion),
        precision=sum((step for *_, step in precision_steps(picture, lesion)), Fraction(0))
        if lesion
        else None,
    )


def _weighted(case: Case) -> list[list[int]]:
    """Return 16 × the map of class 1: each channel times its weight, added up."""
    features = case.features.astype(int).tolist()
    weights = [int(row[1]) for row in KERNEL]
    return [[sum(w * a for w, a in zip(weights, cell, strict=True)) for cell in row]
            for row in features]  # fmt: skip


def _enlarged(small: Grid) -> Grid:
    """Return a grid of twice the side: three quarters of a cell, one of its nearer neighbour.

    Centres of pixels lie a quarter of a cell from the centre of theirs; outside the map the
    outermost cell goes on.
    """

    def along(cells: Sequence[Fraction]) -> list[Fraction]:
        line = []
        for k, value in enumerate(cells):
            before, after = cells[max(k - 1, 0)], cells[min(k + 1, len(cells) - 1)]
            line += [(3 * value + before) / 4, (3 * value + after) / 4]
        return line

    wide = [along(row) for row in small]
    columns = [along(column) for column in zip(*wide, strict=True)]
    return [list(row) for row in zip(*columns, strict=True)]


def _pointing(picture: list[list[int]], lesion: list[tuple[int, int]]) -> Fraction | None:
    if not lesion:
        return None
    peak = max(max(row) for row in picture)
    if peak == 0:
        return Fraction(0)
    top = [(y, x) for y in range(SIDE) for x in range(SIDE) if picture[y][x] == peak]
    hits = [at for at in top if min(hypot(at[0] - y, at[1] - x) for y, x in lesion) <= TOLERANCE]
    return Fraction(len(hits), len(top))


def precision_steps(
    picture: list[list[int]], lesion: list[tuple[int, int]]
) -> list[tuple[int, int, int, Fraction, Fraction, Fraction]]:
    """Return the steps of the average precision, from the brightest level of gray down.

    Returns
    -------
    list of tuple
        Level, pixels at least as bright, those of them in the lesion, recall, precision, and
        the rise of recall times precision.
    """
    pixels = [(picture[y][x], (y, x) in lesion) for y in range(SIDE) for x in range(SIDE)]
    steps, last = [], Fraction(0)
    for level in sorted({value for value, _ in pixels}, reverse=True):
        bright = [inside for value, inside in pixels if value >= level]
        found = sum(bright)
        recall, precision = Fraction(found, len(lesion)), Fraction(found, len(bright))
        steps.append((level, len(bright), found, recall, precision, (recall - last) * precision))
        last = recall
    return steps


each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
BY_NAME = {case.name: work_out(case) for case in CASES}


@each
def test_every_step_by_hand_equals_rin_explain(case):
    worked, lesion = work_out(case), case.lesion[None]
    cam = class_activation(case.features[None], KERNEL)[..., 1]
    np.testing.assert_array_equal(16 * cam[0], worked.cam)
    picture = to_uint8(cam, SIDE)
    np.testing.assert_array_equal(picture[0], worked.picture)
    for value, found in (
        (worked.dice, cam_dice(picture, lesion, THRESHOLD)),
        (worked.pointing, pointing_game(picture, lesion, TOLERANCE)),
        (worked.precision, pixel_average_precision(picture, lesion)),
    ):
        expected = np.nan if value is None else float(value)
        np.testing.assert_allclose(found, [expected], rtol=1e-12)


def test_cases_show_what_the_page_says_of_them():
    first = BY_NAME["On the lesion"]
    assert (first.dice, first.precision) == (Fraction(2, 3), 1)
    assert first.both / first.lesion == 0.5
    narrow, broad = BY_NAME["Too narrow"], BY_NAME["Too broad"]
    assert narrow.called < narrow.lesion and broad.called > broad.lesion
    assert abs(narrow.dice - broad.dice) < 0.01
    ranked = BY_NAME["Well ranked, badly cut"]
    assert ranked.precision == 1 and ranked.dice < 0.5
    miss = BY_NAME["A near miss"]
    assert (miss.both, miss.pointing) == (0, 1)
    assert BY_NAME["Two lesions, one found"].pointing == 1
    assert BY_NAME["Two equal maxima"].pointing == Fraction(1, 2)
    alike, blank = BY_NAME["Everywhere alike"], BY_NAME["No positive value"]
    assert alike.precision == blank.precision == Fraction(9, 64)
    assert alike.pointing == Fraction(21, 64)
    assert (blank.dice, blank.pointing) == (0, 0)
    assert BY_NAME["No lesion, highlighted"].dice == 0
    assert BY_NAME["No lesion, nothing highlighted"].dice is None

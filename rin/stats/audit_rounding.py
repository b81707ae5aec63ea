"""Ranges of numbers that were rounded before they were printed, and what follows from them.

A printed 0.85 stands for anything from 0.845 to 0.855.  A quantity worked out from printed numbers
therefore has a range, too.  Where it moves one way with each of them, its range lies between two
corners of the box of all ranges; `corner_bounds` takes the least and the largest of all corners.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import product

from rin.errors import InputError

# Decimal fractions are not exact in binary: 0.855 may be stored a hair below itself.
_HAIR = 1e-9


@dataclass(frozen=True)
class Bounds:
    """A closed range, from `low` to `high`."""

    low: float
    high: float

    def __post_init__(self) -> None:
        """Refuse a range that holds nothing."""
        if not self.low <= self.high:
            raise InputError(
                f"the range from {self.low} to {self.high} holds nothing",
                where="low, high",
                remedy="Pass two numbers, the smaller one first.",
            )

    def holds(self, value: float) -> bool:
        """Return whether a value lies in the range."""
        return self.low - _HAIR <= value <= self.high + _HAIR

    def meets(self, other: "Bounds") -> bool:
        """Return whether two ranges have a value in common."""
        return self.low <= other.high + _HAIR and other.low <= self.high + _HAIR

    def scaled(self, factor: float) -> "Bounds":
        """Return the range of `factor` times the value."""
        return Bounds(*sorted((factor * self.low, factor * self.high)))

    def __format__(self, spec: str) -> str:
        """Return ``4.8 to 4.9`` in the format of a number, or one number where both ends agree."""
        ends = [format(end, spec).replace("-", "−") for end in (self.low, self.high)]
        return " to ".join(dict.fromkeys(ends))

    def __add__(self, other: "Bounds") -> "Bounds":
        """Return the range of the sum of two values that vary freely."""
        return Bounds(self.low + other.low, self.high + other.high)

    def __sub__(self, other: "Bounds") -> "Bounds":
        """Return the range of the difference of two values that vary freely."""
        return Bounds(self.low - other.high, self.high - other.low)


def rounded(
    value: float, unit: float, *, least: float = -math.inf, most: float = math.inf
) -> Bounds:
    """Return what a number printed to a unit may have been before it was rounded.

    Parameters
    ----------
    value
        As printed.
    unit
        Value of one step of the last printed digit, such as 0.01; positive.
    least, most
        Ends of what is possible at all, such as 0 for an SD.

    Raises
    ------
    InputError
        A value that is not finite, a unit that is not positive, or a value outside the ends.

    Notes
    -----
    Checked against Python's own rounding of numbers drawn at random.
    """
    if not math.isfinite(value) or not unit > 0 or not least <= value <= most:
        raise InputError(
            f"{value} to a unit of {unit} within {least} to {most}",
            where="value, unit",
            remedy="Pass a finite value within its ends and a positive unit.",
        )
    return Bounds(max(value - unit / 2, least), min(value + unit / 2, most))


def corner_bounds(function: Callable[..., float], *ranges: Bounds) -> Bounds:
    """Return the range of a function that, over the box, moves one way with each argument.

    Parameters
    ----------
    function
        Of as many numbers as there are ranges.  Monotone in each while the others are held; the
        direction may depend on the others.
    ranges
        One per argument.

    Notes
    -----
    Checked against values drawn at random inside the box, for every function that it is used with.
    """
    corners = [function(*corner) for corner in product(*((r.low, r.high) for r in ranges))]
    return Bounds(min(corners), max(corners))

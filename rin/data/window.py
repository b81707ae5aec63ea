"""Which stored values become black and white: a window, center and width in radiologists'
words."""

import numpy as np

from rin.errors import FileError


def apply_window(values: np.ndarray, window: tuple[float, float]) -> np.ndarray:
    """Return shares of a window's range: 0 is black and 1 white, not clipped.

    The VOI function LINEAR of DICOM, PS3.3 C.11.2.1.2.1; FileError for a width below 1.
    """
    center, width = window
    if not width >= 1:
        raise FileError(f"a window of width {width} is too narrow")
    if width == 1:
        return (values > center - 0.5).astype(np.float64)
    return (values - (center - 0.5)) / (width - 1) + 0.5


def whole_window(low: int, high: int) -> tuple[int, int] | None:
    """Return the window from 0 to the most that the bits of the largest value can hold.

    None where values are below zero or all zero: they do not say what is black.
    """
    if low < 0 or high <= 0:
        return None
    width = 2 ** max(8, high.bit_length())
    return width // 2, width

"""Random affine transforms by the letter: products of 3 x 3 matrices that act on (y, x, 1)."""

import numpy as np


def affine_matrix(shape, drawn, *, rotation, shift, shear, zoom, flip):
    """Return the map from output to input that rotates, shifts, shears and zooms, then mirrors.

    `drawn` are seven numbers from -1 to 1; everything is about the middle of the picture, and the
    ranges are those of Keras' `ImageDataGenerator`.
    """
    turn, down, right, slant, zoom_y, zoom_x, mirror = drawn.astype(float)
    turn, slant = np.deg2rad([rotation * turn, shear * slant])
    centre, shifted = np.eye(3), np.eye(3)
    centre[:2, 2] = (np.array(shape) - 1) / 2
    shifted[:2, 2] = shift * np.array([down, right]) * shape
    rotated = [[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]]
    sheared = [[1, -np.sin(slant), 0], [0, np.cos(slant), 0], [0, 0, 1]]
    zoomed = np.diag([1 + zoom * zoom_y, 1 + zoom * zoom_x, 1])
    mirrored = np.diag([1, -1 if flip and mirror < 0 else 1, 1])
    return centre @ rotated @ shifted @ sheared @ zoomed @ mirrored @ np.linalg.inv(centre)

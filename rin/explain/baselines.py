"""What localisation scores without looking at any image.

Three pictures that every image shares are measured exactly as maps of networks are: an ellipse of
the size of lesions in the middle, the whole image, and the middle point. A network that looks
at the lesion beats them.
"""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from skimage.draw import ellipse

from rin.errors import InputError
from rin.explain.dice import cam_dice, check_masks, has_lesion
from rin.explain.pointing import hit_shares, near_lesion, pixel_average_precision

ELLIPSE, WHOLE, POINT = BASELINES = ("centred ellipse", "whole image", "centre point")
_LIT = np.uint8(255)


def lesion_sizes(masks: np.ndarray) -> np.ndarray:
    """Return height and width of the bounding box of each lesion, in pixels.

    Parameters
    ----------
    masks
        bool or 0/1 (n, h, w); several parts of one mask share one box.

    Returns
    -------
    numpy.ndarray
        float64 (n, 2); NaN for an empty mask.

    Notes
    -----
    Checked against ``skimage.measure.regionprops``.
    """
    lesions = check_masks(masks)
    sizes = np.full((len(lesions), 2), np.nan)
    for row, lesion in zip(sizes, lesions, strict=True):
        if lesion.any():
            ends = [np.flatnonzero(lesion.any(axis=axis))[[0, -1]] for axis in (1, 0)]
            row[:] = [last - first + 1 for first, last in ends]
    return sizes


def others_lesion_size(sizes: np.ndarray, patients: ArrayLike) -> np.ndarray:
    """Return, per image, the mean lesion size of all other patients.

    Parameters
    ----------
    sizes
        Height and width of each lesion, (n, 2), NaN without one, as from `lesion_sizes`.
    patients
        Patient of each image, (n,).

    Returns
    -------
    numpy.ndarray
        float64 (n, 2), in pixels.

    Raises
    ------
    InputError
        When lengths differ, or fewer than two patients have a lesion.

    Notes
    -----
    Checked against a loop over patients with ``skimage.measure.regionprops``.
    """
    sizes, names = np.asarray(sizes, dtype=float), np.asarray(patients)
    outlined = ~np.isnan(sizes).any(axis=1)
    if names.shape != outlined.shape or pd.unique(names[outlined]).size < 2:
        raise InputError(
            f"{names.size} patients, {pd.unique(names).size} different, beside "
            f"{outlined.sum()} lesions in {len(sizes)} images",
            where="patients",
            remedy="Name each image's patient; a size needs lesions of somebody else.",
        )
    codes = np.unique(names, return_inverse=True)[1]
    own = np.zeros((codes.max() + 1, 3))
    np.add.at(own, codes[outlined], np.column_stack([sizes, np.ones(len(sizes))])[outlined])
    left = own.sum(axis=0) - own
    return (left[:, :2] / left[:, 2:])[codes]


def baseline_pictures(shape: tuple[int, int], size: tuple[float, float]) -> dict[str, np.ndarray]:
    """Draw the pictures that look at nothing.

    Parameters
    ----------
    shape
        Height and width of the images, in pixels.
    size
        Height and width of the ellipse, in pixels.

    Returns
    -------
    dict
        From name to uint8 (h, w), 255 where the baseline points and 0 elsewhere. The centre
        point is one pixel, or the two or four around the middle of an even side.
    """
    middle = [(side - 1) / 2 for side in shape]
    pictures = {name: np.zeros(shape, dtype=np.uint8) for name in BASELINES}
    pictures[WHOLE][:] = _LIT
    pictures[ELLIPSE][ellipse(*middle, size[0] / 2, size[1] / 2, shape=shape)] = _LIT
    rows, columns = (slice(int(at), int(np.ceil(at)) + 1) for at in middle)
    pictures[POINT][rows, columns] = _LIT
    return pictures


def baseline_scores(masks: np.ndarray, sizes: np.ndarray, *, tolerance: float) -> pd.DataFrame:
    """Score the pictures that look at nothing, by the measures that score the networks.

    Parameters
    ----------
    masks
        bool or 0/1 (n, h, w), each with a lesion.
    sizes
        Height and width of the ellipse for each image, (n, 2), in pixels: learned elsewhere,
        as from `others_lesion_size`; or one pair for all.
    tolerance
        Of the pointing game, in pixels.

    Returns
    -------
    pandas.DataFrame
        One row per image and baseline: `image` (row of `masks`), `baseline`, `dice`,
        `pointing`, `average_precision`. A flat picture has the same Dice at every threshold.
        The whole image states chance for the two other measures: the share of the image that
        counts as hit, and that is lesion. The centre point is scored by pointing alone (NaN
        elsewhere).

    Raises
    ------
    InputError
        When a mask is empty, which no picture can hit.

    Notes
    -----
    Checked against the closed forms 2s/(1 + s) and s of the whole image, s being the lesion's
    share, and against an ellipse drawn from its equation.
    """
    lesions = check_masks(masks)
    empty = int((~has_lesion(lesions)).sum())
    if empty:
        raise InputError(
            f"{empty} of {len(lesions)} masks outline nothing",
            where="masks",
            remedy="Leave out cases without a lesion with has_lesion.",
        )
    near = near_lesion(lesions, tolerance)
    sizes = np.broadcast_to(np.asarray(sizes, dtype=float), (len(lesions), 2))
    rows = []
    for place, (lesion, region, size) in enumerate(zip(lesions, near, sizes, strict=True)):
        for name, picture in baseline_pictures(lesion.shape, tuple(size)).items():
            point = name == POINT
            rows.append(
                {
                    "image": place,
                    "baseline": name,
                    "dice": np.nan if point else cam_dice(picture[None], lesion[None])[0],
                    "pointing": hit_shares(picture[None], region[None])[0],
                    "average_precision": (
                        np.nan if point else pixel_average_precision(picture[None], lesion[None])[0]
                    ),
                }
            )
    columns = ["image", "baseline", "dice", "pointing", "average_precision"]
    return pd.DataFrame(rows, columns=columns)


def baseline_table(scores: pd.DataFrame) -> pd.DataFrame:
    """Return the mean of each baseline over images: `baseline` and a column per measure.

    `scores` is the table of `baseline_scores`.
    """
    measures = ["dice", "pointing", "average_precision"]
    return scores.groupby("baseline", sort=False)[measures].mean().reset_index()

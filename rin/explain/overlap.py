"""Overlap of activation maps with the lesions that radiologists marked.

The measures are Dice at some thresholds and, without a threshold, the pointing game and the
average precision of pixels.  They score the runs of a study and image-blind baselines.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.ndimage import distance_transform_edt
from skimage.draw import ellipse

from rin.errors import InputError
from rin.explain.gradcam import to_uint8

PAPER_THRESHOLD = 180  # paper, "Grad-CAM": values greater than 180 count as lesion
#: Image-blind baselines.
ELLIPSE, WHOLE, POINT = BASELINES = ("centred ellipse", "whole image", "centre point")
_LEVELS = 256  # grey levels of an 8-bit map


def has_lesion(masks: np.ndarray) -> np.ndarray:
    """Return which masks outline anything, bool (n,), from masks (n, h, w)."""
    return masks.any(axis=(1, 2))


def _gray_histograms(cams: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Count pixels of each grey level in the lesion and anywhere, int64 (2, n, 256)."""
    if cams.dtype != np.uint8:
        raise InputError(
            f"dtype is {cams.dtype}", where="cams", remedy="Convert the maps with to_uint8."
        )
    # The level and "in the lesion" make one number, so one count serves both.
    counts = [
        np.bincount((_LEVELS * lesion.astype(bool) + cam).ravel(), minlength=2 * _LEVELS)
        for cam, lesion in zip(cams, masks, strict=True)
    ]
    outside, inside = np.reshape(counts, (-1, 2, _LEVELS)).swapaxes(0, 1)
    return np.stack([inside, outside + inside])


def _share(part: np.ndarray, whole: np.ndarray, *, of_nothing: float) -> np.ndarray:
    """Return part / whole, and a value where the whole is nothing."""
    return np.divide(part, whole, out=np.full(whole.shape, of_nothing), where=whole > 0)


def threshold_curve(cams: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the Dice score of each map (n, h, w), uint8, at each threshold: (n, 256), 0-1.

    The score is 2|P ∩ M| / (|P| + |M|) for the lesion M and, in column t, the pixels P strictly
    above t.  Without a lesion it is 0 if any pixel is above the threshold, and otherwise NaN.
    """
    counts = _gray_histograms(cams, masks)
    pixels = counts.sum(axis=2, keepdims=True)
    hits, called = pixels - counts.cumsum(axis=2)  # strictly above each level
    return _share(2.0 * hits, called + pixels[0], of_nothing=np.nan)


def cam_dice(cams: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the Dice score of each map at the paper's threshold (`threshold_curve`), (n,)."""
    return threshold_curve(cams, masks)[:, PAPER_THRESHOLD]


def pixel_average_precision(cams: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return the average precision of each map's grey levels as scores of lesion pixels, (n,).

    ``AP = Σ_t (R_t − R_{t−1}) P_t`` over the levels t from the brightest down, with recall R and
    precision P of the pixels at least as bright; NaN for an empty mask.
    """
    counts = _gray_histograms(cams, masks)
    hits, called = counts[..., ::-1].cumsum(axis=2)[..., ::-1]  # at each level or above
    weighted = counts[0] * _share(hits, called, of_nothing=0.0)
    return _share(weighted.sum(axis=1), hits[:, 0], of_nothing=np.nan)


def crossfitted_dice(curves: np.ndarray, patients: ArrayLike) -> np.ndarray:
    """Return each image's Dice score at the threshold that is best for all other patients, (n,).

    ``curves`` (n, 256) are those of images with a lesion.  NaN if all images are of one patient.
    """
    names = np.asarray(patients)
    if pd.unique(names).size < 2:
        return np.full(len(curves), np.nan)
    of_patient = pd.DataFrame(curves).groupby(names).transform("sum").to_numpy()
    # The last digits of equal sums differ by rounding.
    best = np.round(curves.sum(axis=0) - of_patient, 9).argmax(axis=1)
    return curves[np.arange(len(curves)), best]


def near_lesion(masks: np.ndarray) -> np.ndarray:
    """Return which pixels are in a lesion or within the margin around it, bool (n, h, w).

    The margin is that of the pointing game: 15 pixels at a side of 256 (Zhang et al 2018).
    """
    near = masks.astype(bool)
    tolerance = round(15 * masks.shape[-1] / 256)
    for lesion in near:
        if lesion.any():
            lesion[:] = distance_transform_edt(~lesion) <= tolerance
    return near


def pointing_game(maps: np.ndarray, near: np.ndarray) -> np.ndarray:
    """Return whether the maximum of each map is in its lesion or near it, float64 (n,), 0-1.

    If several pixels share the maximum, the result is the share of these pixels that hit; it is 0
    for a map without a positive value, which points nowhere, and NaN for an empty mask.  Zhang et
    al, Int J Comput Vis 2018;126:1084.
    """
    peak = maps.max(axis=(1, 2), keepdims=True)
    top = (maps == peak) & (peak > 0)
    n_hit, n_top = (np.count_nonzero(those, axis=(1, 2)) for those in (top & near, top))
    return np.where(has_lesion(near), _share(n_hit, n_top, of_nothing=0.0), np.nan)


def cell_hits(near: np.ndarray, grid: tuple[int, int]) -> np.ndarray:
    """Return how often a map with one bright cell, drawn at random, hits each lesion, (n,), 0-1.

    A random pixel is not a fair comparison: the brightest spot of a coarse map is the middle of a
    cell, or the whole corner beyond it; with 2 × 2 cells it is always a corner.
    """
    cells = np.eye(grid[0] * grid[1], dtype=np.float32).reshape(-1, *grid)
    maps = to_uint8(cells, near.shape[-1])
    return np.mean([near[:, cell == cell.max()].mean(axis=1) for cell in maps], axis=0)


def typical_lesion_size(masks: np.ndarray, patients: ArrayLike) -> np.ndarray:
    """Return, per image, the mean lesion height and width of all other patients (n, 2), in pixels.

    They are those of the boxes around lesions.  InputError if fewer than two patients have one.
    """
    boxes = [np.ptp(np.nonzero(mask), axis=1) + 1 if mask.any() else (0, 0) for mask in masks]
    table = pd.DataFrame(boxes, columns=["height", "width"]).assign(lesions=has_lesion(masks))
    left = table.sum() - table.groupby(np.asarray(patients)).transform("sum")
    if (left["lesions"] == 0).any():
        raise InputError(
            f"the {table['lesions'].sum():.0f} lesions in {len(table)} images are of one patient",
            where="patients",
            remedy="Take more cases: a size needs lesions of somebody else.",
        )
    return left[["height", "width"]].div(left["lesions"], axis=0).to_numpy()


def baseline_scores(masks: np.ndarray, sizes: np.ndarray) -> pd.DataFrame:
    """Score the image-blind baselines by the measures that score the networks.

    `masks` have a lesion each; `sizes` are those of the ellipse (`typical_lesion_size`).  One row
    per image and baseline: `image` (row of `masks`), `baseline`, and the measures, of which the
    centre point has only `pointing`.
    """
    shape = masks.shape[1:]
    near = near_lesion(masks)
    middle = [(side - 1) / 2 for side in shape]
    drawn = {name: np.zeros(masks.shape, dtype=np.uint8) for name in BASELINES}
    drawn[WHOLE][:] = 255
    for picture, (height, width) in zip(drawn[ELLIPSE], sizes, strict=True):
        picture[ellipse(*middle, height / 2, width / 2, shape=shape)] = 255
    # One pixel, or the two or four pixels around the middle if a side is even.
    rows, columns = (slice((side - 1) // 2, side // 2 + 1) for side in shape)
    drawn[POINT][:, rows, columns] = 255
    tables = []
    for name, pictures in drawn.items():
        tables.append(
            pd.DataFrame(
                {
                    "image": range(len(masks)),
                    "baseline": name,
                    "dice": cam_dice(pictures, masks),
                    "pointing": pointing_game(pictures, near),
                    "average_precision": pixel_average_precision(pictures, masks),
                }
            )
        )
    table = pd.concat(tables).sort_values("image", kind="stable", ignore_index=True)
    table.loc[table["baseline"] == POINT, ["dice", "average_precision"]] = np.nan
    return table


def measure_overlap(
    runs: Sequence[tuple[pd.DataFrame, np.ndarray]], case_ids: Sequence[str], masks: np.ndarray
) -> pd.DataFrame:
    """Measure how recorded maps and lesions overlap, image by image and run by run.

    The map of the predicted class is compared (the paper says only "the output layer").  `runs`
    has, for each run, its test rows of the predictions table, and its maps (rows, h, w, 2) before
    the ReLU, which are enlarged to the size of the masks.

    One row per run and image with a lesion: the columns of the predictions table,
    `target` (class of the map), `dice` at the paper's threshold, `dice_best` at the threshold that
    is best for all other patients of the same task, scenario and init, `pointing`,
    `pointing_blind` (`cell_hits`), `average_precision`, `cells` (of the map's longer side) and
    `mask_share`.
    """
    side = masks.shape[-1]
    ids = np.asarray(case_ids)
    tested = np.isin(ids, pd.concat([rows["case_id"] for rows, _ in runs]))
    outlined = np.flatnonzero(tested & has_lesion(masks))
    lesions = masks[outlined]
    near = near_lesion(lesions)
    outlined_ids = pd.Index(ids[outlined])
    tables = []
    curves = []
    blind = {}
    for rows, cams in runs:
        grid = cams.shape[1:3]
        if grid not in blind:
            blind[grid] = cell_hits(near, grid)
        places = outlined_ids.get_indexer(rows["case_id"])  # -1 without a lesion
        marked = places >= 0
        at = places[marked]
        target = (rows["score"][marked] > 0).to_numpy(int)
        pictures = to_uint8(cams[marked, :, :, target], side)
        outlines = lesions[at]
        curves.append(threshold_curve(pictures, outlines))
        tables.append(
            rows[marked].assign(
                target=target,
                dice=curves[-1][:, PAPER_THRESHOLD],
                pointing=pointing_game(pictures, near[at]),
                pointing_blind=blind[grid][at],
                cells=max(grid),
                average_precision=pixel_average_precision(pictures, outlines),
                mask_share=outlines.mean(axis=(1, 2)),
            )
        )
    table = pd.concat(tables, ignore_index=True)
    all_curves = np.concatenate(curves)
    table["dice_best"] = np.nan
    cells = table.groupby(["task", "scenario", "init"], sort=False)
    for at in cells.indices.values():
        table.loc[at, "dice_best"] = crossfitted_dice(all_curves[at], table["patient_id"][at])
    return table

"""Overlap of activation maps with the lesions that radiologists outlined.

A thresholded map and a lesion mask are compared by Dice score, beside two baselines
that look at no image at all. The tables made here are tidy; tests between sources of
initialisation are made by `rin.stats` and shown by `rin.report`.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
from skimage.draw import ellipse
from skimage.measure import regionprops

from rin.errors import InputError, unknown
from rin.explain.gradcam import to_uint8

PAPER_THRESHOLD = 180  # paper, "Grad-CAM": values greater than 180 count as lesion
TARGETS = ("predicted", "label", "positive")
_RUN = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]
_CASE = ["case_id", "patient_id", "label", "score"]
_CELL = ["task", "scenario", "backbone", "unfreezing", "learning_rate", "init"]


def dice(prediction: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Return the Dice score 2|P ∩ M| / (|P| + |M|) of each image.

    Parameters
    ----------
    prediction, mask
        bool (n, h, w), equal shapes.

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1. Where only one of the two is empty the score is 0. Where both
        are empty it is NaN: 0/0 is undefined, and a case without a lesion must not pass
        for a perfect localisation. Such cases are left out with `has_lesion`.

    Raises
    ------
    InputError
        When the shapes differ, or an array is not boolean.

    Notes
    -----
    Checked against ``sklearn.metrics.f1_score`` of the pixels.
    """
    prediction, mask = np.asarray(prediction), np.asarray(mask)
    _check_pair(prediction, mask)
    for name, array in (("prediction", prediction), ("mask", mask)):
        if array.dtype != bool:
            raise InputError(f"dtype is {array.dtype}", where=name, remedy="Give a boolean array.")
    both = np.count_nonzero(prediction & mask, axis=(1, 2))
    total = np.count_nonzero(prediction, axis=(1, 2)) + np.count_nonzero(mask, axis=(1, 2))
    return np.divide(2.0 * both, total, out=np.full(len(mask), np.nan), where=total > 0)


def has_lesion(masks: np.ndarray) -> np.ndarray:
    """Return which masks outline anything, bool (n,), from masks (n, h, w).

    Normal breasts have no lesion to localise; Dice is averaged without them.
    """
    return np.asarray(masks).any(axis=(1, 2))


def cam_dice(cams: np.ndarray, masks: np.ndarray, threshold: int = PAPER_THRESHOLD) -> np.ndarray:
    """Return the Dice score of thresholded maps against lesion masks.

    Parameters
    ----------
    cams
        uint8 (n, h, w), from `rin.explain.gradcam.to_uint8`.
    masks
        bool or 0/1 (n, h, w).
    threshold
        Gray level; pixels strictly above it are predicted lesion (180 in the paper).

    Returns
    -------
    numpy.ndarray
        float64 (n,), 0–1; NaN as in `dice`.

    Raises
    ------
    InputError
        When the shapes differ or the maps are not 8-bit.
    """
    cams = np.asarray(cams)
    if cams.dtype != np.uint8:
        raise InputError(
            f"dtype is {cams.dtype}", where="cams", remedy="Convert the maps with to_uint8."
        )
    return dice(cams > threshold, np.asarray(masks).astype(bool))


def whole_image_dice(masks: np.ndarray) -> np.ndarray:
    """Return the Dice score of calling every pixel lesion, float64 (n,).

    A baseline without any network: the score a map reaches by being everywhere.
    """
    masks = np.asarray(masks).astype(bool)
    return dice(np.ones_like(masks), masks)


def mean_lesion_size(masks: np.ndarray) -> tuple[float, float]:
    """Return the mean height and width of the lesions' bounding boxes, in pixels.

    Parameters
    ----------
    masks
        bool or 0/1 (n, h, w); masks without a lesion are left out. Take them from the
        training part where the size must not be learned from the test part.

    Raises
    ------
    InputError
        When no mask outlines anything.
    """
    outlined = np.asarray(masks).astype(np.uint8)[has_lesion(masks)]
    if not len(outlined):
        raise InputError(
            "no mask outlines a lesion", where="masks", remedy="Give a dataset with masks."
        )
    boxes = np.array([regionprops(one)[0].bbox for one in outlined])
    height, width = (boxes[:, 2:] - boxes[:, :2]).mean(axis=0)
    return float(height), float(width)


def centred_ellipse_dice(masks: np.ndarray, size: tuple[float, float]) -> np.ndarray:
    """Return the Dice score of one ellipse in the middle of every image, float64 (n,).

    A baseline that knows only how large lesions are and that they are imaged centrally.

    Parameters
    ----------
    masks
        bool or 0/1 (n, h, w).
    size
        Height and width of the ellipse in pixels, as from `mean_lesion_size`.
    """
    masks = np.asarray(masks).astype(bool)
    picture = np.zeros(masks.shape[1:], dtype=bool)
    middle = [(side - 1) / 2 for side in picture.shape]
    picture[ellipse(*middle, size[0] / 2, size[1] / 2, shape=picture.shape)] = True
    return dice(np.broadcast_to(picture, masks.shape), masks)


def baseline_table(masks: np.ndarray, size: tuple[float, float]) -> pd.DataFrame:
    """Return the mean Dice of both baselines: columns `baseline`, `dice`.

    Cases without a lesion are left out; `size` as in `centred_ellipse_dice`.
    """
    outlined = np.asarray(masks)[has_lesion(masks)]
    means = [centred_ellipse_dice(outlined, size).mean(), whole_image_dice(outlined).mean()]
    return pd.DataFrame({"baseline": ["centred ellipse", "whole image"], "dice": means})


def dice_table(
    runs: Iterable[tuple[pd.DataFrame, np.ndarray]],
    case_ids: Sequence[str],
    masks: np.ndarray,
    *,
    target: str = "predicted",
    threshold: int = PAPER_THRESHOLD,
) -> pd.DataFrame:
    """Return one Dice score per case and run, tidy.

    Parameters
    ----------
    runs
        One pair per run: its test rows of the predictions table, and its maps, float32
        (rows, h, w, 2) in the same order, class 1 being the positive one.
    case_ids
        Case of each mask.
    masks
        bool or 0/1 (n, size, size); `size` is the side at which Dice is taken.
    target
        Whose map is compared: that of the `predicted` class (the usual recipe; the
        paper says only "the output layer"), of the true `label`, or of the `positive`
        class.
    threshold
        As in `cam_dice`.

    Returns
    -------
    pandas.DataFrame
        The run and case columns of the predictions table, `target` (0 or 1) and `dice`.
        Cases without a lesion are left out.

    Raises
    ------
    InputError
        When a case has no mask, rows and maps differ in number, or `target` is unknown.
    """
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    place = pd.Series(np.arange(len(case_ids)), index=list(case_ids))
    parts = [_run_dice(rows, cams, place, masks, target, threshold) for rows, cams in runs]
    if not parts:
        raise InputError("there is no run", where="runs", remedy="Record maps in a profile.")
    return pd.concat(parts, ignore_index=True)


def _run_dice(
    rows: pd.DataFrame,
    cams: np.ndarray,
    place: pd.Series,
    masks: np.ndarray,
    target: str,
    threshold: int,
) -> pd.DataFrame:
    absent = rows.loc[~rows["case_id"].isin(place.index), "case_id"]
    if len(rows) != len(cams) or len(absent):
        raise InputError(
            f"{len(rows)} rows, {len(cams)} maps, {len(absent)} cases without a mask",
            where="runs",
            remedy="Give the test rows of the run whose maps these are, and all masks.",
        )
    where = place.loc[rows["case_id"]].to_numpy()
    lesions = np.stack([masks[one] for one in where]).astype(bool)
    chosen = {
        "predicted": (rows["score"] > 0.5).astype(int),
        "label": rows["label"].astype(int),
        "positive": pd.Series(1, index=rows.index),
    }[target].to_numpy()
    keep = has_lesion(lesions)
    maps = np.asarray(cams)[np.arange(len(cams)), :, :, chosen][keep]
    table = rows.loc[keep, [*_RUN, *_CASE]].reset_index(drop=True)
    scores = cam_dice(to_uint8(maps, lesions.shape[-1]), lesions[keep], threshold)
    return table.assign(target=chosen[keep], dice=scores)


def scenario_dice(table: pd.DataFrame) -> pd.DataFrame:
    """Return the mean Dice of each scenario and init over its cases.

    Columns: task, scenario, backbone, unfreezing, learning_rate, init, `dice`, `n_cases`
    (rows averaged, all folds and seeds together). `table` is that of `dice_table`.
    """
    if table["dice"].isna().any():
        raise InputError(
            "a Dice score is undefined",
            where="dice",
            remedy="Leave out cases without a lesion with has_lesion.",
        )
    grouped = table.groupby(_CELL, observed=True, sort=False)["dice"]
    return grouped.agg(dice="mean", n_cases="size").reset_index()


def init_dice(scenarios: pd.DataFrame) -> pd.DataFrame:
    """Return mean and SD over scenarios per task and init, as in the paper's Figure 5.

    Columns: task, init, `mean`, `sd` (sample SD, ddof 1), `n_scenarios`. `scenarios` is
    the table of `scenario_dice`.
    """
    grouped = scenarios.groupby(["task", "init"], observed=True, sort=False)["dice"]
    return grouped.agg(mean="mean", sd="std", n_scenarios="size").reset_index()


def _check_pair(prediction: np.ndarray, mask: np.ndarray) -> None:
    if prediction.ndim != 3 or prediction.shape != mask.shape:
        raise InputError(
            f"shapes {prediction.shape} and {mask.shape} differ or are not (n, h, w)",
            where="prediction, mask",
            remedy="Bring maps and masks to one size before comparing them.",
        )

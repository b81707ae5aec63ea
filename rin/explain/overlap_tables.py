"""Overlap of recorded maps with lesions as tidy tables: a row per image and run.

Images with a lesion and images without one go to different tables, because an image with nothing
to find can be neither hit nor missed. Tests between sources of initialisation are made by
`rin.stats` and shown by `rin.report`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from rin.errors import InputError, unknown
from rin.explain.dice import PAPER_THRESHOLD, has_lesion
from rin.explain.gradcam import probability_maps, to_uint8
from rin.explain.pointing import hit_shares, near_lesion, precision_of, tolerance_at
from rin.explain.thresholds import (
    best_threshold,
    crossfitted_dice,
    curves_of,
    gray_histograms,
)

TARGETS = ("predicted", "label", "positive")
OF = ("logit", "probability")
#: Measures of the table, and what they are called.
MEASURES = {
    "dice": f"Dice at {PAPER_THRESHOLD}",
    "dice_best": "Dice, threshold from other patients",
    "dice_upper": "Dice, own best threshold (upper bound)",
    "pointing": "Pointing game",
    "average_precision": "Pixel average precision",
}
_RUN = ["task", "fold", "scenario", "backbone", "unfreezing", "learning_rate", "init", "seed"]
_CASE = ["case_id", "patient_id", "label", "score"]
CELL = ["task", "scenario", "backbone", "unfreezing", "learning_rate", "init"]

Runs = Sequence[tuple[pd.DataFrame, np.ndarray]]


@dataclass(frozen=True)
class Overlap:
    """What maps and lesions have in common.

    Attributes
    ----------
    table
        One row per run and image with a lesion: the run and case columns of the predictions
        table, `target` (class whose map it is, 0 or 1), the columns of `MEASURES`,
        `mask_share` and `cam_share` (of the image, lesion and above the threshold, 0–1),
        `empty_cam` (the map has no positive value).
    curves
        Dice at every threshold, float64 (rows of `table`, 256).
    empty
        One row per run and image without a lesion: run and case columns, `target`,
        `cam_share`, `highlighted` (whether anything lies above the threshold), `empty_cam`.
    tolerance
        Of the pointing game, in pixels.
    """

    table: pd.DataFrame
    curves: np.ndarray
    empty: pd.DataFrame
    tolerance: float


def measure_overlap(
    runs: Runs,
    case_ids: Sequence[str],
    masks: np.ndarray,
    *,
    target: str = "predicted",
    of: str = "logit",
    threshold: int = PAPER_THRESHOLD,
    tolerance: float | None = None,
) -> Overlap:
    """Measure how recorded maps and lesions overlap, image by image and run by run.

    Parameters
    ----------
    runs
        One pair per run: its test rows of the predictions table, and its maps, float32
        (rows, h, w, 2) before the ReLU in the same order, class 1 being the positive one.
    case_ids
        Case of each mask.
    masks
        bool or 0/1 (n, size, size); maps are enlarged to `size`.
    target
        Whose map is compared: that of the `predicted` class (the usual recipe; the
        paper says only "the output layer"), of the true `label`, or of the `positive`
        class.
    of
        Grad-CAM of the class's `logit` or of its `probability`.
    threshold
        As in `rin.explain.dice.cam_dice`.
    tolerance
        Of the pointing game, in pixels; by default `tolerance_at(size)`.

    Returns
    -------
    Overlap
        In `table`, `dice_best` is taken at the threshold that is best for all other patients
        of the same scenario and init (NaN where there is no other patient), `dice_upper` at
        the threshold that is best for the very images of the run.

    Raises
    ------
    InputError
        When there is no run, a case has no mask, rows and maps differ in number, or `target`
        or `of` is unknown.

    Notes
    -----
    Checked against the functions of one measure each, called on every image by itself.
    """
    place = check_runs(runs, case_ids, target, of)
    margin = tolerance_at(masks.shape[-1]) if tolerance is None else tolerance
    lesions = _Lesions(runs, place, masks, margin)
    parts = [_measure_run(rows, cams, lesions, target, of, threshold) for rows, cams in runs]
    table, empty = (pd.concat([part[k] for part in parts], ignore_index=True) for k in (0, 1))
    curves = np.concatenate([part[2] for part in parts])
    return Overlap(_with_best_thresholds(table, curves), curves, empty, margin)


def dice_table(
    runs: Runs,
    case_ids: Sequence[str],
    masks: np.ndarray,
    *,
    target: str = "predicted",
    of: str = "logit",
    threshold: int = PAPER_THRESHOLD,
) -> pd.DataFrame:
    """Return one Dice score per run and image with a lesion: `measure_overlap` in short.

    Columns: run and case columns of the predictions table, `target`, `dice`, `empty_cam`.
    Parameters and errors are those of `measure_overlap`, against which it is checked.
    """
    place = check_runs(runs, case_ids, target, of)
    lesions = _Lesions(runs, place, masks, 0)
    parts = []
    for rows, cams in runs:
        outlined = lesions.outlined(rows)
        chosen, pictures = class_pictures(rows, cams, masks.shape[-1], target, of)
        keep, mask = pictures[outlined], lesions.masks[lesions.at(rows[outlined])]
        scores = curves_of(*gray_histograms(keep, mask))[:, threshold]
        named = rows.loc[outlined, [*_RUN, *_CASE]].reset_index(drop=True)
        blank = ~keep.any(axis=(1, 2))
        parts.append(named.assign(target=chosen[outlined], dice=scores, empty_cam=blank))
    return pd.concat(parts, ignore_index=True)


class _Lesions:
    """Masks of the images that have a lesion, and what lies near it, read once for all runs."""

    def __init__(self, runs: Runs, place: pd.Series, masks: np.ndarray, tolerance: float) -> None:
        cases = pd.unique(pd.concat([rows["case_id"] for rows, _ in runs]))
        side = masks.shape[-1]
        tested = np.array([masks[k] for k in place.loc[cases]]).reshape(-1, side, side)
        with_lesion = has_lesion(tested)
        self.masks = tested[with_lesion]
        self.near = near_lesion(self.masks, tolerance)
        self._row = pd.Series(np.arange(len(self.masks)), index=cases[with_lesion])

    def outlined(self, rows: pd.DataFrame) -> np.ndarray:
        return rows["case_id"].isin(self._row.index).to_numpy()

    def at(self, rows: pd.DataFrame) -> np.ndarray:
        return self._row.loc[rows["case_id"]].to_numpy()


def check_runs(runs: Runs, case_ids: Sequence[str], target: str, of: str) -> pd.Series:
    """Return the row of each case's mask, or raise as `measure_overlap`."""
    if target not in TARGETS:
        raise unknown("target", target, TARGETS)
    if of not in OF:
        raise unknown("of", of, OF)
    if not runs:
        raise InputError("there is no run", where="runs", remedy="Record maps in a profile.")
    place = pd.Series(np.arange(len(case_ids)), index=list(case_ids))
    for rows, cams in runs:
        absent = rows.loc[~rows["case_id"].isin(place.index), "case_id"]
        if len(rows) != len(cams) or len(absent):
            raise InputError(
                f"{len(rows)} rows, {len(cams)} maps, {len(absent)} cases without a mask",
                where="runs",
                remedy="Give the test rows of the run whose maps these are, and all masks.",
            )
    return place


def class_pictures(
    rows: pd.DataFrame, cams: np.ndarray, side: int, target: str, of: str
) -> tuple[np.ndarray, np.ndarray]:
    """Return the class looked for in each image, and its map as an 8-bit picture."""
    score = rows["score"].to_numpy(dtype=float)
    chosen = {
        "predicted": (score > 0.5).astype(int),
        "label": rows["label"].to_numpy(dtype=int),
        "positive": np.ones(len(rows), dtype=int),
    }[target]
    maps = np.asarray(cams)
    if of == "probability":
        maps = probability_maps(maps, np.column_stack([1 - score, score]))
    return chosen, to_uint8(maps[np.arange(len(maps)), :, :, chosen], side)


def _measure_run(
    rows: pd.DataFrame, cams: np.ndarray, lesions: _Lesions, target: str, of: str, threshold: int
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray]:
    """Return the rows of one run with a lesion, those without, and the curves of the first."""
    side = lesions.masks.shape[-1]
    chosen, pictures = class_pictures(rows, cams, side, target, of)
    named = rows[[*_RUN, *_CASE]].assign(
        target=chosen,
        cam_share=(pictures > threshold).mean(axis=(1, 2)),
        empty_cam=~pictures.any(axis=(1, 2)),
    )
    outlined = lesions.outlined(rows)
    at = lesions.at(rows[outlined])
    inside, anywhere = gray_histograms(pictures[outlined], lesions.masks[at])
    curves = curves_of(inside, anywhere)
    table = named[outlined].assign(
        dice=curves[:, threshold],
        pointing=hit_shares(pictures[outlined], lesions.near[at]),
        average_precision=precision_of(inside, anywhere),
        mask_share=inside.sum(axis=1) / side**2,
    )
    empty = named[~outlined].assign(highlighted=named["cam_share"] > 0)
    return table, empty, curves


def _with_best_thresholds(table: pd.DataFrame, curves: np.ndarray) -> pd.DataFrame:
    """Add the Dice scores at thresholds that are chosen by looking."""
    best, upper = np.full((2, len(table)), np.nan)
    for at in table.groupby(CELL, observed=True, sort=False).indices.values():
        best[at] = crossfitted_dice(curves[at], table["patient_id"].to_numpy()[at])
    for at in table.groupby(_RUN, observed=True, sort=False).indices.values():
        upper[at] = curves[at, best_threshold(curves[at])]
    return table.assign(dice_best=best, dice_upper=upper)

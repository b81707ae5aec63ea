"""Mean activation around the lesion: what the maps of many images share, without any image.

Each map is shifted and scaled so that the box around its lesion covers the same central cells of a
small grid; then all are averaged.  What is left tells whether networks look at the lesion, beside
it or at the rim of the image, and holds no pixel of any image: it may be kept and shown where the
images may not.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from rin.errors import InputError
from rin.explain.dice import check_masks, check_pair, has_lesion
from rin.explain.overlap_tables import check_runs, class_pictures

#: Side of the grid in cells, and the share of it that the lesion's box covers.
SIDE, BOX = 48, 1 / 3
_GROUP = ["task", "init", "unfreezing"]


def lesion_centred(
    maps: np.ndarray, masks: np.ndarray, *, side: int = SIDE, box: float = BOX
) -> np.ndarray:
    """Return each map on a grid whose central cells are the box around the lesion.

    Parameters
    ----------
    maps
        Real numbers (n, h, w), such as the pictures of `rin.explain.gradcam.to_uint8`.
    masks
        bool or 0/1 (n, h, w), each with a lesion; several parts of one mask share one box.
    side
        Cells of the grid along either axis.
    box
        Share of the grid, above 0 and at most 1, that the box covers along either axis.

    Returns
    -------
    numpy.ndarray
        float64 (n, side, side): the map at the centre of each cell, by linear interpolation
        between centres of pixels; NaN where a cell's centre lies outside the image.

    Raises
    ------
    InputError
        When the shapes differ, a mask is empty, or the grid is none.

    Notes
    -----
    Checked against a loop over cells with ``scipy.ndimage.map_coordinates``.
    """
    maps, lesions = np.asarray(maps, dtype=float), check_masks(masks)
    check_pair(maps, lesions)
    if not (side >= 1 and 0 < box <= 1):
        raise InputError(
            f"a grid of {side} cells with a box of {box:g}",
            where="side, box",
            remedy="Give at least one cell, and a share above 0 and at most 1.",
        )
    if not has_lesion(lesions).all():
        raise InputError(
            f"{(~has_lesion(lesions)).sum()} of {len(lesions)} masks outline nothing",
            where="masks",
            remedy="Leave out cases without a lesion with has_lesion.",
        )
    rows = _sampling(lesions.any(axis=2), side, box)
    columns = _sampling(lesions.any(axis=1), side, box)
    return rows @ maps @ columns.transpose(0, 2, 1)


def lesion_centred_mean(
    maps: np.ndarray, masks: np.ndarray, *, side: int = SIDE, box: float = BOX
) -> np.ndarray:
    """Return the mean of `lesion_centred` over the images that reach a cell, (side, side).

    NaN where none does.  Parameters and errors are those of `lesion_centred`.
    """
    total, reached = _sums(lesion_centred(maps, masks, side=side, box=box))
    return _mean(total, reached)


def lesion_map_table(
    runs: Iterable[tuple[pd.DataFrame, np.ndarray]],
    case_ids: np.ndarray,
    masks: np.ndarray,
    *,
    target: str = "predicted",
    side: int = SIDE,
    box: float = BOX,
) -> pd.DataFrame:
    """Return the mean activation around the lesion by init and unfreezing regime.

    Parameters
    ----------
    runs, case_ids, masks, target
        As `rin.explain.overlap_tables.measure_overlap`, in whose 8-bit pictures every map has
        the maximum 255.
    side, box
        As `lesion_centred`.

    Returns
    -------
    pandas.DataFrame
        One row a cell: task, init, unfreezing, `row`, `column` (from the upper left),
        `activation` (mean gray level 0-255, to whole ones), `n_maps` (maps that reach the
        cell).  Cells that no image reaches are left out.

    Raises
    ------
    InputError
        As `measure_overlap`.
    """
    runs = list(runs)
    place = check_runs(runs, case_ids, target, "logit")
    lesions = check_masks(masks)
    marked = pd.Series(has_lesion(lesions), index=place.index)
    sums: dict[tuple, list[np.ndarray]] = {}
    for rows, cams in runs:
        shown = marked.loc[rows["case_id"]].to_numpy()
        if not shown.any():
            continue
        _, pictures = class_pictures(rows, cams, lesions.shape[-1], target, "logit")
        at = place.loc[rows.loc[shown, "case_id"]].to_numpy()
        found = _sums(lesion_centred(pictures[shown], lesions[at], side=side, box=box))
        key = tuple(rows[_GROUP].iloc[0])
        sums[key] = [a + b for a, b in zip(sums.get(key, (0, 0)), found, strict=True)]
    tables = []
    for key, (total, reached) in sums.items():
        row, column = np.nonzero(reached)
        cells = {"activation": _mean(total, reached), "n_maps": reached}
        values = {name: grid[row, column] for name, grid in cells.items()}
        named = dict(zip(_GROUP, key, strict=True))
        tables.append(pd.DataFrame({**named, "row": row, "column": column, **values}))
    columns = [*_GROUP, "row", "column", "activation", "n_maps"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return table.assign(activation=table["activation"].astype(float).round())


def lesion_map_grid(table: pd.DataFrame, side: int = SIDE) -> np.ndarray:
    """Return the activations of one init and regime of `lesion_map_table`, (side, side).

    NaN where no image reaches a cell.
    """
    grid = np.full((side, side), np.nan)
    grid[table["row"], table["column"]] = table["activation"]
    return grid


def _sampling(extent: np.ndarray, side: int, box: float) -> np.ndarray:
    """Return the weights (n, side, pixels) that sample a line of pixels at the cells' centres.

    `extent` (n, pixels) says which of the line's pixels the lesion reaches; cells beyond the
    line's ends have weights that are NaN.
    """
    n, pixels = extent.shape
    first = extent.argmax(axis=1)[:, None]
    length = pixels - extent[:, ::-1].argmax(axis=1)[:, None] - first
    within = (np.arange(side) + 0.5) / side  # of the grid, 0-1
    at = first + length * (within - (1 - box) / 2) / box  # 0 is the edge of the image
    inside = (at >= 0) & (at <= pixels)
    centre = np.clip(at - 0.5, 0, pixels - 1)
    low = np.minimum(centre.astype(int), max(pixels - 2, 0))
    share = centre - low
    weights = np.zeros((n, side, pixels))
    image, cell = np.indices((n, side))
    weights[image, cell, low] = 1 - share
    weights[image, cell, np.minimum(low + 1, pixels - 1)] += share
    weights[~inside] = np.nan
    return weights


def _sums(centred: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nansum(centred, axis=0), np.isfinite(centred).sum(axis=0)


def _mean(total: np.ndarray, reached: np.ndarray) -> np.ndarray:
    return np.divide(total, reached, out=np.full(total.shape, np.nan), where=reached > 0)

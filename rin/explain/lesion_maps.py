"""Mean activation around the lesion: what the maps of many images share, without any image.

Each map is shifted and scaled so that the box around its lesion covers the same central cells of a
small grid; then all are averaged.  What is left tells whether networks look at the lesion, beside
it or at the rim of the image, and holds no pixel of any image: it may be kept and shown where the
images may not.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from rin.explain.overlap import (
    check_lesions,
    check_masks,
    check_pair,
    check_runs,
    class_pictures,
    has_lesion,
    lesion_boxes,
)

#: Side of the grid in cells, and the share of it that the lesion's box covers.
SIDE, BOX = 48, 1 / 3
_GROUP = ["task", "init", "unfreezing"]


def lesion_centred(maps: np.ndarray, masks: np.ndarray) -> np.ndarray:
    """Return each map on a grid whose central cells are the box around the lesion.

    From maps and masks (n, h, w), each with a lesion, whose parts share one box: float64
    (n, SIDE, SIDE), the map at the centre of each cell by linear interpolation between centres of
    pixels; NaN where a cell's centre lies outside the image.
    """
    maps, lesions = np.asarray(maps, dtype=float), check_lesions(masks)
    check_pair(maps, lesions)
    boxes = lesion_boxes(lesions)
    sides = zip(maps.shape[1:], boxes[:, :2].T, boxes[:, 2:].T, strict=True)
    rows, columns = (_sampling(pixels, first, length) for pixels, first, length in sides)
    return rows @ maps @ columns.transpose(0, 2, 1)


def lesion_map_table(
    runs: Iterable[tuple[pd.DataFrame, np.ndarray]], case_ids: np.ndarray, masks: np.ndarray
) -> pd.DataFrame:
    """Return the mean activation around the lesion by init and unfreezing regime.

    Parameters and errors are those of `rin.explain.overlap.measure_overlap`, in whose 8-bit
    pictures every map has the maximum 255.  One row a cell that an image reaches: task, init,
    unfreezing, `row`, `column` (from the upper left), `activation` (mean gray level 0-255, to whole
    ones), `n_maps` (maps that reach the cell).
    """
    runs = list(runs)
    place = check_runs(runs, case_ids)
    lesions = check_masks(masks)
    marked = pd.Series(has_lesion(lesions), index=place.index)
    sums: dict[tuple, list[np.ndarray]] = {}
    for rows, cams in runs:
        shown = marked.loc[rows["case_id"]].to_numpy()
        if not shown.any():
            continue
        _, pictures = class_pictures(rows, cams, lesions.shape[-1])
        at = place.loc[rows.loc[shown, "case_id"]].to_numpy()
        centred = lesion_centred(pictures[shown], lesions[at])
        found = np.nansum(centred, axis=0), np.isfinite(centred).sum(axis=0)
        key = tuple(rows[_GROUP].iloc[0])
        sums[key] = [a + b for a, b in zip(sums.get(key, (0, 0)), found, strict=True)]
    tables = []
    for key, (total, reached) in sums.items():
        row, column = np.nonzero(reached)
        n_maps = reached[row, column]
        cells = {"row": row, "column": column, "activation": total[row, column] / n_maps}
        named = dict(zip(_GROUP, key, strict=True))
        tables.append(pd.DataFrame(named | cells | {"n_maps": n_maps}))
    columns = [*_GROUP, "row", "column", "activation", "n_maps"]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)
    return table.assign(activation=table["activation"].astype(float).round())


def lesion_map_grid(table: pd.DataFrame) -> np.ndarray:
    """Return the activations of one init and regime of `lesion_map_table`, (SIDE, SIDE).

    NaN where no image reaches a cell.
    """
    grid = np.full((SIDE, SIDE), np.nan)
    grid[table["row"], table["column"]] = table["activation"]
    return grid


def _sampling(pixels: int, first: np.ndarray, length: np.ndarray) -> np.ndarray:
    """Return the weights (n, SIDE, pixels) that sample a line of pixels at the cells' centres.

    A lesion reaches `length` (n,) pixels from `first` (n,) on; cells beyond the line's ends have
    weights that are NaN.
    """
    within = (np.arange(SIDE) + 0.5) / SIDE  # of the grid, 0-1
    at = (
        first[:, None] + length[:, None] * (within - (1 - BOX) / 2) / BOX
    )  # 0 is the edge of the image
    inside = (at >= 0) & (at <= pixels)
    centre = np.clip(at - 0.5, 0, pixels - 1)
    low = np.minimum(centre.astype(int), max(pixels - 2, 0))
    share = centre - low
    weights = np.zeros((*at.shape, pixels))
    image, cell = np.indices(at.shape)
    weights[image, cell, low] = 1 - share
    weights[image, cell, np.minimum(low + 1, pixels - 1)] += share
    weights[~inside] = np.nan
    return weights

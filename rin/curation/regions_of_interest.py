"""Which outline belongs to which finding of an image, and the polygon that is kept of it.

A presentation state names its image; the finding it names, if at all, in its description.
Where an image has one finding, all outlines on it belong to it.
Where it has two, an outline must say whose it is, or it is counted and dropped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pandas as pd

from rin.curation.documents import Drawn, Outline
from rin.curation.finding_terms import folded
from rin.data.pixels import polygon_text, rasterise
from rin.errors import InputError

#: A ContentDescription holds no more characters of a finding.
DESCRIPTION_LENGTH = 64


def regions_of_interest(
    images: pd.DataFrame, drawn: Sequence[Drawn], files: pd.DataFrame, remarks: Counter[str]
) -> list[str]:
    """Return the largest outline of each image's finding.

    Parameters
    ----------
    images
        `sop_uid` and `finding` (as the reader wrote it), a row per image and finding.
    drawn
        The presentation states of the archive.
    files
        `rows` and `columns` by SOP instance UID.
    remarks
        Counts what is passed over, by reason.

    Returns
    -------
    list of str
        A polygon as :mod:`rin.data.pixels` reads it, or an empty text, a row each.
    """
    findings = images.groupby("sop_uid")["finding"].agg(list).to_dict()
    outlines = _by_image(drawn, findings, remarks)
    for uid, on_image in outlines.items():
        if len(findings[uid]) > 1:
            lost = sum(not _named(one, findings[uid]) for one in on_image)
            remarks["outline that does not say which finding of its image it is"] += lost
    texts = []
    for uid, finding in zip(images["sop_uid"], images["finding"], strict=True):
        own = _of_finding(outlines.get(uid, []), finding, findings[uid])
        shape = int(files.at[uid, "rows"]), int(files.at[uid, "columns"])
        texts.append(_largest(own, shape, remarks))
    return texts


def _by_image(
    drawn: Sequence[Drawn], findings: dict[str, list[str]], remarks: Counter[str]
) -> dict[str, list[Outline]]:
    outlines: dict[str, list[Outline]] = {}
    for state in drawn:
        remarks.update(f"annotation ignored: {reason}" for reason in state.ignored)
        for outline in state.outlines:
            if outline.image in findings:
                outlines.setdefault(outline.image, []).append(outline)
            else:
                remarks["outline of an image that is no key image"] += 1
    return outlines


def _of_finding(outlines: list[Outline], finding: str, findings: list[str]) -> list[Outline]:
    if len(findings) == 1:
        return outlines
    return [one for one in outlines if _named(one, [finding])]


def _named(outline: Outline, findings: list[str]) -> bool:
    """Tell whether an outline's description is one of the findings, as far as it has room."""
    said = folded(outline.description)[:DESCRIPTION_LENGTH]
    return bool(said) and said in [folded(one)[:DESCRIPTION_LENGTH].rstrip() for one in findings]


def _largest(outlines: list[Outline], shape: tuple[int, int], remarks: Counter[str]) -> str:
    shapes = []
    for outline in outlines:
        try:
            text = polygon_text(outline.points)
            rasterise(text, shape)
        except InputError:
            remarks["outline that covers no pixel of its image"] += 1
        else:
            shapes.append((_area(outline), text))
    remarks["smaller outline of the same finding"] += max(0, len(shapes) - 1)
    return max(shapes)[1] if shapes else ""


def _area(outline: Outline) -> float:
    """Return the area of a polygon in pixels, by the shoelace formula."""
    x, y = np.array(outline.points).T
    return abs(float(x @ np.roll(y, 1) - y @ np.roll(x, 1))) / 2

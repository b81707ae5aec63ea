"""Who hands out RadImageNet weights, what each states of their inputs, and what the probe says."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import pandas as pd

from rin.models.distributions import Distribution

if TYPE_CHECKING:
    from IPython.display import Markdown

_SHORT = 8


def distribution_table(distributions: Sequence[Distribution]) -> pd.DataFrame:
    """Return who hands out RadImageNet weights, what they state, and what the probe says."""
    groups: dict[tuple, list[Distribution]] = {}
    for one in distributions:
        key = (one.distributor, one.release, one.format, one.stated_preprocessing)
        groups.setdefault(key, []).append(one)
    rows = [
        {
            "Distributor": distributor,
            "Training": release,
            "Files": "; ".join(map(_file_words, files)),
            "Format": file_format if files[0].readable else f"{file_format}, not read here",
            "Preprocessing stated": stated or "none",
            "Where": files[0].statement,
            "Probe says": "; ".join(filter(None, map(_probed_words, files))) or "not probed yet",
        }
        for (distributor, release, file_format, stated), files in groups.items()
    ]
    return pd.DataFrame(rows)


def disagreement_reading(distributions: Sequence[Distribution]) -> Markdown:
    """Return how many statements there are, and which equal files they contradict each other on."""
    from IPython.display import Markdown

    stated = {one.stated_preprocessing for one in distributions} - {None}
    silent = {one.distributor for one in distributions if one.stated_preprocessing is None}
    parts = [
        f"Distributors state {len(stated)} different preprocessings "
        f"({', '.join(f'`{name}`' for name in sorted(stated))}); {len(silent)} state none."
    ]
    for sha256 in dict.fromkeys(one.sha256 for one in distributions if one.sha256):
        same = [one for one in distributions if one.sha256 == sha256]
        if len({one.stated_preprocessing for one in same}) > 1:
            said = ", ".join(
                f"{one.distributor}: {one.stated_preprocessing or 'nothing stated'}" for one in same
            )
            parts.append(f"One file, SHA-256 {sha256[:_SHORT]}…, has several: {said}.")
    probed = sum(one.probed is not None for one in distributions)
    parts.append(f"Files of this list that have been probed: {probed} of {len(distributions)}.")
    return Markdown(" ".join(parts))


def _file_words(one: Distribution) -> str:
    digest = f" ({one.sha256[:_SHORT]}…)" if one.sha256 else ""
    return f"{one.backbone}{digest}"


def _probed_words(one: Distribution) -> str:
    if one.probed is None:
        return ""
    return f"{one.backbone}: {one.probed.contract} ({one.probed.date}, {one.probed.images})"

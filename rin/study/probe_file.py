"""Probing one file of weights, and what is printed of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rin.data.sample_pictures import SamplePictures, sample_pictures
from rin.models.distributions import Distribution, distributions_of, load_distributions
from rin.models.fingerprint_files import read_first_layer
from rin.models.fingerprint_verdict import (
    NONE_FITS,
    TOO_CLOSE,
    Score,
    Verdict,
    judge,
    score_candidates,
)
from rin.models.weights import file_sha256

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True)
class FileProbe:
    """What probing one file gave.

    `known` are the distributions of this very file, by its SHA-256.
    """

    path: Path
    backbone: str
    sha256: str
    pictures: SamplePictures
    scores: Sequence[Score]
    verdict: Verdict
    known: Sequence[Distribution]


def probe_file(
    path: Path, images: str, data_root: Path | None, *, backbone: str | None, n: int, size: int
) -> FileProbe:
    """Probe one file of weights with some pictures.

    Parameters
    ----------
    images, data_root, n, size
        As for `rin.data.sample_pictures.sample_pictures`.
    backbone
        Architecture of the file, where it is not to be found out.

    Raises
    ------
    InputError
        As for `rin.models.fingerprint_files.read_first_layer` and `sample_pictures`.
    """
    distributions = load_distributions()
    pictures = sample_pictures(images, data_root, n=n, size=size)
    layer = read_first_layer(path, backbone)
    scores = score_candidates(layer, pictures.pixels)
    sha256 = file_sha256(path)
    known = distributions_of(sha256, distributions)
    return FileProbe(path, layer.backbone, sha256, pictures, scores, judge(scores), known)


def print_probe(probe: FileProbe, console: Console) -> None:
    """Print what was found: a table of the candidates, the verdict, the images, what is stated."""
    from rich.table import Table

    head = f"{probe.path.name}: {probe.backbone}, SHA-256 {probe.sha256}"
    console.print(head, highlight=False, soft_wrap=True, markup=False)
    table = Table(box=None, pad_edge=False)
    table.add_column("candidate")
    for name in ("divergence", "correlation", "contrast"):
        table.add_column(name, justify="right")
    for score in probe.scores:
        table.add_row(
            score.candidate,
            f"{score.divergence:.3f}",
            f"{score.correlation:.2f}",
            f"{score.contrast:.2f}",
        )
    console.print(table)
    for line in probe_lines(probe):
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def probe_lines(probe: FileProbe) -> list[str]:
    """Return what is said of a probe below its table."""
    lines = [verdict_sentence(probe.verdict), f"Images: {probe.pictures.description}."]
    if probe.pictures.provenance == "stand-in":
        lines.append("These are stand-ins, not real images: name your own with --images.")
    if not probe.pictures.color:
        lines.append("RGB and BGR cannot be told apart on grey images.")
    lines += [_stated(one) for one in probe.known]
    if not probe.known:
        lines.append("No distributor is known for this SHA-256.")
    return lines


def verdict_sentence(verdict: Verdict) -> str:
    """Return the verdict in one sentence."""
    if verdict.word == NONE_FITS:
        return f"Verdict: none fits; {verdict.reason}."
    if verdict.word == TOO_CLOSE:
        return f"Verdict: too close to call; {verdict.reason}."
    order = f", channels in the order {verdict.order}" if verdict.order else ""
    return f"Verdict: {verdict.word}{order}; {verdict.reason}."


def _stated(one: Distribution) -> str:
    said = one.stated_preprocessing or "no preprocessing stated"
    return f"{one.distributor}, {one.release}: {said} ({one.statement})."

"""Which input contract a file was trained with: candidates, their divergences, and a verdict.

Every candidate predicts mean and variance of the first convolution's outputs over sample images
(`rin.models.fingerprint`).  The candidate whose predictions are nearest to the stored averages
wins, unless nothing fits or two fit alike; the rules are constants of this module.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from rin.models.fingerprint import FirstLayer, PatchMoments, patch_moments, predict
from rin.models.preprocessing import PREPROCESSING, Preprocessing

#: No candidate fits where the best diverges by more than this, on average over the channels.
LARGEST_DIVERGENCE = 1.0
#: No candidate fits where chance alone would give a correlation as high at least this often.
CHANCE = 0.001
#: Two candidates are too close to call where the second diverges by less than so many times.
FACTOR = 1.5
#: Below this, divergences are sampling error and are not told apart by their ratio.
FLOOR = 0.005
#: Ends the name of a candidate with the colour channels in the other order.
SWAPPED = {True: "_rgb", False: "_bgr"}

NONE_FITS, TOO_CLOSE = "none fits", "too close to call"


@dataclass(frozen=True)
class Candidate:
    """An input contract that a file may have been trained with, and who is known to use it."""

    contract: Preprocessing
    used_by: str

    @property
    def name(self) -> str:
        """Name of the contract."""
        return self.contract.name


#: In the order in which they are listed.  MONAI's contract equals `caffe_unit` to three decimals;
#: the demonstration of the PyTorch release and others feed `symmetric` in the order BGR.
CANDIDATES: tuple[Candidate, ...] = (
    Candidate(PREPROCESSING["caffe"], "Keras ResNet50 and VGG19 with ImageNet weights"),
    Candidate(PREPROCESSING["caffe_unit"], "official RadImageNet scripts; MONAI"),
    Candidate(
        PREPROCESSING["symmetric"],
        "Keras Inceptions and MobileNetV2 with ImageNet weights; RadImageNet's PyTorch example",
    ),
    Candidate(
        PREPROCESSING["standardised"], "Keras DenseNet121 with ImageNet weights; torchvision"
    ),
    Candidate(Preprocessing("unit", False, (1 / 255,) * 3, (0.0,) * 3), "pixels divided by 255"),
    Candidate(Preprocessing("raw", False, (1.0,) * 3, (0.0,) * 3), "pixels as they are, 0 to 255"),
)


@dataclass(frozen=True)
class Score:
    """How well one candidate explains the stored averages.

    Attributes
    ----------
    candidate
        Name of the contract.
    divergence
        Mean over channels of the Kullback-Leibler divergence between two Gaussians, stored and
        predicted, averaged over both directions; in nats, 0 for a perfect fit.
    correlation
        Pearson's, over channels, of the logarithms of stored and predicted variance; 0 where
        either does not vary.  Scale cancels, so it tells whether the averages belong to these
        kernels at all, not which candidate is right.
    contrast
        How many times the contrast of the sample images those of pretraining had, if this
        candidate is right: geometric mean over channels of the ratio of standard deviations.
    channels
        How many channels were compared.
    """

    candidate: str
    divergence: float
    correlation: float
    contrast: float
    channels: int


@dataclass(frozen=True)
class Verdict:
    """What the scores of one file on one set of images amount to.

    Attributes
    ----------
    word
        Name of a contract, `NONE_FITS` or `TOO_CLOSE`.
    best, second
        The two nearest candidates, whatever the verdict; of two that differ by the order of the
        colour channels alone only the nearer one counts.
    order
        `RGB` or `BGR` where the images tell the order of the channels, else None.
    reason
        The rule that decided, in words.
    """

    word: str
    best: Score
    second: Score
    order: str | None
    reason: str

    @property
    def names_a_contract(self) -> bool:
        """Whether the verdict is a contract."""
        return self.word not in (NONE_FITS, TOO_CLOSE)

    @property
    def margin(self) -> float:
        """How many times as far as the best the second candidate diverges."""
        return self.second.divergence / max(self.best.divergence, FLOOR)


def gaussian_divergence(
    mean_a: np.ndarray, variance_a: np.ndarray, mean_b: np.ndarray, variance_b: np.ndarray
) -> np.ndarray:
    """Return the Kullback-Leibler divergence of Gaussian b from Gaussian a, in nats.

    Validated against numerical integration of `scipy.stats.norm` densities.
    """
    ratio = variance_a / variance_b
    return 0.5 * (ratio - 1 - np.log(ratio) + (mean_a - mean_b) ** 2 / variance_b)


def score_candidate(layer: FirstLayer, moments: PatchMoments, contract: Preprocessing) -> Score:
    """Compare what a candidate predicts with what the file stores.

    The normalisation's own epsilon is added to every variance, as the network does: channels
    whose kernels are dead then say nothing, instead of dividing noise by noise.  Both directions
    of the divergence count equally, so that images with half the contrast of those of pretraining
    and images with twice as much are equally far off.
    """
    mean, variance = predict(layer, moments, contract)
    stored, predicted = layer.variance + layer.epsilon, variance + layer.epsilon
    forth = gaussian_divergence(layer.mean, stored, mean, predicted)
    back = gaussian_divergence(mean, predicted, layer.mean, stored)
    logs = np.log(stored), np.log(predicted)
    return Score(
        contract.name,
        float(np.mean(forth + back) / 2),
        _correlation(*logs),
        float(np.exp(np.mean(logs[0] - logs[1]) / 2)),
        layer.channels,
    )


def score_candidates(
    layer: FirstLayer, images: np.ndarray, candidates: Sequence[Candidate] = CANDIDATES
) -> list[Score]:
    """Return the scores of all candidates, the nearest first.

    On colour images every candidate is tried in both orders of the channels.  On gray images the
    order cannot be told: a kernel's three channels are summed over equal pixels.

    Parameters
    ----------
    layer
        From `rin.models.fingerprint.first_layer`.
    images
        uint8, (n, h, w) gray or (n, h, w, 3) RGB.

    Raises
    ------
    InputError
        As `rin.models.fingerprint.patch_moments`.
    """
    moments = patch_moments(images, layer)
    contracts = [candidate.contract for candidate in candidates]
    if moments.channels == 3:
        contracts += [swapped(contract) for contract in contracts]
    scores = [score_candidate(layer, moments, contract) for contract in contracts]
    return sorted(scores, key=lambda score: score.divergence)


def swapped(contract: Preprocessing) -> Preprocessing:
    """Return a contract with the colour channels in the other order, each with its own numbers."""
    return replace(
        contract,
        name=contract.name + SWAPPED[contract.bgr],
        bgr=not contract.bgr,
        scale=contract.scale[::-1],
        offset=contract.offset[::-1],
    )


def scaling_of(candidate: str) -> str:
    """Return the name of a candidate without its order of channels."""
    for end in SWAPPED.values():
        candidate = candidate.removesuffix(end)
    return candidate


def judge(scores: Sequence[Score], factor: float = FACTOR) -> Verdict:
    """Return the verdict on one file and one set of images.

    The rules, in this order: none fits where stored and predicted variances do not correlate
    above chance (`CHANCE`), or where even the best candidate diverges by more than
    `LARGEST_DIVERGENCE`; too close to call where the second diverges by less than `FACTOR` times
    the best; otherwise the best.

    Parameters
    ----------
    scores
        Of two scalings or more, in any order.
    factor
        In place of `FACTOR`.
    """
    ranked = sorted(scores, key=lambda score: score.divergence)
    best = ranked[0]
    second = next(s for s in ranked if scaling_of(s.candidate) != scaling_of(best.candidate))
    chance = chance_of(best.correlation, best.channels)
    provisional = Verdict(NONE_FITS, best, second, None, "")
    if not chance < CHANCE:
        why = (
            "the stored variances do not follow from these kernels and images "
            f"(correlation {best.correlation:.2f} over {best.channels} channels)"
        )
        return replace(provisional, reason=why)
    if not best.divergence <= LARGEST_DIVERGENCE:
        why = f"the nearest candidate, {best.candidate}, still diverges by {best.divergence:.2f}"
        return replace(provisional, reason=why)
    if provisional.margin < factor:
        why = (
            f"{best.candidate} and {second.candidate} diverge by {best.divergence:.3f} and "
            f"{second.divergence:.3f}, less than {factor:g} times as far"
        )
        return replace(provisional, word=TOO_CLOSE, reason=why)
    why = f"{second.candidate}, the next, diverges {provisional.margin:.1f} times as far"
    return replace(provisional, word=scaling_of(best.candidate), order=_order(ranked), reason=why)


def chance_of(correlation: float, channels: int) -> float:
    """Return how often uncorrelated channels would correlate at least so well (one-sided).

    Student's t with channels − 2 degrees of freedom.  Checked against `scipy.stats.pearsonr`.
    """
    from scipy.stats import t

    if channels < 3 or math.isnan(correlation):
        return 1.0
    if correlation >= 1:
        return 0.0
    statistic = correlation * math.sqrt((channels - 2) / (1 - correlation**2))
    return float(t.sf(statistic, channels - 2))


def _order(ranked: Sequence[Score]) -> str | None:
    """Return the order of the colour channels, where the other one fits clearly worse."""
    best = ranked[0]
    twins = [s for s in ranked[1:] if scaling_of(s.candidate) == scaling_of(best.candidate)]
    if not twins or twins[0].divergence < FACTOR * max(best.divergence, FLOOR):
        return None
    own = {c.name: c.contract.bgr for c in CANDIDATES}[scaling_of(best.candidate)]
    return "BGR" if own == (best.candidate in {c.name for c in CANDIDATES}) else "RGB"


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    # Statistics that were never updated are constant, and nothing correlates with a constant.
    if min(np.ptp(a), np.ptp(b)) < 1e-9:
        return 0.0
    return float(np.corrcoef(a, b)[0, 1])

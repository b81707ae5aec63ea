"""Which inputs a file of weights was trained on, read from its first batch normalisation.

The moving averages of that normalisation describe the outputs of the first convolution over the
images of pretraining.  An input contract is an affine map of the pixels and a convolution is
linear, so the mean and variance of every channel under any contract follow from the mean and
covariance of the image patches alone: those are computed once, and every candidate costs a small
product.  The candidate whose predictions are nearest to the stored averages wins, unless nothing
fits or two fit alike.

What each distributor says of its files stands in `data_manifests/weights.yaml`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from rin.errors import InputError, unknown
from rin.models.backbones import ALL_BACKBONES, build_backbone, find_backbone
from rin.models.preprocessing import PREPROCESSING, Preprocessing
from rin.models.weights import count_parameters, read_section, read_weights_file

if TYPE_CHECKING:
    import keras

#: Parameters without top, which no two backbones share; tests hold them against Keras.
PARAMETERS = {
    "InceptionResNetV2": 54_336_736,
    "ResNet50": 23_587_712,
    "DenseNet121": 7_037_504,
    "InceptionV3": 21_802_784,
    "VGG19": 20_024_384,
    "MobileNetV2": 2_257_984,
}
#: No candidate fits where the best diverges by more than this, on average over the channels.
LARGEST_DIVERGENCE = 1.0
#: No candidate fits where chance alone would give a correlation as high at least this often.
CHANCE = 0.001
#: Two candidates are too close to call where the second diverges by less than so many times.
FACTOR = 1.5
#: Below this, divergences are sampling error and are not told apart by their ratio.
_FLOOR = 0.005
#: Ends the name of a candidate with the colour channels in the other order.
_SWAPPED = {True: "_rgb", False: "_bgr"}

NONE_FITS, TOO_CLOSE = "none fits", "too close to call"


@dataclass(frozen=True)
class FirstLayer:
    """The first convolution of a network and the batch normalisation behind it.

    `kernel` is float (h, w, 3, channels); `bias`, `mean` and `variance` (moving averages of the
    normalisation, which adds `epsilon` to a variance) are (channels,); `stride` is in pixels;
    `padding` is zeros before and after the image, a number of pixels on every side, or `same`, as
    the framework pads for that stride.
    """

    backbone: str
    kernel: np.ndarray
    bias: np.ndarray
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float
    stride: int
    padding: int | str

    @property
    def channels(self) -> int:
        """Output channels of the convolution."""
        return self.kernel.shape[-1]

    def sides(self, size: int) -> tuple[int, int]:
        """Return the zeros before and after an image side of `size` pixels."""
        if self.padding != "same":
            return int(self.padding), int(self.padding)
        needed = (-(-size // self.stride) - 1) * self.stride + self.kernel.shape[0] - size
        before = max(needed, 0) // 2
        return before, max(needed, 0) - before


def first_layer(backbone: keras.Model) -> FirstLayer:
    """Return the first convolution of a backbone and the batch normalisation behind it."""
    import keras

    layers = backbone.layers
    conv = next(layer for layer in layers if isinstance(layer, keras.layers.Conv2D))
    norms = [layer for layer in layers if isinstance(layer, keras.layers.BatchNormalization)]
    behind = next((layer for layer in norms if layer.input is conv.output), None)
    if behind is None:
        raise _no_batch_norm(backbone.name, "backbone")
    pads = [layer for layer in layers if isinstance(layer, keras.layers.ZeroPadding2D)]
    before = [layer for layer in pads if layer.output is conv.input]
    padding: int | str = before[0].padding[0][0] if before else 0
    if conv.padding == "same":
        padding = "same"
    kernel = np.asarray(conv.kernel, dtype=float)
    return FirstLayer(
        backbone.name,
        kernel,
        np.asarray(conv.bias, dtype=float) if conv.use_bias else np.zeros(kernel.shape[-1]),
        np.asarray(behind.moving_mean, dtype=float),
        np.asarray(behind.moving_variance, dtype=float),
        float(behind.epsilon),
        int(conv.strides[0]),
        padding,
    )


def _no_batch_norm(name: str, where: str | Path) -> InputError:
    return InputError(
        f"{name} has no batch normalisation behind its first convolution, so its weights do not "
        "tell which inputs they were trained on",
        where=where,
        remedy="Ask whoever released the weights.",
    )


def identify_backbone(path: Path) -> str:
    """Return the backbone that a file of weights belongs to, by its number of parameters."""
    found = count_parameters(path)
    for name, parameters in PARAMETERS.items():
        if parameters == found:
            return name
    raise InputError(
        f"holds {found:,} parameters, as no known backbone without top does",
        where=path,
        remedy="Check that the file is whole and holds the weights of one of "
        f"{', '.join(ALL_BACKBONES)} without its classifier.",
    )


def read_first_layer(path: Path, backbone: str | None = None) -> FirstLayer:
    """Return the first convolution and batch normalisation of a file of weights.

    The whole file (legacy `*_notop.h5`, `.weights.h5` or `.safetensors`) is read and checked by the
    safe loader.  Its backbone is found out where it is not given.  InputError for a file that is
    not there, not whole, of another backbone or in a format that could run code, and for a backbone
    without batch normalisation behind its first convolution.
    """
    if not path.is_file():
        raise InputError(
            "there is no such file", where=path, remedy="Give the path of a file of weights."
        )
    if path.suffix in (".pt", ".pth"):
        raise InputError(
            "PyTorch files may carry code and are not read",
            where=path,
            remedy="Convert the state dict to the Keras layout and save it as .safetensors or "
            ".weights.h5; the SHA-256 of known files is listed in data_manifests/weights.yaml.",
        )
    known = find_backbone(backbone or identify_backbone(path))
    if not known.batch_norm:
        raise _no_batch_norm(known.name, path)
    model = build_backbone(known.name, known.min_size)
    read_weights_file(path, model)
    return replace(first_layer(model), backbone=known.name)


@dataclass(frozen=True)
class PatchMoments:
    """Mean (d,) and covariance (d, d) of the patches that a first convolution sees.

    A patch is its pixels (0-255; zero outside the image) followed by a mark for each of its places
    that is 1 inside the image and 0 in the zero padding, where no contract applies: d = places ×
    channels + places.  `channels` is 1 for gray images, 3 for colour.
    """

    mean: np.ndarray
    covariance: np.ndarray
    channels: int


def patch_moments(images: np.ndarray, layer: FirstLayer) -> PatchMoments:
    """Return the moments of all patches of images, uint8 (n, h, w) gray or (n, h, w, 3) RGB.

    The layer decides kernel size, stride and padding.  Colour images whose channels are equal count
    as gray.  InputError for no image, another type or shape, or images without any contrast.
    """
    images = _checked(images)
    size = layer.kernel.shape[0]
    rows, columns = (layer.sides(side) for side in images.shape[1:3])
    total, products, n = 0.0, 0.0, 0
    for image in images:
        inside = np.ones((*image.shape[:2], 1))
        marked = np.concatenate([image.astype(float), inside], axis=2)
        padded = np.pad(marked, (rows, columns, (0, 0)))
        windows = sliding_window_view(padded, (size, size), axis=(0, 1))
        windows = windows[:: layer.stride, :: layer.stride]  # (y, x, channel, h, w)
        flat = windows.transpose(0, 1, 3, 4, 2).reshape(-1, size * size, marked.shape[2])
        pixels = flat[..., :-1].reshape(len(flat), -1)
        patches = np.concatenate([pixels, flat[..., -1]], axis=1)
        total, products = total + patches.sum(axis=0), products + patches.T @ patches
        n += len(patches)
    mean = total / n
    return PatchMoments(mean, products / n - np.outer(mean, mean), images.shape[3])


def predict(
    layer: FirstLayer, moments: PatchMoments, contract: Preprocessing
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance of every output channel under an input contract, (channels,)."""
    kernel = layer.kernel.reshape(-1, 3, layer.channels)  # places, input channel, output
    scale, offset = (np.asarray(v)[None, :, None] for v in (contract.scale, contract.offset))
    on_pixels = kernel * scale
    if moments.channels == 1:
        on_pixels = on_pixels.sum(axis=1)
    elif contract.bgr:
        on_pixels = on_pixels[:, ::-1]  # pixels lie in the order red, green, blue
    on_pixels = on_pixels.reshape(-1, layer.channels)
    weights = np.concatenate([on_pixels, (kernel * offset).sum(axis=1)])
    mean = weights.T @ moments.mean + layer.bias
    variance = np.einsum("dk,de,ek->k", weights, moments.covariance, weights, optimize=True)
    return mean, np.maximum(variance, 0.0)  # rounding may leave a dead channel below zero


def _checked(images: np.ndarray) -> np.ndarray:
    """Return images as (n, h, w, 1 or 3)."""
    images = np.asarray(images)
    shaped = images.ndim == 3 or (images.ndim == 4 and images.shape[3] == 3)
    if images.dtype != np.uint8 or not shaped or not images.size:
        raise InputError(
            f"images of type {images.dtype} and shape {images.shape}",
            where="images",
            remedy="Give uint8 pixels, (n, h, w) gray or (n, h, w, 3) RGB, and at least one image.",
        )
    if images.min() == images.max():
        raise InputError(
            f"every pixel of the images is {images.min()}",
            where="images",
            remedy="Give pictures that show something.",
        )
    if images.ndim == 3:
        return images[..., None]
    return images[..., :1] if (images == images[..., :1]).all() else images


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


def swapped(contract: Preprocessing) -> Preprocessing:
    """Return a contract with the colour channels in the other order, each with its own numbers."""
    return replace(
        contract,
        name=contract.name + _SWAPPED[contract.bgr],
        bgr=not contract.bgr,
        scale=contract.scale[::-1],
        offset=contract.offset[::-1],
    )


def scaling_of(candidate: str) -> str:
    """Return the name of a candidate without its order of channels."""
    for end in _SWAPPED.values():
        candidate = candidate.removesuffix(end)
    return candidate


@dataclass(frozen=True)
class Score:
    """How well one candidate explains the stored averages.

    `divergence` is the mean over channels of the Kullback-Leibler divergence between two Gaussians,
    stored and predicted, averaged over both directions; in nats, 0 for a perfect fit.
    `correlation` is Pearson's, over channels, of the logarithms of stored and predicted variance, 0
    where either does not vary; scale cancels, so it tells whether the averages belong to these
    kernels at all, not which candidate is right.  `contrast` says how many times the contrast of
    the sample images those of pretraining had, if this candidate is right: geometric mean over
    channels of the ratio of standard deviations.
    """

    candidate: str
    divergence: float
    correlation: float
    contrast: float
    channels: int


def gaussian_divergence(
    mean_a: np.ndarray, variance_a: np.ndarray, mean_b: np.ndarray, variance_b: np.ndarray
) -> np.ndarray:
    """Return the Kullback-Leibler divergence of Gaussian b from Gaussian a, in nats."""
    ratio = variance_a / variance_b
    return 0.5 * (ratio - 1 - np.log(ratio) + (mean_a - mean_b) ** 2 / variance_b)


def score_candidates(layer: FirstLayer, images: np.ndarray) -> list[Score]:
    """Return the scores of all candidates, the nearest first; images as for `patch_moments`.

    On colour images every candidate is tried in both orders of the channels.  On gray images the
    order cannot be told: a kernel's three channels are summed over equal pixels.
    """
    moments = patch_moments(images, layer)
    contracts = [candidate.contract for candidate in CANDIDATES]
    if moments.channels == 3:
        contracts += [swapped(contract) for contract in contracts]
    scores = [_score(layer, moments, contract) for contract in contracts]
    return sorted(scores, key=lambda score: score.divergence)


def _score(layer: FirstLayer, moments: PatchMoments, contract: Preprocessing) -> Score:
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
    # Statistics that were never updated are constant, and nothing correlates with a constant.
    flat = min(np.ptp(logs[0]), np.ptp(logs[1])) < 1e-9
    return Score(
        contract.name,
        float(np.mean(forth + back) / 2),
        0.0 if flat else float(np.corrcoef(*logs)[0, 1]),
        float(np.exp(np.mean(logs[0] - logs[1]) / 2)),
        layer.channels,
    )


@dataclass(frozen=True)
class Verdict:
    """What the scores of one file on one set of images amount to.

    `word` is the name of a contract, `NONE_FITS` or `TOO_CLOSE`; `best` and `second` are the two
    nearest candidates, whatever the verdict (of two that differ by the order of the colour channels
    alone only the nearer one counts); `order` is `RGB` or `BGR` where the images tell it; `reason`
    is the rule that decided, in words.
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
        return self.second.divergence / max(self.best.divergence, _FLOOR)


def judge(scores: Sequence[Score], factor: float = FACTOR) -> Verdict:
    """Return the verdict on one file and one set of images.

    The rules, in this order: none fits where stored and predicted variances do not correlate
    above chance (`CHANCE`), or where even the best candidate diverges by more than
    `LARGEST_DIVERGENCE`; too close to call where the second diverges by less than `factor` times
    the best; otherwise the best.  `scores` are of two scalings or more, in any order.
    """
    ranked = sorted(scores, key=lambda score: score.divergence)
    best = ranked[0]
    second = next(s for s in ranked if scaling_of(s.candidate) != scaling_of(best.candidate))
    provisional = Verdict(NONE_FITS, best, second, None, "")
    if not chance_of(best.correlation, best.channels) < CHANCE:
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

    Student's t with channels − 2 degrees of freedom.
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
    if not twins or twins[0].divergence < FACTOR * max(best.divergence, _FLOOR):
        return None
    own = {c.name: c.contract.bgr for c in CANDIDATES}
    bgr = own[scaling_of(best.candidate)] == (best.candidate in own)
    return "BGR" if bgr else "RGB"


class Probed(BaseModel):
    """What `rin weights probe` found for a file: the verdict, with which images, how near."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    contract: str
    date: date
    images: Annotated[str, Field(min_length=1)]
    divergence: Annotated[float, Field(ge=0)]


class Distribution(BaseModel):
    """One file of weights, as one distributor hands it out.

    `release` says which training it is, or a conversion of which; `stated_preprocessing` is the
    candidate that the distributor states or codes, and `statement` where and how; `probed` is what
    the probe found, None where nobody has run it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    distributor: str
    release: str
    backbone: str
    file: str | None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    format: str
    licence: str
    home: str
    stated_preprocessing: str | None
    statement: Annotated[str, Field(min_length=1)]
    probed: Probed | None

    @field_validator("backbone")
    @classmethod
    def _is_a_backbone(cls, name: str) -> str:
        return find_backbone(name).name

    @field_validator("stated_preprocessing")
    @classmethod
    def _is_a_candidate(cls, name: str | None) -> str | None:
        known = [candidate.name for candidate in CANDIDATES]
        if name is not None and scaling_of(name) not in known:
            raise unknown("candidate", name, known)
        return name

    @model_validator(mode="after")
    def _is_checkable(self) -> Distribution:
        if self.probed is not None and self.sha256 is None:
            raise ValueError("what was probed must be named by its SHA-256")
        return self


def load_distributions(path: Path | None = None) -> list[Distribution]:
    """Read the distributions of `data_manifests/weights.yaml`, or of the file at `path`."""
    return read_section(Distribution, "distributions", path)


def distributions_of(sha256: str, known: list[Distribution]) -> list[Distribution]:
    """Return every distribution of the file with a SHA-256."""
    return [distribution for distribution in known if distribution.sha256 == sha256]

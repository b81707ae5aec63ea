"""Which inputs a file of weights was trained on, inferred from its first batch normalisation.

Its moving averages describe the outputs of the first convolution on the pretraining images.  The
probe runs sample images through the same convolution under each candidate preprocessing.  The
candidate whose means and variances are nearest to the stored averages is chosen, unless none fits
or two fit about equally well.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import pandas as pd
from pydantic import AfterValidator, Field
from scipy import special  # scipy.stats is slow to import

from rin.errors import InputError, look_up
from rin.files import FrozenModel
from rin.models.backbones import (
    ALL_BACKBONES,
    Topology,
    build_backbone,
    find_backbone,
)
from rin.models.preprocessing import PREPROCESSING, Preprocessing
from rin.models.torch_tensors import find_torch_backbone
from rin.models.weights import (
    BackboneName,
    count_parameters,
    read_section,
    read_weights_file,
)
from rin.models.weights_file import Layout, layout_of, shapes_of

if TYPE_CHECKING:
    import keras

#: No candidate fits if the nearest diverges by more than this, on average over the channels.
LARGEST_DIVERGENCE = 1.0
#: No candidate fits if chance alone would give as high a correlation with at least this
#: probability.
CHANCE = 0.001
#: The two nearest candidates are too close to call if the second diverges by less than this many
#: times the first's divergence.
FACTOR = 1.5
#: Smaller divergences are sampling error and count as this much in their ratio.
_FLOOR = 0.005

NONE_FITS = "none fits"
TOO_CLOSE = "too close to call"

#: Preprocessings that a file may have been trained with, in the order in which they are listed.
#: MONAI's equals `caffe_unit` to three decimals; the demonstration of the PyTorch release, among
#: others, feeds `symmetric` in the order BGR.
CANDIDATES = (
    *(way for name, way in PREPROCESSING.items() if not name.endswith(("_bgr", "_rgb"))),
    Preprocessing("raw", False, (1.0,) * 3, (0.0,) * 3),
)


def reorder(preprocessing: Preprocessing) -> Preprocessing:
    """Return a preprocessing with its colour channels, scales and offsets in the other order."""
    return replace(
        preprocessing,
        name=f"{preprocessing.name}_{'rgb' if preprocessing.bgr else 'bgr'}",
        bgr=not preprocessing.bgr,
        scale=preprocessing.scale[::-1],
        offset=preprocessing.offset[::-1],
    )


#: Candidates for colour images: each is tried in both orders of the channels.
IN_COLOR = {candidate.name: candidate for candidate in (*CANDIDATES, *map(reorder, CANDIDATES))}


@dataclass(frozen=True)
class FirstLayer:
    """The first convolution of a network and the batch normalisation that follows it.

    `convolve` returns the convolution's outputs (n, h, w, channels) for preprocessed images
    (n, h, w, 3); the moving averages `mean` and `variance` have the shape (channels,); the
    normalisation adds `epsilon` to a variance.
    """

    convolve: Callable[[np.ndarray], np.ndarray]
    mean: np.ndarray
    variance: np.ndarray
    epsilon: float


def first_layer(backbone: keras.Model) -> FirstLayer:
    """Return the first convolution of a backbone and the batch normalisation that follows it."""
    import keras

    layers = backbone.layers
    conv = next(layer for layer in layers if isinstance(layer, keras.layers.Conv2D))
    behind = next(
        layer
        for layer in layers
        if isinstance(layer, keras.layers.BatchNormalization) and layer.input is conv.output
    )
    before = [
        layer
        for layer in layers
        if isinstance(layer, keras.layers.ZeroPadding2D) and layer.output is conv.input
    ]

    def convolve(images: np.ndarray) -> np.ndarray:
        with keras.device("cpu"):  # a GPU may round to ten bits
            for layer in [*before, conv]:
                images = layer(images)
            return keras.ops.convert_to_numpy(images)

    return FirstLayer(
        convolve,
        np.asarray(behind.moving_mean, dtype=float),
        np.asarray(behind.moving_variance, dtype=float),
        float(behind.epsilon),
    )


def identify_backbone(path: Path) -> str:
    """Return the name of the backbone that a file of weights belongs to.

    Tensors with PyTorch's names are identified by their names, others by the number of parameters.
    """
    if layout_of(path) is Layout.PYTORCH:
        return find_torch_backbone(shapes_of(path), path)
    parameters = count_parameters(path)
    for backbone in ALL_BACKBONES.values():
        if backbone.parameters == parameters:
            return backbone.name
    raise InputError(
        f"holds {parameters:,} parameters, as no known backbone without top does",
        where=path,
        remedy=f"Give the weights of one of {', '.join(ALL_BACKBONES)} without its classifier.",
    )


def read_backbone(path: Path, name: str, topology: Topology | None = None) -> keras.Model:
    """Build a backbone with the weights in a file; the file shows its topology if that is None.

    InputError for a backbone without a batch normalisation to probe.
    """
    known = find_backbone(name)
    if topology is None:
        topology = "torchvision" if layout_of(path) is Layout.PYTORCH else "keras"
    if not known.batch_norm:
        raise InputError(
            f"{known.name} has no batch normalisation behind its first convolution to read",
            where=path,
            remedy="Ask whoever released the weights.",
        )
    model = build_backbone(name, known.min_size, topology=topology)
    read_weights_file(path, model)
    return model


def running_variances(backbone: keras.Model) -> dict[str, np.ndarray]:
    """Return the running variances of every batch normalisation, the first layer first."""
    return {
        layer.name: np.asarray(layer.moving_variance)
        for layer in backbone.layers
        if hasattr(layer, "moving_variance")
    }


def predict(
    layer: FirstLayer, images: np.ndarray, preprocessing: Preprocessing
) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and variance (channels,) of a layer's outputs under a preprocessing.

    Images are uint8, grey (n, h, w) or RGB (n, h, w, 3).
    """
    rgb = images if images.ndim == 4 else np.repeat(images[..., np.newaxis], 3, axis=-1)
    moments = []
    for image in rgb:
        outputs = layer.convolve(preprocessing.apply(image[np.newaxis])).astype(float)
        moments.append([values.mean(axis=(0, 1, 2)) for values in (outputs, outputs**2)])
    mean, square = np.mean(moments, axis=0)
    return mean, np.maximum(square - mean**2, 0.0)


def scaling_of(candidate: str) -> str:
    """Return the name of a candidate without the suffix for its order of channels."""
    return candidate.removesuffix("_rgb").removesuffix("_bgr")


def score_candidates(layer: FirstLayer, images: np.ndarray) -> pd.DataFrame:
    """Return how well each candidate explains the stored averages, the nearest first.

    Columns are `candidate`; `divergence`, in nats: the Kullback-Leibler divergence of two
    Gaussians, stored and predicted, averaged over both directions and over channels;
    `correlation`, over channels, of the logarithms of the two variances: scale cancels, so that it
    shows whether the averages belong to these kernels at all; `contrast`, of the pretraining
    images relative to these images (geometric mean over channels); and the number of `channels`.
    """
    gray = images.ndim == 3 or (images == images[..., :1]).all()
    rows = []
    # The normalisation adds its epsilon to every variance.  Channels with dead kernels then
    # contribute nothing, instead of dividing noise by noise.
    stored = layer.variance + layer.epsilon
    for preprocessing in CANDIDATES if gray else IN_COLOR.values():
        mean, variance = predict(layer, images, preprocessing)
        predicted = variance + layer.epsilon
        ratio = stored / predicted
        gap = (layer.mean - mean) ** 2
        both_ways = ratio + 1 / ratio - 2 + gap * (1 / stored + 1 / predicted)
        logs = np.log([stored, predicted])
        # Statistics that were never updated are constant, and nothing correlates with a constant.
        varies = np.ptp(logs, axis=1).min() >= 1e-9
        correlation = np.corrcoef(logs)[0, 1] if varies else 0.0
        rows.append(
            {
                "candidate": preprocessing.name,
                "divergence": np.mean(both_ways) / 4,
                "correlation": correlation,
                "contrast": np.exp(np.mean(logs[0] - logs[1]) / 2),
                "channels": len(stored),
            }
        )
    return pd.DataFrame(rows).sort_values("divergence", kind="stable", ignore_index=True)


def judge(scores: pd.DataFrame) -> dict[str, Any]:
    """Return the verdict on a file and images, from `scores` of two scalings, the nearest first.

    Keys are `verdict`: a preprocessing, `NONE_FITS` or `TOO_CLOSE`; `reason`, in words; `order`:
    `RGB` or `BGR`, or None if the images do not show it.
    """
    ranked = scores.assign(scaling=scores["candidate"].map(scaling_of))
    best, second = ranked.drop_duplicates("scaling").head(2).to_dict("records")
    near = best["divergence"]
    far = second["divergence"]
    margin = far / max(near, _FLOOR)
    order = None
    if not chance_of(best["correlation"], best["channels"]) < CHANCE:
        verdict = NONE_FITS
        reason = (
            "the stored variances do not follow from these kernels and images "
            f"(correlation {best['correlation']:.2f} over {best['channels']} channels)"
        )
    elif not near <= LARGEST_DIVERGENCE:
        verdict = NONE_FITS
        reason = f"the nearest candidate, {best['candidate']}, still diverges by {near:.2f}"
    elif margin < FACTOR:
        verdict = TOO_CLOSE
        reason = (
            f"{best['candidate']} and {second['candidate']} diverge by {near:.3f} and "
            f"{far:.3f}, less than {FACTOR:g} times as far"
        )
    else:
        verdict = best["scaling"]
        twins = ranked.loc[ranked["scaling"] == verdict, "divergence"]
        # The same scaling in the other order must be clearly worse.
        if len(twins) > 1 and twins.iloc[1] >= FACTOR * max(near, _FLOOR):
            order = "BGR" if IN_COLOR[best["candidate"]].bgr else "RGB"
        reason = f"{second['candidate']}, the next, diverges {margin:.1f} times as far"
    return {"verdict": verdict, "reason": reason, "order": order}


def verdict_in_words(judged: dict[str, Any]) -> str:
    """Return a verdict of `judge` with the order of channels, if that is known."""
    order = f", channels in the order {judged['order']}" if judged["order"] else ""
    return f"{judged['verdict']}{order}"


def chance_of(correlation: float, channels: int) -> float:
    """Return the probability of so high a correlation by chance; NaN below three channels."""
    # Pearson's correlation of independent normal numbers has a beta distribution.
    shape = channels / 2 - 1
    return float(special.betaincc(shape, shape, min((1 + correlation) / 2, 1)))


Candidate = Annotated[str, AfterValidator(lambda name: look_up("candidate", name, IN_COLOR).name)]


class Distribution(FrozenModel):
    """A file of weights as one distributor publishes it.

    `release` names the training that the weights are from, or were converted from;
    `stated_preprocessing` is the candidate that the distributor states or codes, and `statement`
    says where and how.
    """

    distributor: str
    release: str
    backbone: BackboneName
    file: str | None
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    format: str
    licence: str
    home: str
    stated_preprocessing: Candidate | None
    statement: Annotated[str, Field(min_length=1)]


def load_distributions() -> list[Distribution]:
    """Read the distributions of `data_manifests/weights.yaml`."""
    return read_section(Distribution, "distributions")

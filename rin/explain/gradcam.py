"""Grad-CAM: which part of an image speaks for a class.

The networks of the study end in global average pooling and one dense layer, so the
gradient of a class logit with respect to a feature map is the same at every pixel and
Grad-CAM has a closed form that needs no gradient: `class_activation`; that of the softmax
probability follows from it by `probability_maps`. `gradient_cam` is the general form for
any head, and the oracle of the closed ones. Maps are kept at the resolution of the last
convolution and before the ReLU; `to_uint8` makes the pictures that the paper thresholds.
"""

from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from rin.errors import InputError
from rin.explain.gradients import channel_weights, head_of

if TYPE_CHECKING:
    import keras


def class_activation(features: np.ndarray, kernel: np.ndarray) -> np.ndarray:
    """Return the Grad-CAM of every class for a network with pooling and a dense head.

    With ``logit_c = b_c + sum_k w[k, c] * mean_xy A_k`` the gradient of the logit is
    ``w[k, c] / (H * W)`` at every pixel, so the weighted sum of Grad-CAM is
    ``sum_k w[k, c] / (H * W) * A_k``.

    Parameters
    ----------
    features
        Activations of the last convolution, float (n, h, w, channels).
    kernel
        Weights of the dense layer, float (channels, classes).

    Returns
    -------
    numpy.ndarray
        float32 (n, h, w, classes), before the ReLU, any range.

    Raises
    ------
    InputError
        When the channels of the two arrays differ or an array has the wrong rank.

    Notes
    -----
    Selvaraju et al, Int J Comput Vis 2020;128:336 (the paper's reference 29); paper,
    Materials and Methods, "Grad-CAM". Checked against `gradient_cam` to 1e-5, on the four
    backbones of the paper at the layers that it names, on TensorFlow and on JAX.
    """
    features = np.asarray(features, dtype=np.float32)
    kernel = np.asarray(kernel, dtype=np.float32)
    if features.ndim != 4 or kernel.ndim != 2 or features.shape[3] != kernel.shape[0]:
        raise InputError(
            f"shapes {features.shape} and {kernel.shape} do not fit",
            where="features, kernel",
            remedy="Give features (n, h, w, channels) and a kernel (channels, classes).",
        )
    pixels = features.shape[1] * features.shape[2]
    return features @ (kernel / np.float32(pixels))


def probability_maps(maps: np.ndarray, probabilities: np.ndarray) -> np.ndarray:
    """Return the Grad-CAM of every softmax probability from the maps of the logits.

    The gradient of ``p_c = softmax(z)_c`` is ``dp_c/dz_j = p_c (1[c = j] - p_j)``, and
    Grad-CAM is linear in the gradient, so the map of the probability is

        ``P_c = p_c (M_c - sum_j p_j M_j)``.

    Of two classes ``P_1 = p_0 p_1 (M_1 - M_0) = -P_0``: what speaks for one class speaks
    against the other, while the maps of two logits are tied to each other by nothing.
    Scaled to its own maximum, the map of two classes does not depend on how sure the
    network is, until a probability is rounded to 0 or 1: then it is zero everywhere.

    Parameters
    ----------
    maps
        Grad-CAM of the logits before the ReLU, float (n, h, w, classes), as from
        `class_activation` or `gradient_cam`.
    probabilities
        Softmax of the logits, float (n, classes), 0-1; rows sum to 1.

    Returns
    -------
    numpy.ndarray
        float32 (n, h, w, classes), before the ReLU; the classes of an image sum to 0.

    Raises
    ------
    InputError
        When the shapes do not fit, a value is not finite, or rows do not sum to 1.

    Notes
    -----
    Checked against ``gradient_cam(of="probability")`` to 1e-5.
    """
    maps, p = np.asarray(maps, dtype=np.float64), np.asarray(probabilities, dtype=np.float64)
    if maps.ndim != 4 or p.shape != (maps.shape[0], maps.shape[3]):
        raise InputError(
            f"shapes {maps.shape} and {p.shape} do not fit",
            where="maps, probabilities",
            remedy="Give maps (n, h, w, classes) and probabilities (n, classes).",
        )
    if not (np.isfinite(maps).all() and (p >= 0).all() and np.allclose(p.sum(axis=1), 1)):
        raise InputError(
            "a map is not finite, or a row is no distribution over the classes",
            where="maps, probabilities",
            remedy="Give the softmax of the logits, and leave out runs that diverged.",
        )
    p = p[:, np.newaxis, np.newaxis]
    return (p * (maps - (p * maps).sum(axis=3, keepdims=True))).astype(np.float32)


def to_uint8(cam: np.ndarray, size: int) -> np.ndarray:
    """Return maps as 8-bit images of the size of the network's input.

    The steps are those of the usual OpenCV recipe, in its order: ReLU; division of the
    small map by its own maximum; bilinear enlargement with half-pixel centres and edges
    repeated (``cv2.resize`` with ``INTER_LINEAR``); times 255; 8 bits. Two choices in it
    matter to the threshold of 180 that follows, by figures for random maps of 7 x 7 cells
    at 224 px:

    - Scaling before enlarging. Centres of cells fall between pixels, so the peak of the
      enlarged map stays below 255. Scaling again afterwards would enlarge the region
      above 180 by a tenth (Dice between the two regions 0.95).
    - Rounding to the nearest integer, where the recipe's ``uint8(255 * cam)`` cuts off.
      This moves the threshold by half a gray level (Dice 0.99). Rounding is kept, as cutting
      off turns the last bit of a float, 254.99998 for 255, into a gray level.

    A map without a positive value gives zeros: nothing speaks for the class, and no pixel
    lies above a threshold. A constant positive map gives 255 everywhere. Values that are
    not finite raise.

    Parameters
    ----------
    cam
        Maps of one class, float (n, h, w).
    size
        Side of the square result in pixels, at least h and w: maps are only enlarged.

    Returns
    -------
    numpy.ndarray
        uint8 (n, size, size), 0–255.

    Raises
    ------
    InputError
        When the rank is wrong, a value is not finite, or `size` is below the map's.

    Notes
    -----
    Checked against ``skimage.transform.resize(order=1, mode="edge",
    anti_aliasing=False)``, and against ``cv2.resize`` by golden values.
    """
    cam = np.asarray(cam, dtype=np.float32)
    _check_maps(cam, size)
    positive = np.maximum(cam, 0)
    peak = positive.max(axis=(1, 2), keepdims=True)
    small = 255 * np.divide(positive, peak, out=np.zeros_like(positive), where=peak > 0)
    large = np.empty((len(cam), size, size), dtype=np.uint8)
    for row, picture in zip(large, small, strict=True):
        enlarged = Image.fromarray(picture).resize((size, size), Image.Resampling.BILINEAR)
        row[:] = np.clip(np.rint(np.asarray(enlarged)), 0, 255)
    return large


def _check_maps(cam: np.ndarray, size: int) -> None:
    if cam.ndim != 3:
        raise InputError(
            f"maps have shape {cam.shape}",
            where="cam",
            remedy="Give the maps of one class, (n, h, w).",
        )
    if not np.isfinite(cam).all():
        raise InputError(
            "a map holds values that are not finite",
            where="cam",
            remedy="Leave out the run: its training has diverged.",
        )
    if size < max(cam.shape[1:]):
        raise InputError(
            f"size {size} is below that of the maps, {cam.shape[1:]}",
            where="size",
            remedy="Give the side of the network's input, in pixels.",
        )


def gradient_cam(
    model: "keras.Model",
    images: np.ndarray,
    features: "keras.KerasTensor",
    *,
    of: str = "logit",
    batch_size: int = 32,
) -> np.ndarray:
    """Return the Grad-CAM of every class by differentiating the outputs, on any head.

    ``M_c = sum_k mean_xy(dy_c / dA_k) A_k``. Slower than `class_activation`, right for any
    head, and the same on TensorFlow and on JAX.

    Parameters
    ----------
    model
        Functional Keras model that ends in a dense layer, with or without a softmax or
        sigmoid after it.
    images
        Inputs as the model expects them, (n, height, width, channels).
    features
        Symbolic output of the target layer within `model`, (None, h, w, channels): the
        `output` of a layer, or, for a backbone nested in the model, the `input` of the
        pooling layer that reads it.
    of
        What is differentiated: "logit", as Grad-CAM is defined, leaves the last activation
        out; "probability", as many recipes do, leaves it in. Of a softmax the two differ
        in shape (see `probability_maps`), and a sure probability has hardly a gradient.
    batch_size
        Images differentiated at a time.

    Returns
    -------
    numpy.ndarray
        float32 (n, h, w, classes), before the ReLU.

    Raises
    ------
    InputError
        When there are no images, the model does not end in a dense layer, `of` is unknown
        or asks for probabilities that the model has not, or Keras runs on another backend.

    Notes
    -----
    Selvaraju et al, Int J Comput Vis 2020;128:336. Checked against finite differences.
    """
    import keras

    if not len(images):
        raise InputError("there is no image", where="images", remedy="Give at least one.")
    trunk, head = keras.Model(model.input, features), head_of(model, features, of)
    maps = []
    for start in range(0, len(images), batch_size):
        batch = images[start : start + batch_size]
        found = keras.ops.convert_to_numpy(trunk(batch, training=False))
        weights = channel_weights(head, batch, found)
        maps.append(np.einsum("nhwk,nkc->nhwc", found.astype(np.float32), weights))
    return np.concatenate(maps)

"""The layout of a file of weights, recognised by its first bytes, names and shapes alone.

A layout says how tensors are named and stored.  A file that contains no weights, or may contain
code, is refused with an error that says what it is and what to do about it.
"""

import re
import shlex
from contextlib import AbstractContextManager
from enum import StrEnum
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
from safetensors import safe_open

from rin.errors import InputError, amount, as_input_error

#: A layer is reported if its largest running variance exceeds a median more than this many times.
EXTREME = 1000.0
#: Lower limit of that median, the smallest epsilon in use, for layers in which most channels are
#: dead.
_LEAST = 1e-5
#: Endings of files that `torch.save` writes.
TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
#: Beginnings of files of other kinds, what they are, and what to do about them.  Safetensors begin
#: with the length of their header, in eight bytes, and with JSON.
_KINDS = (
    (rb".{8}\{", "safetensors under another name", "Let its name end in .safetensors."),
    (b"\x89HDF", "HDF5 under another name", "Let its name end in .h5."),
    (
        rb"[\xef\xbb\xbf\s]*<",
        "a web page, saved in place of the file",
        "Open the address in a browser, confirm what the page asks, and save the file.",
    ),
    (
        b"version https://git-lfs",
        "a pointer of git-LFS, which names the file and does not hold it",
        "Run git lfs pull in the repository that it came with, or download the file itself.",
    ),
    (
        b"\x80",
        "a pickle, as PyTorch wrote them, which may carry code",
        "Let its name end in .pt, and {convert}",
    ),
    (
        b"PK\x03\x04",
        "a zip archive, as a file of PyTorch or a whole model of Keras, which may carry code",
        "If torch.save wrote it, let its name end in .pt, and {convert}. Otherwise unpack it, and "
        "name the weights that it holds: of Keras, model.weights.h5.",
    ),
)
_OWN_KIND = {".safetensors": _KINDS[0], ".h5": _KINDS[1]}


def refuse_unreadable(path: Path) -> AbstractContextManager[None]:
    """Raise `InputError` for whatever goes wrong while a file of weights is read."""
    return as_input_error(
        "not a readable file of weights",
        where=path,
        remedy="Check its path, and that it is whole: fetch it again if in doubt.",
        kinds=Exception,
    )


class Layout(StrEnum):
    """How a file names and stores its tensors."""

    KERAS_2 = "HDF5 of Keras 2"
    KERAS_3 = "HDF5 of Keras 3"
    PYTORCH = "safetensors of PyTorch"


def _convert(path: Path) -> str:
    return f"where PyTorch is installed, rin weights convert {shlex.quote(str(path))}"


def refuse_other_files(path: Path) -> None:
    """Raise `InputError` for a file that contains no weights or may contain code."""
    if path.suffix not in _OWN_KIND:
        problem = f"weights of type {path.suffix or 'unknown'!r} are not read"
        remedy = "They may carry code. Convert them to .weights.h5 or .safetensors first."
        if path.suffix in TORCH_SUFFIXES:
            remedy = f"They may carry code. Convert them: {_convert(path)}"
        raise InputError(problem, where=path, remedy=remedy)
    with refuse_unreadable(path), path.open("rb") as file:
        start = file.read(512)
    kind = next((kind for kind in _KINDS if re.match(kind[0], start, re.DOTALL)), None)
    if kind not in (None, _OWN_KIND[path.suffix]):
        _, name, remedy = kind
        raise InputError(
            f"it is {name}",
            where=path,
            remedy=remedy.format(convert=_convert(path.with_suffix(".pt"))),
        )


def layout_of(path: Path) -> Layout:
    """Return the layout of a file of weights; `InputError` for an unknown layout."""
    refuse_other_files(path)
    layout, kernels = None, {}
    with refuse_unreadable(path):
        if path.suffix == ".h5":
            with h5py.File(path, "r") as file:
                names = {*file, *file.attrs}
            if names & {"layer_names", "model_weights"}:
                layout = Layout.KERAS_2
            elif names & {"layers", "_layer_checkpoint_dependencies"}:
                layout = Layout.KERAS_3
        else:
            parts = _parts_of(path)
            kernels = {name: part for name, part in parts.items() if len(part.get_shape()) > 1}
    if any(name.endswith(".weight") for name in kernels):
        layout = Layout.PYTORCH
    if integers := [name for name, part in kernels.items() if "F" not in part.get_dtype()]:
        raise InputError(
            f"{integers[0]} holds integers ({amount(len(integers), 'such tensors')})",
            where=path,
            remedy="Give the weights as floating-point numbers; quantised ones are not read.",
        )
    if layout is None:
        raise InputError(
            "its tensors are named neither as by Keras nor as by PyTorch",
            where=path,
            remedy="Ask whoever wrote it for another format.",
        )
    return layout


def _parts_of(path: Path) -> dict[str, Any]:
    """Return the tensors of a safetensors file, by name, before they are read."""
    with safe_open(path, "numpy") as file:
        return {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a safetensors file, by name."""
    return {name: tuple(part.get_shape()) for name, part in _parts_of(path).items()}


def variance_remark(variances: dict[str, np.ndarray]) -> str:
    """Return a phrase on normalisations whose largest variance exceeds a median a thousandfold.

    The median is that of the layer's own channels or of all layers' medians, if that is smaller.
    An example is the DenseNet121 of RadImageNet's PyTorch release: one layer has variances from
    14.7 to 56,296, and logits in evaluation are huge.  The first layer, whose variances depend on
    the scale of the inputs, is compared with its own median only.
    """
    largest = pd.Series({layer: values.max() for layer, values in variances.items()}, dtype=float)
    medians = pd.Series({layer: np.median(v) for layer, v in variances.items()}, dtype=float)
    typical = medians.clip(upper=medians.median())
    typical.iloc[:1] = medians.iloc[:1]
    extremes = largest[largest > EXTREME * typical.clip(lower=_LEAST)]
    if extremes.empty:
        return ""
    worst = extremes.idxmax()
    return (
        f"{len(extremes)} of {amount(len(variances), 'batch normalisations')} with running "
        f"variances above {EXTREME:,.0f} times a median; the largest, {extremes[worst]:,.0f}, "
        f"is in {worst} (median of its channels {medians[worst]:,.4g}, of all layers "
        f"{medians.median():,.4g}); logits in evaluation may be extreme, and float16 may overflow"
    )

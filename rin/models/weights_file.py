"""The layout of a file of weights, recognised by its first bytes, names and shapes alone.

A layout says how tensors are named and stored.  A file that contains no weights, or may contain
code, is refused with an error that says what it is and what to do about it.
"""

import re
import shlex
import zipfile
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import h5py
import numpy as np
from safetensors import safe_open

from rin.errors import InputError, as_input_error, counted

#: A layer is reported if its largest running variance exceeds a median more than this many times.
EXTREME = 1000.0
#: Lower limit of that median, the smallest epsilon in use, for layers in which most channels are
#: dead.
_LEAST = 1e-5
#: Endings of files that `torch.save` writes.
TORCH_SUFFIXES = (".pt", ".pth", ".bin", ".ckpt")
# The first normalisation of each network, by its name in torchvision and in an `nn.Sequential`.
_FIRST_OF_PYTORCH = frozenset(
    f"{prefix}{name}"
    for prefix in ("", "backbone.")
    for name in ("bn1", "features.norm0", "Conv2d_1a_3x3.bn", "1", "0.norm0", "0.bn")
)
_HDF5, _ZIP = b"\x89HDF\r\n\x1a\n", b"PK\x03\x04"
_UNREADABLE = "not a readable file of weights"
_CHECK = "Check its path, and that it is whole: fetch it again if in doubt."


class Layout(StrEnum):
    """How a file names and stores its tensors."""

    KERAS_2 = "HDF5 of Keras 2"
    KERAS_3 = "HDF5 of Keras 3"
    IN_ORDER = "safetensors in the order of Keras' weights"
    PYTORCH = "safetensors of PyTorch"
    MLX = "safetensors of MLX"


@dataclass(frozen=True)
class ExtremeVariance:
    """A batch normalisation with an extreme running variance.

    `largest` is the largest variance of its channels, `median` their median, and `elsewhere` the
    median of the medians of all normalisations in the file.
    """

    layer: str
    largest: float
    median: float
    elsewhere: float


def conversion_command(path: Path) -> str:
    """Return the shell command that turns a PyTorch file into safetensors; it needs PyTorch."""
    program = (
        "import torch, safetensors.torch as s; "
        f't = torch.load("{path}", map_location="cpu", weights_only=True); '
        "s.save_file({k: v.contiguous() for k, v in t.items()}, "
        f'"{path.with_suffix(".safetensors")}")'
    )
    return f"python -c {shlex.quote(program)}"


def _to_convert(path: Path) -> str:
    called = shlex.quote(str(path))
    return (
        f"Where PyTorch is installed, rin weights convert {called} writes safetensors and checks "
        f"every tensor; elsewhere: {conversion_command(path)}"
    )


def refuse_other_files(path: Path) -> None:
    """Raise `InputError` for a file that contains no weights or may contain code."""
    if path.suffix not in (".h5", ".safetensors"):
        problem = f"weights of type {path.suffix or 'unknown'!r} are not read"
        remedy = "They may carry code. Convert them to .weights.h5 or .safetensors first."
        if path.suffix in TORCH_SUFFIXES:
            remedy = f"They may carry code. Convert them: {_to_convert(path)}"
        raise InputError(problem, where=path, remedy=remedy)
    with (
        as_input_error(_UNREADABLE, where=path, remedy=_CHECK, kinds=OSError),
        path.open("rb") as file,
    ):
        start = file.read(512)
    if verdict := _verdict_on(path, start):
        problem, remedy = verdict
        raise InputError(problem, where=path, remedy=remedy)


def _verdict_on(path: Path, start: bytes) -> tuple[str, str] | None:
    """Return what a misnamed file is and what to do about it; None if it contains weights."""
    text = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith((b"<!doctype html", b"<html", b"<?xml", b"<head")):
        remedy = (
            "Open the address in a browser, confirm what the page asks, and save the file itself."
        )
        return "it is a web page, saved in place of the file", remedy
    if text.startswith(b"version https://git-lfs"):
        remedy = (
            "Run git lfs pull in the repository that it came with, or download the file itself."
        )
        return "it is a pointer of git-LFS, which names the file and does not hold it", remedy
    if start.startswith(_ZIP):
        return _verdict_on_archive(path)
    if start[:1] == b"\x80" and start[1:2] in (b"\x02", b"\x03", b"\x04", b"\x05"):
        true_name = path.with_suffix(".pt")
        remedy = f"Call it {true_name.name}. {_to_convert(true_name)}"
        return "it is a pickle, as PyTorch writes, under another name, and may carry code", remedy
    # The header of safetensors: its length in eight bytes, then JSON.
    other = {".h5": start[8:9] == b"{", ".safetensors": start.startswith(_HDF5)}[path.suffix]
    if other:
        kind, suffix = ("safetensors", ".safetensors") if path.suffix == ".h5" else ("HDF5", ".h5")
        return f"it is {kind} under another name", f"Let its name end in {suffix}."
    return None


def _verdict_on_archive(path: Path) -> tuple[str, str]:
    with as_input_error(_UNREADABLE, where=path, remedy=_CHECK, kinds=zipfile.BadZipFile):
        names = zipfile.ZipFile(path).namelist()
    if any(name.endswith("data.pkl") for name in names):
        true_name = path.with_suffix(".pt")
        remedy = f"Call it {true_name.name}. {_to_convert(true_name)}"
        return "it is a file of PyTorch under another name, and may carry code", remedy
    if "model.weights.h5" in names:
        remedy = "Unpack it and name its model.weights.h5, which holds the weights alone."
        return "it is a whole model of Keras (.keras), which may carry code", remedy
    return "it is a zip archive", "Unpack it, and name the file of weights that it holds."


def layout_of(path: Path) -> Layout:
    """Return the layout of a file of weights; `InputError` for an unknown layout."""
    refuse_other_files(path)
    with as_input_error(_UNREADABLE, where=path, remedy=_CHECK, kinds=Exception):
        is_h5 = path.suffix == ".h5"
        layout = _layout_of_h5(path) if is_h5 else layout_of_tensors(shapes_of(path))
        integers = [] if is_h5 else _integers_of(path)
    if integers:
        problem = f"{integers[0]} holds integers ({counted(len(integers), 'such tensors')})"
        remedy = "Give the weights as floating-point numbers; quantised ones are not read."
        raise InputError(problem, where=path, remedy=remedy)
    if layout is None:
        problem = "its tensors are named neither as by Keras nor as by PyTorch or MLX"
        raise InputError(problem, where=path, remedy="Ask whoever wrote it for another format.")
    return layout


def _layout_of_h5(path: Path) -> Layout | None:
    with h5py.File(path, "r") as file:
        if "layer_names" in file.attrs or "model_weights" in file:
            return Layout.KERAS_2
        return Layout.KERAS_3 if {"layers", "_layer_checkpoint_dependencies"} & {*file} else None


def layout_of_tensors(shapes: dict[str, tuple[int, ...]]) -> Layout | None:
    """Return the layout of safetensors with these names and shapes; None if it is unknown."""
    if shapes and all(re.match(r"\d{4}/", name) for name in shapes):
        return Layout.IN_ORDER
    kernels = [shape for shape in shapes.values() if len(shape) == 4]
    if not any(name.endswith(".weight") for name in shapes) or not kernels:
        return None
    # PyTorch has the sides of square kernels last, MLX has them in the middle.
    last = sum(a != b == c for _, a, b, c in kernels)
    middle = sum(a == b != c for _, a, b, c in kernels)
    return Layout.MLX if middle > last else Layout.PYTORCH


def shapes_of(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes of the tensors in a safetensors file, by name."""
    with safe_open(path, "numpy") as file:
        return {name: tuple(file.get_slice(name).get_shape()) for name in file.keys()}  # noqa: SIM118


def _integers_of(path: Path) -> list[str]:
    """Return the names of kernels that are not stored as floating-point numbers."""
    with safe_open(path, "numpy") as file:
        slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118
        return [
            n for n, s in slices.items() if len(s.get_shape()) > 1 and "F" not in s.get_dtype()
        ]


def metadata_of(path: Path) -> dict[str, str]:
    """Return the metadata of a safetensors file; an empty dict for other files."""
    if path.suffix != ".safetensors":
        return {}
    refuse_other_files(path)
    with (
        as_input_error(_UNREADABLE, where=path, remedy=_CHECK, kinds=Exception),
        safe_open(path, "numpy") as file,
    ):
        return file.metadata() or {}


def stored_variances(path: Path) -> dict[str, np.ndarray]:
    """Return the running variances of every batch normalisation in a file, the first layer first.

    Files of Keras 3 have no layer names; the names of their groups are used.
    """
    layout = layout_of(path)
    with as_input_error(_UNREADABLE, where=path, remedy=_CHECK, kinds=Exception):
        if layout is Layout.KERAS_2:
            return _variances_of_keras_2(path)
        if layout is Layout.KERAS_3:
            return _variances_of_keras_3(path)
        ends = ("/moving_variance", ".running_var")
        with safe_open(path, "numpy") as file:
            names = sorted(name for name in file.keys() if name.endswith(ends))  # noqa: SIM118
            stored = {re.split(r"/|\.running_var", n)[0]: file.get_tensor(n) for n in names}
        return dict(sorted(stored.items(), key=lambda item: item[0] not in _FIRST_OF_PYTORCH))


def _variances_of_keras_2(path: Path) -> dict[str, np.ndarray]:
    variances = {}
    with h5py.File(path, "r") as file:
        top = file.get("model_weights", file)
        for layer in map(_text, top.attrs["layer_names"]):
            for name in map(_text, top[layer].attrs["weight_names"]):
                if "moving_variance" in name:
                    variances[layer] = top[layer][name][()]
    return variances


def _variances_of_keras_3(path: Path) -> dict[str, np.ndarray]:
    groups: dict[str, list[str]] = {}

    def note(name: str) -> None:
        if match := re.search(r"(batch_normalization[^/]*)/vars/\d+$", name):
            groups.setdefault(match[1], []).append(name)

    with h5py.File(path, "r") as file:
        file.visit(note)
        # In a layer: gamma and beta, if any, then mean and variance.  Names of layers end in
        # numbers.
        layers = sorted(groups, key=lambda layer: (len(layer), layer))
        return {layer: file[max(groups[layer])][()] for layer in layers}


def _text(name: bytes | str) -> str:
    return name.decode() if isinstance(name, bytes) else name


def extreme_variances(variances: dict[str, np.ndarray]) -> list[ExtremeVariance]:
    """Return the batch normalisations whose largest variance exceeds a median a thousandfold.

    The median is that of the layer's own channels or of all layers' medians, if that is smaller.
    An example is the DenseNet121 of RadImageNet's PyTorch release: one layer has variances from
    14.7 to 56,296, and logits in evaluation are huge.  The first layer, whose variances depend on
    the scale of the inputs, is compared with its own median only.
    """
    medians = {layer: float(np.median(values)) for layer, values in variances.items()}
    elsewhere, extremes = float(np.median([*medians.values()] or [np.nan])), []
    for place, (layer, values) in enumerate(variances.items()):
        largest = float(np.max(values))
        of_file = np.inf if place == 0 else elsewhere
        if largest > EXTREME * max(min(medians[layer], of_file), _LEAST):
            extremes.append(ExtremeVariance(layer, largest, medians[layer], elsewhere))
    return extremes


def variance_remark(variances: dict[str, np.ndarray]) -> str:
    """Return a phrase saying which normalisations have extreme variances, or an empty string."""
    extremes = extreme_variances(variances)
    if not extremes:
        return ""
    worst = max(extremes, key=lambda layer: layer.largest)
    return (
        f"{len(extremes)} of {counted(len(variances), 'batch normalisations')} with running "
        f"variances above {EXTREME:,.0f} times a median; the largest, {_number(worst.largest)}, "
        f"is in {worst.layer} (median of its channels {_number(worst.median)}, of all layers "
        f"{_number(worst.elsewhere)}); logits in evaluation may be extreme, and float16 may "
        "overflow"
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"

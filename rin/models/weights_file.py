"""The layout of a file of weights, recognised by its first bytes, names and shapes alone.

A layout says how tensors are named and stored.  A file that contains no weights, or may contain
code, is refused with an error that says what it is and what to do about it.
"""

import re
import shlex
from contextlib import AbstractContextManager
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
#: Beginnings of files under other names, what they are, and what to do about them.
_OTHER_KINDS = (
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
    (b"\x89HDF", "HDF5 under another name", "Let its name end in .h5."),
)


def reading(path: Path) -> AbstractContextManager[None]:
    """Raise `InputError` for whatever goes wrong while a file of weights is read."""
    remedy = "Check its path, and that it is whole: fetch it again if in doubt."
    return as_input_error(
        "not a readable file of weights", where=path, remedy=remedy, kinds=Exception
    )


class Layout(StrEnum):
    """How a file names and stores its tensors."""

    KERAS_2 = "HDF5 of Keras 2"
    KERAS_3 = "HDF5 of Keras 3"
    IN_ORDER = "safetensors in the order of Keras' weights"
    PYTORCH = "safetensors of PyTorch"
    MLX = "safetensors of MLX"


def _convert(path: Path) -> str:
    return f"where PyTorch is installed, rin weights convert {shlex.quote(str(path))}"


def refuse_other_files(path: Path) -> None:
    """Raise `InputError` for a file that contains no weights or may contain code."""
    if path.suffix not in (".h5", ".safetensors"):
        problem = f"weights of type {path.suffix or 'unknown'!r} are not read"
        remedy = "They may carry code. Convert them to .weights.h5 or .safetensors first."
        if path.suffix in TORCH_SUFFIXES:
            remedy = f"They may carry code. Convert them: {_convert(path)}"
        raise InputError(problem, where=path, remedy=remedy)
    with reading(path), path.open("rb") as file:
        start = file.read(512)
    if other := _misnamed(path, start):
        raise InputError(f"it is {other[0]}", where=path, remedy=other[1])


def _misnamed(path: Path, start: bytes) -> tuple[str, str] | None:
    """Return what a misnamed file is and what to do about it; None if it contains weights."""
    if start[8:9] == b"{":  # the header of safetensors: its length in eight bytes, then JSON
        other = "safetensors under another name", "Let its name end in .safetensors."
        return other if path.suffix == ".h5" else None
    if start.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"<"):
        remedy = "Open the address in a browser, confirm what the page asks, and save the file."
        return "a web page, saved in place of the file", remedy
    for beginning, kind, remedy in _OTHER_KINDS:
        if start.startswith(beginning) and not (kind.startswith("HDF5") and path.suffix == ".h5"):
            return kind, remedy.format(convert=_convert(path.with_suffix(".pt")))
    return None


def layout_of(path: Path) -> Layout:
    """Return the layout of a file of weights; `InputError` for an unknown layout."""
    refuse_other_files(path)
    with reading(path):
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
    with reading(path), safe_open(path, "numpy") as file:
        return file.metadata() or {}


def stored_variances(path: Path) -> dict[str, np.ndarray]:
    """Return the running variances of every batch normalisation in a file, the first layer first.

    Files of Keras 3 have no layer names; the names of their groups are used.
    """
    layout_of(path)
    variances: dict[str, np.ndarray] = {}
    listed: list[str] = []
    with reading(path):
        if path.suffix == ".safetensors":
            with safe_open(path, "numpy") as file:
                for name in file.keys():  # noqa: SIM118
                    if match := re.fullmatch(r"(.*)(?:/moving_variance|\.running_var)", name):
                        variances[match[1]] = file.get_tensor(name)
        else:
            # The last variable of a normalisation of Keras 3 is its variance.
            pattern = re.compile(r"([^/]+)/moving_variance\S*|(batch_norm[^/]*)/vars/\d+")

            def note(name: str, item: h5py.HLObject) -> None:
                if match := pattern.search(name):
                    variances[match[1] or match[2]] = item[()]

            with h5py.File(path, "r") as file:
                file.visititems(note)
                names = file.get("model_weights", file).attrs.get("layer_names", [])
                listed = [name.decode() if isinstance(name, bytes) else name for name in names]
    place = {name: number for number, name in enumerate(listed)}
    first = sorted(
        variances, key=lambda n: (place.get(n, 0), n not in _FIRST_OF_PYTORCH, len(n), n)
    )
    return {name: variances[name] for name in first}


def variance_remark(variances: dict[str, np.ndarray]) -> str:
    """Return a phrase on normalisations whose largest variance exceeds a median a thousandfold.

    The median is that of the layer's own channels or of all layers' medians, if that is smaller.
    An example is the DenseNet121 of RadImageNet's PyTorch release: one layer has variances from
    14.7 to 56,296, and logits in evaluation are huge.  The first layer, whose variances depend on
    the scale of the inputs, is compared with its own median only.
    """
    medians = {layer: float(np.median(values)) for layer, values in variances.items()}
    elsewhere, extremes = float(np.median([*medians.values()] or [np.nan])), {}
    for layer, values in variances.items():
        typical = min(medians[layer], elsewhere) if layer != next(iter(variances)) else np.inf
        if values.max() > EXTREME * max(min(medians[layer], typical), _LEAST):
            extremes[layer] = float(values.max())
    if not extremes:
        return ""
    worst = max(extremes, key=extremes.__getitem__)
    return (
        f"{len(extremes)} of {counted(len(variances), 'batch normalisations')} with running "
        f"variances above {EXTREME:,.0f} times a median; the largest, {extremes[worst]:,.0f}, "
        f"is in {worst} (median of its channels {medians[worst]:,.4g}, of all layers "
        f"{elsewhere:,.4g}); logits in evaluation may be extreme, and float16 may overflow"
    )

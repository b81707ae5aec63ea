"""The first layer of a weights file, and which backbone the file belongs to."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from rin.errors import InputError
from rin.models.backbones import ALL_BACKBONES, build_backbone, find_backbone
from rin.models.fingerprint import FirstLayer, first_layer
from rin.models.weights_files import count_parameters, read_weights_file

#: Parameters without top, which no two backbones share; tests hold them against Keras.
PARAMETERS = {
    "InceptionResNetV2": 54_336_736,
    "ResNet50": 23_587_712,
    "DenseNet121": 7_037_504,
    "InceptionV3": 21_802_784,
    "VGG19": 20_024_384,
    "MobileNetV2": 2_257_984,
}


def identify_backbone(path: Path) -> str:
    """Return the backbone that a file of weights belongs to, by its number of parameters.

    Raises
    ------
    InputError
        No backbone has so many, or the file cannot be read.
    """
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

    The whole file is read and checked by the safe loader.

    Parameters
    ----------
    path
        Legacy `*_notop.h5`, `.weights.h5` or `.safetensors`.
    backbone
        Architecture of the file; found out where it is not given.

    Raises
    ------
    InputError
        A file that is not there, not whole, of another backbone or in a format that could run
        code; a backbone without batch normalisation behind its first convolution.
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
        raise InputError(
            f"{known.name} has no batch normalisation behind its first convolution, so its "
            "weights do not tell which inputs they were trained on",
            where=path,
            remedy="Ask whoever released the weights.",
        )
    model = build_backbone(known.name, known.min_size)
    read_weights_file(path, model)
    return replace(first_layer(model), backbone=known.name)

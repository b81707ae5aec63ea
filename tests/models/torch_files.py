"""Writes safetensors as PyTorch names them, of the weights of a backbone in Keras."""

from functools import cache

import numpy as np
from known_backbones import literal_weights
from safetensors.numpy import save_file

from rin.models.backbones import build_backbone, find_backbone

KINDS = {
    "kernel": "weight",
    "gamma": "weight",
    "beta": "bias",
    "moving_mean": "running_mean",
    "moving_variance": "running_var",
}


@cache
def built_as_torchvision(name):
    return build_backbone(name, find_backbone(name).min_size, topology="torchvision")


@cache
def torch_tensors(name):
    """Return the tensors of a known network by torchvision's names, kernels as OIHW."""
    backbone = built_as_torchvision(name)
    variables = [(layer, variable) for layer in backbone.layers for variable in layer.weights]
    tensors = {}
    weights = literal_weights(backbone, 1)
    for (layer, variable), values in zip(variables, weights, strict=True):
        values = values.transpose(3, 2, 0, 1) if values.ndim == 4 else values
        tensors[f"{layer.name}.{KINDS[variable.name]}"] = values
    return tensors, weights


def write_tensors(path, tensors, **metadata):
    save_file({name: np.ascontiguousarray(v) for name, v in tensors.items()}, path, metadata)
    return path

"""Writes HDF5 weights in the layout of Keras 2, byte for byte what its readers expect.

One group a layer, weights as `layer/kernel:0` below it, their order in the attributes
`layer_names` and `weight_names`; a whole model adds `model_config` and moves the groups
below `model_weights`.  Layer names differ from those of the reader on purpose.
"""

import h5py
import numpy as np


def write_legacy(path, backbone, *, config=None, values=None):
    """Write weights alone, or a whole model when its `config` is given."""
    values = iter(backbone.get_weights() if values is None else values)
    with h5py.File(path, "w") as file:
        if config is not None:
            file.attrs["model_config"] = config
            stamp(file)
        top = file if config is None else file.create_group("model_weights")
        stamp(top)
        top.attrs["layer_names"] = encoded(f"saved_{layer.name}" for layer in backbone.layers)
        for layer in backbone.layers:
            group = top.create_group(f"saved_{layer.name}")
            names = [f"saved_{layer.name}/{variable.name}:0" for variable in layer.weights]
            group.attrs["weight_names"] = encoded(names)
            for name in names:
                group.create_dataset(name, data=next(values))
        top.create_group("top_level_model_weights").attrs["weight_names"] = encoded([])
    return path


def stamp(group):
    group.attrs["keras_version"], group.attrs["backend"] = b"2.4.0", b"tensorflow"


def encoded(names):
    return np.array([name.encode() for name in names], dtype="S" if names else "S1")


#: By the names of their files, what writes the weights of a backbone in each layout of Keras.
WRITERS = {
    "a_notop.h5": write_legacy,
    "a.weights.h5": lambda path, backbone: backbone.save_weights(path),
}

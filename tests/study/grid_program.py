"""Everything that a study trains, as a program of its own: PROFILE RESULTS [small].

With `small`, a dozen layers stand in for ResNet50, so that a killed grid is soon back at work.
"""

import sys
from pathlib import Path

import keras
from keras import layers

from rin.study import open_study, run_grid, run_pretraining, task_inputs


def small_backbone(*, include_top, weights, input_shape):
    """Convolutions, batch normalisation and a shortcut, in the shape of a backbone."""
    assert not include_top
    assert weights is None
    pixels = keras.Input(input_shape)
    shallow = deep = layers.Conv2D(8, 3, strides=4, padding="same")(pixels)
    for _ in range(3):
        deep = layers.BatchNormalization()(deep)
        deep = layers.ReLU()(deep)
        deep = layers.Conv2D(8, 3, padding="same")(deep)
    joined = layers.Add()([shallow, deep])
    features = layers.ReLU(name="conv5_block3_out")(layers.Conv2D(16, 3, strides=2)(joined))
    return keras.Model(pixels, features, name="resnet50")


if __name__ == "__main__":
    profile, results, *small = sys.argv[1:]
    if small:
        keras.applications.ResNet50 = small_backbone
    study = open_study(profile, results=results)
    inputs = task_inputs(study, "breast")
    run_pretraining(study)
    Path(results, "ready").touch()
    run_grid(study, inputs)

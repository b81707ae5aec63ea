"""Functions for pages that train a run by hand and compare the result with the study's own.

A page takes images, labels and settings from the run itself.  Starting Keras, the augmentation
layer, and the backbone with its first weights are one function each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from rin.models.augmentation import AUGMENTATION
from rin.models.backbones import build_backbone
from rin.models.weights import load_weights, random_weights
from rin.processes import keep_memory
from rin.study.executors import begin_block
from rin.study.plan import Run
from rin.study.profile import FineTuning, Pretraining
from rin.study.workspace import Workspace

if TYPE_CHECKING:
    import keras

    from rin.models.layers import Augment


def start_keras(workspace: Workspace) -> None:
    """Start Keras as a study's runs do: the same threads, precision and use of memory."""
    begin_block(workspace.profile.execution)
    keep_memory()


def augment_layer(settings: FineTuning | Pretraining) -> Augment:
    """Return the Keras layer that augments images as these settings say."""
    from rin.models.layers import Augment

    return Augment(AUGMENTATION[settings.augmentation])


def open_backbone(workspace: Workspace, run: Run) -> keras.Model:
    """Return the backbone of a run with the weights that its training starts from.

    Its topology is that of `keras.applications`, or torchvision's if the weights are from there;
    its inputs must be preprocessed as `run.expects` says.
    """
    name = run.scenario.backbone
    size = run.inputs.store.size
    backbone = build_backbone(name, size, topology=run.topology)
    if run.entry is None:
        backbone.set_weights(random_weights(name, size, workspace.profile.seed))
    else:
        load_weights(run.entry, backbone, workspace.weights_folders)
    return backbone


def draw_as_runs_do(model: keras.Model, seed: int) -> None:
    """Give a compiled model the random numbers and the compiled step of a run.

    Only so that a page and the package agree to the last digits: it is not needed to train.
    """
    from keras import layers

    drawn = np.random.default_rng(seed)
    dense = next(layer for layer in model.layers[::-1] if isinstance(layer, layers.Dense))
    limit = np.sqrt(6 / sum(dense.kernel.shape))  # Glorot and Bengio (2010)
    kernel = drawn.uniform(-limit, limit, dense.kernel.shape)
    dense.set_weights([kernel, np.zeros(dense.units)])
    for layer in model.layers:
        if hasattr(layer, "seed_generator"):
            layer.seed_generator.state.assign(drawn.integers(1, 2**31, 2))
    model.jit_compile = False  # on a CPU it costs more than it saves
    model.optimizer.build(model.trainable_variables)


def agreement(apart: float, bound: float, kept: str, *, as_printed: bool) -> str:
    """Return how far a training by hand is from the package's, as Markdown.

    AssertionError if that is not below the bound, although nothing was changed (`as_printed`) and
    the framework that trained the package's run, `kept`, is this one.
    """
    import keras

    backend = keras.backend.backend()
    same = as_printed and kept == backend
    assert not same or apart < bound, f"{apart:.2g} apart"
    return (
        f"The two trainings (by hand: {backend}, the package's: {kept}) differ by "
        f"**{apart:.0e}** at most. Asserted to be below {bound:g}: {same}."
    )

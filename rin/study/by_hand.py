"""Functions for pages that train a run by hand and compare the result with the study's own.

A page takes images, labels and settings from the run itself.  Starting Keras, the augmentation
layer, and the backbone with its first weights are one function each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rin.models.augmentation import AUGMENTATION
from rin.models.backbones import build_backbone
from rin.models.weights import load_weights, random_weights
from rin.processes import quiet_tensorflow
from rin.study.plan import Run
from rin.study.profile import FineTuning, Pretraining
from rin.study.workspace import Workspace

if TYPE_CHECKING:
    import keras

    from rin.models.layers import Augment


def start_keras(workspace: Workspace) -> None:
    """Start Keras as a study's runs do: the same threads and precision, no start-up messages."""
    quiet_tensorflow()  # before TensorFlow is imported
    from rin.training.trainer import prepare_framework

    execution = workspace.profile.execution
    prepare_framework(execution.threads, execution.precision)


def augment_layer(settings: FineTuning | Pretraining) -> Augment:
    """Return the Keras layer that augments images as these settings say."""
    from rin.models.layers import Augment

    return Augment(AUGMENTATION[settings.augmentation])


def open_backbone(workspace: Workspace, run: Run) -> keras.Model:
    """Return the backbone of a run with the weights that its training starts from.

    Its topology is that of `keras.applications`, or torchvision's if the weights are from there;
    its inputs must be preprocessed as `run.expects` says.
    """
    name, size = run.scenario.backbone, run.inputs.store.size
    backbone = build_backbone(name, size, topology=run.topology)
    if run.entry is None:
        backbone.set_weights(random_weights(name, size, workspace.profile.seed))
    else:
        load_weights(run.entry, backbone, workspace.weights_folders)
    return backbone

"""What a page that trains by hand takes from the study, so that it can be compared with a run.

A page has images, labels and settings from the run itself; how Keras is started, the layer that
augments, and the backbone with its first weights are one function each.
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
    """Start Keras as the runs of a study do: their threads, their precision, no start-up lines."""
    quiet_tensorflow()  # before anything imports it
    from rin.training.trainer import prepare_framework

    execution = workspace.profile.execution
    prepare_framework(execution.threads, execution.precision)


def augment_layer(settings: FineTuning | Pretraining) -> Augment:
    """Return the Keras layer that augments images as some settings say."""
    from rin.models.layers import Augment

    return Augment(AUGMENTATION[settings.augmentation])


def open_backbone(workspace: Workspace, run: Run) -> keras.Model:
    """Return the backbone of a run with the weights that its training starts from.

    As `keras.applications` has it, or torchvision where the weights are from there; it takes
    images that are prepared as `run.expects` says.
    """
    name, size = run.scenario.backbone, run.inputs.store.size
    backbone = build_backbone(name, size, topology=run.topology)
    if run.entry is None:
        backbone.set_weights(random_weights(name, size, workspace.profile.seed))
    else:
        load_weights(run.entry, backbone, workspace.weights_folders)
    return backbone

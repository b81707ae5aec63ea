"""Train a dozen layers on one and on two devices of this CPU and print what came of it.

22 training images in batches of 8 leave 6, which both can share; 5 to validate and 7 to test
they cannot.  On two devices the training is cut off once and gone on with.
"""

import json
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

import keras
import numpy as np

if keras.backend.backend() == "tensorflow":
    import tensorflow as tf

    two = [tf.config.LogicalDeviceConfiguration()] * 2
    tf.config.set_logical_device_configuration(tf.config.list_physical_devices("CPU")[0], two)

sys.path.append(str(Path(__file__).parents[1] / "study"))
from small_backbone import small_backbone

from rin.study.profile import Pretraining
from rin.training.checkpoint import WorkFolder
from rin.training.pretrain import PretrainingBlock

keras.applications.ResNet50 = small_backbone


SMALL = {"corpora": {}, "size": 32, "batch": 8, "epochs": 3, "batch_norm_momentum": 0.9}
SETTINGS = Pretraining(**SMALL, learning_rate=1e-2, schedule="cosine", dropout=0)


def corpus():
    """Two classes, told apart by brightness; 22, 4 and 7 images."""
    labels = np.arange(33) % 2
    noise = np.random.default_rng(0).normal(0, 20, (33, 32, 32))
    images = np.clip(60 + 120 * labels[:, None, None] + noise, 0, 255).astype("uint8")
    parts = np.repeat(["train", "validation", "test"], [22, 4, 7])
    return images, np.array(["dark", "light"])[labels], parts, "symmetric"


class LastFolder(WorkFolder):
    """A work folder whose training is killed in the middle of its second epoch."""

    def save(self, arrays, record):
        super().save(arrays, record)
        if (record["epoch"], record["step"]) == (1, 2):
            raise KeyboardInterrupt


def trained(devices, folder):
    """Return losses, test probabilities and the like of a training."""
    work = WorkFolder(Path(folder), minutes=0)
    block = PretrainingBlock("ResNet50", SETTINGS, 2, seed=3, channels=1, devices=devices)
    if devices > 1:
        with suppress(KeyboardInterrupt):
            block.train(*corpus(), LastFolder(Path(folder), minutes=0))
    result = block.train(*corpus(), work)
    moving = [v for v in block.backbone.weights if v.name.startswith("moving")]
    return result.history[["loss", "val_loss", "accuracy"]].to_dict("list") | {
        "probabilities": result.predictions["truth_probability"].tolist(),
        "moving": np.concatenate([np.asarray(v) for v in moving]).tolist(),
        "devices": result.metrics["devices"],
        "resumed": result.metrics["resumed"],
    }


with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as two:
    print(json.dumps([trained(1, one), trained(2, two)]))

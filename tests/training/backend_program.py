"""Predict, explain and train a little on this backend, from weights that both backends read.

    KERAS_BACKEND=… backend_program.py BACKBONE WEIGHTS RESULT

Draws the weights where the file is not there yet, and writes what came of them.  The backbone
`small` is ResNet50 of a dozen layers, with a head whose maps need gradients.
"""

import sys
from pathlib import Path

import keras
import numpy as np

from rin.models.build import Architecture
from rin.models.preprocessing import PREPROCESSING
from rin.models.weights import random_weights
from rin.training.batches import ImageSubset
from rin.training.trainer import ReusableClassifier, TrainingSettings, prepare_framework

name, weights_file, result = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
head = "linear"
if name == "small":
    sys.path.append(str(Path(__file__).parents[1] / "study"))
    from small_backbone import small_backbone

    name, head, keras.applications.ResNet50 = "ResNet50", "nonlinear", small_backbone
# The least that every backbone takes.  It leaves one place to the last layers of InceptionV3,
# where the normalisation of four numbers magnifies every rounding: TensorFlow then differs by a
# third from itself with other kernels (oneDNN off).
SIZE, RATE = (139, 1e-4) if name == "InceptionV3" else (75, 1e-3)
BATCH = 4
prepare_framework(1, "float32")
block = ReusableClassifier(
    Architecture(name, "unfreeze_all", SIZE, augmentation="none", dropout=0.0,
                 batch_norm_momentum=0.9, head=head)
)  # fmt: skip
if not weights_file.exists():
    np.savez(weights_file, *random_weights(name, SIZE, 1))
with np.load(weights_file) as stored:
    start = [stored[f"arr_{k}"] for k in range(len(stored.files))]
draws = np.random.default_rng(0)
images, labels = draws.integers(0, 256, (20, SIZE, SIZE), "uint8"), np.arange(20) % 2
images[labels == 1] //= 2
training, validation, test = (ImageSubset(images, labels, np.arange(*ends)) for ends in
                              ((0, 12), (12, 16), (16, 20)))  # fmt: skip
contract, made = PREPROCESSING["symmetric"], {}
for when, rate in (("before", 0.0), ("after", RATE)):
    state = block.fit(start, contract, TrainingSettings(rate, 1, BATCH, 3), (training, validation))
    made[f"{when}_logits"], made[f"{when}_maps"] = block.predict(test, BATCH)
    made[f"{when}_losses"] = np.array([state.curves[0]["loss"], state.curves[0]["val_loss"]])
np.savez(result, **made, backend=keras.backend.backend())

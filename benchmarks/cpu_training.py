"""Training all layers of ResNet50 on one thread of a CPU: rin, plain Keras and PyTorch, in turn.

Command    python benchmarks/cpu_training.py     # with PyTorch in another environment:
           python benchmarks/cpu_training.py --torch-python OTHER/bin/python
Measures   images/s and processor time an image of a compiled training step: rin's as it is, fed
           from the store; rin's without augmentation; keras.applications' ResNet50 fed by tf.data
           from memory; and torchvision's ResNet50, eager.  Neither of the last two augments.  Each
           way runs in a process of its own, after a window that compiles, and the ways take turns.
Checks     that every loss is finite, and that rin without augmentation, as the other two train,
           reaches 95% of the fastest way's speed by processor time, which hardly depends on other
           work.
Prints     a Markdown table; a way that is not installed is left out and named.
Time       about eight minutes.
"""

import argparse
import json
import math
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

CLASSES = 165
TARGET = 0.95
RIN, BARE = "rin", "rin, no augmentation"
KERAS, TORCH = "Keras and tf.data", "PyTorch, eager"
MISSING = 3  # exit status of a way that is not installed


def timed(train, arguments):
    """Return wall and processor seconds an image of each window, and the last loss.

    `train` trains a number of steps and returns the loss; a window comes first that compiles.
    """
    train(2)
    windows, loss = [], math.nan
    for _ in range(arguments.windows):
        wall, busy = time.perf_counter(), time.process_time()
        loss = train(arguments.steps)
        seconds = time.perf_counter() - wall, time.process_time() - busy
        windows.append([taken / arguments.steps / arguments.batch for taken in seconds])
    return {"windows": windows, "loss": loss}


def of_rin(arguments, augmentation):
    """Train as a run does: the reusable classifier, fed from a store on disk."""
    import numpy as np
    from gpu_pretraining import make_store

    from rin.models.build import Architecture
    from rin.processes import keep_memory
    from rin.training.batches import ImageSubset, ShuffledBatches
    from rin.training.trainer import Callbacks, ReusableClassifier, prepare_framework

    prepare_framework(1, "float32")
    block = ReusableClassifier(
        Architecture(
            "ResNet50", "unfreeze_all", arguments.size, CLASSES, augmentation=augmentation
        )
    )
    model = block.network.model
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "images.npy"
        make_store(path, arguments.images, arguments.size, 0)
        labels = np.random.default_rng(0).integers(0, CLASSES, arguments.images)
        part = ImageSubset(np.load(path, mmap_mode="r"), labels, np.arange(arguments.images))

        keep_memory()  # once, as a pretraining does

        def train(steps):
            history = model.fit(
                ShuffledBatches(part, batch=arguments.batch, channels=1, seed=0),
                steps_per_epoch=steps,
                shuffle=False,
                callbacks=Callbacks([], add_history=True, model=model),
                verbose=0,
            )
            return history.history["loss"][-1]

        return timed(train, arguments)


def of_keras(arguments):
    """Train keras.applications' network as Keras' own guides do."""
    import keras
    import numpy as np
    import tensorflow as tf

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    draws = np.random.default_rng(0)
    side = arguments.size
    images = draws.integers(0, 256, (arguments.images, side, side, 1), np.uint8)
    labels = draws.integers(0, CLASSES, arguments.images)
    inputs = keras.Input((side, side, 1))
    colors = keras.layers.Concatenate()([keras.layers.Rescaling(1 / 127.5, -1)(inputs)] * 3)
    backbone = keras.applications.ResNet50(
        weights=None, include_top=False, input_shape=(side, side, 3), pooling="avg"
    )
    outputs = keras.layers.Dense(CLASSES, activation="softmax")(backbone(colors))
    model = keras.Model(inputs, outputs)
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    batches = tf.data.Dataset.from_tensor_slices((images, labels)).shuffle(arguments.images)
    batches = batches.repeat().batch(arguments.batch).prefetch(1)

    def train(steps):
        return model.fit(batches, steps_per_epoch=steps, verbose=0).history["loss"][-1]

    return timed(train, arguments)


def of_torch(arguments):
    """Train torchvision's network in PyTorch's plain loop."""
    import torch
    from torchvision.models import resnet50

    torch.set_num_threads(1)
    draws = torch.Generator().manual_seed(0)
    shape = arguments.images, 1, arguments.size, arguments.size
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=draws)
    labels = torch.randint(0, CLASSES, (arguments.images,), generator=draws)
    model = resnet50(num_classes=CLASSES).train()
    optimizer = torch.optim.Adam(model.parameters())
    cross_entropy = torch.nn.CrossEntropyLoss()

    def train(steps):
        for rows in torch.randperm(len(images), generator=draws).split(arguments.batch)[:steps]:
            colors = (images[rows].float() / 127.5 - 1).expand(-1, 3, -1, -1)
            loss = cross_entropy(model(colors), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        return loss.item()

    return timed(train, arguments)


WAYS = {
    RIN: lambda arguments: of_rin(arguments, "official"),
    BARE: lambda arguments: of_rin(arguments, "none"),
    KERAS: of_keras,
    TORCH: of_torch,
}


def measure(way, arguments):
    """Run a way in a process of its own; return its figures, or None if it is not installed."""
    python = arguments.torch_python if way == TORCH else sys.executable
    command = [python, __file__, "--way", way]
    for name in ("size", "batch", "steps", "windows", "images"):
        command += [f"--{name}", str(getattr(arguments, name))]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode == MISSING:
        return None
    done.check_returncode()
    return json.loads(done.stdout.splitlines()[-1])


def report(windows):
    """Print a table of all ways; return rin's speed without augmentation over the fastest."""
    busy = {way: statistics.median(s for _, s in seconds) for way, seconds in windows.items()}
    fastest = min(busy.values())
    print("| way | images/s | processor ms an image | of the fastest, by processor time |")
    print("|---|---:|---:|---:|")
    for way, seconds in windows.items():
        speed = 1 / statistics.median(wall for wall, _ in seconds)
        print(f"| {way} | {speed:.1f} | {1000 * busy[way]:.1f} | {fastest / busy[way]:.2f} |")
    return fastest / busy[BARE]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--way", choices=WAYS, help="measure this way only, in this process")
    parser.add_argument("--size", type=int, default=96, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--steps", type=int, default=8, help="steps of a window")
    parser.add_argument("--windows", type=int, default=2, help="windows of each process")
    parser.add_argument("--rounds", type=int, default=3, help="processes of each way")
    parser.add_argument("--images", type=int, default=2_000)
    parser.add_argument("--torch-python", default=sys.executable, metavar="PYTHON")
    arguments = parser.parse_args()
    if arguments.way:
        try:
            print(json.dumps(WAYS[arguments.way](arguments)))
        except ModuleNotFoundError as error:
            print(error, file=sys.stderr)
            sys.exit(MISSING)
        return
    windows = {}
    for _ in range(arguments.rounds):
        for way in WAYS:
            if (figures := measure(way, arguments)) is None:
                continue
            if not math.isfinite(figures["loss"]):
                sys.exit(f"{way}: the loss is not finite")
            windows.setdefault(way, []).extend(figures["windows"])
    ratio = report(windows)
    print(f"\nRatio {ratio:.2f} (target {TARGET}).")
    if missing := [way for way in WAYS if way not in windows]:
        print(f"Not installed: {', '.join(missing)}.")
    if ratio < TARGET:
        sys.exit(f"rin, no augmentation, trains at {ratio:.2f} of the fastest way")


if __name__ == "__main__":
    main()

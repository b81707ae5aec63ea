"""Pretraining speed on one GPU, fed from a store on disk, with options that may be faster.

Command    KERAS_BACKEND=jax python benchmarks/gpu_pretraining.py              # one JSON line
           KERAS_BACKEND=jax python benchmarks/gpu_pretraining.py --compare    # and a table
Measures   images/s of training all layers (ResNet50, 256 x 256, mixed_bfloat16, batch 256, Adam,
           165 classes) from an uint8 store that the script writes: the median of several windows
           of steps, each ended by waiting for the device, after a window that compiles.
           `--compare` runs the project's step as it is, then each option alone, then all options
           together, each in a fresh process.
Checks     that the loss is finite, and that all ways have the same loss before training.
Prints     one JSON line per run: figures, options, versions and device.  The mark to pass on an
           NVIDIA H200 is 5,400 images/s, the speed of PyTorch's compiled ResNet50; plain Keras on
           JAX gave 3,000 there.
Time       a minute or two per run on a GPU.  On two CPU cores, only to see that it works:
           --size 64 --batch 8 --steps 3 --windows 2 --images 64 --precision float32

Options that leave the training unchanged, up to rounding:
  --pointwise matmul    convolutions of 1 x 1 as matrix products, which XLA fuses with neighbours
  --batch-norm one_pass variance as E[x^2] - E[x]^2 in float32, reading activations once, not twice
  --conv-bias frozen    biases before batch normalisation, whose true gradient is zero, stay put
  --affine gather       augmentation by gathers in two dimensions, which XLA can compile everywhere
  --feed device         batches go to the device as soon as they are read
  --steps-per-execution calls of the compiled step between two looks at Python
"""

import argparse
import json
import os
import platform
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from importlib import metadata
from pathlib import Path

import numpy as np
from faster_layers import faster_layers, freeze_biases

MARK = 5400  # images/s
CLASSES = 165
TOLERANCE = 0.1  # for the first loss, which is about 5; bfloat16 has three digits
FASTER = {
    "pointwise": "matmul",
    "batch_norm": "one_pass",
    "conv_bias": "frozen",
    "affine": "gather",
    "feed": "device",
    "steps_per_execution": 8,
}


def make_store(path, n, size, seed):
    """Write a store of noise, chunk by chunk; the content of images does not affect the speed."""
    draws = np.random.default_rng(seed)
    header = {"descr": "|u1", "fortran_order": False, "shape": (n, size, size)}
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        for first in range(0, n, 500):
            file.write(draws.bytes(min(500, n - first) * size * size))
        file.flush()
        os.fsync(file.fileno())  # pages that are not on the disk cannot be dropped from the cache


def build(options):
    """Return the compiled model: the project's own, or a copy with faster layers."""
    import keras

    from rin.models.build import Architecture
    from rin.models.preprocessing import find_preprocessing
    from rin.training.trainer import ReusableClassifier, prepare_framework

    prepare_framework(None, options["precision"])
    keras.utils.set_random_seed(options["seed"])
    architecture = Architecture(
        options["backbone"],
        "unfreeze_all",
        options["size"],
        n_classes=CLASSES,
        augmentation=options["augmentation"],
        dropout=0.0,  # so that all options start with the same loss
    )
    block = ReusableClassifier(architecture)
    block.network.preprocess.set_preprocessing(find_preprocessing("symmetric"))
    model = block.network.model
    if not any(options[name] == value for name, value in FASTER.items() if name != "feed") and (
        options["jit"] == "auto" and options["steps_per_execution"] == 1
    ):
        return model
    copy = keras.models.clone_model(model, clone_function=faster_layers(options), recursive=True)
    copy.set_weights(model.get_weights())
    if options["conv_bias"] == "frozen":
        freeze_biases(copy)
    copy.compile(
        optimizer=keras.optimizers.Adam(),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
        jit_compile={"auto": "auto", "on": True, "off": False}[options["jit"]],
        steps_per_execution=options["steps_per_execution"],
    )
    return copy


def to_device(batches):
    """Start the transfer of each batch to the device as soon as it is read, on JAX."""
    import jax

    yield from (jax.device_put(batch) for batch in batches)


def fed(batches, options):
    """Return batches for `fit`: those of the trainer, or batches sent to the device ahead."""
    import keras

    if options["feed"] != "device":
        return batches
    if keras.backend.backend() != "tensorflow":
        return to_device(batches)
    import tensorflow as tf

    signature = tuple(tf.TensorSpec((None, *a.shape[1:]), a.dtype) for a in batches[0])
    ahead = tf.data.Dataset.from_generator(lambda: iter(batches), output_signature=signature)
    device = (tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices())[0]
    return ahead.apply(tf.data.experimental.prefetch_to_device(device.name))


def timed_windows(model, part, options):
    """Train and return seconds and loss of every window; the first window includes compilation."""
    import keras

    from rin.training.batches import ShuffledBatches
    from rin.training.trainer import Callbacks

    class Windows(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.seconds, self.losses = [], []

        def on_epoch_begin(self, epoch, logs=None):
            self.started = time.perf_counter()

        def on_epoch_end(self, epoch, logs=None):
            np.asarray(self.model.optimizer.iterations)  # waits until the device has trained
            self.seconds.append(time.perf_counter() - self.started)
            self.losses.append(float(logs["loss"]))

    batches = ShuffledBatches(part, batch=options["batch"], channels=1, seed=options["seed"])
    windows = Windows()
    model.fit(
        fed(batches, options),
        steps_per_epoch=options["steps"],
        epochs=options["windows"] + 1,
        shuffle=False,
        callbacks=Callbacks([windows], add_history=True, model=model),
        verbose=0,
    )
    return windows.seconds, windows.losses


def loss_before_training(model, part):
    """Return the loss of a few images, with batch statistics, to check that options agree."""
    images, labels = part.take(part.rows[:8], 1)
    likely = np.asarray(model(images, training=True))[np.arange(len(labels)), labels]
    return float(-np.log(likely).mean())


def device_name():
    import keras

    if keras.backend.backend() == "jax":
        import jax

        return f"{jax.devices()[0].platform}: {jax.devices()[0].device_kind}"
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    if not found:
        return f"cpu: {platform.machine()}"
    return f"gpu: {tf.config.experimental.get_device_details(found[0]).get('device_name')}"


def versions():
    wanted = ("keras", "jax", "jaxlib", "tensorflow", "tensorflow-cpu", "numpy")
    found = {d.metadata["Name"].replace("_", "-"): d.version for d in metadata.distributions()}
    return {"python": platform.python_version()} | {n: found[n] for n in wanted if n in found}


def run(options, path):
    """Measure one set of options and print its JSON line."""
    import keras

    from rin.training.batches import ImageSubset

    images = np.load(path, mmap_mode="r")
    if options["feed"] == "memory":
        images = np.array(images)
    labels = np.random.default_rng(options["seed"]).integers(0, CLASSES, len(images))
    full = np.arange(len(images) - len(images) % options["batch"])  # one shape, one compilation
    model = build(options)
    part = ImageSubset(images, labels, full)
    before = loss_before_training(model, part)
    seconds, losses = timed_windows(model, part, options)
    speeds = [options["steps"] * options["batch"] / s for s in seconds[1:]]
    line = {
        "images_per_second": round(statistics.median(speeds), 1),
        "lowest": round(min(speeds), 1),
        "highest": round(max(speeds), 1),
        "mark": MARK,
        "first_window_seconds": round(seconds[0], 1),
        "loss_before": round(before, 4),
        "losses": [round(loss, 4) for loss in losses],
        "device": device_name(),
        "backend": keras.backend.backend(),
        "options": options,
        "xla_flags": os.environ.get("XLA_FLAGS", ""),
        "versions": versions(),
    }
    print(json.dumps(line), flush=True)
    if not np.isfinite(losses).all():
        sys.exit("the loss is not finite")


def compare(options, path):
    """Run the project's step, each option alone and all options together; print a table."""
    plain = options | {"pointwise": "conv", "batch_norm": "keras", "conv_bias": "trained"}
    plain |= {"affine": "keras", "feed": "store", "steps_per_execution": 1}
    ways = {"as it is": {}, "fed from memory": {"feed": "memory"}}
    ways |= {f"{name} {value}": {name: value} for name, value in FASTER.items()}
    ways |= {"all of these": FASTER}
    losses, table = [], ["| way | images/s | of the mark | loss before |", "|---|---:|---:|---:|"]
    for name, changed in ways.items():
        job = [sys.executable, __file__, "--job", json.dumps([plain | changed, str(path)])]
        done = subprocess.run(job, stdout=subprocess.PIPE, text=True)
        if done.returncode:
            table.append(f"| {name} | failed | | |")
            continue
        print(done.stdout.splitlines()[-1], flush=True)
        line = json.loads(done.stdout.splitlines()[-1])
        speed = line["images_per_second"]
        losses.append(line["loss_before"])
        table.append(f"| {name} | {speed:.1f} | {speed / MARK:.3f} | {losses[-1]:.3f} |")
    print("\n".join(table))
    if any("failed" in row for row in table):
        sys.exit("some of the ways failed")
    if max(losses) - min(losses) > TOLERANCE:
        sys.exit("the ways do not begin with the same loss")


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="ResNet50")
    parser.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--precision", default="mixed_bfloat16")
    parser.add_argument("--steps", type=int, default=40, help="steps of a window")
    parser.add_argument("--windows", type=int, default=5, help="timed windows")
    parser.add_argument("--images", type=int, default=20_480, help="images of the store")
    parser.add_argument("--jit", default="auto", choices=["auto", "on", "off"])
    parser.add_argument("--augmentation", default="none", help="none, official, ...")
    parser.add_argument("--pointwise", default="conv", choices=["conv", "matmul"])
    parser.add_argument("--batch-norm", default="keras", choices=["keras", "one_pass"])
    parser.add_argument("--conv-bias", default="trained", choices=["trained", "frozen"])
    parser.add_argument("--affine", default="keras", choices=["keras", "gather"])
    parser.add_argument("--feed", default="store", choices=["store", "device", "memory"])
    parser.add_argument("--steps-per-execution", type=int, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the store is written")
    parser.add_argument("--compare", action="store_true", help="run every option side by side")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    return parser.parse_args()


def main():
    options = vars(arguments())
    job, side_by_side, parent = (options.pop(key) for key in ("job", "compare", "folder"))
    if job:
        return run(*json.loads(job))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder is removed, too
    with tempfile.TemporaryDirectory(dir=parent) as folder:
        path = Path(folder) / "images.npy"
        make_store(
            path, max(options["images"], options["batch"]), options["size"], options["seed"]
        )
        return (compare if side_by_side else run)(options, path)


if __name__ == "__main__":
    main()

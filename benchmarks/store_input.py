"""A training step fed from the store on disk against the same step fed from memory.

Command    python benchmarks/store_input.py
Measures   first the input path alone, images/s of shuffled batches without training, from memory
           and from the store with a warm and with a cold page cache, in one and in three channels:
           the head-room.  Then one compiled training step (ResNet50, all layers) fed in turn with
           the same ready batches over and over, with batches drawn from an array in memory, and
           with batches drawn from the store, whose pages are dropped from the cache before every
           window.
Checks     that all sources give the same batches, that nothing is compiled twice, and that the
           store reaches 95% of the speed from memory.
Prints     two Markdown tables.
Time       about six minutes on two quiet cores.

Sources alternate window by window, in an order that is reversed every time; speeds are medians of
windows and the ratio is the median of the ratios of neighbouring windows, so that other work on
the computer affects all sources alike.  CPU time hardly depends on other work. Where the system
offers no `posix_fadvise`, the cache stays warm.
"""

import argparse
import signal
import statistics
import sys
import tempfile
import time
from itertools import islice
from pathlib import Path

import keras
import numpy as np
from gpu_pretraining import CLASSES, make_store
from store_memory import forget

from rin.models.build import Architecture
from rin.training.batches import ImageSubset, ShuffledBatches
from rin.training.trainer import Callbacks, ReusableClassifier, prepare_framework

TARGET = 0.95
READY, MEMORY, STORE = "ready batches", "memory", "store, cold cache"
ALONE_BYTES = 0.6e9  # of each store that is read without training


def parts_of(path, seed):
    """Return the same cases in memory and on disk."""
    stored = np.load(path, mmap_mode="r")
    labels = np.random.default_rng(seed).integers(0, CLASSES, len(stored))
    rows = np.arange(len(stored))
    return ImageSubset(np.array(stored), labels, rows), ImageSubset(stored, labels, rows)


def check_same(memory, stored, arguments):
    drawn = [
        list(islice(ShuffledBatches(part, batch=arguments.batch, channels=1, seed=1), 5))
        for part in (memory, stored)
    ]
    for first, second in zip(*drawn, strict=True):
        if not all(np.array_equal(a, b) for a, b in zip(first, second, strict=True)):
            sys.exit("store and memory give other batches")


def read_alone(part, channels, batches, arguments):
    drawn = ShuffledBatches(part, batch=arguments.batch, channels=channels, seed=arguments.seed)
    started = time.perf_counter()
    for _ in islice(drawn, batches):
        pass
    return batches * arguments.batch / (time.perf_counter() - started)


def warm(path):
    """Read the whole file once, so that it is in the page cache."""
    with path.open("rb") as file:
        while file.read(2**24):
            pass


def input_alone(size, folder, arguments):
    """Print speeds of the input path without training."""
    path = folder / f"alone-{size}.npy"
    n = min(int(ALONE_BYTES / size**2), 100_000)
    make_store(path, n, size, arguments.seed)
    memory, stored = parts_of(path, arguments.seed)
    batches = max(n // 4 // arguments.batch, 1)
    sources = {"memory": memory, "store, warm cache": stored, STORE: stored}
    for channels in (1, 3):
        speeds = {name: [] for name in sources}
        for _ in range(arguments.rounds):
            for name, part in sources.items():
                if name == STORE:
                    forget(path)
                elif part is stored:
                    warm(path)
                speeds[name].append(read_alone(part, channels, batches, arguments))
        figures = " | ".join(f"{statistics.median(s):,.0f}" for s in speeds.values())
        print(f"| {size} px, {channels} channel(s) | {figures} |", flush=True)
    path.unlink()


class Stopwatch(keras.callbacks.Callback):
    """Wall and CPU time of one epoch, from its first step to the end of its last."""

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.perf_counter(), time.process_time()

    def on_epoch_end(self, epoch, logs=None):
        np.asarray(self.model.optimizer.iterations)  # waits until the device has trained
        self.wall = time.perf_counter() - self._started[0]
        self.busy = time.process_time() - self._started[1]


def endless(batches):
    """Yield the same batches over and over; a generator, as Keras asks for one."""
    while True:
        yield from batches


def train_window(model, batches, steps):
    """Train some steps as the trainer does, while Keras reads ahead."""
    watch = Stopwatch()
    model.fit(
        batches,
        steps_per_epoch=steps,
        shuffle=False,
        callbacks=Callbacks([watch], add_history=True, model=model),
        verbose=0,
    )
    return watch


def step_with_input(folder, arguments):
    """Train windows from every source in turn; return their wall and CPU seconds."""
    path = folder / "images.npy"
    make_store(path, arguments.images, arguments.size, arguments.seed)
    memory, stored = parts_of(path, arguments.seed)
    check_same(memory, stored, arguments)
    block = ReusableClassifier(
        Architecture(arguments.backbone, "unfreeze_all", arguments.size, n_classes=CLASSES)
    )

    def drawn(part, number):
        return ShuffledBatches(
            part, batch=arguments.batch, channels=1, seed=arguments.seed, start=(number, 0)
        )

    ready = list(islice(drawn(memory, 0), 4))
    train_window(block.network.model, endless(ready), 3)  # compiles
    traces = block.traces
    windows = {name: [] for name in (READY, MEMORY, STORE)}
    for number in range(arguments.windows):
        sources = {
            READY: endless(ready),
            MEMORY: drawn(memory, number),
            STORE: drawn(stored, number),
        }
        for name in list(sources)[:: 1 if number % 2 else -1]:
            if name == STORE:
                forget(path)
            windows[name].append(train_window(block.network.model, sources[name], arguments.steps))
            taken = f"{windows[name][-1].wall:.2f} s, CPU {windows[name][-1].busy:.2f} s"
            print(f"window {number + 1}, {name}: {taken}", file=sys.stderr, flush=True)
    if block.traces != traces:
        sys.exit("the step was compiled more than once")
    return windows


def report(windows, arguments):
    """Print the table of windows and return the ratio of store to memory."""
    images = arguments.steps * arguments.batch
    print(
        f"\n| {arguments.backbone}, {arguments.size} px, batch {arguments.batch}, fed from ",
        end="",
    )
    print("| images/s | CPU ms an image | of the speed from memory | windows, lowest to highest |")
    print("|---|---:|---:|---:|---:|")
    ratios = {}
    for name, watches in windows.items():
        pairs = zip(windows[MEMORY], watches, strict=True)
        each = sorted(m.wall / w.wall for m, w in pairs)
        ratios[name] = statistics.median(each)
        speed = statistics.median(images / w.wall for w in watches)
        busy = statistics.median(1000 * w.busy / images for w in watches)
        spread = f"{each[0]:.2f} to {each[-1]:.2f}"
        print(f"| {name} | {speed:.1f} | {busy:.2f} | {ratios[name]:.3f} | {spread} |")
    return ratios[STORE]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default="ResNet50")
    parser.add_argument("--size", type=int, default=64, help="side of the trained images, pixels")
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--images", type=int, default=20_000, help="images of the trained store")
    parser.add_argument("--steps", type=int, default=25, help="steps of a window")
    parser.add_argument("--windows", type=int, default=7, help="windows of every source")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of the input alone")
    parser.add_argument("--alone", type=int, nargs="*", default=[64, 224], help="sizes, pixels")
    parser.add_argument("--threads", type=int, help="threads of the TensorFlow backend")
    parser.add_argument("--precision", default="float32")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="where the stores are written")
    arguments = parser.parse_args()
    prepare_framework(arguments.threads, arguments.precision)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that the folder goes, too
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        print("| input alone, images/s | memory | store, warm cache | store, cold cache |")
        print("|---|---:|---:|---:|")
        for size in arguments.alone:
            input_alone(size, Path(folder), arguments)
        ratio = report(step_with_input(Path(folder), arguments), arguments)
    print(f"\nRatio {ratio:.3f} (target {TARGET}).")
    if ratio < TARGET:
        sys.exit(f"the store starves the step: {ratio:.3f} is below {TARGET}")


if __name__ == "__main__":
    main()

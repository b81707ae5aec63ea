"""Pretraining speed of PyTorch's ResNet50 on one GPU: the mark beside `gpu_pretraining.py`.

Command    python benchmarks/gpu_mark.py        # needs the extra torch, nothing of rin
Measures   images/s of training all layers of torchvision's ResNet50, compiled, in bfloat16 and
           channels last (256 x 256, batch 256, fused Adam, 165 classes), from uint8 gray images in
           pinned memory: the median of several windows of steps, after one that compiles.
Checks     that the loss is finite.
Prints     one JSON line: figures and versions.
Time       two minutes on a GPU.  On a CPU, only to see that it works:
           --size 64 --batch 4 --steps 2 --windows 1 --device cpu
"""

import argparse
import json
import statistics
import sys
import time

import torch
from torchvision.models import resnet50

CLASSES = 165
#: Different batches that take turns, so that no batch stays in a cache.
BATCHES = 4


def draw_batches(batch, size, device):
    """Return batches of noise and of labels, pinned if they go to a GPU."""
    draws = torch.Generator().manual_seed(0)
    batches = []
    for _ in range(BATCHES):
        images = torch.randint(0, 256, (batch, 1, size, size), dtype=torch.uint8, generator=draws)
        labels = torch.randint(0, CLASSES, (batch,), generator=draws)
        pair = (images, labels)
        batches.append([t.pin_memory() for t in pair] if device == "cuda" else pair)
    return batches


def training_step(device):
    """Return a function that trains a new network on a batch and returns the loss."""
    model = resnet50(num_classes=CLASSES).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), fused=device == "cuda")
    cross_entropy = torch.nn.CrossEntropyLoss()

    @torch.compile
    def loss_of(images, labels):
        colors = (images.to(torch.bfloat16) / 127.5 - 1).expand(-1, 3, -1, -1)
        with torch.autocast(device, torch.bfloat16):
            scores = model(colors.contiguous(memory_format=torch.channels_last))
            return cross_entropy(scores, labels)

    def step(images, labels):
        loss = loss_of(images.to(device, non_blocking=True), labels.to(device, non_blocking=True))
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        return loss

    return step


def train_window(step, batches, n_steps):
    """Train `n_steps` batches; return the seconds, with the wait for the device, and the loss."""
    started = time.perf_counter()
    for k in range(n_steps):
        loss = step(*batches[k % BATCHES])
    loss = loss.item()  # waits until the device has trained
    return time.perf_counter() - started, loss


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=256, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--steps", type=int, default=30, help="steps of a window")
    parser.add_argument("--windows", type=int, default=5, help="timed windows")
    parser.add_argument("--device", default="cuda", choices=["cuda", "cpu"])
    options = parser.parse_args()
    torch.backends.cudnn.benchmark = True
    step = training_step(options.device)
    batches = draw_batches(options.batch, options.size, options.device)
    windows = [train_window(step, batches, options.steps) for _ in range(options.windows + 1)]
    seconds, losses = zip(*windows, strict=True)
    speeds = [options.steps * options.batch / s for s in seconds[1:]]
    line = {
        "images_per_second": round(statistics.median(speeds), 1),
        "lowest": round(min(speeds), 1),
        "highest": round(max(speeds), 1),
        "first_window_seconds": round(seconds[0], 1),
        "losses": [round(loss, 4) for loss in losses],
        "device": torch.cuda.get_device_name() if options.device == "cuda" else "cpu",
        "options": vars(options),
        "torch": torch.__version__,
    }
    print(json.dumps(line))
    if not torch.isfinite(torch.tensor(losses)).all():
        sys.exit("the loss is not finite")


if __name__ == "__main__":
    main()

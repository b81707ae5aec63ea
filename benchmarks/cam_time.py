"""Prediction with activation maps against prediction alone, for the paper's four backbones.

Command    python benchmarks/cam_time.py
Measures   time to predict test images, and to predict them with their Grad-CAM maps by the closed
           form, as in the study: both models share every layer and alternate, round by round.
           Then the time to convert the maps to 8-bit pictures and to compute their Dice scores.
           Wall time and processor time; on a busy computer, trust the latter.
Checks     that both ways give the same probabilities, and that a sample of the maps equals the
           maps by gradients.
Prints     a Markdown table of medians and ratios; the target is 1.3 or less for prediction with
           maps, for each backbone.  The paper's breast task has 780 images.
Time       some minutes at 224 px; `--images 96 --size 112` takes less on a busy computer.
"""

import argparse
import sys
import time

import numpy as np
from scipy.special import softmax

from rin.explain.gradcam import gradient_cam, to_uint8
from rin.explain.overlap import cam_dice
from rin.models.backbones import BACKBONES
from rin.models.build import Architecture, build_classifier

TARGET = 1.3
TOLERANCE = 1e-4  # of the largest value; batches of different sizes sum in different orders


def timed(work):
    """Return the result of a call, its wall time and its processor time in seconds."""
    wall, processor = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - processor


def measure(name, arguments, images, masks):
    """Return median wall and processor seconds of each way, and whether their results agree."""
    parts = build_classifier(Architecture(name, "freeze_all", arguments.size))
    ways = {
        "predict": lambda: parts.model.predict(images, arguments.batch, verbose=0),
        "with maps": lambda: parts.explainer.predict(images, arguments.batch, verbose=0),
    }
    for way in ways.values():  # tracing is done once per block, not once per run
        way()
    seconds = {way: [] for way in (*ways, "pictures and Dice")}
    for number in range(arguments.rounds):
        order = list(ways) if number % 2 else list(ways)[::-1]
        found = {}
        for way in order:
            found[way], *taken = timed(ways[way])
            seconds[way].append(taken)
        logits, maps = found["with maps"]
        chosen = maps[np.arange(len(maps)), ..., logits.argmax(axis=1)]
        _, *taken = timed(lambda cams=chosen: cam_dice(to_uint8(cams, arguments.size), masks))
        seconds["pictures and Dice"].append(taken)
    features = parts.backbone(parts.preprocess(images[:2].astype("float32")))
    by_gradient = gradient_cam(parts.head, features)
    same = np.allclose(found["predict"], softmax(logits, axis=1), atol=1e-5)
    same &= np.abs(by_gradient - maps[:2]).max() <= TOLERANCE * np.abs(by_gradient).max()
    return {way: np.median(rounds, axis=0) for way, rounds in seconds.items()}, same


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--images", type=int, default=780, help="images in a round")
    parser.add_argument("--size", type=int, default=224, help="side of the images in pixels")
    parser.add_argument("--batch", type=int, default=32, help="images a step")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of every way")
    arguments = parser.parse_args()
    draws = np.random.default_rng(20220914)
    shape = (arguments.images, arguments.size, arguments.size)
    images = draws.integers(0, 256, (*shape, 1), dtype=np.uint8)
    masks = np.zeros(shape, dtype=bool)
    masks[:, arguments.size // 4 : arguments.size // 2, arguments.size // 4 :] = True
    print("| backbone | predict, ms an image | with maps, wall | with maps, processor |", end="")
    print(" maps, pictures and Dice, processor | pictures and Dice, ms an image |")
    print("|---|---:|---:|---:|---:|---:|")
    ratios, agree = [], True
    for name in BACKBONES:
        median, same = measure(name, arguments, images, masks)
        plain, maps, after = (median[way] for way in ("predict", "with maps", "pictures and Dice"))
        ms = 1000 / arguments.images
        ratios.append(maps / plain)
        print(
            f"| {name} | {ms * plain[0]:.2f} | {ratios[-1][0]:.3f} | {ratios[-1][1]:.3f} | "
            f"{(maps + after)[1] / plain[1]:.3f} | {ms * after[1]:.2f} |",
            flush=True,
        )
        agree &= bool(same)
    wall, processor = np.transpose(ratios)
    print(
        f"\nRatios of predicting: {wall.mean():.3f}, at most {wall.max():.3f}, by wall time, "
        f"{processor.mean():.3f}, at most {processor.max():.3f}, by processor time "
        f"(target {TARGET}); {arguments.images} images, {arguments.size} px, "
        f"medians of {arguments.rounds} rounds."
    )
    print(f"Probabilities and maps agree with the plain model and the gradient: {agree}.")
    if not agree:
        sys.exit("the ways do not give the same results")


if __name__ == "__main__":
    main()

"""Make resize_golden.json: small activation maps by the usual OpenCV recipe.

Run once, in an environment of its own, as OpenCV is no requirement of the project:

    pip install opencv-python-headless==5.0.0.93
    python tests/golden/make_resize_golden.py > tests/golden/resize_golden.json

The recipe: ReLU, division by the maximum, `cv2.resize` with INTER_LINEAR, `np.uint8(255 * cam)`.
"""

import json

import cv2
import numpy as np

CASES = {"7x7 to 28": (7, 7, 28), "5x4 to 17": (5, 4, 17), "2x2 to 9": (2, 2, 9)}


def recipe(cam, size):
    positive = np.maximum(cam, 0)
    positive /= positive.max()
    large = cv2.resize(positive, (size, size), interpolation=cv2.INTER_LINEAR)
    return 255 * large, np.uint8(255 * large)


def main():
    draws, cases = np.random.default_rng(20220914), {}
    for name, (height, width, size) in CASES.items():
        cam = draws.normal(size=(height, width)).astype(np.float32).round(3)
        level, cut = recipe(cam.copy(), size)
        cases[name] = {
            "cam": cam.astype(float).round(3).tolist(),
            "level": level.astype(float).round(3).tolist(),
            "cut": cut.tolist(),
        }
    print(json.dumps({"opencv": cv2.__version__, "cases": cases}, indent=None))


if __name__ == "__main__":
    main()

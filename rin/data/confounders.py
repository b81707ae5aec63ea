"""Confounders that a network may learn instead of disease: added to images, or sampled.

After Juodelyte et al., "Source Matters" (AMAI 2024, a workshop of MICCAI; arXiv 2403.04484): a
confounder is added to a share of the positive training images and, in the reversed test, to all
negative images and no positive one.  The study states lengths in pixels, those of tag and
denoising without the size of the pictures; here every length is a share of the side, which is
assumed to be 512 pixels for the tag and 1,024 for denoising.
"""

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageFont

from rin.errors import InputError

CONFOUNDERS = ("tag", "denoising", "noise")
_TAG_HEIGHT = 64 / 512
_TAG_PLACE = 200 / 512
_PASSED = 500 / 1024  # diameter of the circle of frequencies that denoising keeps
#: Photon count of a white pixel in Poisson noise; the study models an X-ray tube, and adds noise
#: to all its images, more to the confounded ones.
PHOTONS = 400


def confound(kind: str, images: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return uint8 images (n, h, w) or (n, h, w, 3) with a confounder added to every image.

    `tag` is a white R, `denoising` a circular low-pass filter, `noise` Poisson noise by `seed`.
    """
    height, width = images.shape[1:3]
    colors = [1] * (images.ndim - 3)
    if kind == "tag":
        mask = Image.new("L", (width, height))
        font = ImageFont.load_default(max(8, _TAG_HEIGHT * height))
        ImageDraw.Draw(mask).text((_TAG_PLACE * width, _TAG_PLACE * height), "R", 255, font)
        return np.maximum(images, np.asarray(mask).reshape(1, height, width, *colors))
    if kind == "denoising":
        rows = np.fft.fftfreq(height)
        columns = np.fft.rfftfreq(width)
        kept = np.hypot(rows[:, None], columns) <= _PASSED / 2
        spectrum = np.fft.rfft2(images, axes=(1, 2)) * kept.reshape(1, *kept.shape, *colors)
        changed = np.fft.irfft2(spectrum, s=(height, width), axes=(1, 2))
    else:
        changed = 255 * np.random.default_rng(seed).poisson(images / 255 * PHOTONS) / PHOTONS
    return np.clip(np.rint(changed), 0, 255).astype(np.uint8)


def confounded_rows(labels: np.ndarray, share: float, *, seed: int) -> np.ndarray:
    """Draw a share (0 to 1) of the positive images; return bool (n,), True for drawn images."""
    positive = np.flatnonzero(labels)
    drawn = np.random.default_rng(seed).permutation(positive)[: round(share * len(positive))]
    return np.isin(np.arange(len(labels)), drawn)


def sampled_parts(
    cases: pd.DataFrame, groups: tuple[str, str], share: float, sizes: dict[str, int], *, seed: int
) -> pd.DataFrame:
    """Return `case_id` and `part` of a split with a group of patients, as a sex, as confounder.

    In training and validation a `share` of the positive patients is from the second group, all
    others are from the first; the reversed test has positive patients of the first group and
    negative ones of the second.  `cases` has the columns `case_id`, `patient_id`, `label` (1 or
    0) and `group`; patients in two groups are left out.  `sizes` gives the number of patients
    of each class in `train`, `validation` and `test`.
    """
    patients = cases.groupby("patient_id").agg(
        label=("label", "max"), group=("group", "first"), groups=("group", "nunique")
    )
    patients = patients[patients["groups"] == 1].sample(frac=1, random_state=seed)
    usual, other = groups
    # The test comes first, so that it is the same at every share.
    takes = [("test", usual, 1, sizes["test"]), ("test", other, 0, sizes["test"])]
    for part in ("validation", "train"):
        size = sizes[part]
        confounded = round(share * size)
        takes += [
            (part, other, 1, confounded),
            (part, usual, 1, size - confounded),
            (part, usual, 0, size),
        ]
    parts: dict[str, str] = {}
    for part, group, label, count in takes:
        pool = patients.index[patients["group"].eq(group) & patients["label"].eq(label)]
        if len(pool) < count:
            raise InputError(
                f"{len(pool)} patients of {group} are left with label {label}, but part {part} "
                f"needs {count}",
                where="confounder",
                remedy="Ask for smaller parts, or choose groups with more patients.",
            )
        taken = pool[len(pool) - count :]
        parts |= dict.fromkeys(taken, part)
        patients = patients.drop(taken)
    part = cases["patient_id"].map(parts)
    return cases.assign(part=part).loc[part.notna(), ["case_id", "part"]].reset_index(drop=True)

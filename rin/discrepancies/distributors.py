"""Entries between those who distribute weights under the name RadImageNet."""

import numpy as np

from rin import paper
from rin.discrepancies.elsewhere import (
    ATLAS,
    HUGGING_FACE,
    MONAI,
    PYTORCH,
    READERS,
    README,
    SCRIPTS,
    WARVITO,
    fact,
)
from rin.discrepancies.records import Computed, Discrepancy, Says
from rin.models.preprocessing import find_preprocessing

_PRETRAINING = "Materials and Methods, RadImageNet Model Training"
_STATED = ("scripts_preprocessing", "pytorch_preprocessing", "hugging_face_preprocessing")


def _inputs() -> Computed:
    pixels = np.full((1, 3), 128.0)
    stated = {name: find_preprocessing(fact(name)).apply(pixels) for name in _STATED}
    gray = [float(value.mean()) for value in stated.values()]
    values = {"n": len(stated), "gray": " / ".join(f"{value:.2f}" for value in gray)}
    apart = [abs(a - b) for place, a in enumerate(gray) for b in gray[place + 1 :]]
    return Computed(values, min(apart) > 0.01)


def _one_file() -> Computed:
    digests = [fact("pytorch_resnet50_sha256"), fact("hugging_face_resnet50_sha256")]
    values = {"sha256": digests[0][:8], "official": fact("pytorch_preprocessing"),
              "card": fact("hugging_face_preprocessing")}  # fmt: skip
    return Computed(values, len(set(digests)) == 1 and values["official"] != values["card"])


def _two_trainings() -> Computed:
    variances = dict(fact("running_variance"))
    values = {"keras": variances["Keras"], "pytorch": variances["PyTorch"],
              "equal": fact("tensors_equal"), "aligned": fact("tensors_aligned")}  # fmt: skip
    return Computed(values, values["equal"] < values["aligned"])


def _networks() -> Computed:
    released = fact("pytorch_networks")
    missing = [name for name in paper.RELEASED_ACCURACY if name not in released]
    values = {"keras": len(paper.RELEASED_ACCURACY), "pytorch": len(released),
              "missing": ", ".join(missing)}  # fmt: skip
    return Computed(values, bool(missing))


def _licences() -> Computed:
    licences = dict(fact("licences"))
    values = {"readme": licences[README], "atlas": licences[ATLAS], "converted": licences[WARVITO]}
    return Computed(values, len(set(licences.values())) > 1)


ENTRIES = (
    Discrepancy(
        "four-preprocessings", "distributors", "How inputs are to be prepared",
        (Says(SCRIPTS, "Caffe-style means taken off, then divided by 255."),
         Says(PYTORCH, "Scaled to −1 to 1."),
         Says(HUGGING_FACE, "Mean and SD of ImageNet."),
         Says(MONAI, "BGR, means taken off on a scale of 0 to 1; the same as the scripts to three "
              "decimals.")),
        "With the wrong inputs a network's statistics no longer fit, most of all where layers "
        "stay frozen.",
        "Inputs belong to a weights entry; a probe compares a file's own statistics with each "
        "candidate.",
        "open", "A pixel of middle gray becomes {gray} under the {n} that differ.", _inputs,
    ),
    Discrepancy(
        "one-file-two-inputs", "distributors", "One file with two preprocessings",
        (Says(PYTORCH, "ResNet50, digest {sha256}…, inputs {official}."),
         Says(HUGGING_FACE, "The same digest, inputs {card}.")),
        "At most one of the two can be what the file was trained with.",
        "Neither is read here; the probe serves any Keras file.", "open", "", _one_file,
    ),
    Discrepancy(
        "two-trainings", "distributors", "Two trainings of one name",
        (Says(_PRETRAINING, "One set of pretrained models."),
         Says(READERS, "Of {aligned} tensors of ResNet50 in the Keras and the PyTorch file, "
              "{equal} are equal; the mean variance of the first layer is {keras:.2f} and "
              "{pytorch:.1f}.")),
        "A result with “RadImageNet weights” cannot be repeated without the name of the file.",
        "Only the TensorFlow release, which the scripts load, is meant here; files are named by "
        "release and digest.", "explained", "", _two_trainings,
    ),
    Discrepancy(
        "missing-network", "distributors", "A network that one release lacks",
        (Says(README, "{keras} networks."),
         Says(PYTORCH, "{pytorch} networks; sources disagree about {missing}, most say that it is "
              "absent.")),
        "Not every scenario of the paper can be run from the PyTorch release.",
        "The TensorFlow release is used.", "open", "", _networks,
    ),
    Discrepancy(
        "licences", "distributors", "Under which licence",
        (Says(README, "{readme}, for the repository."), Says(ATLAS, "{atlas}."),
         Says(WARVITO, "{converted}, for converted weights.")),
        "What may be done with the weights depends on where they came from.",
        "No weights are part of this book; each entry states the licence of its source.", "open",
        "", _licences,
    ),
)  # fmt: skip

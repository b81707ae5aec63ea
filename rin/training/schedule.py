"""Optimizers and learning rates by name."""

from __future__ import annotations

import keras

from rin.errors import unknown

OPTIMIZERS = ("adam", "adamw", "sgd")
SCHEDULES = ("constant", "cosine")
#: Of stochastic gradient descent.
MOMENTUM = 0.9


def make_optimizer(name: str, weight_decay: float = 0.0) -> keras.optimizers.Optimizer:
    """Return a new optimizer of Keras, whose learning rate is set later.

    Parameters
    ----------
    name
        One of `OPTIMIZERS`; `sgd` has a momentum of 0.9.
    weight_decay
        Decoupled from the gradient (Loshchilov and Hutter 2019) and times the learning rate;
        biases and the scales of batch normalisation do not decay.

    Raises
    ------
    InputError
        For an unknown name.
    """
    decay = weight_decay or None
    if name == "adam":
        optimizer = keras.optimizers.Adam(weight_decay=decay)
    elif name == "adamw":
        optimizer = keras.optimizers.AdamW(weight_decay=weight_decay)
    elif name == "sgd":
        optimizer = keras.optimizers.SGD(momentum=MOMENTUM, weight_decay=decay)
    else:
        raise unknown("optimizer", name, OPTIMIZERS)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer


def learning_rate(
    peak: float, steps: int, schedule: str = "constant", warmup: float = 0.0
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    """Return the learning rate of a training: a number, or a schedule over its steps.

    Parameters
    ----------
    peak
        The highest learning rate.
    steps
        Optimizer steps of the whole training.
    schedule
        `constant`, or `cosine`, which falls to zero at the last step along half a cosine
        (Loshchilov and Hutter 2017).
    warmup
        Share of the steps, 0 to below 1, over which the rate first rises from zero in a line.

    Raises
    ------
    InputError
        For an unknown schedule.
    """
    if schedule not in SCHEDULES:
        raise unknown("schedule", schedule, SCHEDULES)
    rising = round(warmup * steps)
    if schedule == "constant" and rising == 0:
        return peak
    return keras.optimizers.schedules.CosineDecay(
        0.0 if rising else peak,
        max(steps - rising, 1),
        alpha=1.0 if schedule == "constant" else 0.0,
        warmup_target=peak if rising else None,
        warmup_steps=rising,
    )

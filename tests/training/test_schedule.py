import math
from itertools import pairwise

import numpy as np
import pytest

from rin.errors import InputError
from rin.training.schedule import learning_rate, make_optimizer


def rates(schedule, steps):
    return [float(np.asarray(schedule(step))) for step in range(steps)]


def test_learning_rate_that_is_constant_is_a_number():
    assert learning_rate(1e-3, 100) == 1e-3


def test_learning_rate_along_a_cosine_falls_from_peak_to_zero():
    expected = [0.2 * (1 + math.cos(math.pi * step / 8)) / 2 for step in range(9)]
    assert rates(learning_rate(0.2, 8, "cosine"), 9) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(("schedule", "last"), [("constant", 0.4), ("cosine", 0.0)])
def test_learning_rate_when_warmed_up_rises_in_a_line_first(schedule, last):
    made = rates(learning_rate(0.4, 20, schedule, 0.2), 21)
    assert made[:5] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert made[-1] == pytest.approx(last, abs=1e-7)
    assert all(a >= b - 1e-9 for a, b in pairwise(made[4:]))


def test_learning_rate_of_an_unknown_schedule_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown schedule 'step'.*constant, cosine"):
        learning_rate(0.1, 10, "step")


@pytest.mark.parametrize(
    ("name", "decay", "kind"),
    [("adam", 0.0, "Adam"), ("adamw", 0.01, "AdamW"), ("sgd", 0.0, "SGD")],
)
def test_make_optimizer_makes_that_of_keras(name, decay, kind):
    optimizer = make_optimizer(name, decay)
    assert type(optimizer).__name__ == kind
    assert optimizer.weight_decay == (decay or None)
    assert getattr(optimizer, "momentum", 0.9) == 0.9


def test_make_optimizer_when_unknown_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown optimizer 'lion'.*adam, adamw, sgd"):
        make_optimizer("lion")


@pytest.mark.parametrize(("name", "left"), [("kernel", 0.98), ("bias", 1.0), ("gamma", 1.0)])
def test_weight_decay_spares_biases_and_scales(name, left):
    import keras

    variable = keras.Variable([1.0], name=name)
    optimizer = make_optimizer("sgd", 0.2)
    optimizer.build([variable])
    optimizer.learning_rate = 0.1
    optimizer.apply([keras.ops.zeros((1,))], [variable])
    assert float(np.asarray(variable)[0]) == pytest.approx(left)

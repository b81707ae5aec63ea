"""JAX and TensorFlow, both on the CPU, give the same numbers within what float32 sums allow."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from rin.models.backbones import BACKBONES

PROGRAM = Path(__file__).with_name("backend_program.py")
#: Largest difference, as a share of the largest value of an array: from the same weights, and
#: after three steps of Adam, which turns the sign of a gradient near zero into a whole step.
BEFORE, AFTER = 1e-3, 0.1


def made_on(backend, name, folder):
    result = folder / f"{backend}.npz"
    subprocess.run(
        [sys.executable, PROGRAM, name, folder / "weights.npz", result],
        env=os.environ
        | {
            "KERAS_BACKEND": backend,
            "PYTHONPATH": str(PROGRAM.parents[2]),
            "JAX_PLATFORMS": "cpu",
        },
        check=True,
        timeout=1500,
    )
    with np.load(result) as stored:
        return dict(stored)


@pytest.mark.timeout(3100)
@pytest.mark.parametrize(
    "name", ["small", *(pytest.param(name, marks=pytest.mark.slow) for name in BACKBONES)]
)
def test_predictions_maps_and_a_short_training_agree_on_both_backends(name, tmp_path):
    pytest.importorskip("jax")
    first, second = (made_on(backend, name, tmp_path) for backend in ("tensorflow", "jax"))
    assert (first.pop("backend"), second.pop("backend")) == ("tensorflow", "jax")
    assert not np.allclose(first["before_logits"], first["after_logits"])
    for key, values in first.items():
        gap = np.abs(values - second[key]).max() / np.abs(values).max()
        assert gap < (BEFORE if key.startswith("before") else AFTER), key

"""Several devices; here two of a CPU, in processes of their own, where TensorFlow makes them."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rin.errors import InputError
from rin.training.devices import find_devices

PROGRAM = Path(__file__).with_name("device_program.py")


@pytest.mark.parametrize("wanted", [None, 1])
def test_find_devices_when_one_is_wanted_needs_no_strategy(wanted):
    devices = find_devices(wanted)
    assert (devices.count, devices.strategy) == (1, None)


def test_find_devices_when_there_are_fewer_names_those_there_are():
    with pytest.raises(InputError, match=r"99 devices are asked for and 1 found .*CPU:0"):
        find_devices(99)


def trained(devices, **environment):
    """Losses, test probabilities and the like of a training on some devices."""
    command = [sys.executable, PROGRAM, str(devices)]
    root = str(Path(__file__).parents[2])
    made = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": root} | environment,
        stdout=subprocess.PIPE,
        check=True,
        timeout=500,
        text=True,
    )
    return json.loads(made.stdout.splitlines()[-1])


def check_alike(one, two):
    assert (one["devices"], two["devices"]) == (1, 2)
    for name in ("loss", "val_loss", "accuracy", "probabilities", "moving"):
        assert two[name] == pytest.approx(one[name], rel=2e-3, abs=2e-4), name
    assert one["loss"][-1] < 0.7 * one["loss"][0]
    assert two["resumed"] == 1


def test_training_on_two_devices_is_that_on_one():
    check_alike(trained(1), trained(2))


@pytest.mark.slow
def test_training_on_two_devices_of_jax_is_that_on_one():
    if importlib.util.find_spec("jax") is None:
        pytest.skip("JAX is not installed")
    two = "--xla_force_host_platform_device_count=2"
    check_alike(*(trained(n, KERAS_BACKEND="jax", XLA_FLAGS=two) for n in (1, 2)))

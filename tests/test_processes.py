"""What TensorFlow writes when it starts stays off the terminal."""

import logging
import os
import subprocess
import sys

from rin.processes import quiet_tensorflow

PROGRAM = """
from rin.processes import quiet_tensorflow
quiet_tensorflow()
import tensorflow
"""


def test_start_of_tensorflow_is_quiet():
    others = {name: value for name, value in os.environ.items() if name[:6] != "TF_CPP"}
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=others, capture_output=True)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_log_level_0_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.setattr(logging.getLogger("tensorflow"), "level", logging.INFO)
    quiet_tensorflow()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert logging.getLogger("tensorflow").level == logging.INFO

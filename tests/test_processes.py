"""What TensorFlow writes when it starts stays off the terminal."""

import os
import subprocess
import sys

import pytest

PROGRAM = """
from rin.processes import quiet_tensorflow
quiet_tensorflow()
import os
print(os.environ["TF_CPP_MIN_LOG_LEVEL"])
import tensorflow
"""


@pytest.mark.parametrize("level", ["", "0"])
def test_start_of_tensorflow_is_quiet_unless_its_log_level_is_0(level):
    own = {"TF_CPP_MIN_LOG_LEVEL": level} if level else {}
    others = {name: value for name, value in os.environ.items() if name[:6] != "TF_CPP"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=others | own, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (0, f"{level or 3}\n")
    assert (done.stderr == "") is (level == "")

"""What TensorFlow writes when it starts stays off the terminal; what is wrong with it does not."""

import subprocess
import sys

import pytest

TENSORFLOW = "import os\nos.write(2, b'oneDNN is on')\nready = True\n"
PROGRAM = """
from rin.processes import quiet_tensorflow
quiet_tensorflow()
quiet_tensorflow()
import tensorflow, os
assert tensorflow.ready
os.write(2, b"afterwards")
"""


@pytest.mark.parametrize(("level", "said"), [("", "afterwards"), ("0", "oneDNN is onafterwards")])
def test_start_of_tensorflow_is_quiet_unless_its_log_level_is_0(
    tmp_path, monkeypatch, level, said
):
    (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", ":".join(sys.path))
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL", raising=False)
    if level:
        monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", level)
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, said)


def test_tensorflow_that_cannot_be_loaded_says_why(tmp_path, monkeypatch):
    (tmp_path / "tensorflow.py").write_text("raise ImportError('no AVX here')")
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *sys.path]))
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert "ImportError: no AVX here" in done.stderr


ACCOUNT = """Traceback (most recent call last):
  File "pywrap_tensorflow.py", line 73, in <module>
ImportError: libtensorflow_cc.so.2: failed to map segment from shared object


Failed to load the native TensorFlow runtime.
See its pages for some common causes and solutions.
"""
COMMAND = """
import sys
from rin import cli

@cli.app.command()
def load():
    import tensorflow

sys.argv = ["rin", "load"]
cli.main()
"""


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        (f"raise ImportError({ACCOUNT!r})", "ImportError: libtensorflow_cc.so.2: failed to map"),
        ("raise MemoryError", "(MemoryError)"),
        ("raise OSError('cannot allocate memory')", "(cannot allocate memory)"),
    ],
)
def test_memory_that_ends_while_tensorflow_loads_is_said_in_one_line(
    tmp_path, monkeypatch, fault, said
):
    (tmp_path / "tensorflow.py").write_text(fault)
    monkeypatch.setenv("PYTHONPATH", ":".join([str(tmp_path), *sys.path]))
    done = subprocess.run([sys.executable, "-c", COMMAND], capture_output=True, text=True)
    assert done.returncode == 1
    (line,) = done.stderr.splitlines()
    assert line.startswith("rin: TensorFlow: it cannot be loaded (")
    assert said in line
    assert "enough memory" in line

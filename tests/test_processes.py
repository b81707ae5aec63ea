"""Keras in a new process; freed memory is kept."""

import ctypes
import logging
import os
import subprocess
import sys

import pytest

from rin.processes import load_keras, quiet_tensorflow, start_worker


def test_worker_without_a_framework_starts_and_leaves_the_error_to_its_job(monkeypatch):
    monkeypatch.setitem(sys.modules, "keras", None)
    start_worker(None)
    with pytest.raises(ImportError):
        load_keras()


def test_log_level_0_is_left_as_it_is(monkeypatch):
    monkeypatch.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    monkeypatch.setattr(logging.getLogger("tensorflow"), "level", logging.INFO)
    quiet_tensorflow()
    assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
    assert logging.getLogger("tensorflow").level == logging.INFO


MEMORY = """
import ctypes, resource
from rin.processes import M_TRIM_THRESHOLD, keep_memory

keep_memory()
ctypes.CDLL(None).mallopt(M_TRIM_THRESHOLD, 2**17)  # as TensorFlow's first dataset does
size = 2**26
hole, above = b"1" * size, b"1" * 2**20
del hole
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(9):
    b"1" * size
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "mallopt"), reason="needs glibc's mallopt")
def test_freed_memory_is_kept_also_after_the_first_dataset_of_tensorflow():
    ended = subprocess.run([sys.executable, "-c", MEMORY], capture_output=True, check=True)
    assert int(ended.stdout) < 2**26 / 4096  # pages of one of the nine

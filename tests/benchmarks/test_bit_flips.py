"""A sample of the flipped bits that the benchmark flips: none changes a number in silence."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_flipped_bit_of_a_kept_file_never_changes_a_number_in_silence(request, tmp_path):
    root = request.config.rootpath
    script = [sys.executable, root / "benchmarks/bit_flips.py"]
    ended = subprocess.run(
        [*script, "--flips", "54", "--seed", "3", "--folder", tmp_path],
        capture_output=True, text=True, env={**os.environ, "PYTHONPATH": str(root)},
    )  # fmt: skip
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "| all |" in ended.stdout

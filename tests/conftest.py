"""What tests of several packages share: the command line, and where real images lie."""

import os
import sys
from pathlib import Path

import pytest

from rin.cli import main


@pytest.fixture
def rin(monkeypatch, capsys, tmp_path):
    """Runs the command line in an empty folder; returns exit status, stdout, stderr."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DATA_ROOT", raising=False)

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["rin", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        printed = capsys.readouterr()
        return ended.value.code, printed.out, printed.err

    return call


@pytest.fixture(scope="session")
def real_root():
    root = os.environ.get("DATA_ROOT")
    if not root or not (Path(root) / "busi.zip").is_file():
        pytest.skip("set DATA_ROOT to a folder with busi.zip")
    return Path(root)

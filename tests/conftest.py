"""What tests of the whole command line share."""

import sys

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

"""What tests of the whole command line share."""

import sys

import pytest

from rin.cli import main


def pytest_collection_modifyitems(items):
    """Keep a file's tests in one process, and those of the studies: they share what is slow."""
    for item in items:
        folder = item.path.parent.name
        item.add_marker(pytest.mark.xdist_group(folder if folder == "study" else str(item.path)))


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

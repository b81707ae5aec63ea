"""Every notebook by plain jupytext and papermill, from the root and from the notebooks' folder."""

import sys
from pathlib import Path

import pytest
from jupytext.cli import jupytext as jupytext_command
from notebook_cells import FOLDER, NOTEBOOKS, name
from papermill.__main__ import papermill as papermill_command

from rin.report.execution import notebook_parameters

# What trains has a profile of its own, the least there is; the others show the reference run.
LIVE = Path(__file__).with_name("small_live.yaml")


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Results of the pages that train; the second run of each finds those of the first."""
    return tmp_path_factory.mktemp("plain")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("folder", [FOLDER.parent, FOLDER], ids=lambda folder: folder.name)
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_plain_tools_run_every_notebook(path, folder, shared, tmp_path, monkeypatch):
    profile = LIVE if path.parent.name == "pipeline" else "demo"
    values = {"profile": str(profile), "results": str(shared)}
    given = values.keys() & notebook_parameters(path).keys()
    arguments = [text for each in given for text in ("-p", each, values[each])]
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share/jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(FOLDER.parent))
    made, done = (str(tmp_path / f"{state}.ipynb") for state in ("made", "done"))
    jupytext_command(["--to", "ipynb", str(path), "--output", made])
    arguments = [made, done, *arguments, "--cwd", str(folder)]
    papermill_command(arguments, standalone_mode=False)  # raises where a cell fails

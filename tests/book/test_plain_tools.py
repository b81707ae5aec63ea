"""Every notebook by plain jupytext and papermill, from the root and from the notebooks' folder."""

import json
import re
import sys
from pathlib import Path

import pytest
from jupytext.cli import jupytext as jupytext_command
from papermill.__main__ import papermill as papermill_command

from rin.report.execution import notebook_parameters

ROOT = Path(__file__).resolve().parents[2]
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.py"))
# What trains has a profile of its own, the least there is; the others show the reference run.
LIVE = Path(__file__).with_name("small_live.yaml")
# Roles that only the book renders; citations and references stay readable as they are.
RAW = re.compile(r"\{(?!cite|numref|ref|bibliography|note)[a-z]+(?::[a-z]+)?\}`")


def name(path):
    return path.relative_to(ROOT / "notebooks").with_suffix("").as_posix()


def complaints(notebook):
    """Return what a reader of a computed notebook would stumble over."""
    found = []
    for cell in notebook["cells"]:
        texts = ["".join(cell["source"])] if cell["cell_type"] == "markdown" else []
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                found.append(output["evalue"])
            if (text := output.get("data", {}).get("text/markdown")) is not None:
                texts.append("".join(text))
        found += ["an empty sentence" for text in texts if not text.strip(" \n*.")]
        found += [match[0] for text in texts for match in RAW.finditer(text)]
        found += ["{glue" for text in texts if "{glue" in text]
    return found


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """Results folder of all notebooks, which train once."""
    return tmp_path_factory.mktemp("plain")


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("folder", [".", "notebooks"])
@pytest.mark.parametrize("path", NOTEBOOKS, ids=name)
def test_plain_tools_run_every_notebook(path, folder, shared, tmp_path, monkeypatch):
    trains = path.parent.name == "pipeline"
    values = {
        "profile": str(LIVE) if trains else "demo",
        "results": str(shared / "results"),
    }
    arguments = [
        text
        for parameter in values.keys() & notebook_parameters(path).keys()
        for text in ("-p", parameter, values[parameter])
    ]
    monkeypatch.setenv("JUPYTER_PATH", str(Path(sys.prefix) / "share" / "jupyter"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    made, done = tmp_path / "made.ipynb", tmp_path / "done.ipynb"
    jupytext_command(["--to", "ipynb", str(path), "--output", str(made)])
    arguments = [str(made), str(done), *arguments, "--cwd", str(ROOT / folder)]
    papermill_command(arguments, standalone_mode=False)
    assert complaints(json.loads(done.read_text(encoding="utf-8"))) == []

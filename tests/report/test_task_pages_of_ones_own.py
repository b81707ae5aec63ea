"""Pages of results for a task that the paper does not have, with one network."""

import re
import shutil
from pathlib import Path

import nbformat
import pytest
import yaml

from rin.files import manifest_folder
from rin.report.execution import Job
from rin.study import open_workspace, run_study

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
# What is not said of results of stand-ins; `from_random` and `inputs` show the reference run here.
VERDICT = r"\bahead\b|\bP [=<>≥] ?\.|clear difference|distinguishable|excludes? zero|beats?\b"
OF_STAND_INS = ("all_tasks", "localisation", "task")
PAGES = ("all_tasks", "inputs", "localisation", "from_random", "task")
OWN = {"name": "own", "title": "Lesions", "positive_class": "malignant", "n_folds": 5}


def shown_on(notebook):
    """Texts and tables that a computed page shows."""
    cells = nbformat.read(notebook, nbformat.NO_CONVERT).cells
    outputs = [output.get("data", {}) for cell in cells for output in cell.get("outputs", [])]
    texts = [data.get(kind, "") for data in outputs for kind in ("text/markdown", "text/html")]
    return re.sub(r"<style.*?</style>|base64,[\w+/=]+", "", "\n".join(texts), flags=re.DOTALL)


@pytest.mark.slow
def test_pages_of_a_task_of_ones_own_are_computed(tmp_path, monkeypatch):
    shutil.copytree(manifest_folder(), manifests := tmp_path / "manifests")
    busi = yaml.safe_load((manifests / "busi.yaml").read_text("utf-8"))
    (manifests / "own.yaml").write_text(yaml.safe_dump(busi | {"name": "own", "tasks": [OWN]}))
    monkeypatch.setenv("RIN_MANIFESTS", str(manifests))
    smoke = yaml.safe_load((NOTEBOOKS / "profiles" / "smoke.yaml").read_text("utf-8"))
    kept = ("about", "inits", "folds", "cases", "fine_tuning", "execution", "pretraining")
    own = {name: smoke[name] for name in kept}
    own |= {"name": "own", "tasks": ["own"], "backbones": ["ResNet50"]}
    own["pretraining"]["corpora"] = dict.fromkeys(own["inits"], "corpus_photographic")
    own["stand_ins"] = {"own": smoke["stand_ins"]["busi"]}
    own["stand_ins"]["corpus_photographic"] = smoke["stand_ins"]["corpus_photographic"]
    (tmp_path / "own.yaml").write_text(yaml.safe_dump(own))
    values = {"profile": str(tmp_path / "own.yaml"), "results": str(tmp_path / "results")}
    run_study(open_workspace(tmp_path / "own.yaml", results=tmp_path / "results"))
    for page in PAGES:
        parameters = values | ({"task": "own"} if page == "task" else {})
        output = tmp_path / f"{page}.ipynb"
        Job(NOTEBOOKS / "results" / f"{page}.py", output, parameters).run()
    for page in OF_STAND_INS:
        assert not re.findall(VERDICT, shown_on(tmp_path / f"{page}.ipynb")), page

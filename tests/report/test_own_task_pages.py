"""Pages of results for a task that the paper does not have, with one network."""

import shutil
from pathlib import Path

import pytest
import yaml

from rin.files import manifest_folder
from rin.report.execution import Job
from rin.study import open_study, run_study

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
PAGES = ("all_tasks", "inputs", "localisation", "random", "task")
OWN = {"name": "own", "title": "Lesions", "positive_class": "malignant", "n_folds": 5}


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
    run_study(open_study(tmp_path / "own.yaml", results=tmp_path / "results"))
    for page in PAGES:
        told = values | ({"task": "own"} if page == "task" else {})
        Job(NOTEBOOKS / "results" / f"{page}.py", tmp_path / "page.ipynb", told).run()

"""Runs from weights under PyTorch's names are planned, and trained, in torchvision's topology."""

import pytest
from tiny_study import main_study, tiny_profile

from rin.models.weights import find_entry, load_entries
from rin.study import open_workspace
from rin.study.plan import group_blocks, plan_study
from rin.study.released import file_remarks, released_files

INITS = ["radimagenet_pytorch", "radimagenet"]

pytestmark = pytest.mark.usefixtures("uncounted_manifests")


@pytest.fixture
def planned(opened):
    def plan(*inits):
        runs = plan_study(opened({"inits": [*inits], "pretraining": None}))
        return {run.init: run for run in runs}

    return plan


def test_run_from_each_release_is_of_the_topology_of_its_weights(planned):
    runs = planned(*INITS)
    topologies = {init: run.architecture.topology for init, run in runs.items()}
    assert topologies == {"radimagenet_pytorch": "torchvision", "radimagenet": "keras"}
    assert runs["radimagenet_pytorch"].preprocessing == "symmetric_bgr"
    assert len(group_blocks([*runs.values()])) == 2


def test_topology_is_in_the_id_of_a_run_in_torchvision_s_alone(planned):
    runs = planned(*INITS) | planned("random", INITS[1])
    named = {init for init, run in runs.items() if "topology" in run.config}
    assert (named, {*runs}) == ({INITS[0]}, {*INITS, "random"})
    assert runs[INITS[0]].config["topology"] == "torchvision"


def test_what_lies_in_place_of_a_release_is_named_before_anything_is_trained(images, tmp_path):
    changes = {"inits": [INITS[0], "random"], "pretraining": None, "studies": [main_study()]}
    workspace = open_workspace(tiny_profile(changes), data_root=images, results=tmp_path)
    path = images / "weights" / find_entry(INITS[0], "ResNet50", load_entries()).file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"<!DOCTYPE html>")
    (remark,) = file_remarks(released_files(workspace))
    assert remark.startswith("radimagenet_pytorch ResNet50 (")
    assert "it is a web page" in remark

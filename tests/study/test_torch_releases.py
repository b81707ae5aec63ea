"""Runs from weights under PyTorch's names are planned, and trained, in torchvision's topology."""

import numpy as np
import pytest
from safetensors.numpy import save_file
from tiny_study import main_study, tiny_profile

from rin.models.backbones import build_backbone
from rin.models.torch_tensors import SOURCE_SHA256, variables_by_name
from rin.models.weights import find_entry, load_entries, random_weights
from rin.study import open_workspace
from rin.study.plan import group_blocks, plan_study
from rin.study.released import file_remarks, released_files

INITS = ["radimagenet_pytorch", "radimagenet"]
CHANGES = {"inits": INITS, "pretraining": None}
WAYS = {"unfreeze_all": [1e-4], "unfreeze_top10": [1e-3]}

pytestmark = pytest.mark.usefixtures("uncounted_manifests")


def planned(results, **changes):
    workspace = open_workspace(tiny_profile(CHANGES | changes), results=results)
    return {run.init: run for run in plan_study(workspace)}


def test_run_from_each_release_is_of_the_topology_of_its_weights(study_folder):
    runs = planned(study_folder)
    topologies = {init: run.architecture.topology for init, run in runs.items()}
    assert topologies == {"radimagenet_pytorch": "torchvision", "radimagenet": "keras"}
    assert runs["radimagenet_pytorch"].preprocessing == "symmetric_bgr"
    assert len(group_blocks([*runs.values()])) == 2


def test_topology_is_in_the_id_of_a_run_in_torchvision_s_alone(study_folder):
    runs = planned(study_folder)
    assert runs["radimagenet_pytorch"].config["topology"] == "torchvision"
    assert "topology" not in runs["radimagenet"].config
    assert (
        "topology" not in planned(study_folder, inits=["random", "radimagenet"])["random"].config
    )


def write_release(images, *, source=None):
    """Write random weights of ResNet50 as PyTorch names them, in place of the release."""
    backbone = build_backbone("ResNet50", 32, topology="torchvision")
    backbone.set_weights(random_weights("ResNet50", 32, 1, "torchvision"))
    tensors = {name: np.asarray(v) for name, v in variables_by_name(backbone).items()}
    kernels = {name: v.transpose(3, 2, 0, 1) for name, v in tensors.items() if v.ndim == 4}
    tensors |= {name: np.ascontiguousarray(values) for name, values in kernels.items()}
    path = images / "weights" / find_entry(INITS[0], "ResNet50", load_entries()).file
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {SOURCE_SHA256: source} if source else None)
    return path


@pytest.fixture
def workspace(images, tmp_path):
    changes = {"inits": [INITS[0], "random"], "studies": [main_study(learning_rates=WAYS)]}
    return open_workspace(tiny_profile(CHANGES | changes), data_root=images, results=tmp_path)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"<!DOCTYPE html>", "it is a web page"),
        pytest.param(b"version https://git-lfs", "pointer of git-LFS", marks=pytest.mark.slow),
    ],
)
def test_what_lies_in_place_of_a_release_is_named_before_anything_is_trained(
    workspace, content, said
):
    write_release(workspace.data_root).write_bytes(content)
    (remark,) = file_remarks(released_files(workspace))
    assert remark.startswith("radimagenet_pytorch ResNet50 (")
    assert said in remark

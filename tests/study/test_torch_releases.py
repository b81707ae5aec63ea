"""Runs from weights under PyTorch's names are planned, and trained, in torchvision's topology."""

import pytest

from rin.study.plan import group_blocks, plan_study

INITS = ["radimagenet_pytorch", "radimagenet"]


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

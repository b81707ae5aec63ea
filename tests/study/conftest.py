"""One tiny study for all tests of this folder, trained once and then only read or copied."""

import os

import pytest
from tiny_study import tiny_profile

from rin.study import open_study, plan, run_grid, run_pretraining, scenarios, task_inputs

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory):
    """Results folder whose stores and stand-ins all tests share."""
    return tmp_path_factory.mktemp("results")


@pytest.fixture(scope="session")
def study(study_folder):
    return open_study(tiny_profile(), results=study_folder)


@pytest.fixture(scope="session")
def inputs(study):
    return task_inputs(study, "breast")


@pytest.fixture(scope="session")
def pretrained_study(study):
    run_pretraining(study)
    return study


def few(backbones):
    """The scenarios of one of the three compiled steps: tracing costs most of a tiny grid."""
    return [s for s in scenarios.scenarios_of(backbones) if s.unfreezing == "freeze_all"]


@pytest.fixture
def few_scenarios(monkeypatch):
    monkeypatch.setattr(plan, "scenarios_of", few)


@pytest.fixture(scope="session")
def finished_study(pretrained_study, inputs):
    """A study whose grid of four runs is finished; its readers need `few_scenarios`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plan, "scenarios_of", few)
        run_grid(pretrained_study, inputs)
    return pretrained_study

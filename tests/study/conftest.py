"""One tiny study for all tests of this folder, trained once and then only read or copied."""

import os
from contextlib import contextmanager

import pytest
from tiny_study import tiny_profile

from rin.study import open_study, run_grid, run_pretraining

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
    return study.inputs("breast")


@pytest.fixture(scope="session")
def with_small_backbone():
    """Return a context in which ResNet50 is a dozen layers."""

    @contextmanager
    def patched():
        import keras
        from small_backbone import small_backbone

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(keras.applications, "ResNet50", small_backbone)
            yield

    return patched


@pytest.fixture(scope="session")
def pretrained_study(study, with_small_backbone):
    with with_small_backbone():
        run_pretraining(study)
    return study


@pytest.fixture(scope="session")
def finished_study(pretrained_study, with_small_backbone):
    """A study whose grid of twelve runs is finished."""
    with with_small_backbone():
        run_grid(pretrained_study)
    return pretrained_study

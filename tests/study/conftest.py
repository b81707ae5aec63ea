"""One tiny study for all tests of this folder, trained once and then only read or copied."""

import os
import shutil

import pytest
from filelock import FileLock
from finished_study import write_images, write_manifests
from tiny_study import run_grid, small_networks, tiny_profile

from rin.study import open_workspace, run_pretraining

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


@pytest.fixture(scope="module")
def uncounted_manifests(tmp_path_factory):
    """Manifests that assert no counts, so that a few images can be read as real ones."""
    with pytest.MonkeyPatch.context() as patch:
        folder = write_manifests(tmp_path_factory.mktemp("manifests") / "data_manifests")
        patch.setenv("RIN_MANIFESTS", str(folder))
        yield


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """Folder with a few images in the layouts of the tasks' datasets."""
    return write_images(tmp_path_factory.mktemp("data"))


@pytest.fixture
def no_training(monkeypatch):
    """Nothing may be left to train."""
    import keras

    monkeypatch.setattr(keras.Model, "fit", lambda *_, **__: pytest.fail("trains again"))


@pytest.fixture(scope="session")
def study_folder(tmp_path_factory):
    """Results folder whose stores and stand-ins all tests share.

    Of several test processes the first trains the finished study; each works on a copy of its own.
    """
    own = tmp_path_factory.mktemp("results")
    if "PYTEST_XDIST_WORKER" in os.environ:
        shared = tmp_path_factory.getbasetemp().parent / "finished_study"
        with FileLock(f"{shared}.lock"):
            if not shared.is_dir():
                with small_networks():
                    made = open_workspace(tiny_profile(), results=own)
                    run_pretraining(made)
                    run_grid(made)
                shutil.copytree(own, shared)
                return own
        shutil.copytree(shared, own, dirs_exist_ok=True)
    return own


@pytest.fixture(scope="session")
def opened(study_folder):
    """Return a function that opens the tiny study with changed settings, on the same stores."""
    return lambda changes=None: open_workspace(tiny_profile(changes), results=study_folder)


@pytest.fixture(scope="session")
def study(opened):
    return opened()


@pytest.fixture(scope="session")
def inputs(study):
    return study.inputs("breast")


@pytest.fixture(scope="module", autouse=True)
def _small_networks():
    with small_networks():
        yield


@pytest.fixture(scope="session")
def pretrained_study(study):
    with small_networks():
        run_pretraining(study)
    return study


@pytest.fixture(scope="session")
def finished_study(pretrained_study):
    """A study whose grid of twelve runs is finished."""
    with small_networks():
        run_grid(pretrained_study)
    return pretrained_study

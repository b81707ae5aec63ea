"""The pages that train and explain by hand run on either backend, and agree there with the
package.

They hold assertions of their own; here they are run as a reader runs them, on a small profile.
"""

from importlib.util import find_spec
from pathlib import Path

import nbformat
import pytest

from rin.report.execution import Job

PIPELINE = Path(__file__).resolve().parents[2] / "notebooks" / "pipeline"
PAGES = ("pretraining", "fine_tuning", "gradcam")
PROFILE = Path(__file__).with_name("small_live.yaml")


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_pages_by_hand_agree_with_the_package_on_both_backends(backend, tmp_path, monkeypatch):
    if find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed")
    monkeypatch.setenv("KERAS_BACKEND", backend)
    monkeypatch.setenv("JAX_PLATFORMS", "cpu")
    parameters = {
        "profile": str(PROFILE),
        "results": str(tmp_path / "results"),
    }
    computed = {}
    for name in PAGES:
        output = tmp_path / f"{name}.ipynb"
        Job(PIPELINE / f"{name}.py", output, parameters=parameters).run()
        computed[name] = nbformat.read(output, 4)
    gradients = [
        cell
        for cell in computed["gradcam"].cells
        if cell.cell_type == "code" and "keras.backend.backend() ==" in cell.source
    ]
    assert len(gradients) == 2  # both ways are shown, whichever runs

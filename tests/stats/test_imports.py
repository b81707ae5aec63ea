import subprocess
import sys

ABSENT = {"keras", "tensorflow", "jax", "torch", "matplotlib", "seaborn", "plotly"}
ABSENT |= {"yaml", "pydantic", "typer", "papermill", "PIL", "skimage", "IPython", "pandera"}


def test_statistics_need_only_numpy_scipy_pandas_statsmodels_and_scikit_learn():
    code = "import sys; from rin.stats import delong; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ABSENT.isdisjoint(done.stdout.split())

import subprocess
import sys
from types import ModuleType

ABSENT = {"keras", "tensorflow", "jax", "torch", "matplotlib", "seaborn", "plotly"}
ABSENT |= {"yaml", "pydantic", "typer", "papermill", "PIL", "skimage", "IPython", "pandera"}


def test_statistics_need_only_numpy_scipy_pandas_statsmodels_and_scikit_learn():
    code = "import sys; from rin.stats import delong; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ABSENT.isdisjoint(done.stdout.split())


def test_delong_is_a_module_that_tests_areas():
    from rin.stats import delong

    assert isinstance(delong, ModuleType)
    assert delong.auc_ci([0, 1], [1, 2]).auc == 1

import subprocess
import sys
from importlib.util import find_spec
from types import ModuleType

import rin.stats

HEAVY = ["keras", "tensorflow", "jax", "torch", "matplotlib", "seaborn", "plotly"]


def test_importing_statistics_loads_no_framework_and_no_plotting():
    code = f"import sys, rin.stats; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_statistics_need_only_numpy_scipy_pandas_statsmodels_and_scikit_learn():
    code = (
        "import sys; before = set(sys.modules); import rin.stats; print(*set(sys.modules) - before)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    other = ["yaml", "pydantic", "typer", "papermill", "PIL", "skimage", "IPython", "pandera"]
    assert [name for name in other if name in done.stdout.split()] == []


def test_delong_is_a_module_that_tests_areas():
    from rin.stats import delong

    assert isinstance(delong, ModuleType)
    assert delong.auc_ci([0, 1], [1, 2]).auc == 1


def test_every_export_is_listed_once_and_hides_no_module():
    names = rin.stats.__all__
    assert len(set(names)) == len(names)
    assert [name for name in names if find_spec(f"rin.stats.{name}") is not None] == []
    assert [name for name in names if not hasattr(rin.stats, name)] == []

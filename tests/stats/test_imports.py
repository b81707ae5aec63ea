import subprocess
import sys


def test_importing_statistics_loads_no_framework_and_no_plotting():
    heavy = ["keras", "tensorflow", "jax", "torch", "matplotlib", "seaborn", "plotly"]
    code = f"import sys, rin.stats; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"

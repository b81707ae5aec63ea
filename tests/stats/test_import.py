import subprocess
import sys

#: What a comparison of AUCs does without; each takes longer to load than `rin.stats` itself.
HEAVY = (
    "pandera",
    "scipy.stats",
    "sklearn",
    "statsmodels",
    "pingouin",
    "tensorflow",
    "matplotlib",
)


def test_import_of_the_statistics_loads_no_heavy_library():
    code = f"import sys, rin.stats; print([name for name in {HEAVY} if name in sys.modules])"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"

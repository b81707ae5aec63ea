import re
import subprocess
import sys
import tomllib

from rin.files import REPOSITORY

#: What a comparison of AUCs does without; each takes longer to load than `rin.stats` itself.
HEAVY = (
    "pandera",
    "pydantic",
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


def test_book_names_every_package_that_the_statistics_need():
    stated = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["dependencies"]
    first_paragraph = (REPOSITORY / "book" / "api.md").read_text().split("\n\n")[1].lower()
    needed = {re.match(r"[\w-]+", requirement)[0] for requirement in stated}
    assert {name for name in needed if name not in first_paragraph} == set()

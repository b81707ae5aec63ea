"""The weight of the code in AST nodes, which cannot be packed: `python tests/weight.py` prints it.

What each part weighed when its weight was last agreed on stands in `pyproject.toml`; a test holds
it at 5% above, so that the next capability says what it costs.
"""

import ast
import tomllib
from collections import Counter
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AGREED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["weight"]


@cache
def nodes(path):
    """Return every node of a Python file's tree."""
    return [*ast.walk(ast.parse(path.read_text("utf-8")))]


def weights():
    """Nodes of each package of `rin`, of its single modules (`rin`), notebooks and tests."""
    found = Counter()
    for top in ("rin", "notebooks", "tests"):
        for file in (ROOT / top).rglob("*.py"):
            package = file.relative_to(ROOT).parts[1]
            part = f"rin.{package}" if top == "rin" and not package.endswith(".py") else top
            found[part] += len(nodes(file))
    return found


if __name__ == "__main__":
    for part, nodes in weights().items():
        print(f"{part:14}{nodes:9,}  of {AGREED[part]:9,}")

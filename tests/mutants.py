"""Defects put one by one into a copy of what git holds, drawn at random: do the tests notice?

    python tests/mutants.py stats data/splits.py [--number 20] [--seed 0]

changes an operator, a number or the condition of an `if` in these packages or modules of `rin`,
runs the tests of the package, and prints each defect with the test that notices it.  It fails
where more than one in five survives: some are no defects, as where `<` and `<=` give the same.
"""

import argparse
import ast
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
_PAIRS = [
    (ast.Lt, ast.LtE), (ast.Gt, ast.GtE), (ast.Eq, ast.NotEq), (ast.In, ast.NotIn),
    (ast.Is, ast.IsNot), (ast.Add, ast.Sub), (ast.Mult, ast.Div), (ast.And, ast.Or),
    (ast.USub, ast.UAdd),
]  # fmt: skip
#: What stands in place of each operator.
SWAPS = {one: other for pair in _PAIRS for one, other in (pair, pair[::-1])}
#: Names of what errors say, and nodes whose text is said or is a type.
_SAID = ("problem", "remedy", "where")
_WORDS = (ast.Raise, ast.JoinedStr, ast.arg, ast.Import, ast.ImportFrom)


def _is_words(node: ast.AST) -> bool:
    targets = getattr(node, "targets", [getattr(node, "target", None)])
    return isinstance(node, _WORDS) or any(getattr(t, "id", "") in _SAID for t in targets)


def changed_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """Yield each node that can be changed, in the order of the text; words are left alone."""
    operator = node.ops[0] if isinstance(node, ast.Compare) else getattr(node, "op", None)
    number = isinstance(node, ast.Constant) and type(node.value) in (int, float)
    if type(operator) in SWAPS or number or isinstance(node, ast.If):
        yield node
    for child in ast.iter_child_nodes(node):
        if not _is_words(child):
            yield from changed_nodes(child)


def mutated(source: str, place: int) -> tuple[str, str]:
    """Return the source with the node of this place changed, and what was changed where."""
    tree = ast.parse(source)
    node = [*changed_nodes(tree)][place]
    shown = node.test if isinstance(node, ast.If) else node
    before = ast.unparse(shown)
    if isinstance(node, ast.If):
        node.test = shown = ast.UnaryOp(ast.Not(), shown)
    elif isinstance(node, ast.Constant):
        node.value += 1
    elif isinstance(node, ast.Compare):
        node.ops[0] = SWAPS[type(node.ops[0])]()
    else:
        node.op = SWAPS[type(node.op)]()
    change = f"{node.lineno}: {before} → {ast.unparse(shown)}"
    return ast.unparse(ast.fix_missing_locations(tree)), change


def killer(root: Path, module: Path, place: int) -> tuple[str, str | None]:
    """Return what was changed in a copy of the tree, and the test that fails, if one does."""
    whole = module.read_text(encoding="utf-8")
    text, change = mutated(whole, place)
    package = module.relative_to(root / "rin").parts[0]
    tests = root / "tests" / package
    tests = tests if tests.is_dir() else tests.with_name(f"test_{package}")
    module.write_text(text, encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", tests],
        cwd=root,
        env=os.environ | {"PYTHONPATH": str(root), "TF_CPP_MIN_LOG_LEVEL": "3"},
        capture_output=True,
        text=True,
        check=False,
    )
    module.write_text(whole, encoding="utf-8")
    failed = re.search(r"(?m)^FAILED (\S+)", done.stdout)
    ended = f"pytest ended with {done.returncode}" if done.returncode else None
    return change, failed[1] if failed else ended


def main() -> int:
    """Draw mutants of the packages asked for, and run them; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", help="folders or modules of rin")
    parser.add_argument("--number", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    survivors = 0
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        subprocess.run(["git", "checkout-index", "-a", f"--prefix={root}/"], cwd=ROOT, check=True)
        patterns = (path if "." in path else f"{path}/**/*.py" for path in options.paths)
        places = [
            (module, place)
            for pattern in patterns
            for module in sorted((root / "rin").glob(pattern))
            for place, _ in enumerate(changed_nodes(ast.parse(module.read_text("utf-8"))))
        ]
        for module, place in random.Random(options.seed).sample(places, options.number):
            change, by = killer(root, module, place)
            survivors += by is None
            print(f"{module.relative_to(root)}:{change}: {by or 'SURVIVES'}", flush=True)
    print(f"{options.number - survivors} of {options.number} noticed")
    return int(survivors > options.number / 5)


if __name__ == "__main__":
    sys.exit(main())

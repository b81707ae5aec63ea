"""Which code trained a run, and whether code with another digest trains alike.

A run's id covers `RESULTS_VERSION`, which is raised by hand; the digest of the code that trains is
recorded beside it.  `trained_alike.yaml` lists, for each version, the digests of code that was
shown to give its results, and how this was shown.
"""

import ast
import hashlib
import json
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from typing import Any

from rin.files import read_yaml

#: Part of every run's id.  Raise it when training results change: finished runs then no longer
#: count.
RESULTS_VERSION = 1
# Modules of `rin.models` and `rin.training` that take no part in training.
_BESIDE = ("models/probe.py", "training/identity.py")
# Calls whose text arguments are error messages.
_ERRORS = ("InputError", "FileError", "as_input_error", "unknown")


@cache
def code_digest() -> str:
    """Return a digest of the code that decides the results of training.

    It is recorded with every run but is not part of the run's id.
    """
    package = Path(__file__).resolve().parents[1]
    sources = [path for name in ("models", "training") for path in (package / name).glob("*.py")]
    sources = [path for path in sources if "/".join(path.parts[-2:]) not in _BESIDE]
    sources += [package / "explain" / "gradcam.py"]
    preprocessings = (package / "models" / "preprocessing.yaml").read_bytes()
    made_of = [source_digest(sources), hashlib.sha256(preprocessings).hexdigest()]
    return hashlib.sha256(repr(made_of).encode()).hexdigest()[:16]


@cache
def digests_alike() -> frozenset[str]:
    """Return the digests of code that was shown to train as `RESULTS_VERSION` does."""
    versions = read_yaml(Path(__file__).with_name("trained_alike.yaml"))
    shown = [
        code
        for version in versions
        if version["version"] == RESULTS_VERSION
        for code in version["code"]
    ]
    return frozenset(code["digest"] for code in shown)


def trains_alike(digest: str | None) -> bool:
    """Return whether code with this digest is today's, or was shown to train as today's does."""
    return digest == code_digest() or {digest, code_digest()} <= digests_alike()


def source_digest(paths: Iterable[Path]) -> str:
    """Return a digest of the code in Python files.

    It ignores layout, comments, docstrings, annotations and the texts of errors.
    """
    # Not a digest of `ast.dump`, whose output differs between versions of Python.
    trees = {
        "/".join(path.parts[-2:]): _lists(_WithoutWords().visit(ast.parse(path.read_bytes())))
        for path in paths
    }
    return hashlib.sha256(json.dumps(trees, sort_keys=True).encode()).hexdigest()


def _lists(node: Any) -> Any:
    """Return a syntax tree as nested lists."""
    if isinstance(node, list):
        return [_lists(item) for item in node]
    if not isinstance(node, ast.AST):
        return f"{type(node).__name__} {node!r}"
    fields = ast.iter_fields(node)
    return [type(node).__name__, {k: _lists(v) for k, v in fields if v not in (None, [])}]


class _WithoutWords(ast.NodeTransformer):
    """Removes docstrings, annotations and the texts of errors from a syntax tree."""

    def __init__(self) -> None:
        self._messages: frozenset[str] = frozenset()
        self._in_function = False

    def visit_Module(self, node: ast.Module) -> ast.AST:
        return self._strip_docstring(node)

    def visit_ClassDef(self, node: ast.ClassDef) -> ast.AST:
        outer, self._in_function = self._in_function, False
        changed = self._strip_docstring(node)
        self._in_function = outer
        return changed

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        outer = self._messages, self._in_function
        self._messages, self._in_function = self._messages | _messages(node), True
        node.returns = None
        changed = self._strip_docstring(node)
        self._messages, self._in_function = outer
        return changed

    def visit_arg(self, node: ast.arg) -> ast.AST:
        node.annotation = None
        return node

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        if self._in_function and node.value is not None:  # in a class it may define a field
            return self.visit(ast.Assign(targets=[node.target], value=node.value))
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Assign(self, node: ast.Assign) -> ast.AST:
        names = [n for target in node.targets for n in ast.walk(target) if isinstance(n, ast.expr)]
        names = [getattr(name, "id", None) for name in names if not isinstance(name, ast.Tuple)]
        return _Wordless().visit(node) if {*names} <= self._messages else self.generic_visit(node)

    def visit_Raise(self, node: ast.Raise) -> ast.AST:
        return _Wordless().visit(node)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        return _Wordless().visit(node) if _words_an_error(node) else self.generic_visit(node)

    def _strip_docstring(self, node: ast.Module | ast.ClassDef | ast.FunctionDef) -> ast.AST:
        node.body = node.body[ast.get_docstring(node, clean=False) is not None :]
        return self.generic_visit(node)


class _Wordless(ast.NodeTransformer):
    """Replaces every text by the same word."""

    def visit_JoinedStr(self, node: ast.JoinedStr) -> ast.AST:
        return ast.Constant("words")

    def visit_Constant(self, node: ast.Constant) -> ast.AST:
        return ast.Constant("words") if isinstance(node.value, str) else node


def _words_an_error(node: ast.AST) -> bool:
    called = node.func if isinstance(node, ast.Call) else None
    return isinstance(node, ast.Raise) or getattr(called, "id", None) in _ERRORS


def _messages(function: ast.FunctionDef) -> frozenset[str]:
    """Return the names that a function reads only in errors, or as the condition of an `if`."""
    nodes = [*ast.walk(function)]
    read = [n for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)]
    in_errors = {id(part) for node in nodes if _words_an_error(node) for part in ast.walk(node)}
    tests = {id(node.test) for node in nodes if isinstance(node, ast.If)}
    elsewhere = {name.id for name in read if id(name) not in in_errors | tests}
    return frozenset({name.id for name in read if id(name) in in_errors} - elsewhere)

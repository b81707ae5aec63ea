"""Runs the cells of a page in this process and returns what they show."""

import ast
import re
from functools import cache

import IPython.display
import jupytext
import pytest
from IPython.display import DisplayObject
from matplotlib.figure import Figure

from rin.files import REPOSITORY
from rin.study import open_reference

NOTEBOOKS = REPOSITORY / "notebooks"


#: The same to every page, so that it is analysed once.
committed_run = cache(open_reference)


def outputs(page, values):
    """Run a notebook's cells and return what they show: texts, tables and blank figures."""
    shown, names = [], {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(IPython.display, "display", shown.append)
        # Of figures only the alternative text is read; most of their time is for the file.
        patch.setattr(Figure, "savefig", lambda _, file, **__: file.write(b"<svg/>"))
        for module in ("rin.study", "rin.study.reference"):
            patch.setattr(f"{module}.open_reference", committed_run)
        for cell in jupytext.read(NOTEBOOKS / f"{page}.py").cells:
            if cell.cell_type != "code":
                continue
            body = ast.parse(cell.source).body
            last = body.pop() if isinstance(body[-1], ast.Expr) else None
            exec(compile(ast.Module(body, []), page, "exec"), names)
            if "parameters" in cell.metadata.get("tags", []):
                names.update(values)
            if last is not None:
                shown.append(eval(compile(ast.Expression(last.value), page, "eval"), names))
    texts = [
        value.data if isinstance(value, DisplayObject) else value.to_html()
        for value in shown
        if value is not None  # as of a claim
    ]
    return [re.sub(r"\s+", " ", text) for text in texts]

"""A notebook that takes a second to run."""

import pytest

from rin.report.execution import Job

NOTEBOOK = r"""# %% [markdown]
# # A page with a figure
#
# The mean is $\bar x = \frac{1}{n} \sum_i x_i$.

# %% tags=["parameters"]
count = 3
title: str | None = None
scale: float = 1.0

# %%
import pandas as pd
from IPython.display import Markdown

table = pd.DataFrame({"x": range(count), "scaled": [scale * i for i in range(count)]})
table

# %% tags=["hide-input"]
Markdown(f"The mean is **{table.x.mean():.3f}**, after {{cite:t}}`delong1988`; see [](../intro).")

# %%
from matplotlib import pyplot as plt

_, axes = plt.subplots(figsize=(2, 2))
axes.plot(table.x, table.x)
axes.set_title(title or "untitled");

# %%
from rin.report.page import picture

picture(axes, "A line")

# %%
from rin.report.format import book_table

book_table(table.astype(str), "Text of x", rows=table)
"""


@pytest.fixture(scope="session")
def notebook(tmp_path_factory):
    source = tmp_path_factory.mktemp("notebook") / "page.py"
    source.write_text(NOTEBOOK, encoding="utf-8")
    return source


@pytest.fixture
def job(tmp_path):
    """Makes a job of a notebook with a title, a parameter and a cell."""

    def make(body, name="probe", **given):
        source = tmp_path / f"{name}.py"
        head = '# %% [markdown]\n# # Title\n\n# %% tags=["parameters"]\nn = 1\n'
        source.write_text(f"{head}\n# %%\n{body}\n")
        return Job(source, tmp_path / f"made/{name}.ipynb", name=name, **given)

    return make


@pytest.fixture
def in_this_process(monkeypatch):
    """Runs the cells of notebooks without a kernel, which would take a second each."""

    def run(notebook, output, *, parameters, **_):
        names = {}
        for cell in notebook.cells:
            exec(cell.source if cell.cell_type == "code" else "", names)
            names |= parameters if "parameters" in cell.metadata.get("tags", []) else {}
        notebook.metadata["papermill"] = {}
        return notebook

    monkeypatch.setattr("papermill.execute_notebook", run)

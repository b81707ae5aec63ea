"""A notebook that takes a second to run, and a two-page book around it."""

import shutil
from pathlib import Path

import pytest
import yaml

from rin.files import read_yaml
from rin.report.address import read_citation, with_address
from rin.report.build import build_html
from rin.report.execution import Job

ROOT = Path(__file__).resolve().parents[2]

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

INTRO = r"""# Front page

{{ cite_this_book }}

$$ \hat\theta = \frac{1}{mn} \sum_{i=1}^m \sum_{j=1}^n \psi(X_i, Y_j) $$

| a | b |
|---|---|
| 1 | 2 |

```{bibliography}
```
"""


@pytest.fixture
def notebook(tmp_path):
    source = tmp_path / "page.py"
    source.write_text(NOTEBOOK, encoding="utf-8")
    return source


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


@pytest.fixture(scope="session")
def tiny_book(tmp_path_factory):
    """Folder of a prose page and a computed notebook, with the project's own configuration."""
    folder = tmp_path_factory.mktemp("tiny")
    book = folder / "book"
    shutil.copytree(ROOT / "book/_static", book / "_static")
    shutil.copy(ROOT / "book/references.bib", book)
    settings = with_address(
        read_yaml(ROOT / "_config.yml"), read_citation() | {"repository-code": ""}, {}
    )
    (folder / "_config.yml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    (folder / "page.py").write_text(NOTEBOOK, encoding="utf-8")
    (book / "intro.md").write_text(INTRO, encoding="utf-8")
    (book / "_toc.yml").write_text(
        "format: jb-book\nroot: intro\nchapters:\n  - file: notebooks/page\n", encoding="utf-8"
    )
    output = book / "notebooks/page.ipynb"
    shown, address = folder / "results", "../_downloads"
    Job(folder / "page.py", output, {"count": 5}, name="page", shown=shown, address=address).run()
    return folder


@pytest.fixture(scope="session")
def tiny_html(tiny_book):
    """Folder of the built pages of the tiny book."""
    book = tiny_book / "book"
    return build_html(
        book, tiny_book / "_config.yml", book / "_toc.yml", tiny_book / "tiny"
    ).parent

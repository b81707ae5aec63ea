"""Figures and tables of a computed page as files."""

import re
from types import SimpleNamespace

import matplotlib.pyplot as plt
import nbformat
import numpy as np
import pandas as pd
import pytest
from IPython.core.formatters import DisplayFormatter

from rin.errors import InputError
from rin.report.format import book_table, format_estimate
from rin.report.page import picture
from rin.report.shown import shown_files, write_files

ROWS = pd.DataFrame({"task": ["knee"], "estimate": [1 / 3], "ci_low": [0.1], "ci_high": [0.5]})


def line():
    axes = plt.subplots(figsize=(2, 2))[1]
    axes.plot([0, 1], color="#222222")
    return picture(axes, 'AUC of “all” scenarios, by init & "seed"')


def table():
    shown = ROWS[["task"]].assign(points=format_estimate(ROWS, unit="points"))
    return book_table(shown, "Differences, α < .05", rows=ROWS)


def page(*shown, banner="real"):
    """A computed notebook that shows things, each in a cell."""
    line = f'<details class="rin-provenance rin-{banner}"></details>'
    cells = []
    for data, metadata in (({"text/html": line}, {}), *map(DisplayFormatter().format, shown)):
        output = nbformat.v4.new_output("display_data", data=data, metadata=metadata)
        cells.append(nbformat.v4.new_code_cell("x", outputs=[output]))
    return nbformat.v4.new_notebook(cells=cells)


def htmls(notebook):
    return [cell.outputs[0].data["text/html"] for cell in notebook.cells]


def test_figures_are_files_in_vectors_for_light_paper_or_in_pixels():
    image = plt.figure(figsize=(2, 2))
    image.add_subplot().imshow(np.zeros((4, 4)))
    files = shown_files(page(line(), picture(image, "A map")), "results/tasks")
    start = "figures/results_tasks-"
    svg = files[f"{start}auc-of-all-scenarios-by-init-seed.svg"]
    assert b"stroke: #222222" in svg
    assert not re.search(rb"var\(|prefers-color-scheme", svg)
    assert files[f"{start}a-map.png"].startswith(b"\x89PNG")


WORDS = pd.DataFrame({"Says": ["a, b"]}, index=pd.Index(["paper"], name="Who"))


@pytest.mark.parametrize(
    ("shown", "name", "lines"),
    [
        (
            table(),
            "differences-05",
            ["task,estimate,ci_low,ci_high", "knee,0.3333333333333333,0.1,0.5"],
        ),
        (book_table(WORDS, ""), "says", ["Who,Says", 'paper,"a, b"']),  # with its index
    ],
)
def test_table_is_a_file_of_its_unrounded_rows_or_else_of_what_it_shows(shown, name, lines):
    files = shown_files(page(shown), "findings")
    assert files == {f"csv/findings-{name}.csv": "\n".join([*lines, ""]).encode()}


def test_each_is_linked_once_below_it_where_it_lies():
    shown = page(line(), table())
    files = shown_files(shown, "study", "../_downloads")
    _, figure, rows = htmls(shown)
    for html, name, kind in zip((figure, rows), files, ("SVG", "CSV"), strict=True):
        links = re.findall(r'<a href="\.\./_downloads/([^"]*)" download[^>]*>(\w+)</a></p>$', html)
        assert links == [(name, kind)]
    assert figure.startswith(line().data)
    assert files == shown_files(shown, "study"), "what is linked has the same files"


def test_figures_in_one_output_and_of_the_same_words_have_a_file_each():
    both = page(SimpleNamespace(_repr_html_=lambda: line().data + line().data), line())
    files = shown_files(both, "study", "files")
    stem = "figures/study-auc-of-all-scenarios-by-init-seed"
    assert [*files] == [f"{stem}.svg", f"{stem}-2.svg", f"{stem}-3.svg"]
    assert [html.count("rin-file") for html in htmls(both)] == [0, 2, 1]


def test_plots_and_tables_of_other_libraries_are_left_alone():
    plain = {"text/html": "<table></table><img src='x'>", "image/png": "abc"}
    shown = page()
    shown.cells[0].outputs.append(nbformat.v4.new_output("display_data", data=plain))
    assert shown_files(shown, "study", "files") == {}


@pytest.mark.parametrize(
    ("banner", "said"),
    [
        ("real", ""),
        ("stand-in", "stand-ins-"),
        ("mixed", "partly-stand-ins-"),
        ("weights", "weights-of-stand-ins-"),
    ],
)
def test_name_of_a_file_says_what_the_banner_of_its_page_says_of_stand_ins(banner, said):
    (name,) = shown_files(page(table(), banner=banner), "study")
    assert name == f"csv/study-{said}differences-05.csv"


def test_written_files_replace_those_of_their_page_and_of_no_other(tmp_path):
    old = ["figures/use_a-old.svg", "csv/use_a-old.csv", "figures/use_ab-kept.svg"]
    write_files(dict.fromkeys(old, b""), tmp_path)
    write_files({"csv/use_a-new.csv": b"x"}, tmp_path, "use/a")
    left = {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.*")}
    assert left == {"csv/use_a-new.csv", "figures/use_ab-kept.svg"}


def test_folder_that_is_a_file_is_refused_by_its_name(tmp_path):
    (tmp_path / "demo").touch()
    with pytest.raises(InputError, match="demo: figures and tables of a page cannot be written"):
        write_files({"csv/a-b.csv": b""}, tmp_path / "demo")

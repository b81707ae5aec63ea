"""The README repeats results of the reference run; they must be what it gives."""

from pathlib import Path

import pytest

from rin.report.format import format_interval, format_number, format_p, task_title
from rin.report.from_random import gains_over_random
from rin.report.reference import areas_table, reference_analyses, reference_tasks
from rin.report.reference_page import holm_of_recommended
from rin.study.reference import from_random_predictions, load_reference

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def reference():
    return load_reference("open")


def test_readme_repeats_the_mean_areas_of_the_reference_run(reference):
    found = reference_analyses(reference)
    table = areas_table(found, holm_of_recommended(found))
    columns = ["Test images", "Radiologic, mean ± SD", "Photographic, mean ± SD",
               "Difference, points (95% CI)", "P, Holm"]  # fmt: skip
    for task, row in table[columns].iterrows():
        line = " | ".join([task, *map(str, row)]).replace("P = ", "")
        assert f"| {line} |" in README


def test_readme_repeats_the_gains_over_random_weights(reference):
    gains = gains_over_random(from_random_predictions(reference))
    titles = {name: task_title(one.task) for name, one in reference_tasks(reference).items()}
    for one in gains.itertuples():
        points = format_number(100 * one.difference, 1, signed=True)
        interval = format_interval(100 * one.ci_low, 100 * one.ci_high, 1)
        p = format_p(one.p_holm).replace("P = ", "").replace("P < ", "< ")
        areas = f"{format_number(one.auc_a)} against {format_number(one.auc_b)}"
        line = " | ".join([titles[one.task], one.init, areas, f"{points} {interval}", p])
        assert f"| {line} |" in README


def test_readme_names_the_size_of_the_reference_run(reference):
    images = set(reference.pretraining["images"])
    assert len(images) == 1
    assert f"corpora of {images.pop():,} images" in README

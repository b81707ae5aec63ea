import fake_corpus
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rin.curation.taxonomy import load_taxonomy
from rin.report import curation_figures as figures
from rin.report.corpus_tables import label_rows, region_rows
from rin.report.curation_tables import curation_steps
from rin.report.style import use_style


@pytest.fixture(autouse=True)
def book_style():
    with plt.rc_context():
        use_style()
        yield


def widths(ax):
    return [bar.get_width() for bar in ax.patches]


def words(ax):
    return [text.get_text() for text in ax.texts]


def test_step_bars_are_the_counts_of_each_block():
    steps = curation_steps(fake_corpus.corpus())
    axes = figures.step_bars(steps)
    assert [ax.get_title(loc="left") for ax in axes] == ["Normal studies", "Key images", "Images"]
    assert widths(axes[0]) == [9, 6, 2, 2, 2]
    assert words(axes[2]) == ["40", "28", "13", "9", "7", "4"]
    assert axes[0].get_ylim() == (4.5, -0.5)


def test_step_bars_of_nothing_are_drawn():
    steps = curation_steps(fake_corpus.corpus()).assign(count=0)
    assert set(widths(figures.step_bars(steps)[1])) == {0}


def test_query_dots_draw_both_measures_with_their_intervals():
    rows = pd.DataFrame(
        {
            "step": ["query", "rules"], "precision": [0.5, 0.9], "low": [0.4, 0.8],
            "high": [0.6, 0.95], "recall": [1.0, 0.75], "recall_low": [0.9, 0.6],
            "recall_high": [1.0, 0.85],
        }
    )  # fmt: skip
    ax = figures.query_dots(rows)
    precision, recall = ax.get_lines()
    assert precision.get_xdata().tolist() == [50, 90]
    assert recall.get_xdata().tolist() == [100, 75]
    assert precision.get_marker() != recall.get_marker()
    spans = np.array([s[:, 0] for c in ax.collections for s in c.get_segments()])
    assert spans == pytest.approx(np.array([[40, 60], [80, 95], [90, 100], [60, 85]]))
    assert [text.get_text() for text in ax.get_yticklabels()] == ["query", "rules"]


def test_corpus_overview_draws_classes_and_a_piece_a_class():
    images, taxonomy = fake_corpus.images(), load_taxonomy()
    regions = region_rows(images, taxonomy)
    axes = figures.corpus_overview(regions, label_rows(images, taxonomy))
    ct, mr, us = axes
    assert widths(ct[0]) == [28, 6, 0, 2]
    assert words(ct[0]) == ["0 of 28", "2 of 6"]
    assert sorted(widths(ct[1])) == [3, 3]
    assert [bar.get_x() for bar in ct[1].patches] == [0, 3]
    assert words(mr[1]) == ["0"] * 7
    assert words(us[1]) == ["0", "1"]
    assert len({ax.get_xlim() for ax in axes[:, 1]}) == 1


def test_normal_images_have_a_colour_of_their_own():
    images, taxonomy = fake_corpus.images(), load_taxonomy()
    axes = figures.corpus_overview(region_rows(images, taxonomy), label_rows(images, taxonomy))
    normal, nodule = (bar.get_facecolor() for bar in axes[0, 1].patches)
    assert nodule != normal
    assert axes[2, 1].patches[0].get_facecolor() == normal


def test_example_sheet_outlines_where_there_is_an_outline():
    picture, region = np.zeros((8, 8), dtype=np.uint8), np.zeros((8, 8), dtype=bool)
    region[2:6, 2:6] = True
    shown = [
        figures.Example(picture, region, "CT, chest", "Nodule"),
        figures.Example(picture, None, "US, thyroid", "nodule"),
    ]
    axes = figures.example_sheet(shown, columns=3)
    assert axes.shape == (1, 3)
    assert [len(ax.images) for ax in axes[0]] == [1, 1, 0]
    assert [len(ax.collections) for ax in axes[0]] == [1, 0, 0]
    assert axes[0, 0].get_title() == "CT, chest\nNodule" or "Nodule" in axes[0, 0].get_title("left")

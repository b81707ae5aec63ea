import matplotlib as mpl
import numpy as np
import pytest
from fake_analyses import ENDS, INITS, NAN, analyses
from matplotlib.colors import to_hex

from rin.report import figures_analyses as figures
from rin.report.analyses_tables import analysis_rows, beside_rows, matrix_rows
from rin.report.style import init_style

A, B = (init_style(init).color for init in INITS)


def intervals(ax):
    """Ends of the drawn lines that lie level."""
    lines = [line.get_xydata() for line in ax.lines]
    level = [d for d in lines if len(d) == 2 and d[0, 1] == d[1, 1]]
    return [tuple(np.round(d[:, 0], 6)) for d in level]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def legend(ax):
    return [text.get_text() for text in ax.figure.legends[0].get_texts()]


def test_analyses_forest_draws_every_interval_in_points():
    ax = figures.analyses_forest(analysis_rows(analyses()), INITS)
    expected = [(100 * low, 100 * high) for _, low, high in ENDS.values() if low == low]
    assert np.array(intervals(ax)) == pytest.approx(np.array(expected))


def test_analyses_forest_says_what_cannot_be_computed_instead_of_drawing_it():
    ax = figures.analyses_forest(analysis_rows(analyses()), INITS)
    assert texts(ax).count("cannot be computed here") == 1
    assert not any("nan" in text for text in texts(ax))


def test_analyses_forest_marks_the_published_way_open_and_the_recommended_one_heavy():
    ax = figures.analyses_forest(analysis_rows(analyses()), INITS)
    marks = [line for line in ax.lines if line.get_marker() in ("o", "D")]
    assert to_hex(marks[0].get_markerfacecolor()) == "#ffffff"
    assert [line.get_marker() for line in marks].index("D") == 5
    heavy = [line.get_linewidth() for line in ax.lines if line.get_marker() == "None"]
    assert max(heavy) > 1.5 * min(w for w in heavy if w > 1)
    assert legend(ax)[-2:] == ["published way", "recommended"]
    (name,) = [text for text in ax.texts if text.get_fontweight() == "bold"]
    assert name.get_text() == "Clustered contrast"


def test_analyses_forest_tells_conclusions_by_colour_and_by_sign():
    rows = analysis_rows(analyses(ends={"paired_t": (-0.03, -0.05, -0.01)}))
    ax = figures.analyses_forest(rows, INITS)
    marks = [line for line in ax.lines if line.get_marker() in ("o", "D")]
    assert marks[1].get_color() == B
    assert marks[2].get_color() == A
    assert "▼ −3.0 (−5.0, −1.0)" in texts(ax)
    assert "▲ +2.0 (1.5, 2.5)" in texts(ax)
    assert legend(ax)[:3] == [
        "▲ Radiologic ahead", "▼ Photographic ahead", "○ no clear difference",
    ]  # fmt: skip


def test_analyses_forest_cuts_intervals_that_would_squeeze_the_others():
    ends = {"nadeau_bengio": (0.03, -0.8, 0.86), "mixed_model": (0.03, 0.001, 0.8)}
    ax = figures.analyses_forest(analysis_rows(analyses(ends=ends)), INITS)
    left, right = ax.get_xlim()
    assert -20 < left < -2
    assert 10 < right < 20
    arrows = [line for line in ax.lines if line.get_marker() in ("<", ">")]
    assert [line.get_marker() for line in arrows] == ["<", ">", ">"]
    assert [float(line.get_xdata()[0]) for line in arrows] == [left, right, right]
    assert "○ +3.0 (−80.0, 86.0)" in texts(ax)


def test_analyses_forest_draws_the_margin_as_a_band():
    ax = figures.analyses_forest(analysis_rows(analyses()), INITS, margin=2)
    (band,) = ax.patches
    assert (band.get_x(), band.get_width()) == (-2, 4)
    assert legend(ax)[-1] == "within ±2 points"


def test_analyses_forest_can_be_drawn_into_given_axes():
    ax = mpl.pyplot.subplots()[1]
    assert figures.analyses_forest(analysis_rows(analyses()), INITS, ax=ax) is ax


def test_beside_forest_draws_three_intervals_a_task():
    ax = figures.beside_forest(beside_rows([analyses("breast"), analyses("knees")]), INITS)
    assert intervals(ax) == [(-0.6, 8.7), (-1, 7), (-2, 8), (-1, 7), (-2, 8)]
    assert legend(ax)[:2] == ["published", "here, the published way"]
    assert legend(ax)[2:] == ["recommended: no clear difference"]


def test_beside_forest_without_published_tasks_leaves_them_out_of_the_key():
    ax = figures.beside_forest(beside_rows([analyses("knees")]), INITS)
    assert "published" not in legend(ax)


def test_conclusion_matrix_shows_sign_and_number_in_every_cell():
    ax = figures.conclusion_matrix(matrix_rows([analyses("acl")]), INITS)
    shown = texts(ax)
    assert shown[:4] == ["▲", "+4.8", "○", "+3.0"]
    assert shown.count("–") == 2  # sign and number of what cannot be computed
    columns = [label.get_text() for label in ax.get_xticklabels()]
    assert columns[0] == "Published"
    assert len(columns) == 1 + len(ENDS)


def test_conclusion_matrix_colours_cells_by_conclusion():
    ends = {"paired_t": (-0.03, -0.05, -0.01), "mixed_model": (0.0, -0.01, 0.01)}
    rows = matrix_rows([analyses("knees", ends)])
    rows.loc[rows["name"] == "Mixed model", "conclusion"] = "comparable"
    cells = figures.conclusion_matrix(rows, INITS).patches
    colours = [to_hex(cell.get_facecolor()) for cell in cells]
    unpaired, paired, stacked, mixed = colours[0], colours[1], colours[2], colours[8]
    assert len({unpaired, paired, stacked, mixed}) == 4
    blue, orange = (mpl.colors.to_rgb(c) for c in (stacked, paired))
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]


def test_conclusion_matrix_keeps_published_first_when_the_first_task_has_none():
    rows = matrix_rows([analyses("knees"), analyses("acl")])
    ax = figures.conclusion_matrix(rows, INITS)
    columns = [label.get_text() for label in ax.get_xticklabels()]
    assert columns[:2] == ["Published", "Unpaired t"]
    assert len(ax.patches) == 1 + 2 * len(ENDS)


def test_conclusion_matrix_frames_the_recommended_analysis():
    ax = figures.conclusion_matrix(matrix_rows([analyses("acl")]), INITS)
    widest = max(ax.patches, key=lambda cell: cell.get_linewidth())
    place = 1 + list(ENDS).index("clustered_contrast")
    assert widest.get_x() + widest.get_width() / 2 == pytest.approx(place)
    labels = ax.get_xticklabels()
    bold = [k for k, label in enumerate(labels) if label.get_fontweight() == "bold"]
    assert bold == [place]


def test_figures_of_tasks_without_any_interval_hold_no_number():
    nothing = [analyses("knees", dict.fromkeys(ENDS, (NAN, NAN, NAN)))]
    figures.conclusion_matrix(matrix_rows(nothing), INITS)
    ax = figures.analyses_forest(analysis_rows(nothing[0]), INITS)
    assert texts(ax).count("cannot be computed here") == len(ENDS)
    figures.beside_forest(beside_rows(nothing), INITS).figure.canvas.draw()

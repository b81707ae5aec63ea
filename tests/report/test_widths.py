"""Figures for a phone: drawn by the same functions, with all that the wide ones hold."""

import re
from base64 import b64decode

import numpy as np
import pandas as pd
import pytest
from test_figures import overlapping_texts, shown_texts
from test_shared_figures import AUCS, INITS

from rin.report.heat import heat
from rin.report.lines import calibration, slopes
from rin.report.maps import image_row
from rin.report.page import SMALL_SCREEN, picture
from rin.report.widths import NARROW, two_widths

#: Of a page, which shows 110 pixels for an inch of a figure: the least height of a letter.
SMALLEST = 7.4 * 110 / 72


def smallest_letter(figure):
    figure.canvas.draw()
    return min(text.get_fontsize() for text in shown_texts(figure)) * 110 / 72


def test_narrow_heat_map_has_every_cell_and_the_name_of_each_row_above_it():
    table = pd.DataFrame({"one": [0.2, -0.2], "two": [np.nan, 0.0004]}, index=["x", "y"])
    ax = heat(table, INITS, clear=table > 0.1, narrow=True)
    shown = [text.get_text() for text in ax.texts if text.get_text()]
    assert sorted(shown) == sorted(["+20.0*", "−20.0", "0.0", "x", "y"])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["one", "two"]
    names = [text.get_position()[1] for text in ax.texts if text.get_gid() == "row"]
    cells = {text.get_text(): text.get_position()[1] for text in ax.texts}
    assert names[0] < cells["+20.0*"] < names[1] < cells["−20.0"]


def test_narrow_heat_map_of_long_column_names_keeps_them_apart():
    table = pd.DataFrame(np.eye(5), columns=["InceptionResNetV2"] * 5)
    figure = heat(table, INITS, narrow=True).figure
    assert overlapping_texts(figure) == []


def test_narrow_slopes_stand_two_in_a_line_and_draw_the_same_lines():
    wide, narrow = (slopes(AUCS, INITS, "task", narrow=narrow) for narrow in (False, True))
    for first, second in zip(wide.flat, narrow.flat, strict=True):
        drawn = [[line.get_xydata().tolist() for line in ax.lines] for ax in (first, second)]
        assert drawn[0] == drawn[1]
    figure = narrow.flat[0].figure
    assert figure.get_figwidth() == pytest.approx(NARROW)
    assert overlapping_texts(figure) == []
    assert smallest_letter(figure) >= SMALLEST


def test_narrow_calibration_has_a_panel_below_the_other():
    curves = pd.DataFrame({"curve": "reliability", "init": [*INITS] * 2, "x": 0.5,
                           "estimate": 0.4, "test": ["a", "a", "b", "b"]})  # fmt: skip
    first, second = calibration(curves, INITS, "test", narrow=True).flat
    assert first.get_position().y0 > second.get_position().y1
    assert first.figure.get_figwidth() == pytest.approx(NARROW, rel=0.02)


def test_picture_holds_both_widths_and_its_words_once():
    html = picture(slopes(AUCS, INITS, "task"), "two tasks").data
    assert html.count("alt=") == 1
    media, narrow = re.search(
        r'<source media="(.*?)" srcset="data:image/\S+?,(.*?)">', html
    ).groups()
    assert media == SMALL_SCREEN
    assert "prefers-color-scheme: dark" in b64decode(narrow).decode()
    wide = re.search(r'src="data:image/\S+?,(.*?)"', html)[1]
    assert wide != narrow


def test_two_widths_take_the_look_of_the_book_where_a_page_has_not_set_it():
    import matplotlib.pyplot as plt

    @two_widths
    def draw(*, narrow=False):
        return plt.subplots()[1]

    with plt.rc_context({"axes.spines.top": True}):
        assert not draw().spines["top"].get_visible()
        assert plt.rcParams["axes.spines.top"]


def test_narrow_row_of_images_has_two_in_a_line():
    axes = image_row([np.zeros((8, 8), np.uint8)] * 3, list("abc"), narrow=True)
    left, right, below = (ax.get_position() for ax in axes)
    assert left.y0 == pytest.approx(right.y0)
    assert left.y0 > below.y1

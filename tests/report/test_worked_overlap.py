"""The dozen cases worked out by hand, against `rin.explain` and against literal results."""

from fractions import Fraction

import numpy as np
import pytest

from rin.explain.gradcam import class_activation, to_uint8
from rin.explain.overlap import cam_dice, pixel_average_precision, pointing_game
from rin.report import worked_overlap
from rin.report.figures_worked_overlap import case_picture, decimal, number_grid, outline
from rin.report.worked_overlap import CASES, KERNEL, SIDE, THRESHOLD, TOLERANCE, work_out

each = pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
BY_NAME = {case.name: work_out(case) for case in CASES}


@each
def test_every_step_by_hand_equals_rin_explain(case):
    worked, lesion = work_out(case), case.lesion[None]
    cam = class_activation(case.features[None], KERNEL)[..., 1]
    np.testing.assert_array_equal(16 * cam[0], worked.cam)
    picture = to_uint8(cam, SIDE)
    np.testing.assert_array_equal(picture[0], worked.picture)
    for value, found in (
        (worked.dice, cam_dice(picture, lesion, THRESHOLD)),
        (worked.pointing, pointing_game(picture, lesion, TOLERANCE)),
        (worked.precision, pixel_average_precision(picture, lesion)),
    ):
        expected = np.nan if value is None else float(value)
        np.testing.assert_allclose(found, [expected], rtol=1e-12)


def test_cases_are_a_dozen_of_the_stated_size():
    assert len(CASES) == len(BY_NAME) == 12
    assert {case.features.shape for case in CASES} == {(4, 4, 2)}
    assert {case.lesion.shape for case in CASES} == {(8, 8)}


def test_cases_show_what_the_page_says_of_them():
    first = BY_NAME["On the lesion"]
    assert (first.dice, first.precision) == (Fraction(2, 3), 1)
    assert first.both / first.lesion == 0.5
    narrow, broad = BY_NAME["Too narrow"], BY_NAME["Too broad"]
    assert narrow.called < narrow.lesion and broad.called > broad.lesion
    assert abs(narrow.dice - broad.dice) < 0.01
    ranked = BY_NAME["Well ranked, badly cut"]
    assert ranked.precision == 1 and ranked.dice < 0.5
    miss = BY_NAME["A near miss"]
    assert (miss.both, miss.pointing) == (0, 1)
    assert BY_NAME["Two lesions, one found"].pointing == 1
    assert BY_NAME["Two equal maxima"].pointing == Fraction(1, 2)
    alike, blank = BY_NAME["Everywhere alike"], BY_NAME["No positive value"]
    assert alike.precision == blank.precision == Fraction(9, 64)
    assert alike.pointing == Fraction(21, 64)
    assert (blank.dice, blank.pointing) == (0, 0)
    assert BY_NAME["No lesion, highlighted"].dice == 0
    assert BY_NAME["No lesion, nothing highlighted"].dice is None


def test_precision_steps_add_up_to_the_average_precision():
    for case in CASES[:10]:
        steps = worked_overlap.precision_steps(
            work_out(case).picture, worked_overlap.lesion_cells(case)
        )
        assert sum(step[-1] for step in steps) == work_out(case).precision
        assert steps[-1][1:4] == (64, int(case.lesion.sum()), 1)


def test_number_grid_writes_each_number_and_frames_those_above():
    ax = number_grid([[1, -2], [200, 3]], "title", above=180)
    assert [text.get_text() for text in ax.texts] == ["1", "−2", "200", "3"]
    assert [text.get_fontweight() for text in ax.texts] == ["normal", "normal", "bold", "normal"]
    assert len(ax.get_lines()) == 4


def test_outline_runs_along_the_edges_of_the_region():
    ax = number_grid([[0, 0], [0, 0]], "")
    outline(ax, np.array([[True, False], [False, False]]), color="k", width=1)
    ends = {tuple(map(tuple, line.get_xydata())) for line in ax.get_lines()}
    low, high = -0.5, 0.5
    assert ends == {
        ((low, low), (high, low)),
        ((low, high), (high, high)),
        ((low, low), (low, high)),
        ((high, low), (high, high)),
    }


def test_case_picture_states_the_scores_with_dashes_where_undefined():
    ax = case_picture(CASES[-1], work_out(CASES[-1]), 12)
    assert ax.texts[0].get_text() == "Dice – · pointing – · AP –"
    ax = case_picture(CASES[0], work_out(CASES[0]), 1)
    assert ax.texts[0].get_text() == "Dice 0.67 · pointing 1.00 · AP 1.00"
    assert decimal(Fraction(1, 3)) == "0.33"

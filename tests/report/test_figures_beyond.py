import re

import fake_beyond as fake
import fake_tasks
import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgba
from matplotlib.container import BarContainer
from scipy.special import expit

from rin.errors import InputError
from rin.report.beyond_tables import case_counts, measure_table, score_shares
from rin.report.figures_beyond import (
    beyond_row,
    decision_panels,
    mean_roc_panels,
    measure_panels,
    precision_recall_panels,
    reliability_panels,
)
from rin.report.style import INIT_STYLE
from rin.stats.beyond import DIFFERENCE, beyond_area
from rin.stats.beyond_curves import beyond_curves

NAN = float("nan")
INITS = fake.INITS
LEVELS = {"sensitivity_at_90": "90 %", "sensitivity_at_95": "95 %"}


def lines(ax):
    return {line.get_label(): line for line in ax.get_lines()}


def titles(axes):
    return [ax.get_title(loc="left") for ax in axes]


def band(ax):
    (area,) = ax.collections
    return area.get_paths()[0].vertices


def sensitivities(**changed):
    measures = fake.measures(**changed)
    return measure_panels(measures, INITS, LEVELS, unit="Sensitivity", group="Specificity")


def every_panel(curves):
    return [
        *reliability_panels(curves, fake.shares(), INITS),
        *precision_recall_panels(curves, INITS, prevalence=0.3),
        *decision_panels(curves, INITS, threshold=0.3),
    ]


def test_mean_roc_panels_draw_the_curve_of_each_init_by_the_method_asked_for():
    rates = np.array([0.0, 0.5, 1.0])
    points = {"task": "breast", "position": rates, "fpr": rates, "fpr_sd": 0.1, "tpr_sd": 0.1}
    curves = pd.concat(
        pd.DataFrame(points).assign(init=init, method=method, tpr=rates**power)
        for init, power in zip(INITS, (1, 2), strict=True)
        for method, power in (("vertical", 3 * power), ("threshold", power))
    )
    axes = mean_roc_panels(curves, fake.areas(), INITS, "threshold")
    assert titles(axes) == ["Radiologic", "Photographic"]
    drawn = [lines(ax) for ax in axes]
    assert drawn[0]["Radiologic: area 0.770"].get_ydata().tolist() == [0, 0.5, 1]
    assert drawn[1]["Photographic: area 0.690"].get_ydata().tolist() == [0, 0.25, 1]
    assert [ax.get_title() for ax in axes] == ["", ""]
    assert [ax.texts[0].get_text() for ax in axes] == [
        "area 0.770\nmean of areas 0.800",
        "area 0.690\nmean of areas 0.700",
    ]


def test_every_init_has_a_panel_of_its_own_titled_in_its_colour():
    axes = every_panel(fake.curves())
    assert titles(axes) == 3 * ["Radiologic", "Photographic"]
    assert len({id(ax.figure) for ax in axes}) == 6
    colors = [to_rgba(ax._left_title.get_color()) for ax in axes[:2]]
    assert colors == [to_rgba(INIT_STYLE[init].color) for init in INITS]


def test_panels_draw_their_own_curve_thick_and_the_other_thin():
    for ax in every_panel(fake.curves()):
        drawn = lines(ax)
        own = "radiologic" if ax.get_title(loc="left") == "Radiologic" else "photographic"
        (other,) = set(INITS) - {own}
        assert drawn[own].get_linewidth() > drawn[other].get_linewidth()
        assert drawn[own] is ax.get_lines()[-1]
        assert drawn[own].get_color() == INIT_STYLE[own].color
        assert drawn[other].get_color() == INIT_STYLE[other].color


def test_reliability_panel_draws_points_intervals_and_the_diagonal():
    ax = reliability_panels(fake.curves(), fake.shares(), INITS)[0]
    drawn = lines(ax)
    assert drawn["radiologic"].get_xdata().tolist() == [0, 0.3, 0.6, 0.9]
    assert drawn["radiologic"].get_ydata().tolist() == pytest.approx([0.15, 0.25, 0.75, 0.85])
    assert drawn["_right"].get_xydata().tolist() == [[0, 0], [1, 1]]
    bars = [line.get_xydata() for line in ax.get_lines() if len(set(line.get_xdata())) == 1]
    assert [bar[:, 0].tolist() for bar in bars] == [[x, x] for x in (0, 0.3, 0.6, 0.9)]
    assert bars[1][:, 1].tolist() == pytest.approx([0.15, 0.35])


def test_reliability_panels_show_shares_of_cases_on_one_scale():
    axes = reliability_panels(fake.curves(), fake.shares(), INITS)
    strips = [ax.figure.axes[1] for ax in axes]
    heights = [[bar.get_height() for bar in strip.patches] for strip in strips]
    assert heights == [[0.75, 0.25], [0.25, 0.75]]
    assert strips[0].get_ylim() == strips[1].get_ylim()
    assert all(isinstance(strip.containers[0], BarContainer) for strip in strips)
    assert [(bar.get_x(), bar.get_width()) for bar in strips[0].patches] == [(0, 0.5), (0.5, 0.5)]
    assert strips[0].yaxis.get_major_formatter()(0.25) == "25 %"


def test_precision_recall_panel_has_a_band_and_the_prevalence_but_no_point_at_recall_0():
    ax = precision_recall_panels(fake.curves(), INITS, prevalence=0.37)[1]
    assert lines(ax)["photographic"].get_xdata().tolist() == [0.3, 0.6, 0.9]
    assert lines(ax)["photographic"].get_ydata().tolist() == [0.9, 0.7, 0.5]
    assert sorted({round(y, 6) for x, y in band(ax) if x == 0.6}) == [0.6, 0.8]
    assert ax.texts[0].get_text() == "all called positive: 0.37"
    assert ax.get_lines()[0].get_ydata()[0] == 0.37


def test_decision_panel_draws_both_easy_rules_the_threshold_and_the_band():
    ax = decision_panels(fake.curves(), INITS, threshold=0.3)[0]
    upright, none, everyone = ax.get_lines()[:3]
    assert set(upright.get_xdata()) == {0.3}
    assert set(none.get_ydata()) == {0}
    assert everyone.get_ydata().tolist() == [0.4, 0.2, -0.5, -5.0]
    assert sorted({round(y, 6) for x, y in band(ax) if x == 0.3}) == [0.25, 0.45]
    assert [text.get_text() for text in ax.texts] == ["treat none", "treat all "]
    assert ax.texts[1].xy == (0.3, 0.2)  # the last point that stands in the panel


def test_decision_panels_share_limits_that_hold_every_band_above():
    axes = decision_panels(fake.curves(), INITS, threshold=0.3)
    assert axes[0].get_ylim() == axes[1].get_ylim()
    low, high = axes[0].get_ylim()
    assert high == pytest.approx(1.1 * 0.55)
    assert low == -high


def test_decision_panels_without_intervals_hold_the_curves():
    curves = fake.curves().assign(low=NAN, high=NAN)
    assert decision_panels(curves, INITS, threshold=0.3)[0].get_ylim()[1] >= 0.45


def test_sensitivities_stand_beside_their_differences():
    values, differences = sensitivities()
    assert titles([values, differences]) == ["Sensitivity", "Difference"]
    dots = [line for line in values.get_lines() if line.get_marker() == "o"]
    assert [line.get_xdata()[0] for line in dots] == [0.5, 0.4, 0.5, 0.4]
    assert [line.get_ydata()[0] for line in dots] == pytest.approx([-0.16, 0.16, 0.84, 1.16])
    colors = [to_rgba(INIT_STYLE[init].color) for init in INITS]
    assert [to_rgba(line.get_color()) for line in dots] == 2 * colors
    assert [t.get_text() for t in values.get_yticklabels()] == ["90 %", "95 %"]
    spans = [line.get_xdata() for line in differences.get_lines() if len(line.get_xdata()) == 2]
    assert [list(span) for span in spans[:2]] == [[0.05, 0.15], [0.05, 0.15]]


def test_sensitivity_legends_name_inits_and_what_is_subtracted():
    texts = [[t.get_text() for t in ax.figure.legends[0].get_texts()] for ax in sensitivities()]
    assert texts == [["Radiologic", "Photographic"], ["Radiologic − Photographic"]]


def test_sensitivity_without_interval_keeps_its_dot():
    ax = sensitivities(sensitivity_at_90={DIFFERENCE: (0.2, NAN, NAN)})[1]
    dots = [line.get_xdata()[0] for line in ax.get_lines() if line.get_marker() == "o"]
    assert dots == [0.2, 0.1]


def test_panels_without_a_single_interval_are_drawn():
    for ax in every_panel(fake.curves().assign(low=NAN, high=NAN)):
        ax.figure.canvas.draw()


def test_panels_of_an_init_without_curves_raise():
    with pytest.raises(InputError, match="photographic, radiologic"):
        precision_recall_panels(fake.curves(), ("radiologic", "random"), prevalence=0.3)


def test_a_dozen_cases_give_every_figure_and_a_full_table():
    rows = fake_tasks.scored("breast", n=6)
    rows = rows[rows["scenario"].isin(fake_tasks.SCENARIOS[:2])]
    rows["score"] = expit(rows["score"])
    counts = case_counts(rows, INITS)
    settings = {"replicates": 60, "bins": counts.bins}
    measures = beyond_area(rows, INITS, **settings)
    curves = beyond_curves(rows, INITS, **settings)
    axes = [
        *reliability_panels(curves, score_shares(rows, INITS), INITS),
        *precision_recall_panels(curves, INITS, prevalence=counts.prevalence),
        *decision_panels(curves, INITS, threshold=counts.prevalence),
        *measure_panels(measures, INITS, LEVELS, unit="Sensitivity", group="Specificity"),
    ]
    for ax in axes:
        ax.figure.canvas.draw()
    assert counts.n == 12
    assert not measure_table(measures, INITS).isna().any(axis=None)
    net = measures[(measures["measure"] == "net_benefit")].set_index("init")["estimate"]
    drawn = lines(axes[4])["radiologic"].get_xydata()
    assert net["radiologic"] == pytest.approx(drawn[drawn[:, 0] == 0.5][0, 1])


def row(images):
    axes = sensitivities()
    return beyond_row(axes, images, title="A title", alt="What it shows", reading="It reads.").data


def test_row_has_a_picture_a_panel_and_the_caution_of_stand_ins_before_its_reading():
    html = row(fake.STAND_IN)
    assert re.findall(r'alt="(.*?)"', html) == [
        "What it shows: Sensitivity",
        "What it shows: Difference",
    ]
    assert "Stand-ins, not a finding. It reads." in html
    assert "stand-in: 12" in html


def test_row_of_real_images_has_no_caution():
    assert "finding" not in row(fake.REAL)

import matplotlib as mpl
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.report.coverage_tables import design_effect_rows
from rin.report.figures_coverage import METHOD_STYLE, coverage_curves, width_curves
from rin.stats.coverage import METHODS


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


@pytest.fixture
def table():
    rows = [
        {
            "correlation": correlation,
            "method": method,
            "measure": measure,
            "coverage": 0.95 - loss * correlation,
            "low": 0.93 - loss * correlation,
            "high": 0.97 - loss * correlation,
            "mean_width": 0.08 + (0.3 - loss) * correlation,
            "design_effect": effect,
        }
        for correlation in (0.0, 0.5)
        for method, loss, effect in (("naive", 0.3, 1.0), ("clustered", 0.0, 1 + 3 * correlation))
        for measure in ("auc", "difference")
    ]
    return pd.DataFrame(rows)


def lines_of(ax):
    return {line.get_label(): line for line in ax.get_lines() if line.get_label()[0] != "_"}


def test_every_simulated_method_has_a_look_of_its_own():
    assert set(METHOD_STYLE) == set(METHODS)
    looks = {(style.color, style.marker, style.linestyle) for style in METHOD_STYLE.values()}
    assert len({style.color for style in METHOD_STYLE.values()}) == len(looks) == len(METHODS)


def test_coverage_curve_shows_each_method_its_band_and_the_level(table):
    ax = coverage_curves(table[table["measure"] == "auc"], "correlation", "correlation")
    lines = lines_of(ax)
    assert list(lines) == [METHOD_STYLE[name].label for name in ("naive", "clustered")]
    np.testing.assert_allclose(
        lines[METHOD_STYLE["naive"].label].get_xydata(), [[0, 0.95], [0.5, 0.8]]
    )
    band = ax.collections[0].get_paths()[0].vertices
    assert (band[:, 1].min(), band[:, 1].max()) == (pytest.approx(0.78), pytest.approx(0.97))
    assert any((np.array(line.get_ydata()) == 0.95).all() for line in ax.get_lines())
    assert ax.get_ylim() == (pytest.approx(0.75), 1)
    assert [text.get_text() for text in ax.texts] == ["aim:\n95%"]


def test_level_and_lowest_can_be_set(table):
    ax = coverage_curves(
        table[table["measure"] == "auc"], "correlation", "x", level=0.9, lowest=0.5
    )
    assert ax.get_ylim() == (0.5, 1)
    assert ax.texts[0].get_text() == "aim:\n90%"


def test_width_curve_is_in_points_and_starts_at_zero(table):
    ax = width_curves(table[table["measure"] == "auc"], "correlation", "correlation")
    np.testing.assert_allclose(lines_of(ax)[METHOD_STYLE["clustered"].label].get_ydata(), [8, 23])
    assert ax.get_ylim()[0] == 0


def test_numbers_of_patients_stand_on_a_logarithmic_axis_at_their_values(table):
    rows = table[table["measure"] == "auc"].assign(patients=[10, 10, 100, 100])
    ax = coverage_curves(rows, "patients", "patients")
    assert ax.get_xscale() == "log"
    assert list(ax.get_xticks()) == [10, 100]


def test_axes_given_are_drawn_on(table):
    ax = plt.subplots()[1]
    assert width_curves(table[table["measure"] == "auc"], "correlation", "x", ax=ax) is ax
    assert isinstance(ax, mpl.axes.Axes)


@pytest.mark.parametrize("draw", [coverage_curves, width_curves])
def test_mixed_measures_and_unknown_methods_are_errors(table, draw):
    with pytest.raises(InputError, match="measures"):
        draw(table, "correlation", "correlation")
    one = table[table["measure"] == "auc"].replace({"method": {"naive": "guess"}})
    with pytest.raises(InputError, match="unknown method 'guess'"):
        draw(one, "correlation", "correlation")


def test_design_effects_say_how_many_images_count(table):
    rows = design_effect_rows(table, 500)
    assert rows["correlation"].tolist() == ["0.0", "0.5"]
    for word in ("area", "difference"):
        assert rows[word].tolist() == ["1.0 (500)", "2.5 (200)"]


def test_unknown_design_effect_is_a_dash(table):
    rows = design_effect_rows(table.assign(design_effect=np.nan), 500)
    assert set(rows["area"]) == set(rows["difference"]) == {"–"}


@pytest.mark.parametrize("lacks", [{"method": "clustered"}, {"measure": "difference"}])
def test_rows_without_clustered_intervals_are_an_error(table, lacks):
    ((column, value),) = lacks.items()
    with pytest.raises(InputError, match="clustered intervals of 2 correlations"):
        design_effect_rows(table[table[column] != value], 500)

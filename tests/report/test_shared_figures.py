"""Figures and tables that several pages share: slopes, heat maps, measures, calibration."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from rin.errors import InputError
from rin.evidence.paper import COMPARISONS
from rin.report.format import measure_table
from rin.report.headline import headline, three_bands
from rin.report.heat import heat
from rin.report.lines import calibration, slopes
from rin.report.style import init_style
from rin.stats import pretraining_differences
from rin.study import open_reference

INITS = ("radiologic", "photographic")
AUCS = pd.DataFrame(
    [
        ("A", "one", "freeze_all", "radiologic", 0.9),
        ("A", "one", "freeze_all", "photographic", 0.6),
        ("A", "two", "unfreeze_all", "radiologic", 0.7),
        ("A", "two", "unfreeze_all", "photographic", 0.8),
        ("B", "one", "freeze_all", "radiologic", 0.5),
        ("B", "one", "freeze_all", "photographic", 0.4),
    ],
    columns=["task", "scenario", "unfreezing", "init", "auc"],
)


@pytest.fixture(autouse=True)
def closed():
    yield
    plt.close("all")


def test_slopes_go_from_the_second_init_to_the_first_a_line_a_scenario():
    first, second = slopes(AUCS, INITS, "task").flat
    drawn = [line.get_xydata().tolist() for line in first.lines if len(line.get_xdata()) == 2]
    assert [[0, 0.6], [1, 0.9]] in drawn
    assert [[0, 0.8], [1, 0.7]] in drawn
    assert [label.get_text() for label in second.get_xticklabels()] == [
        "photographic",
        "radiologic",
    ]


@pytest.mark.parametrize("rows", [AUCS.iloc[:-1], pd.concat([AUCS, AUCS.iloc[:1]])])
def test_slopes_refuse_scenarios_that_are_not_one_auc_from_either_init(rows):
    with pytest.raises(InputError, match="exactly one AUC"):
        slopes(rows, INITS, "task")


def test_heat_map_shows_signed_numbers_stars_and_the_colour_of_the_init_ahead():
    table = pd.DataFrame({"one": [0.2, -0.2], "two": [np.nan, 0.0004]}, index=["x", "y"])
    clear = pd.DataFrame({"one": [True, False], "two": [False, False]}, index=["x", "y"])
    ax = heat(table, INITS, clear=clear)
    shown = [text.get_text() for text in ax.texts if text.get_text()]
    assert shown == ["+20.0*", "−20.0", "0.0"]
    colors = ax.collections[0].get_facecolors()[:, :3]
    blue, orange = (plt.matplotlib.colors.to_rgb(init_style(init).color) for init in INITS)
    np.testing.assert_allclose(colors[0], blue, atol=0.01)
    np.testing.assert_allclose(colors[-2], orange, atol=0.01)


@pytest.mark.parametrize(
    ("longest", "angle"), [("Intracranial haemorrhage", 0), ("ResNet50V2Large", 25)]
)
def test_heat_map_tilts_names_of_columns_only_where_a_word_is_wider_than_a_column(longest, angle):
    table = pd.DataFrame(np.eye(3), columns=["one", "two", longest])
    labels = heat(table, INITS).get_xticklabels()
    assert {label.get_rotation() for label in labels} == {angle}
    assert [label.get_text().replace("\n", " ") for label in labels] == [*table]


def test_table_of_measures_has_a_row_a_measure_with_the_difference_and_both_values():
    rows = [
        (init, measure, estimate, estimate - 0.1, estimate + 0.1)
        for init, estimate in zip((*INITS, "difference"), (0.3, 0.2, 0.1), strict=True)
        for measure in ("brier", "ece", "calibration_slope")
    ]
    columns = ["init", "measure", "estimate", "ci_low", "ci_high"]
    table = measure_table(pd.DataFrame(rows, columns=columns), INITS)
    difference = "Radiologic − Photographic (95% CI)"
    assert list(table) == ["Measure (0–1)", difference, "Radiologic", "Photographic"]
    assert table.iloc[:, 0].tolist() == [
        "Calibration error (0 is best)",
        "Brier score (0 is best)",
    ]
    assert table.iloc[0, 1:].tolist() == ["+0.100 (0.000, 0.200)", "0.300", "0.200"]


def test_measures_without_networks_that_diverged_are_columns_beside_those_of_all():
    columns = ["networks", "init", "measure", "estimate", "ci_low", "ci_high"]
    measures = pd.DataFrame(
        [
            (networks, init, "brier", x, x - 0.1, x + 0.1)
            for networks, x in (("all", 0.3), ("converged", 0.2))
            for init in (*INITS, "difference")
        ],
        columns=columns,
    )
    table = measure_table(measures, INITS)
    assert list(table)[4:] == [
        "Radiologic − Photographic, without diverged (95% CI)",
        "Radiologic, without diverged",
        "Photographic, without diverged",
    ]
    assert table.iloc[0, 1:4].tolist() == ["+0.300 (0.200, 0.400)", "0.300", "0.300"]
    assert table.iloc[0, 4:].tolist() == ["+0.200 (0.100, 0.300)", "0.200", "0.200"]


def test_calibration_draws_the_reliability_alone():
    curves = pd.DataFrame(
        {
            "curve": ["reliability"] * 4 + ["decision"],
            "init": ["radiologic", "radiologic", "photographic", "photographic", "radiologic"],
            "x": [0.1, 0.9, 0.2, 0.8, 0.5],
            "estimate": [0.2, 0.8, 0.1, 0.9, -3.0],
            "test": "internal",
        }
    )
    (ax,) = calibration(curves, INITS, "test").flat
    lines = [line.get_xydata().tolist() for line in ax.lines]
    assert [[0.1, 0.2], [0.9, 0.8]] in lines
    assert not any(-3.0 in np.ravel(line) for line in lines)


@pytest.fixture(scope="module")
def runs():
    return open_reference("open")


@pytest.fixture(scope="module")
def bands(runs):
    return three_bands(runs)


def test_headline_says_which_pretraining_is_higher_on_either_side(bands):
    ax = headline(bands)
    ends = [text for text in ax.texts if text.get_gid() == "end"]
    shown = [text.get_text() for text in sorted(ends, key=lambda text: text.xy[0])]
    assert shown == ["← photographs higher", "radiologic higher →"]


def test_every_letter_of_the_headline_has_twelve_pixels_on_the_cover(bands):
    """A page's text is 688 pixels wide in a window of 1280, and the figure as wide as that."""
    figure = headline(bands).figure
    figure.canvas.draw()
    sizes = [text.get_fontsize() for text in figure.findobj(Text) if text.get_text()]
    assert len(sizes) > 40
    assert min(sizes) * 688 / (72 * figure.get_figwidth()) >= 12


def test_bands_of_the_headline_hold_the_paper_others_and_both_intervals_of_the_run(runs, bands):
    paper, others, own = (rows for _, rows in bands.groupby("group", sort=False))
    assert paper["label"].tolist()[:2] == ["Thyroid nodules", "Breast lesions"]
    assert paper["estimate"].tolist()[0] == COMPARISONS["thyroid"].estimate
    assert others["label"].tolist() == [
        "One group, paper's questions (4)",
        "One group, all questions (7)",
        "Bone tumours on radiographs",
        "Lumbar discs, frozen",
        "Tibial plateau fracture",
        "Malignancy on mammograms",
        "Malignancy on mammograms, frozen",
    ]
    assert others["estimate"].tolist()[2:] == pytest.approx([6.9, 0.96, 1.5, -2.7, -4.54])
    units = pretraining_differences(runs.predictions(), *runs.inits).set_index("task")
    breast = own[own["label"] == "Breast lesions"]
    assert breast["kind"].tolist() == ["networks", "pretrainings"]
    assert breast["estimate"].iloc[1] == pytest.approx(100 * units.loc["breast", "estimate"])
    assert own["label"].nunique() == len(runs.tasks)
    assert len(own) == 2 * len(runs.tasks)

"""Tables, sentences and figures of localisation, from random maps."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from fake_localisation import maps_of, marked
from fake_tasks import INITS
from matplotlib.colors import to_rgba

from rin.explain.overlap import baseline_scores, baseline_table, dice_table, mean_curves
from rin.report import (
    localisation,
    localisation_choices,
    localisation_readings,
    localisation_tables,
)
from rin.report.figures_overlap import measure_bars, threshold_curves
from rin.report.localisation_tests import BESIDE, against_baselines
from rin.report.style import INIT_STYLE


@pytest.fixture(scope="module")
def task():
    return marked("breast")


@pytest.fixture(scope="module")
def recorded(task):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(localisation, "cam_arrays", lambda study, one: maps_of(one))
        study = SimpleNamespace(profile=SimpleNamespace(inits=[*INITS, "random"]))
        return localisation.recorded_maps(study, task)


@pytest.fixture(scope="module")
def found(recorded, task):
    return localisation.localise(recorded, task)


def test_recorded_maps_are_those_of_the_two_inits_and_sizes_those_of_other_patients(recorded):
    assert {rows["init"].iloc[0] for rows, _ in recorded.runs} == set(INITS)
    assert recorded.sizes.tolist() == [[12, 12]] * 12


def test_baselines_are_those_of_the_tested_images_and_of_other_patients_sizes(found, recorded):
    tested = [0, 2, 4, 6, 8, 10]
    sizes = recorded.sizes[tested]
    scores = baseline_scores(recorded.masks[tested], sizes, tolerance=found.overlap.tolerance)
    pd.testing.assert_frame_equal(found.baseline_means, baseline_table(scores))
    scores = scores.assign(case_id=[f"c{tested[k]}" for k in scores["image"]])
    expected = against_baselines(found.overlap.table, scores, INITS, list(BESIDE))
    pd.testing.assert_frame_equal(found.against, expected)


def test_measures_table_states_means_and_the_patients_difference(found):
    table = localisation_tables.measures_table(found).set_index("Measure")
    mean = found.means.set_index(["measure", "init"]).loc[("pointing", "radiologic"), "mean"]
    assert table.loc["Pointing game", "Radiologic"].startswith(f"{mean:.3f} ± ")
    test = found.tested("average_precision")
    cell = table.loc["Pixel average precision", "Radiologic − Photographic (95% CI)"]
    assert cell.endswith(f"{abs(test['ci_high']):.3f})")
    upper = table.loc["Dice, own best threshold (upper bound)"]
    assert upper["P"] == upper["Radiologic − Photographic (95% CI)"] == "–"


def test_baselines_table_has_dashes_for_what_a_point_is_not_scored_by(found):
    table = localisation_tables.baselines_table(found).set_index("Picture")
    assert table.loc["centre point", ["Dice", "Pixel precision"]].tolist() == ["–", "–"]
    share = 144 / 1024
    assert table.loc["whole image", "Pixel precision"] == f"{share:.3f}"


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0.01, 0.2, "above"),
        (-0.2, -0.01, "below"),
        (-0.1, 0.1, "not told apart"),
        (0.0, 0.1, "not told apart"),
        (-0.1, 0.0, "not told apart"),
        (np.nan, np.nan, "not tested"),
    ],
)
def test_verdict_needs_the_whole_interval_on_one_side(low, high, expected):
    assert localisation_tables.verdict(low, high) == expected


def test_against_table_names_the_baseline_and_says_on_which_side_each_start_is(found):
    rows = found.against.assign(ci_low=0.1, ci_high=0.2, estimate=0.15)
    rows.loc[1, ["ci_low", "ci_high", "estimate"]] = [-0.2, -0.1, -0.15]
    table = localisation_tables.against_table(replace(found, against=rows))
    assert table["Measure"].tolist()[0] == "Dice at 180"
    assert len(table) == 4
    assert table.loc[0, "Radiologic − baseline (95% CI)"] == "+0.150 (0.100, 0.200), above"
    assert table.loc[0, "Photographic − baseline (95% CI)"] == "−0.150 (−0.200, −0.100), below"
    assert table["Best baseline"].str.match(r"(whole|centred|centre) \w+: 0\.\d{3}").all()


def test_tests_table_marks_the_published_and_the_recommended_analysis(found):
    table = localisation_tables.tests_table(found, ["dice"])
    assert len(table) == 5
    assert table.loc[0, "Test"] == "paired t (published)"
    assert table.loc[3, "Test"] == "clustered t (recommended)"
    assert table.loc[3, "Units"] == "6 images in 3 patients"
    assert table.loc[0, "Units"] == "6 images"
    assert table["Difference (95% CI)"].str.endswith("(median)").tolist() == [
        False, True, False, False, True,
    ]  # fmt: skip
    assert (table["P, Shapiro"] == "–").tolist() == [False, True, False, True, True]


def test_tests_table_says_why_a_test_is_missing(found):
    rows = found.tests.assign(remark="fewer than two patients", estimate=np.nan, ci_low=np.nan)
    table = localisation_tables.tests_table(replace(found, tests=rows), ["dice"])
    assert set(table["Difference (95% CI)"]) == {"fewer than two patients"}


def test_empties_table_sets_images_without_a_lesion_beside_the_others(found):
    table = localisation_tables.empties_table(found)
    assert table["Images"].tolist() == ["6 without a lesion"] * 2 + ["6 with"] * 2
    own = found.overlap.empty[found.overlap.empty["init"] == "radiologic"]
    assert (
        table.loc[0, "Share of the image highlighted"] == f"{100 * own['cam_share'].mean():.0f} %"
    )
    assert table.loc[0, "Maps that highlight anything"] == "100 %"


def test_tests_table_names_the_measure_where_there_are_several(found):
    several = localisation_tables.tests_table(found, ["dice", "pointing"])
    assert several["Measure"].unique().tolist() == ["Dice at 180", "Pointing game"]
    assert "Measure" not in localisation_tables.tests_table(found, ["dice"])


def test_every_reading_with_numbers_of_stand_ins_says_that_it_is_no_finding(found, recorded):
    choices = localisation_choices.map_choices(recorded)
    texts = [
        found.reading,
        localisation_readings.threshold_reading(found),
        localisation_readings.chance_reading(found),
        localisation_readings.empties_reading(found),
        localisation_readings.tests_reading(found),
        localisation_readings.baselines_reading([found]),
        localisation_choices.choices_reading(choices, found.images),
    ]
    assert all(text.startswith("Stand-ins, not a finding. ") for text in texts)
    assert not any("nan" in text for text in texts)


def test_against_reading_says_when_a_start_scores_below_the_baseline(found):
    rows = found.against.assign(
        baseline="centred ellipse", estimate=-0.05, ci_low=-0.1, ci_high=[-0.01, 0.1] * 4
    )
    text = localisation_readings.against_reading(replace(found, against=rows), "dice")
    assert text == (
        "Radiologic scores below the centred ellipse: −0.050 (−0.100, −0.010). Photographic scores "
        "below the centred ellipse: −0.050 (−0.100, 0.100), an interval that includes zero."
    )
    high = rows.assign(estimate=0.05, ci_low=0.01, ci_high=0.1)
    text = localisation_readings.against_reading(replace(found, against=high), "dice")
    assert "Radiologic scores above the centred ellipse: +0.050 (0.010, 0.100)." in text
    none = rows.assign(estimate=np.nan)
    text = localisation_readings.against_reading(replace(found, against=none), "dice")
    assert "Radiologic cannot be tested against the centred ellipse." in text


def test_threshold_reading_counts_thresholds_above_the_better_baseline(found):
    low = replace(found, baseline_means=found.baseline_means.assign(dice=-1.0))
    assert "at 256 of 256 thresholds" in localisation_readings.threshold_reading(low)
    high = replace(found, baseline_means=found.baseline_means.assign(dice=2.0))
    assert "at no threshold" in localisation_readings.threshold_reading(high)
    one_high = replace(found, baseline_means=found.baseline_means.assign(dice=[-1.0, 2.0, np.nan]))
    assert "at no threshold" in localisation_readings.threshold_reading(one_high)
    assert "The better baseline, whole image, reaches 2.000." in one_high.reading


def test_empties_reading_of_a_task_whose_images_all_have_a_lesion_says_so(found):
    none = replace(found, overlap=replace(found.overlap, empty=found.overlap.empty.iloc[:0]))
    assert "Every tested image" in localisation_readings.empties_reading(none)


def test_tests_reading_counts_low_p_values_and_reads_shapiro(found):
    rows = found.tests.assign(p_value=[0.01, 0.2, np.nan, 0.04, 0.03] * 4, shapiro_p=0.01)
    text = localisation_readings.tests_reading(replace(found, tests=rows))
    assert "3 of 4 analyses have P < .05" in text
    assert "are not normal" in text
    calm = localisation_readings.tests_reading(replace(found, tests=rows.assign(shapiro_p=0.5)))
    assert "no evidence against normality" in calm
    none = localisation_readings.tests_reading(replace(found, tests=rows.assign(shapiro_p=np.nan)))
    assert "cannot be computed" in none


def test_baselines_reading_counts_comparisons_by_side(found):
    rows = found.against.assign(
        ci_low=[1, 1, 1, -2, -2, -1, np.nan, np.nan], ci_high=[2, 2, 2, -1, -1, 1, np.nan, np.nan]
    )
    text = localisation_readings.baselines_reading([replace(found, against=rows)])
    assert "Of 8 comparisons" in text
    assert "above it in 3 and below it in 2; 1 intervals include zero" in text
    assert "2 could not be computed" in text
    assert "no task" in localisation_readings.baselines_reading([])


def test_map_choices_score_each_choice_by_its_own_maps(recorded):
    choices = localisation_choices.map_choices(recorded)
    assert len(choices) == 3 * 2 * 2
    wide = choices.set_index(["target", "of", "init"])["mean"]
    table = dice_table(recorded.runs, recorded.case_ids, recorded.masks, target="label",
                       of="probability")  # fmt: skip
    own = table[table["init"] == "radiologic"]
    expected = own.groupby("scenario")["dice"].mean().mean()
    assert wide["label", "probability", "radiologic"] == pytest.approx(expected)
    assert (choices["blank"] == 0).all()


def test_choices_table_and_reading_state_the_span_of_the_means():
    choices = pd.DataFrame(
        [
            ("predicted", "logit", "radiologic", 0.3, 0.1, 0.0),
            ("predicted", "logit", "photographic", 0.2, 0.1, 0.5),
            ("label", "logit", "radiologic", 0.1, 0.1, 0.0),
            ("label", "logit", "photographic", 0.4, 0.1, 0.0),
            ("positive", "logit", "radiologic", 0.3, 0.1, 0.0),
            ("positive", "logit", "photographic", 0.2, 0.1, 0.0),
        ],
        columns=["target", "of", "init", "mean", "sd", "blank"],
    )
    table = localisation_choices.choices_table(choices)
    assert table["Map of"].tolist() == [
        "the class that the network calls, logit",
        "the true class, logit",
        "the positive class, logit",
    ]
    assert table["Dice, Radiologic"].tolist()[:2] == ["0.300 ± 0.100", "0.100 ± 0.100"]
    assert table["Maps without a positive value"].tolist() == ["25 %", "0 %", "0 %"]
    real = SimpleNamespace(caution="")
    text = localisation_choices.choices_reading(choices, real)
    assert "radiologic from 0.100 to 0.300, photographic from 0.200 to 0.400" in text
    assert "larger mean by 2 of 3 choices" in text


def test_threshold_curves_draw_a_curve_per_init_the_baselines_and_the_threshold(found):
    curves = mean_curves(found.overlap)
    ax = threshold_curves(curves, found.baselines, INITS, threshold=180)
    drawn = {line.get_label(): line for line in ax.get_lines()}
    for init in INITS:
        line = drawn[INIT_STYLE[init].short]
        assert line.get_color() == INIT_STYLE[init].color
        expected = curves[curves["init"] == init]["mean"]
        np.testing.assert_allclose(line.get_ydata(), expected)
    (band, _) = ax.collections
    rows = curves[curves["init"] == INITS[0]]
    heights = band.get_paths()[0].vertices[:, 1]
    assert heights.min() == pytest.approx((rows["mean"] - rows["sd"]).min())
    assert heights.max() == pytest.approx((rows["mean"] + rows["sd"]).max())
    assert any(label.startswith("centred ellipse: 0.") for label in drawn)
    assert any(label.startswith("whole image: 0.") for label in drawn)
    assert any(np.array_equal(line.get_xdata(), [180, 180]) for line in ax.get_lines())


def test_measure_bars_have_the_means_and_the_lines_of_the_baselines(found):
    ax = measure_bars(found.means, found.baseline_means, INITS, measure="pointing",
                      label="Share of images hit", chance="whole image")  # fmt: skip
    rows = found.means[found.means["measure"] == "pointing"].set_index("init").loc[list(INITS)]
    assert [bar.get_height() for bar in ax.patches] == pytest.approx(rows["mean"].tolist())
    assert ax.patches[0].get_facecolor() == to_rgba(INIT_STYLE["radiologic"].color)
    lines = sorted(line.get_ydata()[0] for line in ax.get_lines() if len(line.get_ydata()) == 2)
    assert set(found.baseline_means["pointing"]) <= set(lines)
    names = [text.get_text().split("\n0")[0] for text in ax.texts]
    assert sorted(names) == ["centre\npoint", "centred\nellipse", "chance"]


def test_measure_bars_keep_names_of_close_lines_apart(found):
    close = pd.DataFrame(
        {"baseline": ["whole image", "centred ellipse", "centre point"],
         "dice": [0.90, 0.901, 0.902]}
    )  # fmt: skip
    ax = measure_bars(found.means, close, INITS, measure="dice", label="Dice")
    heights = sorted(text.xy[1] for text in ax.texts)
    assert min(np.diff(heights)) > 0.1 * ax.get_ylim()[1]
    assert heights[-1] <= ax.get_ylim()[1]
    assert heights[0] > 0.6  # near the lines that they name


def test_measure_bars_of_an_undefined_measure_stay_within_their_axis(found):
    means = found.means.assign(mean=np.nan, sd=np.nan)
    ax = measure_bars(means, found.baselines, INITS, measure="dice", label="Dice")
    assert np.isfinite(ax.get_ylim()).all()
    assert [text.get_text() for text in ax.get_xticklabels()] == [
        "Radiologic\n–",
        "Photographic\n–",
    ]


def test_two_images_of_one_patient_and_maps_of_four_cells_make_every_table(recorded, task):
    """As the smallest profile has them: what cannot be said is a dash or a remark."""
    runs = [(rows.iloc[:3], maps[:3, :2, :2]) for rows, maps in recorded.runs]
    small = localisation.localise(replace(recorded, runs=runs), task)
    assert small.map_sides == (2, 2)
    assert small.test.n == 2
    table = localisation_tables.measures_table(small).set_index("Measure")
    fitted = table.loc["Dice, threshold from other patients"]
    assert set(fitted) == {"–"}
    assert "cannot be tested (fewer than two patients)" in small.reading
    against = localisation_tables.against_table(small)
    assert set(against["Radiologic − baseline (95% CI)"]) == {"–, not tested"}
    remarks = small.tests.set_index(["measure", "analysis"])["remark"]
    assert remarks["dice", "patient_t"] == "fewer than two patients"
    assert remarks["dice_best", "image_t"] == "the measure is undefined for an image"
    assert localisation_tables.tests_table(small, ["dice", "dice_best"]).notna().all(axis=None)
    text = localisation_readings.threshold_reading(small)
    assert "undefined at a threshold chosen on other patients" in text
    for reading in (
        localisation_readings.chance_reading,
        localisation_readings.empties_reading,
        localisation_readings.tests_reading,
    ):
        assert "nan" not in reading(small)

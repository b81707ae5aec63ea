import numpy as np
import pandas as pd
import pytest
from scipy import stats

from rin.errors import InputError
from rin.report import localisation_tests
from rin.report.localisation_tests import against_baselines, overlap_tests, paired_means
from rin.stats.clustered_means import clustered_t, wilcoxon

INITS = ("radiologic", "photographic")


@pytest.fixture
def dice_rows():
    """Three scenarios of six images; patients have three, two and one image."""
    rng = np.random.default_rng(7)
    patients = ["p0", "p0", "p0", "p1", "p1", "p2"]
    rows = [
        ("breast", scenario, patients[case], f"c{case}", init, rng.random())
        for scenario in ("s1", "s2", "s3")
        for case in range(6)
        for init in INITS
    ]
    return pd.DataFrame(rows, columns=["task", "scenario", "patient_id", "case_id", "init", "dice"])


@pytest.mark.parametrize(("unit", "n"), [("case_id", 6), ("patient_id", 3), ("scenario", 3)])
def test_dice_comparison_equals_scipy_on_means_of_units(dice_rows, unit, n):
    result = localisation_tests.dice_comparison(dice_rows, *INITS, unit=unit)
    a, b = (dice_rows[dice_rows["init"] == i].groupby(unit)["dice"].mean() for i in INITS)
    assert result.n == n
    assert result.p_value == pytest.approx(stats.ttest_rel(a, b).pvalue)
    assert result.shapiro_p == pytest.approx(stats.shapiro(a - b).pvalue)


def test_dice_comparison_when_a_run_is_missing_raises(dice_rows):
    with pytest.raises(InputError, match="1 case"):
        localisation_tests.dice_comparison(dice_rows.iloc[1:], *INITS)


def test_dice_comparison_of_unknown_init_or_unit_lists_known(dice_rows):
    with pytest.raises(InputError, match="photographic"):
        localisation_tests.dice_comparison(dice_rows, "radiologic", "random")
    with pytest.raises(InputError, match="patient_id"):
        localisation_tests.dice_comparison(dice_rows, *INITS, unit="image")


def test_dice_comparison_takes_the_measure_that_is_named(dice_rows):
    table = dice_rows.assign(pointing=dice_rows["dice"] ** 2)
    result = localisation_tests.dice_comparison(table, *INITS, measure="pointing")
    a, b = (table[table["init"] == i].groupby("case_id")["pointing"].mean() for i in INITS)
    assert result.mean_difference == pytest.approx((a - b).mean())


def test_paired_means_average_repeats_of_a_scenario_before_scenarios(dice_rows):
    again = dice_rows[dice_rows["scenario"] == "s1"].assign(dice=0.0)
    means = paired_means(pd.concat([dice_rows, again]), *INITS, ["case_id"])
    wide = dice_rows.pivot(index=["case_id", "init"], columns="scenario", values="dice")
    expected = (wide["s1"] / 2 + wide["s2"] + wide["s3"]) / 3
    assert means.loc["c2", "radiologic"] == pytest.approx(expected["c2", "radiologic"])


def images_of(rows, measure="dice"):
    wide = rows.groupby(["patient_id", "case_id", "init"])[measure].mean().unstack("init")
    return wide[list(INITS)]


def test_overlap_tests_equal_each_test_on_the_means_of_its_units(dice_rows):
    found = overlap_tests(dice_rows, *INITS, ["dice"]).set_index("analysis")
    images = images_of(dice_rows)
    patients = images.groupby(level="patient_id").mean()
    scenarios = dice_rows.groupby(["scenario", "init"])["dice"].mean().unstack("init")
    for key, units in (("image_t", images), ("scenario_t", scenarios)):
        a, b = units["radiologic"], units["photographic"]
        assert found.loc[key, "p_value"] == pytest.approx(stats.ttest_rel(a, b).pvalue)
        assert found.loc[key, "shapiro_p"] == pytest.approx(stats.shapiro(a - b).pvalue)
        ends = stats.ttest_rel(a, b).confidence_interval()
        assert found.loc[key, ["ci_low", "ci_high"]].tolist() == pytest.approx(list(ends))
        assert found.loc[key, "estimate"] == pytest.approx((a - b).mean())
    for key, units in (("image_wilcoxon", images), ("patient_wilcoxon", patients)):
        a, b = units["radiologic"], units["photographic"]
        assert found.loc[key, "p_value"] == pytest.approx(wilcoxon(a, b)[1])
        assert found.loc[key, "estimate"] == pytest.approx(np.median(a - b))
        assert np.isnan(found.loc[key, "ci_low"])
    difference = images["radiologic"] - images["photographic"]
    test = clustered_t(difference, images.index.get_level_values("patient_id"))
    row = found.loc["patient_t"]
    assert (row["p_value"], row["ci_low"], row["ci_high"]) == pytest.approx(
        (test.p_value, test.ci_low, test.ci_high)
    )
    assert row["estimate"] == pytest.approx(difference.mean())
    assert found["n"].to_dict() == {
        "image_t": 6,
        "image_wilcoxon": 6,
        "scenario_t": 3,
        "patient_t": 3,
        "patient_wilcoxon": 3,
    }


def test_overlap_tests_of_one_patient_give_a_remark_in_place_of_a_test(dice_rows):
    found = overlap_tests(dice_rows.assign(patient_id="p"), *INITS, ["dice"])
    found = found.set_index("analysis")
    assert found.loc[["patient_t", "patient_wilcoxon"], "p_value"].isna().all()
    assert found.loc["patient_t", "remark"] == "fewer than two patients"
    assert found.loc["image_t", "remark"] == ""


def test_overlap_tests_of_an_undefined_measure_leave_no_image_out(dice_rows):
    table = dice_rows.assign(dice_best=dice_rows["dice"])
    table.loc[0, "dice_best"] = np.nan
    found = overlap_tests(table, *INITS, ["dice_best"])
    assert found["p_value"].isna().all()
    assert set(found["remark"]) == {"the measure is undefined for an image"}


def test_overlap_tests_of_equal_scores_say_that_all_differences_are_zero(dice_rows):
    found = overlap_tests(dice_rows.assign(dice=0.5), *INITS, ["dice"]).set_index("analysis")
    assert found.loc["image_wilcoxon", "remark"] == "all differences are zero"
    assert found.loc["image_t", "p_value"] == 1


@pytest.fixture
def baselines(dice_rows):
    cases = dice_rows["case_id"].unique()
    ellipse = pd.DataFrame({"case_id": cases, "baseline": "centred ellipse"})
    whole = ellipse.assign(baseline="whole image", dice=0.1, pointing=0.2)
    ellipse = ellipse.assign(dice=np.linspace(0.2, 0.7, len(cases)), pointing=0.1)
    point = ellipse.assign(baseline="centre point", dice=np.nan, pointing=0.9)
    return pd.concat([ellipse, whole, point])


def test_against_baselines_compares_with_the_best_on_the_same_images(dice_rows, baselines):
    table = dice_rows.assign(pointing=1 - dice_rows["dice"])
    found = against_baselines(table, baselines, INITS, ["dice", "pointing"])
    assert found["baseline"].tolist() == ["centred ellipse"] * 2 + ["centre point"] * 2
    images = images_of(dice_rows)
    beside = baselines[baselines["baseline"] == "centred ellipse"].set_index("case_id")["dice"]
    beside = beside.loc[images.index.get_level_values("case_id")].to_numpy()
    for row in found[found["measure"] == "dice"].itertuples():
        own = images[row.init]
        test = clustered_t(own - beside, images.index.get_level_values("patient_id"))
        assert row.estimate == pytest.approx((own - beside).mean())
        assert (row.ci_low, row.ci_high) == pytest.approx((test.ci_low, test.ci_high))
        assert row.p_value == pytest.approx(test.p_value)
        assert row.mean == pytest.approx(own.mean())
        assert row.baseline_mean == pytest.approx(beside.mean())


def test_against_baselines_of_the_best_threshold_compares_with_the_dice_of_the_pictures(
    dice_rows, baselines
):
    table = dice_rows.assign(dice_best=dice_rows["dice"])
    found = against_baselines(table, baselines, INITS, ["dice", "dice_best"])
    assert found.loc[0, "estimate"] == found.loc[2, "estimate"]


def test_against_baselines_of_one_patient_or_an_undefined_measure_states_no_interval(
    dice_rows, baselines
):
    alone = against_baselines(dice_rows.assign(patient_id="p"), baselines, INITS, ["dice"])
    assert alone[["estimate", "ci_low", "ci_high", "p_value"]].isna().all(axis=None)
    assert alone["mean"].notna().all()
    undefined = dice_rows.assign(dice=dice_rows["dice"].where(dice_rows.index > 0))
    found = against_baselines(undefined, baselines, INITS, ["dice"]).set_index("init")
    assert np.isnan(found.loc["radiologic", "mean"])
    assert np.isnan(found.loc["radiologic", "ci_low"])


def test_against_baselines_when_a_case_has_none_raises(dice_rows, baselines):
    with pytest.raises(InputError, match="1 cases without"):
        against_baselines(dice_rows, baselines[baselines["case_id"] != "c3"], INITS, ["dice"])

"""Comparisons by a measure of each image, against the tests called on means taken by hand."""

import itertools

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.stats.hypothesis import clustered_t
from rin.stats.scenarios import against_baselines, image_differences

INITS = ("radiologic", "photographic")


@pytest.fixture
def dice_rows():
    """Three scenarios of six images; patients have three, two and one image."""
    rng = np.random.default_rng(7)
    patients = ["p0", "p0", "p0", "p1", "p1", "p2"]
    rows = [
        (scenario, patients[case], f"c{case}", init, rng.random())
        for scenario, case, init in itertools.product(("s1", "s2", "s3"), range(6), INITS)
    ]
    columns = ["scenario", "patient_id", "case_id", "init", "dice"]
    return pd.DataFrame(rows, columns=columns)


def images_of(rows):
    wide = rows.groupby(["patient_id", "case_id", "init"])["dice"].mean().unstack("init")
    return wide[list(INITS)]


def test_difference_is_that_of_images_averaged_over_scenarios_first(dice_rows):
    row = image_differences(dice_rows, *INITS, ["dice"]).iloc[0]
    images = images_of(dice_rows)
    a, b = images["radiologic"], images["photographic"]
    test = clustered_t(a - b, images.index.get_level_values("patient_id"))
    assert row["estimate"] == pytest.approx((a - b).mean())
    assert (row["ci_low"], row["ci_high"], row["p_value"]) == pytest.approx(
        (test.ci_low, test.ci_high, test.p_value)
    )
    assert (row["mean_a"], row["mean_b"]) == pytest.approx((a.mean(), b.mean()))
    assert (row["n_images"], row["n_patients"]) == (6, 3)


def test_one_patient_leaves_the_test_over_patients_out(dice_rows):
    rows = image_differences(dice_rows.assign(patient_id="p"), *INITS, ["dice"])
    assert rows["p_value"].isna().all()


def test_undefined_measure_leaves_no_image_out(dice_rows):
    dice_rows.loc[0, "dice"] = np.nan
    later = dice_rows[dice_rows["scenario"] != "s1"]
    row = image_differences(dice_rows, *INITS, ["dice"]).iloc[0]
    assert row[["p_value", "mean_a"]].isna().all()
    assert image_differences(later, *INITS, ["dice"])["p_value"].iloc[0] > 0


@pytest.mark.parametrize(
    ("first", "inits", "problem"),
    [(1, INITS, "1 images"), (0, ("radiologic", "x"), "photographic")],
)
def test_missing_run_or_unknown_init_raises(dice_rows, first, inits, problem):
    with pytest.raises(InputError, match=problem):
        image_differences(dice_rows.iloc[first:], *inits, ["dice"])


@pytest.fixture
def baselines(dice_rows):
    cases = dice_rows["case_id"].unique()
    ellipse = pd.DataFrame({"case_id": cases, "baseline": "centred ellipse"})
    whole = ellipse.assign(baseline="whole image", dice=0.1)
    ellipse = ellipse.assign(dice=np.linspace(0.2, 0.7, len(cases)))
    point = ellipse.assign(baseline="centre point", dice=np.nan)
    return pd.concat([ellipse, whole, point])


def test_baseline_is_the_best_one_on_the_same_images(dice_rows, baselines):
    found = against_baselines(dice_rows, baselines, INITS, ["dice"])
    assert found["baseline"].tolist() == ["centred ellipse"] * 2
    images = images_of(dice_rows)
    own = baselines[baselines["baseline"] == "centred ellipse"].set_index("case_id")["dice"]
    beside = own.loc[images.index.get_level_values("case_id")].to_numpy()
    for row in found.itertuples():
        difference = images[row.init] - beside
        test = clustered_t(difference, images.index.get_level_values("patient_id"))
        assert row.estimate == pytest.approx(difference.mean())
        assert (row.ci_low, row.p_value) == pytest.approx((test.ci_low, test.p_value))
        assert row.baseline_mean == pytest.approx(beside.mean())


def test_image_without_baseline_raises(dice_rows, baselines):
    with pytest.raises(InputError, match="1 images"):
        against_baselines(dice_rows, baselines[baselines["case_id"] != "c3"], INITS, ["dice"])

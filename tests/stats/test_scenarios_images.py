"""Comparisons by a measure of each image, against the tests called on means taken by hand."""

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.stats.hypothesis import clustered_t
from rin.stats.scenarios import baseline_differences, image_differences
from rin.stats.simulation import simulate_predictions

INITS = ("a", "b")


@pytest.fixture
def dice_rows():
    """Four scenarios, two of them from two pretrainings; every patient has two images."""
    rows = simulate_predictions(pretrainings=2).query("task == 'breast'")
    return rows.query("pretraining == 1 or backbone == 'ResNet50'").eval("dice = abs(score) / 9")


def images_of(rows):
    image = ["patient_id", "case_id", "init"]
    of_scenarios = rows.groupby(["scenario", *image])["dice"].mean()
    return of_scenarios.groupby(image).mean().unstack("init")[list(INITS)]


def test_difference_is_that_of_images_averaged_over_scenarios_first(dice_rows):
    row = image_differences(dice_rows, *INITS, ["dice"]).iloc[0]
    images = images_of(dice_rows)
    a, b = images["a"], images["b"]
    test = clustered_t(a - b, images.index.get_level_values("patient_id"))
    means = {"mean_a": a.mean(), "mean_b": b.mean(), "n_images": 120, "n_patients": 60}
    expected = test.to_row() | means
    assert row[[*expected]].to_dict() == pytest.approx(expected)


def test_one_patient_leaves_the_test_over_patients_out(dice_rows):
    rows = image_differences(dice_rows.assign(patient_id="p"), *INITS, ["dice"])
    assert rows["p_value"].isna().all()


def test_undefined_measure_leaves_no_image_out(dice_rows):
    dice_rows.loc[0, "dice"] = np.nan
    later = dice_rows.query("scenario != 'DenseNet121-unfreeze_all-1e-03'")
    row = image_differences(dice_rows, *INITS, ["dice"]).iloc[0]
    assert row[["p_value", "mean_a"]].isna().all()
    assert image_differences(later, *INITS, ["dice"])["p_value"].iloc[0] > 0


@pytest.mark.parametrize(
    ("first", "inits", "problem"),
    [(1, INITS, "1 images"), (0, ("a", "x"), "unknown init 'x'")],
)
def test_missing_run_or_unknown_init_raises(dice_rows, first, inits, problem):
    with pytest.raises(InputError, match=problem):
        image_differences(dice_rows.iloc[first:], *inits, ["dice"])


@pytest.fixture
def baselines(dice_rows):
    cases = pd.Index(dice_rows["case_id"].unique(), name="case_id")
    dice = {"centred ellipse": np.linspace(0.2, 0.7, 120), "whole image": 0.1, "point": np.nan}
    wide = pd.DataFrame(dice, cases)
    wide.loc["x", "whole image"] = 900.0  # an image without a map
    return wide.reset_index().melt("case_id", var_name="baseline", value_name="dice")


def test_baseline_is_the_best_one_on_the_same_images(dice_rows, baselines):
    found = baseline_differences(dice_rows, baselines, INITS, ["dice"])
    assert found["baseline"].tolist() == ["centred ellipse"] * 2
    images = images_of(dice_rows)
    own = baselines.query("baseline == 'centred ellipse'").set_index("case_id")["dice"]
    beside = own.loc[images.index.get_level_values("case_id")].to_numpy()
    for _, row in found.iterrows():
        difference = images[row["init"]] - beside
        test = clustered_t(difference, images.index.get_level_values("patient_id"))
        means = {"mean": images[row["init"]].mean(), "baseline_mean": beside.mean()}
        expected = test.to_row() | means
        assert row[[*expected]].to_dict() == pytest.approx(expected)


def test_image_without_baseline_raises(dice_rows, baselines):
    with pytest.raises(InputError, match="1 images"):
        baseline_differences(dice_rows, baselines.query("case_id != 'breast3'"), INITS, ["dice"])

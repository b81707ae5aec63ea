"""Comparisons by a measure of each image, against the tests called on means taken by hand."""

import numpy as np
import pandas as pd
import pytest

from rin.errors import InputError
from rin.stats.hypothesis import clustered_t
from rin.stats.scenarios import baseline_differences, image_differences

INITS = ("radiologic", "photographic")


@pytest.fixture
def dice_rows():
    """Three scenarios of six images, one from two pretrainings; patients have up to three."""
    names = {"scenario": ("s1", "s2", "s3"), "case_id": [f"c{k}" for k in range(6)], "init": INITS}
    rows = pd.MultiIndex.from_product(names.values(), names=names).to_frame(index=False)
    patients = dict(zip(names["case_id"], ["p0", "p0", "p0", "p1", "p1", "p2"], strict=True))
    rows = pd.concat([rows, rows.query("scenario == 's3'")], ignore_index=True)
    dice = np.random.default_rng(7).random(len(rows))
    return rows.assign(patient_id=rows["case_id"].map(patients), dice=dice)


def images_of(rows):
    image = ["patient_id", "case_id", "init"]
    of_scenarios = rows.groupby(["scenario", *image])["dice"].mean()
    return of_scenarios.groupby(image).mean().unstack("init")[list(INITS)]


def test_difference_is_that_of_images_averaged_over_scenarios_first(dice_rows):
    row = image_differences(dice_rows, *INITS, ["dice"]).iloc[0]
    images = images_of(dice_rows)
    a, b = images["radiologic"], images["photographic"]
    test = clustered_t(a - b, images.index.get_level_values("patient_id"))
    means = {"mean_a": a.mean(), "mean_b": b.mean(), "n_images": 6, "n_patients": 3}
    expected = test.to_row() | means
    assert row[[*expected]].to_dict() == pytest.approx(expected)


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
    cases = pd.Index(dice_rows["case_id"].unique(), name="case_id")
    dice = {"centred ellipse": np.linspace(0.2, 0.7, 6), "whole image": 0.1, "point": np.nan}
    wide = pd.DataFrame(dice, cases)
    wide.loc["c9", "whole image"] = 9.0  # an image without a map
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
        baseline_differences(dice_rows, baselines[baselines["case_id"] != "c3"], INITS, ["dice"])

"""Coordinates of a ROC curve and partial AUCs, against pROC (`tests/golden/make_roc.R`)."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats import auc_ci, partial_auc, roc_coordinates

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "roc.json").read_text())
LABELS, SCORES = [0, 0, 0, 0, 1, 1, 1], [1, 2, 3, 5, 4, 6, 7]
by_case = pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])


def areas(*arguments, **options):
    table = partial_auc(*arguments, replicates=2, **options).set_index("measure")
    return table.loc["plain", "estimate"], table.loc["corrected", "estimate"]


@by_case
def test_partial_aucs_of_every_range_are_procs_plain_and_corrected(case):
    for row in case["partial"]:
        options = {"between": row["between"], "focus": row["focus"]}
        found = areas(case["labels"], case["scores"], **options)
        assert found == pytest.approx((row["plain"], row["corrected"]), abs=1e-12)


@by_case
def test_sensitivities_at_specificities_are_procs(case):
    fpr = 1 - np.array(case["specificity"])
    table = roc_coordinates(case["labels"], case["scores"], fpr=fpr, replicates=2)
    assert table["tpr"].to_numpy() == pytest.approx(np.array(case["sensitivity"]), abs=1e-10)


def test_band_and_interval_of_independent_cases_are_procs_but_for_the_draws():
    case = GOLDEN[0]
    band, interval = case["band"], case["ci"]
    fpr = 1 - np.array(band["specificity"])
    table = roc_coordinates(case["labels"], case["scores"], fpr=fpr, replicates=4000)
    assert table["ci_low"].tolist() == pytest.approx(band["low"], abs=0.02)
    assert table["ci_high"].tolist() == pytest.approx(band["high"], abs=0.02)
    table = partial_auc(
        case["labels"], case["scores"], between=interval["between"], replicates=4000
    )
    assert table.loc[0, ["ci_low", "ci_high"]].tolist() == pytest.approx(
        [interval["low"], interval["high"]], abs=0.003
    )


@pytest.mark.parametrize("largest", [0.1, 0.37, 1])
def test_corrected_partial_auc_is_that_of_scikit_learn(largest):
    rng = np.random.default_rng(3)
    labels = rng.random(80) < 0.4
    scores = (labels + rng.normal(size=80)).round(1)
    expected = roc_auc_score(labels, scores, max_fpr=largest)
    assert areas(labels, scores, between=(1 - largest, 1))[1] == pytest.approx(expected)


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 5)), min_size=2, max_size=12))
@settings(max_examples=20)
def test_ranges_that_share_an_end_add_up_to_the_whole_auc(cases):
    labels = [0, 0, 1, 1, *(label for label, _ in cases)]  # two of each class
    scores = [0, 2, 1, 3, *(score for _, score in cases)]
    whole = auc_ci(labels, scores).auc
    for focus in ("specificity", "sensitivity"):
        parts = [areas(labels, scores, between=r, focus=focus)[0] for r in ((0, 0.3), (0.3, 1))]
        assert sum(parts) == pytest.approx(whole)
        assert areas(labels, scores, between=(0, 1), focus=focus) == pytest.approx((whole, whole))


def test_a_specificity_and_a_sensitivity_take_other_parts_of_the_curve():
    # The staircase: up to 2/3 at no false positive, right to 1/4, up to 1.
    assert areas(LABELS, SCORES, between=(0.5, 1)) == pytest.approx((5 / 12, 8 / 9))
    found = areas(LABELS, SCORES, between=(0.5, 1), focus="sensitivity")
    assert found[0] == pytest.approx(1 / 6 + 0.75 / 3)


def test_curve_is_the_highest_where_it_jumps_and_linear_between_tied_thresholds():
    table = roc_coordinates(LABELS, SCORES, fpr=[0, 0.2, 0.25, 1], replicates=2)
    assert table["tpr"].tolist() == pytest.approx([2 / 3, 2 / 3, 1, 1])
    tied = roc_coordinates(LABELS, [1] * 7, fpr=[0.3], replicates=2)
    assert tied["tpr"].tolist() == pytest.approx([0.3])


def test_images_of_one_patient_widen_band_and_interval_as_copies_add_nothing():
    """Oracle: four copies of each case, by patient, have the interval of the cases alone."""
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    scores, who = labels + rng.normal(size=60), np.arange(60)
    copied = [np.tile(column, 4) for column in (labels, scores, who)]
    for function, column in ((roc_coordinates, "ci_low"), (partial_auc, "ci_high")):
        alone, copies, naive = (
            function(*columns)[column].to_numpy()
            for columns in ((labels, scores), copied, copied[:2])
        )
        assert copies == pytest.approx(alone)
        assert np.abs(naive - alone).max() > 0.02


@pytest.mark.parametrize("function", [roc_coordinates, partial_auc])
def test_a_lower_level_is_narrower_and_the_seed_decides_the_draws(function):
    case = GOLDEN[0]
    rows = [function(case["labels"], case["scores"], level=level) for level in (0.95, 0.5)]
    wide, narrow = ((table["ci_high"] - table["ci_low"]).mean() for table in rows)
    assert narrow < 0.7 * wide
    again = function(case["labels"], case["scores"])
    assert again.equals(rows[0])
    assert not function(case["labels"], case["scores"], seed=1).equals(rows[0])


@pytest.mark.parametrize(
    ("function", "options", "said"),
    [
        (roc_coordinates, {"fpr": [0.1, 1.2]}, r"\[0.1, 1.2\] are no rates"),
        (roc_coordinates, {"fpr": [float("nan")]}, "are no rates"),
        (partial_auc, {"between": (1, 0.9)}, "is no range.*lower end first"),
        (partial_auc, {"between": (0.9, 1.1)}, "is no range"),
        (partial_auc, {"focus": "sensitivty"}, "did you mean sensitivity"),
        (partial_auc, {"level": 95}, "95 is no level"),
        (roc_coordinates, {"level": 0}, "0 is no level"),
        (roc_coordinates, {"clusters": [1, 1, 2, 3, 4, 4, 4]}, "all positive cases"),
    ],
)
def test_what_is_no_rate_range_or_level_is_one_clear_error(function, options, said):
    with pytest.raises(InputError, match=said):
        function(LABELS, SCORES, **options)

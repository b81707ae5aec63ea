"""Coordinates of a ROC curve, against pROC (`tests/golden/make_roc.R`)."""

import numpy as np
import pytest
from made_predictions import golden

from rin.errors import InputError
from rin.stats import roc_coordinates

GOLDEN = golden("roc")
LABELS, SCORES = [0, 0, 0, 0, 1, 1, 1], [1, 2, 3, 5, 4, 6, 7]
by_case = pytest.mark.parametrize("case", GOLDEN, ids=lambda case: case["name"])


@by_case
def test_sensitivities_at_specificities_are_procs(case):
    fpr = 1 - np.array(case["specificity"])
    table = roc_coordinates(case["labels"], case["scores"], fpr=fpr, replicates=2)
    assert table["tpr"].to_numpy() == pytest.approx(np.array(case["sensitivity"]), abs=1e-10)


def test_band_of_independent_cases_is_procs_but_for_the_draws():
    case, band = GOLDEN[0], GOLDEN[0]["band"]
    fpr = 1 - np.array(band["specificity"])
    table = roc_coordinates(case["labels"], case["scores"], fpr=fpr, replicates=4000)
    assert table["ci_low"].tolist() == pytest.approx(band["low"], abs=0.02)
    assert table["ci_high"].tolist() == pytest.approx(band["high"], abs=0.02)


def test_curve_is_the_highest_where_it_jumps_and_linear_between_tied_thresholds():
    scores, specificity = [*range(10), 8.5, 8.5], 0.9  # 1 - 0.9 is a little less than 0.1
    curves = [
        (LABELS, SCORES, [0, 0.2, 0.25, 1], [2 / 3, 2 / 3, 1, 1]),
        ([0] * 10 + [1] * 2, scores, [1 - specificity], [1]),
        (LABELS, [1] * 7, [0.3], [0.3]),  # tied
    ]
    for labels, scores, fpr, tpr in curves:
        table = roc_coordinates(labels, scores, fpr=fpr, replicates=2)
        assert table["tpr"].tolist() == pytest.approx(tpr)


def test_images_of_one_patient_widen_the_band_as_copies_add_nothing():
    """Oracle: four copies of each case, by patient, have the interval of the cases alone."""
    rng = np.random.default_rng(1)
    labels = np.arange(60) % 2
    scores, who = labels + rng.normal(size=60), np.arange(60)
    copied = [np.tile(column, 4) for column in (labels, scores, who)]
    alone, copies, naive = (
        roc_coordinates(*columns)["ci_low"].to_numpy()
        for columns in ((labels, scores), copied, copied[:2])
    )
    assert copies == pytest.approx(alone)
    assert np.abs(naive - alone).max() > 0.02


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"fpr": [0.1, 1.2]}, r"\[0.1, 1.2\] are no rates"),
        ({"fpr": [float("nan")]}, "are no rates"),
        ({"level": 0}, "0 is no level"),
        ({"level": 95}, "95 is no level"),
        ({"clusters": [1, 1, 2, 3, 4, 4, 4]}, "all positive cases"),
    ],
)
def test_what_is_no_rate_or_level_is_one_clear_error(options, said):
    with pytest.raises(InputError, match=said):
        roc_coordinates(LABELS, SCORES, **options)

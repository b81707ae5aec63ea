import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import roc_auc_score

from rin.errors import InputError
from rin.stats import auc_ci, delong_covariance, delong_test, delong_test_unpaired

LABELS = [0, 0, 0, 1, 1, 1, 0, 1]
SCORES_A = [0.1, 0.4, 0.35, 0.8, 0.4, 0.9, 0.2, 0.3]
SCORES_B = [0.5, 0.1, 0.35, 0.6, 0.2, 0.9, 0.6, 0.3]


@st.composite
def two_predictors(draw):
    """Draw labels with both classes and two score vectors full of ties, some constant."""
    n_positive, n_negative = draw(st.integers(1, 7)), draw(st.integers(1, 7))
    labels = draw(st.permutations([1] * n_positive + [0] * n_negative))
    levels = draw(st.integers(0, 6))
    score = st.lists(st.integers(0, levels), min_size=len(labels), max_size=len(labels))
    return np.array(labels), np.array(draw(score), float), np.array(draw(score), float)


@st.composite
def three_predictors(draw):
    """Draw two predictors as above and a third without ties."""
    labels, a, b = draw(two_predictors())
    return labels, np.array([a, b, draw(st.permutations(range(labels.size)))], float)


def brute_force(labels, scores_matrix):
    """DeLong by its definition: every pair of a positive and a negative case, O(n²)."""
    labels, rows = np.asarray(labels), np.asarray(scores_matrix, float)
    placements = []
    for row in rows:
        positive, negative = row[labels == 1], row[labels == 0]
        wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
        placements.append((wins.mean(), wins.mean(axis=1), wins.mean(axis=0)))
    m, n = (labels == 1).sum(), (labels == 0).sum()
    covariance = np.empty((len(rows), len(rows)))
    for i, (auc_i, x_i, y_i) in enumerate(placements):
        for j, (auc_j, x_j, y_j) in enumerate(placements):
            s10 = ((x_i - auc_i) * (x_j - auc_j)).sum() / (m - 1)
            s01 = ((y_i - auc_i) * (y_j - auc_j)).sum() / (n - 1)
            covariance[i, j] = s10 / m + s01 / n
    return np.array([auc for auc, _, _ in placements]), covariance


@given(three_predictors())
@settings(max_examples=200, deadline=None)
def test_areas_and_covariance_of_three_predictors_equal_brute_force(drawn):
    labels, rows = drawn
    aucs, covariance = delong_covariance(labels, rows)
    with np.errstate(invalid="ignore", divide="ignore"):
        expected_aucs, expected = brute_force(labels, rows)
    np.testing.assert_allclose(aucs, expected_aucs, atol=1e-14)
    if min(labels.sum(), (1 - labels).sum()) == 1:
        assert np.isnan(covariance).all()
    else:
        np.testing.assert_allclose(covariance, expected, atol=1e-14)


@given(two_predictors())
@settings(max_examples=100, deadline=None)
def test_variance_of_difference_equals_contrast_of_covariance(drawn):
    labels, a, b = drawn
    _, covariance = delong_covariance(labels, [a, b])
    contrast = covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1]
    np.testing.assert_allclose(delong_test(labels, a, b).variance, contrast, atol=1e-14)


@given(two_predictors())
@settings(max_examples=100, deadline=None)
def test_variance_of_one_predictor_is_the_diagonal_of_the_covariance(drawn):
    labels, a, b = drawn
    diagonal = np.diag(delong_covariance(labels, [a, b])[1])
    ours = [auc_ci(labels, scores).variance for scores in (a, b)]
    np.testing.assert_allclose(ours, diagonal, atol=1e-15)


@given(two_predictors(), two_predictors())
@settings(max_examples=100, deadline=None)
def test_unpaired_variance_and_df_equal_brute_force(one, other):
    (labels_a, a, _), (labels_b, b, _) = one, other
    assume(min(x.sum() for x in (labels_a, 1 - labels_a, labels_b, 1 - labels_b)) > 1)
    (auc_a,), ((var_a,),) = brute_force(labels_a, [a])
    (auc_b,), ((var_b,),) = brute_force(labels_b, [b])
    assume(var_a + var_b > 1e-9)
    test = delong_test_unpaired(labels_a, a, labels_b, b)
    df = (var_a + var_b) ** 2 / (var_a**2 / (a.size - 1) + var_b**2 / (b.size - 1))
    d = (auc_a - auc_b) / np.sqrt(var_a + var_b)
    expected = [auc_a - auc_b, var_a + var_b, d, df]
    np.testing.assert_allclose([test.difference, test.variance, test.d, test.df], expected)
    assert test.p_value == pytest.approx(2 * stats.t.cdf(-abs(d), df), abs=1e-12)


@given(two_predictors(), two_predictors())
@settings(max_examples=60, deadline=None)
def test_swapped_unpaired_predictors_negate_difference_d_and_interval(one, other):
    (labels_a, a, _), (labels_b, b, _) = one, other
    forth = delong_test_unpaired(labels_a, a, labels_b, b)
    back = delong_test_unpaired(labels_b, b, labels_a, a)
    np.testing.assert_allclose(
        [forth.difference, forth.d, forth.ci_low, forth.ci_high, forth.df, forth.p_value],
        [-back.difference, -back.d, -back.ci_high, -back.ci_low, back.df, back.p_value],
        atol=1e-14,
    )


@given(two_predictors(), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_order_of_cases_changes_nothing(drawn, random):
    labels, a, b = drawn
    order = list(range(labels.size))
    random.shuffle(order)
    plain, mixed = delong_test(labels, a, b), delong_test(labels[order], a[order], b[order])
    np.testing.assert_allclose(
        list(vars(plain).values()), list(vars(mixed).values()), rtol=1e-12, atol=1e-14
    )


@given(two_predictors())
@settings(max_examples=100, deadline=None)
def test_exchanged_labels_turn_areas_around_and_keep_variances(drawn):
    labels, a, b = drawn
    plain, exchanged = delong_test(labels, a, b), delong_test(1 - labels, a, b)
    assert exchanged.auc_a == pytest.approx(1 - plain.auc_a, abs=1e-14)
    assert exchanged.difference == pytest.approx(-plain.difference, abs=1e-14)
    assert exchanged.variance == pytest.approx(plain.variance, abs=1e-14, nan_ok=True)


@given(two_predictors())
@settings(max_examples=100, deadline=None)
def test_swapped_predictors_negate_difference_z_and_interval(drawn):
    labels, a, b = drawn
    forth, back = delong_test(labels, a, b), delong_test(labels, b, a)
    np.testing.assert_array_equal(
        [forth.difference, forth.z, forth.ci_low, forth.variance, forth.p_value],
        [-back.difference, -back.z, -back.ci_high, back.variance, back.p_value],
    )


@given(two_predictors())
@settings(max_examples=100, deadline=None)
def test_strictly_increasing_transform_changes_nothing(drawn):
    labels, a, b = drawn
    plain, bent = delong_test(labels, a, b), delong_test(labels, np.exp(a), b**3 - 5)
    np.testing.assert_array_equal(list(vars(plain).values()), list(vars(bent).values()))


@given(two_predictors())
@settings(max_examples=100, deadline=None)
def test_auc_equals_scikit_learn(drawn):
    labels, a, _ = drawn
    assert auc_ci(labels, a).auc == pytest.approx(roc_auc_score(labels, a), abs=1e-14)


def test_auc_of_higher_positive_scores_is_one_with_collapsed_interval():
    result = auc_ci([0, 0, 1, 1], [1, 2, 3, 4])
    assert (result.auc, result.variance, result.ci_low, result.ci_high) == (1, 0, 1, 1)


def test_interval_beyond_zero_or_one_is_clipped():
    assert auc_ci(LABELS, SCORES_A).ci_high == 1
    assert auc_ci(LABELS, np.negative(SCORES_A)).ci_low == 0


def test_interval_of_difference_is_not_clipped():
    result = delong_test([0, 0, 1, 1], [1, 3, 2, 4], [3, 1, 4, 2], level=0.9999)
    assert result.ci_low < -1 and result.ci_high > 1


def test_wider_level_widens_interval_by_the_normal_quantiles():
    ordinary, wide = (delong_test(LABELS, SCORES_A, SCORES_B, level=x) for x in (0.95, 0.99))
    widths = [result.ci_high - result.ci_low for result in (ordinary, wide)]
    assert widths[1] / widths[0] == pytest.approx(2.5758293035489 / 1.9599639845401, rel=1e-12)


def test_no_variance_and_equal_aucs_gives_z_zero_and_p_one():
    result = delong_test(LABELS, SCORES_A, SCORES_A)
    assert (result.z, result.p_value, result.ci_low, result.ci_high) == (0, 1, 0, 0)


@pytest.mark.parametrize(("swap", "z"), [(False, np.inf), (True, -np.inf)])
def test_no_variance_and_different_aucs_gives_infinite_z_and_p_zero(swap, z):
    perfect, constant = [1, 2, 3, 4], [5, 5, 5, 5]
    scores = (constant, perfect) if swap else (perfect, constant)
    result = delong_test([0, 0, 1, 1], *scores)
    assert (result.z, result.p_value) == (z, 0)
    assert result.ci_low == result.ci_high == result.difference


def test_placements_that_all_differ_by_a_third_have_variance_exactly_zero():
    labels = [0, 1, 0, 1, 0, 1]
    one_negative_higher = [1, 0, 3, 2, 5, 4]
    result = delong_test(labels, [0, 1, 2, 3, 4, 5], one_negative_higher)
    assert result.difference == pytest.approx(1 / 3)
    assert (result.variance, result.z, result.p_value) == (0, np.inf, 0)


def test_one_positive_gives_an_auc_without_inference():
    with warnings.catch_warnings(action="error"):
        result = delong_test([1, 0, 0], [3, 1, 2], [1, 2, 3])
    assert (result.auc_a, result.auc_b) == (1, 0)
    assert np.isnan([result.variance, result.z, result.p_value, result.ci_low]).all()


def test_unpaired_with_one_positive_gives_areas_without_inference():
    with warnings.catch_warnings(action="error"):
        result = delong_test_unpaired([1, 0, 0], [3, 1, 2], LABELS, SCORES_A)
    assert result.auc_a == 1
    assert np.isnan([result.d, result.df, result.p_value, result.ci_low, result.ci_high]).all()


def test_unpaired_interval_inverts_the_unpaired_test():
    a, b = (LABELS, SCORES_A), ([*LABELS[::-1], 1], [*SCORES_B, 0.4])
    p_value = delong_test_unpaired(*a, *b).p_value
    result = delong_test_unpaired(*a, *b, level=1 - p_value)
    assert min(abs(result.ci_low), abs(result.ci_high)) == pytest.approx(0, abs=1e-12)


def test_unpaired_without_variance_has_no_degrees_of_freedom():
    perfect, constant = ([0, 0, 1, 1], [1, 2, 3, 4]), ([0, 0, 1, 1], [5, 5, 5, 5])
    result = delong_test_unpaired(*perfect, *constant)
    assert result.d == np.inf
    assert np.isnan([result.df, result.p_value, result.ci_low, result.ci_high]).all()
    assert np.isnan(delong_test_unpaired(*perfect, *perfect).d)


@pytest.mark.parametrize(
    ("labels", "scores", "where"),
    [
        ([], [], "labels"),
        ([1, 1, 1], [1, 2, 3], "labels"),
        ([0, 0, 0], [1, 2, 3], "labels"),
        ([0, 1, 2], [1, 2, 3], "labels"),
        ([0, 1, np.nan], [1, 2, 3], "labels"),
        (["benign", "malignant"], [1, 2], "labels"),
        ([[0, 1], [1, 0]], [1, 2], "labels"),
        ([0, 1, 1], [1, 2], "scores"),
        ([0, 1, 1], [1, 2, np.nan], "scores"),
        ([0, 1, 1], ["a", "b", "c"], "scores"),
    ],
)
def test_bad_labels_or_scores_raise_input_error(labels, scores, where):
    with pytest.raises(InputError) as caught:
        auc_ci(labels, scores)
    assert caught.value.where == where


def test_two_rows_where_one_predictor_is_asked_for_raise_input_error():
    with pytest.raises(InputError, match="2 rows of scores") as caught:
        delong_test(LABELS, SCORES_A, [SCORES_A, SCORES_B])
    assert caught.value.where == "scores_b"


def test_error_names_which_scores_are_bad():
    with pytest.raises(InputError, match="scores_b"):
        delong_test([0, 1], [1, 2], [1, np.nan])


@pytest.mark.parametrize("level", [0, 1, 95, np.nan])
def test_level_outside_zero_and_one_raises_input_error(level):
    a, b = (LABELS, SCORES_A), ([0, 0, 1, 1], [5, 5, 5, 5])
    for call in (
        lambda: auc_ci(*a, level=level),
        lambda: delong_test(*a, SCORES_B, level=level),
        lambda: delong_test_unpaired(*b, *b, level=level),
    ):
        with pytest.raises(InputError, match="level"):
            call()


def test_logit_scale_gives_an_interval_around_the_area_within_zero_and_one():
    wald, logit = auc_ci(LABELS, SCORES_A), auc_ci(LABELS, SCORES_A, scale="logit")
    assert (logit.auc, logit.variance) == (wald.auc, wald.variance)
    assert 0 < logit.ci_low < wald.auc < logit.ci_high < 1 == wald.ci_high

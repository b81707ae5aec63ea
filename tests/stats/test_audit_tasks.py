import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from rin import paper
from rin.errors import InputError
from rin.stats import audit_tasks as tasks
from rin.stats import audit_tests as tests
from rin.stats import holm
from rin.stats.audit_rounding import Bounds

AUDITS = {one.task: one for one in tasks.audit_tasks()}
BY = AUDITS.items()
N = 24


def ends(bounds):
    return bounds.low, bounds.high


def named(holds):
    return {task for task, one in BY if holds(one)}


@pytest.mark.parametrize(
    ("task", "published", "implied"),
    [
        ("thyroid", 6.80, 6.84),
        ("breast", 4.65, 4.59),
        ("acl", 3.55, 3.51),
        ("meniscus", 2.65, 2.60),
        ("covid19", 3.90, 3.90),
        ("pneumonia", 2.10, 2.21),
        ("sarscov2", 3.05, 3.13),
        ("hemorrhage", 2.55, 2.63),
    ],
)
def test_half_widths_worked_out_apart_are_reproduced_and_agree_within_rounding(
    task, published, implied
):
    one = AUDITS[task]
    assert one.published_half_width == pytest.approx(published, abs=1e-9)
    assert one.implied_half_width == pytest.approx(implied, abs=0.005)
    assert one.implied.holds(one.implied_half_width)
    assert one.half_width.holds(one.published_half_width)
    assert one.half_width.high - one.half_width.low == pytest.approx(0.1)
    assert one.agrees


def printed(half_width, *, difference=5.0, means=(0.85, 0.80)):
    """The audit of an interval of a half-width about a difference; both SDs are 0.05."""
    ends = difference - half_width, difference + half_width
    record = (means[0], 0.05, means[1], 0.05, difference, *ends, "P < .001", "", ())
    return tasks.audit_task(paper.PublishedComparison("acl", "", *record))


def test_half_width_agrees_as_far_as_rounding_of_sds_and_ends_allows():
    implied = printed(3.0).implied
    assert implied.low < 2.7 < 3.0 < implied.high
    for end, sign in ((implied.low, -1), (implied.high, 1)):
        assert printed(end + sign * 0.049).agrees
        assert not printed(end + sign * 0.051).agrees


@pytest.mark.parametrize(("difference", "allowed"), [(6.04, True), (6.06, False), (3.96, True)])
def test_difference_may_differ_from_rounded_means_by_a_point_and_its_own_rounding(
    difference, allowed
):
    audit = printed(3.0, difference=difference)
    assert audit.difference.meets(audit.means) == allowed


def test_p_value_of_the_printed_numbers_lies_in_its_range_and_follows_the_interval():
    assert all(one.p_by_sds.holds(one.implied_p) for _, one in BY)
    assert named(lambda one: one.implied_p > 0.05) == named(lambda one: one.contains_zero)
    for task, one in BY:
        stated = paper.COMPARISONS[task]
        sds = (one.stated_difference / 100, stated.sd_radimagenet), (0, stated.sd_imagenet)
        outside = scipy_stats.ttest_ind_from_stats(*sds[0], N, *sds[1], N)
        assert one.implied_p == pytest.approx(outside.pvalue)


def test_every_formula_without_pairing_fits_all_tasks():
    assert all(one.half_width.meets(found) for _, one in BY for found in one.widths.values())


def test_four_intervals_hold_zero_for_every_rounding_and_no_other_for_any():
    zero = {"breast", "pneumonia", "sarscov2", "hemorrhage"}
    assert named(lambda one: one.contains_zero) == zero
    assert named(lambda one: one.may_contain_zero) == zero


def test_only_the_meniscus_numbers_allow_the_stated_p_value():
    assert {one.stated_p for _, one in BY} == {0.001}
    assert named(lambda one: one.p_follows) == {"meniscus"}
    assert min(one.p_by_interval.low for _, one in BY) > 0.001


def test_only_the_ligament_difference_is_off_the_middle_and_off_the_means():
    assert named(lambda one: not one.difference.meets(one.middle)) == {"acl"}
    assert named(lambda one: not one.difference.meets(one.means)) == {"acl"}
    assert AUDITS["acl"].middle.meets(AUDITS["acl"].means)


def test_no_correlation_is_enough_for_one_task():
    assert named(lambda one: one.needed_correlation.low >= 1) == {"sarscov2"}


def test_two_intervals_are_wider_than_any_of_delong():
    assert named(lambda one: one.too_wide_for_delong) == {"sarscov2", "hemorrhage"}
    assert named(lambda one: one.half_width.low > one.delong_limit_any) == {"hemorrhage"}


def test_delong_limit_of_the_hemorrhage_task_by_hand():
    share = 1 / (0.15 * 107933 - 1) + 1 / (0.15 * 465671 - 1)
    errors = 2 * math.sqrt(0.905 * 0.095 * share)
    assert AUDITS["hemorrhage"].delong_limit == pytest.approx(100 * 1.959964 * errors, rel=1e-6)


@st.composite
def unrounded(draw):
    """Areas, SDs, difference and interval before rounding, and the record that prints them."""
    imagenet = draw(st.floats(0.3, 0.8))
    difference = draw(st.floats(0.5, 15))
    sds = draw(st.tuples(st.floats(0.006, 0.2), st.floats(0.006, 0.2)))
    half = draw(st.floats(0.3, 14))
    low, high = difference - half, difference + half
    radimagenet = imagenet + difference / 100
    printed = paper.PublishedComparison(
        "acl", "", round(radimagenet, 2), round(sds[0], 2), round(imagenet, 2), round(sds[1], 2),
        round(difference, 1), round(low, 1), round(high, 1), "P < .001", "", (),
    )  # fmt: skip
    return printed, imagenet, difference, tuple(100 * sd for sd in sds), (low, high)


@settings(max_examples=400, deadline=None)
@given(unrounded())
def test_every_range_holds_what_the_numbers_before_rounding_give(drawn):
    printed, imagenet, difference, sds, (low, high) = drawn
    one = tasks.audit_task(printed)
    assert one.difference.holds(difference)
    assert one.means.holds(difference)
    assert one.middle.holds((low + high) / 2)
    assert one.half_width.holds((high - low) / 2)
    assert one.implied.holds(tests.unpaired_t_width(*sds))
    assert all(one.widths[name].holds(width(*sds)) for name, width in tests.WIDTHS.items())
    assert one.p_by_sds.holds(tests.unpaired_t_p(difference, *sds))
    assert one.p_by_interval.holds(tests.interval_p(low, high))
    assert one.p_by_normal.holds(tests.interval_p(low, high, math.inf))
    assert one.relative_gain.holds(difference / imagenet)
    assert one.may_contain_zero or not low <= 0 <= high
    assert low <= 0 <= high or not one.contains_zero


@settings(max_examples=400, deadline=None)
@given(unrounded())
def test_correlation_ranges_hold_what_the_numbers_before_rounding_give(drawn):
    printed, _, difference, sds, (low, high) = drawn
    t = scipy_stats.t.isf(0.0005, N - 1)
    needed = tests.correlation_for(*sds, N * (difference / t) ** 2)
    found = tests.needed_correlation(printed, 0.001)
    assert found.low - 1e-6 <= needed <= found.high + 1e-6
    half = (high - low) / 2
    width = tests.correlation_for(*sds, N * (half / scipy_stats.t.ppf(0.975, N - 1)) ** 2)
    assert tests.width_correlation(printed).holds(min(max(width, -1), 1))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.02, 0.9), st.floats(0.02, 0.9))
def test_dice_gains_hold_the_gain_before_rounding(radimagenet, imagenet):
    gain = 100 * (radimagenet / imagenet - 1)
    printed = paper.PublishedDice(
        "x", round(radimagenet, 2), round(imagenet, 2), round(radimagenet, 3),
        round(imagenet, 3), round(gain, 1), "", "", "",
    )  # fmt: skip
    assert all(found.holds(gain) for found in tasks.dice_gains(printed).values())


@pytest.mark.parametrize("task", ["thyroid", "breast"])
def test_published_dice_gains_follow_from_text_and_caption(task):
    gains = tasks.dice_gains(paper.DICE[task])
    assert gains["stated"].meets(gains["text"]) and gains["stated"].meets(gains["caption"])
    assert not gains["caption"].holds(gains["text"].low)


def test_holm_ranges_hold_the_adjusted_values_of_any_values_inside():
    audits = list(AUDITS.values())
    found = tasks.holm_bounds(audits)
    rng = np.random.default_rng(3)
    for _ in range(8):
        raw = [rng.uniform(one.p_by_sds.low, one.p_by_sds.high) for one in audits]
        assert all(bounds.holds(p) for bounds, p in zip(found, holm(raw), strict=True))


@pytest.mark.parametrize("text", ["P = .03", "P < 1", "", "p<.05"])
def test_stated_p_of_another_form_is_refused(text):
    with pytest.raises(InputError, match="not of the form"):
        tasks.stated_p(replace(paper.COMPARISONS["acl"], p_text=text))


def with_difference(task, points):
    return replace(AUDITS["acl"], task=task, stated_difference=points,
                   difference=Bounds(points - 0.05, points + 0.05))  # fmt: skip


def test_splits_are_counted_by_hand_for_four_tasks():
    audits = [with_difference(name, points) for name, points in
              (("a", 4.0), ("b", 1.0), ("c", 2.0), ("d", 1.0))]  # fmt: skip
    # Sums of pairs: ab 5, ac 6, ad 5, bc 3, bd 2, cd 3.
    assert tasks.splits_as_far_apart(audits, {"a", "b"}) == (3, 6)
    assert ends(tasks.mean_difference(audits[:2])) == pytest.approx((2.45, 2.55))

import pytest

from rin import paper
from rin.stats import published_interval_check


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
def test_published_half_width_agrees_with_unpaired_t_over_scenarios(task, published, implied):
    check = published_interval_check(paper.COMPARISONS[task])
    assert check.published_half_width == pytest.approx(published, abs=1e-9)
    assert check.implied_half_width == pytest.approx(implied, abs=0.005)
    assert check.implied_low < check.implied_half_width < check.implied_high
    assert check.agrees


def test_half_width_far_from_the_sds_does_not_agree():
    narrow = paper.PublishedComparison("x", "", 0.9, 0.05, 0.8, 0.05, 10, 9.5, 10.5, "", "", ())
    assert not published_interval_check(narrow).agrees


def test_four_published_intervals_contain_zero():
    checks = [published_interval_check(comparison) for comparison in paper.COMPARISONS.values()]
    with_zero = {check.task for check in checks if check.contains_zero}
    assert with_zero == {"breast", "pneumonia", "sarscov2", "hemorrhage"}
    assert {check.task for check in checks if check.implied_p > 0.05} == with_zero
    assert min(check.implied_p for check in checks) > 0.001


def test_only_acl_difference_is_off_centre_beyond_rounding():
    checks = [published_interval_check(comparison) for comparison in paper.COMPARISONS.values()]
    assert {check.task for check in checks if abs(check.off_centre) > 0.1 + 1e-9} == {"acl"}
    acl = next(check for check in checks if check.task == "acl")
    assert acl.off_centre == pytest.approx(5.25 - 4.8)


def test_only_acl_difference_is_out_of_reach_of_its_rounded_means():
    checks = [published_interval_check(comparison) for comparison in paper.COMPARISONS.values()]
    assert [check.task for check in checks if not check.means_allow_difference] == ["acl"]


def interval_of(half_width, *, difference=5.0, means=(0.85, 0.80)):
    """Check an interval of a half-width about a difference; both SDs are 0.05."""
    ends = difference - half_width, difference + half_width
    printed = (means[0], 0.05, means[1], 0.05, difference, *ends, "", "", ())
    return published_interval_check(paper.PublishedComparison("x", "", *printed))


def test_half_width_agrees_as_far_as_rounding_of_sds_and_ends_allows():
    bounds = interval_of(3.0)
    assert bounds.implied_low < 2.7 < 3.0 < bounds.implied_high
    for within, beyond in ((-0.049, -0.051), (0.049, 0.051)):
        end = bounds.implied_low if within < 0 else bounds.implied_high
        assert interval_of(end + within).agrees
        assert not interval_of(end + beyond).agrees


@pytest.mark.parametrize(("difference", "allowed"), [(6.04, True), (6.06, False), (3.96, True)])
def test_difference_may_differ_from_rounded_means_by_a_point_and_its_own_rounding(
    difference, allowed
):
    assert interval_of(3.0, difference=difference).means_allow_difference == allowed

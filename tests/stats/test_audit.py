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

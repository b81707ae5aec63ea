import re
from collections import Counter
from dataclasses import FrozenInstanceError, fields

import pytest

from rin.paper import CITATION, COMPARISONS
from rin.replications import AUC_POINTS, DIRECTIONS, REPLICATIONS

each = pytest.mark.parametrize("one", REPLICATIONS, ids=lambda one: f"{one.study}-{one.data}")
BOTH = [one for one in REPLICATIONS if None not in (one.radimagenet, one.imagenet)]


@each
def test_every_record_has_a_citable_source(one):
    pattern = r"^(10\.\d{4,}/\S+|arXiv \d{4}\.\d{5}|github\.com/\w+/\S+|openreview\.net/\S+)"
    assert re.match(pattern, one.place)
    assert CITATION.doi not in one.place, "the authors' own report is no replication"


@each
def test_every_record_names_study_images_network_and_metric(one):
    assert all((one.study, one.data, one.architecture, one.metric))
    assert one.direction in DIRECTIONS
    assert set(one.tasks) <= set(COMPARISONS)


def test_records_are_frozen():
    with pytest.raises(FrozenInstanceError):
        REPLICATIONS[0].imagenet = 0


@pytest.mark.parametrize("one", BOTH, ids=lambda one: f"{one.study}-{one.data}")
def test_direction_follows_from_the_numbers_unless_the_source_finds_no_difference(one):
    if one.direction == "parity":
        # Only a test of the source's own can overrule two different numbers.
        assert "P = " in one.remark
    else:
        higher = "RadImageNet" if one.radimagenet > one.imagenet else "ImageNet"
        assert one.direction == higher
        assert one.radimagenet != one.imagenet


@each
def test_direction_without_both_numbers_is_explained(one):
    if one not in BOTH and one.direction != "none stated":
        assert one.remark


@each
def test_scores_lie_in_the_range_of_their_metric(one):
    top = {100: 1, 1: 100}.get(AUC_POINTS.get(one.metric), 100)
    for value in (one.radimagenet, one.imagenet):
        assert value is None or 0 < value <= top
        if value is not None and one.metric in AUC_POINTS:
            assert value > 0.45 * top, "an area far below chance is a slip of the pen"


@each
def test_spread_is_stated_for_both_or_neither_and_only_beside_a_score(one):
    assert (one.radimagenet_sd is None) == (one.imagenet_sd is None)
    if one.radimagenet_sd is not None:
        assert one in BOTH
        assert min(one.radimagenet_sd, one.imagenet_sd) > 0


def test_unlike_comparisons_are_explained():
    unlike = [one for one in REPLICATIONS if not one.like_for_like]
    assert len(unlike) == 2
    assert all(one.remark for one in unlike)


def test_no_record_stands_twice():
    keys = [(one.study, one.data, one.architecture) for one in REPLICATIONS]
    assert max(Counter(keys).values()) == 1


def test_two_studies_say_themselves_how_often_imagenet_was_ahead():
    tuned = [one for one in REPLICATIONS if one.architecture == "ResNet50, fine-tuned"]
    mnist = [one for one in REPLICATIONS if one.data.startswith("MedMNIST")]
    assert Counter(one.direction for one in tuned) == {"ImageNet": 6, "RadImageNet": 1}
    assert Counter(one.direction for one in mnist) == {"ImageNet": 10, "RadImageNet": 2}
    assert all(one.own_weights for one in mnist)


def test_the_papers_ct_tasks_have_not_been_repeated():
    asked = {task for one in REPLICATIONS for task in one.tasks}
    assert set(COMPARISONS) - asked == {"covid19", "sarscov2", "hemorrhage"}


def test_every_metric_of_an_area_has_its_factor():
    areas = {one.metric for one in REPLICATIONS if "AUC" in one.metric}
    assert areas == set(AUC_POINTS)


def test_every_field_is_described():
    text = type(REPLICATIONS[0]).__doc__
    assert [f.name for f in fields(REPLICATIONS[0]) if f.name not in text] == []

import re
from collections import Counter
from dataclasses import FrozenInstanceError, fields

import numpy as np
import pytest
from scipy import stats

from rin.paper import CITATION, COMPARISONS
from rin.replications import (
    AUC_POINTS,
    DIRECTIONS,
    REPLICATIONS,
    like_for_like,
    welch_half_width,
)

each = pytest.mark.parametrize("one", REPLICATIONS, ids=lambda one: f"{one.study}-{one.data}")
BOTH = [one for one in REPLICATIONS if None not in (one.radimagenet, one.imagenet)]


@each
def test_every_record_has_a_citable_source(one):
    pattern = r"^(10\.\d{4,}/\S+|arXiv \d{4}\.\d{5}|github\.com/\w+/\S+|openreview\.net/\S+)"
    assert re.match(pattern, one.place)
    assert CITATION.doi not in one.place, "the authors' own report is no replication"


@each
def test_every_record_names_study_images_network_and_metric(one):
    assert all((one.study, one.data, one.network, one.metric))
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
    assert one in BOTH or one.remark


@each
def test_scores_lie_in_the_range_of_their_metric(one):
    top = {100: 1, 1: 100}.get(AUC_POINTS.get(one.metric), 100)
    for value in (one.radimagenet, one.imagenet):
        assert value is None or 0 < value <= top
        if value is not None and one.metric in AUC_POINTS:
            assert value > 0.45 * top, "an AUC far below chance is a slip of the pen"


@each
def test_spread_is_stated_for_both_or_neither_and_only_beside_a_score(one):
    assert (one.radimagenet_sd is None) == (one.imagenet_sd is None) == (one.folds == 0)
    if one.radimagenet_sd is not None:
        assert one in BOTH
        assert min(one.radimagenet_sd, one.imagenet_sd) > 0


def test_unlike_comparisons_are_explained():
    unlike = [one for one in REPLICATIONS if not one.like_for_like]
    assert len(unlike) == 2
    assert all(one.remark for one in unlike)


def test_no_record_stands_twice():
    keys = [(one.study, one.data, one.setting) for one in REPLICATIONS]
    assert max(Counter(keys).values()) == 1


def test_two_studies_say_themselves_how_often_imagenet_was_ahead():
    tuned = [one for one in REPLICATIONS if one.setting == "fine-tuned"]
    mnist = [one for one in REPLICATIONS if one.data.startswith("MedMNIST")]
    assert Counter(one.direction for one in tuned) == {"ImageNet": 6, "RadImageNet": 1}
    assert Counter(one.direction for one in mnist) == {"ImageNet": 10, "RadImageNet": 2}
    assert all(one.own_weights for one in mnist)


def test_the_papers_ct_tasks_have_not_been_repeated():
    asked = {task for one in REPLICATIONS for task in one.tasks}
    assert set(COMPARISONS) - asked == {"covid19", "sarscov2", "hemorrhage"}


def test_every_metric_of_an_auc_has_its_factor():
    assert {one.metric for one in REPLICATIONS if "AUC" in one.metric} == set(AUC_POINTS)


def test_every_field_is_described():
    text = type(REPLICATIONS[0]).__doc__
    assert [f.name for f in fields(REPLICATIONS[0]) if f.name not in text] == []


def test_like_for_like_has_a_row_for_each_comparison_with_both_aucs():
    table = like_for_like()
    expected = [one for one in BOTH if one.like_for_like and one.metric in AUC_POINTS]
    assert len(table) == len(expected) == 28
    assert Counter(table["ahead"]) == Counter(one.direction for one in expected)
    # A frozen backbone under different heads differs by 15 points and is left out.
    assert table["estimate"].max() < 10
    breast = table[table["task"] == "breast"]
    assert breast["estimate"].tolist() == [-2.3, -17.4, -5.01]
    assert breast["low"].isna().tolist() == [False, False, True]
    assert set(table.loc[table["scaling_missing"], "study"]) == {"Juodelyte 2023"}


def test_intervals_of_others_are_welchs():
    table = like_for_like().set_index("label")
    one = table.loc["breast US (BUSI), fine-tuned"]
    test = stats.ttest_ind_from_stats(88.2, 4.2, 5, 90.5, 3.8, 5, equal_var=False)
    half = (one["high"] - one["low"]) / 2
    freedom = (4.2**2 + 3.8**2) ** 2 * 4 / (4.2**4 + 3.8**4)
    assert half == pytest.approx(abs(-2.3 / test.statistic) * stats.t.ppf(0.975, freedom))
    p_at_the_end = stats.ttest_ind_from_stats(half, 4.2, 5, 0, 3.8, 5, equal_var=False).pvalue
    assert p_at_the_end == pytest.approx(0.05)


def test_no_interval_without_a_spread():
    assert np.isnan(welch_half_width(None, None, 0))

"""Sentences that have cases, on made rows: each case once, with its sign and its size."""

import pandas as pd
import pytest

from rin.report import words

INITS = ("radiologic", "photographic")
NAN = float("nan")


def row(estimate, low=NAN, high=NAN, p_holm=NAN, df=3.0, **more):
    """Return a row of an estimate, in points."""
    ends = {"ci_low": low / 100, "ci_high": high / 100}
    return pd.Series({"estimate": estimate / 100, **ends, "df": df, "p_holm": p_holm} | more)


@pytest.mark.parametrize(
    ("difference", "p_holm", "text"),
    [
        (10, 0.049, "radiologic ahead"),
        (-10, 0.001, "photographic ahead"),
        (10, 0.05, "no clear difference"),
        (10, NAN, "no clear difference"),
        (0, 0.0, "no clear difference"),
    ],
)
def test_verdict_follows_sign_and_adjusted_p(difference, p_holm, text):
    assert words.verdict(row(difference, p_holm=p_holm), INITS) == text


def test_verdict_writes_proper_names_with_their_capitals():
    text = words.verdict(row(-10, p_holm=0.01), ("radimagenet", "imagenet"))
    assert text == "ImageNet ahead"


@pytest.mark.parametrize(
    ("stand_ins", "text"),
    [
        (["weights"], "no verdict, as the weights are stand-ins"),
        (["images"], "no verdict, as the images are stand-ins"),
        (["weights", "images"], "no verdict, as the images and weights are stand-ins"),
    ],
)
def test_verdict_of_stand_ins_is_none_however_small_p(stand_ins, text):
    assert words.verdict(row(-10, p_holm=1e-9), INITS, stand_ins=stand_ins) == text


@pytest.mark.parametrize(
    ("difference", "side"),
    [(1, "radiologic"), (-1, "photographic"), (0, "neither"), (NAN, "neither")],
)
def test_direction_is_the_side_of_the_estimate_clear_or_not(difference, side):
    assert words.direction(row(difference), INITS) == side


@pytest.mark.parametrize(
    ("n", "total", "text"),
    [
        (6, 6, "on all six tasks"),
        (2, 2, "on both tasks"),
        (1, 1, "on the one task"),
        (0, 1, "not on the one task"),
        (0, 6, "on none of six tasks"),
        (2, 6, "on two of six tasks"),
        (3, 12, "on three of 12 tasks"),
    ],
)
def test_number_of_tasks_is_in_words_and_never_all_of_one(n, total, text):
    assert words.on_tasks(n, total) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (row(-8.6, -12, -5.2), "8.6 points (5.2, 12.0)"),
        (row(8.6, 5.2, 12), "8.6 points (5.2, 12.0)"),
        (row(-8.6), "8.6 points"),
    ],
)
def test_size_of_a_lead_has_no_sign_and_its_interval_turns_with_it(estimate, text):
    assert words.ahead_by(estimate) == text


@pytest.mark.parametrize(
    ("estimate", "text"),
    [
        (row(1.4, -2, 4.8), "+1.4 (−2.0, 4.8)"),
        (row(-13.3, -137.5, 110.9, df=1), "−13.3 (no usable interval)"),
        (row(-13.3, -37.5, 10.9, df=1), "−13.3 (no usable interval)"),
        (row(-13.3), "−13.3 (no usable interval)"),
        (row(1.4, -2, 4.8, df=float("inf")), "+1.4 (−2.0, 4.8)"),
    ],
)
def test_interval_beyond_what_an_auc_can_be_is_not_printed(estimate, text):
    assert words.points(estimate) == text


@pytest.mark.parametrize(
    ("init", "text"),
    [
        ("photographic", "photographic pretraining"),
        ("radimagenet", "RadImageNet"),
        ("random", "random initialisation"),
    ],
)
def test_initialisation_is_the_subject_of_a_sentence(init, text):
    assert words.pretraining_name(init) == text

"""Sentences that have cases, on made rows: each case once, with its sign and its size."""

import re

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
        (row(1.4, -2, 4.8), "+1.4 points (−2.0, 4.8)"),
        (row(-13.3, -137.5, 110.9, df=1), "−13.3 points (no usable interval)"),
        (row(-13.3, -51, 24.4, df=1), "−13.3 points (no usable interval)"),
        (row(-13.3), "−13.3 points (no interval)"),
        (row(1.4, -2, 4.8, df=float("inf")), "+1.4 points (−2.0, 4.8)"),
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


NAMES = {"breast": "breast lesions", "covid19": "COVID-19", "thyroid": "thyroid nodules"}


def run(*rows, unit="pretrainings", pairs=10, pretrainings=3):
    """Return rows of `deciding`: a tuple of estimate, interval and adjusted P for each task."""
    sizes = {"unit": unit, "pairs": pairs, "pretrainings": pretrainings}
    tables = zip(NAMES, rows, strict=False)
    return pd.DataFrame([row(*numbers, task=task, **sizes) for task, numbers in tables])


AHEAD, BEHIND = (9.5, 4.3, 14.8, 0.01), (-8.6, -12, -5.2, 0.02)
UNCLEAR, NARROW = (1.4, -2, 7.8, 1), (0.5, -1.5, 2.5, 1)
UNADJUSTED = (3.0, 0.5, 5.5, 0.06)


@pytest.mark.parametrize(
    ("rows", "text"),
    [
        (
            run(AHEAD, AHEAD),
            "Radiologic pretraining is ahead on both tasks: breast lesions by 9.5 points "
            "(4.3, 14.8) and COVID-19 by 9.5 points (4.3, 14.8), across pretrainings.",
        ),
        (
            run(BEHIND, BEHIND, BEHIND),
            "Photographic pretraining is ahead on all three tasks: breast lesions by 8.6 points "
            "(5.2, 12.0), COVID-19 by 8.6 points (5.2, 12.0) and thyroid nodules by 8.6 points "
            "(5.2, 12.0), across pretrainings.",
        ),
        (
            run(BEHIND, UNCLEAR),
            "Photographic pretraining is ahead on one of two tasks: breast lesions by 8.6 points "
            "(5.2, 12.0), across pretrainings. On the other task no difference is clear "
            "(estimate +1.4).",
        ),
        (
            run(AHEAD, UNCLEAR, UNADJUSTED),
            "Radiologic pretraining is ahead on one of three tasks: breast lesions by 9.5 points "
            "(4.3, 14.8), across pretrainings. On the other two no difference is clear "
            "(estimates +1.4 to +3.0, all on the radiologic side).",
        ),
        (
            run(AHEAD, BEHIND, UNCLEAR),
            "The tasks disagree: radiologic pretraining is ahead on one of three tasks: breast "
            "lesions by 9.5 points (4.3, 14.8); photographic pretraining is ahead on one of "
            "three tasks: COVID-19 by 8.6 points (5.2, 12.0), across pretrainings. On the other "
            "task no difference is clear (estimate +1.4).",
        ),
        (
            run(BEHIND),
            "Photographic pretraining is ahead on breast lesions, by 8.6 points (5.2, 12.0), "
            "across pretrainings.",
        ),
        (
            run(UNCLEAR),
            "No clear difference across pretrainings, on breast lesions: +1.4 points (−2.0, 7.8). "
            "The run was too small to tell: a difference of 5 points is not excluded.",
        ),
        (
            run(UNCLEAR, NARROW),
            "No clear difference across pretrainings: on both tasks the 95% interval includes no "
            "difference. The run was too small to tell: a difference of 5 points is excluded only "
            "on one of two tasks.",
        ),
        (
            run(UNCLEAR, UNCLEAR, UNADJUSTED),
            "No clear difference across pretrainings: on two of three tasks the 95% interval "
            "includes no difference. It does not on thyroid nodules, +3.0 points (0.5, 5.5); "
            "adjusted for all tasks, P is .05 or more. The run was too small to tell: a "
            "difference of 5 points is not excluded.",
        ),
        (
            run(NARROW, NARROW, NARROW),
            "No clear difference across pretrainings: on all three tasks the 95% interval "
            "includes no difference. A difference of 5 points is excluded on all three tasks.",
        ),
        (
            run(NARROW),
            "No clear difference across pretrainings, on breast lesions: +0.5 points (−1.5, 2.5). "
            "A difference of 5 points is excluded.",
        ),
        (
            run(BEHIND, unit="networks", pairs=1, pretrainings=1),
            "The photographic networks are ahead on breast lesions, by 8.6 points (5.2, 12.0), "
            "for these networks alone, on new patients. One pair of networks says nothing about "
            "other pretrainings.",
        ),
        (
            run(UNCLEAR, unit="networks", pairs=2, pretrainings=1),
            "No clear difference for these networks alone, on new patients, on breast lesions: "
            "+1.4 points (−2.0, 7.8). The run was too small to tell: a difference of 5 points is "
            "not excluded. This says nothing about other pretrainings.",
        ),
        (
            run((-13.3,), unit="networks", pairs=1, pretrainings=1),
            "No clear difference for these networks alone, on new patients, on breast lesions: "
            "−13.3 points (no interval). The run was too small to tell: a difference of 5 "
            "points is not excluded. One pair of networks says nothing about other pretrainings.",
        ),
    ],
)  # fmt: skip
def test_finding_says_who_is_ahead_where_and_by_how_much(rows, text):
    assert words.finding(rows, NAMES, INITS) == text


def test_finding_of_released_weights_is_across_backbones_and_names_them():
    rows = run(BEHIND, pairs=4, pretrainings=1)
    assert words.finding(rows, NAMES, ("radimagenet", "imagenet")) == (
        "ImageNet is ahead on breast lesions, by 8.6 points (5.2, 12.0), across backbones."
    )


@pytest.mark.parametrize("rows", [run(AHEAD, BEHIND), run(BEHIND), run(UNCLEAR, NARROW, AHEAD)])
def test_finding_from_stand_in_weights_is_numbers_alone(rows):
    text = words.finding(rows, NAMES, INITS, stand_ins=["weights"])
    assert text.startswith("No verdict, as the weights are stand-ins. Difference")
    assert not re.search(r"ahead|clear|excluded|P [=<]", text)
    assert f"{rows['estimate'].min() * 100:.1f}".replace("-", "−") in text


PRETRAININGS = pd.DataFrame(
    [
        row(*BEHIND, task="breast", pairs=10, backbones=4, pretrainings=3),
        row(-13.3, -137.5, 110.9, 0.8, task="covid19", pairs=2, backbones=2, pretrainings=1),
        row(-13.3, task="thyroid", pairs=1, backbones=1, pretrainings=1),
    ]
)
NETWORKS = pd.DataFrame(
    [row(*UNCLEAR, task=task, group="all", n_cases=90) for task in NAMES]
    + [row(*AHEAD, task=task, group="freeze_all", n_cases=90) for task in NAMES]
)


def test_deciding_row_is_that_of_pretraining_or_where_its_interval_is_of_no_use_of_the_networks():
    rows = words.deciding(PRETRAININGS, NETWORKS).set_index("task")
    assert rows["unit"].to_dict() == {
        "breast": "pretrainings", "covid19": "networks", "thyroid": "networks"
    }  # fmt: skip
    assert (100 * rows["estimate"]).round(1).to_list() == [-8.6, 1.4, 1.4]
    assert rows["pairs"].to_list() == [10, 2, 1]

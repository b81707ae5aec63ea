"""Sentences that have cases, on made rows: each case once, with its sign and its size."""

import re

import pandas as pd
import pytest
from scipy import stats

from rin.report import words
from rin.study import open_reference

INITS = ("radiologic", "photographic")
NAN = float("nan")


def row(estimate, low=NAN, high=NAN, p_holm=NAN, df=3.0, **more):
    """Return a row of an estimate, in points; its interval is that of Student's t."""
    ends = {"ci_low": low / 100, "ci_high": high / 100}
    error = (high - low) / 200 / stats.t.ppf(0.975, df)
    cells = {"estimate": estimate / 100, **ends, "df": df, "p_holm": p_holm}
    return pd.Series(cells | {"standard_error": error} | more)


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
        (row(-13.3, -64, 37.4, df=1), "−13.3 points (no usable interval)"),
        (row(-40, -52, -28), "−40.0 points (−52.0, −28.0)"),
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
    made = pd.DataFrame([row(*numbers, task=task, **sizes) for task, numbers in tables])
    return words.with_exclusion(made)


AHEAD, BEHIND = (9.5, 4.3, 14.8, 0.01), (-8.6, -12, -5.2, 0.02)
UNCLEAR, NARROW = (1.4, -2, 7.8, 1), (0.5, -1.5, 2.5, 1)
UNADJUSTED = (3.0, 0.5, 5.5, 0.06)
BELOW = (-0.9, -6.5, 4.7, 1)


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
            "A difference of 5 points or more is excluded on one of two tasks (COVID-19); on the "
            "other the run was too small for that. One of 2 points is excluded on none of two "
            "tasks. No clear difference across pretrainings: on both tasks the 95% interval "
            "includes no difference (estimates +0.5 to +1.4 points).",
        ),
        (
            run(UNCLEAR, BELOW, UNADJUSTED),
            "No clear difference across pretrainings: on two of three tasks the 95% interval "
            "includes no difference (estimates −0.9 to +1.4 points). It does not on thyroid "
            "nodules, +3.0 points (0.5, 5.5); adjusted for all tasks, P is .05 or more. The run "
            "was too small to tell: a difference of 5 points is not excluded.",
        ),
        (
            run(NARROW, UNCLEAR, NARROW),
            "A difference of 5 points or more is excluded on two of three tasks; on COVID-19 the "
            "run was too small for that. One of 2 points is excluded on none of three tasks. No "
            "clear difference across pretrainings: on all three tasks the 95% interval includes "
            "no difference (estimates +0.5 to +1.4 points).",
        ),
        (
            run(NARROW, (2.7, 0.9, 4.4, 0.01)),
            "A difference of 5 points or more is excluded on both tasks. One of 2 points is "
            "excluded on none of two tasks. Radiologic pretraining "
            "is ahead on one of two tasks: COVID-19 by 2.7 points (0.9, 4.4), across "
            "pretrainings. On the other task no difference is clear (estimate +0.5).",
        ),
        (
            run(NARROW, NARROW, NARROW),
            "A difference of 5 points or more is excluded on all three tasks. One of 2 points is "
            "excluded on none of three tasks. No clear difference "
            "across pretrainings: on all three tasks the 95% interval includes no difference "
            "(estimates +0.5 points).",
        ),
        (
            run(NARROW),
            "A difference of 5 points or more is excluded. One of 2 points is too. No clear "
            "difference across "
            "pretrainings, on breast lesions: +0.5 points (−1.5, 2.5).",
        ),
        (
            run(BEHIND, unit="networks", pairs=1, pretrainings=1),
            "The photographic networks are ahead on breast lesions, by 8.6 points (5.2, 12.0), "
            "for these networks alone, on new patients. One pair of networks says nothing about "
            "other pretrainings.",
        ),
        (
            run(NARROW, unit="networks", pairs=2, pretrainings=1),
            "For these networks, a difference of 5 points or more is excluded. One of 2 points is "
            "too. No clear difference for these networks alone, on new patients, on breast "
            "lesions: +0.5 points (−1.5, 2.5). This says nothing about other pretrainings.",
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


DOUBTS = words.Reservations(
    nameless=["breast"], grown=True, fragile={"breast": (6, 18)}, removed={"breast": 2}
)


@pytest.mark.parametrize(
    ("estimates", "unit", "reserved", "text"),
    [
        (
            [3, 1],
            "networks",
            False,
            "the radiologic networks are ahead on both tasks, by 1.0 to 3.0",
        ),
        (
            [-3, 0],
            "pretrainings",
            True,
            "photographic pretraining is ahead on one of two tasks, by 3.0",
        ),
        ([2], "pretrainings", False, "radiologic pretraining is ahead by 2.0"),
        ([-2], "networks", False, "the photographic networks are ahead by 2.0"),
    ],
)
def test_answer_names_who_is_ahead_on_how_many_tasks_and_by_how_much(
    estimates, unit, reserved, text
):
    """An estimate of zero stands for a difference that is not clear."""
    rows = pd.DataFrame([row(size, p_holm=0.01, unit=unit) for size in estimates])
    end = ", with reservations." if reserved else "."
    said = words.answer(rows, INITS, reserved=reserved)
    assert said == f"In this run, {text} points of AUC{end}"


def test_answer_names_both_sides_or_says_that_no_difference_is_clear():
    made = [
        [row(size, p_holm=0.01, unit="networks") for size in sizes]
        for sizes in ([3, -2, 0], [0, 0], [0])
    ]
    both, neither, alone = (words.answer(pd.DataFrame(rows), INITS) for rows in made)
    assert both == (
        "In this run, the radiologic networks are ahead on one of three tasks, by 3.0 points of "
        "AUC; the photographic networks are ahead on one of three tasks, by 2.0 points of AUC."
    )
    assert neither == "In this run, no difference is clear on any of the two tasks."
    assert alone == "In this run, no difference is clear."


def test_clear_finding_says_what_speaks_against_its_certainty_and_what_is_excluded():
    text = words.finding(run(AHEAD, NARROW), NAMES, INITS, reservations=DOUBTS)
    assert text.startswith("A difference of 5 points or more is excluded on one of two tasks")
    doubts = "The files of breast lesions name no patients, so that the interval is too narrow. "
    doubts += "Pairs of networks were added one by one and the results looked at each time, for "
    doubts += "which neither P values nor exclusions allow. On breast lesions adjusted P is .05 "
    doubts += "or more without any one of 6 of 18 pairs. With longer fine-tuning of two backbones "
    doubts += "no clear difference was left on breast lesions."
    assert doubts in text
    without = words.finding(
        run(AHEAD, NARROW), NAMES, INITS, reservations=DOUBTS, exclusions=False
    )
    assert without.startswith("Radiologic pretraining is ahead on one of two tasks")
    brief = words.finding(
        run(AHEAD, NARROW),
        NAMES,
        INITS,
        reservations=DOUBTS,
        doubts_follow=True,
    )
    assert "across pretrainings, with the reservations below. On the other task no" in brief
    certain = words.finding(run(AHEAD, NARROW), NAMES, INITS, doubts_follow=True)
    assert "reservations" not in certain
    unclear = words.finding(run(UNCLEAR, NARROW), NAMES, INITS, reservations=DOUBTS)
    assert not re.search("name no patients|looked at|without any one|longer", unclear)


def test_small_difference_is_excluded_where_the_tests_say_so():
    rows = pd.DataFrame([{"task": "breast", "estimate": 0.0, "standard_error": 0.005, "df": 20.0}])
    rows = words.with_exclusion(rows).assign(unit="pretrainings")
    said = words.what_is_excluded(rows, NAMES)
    assert said == ["A difference of 5 points or more is excluded.", "One of 2 points is too."]
    two = pd.concat([rows, rows.assign(task="covid19", within_small=False)])
    assert words.what_is_excluded(two, NAMES)[1] == (
        "One of 2 points is excluded on one of two tasks."
    )


def test_papers_interval_may_overlap_with_one_that_excludes_its_difference():
    rows = published(run(UNCLEAR, UNCLEAR), (9.4, True, 0.01), (8.4, True, 0.1))
    rows = rows.assign(published_low=[0.02, 0.08], published_high=[0.16, 0.09])
    assert words.papers_interval(rows, NAMES) == (
        "The paper's interval, over ways of fine-tuning, overlaps with it on breast lesions."
    )
    assert words.papers_interval(rows.assign(outside=False), NAMES) == ""


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


@pytest.mark.parametrize(
    ("errors", "excluded"),
    [
        # Of a difference of 2 points, 3 points from 5: P is .022 with an error of 1.3 on 10 df.
        ([1.3], [True]),
        ([1.3, 1.3], [True, True]),  # both below .05 / 2
        ([1.3, 9.0], [True, False]),
        ([1.5, 9.0], [False, False]),  # .037, which two tasks double
        ([1.5], [True]),
        ([NAN], [False]),
    ],
)
def test_exclusion_is_by_two_one_sided_tests_adjusted_over_the_tasks(errors, excluded):
    cells = {"estimate": 0.02, "df": 10.0}
    rows = [cells | {"task": task, "standard_error": error / 100}
            for task, error in zip(NAMES, errors, strict=False)]  # fmt: skip
    assert words.with_exclusion(pd.DataFrame(rows))["equivalent"].to_list() == excluded


def published(rows, *stated):
    """Add the paper's difference in points, whether it is outside, and its adjusted P value."""
    cells = pd.DataFrame([*stated], columns=["published", "outside", "published_p"])
    return rows.assign(**cells.assign(published=cells["published"] / 100))


OUTSIDE = "The paper's own difference, taken as exact, lies outside the 95% interval on "
WITHIN = "The paper's own difference, taken as exact, lies within the 95% interval on "


@pytest.mark.parametrize(
    ("stated", "unlike", "listed", "counted"),
    [
        (
            [(9.4, True, 0.01), (2.0, False, 0.9)],
            "other weights and partly other images",
            f"{OUTSIDE}one of two tasks (+9.4 on breast lesions), with other weights and partly "
            "other images.",
            f"{OUTSIDE}one of two tasks, with other weights and partly other images.",
        ),
        (
            [(9.4, True, 0.1), (8.4, True, 0.1)],
            "",
            f"{OUTSIDE}both tasks (+9.4 on breast lesions and +8.4 on COVID-19; adjusted for all "
            "tasks, P is .05 or more).",
            f"{OUTSIDE}both tasks (adjusted for all tasks, P is .05 or more).",
        ),
        (
            [(9.4, True, 0.04), (8.4, True, 0.1)],
            "other weights",
            f"{OUTSIDE}both tasks (+9.4 on breast lesions and +8.4 on COVID-19; adjusted for all "
            "tasks, P is below .05 on one), with other weights.",
            f"{OUTSIDE}both tasks (adjusted for all tasks, P is below .05 on one), with other "
            "weights.",
        ),
        (
            [(3.0, False, 0.9), (NAN, NAN, NAN)],
            "other weights",
            f"{WITHIN}the one task, with other weights.",
            f"{WITHIN}the one task, with other weights.",
        ),
        (
            [(3.0, False, 0.9), (2.0, False, 0.9)],
            "",
            f"{WITHIN}both tasks.",
            f"{WITHIN}both tasks.",
        ),
    ],
)
def test_finding_says_whether_the_papers_difference_is_excluded(stated, unlike, listed, counted):
    rows = published(run(UNCLEAR, UNCLEAR), *stated)
    assert words.papers_difference(rows, NAMES, unlike) == [listed]
    said = words.finding(rows, NAMES, INITS, unlike_paper=unlike)
    assert said.startswith("No clear difference across pretrainings: ")
    assert said.endswith(counted)
    clear = published(run(AHEAD, AHEAD), *stated)
    said = words.finding(clear, NAMES, INITS, unlike_paper=unlike)
    assert said.startswith("Radiologic pretraining is ahead on both tasks: ")
    assert said.endswith(counted)


def test_no_difference_of_the_paper_is_compared_where_there_is_none_or_with_one_pair():
    assert words.papers_difference(run(UNCLEAR), NAMES, "") == []
    assert words.papers_difference(published(run(UNCLEAR), (NAN, NAN, NAN)), NAMES, "") == []
    alone = published(run(UNCLEAR, unit="networks", pairs=1), (9.4, True, 0.01))
    assert words.papers_difference(alone, NAMES, "") == []


@pytest.mark.parametrize(
    ("weights", "tasks", "text"),
    [
        (INITS, ("breast", "covid19"), "other weights and partly other images"),
        (INITS, ("covid19", "thyroid"), "other weights and other images"),
        (INITS, ("breast",), "other weights"),
        ((), ("breast",), ""),
    ],
)
def test_run_differs_from_the_paper_in_weights_and_images(weights, tasks, text):
    facts = [open_reference().facts(task) for task in tasks]
    assert words.unlike_paper(INITS, dict.fromkeys(weights, "a corpus"), facts) == text


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


def test_cells_have_an_asterisk_where_a_difference_is_clear_and_nothing_is_made_up():
    table = pd.DataFrame([row(*AHEAD), row(*UNCLEAR), row(-13.3, -137.5, 110.9, 0.01)])
    numbers = ["+9.5 (4.3, 14.8)", "+1.4 (−2.0, 7.8)", "−13.3 –"]
    marked = [f"{numbers[0]}*", numbers[1], f"{numbers[2]}*"]
    assert words.starred(table).to_list() == marked
    assert words.starred(table, stand_ins=["images"]).to_list() == numbers


@pytest.mark.parametrize(
    ("inits", "corpora", "text"),
    [
        (INITS, dict.fromkeys(INITS, "A corpus"), "the released weights were not tested"),
        (("radimagenet", "imagenet"), {}, "the released ones: RadImageNet and ImageNet"),
        (("radiologic", "imagenet"), {"radiologic": "A corpus"}, "ImageNet is as released"),
    ],
)
def test_weights_that_were_compared_are_named(inits, corpora, text):
    assert text in words.weights_compared(inits, corpora)
    said = words.weights_limit(inits, corpora)
    assert ("neither confirm nor refute" in said) == (inits == INITS)
    assert ("as released" in said) == (not corpora)


def test_released_weights_that_nothing_knows_are_not_called_the_released_ones():
    said = words.weights_compared(("radimagenet", "imagenet"), {}, ["radimagenet ResNet50"])
    assert said == (
        "The weights go by the names of the released ones: RadImageNet and ImageNet. Nothing "
        "shows that those of radimagenet ResNet50 are what they are called."
    )


EFFECTS = pd.DataFrame(
    [
        row(*numbers, task=task, level=level)
        for task, level, numbers in [
            ("breast", "fixed", (3.6, 2.2, 5.0)),
            ("breast", "converged", (3.1, 1.5, 4.7)),
            ("covid19", "fixed", (1.9, 1.1, 2.8)),
            ("covid19", "converged", (-0.6, -1.5, 0.4)),
        ]
    ]
)


def test_longer_training_that_removes_a_difference_is_said_where_the_difference_is():
    text = words.longer_training(EFFECTS, NAMES, 2)
    assert text.startswith("With longer fine-tuning of two backbones and one pretraining, +3.6")
    assert "+1.9 became −0.6 points (−1.5, 0.4) on COVID-19" in text
    assert text.endswith("It thus removed the difference of these networks on COVID-19.")
    kept = words.longer_training(EFFECTS[EFFECTS["task"] == "breast"], NAMES, 2)
    assert "removed" not in kept


def test_learning_is_called_unequal_only_where_it_is():
    unequal = words.unequal_learning({"radiologic": 75, "photographic": 31}, INITS)
    assert unequal.startswith("Unequal learning: the radiologic networks classified 75% ")
    alike = words.unequal_learning({"radiologic": 75, "photographic": 73}, INITS)
    assert alike.startswith("Learning: ")
    assert "therefore" not in alike


@pytest.mark.parametrize(
    ("tasks", "text"),
    [
        (["breast"], "one of the paper's eight tasks"),
        (["breast", "mine"], "one of the paper's eight tasks and of one more"),
        (["mine"], "none of the paper's eight tasks and of one more"),
    ],
)
def test_tasks_of_the_paper_and_others_are_counted_apart(tasks, text):
    assert words.tasks_covered(tasks) == text


@pytest.mark.parametrize(
    ("tasks", "ins", "text"),
    [
        ([], ["weights"], ""),
        (["breast lesions"], [], ""),
        (
            ["breast lesions"],
            ["weights"],
            "Your own run of breast lesions carries no verdict, as ",
        ),
    ],
)
def test_own_run_of_stand_ins_is_mentioned_beside_the_one_that_is_shown(tasks, ins, text):
    said = words.own_run_aside(tasks, ins)
    assert said.startswith(text)
    assert bool(said) == bool(text)


def test_own_run_of_a_part_of_a_dataset_is_said_not_to_count_as_the_whole():
    said = words.own_run_aside(["breast lesions"], [], ["11 of 780 images"])
    assert "does not count as the whole, of which it read only a part (11 of 780 images)" in said


def test_images_of_tasks_are_counted_by_kind_and_another_cut_is_no_substitute():
    facts = open_reference().reference.facts.tasks
    text = words.images_limit(facts)
    assert "two have the images of the named dataset" in text
    assert "three have open substitutes" in text
    assert "one has another cut" in text
    assert "For three of the paper's eight tasks" in text


@pytest.mark.parametrize(
    ("sides", "text"),
    [
        (
            {"A": ["RadImageNet"], "B": ["ImageNet", ""], "C": ["neither"], "D": ["", ""]},
            "Of four studies by other groups, RadImageNet is clearly ahead in one, ImageNet in "
            "one, no difference is clear in one and one has no test over "
            "patients: they have no common direction.",
        ),
        (
            {"A": ["ImageNet"], "B": ["ImageNet", "neither"], "C": [""], "D": [""]},
            "Of four studies by other groups, ImageNet is clearly ahead in two and two have no "
            "test over patients: where a difference is clear, it favours ImageNet.",
        ),
        (
            {"A": ["neither", ""]},
            "Of one study by other groups, no difference is clear in one: none of them shows a "
            "clear difference.",
        ),
        ({}, "No study by another group is known."),
    ],
    ids=["mixed", "one side", "nothing clear", "none"],
)
def test_studies_say_together_whether_clear_differences_agree(sides, text):
    rows = [{"study": study, "side": side} for study, of in sides.items() for side in of]
    rows = pd.DataFrame(rows, columns=["study", "side"])
    assert words.directions(rows) == text
    together = words.directions(rows, brief=True)
    assert together.rpartition(": ")[2] == text.rpartition(": ")[2]
    assert "clearly ahead" not in together


@pytest.mark.parametrize(
    ("called", "equal", "parts"),
    [
        ([], [], ["no results for the tasks"]),
        (["Breast lesions"], [], ["for breast lesions; for none of them", "±2 points"]),
        (
            ["Breast lesions", "Pneumonia"],
            ["Pneumonia"],
            ["For pneumonia equivalence within ±2 points", "these networks on new patients only"],
        ),
    ],
)
def test_equivalence_is_said_of_these_networks_only(called, equal, parts):
    text = words.equivalence(called, equal, 2)
    assert [part for part in parts if part not in text] == []
    assert ("another pretraining" in text) == bool(equal)


@pytest.mark.parametrize(
    ("backbones", "text"),
    [
        (
            ["ResNet50", "DenseNet121"],
            "In the other two, the architectures, the ways of unfreezing and the learning rates "
            "are the paper's.",
        ),
        (
            ["ResNet50", "MobileNetV2"],
            "In the other two, the ways of unfreezing and the learning rates are the paper's, and "
            "so is one of two architectures; MobileNetV2 is added here.",
        ),
        (
            ["Xception", "MobileNetV2"],
            "In the other two, the ways of unfreezing and the learning rates are the paper's; the "
            "architectures are not: Xception and MobileNetV2.",
        ),
    ],
)
def test_architectures_that_the_paper_lacks_are_named(backbones, text):
    assert words.architectures(backbones) == text


PAIRS = pd.DataFrame(
    {
        "task": "breast",
        "backbone": ["ResNet50", "ResNet50", "MobileNetV2"],
        "estimate": [0.01, -0.15, 0.02],
    }
)


@pytest.mark.parametrize(
    ("numbers", "pairs", "stand_ins", "parts"),
    [
        (UNCLEAR, PAIRS, (), ["no task on which one is clearly ahead", "by up to 16.0 points"]),
        (AHEAD, PAIRS, (), ["this run found radiologic ahead on", "9.5 points (4.3, 14.8)"]),
        (AHEAD, PAIRS, ("weights",), []),
        (UNCLEAR, PAIRS[:1], (), ["no task on which one is clearly ahead"]),
        (NARROW, PAIRS, (), ["a gain of 5 points or more is excluded on the one task."]),
    ],
)
def test_advice_follows_what_the_run_found(numbers, pairs, stand_ins, parts):
    across = words.with_exclusion(pd.DataFrame([row(*numbers, task="breast")]))
    text = words.what_to_do(across, pairs, NAMES, INITS, stand_ins=stand_ins)
    assert text.count("\n- **") == 2
    assert [part for part in parts if part not in text] == []
    assert ("moved" in text) == (len(pairs) > 1 and not stand_ins)
    assert ("this run found" in text.lower()) == (not stand_ins)


def test_advice_on_a_doubted_difference_points_to_the_doubts():
    across = words.with_exclusion(pd.DataFrame([row(*AHEAD, task="breast")]))
    doubted = words.what_to_do(across, PAIRS, NAMES, INITS, reserved=True)
    assert "by 9.5 points (4.3, 14.8), with the reservations below." in doubted
    assert "reservations" not in words.what_to_do(across, PAIRS, NAMES, INITS)

"""Sentences of the pages of results, on made rows: each case once."""

import math

import pandas as pd
import pytest

from rin.report import words_of_results as words

INITS = ("radiologic", "photographic")
NAMES = {"breast": "breast lesions", "covid19": "COVID-19", "acl": "ACL tears"}
NAMES |= {"freeze_all": "frozen", "unfreeze_all": "all layers"}
NAN = math.nan
STAND_INS = ("weights",)
VERDICTS = ("ahead", " P ", "clear difference", "distinguishable")


def row(points, half=1.0, **more):
    """An estimate in points with its interval, as `rin.stats` returns it: fractions."""
    ends = {"ci_low": (points - half) / 100, "ci_high": (points + half) / 100}
    return {"estimate": points / 100, **ends, "df": 3.0, "p_holm": NAN, "pretrainings": 3} | more


def table(*rows):
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("points", "p_holm", "first"),
    [
        (3.0, 0.01, "**Radiologic ahead across pretrainings** (10 pairs of networks)"),
        (-3.0, 0.01, "**Photographic ahead across pretrainings** (10 pairs of networks)"),
        (3.0, 0.2, "**No clear difference across pretrainings** (10 pairs of networks)"),
    ],
)
def test_answer_on_a_task_follows_the_pretrainings_not_the_patients(points, p_holm, first):
    across, alone = row(points, pairs=10, p_holm=p_holm), row(-1.0, p_holm=0.001)
    said = words.answer_on_task(across, alone, INITS)
    sign = "+" if points > 0 else "−"
    assert said.startswith(
        f"{first}: the difference radiologic − photographic in AUC is {sign}3.0"
    )
    assert "For these networks alone, on new patients: −1.0 points (−2.0, 0.0), adjusted" in said
    assert said.endswith("adjusted P = .001.")


def test_answer_on_a_task_of_one_pair_is_no_verdict_however_small_p_is():
    across, alone = row(3.0, half=NAN, pairs=1), row(3.0, p_holm=0.001)
    said = words.answer_on_task(across, alone, INITS)
    assert said == (
        "**One pair of networks shows nothing about other pretrainings.** For these networks "
        "alone, on new patients, the difference radiologic − photographic in AUC is +3.0 points "
        "(2.0, 4.0), adjusted P = .001."
    )


def test_answer_on_a_task_of_two_pairs_of_one_backbone_is_no_verdict():
    across = row(-13.3, half=124.2, pairs=2, df=1.0, p_holm=0.04)
    said = words.answer_on_task(across, row(-13.3), INITS)
    assert said.startswith("**Too few networks for a verdict across pretrainings** (2 pairs")
    assert "(−137" not in said


@pytest.mark.parametrize("pairs", [1, 10])
def test_answer_on_a_task_from_stand_ins_has_numbers_and_no_verdict(pairs):
    across, alone = row(-6.0, pairs=pairs, p_holm=0.01), row(-6.0, p_holm=0.04)
    said = words.answer_on_task(across, alone, INITS, stand_ins=STAND_INS)
    assert said.startswith("**No verdict, as the weights are stand-ins")
    assert "−6.0 points (−7.0, −5.0)" in said
    assert not [word for word in VERDICTS if word in said]


def test_pair_that_matters_most_is_named_with_what_the_others_give():
    without = table(
        row(0.4, backbone="DenseNet121", pretraining=1.0),
        row(1.8, half=2.8, backbone="InceptionV3", pretraining=3.0),
    )
    said = words.most_influential(row(0.5, pairs=10), without)
    assert "(InceptionV3, pretraining 3) it is +1.8 points (−1.0, 4.6)." in said
    assert words.most_influential(row(0.5, pairs=2), without) == ""


@pytest.mark.parametrize(
    ("n", "said"),
    [
        (0, "All 12 networks have an AUC above 0.5."),
        (3, "3 of 12 networks did no better than chance (AUC of at most 0.5)."),
    ],
)
def test_networks_at_chance_are_counted(n, said):
    assert words.near_chance(n, 12) == said


def networks_of(*diverged):
    """Two networks of either init, of which some diverged."""
    cells = [(name, init) for name in "st" for init in ("radiologic", "photographic")]
    table = pd.DataFrame(cells, columns=["network", "init"]).assign(task="breast")
    return table.assign(diverged=[cell in diverged for cell in cells])


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ([], "Training diverged for none of 4 networks."),
        (
            [("s", "radiologic")],
            "1 of 4 networks (1 radiologic and 0 photographic): the log-odds of a fold have an SD "
            "of 20 or more, or are all the same. The columns without them leave out 1 of 2 pairs",
        ),
        ([("s", "radiologic"), ("s", "photographic")], "leave out 1 of 2 pairs"),
        ([("s", "radiologic"), ("t", "photographic")], "Without them no pair is left."),
    ],
)
def test_networks_that_diverged_are_counted_by_network_and_by_pair(networks, said):
    found = networks_of(*networks)
    both = words.diverged(found, ("radiologic", "photographic")), words.without_diverged(found)
    assert said in " ".join(both)


def test_clear_differences_are_named_with_the_side_that_is_higher():
    across = table(
        row(3, task="breast", pairs=10, p_holm=0.01),
        row(-3, task="covid19", pairs=10, p_holm=0.01),
        row(3, task="acl", pairs=10, p_holm=0.5),
    )
    alone = table(*(row(2, task=task, p_holm=0.001) for task in ("breast", "covid19", "acl")))
    said = words.differences_by_task(across, alone, INITS, NAMES)
    assert "on breast lesions (radiologic ahead) and COVID-19 (photographic ahead)." in said
    assert said.endswith("on new patients, it is on all three tasks (radiologic higher).")


def test_no_clear_difference_is_on_no_task_and_one_pair_says_nothing_of_pretraining():
    across, alone = (table(row(1, task="breast", pairs=n, p_holm=0.5)) for n in (1, 10))
    said = words.differences_by_task(across, alone, INITS, NAMES)
    assert said.startswith("Each task has one pair of networks, which shows nothing about other")
    assert said.endswith("it is on no task.")
    assert "after adjustment, on no task." in words.differences_by_task(alone, alone, INITS, NAMES)


@pytest.mark.parametrize("sentence", ["tasks", "unfreezing", "rate"])
def test_sentences_on_clear_differences_from_stand_ins_have_no_verdict(sentence):
    clear = table(
        row(5, task="breast", pairs=10, p_holm=0.001, group="freeze_all", kind="radiologic",
            learning_rate=1e-3, auc_b=0.6)
    )  # fmt: skip
    said = {
        "tasks": lambda: words.differences_by_task(
            clear, clear, INITS, NAMES, stand_ins=STAND_INS
        ),
        "unfreezing": lambda: words.within_unfreezing(
            clear, clear, INITS, NAMES, stand_ins=STAND_INS
        ),
        "rate": lambda: words.gains_at_rate(clear, NAMES, stand_ins=STAND_INS),
    }[sentence]()
    assert not [word for word in VERDICTS if word in said]
    assert "No verdict" in said or "+5.0" in said


def test_sides_of_a_figure_from_stand_ins_are_ahead_of_nothing():
    assert words.sides(INITS) == ("Photographic ahead", "Radiologic ahead")
    assert words.sides(INITS, better="better")[1] == "Radiologic better"
    assert words.sides(INITS, stand_ins=STAND_INS) == ("Photographic higher", "Radiologic higher")


@pytest.mark.parametrize(
    ("p_values", "where"),
    [((0.01, 0.6), "breast lesions"), ((0.9, 0.6), "no task"), ((0.01, 0.02), "both tasks")],
)
def test_high_p_of_the_test_of_backbones_is_no_evidence_that_they_are_alike(p_values, where):
    tests = pd.DataFrame({"task": ["breast", "covid19"], "df_2": [6.0, 6.0]})
    said = words.backbones_tested(tests.assign(p_value=p_values, p_holm=p_values), NAMES)
    assert f"F test, Holm) on {where}. With 6 denominator" in said
    assert said.endswith("a high P value is no evidence that backbones are alike.")


def test_backbones_that_cannot_be_tested_are_not_spoken_of():
    tests = table({"task": "breast", "df_2": NAN, "p_value": NAN, "p_holm": NAN})
    assert words.backbones_tested(tests, NAMES) == ""


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ([0, 0], [0.5, 0], "No model changes this: all intervals include zero."),
        ([5, 5], [-5, 5], "No model changes this: all intervals exclude zero."),
        ([5, 0], [4, 0], "No model changes on which tasks the interval includes zero (on one of "
                         "two tasks)."),
        ([5, 0.5], [4, -0.5],
         "No model changes on which tasks the interval includes zero (on one of two tasks). The "
         "estimate changes its sign on one of two tasks."),
        ([5, 0], [0, 0], "Models disagree: of 2 intervals, zero is inside 1 (Main)"
                         " and 2 (Crossed)."),
    ],
)  # fmt: skip
def test_models_that_agree_on_zero_are_said_to(first, second, said):
    models = {"Main": table(*map(row, first)), "Crossed": table(*map(row, second))}
    assert words.zero_inside(models) == said


def test_model_without_an_interval_neither_includes_nor_excludes_zero():
    none, one = table(row(5, half=NAN)), table(row(0))
    said = words.zero_inside({"Main": one, "Fixed": none})
    assert said == "No model changes this: all intervals include zero."
    said = words.zero_inside({"Main": none, "Fixed": none})
    assert said == "One pair of networks has no interval."


@pytest.mark.parametrize(("pretrainings", "scope"), [(1, "backbones"), (2, "pretrainings")])
def test_networks_of_one_pretraining_each_are_a_sample_of_backbones(pretrainings, scope):
    across = row(3, task="breast", group="freeze_all", pairs=2, p_holm=0.01)
    across["pretrainings"] = pretrainings
    alone = row(3, p_holm=0.01)
    assert f"ahead across {scope}**" in words.answer_on_task(across, alone, INITS)
    rows = table(across)
    said = words.differences_by_task(rows, rows, INITS, NAMES)
    assert said.startswith(f"Across {scope} (2 pairs")
    assert words.within_unfreezing(rows, rows, INITS, NAMES).startswith(f"Across {scope}, 1 of 1")


def test_dependence_on_the_layers_is_tested_only_where_they_differ():
    tests = table({"task": "breast", "p_holm": 0.01}, {"task": "acl", "p_holm": 0.5})
    assert "Holm) on breast lesions. The" in words.depends_on_unfreezing(tests, NAMES)
    assert "the same layers" in words.depends_on_unfreezing(None, NAMES)


def test_differences_within_one_unfreezing_are_counted_across_pretrainings_and_alone():
    rows = [row(3, task="breast", group=group) for group in ("freeze_all", "unfreeze_all")]
    alone = table(*(r | {"p_holm": 0.01} for r in rows))
    none = words.within_unfreezing(table(*rows), alone, INITS, NAMES)
    assert none == (
        "Across pretrainings, none of 2 differences within one unfreezing is distinguishable from "
        "zero (Holm over the tasks). For these networks alone, two are."
    )
    rows[0]["p_holm"] = 0.01
    one = words.within_unfreezing(table(*rows), table(rows[1]), INITS, NAMES)
    assert "1 of 2 differences within one unfreezing is distinguishable" in one
    assert "tasks): breast lesions, frozen (radiologic higher). For these" in one
    assert one.endswith("none is.")


@pytest.mark.parametrize(
    ("patients", "said"),
    [
        (
            (476, 121),
            "enough patients to detect two points on breast lesions, and too few on acl.",
        ),
        ((476, 500), "enough patients to detect two points, on breast lesions and acl."),
        ((10, 121), "too few patients to detect two points, on breast lesions and acl."),
    ],
)
def test_patients_are_enough_or_too_few_task_by_task(patients, said):
    rows = pd.DataFrame({"name": ["breast lesions", "acl"], "needed": [241.0, 276.0]})
    sentence = words.enough_patients(rows.assign(patients=patients))
    assert sentence == f"For a statement about these networks there are {said}"


def test_patients_are_not_said_to_be_too_few_where_nothing_tells():
    rows = pd.DataFrame({"name": ["breast lesions", "acl"], "needed": [241, math.nan]})
    rows["patients"] = 300
    assert words.enough_patients(rows) == (
        "For a statement about these networks there are enough patients to detect two points, on "
        "breast lesions. On acl it cannot be told."
    )
    said = words.enough_patients(rows.iloc[1:])
    assert said == "How many patients would detect two points cannot be told on acl."


def gain(points, kind="photographic", task="breast", p_holm=0.01, auc_b=0.55):
    return row(points, task=task, kind=kind, p_holm=p_holm, learning_rate=1e-3, auc_b=auc_b)


def test_gains_and_losses_at_a_learning_rate_are_told_apart():
    rows = table(
        gain(2), gain(6.6, "radiologic", "covid19", auc_b=0.86), gain(-11.7), gain(9, p_holm=1)
    )
    said = words.gains_at_rate(rows, NAMES)
    assert said == (
        "At a learning rate of 0.001, random weights reach mean AUCs of 0.55 to 0.86; 3 of 4 "
        "differences from them, for these networks on new patients, are distinguishable from "
        "zero: two gains (the largest: +6.6 (5.6, 7.6), radiologic weights on COVID-19) and one "
        "loss (−11.7 (−12.7, −10.7), photographic weights on breast lesions)."
    )


def test_gains_that_are_not_clear_are_not_listed():
    said = words.gains_at_rate(table(gain(20, p_holm=0.06)), NAMES)
    assert said.endswith(
        "AUCs of 0.55; none of 1 differences from them, for these networks on new patients, is "
        "distinguishable from zero."
    )


@pytest.mark.parametrize(
    ("aucs", "said"),
    [
        ([0.3, 0.75], "It is the mean of two networks with AUCs of 0.30 to 0.75, one of which"
                      " ranks cases the wrong way round (interval below 0.5)."),
        ([0.6, 0.7], "It is the mean of two networks with AUCs of 0.60 to 0.70."),
        ([0.6], "It is that of one network."),
    ],
)  # fmt: skip
def test_mean_of_unlike_networks_is_shown_as_one(aucs, said):
    rows = pd.DataFrame({"auc": aucs, "ci_high": [auc + 0.05 for auc in aucs]})
    assert words.spread_of_aucs(rows) == said


@pytest.mark.parametrize(
    ("points", "said"),
    [
        (-23.6, "The loss is larger than the largest"),
        (-2.0, "The loss is smaller than the largest"),
        (-9.0, "The interval of the loss includes the largest"),
    ],
)
def test_effect_is_compared_with_the_paper_by_its_interval(points, said):
    assert (
        words.beside_largest(row(points), 9.4) == f"{said} difference in the paper (9.4 points)."
    )


@pytest.mark.parametrize(
    ("kept", "total", "said"),
    [
        (5, 5, "Direction unchanged on all five tasks"),
        (3, 5, "Direction unchanged on three of five tasks"),
        (0, 5, "Direction reversed on all five tasks"),
        (1, 1, "Direction unchanged on the one task"),
    ],
)
def test_direction_is_unchanged_or_reversed(kept, total, said):
    assert words.same_direction(kept, total) == said


@pytest.mark.parametrize(
    ("points", "said"),
    [
        ([5, 5, 0], "2 of 3 intervals exclude zero"),
        ([5, 0, 0], "1 of 3 intervals excludes zero"),
        ([0, 0], "all 2 intervals include zero"),
        ([5, -5], "all 2 intervals exclude zero"),
        ([5], "the interval excludes zero"),
    ],
)
def test_intervals_that_exclude_zero_are_counted(points, said):
    assert words.excluding_zero(table(*map(row, points))) == said


@pytest.mark.parametrize(
    ("points", "regions", "said"),
    [
        ([-9, -9], ["ellipse", "ellipse"], "An ellipse drawn without seeing the image beats the"
                                           " maps in all 2 comparisons."),
        ([-9, -9], ["ellipse", "whole image"], "A region drawn without seeing the image beats the"
                                               " maps in all 2 comparisons."),
        ([9, 0], ["ellipse", "ellipse"], "The maps beat the best region drawn without seeing the"
         " image in 1 of 2 comparisons (one for each task, initialisation and measure), and the"
         " region beats the maps in none."),
    ],
)  # fmt: skip
def test_maps_are_compared_with_a_region_drawn_blindly(points, regions, said):
    rows = table(*(row(p, baseline=region) for p, region in zip(points, regions, strict=True)))
    assert words.beside_baselines(rows) == said


def test_differences_in_overlap_are_named_by_side():
    rows = table(row(3, task="breast"), row(-3, task="covid19"), row(0, task="acl"))
    said = words.overlap_differences(rows, INITS, NAMES)
    assert said == "breast lesions (radiologic higher) and COVID-19 (photographic higher)"
    assert words.overlap_differences(rows[2:], INITS, NAMES) == "no task"


def confounder(level, auc_a, auc_b):
    return row(100 * (auc_a - auc_b), level=level, auc_a=auc_a, auc_b=auc_b)


def test_confounder_that_separates_and_one_that_misleads_every_network_are_named():
    rows = table(
        confounder("noise", 0.846, 0.367), confounder("noise", 0.946, 0.508),
        confounder("tag", 0.89, 0.85), confounder("device", 0.005, 0.003),
    )  # fmt: skip
    names = {"noise": "Poisson noise", "tag": "Letter R", "device": "Sampled by device"}
    assert words.confounders_followed(rows, INITS, names) == (
        "With “Poisson noise” the AUCs are far apart: 0.85 to 0.95 (radiologic) and 0.37 to 0.51 "
        "(photographic). The difference is +0.2 to +4.0 points elsewhere. With “Sampled by "
        "device” all AUCs are 0.00 to 0.01, as every network follows the confounder in nearly "
        "every image: this test cannot tell the initialisations apart."
    )
    none = words.confounders_followed(rows[2:3], INITS, names)
    assert none == "The difference is +4.0 points in all tests."


def test_live_page_shows_how_a_test_is_done_and_draws_no_conclusion_from_stand_ins():
    test = row(-8, p_value=0.03)
    assert words.example_of_test(test, INITS) == "P = .03: photographic ahead"
    said = words.example_of_test(test, INITS, stand_ins=STAND_INS)
    assert said.startswith("P = .03, which only shows how a test is done: no verdict")


def test_models_of_one_pair_say_nothing_of_zero():
    models = {"Main": table(row(1.0, half=NAN))}
    assert words.zero_inside(models) == "One pair of networks has no interval."


def test_margins_are_excluded_by_task():
    tests = table(
        *({"task": task, "margin": margin, "equivalent": margin > 0.02 and task != "acl"}
          for margin in (0.02, 0.05) for task in ("breast", "covid19", "acl"))
    )  # fmt: skip
    assert words.margins_excluded(tests, NAMES) == (
        "Across pretrainings, a difference is excluded: of 2 points or more on no task; of 5 "
        "points or more on breast lesions and COVID-19."
    )
    assert "no verdict" in words.margins_excluded(tests, NAMES, stand_ins=STAND_INS)


def test_spread_of_trainings_has_its_interval_and_task():
    spread = pd.DataFrame({"sd": 0.069, "sd_low": 0.05, "sd_high": 0.114}, index=["breast"])
    said = words.spread_of_trainings(spread, NAMES)
    assert said == "6.9 points on breast lesions (95% CI 5.0, 11.4)"


def left_out(*moves):
    """Estimates of a task without each of its pairs, in points, around that of all, +1.0 ± 2."""
    return table(
        *(row(1.0 + move, 2.0, task=task, backbone="ResNet50", pretraining=number, moved=move)
          for task, number, move in moves)
    )  # fmt: skip


@pytest.mark.parametrize(
    ("moves", "said"),
    [
        (
            [("breast", 1, -0.4), ("breast", 2, 0.3)],
            "One pair matters most on breast lesions: without ResNet50, pretraining 1, +1.0 "
            "becomes +0.6 points (−1.4, 2.6). No interval that includes zero excludes it without "
            "one pair.",
        ),
        (
            [("breast", 1, 0.4), ("breast", 2, 0.3), ("covid19", 1, 1.5), ("covid19", 2, -1.2)],
            "One pair matters most on COVID-19: without ResNet50, pretraining 1, +1.0 becomes "
            "+2.5 points (0.5, 4.5). Zero is inside the interval, and outside it without one "
            "pair, on COVID-19 (1 of 2 pairs).",
        ),
    ],
)
def test_one_pair_that_matters_is_named_with_what_it_changes(moves, said):
    across = table(row(1.0, 2.0, task="breast"), row(1.0, 2.0, task="covid19"))
    without = left_out(*moves)
    assert words.one_pair_matters(across, without, NAMES) == said
    numbers = words.one_pair_matters(across, without, NAMES, stand_ins=STAND_INS)
    assert said.startswith(numbers)
    assert "zero" not in numbers.lower()


@pytest.mark.parametrize(
    ("p_values", "said"),
    [
        ((0.02, 0.2, 0.06), "is .05 or more without any one of 2 of 3 pairs"),
        ((0.02, 0.01, 0.03), "stays below .05 without any one pair"),
    ],
)
def test_clear_difference_that_hangs_on_one_pair_is_said_to(p_values, said):
    across = table(row(3.0, 2.0, task="covid19", p_holm=0.03))
    without = left_out(*(("covid19", number, 1.5) for number in (1, 2, 3)))
    text = words.one_pair_matters(across, without.assign(p_holm=p_values), NAMES)
    difference = "On COVID-19 the difference, +3.0 points (1.0, 5.0), is clear"
    assert f"{difference}; its adjusted P {said}." in text


def test_one_pair_alone_cannot_be_left_out():
    across = table(row(1.0, half=NAN, task="breast"))
    said = words.one_pair_matters(across, left_out(("breast", 1, NAN)), NAMES)
    assert said == "No task has two pairs of networks."


def test_changes_have_their_range():
    assert words.changes_between(table(row(0.4), row(5.4), row(2.0))) == "+0.4 to +5.4 points"


@pytest.mark.parametrize(
    ("low", "said"), [(0.01, ""), (NAN, "**No interval over patients can be given**")]
)
def test_no_interval_is_said_only_where_there_is_none(low, said):
    assert words.no_interval({"ci_low": low}).startswith(said)
    assert bool(words.no_interval({"ci_low": low})) == bool(said)


@pytest.mark.parametrize(
    ("n_patients", "end"), [(50, "on 80 test images of 50 patients."), (80, "on 80 test images.")]
)
def test_mean_aucs_name_patients_where_they_are_fewer_than_images(n_patients, end):
    means = {"auc_a": 0.8, "auc_b": 0.75, "n_scenarios": 6}
    said = words.mean_aucs_of_task(
        means | {"n_cases": 80, "n_patients": n_patients}, INITS, "patient", 12
    )
    assert said.startswith("Over 6 scenarios the mean AUC is 0.80 (radiologic) and 0.75 (phot")
    assert said.endswith(end)
    row = means | {"n_cases": 80, "n_patients": n_patients}
    several = words.mean_aucs_of_task(row, INITS, "patient", 13)
    assert several.startswith("Over 6 scenarios, each the mean of its pretrainings, the mean AUC")


@pytest.mark.parametrize(
    ("n", "said"),
    [(10, ""), (1, "only one patient: too few"), (4, "only four patients: too few")],
)
def test_few_patients_of_a_class_are_said(n, said):
    assert said in words.few_of_a_class(n)
    assert bool(words.few_of_a_class(n)) == bool(said)


@pytest.mark.parametrize(("unit", "said"), [("image", "name no patients"), ("patient", "")])
def test_files_that_name_no_patients_are_said_to(unit, said):
    assert bool(words.nameless(unit)) == bool(said)
    assert said in words.nameless(unit)


def test_two_points_are_more_cases_detected():
    said = words.two_points_mean(0.8, 45.2, 49.6)
    assert "from 0.80 to 0.82 would detect 4.4 more of 100" in said
    assert said.endswith("(50 in place of 45).")
    detected = words.detected_by(pd.Series({"radiologic": 0.42, "photographic": 0.4}), INITS)
    assert detected == "These networks detected 42 (radiologic) and 40 (photographic)."


def test_files_without_patients_are_listed_and_none_gives_nothing():
    assert words.files_without_patients([]) == ""
    assert words.files_without_patients(["a", "b"]).startswith("The files of a and b name no pat")


def test_pairs_that_differ_are_named_by_task():
    rows = table({"task": "breast", "q_holm": 0.01}, {"task": "acl", "q_holm": 0.2})
    assert words.pairs_tested(rows, NAMES).endswith("on breast lesions.")


def test_movement_between_pretrainings_is_the_largest_and_nothing_of_one():
    pairs = table(
        {"task": "breast", "backbone": "A", "estimate": 0.01},
        {"task": "breast", "backbone": "A", "estimate": 0.05},
        {"task": "acl", "backbone": "A", "estimate": 0.05},
    )
    assert "up to 4.0 points (breast lesions)" in words.moved_by_pretraining(pairs, NAMES)
    assert words.moved_by_pretraining(pairs.iloc[1:], NAMES) == ""


def test_scatter_of_scenarios_names_tasks_at_chance_and_intervals_below_it():
    networks = table({"sd_a": 0.03, "sd_b": 0.08, "estimate": -0.02})
    aucs = table(
        {"task": "breast", "auc": 0.4, "ci_high": 0.45},
        {"task": "breast", "auc": 0.5, "ci_high": 0.6},
        *[{"task": "acl", "auc": 0.8, "ci_high": 0.9}] * 38,
    )
    said = words.scatter_of_scenarios(networks, aucs, NAMES)
    assert "SD of 3 to 8 points" in said
    assert "at most 2.0 points" in said
    assert "2 of 40 networks did no better than chance" in said
    assert ": 2 on breast lesions. An interval wholly below 0.5 was found for 1;" in said
    assert said.endswith("chance, 1 such intervals would be expected.")
    fine = words.scatter_of_scenarios(networks, aucs.iloc[2:], NAMES)
    assert "above 0.5. An interval wholly below 0.5 was found for none" in fine


def test_own_metric_says_shares_difference_and_what_was_resampled():
    shift = {"estimate": -0.027, "ci_low": -0.051, "ci_high": -0.008}
    means = pd.Series({"radiologic": 0.38, "photographic": 0.40})
    text = words.own_metric(means, shift, 0.9, "476 images", 60)
    assert "38% from radiologic weights and 40% from photographic weights" in text
    assert "**−2.7 (−5.1, −0.8)** points. The interval resamples 476 images, 60 times" in text


def test_t_test_of_dice_scores_is_said_with_its_size_and_the_two_other_tests():
    test = pd.Series({"estimate": 0.002, "ci_low": -0.002, "ci_high": 0.005, "p_value": 0.28})
    text = words.by_t_test(test, 0.05, 1e-9, 0.007, "384 images")
    assert "+0.2 (−0.2, 0.5) points of Dice (P = .28, Cohen's d 0.05)" in text
    assert "±5 points gives P < .001. Shapiro's test of the differences gives P = .007" in text

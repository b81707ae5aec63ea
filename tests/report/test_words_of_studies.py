"""Sentences of the pages of side studies, on made rows: each case once."""

import math
from types import SimpleNamespace

import pandas as pd
import pytest

from rin.report import words_of_studies as words

INITS = ("radiologic", "photographic")
NAMES = {"breast": "breast lesions", "covid19": "COVID-19"}
NAN = math.nan


def row(points, half=1.0, **more):
    """An estimate in points with its interval, as `rin.stats` returns it: fractions."""
    ends = {"ci_low": (points - half) / 100, "ci_high": (points + half) / 100}
    return {"estimate": points / 100, **ends} | more


def table(*rows):
    return pd.DataFrame(rows)


BLIND = table(
    {"baseline": "centred ellipse", "ci_low": -0.3, "ci_high": -0.1},
    {"baseline": "centred ellipse", "ci_low": -0.2, "ci_high": -0.1},
)


def test_overlap_in_short_names_tasks_of_each_measure_and_the_blind_region():
    clear = {"dice": "COVID-19", "dice_best": "no task", "average_precision": "no task"}
    said = words.overlap_in_short(clear, BLIND, ["ResNet50", "DenseNet121"])
    networks = (
        "For these networks (DenseNet121 and ResNet50, one pretraining), the interval of the "
    )
    assert said.startswith(f"{networks}difference in Dice excludes zero on COVID-19; ")
    assert said.endswith("An ellipse drawn without seeing the image beats the maps in all 2 "
                         "comparisons.")  # fmt: skip
    unreal = words.overlap_in_short(clear, BLIND, ["ResNet50"], stand_ins=["images"])
    assert unreal.startswith("**No verdict, as the images are stand-ins.**")
    assert "COVID-19" not in unreal


def test_pointing_game_counts_rows_above_and_names_those_below_chance():
    hits = pd.DataFrame(
        {"radiologic": [30, 5], "photographic": [20, 4], "cell": [10, 6], "pixel": [50, 3]}
    )
    said = words.pointing_game(hits, INITS, ["A", "B"])
    assert "in 1 of 2 rows, and both hit less often in “B”." in said
    assert "below a random *pixel* in 1 of the rows" in said
    above = words.pointing_game(hits.iloc[:1], INITS, ["A"])
    assert "in no row" in above


@pytest.mark.parametrize(
    ("external", "said"), [((0.7, 0.6), "both"), ((0.9, 0.6), "one"), ((0.9, 0.9), "neither")]
)
def test_both_test_sets_say_with_how_many_initialisations_the_auc_falls(external, said):
    across = table(row(1.0), row(2.0)).set_axis(["internal", "external"])
    alone = pd.DataFrame([(0.8, 0.7), external], columns=["auc_a", "auc_b"])
    text = words.on_both_test_sets(across, alone.set_axis(["internal", "external"]), INITS)
    assert f"falls with {said} of the initialisations: from 0.80 to {external[0]:.2f} (r" in text
    assert "is +1.0 (0.0, 2.0) AUC points on the internal test set and +2.0 (1.0, 3.0)" in text


@pytest.mark.parametrize(
    ("shared", "said"), [(0, "no near-duplicates"), (1, "1 pair of near-dup"), (3, "3 pairs of")]
)
def test_datasets_of_two_hospitals_share_near_duplicates_or_none(shared, said):
    facts = SimpleNamespace(dataset=SimpleNamespace(title="BUSI, Cairo"))
    site = SimpleNamespace(used=1875, patients=1064, title="BUS-BRA, Rio")
    text = words.scored_elsewhere(facts, site, shared)
    assert "fine-tuned on BUSI also scored all 1,875 images of 1,064 patients of BUS-BRA" in text
    assert said in text


def test_change_between_hospitals_has_a_p_value_where_results_are_real():
    alone = SimpleNamespace(**row(1.5), p_value=0.03)
    real = words.changed_by_hospital(alone, row(2.0), INITS)
    assert "by +1.5 (0.5, 2.5) points (internal − external; P = .03, a single test)" in real
    unreal = words.changed_by_hospital(alone, row(2.0), INITS, stand_ins=["images"])
    assert "(internal − external); with the pretraining as the unit it is +2.0" in unreal


def test_trainings_apart_are_those_of_the_smallest_sd():
    spread = table({"sd": 0.02, "sd_low": 0.01, "sd_high": 0.04}).set_axis(["breast"])
    said = words.trained_again(spread, NAMES)
    assert "2.0 points on breast lesions (95% CI 1.0, 4.0)" in said
    assert "would be 6 points or more apart" in said  # 1.96 √2 2 = 5.5


def test_brief_pretraining_keeps_or_reverses_a_direction_and_stand_ins_say_nothing():
    rows = table(
        row(2.0, task="breast", pretraining="whole"),
        row(3.0, task="breast", pretraining="brief"),
        row(2.0, task="covid19", pretraining="whole"),
        row(-3.0, task="covid19", pretraining="brief"),
    )
    said = words.after_brief_pretraining(rows, 2)
    assert said.startswith("**Exploratory**, with 2 backbones.")
    assert "Direction unchanged on one of two tasks after the briefer pretraining; " in said
    assert "all 4 intervals exclude zero" in said
    assert "Direction" not in words.after_brief_pretraining(rows, 2, stand_ins=["images"])


@pytest.mark.parametrize(
    ("briefly", "said"),
    [
        (0.33, "classifies 33% (ResNet50; photographic 31%): about as well."),
        (0.15, "with ResNet50 less, so that the comparison below is not at equal accuracy."),
        (0.5, "with ResNet50 more, so that"),
    ],
)
def test_brief_pretraining_that_did_not_reach_equal_accuracy_says_so(briefly, said):
    accuracy = pd.DataFrame({"radiologic_brief": briefly, "photographic": 0.31}, ["ResNet50"])
    assert said in words.brief_accuracy(accuracy, "radiologic_brief", "photographic")


def test_longer_training_says_how_long_it_was_and_what_it_changed():
    fits = table(
        {"level": "fixed", "epochs": 3, "best_epoch": 3},
        {"level": "fixed", "epochs": 3, "best_epoch": 2},
        {"level": "converged", "epochs": 9, "best_epoch": 4},
    )
    shift = table(
        row(4.0, quantity="effect", task="breast"),
        row(-1.0, quantity="interaction", task="breast"),
    )
    said = words.after_longer_training(shift, fits, ("fixed", "converged"), INITS, NAMES)
    assert "for 9.0 epochs on average, in place of 3 at most" in said
    assert "last epoch for 0% of these networks, against 50% with" in said
    assert "changes by +4.0 points" in said
    assert "by −1.0 (−2.0, 0.0) (breast lesions) p" in said


def networks_of(diverged):
    return pd.DataFrame({"init": "radiologic", "diverged": [n < diverged for n in range(4)]})


def test_pairs_at_full_size_are_described_by_the_sides_of_their_intervals():
    rows = table(
        row(3.0, group="all"),
        row(3.0, group="unfreeze_all"),
        row(-2.0, group="freeze_all"),
        row(0.0, group="unfreeze_top10"),
    )
    said = words.at_full_size(rows, table(row(0.0), row(-4.0)), networks_of(3), INITS)
    assert "photographic is above zero in 1 and below in none of 1; with fewer, above" in said
    assert "above zero in none and below in 1 of 2. With the pretraining as the unit" in said
    assert "all scenarios is above zero in none and below in 1 of 2. Training" in said
    assert said.endswith("diverged for 3 of 4 networks (3 radiologic and 0 photographic).")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (16.0, "of these networks changes from −15.0 (−16.0, −14.0) to +1.0 (0.0, 2.0) (breast"),
        (0.0, "of these networks changes clearly on no task. Training"),
    ],
)
def test_effect_of_size_names_the_tasks_whose_difference_changes(change, said):
    rows = table(
        row(-15.0, group="all", quantity="difference", level="224", task="breast"),
        row(1.0, group="all", quantity="difference", level="96", task="breast"),
        row(change, group="all", quantity="interaction", level="", task="breast"),
        row(9.0, group="freeze_all", quantity="interaction", level="", task="breast"),
    )
    networks = {"224": networks_of(1), "96": networks_of(0)}
    text = words.effect_of_size(rows, networks, INITS, NAMES)
    assert text.startswith("**Exploratory.** With 96 pixels in place of 224, the difference rad")
    assert said in text
    assert "for 1 of 4 networks (1 radiologic and 0 photographic) with 224, for" in text
    assert text.endswith("for none of 4 networks with 96.")


def test_inverted_networks_are_listed_with_what_chance_makes():
    network = {"task": "breast", "init": "random", "auc": 0.4, "ci_low": 0.3, "ci_high": 0.48}
    said = words.inverted_networks(table(network | {"score_sd": 0.01}), 40, NAMES)
    assert "for 1 of 40 networks; 1.0 would be expected if all were at chance: random wei" in said
    assert said.endswith("its random weights decide the sign.")
    none = words.inverted_networks(table(network).iloc[:0], 40, NAMES)
    assert "for none of 40 networks" in none
    assert none.endswith("at chance.")


def test_shares_learnt_are_a_range_or_one_number():
    accuracy = pd.DataFrame({"radiologic": [75.2, 80.4], "photographic": [50.0, 50.1]})
    said = words.learnt_shares(accuracy)
    assert "75 to 80% (radiologic) and 50% (photographic)." in said


def fed(backbone, first, second, before, after, *, alike=False):
    """Rows of `factor_effects` of one backbone: effects in points, and differences."""
    parts = [
        ("effect", "radiologic", "", first),
        ("effect", "photographic", "", second),
        ("difference", "", "native", before),
        ("difference", "", "official_scripts", after),
        ("interaction", "", "", after - before),
    ]
    return [
        {"backbone": backbone, "quantity": quantity, "init": init, "level": level}
        | row(points, same_networks=alike and init == "radiologic")
        for quantity, init, level, points in parts
    ]


@pytest.mark.parametrize("alike", [True, False])
def test_effect_of_inputs_leaves_out_networks_that_are_fed_alike(alike):
    rows = table(*fed("ResNet50", -1.0, -20.0, 1.0, 20.0, alike=alike))
    text = words.effect_of_inputs("Breast", rows, INITS)
    assert ("; the radiologic networks receive" in text) == alike
    assert ("points for the radiologic" in text) != alike
    assert "−20.0 (−21.0, −19.0) points for the photographic networks" in text
    assert text.endswith("photographic from +1.0 (0.0, 2.0) to +20.0 (19.0, 21.0) points.")


@pytest.mark.parametrize(
    ("second", "opposite"), [((2.0, -6.0), True), ((2.0, 1.5), False), ((2.0, 8.0), False)]
)
def test_opposite_effects_of_inputs_are_said_where_both_are_clear(second, opposite):
    rows = fed("ResNet50", -1.0, -20.0, -4.0, 2.5) + fed("DenseNet121", -5.0, 2.0, *second)
    text = words.effect_of_inputs("Breast", table(*rows), INITS)
    assert text.index("With ResNet50 the mean") < text.index("With DenseNet121 the mean")
    assert ("either way" in text) == opposite
    unreal = words.effect_of_inputs("Breast", table(*rows), INITS, stand_ins=["images"])
    assert "either way" not in unreal


def test_inputs_too_small_name_resnet_and_the_others_and_judge_no_stand_ins():
    ratios = pd.Series({"ResNet50": 255.0, "InceptionV3": 2.0, "DenseNet121": 4.4})
    aucs = table({"init": "photographic", "auc": 0.5, "ci_high": 0.6})
    said = words.inputs_too_small(ratios, 0.5, row(-20.0), aucs, 9.4, own_ratio=255)
    assert "With such inputs, the mean AUC of the photographic ResNet50 is 0.50 here." in said
    assert "are 255 times too small; those of the other two networks are 2.0 to 4.4 times" in said
    assert "The loss is larger than the largest difference in the paper (9.4 points)." in said
    unreal = words.inputs_too_small(
        ratios, 0.5, row(-20.0), aucs, 9.4, own_ratio=255, stand_ins=["images"]
    )
    assert "The loss" not in unreal
    assert "  " not in unreal


def test_inputs_too_small_say_what_the_networks_that_were_tried_expect():
    ratios = pd.Series({"ResNet50": 255.0, "InceptionV3": 2.0, "DenseNet121": 4.4})
    aucs = table({"init": "photographic", "auc": 0.72, "ci_high": 0.8})
    said = words.inputs_too_small(
        ratios, 0.72, row(-4.0), aucs, 9.4, own_ratio=2.0, released=(1 / 127.5, 0.6)
    )
    assert "those of the scripts are 2.0 times too small to the photographic ResNet50" in said
    assert "With such inputs" not in said
    assert "its released counterpart, 128 times too large, it has 0.60." in said


@pytest.mark.parametrize(
    ("ratio", "said"),
    [(255, "255 times too small"), (0.5, "2.0 times too large"), (1.0, "of the right scale")],
)
def test_wrong_scale_has_its_direction(ratio, said):
    assert words.wrong_scale(ratio) == said


def test_brief_accuracy_is_not_called_equal_where_backbones_differ_in_opposite_ways():
    accuracy = {"radiologic_brief": [0.5, 0.1], "photographic": [0.3, 0.3]}
    said = words.brief_accuracy(
        pd.DataFrame(accuracy, ["X", "Y"]), "radiologic_brief", "photographic"
    )
    assert "about as well" not in said
    assert ": with Y less, with X more, so that the comparison below is not at equal" in said


def test_brief_accuracy_names_the_backbones_for_which_it_is_equal():
    accuracy = {"radiologic_brief": [0.25, 0.15], "photographic": [0.23, 0.31]}
    said = words.brief_accuracy(
        pd.DataFrame(accuracy, ["X", "Y"]), "radiologic_brief", "photographic"
    )
    assert ": with X about as well, with Y less, so that the comparison below is at" in said
    assert said.endswith("at equal accuracy with X alone.")


FOLLOWED = table(row(50.0, level="noise 100"), row(-1.0, level="tag 100"))
FOLLOWED = FOLLOWED.assign(auc_a=[0.9, 0.02], auc_b=[0.4, 0.03], task="breast")
KINDS = {"noise 100": "Poisson noise", "tag 100": "Letter R"}
LOSSES = table(
    row(0.0, loss="hard", backbone="A", ece=0.2, epochs=4),
    row(-3.0, loss="online", backbone="A", ece=0.1, epochs=4),
)


def test_published_only_says_which_tasks_others_compared():
    said = words.published_only(["a", "b"], [4.5, 4.8], ["a"], are_unused=True)
    assert said.startswith("No images were used here for a and b, hence no results")
    assert "ahead by 4.5 to 4.8 points" in said
    assert said.endswith("found for a, but not for b.")
    one = words.published_only(["a"], [4.5], [], are_unused=True)
    assert "On this task the paper reports RadImageNet ahead by 4.5 points" in one
    assert one.endswith("found for none of them.")
    everything = words.published_only(["a"], [4.5], ["a"], are_unused=False)
    assert everything.startswith("Every task of the paper has results")
    assert everything.endswith("found for a.")


@pytest.mark.parametrize(
    ("own", "said", "unsaid"),
    [
        (0, "results of all tasks come from the reference run (a laptop)", "this computer"),
        (1, "of 1 of 3 tasks come from runs of this computer (a server)", "all tasks"),
        (1, "results of the others come from the reference run (a laptop)", "all tasks"),
        (3, "of 3 of 3 tasks come from runs of this computer (a server)", "reference"),
    ],
)
def test_where_results_come_from_names_each_part_that_there_is(own, said, unsaid):
    text = words.where_results_come_from(own, 3, ["a server"], "a laptop")
    assert said in text
    assert unsaid not in text


def test_own_results_of_no_recorded_computer_say_so():
    assert "this computer (not recorded)" in words.where_results_come_from(1, 1, [], "")

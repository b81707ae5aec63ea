import math
from itertools import product

import numpy as np
import pandas as pd
import pytest
from made_predictions import golden, predictions_of
from numpy.testing import assert_allclose
from pandas.testing import assert_frame_equal
from scipy import stats

from rin.errors import InputError
from rin.stats import (
    clinical_curves,
    clinical_measures,
    compare,
    init_differences,
    leave_one_pair_out,
    mean_roc,
    pair_differences,
    pairwise_differences,
    pretraining_changes,
    pretraining_differences,
    pretrainings,
    task_analyses,
)
from rin.stats.effects import MeanModel
from rin.stats.synthesis import three_level

CASES = golden("pretrainings")
BACKBONES = ("DenseNet121", "InceptionResNetV2", "InceptionV3", "ResNet50")
TASKS = ("breast", "covid19")
TESTED = ["estimate", "ci_low", "p_value"]
ENDS = ["ci_low", "ci_high"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['backbone']}")
def test_three_level_with_a_known_covariance_equals_metafor(case):
    found = three_level(case["y"], case["V"], case["backbone"])
    expected = {k: math.nan if v is None else v for k, v in case["expected"].items()}
    # At its maximum the likelihood is flat: processors place its variances less exactly.
    for name, value in expected.items():
        near = 1e-5 if name in ("between", "within") else 1e-6
        assert found[name] == pytest.approx(value, rel=near, abs=near, nan_ok=True), name


def made(leads, *, patients=120, tasks=("breast",), seed=0):
    """Scores whose separation is larger by `leads` (backbones, pretrainings) in init a.

    The noise of a patient is shared by all networks, so that pairs of one lead differ little.
    """
    draws, runs, scores = np.random.default_rng(seed), [], []
    case = np.arange(patients)
    for task in tasks:
        shared = draws.normal(size=patients)
        for (place, number), lead in np.ndenumerate(leads):
            pair = {"task": task, "backbone": BACKBONES[place], "pretraining": number + 1}
            for rate, (init, apart) in product((3, 4), (("a", 1 + lead), ("b", 1))):
                scenario = f"{BACKBONES[place]}-unfreeze_all-1e-0{rate}"
                runs.append(pair | {"scenario": scenario, "init": init})
                scores.append(apart * (case % 2) + shared + draws.normal(size=patients))
    patient = [f"p{k // 2}" for k in case]
    cases = {"case_id": case.astype(str), "patient_id": patient, "label": case % 2}
    return predictions_of(runs, cases, scores).assign(unfreezing="unfreeze_all")


def over_patients(rows):
    """The difference over all scenarios, of these networks."""
    return init_differences(rows, "a", "b").query("group == 'all'").reset_index(drop=True)


EQUAL = np.full((4, 3), 0.6)
SCATTER = np.random.default_rng(3).normal(0.3, 0.6, (4, 3))


def test_every_pair_of_three_inits_is_that_of_both_alone():
    third = made(EQUAL[:2] / 2, tasks=TASKS, seed=1).query("init == 'a'")
    scores = pd.concat([made(EQUAL[:2], tasks=TASKS), third.assign(init="c")])
    table = pairwise_differences(scores, ["a", "b", "c"])
    assert table["unit"].eq("pretrainings").all()
    assert (table["a"] + table["b"]).unique().tolist() == ["ab", "ac", "bc"]
    alone = pd.concat(pretraining_differences(scores, *pair) for pair in ("ab", "ac", "bc"))
    columns = ["task", *TESTED]
    assert_frame_equal(table[columns], alone[columns].reset_index(drop=True))


def test_single_networks_of_three_inits_are_compared_over_patients_as_two_models():
    one = made(EQUAL[:1, :1]).query("scenario.str.endswith('1e-04')")
    third = one.query("init == 'b'").assign(init="c")
    third["score"] += third["case_id"].astype(int) % 7 / 5
    rows = pd.concat([one, third])
    table = pairwise_differences(rows, ["a", "b", "c"])
    assert table["unit"].eq("patients").all()
    expected = [compare(rows, by="init", a=a, b=b) for a, b in ("ab", "ac", "bc")]
    columns = ["a", "b", "auc_a", "auc_b", *TESTED]
    assert_frame_equal(table[columns], pd.concat(expected, ignore_index=True)[columns])


def test_pairs_that_differ_alike_have_an_interval_as_narrow_as_the_patients_allow():
    """All pairs have one difference: the networks of each are the same."""
    single = made(EQUAL[:1, :1])
    copies = [
        single.assign(
            backbone=backbone,
            pretraining=pretraining,
            scenario=single["scenario"].str.replace("DenseNet121", backbone),
        )
        for backbone, pretraining in product(BACKBONES, (1, 2, 3))
    ]
    # Copies to the bit have a covariance of rank 1.
    table = pretraining_differences(pd.concat(copies, ignore_index=True), "a", "b")
    columns = ["estimate", "standard_error", *ENDS]
    assert_allclose(table[columns], over_patients(single)[columns], atol=1e-4)
    assert (table[["sd_backbone", "sd_seed", "sd_pretraining"]] < 1e-3).all(axis=None)


def test_pair_differences_are_those_of_each_pair_alone():
    predictions = made(SCATTER[:3, :2], tasks=TASKS)
    table = pair_differences(predictions, "a", "b")
    names = ["task", "backbone", "pretraining"]
    assert list(table.columns[:3]) == names
    alone = [
        over_patients(rows).assign(**dict(zip(names, key, strict=True)))
        for key, rows in predictions.groupby(names)
    ]
    columns = [*names, "n_scenarios", "estimate", *ENDS]
    assert_frame_equal(table[columns], pd.concat(alone, ignore_index=True)[columns])


def test_predictions_without_pretrainings_are_of_the_first():
    predictions = made(EQUAL[:, :1])
    expected = pretraining_differences(predictions, "a", "b")
    found = pretraining_differences(predictions.drop(columns="pretraining"), "a", "b")
    assert_frame_equal(found, expected)
    assert expected[["sd_backbone", "sd_seed"]].isna().all(axis=None)
    assert "All pairs share one seed" in expected["remark"].item()


def test_units_may_have_other_names_in_columns_of_other_names():
    predictions = made(SCATTER[:, :2])
    named = predictions.assign(training="run " + predictions["pretraining"].astype(str))
    named = named.drop(columns="pretraining").rename(columns={"backbone": "network"})
    # Whatever the seeds of pretrainings, which are no units here.
    for other in (named, named.assign(pretraining_seed=7)):
        found = pretraining_differences(other, "a", "b", unit=("network", "training"))
        assert_frame_equal(found, pretraining_differences(predictions, "a", "b"))
    nameless = named.assign(training=named["training"].where(named["training"] != "run 2"))
    with pytest.raises(InputError, match="'pretraining'"):
        pretraining_differences(nameless, "a", "b", unit=("network", "training"))


@pytest.mark.parametrize(
    ("leads", "fixed", "remark"),
    [
        (EQUAL[:1, :1], False, "One pair"),
        (EQUAL[:, :1], True, "One pretraining of each backbone"),
        (EQUAL[:1], False, "One backbone"),
    ],
)
def test_pairs_that_show_too_little_have_a_remark(leads, fixed, remark):
    row = pretraining_differences(made(leads), "a", "b", fixed_backbones=fixed).iloc[0]
    assert row["estimate"] > 0
    assert remark in row["remark"]
    known = remark == "One backbone"  # of that backbone
    assert (row[["ci_low", "p_value", "p_holm"]].notna() == known).all()
    assert math.isnan(row["sd_backbone"])


def test_patients_without_spread_leave_the_pairs_as_units():
    """Every network ranks perfectly or not at all, whoever the patients are."""
    predictions = made(EQUAL)
    perfect = predictions["label"] * np.where(predictions["init"] == "a", 1.0, -1.0)
    scores = perfect.where(predictions["pretraining"] != 1, 0.0), perfect
    some, all_alike = (
        pretraining_differences(predictions.assign(score=score), "a", "b") for score in scores
    )
    assert some["estimate"].item() == pytest.approx(2 / 3)
    assert "patients show no spread" in some["remark"].item()
    assert all_alike["estimate"].item() == 1
    assert all_alike["ci_low"].isna().all()
    assert "Neither" in all_alike["remark"].item()


def test_headline_is_the_mean_model_of_pairs_and_their_covariance():
    """Each backbone once; pairs of unknown seed share that of their number."""
    predictions = made(SCATTER)
    predictions = predictions.query("pretraining < 3 or backbone < 'InceptionV3'")
    known = "backbone == 'DenseNet121' and pretraining == 2"
    seeds = np.where(predictions.eval(known), 77, np.nan)
    predictions = predictions.assign(pretraining_seed=seeds)
    (of_task,) = pretrainings.task_pairs(predictions, "a", "b")
    pairs = pair_differences(predictions, "a", "b")
    errors = np.diag(of_task.covariance) ** 0.5
    assert_allclose(pairs[["estimate", "standard_error"]].T, [of_task.differences, errors])
    backbone = pairs["backbone"]
    levels = {"backbone": backbone, "seed": pairs["pretraining"].mask(pairs.eval(known), 77)}
    weights = 1 / backbone.groupby(backbone).transform("size")
    for fixed, groups in ((False, None), (True, backbone)):
        model = MeanModel(of_task.covariance, levels, weights, groups)
        fits = model.fit(of_task.differences)
        mean = [fits.estimates.item(), fits.standard_errors.item()]
        interval = stats.t.interval(0.9, fits.df.item(), *mean)
        found = pretraining_differences(
            predictions, "a", "b", fixed_backbones=fixed, level=0.9
        ).iloc[0]
        assert found[["estimate", "standard_error", "df", *ENDS]].tolist() == pytest.approx(
            [*mean, fits.df.item(), *interval]
        )
        assert math.isnan(found["sd_backbone"]) == fixed
    assert found[["pairs", "pretrainings", "seeds"]].tolist() == [10, 3, 4]
    variance = (errors**2).mean()
    alike = of_task.covariance[~np.eye(10, dtype=bool)].mean() / variance
    expected = [variance**0.5, alike]
    assert found[["patients_sd", "patients_correlation"]].tolist() == pytest.approx(expected)


def test_a_pair_of_two_seeds_is_refused():
    predictions = made(EQUAL[:, :1])
    seeds = (predictions["init"] == "a").astype(int)
    seeded = predictions.assign(pretraining_seed=seeds)
    with pytest.raises(InputError, match=r"pretraining_seed: pair DenseNet121 1 has two seeds"):
        pretraining_differences(seeded, "a", "b")
    third = seeded.query("init == 'b'").assign(init="c")
    assert len(pretraining_differences(pd.concat([seeded, third]), "b", "c")) == 1


def test_leaving_a_pair_out_is_the_headline_of_the_other_pairs():
    two = (made(SCATTER[:3, :2] + k, tasks=[task]) for k, task in enumerate(TASKS))
    predictions = pd.concat(two, ignore_index=True)
    whole = pretraining_differences(predictions, "a", "b").set_index("task")["estimate"]
    table = leave_one_pair_out(predictions, "a", "b")
    assert len(table) == 2 * 6
    names, columns = ["task", "backbone", "pretraining"], ["estimate", *ENDS, "df", "p_holm"]
    for _, row in table.iloc[1::4].iterrows():
        rest = predictions[(predictions[names] != row[names]).any(axis=1)]
        expected = pretraining_differences(rest, "a", "b").set_index("task").loc[row["task"]]
        assert row[columns].tolist() == pytest.approx(expected[columns].tolist(), rel=1e-4)
        assert row["moved"] == pytest.approx(expected["estimate"] - whole[row["task"]])


def test_leaving_out_the_only_pair_leaves_nothing():
    (row,) = leave_one_pair_out(made(EQUAL[:1, :1]), "a", "b").iloc
    assert row[["estimate", "ci_low", "df", "moved"]].isna().all()


def test_change_between_two_test_sets_adds_their_covariances_over_patients():
    here, there = made(SCATTER), made(SCATTER[::-1], seed=9)
    there["patient_id"] += " elsewhere"
    first, second = (
        of_task for rows in (here, there) for of_task in pretrainings.task_pairs(rows, "a", "b")
    )
    model = MeanModel(first.covariance + second.covariance, first.effect_levels(), np.ones(12))
    fits = model.fit(first.differences - second.differences)
    columns = ["estimate", "standard_error", "df"]
    found, back = (
        pretraining_changes(*rows, "a", "b")[columns].to_numpy()
        for rows in ((here, there), (there, here))
    )
    expected = [fits.estimates, fits.standard_errors, fits.df]
    assert_allclose(found.T, expected, rtol=1e-6)
    assert_allclose(back * [-1, 1, 1], found, rtol=1e-6)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (made(SCATTER), "60 patients are in both"),
        (made(SCATTER, tasks=TASKS), "tasks"),
        (made(SCATTER[:3]).eval("patient_id = case_id"), "12 pairs of breast beside 9 others"),
    ],
)
def test_changes_of_what_is_not_comparable_are_refused(second, said):
    with pytest.raises(InputError, match=said):
        pretraining_changes(made(SCATTER), second, "a", "b")


@pytest.mark.parametrize(
    "function",
    [
        lambda rows: init_differences(rows, "a", "b").drop(columns=["p_value", "p_holm"]),
        lambda rows: pretraining_differences(rows, "a", "b")[["task", "estimate"]],
        lambda rows: task_analyses(rows, "a", "b")[["name", "estimate"]].drop([2, 3]),  # stacked
        lambda rows: clinical_measures(rows, ["a", "b"], replicates=20),
        lambda rows: clinical_curves(rows, ["a", "b"]),
        mean_roc,
    ],
)
def test_a_scenario_counts_once_however_many_pretrainings_it_has(function):
    """Another pretraining of one backbone, with the same scores, changes no estimate."""
    once = made(SCATTER[:, :1], patients=40)
    again = once[once["backbone"] == "ResNet50"].assign(pretraining=2)
    twice = pd.concat([once, again], ignore_index=True)
    assert_frame_equal(function(once), function(twice))


@pytest.mark.parametrize("leads", [EQUAL[:, :1], EQUAL[:, :2]])
def test_fold_with_one_patient_of_a_class_has_a_difference_without_an_interval(leads):
    rows = made(leads)
    few = rows.query("label == 0 or patient_id == 'p0'")
    (row,) = pretraining_differences(few, "a", "b").itertuples()
    assert row.estimate == pytest.approx(over_patients(few)["estimate"].item())
    assert np.isnan([row.ci_low, row.p_value]).all()
    assert row.remark == "A fold tests one patient of a class: no interval."

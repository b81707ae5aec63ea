import json
import math
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

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

CASES = json.loads((Path(__file__).parents[1] / "golden" / "pretrainings.json").read_text())
BACKBONES = ("DenseNet121", "InceptionResNetV2", "InceptionV3", "ResNet50")
TASKS = ("breast", "covid19")


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['backbone']}")
def test_three_level_with_a_known_covariance_equals_metafor(case):
    found = three_level(case["y"], case["V"], case["backbone"], contained=True)
    expected = {k: math.nan if v is None else v for k, v in case["expected"].items()}
    # At its maximum the likelihood is flat: processors place its variances less exactly.
    for name, value in expected.items():
        near = 1e-5 if name in ("between", "within") else 1e-6
        assert found[name] == pytest.approx(value, rel=near, abs=near, nan_ok=True), name


def made(leads, *, patients=120, pretrainings=3, noise=1.0, tasks=TASKS, seed=0):
    """Scores whose separation is larger by `leads` (backbones, pretrainings) in init a.

    The noise of a patient is shared by all networks, so that pairs of one lead differ little.
    """
    draws, rows = np.random.default_rng(seed), []
    for task in tasks:
        shared, label = draws.normal(size=patients), np.arange(patients) % 2
        for backbone, of_backbone in zip(BACKBONES, leads, strict=False):
            for pretraining, lead in enumerate(of_backbone[:pretrainings], 1):
                for rate in ("1e-03", "1e-04"):
                    for init, apart in (("a", 1.0 + lead), ("b", 1.0)):
                        own = draws.normal(size=patients) * noise
                        rows.append(
                            pd.DataFrame(
                                {
                                    "case_id": [f"c{k}" for k in range(patients)],
                                    "patient_id": [f"p{k // 2}" for k in range(patients)],
                                    "label": label,
                                    "score": apart * label + shared + own,
                                    "task": task,
                                    "fold": 0,
                                    "scenario": f"{backbone}-unfreeze_all-{rate}",
                                    "backbone": backbone,
                                    "unfreezing": "unfreeze_all",
                                    "init": init,
                                    "pretraining": pretraining,
                                    "seed": 1,
                                    "part": "test",
                                }
                            )
                        )
    return pd.concat(rows, ignore_index=True)


EQUAL = np.full((4, 3), 0.6)


def test_every_pair_of_three_inits_is_that_of_both_alone_and_all_are_one_family():
    third = made(EQUAL / 2, seed=1).query("init == 'a'")
    columns = ["estimate", "ci_low", "p_value"]
    scores = pd.concat([made(EQUAL), third.assign(init="c")])
    table = pairwise_differences(scores, ["a", "b", "c"])
    assert table["unit"].eq("pretrainings").all()
    for pair in (("a", "b"), ("a", "c"), ("b", "c")):
        found = table.set_index(["a", "b", "task"]).loc[pair][columns]
        alone = pretraining_differences(scores, *pair).set_index("task")[columns]
        pd.testing.assert_frame_equal(found, alone)
    adjusted = multipletests(table["p_value"], method="holm")[1]
    np.testing.assert_allclose(table["p_holm"], adjusted)


def test_single_networks_of_three_inits_are_compared_over_patients_as_two_models():
    one = made(EQUAL[:1, :1], tasks=("breast",)).query("scenario.str.endswith('1e-04')")
    other = one.query("init == 'b'")
    moved = other["score"] + other["case_id"].str[1:].astype(int) % 7 / 5
    rows = pd.concat([one, other.assign(init="c", score=moved)])
    table = pairwise_differences(rows, ["a", "b", "c"]).set_index(["a", "b"])
    assert [*table["unit"].unique()] == ["patients"]
    for a, b in table.index:
        (expected,) = compare(rows, by="init", a=a, b=b).to_dict("records")
        for name in ("auc_a", "auc_b", "estimate", "ci_low", "p_value"):
            assert table.loc[(a, b), name] == pytest.approx(expected[name]), name


def test_pairs_that_differ_alike_have_an_interval_as_narrow_as_the_patients_allow():
    """All pairs have one difference: the networks of each are the same."""
    single = made(EQUAL[:1], pretrainings=1)
    copies = [
        single.assign(
            backbone=backbone,
            pretraining=pretraining,
            scenario=single["scenario"].str.replace("DenseNet121", backbone),
        )
        for backbone in BACKBONES
        for pretraining in (1, 2, 3)
    ]
    # Copies to the bit have a covariance of rank 1.
    table = pretraining_differences(pd.concat(copies, ignore_index=True), "a", "b")
    patients = init_differences(single, "a", "b").query("group == 'all'").set_index("task")
    table = table.set_index("task").loc[patients.index]
    assert table["estimate"].to_numpy() == pytest.approx(patients["estimate"].to_numpy(), abs=1e-6)
    errors = patients["standard_error"].to_numpy()
    assert table["standard_error"].to_numpy() == pytest.approx(errors, rel=1e-3)
    half = (table["ci_high"] - table["ci_low"]).to_numpy() / 2
    assert half == pytest.approx(stats.norm.ppf(0.975) * errors, rel=1e-3)
    assert (table[["sd_backbone", "sd_seed", "sd_pretraining"]].to_numpy() < 1e-3).all()


def test_pair_differences_are_those_of_each_pair_alone():
    predictions = made(np.random.default_rng(3).normal(0.3, 0.5, (4, 3)))
    table = pair_differences(predictions, "a", "b")
    assert list(table.columns[:3]) == ["task", "backbone", "pretraining"]
    assert len(table) == 2 * 4 * 3
    for row in table.itertuples():
        chosen = (predictions["task"] == row.task) & (predictions["backbone"] == row.backbone)
        alone = predictions[chosen & (predictions["pretraining"] == row.pretraining)]
        (expected,) = init_differences(alone, "a", "b").query("group == 'all'").itertuples()
        assert row.ci_low == pytest.approx(expected.ci_low)
        assert row.ci_high == pytest.approx(expected.ci_high)
        assert row.estimate == pytest.approx(expected.auc_a - expected.auc_b)
        assert row.n_scenarios == 2


def test_p_values_are_adjusted_over_the_pairs_of_a_task_and_the_headline_over_tasks():
    tasks = ("breast", "covid19", "thyroid")
    predictions = made(np.random.default_rng(3).normal(0.1, 0.3, (4, 2)), patients=60, tasks=tasks)
    pairs = pair_differences(predictions, "a", "b")
    table = pretraining_differences(predictions, "a", "b")
    families = [(own, "p_value", "p_holm") for _, own in pairs.groupby("task")]
    families += [(table, "p_value", "p_holm"), (table, "q_p", "q_holm")]
    for family, p_value, adjusted in families:
        _, expected, *_ = multipletests(family[p_value], method="holm")
        assert family[adjusted].to_numpy() == pytest.approx(expected)


def test_predictions_without_pretrainings_are_of_the_first():
    predictions = made(EQUAL, pretrainings=1)
    expected = pretraining_differences(predictions, "a", "b")
    found = pretraining_differences(predictions.drop(columns="pretraining"), "a", "b")
    pd.testing.assert_frame_equal(found, expected)
    assert expected[["sd_backbone", "sd_seed"]].isna().all(axis=None)
    assert expected["remark"].str.contains("All pairs share one seed").all()


def test_units_may_have_other_names_in_columns_of_other_names():
    predictions = made(SCATTER[:, :2], tasks=TASKS[:1])
    named = predictions.assign(training="run " + predictions["pretraining"].astype(str))
    named = named.drop(columns="pretraining").rename(columns={"backbone": "network"})
    found = pretraining_differences(named, "a", "b", unit=("network", "training"))
    pd.testing.assert_frame_equal(found, pretraining_differences(predictions, "a", "b"))
    nameless = named.assign(training=named["training"].where(named["training"] != "run 2"))
    with pytest.raises(InputError, match="'pretraining'"):
        pretraining_differences(nameless, "a", "b", unit=("network", "training"))


@pytest.mark.parametrize(
    ("backbones", "pretrainings_each", "fixed", "remark"),
    [
        (1, 1, False, "One pair"),
        (4, 1, True, "One pretraining of each backbone"),
        (1, 3, False, "One backbone"),
    ],
)
def test_pairs_that_show_too_little_have_a_remark(backbones, pretrainings_each, fixed, remark):
    predictions = made(EQUAL[:backbones], pretrainings=pretrainings_each)
    table = pretraining_differences(predictions, "a", "b", fixed_backbones=fixed)
    assert (table["estimate"] > 0).all()
    assert table["remark"].str.contains(remark).all()
    known = remark == "One backbone"  # of that backbone
    assert (table[["ci_low", "p_value", "p_holm"]].notna() == known).all(axis=None)
    assert table["sd_backbone"].isna().all()


def test_patients_without_spread_leave_the_pairs_as_units():
    """Every network ranks perfectly or not at all, whoever the patients are."""
    predictions = made(EQUAL, noise=0)
    perfect = predictions["label"] * np.where(predictions["init"] == "a", 1.0, -1.0)
    same = predictions["pretraining"] == 1
    rows = predictions.assign(score=np.where(same, 0.0, perfect))
    table = pretraining_differences(rows, "a", "b")
    assert table["estimate"].to_numpy() == pytest.approx(2 / 3)
    assert table["remark"].str.contains("patients show no spread").all()
    table = pretraining_differences(rows.assign(score=perfect), "a", "b")
    assert table["estimate"].tolist() == [1, 1]
    assert table["ci_low"].isna().all()
    assert table["remark"].str.contains("Neither").all()


SCATTER = np.random.default_rng(3).normal(0.3, 0.6, (4, 3))


def test_headline_is_the_mean_model_of_pairs_and_their_covariance():
    """Each backbone once; pairs of unknown seed share that of their number."""
    predictions = made(SCATTER, tasks=TASKS[:1])
    kept = (predictions["pretraining"] < 3) | (predictions["backbone"] < "InceptionV3")
    predictions = predictions[kept].assign(pretraining_seed=np.nan)
    own = (predictions["backbone"] == "DenseNet121") & (predictions["pretraining"] == 2)
    predictions.loc[own, "pretraining_seed"] = 77
    (of_task,) = pretrainings.task_pairs(predictions, "a", "b")
    backbone, number = of_task.pairs["backbone"], of_task.pairs["pretraining"]
    seed = number.where((backbone != "DenseNet121") | (number != 2), 77)
    weights = 1 / backbone.groupby(backbone).transform("size")
    known = of_task.covariance, {"backbone": backbone, "seed": seed}, weights
    for fixed, groups in ((False, None), (True, backbone)):
        expected = MeanModel(*known, groups).fit(of_task.differences)
        (found,) = pretraining_differences(
            predictions, "a", "b", fixed_backbones=fixed, level=0.9
        ).itertuples()
        assert found.df == pytest.approx(expected.df.item())
        assert found.standard_error == pytest.approx(expected.standard_errors.item())
        interval = stats.t.interval(0.9, found.df, found.estimate, found.standard_error)
        assert (found.ci_low, found.ci_high) == pytest.approx(interval)
        assert math.isnan(found.sd_backbone) == fixed
    assert (found.pairs, found.pretrainings, found.seeds) == (10, 3, 4)
    variance = np.diag(of_task.covariance).mean()
    apart = ~np.eye(10, dtype=bool)
    assert found.patients_sd**2 == pytest.approx(variance)
    alike = of_task.covariance[apart].mean() / variance
    assert found.patients_correlation == pytest.approx(alike)
    pairs = pair_differences(predictions, "a", "b")
    assert of_task.differences.tolist() == pytest.approx(pairs["estimate"].tolist())
    assert np.diag(of_task.covariance) ** 0.5 == pytest.approx(pairs["standard_error"].to_numpy())


def test_a_pair_of_two_seeds_is_refused():
    predictions = made(EQUAL, pretrainings=1)
    seeds = (predictions["init"] == "a").astype(int)
    with pytest.raises(InputError, match=r"pretraining_seed: pair DenseNet121 1 has two seeds"):
        pretraining_differences(predictions.assign(pretraining_seed=seeds), "a", "b")


def test_leaving_a_pair_out_is_the_headline_of_the_other_pairs():
    two = (made(SCATTER[:, :2] + k, tasks=[task]) for k, task in enumerate(TASKS))
    predictions = pd.concat(two, ignore_index=True)
    whole = pretraining_differences(predictions, "a", "b").set_index("task")
    table = leave_one_pair_out(predictions, "a", "b")
    assert len(table) == 2 * 8
    for row in table.iloc[1::4].itertuples():
        left_out = predictions["backbone"] == row.backbone
        left_out &= predictions["pretraining"] == row.pretraining
        rest = predictions[~left_out & (predictions["task"] == row.task)]
        (expected,) = pretraining_differences(rest, "a", "b").itertuples()
        for name in ("estimate", "ci_low", "ci_high", "df"):
            assert getattr(row, name) == pytest.approx(getattr(expected, name), rel=1e-4)
        moved = expected.estimate - whole.loc[row.task, "estimate"]
        assert row.moved == pytest.approx(moved)
        family = whole["p_value"].copy()
        family[row.task] = expected.p_value
        adjusted = dict(zip(family.index, multipletests(family, method="holm")[1], strict=True))
        assert row.p_holm == pytest.approx(adjusted[row.task], rel=1e-4)


def test_leaving_out_the_only_pair_leaves_nothing():
    (row,) = leave_one_pair_out(made(EQUAL[:1], pretrainings=1, tasks=TASKS[:1]), "a", "b").iloc
    assert row[["estimate", "ci_low", "df", "moved"]].isna().all()


def test_change_between_two_test_sets_adds_their_covariances_over_patients():
    here, there = made(SCATTER, tasks=TASKS[:1]), made(SCATTER[::-1], tasks=TASKS[:1], seed=9)
    there["patient_id"] += " elsewhere"
    (first,) = pretrainings.task_pairs(here, "a", "b")
    (second,) = pretrainings.task_pairs(there, "a", "b")
    expected = MeanModel(
        first.covariance + second.covariance, first.effect_levels(), np.ones(12)
    ).fit(first.differences - second.differences)
    (found,) = pretraining_changes(here, there, "a", "b").itertuples()
    assert found.estimate == pytest.approx(expected.estimates.item())
    assert found.standard_error == pytest.approx(expected.standard_errors.item())
    assert found.df == pytest.approx(expected.df.item())
    (back,) = pretraining_changes(there, here, "a", "b").itertuples()
    assert back.estimate == pytest.approx(-found.estimate)


@pytest.mark.parametrize(
    ("second", "said"),
    [
        (made(SCATTER, tasks=TASKS[:1]), "60 patients are in both"),
        (made(SCATTER, tasks=TASKS[1:]), "tasks"),
        (
            made(SCATTER[:3], tasks=TASKS[:1]).assign(patient_id=lambda rows: rows["case_id"]),
            "12 pairs of breast beside 9 others",
        ),
    ],
)
def test_changes_of_what_is_not_comparable_are_refused(second, said):
    with pytest.raises(InputError, match=said):
        pretraining_changes(made(SCATTER, tasks=TASKS[:1]), second, "a", "b")


def test_a_scenario_counts_once_however_many_pretrainings_it_has():
    """Another pretraining of one backbone, with the same scores, changes no estimate."""
    leads = np.random.default_rng(6).normal(0.3, 0.6, (4, 1))
    once = made(leads, patients=40, pretrainings=1, tasks=TASKS[:1])
    again = once[once["backbone"] == "ResNet50"].assign(pretraining=2)
    twice = pd.concat([once, again], ignore_index=True)
    estimates = ["estimate", "auc_a", "auc_b", "sd_a", "sd_b", "n_scenarios", "standard_error"]
    before, after = (init_differences(rows, "a", "b")[estimates] for rows in (once, twice))
    pd.testing.assert_frame_equal(before, after)
    before, after = (pretraining_differences(rows, "a", "b") for rows in (once, twice))
    assert after["estimate"].tolist() == pytest.approx(before["estimate"].tolist())
    assert (before["pairs"].item(), after["pairs"].item()) == (4, 5)
    pd.testing.assert_frame_equal(mean_roc(once), mean_roc(twice))
    for measured in (partial(clinical_measures, replicates=20), clinical_curves):
        pd.testing.assert_frame_equal(measured(once, ["a", "b"]), measured(twice, ["a", "b"]))
    analyses = [task_analyses(rows, "a", "b")["estimate"] for rows in (once, twice)]
    before, after = (table.drop([2, 3]) for table in analyses)  # scores put together
    assert after.tolist() == pytest.approx(before.tolist())


@pytest.mark.parametrize("pretrainings_each", [1, 2])
def test_fold_with_one_patient_of_a_class_has_a_difference_without_an_interval(pretrainings_each):
    rows = made(EQUAL, pretrainings=pretrainings_each, tasks=TASKS[:1])
    positive = rows.loc[rows["label"] == 1, "patient_id"].iloc[0]
    few = rows[(rows["label"] == 0) | (rows["patient_id"] == positive)]
    (row,) = pretraining_differences(few, "a", "b").itertuples()
    (networks,) = init_differences(few, "a", "b").query("group == 'all'").itertuples()
    assert row.estimate == pytest.approx(networks.estimate)
    assert math.isnan(row.ci_low)
    assert math.isnan(row.p_value)
    assert row.remark == "A fold tests one patient of a class: no interval."

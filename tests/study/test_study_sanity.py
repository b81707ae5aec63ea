import itertools
import shutil
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap
from tiny_study import copy_of, records, tiny_profile

from rin.errors import InputError
from rin.explain.overlap import has_lesion
from rin.explain.similarity import rank_correlation
from rin.study.fine_tuning import cam_arrays, predictions, run_grid, sanity_rows, sanity_table
from rin.study.plan import plan_runs
from rin.study.profile import MAIN, SCENARIOS
from rin.training import cascade
from rin.training.cascade import cascade_summary, cascade_table

SCENARIO, OTHER = "ResNet50-freeze_all-1e-02", "ResNet50-freeze_all-1e-03"
SECTION = {"sanity": {"scenarios": [SCENARIO], "cases": 3}}


@pytest.fixture(scope="module")
def plain(pretrained_study):
    """A finished study of two scenarios, which share a compiled step."""
    with pytest.MonkeyPatch.context() as patch:
        for name in SCENARIOS.keys() - {SCENARIO, OTHER}:
            patch.delitem(SCENARIOS, name)
        study = copy_of(pretrained_study, "plain")
        run_grid(study)
        yield study


@pytest.fixture(scope="module")
def checked(plain):
    """The same under a profile that asks for the check, and its record before."""
    study = copy_of(plain, "checked", profile=tiny_profile(SECTION))
    before = records(study.runs)
    run_grid(study)
    return study, before


def recording(study, inputs):
    return [run for run in plan_runs(study, inputs) if run.sanity_cases]


@pytest.mark.slow
def test_plan_asks_the_runs_of_the_section_alone_to_record(checked, plain, inputs):
    study, before = checked
    without = {(r.scenario.name, r.init): r.run_id for r in plan_runs(plain, inputs)}
    for run in plan_runs(study, inputs):
        asked = run.scenario.name == SCENARIO
        assert run.sanity_cases == (3 if asked else 0)
        assert ("sanity_cases" in run.config) is asked
        assert (run.run_id == without[run.scenario.name, run.init]) is not asked
    after = records(study.runs)  # nothing but these was trained again
    assert {path: after[path] for path in before} == before
    new = {path.split("/")[0] for path in after.keys() - before.keys()}
    assert new == {run.run_id for run in recording(study, inputs)}


@pytest.mark.slow
def test_plan_asks_no_other_fold_init_or_task_without_masks_to_record(
    checked, inputs, monkeypatch
):
    study, _ = checked
    folds = pd.concat([inputs.folds, inputs.folds.assign(fold=1)])
    more = recording(study, replace(inputs, folds=folds))
    assert [run.run_id for run in more] == [run.run_id for run in recording(study, inputs)]
    profile = tiny_profile(SECTION | {"inits": ["radiologic", "photographic"]})
    variant = replace(profile.variants(MAIN)[0], inits=["random", "radiologic"])
    runs = plan_runs(replace(study, profile=profile), inputs, variant)
    assert {run.init for run in runs if run.sanity_cases} == {"radiologic"}
    monkeypatch.setattr(type(inputs.store), "masks", lambda _: None)
    assert recording(study, inputs) == []


@pytest.mark.slow
def test_recording_changes_neither_predictions_nor_maps_of_any_run(checked, plain, inputs):
    study, _ = checked
    order = ["scenario", "init", "case_id"]
    a, b = (predictions(one).sort_values(order) for one in (study, plain))
    pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True), rtol=1e-4)
    kept = {
        tuple(rows.iloc[0][["scenario", "init"]]): maps
        for rows, maps in cam_arrays(plain, "breast")
    }
    for rows, maps in cam_arrays(study, "breast"):
        np.testing.assert_allclose(
            maps, kept[tuple(rows.iloc[0][["scenario", "init"]])], atol=1e-4
        )


@pytest.mark.slow
def test_sanity_table_holds_the_first_test_cases_with_a_lesion_at_every_depth(checked, inputs):
    study, _ = checked
    table = sanity_table(study, "breast")
    cases = inputs.store.cases["case_id"]
    test = set(inputs.folds.loc[inputs.folds["part"] == "test", "case_id"])
    marked = cases[cases.isin(test) & has_lesion(inputs.store.masks())].tolist()
    runs = table.groupby(["scenario", "init"])
    assert set(runs.groups) == {(SCENARIO, "radiologic"), (SCENARIO, "random")}
    for _, rows in runs:
        assert rows["case_id"].tolist() == marked[:3] * 3
        assert rows["depth"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
        assert rows.drop_duplicates("depth")["group"].tolist() == ["head", "stage 2", "stage 1"]


@pytest.fixture
def recorded(monkeypatch):
    """Return a function that records made-up maps of some cases, and the maps and classes."""
    maps = np.random.default_rng(0).normal(size=(3, 3, 4, 4, 2)).astype(np.float32)
    probabilities = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])

    def record(n):
        made = ["head", "stage 1"], maps[:, :n]
        monkeypatch.setattr(cascade, "cascade_maps", lambda *_: made)
        predict = lambda *_: (probabilities[:n], maps[0, :n])  # noqa: E731
        cases = pd.DataFrame({"case_id": [*"abc"[:n]], "patient_id": [*"abc"[:n]]})
        block = SimpleNamespace(predict=predict)
        return cascade_table(block, None, cases, 8, 0)

    return record, maps, (1, 0, 1)


@pytest.mark.parametrize("depth", [0, 1])
def test_record_compares_the_predicted_class_with_the_own_and_the_next_image(recorded, depth):
    record, maps, targets = recorded
    table = record(3).query("depth == @depth").reset_index(drop=True)
    assert table["target"].tolist() == list(targets)
    for k, target in enumerate(targets):
        trained = maps[0, [k], ..., target]
        for column, j in (("spearman", k), ("spearman_other", (k + 1) % 3)):
            expected = rank_correlation(trained, maps[1 + depth, [j], ..., target])
            np.testing.assert_allclose(table.loc[[k], column], expected)


def test_record_of_a_single_case_has_no_other_image(recorded):
    table = recorded[0](1)
    assert table["spearman"].notna().all()
    assert table.filter(like="_other").isna().all(axis=None)


@pytest.mark.slow
def test_sanity_table_without_its_runs_or_its_section_raises(checked, plain, inputs):
    again = copy_of(checked[0], "again")
    shutil.rmtree(again.runs.path(recording(again, inputs)[0].run_id))
    with pytest.raises(InputError, match="1 of 2 runs of breast are not finished"):
        sanity_table(again, "breast")
    with pytest.raises(InputError, match="no run of breast records"):
        sanity_table(plain, "breast")


@pytest.mark.slow
def test_sanity_rows_when_no_test_case_has_a_lesion_raise(checked, inputs):
    study, _ = checked
    run = recording(study, inputs)[0]
    empty = np.flatnonzero(~has_lesion(inputs.store.masks()))
    with pytest.raises(InputError, match="no test case has a lesion"):
        sanity_rows(run, inputs.store, empty)


INITS = ("radiologic", "photographic")
GROUPS = ("head", "stage 2", "stage 1")


def table(cases=4, per_patient=1, backbones=("ResNet50",), value=None):
    """Rows as `sanity_table` returns them; `value` maps (init, depth, case) to a similarity."""
    draws, rows = np.random.default_rng(0), []
    cells = itertools.product(INITS, backbones, enumerate(GROUPS), range(cases))
    for init, backbone, (depth, group), case in cells:
        one = draws.uniform(-1, 1) if value is None else value(init, depth, case)
        named = {"task": "breast", "init": init, "backbone": backbone}
        placed = {"case_id": f"c{case}", "patient_id": f"p{case // per_patient}"}
        found = {"spearman": one, "spearman_other": 0.1}
        rows.append(named | placed | {"depth": depth, "group": group} | found)
    return pd.DataFrame(rows)


def cell(summary, init="radiologic", depth=0):
    return summary[(summary["init"] == init) & (summary["depth"] == depth)].squeeze()


def test_summary_has_one_row_a_step_with_the_mean_over_cases():
    whole = table()
    summary = cascade_summary(whole, replicates=50, seed=0)
    assert len(summary) == 2 * 3
    expected = whole.groupby(["init", "depth"])["spearman"].mean()
    for init, depth in expected.index:
        assert cell(summary, init, depth)["estimate"] == pytest.approx(expected[init, depth])
    assert (summary["n"] == 4).all()
    assert summary["other"].to_numpy() == pytest.approx(0.1)


def test_summary_interval_with_one_case_a_patient_is_that_of_the_plain_bootstrap():
    whole = table(cases=40)
    found = cell(cascade_summary(whole, replicates=4000, seed=0))
    values = whole.loc[(whole["init"] == "radiologic") & (whole["depth"] == 0), "spearman"]
    expected = bootstrap(
        (values,), np.mean, n_resamples=4000, method="percentile", rng=1
    ).confidence_interval
    assert (found["ci_low"], found["ci_high"]) == pytest.approx(tuple(expected), abs=0.02)


def test_summary_resamples_patients_whole():
    def value(_, __, case):
        return float(case // 2)  # both cases of a patient agree, so they count once

    twice = cascade_summary(table(8, 2, value=value), replicates=500, seed=0)
    once = cascade_summary(table(4, 1, value=lambda *key: float(key[2])), replicates=500, seed=0)
    assert cell(twice)["ci_low"] == pytest.approx(cell(once)["ci_low"])
    assert cell(twice)["ci_high"] == pytest.approx(cell(once)["ci_high"])


def test_summary_leaves_out_undefined_cases_and_counts_them():
    whole = table(4, value=lambda _, __, case: np.nan if case == 0 else 0.5)
    found = cell(cascade_summary(whole, replicates=20, seed=0))
    assert (found["n"], found["n_cases"], found["estimate"]) == (3, 4, 0.5)


@pytest.mark.parametrize("cases", [1, 2])
def test_summary_with_one_patient_has_no_interval(cases):
    found = cell(cascade_summary(table(cases, per_patient=2), replicates=20, seed=0))
    assert np.isnan([found["ci_low"], found["ci_high"]]).all()

import shutil
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from tiny_study import copy_of, records, tiny_profile

from rin.errors import InputError
from rin.explain.gradcam import class_activation
from rin.explain.overlap import has_lesion
from rin.explain.sanity import similarity_table
from rin.study import (
    cam_arrays,
    from_random_inputs,
    grid,
    predictions,
    run_from_random,
    run_grid,
    sanity_maps,
    sanity_table,
)
from rin.study.plan import plan_runs
from rin.study.sanity import record_sanity, sanity_rows
from rin.training import cascade

SCENARIO = "ResNet50-freeze_all-1e-02"
SECTION = {"sanity": {"scenarios": [SCENARIO], "cases": 3}}
FROM_RANDOM = {"from_random": {"tasks": ["breast"], "scenarios": [SCENARIO]}}


@pytest.fixture(scope="module")
def checked(finished_study, inputs, with_small_backbone):
    """The finished study under a profile that asks for the check, and its record before."""
    profile = tiny_profile(SECTION | {"inits": ["radiologic", "random"]})
    study = copy_of(finished_study, "checked", profile=profile)
    before = records(study.runs)
    with with_small_backbone():
        run_grid(study, inputs)
    return study, before


@pytest.fixture
def no_training(monkeypatch):
    """Fail when anything asks for an executor."""
    monkeypatch.setattr(grid, "make_executor", lambda _: pytest.fail("an executor was made"))


def recording(study, inputs):
    return [run for run in plan_runs(study, inputs) if run.sanity_cases]


def test_plan_asks_the_runs_of_the_section_alone_to_record(checked, finished_study, inputs):
    study, _ = checked
    without = {(r.scenario.name, r.init): r.run_id for r in plan_runs(finished_study, inputs)}
    for run in plan_runs(study, inputs):
        asked = run.scenario.name == SCENARIO
        assert run.sanity_cases == (3 if asked else 0)
        assert ("sanity_cases" in run.config) is asked
        assert (run.run_id == without[run.scenario.name, run.init]) is not asked


def test_plan_asks_the_first_fold_alone(checked, inputs):
    study, _ = checked
    two = study.__class__(
        study.profile.model_copy(update={"folds": 2}), study.data_root, study.results
    )
    folds = pd.concat([inputs.folds, inputs.folds.assign(fold=1)])
    again = inputs.__class__(**(inputs.__dict__ | {"folds": folds}))
    assert {run.fold for run in recording(two, again)} == {0}
    assert len(recording(two, again)) == 2


def test_plan_over_more_folds_asks_the_same_runs(checked, inputs):
    study, _ = checked
    folds = pd.concat([inputs.folds, inputs.folds.assign(fold=1)])
    more = inputs.__class__(**(inputs.__dict__ | {"folds": folds}))
    asked = {run.run_id for run in recording(study, inputs)}
    assert {run.run_id for run in recording(study, more)} == asked


def test_plan_asks_no_run_of_a_task_without_masks(checked, inputs):
    study, _ = checked

    class Unmasked(type(inputs.store)):
        def masks(self):
            return None

    store = Unmasked(**inputs.store.__dict__)
    assert recording(study, inputs.__class__(**(inputs.__dict__ | {"store": store}))) == []


def test_grid_with_the_check_repeats_the_runs_that_record_and_no_other(checked, inputs):
    study, before = checked
    after = records(study.runs)
    assert {path: after[path] for path in before} == before
    new = {path.split("/")[0] for path in after.keys() - before.keys()}
    assert new == {run.run_id for run in recording(study, inputs)}


def test_runs_that_record_have_two_files_more_and_others_have_not(checked, inputs):
    study, _ = checked
    for run in plan_runs(study, inputs):
        files = {path.name for path in study.runs.path(run.run_id).iterdir()}
        assert {"sanity.parquet", "sanity_maps.npy"} <= files or not run.sanity_cases
        assert {"sanity.parquet", "sanity_maps.npy"}.isdisjoint(files) or run.sanity_cases


def test_recording_changes_neither_predictions_nor_maps_of_any_run(checked, finished_study, inputs):
    study, _ = checked
    order = ["scenario", "init", "case_id"]
    a, b = (predictions(one, inputs).sort_values(order) for one in (study, finished_study))
    pd.testing.assert_frame_equal(a.reset_index(drop=True), b.reset_index(drop=True), rtol=1e-4)
    kept = {
        tuple(rows.iloc[0][["scenario", "init"]]): maps
        for rows, maps in cam_arrays(finished_study, inputs)
    }
    for rows, maps in cam_arrays(study, inputs):
        np.testing.assert_allclose(maps, kept[tuple(rows.iloc[0][["scenario", "init"]])], atol=1e-4)


def test_recording_traces_nothing(checked, inputs):
    study, _ = checked
    traces = {study.runs.done(run.run_id)["traces"] for run in plan_runs(study, inputs)}
    assert len(traces) == 1


def test_sanity_table_holds_the_first_test_cases_with_a_lesion_at_every_depth(checked, inputs):
    study, _ = checked
    table = sanity_table(study, inputs)
    cases = inputs.store.cases["case_id"]
    test = set(inputs.folds.loc[inputs.folds["part"] == "test", "case_id"])
    marked = cases[cases.isin(test) & has_lesion(inputs.store.masks())].tolist()
    runs = table.groupby(["scenario", "init"])
    assert set(runs.groups) == {(SCENARIO, "radiologic"), (SCENARIO, "random")}
    for _, rows in runs:
        assert rows["case_id"].tolist() == marked[:3] * 3
        assert rows["depth"].tolist() == [0] * 3 + [1] * 3 + [2] * 3
        assert rows.drop_duplicates("depth")["group"].tolist() == ["head", "stage 2", "stage 1"]


def test_sanity_table_compares_the_recorded_maps_of_the_predicted_class(checked, inputs):
    study, _ = checked
    table, scored = sanity_table(study, inputs), predictions(study, inputs)
    scores = scored.set_index(["scenario", "init", "case_id"])["score"]
    for init in ("radiologic", "random"):
        found = sanity_maps(study, inputs, init, "ResNet50")
        assert found.maps.shape == (4, 2, 3, 3)
        assert found.steps == ("trained", "head", "stage 2", "stage 1")
        assert found.scenario == SCENARIO
        rows = table[(table["init"] == init) & table["case_id"].isin(found.case_ids)]
        for case, target in zip(found.case_ids, found.targets, strict=True):
            assert target == (scores[SCENARIO, init, case] > 0.5)
        for depth in range(3):
            expected = similarity_table(found.maps[0], found.maps[1 + depth], 32)
            own = rows[rows["depth"] == depth][list(expected)].reset_index(drop=True)
            pd.testing.assert_frame_equal(own, expected)


@pytest.fixture
def recorded(monkeypatch, checked, inputs):
    """Return a function that records made-up maps of some cases, and the maps and classes."""
    maps = np.random.default_rng(0).normal(size=(3, 3, 4, 4, 2)).astype(np.float32)
    probabilities = np.array([[0.2, 0.8], [0.9, 0.1], [0.3, 0.7]])
    run, store = recording(checked[0], inputs)[0], inputs.store

    def record(n):
        made = cascade.Cascade(("head", "stage 1"), maps[:, :n])
        monkeypatch.setattr(cascade, "cascade_maps", lambda *_: made)
        block = SimpleNamespace(predict=lambda *_: (probabilities[:n], maps[0, :n]))
        labels = np.zeros(len(store.cases), int)
        return record_sanity(run, block, store, labels, np.arange(n)).table

    return record, maps, (1, 0, 1)


@pytest.mark.parametrize("depth", [0, 1])
def test_record_compares_the_predicted_class_with_the_own_and_the_next_image(recorded, depth):
    record, maps, targets = recorded
    table = record(3).query("depth == @depth").reset_index(drop=True)
    assert table["target"].tolist() == list(targets)
    for k, target in enumerate(targets):
        trained = maps[0, [k], ..., target]
        own, other = (
            similarity_table(trained, maps[1 + depth, [j], ..., target], 32)
            for j in (k, (k + 1) % 3)
        )
        pd.testing.assert_frame_equal(table.loc[[k], list(own)].reset_index(drop=True), own)
        names = [f"{name}_other" for name in other]
        np.testing.assert_allclose(table.loc[[k], names], other)


def test_record_of_a_single_case_has_no_other_image(recorded):
    table = recorded[0](1)
    assert table["spearman"].notna().all()
    assert table.filter(like="_other").isna().all(axis=None)


def test_sanity_maps_begin_with_the_map_of_the_grid(checked, inputs):
    study, _ = checked
    found = sanity_maps(study, inputs, "radiologic", "ResNet50")
    for rows, maps in cam_arrays(study, inputs):
        if tuple(rows.iloc[0][["scenario", "init"]]) == (SCENARIO, "radiologic"):
            for k, case in enumerate(found.case_ids):
                place = rows["case_id"].tolist().index(case)
                own = maps[place, ..., found.targets[k]]
                np.testing.assert_allclose(found.maps[0, k], own, atol=1e-5)


def test_grid_after_a_run_was_lost_records_the_same_again(checked, inputs, with_small_backbone):
    study, _ = checked
    again = copy_of(study, "again")
    lost = recording(study, inputs)[0]
    shutil.rmtree(again.runs.path(lost.run_id))
    with pytest.raises(InputError, match="1 of 2 runs of breast are not finished"):
        sanity_table(again, inputs)
    with with_small_backbone():
        run_grid(again, inputs)
    first, second = (sanity_table(one, inputs) for one in (study, again))
    pd.testing.assert_frame_equal(first, second, atol=1e-3)


def test_runs_from_random_weights_are_those_of_the_grid(checked, no_training):
    study, _ = checked
    profile = tiny_profile(SECTION | FROM_RANDOM | {"inits": ["radiologic", "random"]})
    again = copy_of(study, "from_random", profile=profile)
    scored = run_from_random(again, from_random_inputs(again))
    assert set(scored["init"]) == {"radiologic", "random"}


def test_plan_asks_no_run_of_an_init_beside_the_profile_s(checked, inputs):
    profile = tiny_profile(SECTION | {"inits": ["radiologic", "photographic"]})
    study = copy_of(checked[0], "beside", profile=profile)
    runs = plan_runs(study, inputs, inits=["random", "radiologic"])
    assert {run.init for run in runs if run.sanity_cases} == {"radiologic"}


def test_sanity_rows_when_no_test_case_has_a_lesion_raise(checked, inputs):
    study, _ = checked
    run = recording(study, inputs)[0]
    empty = np.flatnonzero(~has_lesion(inputs.store.masks()))
    with pytest.raises(InputError, match="no test case has a lesion"):
        sanity_rows(run, inputs.store, empty)


def test_sanity_table_of_a_profile_without_the_section_raises(finished_study, inputs):
    with pytest.raises(InputError, match="no run of breast records"):
        sanity_table(finished_study, inputs)


@pytest.mark.parametrize(("init", "backbone"), [("imagenet", "ResNet50"), ("random", "VGG19")])
def test_sanity_maps_of_what_recorded_nothing_lists_what_did(checked, inputs, init, backbone):
    with pytest.raises(InputError, match="unknown"):
        sanity_maps(checked[0], inputs, init, backbone)


def test_maps_after_the_head_alone_went_random_are_weighted_sums_of_the_same_features():
    # Of one feature map, any head gives that map times a number: only the sign can turn.
    features = np.random.default_rng(0).normal(size=(1, 4, 4, 1)).astype(np.float32)
    a, b = (class_activation(features, [[w]])[..., 0] for w in (2.0, -0.5))
    row = similarity_table(a, b, 16).iloc[0]
    assert row["spearman"] == pytest.approx(-1)
    assert row["spearman_absolute"] == pytest.approx(1)

"""Patients: where each layout takes them from, and that no split divides one."""

from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rin.data.dataset import ensure_dataset
from rin.data.layouts import LAYOUTS, PATIENTS, find_cases
from rin.data.leakage import leak_free_groups, near_duplicates
from rin.data.manifest import load_manifest, manifest_names
from rin.data.splits import make_folds
from rin.data.tree import open_tree
from rin.errors import InputError
from rin.study.profile import load_profile

SMOKE = load_profile("smoke")
OF_TASKS = [
    name
    for name in manifest_names()
    if load_manifest(name).tasks and name in SMOKE.stand_ins and load_manifest(name).stand_in
]


def test_every_layout_says_where_its_patients_come_from():
    assert PATIENTS.keys() == LAYOUTS.keys()


@pytest.mark.parametrize("layout", [name for name in PATIENTS if PATIENTS[name] != "pattern"])
def test_pattern_that_a_layout_does_not_use_is_refused(tmp_path, layout):
    changes = {"layout": layout, "patient_pattern": r"^(\d+)"}
    manifest = load_manifest("busi").model_copy(update=changes)
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match="takes no patient_pattern"):
        find_cases(open_tree(tmp_path, "data"), manifest)


@pytest.fixture(scope="module")
def opened(tmp_path_factory):
    """Return the stand-in of each dataset of a task, opened, by name."""
    folder = tmp_path_factory.mktemp("stand_ins")
    found = {}
    for name in OF_TASKS:
        manifest = load_manifest(name)
        for task in manifest.tasks[:1]:
            manifest = manifest.for_task(task)
        found[name] = ensure_dataset(
            manifest, None, folder, SMOKE.stand_ins[name], 1, index_folder=folder / "index"
        )
    return found


def test_independent_patients_without_a_source_of_patients_are_refused(opened):
    dataset = opened["busi"]
    changed = dataset.manifest.model_copy(update={"independence": "patient"})
    with pytest.raises(InputError, match="nothing names the patients"):
        find_cases(open_tree(dataset.root, dataset.location), changed)


@pytest.mark.parametrize("name", OF_TASKS)
@settings(
    max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(seed=st.integers(0, 2**31), folds=st.integers(1, 3))
def test_no_patient_stands_on_two_sides_of_a_split(opened, name, seed, folds):
    dataset = opened[name]
    pairs = near_duplicates(dataset.cases, dataset.manifest.near_duplicate_bits)
    split = make_folds(dataset.cases, leak_free_groups(dataset.cases, pairs), folds, seed)
    named = split.merge(dataset.cases[["case_id", "patient_id"]], on="case_id")
    assert (named.groupby(["fold", "patient_id"])["part"].nunique() == 1).all()


def test_shipped_manifests_name_a_source_wherever_patients_are_the_units():
    for path in Path(__file__).parents[2].glob("data_manifests/*.yaml"):
        raw = yaml.safe_load(path.read_text("utf-8"))
        if raw.get("independence") == "patient":
            assert PATIENTS[raw["layout"]] != "none"
            if PATIENTS[raw["layout"]] == "pattern":
                assert raw.get("patient_pattern") or raw["options"]["patient"]

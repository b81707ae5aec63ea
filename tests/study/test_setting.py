import pytest
from tiny_study import tiny_profile

from rin.data.manifest import find_task, load_manifest
from rin.data.splits import PIECES
from rin.errors import InputError
from rin.study import open_study, task_inputs
from rin.study.setting import find_manifest


@pytest.fixture
def study_with(tmp_path):
    """Return a function that opens a study whose data root holds some empty folders."""

    def opened(*names):
        for name in names:
            (tmp_path / "images" / name).mkdir(parents=True)
        return open_study(tiny_profile(), data_root=tmp_path / "images")

    return opened


def test_task_without_data_root_reads_its_own_dataset():
    study = open_study(tiny_profile())
    assert find_manifest(study, *find_task("covid19")).name == "covid19_ct"


def test_task_reads_an_open_substitute_only_where_its_own_images_are_absent(study_with):
    assert find_manifest(study_with("other"), *find_task("covid19")).name == "covid19_ct"
    assert find_manifest(study_with("sarscov2_ct"), *find_task("covid19")).name == "sarscov2_ct"
    assert find_manifest(study_with("covid19_ct"), *find_task("covid19")).name == "covid19_ct"


def test_substitute_that_does_not_know_the_labels_is_refused(study_with):
    own, task = find_task("covid19")
    odd = task.model_copy(update={"substitutes": ("headct200",)})
    with pytest.raises(InputError, match="no class of headct200 is labelled 'COVID-19 positive'"):
        find_manifest(study_with("head_ct"), own, odd)


def test_two_tasks_of_one_dataset_read_it_under_their_own_labels(study_with):
    labels = {}
    for task in ("acl", "meniscus"):
        manifest = find_manifest(study_with(task), *find_task(task))
        assert manifest.name == "mrnet"
        labels[task] = [manifest.label_map[name] for name in ("acl", "meniscus", "acl+meniscus")]
    assert labels["acl"][0] == labels["meniscus"][1] == "tear"
    assert labels["acl"][1] != "tear" != labels["meniscus"][0]
    assert load_manifest("mrnet").label_map != find_manifest(study_with("m"), *find_task("acl"))


def test_inputs_of_a_profile_that_limits_cases_are_drawn(study_folder):
    limited = open_study(tiny_profile({"cases": 50}), results=study_folder)
    inputs = task_inputs(limited, "breast")
    whole = task_inputs(open_study(tiny_profile(), results=study_folder), "breast")
    drawn = set(inputs.store.cases["case_id"])
    assert inputs.available == len(whole.store.cases) == 60
    assert 2 * PIECES <= len(drawn) < 60
    assert drawn < set(whole.store.cases["case_id"])
    assert inputs.store.digest != whole.store.digest
    assert set(inputs.folds["case_id"]) == drawn
    assert set(inputs.pairs["case_a"]) | set(inputs.pairs["case_b"]) <= drawn


def test_inputs_tell_real_from_stand_in(inputs):
    assert (inputs.provenance, inputs.substitute_for) == ("stand-in", None)
    assert inputs.available == len(inputs.store.cases)

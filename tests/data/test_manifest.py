import pytest
import yaml

from rin.data.manifest import find_task, load_manifest, manifest_names
from rin.errors import InputError


@pytest.mark.parametrize("name", manifest_names())
def test_load_manifest_for_every_name_validates(name):
    assert load_manifest(name).name == name


def test_load_manifest_with_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown dataset 'bussi'.*busi"):
        load_manifest("bussi")


def test_find_task_with_unknown_name_lists_the_known_ones():
    with pytest.raises(InputError, match=r"unknown task 'chest'.*breast"):
        find_task("chest")


def altered(tmp_path, **changes):
    fields = load_manifest("busi").model_dump(mode="json") | {"name": "other"} | changes
    (tmp_path / "other.yaml").write_text(yaml.safe_dump(fields))
    return tmp_path


def test_load_manifest_with_extra_field_names_file_and_field(tmp_path):
    with pytest.raises(InputError, match=r"other\.yaml.*(?s:.*)lisence"):
        load_manifest("other", altered(tmp_path, lisence="CC0"))


def test_load_manifest_whose_positive_class_is_no_label_raises(tmp_path):
    task = load_manifest("busi").tasks[0].model_dump() | {"positive_class": "cancer"}
    with pytest.raises(InputError, match="'cancer' is not a label"):
        load_manifest("other", altered(tmp_path, tasks=[task]))


def test_load_manifest_under_another_name_raises(tmp_path):
    with pytest.raises(InputError, match="calls itself 'another'"):
        load_manifest("other", altered(tmp_path, name="another"))


def test_load_manifest_with_broken_yaml_raises(tmp_path):
    (tmp_path / "other.yaml").write_text("name: [")
    with pytest.raises(InputError, match="not YAML"):
        load_manifest("other", tmp_path)


def test_find_task_in_two_manifests_raises(tmp_path):
    altered(tmp_path)
    fields = load_manifest("busi").model_dump(mode="json")
    (tmp_path / "busi.yaml").write_text(yaml.safe_dump(fields))
    with pytest.raises(InputError, match="busi and other"):
        find_task("breast", tmp_path)


def test_manifest_folder_from_environment_is_used(tmp_path, monkeypatch):
    monkeypatch.setenv("RIN_MANIFESTS", str(altered(tmp_path)))
    assert manifest_names() == ["other"]


def own_task(tmp_path, **changes):
    task = {"name": "own", "title": "Own", "positive_class": "malignant", "n_folds": 5}
    return altered(tmp_path, tasks=[task | changes])


def test_load_manifest_when_task_is_not_in_the_paper_has_none(tmp_path):
    assert load_manifest("other", own_task(tmp_path)).tasks[0].paper_task is None


def test_load_manifest_when_paper_task_is_unknown_lists_the_papers(tmp_path):
    with pytest.raises(InputError, match=r"other\.yaml.*(?s:.*)'brest' is not a task of the paper"):
        load_manifest("other", own_task(tmp_path, paper_task="brest"))


def test_load_manifest_with_a_key_that_stands_twice_raises(tmp_path):
    (tmp_path / "other.yaml").write_text("name: other\ntitle: a\ntitle: b\n")
    with pytest.raises(InputError, match="'title' stands twice"):
        load_manifest("other", tmp_path)

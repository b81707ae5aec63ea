import pytest
from tiny_study import settings, write_profile

from rin.errors import InputError
from rin.study import load_profile, profile_names
from rin.study.profile import profile_folder


@pytest.mark.parametrize("name", profile_names())
def test_profile_that_is_shipped_validates_and_has_the_name_of_its_file(name):
    assert load_profile(name).name == name


def test_load_profile_from_path_reads_every_setting(tmp_path):
    profile = load_profile(write_profile(tmp_path / "tiny.yaml"))
    given = settings()
    assert profile.model_dump(include=given.keys(), exclude_unset=True) == given


def test_load_profile_when_unknown_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown profile 'huge'") as caught:
        load_profile("huge")
    assert all(name in caught.value.remedy for name in profile_names())


def test_load_profile_when_path_is_missing_names_it(tmp_path):
    with pytest.raises(InputError, match="no such file") as caught:
        load_profile(tmp_path / "absent.yaml")
    assert caught.value.where == str(tmp_path / "absent.yaml")


@pytest.mark.parametrize(
    ("setting", "value", "told"),
    [
        ("colour", "red", ["colour"]),
        ("fine_tuning.epoch", 3, ["fine_tuning.epoch"]),
        ("fine_tuning.epochs", "many", ["fine_tuning.epochs", "many"]),
        ("fine_tuning.size", 31, ["fine_tuning", "31 px", "ResNet50", "32 px"]),
        ("fine_tuning.augmentation", "wild", ["fine_tuning.augmentation", "wild", "official"]),
        ("pretraining.preprocessing", "odd", ["pretraining.preprocessing", "odd", "symmetric"]),
        ("pretraining.optimizer", "adamw", ["pretraining", "weight_decay"]),
        ("pretraining.corpora", {"radiologic": []}, ["pretraining.corpora"]),
        ("pretraining.backbones", ["VGG18"], ["pretraining", "VGG18"]),
        ("pretraining.backbones", ["InceptionV3"], ["pretraining", "32 px", "InceptionV3"]),
        ("execution.devices", 0, ["execution.devices"]),
        ("backbones", ["VGG16"], ["backbones", "VGG16", "DenseNet121"]),
        ("inits", ["random"], ["inits"]),
        ("inits", ["random", "random"], ["inits", "repeat"]),
        ("tasks", ["breast", "breast"], ["tasks", "repeat"]),
        ("cases", 0, ["cases"]),
        ("fine_tuning_of", {"thyroid": {"epochs": 2}}, ["fine_tuning_of", "thyroid"]),
        ("fine_tuning_of", {"breast": {"size": 31}}, ["fine_tuning_of", "31 px", "ResNet50"]),
        ("fine_tuning.preprocessing", "odd", ["fine_tuning.preprocessing", "official_scripts"]),
        ("pretraining.preprocessing", {"other": "caffe"}, ["other", "radiologic"]),
        ("factors", {}, ["factors", "names no factor"]),
        ("factors.resize", {"tasks": ["breast"], "scenarios": ["odd"]}, ["factors", "odd"]),
        ("probe", {"init": "odd", "contracts": ["caffe", "symmetric"], "epochs": 1}, ["odd"]),
        ("probe", {"contracts": ["caffe", "odd"], "epochs": 1}, ["probe.contracts", "odd"]),
        ("stand_ins.busi", 60, ["stand_ins.busi"]),
        ("execution.workers", -1, ["execution.workers"]),
    ],
)
def test_load_profile_when_setting_is_bad_names_file_and_setting(tmp_path, setting, value, told):
    path = write_profile(tmp_path / "bad.yaml", {setting: value})
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.where == str(path)
    assert [word for word in told if word not in caught.value.problem] == []


@pytest.mark.parametrize(
    "content",
    [b"name: [tiny\n", b"\xff\xfe\x00tiny", b"", b"# nothing\n", b"- tiny\n", b"tiny\n"],
    ids=["broken", "binary", "empty", "comment", "list", "text"],
)
def test_load_profile_when_not_a_yaml_mapping_names_file(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.where == str(path)


def test_load_profile_with_official_splits_draws_no_cases(tmp_path):
    path = write_profile(tmp_path / "bad.yaml", {"splits": "official", "cases": 50})
    with pytest.raises(InputError, match="official splits name all their cases"):
        load_profile(path)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("name: smoke", "name: ../../escape", "setting name"),
        ("folds: 1", "folds: 1\nfolds: 2", "'folds' stands twice"),
        ("folds: 1", "folds: 1\nseed: -1", "setting seed"),
    ],
)
def test_profile_that_would_mislead_is_refused(tmp_path, old, new, message):
    text = (profile_folder() / "smoke.yaml").read_text("utf-8")
    assert old in text
    path = tmp_path / "own.yaml"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(InputError, match=message):
        load_profile(path)

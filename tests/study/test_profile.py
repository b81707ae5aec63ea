import pytest
from tiny_study import settings, tiny_profile, write_profile

from rin.errors import InputError
from rin.study import load_profile, profile_names
from rin.study.profile import Confounding, Profile


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


RESIZE = {"tasks": ["breast"], "scenarios": ["odd"]}
PROBE = {"preprocessings": ["caffe", "symmetric"], "epochs": 1}
LOSSES = {"backbones": ["ResNet50"], "losses": ["hard", "online"], "epochs": 1, "init": "natural"}
BRIEF = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"]}
EQUAL = {"tasks": ["breast"], "scenarios": ["ResNet50-unfreeze_all-1e-04"]}
TAG = EQUAL | {"kinds": ["tag"], "shares": [0, 50]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, ["colour"]),
        ({"name": "../../escape"}, ["name: "]),
        ({"live": "x"}, ["live", "not among the profile's tasks"]),
        ({"fine_tuning.epoch": 3}, ["fine_tuning.epoch"]),
        ({"fine_tuning.size": 31}, ["fine_tuning", "31 px", "ResNet50", "32 px"]),
        ({"fine_tuning.augmentation": "wild"}, ["fine_tuning.augmentation", "wild", "official"]),
        (
            {"pretraining.preprocessing": "odd"},
            ["preprocessing 'odd'", "symmetric"],
        ),
        ({"sanity": {"cases": 8}}, ["sanity: there is no such setting"]),
        ({"pretraining.optimizer": "adam"}, ["pretraining.optimizer", "no such setting"]),
        ({"pretraining.backbones": ["VGG18"]}, ["pretraining", "VGG18"]),
        ({"pretraining.backbones": ["InceptionV3"]}, ["pretraining", "32 px", "InceptionV3"]),
        ({"pretraining.brief": BRIEF | {"init": "odd"}}, ["['odd'] are not among the inits"]),
        ({"equal_accuracy": EQUAL}, ["equal_accuracy: pretraining.brief names no init"]),
        (
            {"equal_accuracy": EQUAL, "pretraining.brief": BRIEF | {"backbones": ["DenseNet121"]}},
            ["with the backbones ['ResNet50']"],
        ),
        ({"execution.devices": 0}, ["execution.devices"]),
        ({"curation": {"studies": 29}}, ["curation.studies", "greater than or equal to 30"]),
        ({"curation": {"size": 66}}, ["curation.size", "multiple of 4"]),
        ({"backbones": ["VGG16"]}, ["backbone", "VGG16", "DenseNet121"]),
        ({"inits": ["random", "random"]}, ["inits", "repeat"]),
        ({"tasks": ["breast", "breast"]}, ["tasks", "repeat"]),
        ({"splits": "official", "cases": 50}, ["official splits name all their cases"]),
        ({"fine_tuning_of": {"thyroid": {"epochs": 2}}}, ["fine_tuning_of", "thyroid"]),
        ({"fine_tuning_of": {"breast": {"size": 31}}}, ["fine_tuning_of", "31 px", "ResNet50"]),
        ({"fine_tuning.preprocessing": "odd"}, ["fine_tuning.preprocessing", "official_scripts"]),
        ({"pretraining.preprocessing": {"other": "caffe"}}, ["other", "radiologic"]),
        (
            {"pretraining.pretrainings": [2, 1, 2]},
            ["pretraining.pretrainings", "[2, 1, 2]; state each of them once"],
        ),
        ({"factors.resize": RESIZE}, ["factors", "odd"]),
        ({"factors.confounder": TAG | {"put_on": ["odd"]}}, ["put_on: ['odd'] are not among"]),
        ({"probe": PROBE | {"init": "odd"}}, ["odd"]),
        ({"probe": PROBE | {"preprocessings": ["caffe", "odd"]}}, ["probe.preprocessings", "odd"]),
        ({"losses": LOSSES}, ["losses: ['natural'] are not among the inits"]),
        (
            {"losses": LOSSES | {"learning_rates": {"VGG19": 1e-4}}},
            ["learning_rates: ['VGG19'] are not among its backbones"],
        ),
    ],
)
def test_load_profile_when_setting_is_bad_names_file_and_setting(tmp_path, changes, told):
    path = write_profile(tmp_path / "bad.yaml", changes)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.where == str(path)
    assert [word for word in told if word not in caught.value.problem] == []


def test_confounders_are_put_on_the_images_of_the_tasks_that_are_named():
    both = TAG | {"tasks": ["breast", "covid19"]}
    assert Confounding(**both).levels["tag 50"] == ["breast", "covid19"]
    assert Confounding(**both, put_on=["covid19"]).levels["tag 50"] == ["covid19"]


@pytest.mark.parametrize(
    ("tasks", "levels"),
    [
        (["covid19", "busbra"], ["tag 0", "tag 50", "sampled 0", "sampled 50"]),
        (["breast", "covid19"], ["tag 0", "tag 50"]),
        (["busbra"], ["sampled 0", "sampled 50"]),
        (["pneumonia"], None),
    ],
)
def test_profile_of_some_of_its_tasks_can_be_read_again(tasks, levels):
    sampled = {"task": "busbra", "column": "device", "groups": ["a", "b"]}
    sampled |= {"train": 4, "validation": 2, "test": 2}
    every = {"tasks": ["covid19", "busbra"]}
    confounder = TAG | every | {"put_on": ["covid19"], "sampled": sampled}
    changes = {"tasks": ["breast", "pneumonia", "covid19", "busbra"], "live": "breast"}
    changes |= {"fine_tuning_of": {"breast": {"epochs": 2}}}
    whole = tiny_profile(changes | {"factors": {"confounder": confounder}})
    part = whole.model_copy(update={"tasks": tasks})
    assert Profile.model_validate(part.model_dump(mode="json")) == part
    assert part.live_task == ("breast" if "breast" in tasks else tasks[0])
    section = part.studies.get("confounder")
    assert (None if section is None else list(section.levels)) == levels


@pytest.mark.parametrize(
    "content",
    [b"name: [tiny\n", b"\xff\xfe\x00tiny", b"", b"- tiny\n", b"tiny\n", b"name: a\nname: b\n"],
    ids=["broken", "binary", "empty", "list", "text", "twice"],
)
def test_load_profile_when_not_a_yaml_mapping_names_file(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.where == str(path)

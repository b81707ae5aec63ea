import re

import pytest
from tiny_study import SETTINGS, TWO, main_study, settings, side_study, tiny_profile, write_profile

from rin.errors import InputError
from rin.study import load_profile, profile_names
from rin.study.profile import LAYERED, Profile


def test_load_profile_from_path_reads_every_setting(tmp_path):
    profile = load_profile(write_profile(tmp_path / "tiny.yaml"))
    given = settings({"pretraining.corpora": {"radiologic": ["corpus_radiologic"]}})
    assert profile.model_dump(include=given.keys(), exclude_unset=True) == given


def test_load_profile_when_unknown_lists_the_known_ones():
    with pytest.raises(InputError, match="unknown profile 'huge'") as caught:
        load_profile("huge")
    assert all(name in caught.value.remedy for name in profile_names())


def test_copied_profile_needs_a_name_of_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("RIN_PROFILES", str(tmp_path))
    write_profile(tmp_path / "copy.yaml")
    with pytest.raises(InputError, match=r"its name is tiny.* Write name: copy\."):
        load_profile("copy")


LOSSES = {"backbones": ["ResNet50"], "losses": ["hard", "online"], "epochs": 1}
BRIEF = {"init": "radiologic", "epochs": 1, "backbones": ["ResNet50"]}
BRIEF_OF_TWO = TWO | {"inits": ["radiologic", "photographic"], "pretraining.brief": [BRIEF]}
OF_BRIEF = {"inits": ["radiologic_brief", "photographic"]}


def with_study(name, /, **chosen):
    return {"studies": [side_study(name, **chosen)]}


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"colour": "red"}, "colour"),
        ({"fine_tuning.warmup": 1}, "fine_tuning.warmup: there is no such setting$"),  # elsewhere
        ({"fine_tuning.sise": 9}, "fine_tuning.sise: .* mean size"),
        ({"live": "x"}, "live: .* not among the profile's tasks"),
        ({"fine_tuning.augmentation": "wild"}, "fine_tuning.augmentation.*official.*wild"),
        ({"pretraining.preprocessing": "odd"}, "preprocessing 'odd'.*symmetric"),
        ({"pretraining.backbones": ["InceptionV3"]}, "32 px.*InceptionV3|InceptionV3.*32 px"),
        ({"pretraining.brief": [BRIEF | {"init": "odd"}]}, r"\['odd'\] are not among the inits"),
        ({"name": "../../escape"}, "name: "),
        ({"pretraining.brief": [BRIEF, BRIEF]}, "radiologic_brief.*state each once"),
        ({"tasks": ["breast", "breast"]}, "tasks.*repeat"),
        ({"splits": "official", "cases": 50}, "official splits fix their cases"),
        ({"fine_tuning_of": {"thyroid": {"epochs": 2}}}, "fine_tuning_of.*thyroid"),
        ({"pretraining.preprocessing": {"other": "caffe"}}, "other.*radiologic"),
        (
            {"pretraining.pretrainings": {"VGG19": [1]}},
            "pretraining, pretrainings: they are of .'VGG19'., not of its backbones, .'ResNet50'.",
        ),
        (with_study("x", pretrainings={"VGG19": [1]}), "study x, pretrainings: .*'VGG19'"),
        ({"losses": LOSSES | {"init": "natural"}}, "losses: .'natural'. are not among the inits"),
        (
            {"losses": LOSSES | {"learning_rates": {"VGG19": 1e-4}}},
            "learning_rates: .'VGG19'. are not among its backbones",
        ),
        ({"studies": [side_study("x"), side_study("x")]}, r"names repeat: \['main', 'x', 'x'\]"),
        (with_study("x", seeds=10_000), "studies.1.seeds: .*1000"),
        (with_study("x", tasks=["thyroid"]), "study x, tasks: .'thyroid'. are not among"),
        (with_study("x", backbones=["VGG19"]), "study x, backbones: .*the profile's backbones"),
        (with_study("x", unfreezing=["freeze_all"]), "unfreezing: learning_rates already name"),
        (
            with_study("x", learning_rates={"freeze_all": [1e-4]}),
            "learning_rates of freeze_all: .* not among those of the plan",
        ),
        (
            {"inits": ["radimagenet", "imagenet"], "pretraining": None}
            | with_study("x", pretrainings=[2]),
            "study x, pretrainings: .2. are not among the pretrainings of loaded weights",
        ),
        (
            BRIEF_OF_TWO | {"pretraining.pretrainings": [1, 2]} | with_study("x", **OF_BRIEF),
            "pretraining.brief has no radiologic_brief of ResNet50, pretraining 2",
        ),
        (
            with_study("x", vary={"dropuot": [0.1]}),
            "study x, vary: breast: dropuot.*mean dropout?",
        ),
        (with_study("x", vary={"dropout": [0.1, 2]}), "study x, vary: 2: dropout.*less than 1"),
        (with_study("x", vary={"dropout": [0.1, 0.1]}), "levels of dropout repeat"),
        (
            with_study("x", vary={"epochs": [1, 2], "long": {"a": {}, "b": {"epochs": 3}}}),
            r"study x, vary: settings of several factors repeat: \['epochs', 'epochs'\]",
        ),
        (with_study("x", vary={"size": [32, 31]}), "study x, fine_tuning.size: 31 px"),
        (
            with_study("x", vary={"preprocessing": ["native", "released"]}),
            "the level released needs pretraining.released",
        ),
        (
            with_study("x", vary={"confounder": ["sampled 0"]}),
            "the profile has no section sampled_confounder",
        ),
        (with_study("layers"), "study layers, activation_sample.*which needs it"),
        (
            with_study("layers", activation_sample={}, inits=["radiologic"]),
            r"the comparison of layers also needs \['random'\]",
        ),
        (
            {"backbones": ["ResNet50", "MobileNet"]}
            | with_study("layers", activation_sample={}, inits=["random", "radiologic"]),
            "study layers, backbones: .'MobileNet'. are not among those with layers",
        ),
        ({"studies": [main_study(folds=2)]}, "study main: .'folds'. are not among what it may"),
        # Values of another kind.
        ({"name": "stores"}, "name"),
        ({"about": [["x" * 100] * 1000] * 1000}, "about"),
        (with_study("x" * 300), "studies"),
    ],
)
def test_load_profile_when_a_setting_is_bad_names_file_and_setting(tmp_path, changes, told):
    path = write_profile(tmp_path / "bad.yaml", changes)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.where == str(path)
    assert re.search(told, caught.value.problem)
    assert len(caught.value.problem) < 800


SAMPLED = {"task": "busbra", "column": "device", "groups": ["a", "b"]}
SAMPLED |= {"train": 4, "validation": 2, "test": 2}


def test_layers_can_be_compared_of_the_backbones_of_which_they_are_recorded():
    from rin.training.trainer import LAYERS

    assert {*LAYERED} == {*LAYERS}


@pytest.mark.parametrize(("task", "lost"), [("breast", "sampled 0"), ("busbra", "tag 0")])
def test_load_profile_when_a_level_is_of_no_task_of_its_study_names_it(tmp_path, task, lost):
    changes = {"tasks": ["breast", "busbra"], "sampled_confounder": SAMPLED}
    changes |= with_study("marked", tasks=[task], vary={"confounder": ["tag 0", "sampled 0"]})
    path = write_profile(tmp_path / "bad.yaml", changes)
    with pytest.raises(InputError, match=f"study marked, vary: there is no task .* level {lost}"):
        load_profile(path)


def test_profile_trains_the_studies_that_it_names_and_by_default_the_main_one():
    head = side_study("head")
    for changes, expected in (
        ({}, ["main"]),
        ({"studies": [head]}, ["head"]),
        ({"studies": [head, main_study()]}, ["main", "head"]),
    ):
        assert [*Profile.model_validate(SETTINGS | changes).study_filters] == expected


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        ({}, ["freeze_all 0.001", "freeze_all 0.01", "unfreeze_all 0.0001",
              "unfreeze_all 0.001", "unfreeze_top10 0.001", "unfreeze_top10 0.01"]),
        ({"unfreezing": ["freeze_all"]}, ["freeze_all 0.001", "freeze_all 0.01"]),
        ({"learning_rates": {"unfreeze_all": [0.001], "freeze_all": [0.01]}},
         ["freeze_all 0.01", "unfreeze_all 0.001"]),
    ],
)  # fmt: skip
def test_study_takes_the_ways_of_fine_tuning_that_pass_its_filters(chosen, expected):
    profile = tiny_profile({"studies": [{"name": "main", **chosen}]})
    (variant,) = profile.variants("main")
    found = sorted(f"{each.unfreezing} {each.learning_rate}" for each in variant.study.scenarios)
    assert found == expected


@pytest.mark.parametrize(
    ("tasks", "levels"),
    [
        (
            ["covid19", "busbra"],
            {"tag 0": ["covid19"], "tag 50": ["covid19"], "sampled 50": ["busbra"]},
        ),
        (["breast", "covid19"], {"tag 0": ["covid19"], "tag 50": ["covid19"], "sampled 50": []}),
        (["busbra"], {"tag 0": [], "tag 50": [], "sampled 50": ["busbra"]}),
        (["pneumonia"], None),
    ],
)
def test_profile_of_some_of_its_tasks_can_be_read_again(tasks, levels):
    changes = {"tasks": ["breast", "pneumonia", "covid19", "busbra"], "live": "breast"}
    changes |= {"fine_tuning_of": {"breast": {"epochs": 2}}, "sampled_confounder": SAMPLED}
    vary = {"confounder": ["tag 0", "tag 50", "sampled 50"]}
    whole = tiny_profile(changes | with_study("marked", tasks=["covid19", "busbra"], vary=vary))
    part = whole.model_copy(update={"tasks": tasks})
    assert Profile.model_validate(part.model_dump(mode="json")) == part
    assert part.live_task == ("breast" if "breast" in tasks else tasks[0])
    there = "marked" in part.study_filters
    found = {each.level: each.tasks for each in part.variants("marked")} if there else None
    assert found == levels


@pytest.mark.parametrize(
    "content",
    [None, b"name: [tiny\n", b"\xff\xfe\x00tiny", b"- tiny\n"],
    ids=["absent", "broken", "binary", "list"],
)
def test_load_profile_when_not_a_yaml_mapping_names_file(tmp_path, content):
    path = tmp_path / "bad.yaml"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert caught.value.where == str(path)

"""YAML that is nested without end, or holds values of another kind, ends in one clear error."""

import pytest
import yaml

from rin.errors import InputError
from rin.files import read_yaml
from rin.study import load_profile
from rin.study.profile import Profile

ALIASES = "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10) if k else '1'}]\n" for k in range(10)
)


@pytest.mark.parametrize(
    "content",
    ["[" * 100_000, "a: " + "{b: " * 5000, "- " * 5000],
    ids=["brackets", "braces", "lists"],
)
def test_read_yaml_that_is_nested_without_end_names_the_line(tmp_path, content):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match="line 1: nested too deeply") as caught:
        read_yaml(path)
    assert caught.value.where == str(path)
    assert len(str(caught.value)) < 1000


@pytest.mark.timeout(60)
@pytest.mark.parametrize("content", [ALIASES, f"{ALIASES}stand_ins: *a9", "tasks: &a [*a]"])
def test_profile_whose_aliases_stand_for_millions_of_values_is_one_error_at_once(
    tmp_path, content
):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert len(str(caught.value)) < 1000


MERGES = "a0: &a0 {x: 1}\n" + "".join(
    f"a{k}: &a{k} {{<<: [{', '.join([f'*a{k - 1}'] * 10)}]}}\n" for k in range(1, 12)
)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    ("content", "line"),
    [(ALIASES, 7), (MERGES, 7), ("tasks: &a [*a]", 1), ("a: &a\n  <<: *a\n", 2)],
    ids=["aliases", "merged keys", "itself", "itself merged"],
)
def test_read_yaml_that_stands_for_more_than_any_file_ends_at_once_and_names_the_line(
    tmp_path, content, line
):
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=rf"line {line}: .*more than 2,000,000 values") as caught:
        read_yaml(path)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.timeout(20)
def test_read_yaml_of_very_many_keys_looks_for_doubled_ones_at_once(tmp_path):
    path = tmp_path / "many.yaml"
    path.write_text("".join(f"key{k}: 1\n" for k in range(20_000)))
    assert len(read_yaml(path)) == 20_000


@pytest.mark.parametrize("number", ["1:10", "190:20:30", "1:10.5", "-0123"])
def test_read_yaml_refuses_a_number_to_another_base_unless_it_is_quoted(tmp_path, number):
    path = tmp_path / "bad.yaml"
    path.write_text(f"name: x\nfolds: {number}\n")
    with pytest.raises(InputError, match=rf"{number} without quotes is no number.*line 2"):
        read_yaml(path)
    path.write_text(f"folds: '{number}'\nat: 2026-11-24 10:00\nshare: 0.5\nnone: 0\n")
    assert read_yaml(path)["folds"] == number


def test_read_yaml_with_a_few_aliases_reads_them_and_numbers_without_a_point(tmp_path):
    path = tmp_path / "good.yaml"
    path.write_text("a: &a {x: 1e-4}\nb: *a\nc: [*a, 2E3, '1e-4', 1e]\n")
    rate = {"x": 1e-4}
    assert read_yaml(path) == {"a": rate, "b": rate, "c": [rate, 2000.0, "1e-4", "1e"]}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("folds", True),
        ("folds", "1"),
        ("seed", 2**32),
        ("name", "stores"),
        ("name", "x" * 300),
        ("fine_tuning", {"size": 32, "batch": True, "epochs": 1}),
        ("fine_tuning", {"size": 32, "batch": 1, "epochs": 1, "dropout": "0.5"}),
        ("pretraining", {"corpora": {"a": "b"}, "size": 32, "batch": 1, "epochs": 1,
                         "learning_rate": float("inf")}),
        ("about", [["x" * 100] * 1000] * 1000),
        ("name", "\N{MATHEMATICAL FRAKTUR CAPITAL U}" * 64),
        ("stand_ins", {"busi": {"benign": "30"}}),
        ("cases", 10**30),
        ("fine_tuning", {"size": 10**9, "batch": 1, "epochs": 1}),
        ("studies", [{"name": "repeats", "tasks": ["breast"], "seeds": 10**9}]),
        ("studies", [{"name": "x" * 300}]),
        ("studies", [{"name": "dropout", "vary": {"dropout": ["0.5"]}}]),
        ("studies", [{"name": "dropout", "vary": {"x" * 300: [0.5]}}]),
        ("studies", [{"name": "rates", "learning_rates": [10**30]}]),
        ("studies", {"name": "main"}),
        ("pretraining", {"corpora": {"random": "b", "imagenet": "b"}, "size": 32, "batch": 1,
                         "epochs": 1, "pretrainings": 10**7}),
    ],
)  # fmt: skip
def test_profile_with_a_value_of_another_kind_is_refused_in_a_short_line(tmp_path, setting, value):
    good = {"name": "good", "about": "", "tasks": ["breast"], "inits": ["random", "imagenet"]}
    good |= {"backbones": ["ResNet50"], "fine_tuning": {"size": 32, "batch": 1, "epochs": 1}}
    Profile.model_validate(good)
    path = tmp_path / "bad.yaml"
    path.write_text(yaml.safe_dump(good | {setting: value}))
    with pytest.raises(InputError, match=setting) as caught:
        load_profile(path)
    assert len(caught.value.problem) < 400


def test_profile_of_an_impossible_name_is_unknown():
    for name in ("x" * 300, "x/" * 3000, "x\0y"):
        with pytest.raises(InputError, match="unknown profile") as caught:
            load_profile(name)
        assert len(str(caught.value)) < 400
    with pytest.raises(InputError, match="no such file"):
        load_profile("x" * 300 + ".yaml")


def test_read_yaml_names_the_line_of_a_key_that_stands_twice(tmp_path):
    path = tmp_path / "bad.yaml"
    path.write_text("name: x\nfolds: 1\n\nabout: y\nfolds: 2\nseed: 3\n")
    with pytest.raises(InputError, match=r"the key .folds. stands twice.*line 5"):
        read_yaml(path)

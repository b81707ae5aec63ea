"""YAML that is nested without end, or holds values of another kind, ends in one clear error."""

import pytest

from rin.errors import InputError
from rin.files import read_yaml
from rin.study import load_profile

ALIASES = "".join(
    f"a{k}: &a{k} [{', '.join([f'*a{k - 1}'] * 10) if k else '1'}]\n" for k in range(10)
)
TOO_MANY = "more than 2,000,000 values"
HOSTILE = {
    "brackets": ("[" * 100_000, "line 1: nested too deeply"),
    "aliases": (ALIASES, f"line 7: .*{TOO_MANY}"),
    "itself": ("tasks: &a [*a]", f"line 1: .*{TOO_MANY}"),
    "itself merged": ("a: &a\n  <<: *a\n", f"line 2: .*{TOO_MANY}"),
    "a key twice": ("name: x\nfolds: 1\n\nfolds: 2\n", r"the key .folds. stands twice.*line 4"),
}


@pytest.mark.timeout(60)
@pytest.mark.parametrize("kind", HOSTILE)
def test_read_yaml_that_no_file_should_be_ends_at_once_and_names_the_line(tmp_path, kind):
    content, said = HOSTILE[kind]
    path = tmp_path / "bad.yaml"
    path.write_text(content)
    with pytest.raises(InputError, match=said):
        read_yaml(path)


@pytest.mark.parametrize("number", ["1:10", "1:10.5", "-0123"])
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


@pytest.mark.parametrize("name", ["x" * 300, "x\0y", "x" * 300 + ".yaml"])
def test_profile_of_an_impossible_name_is_unknown(name):
    with pytest.raises(
        InputError, match=r"unknown profile|it cannot be read \(File name too long"
    ) as caught:
        load_profile(name)
    assert len(str(caught.value)) < 400

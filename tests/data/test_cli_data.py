"""`rin data status` and `rin data verify`, on the miniature BUSI."""

import json
import shutil
import sys

import pytest
import yaml
from busi_files import TOP, mask, save
from typer.testing import CliRunner

from rin import cli
from rin.data.manifest import manifest_names
from rin.errors import InputError


@pytest.fixture(autouse=True)
def somewhere_else(tmp_path, monkeypatch):
    """An empty working folder, no DATA_ROOT, and lines that need not be broken."""
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.delenv("DATA_ROOT", raising=False)
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def miniature(busi_manifest, tmp_path, monkeypatch):
    """A folder of manifests that holds the miniature's alone; returns a writer of changes."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    monkeypatch.setenv("RIN_MANIFESTS", str(folder))

    def write(**changes):
        fields = busi_manifest.model_dump(mode="json") | {"files": []} | changes
        (folder / f"{fields['name']}.yaml").write_text(yaml.safe_dump(fields))

    write()
    return write


def data(*arguments, env=None):
    result = CliRunner().invoke(cli.app, ["data", *map(str, arguments)], env=env)
    if isinstance(result.exception, InputError):
        raise result.exception
    return result


def as_a_user_sees_it(monkeypatch, capsys, *arguments):
    monkeypatch.setattr(sys, "argv", ["rin", "data", *map(str, arguments)])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return ended.value.code, capsys.readouterr()


def line_of(output, name):
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [name]]
    return line


def test_status_without_data_root_lists_every_dataset_as_not_there():
    result = data("status", "--json")
    told = json.loads(result.output)
    assert (result.exit_code, told["data_root"]) == (0, None)
    assert sorted(one["name"] for one in told["datasets"]) == manifest_names()
    assert {one["state"] for one in told["datasets"]} == {"not there"}


def test_status_names_place_purpose_and_what_to_do(miniature, busi_root):
    miniature(name="other", tasks=[], locations=["other"], access="on request", home="by letter")
    result = data("status", "--data-root", busi_root)
    assert result.exit_code == 0
    assert "Data root: " + str(busi_root) in result.output
    assert f"here: {TOP}" in result.output
    rows = [line.split() for line in reversed(result.output.splitlines()) if line.strip()]
    first = {row[0]: row for row in rows}
    assert (first["busi"][1], first["other"][1]) == ("breast", "pretraining")
    assert "Nothing. It comes from https://scholar.cu.edu.eg" in result.output
    assert "Ask for it at by letter, and put it at other." in result.output


def test_status_of_data_root_in_the_environment_is_the_same(miniature, busi_root):
    named = data("status", "--json", "--data-root", busi_root)
    given = data("status", "--json", env={"DATA_ROOT": str(busi_root)})
    assert json.loads(named.output)["datasets"][0]["location"] == TOP
    assert given.output == named.output


def test_status_prints_markup_and_control_characters_of_names_as_text(miniature, tmp_path):
    place = "[bold red]x[/bold red] [/nothing]"
    root = tmp_path / "[link=x]root\x1b[31m"
    root.mkdir()
    miniature(name="other", title="[b]T[/b]", locations=[place, "b"], licence="[i]L", tasks=[])
    (root / place.rpartition("/")[0]).mkdir(parents=True)
    (root / place).write_text("")
    result = data("status", "--data-root", root)
    assert "[bold red]x[/bold red] [/nothing]" in result.output
    assert "[link=x]root\N{REPLACEMENT CHARACTER}[31m" in result.output
    assert "[i]L" in result.output
    assert "\x1b" not in result.output


def test_verify_of_a_whole_dataset_exits_with_0_and_keeps_the_inspection(miniature, busi_root):
    result = data("verify", "busi", "--data-root", busi_root)
    assert result.exit_code == 0
    assert "no published digests are known" in result.output
    assert line_of(result.output, "benign").split() == ["benign", "2", "2", "3", "3"]
    assert line_of(result.output, "all").split() == ["all", "4", "4", "5", "5"]
    assert line_of(result.output, "pictures").split()[1:] == ["4", "can", "be", "read"]
    assert "Nothing is wrong" in result.output
    assert len(list((busi_root.parent / "here" / "results" / "index").rglob("*.parquet"))) == 1


def test_verify_compares_the_digest_with_the_expected_one(miniature, busi_root):
    result = data("verify", "busi", "--data-root", busi_root)
    digest = line_of(result.output, "digest").split()[1]
    asked = ("verify", "busi", "--data-root", busi_root, "--expect")
    assert data(*asked, digest).exit_code == 0
    other = data(*asked, "0" * 64)
    assert other.exit_code == 1
    assert f"the content digest is {digest} and not 000" in other.output


def test_verify_again_decodes_nothing_and_fresh_decodes_all(miniature, busi_root, monkeypatch):
    asked = ("verify", "busi", "--data-root", busi_root)
    data(*asked)
    decoded = []
    monkeypatch.setattr("rin.data.store._Pass.inspect", lambda *a: decoded.append(a) or 1 / 0)
    assert data(*asked).exit_code == 0
    assert decoded == []
    assert isinstance(data(*asked, "--fresh").exception, ZeroDivisionError)
    assert decoded != []


def test_verify_of_an_absent_dataset_exits_with_1_and_says_where_to_get_it(miniature, tmp_path):
    result = data("verify", "busi", "--data-root", tmp_path)
    assert result.exit_code == 1
    assert "get it at https://scholar.cu.edu.eg" in result.output
    assert "1 problem\n" in result.output


def test_verify_shows_only_the_first_of_very_many_problems(miniature, busi_root):
    for number in range(3, 30):
        (busi_root / TOP / "benign" / f"benign ({number}).png").write_bytes(b"no picture")
        save(busi_root / TOP / "benign" / f"benign ({number})_mask.png", mask())
    result = data("verify", "busi", "--data-root", busi_root)
    assert result.exit_code == 1
    assert result.output.count("no whole picture") == 19
    assert "and 8 more" in result.output
    assert "28 problems" in result.output


def test_verify_all_looks_at_what_is_there_and_fails_for_one(miniature, busi_root):
    shutil.copytree(busi_root / TOP, busi_root / "twin")
    (busi_root / "twin" / "normal" / "normal (1).png").write_bytes(b"no picture")
    for name in ("twin", "absent"):
        miniature(name=name, title=name.upper(), locations=[name], tasks=[])
    result = data("verify", "all", "--data-root", busi_root)
    assert result.exit_code == 1
    assert "TWIN" in result.output
    assert "ABSENT" not in result.output
    assert result.output.count("Nothing is wrong") == 1


def test_verify_all_where_nothing_is_there_says_that_nothing_was_checked(miniature, tmp_path):
    (tmp_path / "empty").mkdir()
    result = data("verify", "all", "--data-root", tmp_path / "empty")
    assert (result.exit_code, result.output) == (
        0,
        "No dataset is there, so nothing was checked.\n",
    )


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["status", "--data-root", "absent"], "absent: there is no such data root"),
        (["verify", "bussi", "--data-root", "."], "dataset: unknown dataset 'bussi'. Known: busi."),
        (["verify", "busi"], "--data-root: no folder of datasets is named"),
        (["verify", "busi", "--data-root", "absent"], "absent: there is no such data root"),
        (["verify", "all", "--data-root", ".", "--expect", "0"], "--expect: a digest can be"),
        (["verify", "busi", "--data-root", ".", "--quick", "--expect", "0"], "--expect: a digest"),
    ],
)
def test_bad_input_exits_with_1_and_one_line(miniature, monkeypatch, capsys, arguments, said):
    status, printed = as_a_user_sees_it(monkeypatch, capsys, *arguments)
    assert (status, printed.out) == (1, "")
    (line,) = printed.err.splitlines()
    assert line.startswith(f"rin: {said}")


def test_failing_verification_ends_the_program_with_1(miniature, monkeypatch, capsys, tmp_path):
    status, printed = as_a_user_sees_it(
        monkeypatch, capsys, "verify", "busi", "--data-root", tmp_path
    )
    assert (status, printed.err) == (1, "")
    assert "is not there" in printed.out

"""What is there of the datasets: as a table, and as `rin data status` and `verify` print it."""

import json
import shutil
import zipfile

import pytest
import yaml
from busi_files import TOP, change, mask

from rin.data.manifest import manifest_names
from rin.data.status import dataset_status
from rin.errors import InputError

HOME = "https://example.org/data"


@pytest.fixture
def data(rin, monkeypatch):
    """Runs `rin data` with lines that need not be broken, checks the status, returns the output."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments, status=0):
        code, printed, errors = rin("data", *arguments)
        assert (code, errors) == (status, "")
        return printed

    return call


@pytest.fixture
def manifests(busi_manifest, tmp_path, monkeypatch):
    """Writes manifests into a folder of their own, each the miniature's with changes."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    monkeypatch.setenv("RIN_MANIFESTS", str(folder))
    fields = busi_manifest.model_dump(mode="json") | {"files": []}

    def write(name, **changes):
        own = {} if name == "busi" else {"home": HOME, "locations": [name, f"{name}.zip"]}
        told = fields | {"name": name} | own | changes
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(told))

    return write


@pytest.fixture
def root(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def task(name, *substitutes):
    known = {"name": name, "title": name, "positive_class": "malignant", "n_folds": 5}
    return known | {"substitutes": list(substitutes)}


def statuses_of(data_root):
    return [*dataset_status(data_root).itertuples(index=False)]


def only(statuses, name):
    (found,) = [one for one in statuses if one.name == name]
    return found


def broken_zip(path):
    path.write_bytes(b"PK\x03\x04 cut off")


def zip_of(name):
    def write(path):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"")

    return write


def zip_of_another_version(path):
    zip_of("a.png")(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 99  # version needed to extract: 9.9
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("place", "write", "said"),
    [
        ("one.zip", broken_zip, "cannot be opened"),
        ("one.zip", zip_of_another_version, "9.9"),
        ("one.zip", lambda path: zipfile.ZipFile(path, "w").close(), "it holds no file"),
        ("one.zip", zip_of("../outside.png"), "unsafe or repeated member name '../outside.png'"),
        ("one", lambda path: path.mkdir(), "it holds no file"),
        ("one", lambda path: path.write_text("a note"), "no such folder or zip archive"),
    ],
)
def test_place_that_cannot_be_listed_is_broken_and_raises_nothing(
    manifests, root, place, write, said
):
    manifests("one")
    manifests("two")
    write(root / place)
    one, two = statuses_of(root)
    assert (one.state, one.location, one.instead) == ("broken", place, [])
    assert said in one.problem
    assert one.problem in one.to_do
    assert two.state == "not there"


def test_archive_that_locate_must_open_and_cannot_is_broken(manifests, root):
    manifests("one", locations=["archive.zip::inner"])
    broken_zip(root / "archive.zip")
    (status,) = statuses_of(root)
    assert status.state == "broken"
    assert "cannot be opened" in status.problem


@pytest.mark.parametrize(
    ("access", "told"),
    [
        ("open", f"Download it from {HOME}, and put it at one"),
        ("registration", f"Register and download it at {HOME}, and put it at one"),
        ("on request", f"Ask for it at {HOME}, and put it at one"),
        ("not public", "It is not public"),
    ],
)
def test_what_to_do_without_a_data_root_follows_access(manifests, access, told):
    manifests("one", access=access)
    (status,) = statuses_of(None)
    assert (status.state, status.location, status.instead) == ("not there", "", ["stand-in"])
    assert status.to_do == f"{told}."


def test_substitutes_are_told_where_they_are_and_where_they_are_not(manifests, busi_root, root):
    manifests("one", access="not public", tasks=[task("first", "other"), task("second", "other")])
    manifests("other", tasks=[], stand_in=None)
    absent = only(statuses_of(root), "one")
    assert absent.to_do == "It is not public; get its substitute other."
    assert absent.instead == ["stand-in"]
    broken_zip(root / "other.zip")
    assert only(statuses_of(root), "one").instead == ["stand-in"]
    shutil.copytree(busi_root / TOP, root / "other")
    there = only(statuses_of(root), "one")
    assert there.to_do == "It is not public; its substitute other is there."
    assert there.instead == ["other"]


def test_purposes_and_order_are_tasks_then_substitutes_then_pretraining(manifests):
    manifests("a_corpus", tasks=[])
    manifests("b_other", tasks=[])
    manifests("c_own", tasks=[task("first", "b_other"), task("second", "b_other")])
    assert [(one.name, one.purpose) for one in statuses_of(None)] == [
        ("c_own", "first, second"),
        ("b_other", "substitute for first, second"),
        ("a_corpus", "pretraining"),
    ]


def test_unknown_substitute_raises_and_lists_the_known_names(manifests):
    manifests("one", tasks=[task("first", "otter")])
    with pytest.raises(InputError, match=r"unknown substitute for one 'otter'. Known: one\."):
        dataset_status(None)


def line_of(output, name):
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [name]]
    return line


def test_status_without_data_root_lists_every_dataset_as_not_there(data):
    told = json.loads(data("status", "--json"))
    assert told["data_root"] is None
    assert sorted(one["name"] for one in told["datasets"]) == manifest_names()
    assert {one["state"] for one in told["datasets"]} == {"not there"}


def test_status_names_place_purpose_and_what_to_do(data, manifests, busi_root):
    manifests("busi")
    manifests("other", tasks=[], locations=["other"], access="on request", home="by letter")
    output = data("status", "--data-root", busi_root)
    assert "Data root: " + str(busi_root) in output
    assert f"here: {TOP}" in output
    rows = [line.split() for line in reversed(output.splitlines()) if line.strip()]
    first = {row[0]: row for row in rows}
    assert (first["busi"][1], first["other"][1]) == ("breast", "pretraining")
    assert "Nothing. It comes from https://scholar.cu.edu.eg" in output
    assert "Ask for it at by letter, and put it at other." in output


def test_status_of_data_root_in_the_environment_is_the_same(
    data, manifests, busi_root, monkeypatch
):
    manifests("busi")
    named = data("status", "--json", "--data-root", busi_root)
    monkeypatch.setenv("DATA_ROOT", str(busi_root))
    assert json.loads(named)["datasets"][0]["location"] == TOP
    assert data("status", "--json") == named


def test_status_prints_markup_and_control_characters_of_names_as_text(data, manifests, tmp_path):
    place = "[bold red]x[/bold red] [/nothing]"
    root = tmp_path / "[link=x]root\x1b[31m"
    (root / place.rpartition("/")[0]).mkdir(parents=True)
    (root / place).write_text("")
    manifests("other", title="[b]T[/b]", locations=[place, "b"], licence="[i]L", tasks=[])
    output = data("status", "--data-root", root)
    for text in (place, "[link=x]root\N{REPLACEMENT CHARACTER}[31m", "[i]L"):
        assert text in output
    assert "\x1b" not in output


def test_verify_of_a_whole_dataset_exits_with_0_and_keeps_the_inspection(
    data, manifests, busi_root
):
    manifests("busi")
    asked = ("verify", "busi", "--data-root", busi_root)
    output = data(*asked)
    assert "no published digests are known" in output
    assert line_of(output, "benign").split() == ["benign", "2", "2", "3", "3"]
    assert line_of(output, "all").split() == ["all", "4", "4", "5", "5"]
    assert line_of(output, "pictures").split()[1:] == ["4", "can", "be", "read"]
    assert "Nothing is wrong" in output
    assert len(list((busi_root.parent / "results" / "index").rglob("*.parquet"))) == 1
    digest = line_of(output, "digest").split()[1]
    data(*asked, "--expect", digest)
    told = f"the content digest is {digest} and not 000"
    assert told in data(*asked, "--expect", "0" * 64, status=1)


def test_verify_again_decodes_nothing_and_fresh_decodes_all(
    data, manifests, busi_root, monkeypatch
):
    manifests("busi")
    asked = ("verify", "busi", "--data-root", busi_root)
    data(*asked)
    decoded = []
    monkeypatch.setattr("rin.data.store._Pass.inspect", lambda *a: decoded.append(a) or 1 / 0)
    data(*asked)
    assert decoded == []
    with pytest.raises(ZeroDivisionError):
        data(*asked, "--fresh")


def test_verify_shows_only_the_first_of_very_many_problems(data, manifests, busi_root):
    manifests("busi")
    for number in range(3, 30):
        pair = {f"benign ({number}).png": b"no picture", f"benign ({number})_mask.png": mask()}
        change(busi_root / TOP / "benign", pair)
    output = data("verify", "busi", "--data-root", busi_root, status=1)
    assert output.count("no whole picture") == 19
    assert "and 8 more" in output
    assert "28 problems" in output


def test_verify_all_looks_at_what_is_there_and_fails_for_one(data, manifests, busi_root, root):
    manifests("busi")
    shutil.copytree(busi_root / TOP, busi_root / "twin")
    (busi_root / "twin" / "normal" / "normal (1).png").write_bytes(b"no picture")
    for name in ("twin", "absent"):
        manifests(name, title=name.upper(), tasks=[])
    output = data("verify", "all", "--data-root", busi_root, status=1)
    assert "TWIN" in output
    assert "ABSENT" not in output
    assert output.count("Nothing is wrong") == 1
    nothing = data("verify", "all", "--data-root", root)
    assert nothing == "No dataset is there, so nothing was checked.\n"


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
def test_bad_input_exits_with_1_and_one_line(rin, manifests, arguments, said):
    manifests("busi")
    status, printed, errors = rin("data", *arguments)
    assert (status, printed) == (1, "")
    (line,) = errors.splitlines()
    assert line.startswith(f"rin: {said}")


def test_verify_of_what_is_not_there_fails_and_tells_where_to_get_it(data, manifests, root):
    manifests("busi")
    output = data("verify", "busi", "--data-root", root, status=1)
    assert "is not there" in output
    assert "get it at https://scholar.cu.edu.eg" in output
    assert "1 problem\n" in output

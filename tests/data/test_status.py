import shutil
import zipfile

import pytest
import yaml
from busi_files import TOP

from rin.data.manifest import load_manifest
from rin.data.status import dataset_status
from rin.errors import InputError

HOME = "https://example.org/data"


@pytest.fixture
def manifests(tmp_path, monkeypatch):
    """Writes manifests into a folder of their own, each BUSI's with changes."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    monkeypatch.setenv("RIN_MANIFESTS", str(folder))
    fields = load_manifest_fields(monkeypatch)

    def write(name, **changes):
        changed = fields | {"name": name, "home": HOME, "locations": [name, f"{name}.zip"]}
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(changed | changes))

    return write


def load_manifest_fields(monkeypatch):
    with monkeypatch.context() as context:
        context.delenv("RIN_MANIFESTS")
        return load_manifest("busi").model_dump(mode="json")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "images"
    folder.mkdir()
    return folder


def task(name, *substitutes):
    return {
        "name": name,
        "title": name,
        "positive_class": "malignant",
        "n_folds": 5,
        "substitutes": list(substitutes),
    }


def statuses_of(data_root):
    return [*dataset_status(data_root).itertuples(index=False)]


def only(statuses, name):
    (found,) = [one for one in statuses if one.name == name]
    return found


def test_without_data_root_nothing_is_there_and_stand_ins_are_read(manifests):
    manifests("one")
    (status,) = statuses_of(None)
    assert (status.state, status.location, status.instead) == ("not there", "", ["stand-in"])
    assert status.to_do == f"Download it from {HOME}, and put it at one."


def broken_zip(path):
    path.write_bytes(b"PK\x03\x04 cut off")


def empty_zip(path):
    zipfile.ZipFile(path, "w").close()


def unsafe_zip(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("../outside.png", b"")


def zip_of_another_version(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.png", b"")
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 6] = 99  # version needed to extract: 9.9
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("write", "said"),
    [
        (broken_zip, "cannot be opened"),
        (zip_of_another_version, "9.9"),
        (empty_zip, "it holds no file"),
        (unsafe_zip, "unsafe or repeated member name '../outside.png'"),
    ],
)
def test_archive_that_cannot_be_listed_is_broken_and_raises_nothing(manifests, root, write, said):
    manifests("one")
    manifests("two")
    write(root / "one.zip")
    one, two = statuses_of(root)
    assert (one.state, one.location, one.instead) == ("broken", "one.zip", [])
    assert said in one.problem
    assert one.problem in one.to_do
    assert two.state == "not there"


def test_archive_that_locate_must_open_and_cannot_is_broken(manifests, root):
    manifests("one", locations=["archive.zip::inner"])
    broken_zip(root / "archive.zip")
    (status,) = statuses_of(root)
    assert status.state == "broken"
    assert "cannot be opened" in status.problem


def test_empty_folder_and_file_in_place_of_folder_are_broken(manifests, root):
    manifests("one")
    manifests("two")
    (root / "one").mkdir()
    (root / "two").write_text("a note")
    one, two = statuses_of(root)
    assert (one.state, two.state) == ("broken", "broken")
    assert "it holds no file" in one.problem
    assert "no such folder or zip archive" in two.problem


@pytest.mark.parametrize(
    ("access", "told"),
    [
        ("open", f"Download it from {HOME}, and put it at one"),
        ("registration", f"Register and download it at {HOME}, and put it at one"),
        ("on request", f"Ask for it at {HOME}, and put it at one"),
        ("not public", "It is not public"),
    ],
)
def test_what_to_do_follows_access(manifests, access, told):
    manifests("one", access=access)
    assert statuses_of(None)[0].to_do == f"{told}."


def test_substitutes_are_told_where_they_are_and_where_they_are_not(manifests, busi_root, root):
    manifests("one", access="not public", tasks=[task("first", "other"), task("second", "other")])
    manifests("other", tasks=[], stand_in=None)
    absent = only(statuses_of(root), "one")
    assert absent.to_do == "It is not public; get its substitute other."
    assert absent.instead == ["stand-in"]
    shutil.copytree(busi_root / TOP, root / "other")
    there = only(statuses_of(root), "one")
    assert there.to_do == "It is not public; its substitute other is there."
    assert there.instead == ["other"]


def test_broken_substitute_is_not_said_to_be_there(manifests, root):
    manifests("one", tasks=[task("first", "other")])
    manifests("other", tasks=[])
    broken_zip(root / "other.zip")
    assert only(statuses_of(root), "one").instead == ["stand-in"]


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
        statuses_of(None)

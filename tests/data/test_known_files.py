import hashlib
import zipfile

import pytest

from rin.data import status
from rin.data.manifest import KnownFile
from rin.data.status import check_file
from rin.data.tree import open_tree
from rin.errors import InputError

CONTENT = b"patientId,Target\n"
# Of CONTENT, by coreutils' sha256sum.
SHA256 = "dcecc49f33bf8973602999efa89b5f269f698689382b117036588e57c71709f0"


def folder_tree(root, name="labels.csv"):
    path = root / "set" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(CONTENT)
    return open_tree(root, "set")


def archive_tree(root, name="labels.csv"):
    with zipfile.ZipFile(root / "set.zip", "w") as archive:
        archive.writestr(name, CONTENT)
    return open_tree(root, "set.zip")


@pytest.mark.parametrize("make", [folder_tree, archive_tree])
@pytest.mark.parametrize("name", ["labels.csv", "wrapping/labels.csv"])
@pytest.mark.parametrize(
    ("known", "outcome"),
    [
        ({"bytes": 17, "sha256": SHA256}, "as known"),
        ({"sha256": SHA256}, "as known"),
        ({"bytes": 17}, "no digest known"),
        ({"bytes": 18, "sha256": SHA256}, "another size"),
        ({"bytes": 17, "sha256": "0" * 64}, "another SHA-256"),
        ({}, "no digest known"),
    ],
)
def test_file_is_compared_by_size_then_digest(tmp_path, make, name, known, outcome):
    found, detail = check_file(make(tmp_path, name), KnownFile(name="labels.csv", **known))
    assert found == outcome
    assert bool(detail) is outcome.startswith("another")


def test_difference_is_told_with_both_values(tmp_path):
    tree = folder_tree(tmp_path)
    size = check_file(tree, KnownFile(name="labels.csv", bytes=1490034))
    digest = check_file(tree, KnownFile(name="labels.csv", sha256="0" * 64))
    assert size[1] == "17 bytes instead of 1,490,034"
    assert digest[1] == f"{SHA256} instead of {'0' * 64}"


def test_archive_itself_and_file_beside_it_are_found(tmp_path):
    tree = archive_tree(tmp_path)
    (tmp_path / "mapping.json").write_bytes(b"[]")
    whole = hashlib.sha256((tmp_path / "set.zip").read_bytes()).hexdigest()
    assert check_file(tree, KnownFile(name="set.zip", sha256=whole))[0] == "as known"
    assert check_file(tree, KnownFile(name="mapping.json", bytes=2))[0] == "no digest known"


def test_file_that_cannot_be_read_raises_and_names_it(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError("Permission denied")

    monkeypatch.setattr(status, "hash_file", refuse)
    with pytest.raises(InputError, match=r"labels\.csv: the file cannot be read"):
        check_file(folder_tree(tmp_path), KnownFile(name="labels.csv", sha256=SHA256))

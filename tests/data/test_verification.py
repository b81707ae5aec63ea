import hashlib
import zipfile

import pytest
from busi_files import TOP, changed, mask, picture, save

from rin.cli import print_verification
from rin.data import status, store
from rin.data.dataset import locate, open_dataset
from rin.data.manifest import KnownFile, TaskManifest, load_manifest
from rin.data.status import check_file, manifests_to_verify, verify_dataset
from rin.data.tree import open_tree
from rin.errors import InputError


@pytest.fixture
def verify(busi_root, busi_manifest, tmp_path):
    """Verifies the miniature, or what a test made of it."""

    def call(manifest=busi_manifest, root=busi_root, **settings):
        return verify_dataset(manifest, root, index_folder=tmp_path / "index", **settings)

    return call


def test_whole_dataset_has_counts_and_the_digest_of_the_study(
    verify, busi_root, busi_manifest, tmp_path
):
    done = verify()
    opened = open_dataset(busi_manifest, busi_root, index_folder=tmp_path / "other")
    assert (done.whole, done.location, done.readable) == (True, TOP, 4)
    assert done.digest == opened.digest
    assert [*done.counts.itertuples(name=None)] == [
        ("benign", 2, 2, 3, 3),
        ("malignant", 1, 1, 1, 1),
        ("normal", 1, 1, 1, 1),
    ]


def test_quick_look_counts_and_decodes_nothing(verify, monkeypatch):
    monkeypatch.setattr(store, "read_picture", None)
    done = verify(quick=True)
    assert (done.whole, done.readable, done.digest) == (True, None, "")
    assert len(done.counts) == 3


@pytest.mark.parametrize("quick", [True, False])
def test_wrong_counts_and_bad_pictures_are_told_together(verify, busi_root, quick):
    save(busi_root / TOP / "benign" / "benign (3).png", picture(200))
    save(busi_root / TOP / "benign" / "benign (3)_mask.png", mask((0, 0)))
    assert verify(quick=quick).readable == (None if quick else 5)
    save(busi_root / TOP / "normal" / "normal (1)_mask.png", mask(shape=(9, 9)))
    done = verify(quick=quick)
    counts, *bad = done.problems
    assert "benign: 3 images instead of 2 (+1); benign: 4 masks instead of 3 (+1)" in counts
    assert ["the mask is 9 x 9 pixels" in problem for problem in bad] == [True] * (not quick)
    assert (done.readable, done.digest) == (None if quick else 4, "")
    assert tuple(done.counts.loc["benign", ["found", "expected"]]) == (3, 2)


def test_other_digest_of_a_known_file_fails_and_the_rest_is_still_looked_at(
    verify, busi_manifest, busi_root
):
    known = [
        KnownFile(name="benign (1).png", sha256="0" * 64),
        KnownFile(name="benign (2).png", bytes=1),
        KnownFile(name="absent.csv", bytes=1),
    ]
    done = verify(changed(busi_manifest, files=tuple(known)))
    assert [*done.files.values()] == ["another SHA-256", "another size", "not there"]
    assert [problem.split(":")[0] for problem in done.problems] == [
        "benign (1).png has another SHA-256",
        "benign (2).png has another size",
    ]
    assert done.digest
    assert not done.whole


def test_labels_of_the_first_task_are_read_where_the_dataset_has_none(verify, busi_manifest):
    labels = {"benign": "other", "normal": None, "malignant": "malignant"}
    task = TaskManifest(
        name="first", title="First", positive_class="malignant", n_folds=5, label_map=labels
    )
    done = verify(changed(busi_manifest, label_map={}, tasks=(task,)))
    assert (done.whole, done.task, done.readable) == (True, "first", 3)


def test_stand_in_under_the_data_root_is_not_the_dataset(verify, busi_root):
    (busi_root / TOP / "STAND_IN.json").write_text('{"images": {}, "masks": {}}')
    (problem,) = verify().problems
    assert "this is a stand-in that was written for busi" in problem


def test_all_are_those_that_are_there_and_those_that_are_broken(busi_root, tmp_path):
    (busi_root / "headct200.zip").write_bytes(b"PK cut off")
    assert [one.name for one in manifests_to_verify("all", busi_root)] == ["busi", "headct200"]
    assert manifests_to_verify("all", tmp_path / "root" / TOP) == []
    assert [one.name for one in manifests_to_verify("ddti", tmp_path)] == ["ddti"]


@pytest.mark.real_data
@pytest.mark.parametrize(("name", "pictures"), [("busi", 780), ("headct200", 200)])
def test_published_dataset_is_whole(real_root, tmp_path, name, pictures):
    manifest = load_manifest(name)
    if locate(manifest, real_root) is None:
        pytest.skip(f"{name} is not under DATA_ROOT")
    done = verify_dataset(manifest, real_root, index_folder=tmp_path)
    assert done.problems == []
    assert (done.readable, len(done.digest)) == (pictures, 64)
    assert sum("exact duplicates" in finding.kind for finding in done.findings) == 1


@pytest.mark.parametrize("quick", [True, False])
def test_patients_are_counted_with_their_images_and_labels(busi_root, tmp_path, capsys, quick):
    corpus, pattern = load_manifest("corpus_radiologic"), r"^p(\d+)"
    manifest = changed(corpus, patient_pattern=pattern, independence="patient")
    for number, name in enumerate(["a/p1_1", "a/p1_2", "b/p1_3", "b/p2_1"]):
        save(tmp_path / "pretrain_radiologic" / f"{name}.png", picture(10 * number))
    done = verify_dataset(manifest, tmp_path, index_folder=tmp_path / "index", quick=quick)
    assert done.patients == {"patients": 2, "fewest": 1, "most": 3, "two_labels": 1}
    print_verification(done)
    told = "patients  2 patients, 1 to 3 images each; 1 with two labels"
    assert told in capsys.readouterr().out


def test_dataset_that_names_no_patients_says_so(verify, capsys):
    done = verify()
    assert done.patients == {}
    print_verification(done)
    assert "patients  none are named: each picture counts as one" in capsys.readouterr().out


CONTENT = b"patientId,Target\n"
# Of CONTENT, by coreutils' sha256sum.
SHA256 = "dcecc49f33bf8973602999efa89b5f269f698689382b117036588e57c71709f0"


def folder_tree(root, name="labels.csv"):
    path = root / "set" / name
    path.parent.mkdir(parents=True)
    path.write_bytes(CONTENT)
    return open_tree(root, "set")


def archive_tree(root, name="labels.csv"):
    with zipfile.ZipFile(root / "set.zip", "w") as archive:
        archive.writestr(name, CONTENT)
    return open_tree(root, "set.zip")


@pytest.mark.parametrize("make", [folder_tree, archive_tree])
@pytest.mark.parametrize("name", ["labels.csv", "wrapping/labels.csv"])
@pytest.mark.parametrize(
    ("known", "outcome", "detail"),
    [
        ({"bytes": 17, "sha256": SHA256}, "as known", ""),
        ({"sha256": SHA256}, "as known", ""),
        ({"bytes": 17}, "no digest known", ""),
        ({"bytes": 1490034, "sha256": SHA256}, "another size", "17 bytes instead of 1,490,034"),
        ({"sha256": "0" * 64}, "another SHA-256", f"{SHA256} instead of {'0' * 64}"),
        ({}, "no digest known", ""),
    ],
)
def test_file_is_compared_by_size_then_digest(tmp_path, make, name, known, outcome, detail):
    found = check_file(make(tmp_path, name), KnownFile(name="labels.csv", **known))
    assert found == (outcome, detail)


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

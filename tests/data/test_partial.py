"""A part of a published dataset: labels of what is there are kept, and it never is the whole."""

import shutil

import pandas as pd
import pytest
from busi_files import changed, opened, with_counts

from rin.data.dataset import check_counts, count_classes, part_in_words
from rin.data.layouts import find_cases
from rin.data.manifest import ExpectedCounts, load_manifest
from rin.data.standins import write_stand_in
from rin.data.tree import open_tree
from rin.errors import InputError

#: Of each layout whose labels stand apart from its pictures: a dataset, cases of its stand-in, and
#: the files that are taken away.
PARTS = {
    "cc_ccii": ({"cp": 4, "ncp": 4, "normal": 2}, "NCP/2"),
    "covid19_ct": ({"negative": 2, "positive": 2}, "positive"),
    "busbra": ({"benign": 2, "malignant": 2}, "Images/bus_0001-l.png"),
    "ddti": ({"benign": 2, "malignant": 2}, "1_1.jpg"),
    "mrnet": (
        {"normal": 2, "abnormal": 1, "acl": 2, "meniscus": 1, "both": 1},
        "train/sagittal/0002.npy",
    ),
    "rsna_hemorrhage": ({"hemorrhage": 2, "none": 2}, "stage_2_train/*.dcm"),
    "rsna_pneumonia": (
        {"opacity": 2, "not_normal": 1, "normal": 1},
        "stage_2_train_images/*.dcm",
    ),
}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    """Returns the stand-in of a dataset, drawn once, to be copied."""
    folder = tmp_path_factory.mktemp("drawn")
    return lambda name: write_stand_in(load_manifest(name), folder, PARTS[name][0], 1)


def as_real(name, drawn, root):
    """Copy the stand-in of a dataset as if it were the dataset; return manifest and place."""
    manifest = load_manifest(name)
    manifest = manifest.merge_task(manifest.tasks[0]) if name == "mrnet" else manifest
    shutil.copytree(drawn(name), root)
    (note,) = root.rglob("STAND_IN.json")
    note.unlink()
    location = note.parent.relative_to(root).as_posix()
    found = count_classes(manifest, find_cases(open_tree(root, location), manifest))["found"]
    counts = ExpectedCounts(unit=manifest.counts.unit, images=found.to_dict())
    nothing = {"counts": counts, "known_bad": {}, "findings": (), "files": {}, "tasks": ()}
    return changed(manifest, **nothing), location


def take_away(folder, pattern):
    """Take away the first file or folder that a pattern names."""
    path = sorted(folder.glob(pattern))[0]
    shutil.rmtree(path) if path.is_dir() else path.unlink()


REPEATED = ("mrnet", "cc_ccii")


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=pytest.mark.slow if n in REPEATED else []) for n in PARTS],
)
def test_part_keeps_the_labels_of_what_is_there_and_the_whole_is_refused(name, drawn, tmp_path):
    root = tmp_path / "images"
    manifest, location = as_real(name, drawn, root)
    whole = find_cases(open_tree(root, location), manifest)
    take_away(root / location, PARTS[name][1])
    with pytest.raises(InputError, match="partial: true"):
        check_counts(manifest, find_cases(open_tree(root, location), manifest), root)
    part = changed(manifest, partial=True)
    found = find_cases(open_tree(root, location), part)
    check_counts(part, found, root)
    columns = ["case_id", "patient_id", "source_class", "label"]
    there = whole[whole["case_id"].isin(found["case_id"])].reset_index(drop=True)
    pd.testing.assert_frame_equal(found[columns], there[columns])
    assert 0 < len(found) < len(whole)


@pytest.fixture
def mrnet(drawn, tmp_path):
    root = tmp_path / "images"
    manifest, location = as_real("mrnet", drawn, root)
    return changed(manifest, partial=True), root, root / location, PARTS["mrnet"][1]


def test_part_has_a_digest_of_its_own_and_says_what_it_is(mrnet):
    manifest, root, folder, away = mrnet
    take_away(folder, away)
    part = opened(manifest, root)
    assert part.part == "6 of 7 exams"
    fewer = with_counts(manifest, images=manifest.counts.images | {"acl": 1})
    whole = opened(fewer, root)
    assert whole.part == ""
    assert part.cases.equals(whole.cases)
    assert part.digest != whole.digest
    assert [f.text for f in part.findings if f.kind == "part of the dataset"] == [part.part]


def test_part_of_a_number_that_nobody_states_never_is_the_whole(mrnet):
    manifest, root, folder, _ = mrnet
    unknown = changed(manifest, counts=ExpectedCounts())
    assert "of an unknown number" in part_in_words(
        unknown, find_cases(open_tree(root, folder.name), unknown)
    )


def test_part_with_a_file_without_label_is_refused(mrnet):
    manifest, root, folder, _ = mrnet
    shutil.copy(folder / "train/sagittal/0002.npy", folder / "train/sagittal/9999.npy")
    with pytest.raises(InputError, match="1 volume in train/sagittal without exams of train"):
        opened(manifest, root)


def test_command_takes_a_part_with_the_flag_and_says_so(mrnet, rin, write_manifest, tmp_path):
    manifest, root, folder, away = mrnet
    take_away(folder, away)
    write_manifest(manifest, "mrnet", partial=False)
    asked = ["data", "verify", "mrnet", "--data-root", root, "--results", tmp_path / "results"]
    status, printed, _ = rin(*asked)
    assert status == 1
    assert "partial: true" in printed
    assert "1 problem\n" in printed
    status, printed, _ = rin(*asked, "--partial")
    assert status == 0
    assert "6 of 7 exams: it never counts as the whole dataset" in printed
    assert "Files and counts are right with this part" in printed


@pytest.mark.slow
def test_stand_in_is_no_part(tmp_path):
    manifest = changed(load_manifest("busi"), partial=True)
    root = write_stand_in(manifest, tmp_path, {"benign": 4, "malignant": 4, "normal": 1}, 1)
    assert opened(manifest, root).part == ""

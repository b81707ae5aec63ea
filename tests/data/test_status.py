"""What is there of the datasets and whether it is whole: tables, and what `rin data` prints."""

import re
import shutil
import zipfile

import numpy as np
import pandas as pd
import pytest
from busi_files import TOP, change, changed, mask, opened, picture, save

from rin.data.manifest import load_manifest
from rin.data.status import dataset_status, patients_in_words, verify_dataset
from rin.errors import InputError

HOME = "https://example.org/data"


@pytest.fixture
def data(rin, monkeypatch):
    """Runs `rin data` with lines that need not be broken; checks status, returns output."""
    monkeypatch.setenv("COLUMNS", "200")

    def call(*arguments, status=0):
        code, printed, errors = rin("data", *arguments)
        assert (code, errors) == (status, "")
        return printed

    return call


@pytest.fixture
def busi_manifest(busi_manifest):
    """That of the miniature, without a task: its patients are too few to be divided."""
    return changed(busi_manifest, tasks=(), files={}, fetch=())


@pytest.fixture
def manifests(busi_manifest, write_manifest):
    """Writes manifests, each the miniature's with changes."""

    def write(name, **changes):
        own = {} if name == "busi" else {"home": HOME, "locations": [name, f"{name}.zip"]}
        write_manifest(busi_manifest, name, **own | changes)

    return write


@pytest.fixture
def root(tmp_path):
    (tmp_path / "images").mkdir()
    return tmp_path / "images"


def task(name, *substitutes):
    known = {"name": name, "title": name, "positive_class": "malignant", "n_folds": 5}
    return known | {"substitutes": list(substitutes)}


@pytest.mark.parametrize(
    ("place", "write", "said"),
    [
        ("one.zip", lambda path: path.write_bytes(b"PK\x03\x04 cut off"), "cannot be opened"),
        ("one.zip", lambda path: zipfile.ZipFile(path, "w").close(), "it contains no files"),
        ("one", lambda path: path.mkdir(), "it contains no files"),
        ("one", lambda path: path.write_text("a note"), "a file, not a folder or zip archive"),
    ],
)
def test_place_that_cannot_be_listed_is_broken_and_raises_nothing(
    manifests, root, place, write, said
):
    manifests("one")
    manifests("two")
    write(root / place)
    status = dataset_status(root)
    assert status["state"].tolist() == ["broken", "not there"]
    assert status["read"][0] == place
    assert re.match(f"Repair these files: .*{said}", status["to_do"][0])


def test_unknown_substitute_raises_and_lists_the_known_names(manifests):
    manifests("one", tasks=[task("first", "otter")])
    with pytest.raises(InputError, match=r"unknown substitute for one 'otter'. Known: one\."):
        dataset_status(None)


def line_of(output, name):
    (line,) = [line for line in output.splitlines() if line.split()[:1] == [name]]
    return line


def test_status_names_place_purpose_and_what_to_do(data, manifests, busi_root):
    manifests("busi", tasks=[task("breast")])
    manifests("other", tasks=[], locations=["other"], access="on request", home="by letter")
    output = data("status", "--data-root", busi_root)
    assert "Data root: " + str(busi_root) in output
    assert f"here: {TOP}" in output
    assert re.search(r"(?ms)^busi +breast .*^other +pretraining .*^busi  ", output)
    assert "Nothing." in output
    assert "Ask for it at by letter, and put it at other." in output


def test_verify_of_a_whole_dataset_exits_with_0_and_keeps_the_inspection(
    data, manifests, busi_root
):
    manifests("busi")
    output = data("verify", "busi", "--data-root", busi_root)
    assert line_of(output, "benign").split() == ["benign", "2", "2", "3", "3"]
    assert line_of(output, "all").split() == ["all", "4", "4", "5", "5"]
    assert line_of(output, "pictures").split()[1:] == ["4", "can", "be", "read"]
    assert "Files and counts are right" in output
    assert "patients  none are named: each picture counts as one" in output
    kept = busi_root.parent / "results" / "index"
    assert len(list(kept.rglob("*.parquet"))) == 1
    assert f"What was seen of the pictures is kept in {kept}" in output
    assert line_of(output, "digest").split()[1] == opened(load_manifest("busi"), busi_root).digest


@pytest.mark.parametrize(
    ("names", "drawn", "finding"),
    [
        ("normal (1)_mask.png", mask(), "masks without a lesion: 1 of 4"),
        (
            "malignant (1)_mask.png",
            ~mask((0, 0)),
            "masks of almost the whole picture: 1 (malignant (1))",
        ),
        (
            "malignant (1)_mask.png",
            np.pad(np.ones((3, 3), np.uint8), ((0, 1), (0, 3))) + np.uint8(255) * mask((3, 5)),
            "masks with brighter values beside that of the lesion: 1 (malignant (1))",
        ),
        (
            "*_mask*.png",
            ~np.pad(np.ones((2, 4), bool), 1),
            "masks mark 67% of a typical picture: are they inverted?",
        ),
        (
            "*.png",
            np.pad(~np.pad(np.ones((10, 10), bool), 1), 6),
            "masks enclose 3.3 times their own area: are they lines around the lesions, not "
            "areas?",
        ),
    ],
)
def test_masks_that_are_drawn_oddly_are_a_finding(verify, busi_root, names, drawn, finding):
    for path in (busi_root / TOP).rglob(names):
        save(path, drawn)
    done = verify()
    assert done.problems == []
    assert ("finding", finding) in done.facts


def test_verify_all_looks_at_what_is_there_and_fails_for_one(data, manifests, busi_root, root):
    manifests("busi")
    shutil.copytree(busi_root / TOP, busi_root / "twin")
    change(busi_root, {"twin/normal/normal (1).png": b"no picture", "broken.zip": b"cut off"})
    for name in ("twin", "broken", "absent"):
        manifests(name, title=name.upper(), tasks=[])
    output = data("verify", "all", "--data-root", busi_root, status=1)
    assert [title in output for title in ("TWIN", "BROKEN", "ABSENT")] == [True, True, False]
    assert output.count("Files and counts are right") == 1
    nothing = data("verify", "all", "--data-root", root)
    assert nothing == "No dataset was found, so nothing was checked.\n"


@pytest.mark.parametrize("arguments", [["status"], ["verify", "busi"]])
def test_bad_input_exits_with_1_and_one_line(rin, manifests, arguments):
    manifests("busi")
    status, printed, errors = rin("data", *arguments, "--data-root", "absent")
    assert (status, printed) == (1, "")
    (line,) = errors.splitlines()
    assert line.startswith("rin: absent: there is no such data root")


def test_check_in_no_folder_is_refused(rin):
    status, _, errors = rin("data", "verify", "busi", "--data-root", "")
    assert (status, "Missing option '--data-root'" in errors) == (2, True)


@pytest.fixture
def verify(busi_root, busi_manifest, tmp_path):
    """Verifies the miniature, or what a test made of it."""

    def call(manifest=busi_manifest, root=busi_root, **settings):
        return verify_dataset(manifest, root, index_folder=tmp_path / "index", **settings)

    return call


@pytest.mark.parametrize("quick", [True, False])
def test_wrong_counts_and_bad_pictures_are_told_together(verify, busi_root, quick):
    pair = {"benign (3).png": picture(200), "benign (3)_mask.png": mask((0, 0))}
    change(busi_root / TOP / "benign", pair)
    assert dict(verify(quick=quick).facts).get("pictures") == (None if quick else "5 can be read")
    save(busi_root / TOP / "normal" / "normal (1)_mask.png", mask(shape=(9, 9)))
    done = verify(quick=quick)
    counts, *bad = done.problems
    assert "benign: 3 images instead of 2 (+1); benign: 4 masks instead of 3 (+1)" in counts
    assert ["the mask is 9 x 9 pixels" in problem for problem in bad] == [True] * (not quick)
    assert done.digest == ""
    assert tuple(done.counts.loc["benign", ["found", "expected"]]) == (3, 2)


def test_other_digest_of_a_known_file_fails_and_the_rest_is_still_looked_at(
    verify, busi_manifest, busi_root
):
    done = verify(changed(busi_manifest, files={"benign (1).png": "0" * 64, "(1).png": "0" * 64}))
    assert ("file", "(1).png is not there") in done.facts
    (problem,) = done.problems
    assert problem.startswith("benign (1).png has another SHA-256")
    assert done.digest


def test_stand_in_under_the_data_root_is_not_the_dataset(verify, busi_root):
    (busi_root / TOP / "STAND_IN.json").write_text("{}")
    (problem,) = verify().problems
    assert "this is a stand-in that was written for busi" in problem


def test_patients_are_counted_with_their_images_and_labels(busi_manifest):
    cases = pd.DataFrame({"case_id": [*"abcde"], "patient_id": [*"pppqq"], "label": [*"xxyyy"]})
    told = patients_in_words(busi_manifest, cases)
    assert told == "2 patients, 2 to 3 images each; 1 with two labels"
    exams = changed(busi_manifest, independence="exam")
    assert patients_in_words(exams, cases[1:]) == "2 exams, 2 images each; 1 with two labels"

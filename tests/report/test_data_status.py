"""The page of the datasets: its tables, and the layouts that its text draws."""

import re
from pathlib import Path

import pytest

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import load_manifest, manifest_names
from rin.data.standins import STAND_INS, write_stand_in
from rin.data.status import dataset_status
from rin.report.data_status import dataset_card, short, status_frame, to_do_frame

PAGE = Path(__file__).resolve().parents[2] / "notebooks" / "data_status.py"
ENTRY = re.compile(r"((?:│   |    )*)(?:├── |└── )(.*?)(?:  +.*)?")


def drawn_trees():
    """Name of the dataset's folder, and the entries drawn directly in it, of each tree."""
    text = re.sub(r"^# ?", "", PAGE.read_text("utf-8"), flags=re.MULTILINE)
    trees = {}
    for block in re.findall(r"```text\n(.*?)```", text, flags=re.DOTALL):
        root, *lines = block.splitlines()
        assert root == "DATA_ROOT/"
        entries = [ENTRY.fullmatch(line).groups() for line in lines]
        (top,) = [name for indent, name in entries if not indent]
        trees[top.removesuffix("/")] = {name for indent, name in entries if len(indent) == 4}
    return trees


TREES = drawn_trees()


def test_page_shows_the_card_of_every_dataset():
    cards = re.findall(r'dataset_card\(load_manifest\("(\w+)"\)\)', PAGE.read_text("utf-8"))
    assert sorted(cards) == manifest_names()


def test_every_drawn_folder_is_one_that_the_study_looks_for():
    owners = {
        top: [name for name in manifest_names() if top in load_manifest(name).locations]
        for top in TREES
    }
    drawn = [name for names in owners.values() for name in names]
    assert {top for top, names in owners.items() if len(names) != 1} == set()
    assert set(manifest_names()) - set(drawn) == {"corpus_photographic"}


@pytest.mark.parametrize(
    "name", ["busi", "mrnet", "covid19_ct", "cc_ccii", "rsna_pneumonia", "rsna_hemorrhage"]
)
def test_drawn_entries_are_those_of_the_stand_in(tmp_path, name):
    manifest = load_manifest(name)
    counts = dict.fromkeys(STAND_INS[manifest.stand_in].count_names, 2)
    root = write_stand_in(manifest, tmp_path, counts, seed=0)
    (folder,) = root.iterdir()
    written = {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}
    (drawn,) = [entries for top, entries in TREES.items() if top in manifest.locations]
    assert written - {STAND_IN_NOTE} == drawn


def test_tables_name_every_dataset_and_what_to_do_about_those_that_are_absent():
    statuses = dataset_status(None)
    assert status_frame(statuses)["Dataset"].tolist() == [one.name for one in statuses]
    assert set(status_frame(statuses)["Images"]) == {"not there", "not there: stand-in"}
    told = to_do_frame(statuses).set_index("Dataset")["What to do"]
    assert load_manifest("mrnet").home in told["mrnet"]
    assert "get its substitute sarscov2_ct" in told["covid19_ct"]


def test_tables_leave_out_what_is_there(tmp_path):
    (tmp_path / "ddti").mkdir()
    (tmp_path / "ddti" / "1.xml").write_text("")
    statuses = dataset_status(tmp_path)
    images = status_frame(statuses).set_index("Dataset")["Images"]
    assert images["ddti"] == "here: ddti"
    assert "ddti" not in set(to_do_frame(statuses)["Dataset"])


@pytest.mark.parametrize("name", manifest_names())
def test_card_says_what_the_manifest_says_and_holds_no_empty_row(name):
    manifest = load_manifest(name)
    card = dataset_card(manifest).data[""]
    assert card["Home"] == manifest.home
    assert card["Looked for as"] == ", ".join(manifest.locations)
    assert card.str.len().min() > 0
    assert sum(label.startswith("Known: ") for label in card.index) == len(manifest.findings)


def test_card_tells_counts_labels_and_window_in_words():
    mrnet, rsna = (dataset_card(load_manifest(n)).data[""] for n in ("mrnet", "rsna_hemorrhage"))
    busi = dataset_card(load_manifest("busi")).data[""]
    assert busi["Stated by the paper, by label"] == "benign 570, malignant 210"
    assert busi["Lesions marked by"] == "outlines"
    assert "normal → benign" in busi["Classes and labels"]
    assert mrnet["Counted in the files, exams"].startswith("normal 242, abnormal 453")
    assert "abnormal → left out" in mrnet["Classes and labels of task acl"]
    assert rsna["CT window"] == "level 40, width 80 HU"
    assert "Lesions marked by" not in rsna


@pytest.mark.parametrize(
    ("licence", "shown"),
    [
        ("CC BY 4.0", "CC BY 4.0"),
        ("none stated; cite the publication", "none stated"),
        ("MIT (repository), see there", "MIT"),
        ("terms of use: research only", "terms of use"),
    ],
)
def test_short_licence_is_its_first_words(licence, shown):
    assert short(licence) == shown

"""The layouts that the page of the datasets draws."""

import re

import pytest
from notebook_cells import FOLDER, prose

from rin.data.layouts.found import STAND_IN_NOTE
from rin.data.manifest import load_manifest, manifest_names
from rin.data.standins import COUNTS, write_stand_in

ENTRY = re.compile(r"((?:│   |    )*)(?:├── |└── )(.*?)(?:  +.*)?")


def drawn_trees():
    """Name of the dataset's folder, and the entries drawn directly in it, of each tree."""
    trees = {}
    for block in re.findall(r"(?s)```text\n(.*?)```", prose(FOLDER / "use/run_it.py")):
        root, *lines = block.splitlines()
        assert root == "DATA_ROOT/"
        entries = [ENTRY.fullmatch(line).groups() for line in lines]
        (top,) = [name for indent, name in entries if not indent]
        trees[top.removesuffix("/")] = {name for indent, name in entries if len(indent) == 4}
    return trees


TREES = drawn_trees()


def test_every_drawn_folder_is_one_that_the_study_looks_for():
    owners = {
        top: [name for name in manifest_names() if top in load_manifest(name).locations]
        for top in TREES
    }
    assert {top for top, names in owners.items() if len(names) != 1} == set()


@pytest.mark.parametrize(
    "name", ["busi", "mrnet", "rsna_hemorrhage", "covid19_ct", "cc_ccii", "rsna_pneumonia"]
)
def test_drawn_entries_are_those_of_the_stand_in(tmp_path, name):
    manifest = load_manifest(name)
    counts = dict.fromkeys(COUNTS[manifest.stand_in], 2)
    root = write_stand_in(manifest, tmp_path, counts, seed=0)
    (folder,) = root.iterdir()
    written = {f"{path.name}/" if path.is_dir() else path.name for path in folder.iterdir()}
    (drawn,) = [entries for top, entries in TREES.items() if top in manifest.locations]
    assert written - {STAND_IN_NOTE} == drawn

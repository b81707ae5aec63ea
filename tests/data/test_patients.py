"""Patients: where each layout takes them from."""

from pathlib import Path

import pytest
import yaml
from busi_files import TOP

from rin.data.layouts import LAYOUTS, PATTERNED, find_cases
from rin.data.manifest import load_manifest
from rin.data.tree import open_tree
from rin.errors import InputError


@pytest.mark.parametrize("layout", sorted(set(LAYOUTS) - set(PATTERNED)))
def test_pattern_that_a_layout_does_not_use_is_refused(tmp_path, layout):
    changes = {"layout": layout, "patient_pattern": r"^(\d+)"}
    manifest = load_manifest("busi").model_copy(update=changes)
    (tmp_path / "data").mkdir()
    with pytest.raises(InputError, match="takes no patient_pattern"):
        find_cases(open_tree(tmp_path, "data"), manifest)


def test_independent_patients_without_a_source_of_patients_are_refused(busi_root, busi_manifest):
    changed = busi_manifest.model_copy(update={"independence": "patient"})
    with pytest.raises(InputError, match="nothing names the patients"):
        find_cases(open_tree(busi_root, TOP), changed)


def test_shipped_manifests_name_a_source_wherever_patients_are_the_units():
    for path in Path(__file__).parents[2].glob("data_manifests/*.yaml"):
        raw = yaml.safe_load(path.read_text("utf-8"))
        if raw.get("independence") == "patient":
            assert raw["layout"] != "busi"
            if raw["layout"] in PATTERNED:
                assert raw.get("patient_pattern") or raw["options"]["patient"]

"""A literal BUSI in miniature: four cases, one with two masks, written by the test itself."""

import pytest
import yaml
from busi_files import TOP, change, changed, mask, picture

from rin.data.manifest import load_manifest


@pytest.fixture
def write_manifest(tmp_path, monkeypatch):
    """Writes a manifest, with changes, into a folder that takes the place of the shipped one."""
    folder = tmp_path / "manifests"

    def write(manifest, name, /, **changes):
        stated = manifest.model_dump(mode="json") | {"name": name} | changes
        folder.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(stated))
        monkeypatch.setenv("RIN_MANIFESTS", str(folder))

    return write


@pytest.fixture
def busi_root(tmp_path):
    """benign (1) with two masks, benign (2), malignant (1), normal (1) with a black mask."""
    files = {
        "benign/benign (1).png": picture(1),
        "benign/benign (1)_mask.png": mask((0, 0)),
        "benign/benign (1)_mask_1.png": mask((3, 5)),
        "benign/benign (2).png": picture(50),
        "benign/benign (2)_mask.png": mask((1, 1)),
        "malignant/malignant (1).png": picture(100),
        "malignant/malignant (1)_mask.png": mask((2, 2), (2, 3)),
        "normal/normal (1).png": picture(150),
        "normal/normal (1)_mask.png": mask(),
    }
    change(tmp_path / "root" / TOP, files)
    return tmp_path / "root"


@pytest.fixture
def busi_manifest():
    """The real manifest with the miniature's counts."""
    manifest = load_manifest("busi")
    images = {"benign": 2, "malignant": 1, "normal": 1}
    counts = type(manifest.counts)(images=images, masks=images | {"benign": 3}, empty_masks=1)
    return changed(manifest, counts=counts, findings=())

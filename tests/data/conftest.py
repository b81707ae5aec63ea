"""A literal BUSI in miniature: four cases, one with two masks, written by the test itself."""

import pytest
from busi_files import TOP, changed, mask, picture, save

from rin.data.manifest import load_manifest


@pytest.fixture
def busi_root(tmp_path):
    """benign (1) with two masks, benign (2), malignant (1), normal (1) with a black mask."""
    top = tmp_path / "root" / TOP
    save(top / "benign" / "benign (1).png", picture(1))
    save(top / "benign" / "benign (1)_mask.png", mask((0, 0)))
    save(top / "benign" / "benign (1)_mask_1.png", mask((3, 5)))
    save(top / "benign" / "benign (2).png", picture(50))
    save(top / "benign" / "benign (2)_mask.png", mask((1, 1)))
    save(top / "malignant" / "malignant (1).png", picture(100))
    save(top / "malignant" / "malignant (1)_mask.png", mask((2, 2), (2, 3)))
    save(top / "normal" / "normal (1).png", picture(150))
    save(top / "normal" / "normal (1)_mask.png", mask())
    return tmp_path / "root"


@pytest.fixture
def busi_manifest():
    """The real manifest with the miniature's counts."""
    manifest = load_manifest("busi")
    images = {"benign": 2, "malignant": 1, "normal": 1}
    counts = type(manifest.counts)(images=images, masks=images | {"benign": 3}, empty_masks=1)
    return changed(manifest, counts=counts, findings=())

"""Images in colour: the pages that train by hand take them, and a book on them is built."""

import re
import shutil
import textwrap
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from rin.files import REPOSITORY
from rin.models.preprocessing import PREPROCESSING
from rin.report import build as module

PIPELINE = REPOSITORY / "notebooks/pipeline"
MANIFEST = """name: skins
title: Skins
citation: unpublished
home: internal
licence: internal use
access: not public
modality: photograph
anatomy: skin
color: true
layout: table
options: {table: table.csv, images: pictures, image: image, label: label, patient: patient}
locations: [skins]
independence: patient
label_map: {malignant: malignant, benign: benign}
tasks:
- {name: skins, title: "Malignant or benign, skins", positive_class: malignant, n_folds: 5}
counts: {images: {benign: 30, malignant: 30}}
"""


@pytest.mark.parametrize("notebook", ["pretraining", "fine_tuning"])
@pytest.mark.parametrize("preprocessing", ["caffe", "caffe_unit", "standardised"])
@pytest.mark.parametrize("channels", [1, 3])
def test_network_by_hand_reads_images_as_its_weights_expect(notebook, preprocessing, channels):
    import keras

    text = (PIPELINE / f"{notebook}.py").read_text(encoding="utf-8")
    of_inputs = r"(?ms)^ *pixels = keras\.Input.*?^ *x = layers\.Rescaling[^\n]*$"
    lines = textwrap.dedent(re.search(of_inputs, text)[0])
    wanted = PREPROCESSING[preprocessing]
    images = np.arange(4 * channels, dtype="uint8").reshape(1, 2, 2, channels) * 20
    names = {"keras": keras, "layers": keras.layers, "images": images}
    names |= {"run": SimpleNamespace(expects=wanted), "settings": None}
    exec(lines, names | {"augment_layer": lambda settings: lambda x: x}, kept := {})
    network = keras.Model(kept["pixels"], kept["x"])
    expected = wanted.apply(np.broadcast_to(images, (1, 2, 2, 3)))
    np.testing.assert_allclose(network(images), expected, rtol=1e-5, atol=1e-5)


def write_pictures(folder):
    """Write sixty noisy pictures with a square, red in half of them and blue in the others."""
    (folder / "pictures").mkdir(parents=True)
    draws, rows = np.random.default_rng(0), []
    for number in range(60):
        pixels = draws.integers(0, 120, (64, 64, 3)).astype("uint8")
        pixels[16:48, 16:48, 2 * (number % 2)] = 220
        Image.fromarray(pixels).save(folder / f"pictures/{number:02d}.png")
        label = ("malignant", "benign")[number % 2]
        rows.append(f"{number:02d}.png,{label},patient {number}")
    (folder / "table.csv").write_text("\n".join(["image,label,patient", *rows]))


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_book_on_images_in_colour_is_built(tmp_path, monkeypatch):
    shutil.copytree(REPOSITORY / "data_manifests", tmp_path / "manifests")
    (tmp_path / "manifests/skins.yaml").write_text(MANIFEST, encoding="utf-8")
    monkeypatch.setenv("RIN_MANIFESTS", str(tmp_path / "manifests"))
    write_pictures(tmp_path / "images/skins")
    checkout = tmp_path / "checkout"
    left = shutil.ignore_patterns("notebooks", "reference_runs")
    shutil.copytree(REPOSITORY / "book", checkout / "book", ignore=left)
    shutil.copy(REPOSITORY / "_config.yml", checkout)
    for name in ("notebooks", "rin"):
        (checkout / name).symlink_to(REPOSITORY / name)
    monkeypatch.setattr(module, "REPOSITORY", checkout)
    profile = str(Path(__file__).with_name("small_colour.yaml"))
    index = module.make_book(profile, str(tmp_path / "images"), str(tmp_path / "results"))
    parts = ("results/your_run", "pipeline/pretraining", "pipeline/fine_tuning")
    for name in parts:
        page = (index.parent / f"notebooks/{name}.html").read_text(encoding="utf-8")
        assert "could not be computed" not in page
        assert "Traceback" not in page

"""The card beside pretrained weights says what is recorded of them, and nothing else."""

import json
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from jsonschema import Draft202012Validator

from rin.data.manifest import load_manifest
from rin.files import read_yaml, sha256_of
from rin.models.backbones import ALL_BACKBONES
from rin.study.model_card import model_card
from rin.study.pretraining import plan_pretraining
from rin.study.profile import Pretraining

SCHEMA = Draft202012Validator(read_yaml(Path(__file__).with_name("model_card_schema.yaml")))
SETTINGS = Pretraining(
    corpora={"radiologic": "corpus_radiologic"}, size=75, batch=32, epochs=3, learning_rate=0.002
)
RECORD = {
    "images": 80, "classes": 12, "training_images": 60, "steps": 12, "parameters": 23_587_712,
    "top1": 0.5, "top5": 0.833, "balanced_accuracy": 0.417, "seconds": 90.0,
    "images_per_second": 40.0, "precision": "float32", "resumed": 0, "backend": "tensorflow",
    "computer": "one core", "software": "Python 3.11, keras 3.15.1", "commit": "a1b2c3",
}  # fmt: skip
PREDICTIONS = pd.DataFrame(
    {"patient_id": ["p", "p", "q", "r"], "truth": [*"aabb"], "predicted": [*"abbc"]}
)


def run(init="radiologic", backbone="ResNet50", provenance="real", corpus=None):
    """What a card reads of a planned run."""
    return SimpleNamespace(
        init=init, corpus=corpus or f"corpus_{init}", backbone=backbone, preprocessing="symmetric",
        pretraining=2, seed=7, run_id="0123456789abcdef", settings=SETTINGS,
        store=SimpleNamespace(provenance=provenance),
    )  # fmt: skip


@pytest.fixture
def card(tmp_path):
    """Makes a card of weights that are three bytes long."""
    file = tmp_path / "backbone.safetensors"
    file.write_bytes(b"abc")

    def make(record=RECORD, **changes):
        return model_card(run(**changes), record, PREDICTIONS, file)["Model"]

    return make


def fields(part, outer=""):
    """The texts of a card by field; a field inside another is `Outer: Inner`."""
    if isinstance(part, dict):
        inner = [fields(value, f"{outer}: {name}".lstrip(": ")) for name, value in part.items()]
        return {name: text for one in inner for name, text in one.items()}
    return {outer: "; ".join(map(str, part)) if isinstance(part, list) else str(part)}


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("Name", ["ResNet50 pretrained on Radiologic pretraining corpus"]),
        ("Descriptors: Date: Created", [datetime.now(UTC).date().isoformat()[:4]]),
        ("Descriptors: Funding", ["not stated"]),
        ("Descriptors: License: Text", [
            "Not stated for the weights", load_manifest("corpus_radiologic").licence,
        ]),
        ("Model properties: Availability", ["backbone.safetensors (3 bytes; SHA-256 ba7816bf"]),
        ("Model properties: Architecture", ["conv5_block3_out; 23,587,712 parameters"]),
        ("Model properties: Input", [
            "`symmetric`: channels in the order red, green, blue",
            "(0.00784314, 0.00784314, 0.00784314) plus (-1, -1, -1)",
            "80 real images of 12 classes",
        ]),
        ("Model properties: Limitations", ["80 images of 12 classes", "names no patients"]),
        ("Model properties: Reproducibility", [
            "pretraining 2 of this backbone, seed 7", "learning rate 0.002",
            "float32, resumed 0 times", "one core, with Python 3.11, keras 3.15.1",
            "commit a1b2c3",
        ]),
        ("Model performance: Metrics", ["accuracy; balanced accuracy; top-5 accuracy"]),
        ("Model performance: Comments", [
            "4 images, 12 classes: accuracy 0.500 (95% CI", "accuracy 0.417, top-5 accuracy 0.833",
            "gives 0.083",
        ]),
    ],
)  # fmt: skip
def test_card_says_what_is_recorded_of_its_run(card, field, parts):
    told = fields(card())
    assert [part for part in parts if part not in told[field]] == []
    assert "stand-in" not in " ".join(told.values())


def test_card_of_a_stand_in_says_so_in_name_keywords_limits_images_and_scores(card):
    told = fields(card(provenance="stand-in"))
    for name in ("Name", "Indexing: Keywords", "Model properties: Limitations"):
        assert "stand-in" in told[name], name
    assert "80 synthetic images" in told["Model properties: Input"]
    assert told["Model performance: Comments"].endswith(" Stand-in images: not a finding.")
    assert "show no person" in told["Descriptors: Ethical review"]
    assert load_manifest("corpus_radiologic").licence not in " ".join(told.values())


def test_card_of_five_classes_or_fewer_has_no_top_5_accuracy(card):
    assert card(RECORD | {"classes": 5})["Model performance"]["Metrics"] == [
        "accuracy",
        "balanced accuracy",
    ]


def test_card_of_a_corpus_with_patients_counts_them(card):
    told = fields(card(corpus="curated_archive"))
    assert "4 images of 3 patients" in told["Model performance: Comments"]
    assert "names no patients" not in told["Model properties: Limitations"]


def test_card_is_indexed_by_what_the_manifest_says_of_its_images(card):
    told, photographs = card()["Indexing"], card(init="photographic")["Indexing"]
    assert told["Content"][:3] == ["CT", "MR", "US"]
    assert {"CH", "NR", "BR"} < {*told["Content"]}
    assert told["RadLex"] == ["RID10321", "RID10312", "RID10345", "RID10326"]
    assert "RadLex" not in photographs
    assert photographs["Content"] == ["IN"]


def test_card_names_the_authors_of_the_checkout(card, tmp_path, monkeypatch):
    people = "[{family-names: Doe, given-names: Jo}, {name: A team}]"
    (tmp_path / "CITATION.cff").write_text(f"authors: {people}")
    monkeypatch.setattr("rin.study.model_card.REPOSITORY", tmp_path)
    assert card()["Descriptors"]["Authors"] == [{"Name": "Jo Doe"}, {"Name": "A team"}]


@pytest.mark.parametrize("backbone", ALL_BACKBONES)
@pytest.mark.parametrize("provenance", ["real", "stand-in"])
def test_every_card_fits_the_schema_of_the_radiological_society(backbone, provenance):
    planned = run(backbone=backbone, provenance=provenance)
    made = model_card(planned, RECORD, PREDICTIONS, Path(__file__))
    assert made["$schema"] == "https://atlas.rsna.org/schema/2025-11/model.json"
    assert [*SCHEMA.iter_errors(made)] == []
    assert [*SCHEMA.iter_errors(made | {"Model": made["Model"] | {"Name": "{backbone}"}})] != []


def test_weights_of_a_finished_pretraining_have_a_card_with_their_digests(pretrained_study):
    (planned,) = plan_pretraining(pretrained_study)
    folder = pretrained_study.weights.path(planned.run_id)
    made = json.loads((folder / "model_card.json").read_text("utf-8"))["Model"]
    availability = made["Model properties"]["Availability"]
    assert sha256_of(folder / "backbone.weights.h5") in availability
    assert "stand-in" in made["Name"]
    recorded = json.loads((folder / "done.json").read_text("utf-8"))["files"]
    assert recorded["model_card.json"] == sha256_of(folder / "model_card.json")

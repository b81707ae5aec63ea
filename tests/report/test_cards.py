import itertools
import json
import os
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pytest

from rin.data.manifest import load_manifest
from rin.errors import InputError
from rin.files import read_yaml
from rin.models.backbones import ALL_BACKBONES
from rin.report import cards
from rin.study.profile import Pretraining

CHECKS = read_yaml(Path(__file__).with_name("card_checks.yaml"))
SETTINGS = Pretraining(
    corpora={"radiologic": "corpus_radiologic"}, size=75, batch=32, epochs=3, learning_rate=0.002
)
SCORE = {"images": 6, "patients": 4, "top1": 0.667, "low": 0.3, "high": 0.9, "balanced": 0.722}
FILES = f"backbone_notop.h5 (a format; 1,234 bytes; SHA-256 {'b' * 64})"


def run(init="radiologic", backbone="ResNet50", **changed):
    """One row of `rin.study.pretrained`."""
    named = {"init": init, "corpus": f"corpus_{init}", "backbone": backbone, "provenance": "real"}
    sizes = {"images": 80, "classes": 12, "parameters": 23_587_712, "epochs": 3, "steps": 12}
    speed = {"seconds": 60.0, "images_per_second": 40.0}
    made = {"precision": "float32", "devices": 1, "resumed": 0}
    made |= {"computer": "one core", "software": "keras 3.15.1"}
    ended = {"finished": "2026-03-01T08:00:00+00:00", "run_id": f"{init}-{backbone}"}
    return named | sizes | speed | made | ended | changed


def study(results=Path("nowhere")):
    profile = SimpleNamespace(name="tiny", seed=7, pretraining=SETTINGS)
    return SimpleNamespace(results=results, profile=profile)


@pytest.fixture(autouse=True)
def manifests(monkeypatch):
    """The manifest of each corpus, as a card reads it; a test may put another in its place."""
    known = {name: load_manifest(name) for name in ("corpus_radiologic", "corpus_photographic")}
    monkeypatch.setattr(
        cards, "find_corpus", lambda _, name: SimpleNamespace(manifest=known[name])
    )
    return known


def card(init="radiologic", backbone="ResNet50", score=SCORE, **changed):
    return cards.model_card(study(), run(init, backbone, **changed), score, FILES)


def fields(document):
    return dict(fields_of(document["Model"]))


def fields_of(part, outer=""):
    """Yield the fields of a card's `Model` as text; a field inside another is `Outer: Inner`."""
    for name, value in part.items():
        full = f"{outer}: {name}" if outer else name
        if isinstance(value, dict):
            yield from fields_of(value, full)
        else:
            entries = value if isinstance(value, list) else [value]
            texts = (entry.values() if isinstance(entry, dict) else [entry] for entry in entries)
            yield full, "; ".join(". ".join(map(str, parts)) for parts in texts)


@pytest.mark.parametrize(
    ("field", "parts"),
    [
        ("Name", ["ResNet50 pretrained on Radiologic pretraining corpus"]),
        ("Model properties: Input", [
            "`symmetric`: order red, green, blue",
            "(0.00784314, 0.00784314, 0.00784314) plus (-1, -1, -1)",
        ]),
        ("Model properties: Architecture", ["conv5_block3_out, 23,587,712 parameters"]),
        ("Imaging: Comments", ["80 real images of 12 classes"]),
        ("Imaging: Resolution", ["75 × 75 pixels, 8 bits"]),
        ("Model performance: Metrics", ["accuracy; balanced accuracy; top-5 accuracy"]),
        ("Model performance: Comments", [
            "6 images of 4 patients", "accuracy 0.667 (95% CI 0.300 to 0.900)",
            "balanced accuracy 0.722", "top-5 accuracy 0.833", "gives 0.083",
        ]),
        ("Model properties: Reproducibility", [
            "Profile tiny", "seed 7", "run radiologic-ResNet50", "learning rate 0.002",
            "12 steps in float32 on 4 device(s), resumed 2 times", "one core, with keras 3.15.1",
        ]),
        ("Model properties: Availability", [f"SHA-256 {'b' * 64}"]),
        ("Descriptors: License: Text", [load_manifest("corpus_radiologic").licence]),
        ("Model properties: Limitations", ["names no patients"]),
    ],
)  # fmt: skip
def test_card_tells_what_is_recorded_of_its_run(field, parts):
    told = fields(card(score=SCORE | {"top5": 0.833}, resumed=2, devices=4))
    assert [part for part in parts if part not in told[field]] == []
    assert "stand-in" not in " ".join(told.values())


def test_card_is_a_function_of_its_run_and_takes_the_day_from_it():
    assert card() == card()
    told = fields(card(score=SCORE | {"top5": float("nan")}))
    assert told["Descriptors: Date: Created"] == told["Descriptors: Date: Updated"] == "2026-03-01"
    assert told["Model performance: Metrics"] == "accuracy; balanced accuracy"
    assert "top-5" not in told["Model performance: Comments"]


def test_card_of_a_stand_in_warns_in_name_keywords_limits_and_scores():
    told = fields(card(provenance="stand-in"))
    for name in ("Name", "Indexing: Keywords", "Model properties: Limitations"):
        assert "stand-in" in told[name], name
    assert told["Model performance: Comments"].endswith(" Stand-in images: not a finding.")
    assert "layout is that of another corpus. " in told["Imaging: Comments"]
    assert "show no person" in told["Descriptors: Ethical review"]
    assert told["Descriptors: License: Text"].startswith("MIT")


def test_card_of_patients_does_not_say_that_they_are_unknown(manifests):
    known = manifests["corpus_radiologic"].model_copy(update={"independence": "patient"})
    manifests["corpus_radiologic"] = known
    assert "names no patients" not in fields(card())["Model properties: Limitations"]


def test_card_is_indexed_by_what_the_manifest_says_of_its_images():
    document = card()["Model"]
    content = ["CT", "MR", "US", "CH", "GI", "NR", "BR", "GU", "MK", "IN"]
    assert document["Indexing"]["Content"] == content
    assert [name.split()[0] for name in document["Imaging"]["Modalities"]] == [
        "Computed", "Magnetic", "Projection", "Ultrasound",
    ]  # fmt: skip
    photographs = card("photographic")["Model"]
    assert "Modalities" not in photographs["Imaging"]
    assert photographs["Indexing"]["Content"] == ["IN"]


def test_document_of_every_card_is_valid_in_the_published_schema():
    path = os.environ.get("ATLAS_SCHEMA")
    if not path:
        pytest.skip("ATLAS_SCHEMA does not name a copy of the schema (github.com/RSNA/ATLAS)")
    kind = jsonschema.Draft202012Validator
    schema = json.loads(Path(path).read_text(encoding="utf-8"))
    validator = kind(schema, format_checker=kind.FORMAT_CHECKER)
    for backbone, provenance in itertools.product(ALL_BACKBONES, ("real", "stand-in")):
        validator.validate(card(backbone=backbone, provenance=provenance))


@pytest.mark.parametrize("provenance", ["real", "stand-in"])
@pytest.mark.parametrize("backbone", ALL_BACKBONES)
def test_card_is_filled_in_as_the_schema_asks(backbone, provenance):
    document = card(backbone=backbone, provenance=provenance)
    jsonschema.Draft202012Validator(CHECKS).validate(document["Model"])
    assert [
        name for name, text in fields(document).items() if not text.strip() or "{" in text
    ] == []


def test_card_when_written_is_read_back_whole_and_leaves_nothing_else(tmp_path):
    path = cards.write_card(study(tmp_path), run(), card())
    assert path == tmp_path / "cards" / "radiologic_ResNet50.json"
    assert json.loads(path.read_text(encoding="utf-8")) == card()
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_weights_files_tell_size_and_digest_and_miss_none(tmp_path):
    for name in cards.FORMATS:
        with pytest.raises(InputError, match="lacks one of its weights files"):
            cards.weights_files(tmp_path)
        (tmp_path / name).write_bytes(b"abc")
    told = cards.weights_files(tmp_path).split("; ")
    assert told[1::3] == ["3 bytes"] * 3
    assert {text[:16] for text in told[2::3]} == {"SHA-256 ba7816bf"}

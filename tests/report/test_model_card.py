import datetime as dt
import json
import os
from pathlib import Path
from types import SimpleNamespace

import jsonschema
import pandas as pd
import pytest
from pretraining_records import predictions, run

from rin.data.manifest import load_manifest
from rin.models.backbones import ALL_BACKBONES
from rin.report import card_facts as facts_module
from rin.report import model_card, model_card_page
from rin.report.atlas import ModelCard
from rin.report.card_facts import CardFacts, card_facts
from rin.report.pretraining_scores import run_scores
from rin.study.sections import Pretraining

DAY = dt.date(2026, 4, 2)
SETTINGS = Pretraining(
    corpora={"radiologic": "corpus_radiologic"}, size=75, batch=32, epochs=3, learning_rate=0.002
)


def files_of(row):
    columns = ["init", "backbone", "run_id", "file", "format", "bytes", "sha256"]
    rows = [
        (row["init"], row["backbone"], row["run_id"], name, "a format", 1234, digit * 64)
        for name, digit in (("backbone.weights.h5", "a"), ("backbone_notop.h5", "b"))
    ]
    return pd.DataFrame(rows, columns=columns)


def facts(init="radiologic", backbone="ResNet50", **changed):
    row = run(init, backbone, **changed)
    own = predictions(init=init, backbone=backbone)
    (score,) = run_scores(pd.DataFrame([row]), own).to_dict("records")
    manifest = load_manifest(f"corpus_{init}")
    packages = {"python": "3.11.9", "keras": "3.15.1"}
    return CardFacts("tiny", 7, SETTINGS, manifest, row, score, files_of(row), packages)


def card(*named, **changed):
    return model_card.model_card(facts(*named, **changed), updated=DAY)


def fields(one):
    return model_card_page.card_fields(one)


def test_card_tells_corpus_input_contract_and_layer():
    told = fields(card())
    assert told["Name"].startswith("ResNet50 pretrained on Radiologic pretraining corpus")
    assert "`symmetric`: order red, green, blue" in told["Model properties: Input"]
    assert (
        "(0.00784314, 0.00784314, 0.00784314) plus (-1, -1, -1)"
        in (told["Model properties: Input"])
    )
    assert "conv5_block3_out, 23,587,712 parameters" in told["Model properties: Architecture"]
    assert "80 real images of 12 classes" in told["Imaging: Comments"]
    assert told["Imaging: Resolution"] == "75 × 75 pixels, 8 bits"


def test_card_gives_every_metric_its_value_and_chance():
    told = fields(card())
    assert told["Model performance: Metrics"] == "accuracy; balanced accuracy; top-5 accuracy"
    comments = told["Model performance: Comments"]
    for part in ("6 images of 4 patients", "accuracy 0.667 (95% CI", "balanced accuracy 0.722"):
        assert part in comments
    assert "top-5 accuracy 0.833" in comments and "gives 0.083" in comments


def test_card_of_few_classes_claims_no_top5():
    told = fields(card(classes=5))
    assert told["Model performance: Metrics"] == "accuracy; balanced accuracy"
    assert "top-5" not in told["Model performance: Comments"]


def test_card_is_reproducible_from_profile_seed_run_settings_versions_and_digests():
    told = fields(card())
    text = told["Model properties: Reproducibility"]
    for part in ("Profile tiny", "seed 7", "run radiologic-ResNet50", "learning rate 0.002"):
        assert part in text
    assert "keras 3.15.1" in text and "12 steps in float32 on 1 device." in text
    assert f"SHA-256 {'b' * 64}" in told["Model properties: Availability"]
    assert told["Descriptors: Version"] == "radiologic-ResNet50"


def test_card_of_a_training_that_was_killed_says_how_often_it_went_on():
    text = fields(card(resumed=2, devices=4))["Model properties: Reproducibility"]
    assert "on 4 devices, resumed 2 times" in text


def test_card_takes_its_dates_from_the_run_and_the_caller():
    told = fields(card())
    assert told["Descriptors: Date: Created"] == "2026-03-01"
    assert told["Descriptors: Date: Updated"] == "2026-04-02"


def test_card_of_a_stand_in_warns_in_name_keywords_limits_and_scores():
    told = fields(card(provenance="stand-in"))
    for name in ("Name", "Indexing: Keywords", "Model properties: Limitations"):
        assert "stand-in" in told[name], name
    assert "not a finding" in told["Model performance: Comments"]
    assert "layout is that of another corpus" in told["Imaging: Comments"]
    assert "show no person" in told["Descriptors: Ethical review"]
    assert told["Descriptors: License: Text"].startswith("MIT")


def test_card_of_real_images_gives_the_terms_of_the_corpus_and_no_warning():
    told = fields(card())
    assert load_manifest("corpus_radiologic").licence in told["Descriptors: License: Text"]
    assert "stand-in" not in " ".join(told.values())
    assert "names no patients" in told["Model properties: Limitations"]


def test_card_of_patients_does_not_say_that_they_are_unknown():
    known = facts()
    manifest = known.manifest.model_copy(update={"independence": "patient"})
    one = CardFacts(**(vars(known) | {"manifest": manifest}))
    told = fields(model_card.model_card(one, updated=DAY))
    assert "names no patients" not in told["Model properties: Limitations"]


def test_card_is_indexed_by_what_the_manifest_says_of_its_images():
    document = card().document()["Model"]
    assert document["Indexing"]["Content"] == ["CT", "MR", "CH", "GI", "NR", "BR", "GU", "MK", "IN"]
    assert document["Imaging"]["Modalities"] == [
        "Computed tomography (RID10321)",
        "Magnetic resonance imaging (RID10312)",
        "Projection radiography (RID10345)",
    ]


def test_card_of_photographs_names_no_modality():
    document = card("photographic").document()["Model"]
    assert "Modalities" not in document["Imaging"]
    assert document["Indexing"]["Content"] == ["IN"]


def test_card_cites_the_paper():
    (reference,) = card().document()["Model"]["Descriptors"]["References"]
    assert (reference["DOI"], reference["Date"]) == ("10.1148/ryai.210315", 2022)


@pytest.mark.parametrize("init", ["radiologic", "photographic"])
@pytest.mark.parametrize("provenance", ["real", "stand-in"])
@pytest.mark.parametrize("backbone", list(ALL_BACKBONES))
def test_document_of_every_card_is_valid_in_the_published_schema(init, backbone, provenance):
    path = os.environ.get("ATLAS_SCHEMA")
    if not path:
        pytest.skip("ATLAS_SCHEMA does not name a copy of the schema (github.com/RSNA/ATLAS)")
    schema = json.loads(Path(path).read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    document = card(init, backbone, provenance=provenance).document()
    assert [error.message for error in validator.iter_errors(document)] == []
    del document["Model"]["Link"]
    assert list(validator.iter_errors(document))


def test_card_when_written_is_read_back_whole_and_leaves_nothing_else(tmp_path):
    path = tmp_path / "cards" / "radiologic_ResNet50.json"
    model_card.write_card(card(), path)
    model_card.write_card(card(provenance="stand-in"), path)
    document = json.loads(path.read_text(encoding="utf-8"))
    assert ModelCard.model_validate(document) == card(provenance="stand-in")
    assert [one.name for one in path.parent.iterdir()] == [path.name]


def test_card_path_is_by_init_and_backbone(tmp_path):
    study = SimpleNamespace(results=tmp_path)
    expected = tmp_path / "cards" / "radiologic_ResNet50.json"
    assert model_card.card_path(study, facts()) == expected


def test_card_facts_put_each_run_beside_its_scores_files_and_corpus(monkeypatch):
    opened = {name: SimpleNamespace(manifest=load_manifest(name)) for name in
              ("corpus_radiologic", "corpus_photographic")}  # fmt: skip
    monkeypatch.setattr(facts_module, "find_corpus", lambda study, name: opened[name])
    study = SimpleNamespace(profile=SimpleNamespace(name="tiny", seed=7, pretraining=SETTINGS))
    rows = [run("radiologic"), run("photographic")]
    weights = pd.DataFrame(rows)
    own = [predictions(), predictions("aaabbc", init="photographic")]
    found = card_facts(
        study,
        weights,
        run_scores(weights, pd.concat(own)),
        pd.concat(map(files_of, rows), ignore_index=True),
    )
    assert [one.manifest.name for one in found] == ["corpus_radiologic", "corpus_photographic"]
    assert [round(one.score["top1"], 3) for one in found] == [0.667, 1.0]
    assert [set(one.files["init"]) for one in found] == [{"radiologic"}, {"photographic"}]
    assert found[0].packages["numpy"]
    assert len(model_card.model_card(found[1], updated=DAY).document()) == 2


def test_card_facts_without_pretraining_are_none():
    study = SimpleNamespace(profile=SimpleNamespace(name="paper", seed=7, pretraining=None))
    assert card_facts(study, pd.DataFrame(), pd.DataFrame(), pd.DataFrame()) == []


# The page


def test_shared_table_holds_what_all_cards_say_and_details_the_rest():
    cards = [card(backbone="ResNet50"), card(backbone="DenseNet121")]
    shared = model_card_page.shared_table(cards)
    assert "Model properties: Limitations" in shared.index
    assert not {"Name", "Model properties: Architecture", "Descriptors: Version"} & set(
        shared.index
    )
    html = model_card_page.card_details("ResNet50", cards[0], shared).data
    listed = html.partition("<pre")[0]
    assert "<dt" in listed and "conv5_block3_out" in listed
    assert "Model properties: Limitations" not in listed
    assert "&quot;Model properties&quot;" in html  # the whole card, as JSON


def test_card_details_escape_what_comes_from_files():
    known = facts()
    manifest = known.manifest.model_copy(update={"title": "<script>alert()</script>"})
    one = CardFacts(**(vars(known) | {"manifest": manifest}))
    made = model_card.model_card(one, updated=DAY)
    html = model_card_page.card_details("A & B", made, model_card_page.shared_table([])).data
    assert "<script>" not in html and "&lt;script&gt;" in html
    assert "A &amp; B" in html


@pytest.mark.parametrize(
    ("count", "stand_ins", "said"),
    [(0, 0, "no card to write"), (8, 0, "Cards: 8"), (8, 4, "Of these, 4 describe")],
)
def test_cards_reading_counts_cards_and_stand_ins(count, stand_ins, said):
    text = model_card_page.cards_reading(count, stand_ins).data
    assert said in text
    assert ("stand-in" in text) == bool(stand_ins)

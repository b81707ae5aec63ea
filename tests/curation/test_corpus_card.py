"""The card of a curated corpus: its counts, its claims, and what it keeps to itself."""

import json

import pandas as pd
import pytest
from small_corpus import selected_images, selection, write_pictures

from rin.curation.corpus_card import corpus_card
from rin.curation.corpus_files import arrange, content_digest, rare_classes
from rin.curation.reasons import excluded_table


@pytest.fixture
def images(tmp_path):
    return arrange(write_pictures(tmp_path / "pictures", selected_images()), seed=0)


@pytest.fixture
def excluded():
    risks = pd.Series(["BurnedInAnnotation is YES", "BurnedInAnnotation is YES", "its border"])
    return excluded_table({"localizer": 5, "no key image": 2}, risks, rare_images=4)


def card_of(images, excluded, provenance="stand-in"):
    return corpus_card(
        images,
        excluded,
        selection(),
        provenance=provenance,
        archive={"patients": 9, "studies": 12, "series": 30, "instances": 99, "reports": 12},
        rare=["usabd-liver", "hip-normal"],
        seed=7,
        digest="d" * 64,
    )


def test_totals_and_parts_add_up(images, excluded):
    card = card_of(images, excluded)
    assert card["totals"] == {"images": 9, "patients": 6, "studies": 8, "classes": 3}
    assert sum(part["images"] for part in card["parts"].values()) == 9
    assert sum(part["patients"] for part in card["parts"].values()) == 6
    for part, counts in card["parts"].items():
        assert counts["images"] == (images["part"] == part).sum()


def test_classes_modalities_and_regions_are_counted(images, excluded):
    card = card_of(images, excluded)
    nodule = next(one for one in card["classes"] if one["label"] == "lung-Nodule")
    parts = {name: nodule.pop(name) for name in ("train", "validation", "test")}
    assert sum(parts.values()) == 4
    assert nodule == {
        "label": "lung-Nodule",
        "modality": "CT",
        "region": "lung",
        "name": "Nodule",
        "images": 4,
        "patients": 3,
        "studies": 3,
        "regions of interest": 1,
    }
    assert [(one["modality"], one["images"], one["classes"]) for one in card["modalities"]] == [
        ("CT", 7, 2),
        ("US", 2, 1),
    ]
    assert [one["region"] for one in card["regions"]] == ["lung", "usabd"]


def test_card_tells_how_images_were_chosen_and_left_out(images, excluded):
    card = card_of(images, excluded)
    normal = card["selection"]["normal studies"]
    assert normal["flagged"] == 2
    assert normal["screened"] == {"normal": 1, "unclear": 1}
    assert normal["confirmed by"] == {"rules": 3}
    assert card["selection"]["key images"] == 6
    assert card["selection"]["images of normal studies"] == 3
    assert [(one["rule"], one["images"]) for one in card["excluded"]] == [
        ("localizer", 5),
        ("rare class", 4),
        ("burned-in text", 2),
        ("no key image", 2),
        ("burned-in text", 1),
    ]
    assert card["split"]["classes left out"] == ["hip-normal", "usabd-liver"]
    assert "DCM 113100" in card["de-identification"]["profile"]


@pytest.mark.parametrize(
    ("provenance", "words"), [("stand-in", "generated"), ("real", "Images of patients")]
)
def test_card_says_whose_images_they_are(images, excluded, provenance, words):
    card = card_of(images, excluded, provenance)
    assert card["provenance"] == provenance
    assert words in card["notice"]
    assert card["must not be used for"]


def test_card_is_plain_equal_for_equal_corpora_and_without_identifiers(images, excluded):
    first, again = (json.dumps(card_of(images, excluded)) for _ in range(2))
    assert first == again
    assert "SECRET" not in first
    assert "1.2.840.1" not in first


def test_content_digest_changes_with_pictures_tables_and_parts(images):
    digests = {
        content_digest(changed)
        for changed in (
            images,
            images.assign(png_sha256="0" * 64),
            images.assign(part="train"),
            images.assign(roi=""),
        )
    }
    assert len(digests) == 4
    assert content_digest(images.copy()) in digests


def test_rare_classes_are_those_of_fewer_than_three_patients(images):
    assert rare_classes(images).to_dict() == {"usabd-gb": 2}

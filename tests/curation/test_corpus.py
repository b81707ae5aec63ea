"""The corpus on disk: its card, its Croissant metadata, and what it keeps to itself."""

import csv
import json

import pandas as pd
import pytest
from small_corpus import selected_images, selection, write_pictures

from rin.curation.build import excluded_table
from rin.curation.corpus import (
    arrange,
    check_croissant,
    content_digest,
    corpus_card,
    croissant_records,
    write_corpus,
)
from rin.errors import InputError

PARTS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    return tmp_path_factory.mktemp("exported") / "pictures"


@pytest.fixture(scope="module")
def images(pictures):
    return arrange(write_pictures(pictures, selected_images()), seed=0)


@pytest.fixture(scope="module")
def corpus(images, pictures, excluded, tmp_path_factory):
    output = tmp_path_factory.mktemp("out")
    write_corpus(output, pictures, images, card_of(images, excluded), output / "corpus")
    return output / "corpus"


@pytest.fixture(scope="module")
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
    )


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


def test_croissant_is_valid_for_the_reference_implementation(corpus):
    warnings = check_croissant(corpus / "croissant.json")
    assert len(warnings) == 1
    assert "datePublished" in warnings[0]


def test_croissant_says_that_it_is_a_stand_in_and_whom_to_cite(corpus):
    told = json.loads((corpus / "croissant.json").read_text())
    assert "stand-in" in told["description"]
    assert "10.1148/ryai.210315" in told["citeAs"]
    assert told["license"]
    assert "9 images of 6 patients in 3 classes" in told["description"]


def test_records_read_through_croissant_are_the_rows_of_the_tables(corpus):
    rows = set()
    for part in PARTS:
        with (corpus / f"RadiologyAI_{part}.csv").open(newline="") as file:
            rows |= {(row["filename"], row["label"], part) for row in csv.DictReader(file)}
    records = croissant_records(corpus, 100)
    assert {(one["filename"], one["label"], one["split"]) for one in records} == rows
    assert len(records) == 9
    assert len(croissant_records(corpus, 2)) == 2


def test_patients_read_through_croissant_are_those_of_the_side_table(corpus, images):
    records = {one["filename"]: one for one in croissant_records(corpus, 100, "patients")}
    for image in images.itertuples():
        record = records[image.filename]
        assert (record["patient_id"], record["study_id"]) == (image.patient_id, image.study_id)
        assert record["roi"] == image.roi


@pytest.mark.parametrize(
    "harm",
    [
        lambda told: told["distribution"][0].pop("encodingFormat"),
        lambda told: told["distribution"][0].pop("sha256"),
        lambda told: told["recordSet"][1]["field"][0]["source"].update(fileSet={"@id": "absent"}),
    ],
    ids=["no format", "no digest", "unknown source"],
)
def test_croissant_that_is_not_valid_is_refused(corpus, tmp_path, harm):
    told = json.loads((corpus / "croissant.json").read_text())
    harm(told)
    (tmp_path / "croissant.json").write_text(json.dumps(told))
    with pytest.raises(InputError, match="no valid Croissant metadata") as caught:
        check_croissant(tmp_path / "croissant.json")
    assert caught.value.where == str(tmp_path / "croissant.json")

"""The corpus on disk: its card, its Croissant metadata, and what it keeps to itself."""

import hashlib

import mlcroissant
import pandas as pd
import pytest
from PIL import Image

from rin.curation.build import EXCLUDED, excluded_rows, one_each, reasons
from rin.curation.corpus import (
    arrange,
    content_digest,
    corpus_card,
    write_corpus,
)
from rin.errors import InputError

#: Nine images of six patients.
ROWS = [
    # uid, modality, region, name, patient, study, roi, kind
    ("2.25.1", "CT", "lung", "Nodule", "PA", "S1", "polygon:1,1 3,1 3,3", "key"),
    ("2.25.2", "CT", "lung", "Nodule", "PA", "S1", "", "key"),
    ("2.25.3", "CT", "lung", "Nodule", "PB", "S2", "", "key"),
    ("2.25.4", "CT", "lung", "Nodule", "PC", "S3", "", "key"),
    ("2.25.5", "CT", "lung", "normal", "PD", "S4", "", "normal"),
    ("2.25.6", "CT", "lung", "normal", "PE", "S5", "", "normal"),
    ("2.25.7", "CT", "lung", "normal", "PF", "S6", "", "normal"),
    ("2.25.8", "US", "usabd", "gb", "PA", "S7", "", "key"),
    ("2.25.9", "US", "usabd", "gb", "PF", "S8", "", "key"),
]
COLUMNS = ["uid", "modality", "region", "name", "patient_id", "study_id", "roi", "kind"]


def selected_images():
    """The images before they are numbered and divided."""
    images = pd.DataFrame(ROWS, columns=COLUMNS)
    images["label"] = images["region"] + "-" + images["name"]
    images["burned_in_risk"] = ""
    images["width"], images["height"] = 4, 3
    return images


def write_pictures(folder, images):
    """Write a picture per image; return the images with size and digest of each."""
    folder.mkdir(parents=True)
    contents = []
    for number, uid in enumerate(images["uid"]):
        Image.new("L", (4, 3), number).save(folder / f"{uid}.png")
        contents.append((folder / f"{uid}.png").read_bytes())
    return images.assign(
        png_bytes=[len(one) for one in contents],
        png_sha256=[hashlib.sha256(one).hexdigest() for one in contents],
    )


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
    risks = ["BurnedInAnnotation is YES", "BurnedInAnnotation is YES", "its border"]
    left_out = ["localizer"] * 5 + ["no key image"] * 2 + ["rare class"] * 4
    return excluded_rows(pd.Series(left_out), pd.Series(risks))


def card_of(images, excluded):
    return corpus_card(
        images,
        excluded=excluded,
        normal={"flagged": 2},
        several_findings=2,
        provenance="stand-in",
        archive={"patients": 9, "studies": 12, "series": 30, "instances": 99, "reports": 12},
        rare=["hip-normal", "usabd-liver"],
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
    assert card["selection"]["normal studies"]["flagged"] == 2
    assert card["selection"]["key images"] == 6
    assert card["selection"]["images of normal studies"] == 3
    assert all(list(row) == EXCLUDED for row in excluded)
    assert [(row["rule"], row["images"]) for row in card["excluded"]] == [
        ("localizer", 5),
        ("rare class", 4),
        ("burned-in text", 2),
        ("no key image", 2),
        ("burned-in text", 1),
    ]
    assert card["split"]["classes left out"] == ["hip-normal", "usabd-liver"]
    assert "DCM 113100" in card["de-identification"]["profile"]


def test_corpus_without_an_image_is_refused_with_what_it_needs(images):
    with pytest.raises(InputError, match=r"no image is left for a corpus.*3 patients each"):
        arrange(images.iloc[:0], seed=0)


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
    metadata = mlcroissant.Dataset(jsonld=str(corpus / "croissant.json")).metadata
    (warning,) = metadata.ctx.issues.warnings
    assert "datePublished" in warning


def test_corpus_whose_croissant_is_not_valid_is_not_shared(
    images, pictures, excluded, tmp_path, monkeypatch
):
    monkeypatch.setattr("rin.curation.corpus.croissant_text", lambda *_: '{"@type": "none"}')
    with pytest.raises(InputError, match=r"croissant\.json: it is no valid Croissant metadata"):
        write_corpus(tmp_path, pictures, images, card_of(images, excluded), tmp_path / "corpus")
    assert not (tmp_path / "corpus").exists()


def test_tables_read_through_croissant_are_those_of_the_corpus(corpus, images):
    read = mlcroissant.Dataset(jsonld=str(corpus / "croissant.json"))
    for name, columns in (
        ("images", ["filename", "label", "part"]),
        ("patients", ["filename", "patient_id", "study_id", "roi"]),
    ):
        rows = [[(cell or b"").decode() for cell in row.values()] for row in read.records(name)]
        known = images[columns].replace("validation", "val").to_numpy().tolist()
        assert sorted(rows) == sorted(known)


def test_image_of_two_findings_is_kept_under_the_rarer():
    rows = [("1", "common", "a"), ("1", "rare", "b"), ("2", "common", "a"), ("3", "common", "a")]
    kept = one_each(pd.DataFrame(rows, columns=["sop_uid", "label", "document"]))
    assert kept["sop_uid"].tolist() == ["1", "2", "3"]
    assert kept["label"].tolist() == ["rare", "common", "common"]


def test_every_image_that_is_not_taken_has_one_reason_and_rules_come_first():
    left = pd.DataFrame(
        [("marked", "localizer"), ("marked", ""), ("normal", ""), ("other", ""), ("x", "document")],
        columns=["study_uid", "rule"],
    )
    assert reasons(left, pd.Series(["marked"]), pd.Series(["normal"])).tolist() == [
        "localizer", "no key image", "normal study without a class",
        "study neither normal nor marked", "document",
    ]  # fmt: skip

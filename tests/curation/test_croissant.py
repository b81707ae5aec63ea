"""Croissant metadata: valid for the reference implementation, and readable through it."""

import csv
import hashlib
import json
import subprocess
import sys

import pytest
from small_corpus import selected_images, selection, write_pictures

from rin.curation import corpus_files
from rin.curation.corpus_card import corpus_card
from rin.curation.croissant import check_croissant, croissant_records, croissant_text
from rin.curation.reasons import excluded_table
from rin.errors import InputError

PARTS = {"train": "train", "val": "validation", "test": "test"}


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    pictures = tmp_path_factory.mktemp("exported") / "pictures"
    made = write_pictures(pictures, selected_images())
    return pictures, corpus_files.arrange(made, seed=0)


@pytest.fixture(scope="module")
def corpus(images, tmp_path_factory):
    pictures, table = images
    card = corpus_card(
        table,
        excluded_table({}, table["roi"].iloc[:0], rare_images=0),
        selection(),
        provenance="stand-in",
        archive={},
        rare=[],
        seed=0,
        digest=corpus_files.content_digest(table),
    )
    texts = corpus_files.tables(table)
    folder = corpus_files.write_folder(tmp_path_factory.mktemp("out"), pictures, table, texts)
    (folder / "croissant.json").write_text(croissant_text(card, texts), "utf-8")
    return folder


def test_croissant_is_valid_for_the_reference_implementation(corpus):
    warnings = check_croissant(corpus / "croissant.json")
    assert len(warnings) == 1
    assert "datePublished" in warnings[0]


def test_croissant_names_every_table_with_its_digest_and_the_pictures(corpus):
    told = json.loads((corpus / "croissant.json").read_text())
    assert told["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    tables = {one["name"]: one for one in told["distribution"] if one["@type"] == "cr:FileObject"}
    assert sorted(tables) == sorted(path.name for path in corpus.glob("*.csv"))
    for name, one in tables.items():
        assert one["sha256"] == hashlib.sha256((corpus / name).read_bytes()).hexdigest()
        assert one["contentUrl"] == name
    (pictures,) = [one for one in told["distribution"] if one["@id"] == "pictures"]
    assert len(list(corpus.glob(pictures["includes"]))) == 9


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
    for image in images[1].itertuples():
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


def test_curation_is_imported_without_the_croissant_library():
    program = "import sys, rin.curation.build; print('mlcroissant' in sys.modules)"
    made = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert made.stdout.strip() == "False"

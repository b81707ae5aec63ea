from types import SimpleNamespace

import fake_corpus
import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from rin.curation.corpus_files import CROISSANT, tables
from rin.curation.croissant import croissant_text
from rin.curation.deidentify import Pseudonyms, deidentify, write_dicom
from rin.errors import InputError
from rin.report import curation_examples as examples

KEY = b"0123456789abcdef"
UID = "1.2.3.4.5"


def header():
    made = Dataset()
    made.PatientName, made.PatientID, made.StudyDate = "Mockridge^Norma", "4711", "20140302"
    made.AccessionNumber, made.Modality, made.PatientSex = "A17", "CT", "F"
    item = Dataset()
    item.ReferencedSOPInstanceUID = "1.2.3.9"
    made.ReferencedImageSequence = Sequence([item])
    made.add_new(0x00091001, "LO", "Norma's scanner")
    return made


def test_header_table_shows_what_became_of_each_attribute():
    after = Dataset()
    after.PatientName = after.PatientID = "PABC"
    after.AccessionNumber, after.Modality, after.StudyDate = "", "CT", "20101224"
    after.PatientIdentityRemoved = "YES"
    table = examples.header_table(header(), after)
    assert table.loc["PatientName"].tolist() == ["Mockridge^Norma", "PABC"]
    assert table.loc["AccessionNumber"].tolist() == ["A17", "empty"]
    assert table.loc["PatientSex"].tolist() == ["F", "removed"]
    assert table.loc["PatientIdentityRemoved"].tolist() == ["–", "YES"]
    assert table.iloc[-1].tolist() == ["Norma's scanner", "removed"]
    assert "PatientBirthDate" not in table.index


def test_long_values_keep_both_ends():
    before = Dataset()
    before.StudyDescription = "x" * 50 + "the end."
    shown = examples.header_table(before, before).loc["StudyDescription", "Exported"]
    assert len(shown) == 34
    assert shown.endswith("…the end.")


def test_changes_are_counted_in_nested_items_too():
    after = Dataset()
    after.PatientName, after.PatientID, after.StudyDate = "PABC", "PABC", "20140302"
    after.AccessionNumber, after.Modality = "", "CT"
    item = Dataset()
    item.ReferencedSOPInstanceUID = "2.25.7"
    after.ReferencedImageSequence = Sequence([item])
    after.PatientIdentityRemoved = "YES"
    found = examples.header_changes(header(), after)
    # Removed: sex and the private one; emptied: accession; kept: date and modality.
    assert found == {"removed": 2, "emptied": 1, "changed": 3, "kept": 2, "added": 1}
    text = examples.header_reading(header(), after).data
    assert "Of 8 attributes" in text
    assert "2 are removed, 1 emptied, 3 changed and 2 kept; 1 are added" in text


@pytest.fixture
def archive(tmp_path, monkeypatch):
    """An archive with one image that was exported and, before it, one that was not."""
    image = header()
    image.SOPClassUID, image.SOPInstanceUID = CTImageStorage, UID
    image.StudyInstanceUID = image.SeriesInstanceUID = "1.2.3.8"
    image.ensure_file_meta()
    image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    write_dicom(image, tmp_path / "archive" / "b.dcm")
    pseudonyms = Pseudonyms(KEY)
    exported = tmp_path / "output" / "deidentified" / f"{pseudonyms.uid(UID)}.dcm"
    write_dicom(deidentify(image, pseudonyms), exported)
    rows = pd.DataFrame({"sop_uid": ["1.2.3.7", UID], "path": ["a.dcm", "b.dcm"]})
    monkeypatch.setattr(examples, "read_table", lambda archive, statement: rows)
    return SimpleNamespace(provenance="stand-in", root=tmp_path / "archive")


def corpus_in(folder, **changes):
    root = folder / "output" / "shared"
    return fake_corpus.corpus(root=root, folder=root / "corpus", **changes)


def test_the_pair_is_the_same_image_in_the_archive_and_as_exported(archive, tmp_path):
    before, after = examples.exported_pair(archive, corpus_in(tmp_path), KEY)
    assert before.SOPInstanceUID == UID
    assert after.SOPInstanceUID == Pseudonyms(KEY).uid(UID)
    assert "4711" not in str(after)


def test_another_key_finds_no_exported_image(archive, tmp_path):
    with pytest.raises(InputError, match="no image of the archive is among the exported"):
        examples.exported_pair(archive, corpus_in(tmp_path), b"another secret key")


def test_headers_of_a_real_archive_are_refused(archive, tmp_path):
    archive.provenance = "real"
    with pytest.raises(InputError, match="headers of a real archive are not shown"):
        examples.exported_pair(archive, corpus_in(tmp_path), KEY)


def test_impressions_of_a_real_archive_are_refused():
    with pytest.raises(InputError, match="impressions of a real archive are not shown"):
        examples.impression_table(fake_corpus.corpus(provenance="real"))


def test_impressions_come_by_verdict_and_with_different_reasons_first():
    table = examples.impression_table(fake_corpus.corpus(), each=2)
    verdicts = ["normal", "normal", "unclear", "not normal", "not normal"]
    assert table["Verdict"].tolist() == verdicts
    assert table["Reasons"].tolist() == ["–", "–", "hedging", "negation", "second finding"]
    assert "Abnormal." not in table["Impression"].tolist()


def test_long_impressions_are_cut():
    screened = fake_corpus.corpus().screened.assign(impression="normal " * 200)
    table = examples.impression_table(fake_corpus.corpus(screened=screened))
    assert table["Impression"].str.len().max() <= 240


@pytest.fixture
def pictures(tmp_path):
    """The corpus of the fixtures with a picture a file; grey level is the row."""
    corpus = corpus_in(tmp_path)
    for row in corpus.images.itertuples():
        path = corpus.folder / row.filename
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((9, 10), row.Index, dtype=np.uint8)).save(path)
    return corpus


def test_a_key_image_of_each_region_is_drawn_outlined_first(pictures):
    for seed in range(5):
        (one,) = examples.example_pictures(pictures, seed)
        assert (one.place, one.label) == ("CT, chest", "Nodule")
        assert one.picture[0, 0] in (0, 2)  # the second key image has no outline
        assert one.region.shape == one.picture.shape == (9, 10)
        assert one.region.sum() == 25


def test_images_with_a_burned_in_risk_are_not_drawn(pictures):
    pictures.images["burned_in_risk"] = "its border shows what looks like text"
    assert examples.example_pictures(pictures, 1) == []


def test_card_rows_are_the_leaves_of_the_card():
    card = {"name": "x", "split": {"train": 3, "test": None}, "files": ["a", "b"], "none": []}
    corpus = fake_corpus.corpus(card=card | {"classes": [{"label": "y"}, {"label": "z"}]})
    assert examples.card_rows(corpus).to_numpy().tolist() == [
        ["name", "x"],
        ["split, train", "3"],
        ["split, test", "–"],
        ["files", "a, b"],
        ["none", "–"],
        ["classes", "2 entries"],
    ]


CARD = {
    "title": "A corpus",
    "provenance": "stand-in",
    "notice": "Generated.",
    "licence": "https://spdx.org/licenses/MIT.html",
    "cite": "Nobody",
    "digest": "0123456789abcdef",
    "totals": {"images": 7, "patients": 4, "classes": 3},
    "parts": {"train": {"images": 5}, "validation": {"images": 1}, "test": {"images": 1}},
}


@pytest.fixture
def described(pictures):
    """The corpus with its tables and their Croissant metadata."""
    texts = tables(pictures.images)
    for name, text in texts.items():
        (pictures.folder / name).write_text(text, encoding="utf-8")
    (pictures.folder / CROISSANT).write_text(croissant_text(CARD, texts), encoding="utf-8")
    return pictures


def test_metadata_are_validated_and_summed_up(described):
    found = examples.croissant_rows(described).set_index("Field")["Value"]
    assert found["Name"] == "radimagenet_curated"
    assert "croissant" in found["Format"]
    assert "images (3 fields)" in found["Record sets"]
    assert "no error" in found["Validated with"]
    assert "RadiologyAI_train.csv" in found["Files described"]


def test_metadata_that_are_not_valid_are_an_error(described):
    (described.folder / CROISSANT).write_text('{"@type": "sc:Dataset"}', encoding="utf-8")
    with pytest.raises(InputError, match="no valid Croissant"):
        examples.croissant_rows(described)


def test_records_are_read_through_the_metadata(described):
    table = examples.record_table(described, count=2)
    assert len(table) == 2
    assert set(table.columns) == {"filename", "label", "split"}
    assert set(table["filename"]) <= set(described.images["filename"])

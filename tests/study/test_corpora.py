"""Which corpus is read, real images before stand-ins, and which images it shares with tasks."""

import shutil
from dataclasses import replace

import pytest
from small_pictures import draw
from tiny_study import tiny_profile

from rin.data.layouts.table import RADIMAGENET_TABLES
from rin.data.manifest import load_manifest
from rin.errors import InputError
from rin.study import open_workspace
from rin.study.corpora import COPY_BITS, corpus_overlap, curation_plan, open_corpus
from rin.study.workspace import CURATED, missing_inputs, real_archive, usable_corpora

NAMES = [CURATED, "corpus_radiologic"]


@pytest.fixture
def own(tmp_path):
    """A study whose data root holds nothing yet."""
    profile = tiny_profile({"curation": {"archive": "export", "studies": 96, "size": 64}})
    (tmp_path / "images").mkdir()
    return open_workspace(profile, data_root=tmp_path / "images", results=tmp_path / "results")


def test_choice_is_the_first_real_corpus_and_else_the_first_as_a_stand_in(own):
    assert real_archive(own) is None
    assert usable_corpora(own, NAMES) == NAMES
    assert usable_corpora(own, ["corpus_radiologic"]) == ["corpus_radiologic"]
    for name in "ab":
        draw(own.data_root / "pretrain_radiologic" / name / "0.png", 0)
    assert usable_corpora(own, NAMES) == ["corpus_radiologic"]
    (own.data_root / "export").mkdir()
    assert usable_corpora(own, NAMES) == NAMES
    assert usable_corpora(own, NAMES[::-1]) == NAMES[::-1]
    assert real_archive(own) == own.data_root / "export"


def test_corpus_curated_elsewhere_is_read_where_there_is_no_archive(own):
    folder = own.data_root / "radimagenet_curated"
    patients = ["filename,patient_id"]
    for part, table in RADIMAGENET_TABLES.items():
        name = f"radiology_ai/{part}.png"
        draw(folder / name, 0)
        (folder / table).write_text(f"filename,label\n{name},lung-{part}\n")
        patients.append(f"{name},patient {part}")
    (folder / "patients.csv").write_text("\n".join(patients))
    assert open_corpus(own, [CURATED]).root == own.data_root
    (own.data_root / "export").mkdir()
    with pytest.raises(InputError, match="export: this folder contains no DICOM file"):
        open_corpus(own, [CURATED])


def test_curation_that_cannot_be_is_one_clear_error(own, tmp_path):
    with pytest.raises(InputError, match="no section curation"):
        curation_plan(open_workspace(tiny_profile(), results=tmp_path))
    (own.data_root / "export").mkdir()
    settings = own.profile.curation.model_copy(update={"reviewed": "reviewed.csv"})
    profile = own.profile.model_copy(update={"curation": settings})
    with pytest.raises(InputError, match=r"reviewed\.csv"):
        curation_plan(replace(own, profile=profile))


def test_corpora_copied_into_a_profile_that_makes_none_of_them_are_one_clear_error(tmp_path):
    copied = {"pretraining.corpora": {"radiologic": NAMES}, "stand_ins": {}}
    curates = open_workspace(tiny_profile(copied | {"curation": {}}), results=tmp_path)
    assert usable_corpora(curates, NAMES) == [CURATED]
    assert [what for what in missing_inputs(curates) if "corpus" in what] == []
    makes = open_workspace(tiny_profile(copied | {"stand_ins": {"corpus_radiologic": {}}}))
    assert usable_corpora(makes, NAMES) == ["corpus_radiologic"]
    neither = open_workspace(tiny_profile(copied), results=tmp_path)
    assert [what for what in missing_inputs(neither) if "corpus" in what] == [
        "corpus of radiologic: curated_archive or corpus_radiologic"
    ]
    with pytest.raises(InputError, match=r"corpus_radiologic were not found.*has no stand-in"):
        open_corpus(neither, ["corpus_radiologic"])


def test_overlap_of_stand_ins_finds_no_image_but_all_copies(study):
    (row,) = corpus_overlap(study).to_dict("records")
    assert row["nearest"] > COPY_BITS
    expected = {"task": "breast", "dataset": "busi", "corpus": "corpus_radiologic", "images": 60,
                "equal": 0, "near": 0, "copies": 60, "copies_found": 60}  # fmt: skip
    assert row | expected == row


def test_overlap_with_a_test_image_in_a_corpus_says_so(study, tmp_path):
    busi, corpus = study.dataset(load_manifest("busi")), open_corpus(study, ["corpus_radiologic"])
    for made in (busi, corpus):
        shutil.copytree(made.root, tmp_path / "stand_ins" / made.root.name)
    place = tmp_path / "stand_ins" / corpus.root.name / corpus.cases["image"][0]
    shutil.copy(busi.root / busi.cases["image"][3], place.with_name("planted.png"))
    (row,) = corpus_overlap(open_workspace(tiny_profile(), results=tmp_path)).to_dict("records")
    assert (row["equal"], row["near"], row["nearest"]) == (1, 1, 0)

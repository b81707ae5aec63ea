"""Which corpus is read, real images before stand-ins, and which images it shares with tasks."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tiny_study import tiny_profile

from rin.errors import InputError
from rin.study import corpora, open_reference, open_study
from rin.study.corpora import (
    COPY_BITS,
    corpus_overlap,
    curation_plan,
    find_corpus,
    open_corpus,
)
from rin.study.setting import CURATED, missing_inputs, real_archive, usable_corpora

NAMES = [CURATED, "corpus_radiologic"]


@pytest.fixture
def own(tmp_path):
    """A study whose data root holds nothing yet."""
    profile = tiny_profile({"curation": {"archive": "export", "studies": 96, "size": 64}})
    (tmp_path / "images").mkdir()
    return open_study(profile, data_root=tmp_path / "images", results=tmp_path / "results")


def write_corpus(root):
    for name in ("a", "b"):
        folder = root / "pretrain_radiologic" / name
        folder.mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(folder / "0.png")


def test_choice_is_the_first_real_corpus_and_else_the_first_as_a_stand_in(own):
    assert real_archive(own) is None
    assert usable_corpora(own, NAMES) == NAMES
    assert usable_corpora(own, ["corpus_radiologic"]) == ["corpus_radiologic"]
    write_corpus(own.data_root)
    assert usable_corpora(own, NAMES) == ["corpus_radiologic"]
    (own.data_root / "export").mkdir()
    assert usable_corpora(own, NAMES) == NAMES
    assert usable_corpora(own, NAMES[::-1]) == NAMES[::-1]
    assert real_archive(own) == own.data_root / "export"


def test_corpus_curated_elsewhere_is_read_where_there_is_no_archive(own, monkeypatch):
    (own.data_root / "radimagenet_curated").mkdir()
    monkeypatch.setattr(type(own), "dataset", lambda _, name, *more: name)
    monkeypatch.setattr(corpora, "curated_corpus", lambda _: pytest.fail("curates"))
    assert find_corpus(own, CURATED) == CURATED
    (own.data_root / "export").mkdir()
    with pytest.raises(pytest.fail.Exception, match="curates"):
        find_corpus(own, CURATED)


def test_curation_that_cannot_be_is_one_clear_error(own, tmp_path):
    with pytest.raises(InputError, match="no section curation"):
        curation_plan(open_study(tiny_profile(), results=tmp_path))
    (own.data_root / "export").mkdir()
    settings = own.profile.curation.model_copy(update={"reviewed": "reviewed.csv"})
    profile = own.profile.model_copy(update={"curation": settings})
    with pytest.raises(InputError, match=r"reviewed\.csv"):
        curation_plan(replace(own, profile=profile))


def test_corpus_is_drawn_down_to_the_number_that_is_asked_for(tmp_path):
    larger = {"stand_ins.corpus_radiologic": {"class_count": 3, "per_class": 24}}
    study = open_study(tiny_profile(larger), results=tmp_path)
    whole, drawn = (open_corpus(study, "corpus_radiologic", cases) for cases in (None, 30))
    assert len(drawn.cases) < len(whole.cases) == 72


def test_corpora_copied_into_a_profile_that_makes_none_of_them_are_one_clear_error(tmp_path):
    copied = {"pretraining.corpora": {"radiologic": NAMES}, "stand_ins": {}}
    curates = open_study(tiny_profile(copied | {"curation": {}}), results=tmp_path)
    assert usable_corpora(curates, NAMES) == [CURATED]
    assert [what for what in missing_inputs(curates) if "corpus" in what] == []
    makes = open_study(tiny_profile(copied | {"stand_ins": {"corpus_radiologic": {}}}))
    assert usable_corpora(makes, NAMES) == ["corpus_radiologic"]
    neither = open_study(tiny_profile(copied), results=tmp_path)
    assert [what for what in missing_inputs(neither) if "corpus" in what] == [
        "corpus of radiologic: curated_archive or corpus_radiologic"
    ]
    with pytest.raises(InputError, match=r"corpus_radiologic are not at hand.*sizes no stand-in"):
        open_corpus(neither, "corpus_radiologic", None)


def test_overlap_of_stand_ins_finds_no_image_but_all_copies(study):
    (row,) = corpus_overlap(study, copies=5).to_dict("records")
    assert (row["task"], row["dataset"], row["corpus"]) == ("breast", "busi", "corpus_radiologic")
    assert (row["images"], row["corpus_images"]) == (60, 36)
    assert (row["modality"], row["in_corpus"]) == ("US", True)
    assert (row["equal"], row["near"]) == (0, 0)
    assert row["nearest"] > COPY_BITS >= row["farthest_copy"]
    assert (row["copies"], row["copies_found"]) == (5, 5)


def test_overlap_with_a_test_image_in_the_corpus_counts_it(study, monkeypatch):
    planted = study.dataset("busi").cases.iloc[[3]]

    def with_copy(study, names):
        corpus = find_corpus(study, names)
        return replace(corpus, cases=pd.concat([corpus.cases, planted], ignore_index=True))

    monkeypatch.setattr(corpora, "find_corpus", with_copy)
    (row,) = corpus_overlap(study, copies=5).to_dict("records")
    assert (row["equal"], row["near"], row["nearest"]) == (1, 1, 0)


@pytest.mark.parametrize(("modality", "held"), [("CT, MR", False), ("CT, US", True)])
def test_overlap_says_whether_the_corpus_has_images_of_the_modality(
    study, monkeypatch, modality, held
):
    corpus = find_corpus(study, "corpus_radiologic")
    other = replace(corpus, manifest=corpus.manifest.model_copy(update={"modality": modality}))
    monkeypatch.setattr(corpora, "find_corpus", lambda study, names: other)
    (row,) = corpus_overlap(study, copies=5).to_dict("records")
    assert (row["modality"], row["in_corpus"]) == ("US", held)


def test_kept_overlap_is_of_every_task_and_corpus_of_the_reference_run():
    reference = open_reference().reference
    kept = reference.tables["corpus_overlap"]
    assert len(kept) == kept["task"].nunique() * kept["corpus"].nunique()
    assert {*reference.tasks} <= {*kept["task"]}
    assert kept["farthest_copy"].max() < kept["nearest"].min()

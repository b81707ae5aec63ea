"""Overlap of corpora and tasks: a planted copy is found, and the kept table is whole."""

from dataclasses import replace

import pandas as pd
import pytest
from tiny_study import tiny_profile

from rin.errors import InputError
from rin.study import corpus_overlap as module
from rin.study import open_study
from rin.study.corpus_overlap import (
    COPY_BITS,
    corpus_overlap,
    read_corpus_overlap,
    write_corpus_overlap,
)
from rin.study.pretraining import find_corpus


def test_overlap_of_stand_ins_finds_no_image_but_all_copies(study):
    (row,) = corpus_overlap(study, copies=5).to_dict("records")
    assert (row["task"], row["dataset"], row["corpus"]) == ("breast", "busi", "corpus_radiologic")
    assert (row["images"], row["corpus_images"]) == (60, 36)
    assert (row["equal"], row["near"]) == (0, 0)
    assert row["nearest"] > COPY_BITS >= row["farthest_copy"]
    assert (row["copies"], row["copies_found"]) == (5, 5)


def test_overlap_with_a_test_image_in_the_corpus_counts_it(study, monkeypatch, tmp_path):
    planted = study.dataset("busi").cases.iloc[[3]]

    def with_copy(study, name):
        corpus = find_corpus(study, name)
        return replace(corpus, cases=pd.concat([corpus.cases, planted], ignore_index=True))

    monkeypatch.setattr(module, "find_corpus", with_copy)
    monkeypatch.setenv("RIN_REFERENCE_RUNS", str(tmp_path))
    (tmp_path / "open").mkdir()
    write_corpus_overlap(study, tmp_path / "open")
    (row,) = read_corpus_overlap("open").to_dict("records")
    assert (row["equal"], row["near"], row["nearest"]) == (1, 1, 0)


def test_overlap_without_pretraining_says_which_profile_has_it(tmp_path):
    profile = tiny_profile().model_copy(update={"pretraining": None})
    with pytest.raises(InputError, match="no section pretraining"):
        corpus_overlap(open_study(profile, results=tmp_path))


def test_kept_overlap_is_of_every_task_and_corpus_of_the_reference_run():
    kept = read_corpus_overlap("open")
    assert len(kept) == kept["task"].nunique() * kept["corpus"].nunique() == 8
    assert (kept["copies_found"] == kept["copies"]).all()
    with pytest.raises(InputError, match="no such file"):
        read_corpus_overlap("absent")

"""Which corpus is read: real images before stand-ins, in the order of the profile."""

import numpy as np
import pytest
from PIL import Image
from tiny_study import tiny_profile

from rin.errors import InputError
from rin.study import open_study
from rin.study.curation import CURATED, archive_truth, curation_plan, real_archive
from rin.study.pretraining import choose_corpus, find_corpus, is_real, open_corpus

NAMES = [CURATED, "corpus_radiologic"]


@pytest.fixture
def study(tmp_path):
    profile = tiny_profile({"curation": {"archive": "export", "studies": 96, "size": 64}})
    (tmp_path / "images").mkdir()
    return open_study(profile, data_root=tmp_path / "images", results=tmp_path / "results")


def write_corpus(root):
    for name in ("a", "b"):
        (root / "pretrain_radiologic" / name).mkdir(parents=True)
        Image.fromarray(np.zeros((8, 8), np.uint8)).save(
            root / "pretrain_radiologic" / name / "0.png"
        )


def test_choice_without_any_real_corpus_is_the_first_as_a_stand_in(study):
    assert choose_corpus(study, NAMES) == CURATED
    assert choose_corpus(study, "corpus_radiologic") == "corpus_radiologic"


def test_choice_takes_a_real_corpus_before_a_stand_in_that_is_named_first(study):
    write_corpus(study.data_root)
    assert choose_corpus(study, NAMES) == "corpus_radiologic"


def test_choice_among_real_corpora_follows_the_order(study):
    write_corpus(study.data_root)
    (study.data_root / "export").mkdir()
    assert choose_corpus(study, NAMES) == CURATED
    assert choose_corpus(study, NAMES[::-1]) == "corpus_radiologic"


def test_archive_is_real_only_where_the_data_root_holds_it(study, tmp_path):
    assert not is_real(study, CURATED)
    (study.data_root / "export").mkdir()
    assert is_real(study, CURATED)
    assert real_archive(study) == study.data_root / "export"
    assert archive_truth(study) is None


def test_corpus_curated_elsewhere_is_read_where_there_is_no_archive(study, monkeypatch):
    (study.data_root / "radimagenet_curated").mkdir()
    asked = []
    monkeypatch.setattr(type(study), "dataset", lambda _, name, *more: asked.append(name))
    monkeypatch.setattr("rin.study.pretraining.curated_dataset", lambda _: asked.append("curates"))
    find_corpus(study, CURATED)
    (study.data_root / "export").mkdir()
    find_corpus(study, CURATED)
    assert asked == [CURATED, "curates"]


def test_profile_without_curation_raises(tmp_path):
    study = open_study(tiny_profile(), results=tmp_path)
    with pytest.raises(InputError, match="no section curation"):
        curation_plan(study)


def test_named_file_that_the_archive_lacks_raises(study):

    (study.data_root / "export").mkdir()
    settings = study.profile.curation.model_copy(update={"reviewed": "reviewed.csv"})
    profile = study.profile.model_copy(update={"curation": settings})
    again = open_study(profile, data_root=study.data_root, results=study.results.parent)
    with pytest.raises(InputError, match=r"reviewed\.csv"):
        curation_plan(again)


def test_corpus_is_drawn_down_to_the_profiles_number(tmp_path):
    profile = tiny_profile({"pretraining.cases": 30, "stand_ins.corpus_radiologic":
                            {"class_count": 3, "per_class": 24}})  # fmt: skip
    drawn = open_corpus(open_study(profile, results=tmp_path), "corpus_radiologic")
    assert len(drawn.cases) < 72


def test_corpora_copied_into_a_profile_that_makes_none_of_them_are_one_clear_error(tmp_path):
    copied = {"pretraining.corpora": {"radiologic": NAMES}, "stand_ins": {}}
    study = open_study(tiny_profile(copied | {"curation": {}}), results=tmp_path)
    assert choose_corpus(study, NAMES) == CURATED
    study = open_study(tiny_profile(copied | {"stand_ins": {"corpus_radiologic": {}}}))
    assert choose_corpus(study, NAMES) == "corpus_radiologic"
    study = open_study(tiny_profile(copied), results=tmp_path)
    with pytest.raises(InputError, match=r"corpus_radiologic are not at hand.*sizes no stand-in"):
        open_corpus(study, "corpus_radiologic")

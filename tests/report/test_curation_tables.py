import fake_corpus
import pandas as pd
import pytest

from rin.errors import InputError
from rin.paper import DATABASE
from rin.report import curation_tables as tables


@pytest.fixture
def corpus():
    return fake_corpus.corpus()


def test_steps_count_what_is_left_after_each(corpus):
    steps = tables.curation_steps(corpus).set_index("step")
    assert steps["count"].to_dict() == {
        "studies in the archive": 9,
        "flagged by the query": 6,
        "pass the rules": 2,
        "confirmed": 2,
        "with images in the corpus": 2,
        "studies with key images": 2,
        "key images": 3,
        "with an outline": 2,
        "files in the archive": 40,
        "diagnostic, by rules": 28,
        "key or of normal studies": 13,
        "without burned-in text": 9,
        "in the corpus": 7,
        "of these, of normal studies": 4,
    }
    assert steps.loc["confirmed", "published"] == DATABASE["normal_studies"].value
    assert steps["published"].notna().sum() == 3


def test_steps_table_names_a_block_once_and_dashes_what_the_paper_leaves_out(corpus):
    table = tables.steps_table(tables.curation_steps(corpus))
    assert table["Of"].tolist().count("Normal studies") == 1
    assert table.set_index("Step").loc["confirmed", ["Here", "Paper"]].tolist() == ["2", "8,528"]
    assert table.set_index("Step").loc["pass the rules", "Paper"] == "–"


def test_steps_reading_says_who_confirmed():
    both = fake_corpus.corpus(confirmed_by={"radiologist": 5, "rules": 1})
    text = tables.steps_reading(both).data
    assert "the query flags 6 (67 %)" in text
    assert "6 are confirmed (5 by a radiologist and 1 by the rules alone)" in text
    assert "7 of 40 files (18 %)" in text


def test_steps_reading_of_an_archive_where_nothing_is_normal():
    none = fake_corpus.corpus(screened=fake_corpus.corpus().screened.iloc[:0], confirmed_by={})
    assert "the query flags 0 (0 %); 0 of these" in tables.steps_reading(none).data


def test_published_table_sets_the_paper_beside(corpus):
    table = tables.published_table(corpus)
    assert table.loc["Patients"].tolist() == ["131,872", "4"]
    assert table.loc["Images of normal studies"].tolist() == ["263,039", "4"]
    assert table.loc["Images a normal study"].tolist() == ["30.8", "2.0"]
    assert table.loc["Labels"].tolist() == ["165", "3"]


def test_published_table_without_normal_studies_has_a_dash(corpus):
    keys = corpus.images[corpus.images["kind"] == "key"]
    table = tables.published_table(fake_corpus.corpus(images=keys))
    assert table.loc["Images a normal study", "Here"] == "–"


def test_excluded_table_has_the_most_frequent_rule_first(corpus):
    table = tables.excluded_table(corpus)
    assert table["Rule"].tolist()[:2] == ["no key image", "localizer"]
    assert table["Files"].tolist()[:2] == ["12", "10"]


def test_files_left_out_and_images_of_the_corpus_are_all_files(corpus):
    counts = tables.left_out_counts(corpus)
    assert counts == {"rules": 12, "not wanted": 15, "burned in": 4, "rare": 2}
    assert sum(counts.values()) + len(corpus.images) == corpus.counts["instances"]


def test_an_unknown_reason_is_an_error(corpus):
    strange = corpus.excluded.assign(rule=["because", *corpus.excluded["rule"][1:]])
    with pytest.raises(InputError, match="because"):
        tables.left_out_counts(fake_corpus.corpus(excluded=strange))


def test_excluded_reading_tells_every_step(corpus):
    text = tables.excluded_reading(corpus).data
    assert "Of 40 files, 12 (30 %) are no diagnostic images, most often as localizer (10)" in text
    assert "Another 15 are not wanted" in text
    assert "4 are left out because text may be burned in, 2 because their class" in text


def test_excluded_reading_of_nothing_left_out(corpus):
    nothing = fake_corpus.corpus(excluded=corpus.excluded.iloc[:0])
    assert "0 (0 %) are no diagnostic images. " in tables.excluded_reading(nothing).data


def test_modality_table_is_text():
    counts = pd.DataFrame({"modality": ["CT", "KO"], "patients": [3, 1200], "studies": [4, 5]})
    table = tables.modality_table(counts)
    assert table.loc["KO"].tolist() == ["1,200", "5"]
    assert table.columns.tolist() == ["Patients", "Studies"]

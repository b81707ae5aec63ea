"""Results: a folder of one's own or one that came with the book, read alike."""

import pytest

from rin.errors import InputError
from rin.models.backbones import BACKBONES
from rin.study import open_reference, open_results
from rin.study.reference import join_results
from rin.study.results import write_facts, write_results


@pytest.fixture(scope="module")
def demo():
    return open_reference("open")


def test_reference_run_has_tasks_in_the_order_of_the_paper_and_their_facts(demo):
    assert demo.tasks == ("thyroid", "breast", "covid19", "pneumonia", "hemorrhage", "busbra")
    assert [*demo.titles] == [*demo.predictions()["task"].unique()] == [*demo.tasks]
    assert demo.facts.task("breast").kind == "real"
    assert demo.facts.task("pneumonia").kind == "substitute"
    assert [site.name for site in demo.facts.task("breast").external] == ["busbra"]
    assert demo.stand_ins() == ()
    assert demo.table("probe") is demo.tables["probe"]
    assert demo.table("absent", task="breast").empty


def test_records_are_one_row_a_run_and_localisation_comes_with_baselines(demo):
    records = demo.records("breast")
    of_network = records.groupby(["pretraining", "backbone"]).size()
    assert (of_network == 2 * 6).all()
    assert len(of_network.unstack().columns) == 8
    assert records["seconds"].gt(0).all()
    assert demo.overlap("breast")["dice"].between(0, 1).all()
    assert set(demo.baselines("breast")["case_id"]) == set(demo.overlap("breast")["case_id"])
    # That of the first pretraining, not of the fourth, which DenseNet121 alone has.
    assert set(demo.overlap("breast")["backbone"]) == set(BACKBONES)


@pytest.mark.parametrize("names", [("main", "meniscus"), ("mian", "breast"), ("mian", None)])
def test_what_is_not_there_is_one_clear_error(demo, names):
    with pytest.raises(
        InputError, match=f"no results of {names[1] or 'any task'} in .*{names[0]}"
    ):
        demo.predictions(*names)


def test_results_outlive_the_rules_for_new_profiles(tmp_path):
    runs = open_reference("fine_tuned_224")
    write_results(runs, tmp_path)
    profile = runs.facts.profile.model_copy(update={"backbones": ["AlexNet"]})
    facts = open_results(tmp_path).facts.model_copy(update={"profile": profile})
    write_facts(facts, tmp_path)
    assert open_results(tmp_path).facts.profile == profile
    with pytest.raises(InputError, match=r"run.json of fine_tuned_224.*AlexNet"):
        join_results(tmp_path, tmp_path)


def test_predictions_say_which_seed_a_pretraining_had(demo):
    scores, networks = demo.predictions(task="breast"), demo.table("pretraining")
    names = ["init", "backbone", "pretraining"]
    expected = networks.set_index(names)["seed"].to_dict()
    found = scores.drop_duplicates(names).set_index(names)["pretraining_seed"]
    assert found.to_dict() == {pair: expected[pair] for pair in found.index}
    assert "pretraining_seed" not in demo.overlap("breast")
